"""Closed-form bias, grid design, and the cost of a misallocation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symplast.scaling import (
    SURFACES,
    Allocation,
    TrainingPrice,
    approach2_bias,
    deadweight_loss,
    design_grid,
    simulate_isoflop,
    small_grid_bias,
)
from symplast.scaling.approach2 import fit_approach2_table

SHIFTS = {
    "chinchilla": [0.0014221990, 0.0056877978, 0.0127937622, 0.0227349067],
    "asymmetric": [0.0073349306, 0.0291780718, 0.0650494038, 0.1141657700],
    "soda": [0.0058011267, 0.0231255059, 0.0517312406, 0.0912017044],
    "sparse-nmm": [0.0079947928, 0.0317698025, 0.0706934378, 0.1237088155],
}
exponents = st.floats(0.05, 1.5)


@pytest.mark.parametrize("name", SHIFTS)
def test_shift_reference(name: str) -> None:
    s = SURFACES[name]
    found = [approach2_bias(s.alpha, s.beta, k).shift_log10 for k in (2, 4, 8, 16)]
    assert found == pytest.approx(SHIFTS[name], abs=1e-10)


def test_continuum_and_rule_of_thumb_reference() -> None:
    found = [approach2_bias(0.34, 0.28, k, None).shift_log10 for k in (2, 4, 8, 16)]
    assert found == pytest.approx([0.0012518712, 0.0050065524, 0.0112612222, 0.0200110976], abs=5e-11)
    assert small_grid_bias(0.34, 0.28, 2) == pytest.approx(0.0014222817, abs=5e-11)
    assert approach2_bias(0.34, 0.28, 2).n_factor - 1 == pytest.approx(0.00328010, abs=5e-9)
    assert approach2_bias(0.34, 0.28, 16).n_factor - 1 == pytest.approx(0.05374350, abs=5e-9)


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize("k", [2, 4, 8, 16])
def test_closed_form_equals_the_simulation(name: str, k: int, budgets: np.ndarray) -> None:
    s = SURFACES[name]
    law = fit_approach2_table(simulate_isoflop(s, budgets, 15, np.log10(k))).allocation
    shift = approach2_bias(s.alpha, s.beta, k).shift_log10
    assert law.a0 - s.a0 == pytest.approx(shift, abs=1e-12)
    assert law.b0 - s.b0 == pytest.approx(-shift, abs=1e-12)


@given(exponents, exponents, st.floats(1.1, 20))
def test_bias_is_antisymmetric_and_vanishes_for_equal_exponents(alpha: float, beta: float, k: float) -> None:
    shift = approach2_bias(alpha, beta, k).shift_log10
    assert approach2_bias(beta, alpha, k).shift_log10 == pytest.approx(-shift, abs=1e-12)
    assert approach2_bias(alpha, alpha, k).shift_log10 == pytest.approx(0.0, abs=1e-12)
    if abs(alpha - beta) > 1e-3:
        assert np.sign(shift) == np.sign(alpha - beta)


@given(exponents, exponents)
def test_many_points_approach_the_continuum_and_narrow_grids_the_rule(alpha: float, beta: float) -> None:
    dense = approach2_bias(alpha, beta, 3, 2001).shift_log10
    assert dense == pytest.approx(approach2_bias(alpha, beta, 3, None).shift_log10, rel=5e-3, abs=1e-8)
    narrow = approach2_bias(alpha, beta, 1.02).shift_log10
    assert narrow == pytest.approx(small_grid_bias(alpha, beta, 1.02), rel=1e-2, abs=1e-12)


@given(exponents, exponents, st.floats(1e-4, 0.3))
def test_designed_grid_keeps_its_promise(alpha: float, beta: float, limit: float) -> None:
    k = design_grid(alpha, beta, limit)
    if np.isinf(k):
        assert abs(approach2_bias(alpha, beta, 1000).n_factor - 1) <= limit + 1e-6
        return
    worst = 10 ** abs(approach2_bias(alpha, beta, k).shift_log10) - 1
    assert worst == pytest.approx(limit, rel=1e-6)


def test_equal_exponents_need_no_design() -> None:
    assert design_grid(0.3, 0.3, 0.001) == np.inf


def test_llama_waste_reference(llama) -> None:
    law = fit_approach2_table(llama).allocation
    waste = deadweight_loss(SURFACES["llama-3"], law, 3.8e25)
    assert waste.fraction == pytest.approx(0.06300387, rel=1e-5)  # the surface is given to 9 digits
    assert waste.dollars == pytest.approx(1.344e6, abs=500)
    assert pytest.approx(waste.D, rel=1e-4) == 1.6102e13
    assert pytest.approx(waste.N, rel=1e-3) == 3.933e11


def test_price_of_the_whole_budget() -> None:
    assert 3.8e25 * TrainingPrice().per_flop == pytest.approx(21.335e6, rel=1e-4)
    assert TrainingPrice(peak=989e12).per_flop / TrainingPrice().per_flop == pytest.approx(1979 / 989)


@given(st.sampled_from(sorted(SURFACES)), st.floats(1e18, 1e26), st.floats(-1, 1))
def test_waste_is_a_share_and_zero_only_at_the_optimum(name: str, C: float, shift: float) -> None:
    s = SURFACES[name]
    off = Allocation(s.a, s.a0 + shift, s.b, s.b0 - shift)
    waste = deadweight_loss(s, off, C)
    assert 0 <= waste.fraction < 1
    assert deadweight_loss(s, s.allocation, C).fraction == pytest.approx(0.0, abs=1e-9)
    if abs(shift) > 0.05:
        assert waste.fraction > 1e-5
    assert waste.flop == pytest.approx(waste.fraction * C)
    assert pytest.approx(C) == 6 * waste.N * waste.D


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: approach2_bias(0.3, 0.3, 1.0), "k must be a factor above 1"),
        (lambda: approach2_bias(0.3, 0.3, 2.0, 2), "n must be at least 3"),
        (lambda: approach2_bias(0.0, 0.3, 2.0), "alpha must be an exponent above 0"),
        (lambda: design_grid(0.3, 0.2, 0.0), "max_bias must be a share"),
        (lambda: TrainingPrice(mfu=50), "mfu must be a share"),
        (lambda: TrainingPrice(price=-1), "price must be positive"),
        (lambda: deadweight_loss(SURFACES["soda"], SURFACES["soda"], -1.0), "C must be positive"),
    ],
)
def test_wrong_input_is_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
