"""What a verdict is given: the estimate of a quantity. Apart from the evidence, so that reading it needs no NumPy."""

from typing import Any

import msgspec

LEVEL = 0.95


class Measurement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The estimate of one quantity: a number or a (nested) list of numbers, with interval where there is one.

    Attributes:
        value: the estimate.
        low, high: ends of the interval, shaped like ``value``; None for exact quantities.
        n: number of independent samples, None where it has no meaning.
        level: confidence level of the interval.
        unit: of value, low and high.
    """

    value: Any
    low: Any = None
    high: Any = None
    n: int | None = None
    level: float = LEVEL
    unit: str = ""

    @property
    def exact(self) -> bool:
        """Whether it has no sampling error."""
        return self.low is None and self.n is None
