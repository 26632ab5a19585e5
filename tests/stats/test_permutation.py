import itertools

import numpy as np
import pytest
from scipy import stats as scipy_stats

from symplast.stats import permutation_test

rng = np.random.default_rng(5)
X, Y = rng.normal(1, 1, 6), rng.normal(0, 1, 5)


def test_exact_independent_test_counts_all_labellings():
    pooled = np.concatenate([X, Y])
    null = []
    for chosen in itertools.combinations(range(11), 6):
        mask = np.isin(np.arange(11), chosen)
        null.append(pooled[mask].mean() - pooled[~mask].mean())
    observed = X.mean() - Y.mean()
    greater = np.mean(np.array(null) >= observed - 1e-12)
    result = permutation_test(X, Y, alternative="greater")
    assert result.p_value == pytest.approx(greater)
    assert result.statistic == observed
    assert result.method == "exact permutation test"
    assert result.n == 11


def test_exact_paired_test_flips_all_signs():
    x, y = X, X - np.array([0.3, 0.1, -0.2, 0.4, 0.5, 0.2])
    differences = x - y
    null = [np.mean(differences * signs) for signs in itertools.product([-1, 1], repeat=6)]
    expected = np.mean(np.abs(null) >= abs(differences.mean()) - 1e-12)
    result = permutation_test(x, y, paired=True)
    assert result.p_value == pytest.approx(expected)
    assert result.n == 6


def test_own_statistic_with_and_without_axis_agree():
    def medians(x, y, axis=-1):
        return np.median(x, axis=axis) - np.median(y, axis=axis)

    vectorised = permutation_test(X, Y, medians)
    single = permutation_test(X, Y, lambda x, y: float(np.median(x) - np.median(y)))
    assert vectorised == single


def test_random_labellings_are_reproducible_and_never_give_zero():
    x, y = np.arange(40.0) + 100, np.arange(40.0)
    first, again = (permutation_test(x, y, resamples=199, seed=3) for _ in range(2))
    assert first == again
    assert first.p_value == pytest.approx(2 / 200)
    assert first.method == "permutation test, 199 random labellings"
    assert permutation_test(x, y + 95, resamples=199, seed=3) != permutation_test(x, y + 95, resamples=199, seed=4)


@pytest.mark.parametrize("paired", [False, True])
def test_level_is_kept(paired):
    samples = np.random.default_rng(2).exponential(size=(300, 2, 12))
    p_values = [permutation_test(x, y, paired=paired, resamples=499).p_value for x, y in samples]
    assert scipy_stats.binomtest(sum(p <= 0.05 for p in p_values), 300, 0.05, alternative="greater").pvalue > 0.01


def test_equal_samples_give_p_of_one():
    assert permutation_test([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]).p_value == 1.0


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: permutation_test([1.0], [1.0, 2.0]), "x must hold at least 2"),
        (lambda: permutation_test([1.0, 2.0], [1.0, float("nan")]), "y must be finite"),
        (lambda: permutation_test([1.0, 2.0], [1.0, 2.0, 3.0], paired=True), "equal length"),
        (lambda: permutation_test([1.0, 2.0], [1.0, 2.0], lambda x, y: float("nan")), "statistic must be finite"),
        (lambda: permutation_test([1.0, 2.0], [1.0, 2.0], resamples=0), "resamples must"),
    ],
)
def test_wrong_input(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
