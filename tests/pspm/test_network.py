"""The neurons against hand-computed spikes, and what is drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.pspm import (
    LIFParams,
    criticality,
    draw_drive,
    draw_weights,
    inhibitory_cells,
    simulate_lif,
    simulate_pif,
)

KEY = jax.random.key(0)
PARAMS = LIFParams()


def spikes_of(W, drive):
    with jax.enable_x64(True):
        spikes = np.asarray(simulate_lif(np.asarray(W, float), np.asarray(drive, float), PARAMS).spikes)
    return [np.flatnonzero(train).tolist() for train in spikes.T]


def test_two_coupled_neurons_fire_at_the_reference_steps() -> None:
    assert spikes_of([[0, 0.6], [-0.4, 0]], np.tile([1.2, 1.4], (60, 1))) == [[25, 52], [24, 51]]


@pytest.mark.parametrize("drive", [1.05, 1.5, 3.0, 25.0])
def test_first_spike_follows_the_closed_form(drive: float) -> None:
    updates = int(np.ceil(np.log(1 - 1 / drive) / np.log(1 - 1 / 20) - 1e-9))
    assert spikes_of([[0.0]], np.full((80, 1), drive))[0][0] == updates - 1


def test_input_in_refractory_steps_is_lost() -> None:
    drive = np.zeros((8, 1))
    drive[[0, 1, 2, 3], 0] = 40.0  # each alone reaches the threshold
    assert spikes_of([[0.0]], drive) == [[0, 3]]


def test_simulation_equals_a_plain_loop() -> None:
    inhibitory = inhibitory_cells(12)
    drive, W = draw_drive(KEY, 120, 12, 1.2, 1.0), draw_weights(KEY, inhibitory, 0.4)
    with jax.enable_x64(True):
        W64, drive64 = np.asarray(W, np.float64), np.asarray(drive, np.float64)
        found = simulate_lif(W64, drive64, PARAMS, keep_v=True)
    v, waiting, fired, spikes = np.zeros(12), np.zeros(12, int), np.zeros(12), []
    for current in drive64:
        ready = waiting == 0
        v = np.where(ready, v + (current - v) / 20 + W64 @ fired, 0.0)
        now = ready & (v >= 1)
        waiting = np.where(now, 2, np.maximum(waiting - 1, 0))
        v = np.where(now, 0.0, v)
        fired = now.astype(float)
        spikes.append(now)
    np.testing.assert_array_equal(found.spikes, spikes)
    np.testing.assert_allclose(found.v[-1], v, atol=1e-12)
    assert np.sum(spikes) > 40


def test_drawn_weights() -> None:
    inhibitory = inhibitory_cells(80)
    W = np.asarray(draw_weights(KEY, inhibitory, 0.08))
    assert inhibitory.sum() == 16
    assert (np.diag(W) == 0).all()
    assert W[:, ~inhibitory].min() >= 0
    assert 0.039 < W[:, ~inhibitory].max() <= 0.04  # half of 0.08: 80 neurons
    assert -0.12 <= W[:, inhibitory].min() < -0.117
    weaker = np.asarray(draw_weights(KEY, inhibitory, 0.08, inhibition=1.5, scale_units=None))
    np.testing.assert_allclose(weaker[:, ~inhibitory], 2 * W[:, ~inhibitory], rtol=1e-6)
    np.testing.assert_allclose(weaker[:, inhibitory], W[:, inhibitory], rtol=1e-6)
    assert LIFParams(n_ref=np.int64(3)).n_ref == 3


def test_probabilistic_neurons_are_silent_while_refractory_and_fire_at_their_rate() -> None:
    spikes = np.asarray(simulate_pif(jnp.zeros((50, 50)), 0.2, 400, PARAMS, KEY).spikes)
    gaps = np.concatenate([np.diff(np.flatnonzero(train)) for train in spikes.T])
    assert gaps.min() == 3
    assert gaps.mean() == pytest.approx(2 + 1 / 0.2, rel=0.05)
    assert criticality(jnp.array([[0, -2.0], [0.5, 0]])) == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LIFParams(tau_ms=0), "tau_ms must be positive"),
        (lambda: LIFParams(n_ref=-1), "n_ref must be"),
        (lambda: LIFParams(dt_ms=5).steps(2, "window_ms"), "window_ms must be at least one step"),
        (lambda: simulate_lif(jnp.ones((2, 2)), jnp.ones((5, 2)), PARAMS), "W must be 0 on the diagonal"),
        (lambda: simulate_lif(jnp.zeros((2, 3)), jnp.ones((5, 2)), PARAMS), "W must be square"),
        (lambda: simulate_lif(jnp.zeros((2, 2)) * jnp.nan, jnp.ones((5, 2)), PARAMS), "W must be finite"),
        (lambda: simulate_lif(jnp.zeros((2, 2)), jnp.ones((5, 3)), PARAMS), "drive must be"),
        (lambda: simulate_lif(jnp.zeros((2, 2)), jnp.full((5, 2), jnp.nan), PARAMS), "drive must be finite"),
        (lambda: simulate_pif(jnp.zeros((2, 2)), 2.0, 5, PARAMS, KEY), "p_ext must be a probability"),
        (lambda: simulate_pif(jnp.zeros((2, 2)), 0.1, 0, PARAMS, KEY), "n_steps must be"),
        (lambda: inhibitory_cells(5, 2.0), "share must be"),
        (lambda: inhibitory_cells(-3), "units must be"),
        (lambda: LIFParams(n_ref=True), "n_ref must be"),
        (lambda: criticality(jnp.ones((2, 3))), "W must be square"),
        (lambda: criticality([[np.nan]]), "W must be finite"),
        (lambda: criticality(np.zeros((0, 0))), "at least one neuron"),
        (lambda: criticality([["a"]]), "real numbers"),
        (lambda: draw_weights(KEY, inhibitory_cells(5), -0.1), "scale must be at least 0"),
        (lambda: draw_weights(KEY, inhibitory_cells(5), inhibition=-3.0), "inhibition must be at least 0"),
        (lambda: draw_weights(KEY, [0.5, 1.0]), "inhibitory must be"),
        (lambda: draw_drive(KEY, 10, 2, sd=-1.0), "sd must be at least 0"),
        (lambda: draw_drive(KEY, 0, 2), "steps must be"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
