"""Proportions: k successes in n independent trials."""

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, ndtri

from symplast.stats.arguments import Floats, Integer, Real, check_level, plain
from symplast.stats.estimate import Estimate

ProportionMethod: TypeAlias = Literal["clopper-pearson", "wilson"]


def proportion_interval(
    k: npt.ArrayLike | Integer,
    n: npt.ArrayLike | Integer,
    *,
    level: Real = 0.95,
    method: ProportionMethod = "clopper-pearson",
) -> tuple[Floats, Floats]:
    """Confidence limits of many binomial proportions at once.

    Args:
        k: number of successes, any shape that broadcasts with ``n``.
        n: number of trials.
        level: confidence level in (0, 1).
        method: ``clopper-pearson`` (exact: covers at least ``level``) or ``wilson`` (score: covers ``level`` on
            average, shorter).

    Returns:
        Lower and upper limits, each of the broadcast shape.

    Raises:
        ValueError: counts that are not whole numbers with 0 <= k <= n and n >= 1.

    Example:
        >>> low, high = proportion_interval(np.array([0, 5, 10]), 10)
        >>> low.round(4), high.round(4)
        (array([0.    , 0.1871, 0.6915]), array([0.3085, 0.8129, 1.    ]))
    """
    level = check_level(level)
    successes, trials = np.broadcast_arrays(_counts(k, "k"), _counts(n, "n"))
    if (trials < 1).any():
        raise ValueError(f"n must be at least 1 (an interval needs a trial), got {trials.min():g}")
    if ((successes < 0) | (successes > trials)).any():
        raise ValueError("k must lie in [0, n]: it counts the successes among the n trials")
    if method == "clopper-pearson":
        return _clopper_pearson_limits(successes, trials, 1 - level)
    if method == "wilson":
        return _wilson_limits(successes, trials, 1 - level)
    raise ValueError(f"method must be 'clopper-pearson' or 'wilson', got {method!r}")


def clopper_pearson(k: Integer, n: Integer, level: Real = 0.95) -> Estimate:
    """A proportion with the exact (Clopper-Pearson) interval.

    The limits are the proportions at which k or more, and k or fewer, successes each have probability
    ``(1 - level) / 2``. The interval covers the true proportion with probability at least ``level``, whatever it is.

    Args:
        k: number of successes.
        n: number of trials.
        level: confidence level in (0, 1).

    Returns:
        ``k / n`` with its interval.

    Raises:
        ValueError: counts that are not whole numbers with 0 <= k <= n and n >= 1.

    Example:
        >>> print(clopper_pearson(0, 20))  # no success in 20 trials does not mean that there is none
        0 [0, 0.1684]
    """
    return _estimate(k, n, level, "clopper-pearson")


def wilson(k: Integer, n: Integer, level: Real = 0.95) -> Estimate:
    """A proportion with Wilson's score interval (no continuity correction).

    Covers ``level`` on average over proportions, so it can fall a little below ``level`` at some; shorter than
    :func:`clopper_pearson`.

    Args:
        k: number of successes.
        n: number of trials.
        level: confidence level in (0, 1).

    Returns:
        ``k / n`` with its interval.

    Raises:
        ValueError: counts that are not whole numbers with 0 <= k <= n and n >= 1.

    Example:
        >>> print(wilson(0, 20))
        0 [0, 0.1611]
    """
    return _estimate(k, n, level, "wilson")


def _estimate(k: Integer, n: Integer, level: Real, method: ProportionMethod) -> Estimate:
    if np.ndim(k) or np.ndim(n):
        raise ValueError("k and n must be single counts; for arrays use proportion_interval")
    low, high = proportion_interval(k, n, level=level, method=method)
    return Estimate(float(k) / float(n), float(low), float(high), float(level), int(n), method)


def _counts(values: Any, name: str) -> Floats:
    counts = np.asarray(plain(values, name))
    if counts.dtype.kind not in "iuf" or not (np.isfinite(counts) & (counts == np.floor(counts))).all():
        raise ValueError(f"{name} must count trials, so hold whole numbers, got {values!r}")
    return counts.astype(np.float64)


def _clopper_pearson_limits(k: Floats, n: Floats, alpha: float) -> tuple[Floats, Floats]:
    none, all_ = k == 0, k == n
    low = betaincinv(np.where(none, 1, k), n - k + 1, alpha / 2)
    high = betaincinv(k + 1, np.where(all_, 1, n - k), 1 - alpha / 2)
    low, high = np.where(none, 0.0, low), np.where(all_, 1.0, high)
    return np.asarray(np.clip(low, 0, 1)), np.asarray(np.clip(high, 0, 1))


def _wilson_limits(k: Floats, n: Floats, alpha: float) -> tuple[Floats, Floats]:
    z = ndtri(1 - alpha / 2)
    p = k / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = np.where(k == 0, 0.0, centre - half), np.where(k == n, 1.0, centre + half)
    return np.asarray(np.clip(low, 0, 1)), np.asarray(np.clip(high, 0, 1))
