import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from symplast.stats import fisher_z, fisher_z_test


@given(st.integers(4, 60), st.integers(0, 2**32 - 1), st.floats(0.5, 0.999))
def test_interval_equals_scipy(n, seed, level):
    x, y = np.random.default_rng(seed).normal(size=(2, n))
    result = scipy_stats.pearsonr(x, y)
    estimate = fisher_z(result.statistic, n, level)
    np.testing.assert_allclose(estimate.interval, result.confidence_interval(level), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("r", [-1.0, 1.0])
def test_perfect_correlation_has_zero_width(r):
    assert fisher_z(r, 10).interval == (r, r)


@given(st.floats(-0.99, 0.99), st.integers(4, 500))
def test_interval_is_odd_in_r(r, n):
    low, high = fisher_z(r, n).interval
    assert -1 <= low <= r <= high <= 1
    np.testing.assert_allclose(fisher_z(-r, n).interval, (-high, -low), rtol=0, atol=1e-12)


def test_test_of_equal_correlations_keeps_its_level():
    rng = np.random.default_rng(1)
    p_values = []
    for _ in range(1000):
        (x1, y1), (x2, y2) = rng.normal(size=(2, 2, 40))
        r1, r2 = (np.corrcoef(x, x + y)[0, 1] for x, y in ((x1, y1), (x2, y2)))
        p_values.append(fisher_z_test(r1, 40, r2, 40).p_value)
    assert scipy_stats.kstest(p_values, "uniform").pvalue > 0.01


@given(st.floats(-0.99, 0.99), st.floats(-0.99, 0.99), st.integers(4, 99), st.integers(4, 99))
def test_alternatives_fit_together(r1, r2, n1, n2):
    p = {a: fisher_z_test(r1, n1, r2, n2, alternative=a).p_value for a in ("two-sided", "less", "greater")}
    assert p["less"] + p["greater"] == pytest.approx(1)
    assert p["two-sided"] == pytest.approx(2 * min(p["less"], p["greater"]))
    assert fisher_z_test(r1, n1, r2, n2).n == n1 + n2


@pytest.mark.parametrize(
    ("r", "n", "rule"), [(1.01, 10, "correlation"), (float("nan"), 10, "correlation"), (0.5, 3, "n must")]
)
def test_wrong_input(r, n, rule):
    with pytest.raises(ValueError, match=rule):
        fisher_z(r, n)
    with pytest.raises(ValueError, match=r"r2|n2"):
        fisher_z_test(0.1, 10, r, n)


def test_perfect_correlations_cannot_be_tested():
    with pytest.raises(ValueError, match="r1 must lie strictly between"):
        fisher_z_test(1.0, 10, 0.5, 10)
