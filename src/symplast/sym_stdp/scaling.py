"""Synaptic scaling: the incoming weights of a cell keep their sum, so that cells compete."""

from typing import Any

import numpy as np
from jaxtyping import Array, Float

from symplast.spiking.arguments import check_positive, is_traced, parameter

Weights = Float[Array, "pre post"]


def check_sums(sums: np.ndarray, rule: str) -> None:
    """Raise ValueError, with the rule, where weights can't be scaled."""
    if not np.isfinite(sums).all():
        raise ValueError("W must be finite everywhere")
    if not (sums > 0).all():
        raise ValueError(
            f"{rule}; {np.count_nonzero(sums <= 0)} of {sums.size} sums are not. Give cells without weights some, or "
            "leave them out"
        )


def synaptic_scaling(W: Any, target_sum: Any, axis: int = 0) -> Weights:
    """Multiply weights so that they sum to a target along an axis.

    Args:
        W: weights, any shape.
        target_sum: the sum wanted.
        axis: along which weights are summed: 0 for the incoming weights of a (pre, post) matrix.

    Raises:
        ValueError: a sum of 0 (nothing to scale) or below, weights that are not finite, or a target that is not
            positive.

    Example:
        >>> import jax
        >>> with jax.enable_x64(True):
        ...     print(synaptic_scaling(np.array([[0.1], [0.2], [0.1]]), 78.4).ravel())
        [19.6 39.2 19.6]
    """
    check_positive(target_sum, "target_sum")
    w = parameter(W)
    sums = w.sum(axis=axis, keepdims=True)
    if not is_traced(sums):
        check_sums(np.asarray(sums), f"W must have a positive sum along axis {axis}")
    return w * (target_sum / sums)


def scaled_on_host(w: np.ndarray, target_sum: float) -> Any:
    """:func:`synaptic_scaling` of a (pre, post) matrix along its first axis by NumPy, which compiles nothing."""
    sums = w.sum(axis=0)
    check_sums(sums, "W must have a positive sum along axis 0")
    return w * (w.dtype.type(target_sum) / sums)
