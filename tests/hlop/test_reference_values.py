"""The reference values of the model, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.hlop import (
    DSRNeuron,
    LateralSpikes,
    MultiStepLIF,
    OjaRule,
    hlop_linear,
    weighted_rate,
)
from symplast.hlop.circuit import Circuit, learn, orthogonal
from symplast.hlop.trainer import Result
from symplast.spiking import Trace
from symplast.stats.arguments import precision_of

pytestmark = pytest.mark.usefixtures("float64")


def after(iterations, momentum):
    x = jnp.array([[1.0, 1.0]])
    circuit = Circuit.begin(jnp.zeros((0, 2)), jnp.array([[1.0, 0.0]]))
    rule = OjaRule(0.1, momentum, 1)
    circuit = jax.jit(lambda c: jax.lax.fori_loop(0, iterations, lambda _, c: learn(c, x, rule), c))(circuit)
    return np.asarray(circuit.new[0])


def test_oja_without_momentum():
    assert after(1, 0.0) == pytest.approx([1.0, 0.1], abs=1e-15)
    assert after(201, 0.0) == pytest.approx([np.sqrt(0.5)] * 2, abs=1e-8)


def test_oja_with_momentum():
    assert after(1, 0.9) == pytest.approx([1.0, 0.01], abs=1e-15)
    assert after(2, 0.9).round(4).tolist() == [0.9999, 0.029]


def test_lateral_spikes_round_half_to_even():
    spikes = LateralSpikes(20.0, 40)
    assert np.asarray(spikes(jnp.array([0.6, 0.7, 25.0, -3.3]))) == pytest.approx([0.5, 0.5, 20.0, -3.5], rel=1e-14)
    assert spikes(jnp.array([0.25, 0.75])).tolist() == [0.0, 1.0]


def test_membrane_and_trace():
    neuron, v, seen = MultiStepLIF(), jnp.zeros(1), []
    for _ in range(4):
        v, s = neuron.step(v, jnp.full(1, 0.8))
        seen.append((float(v[0] + s[0]), float(s[0]), float(v[0])))
    assert np.array(seen) == pytest.approx(np.array([[0.8, 0, 0.8], [1.2, 1, 0.2], [0.9, 0, 0.9], [1.25, 1, 0.25]]))
    trace, a, traces = Trace(tau_ms=2.0, method="euler"), jnp.zeros(()), []
    for _, s, _ in seen:
        a, _ = trace.step(a, jnp.asarray(s), 1.0)
        traces.append(float(a))
    assert traces == [0.0, 1.0, 0.5, 1.25]


def test_hard_reset_with_decayed_input():
    neuron = MultiStepLIF(decay_input=True, v_reset=0.0)
    assert neuron(jnp.full((5, 1), 2.4)).ravel().tolist() == [1.0] * 5
    v, _ = neuron.step(jnp.zeros(()), jnp.asarray(2.4))
    assert float(v) == 0.0


def test_projection():
    H_old, x = jnp.array([[0.6, 0.8]]), jnp.array([1.0, 0.0])
    assert np.asarray(x - orthogonal(x, H_old)) == pytest.approx([0.36, 0.48])
    assert np.asarray(orthogonal(x, H_old)) == pytest.approx([0.64, -0.48])
    grad = jax.grad(lambda W: 2.0 * hlop_linear(x, W, H_old)[0])(jnp.ones((1, 2)))
    assert np.asarray(grad[0]) == pytest.approx([1.28, -0.96])


def test_spike_representation():
    lif, held = DSRNeuron(0.3), jnp.ones((4, 1))
    assert np.asarray(lif(held)).ravel() == pytest.approx([0, 6, 0, 0])
    charged = 1 - np.exp(-0.05 * np.arange(1, 3))
    assert charged.round(4).tolist() == [0.0488, 0.0952]
    integrating = DSRNeuron(0.3, kind="if", alpha=0.5)
    assert np.asarray(integrating(jnp.full((4, 1), 0.1))).ravel() == pytest.approx([0, 0.3, 0, 0])


def test_weighted_rate():
    assert float(weighted_rate(jnp.arange(4.0), 0.05, 1.0).round(4)) == 1.5625


@pytest.mark.parametrize("kind", [bool, np.int8, np.int32, np.uint8, np.float16, np.float32, np.float64])
def test_spikes_of_any_type_have_the_same_rates(kind):
    spikes = np.array([[0, 1, 0, 1], [1, 1, 0, 0]], kind).T
    weights = np.exp(-0.05 * np.arange(3, -1, -1))
    expected = weights @ spikes.astype(float) / weights.sum()
    assert expected[0].round(4) == 0.5125
    exact = pytest.approx(expected, rel=4 * precision_of(spikes))
    for given in (spikes, jnp.asarray(spikes)):
        assert np.asarray(weighted_rate(given)) == exact
        assert np.asarray(DSRNeuron(0.3).rate(given)) == exact
        assert np.asarray(DSRNeuron(0.3, kind="if").rate(given)) == pytest.approx([0.5, 0.5])
        assert np.asarray(DSRNeuron(0.3)(given)) == pytest.approx(np.asarray(DSRNeuron(0.3)(spikes.astype(float))))
        assert np.asarray(MultiStepLIF()(given)) == pytest.approx(np.asarray(MultiStepLIF()(spikes.astype(float))))


def test_metrics():
    A = np.array([[90.0, 0.0], [80.0, 95.0]])[..., None]
    nothing = np.zeros((2, 0))
    result = Result(A, np.zeros((0, 1)), [], (), nothing, nothing, nothing)
    assert result.ACC.tolist() == [87.5]
    assert result.BWT.tolist() == [-10.0]
