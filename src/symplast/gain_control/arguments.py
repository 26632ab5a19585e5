"""Checks of drives, weights, ensembles, frames and covariances: each returns what it checked or raises ValueError.

What JAX traces has no values yet, so it is passed on unchecked: everything here works under jit, vmap and grad.
"""

from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symplast.stats.arguments import plain

TOLERANCE = 1e-6
"""Of the sum of probabilities."""


def traced(*values: Any) -> bool:
    """Whether one of the values is being traced, so has no numbers yet."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(values))


def numbers_by(*values: Any) -> ModuleType:
    """``jax.numpy`` where something is traced, else NumPy: nothing is compiled for what the host can do."""
    return jnp if traced(*values) else np


def check_array(value: Any, name: str, dims: str, least: float | None = None) -> Any:
    """Finite real numbers with the dimensions that ``dims`` names, as float64 (or as they are while traced).

    Args:
        value: the numbers.
        name: for the message.
        dims: ``"neurons, stimuli"``.
        least: smallest value allowed.

    Raises:
        ValueError: text or complex numbers, another number of dimensions, none at all, NaN, or too small a value.
    """
    count = len(dims.split(","))
    if traced(value):
        array = jnp.asarray(value)
        if array.ndim != count:
            raise ValueError(f"{name} must have shape ({dims}), got {array.shape}")
        return array
    found = np.asarray(plain(value, name))
    if found.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got an array of type {found.dtype}")
    if found.ndim != count or 0 in found.shape:
        raise ValueError(f"{name} must have shape ({dims}), got {found.shape}")
    found = found.astype(np.float64)
    if not np.isfinite(found).all():
        bad = int((~np.isfinite(found)).sum())
        raise ValueError(f"{name} must be finite, got {bad} NaN or infinite of {found.size} entries: drop or fill them")
    if least is not None and found.min() < least:
        raise ValueError(f"{name} must be at least {least:g}, got {found.min():g}")
    return found


def check_number(value: Any, name: str, least: float = 0.0, above: bool = False) -> Any:
    """One finite number of at least ``least`` (or above it); arrays of JAX that are traced pass.

    Raises:
        ValueError: something else.
    """
    if traced(value):
        return value
    number = np.asarray(plain(value, name))
    rule = f"above {least:g}" if above else f"at least {least:g}"
    fits = number.ndim == 0 and number.dtype.kind in "iuf" and np.isfinite(number)
    if not fits or number < least or (above and number == least):
        raise ValueError(f"{name} must be a finite number {rule}, got {value!r}")
    return float(number)


def check_ensemble(p: Any, stimuli: int, name: str = "p") -> Any:
    """(..., stimuli) probabilities: at least 0, each row with the sum 1.

    Raises:
        ValueError: another length, a negative probability, or a sum that is off by more than 1e-6; names the sum.

    Example:
        >>> check_ensemble([0.5, 0.5], 2)
        array([0.5, 0.5])
    """
    if traced(p):
        return p
    found = np.asarray(plain(p, name))
    if found.dtype.kind not in "biuf" or found.ndim < 1 or found.shape[-1] != stimuli:
        raise ValueError(f"{name} must hold a probability for each of the {stimuli} stimuli, got shape {found.shape}")
    found = found.astype(np.float64)
    sums = found.sum(axis=-1)
    if not np.isfinite(sums).all() or found.min() < 0:
        raise ValueError(
            f"{name} must hold finite probabilities of at least 0, got one of {found.min():g}; its sum is "
            f"{sums.ravel()[0]:.6g}"
        )
    off = np.abs(sums - 1) > TOLERANCE
    if off.any():
        raise ValueError(
            f"{name} must sum to 1 (within {TOLERANCE:g}), its sum is {sums[off].ravel()[0]:.9g}: divide it by its sum"
        )
    return found


def check_stable(weights: np.ndarray, name: str = "weights") -> None:
    """The recurrent network comes to rest: ``max Re eig(W) < 1``.

    Raises:
        ValueError: it does not; names the eigenvalue and the largest scale of the weights that is stable.
    """
    largest = spectral_abscissa(weights)
    if largest >= 1:
        raise ValueError(
            f"{name} must be stable: their largest eigenvalue (real part) must be below 1, it is {largest:.6g}; "
            f"scaled by less than {1 / largest:.6g} they are"
        )


def spectral_abscissa(weights: np.ndarray) -> float:
    """Largest real part of the eigenvalues."""
    values = np.linalg.eigvalsh(weights) if np.array_equal(weights, weights.T) else np.linalg.eigvals(weights)
    return float(values.real.max())


def check_covariance(Cxx: Any, n: int | None = None, name: str = "Cxx") -> Any:
    """A symmetric positive semidefinite matrix, (n, n).

    Raises:
        ValueError: another shape, or a matrix that is neither symmetric nor positive semidefinite.
    """
    found = check_array(Cxx, name, "n, n")
    if found.shape[0] != found.shape[1] or (n is not None and found.shape[0] != n):
        raise ValueError(f"{name} must have shape {(n or found.shape[0],) * 2}, got {found.shape}")
    if traced(found):
        return found
    size = np.abs(found).max()
    if np.abs(found - found.T).max() > 1e-8 * size:
        raise ValueError(f"{name} must be symmetric, entries differ from their mirror images by up to "
                         f"{np.abs(found - found.T).max():.3g}")  # fmt: skip
    least = np.linalg.eigvalsh(found)[0]
    if least < -1e-8 * max(size, 1e-300):
        raise ValueError(f"{name} must be positive semidefinite, its smallest eigenvalue is {least:.3g}")
    return (found + found.T) / 2
