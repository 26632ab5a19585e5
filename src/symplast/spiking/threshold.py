"""Thresholds that rise with each spike and relax back."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from symplast.spiking.arguments import (
    Number,
    Shape,
    Spikes,
    Values,
    check_choice,
    check_finite,
    check_positive,
    named,
    parameter,
)
from symplast.spiking.relaxation import METHODS, Method, relax


def _increment(value: Any) -> Any:
    return value if callable(value) else parameter(value, "increment")


class AdaptiveThreshold(eqx.Module):
    """``threshold = base + theta``: theta decays with time constant tau, and each spike raises it.

    Within a step theta decays first, the membrane is compared with ``base + theta``, and a spike then raises it. An
    infinite time constant and an increment of 0 freeze it bit for bit, without compiling anything anew.

    Attributes:
        base: threshold at ``theta = 0``, in the membrane's units.
        tau_ms: time constant of theta.
        increment: what a spike adds to theta, or a function of the decayed theta that gives it (an
            :class:`equinox.Module` where its own parameters shall vary).
        start: theta before the first step.
        method: ``exact`` or ``euler`` decay.

    Example:
        >>> from symplast.spiking import LIF
        >>> cells = LIF(threshold=AdaptiveThreshold(base=1.0, tau_ms=200.0, increment=0.5))
        >>> state = cells.init((1,))
        >>> state, spikes = cells.step(state, 0.0, dt_ms=1.0, jump=2.0)
        >>> print(spikes, state.theta)
        [ True] [0.5]

    Source:
        Diehl and Cook 2015 (adaptive threshold of excitatory cells); Bellec et al. 2018 (ALIF).
    """

    base: Values = eqx.field(converter=named("base"), default=1.0)
    tau_ms: Values = eqx.field(converter=named("tau_ms"), default=200.0)
    increment: Values | Callable[[Values], Values] = eqx.field(converter=_increment, default=0.1)
    start: Values = eqx.field(converter=named("start"), default=0.0)
    method: Method = eqx.field(static=True, default="exact")

    def __check_init__(self) -> None:
        check_finite(self.base, "base")
        check_finite(self.start, "start")
        check_positive(self.tau_ms, "tau_ms", infinite=True)
        check_choice(self.method, "method", METHODS)
        if not callable(self.increment):
            check_finite(self.increment, "increment")

    def init(self, shape: Shape = ()) -> Values:
        """Theta of so many cells before the first step."""
        return jnp.broadcast_to(self.start, jnp.broadcast_shapes(shape, self.start.shape))

    def decay(self, theta: Values, dt_ms: Number) -> Values:
        """Theta a step later."""
        return relax(theta, 0.0, self.tau_ms, dt_ms, self.method)

    def raised(self, theta: Values, spikes: Spikes) -> Values:
        """Theta after this step's spikes."""
        increment = self.increment(theta) if callable(self.increment) else self.increment
        return theta + increment * spikes
