"""Corrections for many tests: adjusted p values, to be compared with the level wanted for the whole family."""

from typing import Any

import numpy as np

from symplast.on_use import false_discovery_control
from symplast.stats.arguments import Floats, Sample, plain


def benjamini_hochberg(p_values: Sample) -> Floats:
    """Adjusted p values that control the false discovery rate (independent or positively dependent tests).

    Rejecting where the adjusted value is at most q keeps the expected share of false rejections at or below q.

    Args:
        p_values: (m,) p values in [0, 1].

    Returns:
        (m,) adjusted p values, in the given order.

    Raises:
        ValueError: no p values, NaN, or values outside [0, 1].

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5])
        array([0.04      , 0.05333333, 0.05333333, 0.5       ])

    Source:
        Benjamini and Hochberg, J. R. Stat. Soc. B 57, 1995.
    """
    return np.asarray(false_discovery_control(_check_p_values(p_values), method="bh"), dtype=np.float64)


def holm(p_values: Sample) -> Floats:
    """Adjusted p values that control the family-wise error rate, whatever the dependence (Holm's step-down).

    Rejecting where the adjusted value is at most α keeps the probability of any false rejection at or below α.

    Args:
        p_values: (m,) p values in [0, 1].

    Returns:
        (m,) adjusted p values, in the given order.

    Raises:
        ValueError: no p values, NaN, or values outside [0, 1].

    Example:
        >>> holm([0.01, 0.04, 0.03, 0.5])
        array([0.04, 0.09, 0.09, 0.5 ])

    Source:
        Holm, Scand. J. Stat. 6, 1979.
    """
    p = _check_p_values(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _check_p_values(p_values: Any) -> Floats:
    p = np.asarray(plain(p_values, "p_values"), dtype=np.float64)
    if p.ndim != 1 or p.size == 0:
        raise ValueError(f"p_values must be a non-empty list of p values, got shape {p.shape}")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p_values must lie in [0, 1], got {p[~((p >= 0) & (p <= 1))]}")
    return p
