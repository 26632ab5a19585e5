"""Checks of moduli, weights and logits: each returns the checked value or raises ValueError with name and rule."""

from typing import Any

import numpy as np

from symplast.stats.arguments import check_count, plain

Matrix = np.ndarray
"""A checked (neurons, p) float64 matrix."""


def check_modulus(p: Any, name: str = "p") -> int:
    """An odd whole number of at least 3.

    Raises:
        ValueError: an even number (the highest frequency would have no phase), a smaller one, or no whole number.

    Example:
        >>> check_modulus(23)
        23
    """
    modulus = check_count(p, name, 3)
    if modulus % 2 == 0:
        raise ValueError(f"{name} must be odd and at least 3 (an even modulus has a frequency without phase), got {p}")
    return modulus


def frequencies_of(p: int) -> int:
    """K = (p - 1) / 2, the number of frequencies."""
    return (p - 1) // 2


def check_rows(rows: Any, name: str, shape: tuple[int, ...] | None = None) -> Matrix:
    """Weights of neurons over the p numbers, a neuron a row, as float64.

    Args:
        rows: (neurons, p) numbers of any float or whole-number type; p odd and at least 3.
        name: for the message.
        shape: what its shape must be.

    Raises:
        ValueError: another shape, an even p, NaN or infinity, units or masks, text or complex numbers.
    """
    found = np.asarray(plain(rows, name))
    if found.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got an array of type {found.dtype}")
    if found.ndim != 2 or found.shape[0] < 1:
        raise ValueError(f"{name} must be a matrix (neurons, p), a neuron a row; got shape {found.shape}")
    if found.shape[1] < 3 or found.shape[1] % 2 == 0:
        raise ValueError(
            f"{name} must have an odd number p >= 3 of columns, one a number mod p; got shape {found.shape}"
            + ("; give its transpose" if found.shape[0] % 2 and found.shape[0] >= 3 else "")
        )
    if shape is not None and found.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, as theta has; got {found.shape}")
    found = found.astype(np.float64)
    if not np.isfinite(found).all():
        bad = int(np.count_nonzero(~np.isfinite(found)))
        raise ValueError(f"{name} must be finite, got {bad} NaN or infinite of {found.size} weights")
    return found


def check_logits(logits: Any) -> np.ndarray:
    """Outputs for all ordered pairs, (p, p, p), as float64.

    Raises:
        ValueError: another shape, an even p, or NaN.
    """
    found = np.asarray(plain(logits, "logits"))
    if found.dtype.kind not in "iuf" or found.ndim != 3 or len(set(found.shape)) != 1:
        raise ValueError(f"logits must be (p, p, p) numbers, [x, y, j]; got {found.dtype}{list(found.shape)}")
    check_modulus(found.shape[0], "the size p of logits")
    if not np.isfinite(found).all():
        raise ValueError("logits must be finite")
    return found.astype(np.float64)
