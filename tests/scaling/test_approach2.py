"""Approach 2: exact cases, its bias, and tables on which it must say no."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.scaling import SURFACES, ScalingWarning, fit_approach1, fit_approach2, run_table, simulate_isoflop
from symplast.scaling.approach2 import FITTED, TOO_FEW, fit_approach2_table, isoflop_vertices, parabola_vertices


@given(
    st.floats(-3, 3),
    st.floats(0.01, 10),
    st.floats(-5, 5),
    st.lists(st.floats(6, 12), min_size=4, max_size=9, unique=True),
)
def test_parabola_is_recovered(vertex: float, curvature: float, height: float, sizes: list[float]) -> None:
    u = np.array(sizes)
    if np.min(np.diff(np.sort(u))) < 0.05:
        return
    found, c2 = parabola_vertices(u, curvature * (u - vertex - 9) ** 2 + height, np.ones(u.size))
    assert float(found) == pytest.approx(vertex + 9, abs=1e-6)
    assert float(c2) == pytest.approx(curvature, rel=1e-6)


def test_parabola_agrees_with_polyfit_and_counts_are_copies() -> None:
    rng = np.random.default_rng(0)
    u, L, counts = rng.uniform(8, 10, 12), rng.normal(3, 0.1, 12), rng.integers(0, 4, 12).astype(float)
    c2, c1, _ = np.polyfit(np.repeat(u, counts.astype(int)), np.repeat(L, counts.astype(int)), 2)
    vertex, curvature = parabola_vertices(u, L, counts)
    assert float(curvature) == pytest.approx(c2, rel=1e-7)
    assert float(vertex) == pytest.approx(-c1 / (2 * c2), rel=1e-6)


@pytest.mark.parametrize("k", [2, 4, 8, 16])
def test_exact_on_a_symmetric_surface(k: int, budgets: np.ndarray) -> None:
    s = SURFACES["symmetric"]
    law = fit_approach2_table(simulate_isoflop(s, budgets, 15, np.log10(k))).allocation
    assert abs(law.b / s.b - 1) < 1e-12
    assert abs(law.b0 / s.b0 - 1) < 1e-12


@pytest.mark.parametrize("name", ["chinchilla", "asymmetric", "soda"])
def test_centred_grids_keep_the_exponent(name: str, budgets: np.ndarray) -> None:
    s = SURFACES[name]
    law = fit_approach2_table(simulate_isoflop(s, budgets, 15, np.log10(16))).allocation
    assert abs(law.a / s.a - 1) < 1e-12
    assert law.a + law.b == pytest.approx(1.0, abs=1e-12)
    assert abs(law.b0 - s.b0) > 0.01


def test_drift_distorts_the_exponent(budgets: np.ndarray) -> None:
    s = SURFACES["symmetric"]
    offset = fit_approach2_table(simulate_isoflop(s, budgets, 15, np.log10(4), center_scale=3)).allocation
    drift = fit_approach2_table(simulate_isoflop(s, budgets, 15, np.log10(4), drift=np.log10(3))).allocation
    assert abs(offset.b / s.b - 1) < 1e-12
    assert offset.d_opt(1e24) / s.d_opt(1e24) - 1 == pytest.approx(0.0347, abs=5e-5)
    assert abs(drift.b / s.b - 1) > 1e-4
    assert drift.d_opt(1e24) / s.d_opt(1e24) - 1 == pytest.approx(0.0517, abs=5e-5)


@settings(max_examples=25)
@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_units_and_order_do_not_matter(loss_unit: float, size_unit: float) -> None:
    runs = simulate_isoflop(SURFACES["chinchilla"], np.logspace(17, 21, 5), 7, 0.8, noise_std=0.01, seed=3)
    order = np.random.default_rng(1).permutation(runs.n)
    base = fit_approach2_table(runs).allocation
    # the same runs in other units of loss and size (D the other way, so that C stays), in another order
    other = fit_approach2(
        runs.N[order] / size_unit, runs.D[order] * size_unit, runs.L[order] * loss_unit, runs.C[order]
    ).allocation
    assert other.a == pytest.approx(base.a, rel=1e-7)
    assert other.a0 == pytest.approx(base.a0 - np.log10(size_unit), abs=1e-6)


def test_llama_reference(llama) -> None:
    fit = fit_approach2_table(llama)
    law = fit.allocation
    assert law.a == pytest.approx(0.463220873, abs=5e-10)
    assert law.b == pytest.approx(0.536779127, abs=5e-10)
    assert law.a0 == pytest.approx(-0.254337977, abs=5e-10)
    assert law.b0 == pytest.approx(-0.523813274, abs=1e-9)
    vertices = [0.226842, 0.324565, 0.661533, 0.867078, 1.087821, 1.975617, 2.441097, 3.052444, 5.093447, 6.995823]
    assert [p.n_opt / 1e9 for p in fit.parabolas] == pytest.approx(vertices, abs=5e-7)
    assert [p.n for p in fit.parabolas] == [16, 17, 16, 16, 18, 14, 12, 12, 6, 6]


def _with_flat_curve(runs):
    L = runs.L.copy()
    L[runs.at(runs.budgets[1])] = 5.0 - np.abs(np.linspace(-1, 1, 7)) ** 2
    return run_table(runs.N, runs.D, L, runs.C)


def test_bad_curves_are_never_dropped_silently() -> None:
    runs = _with_flat_curve(simulate_isoflop(SURFACES["chinchilla"], np.logspace(17, 20, 4), 7, 0.6))
    with pytest.raises(ValueError, match="L must have a minimum inside each budget, but budget 1e\\+18: parabola not"):
        fit_approach2_table(runs)
    fit = fit_approach2_table(runs, on_bad_curve="drop")
    assert [p.budget for p in fit.dropped] == [pytest.approx(1e18)]
    assert np.isnan(fit.dropped[0].n_opt)
    with pytest.warns(ScalingWarning, match="dropped budget 1e\\+18"):
        fit_approach2_table(runs, on_bad_curve="report")


def test_two_sizes_are_no_parabola() -> None:
    runs = simulate_isoflop(SURFACES["chinchilla"], [1e18, 1e19, 1e20], 5, 0.6)
    N, D, L, C = runs.N.copy(), runs.D.copy(), runs.L, runs.C
    first = runs.at(runs.budgets[0])
    N[first], D[first] = np.repeat(N[first][:2], [3, 2]), np.repeat(D[first][:2], [3, 2])
    assert isoflop_vertices(run_table(N, D, L, C), np.ones(15)).status.tolist() == [TOO_FEW, FITTED, FITTED]
    with pytest.raises(ValueError, match="fewer than three distinct sizes"):
        fit_approach2(N, D, L, C)


def test_one_budget_has_no_slope() -> None:
    runs = simulate_isoflop(SURFACES["chinchilla"], [1e18], 9)
    with pytest.raises(ValueError, match="at least two budgets for a slope, got 1"):
        fit_approach2(runs.N, runs.D, runs.L, runs.C)
    with pytest.raises(ValueError, match="at least two budgets"):
        fit_approach1(runs.N, runs.D, runs.L, runs.C)


def test_approach1_takes_the_envelope_of_curves() -> None:
    s = SURFACES["symmetric"]
    N = np.repeat(np.logspace(7, 10, 40), 200)
    D = np.tile(np.logspace(8.5, 11.5, 200), 40)
    fit = fit_approach1(N, D, s.loss(N, D), bins=30)
    assert fit.allocation.a == pytest.approx(0.5, abs=0.03)
    assert np.all(np.diff(fit.L) < 0)
    with pytest.raises(ValueError, match="bins must be at least 2"):
        fit_approach1(N, D, s.loss(N, D), bins=1)
