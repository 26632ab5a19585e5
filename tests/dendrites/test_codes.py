"""Codes: independent patterns pass, correlated ones are named, the numbers are those of the definition."""

import warnings

import numpy as np
import pytest
from scipy.stats import hypergeom

from symplast.dendrites import CorrelatedPatterns, estimate_from_data


def random_patterns(P, n, a, seed):
    return np.random.default_rng(seed).random((P, n)).argsort(axis=1) < a


def test_definition_on_equal_sizes():
    X = random_patterns(60, 200, 30, 0)
    found = estimate_from_data(X)
    overlap = np.array([(X[i] & X[j]).sum() for i in range(60) for j in range(i)])
    law = hypergeom(200, 30, 30)
    assert found.pairs == 1770 == found.counts.sum()
    assert found.counts.tolist() == np.bincount(overlap, minlength=31).tolist()
    assert found.expected == pytest.approx(1770 * law.pmf(np.arange(31)))
    assert found.rho == pytest.approx(((overlap - law.mean()) ** 2).mean() / law.var())
    assert found.mean_ratio == pytest.approx(overlap.mean() / law.mean())
    table = found.exceedance()
    assert table.measured[6] == (overlap >= 6).mean()
    assert table.theory[6] == pytest.approx(law.sf(5))


def test_patterns_of_different_sizes():
    generator = np.random.default_rng(1)
    sizes = generator.integers(5, 60, 150)
    X = np.array([generator.permutation(400) < a for a in sizes])
    found = estimate_from_data(X)
    assert found.rho == pytest.approx(1, abs=8 / np.sqrt(found.pairs))
    assert not found.correlated


def test_z_values_are_standard_for_independent_patterns():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CorrelatedPatterns)
        found = [estimate_from_data(random_patterns(40, 150, 20, seed)) for seed in range(150)]
    assert sum(f.correlated for f in found) <= 2
    for z in (np.array([f.z_mean for f in found]), np.array([f.z_rho for f in found])):
        assert abs(z.mean()) < 4 / np.sqrt(150)
        assert 0.75 < z.std() < 1.3


def test_clustered_patterns_are_named():
    generator = np.random.default_rng(2)
    centres = random_patterns(5, 500, 25, 3)
    X = np.array([centres[i % 5] ^ (generator.random(500) < 0.01) for i in range(100)])
    with pytest.warns(CorrelatedPatterns, match="overlap more than independent random ones"):
        found = estimate_from_data(X)
    assert found.correlated
    assert found.rho > 5


def test_hot_cells_are_named():
    """Some cells active more often than others: the mean overlap is too high."""
    generator = np.random.default_rng(4)
    weight = np.where(np.arange(400) < 100, 5.0, 1.0)
    X = (generator.random((150, 400)) ** (1 / weight)).argsort(axis=1) >= 360
    with pytest.warns(CorrelatedPatterns):
        found = estimate_from_data(X)
    assert found.mean_ratio > 1.05


def test_independent_patterns_don_t_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(20):
            assert not estimate_from_data(random_patterns(100, 300, 20, seed)).correlated


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((1, 5), bool), "X must hold 2 to 4000 patterns"),
        (np.zeros((4001, 3), bool), "X must hold 2 to 4000 patterns"),
        (np.zeros((3, 5), bool), "leave the overlaps to chance"),
        (np.ones((3, 5), bool), "leave the overlaps to chance"),
        (np.full((3, 5), 0.5), "X must be binary"),
        (np.full((3, 5), np.nan), "X must be binary"),
        (np.zeros((0, 5), bool), r"X must be bool\[patterns, cells\]"),
        (np.zeros((2, 3, 4), bool), r"X must be bool\[patterns, cells\]"),
    ],
)
def test_wrong_input(X, message):
    with pytest.raises(ValueError, match=message):
        estimate_from_data(X)
