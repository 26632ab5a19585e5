"""Correlations over a dozen models: tests, power, leave-one-out, and the difference of two that share a variable."""

from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtr

from symplast.stats.arguments import Integer, Real, check_count, check_pairs, check_sample, is_constant

Floats = NDArray[np.float64]

EXACT_PERMUTATIONS = 8
"""Up to so many models all permutations are tried."""

LEAST_MODELS = 4

FEW_MODELS = 10


def pearson(x: ArrayLike, y: ArrayLike) -> Any:
    """Pearson r along the last axis of arrays that broadcast; NaN where one is constant."""
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    a, b = a - a.mean(axis=-1, keepdims=True), b - b.mean(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (a * b).sum(axis=-1) / np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return np.clip(r, -1, 1)


def r_p_value(r: ArrayLike, n: Integer) -> Any:
    """Two-sided p of a Pearson correlation, from ``t = r sqrt((n - 2) / (1 - r²))`` with n - 2 degrees of freedom.

    Example:
        >>> r_p_value([-0.441, -0.597], 12).round(5)
        array([0.15128, 0.04042])
    """
    n = check_count(n, "n", least=3)
    r = np.asarray(r, dtype=np.float64)
    if not (np.abs(r) <= 1).all():
        raise ValueError(f"r must be a correlation in [-1, 1], got {r}")
    with np.errstate(divide="ignore"):
        t = np.abs(r) * np.sqrt((n - 2) / (1 - r**2))
    return 2 * stdtr(n - 2, -t)


def models_for_power(r: float, power: float = 0.8, level: float = 0.05) -> float:
    """Number of models at which a true correlation is found: ``((z_level + z_power) / atanh r)² + 3``.

    Args:
        r: the true correlation.
        power: probability of finding it.
        level: of the two-sided test.

    Returns:
        The number, not rounded.

    Example:
        >>> round(models_for_power(-0.441), 2)
        38.01
    """
    if not 0 < abs(r) < 1:
        raise ValueError(f"r must be a correlation strictly between -1 and 1 and not 0, got {r}")
    if not (0 < level < 1 and 0 < power < 1):
        raise ValueError(f"power and level must lie strictly between 0 and 1, got {power} and {level}")
    return float(((ndtri(1 - level / 2) + ndtri(power)) / np.arctanh(r)) ** 2 + 3)


class DependentComparison(NamedTuple):
    """Difference of two correlations that share a variable.

    Attributes:
        z: standard normal when they are equal.
        p_value: two-sided.
    """

    z: float
    p_value: float


def compare_dependent(r1: Real, r2: Real, r12: Real, n: Integer) -> DependentComparison:
    """Are two correlations with the same variable different? Meng, Rosenthal and Rubin's test (Eq. 4).

    ``z = (z1 - z2) sqrt((n - 3) / (2 (1 - r12) h))``, ``h = (1 - f rb) / (1 - rb)``, ``rb = (r1² + r2²) / 2``,
    ``f = min(1, (1 - r12) / (2 (1 - rb)))``.

    Args:
        r1: first predictor with the outcome.
        r2: second predictor with the outcome.
        r12: of the two predictors; without it the difference can't be judged.
        n: number of models.

    Example:
        >>> found = compare_dependent(-0.441, -0.049, 0.5, 12)
        >>> round(found.z, 5), round(found.p_value, 5)
        (-1.22585, 0.22026)

    Source:
        Meng, Rosenthal and Rubin, Psychol. Bull. 111, 1992.
    """
    n = check_count(n, "n", least=4)
    for name, r in (("r1", r1), ("r2", r2), ("r12", r12)):
        if not -1 < r < 1:
            raise ValueError(f"{name} must lie strictly between -1 and 1, got {r}")
    rb = (r1**2 + r2**2) / 2
    f = min(1.0, (1 - r12) / (2 * (1 - rb)))
    h = (1 - f * rb) / (1 - rb)
    z = float((np.arctanh(r1) - np.arctanh(r2)) * np.sqrt((n - 3) / (2 * (1 - r12) * h)))
    return DependentComparison(z, float(2 * ndtr(-abs(z))))


def paper_d(resistant: ArrayLike, susceptible: ArrayLike) -> float:
    """Cohen's d as the paper computes it: difference of means over ``sqrt((s1² + s2²) / 2)``, ddof 1.

    With groups of unequal size this is not the pooled d (:func:`symplast.stats.cohens_d`).

    Example:
        >>> round(paper_d([.30, .34, .29, .35], [.25, .31, .27, .22, .30, .26, .28, .24]), 7)
        1.802126
    """
    a, b = check_sample(resistant, "resistant"), check_sample(susceptible, "susceptible")
    spread = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    if not spread > 0:
        raise ValueError("resistant and susceptible must vary inside the groups: all values are equal")
    return float((a.mean() - b.mean()) / spread)


def partial_r(x: ArrayLike, y: ArrayLike, given: ArrayLike) -> float:
    """Correlation of x and y once what ``given`` explains linearly is taken out of both.

    ``(r_xy - r_xz r_yz) / sqrt((1 - r_xz²) (1 - r_yz²))``.

    Example:
        >>> z = np.arange(6.0)
        >>> round(partial_r(z + [0, 1, 0, 1, 0, 1], z + [0, 1, 0, 1, 0, 1], z), 6)
        1.0
    """
    xy, xz, yz = (float(pearson(a, b)) for a, b in ((x, y), (x, given), (y, given)))
    below = (1 - xz**2) * (1 - yz**2)
    if not below > 1e-12:
        return float("nan")
    return float(np.clip((xy - xz * yz) / np.sqrt(below), -1, 1))


def leave_one_out(x: ArrayLike, y: ArrayLike) -> Floats:
    """(..., n) correlations without each observation in turn; leading axes are other samples.

    Example:
        >>> leave_one_out(np.arange(1, 9), [2, 1, 4, 3, 7, 5, 8, 6]).round(6)[:3]
        array([0.80023 , 0.80023 , 0.841883])
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    a, b = a - a.mean(axis=-1, keepdims=True), b - b.mean(axis=-1, keepdims=True)
    n = a.shape[-1]

    def left(v: Any) -> Any:
        return v.sum(axis=-1, keepdims=True) - v

    cov = left(a * b) - left(a) * left(b) / (n - 1)
    va, vb = left(a * a) - left(a) ** 2 / (n - 1), left(b * b) - left(b) ** 2 / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.clip(cov / np.sqrt(va * vb), -1, 1)


class PermutationP(NamedTuple):
    """p values of a permutation test of r.

    Attributes:
        two_sided: share of permutations with ``|r|`` at least as large.
        less: share with r at least as small.
        greater: share with r at least as large.
        exact: whether all permutations were tried.
    """

    two_sided: float
    less: float
    greater: float
    exact: bool


def permutation_p(x: ArrayLike, y: ArrayLike, *, resamples: Integer = 200_000, seed: int = 0) -> PermutationP:
    """Permutation test of a correlation: exact up to 8 models, else Monte Carlo with ``(k + 1) / (B + 1)``.

    Example:
        >>> found = permutation_p(np.arange(1, 9), [2, 1, 4, 3, 7, 5, 8, 6])
        >>> found.exact, round(found.two_sided, 7), round(found.greater, 7)
        (True, 0.015377, 0.0076885)
    """
    a, b = check_sample(x, "x", least=LEAST_MODELS), check_sample(y, "y", least=LEAST_MODELS)
    check_pairs(a, b)
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    r = a @ b / size
    exact = a.size <= EXACT_PERMUTATIONS
    if exact:
        others = b[np.array(list(permutations(range(b.size))))] @ a / size
    else:
        random, count = np.random.default_rng(seed), check_count(resamples, "resamples")
        others = np.concatenate(
            [
                random.permuted(np.tile(b, (min(20_000, count - k), 1)), axis=1) @ a / size
                for k in range(0, count, 20_000)
            ]
        )
    near = 1e-9
    counts = [(np.abs(others) >= abs(r) - near).sum(), (others <= r + near).sum(), (others >= r - near).sum()]
    more = 0 if exact else 1
    two, less, greater = ((int(k) + more) / (others.size + more) for k in counts)
    return PermutationP(two, less, greater, exact)


def max_r_p(X: ArrayLike, Y: ArrayLike, *, resamples: Integer = 200_000, seed: int = 0) -> Floats:
    """(p, q) p values of every correlation of two sets of columns, adjusted for the largest ``|r|``.

    Models are permuted jointly in all columns of Y, which keeps the correlations inside either set.

    Args:
        X: (n, p) numbers, one model a row.
        Y: (n, q) numbers.
        resamples: random permutations; p = (k + 1) / (B + 1).
        seed: of NumPy's generator.
    """
    a, b = _standard(X, "X"), _standard(Y, "Y")
    r = np.abs(a.T @ b)
    random, count = np.random.default_rng(seed), check_count(resamples, "resamples")
    largest = np.empty(count)
    for start in range(0, count, 2000):
        order = random.permuted(np.tile(np.arange(len(a)), (min(2000, count - start), 1)), axis=1)
        largest[start : start + 2000] = np.nanmax(np.abs(np.einsum("np,bnq->bpq", a, b[order])), axis=(1, 2))
    above = count - np.searchsorted(np.sort(largest), r - 1e-9, side="left")
    return np.where(np.isnan(r), np.nan, (above + 1) / (count + 1))


def _standard(values: ArrayLike, name: str) -> Floats:
    M = np.asarray(values, dtype=np.float64)
    if M.ndim != 2 or len(M) < LEAST_MODELS or not np.isfinite(M).all():
        raise ValueError(f"{name} must be a finite table with at least {LEAST_MODELS} rows, got shape {M.shape}")
    M = M - M.mean(axis=0)
    norm = np.sqrt((M * M).sum(axis=0))
    return M / np.where([is_constant(column) for column in M.T], np.nan, norm)
