"""Measures of adaptation: preferences, widths, amplitudes, means and covariances before and after."""

from typing import Any

import numpy as np

from symplast.gain_control.arguments import check_array, check_ensemble
from symplast.gain_control.circle import PERIOD, difference

Curves = np.ndarray
"""(neurons, stimuli) responses."""


def preferences(R: Any, stimuli: Any, period: float | None = PERIOD) -> np.ndarray:
    """Preferred stimulus of each neuron: the peak of the parabola through the largest response and its neighbours.

    Args:
        R: (N, S) responses.
        stimuli: (S,) positions in rising order.
        period: of the stimuli; None where they don't wrap (a peak at an end stays there).

    Returns:
        (N,) positions, in [-period / 2, period / 2) on a circle.

    Example:
        >>> s = np.array([-90.0, -45.0, 0.0, 45.0])
        >>> preferences([[0.0, 1.0, 3.0, 2.0]], s).round(3).tolist()
        [7.5]
    """
    R, s = _curves(R, stimuli)
    n = s.size
    peak = R.argmax(axis=1)
    rows = np.arange(len(R))
    left, right = (peak - 1) % n, (peak + 1) % n
    a, b = difference(s[left], s[peak], period), difference(s[right], s[peak], period)
    dl, dr = R[rows, left] - R[rows, peak], R[rows, right] - R[rows, peak]
    below = 2 * (dl * b - dr * a)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(below != 0, (dl * b**2 - dr * a**2) / below, 0.0)
    if period is None:
        shift = np.where((peak == 0) | (peak == n - 1), 0.0, shift)
    return difference(s[peak] + shift, 0.0, period)


def half_widths(R: Any, stimuli: Any, period: float | None = PERIOD) -> tuple[np.ndarray, np.ndarray]:
    """Full width of each curve half-way between its minimum and its maximum.

    Returns:
        (N,) widths with the crossings interpolated (NaN where a curve doesn't fall below half on a side), and (N,)
        widths as the number of samples at or above half times the mean spacing.

    Example:
        >>> s = np.array([-90.0, -45.0, 0.0, 45.0])
        >>> exact, counted = half_widths([[0.0, 0.0, 1.0, 0.0]], s)
        >>> exact.tolist(), counted.tolist()
        ([45.0], [45.0])
    """
    R, s = _curves(R, stimuli)
    n = s.size
    low, high = R.min(axis=1), R.max(axis=1)
    half = low + (high - low) / 2
    spacing = (s[-1] - s[0]) / max(n - 1, 1) if period is None else period / n
    counted = (half[:, None] <= R).sum(axis=1) * spacing
    exact = np.zeros(len(R))
    for direction in (1, -1):
        exact += _crossing(R, s, half, direction, period)
    return exact, counted


def _crossing(R: Curves, s: np.ndarray, half: np.ndarray, direction: int, period: float | None) -> np.ndarray:
    """Distance from the largest response to where the curve falls below half, on one side."""
    n, rows = s.size, np.arange(len(R))[:, None]
    order = (R.argmax(axis=1)[:, None] + direction * np.arange(n + 1)) % n
    y = R[rows, order]
    steps = np.abs(difference(s[order[:, 1:]], s[order[:, :-1]], period))
    at = np.concatenate([np.zeros((len(R), 1)), np.cumsum(steps, axis=1)], axis=1)
    below = y < half[:, None]
    if period is None:  # beyond an end there is nothing
        inside = (np.diff(order, axis=1) == direction).cumprod(axis=1).astype(bool)
        below[:, 1:] &= inside
    first = below.argmax(axis=1)
    found = below.any(axis=1) & (first > 0)
    k = np.where(found, first, 1)
    rows = rows[:, 0]
    over, under = y[rows, k - 1] - half, half - y[rows, k]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = over / (over + under)
    return np.where(found, at[rows, k - 1] + share * (at[rows, k] - at[rows, k - 1]), np.nan)


def mean_and_covariance(R: Any, p: Any) -> tuple[np.ndarray, np.ndarray]:
    """``mbar = R p`` and ``Cov = R diag(p) R^T - mbar mbar^T``: signal means and covariances under an ensemble."""
    R = check_array(R, "R", "neurons, stimuli")
    p = check_ensemble(p, R.shape[1])
    mean = R @ p
    away = R - mean[:, None]
    return mean, (away * p) @ away.T


def correlations(covariance: np.ndarray) -> np.ndarray:
    """Correlation matrix; NaN where a variance is 0."""
    scale = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(covariance / np.outer(scale, scale))


def variation(values: np.ndarray) -> float:
    """Standard deviation over mean (population)."""
    return float(values.std() / values.mean())


def normalised_tuning(R0: Any, R1: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both curves of each neuron less the minimum, over the range, of the first.

    Raises:
        ValueError: shapes that differ, or a first curve that is flat.
    """
    R0, R1 = check_array(R0, "R0", "neurons, stimuli"), check_array(R1, "R1", "neurons, stimuli")
    if R0.shape != R1.shape:
        raise ValueError(f"R0 and R1 must have one shape, got {R0.shape} and {R1.shape}")
    low, span = R0.min(axis=1, keepdims=True), np.ptp(R0, axis=1)[:, None]
    if (span == 0).any():
        flat = np.flatnonzero(span == 0)
        raise ValueError(f"R0 must not be flat: neurons {', '.join(map(str, flat[:5]))} respond alike to all stimuli")
    return (R0 - low) / span, (R1 - low) / span


def _curves(R: Any, stimuli: Any) -> tuple[np.ndarray, np.ndarray]:
    R, s = check_array(R, "R", "neurons, stimuli"), check_array(stimuli, "stimuli", "stimuli")
    if R.shape[1] != s.size:
        raise ValueError(f"R must have a column for each stimulus, got shape {R.shape} for {s.size} stimuli")
    if s.size < 3 or (np.diff(s) <= 0).any():
        raise ValueError(f"stimuli must be at least 3, in rising order and each once; got {s.size}")
    return R, s
