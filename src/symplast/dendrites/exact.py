"""Recognition theory in exact rational arithmetic: the oracle for the fast code and the designer's certificates.

Everything is a sum of products of binomial coefficients; the form with the small counts is used,
``C(a,b) C(n-a,s-b) / C(n,s)`` with s <= a, because ``C(n,s)`` has far fewer digits than ``C(n,a)``.
"""

from fractions import Fraction
from math import comb
from typing import Literal

from symplast.dendrites.arguments import Number, check_at_most, check_single

NoiseModel = Literal["replace", "resample"]


def overlap_set_size(n: Number, s: Number, a: Number, b: Number) -> int:
    """Number of patterns of ``a`` active cells that overlap a fixed segment of ``s`` synapses in exactly ``b`` cells.

    ``|Omega_D(n,a,b)| = C(s,b) C(n-s,a-b)``.

    Args:
        n: potential presynaptic cells.
        s: synapses of the segment.
        a: active cells of the pattern.
        b: overlap.

    Returns:
        The count, an exact integer.

    Raises:
        ValueError: a count that is negative, not whole, or larger than n.

    Example:
        >>> overlap_set_size(n=20, s=4, a=5, b=2)
        3360

    Source:
        Eq. 2-3, arXiv:1601.00720.
    """
    n, a, s = check_pattern(n, a, s)
    b = check_single(b, "b")
    return comb(s, b) * comb(n - s, a - b) if b <= a else 0


def fp_exact(n: Number, a: Number, s: Number, theta: Number) -> Fraction:
    """False-positive probability of one segment for a random pattern.

    ``P_FP = sum_{b>=theta} C(s,b) C(n-s,a-b) / C(n,a)``, the upper tail of a hypergeometric law.

    Args:
        n: potential presynaptic cells.
        a: active cells.
        s: synapses.
        theta: threshold, the number of coincident active synapses that starts a spike.

    Returns:
        The probability as a Fraction.

    Raises:
        ValueError: a count that is negative, not whole, or larger than n.

    Example:
        >>> fp_exact(n=20, a=5, s=4, theta=2)
        Fraction(241, 969)

    Source:
        Eq. 4, arXiv:1601.00720.
    """
    theta = check_single(theta, "theta", least=None)
    return _tail(*check_pattern(n, a, s), theta)


def fp_tails_exact(n: Number, a: Number, s: Number) -> list[Fraction]:
    """False-positive probabilities for every threshold 0 .. min(a, s), in one pass from the top.

    Args:
        n: potential presynaptic cells.
        a: active cells.
        s: synapses.

    Returns:
        Entry ``theta`` is ``fp_exact(n, a, s, theta)``.

    Example:
        >>> [str(p) for p in fp_tails_exact(n=12, a=4, s=3)]
        ['1', '41/55', '13/55', '1/55']
    """
    n, a, s = check_pattern(n, a, s)
    s, a = min(a, s), max(a, s)
    total, tail, tails = comb(n, s), 0, []
    for b in range(s, -1, -1):
        tail += comb(a, b) * comb(n - a, s - b)
        tails.append(Fraction(tail, total))
    return tails[::-1]


def fn_exact(
    a: Number, s: Number, theta: Number, v: Number, *, n: Number | None = None, noise: NoiseModel | str = "replace"
) -> Fraction:
    """False-negative probability: the segment misses a corrupted copy of its own pattern.

    ``P_FN = sum_{b>=s-theta+1} C(s,b) C(a-s,v-b) / C(a,v)``: more than ``s - theta`` of its synapses are among the
    ``v`` lost cells.

    Args:
        a: active cells of the pattern.
        s: synapses, a subset of the pattern's cells.
        theta: threshold.
        v: active cells that noise switches off.
        n: potential presynaptic cells; needed for ``noise="resample"`` only.
        noise: ``replace`` (the paper's: the v new cells come from outside the pattern) or ``resample`` (ours: they
            come from all cells that are then off, so lost cells may be switched on again).

    Returns:
        The probability as a Fraction.

    Raises:
        ValueError: s > a, v > a, v > n - a under ``replace``, or a count that is negative or not whole.

    Example:
        >>> fn_exact(a=5, s=4, theta=2, v=3), fn_exact(a=5, s=4, theta=2, v=3, n=20, noise="resample")
        (Fraction(2, 5), Fraction(91, 408))

    Source:
        Eq. 5-6, arXiv:1601.00720; the resample model is ours.
    """
    a, s, v = check_single(a, "a"), check_single(s, "s"), check_single(v, "v")
    theta = check_single(theta, "theta", least=None)
    check_subsample(a, s)
    cells = None if n is None else check_single(n, "n", least=1)
    check_noise(v, a, cells, noise)
    if noise == "replace":
        return _miss(a, s, theta, v)
    assert cells is not None
    candidates = cells - a + v
    return sum(
        (
            Fraction(comb(v, back) * comb(candidates - v, v - back), comb(candidates, v)) * _miss(a, s, theta, v - back)
            for back in range(v + 1)
        ),
        start=Fraction(0),
    )


def union_size_exact(n: Number, s: Number, M: Number) -> dict[int, Fraction]:
    """Law of the number of synapses after a union of M random patterns of s cells each.

    Markov chain ``K_{m+1} = K_m + s - H`` with ``P(H=h) = C(K,h) C(n-K,s-h) / C(n,s)``, from ``K_0 = 0``.

    Args:
        n: potential presynaptic cells.
        s: synapses of one pattern.
        M: patterns.

    Returns:
        Number of synapses -> probability, without impossible entries.

    Example:
        >>> {k: str(p) for k, p in union_size_exact(n=5, s=2, M=2).items()}
        {4: '3/10', 3: '3/5', 2: '1/10'}
    """
    n, _, s = check_pattern(n, 0, s)
    law = {0: Fraction(1)}
    for _ in range(check_single(M, "M", least=1)):
        step: dict[int, Fraction] = {}
        for k, p in law.items():
            for h in range(max(0, s - (n - k)), min(k, s) + 1):
                share = Fraction(comb(k, h) * comb(n - k, s - h), comb(n, s))
                step[k + s - h] = step.get(k + s - h, Fraction(0)) + p * share
        law = step
    return law


def check_pattern(n: Number, a: Number, s: Number) -> tuple[int, int, int]:
    """``(n, a, s)`` as single counts with a <= n and s <= n."""
    cells, active, synapses = check_single(n, "n", least=1), check_single(a, "a"), check_single(s, "s")
    check_at_most(active, "a", cells, "n", "active cells are among the n cells")
    check_at_most(synapses, "s", cells, "n", "each synapse has its own cell")
    return cells, active, synapses


def check_subsample(a, s) -> None:
    """``s <= a``: the segment subsamples the pattern that it must not miss."""
    check_at_most(s, "s", a, "a", "a false negative needs the synapses to be a subsample of the pattern's active cells")


def check_noise(v, a, n, noise: str) -> None:
    """``v <= a``, and ``v <= n - a`` where the replacement cells come from outside the pattern."""
    if noise not in ("replace", "resample"):
        raise ValueError(f"noise must be 'replace' or 'resample', got {noise!r}")
    check_at_most(v, "v", a, "a", "noise can switch off only active cells")
    if n is None:
        if noise == "resample":
            raise ValueError(
                "n must be given with noise='resample': the chance that lost cells come back depends on it"
            )
    elif noise == "replace":
        check_at_most(v, "v", n - a, "n-a", "each lost cell is replaced by one outside the pattern")


def _tail(n: int, a: int, s: int, theta: int) -> Fraction:
    s, a = min(a, s), max(a, s)
    if theta <= 0:
        return Fraction(1)
    count = sum(comb(a, b) * comb(n - a, s - b) for b in range(theta, s + 1))
    return Fraction(count, comb(n, s))


def _miss(a: int, s: int, theta: int, v: int) -> Fraction:
    return _tail(a, v, s, s - theta + 1)
