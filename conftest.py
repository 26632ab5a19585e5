"""File after file of tests compiles thousands of programs in one process, which may hold only so many mappings."""

import sys

import pytest


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Drop compiled programs between files, once they are many; until then files share them."""
    if "jax" in sys.modules and (nextitem is None or nextitem.path != item.path):
        from symplast.lab.jax_setup import drop_programs

        drop_programs(from_mappings=10_000)
