"""Checks of what callers pass in: each returns the checked value or raises ValueError that says the rule."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Integer: TypeAlias = int | np.integer[Any]
Real: TypeAlias = float | int | np.floating[Any] | np.integer[Any]
Sample: TypeAlias = npt.ArrayLike  # whatever np.asarray makes a 1-D array of numbers of
Floats: TypeAlias = npt.NDArray[np.float64]


def check_level(level: Real) -> float:
    """The confidence level as a float in (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1 (0.95 for 95 %), got {level}")
    return float(level)


def check_sample(values: Any, name: str, least: int = 2) -> Floats:
    """A 1-D float array of at least ``least`` finite numbers."""
    sample = np.asarray(values)
    if sample.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got an array of type {sample.dtype}")
    if sample.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional (one number per observation), got shape {sample.shape}")
    if sample.size < least:
        raise ValueError(f"{name} must hold at least {least} observations, got {sample.size}")
    sample = sample.astype(np.float64)
    if not np.isfinite(sample).all():
        bad = int(np.count_nonzero(~np.isfinite(sample)))
        raise ValueError(
            f"{name} must be finite, got {bad} NaN or infinite of {sample.size}; drop or impute them first"
        )
    return sample


def check_pairs(x: Floats, y: Floats) -> None:
    """Paired samples have equal length."""
    if x.size != y.size:
        raise ValueError(f"paired samples must have equal length, got {x.size} and {y.size}")


def check_count(value: Integer, name: str, least: int = 1) -> int:
    """A whole number of at least ``least``."""
    if isinstance(value, bool) or int(value) != value or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value}")
    return int(value)


def is_constant(sample: Floats) -> bool:
    """Whether all values are the same."""
    return bool((sample == sample[0]).all())
