"""Traces: low-pass copies of spike trains, the memory that local learning rules read."""

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
)
from symplast.spiking.relaxation import METHODS, Method, relax


class Trace(eqx.Module):
    """``tau dx/dt = -x``, and each spike adds an increment; or, saturating, sets the trace to it.

    Within a step the trace decays first, then this step's spikes act. An infinite time constant counts spikes.

    Attributes:
        tau_ms: decay time constant.
        increment: what a spike adds.
        saturating: a spike sets the trace instead of adding to it (only the nearest spike counts).
        method: ``exact`` or ``euler``.

    Example:
        >>> trace = Trace(tau_ms=2.0, method="euler")
        >>> x = trace.init()
        >>> for spike in (False, True, False, True):
        ...     x, _ = trace.step(x, jnp.asarray(spike), dt_ms=1.0)
        ...     print(x)
        0.0
        1.0
        0.5
        1.25
    """

    tau_ms: Values = eqx.field(converter=named("tau_ms"), default=20.0)
    increment: Values = eqx.field(converter=named("increment"), default=1.0)
    saturating: bool = eqx.field(static=True, default=False, kw_only=True)
    method: Method = eqx.field(static=True, default="exact", kw_only=True)

    def __check_init__(self) -> None:
        check_positive(self.tau_ms, "tau_ms", infinite=True)
        check_finite(self.increment, "increment")
        check_choice(self.method, "method", METHODS)

    def init(self, shape: Shape = (), value: Number = 0.0) -> Values:
        """Traces of so many units, all at ``value``."""
        shape = jnp.broadcast_shapes(shape, self.tau_ms.shape, self.increment.shape)
        return jnp.full(shape, value, self.tau_ms.dtype)

    def decay(self, state: Values, dt_ms: Number) -> Values:
        """The trace a step later without spikes."""
        return relax(state, 0.0, self.tau_ms, dt_ms, self.method)

    def add(self, state: Values, spikes: Spikes) -> Values:
        """The trace after spikes, without decay; for rules that fix the order of the two themselves."""
        if self.saturating:
            return state * (1 - spikes) + self.increment * spikes
        return state + self.increment * spikes

    def step(self, state: Values, inputs: Spikes, dt_ms: Number) -> tuple[Values, Values]:
        """Decay, then spikes.

        Args:
            state: trace after the last step.
            inputs: spikes of this step.
            dt_ms: length of the step.

        Returns:
            The trace after this step, twice: as the state and as what the step gives.
        """
        check_positive(dt_ms, "dt_ms")
        x = self.add(self.decay(state, dt_ms), inputs)
        return x, x
