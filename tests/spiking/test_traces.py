"""Traces: sums of exponentials, nearest spikes, counters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.spiking import Trace, simulate

SPIKES = np.random.default_rng(0).random((80, 4)) < 0.2


@pytest.mark.parametrize(("method", "factor"), [("exact", np.exp(-0.5 / 20)), ("euler", 0.975)])
def test_trace_is_the_sum_over_past_spikes(method, factor):
    with jax.enable_x64(True):
        trace = Trace(20.0, 0.1, method=method)
        _, x = simulate(lambda s, spikes: trace.step(s, spikes, 0.5), trace.init((4,), 1.0), SPIKES)
    time = np.arange(80)
    powers = np.tril(factor ** np.maximum(time[:, None] - time, 0))
    np.testing.assert_allclose(x, 0.1 * powers @ SPIKES + factor ** (time[:, None] + 1), rtol=1e-12)


def test_saturating_trace_remembers_the_nearest_spike():
    trace = Trace(10.0, 2.0, saturating=True)
    _, x = simulate(lambda s, spikes: trace.step(s, spikes, 1.0), trace.init((4,)), SPIKES)
    since = np.full(4, np.inf)
    for row, spikes in zip(np.asarray(x), SPIKES, strict=True):
        since = np.where(spikes, 0, since + 1)
        np.testing.assert_allclose(row, 2 * np.exp(-since / 10), rtol=1e-5)


def test_infinite_time_constant_counts():
    counter = Trace(np.inf)
    total, _ = simulate(
        lambda s, spikes: counter.step(s, spikes, 1.0), counter.init((4,)), SPIKES, record=lambda *_: ()
    )
    np.testing.assert_array_equal(total, SPIKES.sum(axis=0))


def test_parts_in_an_order_of_ones_own():
    trace = Trace(20.0, 0.1, method="euler")
    x = trace.decay(trace.add(jnp.ones(()), jnp.array(True)), 0.5)
    assert float(x) == pytest.approx(1.1 * 0.975)


def test_wrong_input():
    with pytest.raises(ValueError, match="tau_ms must be positive"):
        Trace(0.0)
    with pytest.raises(ValueError, match="increment must be finite"):
        Trace(increment=np.nan)
