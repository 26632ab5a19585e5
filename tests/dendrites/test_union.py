"""Unions: the law of K against exact rationals, the three modes, reference values."""

import time

import numpy as np
import pytest
from scipy.stats import hypergeom

from symplast.dendrites import (
    DendriticSegment,
    expected_union_size,
    fp_exact,
    neuron_fp,
    union_fp,
    union_size,
    union_size_exact,
)
from symplast.dendrites.union import _steps, rounded_union_size
from symplast.lab.jax_setup import CompileClock


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


def plain_loop(n, s, M):
    """The chain as one would write it first: a full table and a loop over the shared cells."""
    table = hypergeom.pmf(np.arange(s + 1), n, np.arange(min(n, M * s) + 1)[:, None], s)
    law = np.zeros(len(table))
    law[0] = 1
    for _ in range(M):
        grown = np.zeros_like(law)
        for h in range(s + 1):
            grown[s - h :] += (law * table[:, h])[: len(law) - s + h]
        law = grown
    return law


@pytest.mark.parametrize(("n", "s", "M"), [(2000, 40, 400), (20_000, 25, 100), (300, 24, 30)])
def test_the_law_is_that_of_a_plain_loop_and_at_least_as_fast(n, s, M):
    start = time.process_time()
    plain = plain_loop(n, s, M)
    between = time.process_time()
    with CompileClock() as clock:
        law = union_size(n, s, M).pmf
    taken = time.process_time() - between
    np.testing.assert_allclose(law, plain, rtol=1e-9, atol=1e-18)
    assert clock.count == 0
    assert taken < between - start


def test_the_time_that_is_refused_is_the_time_that_it_takes():
    """Steps are counted from above, and not by more than a factor of ten."""
    for n, s, M in ((2000, 40, 400), (50_000, 40, 300)):
        counted, entries = _steps(*(np.array([x]) for x in (n, s, M)))
        law = union_size(n, s, M).pmf
        widths = sum(np.count_nonzero(union_size(n, s, m).pmf) for m in range(20, M, 20)) * 20
        assert widths * s < counted < 10 * widths * s
        assert entries >= law.size


def test_probabilities_never_exceed_one():
    for n, a, s, theta, M in ((2000, 400, 40, 20, 400), (500, 250, 30, 10, 200), (100, 90, 20, 5, 7)):
        p = union_fp(DendriticSegment(n, a, s, theta), M)
        assert 0 <= float(p) <= 1
        neuron_fp([p])
    sizes = union_size(2000, 40, np.array([1, 5, 400]))
    np.testing.assert_allclose(sizes.pmf.sum(axis=-1), 1, rtol=1e-14)
    missed = DendriticSegment(60, 20, 10, 10).fn(np.arange(21), noise="resample")
    assert float(missed.max()) <= 1


def test_a_chain_ends_when_all_cells_are_taken():
    start = time.process_time()
    law = union_size(12, 3, 10**9).pmf
    assert law.tolist() == [0] * 12 + [1]
    assert time.process_time() - start < 5


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
