"""Importing a room loads what its functions need only when they are called."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.stats

from symplast import on_use
from symplast.lab import rooms

HEAVY = (
    "scipy.stats",
    "scipy.optimize",
    "scipy.integrate",
    "pandas",
    "xarray",
    "matplotlib",
    "duckdb",
    "sklearn",
    "numba",
)


def test_importing_all_rooms_loads_none_of_the_heavy_libraries() -> None:
    script = (
        f"import sys, importlib\nfor name in {sorted(rooms())!r}: importlib.import_module(f'symplast.{{name}}')\n"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_name_stands_for_that_of_scipy() -> None:
    values = np.array([3.0, 1.0, 2.0])
    assert list(on_use.rankdata(values)) == [3.0, 1.0, 2.0]
    assert on_use.norm.ppf(0.975) == scipy.stats.norm.ppf(0.975)
    assert on_use.brentq(lambda x: x - 2.0, 0.0, 3.0) == pytest.approx(2.0)
    assert on_use.pandas.DataFrame({"x": [1]}).shape == (1, 1)


def test_what_does_not_exist_is_said_with_the_module() -> None:
    with pytest.raises(AttributeError, match="no_such_test"):
        on_use.no_such_test([1.0])
    package = on_use.loaded_on_use("symplast.scaling", {"audit_page": ("check_page",)})
    assert callable(package("check_page"))
    with pytest.raises(AttributeError, match=r"module 'symplast.scaling' has no attribute 'check_pages'"):
        package("check_pages")
