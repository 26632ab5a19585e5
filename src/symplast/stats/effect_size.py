"""Effect sizes of two samples, with intervals."""

from typing import Any

import numpy as np
from scipy.special import gammaincc, gammaln, ndtri

from symplast.on_use import brentq, nct
from symplast.stats.arguments import (
    Floats,
    Real,
    Sample,
    check_level,
    check_pairs,
    check_sample,
    is_constant,
    precision_of,
)
from symplast.stats.estimate import Estimate


def cohens_d(x: Sample, y: Sample, *, paired: bool = False, level: Real = 0.95) -> Estimate:
    """Cohen's d: the difference of means in standard deviations.

    ``(mean(x) - mean(y)) / s`` with ``s`` the pooled standard deviation, or the standard deviation of the differences
    when ``paired`` (often written d_z). The interval inverts the noncentral t distribution, exact for normal samples.

    Args:
        x: (n,) numbers.
        y: (m,) numbers; m = n when paired.
        paired: ``x[i]`` and ``y[i]`` belong together.
        level: confidence level in (0, 1).

    Returns:
        d and its interval.

    Raises:
        ValueError: fewer than two values, NaN, unequal lengths of paired samples, or samples without any spread.

    Example:
        >>> print(cohens_d([5.1, 4.9, 6.2, 5.8], [4.0, 4.2, 4.4, 3.9]))
        3.015 [0.8046, 5.135]

    Source:
        Hedges and Olkin, Statistical Methods for Meta-Analysis, 1985; Steiger and Fouladi, 1997.
    """
    level = check_level(level)
    d, low, high, n, _ = _standardised_difference(x, y, paired, level)
    return Estimate(d, low, high, level, n, "noncentral t")


def hedges_g(x: Sample, y: Sample, *, paired: bool = False, level: Real = 0.95) -> Estimate:
    """Hedges' g: Cohen's d without its small-sample bias.

    ``g = J d``, ``J = Γ(ν/2) / (sqrt(ν/2) Γ((ν-1)/2))`` with ν degrees of freedom; the interval is that of d times J.

    Args:
        x: (n,) numbers.
        y: (m,) numbers; m = n when paired.
        paired: ``x[i]`` and ``y[i]`` belong together.
        level: confidence level in (0, 1).

    Returns:
        g and its interval.

    Raises:
        ValueError: as :func:`cohens_d`; also for fewer than two degrees of freedom, where J is zero.

    Example:
        >>> print(hedges_g([5.1, 4.9, 6.2, 5.8], [4.0, 4.2, 4.4, 3.9]))
        2.619 [0.6989, 4.461]
    """
    level = check_level(level)
    d, low, high, n, freedom = _standardised_difference(x, y, paired, level)
    if freedom < 2:
        raise ValueError("hedges_g needs at least 3 pairs: its correction is not defined for one degree of freedom")
    j = float(np.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2))
    return Estimate(j * d, j * low, j * high, level, n, "noncentral t, bias-corrected")


def cliffs_delta(x: Sample, y: Sample, *, level: Real = 0.95) -> Estimate:
    """Cliff's delta: ``P(x > y) - P(x < y)`` for a random pair, in [-1, 1].

    No assumption on the distributions' shape. The interval is Cliff's, from the consistent variance, skewed to stay
    within [-1, 1]; where the samples do not overlap the variance is zero and the limit is
    ``(m - z²) / (m + z²)`` with m the smaller sample size.

    Args:
        x: (n,) numbers.
        y: (m,) numbers.
        level: confidence level in (0, 1).

    Returns:
        delta and its interval.

    Raises:
        ValueError: fewer than two values, NaN.

    Example:
        >>> print(cliffs_delta([5.1, 4.9, 6.2, 4.1], [4.0, 4.2, 4.4, 3.9]))
        0.75 [0.009235, 0.9593]

    Source:
        Cliff, Ordinal Methods for Behavioral Data Analysis, 1996; Feng and Cliff, J. Mod. Appl. Stat. Methods 3, 2004.
    """
    level, a, b = check_level(level), check_sample(x, "x"), check_sample(y, "y")
    n, m = a.size, b.size
    z = float(ndtri(0.5 + level / 2))
    by_x, by_y = _dominance(a, b), -_dominance(b, a)  # mean sign against the other sample
    delta = float(by_x.mean())
    if abs(delta) == 1:
        limit = max(-1.0, (min(n, m) - z**2) / (min(n, m) + z**2))
        low, high = (limit, 1.0) if delta > 0 else (-1.0, -limit)
    else:
        ties = float(_ties(a, b))
        squares = n * m * (1 - ties - delta**2)  # sum over all pairs of (sign - delta)^2
        variance = m**2 * ((by_x - delta) ** 2).sum() + n**2 * ((by_y - delta) ** 2).sum() - squares
        variance = max(variance / (n * m * (n - 1) * (m - 1)), (1 - delta**2) / (n * m - 1))
        spread = z * np.sqrt(variance * ((1 - delta**2) ** 2 + z**2 * variance))
        scale = 1 - delta**2 + z**2 * variance
        low, high = (delta - delta**3 - spread) / scale, (delta - delta**3 + spread) / scale
    low, high = np.clip([low, high], -1, 1)
    return Estimate(delta, float(low), float(high), level, n + m, "cliff")


def _standardised_difference(x: Any, y: Any, paired: bool, level: float) -> tuple[float, float, float, int, int]:
    """d, its limits, number of observations, degrees of freedom."""
    a, b = check_sample(x, "x"), check_sample(y, "y")
    varied: tuple[Floats, ...]
    if paired:
        check_pairs(a, b)
        n, freedom, per_t = a.size, a.size - 1, 1 / np.sqrt(a.size)
        spread = (a - b).std(ddof=1)
        varied = (a - b,)
    else:
        n, freedom, per_t = a.size + b.size, a.size + b.size - 2, np.sqrt(1 / a.size + 1 / b.size)
        spread = np.sqrt(((a.size - 1) * a.var(ddof=1) + (b.size - 1) * b.var(ddof=1)) / freedom)
        varied = (a, b)
    largest, precision = float(max(np.abs(a).max(), np.abs(b).max())), precision_of(x, y)
    if all(is_constant(sample, largest, precision) for sample in varied):
        what = "differences x - y" if paired else "samples"
        raise ValueError(f"the {what} must vary: without spread the standardised difference is not defined")
    d = float((a.mean() - b.mean()) / spread)
    low, high = (_noncentrality(d / per_t, freedom, tail) * per_t for tail in (0.5 + level / 2, 0.5 - level / 2))
    return d, float(low), float(high), n, freedom


def _noncentrality(t: float, freedom: int, tail: float) -> float:
    """The noncentrality at which ``P(T <= t) = tail``."""
    step = 4 * np.sqrt(1 + t**2 / (2 * freedom))

    def excess(nc: float) -> float:
        below = float(nct.cdf(t, freedom, nc))
        return (below if np.isfinite(below) else _noncentral_t_cdf(t, freedom, nc)) - tail

    low, high = t - step, t + step
    while excess(low) < 0:
        low -= step
    while excess(high) > 0:
        high += step
    return float(brentq(excess, low, high, xtol=1e-10 * max(1.0, abs(t))))


def _noncentral_t_cdf(t: float, freedom: int, nc: float) -> float:
    """``P(T <= t)`` for large ``|t|``, where scipy's series ends in NaN: the mean over the normal part of T.

    ``T <= t`` means ``Z + nc <= t S`` with S = chi / sqrt(freedom), whose distribution is smooth on the scale of Z / t.
    """
    z = np.linspace(-9, 9, 4001)
    weights = np.exp(-(z**2) / 2)
    scaled = np.maximum((z + nc) / t, 0)  # S must be at least this (at most, for t < 0)
    upper = gammaincc(freedom / 2, freedom / 2 * scaled**2)
    share = float((weights * upper).sum() / weights.sum())
    return share if t > 0 else 1 - share


def _dominance(a: Floats, b: Floats) -> Floats:
    """For each of ``a``: the share of ``b`` below it minus the share above it."""
    ordered = np.sort(b)
    below, not_above = np.searchsorted(ordered, a, side="left"), np.searchsorted(ordered, a, side="right")
    return np.asarray((below - (b.size - not_above)) / b.size, dtype=np.float64)


def _ties(a: Floats, b: Floats) -> float:
    """Share of pairs with equal values."""
    ordered = np.sort(b)
    equal = np.searchsorted(ordered, a, side="right") - np.searchsorted(ordered, a, side="left")
    return float(equal.sum() / (a.size * b.size))
