"""Integrate-and-fire neurons: perfect, leaky, and leaky with conductances."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from symplast.spiking.arguments import (
    Number,
    Values,
    check_at_least_zero,
    check_choice,
    check_finite,
    check_positive,
    named,
    parameter,
)
from symplast.spiking.neuron import ThresholdNeuron
from symplast.spiking.relaxation import METHODS, Method, relax
from symplast.stats.arguments import plain


def _parameters(values: Any) -> tuple[Values, ...]:
    return tuple(parameter(value, "reversals") for value in plain(values, "reversals"))


class IF(ThresholdNeuron):
    """Perfect integrator: ``dv/dt = current``, the current in threshold units per ms.

    Other fields: :class:`ThresholdNeuron`.

    Example:
        >>> cells = IF(v_reset=None)
        >>> state = cells.init()
        >>> for _ in range(4):
        ...     state, spikes = cells.step(state, 0.375, dt_ms=1.0)
        ...     print(f"{state.v:.3f} {spikes}")
        0.375 False
        0.750 False
        0.125 True
        0.500 False
    """

    def charge(self, v: Values, inputs: Number, dt_ms: Number) -> Values:
        """``v + current dt``."""
        return v + inputs * dt_ms


class LIF(ThresholdNeuron):
    """Leaky integrate-and-fire: ``tau dv/dt = v_rest - v + current``.

    The current is given as the depolarisation that it would hold in the end (membrane resistance times current). By
    default each step is exact for a current constant within it, so the step's length does not matter.

    Attributes:
        tau_ms: membrane time constant.
        method: ``exact`` or ``euler``.

    Other fields: :class:`ThresholdNeuron`. The two usual discrete forms are Euler steps with ``dt/tau = 1 - beta``:
    ``v <- beta v + (1-beta) x`` takes x as the current, ``v <- beta v + x`` takes it as the jump.

    Example:
        >>> cells = LIF(tau_ms=20.0, refractory_ms=2.0)
        >>> state, spikes = cells.step(cells.init((2,)), jnp.array([0.5, 30.0]), dt_ms=1.0)
        >>> print(state.v.round(4), spikes, state.refractory)
        [0.0244 0.    ] [False  True] [0 2]
    """

    tau_ms: Values = eqx.field(converter=named("tau_ms"), default=20.0)
    method: Method = eqx.field(static=True, default="exact", kw_only=True)

    def __check_init__(self) -> None:
        check_positive(self.tau_ms, "tau_ms", infinite=True)
        check_choice(self.method, "method", METHODS)

    def charge(self, v: Values, inputs: Number, dt_ms: Number) -> Values:
        """One step towards ``v_rest + current``."""
        return relax(v, self.v_rest + inputs, self.tau_ms, dt_ms, self.method)


class ConductanceLIF(ThresholdNeuron):
    """Leaky integrate-and-fire with conductances: ``tau dv/dt = v_rest - v + sum_c g_c (E_c - v) + current``.

    Conductances are in units of the leak. By default a step is exact for conductances that are constant within it
    (``v`` goes to ``(v_rest + sum g E + current) / (1 + sum g)`` with time constant ``tau / (1 + sum g)``), and so
    stays stable however strong they are; Euler does not, above ``dt (1 + sum g) / tau = 2``.

    Attributes:
        reversals: E_c, one for each kind of synapse.
        tau_ms: membrane time constant without synapses.
        v_floor: the membrane is kept at or above this; None for no floor.
        method: ``exact`` or ``euler``.

    Other fields: :class:`ThresholdNeuron`. ``inputs`` of a step: one conductance for each reversal, then, where there
    is one, a current: ``(g_exc, g_inh)`` or ``(g_exc, g_inh, current)``.

    Example:
        >>> cells = ConductanceLIF((0.0, -100.0), tau_ms=100.0, v_rest=-65.0, v_reset=-65.0, threshold=-20.0)
        >>> state = cells.init()
        >>> for _ in range(1000):
        ...     state, spikes = cells.step(state, (2.0, 0.0), dt_ms=1.0)
        >>> print(f"{state.v:.3f}")  # -65 / (1 + 2)
        -21.667
    """

    reversals: tuple[Values, ...] = eqx.field(converter=_parameters)
    tau_ms: Values = eqx.field(converter=named("tau_ms"), default=20.0)
    v_floor: Values | None = eqx.field(converter=named("v_floor", optional=True), default=None, kw_only=True)
    method: Method = eqx.field(static=True, default="exact", kw_only=True)

    def __check_init__(self) -> None:
        if not self.reversals:
            raise ValueError("reversals must hold at least one reversal potential; without synapses use LIF")
        for reversal in self.reversals:
            check_finite(reversal, "reversals")
        check_positive(self.tau_ms, "tau_ms")
        check_choice(self.method, "method", METHODS)

    def charge(self, v: Values, inputs: Sequence[Number], dt_ms: Number) -> Values:
        """One step under conductances, then the floor."""
        kinds = len(self.reversals)
        if len(inputs) not in (kinds, kinds + 1):
            raise ValueError(
                f"inputs must be {kinds} conductances (one for each reversal), at most one current; got {len(inputs)}"
            )
        for g in inputs[:kinds]:
            check_at_least_zero(g, "conductances (the first of inputs)")
        conductances, current = inputs[:kinds], inputs[kinds] if len(inputs) > kinds else None
        pairs = list(zip(conductances, self.reversals, strict=True))
        if self.method == "euler":
            flow = self.v_rest - v
            for g, reversal in pairs:
                flow = flow + g * (reversal - v)
            if current is not None:
                flow = flow + current
            v = v + dt_ms / self.tau_ms * flow
        else:
            total, pull = jnp.ones_like(v), self.v_rest
            for g, reversal in pairs:
                total, pull = total + g, pull + g * reversal
            if current is not None:
                pull = pull + current
            v = relax(v, pull / total, self.tau_ms / total, dt_ms)
        return v if self.v_floor is None else jnp.maximum(v, self.v_floor)
