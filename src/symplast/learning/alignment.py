"""How well a rule's direction agrees with the gradient, layer by layer."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from symplast.learning.credit_rules import Autodiff
from symplast.learning.learner import GradientLearner, LearnerState
from symplast.learning.protocol import Batch, Parameters
from symplast.learning.recurrent import RecurrentNet

SETTLED = 1e-3
"""Largest change of a unit in one more step at which an example counts as settled."""


class Alignment(NamedTuple):
    """A rule's direction beside the gradient.

    Attributes:
        cosines: at each parameter; NaN where one of the two is zero, or where no example has settled.
        unsettled: share of the examples that were left out because the network did not settle; NaN for networks that
            don't settle by their nature.
    """

    cosines: PyTree
    unsettled: Float[Array, ""]


def cosines(direction: Parameters, reference: Parameters) -> PyTree:
    """Cosine between two directions at each leaf: ``<d, r> / (|d| |r|)``, NaN where one of them is zero."""

    def cosine(d: Array, r: Array) -> Float[Array, ""]:
        return jnp.sum(d * r) / jnp.sqrt(jnp.sum(d**2) * jnp.sum(r**2))

    return jax.tree.map(cosine, direction, reference)


@eqx.filter_jit
def alignment(learner: GradientLearner, state: LearnerState, batch: Batch, key: Key[Array, ""]) -> Alignment:
    """Cosine between a learner's credit and the exact gradient at each parameter, at one state and batch.

    The gradient is that through all steps of the network. Of a network that settles only the examples that have settled
    count: for the others the gradient through the steps is none of a fixed point, and can outweigh all the rest.
    """
    network = learner.network(state)
    settled, unsettled = settled_examples(network, batch)
    credit = learner.rule(network, settled, state.rule, key)
    found = cosines(credit.direction, Autodiff()(network, settled, None, key).direction)
    return Alignment(jax.tree.map(lambda c: jnp.where(unsettled == 1, jnp.nan, c), found), unsettled)


def settled_examples(network: Any, batch: Batch) -> tuple[Batch, Float[Array, ""]]:
    """A batch of the same size whose unsettled examples are replaced by settled ones in turn, and the share of them."""
    if not isinstance(network, RecurrentNet):
        return batch, jnp.asarray(jnp.nan)
    u, drive = network.settle(batch.inputs), network.drive(batch.inputs)
    moves = [jnp.abs(new - old) for new, old in zip(*map(jax.tree.leaves, (network.step(u, drive), u)), strict=True)]
    largest = jnp.stack([move.reshape(move.shape[0], -1).max(axis=1) for move in moves]).max(axis=0)
    settled = largest <= SETTLED * network.relaxation.damping
    first = jnp.argsort(~settled)
    rows = first[jnp.arange(settled.size) % jnp.maximum(settled.sum(), 1)]
    return Batch(batch.inputs[rows], batch.targets[rows]), 1 - settled.mean()
