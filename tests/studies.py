"""What tests of studies share: evidence that is measured when it is asked for, and parameters that take longer."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


class Measured(dict):
    """Evidence by experiment, measured by a function of its name when it is first asked for."""

    def __init__(self, measure: Callable[[str], Any]):
        super().__init__()
        self.measure = measure

    def __missing__(self, name: str) -> Any:
        self[name] = self.measure(name)
        return self[name]


def with_slow(names: Iterable[str], longer: Callable[[str], bool]) -> list[Any]:
    """Parameters of a test in order, those that take longer marked as slow."""
    return [pytest.param(name, marks=[pytest.mark.slow] if longer(name) else []) for name in sorted(names)]
