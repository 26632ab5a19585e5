"""Exponential relaxation, the one equation that membranes, synapses, traces and thresholds share."""

from typing import TypeAlias

import jax.numpy as jnp

from symplast.spiking.arguments import Number, Values, check_choice
from symplast.stats.arguments import plain

Method: TypeAlias = str
"""How a step is taken: ``exact`` or ``euler``."""
METHODS = ("exact", "euler")


def gain(tau_ms: Number, dt_ms: Number, method: Method = "exact") -> Values:
    """Share of the way to its target that a value goes in one step: ``1 - exp(-dt/tau)``, or ``dt/tau`` by Euler.

    Example:
        >>> print(f"{gain(20.0, 1.0):.6f} {gain(20.0, 1.0, 'euler'):.6f}")
        0.048771 0.050000
    """
    check_choice(method, "method", METHODS)
    plain(tau_ms, "tau_ms")
    plain(dt_ms, "dt_ms")
    ratio = jnp.asarray(dt_ms / tau_ms)
    return ratio if method == "euler" else -jnp.expm1(-ratio)


def relax(value: Number, target: Number, tau_ms: Number, dt_ms: Number, method: Method = "exact") -> Values:
    """One step of ``tau dx/dt = target - x``.

    Args:
        value: x now, any shape.
        target: where it goes, constant over the step; broadcasts.
        tau_ms: time constant; infinity keeps the value as it is, bit for bit.
        dt_ms: length of the step.
        method: ``exact`` (exponential, right for any step) or ``euler`` (``dt/tau`` of the way; for models that are
            published so).

    Returns:
        x after the step.

    Example:
        >>> print(f"{relax(1.0, 0.0, tau_ms=20.0, dt_ms=20.0):.6f}")
        0.367879
    """
    return jnp.asarray(value + gain(tau_ms, dt_ms, method) * (target - value))
