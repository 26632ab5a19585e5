"""What every neuron model is, and what all models with a threshold share.

A neuron is a frozen set of parameters. ``init(shape)`` gives the state of a population, ``step(state, inputs, dt_ms)``
the next state and the spikes; both are pure, so they scan, vmap, jit and differentiate. Parameters are arrays: one for
all cells, or one per cell, and a population of parameter sets is one :func:`jax.vmap` away.
"""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from symplast.spiking.arguments import (
    Number,
    Shape,
    Spikes,
    Steps,
    Values,
    check_at_least_zero,
    check_finite,
    check_positive,
    named,
    parameter,
)
from symplast.spiking.refractoriness import keep_waiting
from symplast.spiking.surrogates import Surrogate
from symplast.spiking.threshold import AdaptiveThreshold


class Neuron(eqx.Module):
    """Anything that turns inputs into spikes, step by step."""

    @abc.abstractmethod
    def init(self, shape: Shape = ()) -> PyTree:
        """The state of a population before the first step."""

    @abc.abstractmethod
    def step(self, state: PyTree, inputs: Any, dt_ms: Number) -> tuple[PyTree, Spikes]:
        """The state a step later, and which cells fire in this step."""


class MembraneState(NamedTuple):
    """State of cells with a membrane and a threshold.

    Attributes:
        v: membrane potential after the step (after the reset, where a cell fired).
        refractory: steps that a cell still has to wait; None for cells without refractoriness.
        theta: what adaptation adds to the threshold; None where it is fixed.
    """

    v: Values
    refractory: Steps | None = None
    theta: Values | None = None


def _threshold(value: Any) -> Any:
    return value if isinstance(value, AdaptiveThreshold) else parameter(value, "threshold")


class ThresholdNeuron(Neuron):
    """A membrane that fires when it reaches a threshold; subclasses say how it charges.

    Within a step: the membrane charges (:meth:`charge`) and takes the ``jump``; refractory cells do neither and keep
    their potential; cells at threshold fire; those are reset and begin to wait.

    Attributes:
        threshold: a number, or an :class:`AdaptiveThreshold`.
        v_rest: potential before the first step.
        v_reset: potential after a spike; None subtracts the threshold instead (soft reset).
        refractory_ms: time after a spike in which input is lost, rounded to whole steps (:meth:`step` refuses one that
            rounds to none); None for none.
        surrogate: derivative of the spike. With one, spikes are numbers 0 and 1 that gradients pass through; without,
            they are booleans.
        detach_reset: gradients do not pass through the reset.
        strict: fire above the threshold only, not at it.

    Example:
        A membrane of your own needs one method:

        >>> class QuadraticIF(ThresholdNeuron):
        ...     tau_ms: float = 10.0
        ...     def charge(self, v, inputs, dt_ms):
        ...         return v + dt_ms / self.tau_ms * (v * v + inputs)
        >>> cells = QuadraticIF(threshold=10.0, v_reset=-10.0)
        >>> state, spikes = cells.step(cells.init((3,)), jnp.array([0.0, 1.0, 200.0]), dt_ms=0.5)
        >>> print(state.v, spikes)
        [  0.     0.05 -10.  ] [False False  True]
    """

    threshold: Values | AdaptiveThreshold = eqx.field(converter=_threshold, default=1.0, kw_only=True)
    v_rest: Values = eqx.field(converter=named("v_rest"), default=0.0, kw_only=True)
    v_reset: Values | None = eqx.field(converter=named("v_reset", optional=True), default=0.0, kw_only=True)
    refractory_ms: Values | None = eqx.field(
        converter=named("refractory_ms", optional=True), default=None, kw_only=True
    )
    surrogate: Surrogate | None = eqx.field(default=None, kw_only=True)
    detach_reset: bool = eqx.field(static=True, default=True, kw_only=True)
    strict: bool = eqx.field(static=True, default=False, kw_only=True)

    def __check_init__(self) -> None:
        check_finite(self.v_rest, "v_rest")
        if not isinstance(self.threshold, AdaptiveThreshold):
            check_finite(self.threshold, "threshold")
        if self.v_reset is not None:
            check_finite(self.v_reset, "v_reset")
        if self.refractory_ms is not None:
            check_at_least_zero(self.refractory_ms, "refractory_ms")

    @abc.abstractmethod
    def charge(self, v: Values, inputs: Any, dt_ms: Number) -> Values:
        """The membrane a step later, as if there were no threshold."""

    def init(self, shape: Shape = ()) -> MembraneState:
        """Cells at rest.

        Args:
            shape: of the population, such as ``(batch, cells)``; parameters broadcast to it.
        """
        shape = jnp.broadcast_shapes(shape, self.v_rest.shape)
        waiting = None if self.refractory_ms is None else jnp.zeros(shape, jnp.int32)
        theta = self.threshold.init(shape) if isinstance(self.threshold, AdaptiveThreshold) else None
        return MembraneState(jnp.broadcast_to(self.v_rest, shape), waiting, theta)

    def step(
        self, state: MembraneState, inputs: Any, dt_ms: Number, jump: Number | None = None
    ) -> tuple[MembraneState, Spikes]:
        """One step of every cell.

        Args:
            state: from :meth:`init` or an earlier step.
            inputs: what :meth:`charge` takes, constant over the step; broadcasts to the population.
            dt_ms: length of the step.
            jump: what instantaneous synapses add to the membrane at once.

        Returns:
            The state after the step, and the spikes, both of the population's shape.

        Raises:
            ValueError: a state that lacks what these cells keep, or has what they don't: of waiting times or theta.
        """
        check_positive(dt_ms, "dt_ms")
        if (state.refractory is None) != (self.refractory_ms is None):
            what = (
                "no waiting times: it was made by a neuron without"
                if state.refractory is None
                else ("waiting times: it was made by a neuron with")
            )
            raise ValueError(f"state has {what} refractory_ms; call init again")
        v = self.charge(state.v, inputs, dt_ms)
        if jump is not None:
            v = v + jump
        ready = None if state.refractory is None else state.refractory == 0
        if ready is not None:
            v = jnp.where(ready, v, state.v)
        level, theta = self._level(state, dt_ms)
        spikes = self._fires(v, level)
        if ready is not None:
            spikes = spikes & ready if spikes.dtype == bool else spikes * ready
        v = self._reset(v, spikes, level)
        if isinstance(self.threshold, AdaptiveThreshold) and theta is not None:
            theta = self.threshold.raised(theta, spikes)
        left = state.refractory
        if left is not None and self.refractory_ms is not None:  # both, or neither
            left = keep_waiting(left, spikes, self.refractory_ms, dt_ms)
        return MembraneState(v, left, theta), spikes

    def _level(self, state: MembraneState, dt_ms: Number) -> tuple[Values, Values | None]:
        """The threshold in this step, and theta."""
        if not isinstance(self.threshold, AdaptiveThreshold):
            return self.threshold, None
        if state.theta is None:
            raise ValueError("state has no theta: it was made by a neuron without AdaptiveThreshold; call init again")
        theta = self.threshold.decay(state.theta, dt_ms)
        return self.threshold.base + theta, theta

    def _fires(self, v: Values, level: Values) -> Spikes:
        if self.surrogate is None:
            return v > level if self.strict else v >= level
        return 1 - self.surrogate(level - v) if self.strict else self.surrogate(v - level)

    def _reset(self, v: Values, spikes: Spikes, level: Values) -> Values:
        fired = jax.lax.stop_gradient(spikes) if self.detach_reset and spikes.dtype != bool else spikes
        if self.v_reset is None:
            return v - fired * level
        if fired.dtype == bool:
            return jnp.where(fired, self.v_reset, v)
        return v * (1 - fired) + self.v_reset * fired
