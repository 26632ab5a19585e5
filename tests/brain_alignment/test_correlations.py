"""Correlations over a dozen models: the spec's values, scipy as oracle, invariants."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from symplast import stats
from symplast.brain_alignment import (
    bootstrap_r,
    compare_dependent,
    leave_one_out,
    max_r_p,
    models_for_power,
    paper_d,
    partial_r,
    permutation_p,
    r_p_value,
)
from symplast.brain_alignment.correlations import pearson
from symplast.brain_alignment.pair_bootstrap import every_resample, resampled_r
from symplast.brain_alignment.synthetic import intervals_exclude_zero, with_correlation

x, y = np.arange(1.0, 9), np.array([2.0, 1, 4, 3, 7, 5, 8, 6])
A, B = [0.30, 0.34, 0.29, 0.35], [0.25, 0.31, 0.27, 0.22, 0.30, 0.26, 0.28, 0.24]


def test_reference_values_of_one_sample():
    assert pearson(x, y) == pytest.approx(0.8333333, abs=5e-8)
    assert r_p_value(pearson(x, y), 8) == pytest.approx(0.0101755, abs=5e-8)
    found = permutation_p(x, y)
    assert found.exact
    assert found.two_sided == pytest.approx(620 / 40320, abs=1e-12)
    assert found.greater == pytest.approx(0.0076885, abs=5e-8)
    expected = [0.800230, 0.800230, 0.841883, 0.841883, 0.880403, 0.841883, 0.800230, 0.872797]
    np.testing.assert_allclose(leave_one_out(x, y), expected, atol=5e-7)
    assert bootstrap_r(x, y).acceleration == pytest.approx(-0.0063920, abs=5e-8)


def test_reference_values_of_the_published_correlations():
    r = [-0.441, -0.380, -0.263, -0.111, -0.597, -0.255]
    np.testing.assert_allclose(r_p_value(r, 12), [0.15128, 0.22306, 0.40887, 0.73127, 0.04042, 0.42378], atol=5e-6)
    np.testing.assert_allclose(stats.fisher_z(-0.441, 12).interval, [-0.80992, 0.17794], atol=5e-6)
    np.testing.assert_allclose(stats.fisher_z(-0.597, 12).interval, [-0.87210, -0.03514], atol=5e-6)
    p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205]
    adjusted = [0.008, 0.032, 0.0672, 0.0672, 0.0672, 0.08, 0.0845714, 0.205]
    np.testing.assert_allclose(stats.benjamini_hochberg(p), adjusted, atol=5e-8)
    # 38.02 models come of quantiles rounded to 1.960 and 0.842; with the quantiles themselves 38.0122, so 39 either way
    assert ((1.960 + 0.842) / np.arctanh(0.441)) ** 2 + 3 == pytest.approx(38.02, abs=0.005)
    quantiles = scipy.stats.norm.ppf([0.975, 0.8])
    assert quantiles == pytest.approx([1.9599640, 0.8416212], abs=5e-8)
    assert models_for_power(-0.441) == pytest.approx((quantiles.sum() / np.arctanh(0.441)) ** 2 + 3, abs=1e-9)
    assert models_for_power(-0.441) == pytest.approx(38.0122, abs=5e-5)


@pytest.mark.parametrize(
    ("r12", "z", "p"),
    [(0.3, -1.04190, 0.29746), (0.5, -1.22585, 0.22026), (0.7, -1.57375, 0.11554), (0.9, -2.71082, 0.00671)],
)
def test_reference_values_of_dependent_correlations(r12, z, p):
    assert compare_dependent(-0.441, -0.049, r12, 12) == pytest.approx((z, p), abs=5e-6)


def test_reference_values_of_effect_sizes():
    assert paper_d(A, B) == pytest.approx(1.8021260, abs=5e-8)
    assert stats.cohens_d(A, B).value == pytest.approx(1.7929122, abs=5e-8)
    assert stats.hedges_g(A, B).value == pytest.approx(1.6544018, abs=5e-8)


def test_every_resample_is_the_multinomial():
    counts, weight = every_resample(4)
    assert counts.shape == (35, 4)
    assert (counts.sum(axis=1) == 4).all()
    np.testing.assert_allclose(weight, scipy.stats.multinomial(4, [0.25] * 4).pmf(counts))
    r = resampled_r(x[:4], y[:4], counts)
    for row, found in zip(counts[::7], r[::7], strict=True):
        own = np.repeat(np.arange(4), row)
        if len(np.unique(own)) > 1:
            assert found == pytest.approx(float(pearson(x[own], y[own])))


def test_exact_and_random_resamples_agree():
    exact, random = bootstrap_r(x, y), bootstrap_r(x, y, resamples=200_000)
    assert (exact.exact, random.exact) == (True, False)
    np.testing.assert_allclose(exact.percentile, random.percentile, atol=0.02)
    np.testing.assert_allclose(exact.bca, random.bca, atol=0.03)
    a = scipy.stats.bootstrap((x, y), pearson, paired=True, n_resamples=20_000, rng=0, axis=-1).confidence_interval
    np.testing.assert_allclose(exact.bca, a, atol=0.03)


@given(st.integers(0, 10_000), st.floats(0.1, 100), st.floats(-10, 10))
def test_intervals_do_not_depend_on_unit_or_offset(seed, scale, offset):
    a, b = np.random.default_rng(seed).normal(size=(2, 6))
    first, moved = bootstrap_r(a, b), bootstrap_r(scale * a + offset, b)
    np.testing.assert_allclose(first.percentile, moved.percentile, atol=1e-6)
    turned = bootstrap_r(-a, b)
    np.testing.assert_allclose(turned.r, -first.r, atol=1e-12)


def test_partial_correlation_is_that_of_residuals():
    a, b, c = np.random.default_rng(2).normal(size=(3, 20)) + np.linspace(0, 2, 20)
    left = [v - np.polyval(np.polyfit(c, v, 1), c) for v in (a, b)]
    assert partial_r(a, b, c) == pytest.approx(float(pearson(*left)))


def test_max_r_counts_the_whole_table():
    random = np.random.default_rng(3)
    X, Y = random.normal(size=(12, 3)), random.normal(size=(12, 4))
    p = max_r_p(X, Y, resamples=500)
    assert p.shape == (3, 4)
    assert (p >= r_p_value(np.array([[float(pearson(a, b)) for b in Y.T] for a in X.T]), 12) - 0.06).all()
    one = max_r_p(x[:, None], y[:, None], resamples=20_000)
    assert one[0, 0] == pytest.approx(620 / 40320, abs=0.004)


def test_a_sample_with_a_given_correlation():
    a, b = with_correlation(np.random.default_rng(0), -0.441)
    assert pearson(a, b) == pytest.approx(-0.441, abs=1e-12)


def test_intervals_of_many_samples_agree_with_one_by_one():
    random = np.random.default_rng(5)
    a, b = random.normal(size=(2, 40, 8))
    b += 0.8 * a
    many = intervals_exclude_zero(random, a, b, resamples=2000)
    one = [bootstrap_r(p, q) for p, q in zip(a, b, strict=True)]
    clear = np.array([min(abs(e) for e in own.bca) > 0.08 for own in one])
    np.testing.assert_array_equal(many.bca[clear], np.array([o.bca[0] > 0 or o.bca[1] < 0 for o in one])[clear])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: bootstrap_r([1, 2, 3], [1, 2, 3]), "at least 4"),
        (lambda: bootstrap_r(x, y[:5]), "equal length"),
        (lambda: models_for_power(0.0), "not 0"),
        (lambda: compare_dependent(0.1, 0.2, 1.0, 12), "r12 must lie strictly"),
        (lambda: paper_d([1, 1], [1, 1]), "must vary"),
        (lambda: every_resample(13), r"\[1, 12\]"),
        (lambda: r_p_value(1.1, 12), r"in \[-1, 1\]"),
    ],
)
def test_wrong_input(call, told):
    with pytest.raises(ValueError, match=told):
        call()
