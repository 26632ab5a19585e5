"""The authors' recipe: gradients, start grid, published fits."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from symplast.scaling import SURFACES, fit_surface, simulate_isoflop
from symplast.scaling.approach3_recipe import (
    START_COEFFICIENT,
    START_E,
    START_EXPONENT,
    authors_approach3,
    best_start,
    random_start,
    squared_log_residuals,
    squared_residuals,
)

RUNS = simulate_isoflop(SURFACES["chinchilla"], [1e17, 1e19, 1e21], 6, 0.9, noise_std=0.02, seed=0)
X, Y = np.log(RUNS.N), np.log(RUNS.D)


@pytest.mark.parametrize(
    ("function", "p", "target"),
    [(squared_residuals, [1.5, 300.0, 500.0, 0.33, 0.3], RUNS.L),
     (squared_log_residuals, [0.4, 5.5, 6.5, 0.33, 0.3], np.log(RUNS.L))],
)  # fmt: skip
def test_gradients(function, p: list[float], target: np.ndarray) -> None:
    p = np.array(p)
    steps = 1e-7 * np.maximum(np.abs(p), 1)
    numeric = approx_fprime(p, lambda q: function(q, X, Y, target)[0], steps)
    assert function(p, X, Y, target)[1] == pytest.approx(numeric, rel=2e-4)


def test_start_is_the_best_of_1024_points() -> None:
    start = best_start(X, Y, RUNS.L)
    values = [
        squared_residuals(np.array([e, a, b, alpha, beta]), X, Y, RUNS.L)[0]
        for e in START_E for a in START_COEFFICIENT for b in START_COEFFICIENT
        for alpha in START_EXPONENT for beta in START_EXPONENT
    ]  # fmt: skip
    assert len(values) == 1024
    assert squared_residuals(start, X, Y, RUNS.L)[0] == pytest.approx(min(values))


def test_it_never_beats_the_minimum() -> None:
    ours = fit_surface(RUNS.N, RUNS.D, RUNS.L)
    theirs = authors_approach3(RUNS.N, RUNS.D, RUNS.L, objective="mse")
    assert theirs.objective >= ours.objective * (1 - 1e-9)
    assert theirs.a == pytest.approx(ours.surface.a, rel=1e-2)
    log = authors_approach3(RUNS.N, RUNS.D, RUNS.L)
    assert log.objective >= fit_surface(RUNS.N, RUNS.D, RUNS.L, method="a3").objective * (1 - 1e-9)
    assert log.a + log.b == pytest.approx(1)


def test_random_start_stays_in_the_box() -> None:
    start = random_start(np.random.default_rng(0))
    assert start.shape == (5,)
    assert np.all(start > 0)
    assert start[0] < 10
