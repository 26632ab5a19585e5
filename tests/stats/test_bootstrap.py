import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from symplast.stats import bootstrap

METHODS = ["percentile", "basic", "bca"]
SCIPY = {"percentile": "percentile", "basic": "basic", "bca": "BCa"}
rng = np.random.default_rng(11)
X, Y = rng.exponential(size=25), rng.normal(size=18)


def difference(a, b, axis=-1):
    return np.mean(a, axis=axis) - np.mean(b, axis=axis)


def correlation(a, b, axis=-1):
    a, b = (s - s.mean(axis=axis, keepdims=True) for s in (a, b))
    return (a * b).sum(axis=axis) / np.sqrt((a**2).sum(axis=axis) * (b**2).sum(axis=axis))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("samples", "statistic", "paired"),
    [(X, np.mean, False), ((X, Y), difference, False), ((X[:18], Y), correlation, True)],
    ids=["one sample", "two samples", "paired"],
)
def test_equals_scipy(method, samples, statistic, paired):
    data = samples if isinstance(samples, tuple) else (samples,)
    expected = scipy_stats.bootstrap(
        data,
        statistic,
        paired=paired,
        n_resamples=2000,
        confidence_level=0.9,
        method=SCIPY[method],
        rng=np.random.default_rng(3),
    )
    estimate = bootstrap(samples, statistic, paired=paired, resamples=2000, level=0.9, method=method, seed=3)
    np.testing.assert_allclose(estimate.interval, expected.confidence_interval, rtol=1e-12)
    assert estimate.value == pytest.approx(float(statistic(*data)))
    assert estimate.method == f"{method} bootstrap"
    assert estimate.n == (18 if paired else sum(map(len, data)))


@pytest.mark.parametrize("method", METHODS)
def test_strata_are_samples_of_their_own(method):
    values, labels = np.concatenate([X, Y]), np.repeat(["a", "b"], [25, 18])
    shuffled = np.random.default_rng(1).permutation(43)
    estimate = bootstrap(values[shuffled], np.mean, strata=labels[shuffled], method=method, resamples=4000)
    sorted_strata = [np.sort(values[shuffled][labels[shuffled] == name]) for name in "ab"]
    expected = scipy_stats.bootstrap(
        sorted_strata,
        lambda a, b, axis: (a.sum(axis=axis) + b.sum(axis=axis)) / 43,
        method=SCIPY[method],
        n_resamples=4000,
        rng=np.random.default_rng(2),
    )
    spread = np.ptp(expected.confidence_interval)
    np.testing.assert_allclose(estimate.interval, expected.confidence_interval, atol=0.05 * spread)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("paired", [False, True])
def test_strata_keep_their_sizes(method, paired):
    membership = np.repeat([0.0, 1.0], [7, 13])
    if paired:
        estimate = bootstrap(
            (membership, membership), lambda a, b, axis=-1: (a * b).mean(axis=axis), strata=membership, paired=True
        )
    else:
        estimate = bootstrap(membership, np.mean, strata=membership, method=method)
    assert (estimate.value, estimate.low, estimate.high) == (0.65, 0.65, 0.65)
    assert bootstrap(membership, np.mean, method=method).low < 0.65


def test_strata_of_several_samples():
    labels = (np.repeat([0, 1], [10, 15]), np.repeat([0, 1], [9, 9]))
    x, y = labels[0] * 10.0 + X, labels[1] * 10.0 + Y
    stratified, plain = bootstrap((x, y), difference, strata=labels), bootstrap((x, y), difference)
    assert stratified.value == plain.value
    assert stratified.high - stratified.low < 0.5 * (plain.high - plain.low)


def test_paired_strata_keep_pairs_together():
    labels = np.repeat([0, 1], [9, 9])
    estimate = bootstrap((X[:18], X[:18] + 1), lambda a, b: float(np.mean(b - a)), strata=labels, paired=True)
    np.testing.assert_allclose([estimate.value, estimate.low, estimate.high], 1.0, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_statistic_without_axis_gives_the_same(method):
    vectorised = bootstrap((X, Y), difference, method=method, resamples=300)
    single = bootstrap((X, Y), lambda a, b: float(a.mean() - b.mean()), method=method, resamples=300)
    np.testing.assert_allclose(single.interval, vectorised.interval, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0.1, 0.0, -1e300])
def test_equal_observations_give_zero_width(method, value):
    estimate = bootstrap([value] * 7, np.median, method=method)
    assert (estimate.value, estimate.low, estimate.high) == (value, value, value)
    pairs = bootstrap(([value] * 5, [value] * 5), lambda a, b: float(a[0]), method=method, paired=True)
    assert pairs.interval == (value, value)


def test_statistic_that_never_changes_has_zero_width():
    assert bootstrap(X, lambda x: 2.0, method="bca", resamples=99).interval == (2.0, 2.0)


def test_undefined_bca_interval_says_what_to_do():
    sample = [0.0, 0.0, 1.0, 2.0, 3.0]  # leaving one observation out never changes the minimum
    with pytest.raises(ValueError, match="method='percentile'"):
        bootstrap(sample, np.min, method="bca")
    assert bootstrap(sample, np.min).interval == (0.0, 1.0)  # P(min >= 1) = 0.6^5 = 0.08, P(min >= 2) = 0.01


def test_seed_decides():
    first, again, other = (bootstrap(X, np.mean, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_batches_do_not_change_the_result_much():
    long = np.random.default_rng(0).normal(size=30_000)  # 9999 resamples do not fit into one batch
    estimate = bootstrap(long, np.mean, resamples=999)
    expected = scipy_stats.t.interval(0.95, 29_999, long.mean(), scipy_stats.sem(long))
    np.testing.assert_allclose(estimate.interval, expected, atol=0.1 * np.ptp(expected))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-100, 100, allow_subnormal=False), min_size=2, max_size=20),
    st.floats(-50, 50),
    st.sampled_from(METHODS),
)
def test_mean_moves_with_the_sample(sample, shift, method):
    here = bootstrap(sample, np.mean, method="percentile", resamples=199)
    there = bootstrap(np.array(sample) + shift, np.mean, method="percentile", resamples=199)
    np.testing.assert_allclose(np.array(here.interval) + shift, there.interval, rtol=0, atol=1e-9)
    assert min(sample) - 1e-9 <= here.low <= here.high <= max(sample) + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-100, 100, allow_subnormal=False), min_size=2, max_size=20))
def test_higher_level_wider_interval(sample):
    narrow, wide = (bootstrap(sample, np.mean, resamples=299, level=level) for level in (0.5, 0.95))
    rounding = 1e-15 * np.abs(sample).max()  # a percentile between two equal means is interpolated
    assert wide.low - rounding <= narrow.low <= narrow.high <= wide.high + rounding


def test_accepts_series_and_integers():
    series = pd.Series([1, 2, 3, 4], index=list("abcd"))
    assert bootstrap(series, np.mean).value == 2.5
    assert bootstrap([True, False, True, True], np.mean).value == 0.75


def mean_coverage(method, samples, mean):
    estimates = map(functools.partial(bootstrap, statistic=np.mean, method=method, resamples=999), samples)
    return np.mean([e.low <= mean <= e.high for e in estimates])


def test_covers_a_normal_mean():
    samples = np.random.default_rng(12).normal(size=(500, 30))
    assert 0.92 <= mean_coverage("percentile", samples, 0.0) <= 0.97


@pytest.mark.slow
def test_bca_covers_a_skewed_mean_better():
    samples = np.random.default_rng(13).lognormal(sigma=1, size=(4000, 30))
    mean = np.exp(0.5)
    bca, percentile, basic = (mean_coverage(method, samples, mean) for method in ("bca", "percentile", "basic"))
    assert basic < percentile < bca <= 0.95


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: bootstrap([1.0], np.mean), "samples must hold at least 2 observations, got 1"),
        (lambda: bootstrap(([1.0, 2.0], [1.0]), difference), r"samples\[1\] must hold at least 2"),
        (lambda: bootstrap([1.0, float("nan")], np.mean), "finite"),
        (lambda: bootstrap(np.ones((3, 4)), np.mean), "one-dimensional or a tuple"),
        (lambda: bootstrap(([1.0, 2.0], [1.0, 2.0, 3.0]), difference, paired=True), "equal length"),
        (lambda: bootstrap([1.0, 2.0], np.mean, strata=["a", "b"]), "at least 2 observations, these hold one: a, b"),
        (lambda: bootstrap([1.0, 2.0], np.mean, strata=["a"]), "one label per observation"),
        (lambda: bootstrap((X, Y), difference, strata=np.zeros(25)), "one label per observation"),
        (lambda: bootstrap([1.0, 2.0], np.mean, resamples=0), "resamples must be a whole number of at least 1"),
        (lambda: bootstrap([1.0, 2.0], np.mean, level=95), "level"),
        (lambda: bootstrap([1.0, 2.0], lambda x: float("nan")), "finite on the samples"),
        (
            lambda: bootstrap(
                ([1.0, 2.0, 3.0], [3.0, 1.0, 2.0]), lambda a, b: 1.0 if np.ptp(a) else np.inf, paired=True
            ),
            "finite on every resample",
        ),
    ],
)
def test_wrong_input(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
