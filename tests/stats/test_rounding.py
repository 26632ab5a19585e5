"""Spreads that only rounding makes, ends of intervals, masks and units."""

import numpy as np
import pytest

from symplast.stats import (
    benjamini_hochberg,
    bootstrap,
    cliffs_delta,
    cohens_d,
    fisher_z,
    fisher_z_test,
    hedges_g,
    mean_interval,
    permutation_test,
    proportion_interval,
)

ABOVE, BELOW = [0.3, 0.4, 0.5], [0.2, 0.3, 0.4]  # differ by 0.1, in floats not quite


@pytest.mark.parametrize("effect", [cohens_d, hedges_g])
@pytest.mark.parametrize("kind", [float, np.float32])
@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_equal_differences_have_no_spread(effect, kind, shift):
    x, y = (np.asarray(values, kind) + kind(shift) for values in (ABOVE, BELOW))
    with pytest.raises(ValueError, match="differences x - y must vary"):
        effect(x, y, paired=True)


def test_samples_equal_up_to_rounding_have_no_spread():
    with pytest.raises(ValueError, match="samples must vary"):
        cohens_d([0.1 + 0.2, 0.3], [0.5, 0.5])
    assert cohens_d([0.3, 0.3 + 1e-12], [0.2, 0.2 + 1e-12]).value > 1e10  # small, but no rounding


def test_a_mean_of_values_equal_up_to_rounding_has_no_width():
    found = mean_interval([0.1 + 0.2, 0.3, 0.3])
    assert found.low == found.high == found.value
    found = bootstrap([0.1 + 0.2, 0.3, 0.3], np.mean)
    assert found.low == found.high


def test_a_perfect_correlation_is_one_up_to_rounding():
    r = 0.9999999999999998
    assert fisher_z(r, 10).low == r
    with pytest.raises(ValueError, match="strictly between"):
        fisher_z_test(r, 10, 0.5, 10)


def test_intervals_end_where_values_do():
    scores = [0.99, 0.97, 1.0]
    assert mean_interval(scores).high > 1
    assert mean_interval(scores, bounds=(0, 1)).high == 1
    assert mean_interval([0.01, 0.0, 0.03], bounds=(0, 1)).low == 0
    with pytest.raises(ValueError, match=r"sample must lie in bounds \[0, 1\]"):
        mean_interval([0.5, 1.5], bounds=(0, 1))
    for method in ("clopper-pearson", "wilson"):
        n = np.repeat([1, 7, 50, 1000, 10**6, 10**9], 3)
        k = np.tile([0, 1, 0], 6)
        k[2::3] = n[2::3] - 1
        for level in (0.5, 0.95, 1 - 1e-12):
            low, high = proportion_interval(k, n, level=level, method=method)
            assert (low >= 0).all()
            assert (high <= 1).all()
    rng = np.random.default_rng(0)
    for _ in range(50):
        found = cliffs_delta(rng.integers(0, 3, 4), rng.integers(0, 3, 5), level=0.999)
        assert -1 <= found.low <= found.high <= 1


@pytest.mark.parametrize(
    "call",
    [
        lambda x: mean_interval(x),
        lambda x: cohens_d(x, [1.0, 2.0]),
        lambda x: permutation_test(x, [1.0, 2.0]),
        lambda x: bootstrap(x, np.mean),
        lambda x: benjamini_hochberg(x),
        lambda x: proportion_interval(x, 5),
    ],
)
def test_masks_are_refused(call):
    with pytest.raises(ValueError, match="must not be a masked array"):
        call(np.ma.array([0.5, 99.0], mask=[False, True]))


def test_units_are_refused():
    pq = pytest.importorskip("quantities")
    with pytest.raises(ValueError, match="must be plain numbers"):
        mean_interval([0.5, 0.7] * pq.s)
