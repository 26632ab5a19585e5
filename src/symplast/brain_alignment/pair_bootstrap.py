"""The bootstrap of a correlation over a few models, with every resample where there are few enough."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, ndtr, ndtri

from symplast.brain_alignment.correlations import LEAST_MODELS, leave_one_out, pearson
from symplast.stats.arguments import Integer, Real, check_count, check_level, check_pairs, check_sample

Floats = NDArray[np.float64]

EXACT_UP_TO = 12
"""The largest number of models with exact bootstrap: C(23, 12) = 1,352,078 resamples."""

RESAMPLES = 200_000
"""Random resamples where there are more models."""

ROWS = 1 << 17


@lru_cache(maxsize=2)
def every_resample(n: int) -> tuple[NDArray[np.uint8], Floats]:
    """All resamples of n observations, as counts, and their probabilities ``n! / (prod w_i! n^n)``.

    Args:
        n: observations, at most 12.

    Returns:
        (C(2n-1, n), n) counts that sum to n, and their probabilities.

    Example:
        >>> counts, probability = every_resample(3)
        >>> counts.shape, round(float(probability.sum()), 12), round(float(probability.max()), 4)
        ((10, 3), 1.0, 0.2222)
    """
    if not 1 <= n <= EXACT_UP_TO:
        raise ValueError(f"n must lie in [1, {EXACT_UP_TO}] for all resamples, got {n}")
    counts = np.zeros((1, 0), np.uint8)
    left = np.array([n])
    for _ in range(n - 1):
        repeats = left + 1
        start = np.repeat(np.cumsum(repeats) - repeats, repeats)
        value = (np.arange(repeats.sum()) - start).astype(np.uint8)
        counts = np.concatenate([np.repeat(counts, repeats, axis=0), value[:, None]], axis=1)
        left = np.repeat(left, repeats) - value
    counts = np.concatenate([counts, left[:, None].astype(np.uint8)], axis=1)
    log_factorial = gammaln(np.arange(n + 1) + 1.0)
    log_p = np.full(len(counts), log_factorial[n] - n * np.log(n))
    for column in counts.T:
        log_p -= log_factorial[column]
    return counts, np.exp(log_p)


@dataclass(frozen=True)
class PairBootstrap:
    """Bootstrap intervals of a correlation.

    Attributes:
        r: of all models.
        percentile: ends of the percentile interval.
        bca: ends of the bias-corrected and accelerated one; NaN where it is not defined.
        z0, acceleration: its two constants.
        degenerate: share of resamples in which a variable is constant; they are left out.
        exact: whether all resamples were used.
        level: confidence level.
    """

    r: float
    percentile: tuple[float, float]
    bca: tuple[float, float]
    z0: float
    acceleration: float
    degenerate: float
    exact: bool
    level: float


def resampled_r(x: Floats, y: Floats, counts: NDArray[Any]) -> Floats:
    """(m,) correlations under each row of counts; NaN where a variable is constant."""
    a, b = x - x.mean(), y - y.mean()
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    moments = np.stack([a, b, a * a, b * b, a * b], axis=1)
    n = x.size
    found = np.empty(len(counts))
    for start in range(0, len(counts), ROWS):
        sa, sb, saa, sbb, sab = (counts[start : start + ROWS].astype(np.float64) @ moments).T / n
        va, vb = saa - sa * sa, sbb - sb * sb
        with np.errstate(divide="ignore", invalid="ignore"):
            r = (sab - sa * sb) / np.sqrt(va * vb)
        found[start : start + ROWS] = np.where((va > 1e-12) & (vb > 1e-12), np.clip(r, -1, 1), np.nan)
    return found


def bootstrap_r(
    x: ArrayLike, y: ArrayLike, *, level: Real = 0.95, resamples: Integer | None = None, seed: int = 0
) -> PairBootstrap:
    """Percentile and BCa intervals of a correlation, over pairs.

    BCa: ``z0 = Phi^-1(share of r* below r, ties half)``, ``a = sum d³ / (6 (sum d²)^1.5)``,
    ``d = mean(jackknife) - jackknife``.

    Args:
        x, y: (n,) paired numbers, n >= 4.
        level: confidence level.
        resamples: None: all of them up to 12 models, 200,000 random ones above; a number: so many random ones.
        seed: of NumPy's generator.

    Example:
        >>> found = bootstrap_r(np.arange(1, 9), [2, 1, 4, 3, 7, 5, 8, 6])
        >>> found.exact, round(found.r, 7), round(found.acceleration, 7)
        (True, 0.8333333, -0.006392)

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 14; Diaconis and Holmes 1994 (all resamples).
    """
    level = check_level(level)
    a, b = check_sample(x, "x", least=LEAST_MODELS), check_sample(y, "y", least=LEAST_MODELS)
    check_pairs(a, b)
    r = float(pearson(a, b))
    nothing = (float("nan"), float("nan"))
    exact = resamples is None and a.size <= EXACT_UP_TO
    if np.isnan(r):
        return PairBootstrap(r, nothing, nothing, nothing[0], nothing[0], 1.0, exact, level)
    if exact:
        counts, weight = every_resample(a.size)
    else:
        m = RESAMPLES if resamples is None else check_count(resamples, "resamples", least=100)
        random = np.random.default_rng(seed)
        counts = random.multinomial(a.size, np.full(a.size, 1 / a.size), size=m).astype(np.uint16)
        weight = np.full(m, 1 / m)
    spread = resampled_r(a, b, counts)
    good = np.isfinite(spread)
    degenerate = float(weight[~good].sum())
    order = np.argsort(spread[good])
    ordered, cumulated = spread[good][order], np.cumsum(weight[good][order])
    cumulated /= cumulated[-1]
    percentile = tuple(_quantiles(ordered, cumulated, np.array([(1 - level) / 2, (1 + level) / 2])))
    below = np.searchsorted(ordered, r - 1e-12), np.searchsorted(ordered, r + 1e-12)
    below_share = np.mean([cumulated[k - 1] if k else 0.0 for k in below])
    z0 = float(ndtri(below_share))
    acceleration = bca_acceleration(leave_one_out(a, b))
    bca: tuple[float, ...] = nothing
    if np.isfinite(z0) and np.isfinite(acceleration):
        bca = tuple(_quantiles(ordered, cumulated, bca_levels(z0, acceleration, level)))
    return PairBootstrap(r, percentile, bca, z0, acceleration, degenerate, exact, level)  # type: ignore[arg-type]


def bca_acceleration(jackknife: ArrayLike) -> float:
    """``sum d³ / (6 (sum d²)^1.5)`` with ``d = mean(jackknife) - jackknife``; NaN where these don't vary."""
    d = np.asarray(jackknife, dtype=np.float64)
    d = d.mean() - d
    below = 6 * np.square(d).sum() ** 1.5
    return float((d**3).sum() / below) if below > 0 else float("nan")


def bca_levels(z0: ArrayLike, acceleration: ArrayLike, level: float) -> Floats:
    """(2, ...) shares of resamples below the ends of the BCa interval."""
    z = ndtri(np.array([(1 - level) / 2, (1 + level) / 2])).reshape(2, *[1] * np.ndim(z0))
    shifted = z0 + z
    return ndtr(z0 + shifted / (1 - np.asarray(acceleration) * shifted))


def _quantiles(ordered: Floats, cumulated: Floats, shares: Floats) -> list[float]:
    """Values at which the cumulated weight reaches the shares."""
    at = np.minimum(np.searchsorted(cumulated, shares - 1e-15), ordered.size - 1)
    return [float(v) for v in ordered[at]]
