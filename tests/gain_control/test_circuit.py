"""Steady states, their simulation, the online rule, populations and ensembles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symplast.gain_control import (
    CodingCost,
    GainCircuit,
    OrientationPopulation,
    VonMisesKernel,
    adapt_online,
    biased_21,
    biased_box,
    difference,
    grid,
    largest_rate,
    optimal_gains,
    preset,
    uniform,
)
from symplast.gain_control.online import pick
from symplast.gain_control.population import von_mises
from symplast.lab.jax_setup import CompileClock

F = [[1, 0.5, 0.2], [0.4, 1, 0.4]]
W = [[0, 0.2], [0.1, 0]]
P = [0.2, 0.3, 0.5]


@pytest.mark.parametrize("site", ["drive", "total"])
@pytest.mark.parametrize("rectify", [False, True])
def test_responses_are_where_the_dynamics_rest(site, rectify):
    with jax.enable_x64(True):
        c = GainCircuit(F, [[0, -1.5], [0.1, -0.3]], gain_site=site, rectify=rectify)
        g = np.array([0.7, 0.5])
        R = np.asarray(c.responses(g))
        Wn, drive = np.asarray(c.weights), np.asarray(c.drive)
        inside = g[:, None] * drive + Wn @ R if site == "drive" else g[:, None] * (drive + Wn @ R)
        assert pytest.approx(np.maximum(inside, 0) if rectify else inside, abs=1e-9) == R
        assert not rectify or R.min() == 0  # some are silent
        shown = np.asarray(c.simulate([1, 2, 0], g, 0.001, 400))
        assert shown == pytest.approx(R[:, [1, 2, 0]].T, abs=1e-8)


def test_simulation_remembers_and_warns():
    c = preset("default", 15, 31)[0].circuit()
    assert c.slowest_time_constant() == pytest.approx(0.020)
    assert preset("strong", 15, 31)[0].circuit().slowest_time_constant() == pytest.approx(0.0333, abs=1e-4)
    with pytest.warns(UserWarning, match="40 ms are shorter than 5 time constants"):
        short = c.simulate([0, 15], 1.0, 0.001, 40)
    assert not np.allclose(short[1], np.asarray(c.responses(1.0))[:, 15], atol=1e-3)
    with CompileClock() as clock, pytest.warns(UserWarning, match="shorter"):
        c.simulate([3, 4], 0.5, 0.0005, 40)
    assert clock.count == 0
    for wrong, message in (
        (lambda: c.simulate([0, 31], 1.0), r"whole numbers in \[0, 31\), got int64\[2\] from 0 to 31"),
        (lambda: c.simulate([0.5], 1.0), "stim_idx must be"),
        (lambda: c.simulate([0], 1.0, dt=0.02), "dt must be below tau_r"),
        (lambda: c.simulate([0], 1.0, steps_per_stim=0), "steps_per_stim"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()


def test_rectified_responses_that_run_away_are_refused():
    """A neuron that excites itself is stable while inhibition follows it, not where a third one silences that."""
    weights = np.array([[1.2, -2.0], [1.0, -1.2]])
    assert np.linalg.eigvals(weights).real.max() < 1
    c = GainCircuit([[1.0, 1.0], [0.0, 0.0]], weights, rectify=True)
    c.responses(1.0)  # inhibition follows excitation
    lone = np.array([[1.2, 0.0, -2.0], [0.0, -5.0, 0.0], [1.0, -9.0, -1.2]])
    assert np.linalg.eigvals(lone).real.max() < 1
    c = GainCircuit([[1.0], [50.0], [0.0]], lone, rectify=True)
    with pytest.raises(ValueError, match="don't settle"):
        c.responses(1.0)


def test_the_online_rule_converges_in_mean():
    run = adapt_online(GainCircuit(F, W), P, key=jax.random.key(0), steps=20_000, records=100, eta=0.02)
    best = optimal_gains(GainCircuit(F, W), P)
    assert run.late_mean() == pytest.approx(np.asarray(best.g), abs=0.01)
    assert run.stimuli.tolist()[:2] == [200, 400]
    assert float(run.loss[-1]) == pytest.approx(float(best.loss), abs=0.05)
    assert np.asarray(run.loss).min() >= float(best.loss) - 1e-5


@pytest.mark.parametrize("activity", ["l2", "l1"])
def test_its_mean_step_is_half_the_gradient(activity):
    """One stimulus of each kind, weighted by the ensemble, against the gradient at the same gains."""
    from symplast.gain_control import objective

    with jax.enable_x64(True):
        c, cost = GainCircuit(F, W), CodingCost(1.5, 0.3, activity)
        g0, eta = np.array([0.4, 1.3]), 1e-3
        steps = [np.asarray(adapt_online(c, P, cost, stim_idx=[m], g0=g0, eta=eta, records=1).g)[0] for m in range(3)]
        mean = np.array(P) @ (np.array(steps) - g0)
        gradient = jax.grad(lambda g: objective(c, g, np.array(P), cost).total)(g0)
        assert mean == pytest.approx(-eta / 2 * np.asarray(gradient), rel=1e-9)


def test_simulated_responses_give_the_same_gains():
    c = GainCircuit(F, W)
    idx = np.random.default_rng(0).choice(3, 400, p=P)
    steady = adapt_online(c, P, stim_idx=idx, records=4)
    simulated = adapt_online(c, P, stim_idx=idx, records=4, simulate=True, steps_per_stim=160)
    assert np.asarray(simulated.g) == pytest.approx(np.asarray(steady.g), abs=1e-4)
    with pytest.warns(UserWarning, match="biased"):
        adapt_online(c, P, stim_idx=idx, records=4, simulate=True, steps_per_stim=10)
    unknown = adapt_online(c, stim_idx=idx, records=4)
    assert np.isnan(np.asarray(unknown.loss)).all()
    assert np.array_equal(unknown.g, steady.g)


def test_seeds_side_by_side_repeat():
    c = GainCircuit(F, W)
    keys = jax.random.split(jax.random.key(1), 3)
    runs = adapt_online(c, P, key=keys, steps=500, records=5)
    assert runs.g.shape == (3, 5, 2)
    assert not np.allclose(runs.g[0], runs.g[1])
    again = adapt_online(c, P, key=keys, steps=500, records=5)
    assert np.array_equal(runs.g, again.g)
    with CompileClock() as clock:
        adapt_online(c, P[::-1], CodingCost(0.5, 0.7), key=keys, steps=500, records=5, eta=0.001, g0=0.3)
    assert clock.count == 0


def test_stimuli_are_drawn_as_often_as_the_ensemble_says():
    u = np.random.default_rng(0).uniform(size=40_000)
    shares = (
        np.bincount(np.asarray(pick(jnp.cumsum(jnp.array([0.2, 0.0, 0.5, 0.3])), jnp.asarray(u))), minlength=4) / u.size
    )
    assert shares == pytest.approx([0.2, 0, 0.5, 0.3], abs=0.01)
    assert int(pick(jnp.array([0.5, 1.0]), jnp.array([1.0]))[0]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": P}, "either stim_idx, or p and key"),
        ({"stim_idx": [0], "p": P, "key": jax.random.key(0)}, "either stim_idx"),
        ({"key": jax.random.key(0)}, "either stim_idx, or p and key"),
        ({"stim_idx": [0, 1, 2], "records": 2}, "records must divide the 3 stimuli"),
        ({"p": P, "key": jax.random.key(0), "eta": 5.0}, r"eta must be below 2 / lambda_max\(H\) = 0.8"),
        ({"p": [P, P], "key": jax.random.key(0)}, "one ensemble"),
        ({"stim_idx": [0] * 400, "eta": 50.0, "records": 4}, "diverge"),
    ],
)
def test_wrong_use_of_the_online_rule(options, message):
    with pytest.raises(ValueError, match=message):
        adapt_online(GainCircuit(F, W), **options)
    with pytest.raises(ValueError, match="linear in the gains"):
        adapt_online(GainCircuit(F, W, gain_site="total"), **options)


def test_the_largest_rate_is_that_of_the_hessian():
    H = np.array([[1.91547064, 0.16867972], [0.16867972, 2.30429488]])
    assert largest_rate(GainCircuit(F, W), P) == pytest.approx(2 / np.linalg.eigvalsh(H)[-1], rel=1e-6)


def test_ensembles():
    p = biased_21(0.35)
    assert p.sum() == pytest.approx(1, abs=1e-15)
    assert p[10] == 0.175
    assert p[9] == p[11] == 0.0875
    assert p[:9] == pytest.approx(0.0361111, abs=1e-7)
    assert uniform(8).tolist() == [1 / 8] * 8
    s = grid(181)
    for adapter in (0.0, 80.0):
        box = biased_box(s, 0.4, adapter=adapter)
        assert box.sum() == pytest.approx(1)
        assert box[np.abs(difference(s, adapter)) <= 12.9].sum() == pytest.approx(0.4)
    for wrong in (
        lambda: biased_box(s, 1.0), lambda: biased_box(s, 0.3, 90), lambda: biased_box(s[:3], 0.3, 0.1),
        lambda: biased_21(-0.1), lambda: biased_21(35),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"probability must|holds"):
            wrong()


@given(n=st.integers(2, 40), shift=st.floats(-1000, 1000))
def test_differences_on_a_circle(n, shift):
    s = grid(n)
    d = difference(s + shift, shift)
    assert ((d >= -90) & (d < 90)).all()
    assert np.sin(np.radians(2 * d)) == pytest.approx(np.sin(np.radians(2 * s)), abs=1e-9)
    assert difference(3.0, 100.0, None) == -97


def test_populations():
    pop = OrientationPopulation(n=6, n_stimuli=12, kappa_f=2.0, baseline=0.1, kernel=VonMisesKernel(0.6, 3.0, 0.2, 0.0))
    assert pop.weights.sum(axis=1) == pytest.approx(0.4)
    assert pop.weights[0, 3] == pytest.approx(
        0.6 * von_mises(np.array(90.0), 3.0) / von_mises(grid(6), 3.0).sum() - 0.2 / 6
    )
    assert pop.drive.max() == pytest.approx(1.0)
    assert pop.drive.min() == pytest.approx(0.1 + 0.9 * np.exp(-4.0))
    tones = OrientationPopulation(n=6, n_stimuli=12, period=6.0)  # another feature
    assert tones.preferred.tolist() == [-3, -2, -1, 0, 1, 2]
    assert tones.drive == pytest.approx(OrientationPopulation(n=6, n_stimuli=12).drive)
