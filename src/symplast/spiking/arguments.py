"""Checks of parameters: each returns the value or raises ValueError with name, rule and way out.

Traced values pass unchecked: they were checked where they were made, or can't be known yet.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from symplast.stats.arguments import plain, precision_of

Number: TypeAlias = float | int | np.number | np.ndarray | Array
Values: TypeAlias = Float[Array, "..."]
Spikes: TypeAlias = Bool[Array, "..."] | Float[Array, "..."]
"""True where a unit fires; numbers 0 and 1 where gradients are to pass through."""
Shape: TypeAlias = tuple[int, ...]
Steps: TypeAlias = Int[Array, "..."]


def is_traced(value: Any) -> bool:
    """Whether a value is unknown inside a JAX transformation, or a placeholder that JAX put into a tree."""
    return isinstance(value, jax.core.Tracer | jax.ShapeDtypeStruct) or type(value) is object


def parameter(value: Any, name: str = "a parameter") -> Values:
    """A parameter as an array of floats of JAX's present precision; strong type, so that programs are shared."""
    value = plain(value, name)
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.floating):
        return value
    return jnp.asarray(value, dtype=jnp.result_type(float))


def optional_parameter(value: Any, name: str = "a parameter") -> Values | None:
    """None stays None."""
    return None if value is None else parameter(value, name)


def named(name: str, *, optional: bool = False) -> Callable[[Any], Any]:
    """:func:`parameter` or :func:`optional_parameter` of one name, as the converter of a field."""
    return partial(optional_parameter if optional else parameter, name=name)


def check_finite(value: Any, name: str) -> None:
    """No NaN, no infinity."""
    if not is_traced(value) and not np.isfinite(np.asarray(plain(value, name))).all():
        raise ValueError(f"{name} must be finite, got {np.asarray(value)}")


def check_positive(value: Any, name: str, *, infinite: bool = False) -> None:
    """Above zero everywhere; infinity only where it has a meaning."""
    if is_traced(value):
        return
    numbers = np.asarray(plain(value, name))
    if not ((numbers > 0) & ((numbers < np.inf) | infinite)).all():
        raise ValueError(f"{name} must be positive{'' if infinite else ' and finite'}, got {numbers}")


def check_at_least_zero(value: Any, name: str) -> None:
    """Zero or more, finite."""
    if is_traced(value):
        return
    numbers = np.asarray(plain(value, name))
    if not ((numbers >= 0) & (numbers < np.inf)).all():
        raise ValueError(f"{name} must be at least 0 and finite, got {numbers}")


def check_choice(value: Any, name: str, choices: tuple[str, ...]) -> None:
    """One of a few words."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def whole_numbers(values: Any, name: str) -> np.ndarray:
    """A flat list of indices, int64.

    Raises:
        ValueError: fractions, NaN or text.
    """
    array = np.ravel(np.asarray(plain(values, name)))
    if array.dtype.kind not in "iuf" or not (np.isfinite(array) & (array == np.floor(array))).all():
        raise ValueError(f"{name} must hold whole numbers, got {array.dtype} such as {array[:1]}")
    return array.astype(np.int64)


def count_steps(duration_ms: Any, dt_ms: Any, name: str, precision: float = 0.0) -> int:
    """A duration in whole steps, up to the rounding of the two numbers (or to a relative precision given).

    Example:
        >>> count_steps(350.0, 0.5, "duration_ms")
        700
        >>> count_steps(1.25, 0.5, "duration_ms")
        Traceback (most recent call last):
            ...
        ValueError: duration_ms must be a whole number of steps of dt_ms=0.5, got 1.25
    """
    check_positive(dt_ms, "dt_ms")
    check_at_least_zero(duration_ms, name)
    steps = round(float(duration_ms) / float(dt_ms))
    rounding = max(1e-9, 4 * precision, 4 * precision_of(duration_ms, dt_ms)) * max(float(dt_ms), float(duration_ms))
    if abs(steps * float(dt_ms) - float(duration_ms)) > min(rounding, float(dt_ms) / 4):
        raise ValueError(f"{name} must be a whole number of steps of dt_ms={dt_ms}, got {duration_ms}")
    return steps


def grid_steps(times_ms: np.ndarray, width_ms: float, rounding_ms: np.ndarray, name: str) -> np.ndarray:
    """In which window of a grid each time since its beginning lies, int64; a time on an edge begins the next window.

    A time that rounding has put just before an edge is taken to stand on it.

    Args:
        times_ms: float64, since the grid's beginning.
        width_ms: of a window.
        rounding_ms: how far rounding may have moved each time.
        name: of the width, for messages.

    Raises:
        ValueError: times too coarse for such windows.

    Example:
        >>> grid_steps(np.array([0.3, 0.25]), 0.1, np.array([1e-15, 1e-15]), "window_ms").tolist()
        [3, 2]
    """
    coarsest = float(np.max(rounding_ms, initial=0))
    if coarsest > width_ms / 4:
        raise ValueError(
            f"{name} must be longer: rounding moves the times by up to {coarsest:.2g} ms, got {width_ms:g}; give the "
            "times as float64"
        )
    return np.asarray(np.floor((times_ms + rounding_ms) / width_ms), np.int64)
