"""From values to spikes: Poisson rates and first-spike latencies."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Key

from symplast.spiking.arguments import Number, Values, check_at_least_zero, check_positive, count_steps, is_traced
from symplast.stats.arguments import check_count, plain


def poisson_spikes(
    key: Key[Array, ""], rates_hz: Any, duration_ms: float, dt_ms: float, *, dead_steps: int = 0
) -> Bool[Array, "steps ..."]:
    """Spike trains of constant rate, drawn step by step.

    A unit that is not dead fires with probability ``p = rate dt`` in each step; after a spike it is dead for
    ``dead_steps``, so its mean rate is ``rate / (1 + dead_steps p)``.

    For sparse trains that go into event-driven steps, :func:`poisson_events` is much faster.

    Args:
        key: random key.
        rates_hz: rate of each unit, any shape.
        duration_ms: a whole number of steps.
        dt_ms: length of a step.
        dead_steps: steps of silence after each spike.

    Returns:
        Spikes, time first: (duration / dt, ...), the rest as the rates.

    Raises:
        ValueError: negative or infinite rates, rates that need more than one spike a step, a duration that is no
            whole number of steps, or dead_steps below 0.

    Example:
        >>> spikes = poisson_spikes(jax.random.key(0), jnp.full(1000, 200.0), 350.0, 0.5, dead_steps=1)
        >>> spikes.shape, abs(float(spikes.sum() / 1000) - 70 / 1.1) < 0.7
        ((700, 1000), True)
    """
    p = _probability(rates_hz, dt_ms)
    steps = count_steps(duration_ms, dt_ms, "duration_ms")
    dead_steps = check_count(dead_steps, "dead_steps", 0)
    hits = jax.random.uniform(key, (steps, *p.shape), p.dtype) < p
    if dead_steps == 0:
        return hits

    def live(left: Array, hit: Bool[Array, "..."]) -> tuple[Array, Bool[Array, "..."]]:
        spikes = hit & (left == 0)
        return jnp.where(spikes, dead_steps, jnp.maximum(left - 1, 0)), spikes

    return jax.lax.scan(live, jnp.zeros(p.shape, jnp.int32), hits)[1]


def _probability(rates_hz: Any, dt_ms: float) -> Values:
    """Probability of a spike in one step."""
    check_positive(dt_ms, "dt_ms")
    check_at_least_zero(rates_hz, "rates_hz")
    if not is_traced(rates_hz) and np.size(rates_hz) and float(np.max(rates_hz)) * dt_ms > 1000:
        raise ValueError(
            f"rates_hz must be at most 1000 / dt_ms = {1000 / dt_ms:g} (one spike a step), got {np.max(rates_hz):g}; "
            "take a shorter dt_ms"
        )
    return jnp.asarray(rates_hz, jnp.result_type(float)) * dt_ms / 1000


def latency_spikes(
    intensity: Any, duration_ms: float, dt_ms: float, *, tau_ms: Number | None = None, threshold: Number = 0.01
) -> Bool[Array, "steps ..."]:
    """One spike per unit, the earlier the stronger.

    Linear: ``t = (1 - x) (duration - dt)``. With a time constant: when a membrane that charges towards x reaches the
    threshold, ``t = tau ln(x / (x - threshold))``; a unit that would fire after the end stays silent.

    Args:
        intensity: x in [0, 1] of each unit, any shape.
        duration_ms: a whole number of steps.
        dt_ms: length of a step; times are rounded to steps.
        tau_ms: time constant of the charging; None for linear latencies.
        threshold: units at or below it stay silent.

    Returns:
        Spikes, time first: (duration / dt, ...), the rest as the intensity.

    Raises:
        ValueError: intensities outside [0, 1] or NaN, a duration that is no whole number of steps.

    Example:
        >>> spikes = latency_spikes(jnp.array([1.0, 0.5, 0.0]), duration_ms=5.0, dt_ms=1.0)
        >>> print(spikes.astype(int).T)
        [[1 0 0 0 0]
         [0 0 1 0 0]
         [0 0 0 0 0]]
    """
    steps = count_steps(duration_ms, dt_ms, "duration_ms")
    if not is_traced(intensity):
        given = np.asarray(plain(intensity, "intensity"))
        if not ((given >= 0) & (given <= 1)).all():
            raise ValueError("intensity must lie in [0, 1] everywhere; divide by the largest value first")
    check_positive(threshold, "threshold")
    x = jnp.asarray(intensity, jnp.result_type(float))
    if tau_ms is None:
        at = jnp.round((1 - x) * (steps - 1))
    else:
        check_positive(tau_ms, "tau_ms")
        above = jnp.maximum(x - threshold, jnp.finfo(x.dtype).tiny)
        at = jnp.round(tau_ms * jnp.log(x / above) / dt_ms)
    time = jnp.arange(steps).reshape(steps, *(1,) * x.ndim)
    return (time == at) & (x > threshold)
