"""Checks at the room's public boundary: each returns the checked value or says argument, rule and way out."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from symplast.stats.arguments import check_count, plain


def check_activity(X: Any, name: str, width: int) -> Float[Array, "rows width"]:
    """Rows of finite numbers, one row an example.

    Raises:
        ValueError: another shape, no rows, or NaN.
    """
    if np.ndim(X) != 2 or np.shape(X)[1] != width or np.shape(X)[0] < 1:
        raise ValueError(f"{name} must have shape (rows, {width}), one feature a column, got {np.shape(X)}")
    values = jnp.asarray(plain(X, name), dtype=float)
    if not isinstance(values, jax.core.Tracer) and not bool(jnp.isfinite(values).all()):
        raise ValueError(f"{name} must be finite; it holds NaN or infinity: drop or fill those rows")
    return values


def check_rows(rows: Any, name: str, layers: int) -> tuple[int, ...]:
    """Lateral neurons of each plastic layer.

    Raises:
        ValueError: not one number a layer, or a number below 0.
    """
    numbers = (rows,) if np.ndim(rows) == 0 else tuple(rows)
    if len(numbers) != layers:
        raise ValueError(
            f"{name} must list one number for each of the {layers} plastic layers (the inputs of all projected "
            f"weights, first layer first), got {len(numbers)}: {rows}"
        )
    return tuple(check_count(number, name, 0) for number in numbers)


def check_room(total: int, n_features: int, name: str) -> None:
    """A subspace fits into the space.

    Raises:
        ValueError: more rows than features.
    """
    if total > n_features:
        raise ValueError(
            f"{name} would make {total} lateral neurons for {n_features} features; at most {n_features} can be "
            "orthonormal: ask for fewer rows"
        )


def check_labels(labels: Any, classes: int, name: str = "targets") -> None:
    """Class numbers that the head has outputs for.

    Raises:
        ValueError: labels outside the head, or none.
    """
    values = np.asarray(plain(labels, name))
    if values.size == 0 or values.dtype.kind not in "iu":
        raise ValueError(f"{name} must be class numbers, got {values.dtype} of size {values.size}")
    if values.min() < 0 or values.max() >= classes:
        raise ValueError(
            f"{name} must be in [0, {classes - 1}], the outputs of the head; got {values.min()} to {values.max()}: "
            "renumber them, or give the network more outputs"
        )


def check_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    """Units of each layer, input first.

    Raises:
        ValueError: fewer than three layers (spiking units need a hidden layer), or a size below 1.
    """
    checked = tuple(check_count(size, "sizes") for size in sizes)
    if len(checked) < 3:
        raise ValueError(f"sizes must list input, at least one hidden layer and output units, got {checked}")
    return checked
