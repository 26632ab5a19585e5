"""How well a rule's direction agrees with the gradient, layer by layer; how much a sequence of tasks is forgotten."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from symplast.learning.credit_rules import Autodiff
from symplast.learning.learner import GradientLearner, LearnerState
from symplast.learning.protocol import Batch, Parameters


def cosines(direction: Parameters, reference: Parameters) -> PyTree:
    """Cosine between two directions at each leaf: ``<d, r> / (|d| |r|)``, NaN where one of them is zero."""

    def cosine(d: Array, r: Array) -> Float[Array, ""]:
        return jnp.sum(d * r) / jnp.sqrt(jnp.sum(d**2) * jnp.sum(r**2))

    return jax.tree.map(cosine, direction, reference)


@eqx.filter_jit
def alignment(learner: GradientLearner, state: LearnerState, batch: Batch, key: Key[Array, ""]) -> PyTree:
    """Cosine between a learner's credit and the exact gradient at each parameter, at one state and batch."""
    network = learner.network(state)
    credit = learner.rule(network, batch, state.rule, key)
    return cosines(credit.direction, Autodiff()(network, batch, None, key).direction)


def average_accuracy(accuracy: Float[Array, "tasks tasks"]) -> Float[Array, ""]:
    """Mean over tasks of the accuracy after the last one; ``accuracy[i, j]`` = on task j after learning task i."""
    return jnp.mean(accuracy[-1])


def backward_transfer(accuracy: Float[Array, "tasks tasks"]) -> Float[Array, ""]:
    """``mean_{j < T} (accuracy[T, j] - accuracy[j, j])``; negative = forgetting (Lopez-Paz & Ranzato 2017).

    Raises:
        ValueError: fewer than two tasks.
    """
    if accuracy.shape[0] < 2:
        raise ValueError("backward transfer needs at least two tasks")
    return jnp.mean(accuracy[-1, :-1] - jnp.diagonal(accuracy)[:-1])
