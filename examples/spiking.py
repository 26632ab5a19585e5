"""A network of one's own: 1000 balanced spiking cells, how irregular and synchronous they are, under more inhibition.

The CUBA network of Brette et al., "Simulation of networks of spiking neurons" (2007), with 80 inputs a cell.
Run: python examples/spiking.py
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from symplast.spiking import (
    LIF,
    ExponentialSynapse,
    SpikeTrains,
    fano_factor,
    pairwise,
    propagate,
    simulate,
    spike_distance,
)

DT_MS = 0.1


class Balanced(eqx.Module):
    """800 excitatory and 200 inhibitory leaky cells; weights [pre, post] in mV."""

    excitatory: jax.Array
    inhibitory: jax.Array
    cells: LIF = LIF(tau_ms=20.0, threshold=-50.0, v_rest=-49.0, v_reset=-60.0, refractory_ms=5.0)
    fast: ExponentialSynapse = ExponentialSynapse(tau_ms=5.0)
    slow: ExponentialSynapse = ExponentialSynapse(tau_ms=10.0)

    def __call__(self, state, _):
        membrane, fast, slow, fired = state
        fast, drive = self.fast.step(fast, propagate(self.excitatory, fired[:800]), DT_MS)
        slow, brake = self.slow.step(slow, propagate(self.inhibitory, fired[800:]), DT_MS)
        membrane, fired = self.cells.step(membrane, drive + brake, DT_MS)
        return (membrane, fast, slow, fired), fired


connected = jax.random.bernoulli(jax.random.key(0), 0.08, (1000, 1000))
first_v = jax.random.uniform(jax.random.key(1), (1000,), minval=-60.0, maxval=-50.0)
print("inhibition   rate (Hz)   Fano factor of 50 ms counts   mean SPIKE distance")
for strength in (0.5, 1.0, 2.0):
    network = Balanced(1.62 * connected[:800], -9.0 * strength * connected[800:])
    start = network.cells.init((1000,))._replace(v=first_v), jnp.zeros(1000), jnp.zeros(1000), jnp.zeros(1000, bool)
    _, spikes = simulate(network, start, steps=10_000)  # one second; compiled once for all strengths
    trains = SpikeTrains.of_array(spikes, DT_MS)
    active = SpikeTrains([train for train in trains if train.size], trains.t_stop_ms)
    fano = fano_factor(active.counts(50.0)).mean()
    apart = pairwise(spike_distance, active[:30])[np.triu_indices(30, 1)].mean()
    print(f"{strength:10.1f} {trains.rates_hz.mean():11.1f} {fano:30.2f} {apart:21.3f}")
