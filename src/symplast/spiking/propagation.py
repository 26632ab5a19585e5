"""What arrives at each cell of a recurrent layer, at the price of the few spikes that there are."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Bool, Float


def propagate(
    weights: Float[Array, "pre post"], spikes: Bool[Array, " pre"], *, dense_above: int = 64
) -> Float[Array, " post"]:
    """``spikes @ weights``, by adding up the rows of the cells that fired.

    With a percent of cells firing in a step, the product reads a hundred times more weights than it needs. Rows are
    added one after the other, in order; above so many spikes the matrix product is faster and taken instead. Batches
    under ``vmap`` that share the weights become one matrix product; replicates with weights of their own add rows.

    Args:
        weights: (pre, post).
        spikes: which cells fired.
        dense_above: number of spikes above which to multiply.

    Returns:
        The weighted spikes that arrive at each cell. Not differentiable in reverse: with surrogate gradients write
        ``spikes @ weights``. For weights that change in the same loop, which XLA would copy in each step, see
        :func:`gather_rows` and :func:`update_rows`.

    Example:
        >>> weights = jnp.arange(6.0).reshape(3, 2)
        >>> print(propagate(weights, jnp.array([True, False, True])))
        [4. 6.]
    """

    @custom_vmap
    def one(weights: Array, spikes: Array) -> Array:
        few = spikes.sum() <= dense_above
        return jax.lax.cond(few, _add_rows, lambda w, s: s.astype(w.dtype) @ w, weights, spikes)

    @one.def_vmap
    def several(size: int, batched: Any, weights: Array, spikes: Array) -> tuple[Array, bool]:
        if not batched[0]:
            return spikes.astype(weights.dtype) @ weights, True
        spikes = spikes if batched[1] else jnp.broadcast_to(spikes, (size, *spikes.shape))
        return _add_rows_of_replicates(weights, spikes), True

    return one(weights, spikes)


def _add_rows(weights: Array, left: Array) -> Array:
    cells = jnp.arange(left.shape[0])

    def add(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        left, total = carry
        cell = jnp.argmax(left)
        return left & (cells != cell), total + weights[cell]

    return jax.lax.while_loop(lambda carry: carry[0].any(), add, (left, jnp.zeros_like(weights[0])))[1]


@custom_vmap
def _add_rows_of_replicates(weights: Array, left: Array) -> Array:
    replicates, cells = left.shape
    row = jnp.arange(replicates)

    def add(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        left, total = carry
        cell = jnp.where(left.any(axis=1), jnp.argmax(left, axis=1), cells)  # outside: zeros
        arriving = weights.at[row, cell].get(mode="fill", fill_value=0)
        return left & (jnp.arange(cells) != cell[:, None]), total + arriving

    start = left, jnp.zeros_like(weights[:, 0])
    return jax.lax.while_loop(lambda carry: carry[0].any(), add, start)[1]


@_add_rows_of_replicates.def_vmap
def _merged(size: int, batched: Any, weights: Array, spikes: Array) -> tuple[Array, bool]:
    """Replicates of replicates are more replicates."""
    both = [
        x if has else jnp.broadcast_to(x, (size, *x.shape)) for x, has in zip((weights, spikes), batched, strict=True)
    ]
    flat = [x.reshape(size * x.shape[1], *x.shape[2:]) for x in both]
    return _add_rows_of_replicates(*flat).reshape(size, both[0].shape[1], -1), True
