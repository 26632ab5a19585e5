"""Do real patterns meet the theory's assumption? Overlaps of a user's codes against the hypergeometric law."""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Integer

from symplast.dendrites.bank import check_patterns
from symplast.on_use import chi2, hypergeom, norm

if TYPE_CHECKING:
    import pandas as pd

P_WARN = 0.0005  # of each of two tests: one false alarm in a thousand independent codes
EXCESS_WARN = 1.05
MAX_PATTERNS = 4000


class CorrelatedPatterns(UserWarning):
    """The patterns overlap more than independent random ones: the theory's false positives are too low for them."""


@dataclass(frozen=True, eq=False)
class CodeStatistics:
    """Pairwise overlaps of a set of patterns next to what independent random patterns would have.

    Attributes:
        n: cells.
        a: active cells of each pattern.
        pairs: number of pairs.
        counts: int64[overlap], pairs with each overlap.
        expected: float64[overlap], pairs expected from the hypergeometric law.
        mean_ratio: mean overlap over its expectation.
        rho: inflation factor ``Var_emp / Var_hyp``: variance of the overlaps about their expectation, over the
            hypergeometric variance; 1 for independent random patterns.
        z_mean: deviation of the mean from its expectation, in standard errors under independence.
        z_rho: the same for rho.
        correlated: whether the patterns overlap significantly (1 in 1000) and noticeably (5 %) more.
    """

    n: int
    a: Integer[np.ndarray, "patterns"]
    pairs: int
    counts: Integer[np.ndarray, "overlaps"]
    expected: Float[np.ndarray, "overlaps"]
    mean_ratio: float
    rho: float
    z_mean: float
    z_rho: float
    correlated: bool

    def exceedance(self) -> "pd.DataFrame":
        """One row for each threshold: share of pairs that reach it, and what theory expects."""
        import pandas as pd

        reached = np.cumsum(self.counts[::-1])[::-1] / self.pairs
        theory = np.cumsum(self.expected[::-1])[::-1] / self.pairs
        return pd.DataFrame({"theta": np.arange(self.counts.size), "measured": reached, "theory": theory})


def estimate_from_data(X: Any) -> CodeStatistics:
    """Compare the overlaps of all pairs of patterns with the hypergeometric law that the theory assumes.

    Under independence the overlap of patterns i and j has mean ``a_i a_j / n`` and variance
    ``a_i a_j (n-a_i)(n-a_j) / (n^2 (n-1))``, and the overlaps of different pairs are pairwise uncorrelated, which
    gives the standard errors.

    Args:
        X: bool[P, n] patterns, P between 2 and 4000; 0/1 integers are accepted.

    Returns:
        The :class:`CodeStatistics`. A warning :class:`CorrelatedPatterns` is given when the patterns overlap more
        than the theory assumes: then its false-positive rates don't hold for them.

    Raises:
        ValueError: not binary, fewer than 2 or more than 4000 patterns, or patterns that leave no room for chance.

    Example:
        >>> X = np.random.default_rng(0).random((200, 1000)).argsort(axis=1) < 20
        >>> found = estimate_from_data(X)
        >>> found.correlated, round(found.rho, 2)
        (False, 0.98)
    """
    patterns = np.asarray(check_patterns(X, "X"))
    P, n = patterns.shape
    if not 2 <= P <= MAX_PATTERNS:
        raise ValueError(f"X must hold 2 to {MAX_PATTERNS} patterns (all pairs are compared), got {P}: subsample")
    a = patterns.sum(axis=1)
    dense = patterns.astype(np.float32)
    upper = np.triu_indices(P, 1)
    overlap = np.rint((dense @ dense.T)[upper]).astype(np.int64)
    sizes, pairs = _pairs_of_sizes(a)
    counts = np.bincount(overlap, minlength=int(a.max()) + 1)
    expected, variance, fourth = np.zeros(counts.size), 0.0, 0.0
    b = np.arange(counts.size)
    for (ai, aj), number in zip(sizes, pairs, strict=True):
        law = hypergeom.pmf(b, n, ai, aj)
        deviation = b - ai * aj / n
        expected += number * law
        variance += number * (law * deviation**2).sum()
        fourth += number * (law * (deviation**2 - (law * deviation**2).sum()) ** 2).sum()
    if variance == 0:
        raise ValueError(
            "X must leave the overlaps to chance: patterns with no or all cells active always overlap alike"
        )
    total = overlap.size
    deviation = overlap - a[upper[0]] * a[upper[1]] / n
    rho = float((deviation**2).sum() / variance)
    mean_ratio = float(overlap.sum() / (expected * b).sum())
    z_mean = float(deviation.sum() / np.sqrt(variance))
    z_rho = float((rho - 1) * variance / np.sqrt(fourth)) if fourth else 0.0
    # the summed overlaps are a sum of squares over cells: chi-square with n - 1 degrees of freedom
    p_mean = chi2.sf(n - 1 + z_mean * np.sqrt(2 * (n - 1)), n - 1)
    excess = [(p_mean, mean_ratio), (norm.sf(z_rho), rho)]
    correlated = any(p < P_WARN and ratio > EXCESS_WARN for p, ratio in excess)
    if correlated:
        warnings.warn(
            f"the patterns overlap more than independent random ones (mean x{mean_ratio:.2f}, variance x{rho:.2f}): "
            "false-positive rates from theory are too low for them; decorrelate the code or raise theta",
            CorrelatedPatterns,
            stacklevel=2,
        )
    return CodeStatistics(n, a, total, counts, expected, mean_ratio, rho, z_mean, z_rho, correlated)


def _pairs_of_sizes(a: np.ndarray) -> tuple[list[tuple[int, int]], list[int]]:
    """How many pairs have which two numbers of active cells."""
    values, numbers = np.unique(a, return_counts=True)
    sizes, pairs = [], []
    for i, (ai, ni) in enumerate(zip(values, numbers, strict=True)):
        for aj, nj in zip(values[i:], numbers[i:], strict=True):
            number = int(ni * (ni - 1) // 2) if ai == aj else int(ni * nj)
            if number:
                sizes.append((int(ai), int(aj)))
                pairs.append(number)
    return sizes, pairs
