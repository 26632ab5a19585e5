import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from symplast.stats import mean_interval

numbers = st.lists(st.integers(-(10**9), 10**9).map(lambda i: i / 1000), min_size=2, max_size=30)


@given(numbers, st.floats(0.5, 0.999))
def test_equals_scipy(sample, level):
    estimate = mean_interval(sample, level=level)
    if len(set(sample)) == 1:
        assert estimate.interval == (sample[0], sample[0])
        return
    expected = scipy_stats.t.interval(level, len(sample) - 1, loc=np.mean(sample), scale=scipy_stats.sem(sample))
    np.testing.assert_allclose(estimate.interval, expected, rtol=1e-9, atol=1e-9)


def test_equal_values_give_zero_width_without_rounding():
    estimate = mean_interval([0.1] * 7)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (0.1, 0.1, 0.1, 7)


def test_covers_normal_means():
    samples = np.random.default_rng(0).normal(3, 2, (2000, 5))
    covered = sum(e.low <= 3 <= e.high for e in map(mean_interval, samples))
    assert scipy_stats.binomtest(covered, 2000, 0.95).pvalue > 0.01


@pytest.mark.parametrize(
    ("sample", "rule"),
    [
        ([1.0], "at least 2"),
        ([], "at least 2"),
        ([1.0, float("nan")], "finite"),
        ([1.0, float("inf")], "finite"),
        ([[1.0, 2.0]], "one-dimensional"),
        (["a", "b"], "real numbers"),
        ([1 + 2j, 3.0], "real numbers"),
    ],
)
def test_wrong_samples(sample, rule):
    with pytest.raises(ValueError, match=rule):
        mean_interval(np.array(sample))


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.5, float("nan")])
def test_wrong_level(level):
    with pytest.raises(ValueError, match="level must lie strictly between 0 and 1"):
        mean_interval([1.0, 2.0], level=level)
