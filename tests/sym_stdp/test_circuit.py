"""Reference values of cells and threshold, and the guard of its singularity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.lab.jax_setup import CompileClock
from symplast.sym_stdp import Parameters, SymSTDPConfig, new_state, rested
from symplast.sym_stdp.circuit import Threshold, classifier_step, decayed, hidden_step, raised

pytestmark = pytest.mark.usefixtures("float64")


def level(theta):
    return Threshold(jnp.array([theta]), jnp.zeros(1), jnp.zeros((), jnp.int32))


def test_theta_after_one_spike():
    params, spike = Parameters.of(SymSTDPConfig()), jnp.array([True])
    first = raised(params, decayed(params, level(20.0)), spike)
    assert float(first.theta[0] - 20.07) == pytest.approx(-0.0000017, abs=5e-8)
    assert float(raised(params, level(40.0), spike).theta[0]) == pytest.approx(40.02333, abs=5e-6)


def test_guard_of_the_singularity_acts_and_counts():
    params, spike = Parameters.of(SymSTDPConfig()), jnp.array([True])
    at_pole = raised(params, level(10.0), spike)
    assert float(at_pole.theta[0]) == pytest.approx(10 + 0.07 * 10 / 1e-3)
    assert int(at_pole.guarded) == 1
    assert int(raised(params, level(10.0), ~spike).guarded) == 0
    below = raised(params, level(5.0), spike)
    assert float(below.theta[0]) == pytest.approx(5 + 0.07 * 10 / 5)


def test_a_silent_cell_reaches_the_pole_after_8300_presentations():
    params = Parameters.of(SymSTDPConfig())
    per_presentation = (1 - float(params.theta_rate)) ** 1000
    assert np.log(0.5) / np.log(per_presentation) == pytest.approx(8318, abs=2)


def test_conductances_fade_by_their_factors():
    params = Parameters.of(SymSTDPConfig())
    cells = rested(SymSTDPConfig(), 1, 1, 1)._replace(g_in=jnp.ones(1), g_lat=jnp.ones(1))
    after, _ = hidden_step(params, cells, jnp.zeros(1), level(20.0), adapts=False)
    assert float(after.g_in[0]) == pytest.approx(0.60653066, abs=5e-9)
    assert float(after.g_lat[0]) == pytest.approx(0.77880078, abs=5e-9)


def test_membrane_under_constant_conductance():
    """Fixed point (-65 + 0) / 3 and time constant 100 / 3 ms, as Euler takes it."""
    config = SymSTDPConfig(v_threshold=0.0, tau_exc_ms=1e12)
    params, cells = Parameters.of(config), rested(config, 1, 1, 1)._replace(g_in=jnp.full(1, 2.0))

    def step(cells, _):
        cells, _ = hidden_step(params, cells, jnp.zeros(1), level(20.0), adapts=False)
        return cells, cells.v_hid[0]

    v = np.asarray(jax.lax.scan(step, cells, None, 1200)[1])
    assert v[-1] == pytest.approx(-21.667, abs=5e-4)
    left = (v[100] + 65 / 3) / (v[99] + 65 / 3)
    assert left == pytest.approx(1 - 0.5 / (100 / 3), rel=1e-9)


def test_every_inhibitory_spike_reaches_all_but_its_partner():
    params, cells = Parameters.of(SymSTDPConfig()), rested(SymSTDPConfig(), 1, 3, 1)
    cells = cells._replace(s_inh=jnp.array([True, True, False]))
    three = Threshold(*(jnp.repeat(leaf, 3) for leaf in level(20.0)[:2]), jnp.zeros((), jnp.int32))
    after, _ = hidden_step(params, cells, jnp.zeros(3), three, adapts=False)
    assert np.asarray(after.g_lat) == pytest.approx(np.array([17, 17, 34]) * np.exp(-0.25))


def test_classifier_cells_have_no_refractoriness():
    params, cells = Parameters.of(SymSTDPConfig()), rested(SymSTDPConfig(), 1, 1, 1)
    for _ in range(3):
        cells = classifier_step(params, cells, jnp.full(1, 50.0))
        assert bool(cells.s_out[0])
        assert float(cells.v_out[0]) == -45.0


def test_other_constants_compile_nothing_anew():
    new_state(SymSTDPConfig(), 30, 8, 3, jax.random.key(0))
    with CompileClock() as clock:
        new_state(SymSTDPConfig(sum_in=3.0, w_start=0.1, trace_start=0.0), 30, 8, 3, jax.random.key(1))
        rested(SymSTDPConfig(v_rest=-70.0), 31, 9, 4)
    assert clock.count == 0


def test_first_state():
    config = SymSTDPConfig.preset("fashion-400")
    state = new_state(config, 100, 40, 10, jax.random.key(0))
    assert np.asarray(state.plastic.w_in.sum(axis=0)) == pytest.approx(np.full(40, 19.6))
    assert np.asarray(state.plastic.w_out.sum(axis=0)) == pytest.approx(np.full(10, 80))
    assert {float(v) for v in state.cells.v_hid} == {-105.0}
    assert float(state.plastic.x_in[0]) == 1.0
    assert {float(v) for v in rested(config, 4, 4, 4).v_hid} == {-65.0}
