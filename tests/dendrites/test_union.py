"""Unions: the law of K against exact rationals, the three modes, reference values."""

import numpy as np
import pytest

from symplast.dendrites import DendriticSegment, expected_union_size, fp_exact, union_fp, union_size, union_size_exact
from symplast.dendrites.union import _chains, rounded_union_size


@pytest.mark.parametrize(("n", "s", "M"), [(5, 2, 2), (30, 7, 5), (12, 12, 3), (20, 0, 2), (9, 4, 6), (200, 10, 1)])
def test_law_against_exact_rationals(n, s, M):
    exact = union_size_exact(n, s, M)
    size = union_size(n, s, M)
    expected = [float(exact.get(k, 0)) for k in range(min(n, M * s) + 1)]
    np.testing.assert_allclose(size.pmf, expected, rtol=1e-12, atol=1e-300)
    mean = sum(k * p for k, p in exact.items())
    assert float(size.mean) == pytest.approx(float(mean), rel=1e-14)
    var = sum((k - mean) ** 2 * p for k, p in exact.items())
    assert float(size.var) == pytest.approx(float(var), rel=1e-10, abs=1e-20)


def test_the_paper_s_union():
    assert float(expected_union_size(20_000, 25, 10)) == pytest.approx(248.598427, abs=5e-7)
    segment = DendriticSegment(20_000, 100, 25, 15)
    assert float(union_fp(segment, 10, "paper")) == pytest.approx(1.734743e-12, rel=1e-6)
    assert float(union_fp(segment, 10, "exact")) == pytest.approx(1.698373e-12, rel=1e-6)
    assert float(union_fp(segment, 10, "bound")) == pytest.approx(1.8381e-12, rel=1e-4)


@pytest.mark.parametrize(("n", "M", "value"), [(20_000, 10, 3.2578e-8), (10_000, 10, 1.2857e-4), (5000, 10, 6.3527e-2)])
def test_unions_need_many_cells(n, M, value):
    assert float(union_fp(DendriticSegment(n, 200, 25, 15), M)) == pytest.approx(value, rel=4e-5)


def test_small_cells_fail():
    assert float(union_fp(DendriticSegment(1000, 200, 25, 15), 4)) == pytest.approx(0.9009, abs=5e-5)


def test_exact_mode_is_the_average_over_the_exact_law():
    segment = DendriticSegment(40, 12, 6, 4)
    exact = sum(p * fp_exact(40, 12, k, 4) for k, p in union_size_exact(40, 6, 3).items())
    assert float(union_fp(segment, 3)) == pytest.approx(float(exact), rel=1e-13)


def test_modes_broadcast_over_cells_and_patterns():
    segment = DendriticSegment(np.array([[1000], [2000]]), 40, 20, 12)
    M = np.array([1, 3, 5])
    for mode in ("exact", "paper", "bound"):
        together = union_fp(segment, M, mode)
        alone = [[union_fp(DendriticSegment(n, 40, 20, 12), int(m), mode) for m in M] for n in (1000, 2000)]
        np.testing.assert_allclose(together, alone, rtol=1e-12)


@pytest.mark.parametrize(("n", "s", "M", "rounded"), [(2, 1, 2, 2), (20_000, 25, 10, 249), (8, 4, 2, 6), (2, 1, 1, 1)])
def test_rounding_halves_to_even(n, s, M, rounded):
    assert rounded_union_size(n, s, M) == rounded


def test_ties_are_exact():
    # E[K] = 2 (1 - 1/4) = 1.5 and 6 (1 - (2/3)^1 ...) never ties; 10 (1 - 1/4) = 7.5 goes to 8
    assert rounded_union_size(np.array([2, 10]), np.array([1, 5]), 2).tolist() == [2, 8]


def test_union_programs_are_reused():
    union_size(3000, 20, 5)
    before = _chains._cache_size()
    union_size(4000, 18, 6)
    union_size(900, 31, 3)
    assert _chains._cache_size() == before


def test_huge_unions_are_refused_with_the_way_out():
    segment = DendriticSegment(10**6, 1000, 40, 20)
    with pytest.raises(ValueError, match="use mode='paper'"):
        union_fp(segment, 10**6)
    assert union_fp(segment, 10**6, "paper") == union_fp(segment, 10**6, "bound") == 1


def test_wrong_input():
    segment = DendriticSegment(100, 10, 5, 3)
    with pytest.raises(ValueError, match="mode must be"):
        union_fp(segment, 2, "median")
    with pytest.raises(ValueError, match="M must be a whole number of at least 1"):
        union_fp(segment, 0)
    with pytest.raises(ValueError, match="s must be at most n=10"):
        union_size(10, 11, 2)
