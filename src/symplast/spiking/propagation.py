"""What arrives at each cell of a recurrent layer, at the price of the few spikes that there are."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Bool, Float, Int

from symplast.spiking.arguments import check_finite, is_traced, whole_numbers
from symplast.spiking.visiting import visit
from symplast.stats.arguments import plain


class FanOut(eqx.Module):
    """Sparse weights as lists: to whom each presynaptic cell projects, and how strongly.

    Takes memory for the connections that exist, so that networks of a hundred thousand cells fit.

    Attributes:
        targets: (pre, slots) postsynaptic cells, then ``n_post`` in the empty slots.
        values: (pre, slots) weights, 0 in the empty slots.
        n_post: number of postsynaptic cells.

    Example:
        >>> weights = FanOut.of([0, 0, 2], [1, 2, 0], [0.5, 0.25, 1.0], n_pre=3, n_post=3)
        >>> print(weights.targets.tolist())
        [[1, 2], [3, 3], [0, 3]]
        >>> print(propagate(weights, jnp.array([True, False, True])))
        [1.   0.5  0.25]
    """

    targets: Int[Array, "pre slots"]
    values: Float[Array, "pre slots"]
    n_post: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        if np.ndim(self.targets) != 2 or np.shape(self.targets) != np.shape(self.values):
            shapes = f"{np.shape(self.targets)} and {np.shape(self.values)}"
            raise ValueError(f"targets and values must both be (pre, slots), got {shapes}; make them by FanOut.of")
        if is_traced(self.targets) or is_traced(self.values):
            return
        cells = np.asarray(self.targets)
        if cells.size and not (cells.min() >= 0 and cells.max() <= self.n_post):
            raise ValueError(f"targets must lie in [0, n_post={self.n_post}], got {cells.min()} to {cells.max()}")
        check_finite(self.values, "values")

    @classmethod
    def of(cls, pre: Any, post: Any, value: Any, *, n_pre: int, n_post: int) -> "FanOut":
        """Weights from lists of connections, in any order.

        Args:
            pre: (connections,) presynaptic cells.
            post: (connections,) postsynaptic cells.
            value: (connections,) weights, or one for all.
            n_pre: number of presynaptic cells.
            n_post: number of postsynaptic cells.

        Raises:
            ValueError: cells out of range, lists of unequal length, or weights that are not finite.
        """
        sources, goals = whole_numbers(pre, "pre"), whole_numbers(post, "post")
        if sources.shape != goals.shape or np.size(value) not in (1, sources.size):
            raise ValueError(
                f"pre, post and value must be of equal length, got {sources.size}, {goals.size}, {np.size(value)}"
            )
        strengths = np.broadcast_to(np.ravel(np.asarray(plain(value, "value"), np.float64)), sources.shape)
        for name, cells, limit in (("pre", sources, n_pre), ("post", goals, n_post)):
            if cells.size and not (cells.min() >= 0 and cells.max() < limit):
                raise ValueError(f"{name} must lie in [0, {limit}), got {cells.min()} to {cells.max()}")
        if not np.isfinite(strengths).all():
            raise ValueError("value must be finite")
        order = np.lexsort((goals, sources))
        sources, goals, strengths = sources[order], goals[order], strengths[order]
        counts = np.bincount(sources, minlength=n_pre)
        slot = np.arange(sources.size) - np.repeat(np.cumsum(counts) - counts, counts)
        targets = np.full((n_pre, int(counts.max(initial=0))), n_post, np.int32)
        values = np.zeros(targets.shape)
        targets[sources, slot], values[sources, slot] = goals, strengths
        return cls(jnp.asarray(targets), jnp.asarray(values, jnp.result_type(float)), n_post)

    @classmethod
    def of_dense(cls, weights: Any) -> "FanOut":
        """The connections of a matrix (pre, post) that are not 0."""
        matrix = np.asarray(plain(weights, "weights"))
        if matrix.ndim != 2:
            raise ValueError(f"weights must be a matrix (pre, post), got shape {matrix.shape}")
        pre, post = np.nonzero(matrix)
        return cls.of(pre, post, matrix[pre, post], n_pre=matrix.shape[0], n_post=matrix.shape[1])


def propagate(
    weights: Float[Array, "pre post"] | FanOut, spikes: Bool[Array, " pre"], *, dense_above: int = 64
) -> Float[Array, " post"]:
    """``spikes @ weights``, by adding up the rows of the cells that fired.

    With a percent of cells firing in a step, the product reads a hundred times more weights than it needs. Rows are
    added one after the other, in order; of a matrix, above so many spikes the product is faster and taken instead.
    Batches under ``vmap`` that share a matrix become one product; replicates with weights of their own add rows.

    Args:
        weights: (pre, post), or a :class:`FanOut` where few of them exist.
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

    Raises:
        ValueError: spikes of another length than the weights have rows, or that are no booleans (the rows of numbers
            between 0 and 1 would be added whole).
    """
    if spikes.shape != (len(weights.targets if isinstance(weights, FanOut) else weights),):
        raise ValueError(f"spikes must be (pre,), one for each row of weights, got shape {spikes.shape}")
    if spikes.dtype != bool:
        raise ValueError(f"spikes must be booleans, got {spikes.dtype}; for graded spikes write spikes @ weights")
    if isinstance(weights, FanOut):
        start = jnp.zeros(weights.n_post, weights.values.dtype)
        return visit(spikes, lambda cell, sums: _send(weights, cell, sums), start)

    @custom_vmap
    def one(weights: Array, spikes: Array) -> Array:
        return jax.lax.cond(spikes.sum() <= dense_above, _add_rows, _multiply, weights, spikes)

    @one.def_vmap
    def several(size: int, batched: Any, weights: Array, spikes: Array) -> tuple[Array, bool]:
        if not batched[0]:
            return _multiply(weights, spikes), True
        return jax.vmap(_add_rows, in_axes=(0, 0 if batched[1] else None))(weights, spikes), True

    return one(weights, spikes)


def _send(weights: FanOut, cell: Array, sums: Array) -> Array:
    return sums.at[weights.targets[cell]].add(weights.values[cell], mode="drop")


def _multiply(weights: Array, spikes: Array) -> Array:
    return spikes.astype(weights.dtype) @ weights


def _add_rows(weights: Array, spikes: Array) -> Array:
    return visit(spikes, lambda cell, sums: sums + weights[cell], jnp.zeros_like(weights[0]))
