"""Synapses: exponential conductances or currents, and conduction delays.

Instantaneous synapses need no state: what arrives is the ``jump`` of a neuron's step. The time between a spike and
its effect is the caller's: whoever feeds this step's spikes into the next step has a delay of one step already.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from symplast.spiking.arguments import (
    Number,
    Shape,
    Steps,
    Values,
    check_choice,
    check_positive,
    count_steps,
    is_traced,
    named,
)
from symplast.spiking.relaxation import METHODS, Method, relax
from symplast.stats.arguments import plain


class ExponentialSynapse(eqx.Module):
    """A conductance (or current) that jumps by what arrives and decays: ``tau dg/dt = -g``.

    Attributes:
        tau_ms: decay time constant.
        method: ``exact`` or ``euler``.

    Example:
        >>> synapse = ExponentialSynapse(tau_ms=1.0)
        >>> g = synapse.init((1,))
        >>> for arriving in (2.0, 0.0, 0.0):
        ...     g, used = synapse.step(g, arriving, dt_ms=0.5)
        ...     print(f"{used[0]:.6f}")
        2.000000
        1.213061
        0.735759
    """

    tau_ms: Values = eqx.field(converter=named("tau_ms"), default=5.0)
    method: Method = eqx.field(static=True, default="exact", kw_only=True)

    def __check_init__(self) -> None:
        check_positive(self.tau_ms, "tau_ms")
        check_choice(self.method, "method", METHODS)

    def init(self, shape: Shape = ()) -> Values:
        """No conductance."""
        return jnp.zeros(jnp.broadcast_shapes(shape, self.tau_ms.shape), self.tau_ms.dtype)

    def step(self, state: Values, inputs: Number, dt_ms: Number) -> tuple[Values, Values]:
        """Add what arrives, then decay.

        Args:
            state: conductance left from earlier steps.
            inputs: weighted spikes that arrive in this step, of the population's shape.
            dt_ms: length of the step.

        Returns:
            The conductance left for the next step, and the one of this step (before its decay).
        """
        check_positive(dt_ms, "dt_ms")
        g = state + inputs
        return relax(g, 0.0, self.tau_ms, dt_ms, self.method), g


class DelayState(NamedTuple):
    """What is under way.

    Attributes:
        buffer: (longest + 1, ...) the last values, a ring.
        position: where the next one goes.
    """

    buffer: Array
    position: Int[Array, ""]


class Delay(eqx.Module):
    """A line that gives back what went in so many steps ago; nothing before that.

    Attributes:
        steps: of delay, one for all units or one each; they can be traced and vmapped up to ``longest``.
        longest: length of the line.

    Example:
        >>> line = Delay(delay_ms=1.0, dt_ms=0.5)
        >>> state = line.init((), bool)
        >>> for t in range(4):
        ...     state, out = line.step(state, jnp.asarray(t == 0))
        ...     print(out)
        False
        False
        True
        False
    """

    steps: Steps
    longest: int = eqx.field(static=True)

    def __init__(self, *, delay_ms: Any = None, dt_ms: Any = None, steps: Any = None, longest: int | None = None):
        """Either a time (and the step's length), or a number of steps.

        Args:
            delay_ms: delay, one or one per unit; whole steps.
            dt_ms: length of the step.
            steps: instead of the time, the number of steps.
            longest: longest delay that ``steps`` may take; needed where steps are traced.

        Raises:
            ValueError: both or neither of time and steps, a fraction of a step, a delay below 0 or above ``longest``.
        """
        if (steps is None) == (delay_ms is None) or (delay_ms is None) != (dt_ms is None):
            raise ValueError("give either delay_ms with dt_ms, or steps")
        if delay_ms is not None:
            each = [count_steps(delay, dt_ms, "delay_ms") for delay in np.ravel(plain(delay_ms, "delay_ms"))]
            steps = np.array(each, np.int32).reshape(np.shape(delay_ms))
        if is_traced(steps):
            if longest is None:
                raise ValueError("longest must be given where steps are traced: it is the length of the line")
        else:
            whole = np.asarray(steps)
            if whole.dtype.kind not in "iu" or whole.size == 0 or whole.min() < 0:
                raise ValueError(f"steps must be whole numbers of at least 0, got {steps}")
            longest = int(whole.max()) if longest is None else longest
            if whole.max() > longest:
                raise ValueError(f"steps must be at most longest={longest}, got {whole.max()}")
        self.steps = jnp.asarray(steps, jnp.int32)
        self.longest = int(longest)

    def init(self, shape: Shape = (), dtype: Any = float) -> DelayState:
        """An empty line for values of a shape and type."""
        shape = jnp.broadcast_shapes(shape, self.steps.shape)
        return DelayState(jnp.zeros((self.longest + 1, *shape), dtype), jnp.zeros((), jnp.int32))

    def step(self, state: DelayState, inputs: Array, dt_ms: Number | None = None) -> tuple[DelayState, Array]:
        """Put this step's values in, take out those of ``steps`` ago (``dt_ms`` plays no part: delays are steps)."""
        length = self.longest + 1
        buffer = state.buffer.at[state.position].set(inputs)
        at = (state.position - self.steps) % length
        if self.steps.ndim == 0:
            delayed = buffer[at]
        else:
            index = jnp.broadcast_to(at, buffer.shape[1:])[None]
            delayed = jnp.take_along_axis(buffer, index, axis=0)[0]
        return DelayState(buffer, (state.position + 1) % length), delayed
