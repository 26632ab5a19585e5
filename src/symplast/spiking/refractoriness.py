"""Waiting after a spike, counted in whole steps so that no rounding of times adds up."""

import jax.numpy as jnp

from symplast.spiking.arguments import Number, Spikes, Steps, Values


def keep_waiting(left: Steps, spikes: Spikes, refractory_ms: Values, dt_ms: Number) -> Steps:
    """Steps left to wait after this one: ``round(refractory_ms / dt_ms)`` for cells that fired, one less for others."""
    whole = jnp.round(refractory_ms / dt_ms).astype(left.dtype)
    return jnp.where(spikes > 0, whole, jnp.maximum(left - 1, 0))
