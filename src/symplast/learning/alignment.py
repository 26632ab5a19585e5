"""How well a rule's direction agrees with the gradient, layer by layer."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from symplast.learning.compiling import lightly
from symplast.learning.credit_rules import Autodiff
from symplast.learning.learner import GradientLearner, LearnerState, NetworkReader
from symplast.learning.lengths import cosine
from symplast.learning.protocol import Batch, CreditRule, Parameters
from symplast.learning.recurrent import RecurrentNet

SETTLED = 1e-3
"""Largest change of a unit in one more step at which an example counts as settled."""


class Alignment(NamedTuple):
    """A rule's direction next to the gradient.

    Attributes:
        cosines: at each parameter; NaN where one of the two is zero, or where no example has settled.
        unsettled: share of the examples that were left out because the network did not settle; NaN for networks that
            don't settle by their nature.
    """

    cosines: PyTree
    unsettled: Float[Array, ""]


def cosines(direction: Parameters, reference: Parameters) -> PyTree:
    """Cosine between two directions at each leaf: ``<d, r> / (|d| |r|)``, NaN where one of them is zero."""
    return jax.tree.map(cosine, direction, reference)


def alignment(learner: GradientLearner, state: LearnerState, batch: Batch, key: Key[Array, ""]) -> Alignment:
    """Cosine between a learner's credit and the exact gradient at each parameter, at one state and batch.

    The gradient is that through all steps of the network. Of a network that settles only the examples that have settled
    count: for the others the gradient through the steps is none of a fixed point, and can outweigh all the rest.
    """
    return _of_one(NetworkReader(learner.make_network), learner.rule, _seen(state), batch, key)


def alignment_of_seeds(
    learner: GradientLearner, states: LearnerState, batch: Batch, keys: Key[Array, " seeds"]
) -> Alignment:
    """As :func:`alignment`, for states with the seeds first; transforms don't matter, so all share one program."""
    return _of_seeds(NetworkReader(learner.make_network), learner.rule, _seen(states), batch, keys)


def _seen(state: LearnerState) -> tuple[Parameters, PyTree, PyTree]:
    return state.params, state.buffers, state.rule


def _alignment(
    reader: NetworkReader, rule: CreditRule, seen: tuple[Parameters, PyTree, PyTree], batch: Batch, key: Key[Array, ""]
) -> Alignment:
    params, buffers, state = seen
    network = reader.network((params, buffers))
    settled, unsettled = settled_examples(network, batch)
    credit = rule(network, settled, state, key)
    found = cosines(credit.direction, Autodiff()(network, settled, None, key).direction)
    return Alignment(jax.tree.map(lambda c: jnp.where(unsettled == 1, jnp.nan, c), found), unsettled)


_of_one = lightly(_alignment)


@lightly
def _of_seeds(
    reader: NetworkReader,
    rule: CreditRule,
    seen: tuple[Parameters, PyTree, PyTree],
    batch: Batch,
    keys: Key[Array, "_"],
) -> Alignment:
    return jax.vmap(lambda seen, key: _alignment(reader, rule, seen, batch, key))(seen, keys)


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
