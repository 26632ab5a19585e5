"""Adaptation as one factor of each neuron times one of each stimulus."""

from typing import Any, NamedTuple

import numpy as np

from symplast.gain_control.arguments import check_array


class SeparableFit(NamedTuple):
    """The best ``R1 = R0 o (a b^T)``.

    Attributes:
        a: (N,) factors of the neurons.
        b: (S,) factors of the stimuli, with geometric mean 1.
        explained: share of the variance of ``log R1 / R0`` that they explain; 1 where nothing varies.
    """

    a: np.ndarray
    b: np.ndarray
    explained: float


def separable_gain_fit(R0: Any, R1: Any) -> SeparableFit:
    """Fit a multiplicative rule in preference and stimulus, by least squares of logarithms.

    Row and column means of ``log R1 / R0`` are the exact solution.

    Args:
        R0: (N, S) control responses, above 0.
        R1: (N, S) adapted responses, above 0.

    Raises:
        ValueError: shapes that differ, or responses that are not above 0.

    Example:
        >>> R0 = np.array([[1.0, 2.0], [3.0, 1.0]])
        >>> fit = separable_gain_fit(R0, R0 * np.outer([0.5, 1.0], [2.0, 0.5]))
        >>> fit.a.round(6).tolist(), fit.b.round(6).tolist(), round(fit.explained, 6)
        ([0.5, 1.0], [2.0, 0.5], 1.0)
    """
    R0, R1 = check_array(R0, "R0", "neurons, stimuli"), check_array(R1, "R1", "neurons, stimuli")
    if R0.shape != R1.shape:
        raise ValueError(f"R0 and R1 must have one shape, got {R0.shape} and {R1.shape}")
    for name, R in (("R0", R0), ("R1", R1)):
        if not R.min() > 0:
            raise ValueError(f"{name} must be above 0 for a fit of logarithms, got {R.min():g}")
    logs = np.log(R1) - np.log(R0)
    rows, columns = logs.mean(axis=1, keepdims=True), logs.mean(axis=0)
    left = logs - rows - columns + logs.mean()
    total = ((logs - logs.mean()) ** 2).sum()
    rounding = logs.size * (16 * np.finfo(float).eps * max(1.0, np.abs(logs).max())) ** 2
    explained = 1 - (left**2).sum() / total if total > rounding else 1.0
    return SeparableFit(np.exp(rows[:, 0]), np.exp(columns - logs.mean()), float(explained))
