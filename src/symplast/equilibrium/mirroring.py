"""Kolen-Pollack mirroring: both weights of a reciprocal pair take the same change, so that decay makes them equal."""

from typing import Any

import equinox as eqx
import optax
from jaxtyping import PyTree

from symplast.learning.recurrent import LayeredNet


def mirrored() -> optax.GradientTransformation:
    """Give forward and transposed feedback weights of each pair the mean of their two changes.

    Chain it before the optimiser and with weight decay, ``optax.chain(mirrored(), optax.adamw(1e-3))``: without decay
    the pair keeps its first difference. Networks without reciprocal pairs pass through.

    Raises:
        ValueError: at ``init``, parameters of something else than a layered network.

    Example:
        >>> import jax
        >>> net = LayeredNet((4, 5, 3), key=jax.random.key(0), angle_deg=90)
        >>> both, _ = mirrored().update(net, optax.EmptyState())
        >>> bool((both.weights[1] == both.feedback[0].T).all())
        True

    Source:
        Kolen & Pollack 1994; used with these networks here only [ours].
    """

    def init(params: PyTree) -> optax.EmptyState:
        if not isinstance(params, LayeredNet):
            raise ValueError(f"mirrored needs a LayeredNet, whose pairs it knows; got {type(params).__name__}")
        return optax.EmptyState()

    def update(updates: Any, state: optax.EmptyState, params: PyTree | None = None) -> tuple[Any, optax.EmptyState]:
        weights, feedback = list(updates.weights), list(updates.feedback)
        for i, j in updates.pairs:
            weights[i] = (updates.weights[i] + updates.feedback[j].T) / 2
            feedback[j] = weights[i].T
        changed = eqx.tree_at(lambda n: (n.weights, n.feedback), updates, (tuple(weights), tuple(feedback)))
        return changed, state

    return optax.GradientTransformation(init, update)
