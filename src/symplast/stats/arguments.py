"""Checks of what callers pass in: each returns the checked value or raises ValueError that says the rule."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Integer: TypeAlias = int | np.integer[Any]
Real: TypeAlias = float | int | np.floating[Any] | np.integer[Any]
Sample: TypeAlias = npt.ArrayLike  # whatever np.asarray makes a 1-D array of numbers of
Floats: TypeAlias = npt.NDArray[np.float64]


EPS = float(np.finfo(np.float64).eps)


def plain(value: Any, name: str) -> Any:
    """The value as it is, if it is plain numbers: no unit, no mask.

    NumPy would drop both without a word: 0.02 s would be read as 0.02 ms, and a masked entry as what lies under it.

    Raises:
        ValueError: a quantity (Quantities, Pint, Astropy, Brian) or a masked array.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise ValueError(
            f"{name} must not be a masked array: the mask would be ignored; give the entries that count "
            "(array.compressed()) or fill the others (array.filled(value))"
        )
    module = type(value).__module__.partition(".")[0]
    if module in QUANTITIES or any(hasattr(value, known) for known in ("rescale", "to_base_units", "to_value")):
        raise ValueError(
            f"{name} must be plain numbers in the unit that its name or description says, got {value!r}; convert it "
            "and drop the unit, for instance quantity.rescale('ms').magnitude"
        )
    if isinstance(value, list | tuple):
        for part in value:
            if type(part) not in (int, float, bool):
                plain(part, name)
    return value


QUANTITIES = ("quantities", "pint", "astropy", "brian2", "unyt", "neo", "elephant")
"""Packages whose arrays carry units."""


def precision_of(*values: Any) -> float:
    """Relative precision of numbers: that of the coarsest of their types, float64's for whole numbers."""
    kinds = {np.asarray(value).dtype for value in values}
    return max([EPS, *(float(np.finfo(kind).eps) for kind in kinds if kind.kind == "f")])


def check_level(level: Real) -> float:
    """The confidence level as a float in (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1 (0.95 for 95 %), got {level}")
    return float(level)


def check_sample(values: Any, name: str, least: int = 2) -> Floats:
    """A 1-D float array of at least ``least`` finite numbers."""
    sample = np.asarray(plain(values, name))
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


def check_count(value: Any, name: str, least: int = 1) -> int:
    """One whole number of at least ``least``.

    Raises:
        ValueError: a fraction, a boolean, text, or a smaller number.

    Example:
        >>> check_count(3.0, "rows")
        3
    """
    number = np.asarray(plain(value, name))
    whole = number.ndim == 0 and number.dtype.kind in "iuf" and np.isfinite(number) and float(number).is_integer()
    if not whole or number < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(number)


def is_constant(sample: Floats, size: float | None = None, precision: float = EPS) -> bool:
    """Whether all values are the same, up to the rounding of the numbers that they were computed from.

    Args:
        sample: (n,) numbers.
        size: the largest of those numbers; None: of the sample itself.
        precision: their relative precision.

    Example:
        >>> is_constant(np.array([0.1 + 0.2, 0.3])), is_constant(np.array([0.3, 0.3 + 1e-9]))
        (True, False)
    """
    if (sample == sample[0]).all():
        return True
    largest = float(np.abs(sample).max()) if size is None else size
    return bool(np.abs(sample - sample[0]).max() <= 4 * precision * largest)


def constant_columns(samples: Floats) -> npt.NDArray[np.bool_]:
    """:func:`is_constant` of each column of a table, at once.

    Example:
        >>> constant_columns(np.array([[0.1 + 0.2, 1.0], [0.3, 2.0]])).tolist()
        [True, False]
    """
    alike: npt.NDArray[np.bool_] = np.abs(samples - samples[0]).max(axis=0) <= 4 * EPS * np.abs(samples).max(axis=0)
    return alike
