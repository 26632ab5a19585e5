"""Checks of parameters: each returns the value or raises ValueError with name, rule and mend.

Traced values pass unchecked: they were checked where they were made, or can't be known yet.
"""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

Number: TypeAlias = float | int | np.number | np.ndarray | Array
Values: TypeAlias = Float[Array, "..."]
Spikes: TypeAlias = Bool[Array, "..."] | Float[Array, "..."]
"""True where a unit fires; numbers 0 and 1 where gradients are to pass through."""
Shape: TypeAlias = tuple[int, ...]
Steps: TypeAlias = Int[Array, "..."]


def is_traced(value: Any) -> bool:
    """Whether a value is unknown inside a JAX transformation, or a placeholder that JAX put into a tree."""
    return isinstance(value, jax.core.Tracer | jax.ShapeDtypeStruct) or type(value) is object


def parameter(value: Any) -> Values:
    """A parameter as an array of floats of JAX's present precision; strong type, so that programs are shared."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.floating):
        return value
    return jnp.asarray(value, dtype=jnp.result_type(float))


def optional_parameter(value: Any) -> Values | None:
    """None stays None."""
    return None if value is None else parameter(value)


def check_finite(value: Any, name: str) -> None:
    """No NaN, no infinity."""
    if not is_traced(value) and not np.isfinite(np.asarray(value)).all():
        raise ValueError(f"{name} must be finite, got {np.asarray(value)}")


def check_positive(value: Any, name: str, *, infinite: bool = False) -> None:
    """Above zero everywhere; infinity only where it has a meaning."""
    if is_traced(value):
        return
    numbers = np.asarray(value)
    if not ((numbers > 0) & ((numbers < np.inf) | infinite)).all():
        raise ValueError(f"{name} must be positive{'' if infinite else ' and finite'}, got {numbers}")


def check_at_least_zero(value: Any, name: str) -> None:
    """Zero or more, finite."""
    if is_traced(value):
        return
    numbers = np.asarray(value)
    if not ((numbers >= 0) & (numbers < np.inf)).all():
        raise ValueError(f"{name} must be at least 0 and finite, got {numbers}")


def check_choice(value: Any, name: str, choices: tuple[str, ...]) -> None:
    """One of a few words."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def check_count(value: Any, name: str, least: int = 1) -> int:
    """One whole number of at least ``least``.

    Raises:
        ValueError: a fraction, a boolean, text, or a smaller number.

    Example:
        >>> check_count(3.0, "rows")
        3
    """
    number = np.asarray(value)
    whole = number.ndim == 0 and number.dtype.kind in "iuf" and np.isfinite(number) and float(number).is_integer()
    if not whole or number < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(number)


def whole_numbers(values: Any, name: str) -> np.ndarray:
    """A flat list of indices, int64.

    Raises:
        ValueError: fractions, NaN or text.
    """
    array = np.ravel(np.asarray(values))
    if array.dtype.kind not in "iuf" or not (np.isfinite(array) & (array == np.floor(array))).all():
        raise ValueError(f"{name} must hold whole numbers, got {array.dtype} such as {array[:1]}")
    return array.astype(np.int64)


def count_steps(duration_ms: Any, dt_ms: Any, name: str) -> int:
    """A duration in whole steps.

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
    if abs(steps * float(dt_ms) - float(duration_ms)) > 1e-6 * max(float(dt_ms), float(duration_ms)):
        raise ValueError(f"{name} must be a whole number of steps of dt_ms={dt_ms}, got {duration_ms}")
    return steps
