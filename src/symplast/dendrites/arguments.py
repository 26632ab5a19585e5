"""Checks of counts and probabilities: each returns the checked value or raises ValueError with name and rule."""

import math
import warnings
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from symplast.stats.arguments import plain

Number: TypeAlias = int | float | np.integer | np.floating
CountLike: TypeAlias = Number | np.ndarray | list | tuple | range
Count: TypeAlias = int | np.int64 | np.ndarray
"""A checked count: an int, or an int64 array."""


def check_count(value: Any, name: str, least: int | None = 0) -> Count:
    """Whole numbers: ints, integral floats, or arrays of them.

    Args:
        value: what the caller gave.
        name: of the argument, for the message.
        least: smallest legal value; None for any sign.

    Returns:
        An int, or an int64 array of the same shape.

    Raises:
        ValueError: NaN, a fraction, a boolean, text, a mask, a unit, or a value below ``least``.

    Example:
        >>> check_count(1e6, "patterns"), check_count([1.0, 2.0], "s")
        (1000000, array([1, 2]))
    """
    rule = "a whole number" if least is None else f"a whole number of at least {least}"
    if type(value) is not int:
        numbers = np.asarray(plain(value, name))
        if numbers.dtype.kind not in "iuf" or not _integral(numbers):
            raise ValueError(f"{name} must be {rule}, got {_shown(value)}")
        if numbers.dtype in (np.float16, np.float32):
            warnings.warn(
                f"{name} came as {numbers.dtype} and is converted to int64; counts above 2**24 may already be off: "
                "pass integers",
                stacklevel=3,
            )
        value = int(numbers) if numbers.ndim == 0 else numbers.astype(np.int64)
    low: int | None
    if isinstance(value, int):
        if not -(2**53) <= value <= 2**53:
            raise ValueError(f"{name} must lie within 2**53, above which float64 skips integers; got {value}")
        low = value
    else:
        low = int(value.min()) if value.size else least
    if least is not None and low is not None and low < least:
        raise ValueError(f"{name} must be {rule}, got {low}")
    return value


def check_single(value: Any, name: str, least: int | None = 0) -> int:
    """One whole number, not an array."""
    count = check_count(value, name, least)
    if not isinstance(count, int):
        raise ValueError(f"{name} must be a single count here, got an array of shape {count.shape}")
    return count


def check_at_most(value: Count, name: str, limit: Count, limit_name: str, why: str) -> None:
    """``value <= limit`` everywhere, for values that broadcast."""
    try:
        too_large = np.greater(value, limit)
    except ValueError:
        shapes = f"{np.shape(value)} and {np.shape(limit)}"
        raise ValueError(f"{name} and {limit_name} must have shapes that broadcast, got {shapes}") from None
    if too_large.any():
        values, limits = np.broadcast_arrays(value, limit)
        first = np.flatnonzero(too_large)[0]
        raise ValueError(
            f"{name} must be at most {limit_name}={limits.flat[first]} ({why}), got {name}={values.flat[first]}"
        )


def check_probability(value: Any, name: str, *, closed: bool = False) -> float:
    """A number strictly inside (0, 1); ``closed`` also allows 0 and 1."""
    numbers = np.asarray(plain(value, name))
    inside = numbers.dtype.kind in "iuf" and numbers.ndim == 0 and (0 <= numbers <= 1 if closed else 0 < numbers < 1)
    if not inside:
        interval = "[0, 1]" if closed else "strictly between 0 and 1"
        raise ValueError(f"{name} must be a probability {interval}, got {_shown(value)}")
    return float(value)


def lost_cells(noise: float, a: Count) -> Count:
    """Cells that a noise fraction switches off: ``v = round(noise * a)``, halves to even.

    Args:
        noise: fraction of the active cells, in [0, 1].
        a: active cells.

    Example:
        >>> [lost_cells(share, 128) for share in (0.05, 0.5, 0.8)]
        [6, 64, 102]
    """
    fraction = Fraction(str(check_probability(noise, "noise", closed=True)))
    if isinstance(a, int):
        return round(fraction * a)
    return np.array([round(fraction * int(active)) for active in a.flat], dtype=np.int64).reshape(a.shape)


def as_decimal(value: float) -> Fraction:
    """The budget that the user typed: 1e-6 is one in a million, not the nearest binary float."""
    return Fraction(str(value))


def _integral(numbers: np.ndarray) -> bool:
    return numbers.dtype.kind in "iu" or bool((np.isfinite(numbers) & (numbers == np.floor(numbers))).all())


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def log_or_minus_inf(p: Fraction) -> float:
    """Natural logarithm of a non-negative rational of any size.

    Example:
        >>> round(log_or_minus_inf(Fraction(1, 10**400)) / math.log(10), 9)
        -400.0
    """
    if p == 0:
        return -math.inf
    return math.log(p.numerator) - math.log(p.denominator)
