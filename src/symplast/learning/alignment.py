"""How well a rule's direction agrees with the gradient, layer by layer."""

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
