"""The fast log-space tails against exact rationals, scipy, and themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import hypergeom

from symplast.dendrites import fp_tails_exact
from symplast.dendrites.overlap import _tails, log_overlap_pmf, log_pmf, log_tail, power_of_two, tail_table

REFERENCE = {
    (10000, 300, 24, 12): 8.375845227098491e-13,
    (10000, 300, 30, 12): 2.279079420265147e-11,
    (10000, 300, 30, 15): 1.049191825212369e-15,
    (10000, 64, 24, 12): 4.041597122776570e-21,
    (300, 64, 24, 12): 1.094616623336905e-03,
    (500, 64, 24, 12): 5.695711087695333e-06,
    (700, 64, 24, 12): 1.412532309307303e-07,
    (500, 256, 24, 12): 6.293727547407774e-01,
    (3500, 256, 24, 12): 2.233808810958346e-08,
    (4000, 128, 24, 12): 1.343239364725541e-12,
    (100000, 2000, 6, 6): 6.353088729419165e-11,
    (100000, 2000, 8, 8): 2.525072392849606e-14,
    (100000, 2000, 10, 10): 1.001632161781133e-17,
    (100000, 2000, 12, 6): 5.293868362753690e-08,
    (100000, 2000, 16, 8): 2.817245283272718e-10,
    (100000, 2000, 20, 10): 1.541927672587196e-12,
    (100000, 2000, 24, 12): 8.586941002765923e-15,
    (100000, 2000, 40, 10): 4.915418648836449e-09,
    (100000, 2000, 80, 10): 4.625684480382158e-06,
    (100000, 2000, 120, 10): 1.587997930949389e-04,
    (100000, 2000, 240, 20): 1.079907639465526e-07,
    (2000, 40, 20, 15): 2.471923309430866e-23,
    (200000, 6000, 50, 10): 2.006463061504233e-06,
    (200000, 2000, 10, 10): 9.779363371030453e-21,
    (200000, 2000, 20, 10): 1.649898752007993e-15,
}


@pytest.mark.parametrize(("counts", "value"), REFERENCE.items())
def test_reference_values(counts, value):
    assert float(np.exp(log_tail(*counts))) == pytest.approx(value, rel=1e-12)


def test_reference_values_are_the_exact_ones():
    for (n, a, s, theta), value in REFERENCE.items():
        assert float(fp_tails_exact(n, a, s)[theta]) == pytest.approx(value, rel=1e-15)


def fig_6_grid():
    n = np.arange(10_000, 190_001, 20_000)[:, None, None]
    return n, (n * np.arange(5, 31, 5)[:, None] // 1000), np.arange(20, 51, 5)


def test_the_published_sweep_is_within_1e_12_of_exact_integers():
    n, a, s = fig_6_grid()
    table = np.exp(tail_table(n, a, s))
    exact = np.zeros((*table.shape[:-1], 25))
    for index in np.ndindex(table.shape[:-1]):
        i, j, k = index
        tails = [float(p) for p in fp_tails_exact(int(n[i, 0, 0]), int(a[i, j, 0]), int(s[k]))]
        exact[index][: min(25, len(tails))] = tails[:25]
    assert exact[..., 3:].size == 9240
    measured = table[..., 3:25]
    possible = exact[..., 3:] > 0
    assert (measured[~possible] == 0).all()
    assert np.abs(measured[possible] / exact[..., 3:][possible] - 1).max() < 1e-12


def test_small_cells_to_exact_for_all_counts():
    for n in (1, 2, 9):
        for a in range(n + 1):
            for s in range(n + 1):
                exact = [float(p) for p in fp_tails_exact(n, a, s)]
                measured = np.exp(log_tail(n, a, s, np.arange(len(exact))))
                np.testing.assert_allclose(measured, exact, rtol=1e-13)
                assert log_tail(n, a, s, len(exact)) == -np.inf
                assert log_tail(n, a, s, 0) == log_tail(n, a, s, -3) == 0.0


def test_certain_overlaps_are_exactly_certain():
    assert log_tail(10, 8, 7, 5) == 0.0
    assert log_tail(10, 8, 7, 6) < 0


def test_agrees_with_scipy_where_scipy_is_good():
    b = np.arange(31)
    np.testing.assert_allclose(np.exp(log_pmf(10_000, 300, 30)), hypergeom.pmf(b, 10_000, 300, 30), rtol=1e-10)
    np.testing.assert_allclose(np.exp(log_tail(900, 64, 24, b)), hypergeom.sf(b - 1, 900, 64, 24), rtol=1e-10)


def test_never_underflows():
    tiny = log_tail(10**9, 1000, 200, 200)
    assert -3500 < tiny < -2000
    assert np.isfinite(log_tail(100_000, 40_000, 40_000, 39_999))


def test_float32_is_refused():
    with pytest.raises(RuntimeError, match="64-bit"):
        log_overlap_pmf(jnp.array(10), jnp.array(3), jnp.array(2), 16)


def test_results_are_float64_and_the_setting_is_restored():
    assert log_tail(100, 10, 10, 5).dtype == np.float64
    assert not jax.config.jax_enable_x64


def test_one_program_for_all_calls_of_similar_size():
    log_tail(5000, 100, 20, 5)
    before = _tails._cache_size()
    for n, a, s in ((6000, 70, 31), (700, 128, 17), (10**6, 999, 24)):
        log_tail(n, a, s, np.arange(10))
    log_tail(np.arange(1000, 1500), 40, 30, 10)
    once = _tails._cache_size()
    assert once <= before + 1
    log_tail(np.arange(2000, 2290), np.arange(40, 330), 25, 10)
    assert _tails._cache_size() == once


def test_long_sweeps_are_computed_in_chunks(monkeypatch):
    whole = tail_table(np.arange(100, 300), 20, 10)
    monkeypatch.setattr("symplast.dendrites.overlap.CHUNK", 16 * 32)
    np.testing.assert_allclose(tail_table(np.arange(100, 300), 20, 10), whole, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("size", "padded"), [(0, 1), (1, 1), (2, 2), (3, 4), (64, 64), (65, 128)])
def test_padding(size, padded):
    assert power_of_two(size) == padded
