"""Synapses: exponential decay, delays that shift."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.spiking import Delay, ExponentialSynapse, simulate


@pytest.mark.parametrize(("tau", "factor"), [(1.0, 0.60653066), (2.0, 0.77880078)])
def test_decay_per_half_millisecond(tau, factor):
    with jax.enable_x64(True):
        left, used = ExponentialSynapse(tau).step(jnp.zeros(()), 2.0, 0.5)
    assert float(used) == 2.0
    assert float(left) == pytest.approx(2 * factor, rel=1e-7)


def test_conductance_is_the_convolution_with_an_exponential():
    arriving = np.random.default_rng(0).poisson(0.2, (60, 3)).astype(float)
    with jax.enable_x64(True):
        synapse = ExponentialSynapse(tau_ms=jnp.array([2.0, 5.0, 20.0]))
        _, g = simulate(lambda s, x: synapse.step(s, x, 0.5), synapse.init((3,)), arriving)
        kernels = np.exp(-np.arange(60)[:, None] * 0.5 / np.array([2.0, 5.0, 20.0]))
    expected = np.stack([np.convolve(arriving[:, i], kernels[:, i])[:60] for i in range(3)], axis=1)
    np.testing.assert_allclose(g, expected, rtol=1e-12)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_a_delay_shifts(steps, seed):
    signal = np.random.default_rng(seed).random((25, 3)) < 0.3
    line = Delay(steps=steps, longest=9)
    _, out = simulate(line.step, line.init((3,), bool), signal)
    np.testing.assert_array_equal(out, np.concatenate([np.zeros((steps, 3), bool), signal])[:25])


@pytest.mark.parametrize("batch", [(), (2,)])
def test_units_have_delays_of_their_own(batch):
    line = Delay(delay_ms=[0.0, 0.5, 2.0], dt_ms=0.5)
    signal = np.random.default_rng(1).random((20, *batch, 3))
    _, out = simulate(line.step, line.init((*batch, 3)), signal)
    for unit, steps in enumerate((0, 1, 4)):
        np.testing.assert_allclose(out[steps:, ..., unit], signal[: 20 - steps, ..., unit], rtol=1e-6)
        np.testing.assert_array_equal(out[:steps, ..., unit], 0)


def test_delays_vmap_up_to_the_longest():
    signal = jnp.arange(1.0, 7.0)

    def run(steps):
        line = Delay(steps=steps, longest=3)
        return simulate(line.step, line.init(), signal)[1]

    out = jax.vmap(run)(jnp.array([0, 1, 3]))
    assert out.astype(int).tolist() == [[1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 2, 3]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Delay(), "give either delay_ms with dt_ms, or steps"),
        (lambda: Delay(delay_ms=1.0), "give either"),
        (lambda: Delay(steps=1, delay_ms=1.0, dt_ms=1.0), "give either"),
        (lambda: Delay(delay_ms=0.75, dt_ms=0.5), "delay_ms must be a whole number of steps"),
        (lambda: Delay(steps=-1), "steps must be whole numbers of at least 0"),
        (lambda: Delay(steps=1.5), "steps must be whole numbers"),
        (lambda: Delay(steps=4, longest=3), "steps must be at most longest=3"),
        (lambda: jax.jit(lambda d: Delay(steps=d).steps)(2), "longest must be given"),
        (lambda: ExponentialSynapse(tau_ms=-1.0), "tau_ms must be positive"),
        (lambda: ExponentialSynapse(method="rk4"), "method must be one of"),
    ],
)
def test_wrong_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
