"""The simulator against the equations written down once more, spike for spike, by every backend."""

import importlib.util

import jax
import numpy as np
import pytest

from symplast.spiking import EventTable
from symplast.sym_stdp import NetworkState, Parameters, SymSTDPConfig, new_state, run
from symplast.sym_stdp.encoding import WIDTHS, acting_units
from symplast.sym_stdp.simulation import advance

from .oracle import oracle

BACKENDS = ["jax", "numba"] if importlib.util.find_spec("numba") else ["jax"]
P, N, C, T = 40, 12, 3, 300
CONFIG = SymSTDPConfig(
    sum_in=9.0, sum_out_per_cell=1.5, w_max_in=0.7, nu_in=0.1, nu_out=0.5, tau_theta_ms=1e4, theta_plus=0.5
)


@pytest.fixture(scope="module")
def spikes():
    rng = np.random.default_rng(0)
    return rng.random((T, P)) < 0.06, rng.random((T, C)) < 0.1


def start(config=CONFIG, seed=1):
    return new_state(config, P, N, C, jax.random.key(seed))


def agree(found, wanted, tolerance):
    for part in found:
        for name, leaf in part._asdict().items():
            if name != "theta_rest":
                np.testing.assert_allclose(np.asarray(leaf), getattr(wanted, name), atol=tolerance, err_msg=name)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("learns", "taught", "quirks"),
    [("both", True, True), ("both", True, False), ("hidden", False, True), ("readout", True, True),
     ("none", False, True), ("none", True, True)],
)  # fmt: skip
def test_equals_the_equations(spikes, backend, learns, taught, quirks):
    config = CONFIG.replace(reference_quirks=quirks)
    teacher = spikes[1] if taught else None
    with jax.enable_x64(True):
        state = start(config)
        wanted, records = oracle(config, state, spikes[0], teacher, learns)
        found, fired = run(Parameters.of(config), state, spikes[0], teacher, learns, backend=backend)
        assert records[0].sum() > 5
        for ours, theirs in zip(fired, records, strict=True):
            np.testing.assert_array_equal(np.asarray(ours), theirs)
        agree(found, wanted, 1e-9)
        assert (np.asarray(found.plastic.w_in).max() == 0.7) == (learns in ("both", "hidden"))  # clipped


@pytest.mark.skipif(len(BACKENDS) < 2, reason="Numba is not installed")
def test_backends_fire_the_same_spikes_in_float32(spikes):
    params, state = Parameters.of(CONFIG), start()
    (a, fa), (b, fb) = (run(params, state, *spikes, backend=backend) for backend in ("jax", "numba"))
    assert all(np.array_equal(np.asarray(x), np.asarray(y)) for x, y in zip(fa, fb, strict=True))
    assert b.plastic.w_in.dtype == np.float32
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(np.asarray(x, float), np.asarray(y, float), atol=3e-5)


def test_two_parts_are_one_run(spikes):
    with jax.enable_x64(True):
        params, state = Parameters.of(CONFIG), start()
        whole, fired = run(params, state, *spikes)
        half, first = run(params, state, *(x[: T // 2] for x in spikes))
        both, second = run(params, half, *(x[T // 2 :] for x in spikes))
    np.testing.assert_array_equal(np.asarray(fired.hidden), np.concatenate([first.hidden, second.hidden]))
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(both), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-12)


def test_test_phase_leaves_weights_thresholds_and_traces_alone(spikes):
    params, state = Parameters.of(CONFIG), start()
    after, fired = run(params, state, spikes[0], None, False)
    assert np.asarray(fired.hidden).any()
    for before, now in zip(state.plastic, after.plastic, strict=True):
        assert np.asarray(before).tobytes() == np.asarray(now).tobytes()


def test_decay_of_theta_survives_float32(spikes):
    config = CONFIG.replace(theta_plus=0.0, tau_theta_ms=2e7)  # 5e-7 a step, below half of float32's resolution
    silent = np.zeros((3000, P), bool)
    found, _ = run(Parameters.of(config), start(config), silent, None, "hidden")
    wanted = 20 * (1 - 0.5 / 2e7) ** 3000
    assert np.asarray(found.plastic.theta) == pytest.approx(np.full(N, wanted), abs=2e-6)
    assert wanted < 20 - 1e-3


def test_replicates_side_by_side_are_single_networks(spikes):
    params = Parameters.of(CONFIG)
    states = [start(seed=seed) for seed in (1, 2)]
    stacked = jax.tree.map(lambda *leaves: jax.numpy.stack(leaves), *states)
    table = EventTable.of_array(spikes[0], widths=WIDTHS).units
    units, taught = jax.numpy.asarray(acting_units(states[0].cells.s_in, table)), jax.numpy.asarray(spikes[1])
    go = jax.jit(jax.vmap(lambda state: advance(params, state, units, taught, "both")))
    together, fired = go(stacked)
    for index, state in enumerate(states):
        alone, spiked = run(params, state, *spikes, backend="jax")
        np.testing.assert_array_equal(np.asarray(fired.hidden[index]), np.asarray(spiked.hidden))
        np.testing.assert_allclose(np.asarray(together.plastic.w_in[index]), np.asarray(alone.plastic.w_in), atol=1e-6)


def test_refractory_cells_wait_and_the_floor_holds():
    """A cell under strong input fires every 3 ms: V waits for five steps, then needs one."""
    config = CONFIG.replace(w_inh_exc=0.0, sum_in=400.0, w_max_in=1000.0)
    busy = np.ones((60, P), bool)
    state = start(config)
    _, fired = run(Parameters.of(config), state, busy, None, False)
    when = np.flatnonzero(np.asarray(fired.hidden)[:, 0])
    assert set(np.diff(when)) == {6}
    held, _ = run(Parameters.of(config), state, np.zeros((1, P), bool), None, False)
    assert np.asarray(held.cells.v_hid).tolist() == [-100.0] * N


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_spikes": np.zeros((5, P + 1), bool)}, r"input_spikes must be \(T, P=40\)"),
        ({"input_spikes": np.zeros((0, P), bool)}, "at least one step"),
        ({"teacher_spikes": np.zeros((4, C), bool)}, r"teacher_spikes must be \(T=5, C=3\)"),
        ({"plastic": "some"}, "plastic must be True, False, both, hidden, readout or none; got 'some'"),
        ({"backend": "torch"}, "backend must be auto, jax or numba; got 'torch'"),
    ],
)
def test_wrong_input(change, message):
    given = {"input_spikes": np.zeros((5, P), bool), "teacher_spikes": None, "plastic": True} | change
    with pytest.raises(ValueError, match=message):
        run(Parameters.of(CONFIG), start(), **given)


def test_state_is_a_tree_of_arrays():
    state = start()
    assert isinstance(state, NetworkState)
    assert all(hasattr(leaf, "dtype") for leaf in jax.tree.leaves(state))
