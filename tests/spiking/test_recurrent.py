"""Recurrent networks: the loop over events against the scan, seed by seed; runs in pieces; wrong input."""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.spiking import (
    LIF,
    AdaptiveThreshold,
    ExponentialSynapse,
    FanOut,
    FastSigmoid,
    Projection,
    RecurrentNetwork,
    run_network,
    simulate,
)

EXCITATORY, CELLS, DT = 480, 600, 0.1
needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
KINDS = {
    "hard reset": {"v_reset": -60.0, "refractory_ms": 5.0},
    "soft reset, Euler, strict": {"v_reset": None, "refractory_ms": 2.0, "method": "euler", "strict": True},
    "no refractoriness": {"v_reset": -60.0},
}


def balanced(seed, **settings):
    """A small copy of the benchmark network with a state to start from."""
    generator = np.random.default_rng(seed)
    present = generator.random((CELLS, CELLS)) < 0.1
    excitatory = FanOut.of_dense(np.where(present[:EXCITATORY], 2.0, 0))
    inhibitory = FanOut.of_dense(np.where(present[EXCITATORY:], -11.0, 0))
    cells = LIF(tau_ms=20.0, threshold=-50.0, v_rest=-49.0, **settings)
    projections = (
        Projection(excitatory, ExponentialSynapse(5.0)),
        Projection(inhibitory, ExponentialSynapse(10.0), EXCITATORY),
    )
    network = RecurrentNetwork(cells, projections)
    state = network.init(CELLS)
    v = jnp.asarray(generator.uniform(-60, -50, CELLS), state.membrane.v.dtype)
    return network, state._replace(membrane=state.membrane._replace(v=v))


def both(network, state, steps, **settings):
    return [run_network(network, state, steps, DT, backend=backend, **settings) for backend in ("jax", "numba")]


@needs_numba
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("settings", KINDS.values(), ids=KINDS)
def test_backends_agree_in_float64_spike_by_spike(settings, seed):
    with jax.enable_x64(True):
        network, state = balanced(seed, **settings)
        (end, firing), (other, events) = both(network, state, 3000, current=jnp.linspace(0.0, 0.5, CELLS))
        assert (firing.backend, events.backend) == ("jax", "numba")
        assert firing.steps.size > 500
        np.testing.assert_array_equal(firing.steps, events.steps)
        np.testing.assert_array_equal(firing.cells, events.cells)
        assert jax.tree.structure(end) == jax.tree.structure(other)
        for a, b in zip(jax.tree.leaves(end), jax.tree.leaves(other), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)


@needs_numba
@pytest.mark.parametrize("seed", range(3))
def test_backends_agree_in_float32_until_chaos_and_then_in_rate(seed):
    network, state = balanced(seed, **KINDS["hard reset"])
    (_, firing), (_, events) = both(network, state, 10_000)
    early = [f.cells[f.steps < 200] for f in (firing, events)]
    assert early[0].size > 50
    np.testing.assert_array_equal(*early)
    assert events.cells.size == pytest.approx(firing.cells.size, rel=0.1)


@needs_numba
def test_float32_states_stay_close():
    network, state = balanced(0, **KINDS["hard reset"])
    (end, _), (other, _) = both(network, state, 200)
    np.testing.assert_allclose(end.membrane.v, other.membrane.v, rtol=0, atol=1e-3)
    for a, b in zip(end.currents, other.currents, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-3)


@pytest.mark.parametrize("backend", ["jax", pytest.param("numba", marks=needs_numba)])
def test_a_run_in_pieces_is_the_run(backend):
    network, state = balanced(1, **KINDS["hard reset"])
    before = jax.tree.map(np.array, state)
    whole, firing = run_network(network, state, 700, DT, backend=backend)
    half, first = run_network(network, state, 300, DT, backend=backend)
    rest, second = run_network(network, half, 400, DT, backend=backend)
    np.testing.assert_array_equal(firing.cells, np.concatenate([first.cells, second.cells]))
    np.testing.assert_array_equal(firing.steps, np.concatenate([first.steps, second.steps + 300]))
    jax.tree.map(np.testing.assert_array_equal, whole, rest)
    jax.tree.map(np.testing.assert_array_equal, state, before)
    same, nothing = run_network(network, state, 0, DT, backend=backend)
    jax.tree.map(np.testing.assert_array_equal, same, before)
    assert nothing.steps.size == nothing.cells.size == 0


def test_the_scan_in_rounds_is_the_scan(monkeypatch):
    network, state = balanced(2, **KINDS["hard reset"])
    _, firing = run_network(network, state, 500, DT, backend="jax")
    monkeypatch.setattr("symplast.spiking.recurrent.KEPT", 200 * CELLS)
    _, rounds = run_network(network, state, 500, DT, backend="jax")
    np.testing.assert_array_equal(firing.steps, rounds.steps)
    np.testing.assert_array_equal(firing.cells, rounds.cells)
    spikes = simulate(lambda state, _: network.step(state, 0.0, DT), state, steps=500)[1]
    np.testing.assert_array_equal(np.nonzero(np.asarray(spikes))[0], firing.steps)


@needs_numba
def test_many_spikes_outgrow_the_first_buffer():
    network, state = balanced(0, v_reset=-60.0)
    _, firing = run_network(network, state, 60, DT, current=1e6, backend="numba")
    assert firing.cells.size == 60 * CELLS


def test_auto_takes_numba_where_it_can(monkeypatch):
    network, state = balanced(0, **KINDS["hard reset"])
    found = run_network(network, state, 2, DT)[1].backend
    assert found == ("numba" if importlib.util.find_spec("numba") else "jax")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run_network(network, state, 2, DT)[1].backend == "jax"
    with pytest.raises(ImportError, match=r"symplast\[fast\]"):
        run_network(network, state, 2, DT, backend="numba")


@pytest.mark.parametrize(
    "settings",
    [
        {"surrogate": FastSigmoid()},
        {"threshold": AdaptiveThreshold(-50.0)},
        {"refractory_ms": jnp.full(CELLS, 3.0)},
    ],
)
def test_cells_that_the_loop_cannot_run(settings):
    if "surrogate" in settings:  # its spikes are numbers, which propagate refuses
        network, state = balanced(0)
        network = RecurrentNetwork(LIF(threshold=-50.0, v_rest=-49.0, **settings), network.projections)
    else:
        cells = LIF(**{"threshold": -50.0, "v_rest": -49.0} | settings)
        network = RecurrentNetwork(cells, balanced(0)[0].projections)
        state = network.init(CELLS)
        assert run_network(network, state, 3, DT)[1].backend == "jax"
    if importlib.util.find_spec("numba"):
        with pytest.raises(ValueError, match='take backend "jax"'):
            run_network(network, state, 3, DT, backend="numba")


def test_wrong_input():
    network, state = balanced(0, **KINDS["hard reset"])
    for settings, message in (
        ({"backend": "c"}, "backend must be auto, jax or numba"),
        ({"current": np.nan}, "current must be finite"),
        ({"current": np.zeros(3)}, "current must be one number or one for each of the 600 cells"),
        ({"steps": -1}, "steps"),
        ({"dt_ms": 0.0}, "dt_ms must be positive"),
        ({"dt_ms": 20.0}, "refractory_ms must be 0 or more than half a step"),
    ):
        given = {"steps": 3, "dt_ms": DT} | settings
        with pytest.raises(ValueError, match=message):
            run_network(network, state, **given)
    with pytest.raises(ValueError, match="projections must hold at least one"):
        RecurrentNetwork(LIF(), ())
    with pytest.raises(ValueError, match=r"projections\[0\] must lead from and to the 5 cells"):
        network.init(5)
    with pytest.raises(ValueError, match="state must be of this network"):
        run_network(network, state._replace(currents=state.currents[:1]), 3, DT)
