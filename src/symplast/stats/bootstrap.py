"""The bootstrap: intervals of any statistic, by resampling."""

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np

from symplast.on_use import bootstrap as scipy_bootstrap
from symplast.stats.arguments import Floats, Integer, Real, Sample, check_count, check_level, check_sample, is_constant
from symplast.stats.estimate import Estimate
from symplast.stats.resampling import Statistic, batch_size, over_last_axis

BootstrapMethod: TypeAlias = Literal["percentile", "basic", "bca"]

_METHODS: dict[str, Literal["percentile", "basic", "BCa"]] = {
    "percentile": "percentile",
    "basic": "basic",
    "bca": "BCa",
}  # ours -> scipy's


def bootstrap(
    samples: Sample | Sequence[Sample],
    statistic: Statistic,
    *,
    level: Real = 0.95,
    method: BootstrapMethod = "percentile",
    resamples: Integer = 9999,
    strata: Sample | Sequence[Sample] | None = None,
    paired: bool = False,
    seed: Integer = 0,
) -> Estimate:
    """A statistic with its bootstrap interval.

    Observations are drawn with replacement from each sample (pairs together when ``paired``; within each stratum when
    ``strata`` is given, which keeps the strata's sizes) and the statistic is computed on each resample.

    Args:
        samples: (n,) numbers, or a tuple or list of such samples, which ``statistic`` then takes as its arguments.
        statistic: ``statistic(*samples)`` -> number. One that accepts ``axis`` (``np.mean``) is computed for all
            resamples at once; others are called once per resample. It must not depend on the observations' order.
        level: confidence level in (0, 1).
        method: ``percentile``; ``basic`` (reflected about the estimate); ``bca`` (bias-corrected and accelerated,
            closer to its level for skewed samples; its cost grows as n²).
        resamples: number of resamples.
        strata: one label per observation (a tuple of them, one for each sample, where there are several samples that
            are not paired).
        paired: the samples are paired: equal length, resampled together.
        seed: of NumPy's default generator.

    Returns:
        The statistic of the samples themselves, with its interval. The width is zero when all observations are equal,
        or when every resample gives the same value.

    Raises:
        ValueError: a sample or stratum with fewer than two observations, NaN, unequal lengths of paired samples, a
            statistic that is not finite on some resample, or a BCa interval that is not defined.

    Example:
        >>> x = np.array([2.1, 3.4, 1.9, 5.6, 4.4, 3.0, 2.2, 3.8])
        >>> print(bootstrap(x, np.mean, method="bca"))
        3.3 [2.6, 4.275]
        >>> def difference(a, b, axis=-1):
        ...     return a.mean(axis=axis) - b.mean(axis=axis)
        >>> print(bootstrap((x, x[:5] - 1), difference))
        0.82 [-0.6451, 2.272]

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13 and 14.
    """
    level = check_level(level)
    resamples = check_count(resamples, "resamples")
    if method not in _METHODS:
        raise ValueError(f"method must be one of {', '.join(_METHODS)}, got {method!r}")
    columns = _columns(samples)
    if paired and len({column.size for column in columns}) > 1:
        raise ValueError(f"paired samples must have equal length, got {[column.size for column in columns]}")

    # What is resampled: values, or row numbers when pairs stay together; split by stratum.
    units = [np.arange(columns[0].size, dtype=np.float64)] if paired else columns
    split = [_split(unit, labels) for unit, labels in zip(units, _labels(strata, units), strict=True)]
    parts = [part for unit_parts in split for part in unit_parts]
    ends = np.cumsum([0, *map(len, split)])
    evaluate = over_last_axis(statistic)

    def joined(*resampled: Floats, axis: int = -1) -> Floats:
        wholes = [np.concatenate(resampled[i:j], axis=-1) for i, j in pairwise(ends)]
        if paired:
            rows = wholes[0].astype(np.intp)
            wholes = [column[rows] for column in columns]
        return np.asarray(evaluate(*wholes), dtype=np.float64)

    value = float(joined(*parts))
    if not np.isfinite(value):
        raise ValueError(f"statistic must be finite on the samples, got {value}")
    n = sum(unit.size for unit in units)
    name = f"{method} bootstrap"
    if all(is_constant(column[part.astype(np.intp)] if paired else part) for part in parts for column in columns):
        return Estimate(value, value, value, level, n, name)

    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore")  # scipy warns of what is checked just below
        result = scipy_bootstrap(
            parts,
            joined,
            n_resamples=resamples,
            batch=batch_size(n, resamples),
            vectorized=True,
            confidence_level=level,
            method=_METHODS[method],
            rng=np.random.default_rng(seed),
        )
    spread = np.asarray(result.bootstrap_distribution)
    if not np.isfinite(spread).all():
        raise ValueError(
            f"statistic must be finite on every resample, {np.count_nonzero(~np.isfinite(spread))} of {resamples} are "
            "not; a resample can repeat one observation n times"
        )
    low, high = map(float, result.confidence_interval)
    if (spread == value).all():
        low = high = value
    if np.isnan(low) or np.isnan(high):
        raise ValueError(
            "method 'bca' is not defined here: the estimate lies outside all resamples, or leaving one observation out "
            "never changes it (as with a minimum or a median of many ties); use method='percentile'"
        )
    return Estimate(value, low, high, level, n, name)


def _columns(samples: Any) -> list[Floats]:
    """The samples as a list of arrays: a tuple or list of sequences is several, anything else is one."""
    if isinstance(samples, (tuple, list)) and len(samples) and np.ndim(samples[0]) > 0:
        return [check_sample(sample, f"samples[{i}]") for i, sample in enumerate(samples)]
    if np.ndim(samples) == 2:
        raise ValueError(
            f"samples must be one-dimensional or a tuple of such, got an array of shape {np.shape(samples)}"
        )
    return [check_sample(samples, "samples")]


def _labels(strata: Any, units: list[Floats]) -> list[Any]:
    """The strata's labels for each unit, or None for each."""
    if strata is None:
        return [None] * len(units)
    labels = [np.asarray(strata)] if len(units) == 1 else [np.asarray(own) for own in strata]
    if [own.shape for own in labels] != [unit.shape for unit in units]:
        raise ValueError(
            f"strata must give one label per observation: expected shapes {[unit.shape for unit in units]}, "
            f"got {[own.shape for own in labels]}"
        )
    return labels


def _split(unit: Floats, labels: Any) -> list[Floats]:
    """The unit's observations by stratum."""
    if labels is None:
        return [unit]
    names, membership = np.unique(labels, return_inverse=True)
    parts = [unit[membership == i] for i in range(names.size)]
    small = [str(name) for name, part in zip(names, parts, strict=True) if part.size < 2]
    if small:
        raise ValueError(
            f"every stratum must hold at least 2 observations, these hold one: {', '.join(small)}; merge them"
        )
    return parts
