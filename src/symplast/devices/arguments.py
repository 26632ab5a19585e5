"""Checks at the room's public boundary: each returns the checked value or says argument, rule and way out."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from symplast.stats.arguments import check_count, plain

Numbers: TypeAlias = ArrayLike | Sequence[float]
"""One row of numbers, a list of them included."""

Direction = str
"""``"ltp"`` (potentiation: the conductance rises) or ``"ltd"`` (depression: it falls)."""

SCHEMES = ("uni", "uni_ltd", "bi", "ref")
DIRECTIONS = ("ltp", "ltd")


def check_choice(value: Any, name: str, choices: tuple[str, ...]) -> str:
    """One of some words.

    Raises:
        ValueError: another value; lists the words.

    Example:
        >>> check_choice("uni", "scheme", SCHEMES)
        'uni'
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {value!r}")
    return str(value)


def check_reals(value: Any, name: str, low: float, high: float, *, below: bool = False) -> Float[Array, "..."]:
    """Finite numbers in [low, high] (or [low, high) with ``below``), as an array; tracers are trusted.

    Raises:
        ValueError: not a number, not finite, or outside.

    Example:
        >>> float(check_reals(3, "n_ltp", 1, np.inf))
        3.0
    """
    interval = f"[{low:g}, {high:g}{')' if below or np.isinf(high) else ']'}"
    if isinstance(value, jax.core.Tracer):
        return jnp.asarray(value, dtype=jnp.result_type(float, value.dtype))
    numbers = np.asarray(plain(value, name))
    if numbers.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be a number in {interval}, got {_shown(value)}")
    inside = np.isfinite(numbers) & (numbers >= low) & ((numbers < high) if below else (numbers <= high))
    if not inside.all():
        wrong = numbers if numbers.ndim == 0 else numbers[~inside].flat[0]
        raise ValueError(f"{name} must be in {interval}, got {wrong}")
    return jnp.asarray(value, dtype=float)


def check_marks(value: Any, name: str, length: int, allowed: tuple[int, ...], meaning: str) -> Array:
    """One row of marks, such as +1, -1 and 0; tracers are trusted but for their length.

    Raises:
        ValueError: another length, or another value (NaN included).

    Example:
        >>> check_marks([True, False], "X", 2, (0, 1), "which lines are on").tolist()
        [True, False]
    """
    marks = value if isinstance(value, jax.core.Tracer) else np.asarray(plain(value, name))
    rule = f"{name} must hold {length} numbers of {', '.join(map(str, allowed))}: {meaning}"
    if marks.shape != (length,):
        raise ValueError(f"{rule}; got shape {marks.shape}")
    if not isinstance(marks, jax.core.Tracer):
        fits = np.isin(marks, allowed) if marks.dtype.kind in "iufb" else np.zeros(length, bool)
        if not fits.all():
            raise ValueError(f"{rule}; got {_shown(marks[~fits][0])}")
    return jnp.asarray(marks)


def check_sizes(sizes: Any) -> tuple[int, ...]:
    """Units of each layer, input first.

    Raises:
        ValueError: fewer than two layers, or a size below 1.
    """
    checked = tuple(check_count(size, "sizes") for size in sizes)
    if len(checked) < 2:
        raise ValueError(f"sizes must list at least input and output units, got {checked}")
    return checked


def check_inputs(X: Any, name: str, units: int) -> Float[Array, "examples inputs"]:
    """Examples with one value in [0, 1] an input line: pulse widths can't be negative or exceed the window.

    Raises:
        ValueError: not (examples, units), not finite, or outside [0, 1].
    """
    if np.ndim(X) != 2 or np.shape(X)[1] != units or np.shape(X)[0] < 1:
        raise ValueError(f"{name} must have shape (examples, {units} inputs), got {np.shape(X)}")
    values = jnp.asarray(plain(X, name))
    if not jnp.issubdtype(values.dtype, jnp.number) or jnp.iscomplexobj(values):
        raise ValueError(f"{name} must hold numbers in [0, 1], its type is {values.dtype}")
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):  # NaN and infinity come here too
        raise ValueError(
            f"{name} must be finite and in [0, 1] (divide pixels of 0..255 by 255); its values go from {low} to {high}"
        )
    return jnp.asarray(values, dtype=float) if values.dtype.kind in "iu" else values


def check_labels(y: Any, name: str, examples: int, classes: int) -> Int[Array, " examples"]:
    """Class numbers 0 .. classes-1.

    Raises:
        ValueError: not one a row of X, not integers, or outside the range.
    """
    labels = np.asarray(plain(y, name))
    if labels.shape != (examples,):
        raise ValueError(f"{name} must hold one class number for each of the {examples} examples, got {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold integers, its type is {labels.dtype}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"{name} must be in [0, {classes - 1}] (the last size is the number of classes), "
            f"got {labels.min()} to {labels.max()}"
        )
    return jnp.asarray(labels, dtype=jnp.int32)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
