"""File after file of tests compiles thousands of programs in one process, which may hold only so many mappings.

Traces and programs fill its heap, so garbage is looked for less often than Python would: 1 % of the time, not 4 %.
"""

import gc
import sys

import pytest

gc.set_threshold(20_000, 50, 100)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Drop compiled programs between files, once they are many; until then files share them."""
    if "jax" in sys.modules and (nextitem is None or nextitem.path != item.path):
        from symplast.lab.jax_setup import drop_programs

        drop_programs(from_mappings=10_000)
