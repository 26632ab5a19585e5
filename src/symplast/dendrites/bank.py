"""Many segments at once, on real binary vectors: overlaps, matches, unions."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int32, Key

from symplast.dendrites.arguments import CountLike, Number, check_at_most, check_count, check_single
from symplast.stats.arguments import plain

ROWS = 64
"""Patterns handled at once: bounds the memory of gathered synapses."""


@partial(jax.tree_util.register_dataclass, data_fields=["synapses"], meta_fields=["n"])
@dataclass(frozen=True, eq=False)
class SegmentBank:
    """G dendritic segments on n cells.

    Args:
        synapses: bool[G, n] (dense), or int[G, s], the presynaptic cell of each synapse; -1 marks an empty slot.
        n: potential presynaptic cells; needed for the index form only.

    Raises:
        ValueError: an index outside [0, n), a cell twice on one segment, or an ``n`` that does not fit.

    Example:
        >>> bank = SegmentBank(np.array([[0, 1, 2], [2, 3, 4]]), n=6)
        >>> pattern = np.array([[1, 1, 1, 0, 0, 0]], bool)
        >>> bank.overlap(pattern), bank.fires(pattern, theta=2)
        (Array([[3, 1]], dtype=int32), Array([[ True, False]], dtype=bool))

    Source:
        Eq. 1, arXiv:1601.00720.
    """

    synapses: Any  # bool[segments, n] or int32[segments, slots]; JAX puts placeholders here when it rebuilds the tree
    n: Number = 0

    def __post_init__(self) -> None:
        if isinstance(self.synapses, jax.core.Tracer) or not hasattr(self.synapses, "dtype"):
            return  # inside a JAX transformation: checked when it was made
        array = np.asarray(plain(self.synapses, "synapses"))
        if array.ndim != 2 or array.dtype.kind not in "biu":
            raise ValueError(f"synapses must be bool[G, n] or int[G, s], got {array.dtype}{list(array.shape)}")
        if array.dtype.kind == "b":
            if self.n not in (0, array.shape[1]):
                raise ValueError(f"n must equal the {array.shape[1]} columns of dense synapses, got {self.n}")
            object.__setattr__(self, "n", array.shape[1])
        else:
            object.__setattr__(self, "n", check_single(self.n, "n", least=1))
            _check_indices(array, int(self.n))
            array = array.astype(np.int32)
        object.__setattr__(self, "synapses", jnp.asarray(array))

    @property
    def dense(self) -> bool:
        """Whether synapses are stored as bool[G, n]."""
        return self.synapses.dtype == jnp.bool_

    @property
    def sizes(self) -> Int32[Array, "segments"]:
        """Synapses of each segment."""
        used = self.synapses if self.dense else self.synapses >= 0
        return used.sum(axis=1, dtype=jnp.int32)

    def overlap(self, A: Any) -> Int32[Array, "batch segments"]:
        """Number of active synapses of each segment for each pattern: ``ov(A,D) = sum_i A_i D_i``.

        Args:
            A: bool[B, n] patterns, or bool[n] for one.

        Returns:
            int32[B, G].

        Raises:
            ValueError: patterns that are not boolean, or not n wide.
        """
        patterns = check_patterns(A, "A", int(self.n))
        return _dense_overlap(patterns, self.synapses) if self.dense else _indexed_overlap(patterns, self.synapses)

    def fires(self, A: Any, theta: CountLike) -> Bool[Array, "batch segments"]:
        """Which segments reach the threshold: ``match(A,D) = [ov(A,D) >= theta]``.

        Args:
            A: bool[B, n] patterns.
            theta: threshold, one or one for each segment.
        """
        threshold = check_count(theta, "theta", least=None)
        if not isinstance(threshold, int) and threshold.shape != (self.synapses.shape[0],):
            raise ValueError(f"theta must be one count or one for each of {self.synapses.shape[0]} segments")
        return self.overlap(A) >= jnp.asarray(threshold, jnp.int32)

    @classmethod
    def from_patterns(cls, X: Any, s: Number, key: Key[Array, ""]) -> "SegmentBank":
        """One segment for each pattern: s synapses drawn without replacement from its active cells.

        Args:
            X: bool[P, n] patterns with at least s active cells each.
            s: synapses.
            key: JAX key.

        Returns:
            A bank of P segments in index form.

        Raises:
            ValueError: a pattern with fewer than s active cells.

        Example:
            >>> X = np.arange(12).reshape(2, 6) % 2 == 0
            >>> SegmentBank.from_patterns(X, s=2, key=jax.random.key(0)).overlap(X)
            Array([[2, 2],
                   [2, 2]], dtype=int32)
        """
        synapses = check_single(s, "s", least=1)
        patterns = check_patterns(X, "X")
        fewest = int(patterns.sum(axis=1).min())
        check_at_most(synapses, "s", fewest, "active cells of the sparsest pattern", "synapses are drawn among them")
        keys = jax.random.split(key, patterns.shape[0])
        return cls(_subsample(patterns, keys, synapses), n=patterns.shape[1])

    def union(self, patterns: Number) -> "SegmentBank":
        """Mix every ``patterns`` consecutive segments on one.

        Args:
            patterns: number M of segments that share one; divides G.

        Returns:
            A bank of G / M segments, in the same form (empty slots where two segments shared a cell).

        Raises:
            ValueError: M does not divide G.

        Example:
            >>> SegmentBank(np.array([[0, 1], [1, 2]]), n=4).union(2).sizes
            Array([3], dtype=int32)
        """
        M = check_single(patterns, "patterns", least=1)
        G = self.synapses.shape[0]
        if G % M:
            raise ValueError(f"patterns must divide the number of segments {G}, got {M}")
        if self.dense:
            return SegmentBank(self.synapses.reshape(G // M, M, self.n).any(axis=1))
        cells = jnp.sort(self.synapses.reshape(G // M, -1), axis=1)
        repeated = jnp.pad(cells[:, 1:] == cells[:, :-1], ((0, 0), (1, 0)))
        return SegmentBank(jnp.where(repeated, -1, cells), n=self.n)


def check_patterns(X: Any, name: str, n: int | None = None) -> Bool[Array, "batch n"]:
    """Boolean patterns, one a row; 0/1 integers are accepted."""
    patterns = np.atleast_2d(np.asarray(plain(X, name)))
    if patterns.ndim != 2 or patterns.size == 0:
        raise ValueError(f"{name} must be bool[patterns, cells], got shape {np.shape(X)}")
    if patterns.dtype.kind not in "biuf" or not ((patterns == 0) | (patterns == 1)).all():
        raise ValueError(f"{name} must be binary (True/False or 0/1), got {patterns.dtype} with other values")
    if n is not None and patterns.shape[1] != n:
        raise ValueError(f"{name} must be {n} cells wide like the bank, got {patterns.shape[1]}")
    return jnp.asarray(patterns, bool)


def _check_indices(indices: np.ndarray, n: int) -> None:
    if ((indices < -1) | (indices >= n)).any():
        raise ValueError(f"synapses must be cell indices in [0, n={n}), or -1 for an empty slot")
    cells = np.sort(indices, axis=1)
    if ((cells[:, 1:] == cells[:, :-1]) & (cells[:, 1:] >= 0)).any():
        raise ValueError("synapses of one segment must be on distinct cells; one appears twice")


@jax.jit
def _dense_overlap(patterns, synapses):
    # float32 products of 0 and 1 are exact up to 2**24 synapses, and matrix products are fastest in it
    return (patterns.astype(jnp.float32) @ synapses.astype(jnp.float32).T).astype(jnp.int32)


@jax.jit
def _indexed_overlap(patterns, synapses):
    def one(pattern):
        return (jnp.take(pattern, synapses, axis=0) & (synapses >= 0)).sum(axis=1, dtype=jnp.int32)

    return jax.lax.map(one, patterns, batch_size=ROWS)


@partial(jax.jit, static_argnames="s")
def _subsample(patterns, keys, s):
    def one(row):
        pattern, key = row
        order = jax.random.permutation(key, pattern.shape[0])
        score = jnp.where(pattern, order, -1)  # distinct integers: no ties
        return jax.lax.top_k(score, s)[1].astype(jnp.int32)

    return jax.lax.map(one, (patterns, keys), batch_size=ROWS)
