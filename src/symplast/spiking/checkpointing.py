"""Gradients through spikes that keep one number a cell and step: its distance to threshold."""

from typing import Any

import equinox as eqx
import jax
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import PyTree

from symplast.spiking.arguments import Number, Values, parameter
from symplast.spiking.simulation import Step
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
