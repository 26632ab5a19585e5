"""Optimal gains: the reference values, the closed form against brute force, bounds, derivatives, wrong input."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from symplast.gain_control import (
    CodingCost,
    GainCircuit,
    OrientationPopulation,
    VonMisesKernel,
    biased_box,
    grid,
    objective,
    optimal_gains,
    preset,
    uniform,
)
from symplast.gain_control.optimum import LARGE, Quadratic, second_moment
from symplast.lab.jax_setup import CompileClock

F = [[1, 0.5, 0.2], [0.4, 1, 0.4]]
W = [[0, 0.2], [0.1, 0]]
P = [0.2, 0.3, 0.5]


of_gains = eqx.filter_jit(objective)


@eqx.filter_jit
def written_out(c, p, cost):
    """A, C and the linear term of the quadratic form, whose matrix is A * C."""
    shared = Quadratic.of(c, cost)
    return shared.A, second_moment(c, p), shared.along @ p


def normal_equations(c, p, cost):
    """As NumPy has them, without what the homeostatic pull adds."""
    A, C, along = map(np.asarray, written_out(c, p, cost))
    return A * C, along


def circuit(**options):
    return GainCircuit(F, W, **options)


def test_reference_values_of_two_neurons(float64):
    c = circuit()
    assert np.asarray(c.mixing) == pytest.approx(
        np.array([[1.02040816, 0.20408163], [0.10204082, 1.02040816]]), abs=5e-9
    )
    assert np.asarray(c.decoder) == pytest.approx(np.eye(2) - np.array(W))
    p, cost = np.array(P), CodingCost()
    A, C, along = map(np.asarray, written_out(c, p, cost))
    assert pytest.approx(np.array([[0.295, 0.27], [0.27, 0.412]])) == C
    H = A * C + np.eye(2)
    assert pytest.approx(np.array([[1.91547064, 0.16867972], [0.16867972, 2.30429488]]), abs=5e-9) == H
    assert along + 1 == pytest.approx([1.295, 1.412])
    found = optimal_gains(c, P, cost)
    assert np.asarray(found.g) == pytest.approx([0.62614891, 0.56693325], abs=5e-9)
    assert float(found.loss) == pytest.approx(1.0956274098712335, rel=1e-14)
    assert float(of_gains(c, np.ones(2), p, cost).total) == pytest.approx(1.8501249479383592, rel=1e-14)
    assert float(of_gains(c, np.asarray(found.g), p, cost).total) == pytest.approx(float(found.loss), rel=1e-13)
    assert float(found.grad_norm) < 1e-14
    R = [[0.68520773, 0.43516439, 0.17406576], [0.29529407, 0.61044969, 0.24417987]]
    assert np.asarray(c.responses(found.g)) == pytest.approx(np.array(R), abs=5e-9)


def test_reference_values_of_gains_on_the_total_input(float64):
    total, g = circuit(gain_site="total"), [0.62614891, 0.56693325]
    R1 = [[1.10204082, 0.71428571, 0.28571429], [0.51020408, 1.07142857, 0.42857143]]
    Rg = [[0.659228, 0.38681767, 0.15472707], [0.26414713, 0.58886323, 0.23554529]]
    assert np.asarray(total.responses(1.0)) == pytest.approx(np.array(R1), abs=5e-9)
    assert np.asarray(circuit().responses(1.0)) == pytest.approx(np.array(R1), abs=5e-9)
    assert np.asarray(total.responses(g)) == pytest.approx(np.array(Rg), abs=2e-8)


@pytest.mark.parametrize(
    ("name", "g0", "g1", "far", "losses"),
    [
        ("default", 0.5302658627, 0.3793725755, 0.5900766492, (49.2265993338, 48.1040886365)),
        ("strong", 0.4560508302, 0.2735790419, None, (255.0015895, 247.7866741)),
    ],
)
def test_reference_values_of_the_presets(float64, name, g0, g1, far, losses):
    population, cost = preset(name)
    c, p = population.circuit(), np.stack([uniform(181), biased_box(population.stimuli, 0.35)])
    assert int((p[1] > p[1].min()).sum()) == 25
    found = optimal_gains(c, p, cost)
    g = np.asarray(found.g)
    assert g[0] == pytest.approx(g0, abs=1e-9)
    assert g[1].min() == g[1, 45] == pytest.approx(g1, abs=1e-9)
    assert far is None or g[1, 0] == pytest.approx(far, abs=1e-9)
    assert float(of_gains(c, g[0], p[1], cost).total) == pytest.approx(losses[0], rel=1e-9)
    assert np.asarray(found.loss)[1] == pytest.approx(losses[1], rel=1e-9)
    H_row, along = normal_equations(c, p[0], cost)
    h = along + float(cost.gamma)
    assert h[0] / (H_row[0].sum() + float(cost.gamma)) == pytest.approx(g0, abs=1e-9)  # a constant vector


@pytest.mark.parametrize(("p", "g"), [("uniform", 0.8717252757), ("adapter", 0.7725451918)])
def test_reference_values_without_recurrence(float64, p, g):
    population = OrientationPopulation(kernel=VonMisesKernel(0.0))
    row = uniform(181) if p == "uniform" else biased_box(population.stimuli, 0.35)
    found = optimal_gains(population.circuit(), row, CodingCost(5.0, 5.0)).g
    second = (population.drive**2) @ row
    assert np.asarray(found) == pytest.approx((second + 5) / (6 * second + 5), abs=1e-12)
    assert float(found[45]) == pytest.approx(g, abs=1e-10)


def random_problem(seed, n=4, m=7, k=None):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(n, n)) * 0.8 / n
    weights *= 0.9 / max(np.abs(np.linalg.eigvals(weights)).max(), 0.9)
    options = {} if k is None else {"decoder": rng.normal(size=(k, n)), "target": rng.normal(size=(k, m))}
    p = rng.dirichlet(np.ones(m))
    return GainCircuit(rng.uniform(0, 1, (n, m)), weights, **options), p


@pytest.mark.parametrize("activity", ["l2", "l1"])
@pytest.mark.parametrize("k", [None, 3])
def test_the_optimum_is_stationary_and_least(float64, activity, k):
    c, p = random_problem(1, k=k)
    cost = CodingCost(1.3, 0.4, activity, 0.8)
    found = optimal_gains(c, p, cost)

    @jax.jit
    def look(g):
        terms = objective(c, g, jnp.asarray(p), cost)
        return terms, jax.grad(lambda g: objective(c, g, jnp.asarray(p), cost).total)(g)

    terms, gradient = look(found.g)
    assert np.abs(np.asarray(gradient)).max() < 1e-12
    rng = np.random.default_rng(0)
    for away in rng.normal(size=(5, 4)) * 0.1:
        there = look(np.asarray(found.g) + away)[0]
        assert float(there.fidelity + there.activity + there.homeostasis) > float(found.loss)
    for name in ("fidelity", "activity", "homeostasis"):
        assert float(getattr(found.terms, name)) == pytest.approx(float(getattr(terms, name)), rel=1e-10)
    by_descent = optimal_gains(c, p, cost, method="lbfgs")
    assert np.asarray(by_descent.g) == pytest.approx(np.asarray(found.g), abs=1e-8)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), pull=st.floats(0.01, 5.0))
def test_bounded_gains_are_those_of_nnls(seed, pull):
    with jax.enable_x64(True):
        c, p = random_problem(seed % 40, k=3)
        cost = CodingCost(0.5, pull, g_home=0.1)
        found = optimal_gains(c, p, cost, nonneg=True)
        H, h = normal_equations(c, p, cost)
        L = np.linalg.cholesky(H + pull * np.eye(4))
        expected = nnls(L.T, np.linalg.solve(L, h + pull * 0.1))[0]
        assert np.asarray(found.g) == pytest.approx(expected, abs=1e-8)
        assert np.asarray(found.g).min() >= 0
        assert float(found.grad_norm) < 1e-8


def test_many_bounded_gains(float64):
    """Half of thirty gains at the bound: pivoting in blocks ends at the minimum."""
    rng = np.random.default_rng(3)
    F = rng.uniform(0, 1, (30, 40))
    c = GainCircuit(F, np.zeros((30, 30)), decoder=rng.normal(size=(5, 30)), target=rng.normal(size=(5, 40)))
    p, cost = uniform(40), CodingCost(0.01, 0.02, g_home=0.0)
    found = optimal_gains(c, p, cost, nonneg=True)
    H, h = normal_equations(c, p, cost)
    L = np.linalg.cholesky(H + 0.02 * np.eye(30))
    assert np.asarray(found.g) == pytest.approx(nnls(L.T, np.linalg.solve(L, h))[0], abs=1e-9)
    assert 5 < int((np.asarray(found.g) == 0).sum()) < 25


def test_derivatives_pass_through_the_solve(float64):
    c, p = random_problem(2)

    def of(alpha, gamma, weights, nonneg=False):
        return optimal_gains(GainCircuit(c.drive, weights), p, CodingCost(alpha, gamma), nonneg).g.sum()

    at = (jnp.array(1.0), jnp.array(0.5), c.weights)
    value, slopes = jax.jit(of), jax.jit(jax.grad(of, argnums=(0, 1, 2)))(*at)
    for i in range(2):
        moved = [list(at), list(at)]
        moved[0][i], moved[1][i] = at[i] + 1e-5, at[i] - 1e-5
        assert float(slopes[i]) == pytest.approx(float(value(*moved[0]) - value(*moved[1])) / 2e-5, rel=1e-6)
    step = np.zeros((4, 4))
    step[1, 2] = 1e-5
    numeric = float(value(1.0, 0.5, c.weights + step) - value(1.0, 0.5, c.weights - step)) / 2e-5
    assert float(slopes[2][1, 2]) == pytest.approx(numeric, rel=1e-5)
    bounded = jax.jit(jax.grad(lambda alpha: of(alpha, 0.5, c.weights, True)))
    assert np.isfinite(float(bounded(1.0)))
    gains = jax.vmap(lambda alpha: optimal_gains(c, p, CodingCost(alpha, 0.5)).g)(jnp.array([0.5, 2.0]))
    assert np.asarray(gains[1]) == pytest.approx(np.asarray(optimal_gains(c, p, CodingCost(2.0, 0.5)).g), rel=1e-12)
    assert np.asarray(jax.jit(lambda q: optimal_gains(c, q).g)(jnp.asarray(p))).shape == (4,)


def test_low_rank_and_dense_agree(float64):
    population, cost = preset("default", 91, 61)
    c = population.circuit()
    assert c.factors is None  # stimuli are too few for the rank to be low
    population, cost = preset("default", 91, 181)
    c = population.circuit()
    assert c.factors is not None
    assert c.factors.U.shape[1] < 45
    p = np.random.default_rng(0).dirichlet(np.ones(181), size=(2, 3))
    dense = eqx.tree_at(lambda own: own.factors, c, None)
    assert np.asarray(optimal_gains(c, p, cost).g) == pytest.approx(
        np.asarray(optimal_gains(dense, p, cost).g), abs=1e-12
    )


def test_many_ensembles_of_a_large_circuit(float64):
    """By conjugate gradients, by Cholesky where these don't converge, and bounded: all as one by one."""
    population, cost = preset("default", 91, 121)
    p = np.random.default_rng(0).dirichlet(np.ones(121), size=140)
    assert LARGE < 91**2 * 140
    c = population.circuit()
    for own, nonneg in ((cost, False), (CodingCost(1.0, 1e-7), False), (cost, True)):
        found = optimal_gains(c, p, own, nonneg)
        for i in (0, 77):
            alone = optimal_gains(c, p[i], own, nonneg)
            assert np.asarray(found.g[i]) == pytest.approx(np.asarray(alone.g), abs=1e-9)
            assert float(found.terms.fidelity[i]) == pytest.approx(float(alone.terms.fidelity), rel=1e-8)


def test_numbers_compile_nothing(float64):
    c, p = random_problem(5)
    optimal_gains(c, p)
    with CompileClock() as clock:
        for alpha in (0.5, 3.0):
            optimal_gains(c, np.roll(p, 1), CodingCost(alpha, alpha), nonneg=alpha > 1)
    assert clock.count == 0


def test_float32_is_close():
    population, cost = preset("default", 45, 91)
    p = biased_box(population.stimuli, 0.35)
    single = optimal_gains(population.circuit(), p, cost).g
    assert single.dtype == jnp.float32
    with jax.enable_x64(True):
        double = optimal_gains(population.circuit(), p, cost).g
        assert double.dtype == jnp.float64
    assert np.asarray(single) == pytest.approx(np.asarray(double), abs=1e-5)


def test_total_by_descent_lowers_the_objective(float64):
    population, cost = preset("default", 15, 31)
    c = population.circuit(gain_site="total")
    p = np.stack([uniform(31), biased_box(population.stimuli, 0.35)])
    found = optimal_gains(c, p, cost, method="lbfgs")
    assert found.g.shape == (2, 15)
    assert np.asarray(found.grad_norm).max() < 1e-8
    for row, g in zip(p, np.asarray(found.g), strict=True):
        assert of_gains(c, g, row, cost).total < of_gains(c, np.full(15, 0.6), row, cost).total


def test_a_step_out_of_the_stable_region_is_rejected(float64):
    """Weights so strong that the resting gain is not stable: the search begins lower and stays inside."""
    weights = 0.99 * np.ones((3, 3)) / 3
    c = GainCircuit(np.eye(3) + 0.1, weights, gain_site="total", target=5 * np.eye(3), decoder=np.eye(3))
    found = optimal_gains(c, uniform(3), CodingCost(0.0, 0.01, g_home=3.0), method="lbfgs")
    assert np.linalg.eigvals(np.asarray(found.g)[:, None] * weights).real.max() < 1


def test_an_undetermined_optimum_is_flagged(float64):
    F = [[1.0, 0.5, 0.2], [0.0, 0.0, 0.0]]  # the second neuron has no drive, so its gain does not matter
    c = GainCircuit(F, np.zeros((2, 2)))
    with pytest.warns(UserWarning, match="least norm"):
        found = optimal_gains(c, P, CodingCost(1.0, 0.0))
    assert found.flag == "least norm"
    assert np.asarray(found.g) == pytest.approx([0.5, 0.0], abs=1e-12)
    with pytest.warns(UserWarning, match="least norm"):
        bounded = optimal_gains(c, [P, P], CodingCost(1.0, 0.0), nonneg=True)
    assert np.asarray(bounded.g) == pytest.approx(np.array([[0.5, 0.0]] * 2), abs=1e-9)
    assert optimal_gains(circuit(), P, CodingCost(1.0, 0.0)).flag == ""


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optimal_gains(circuit(), [0.2, 0.3, 0.6]), r"p must sum to 1 .* its sum is 1.1"),
        (lambda: optimal_gains(circuit(), [0.7, 0.5, -0.2]), r"at least 0, got one of -0.2; its sum is 1"),
        (lambda: optimal_gains(circuit(), [0.5, 0.5]), r"each of the 3 stimuli, got shape \(2,\)"),
        (lambda: optimal_gains(circuit(), [float("nan"), 0.5, 0.5]), "finite probabilities"),
        (lambda: GainCircuit(F, np.zeros((3, 3))), r"shape \(2, 2\), as drive has shape \(2, 3\); got \(3, 3\)"),
        (lambda: GainCircuit(F, [[0.9, 0.5], [0.5, 0.9]]), r"it is 1.4; scaled by less than 0.714286"),
        (lambda: GainCircuit([[np.nan, 1.0]], [[0.0]]), "drive must be finite, got 1 NaN"),
        (lambda: GainCircuit([[-1.0, 1.0]], [[0.0]]), "drive must be at least 0, got -1"),
        (lambda: GainCircuit(F, W, decoder="best"), "inverse, ridge or a"),
        (lambda: GainCircuit(F, W, decoder=np.ones((3, 2))), r"decoder must have shape \(2, 2\)"),
        (lambda: GainCircuit(F, W, target=np.ones((2, 2))), r"got shapes \(2, 2\) and \(2, 3\)"),
        (lambda: GainCircuit(F, W, gain_site="soma"), "gain_site must be drive or total"),
        (lambda: GainCircuit(F, W, tau_r=0), "tau_r must be a finite number above 0"),
        (lambda: optimal_gains(circuit(gain_site="total"), P), 'method must be "lbfgs"'),
        (lambda: optimal_gains(circuit(rectify=True), P), 'method must be "lbfgs"'),
        (lambda: optimal_gains(circuit(), P, method="newton"), "closed or lbfgs"),
        (lambda: CodingCost(-1.0), "alpha must be a finite number at least 0"),
        (lambda: CodingCost(activity="l3"), "activity must be l2 or l1"),
        (lambda: circuit().responses([1.0, 1.0, 1.0]), r"g must have shape \(2,\)"),
        (lambda: circuit(gain_site="total").responses(100.0), "diag\\(g\\) W must be below 1"),
        (lambda: VonMisesKernel(-0.1), "w_e must be"),
        (lambda: OrientationPopulation(baseline=1.0), "baseline must lie in"),
        (lambda: preset("weak"), "preset must be one of default, strong"),
        (lambda: grid(0), "n must be a whole number"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_ridge_decoder_is_least_squares(float64):
    rng = np.random.default_rng(0)
    F, X = rng.uniform(0, 1, (3, 8)), rng.normal(size=(2, 8))
    c = GainCircuit(F, 0.2 * np.eye(3), decoder="ridge", target=X)
    R0 = F / 0.8
    exact = np.linalg.lstsq(R0.T, X.T, rcond=None)[0].T
    assert np.asarray(c.decoder) == pytest.approx(exact, abs=1e-3)
