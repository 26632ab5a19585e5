import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.meta_analysis import effectsize_smd

from symplast.stats import cliffs_delta, cohens_d, hedges_g
from symplast.stats.effect_size import _noncentral_t_cdf

rng = np.random.default_rng(7)
X, Y = rng.normal(1, 1.5, 14), rng.normal(0, 1, 9)


def covers(p_value):
    """The seeded coverage is not surprisingly far from the level."""
    return p_value > 0.001


def test_d_is_the_t_statistic_in_other_units():
    t = scipy_stats.ttest_ind(X, Y).statistic
    assert cohens_d(X, Y).value == pytest.approx(t * np.sqrt(1 / 14 + 1 / 9))
    t = scipy_stats.ttest_rel(X[:9], Y).statistic
    assert cohens_d(X[:9], Y, paired=True).value == pytest.approx(t / 3)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_limits_invert_the_noncentral_t(paired, level):
    x, y = (X[:9], Y) if paired else (X, Y)
    df, scale = (8, 3.0) if paired else (21, 1 / np.sqrt(1 / 14 + 1 / 9))
    estimate = cohens_d(x, y, paired=paired, level=level)
    tails = scipy_stats.nct.cdf(estimate.value * scale, df, np.array(estimate.interval) * scale)
    np.testing.assert_allclose(tails, [0.5 + level / 2, 0.5 - level / 2], rtol=1e-8)


def test_zero_lies_at_the_limit_when_the_t_test_is_just_significant():
    shift = scipy_stats.t.ppf(0.975, 21) * np.sqrt(1 / 14 + 1 / 9)
    x, y = X - X.mean(), Y - Y.mean()
    pooled = np.sqrt((13 * x.var(ddof=1) + 8 * y.var(ddof=1)) / 21)
    assert cohens_d(x + shift * pooled, y).low == pytest.approx(0, abs=1e-9)


def test_hedges_g_removes_the_bias():
    d, g = cohens_d(X, Y), hedges_g(X, Y)
    approximate, _ = effectsize_smd(X.mean(), X.std(ddof=1), 14, Y.mean(), Y.std(ddof=1), 9)
    assert g.value == pytest.approx(approximate, rel=1e-3)  # statsmodels uses 1 - 3 / (4 N - 9)
    np.testing.assert_allclose(np.array(g.interval) / d.interval, g.value / d.value)
    samples = np.random.default_rng(8).normal(size=(200, 12)) + np.repeat([1.0, 0.0], [6, 6])
    mean_g = np.mean([hedges_g(s[:6], s[6:]).value for s in samples])
    one = samples[0, :6], samples[0, 6:]
    mean_d = mean_g * cohens_d(*one).value / hedges_g(*one).value  # the factor depends on the sizes only
    assert abs(mean_g - 1) < abs(mean_d - 1)


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=12), st.lists(st.integers(-5, 5), min_size=2, max_size=12))
def test_cliffs_delta_counts_pairs(x, y):
    signs = np.array([[np.sign(a - b) for b in y] for a in x], dtype=float)
    delta, n, m = signs.mean(), len(x), len(y)
    estimate = cliffs_delta(x, y)
    assert estimate.value == pytest.approx(delta, abs=1e-12)
    u = scipy_stats.mannwhitneyu(x, y, method="asymptotic").statistic if len({*x, *y}) > 1 else n * m / 2
    assert estimate.value == pytest.approx(2 * u / (n * m) - 1, abs=1e-12)
    assert -1 <= estimate.low <= estimate.high <= 1
    if abs(delta) < 1:
        rows, columns = signs.mean(axis=1) - delta, signs.mean(axis=0) - delta
        variance = m**2 * (rows**2).sum() + n**2 * (columns**2).sum() - ((signs - delta) ** 2).sum()
        variance = max(variance / (n * m * (n - 1) * (m - 1)), (1 - delta**2) / (n * m - 1))
        # Feng and Cliff's limits are the roots of (delta - v)^2 = z^2 s^2 ((1 - v^2) / (1 - delta^2))^2, to first order
        z = scipy_stats.norm.ppf(0.975)
        root = z * np.sqrt(variance) * np.sqrt((1 - delta**2) ** 2 + z**2 * variance)
        expected = (delta - delta**3 + np.array([-root, root])) / (1 - delta**2 + z**2 * variance)
        np.testing.assert_allclose(estimate.interval, expected, atol=1e-9)


def test_cliffs_delta_of_apart_samples():
    estimate = cliffs_delta(np.arange(10.0) + 100, np.arange(20.0))
    z = scipy_stats.norm.ppf(0.975)
    assert (estimate.value, estimate.high) == (1.0, 1.0)
    assert estimate.low == pytest.approx((10 - z**2) / (10 + z**2))
    mirrored = cliffs_delta(np.arange(20.0), np.arange(10.0) + 100)
    assert mirrored.interval == (-1.0, -estimate.low)


@pytest.mark.parametrize("effect", [cohens_d, hedges_g, cliffs_delta])
def test_swapping_the_samples_swaps_the_sign(effect):
    one, other = effect(X, Y), effect(Y, X)
    np.testing.assert_allclose([other.value, other.low, other.high], [-one.value, -one.high, -one.low], rtol=1e-8)


@pytest.mark.parametrize("df", [1, 2, 7, 100, 10**5])
def test_own_cdf_for_large_effects_agrees_with_scipy_where_scipy_is_finite(df):
    t = 10 * np.sqrt(df)
    for noncentrality in t * np.array([0.5, 0.9, 1.0, 1.2]):
        expected = scipy_stats.nct.cdf(t, df, noncentrality)
        assert _noncentral_t_cdf(t, df, noncentrality) == pytest.approx(expected, abs=2e-6)
        assert _noncentral_t_cdf(-t, df, -noncentrality) == pytest.approx(1 - expected, abs=2e-6)


@pytest.mark.parametrize("distance", [1e2, 1e5, 1e9])
def test_huge_effects_have_limits(distance):
    x, y = np.array([0.0, 0.1, 0.2, 0.15]), np.array([0.0, 0.1, -0.1, 0.05])
    estimate = cohens_d(x + distance, y)
    # When the normal part no longer matters, d / delta is sqrt(df / chi2_df).
    expected = estimate.value * np.sqrt(scipy_stats.chi2.ppf([0.025, 0.975], 6) / 6)
    np.testing.assert_allclose(estimate.interval, expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("delta", [0.0, 0.8, 3.0])
def test_cohens_d_covers(delta):
    samples = np.random.default_rng(9).normal(size=(2000, 20)) + np.repeat([delta, 0.0], [8, 12])
    estimates = [cohens_d(s[:8], s[8:]) for s in samples]
    covered = sum(e.low <= delta <= e.high for e in estimates)
    assert covers(scipy_stats.binomtest(covered, 2000, 0.95).pvalue)


@pytest.mark.parametrize("shift", [0.0, 0.8, 1.5])
def test_cliffs_delta_covers_nearly(shift):
    delta = 2 * scipy_stats.norm.cdf(shift / np.sqrt(2)) - 1
    samples = np.random.default_rng(10).normal(size=(2000, 40)) + np.repeat([shift, 0.0], [20, 20])
    estimates = [cliffs_delta(s[:20], s[20:]) for s in samples]
    assert 0.935 <= np.mean([e.low <= delta <= e.high for e in estimates]) <= 0.97


@pytest.mark.parametrize("effect", [cohens_d, hedges_g, cliffs_delta])
@pytest.mark.parametrize(("x", "rule"), [([1.0], "at least 2"), ([1.0, float("nan")], "finite")])
def test_wrong_samples(effect, x, rule):
    with pytest.raises(ValueError, match=rule):
        effect(x, [1.0, 2.0])


@pytest.mark.parametrize("effect", [cohens_d, hedges_g])
def test_no_spread_no_standardised_effect(effect):
    with pytest.raises(ValueError, match="must vary"):
        effect([1.0, 1.0], [2.0, 2.0])
    with pytest.raises(ValueError, match="differences x - y must vary"):
        effect([1.0, 2.0, 3.0], [0.0, 1.0, 2.0], paired=True)
    with pytest.raises(ValueError, match="equal length"):
        effect([1.0, 2.0], [1.0, 2.0, 4.0], paired=True)


def test_hedges_g_needs_three_pairs():
    with pytest.raises(ValueError, match="at least 3 pairs"):
        hedges_g([1.0, 2.0], [2.0, 5.0], paired=True)


def test_all_labellings_of_a_tiny_sample_average_to_zero():
    values = np.array([0.3, 1.2, 2.2, 5.0])
    deltas = []
    for chosen in itertools.combinations(range(4), 2):
        mask = np.isin(np.arange(4), chosen)
        deltas.append(cliffs_delta(values[mask], values[~mask]).value)
    assert np.mean(deltas) == pytest.approx(0)
