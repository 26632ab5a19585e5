"""Correlations: Fisher's z transformation."""

import numpy as np
from scipy.special import ndtr, ndtri

from symplast.stats.arguments import EPS, Integer, Real, check_count, check_level, plain
from symplast.stats.estimate import Alternative, Estimate, Significance


def fisher_z(r: Real, n: Integer, level: Real = 0.95) -> Estimate:
    """Interval of a Pearson correlation, ``tanh(atanh(r) ± z / sqrt(n - 3))``.

    Approximate, for samples that are roughly bivariate normal.

    Args:
        r: sample correlation in [-1, 1].
        n: number of pairs, at least 4.
        level: confidence level in (0, 1).

    Returns:
        ``r`` with its interval, of zero width at r = 1 and r = -1 (up to rounding).

    Raises:
        ValueError: ``r`` outside [-1, 1], ``n`` below 4 or no whole number.

    Example:
        >>> print(fisher_z(0.6, 50))
        0.6 [0.3861, 0.7526]
    """
    level, r, n = check_level(level), _check_correlation(r, "r"), check_count(n, "n", least=4)
    if _is_perfect(r):
        return Estimate(r, r, r, level, n, "fisher-z")
    half = ndtri(0.5 + level / 2) / np.sqrt(n - 3)
    z = np.arctanh(r)
    return Estimate(r, float(np.tanh(z - half)), float(np.tanh(z + half)), level, n, "fisher-z")


def fisher_z_test(
    r1: Real, n1: Integer, r2: Real, n2: Integer, *, alternative: Alternative = "two-sided"
) -> Significance:
    """Test whether two correlations from independent samples are equal.

    ``z = (atanh(r1) - atanh(r2)) / sqrt(1 / (n1 - 3) + 1 / (n2 - 3))`` is standard normal when they are.

    Args:
        r1: correlation in the first sample, strictly between -1 and 1.
        n1: number of pairs in the first sample, at least 4.
        r2: correlation in the second sample.
        n2: number of pairs in the second sample.
        alternative: ``two-sided``; ``greater`` (r1 > r2); ``less``.

    Returns:
        z and its p value.

    Raises:
        ValueError: a correlation outside (-1, 1), too few pairs, an unknown alternative.

    Example:
        >>> result = fisher_z_test(0.6, 50, 0.2, 60)
        >>> round(result.statistic, 4), round(result.p_value, 4)
        (2.489, 0.0128)
    """
    for name, r in (("r1", r1), ("r2", r2)):
        if _is_perfect(_check_correlation(r, name)):
            raise ValueError(f"{name} must lie strictly between -1 and 1: a perfect correlation has no z, got {r}")
    n1, n2 = check_count(n1, "n1", least=4), check_count(n2, "n2", least=4)
    z = float((np.arctanh(r1) - np.arctanh(r2)) / np.sqrt(1 / (n1 - 3) + 1 / (n2 - 3)))
    tails = {"two-sided": 2 * ndtr(-abs(z)), "less": ndtr(z), "greater": ndtr(-z)}
    if alternative not in tails:
        raise ValueError(f"alternative must be one of {', '.join(tails)}, got {alternative!r}")
    return Significance(z, float(tails[alternative]), alternative, n1 + n2, "fisher-z test")


def _check_correlation(r: Real, name: str) -> float:
    if not -1 <= plain(r, name) <= 1:
        raise ValueError(f"{name} must be a correlation in [-1, 1], got {r}")
    return float(r)


def _is_perfect(r: float) -> bool:
    """1 or -1 up to the rounding of a correlation that was computed."""
    return 1 - abs(r) <= 8 * EPS
