"""Waiting after a spike, counted in whole steps so that no rounding of times adds up."""

import jax.numpy as jnp
import numpy as np

from symplast.spiking.arguments import Number, Spikes, Steps, Values, is_traced


def keep_waiting(left: Steps, spikes: Spikes, refractory_ms: Values, dt_ms: Number) -> Steps:
    """Steps left to wait after this one: ``round(refractory_ms / dt_ms)`` for cells that fired, one less for others.

    Raises:
        ValueError: a time that is not 0 but rounds to no step.
    """
    if not (is_traced(refractory_ms) or is_traced(dt_ms)):
        lost = (np.asarray(refractory_ms) > 0) & (np.round(np.asarray(refractory_ms) / dt_ms) < 1)
        if lost.any():
            raise ValueError(
                f"refractory_ms must be 0 or more than half a step of dt_ms={float(dt_ms):g}, or it has no effect; got "
                f"{float(np.asarray(refractory_ms)[lost].min()):g}"
            )
    whole = jnp.round(refractory_ms / dt_ms).astype(left.dtype)
    return jnp.where(spikes > 0, whole, jnp.maximum(left - 1, 0))
