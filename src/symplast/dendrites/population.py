"""Many segments: one per stored pattern, or several on one neuron."""

from fractions import Fraction
from typing import Any

import numpy as np

from symplast.dendrites.arguments import CountLike, Number, check_at_most, check_count, check_probability, check_single
from symplast.dendrites.overlap import Float64
from symplast.dendrites.segment import DendriticSegment
from symplast.stats.arguments import plain


def population_fp(segment: DendriticSegment, M: CountLike, exact: bool = True) -> Float64:
    """Probability that at least one of M independent segments fires for a random pattern.

    ``P_any = 1 - (1 - P_FP)^M``, computed as ``-expm1(M log1p(-P_FP))``; the union bound is ``M P_FP``.

    Args:
        segment: all segments are like this one, each for its own independent pattern.
        M: segments (stored patterns), at least 1; broadcasts with the segment's counts.
        exact: False gives the bound, which may exceed 1.

    Returns:
        float64 of the broadcast shape.

    Raises:
        ValueError: M below 1 or not whole.

    Example:
        >>> stored = DendriticSegment(n=100, a=7, s=7, theta=4)
        >>> print(population_fp(stored, M=500).round(13), population_fp(stored, M=500, exact=False).round(13))
        0.134728493361 0.1446910012674

    Source:
        Eq. 7-9, arXiv:1601.00720.
    """
    return np.exp(log_population_fp(segment, M, exact))


def log_population_fp(segment: DendriticSegment, M: CountLike, exact: bool = True) -> Float64:
    """``ln P_any``; arguments as in :func:`population_fp`."""
    patterns = check_count(M, "M", least=1)
    log_p = segment.log_fp()
    bound = np.log(np.asarray(patterns, np.float64)) + log_p
    if not exact:
        return bound
    with np.errstate(divide="ignore"):
        any_fires = np.log(-np.expm1(patterns * np.log1p(-np.exp(log_p))))
    return np.where(log_p < -660, bound, any_fires)[()]  # there the two differ by less than 1e-280


def population_fp_brackets(segment: DendriticSegment, M: Number) -> tuple[Fraction, Fraction]:
    """Exact rationals that enclose ``P_any``: Bonferroni's first two inequalities.

    ``M p - C(M,2) p^2 <= 1 - (1-p)^M <= M p``; the exact power has too many digits for large M.

    Args:
        segment: a single segment.
        M: segments, at least 1.

    Returns:
        Lower and upper end.

    Example:
        >>> low, high = population_fp_brackets(DendriticSegment(10_000, 300, 30, 15), M=10**6)
        >>> low > Fraction(1, 10**9)
        True
    """
    patterns, p = check_single(M, "M", least=1), segment.fp_exact()
    bound = patterns * p
    return bound - Fraction(patterns * (patterns - 1), 2) * p**2, bound


def most_patterns(segment: DendriticSegment, fp_max: float) -> int:
    """Largest number of independent segments that together stay below an error.

    The largest M with ``1 - (1 - P_FP)^M < fp_max`` (to 15 digits); 0 when one segment is too many.

    Args:
        segment: a single segment.
        fp_max: error that the population must stay below, in (0, 1).

    Returns:
        M.

    Example:
        >>> most_patterns(DendriticSegment(10_000, 300, 30, 15), 1e-9)
        953114
    """
    limit = check_probability(fp_max, "fp_max")
    p = float(segment.fp_exact())
    if p == 0:
        raise ValueError("fp_max is met by any number of patterns: this segment can't fire for a wrong one")
    if p >= limit:
        return 0
    M = int(np.log1p(-limit) / np.log1p(-p))
    nearby = range(max(M - 2, 0), M + 3)
    return max((m for m in nearby if -np.expm1(m * np.log1p(-p)) < limit), default=M)


def neuron_fp(p_segments: Any, axis: int = -1) -> Float64:
    """Probability that a neuron with several segments fires for a random pattern.

    ``P_neuron = 1 - prod_g (1 - P_g)``.

    Args:
        p_segments: false-positive probability of each segment, in [0, 1].
        axis: the axis of segments.

    Returns:
        float64, ``axis`` removed.

    Raises:
        ValueError: NaN or a value outside [0, 1].

    Example:
        >>> print(neuron_fp([1e-12, 3e-12]))
        3.999999999997e-12
    """
    p = np.asarray(plain(p_segments, "p_segments"))
    if p.dtype.kind not in "iuf" or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p_segments must hold probabilities in [0, 1]")
    with np.errstate(divide="ignore"):
        return -np.expm1(np.log1p(-p.astype(np.float64)).sum(axis=axis))


def exact_match_fp(n: CountLike, s: CountLike, M: CountLike, a: CountLike) -> Float64:
    """Probability that all ``a`` cells of a random pattern are covered by a union of M patterns (Bloom filter).

    ``(1 - (1 - s/n)^M)^a``.

    Args:
        n: potential presynaptic cells.
        s: cells of each stored pattern.
        M: stored patterns, at least 1.
        a: cells of the presented pattern.

    Returns:
        float64 of the broadcast shape.

    Raises:
        ValueError: a count that is negative, not whole or larger than n.

    Example:
        >>> print(exact_match_fp(n=20_000, s=25, M=100, a=10).round(13))
        5.047e-10

    Source:
        Eq. 11, arXiv:1601.00720.
    """
    cells, synapses, active = check_count(n, "n", least=1), check_count(s, "s"), check_count(a, "a")
    patterns = check_count(M, "M", least=1)
    check_at_most(synapses, "s", cells, "n", "each synapse has its own cell")
    check_at_most(active, "a", cells, "n", "active cells are among the n cells")
    with np.errstate(divide="ignore"):
        covered = -np.expm1(patterns * np.log1p(-np.divide(synapses, cells)))
    return covered**active
