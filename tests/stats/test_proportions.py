import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

from symplast.stats import clopper_pearson, proportion_interval, wilson

METHODS = {"clopper-pearson": (clopper_pearson, "exact", "beta"), "wilson": (wilson, "wilson", "wilson")}


@st.composite
def counts(draw):
    n = draw(st.integers(1, 10_000))
    return draw(st.integers(0, n)), n


@pytest.mark.parametrize("method", METHODS)
@given(counts(), st.floats(0.5, 0.9999))
def test_equals_scipy_and_statsmodels(method, kn, level):
    k, n = kn
    ours, scipy_name, statsmodels_name = METHODS[method]
    estimate = ours(k, n, level)
    assert (estimate.value, estimate.n, estimate.level, estimate.method) == (k / n, n, level, method)
    scipy_interval = scipy_stats.binomtest(k, n).proportion_ci(level, method=scipy_name)
    np.testing.assert_allclose(estimate.interval, scipy_interval, rtol=1e-9, atol=1e-12)
    statsmodels_interval = proportion_confint(k, n, alpha=1 - level, method=statsmodels_name)
    np.testing.assert_allclose(estimate.interval, statsmodels_interval, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@given(counts())
def test_mirrored_counts_give_mirrored_intervals(method, kn):
    k, n = kn
    ours = METHODS[method][0]
    low, high = ours(k, n).interval
    assert 0 <= low <= k / n <= high <= 1
    np.testing.assert_allclose(ours(n - k, n).interval, (1 - high, 1 - low), rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_arrays_equal_single_counts(method):
    k, n = np.arange(13).reshape(1, 13), np.array([[12], [40]])
    low, high = proportion_interval(k, n, level=0.9, method=method)
    single = np.array([[METHODS[method][0](int(i), int(j[0]), 0.9).interval for i in k[0]] for j in n])
    np.testing.assert_array_equal(np.stack([low, high], axis=-1), single)


def coverage(method, n, p):
    low, high = proportion_interval(np.arange(n + 1), n, method=method)
    covers = (low <= p[:, None]) & (p[:, None] <= high)
    return (covers * scipy_stats.binom.pmf(np.arange(n + 1), n, p[:, None])).sum(axis=1)


@pytest.mark.parametrize("n", [1, 5, 30, 200])
def test_clopper_pearson_covers_at_least_its_level_everywhere(n):
    assert coverage("clopper-pearson", n, np.linspace(0, 1, 2001)).min() >= 0.95


@pytest.mark.parametrize("n", [30, 200])
def test_wilson_covers_its_level_on_average(n):
    assert abs(coverage("wilson", n, np.linspace(0.001, 0.999, 2001)).mean() - 0.95) < 0.005


@pytest.mark.parametrize(
    ("k", "n", "rule"),
    [
        (-1, 10, r"k must lie in \[0, n\]"),
        (11, 10, r"k must lie in \[0, n\]"),
        (0, 0, "n must be at least 1"),
        (np.array([2.5]), 10, "k must count trials"),
        (np.array([np.nan]), 10, "k must count trials"),
        (1, np.array(["ten"]), "n must count trials"),
    ],
)
def test_wrong_counts(k, n, rule):
    with pytest.raises(ValueError, match=rule):
        proportion_interval(k, n)


def test_wrong_level():
    with pytest.raises(ValueError, match="level"):
        wilson(1, 2, level=95)
