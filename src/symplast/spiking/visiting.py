"""A loop over the units that fire in one step, at the price of how many do."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

Carried = TypeVar("Carried")
BLOCK = 64
"""Units searched at once: a spike is found through its block, not by looking at all units again."""


def visit(
    spikes: Bool[Array, " units"], body: Callable[[Int[Array, ""], Carried], Carried], carried: Carried
) -> Carried:
    """``carried = body(unit, carried)`` for each unit that fires, in rising order.

    Example:
        >>> spikes = jnp.array([False, True, False, True])
        >>> print(visit(spikes, lambda unit, total: total + unit, jnp.array(0)))
        4
    """
    left = jnp.pad(spikes, (0, -spikes.shape[0] % BLOCK)).reshape(-1, BLOCK)

    def step(state: tuple[Array, Array, Carried]) -> tuple[Array, Array, Carried]:
        left, blocks, carried = state
        block = jnp.argmax(blocks)
        within = left[block]
        unit = jnp.argmax(within)
        within = within.at[unit].set(False)
        carried = body(block * BLOCK + unit, carried)
        return left.at[block].set(within), blocks.at[block].set(within.any()), carried

    return jax.lax.while_loop(lambda state: state[1].any(), step, (left, left.any(axis=1), carried))[2]
