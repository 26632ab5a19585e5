import dataclasses
import subprocess
import sys

import pytest

from symplast.stats import Estimate


def test_interval_and_text():
    estimate = Estimate(value=1.0, low=0.5, high=2.0, level=0.9, n=7, method="wilson")
    assert estimate.interval == (0.5, 2.0)
    assert str(estimate) == "1 [0.5, 2]"


def test_value_may_lie_outside_its_interval():
    assert Estimate(3.0, 1.0, 2.0, 0.95, 5, "basic bootstrap").value == 3.0


@pytest.mark.parametrize(
    ("value", "low", "high"), [(1.0, 2.0, 0.5), (float("nan"), 0.0, 1.0), (1.0, float("nan"), 2.0)]
)
def test_nonsense_is_refused(value, low, high):
    with pytest.raises(ValueError, match="low <= high"):
        Estimate(value, low, high, 0.95, 5, "wilson")


def test_frozen():
    estimate = Estimate(1.0, 0.5, 2.0, 0.95, 7, "wilson")
    with pytest.raises(dataclasses.FrozenInstanceError):
        estimate.value = 2.0


def test_the_room_is_free_of_jax():
    code = "import symplast.stats, sys; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
