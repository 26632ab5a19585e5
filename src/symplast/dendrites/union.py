"""Several patterns mixed on one segment: how many synapses that takes, and what it costs in false positives."""

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from symplast.dendrites.arguments import Count, CountLike, check_at_most, check_count
from symplast.dendrites.overlap import Float64, log_overlap_pmf, log_tail, power_of_two
from symplast.dendrites.precision import in_float64
from symplast.dendrites.segment import DendriticSegment

UnionMode = Literal["paper", "exact", "bound"]
LARGEST_CHAIN = 2e11
"""Most multiply-adds that the exact law of K may cost: about a minute."""


@dataclass(frozen=True, eq=False)
class UnionSize:
    """The number K of synapses after a union.

    Attributes:
        mean: ``n (1 - (1 - s/n)^M)``, exact.
        var: variance of K.
        pmf: float64[..., K], probability of each number of synapses 0 .. max.
    """

    mean: Float64
    var: Float64
    pmf: Float[np.ndarray, "... synapses"]


def expected_union_size(n: CountLike, s: CountLike, M: CountLike) -> Float64:
    """Expected synapses after a union of M random patterns: ``E[K] = n (1 - (1 - s/n)^M)``.

    Args:
        n: potential presynaptic cells.
        s: cells of each pattern.
        M: patterns, at least 1.

    Returns:
        float64 of the broadcast shape.

    Raises:
        ValueError: a count that is negative, not whole or too large.

    Example:
        >>> print(expected_union_size(n=20_000, s=25, M=10).round(6))
        248.598427

    Source:
        Eq. 10, arXiv:1601.00720.
    """
    cells, synapses, patterns = _checked(n, s, M)
    with np.errstate(divide="ignore"):
        return -cells * np.expm1(patterns * np.log1p(-np.divide(synapses, cells)))


def union_size(n: CountLike, s: CountLike, M: CountLike) -> UnionSize:
    """Mean, variance and full law of the number of synapses after a union of M random patterns.

    Markov chain ``K_{m+1} = K_m + s - H``, ``H ~ Hypergeometric(n, K_m, s)``, from ``K_0 = 0``.

    Args:
        n: potential presynaptic cells.
        s: cells of each pattern.
        M: patterns, at least 1; all three broadcast.

    Returns:
        The :class:`UnionSize`.

    Raises:
        ValueError: wrong counts, or a chain of more than about a minute's work.

    Example:
        >>> size = union_size(n=20_000, s=25, M=10)
        >>> print(size.mean.round(3), size.var.round(3), size.pmf.shape)
        248.598 1.38 (251,)
    """
    cells, synapses, patterns = _checked(n, s, M)
    shape = np.broadcast_shapes(*map(np.shape, (cells, synapses, patterns)))
    all_n, all_s, all_M = (np.broadcast_to(x, shape).ravel() for x in (cells, synapses, patterns))
    largest = int(np.minimum(all_n, all_s.astype(np.float64) * all_M).max(initial=0))
    work = float(largest) * float(all_s.max(initial=0)) * float(all_M.max(initial=0)) * all_n.size
    if work > LARGEST_CHAIN:
        raise ValueError(
            f"the exact law of K for n={all_n.max()}, s={all_s.max()}, M={all_M.max()} takes {work:.1e} steps; "
            "use mode='paper' (expected size) or mode='bound'"
        )
    width, size = power_of_two(int(all_s.max(initial=0)), 16), power_of_two(largest, 64)
    pmf = _union_law(all_n, all_s, all_M, width, size)
    pmf = pmf[:, : largest + 1]
    mean = np.asarray(expected_union_size(cells, synapses, patterns))
    deviation = np.arange(largest + 1) - mean.reshape(-1, 1)
    var = (pmf * deviation**2).sum(axis=-1).reshape(shape)
    return UnionSize(mean[()], var[()], pmf.reshape(*shape, largest + 1))


def union_fp(segment: DendriticSegment, M: CountLike, mode: UnionMode | str = "exact") -> Float64:
    """False-positive probability of a segment that stores the union of M random patterns.

    Args:
        segment: n, a, theta, and the synapses ``s`` of each single pattern.
        M: patterns on the segment, at least 1; broadcasts.
        mode: ``paper`` puts the expected number of synapses (rounded, halves to even) into Eq. 4; ``exact`` averages
            Eq. 4 over the law of K; ``bound`` assumes that no two patterns share a synapse, ``K = min(n, M s)``.

    Returns:
        float64 of the broadcast shape.

    Raises:
        ValueError: wrong counts, an unknown mode, or an exact law too large to compute.

    Example:
        >>> segment = DendriticSegment(n=20_000, a=100, s=25, theta=15)
        >>> [f"{union_fp(segment, M=10, mode=mode):.4g}" for mode in ("exact", "paper", "bound")]
        ['1.698e-12', '1.735e-12', '1.838e-12']

    Source:
        Eq. 10-14, arXiv:1601.00720; exact and bound are ours.
    """
    patterns = check_count(M, "M", least=1)
    if mode == "bound":
        # M s may pass 2**63, so stop counting at n
        enough = np.where(np.greater(patterns, segment.n), segment.n, np.minimum(patterns, segment.n))
        synapses = np.minimum(segment.n, np.multiply(enough, segment.s))
        return np.exp(log_tail(segment.n, segment.a, synapses, segment.theta))
    if mode == "paper":
        return np.exp(log_tail(segment.n, segment.a, rounded_union_size(segment.n, segment.s, patterns), segment.theta))
    if mode != "exact":
        raise ValueError(f"mode must be 'paper', 'exact' or 'bound', got {mode!r}")
    pmf = union_size(segment.n, segment.s, patterns).pmf
    synapses = np.arange(pmf.shape[-1])
    n, a, theta = (np.asarray(x)[..., None] for x in (segment.n, segment.a, segment.theta))
    fires = np.exp(log_tail(n, a, np.minimum(synapses, n), theta))
    return (pmf * fires).sum(axis=-1)[()]


def rounded_union_size(n: CountLike, s: CountLike, M: CountLike) -> Count:
    """``E[K]`` rounded to whole synapses, halves to even; ties are decided exactly.

    Example:
        >>> int(rounded_union_size(n=20_000, s=25, M=10)), int(rounded_union_size(n=2, s=1, M=2))
        (249, 2)
    """
    cells, synapses, patterns = _checked(n, s, M)
    mean = np.asarray(expected_union_size(cells, synapses, patterns))
    rounded = np.rint(mean).astype(np.int64)
    triples = np.broadcast(cells, synapses, patterns)
    for index, (cell, synapse, m) in enumerate(triples):
        # a tie needs q^M | 2n for the reduced denominator q of s/n, so at most 64 patterns
        if m <= 64 and abs(mean.flat[index] % 1 - 0.5) < 1e-6:
            exact = cell * (1 - (1 - Fraction(int(synapse), int(cell))) ** int(m))
            rounded.flat[index] = round(exact)
    return rounded if rounded.ndim else int(rounded)


@in_float64
def _union_law(n: np.ndarray, s: np.ndarray, M: np.ndarray, width: int, size: int) -> np.ndarray:
    return np.asarray(_chains(*(jnp.asarray(x, jnp.int64) for x in (n, s, M)), width=width, size=size))


@partial(jax.jit, static_argnames=("width", "size"))
def _chains(n, s, M, width, size):
    """Law of K for each row; ``width`` >= s and ``size`` >= K are static paddings."""

    k = jnp.arange(size + 1)

    def chain(counts):
        cells, synapses, patterns = counts
        full = [jnp.broadcast_to(x, k.shape) for x in (cells, jnp.minimum(k, cells), synapses)]
        shared = jnp.where((k <= cells)[:, None], jnp.exp(log_overlap_pmf(*full, width)), 0.0)  # [K, H]

        def add_pattern(_, law):
            def from_shared(h, grown):
                moved = jnp.pad(law * shared[:, h], (width, width))  # K -> K + s - h
                return grown + jax.lax.dynamic_slice(moved, (width - (synapses - h),), (size + 1,))

            return jax.lax.fori_loop(0, synapses + 1, from_shared, jnp.zeros_like(law))

        return jax.lax.fori_loop(0, patterns, add_pattern, jnp.zeros(size + 1).at[0].set(1.0))

    return jax.lax.map(chain, (n, s, M))


def _checked(n, s, M):
    cells, synapses, patterns = check_count(n, "n", least=1), check_count(s, "s"), check_count(M, "M", least=1)
    check_at_most(synapses, "s", cells, "n", "each synapse has its own cell")
    return cells, synapses, patterns
