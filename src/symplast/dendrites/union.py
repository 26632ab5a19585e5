"""Several patterns mixed on one segment: how many synapses that takes, and what it costs in false positives."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from jaxtyping import Float

from symplast.dendrites.arguments import Count, CountLike, check_at_most, check_count
from symplast.dendrites.overlap import Float64, log_tail
from symplast.dendrites.segment import DendriticSegment

UnionMode = Literal["paper", "exact", "bound"]
LARGEST_CHAIN = 4e10
"""Most multiply-adds that the exact law of K may cost: about a minute."""
LEAST = 1e-300
"""Smaller probabilities of K count as 0."""
LARGEST_TABLE = 2e8
"""Most numbers that it may keep at once: 1.6 GB."""


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
        ValueError: wrong counts, or a chain of more than about a minute's work or 1.6 GB.

    Example:
        >>> size = union_size(n=20_000, s=25, M=10)
        >>> print(size.mean.round(3), size.var.round(3), size.pmf.shape)
        248.598 1.38 (251,)
    """
    cells, synapses, patterns = _checked(n, s, M)
    shape = np.broadcast_shapes(*map(np.shape, (cells, synapses, patterns)))
    all_n, all_s, all_M = (np.broadcast_to(x, shape).ravel() for x in (cells, synapses, patterns))
    largest = int(np.minimum(all_n, all_s.astype(np.float64) * all_M).max(initial=0))
    chains: dict[tuple[int, int], list[int]] = {}  # (n, s) -> which entries it serves
    for entry, pair in enumerate(zip(all_n.tolist(), all_s.tolist(), strict=True)):
        chains.setdefault(pair, []).append(entry)
    longest = np.array([all_M[entries].max() for entries in chains.values()], np.int64)
    pairs = np.array(list(chains), np.int64).reshape(-1, 2)
    steps, table = _steps(pairs[:, 0], pairs[:, 1], longest)
    if steps > LARGEST_CHAIN or max(table, float(largest + 1) * all_n.size) > LARGEST_TABLE:
        raise ValueError(
            f"the exact law of K for n={all_n.max()}, s={all_s.max()}, M={all_M.max()} takes up to {steps:.1e} steps "
            f"(at most {LARGEST_CHAIN:.0e}, about a minute) and {table:.1e} table entries (at most "
            f"{LARGEST_TABLE:.0e}); use mode='paper' (expected size) or mode='bound'"
        )
    pmf = np.zeros((all_n.size, largest + 1))
    for ((cell, synapse), entries), most in zip(chains.items(), longest.tolist(), strict=True):
        size = min(cell, synapse * most)
        pmf[entries, : size + 1] = _law(cell, synapse, all_M[entries], size)
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
    return np.minimum((pmf * fires).sum(axis=-1), 1)[()]  # an average of probabilities, but for rounding


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


def _law(n: int, s: int, M: np.ndarray, size: int) -> np.ndarray:
    """Law of K on 0 .. size after each number of patterns of M; one chain serves them all."""
    band = _moves(n, s, size)
    law = np.zeros(size + 1 + s)  # s zeros in front, so that K - s .. K is a window
    law[s] = 1
    windows = np.lib.stride_tricks.sliding_window_view(law, s + 1)
    rows = np.empty((len(M), size + 1))
    wanted = set(M.tolist())
    low = high = 0
    for m in range(1, max(wanted) + 1):
        high = min(high + s, size)
        grown = np.einsum("kh,kh->k", band[low : high + 1], windows[low : high + 1])
        grown[grown < LEAST] = 0
        held = grown.nonzero()[0]
        grown /= grown.sum()  # rounding must not add up over patterns
        law[s + low : s + high + 1] = grown
        low, high = low + int(held[0]), low + int(held[-1])
        if m in wanted:
            rows[m == M] = law[s:]
        if low == n:
            rows[m < M] = law[s:]
            break
    return rows


def _moves(n: int, s: int, size: int) -> np.ndarray:
    """``P[K -> k]`` for ``K = k - s .. k``, row k; logarithms are summed as in :func:`log_overlap_pmf`."""
    if s == 0:
        return np.ones((size + 1, 1))
    j = np.arange(float(s))
    with np.errstate(divide="ignore"):
        choose = _sums(np.log((s - j) / (j + 1)))
        taken = np.log(np.maximum(np.arange(1.0 - s, size + 1), 0) / n)  # of K - j, which few numbers take
        free = np.log(np.maximum(np.arange(n - size - s + 1.0, n + 1), 0) / n)  # of n - K - j
    shared = _sums(np.lib.stride_tricks.sliding_window_view(taken, s)[:, ::-1])
    fresh = _sums(np.lib.stride_tricks.sliding_window_view(free, s)[::-1, ::-1])
    chance = np.exp(choose + shared + fresh[:, ::-1] - np.log((n - j) / n).sum())  # [K, H]
    band = np.zeros((size + 1, s + 1))
    for h in range(s + 1):  # K + s - h = k
        grown = s - h
        band[grown:, h] = chance[: size + 1 - grown, h]
    return band


def _sums(terms: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((*terms.shape[:-1], 1)), np.cumsum(terms, axis=-1)], axis=-1)


def _steps(n: np.ndarray, s: np.ndarray, M: np.ndarray) -> tuple[float, float]:
    """Multiply-adds and table entries of the chains for pairs (n, s) up to M: widths times synapses times patterns.

    A law is as wide as float64 reaches, some 40 standard deviations either way.
    """
    n, s, M = (x.astype(np.float64) for x in (n, s, M))
    most = np.minimum(n, s * M)
    spread = np.sqrt(np.minimum(most, n - s) / 4)  # negatively correlated cells: at most the binomial's
    width = np.minimum(most, 80 * spread) + s + 1
    lasting = np.minimum(M, np.divide(800 * n, np.maximum(s, 1)))  # then every cell is taken, and the chain ends
    return float((width * (s + 1) * lasting).sum()), float(((most + 1) * (s + 1)).max(initial=0))


def _checked(n, s, M):
    cells, synapses, patterns = check_count(n, "n", least=1), check_count(s, "s"), check_count(M, "M", least=1)
    check_at_most(synapses, "s", cells, "n", "each synapse has its own cell")
    return cells, synapses, patterns
