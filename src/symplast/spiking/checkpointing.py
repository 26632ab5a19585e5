"""Gradients through spikes that keep one number a cell and step: its distance to threshold."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float, PyTree

from symplast.spiking.arguments import Number, Values, parameter
from symplast.spiking.simulation import Step, simulate
from symplast.spiking.surrogates import Surrogate

DISTANCE = "distance to threshold"
KEEP = jax.checkpoint_policies.save_only_these_names(DISTANCE)


def checkpoint_spikes(step: Step) -> Step:
    """The same step, with gradients that keep of each cell only its distance to threshold.

    A gradient through many steps stores what the way back needs: for each cell and step the spike and the slope of its
    surrogate. Both follow from the distance to threshold, which is kept in their place; the rest is computed again.
    This halves the memory, and saves the time of filling it. Products of weights and inputs are not done again, unless
    a membrane charges in a way that its derivative depends on them (:class:`ConductanceLIF`).

    Args:
        step: for :func:`simulate`, a :class:`equinox.Module` that has its cells among its fields, at any depth.

    Returns:
        A step with the same results; its gradients agree up to rounding.

    Raises:
        ValueError: a step that holds no surrogate, such as a plain function.

    Example:
        >>> import equinox as eqx
        >>> from symplast.spiking import LIF, FastSigmoid, simulate
        >>> class Layer(eqx.Module):
        ...     weight: jax.Array
        ...     cells: LIF
        ...     def __call__(self, state, x):
        ...         return self.cells.step(state, 0.0, 1.0, jump=self.weight @ x)
        >>> def count(weight, inputs):
        ...     layer = Layer(weight, LIF(v_reset=None, surrogate=FastSigmoid()))
        ...     return simulate(checkpoint_spikes(layer), layer.cells.init((3,)), inputs)[1].sum()
        >>> jax.grad(count)(jax.numpy.full((3, 2), 0.3), jax.numpy.ones((5, 2))).shape
        (3, 2)
    """

    def is_surrogate(part: Any) -> bool:
        return isinstance(part, Surrogate)

    if not any(map(is_surrogate, jax.tree.leaves(step, is_leaf=is_surrogate))):
        raise ValueError("step must be an equinox.Module that holds cells with a surrogate; a function hides them")
    named = jax.tree.map(lambda part: _Named(part) if is_surrogate(part) else part, step, is_leaf=is_surrogate)
    return _Checkpointed(named)


def simulate_weighted(
    step: Step, state: PyTree, weight: Float[Array, "..."], inputs: Float[Array, "..."]
) -> tuple[PyTree, PyTree]:
    """``simulate`` of ``step(state, weight @ inputs[t].T)``, with the gradient of the weight as one product.

    JAX adds up the gradient of a weight that is used in each step of a loop step by step. Here what reaches the
    currents is kept for all steps, and multiplied with the inputs of all steps and the whole batch at once. Spikes are
    checkpointed as by :func:`checkpoint_spikes`.

    Args:
        step: ``(state, current) -> (state, outputs)`` with current (cells, batch); a :class:`equinox.Module` that has
            its cells among its fields.
        state: before the first step.
        weight: (cells, inputs), from the inputs to the first cells.
        inputs: (steps, batch, inputs).

    Returns:
        The state after the last step and the outputs, time first; differentiable in reverse with respect to all of the
        arguments.

    Raises:
        ValueError: a step that holds no surrogate, or shapes that do not fit.

    Example:
        >>> import equinox as eqx
        >>> from symplast.spiking import LIF, FastSigmoid
        >>> class Layer(eqx.Module):
        ...     cells: LIF
        ...     def __call__(self, state, current):
        ...         return self.cells.step(state, 0.0, 1.0, jump=current)
        >>> layer = Layer(LIF(v_reset=None, surrogate=FastSigmoid()))
        >>> def count(weight, inputs):
        ...     return simulate_weighted(layer, layer.cells.init((3, 4)), weight, inputs)[1].sum()
        >>> jax.grad(count)(jnp.full((3, 2), 0.3), jnp.ones((5, 4, 2))).shape  # 5 steps of a batch of 4
        (3, 2)
    """
    if weight.ndim != 2 or inputs.ndim != 3 or weight.shape[1] != inputs.shape[2]:
        raise ValueError(
            f"weight must be (cells, inputs) and inputs (steps, batch, inputs), got {weight.shape} and {inputs.shape}"
        )
    return _run_weighted((checkpoint_spikes(step), state, weight, inputs))


class _Weighted(eqx.Module):
    """A step that weights its input first; ``shift`` is 0 and there for its gradient, that of the current."""

    step: Step
    weight: Array

    def __call__(self, state: PyTree, now: tuple[Array, Array]) -> tuple[PyTree, PyTree]:
        x, shift = now
        return self.step(state, self.weight @ x.T + shift.T)


def _run_shifted(step: Step, state: PyTree, weight: Array, inputs: Array, shift: Array) -> tuple[PyTree, PyTree]:
    return simulate(_Weighted(step, weight), state, (inputs, shift))


def _no_shift(weight: Array, inputs: Array) -> Array:
    return jnp.zeros((*inputs.shape[:2], weight.shape[0]), weight.dtype)


@eqx.filter_custom_vjp
def _run_weighted(everything: tuple[Step, PyTree, Array, Array]) -> tuple[PyTree, PyTree]:
    step, state, weight, inputs = everything
    return _run_shifted(step, state, weight, inputs, _no_shift(weight, inputs))


@_run_weighted.def_fwd
def _run_forward(perturbed: PyTree, everything: tuple[Step, PyTree, Array, Array]) -> tuple[PyTree, PyTree]:
    step, state, weight, inputs = everything

    def run(varied: tuple[Step, PyTree, Array]) -> tuple[PyTree, PyTree]:
        return _run_shifted(varied[0], varied[1], weight, inputs, varied[2])

    out, back = eqx.filter_vjp(run, (step, state, _no_shift(weight, inputs)))
    return out, (back, eqx.filter(out, eqx.is_inexact_array))


@_run_weighted.def_bwd
def _run_back(kept: Any, gradient: PyTree, perturbed: PyTree, everything: tuple[Step, PyTree, Array, Array]) -> PyTree:
    _, _, weight, inputs = everything
    back, out = kept
    gradient = jax.tree.map(lambda x, g: jnp.zeros_like(x) if g is None else g, out, gradient)  # None: not asked for
    ((step, state, shift),) = back(gradient)
    currents = shift.reshape(-1, weight.shape[0])
    over_all = ((0,), (0,)), ((), ())
    to_weight = jax.lax.dot_general(currents, inputs.reshape(-1, weight.shape[1]), over_all)
    return step, state, to_weight, shift @ weight  # the last is not computed where nobody asks for it


class _Named(Surrogate):
    """A surrogate that gives the distance to threshold its name."""

    shape: Surrogate

    def slope(self, z: Values) -> Values:
        return self.shape.slope(z)

    def __call__(self, z: Number) -> Values:
        return self.shape(checkpoint_name(parameter(z), DISTANCE))


class _Checkpointed(eqx.Module):
    """A step of which only named values are kept for the gradient."""

    step: Step

    def __call__(self, state: PyTree, now: PyTree) -> tuple[PyTree, PyTree]:
        def call(step: Step, state: PyTree, now: PyTree) -> tuple[PyTree, PyTree]:
            return step(state, now)

        return eqx.filter_checkpoint(call, prevent_cse=False, policy=KEEP)(self.step, state, now)
