"""Neurons: closed forms, resets, refractoriness, adaptation, the published step orders, gradients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.spiking import IF, LIF, AdaptiveThreshold, ConductanceLIF, Sigmoid, ThresholdNeuron, simulate

NEVER = 1e9
NEURONS = [IF(), LIF(), ConductanceLIF((0.0, -80.0), v_rest=-65.0, v_reset=-65.0, threshold=-50.0)]
NAMES = [type(neuron).__name__ for neuron in NEURONS]


def drive(neuron, x):
    return (x, x) if isinstance(neuron, ConductanceLIF) else x


def voltages(neuron, inputs, dt_ms, jumps=None):
    """Membrane after each step, and spikes."""

    def step(state, now):
        current, jump = now
        state, spikes = neuron.step(state, current, dt_ms, jump)
        return state, (state.v, spikes)

    jumps = jnp.zeros(len(inputs)) if jumps is None else jumps
    _, (v, spikes) = simulate(step, neuron.init(), (inputs, jumps))
    return np.asarray(v), np.asarray(spikes)


@settings(max_examples=25, deadline=None)
@given(st.floats(-5, 5), st.floats(1, 100), st.floats(0.1, 20), st.floats(-2, 2))
def test_lif_is_exact_for_any_step(current, tau, dt, rest):
    with jax.enable_x64(True):
        cell = LIF(tau_ms=tau, threshold=NEVER, v_rest=rest)
        state = cell.init()
        for _ in range(10):
            state, _ = cell.step(state, current, dt)
        assert float(state.v) == pytest.approx(rest + current * (1 - np.exp(-10 * dt / tau)), abs=1e-11)


def test_lif_first_spike_is_where_the_closed_form_says():
    with jax.enable_x64(True):
        current = np.linspace(1.05, 4, 30)
        cells = LIF(tau_ms=20.0)
        _, spikes = simulate(lambda s, i: cells.step(s, i, 0.5), cells.init((30,)), jnp.tile(current, (200, 1)))
        first = np.argmax(np.asarray(spikes), axis=0) + 1
        np.testing.assert_array_equal(first, np.ceil(20 * np.log(current / (current - 1)) / 0.5))


def test_euler_lif_with_a_constant_drive():
    # k = ceil(ln(1 - 1/I) / ln(1 - dt/tau)) = 22 updates: step 21
    with jax.enable_x64(True):
        _, spikes = voltages(LIF(tau_ms=20.0, refractory_ms=2.0, method="euler"), jnp.full(40, 1.5), 1.0)
    assert np.flatnonzero(spikes).tolist() == [21]


def test_two_coupled_cells_with_instantaneous_synapses():
    with jax.enable_x64(True):
        cells = LIF(tau_ms=20.0, refractory_ms=2.0, method="euler")
        weights = jnp.array([[0.0, 0.6], [-0.4, 0.0]])

        def step(state, current):
            membrane, spikes = state
            membrane, spikes = cells.step(membrane, current, 1.0, jump=weights @ spikes)
            return (membrane, spikes), spikes

        start = cells.init((2,)), jnp.zeros(2, bool)
        _, spikes = simulate(step, start, jnp.tile(jnp.array([1.2, 1.4]), (60, 1)))
    assert [np.flatnonzero(train).tolist() for train in np.asarray(spikes).T] == [[25, 52], [24, 51]]


def test_discrete_lif_with_soft_reset_takes_inputs_as_jumps():
    neuron = LIF(tau_ms=2.0, v_reset=None, method="euler", surrogate=Sigmoid(4.0))
    v, spikes = voltages(neuron, jnp.zeros(4), 1.0, jnp.full(4, 0.8))
    np.testing.assert_allclose(v, [0.8, 0.2, 0.9, 0.25], rtol=1e-6)
    assert spikes.tolist() == [0, 1, 0, 1]


def test_discrete_lif_with_decayed_input_and_hard_reset():
    v, spikes = voltages(LIF(tau_ms=2.0, method="euler"), jnp.full(4, 2.4), 1.0)
    assert spikes.all()
    np.testing.assert_array_equal(v, 0)


def test_if_counts_its_input():
    with jax.enable_x64(True):
        v, spikes = voltages(IF(v_reset=None, threshold=0.3), jnp.full(9, 0.1), 1.0)
    assert spikes.sum() == 3  # the charge 0.9 in spikes of 0.3
    assert v[-1] == pytest.approx(0, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 0.9), min_size=1, max_size=30))
def test_soft_reset_loses_no_charge(inputs):
    with jax.enable_x64(True):
        cell = IF(v_reset=None)
        state, fired = cell.init(), 0
        for x in inputs:
            state, spike = cell.step(state, x, 1.0)
            fired += int(spike)
        assert float(state.v) + fired == pytest.approx(sum(inputs), abs=1e-12)


def published_conductance_cell(g_exc, g_inh, dt=0.5):
    """The excitatory cell of arXiv:1812.06574, line by line in the published order."""
    v, timer, theta = -105.0, 10.0, 20.0
    records = []
    for g_p, g_i in zip(g_exc, g_inh, strict=True):
        if timer > 2:
            v += dt / 100 * (-65 - v + g_p * (0 - v) + g_i * (-100 - v))
        v = max(v, -100)
        timer += dt
        theta -= theta / 6e6 * dt
        spike = v > theta - 20 - 52 and timer > 2
        if spike:
            theta += 0.07 * 10 / abs(theta - 10)
            v, timer = -65.0, 0.0
        records.append((v, theta, spike))
    return map(np.array, zip(*records, strict=True))


class Shrinking(eqx.Module):
    scale: float = 0.07

    def __call__(self, theta):
        return self.scale * 10 / jnp.abs(theta - 10)


def test_conductance_cell_with_adaptive_threshold_in_the_published_order():
    generator = np.random.default_rng(0)
    g_exc = generator.gamma(0.5, 4.0, 4000)
    g_inh = 17.0 * generator.poisson(0.01, 4000)
    v, theta, spikes = published_conductance_cell(g_exc, g_inh)
    assert 20 < spikes.sum() < 1000
    with jax.enable_x64(True):
        adaptation = AdaptiveThreshold(base=-72.0, tau_ms=6e6, increment=Shrinking(), start=20.0, method="euler")
        cell = ConductanceLIF(
            (0.0, -100.0),
            tau_ms=100.0,
            threshold=adaptation,
            v_rest=-65.0,
            v_reset=-65.0,
            refractory_ms=2.5,
            v_floor=-100.0,
            method="euler",
            strict=True,
        )

        def step(state, conductances):
            state, fired = cell.step(state, conductances, 0.5)
            return state, (state.v, state.theta, fired)

        start = cell.init()._replace(v=jnp.array(-105.0))
        _, ours = simulate(step, start, (jnp.asarray(g_exc), jnp.asarray(g_inh)))
    np.testing.assert_array_equal(ours[2], spikes)
    np.testing.assert_allclose(ours[0], v, rtol=1e-12)
    np.testing.assert_allclose(ours[1], theta, rtol=1e-12)


def test_conductances_pull_to_the_fixed_point_at_their_own_speed():
    with jax.enable_x64(True):
        cell = ConductanceLIF((0.0, -100.0), tau_ms=100.0, v_rest=-65.0, v_reset=-65.0, threshold=NEVER)
        state, _ = cell.step(cell.init(), (2.0, 0.0), 25.0)
        fixed = -65 / 3
        assert float(state.v) == pytest.approx(fixed + (-65 - fixed) * np.exp(-25 * 3 / 100), rel=1e-12)
        state, _ = cell.step(cell.init(), (0.0, 0.0, 30.0), 1e4)
        assert float(state.v) == pytest.approx(-35)


def test_exact_conductances_stay_between_the_reversals_however_strong():
    cell = ConductanceLIF((0.0, -100.0), tau_ms=100.0, v_rest=-65.0, v_reset=-65.0, threshold=NEVER)
    strong = jnp.array([0.0, 1.0, 1e3, 1e6])
    state, _ = cell.step(cell.init((4,)), (strong, strong[::-1]), 0.5)
    assert bool(((state.v >= -100) & (state.v <= 0)).all())


@pytest.mark.parametrize("neuron", NEURONS, ids=NAMES)
def test_refractory_cells_wait_so_many_steps(neuron):
    waiting = eqx.tree_at(lambda n: n.refractory_ms, neuron, jnp.asarray(1.5), is_leaf=lambda leaf: leaf is None)
    state, fired = waiting.init((2,)), []
    for _ in range(9):
        state, spikes = waiting.step(state, drive(neuron, 0.0), 0.5, jump=jnp.array([1e3, 0.0]))
        fired.append(spikes.tolist())
    assert np.flatnonzero(np.array(fired)[:, 0]).tolist() == [0, 4, 8]
    assert not np.array(fired)[:, 1].any()


def test_membranes_are_held_while_refractory():
    cell = LIF(tau_ms=10.0, v_reset=0.25, refractory_ms=3.0)
    v, spikes = voltages(cell, jnp.full(8, 20.0), 1.0)
    assert np.flatnonzero(spikes).tolist() == [0, 4]
    assert v[:4].tolist() == [0.25] * 4


def test_adaptation_decays_then_compares_then_rises():
    cell = LIF(threshold=AdaptiveThreshold(base=1.0, tau_ms=10.0, increment=0.5, start=2.0), v_reset=None)
    state, spikes = cell.step(cell.init(), 0.0, 10.0, jump=2.0)
    decayed = 2 * np.exp(-1)  # the threshold is 1.736 in this step, 3 before
    assert bool(spikes)
    assert float(state.theta) == pytest.approx(decayed + 0.5)
    assert float(state.v) == pytest.approx(2 - 1 - decayed)


def test_frozen_adaptation_keeps_every_bit():
    frozen = AdaptiveThreshold(base=0.1, tau_ms=np.inf, increment=0.0, start=0.7654321)
    cell = LIF(threshold=frozen)
    state = start = cell.init((3,))
    for _ in range(20):
        state, spikes = cell.step(state, 5.0, 5.0)
    assert bool(spikes.all())
    np.testing.assert_array_equal(state.theta, start.theta)


def test_at_threshold_or_above_only():
    for strict, fires in ((False, True), (True, False)):
        for surrogate in (None, Sigmoid()):
            cell = IF(strict=strict, surrogate=surrogate)
            _, spike = cell.step(cell.init(), 1.0, 1.0)
            assert bool(spike) is fires
            assert spike.dtype == (bool if surrogate is None else jnp.float32)


@pytest.mark.parametrize("neuron", NEURONS, ids=NAMES)
def test_surrogates_do_not_change_the_forward_pass(neuron):
    soft = eqx.tree_at(lambda n: n.surrogate, neuron, Sigmoid(), is_leaf=lambda leaf: leaf is None)
    inputs = jax.random.uniform(jax.random.key(0), (50,), maxval=4.0)
    inputs = (inputs, 0.2 * inputs) if isinstance(neuron, ConductanceLIF) else inputs
    plain = simulate(lambda s, i: neuron.step(s, i, 2.0), neuron.init(), inputs)
    differentiable = simulate(lambda s, i: soft.step(s, i, 2.0), soft.init(), inputs)
    assert plain[1].sum() > 0
    np.testing.assert_array_equal(plain[1], differentiable[1])
    np.testing.assert_array_equal(plain[0].v, differentiable[0].v)


def bptt_by_hand(x, alpha=4.0):
    """d(sum of spikes)/dx for v <- v/2 + x_t, soft reset whose spike is not differentiated."""
    v, before = 0.0, []
    for value in x:
        v = v / 2 + value
        before.append(v)
        v -= v >= 1
    s = 1 / (1 + np.exp(-alpha * (np.array(before) - 1)))
    slope = alpha * s * (1 - s)
    return np.array([sum(slope[later] * 0.5 ** (later - t) for later in range(t, len(x))) for t in range(len(x))])


@pytest.mark.parametrize("checkpoint_every", [None, 1, 4, 100])
def test_gradient_through_time_is_the_one_by_hand(checkpoint_every):
    x = np.array([0.8, 0.7, 0.1, 0.9, 1.2, 0.3, 0.8, 0.2, 0.5, 0.9])
    with jax.enable_x64(True):
        cell = LIF(tau_ms=2.0, v_reset=None, method="euler", surrogate=Sigmoid(4.0))

        def fired(x):
            def step(state, jump):
                return cell.step(state, 0.0, 1.0, jump)

            return simulate(step, cell.init(), x, checkpoint_every=checkpoint_every)[1].sum()

        gradient = jax.grad(fired)(jnp.asarray(x))
    np.testing.assert_allclose(gradient, bptt_by_hand(x), rtol=1e-12)


@pytest.mark.parametrize("v_reset", [None, 0.3])
def test_gradients_pass_through_the_reset_where_asked_for(v_reset):
    def after(x, detach):
        cell = LIF(tau_ms=2.0, method="euler", surrogate=Sigmoid(4.0), v_reset=v_reset, detach_reset=detach)
        state, _ = cell.step(cell.init(), 0.0, 1.0, jump=x)
        return state.v

    x, z = 1.1, 0.1
    s = 1 / (1 + np.exp(-4 * z))
    slope = 4 * s * (1 - s)
    kept = 1.0 if v_reset is None else 0.0
    through = -slope if v_reset is None else (v_reset - x) * slope
    assert float(jax.grad(after)(x, True)) == pytest.approx(kept, abs=1e-6)
    assert float(jax.grad(after)(x, False)) == pytest.approx(kept + through, rel=1e-5)


def test_parameters_vmap_and_differ_by_cell():
    taus = jnp.array([5.0, 10.0, 20.0])
    together = LIF(tau_ms=taus, threshold=NEVER)
    state, _ = together.step(together.init((3,)), 1.0, 1.0)
    apart = eqx.filter_vmap(lambda tau: LIF(tau_ms=tau, threshold=NEVER))(taus)
    one = jax.vmap(lambda cell: cell.step(cell.init(), 1.0, 1.0)[0].v)(apart)
    np.testing.assert_array_equal(state.v, one)
    np.testing.assert_allclose(state.v, 1 - np.exp(-1 / taus), rtol=1e-6)


def test_a_membrane_of_ones_own_needs_one_method():
    class Quadratic(ThresholdNeuron):
        def charge(self, v, inputs, dt_ms):
            return v + dt_ms * (v * v + inputs)

    cells = Quadratic(threshold=10.0, v_reset=-10.0, refractory_ms=1.0, surrogate=Sigmoid())
    v, spikes = voltages(cells, jnp.full(200, 1.0), 0.1)
    assert spikes.sum() >= 2
    assert v.max() < 10


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LIF(tau_ms=0.0), "tau_ms must be positive"),
        (lambda: LIF(tau_ms=np.nan), "tau_ms must be positive"),
        (lambda: LIF(threshold=np.nan), "threshold must be finite"),
        (lambda: LIF(v_reset=np.inf), "v_reset must be finite"),
        (lambda: LIF(refractory_ms=-1.0), "refractory_ms must be at least 0"),
        (lambda: LIF(method="heun"), "method must be one of exact, euler"),
        (lambda: LIF().step(LIF().init(), 0.0, 0.0), "dt_ms must be positive"),
        (lambda: ConductanceLIF(()), "reversals must hold at least one"),
        (lambda: ConductanceLIF((0.0,)).step(ConductanceLIF((0.0,)).init(), (), 1.0), "inputs must be 1 conductances"),
        (lambda: AdaptiveThreshold(tau_ms=-1.0), "tau_ms must be positive"),
        (lambda: AdaptiveThreshold(increment=np.nan), "increment must be finite"),
        (lambda: LIF(threshold=AdaptiveThreshold()).step(LIF().init(), 0.0, 1.0), "state has no theta"),
        (lambda: LIF(refractory_ms=2.0).step(LIF().init(), 0.0, 1.0), "state has no waiting times"),
        (lambda: LIF().step(LIF(refractory_ms=2.0).init(), 0.0, 1.0), "state has waiting times"),
    ],
)
def test_wrong_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
