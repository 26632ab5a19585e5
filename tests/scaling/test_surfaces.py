"""The surface and its optimum: reference values, closed forms, invariants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symplast.scaling import SURFACES, LossSurface

exponents = st.floats(0.05, 2.0)
coefficients = st.floats(1e-2, 1e6)
surfaces = st.builds(LossSurface, exponents, exponents, coefficients, coefficients, st.floats(0.0, 5.0))
budgets = st.floats(1e15, 1e28)


def test_reference_values_chinchilla() -> None:
    s = SURFACES["chinchilla"]
    expected = {"a": 0.45161290, "b": 0.54838710, "G": 1.34471064277, "a0": -0.222794303, "b0": -0.555356947}
    for name, value in expected.items():
        assert getattr(s, name) == pytest.approx(value, rel=1e-8), name
    assert s.n_opt(1e24) == pytest.approx(41_296_702_419.4, rel=1e-11)
    assert s.d_opt(1e24) == pytest.approx(4.03583474956e12, rel=1e-11)
    assert s.loss_opt(1e24) == pytest.approx(1.91119541991, rel=1e-11)


def test_reference_values_of_other_surfaces() -> None:
    s = SURFACES["asymmetric"]
    assert pytest.approx(5.78332800689, rel=1e-11) == s.G
    assert s.a0 == pytest.approx(0.567640011826, rel=1e-11)
    assert s.b0 == pytest.approx(-1.34579126221, rel=1e-11)
    assert s.d_opt(1e24) == pytest.approx(4.51033435595e16, rel=1e-11)
    assert s.loss_opt(1e24) == pytest.approx(3.12569135438, rel=1e-11)
    assert pytest.approx(44.4101405247, rel=1e-11) == SURFACES["soda"].G
    assert SURFACES["soda"].loss_opt(1e24) == pytest.approx(3.19447024981, rel=1e-11)


@given(surfaces, budgets)
def test_optimum_spends_the_budget_and_inverts(s: LossSurface, C: float) -> None:
    n, d = s.n_opt(C), s.d_opt(C)
    assert 6 * n * d == pytest.approx(C, rel=1e-9)
    assert s.loss(n, d) == pytest.approx(s.loss_opt(C), rel=1e-9)
    assert s.a + s.b == pytest.approx(1.0)
    assert 10 ** (s.a * np.log10(C) + s.a0) == pytest.approx(n, rel=1e-8)
    assert s.allocation.d_opt(C) == pytest.approx(d, rel=1e-8)
    if s.loss_opt(C) > s.E * (1 + 1e-4):  # else the reducible loss has no digits left
        assert s.c_from_loss(s.loss_opt(C)) == pytest.approx(C, rel=1e-5)


@given(surfaces, budgets, st.floats(-1.0, 1.0))
def test_no_other_split_is_better(s: LossSurface, C: float, shift: float) -> None:
    n = s.n_opt(C) * 10**shift
    assert s.loss(n, C / (6 * n)) >= s.loss_opt(C) * (1 - 1e-12)


@given(surfaces, st.floats(1e-9, 1e9), st.floats(1e-9, 1e9))
def test_unit_change_keeps_the_loss(s: LossSurface, parameters: float, tokens: float) -> None:
    changed = s.in_units(parameters, tokens)
    assert changed.loss(1e9 / parameters, 1e11 / tokens) == pytest.approx(s.loss(1e9, 1e11), rel=1e-9)
    assert (changed.alpha, changed.beta, changed.E) == (s.alpha, s.beta, s.E)


def test_methods_are_vectorised() -> None:
    s, C = SURFACES["soda"], np.logspace(18, 24, 7)
    assert s.loss(s.n_opt(C), s.d_opt(C)).shape == (7,)
    assert s.loss(np.ones((3, 1)) * 1e9, np.ones(4) * 1e11).shape == (3, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"alpha": 0.0}, "alpha must be positive"), ({"beta": -1.0}, "beta must be positive"), ({"A": -1.0}, "A must be"),
     ({"E": float("nan")}, "E must be finite")],
)  # fmt: skip
def test_impossible_surfaces_are_refused(change: dict, message: str) -> None:
    good = {"alpha": 0.3, "beta": 0.3, "A": 1.0, "B": 1.0, "E": 1.0}
    with pytest.raises(ValueError, match=message):
        LossSurface(**(good | change))


def test_wrong_questions_are_refused() -> None:
    s = SURFACES["chinchilla"]
    with pytest.raises(ValueError, match="loss must exceed the irreducible loss"):
        s.c_from_loss(1.69)
    with pytest.raises(ValueError, match="C must be positive"):
        s.n_opt(0.0)
    with pytest.raises(ValueError, match="A and B must both be positive"):
        LossSurface(0.3, 0.3, 0.0, 1.0, 1.0).n_opt(1e20)
    with pytest.raises(ValueError, match="positive units"):
        s.in_units(0.0, 1.0)
