"""Scaling laws against the exact probabilities that they approximate."""

import numpy as np
import pytest

from symplast.dendrites import DendriticSegment, fixed_activity_limit, log_power_law, synapse_rate


def test_power_law_becomes_exact_for_many_cells():
    n = 10 ** np.arange(5, 10)
    ratio = DendriticSegment(n, 128, 24, 12).log_fp() - log_power_law(n, 128, 24, 12)
    assert (np.diff(np.abs(ratio)) < 0).all()
    assert abs(ratio[-1]) < 1e-4


def test_doubling_the_cells_divides_by_two_to_the_theta():
    fall = np.diff(DendriticSegment(2000 * 2 ** np.arange(8), 128, 24, 12).log_fp()) / np.log(2)
    assert fall[[0, 2, 4, 6]] == pytest.approx([-11.536, -11.889, -11.972, -11.993], abs=6e-4)


def test_fixed_activity_is_approached_from_below():
    n = np.array([1000, 2000, 4000, 16_000, 64_000])
    fp = DendriticSegment(n, n // 50, 24, 12).fp()
    assert fp == pytest.approx([1.5926e-16, 1.5602e-15, 3.9085e-15, 7.2784e-15, 8.4376e-15], rel=5e-5)
    limit = fixed_activity_limit(24, 12, 0.02)
    assert (np.diff(fp) > 0).all()
    assert fp[-1] < limit
    assert limit == pytest.approx(8.8581e-15, rel=1e-5)
    assert fixed_activity_limit(24, 0, 0.02) == 1
    assert fixed_activity_limit(24, 25, 0.02) == 0


def test_rate_per_synapse():
    rates = [synapse_rate(q) for q in (512 / 16_000, 0.016, 32 / 4000)]
    assert rates == pytest.approx([1.0441, 1.3825, 1.7250], abs=5e-5)
    assert synapse_rate(0.5) == pytest.approx(0)
    s = np.array([400, 402])
    fall = -np.diff(np.log(fixed_activity_limit(s, s // 2, 0.016)))[0] / 2
    assert fall == pytest.approx(synapse_rate(0.016), rel=2e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: log_power_law(1000, 10, 20, 11), "theta must be at most a and s"),
        (lambda: log_power_law(1000, 10, 20, 0), "theta must be a whole number of at least 1"),
        (lambda: fixed_activity_limit(24, 12, 1.0), "activity must be a probability strictly between 0 and 1"),
        (lambda: synapse_rate(0.0), "activity must be a probability"),
        (lambda: synapse_rate(float("nan")), "activity must be a probability"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
