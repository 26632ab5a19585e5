"""File after file of tests compiles thousands of programs in one process: each file starts without the others'."""

import sys

import pytest


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Drop compiled programs where the next test stands in another file."""
    if "jax" in sys.modules and (nextitem is None or nextitem.path != item.path):
        from symplast.lab.jax_setup import drop_programs

        drop_programs()
