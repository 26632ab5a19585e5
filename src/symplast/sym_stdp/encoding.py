"""From images to spikes: rates, and events drawn on the host as intervals."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from symplast.spiking import poisson_spikes as spiking_poisson
from symplast.spiking.events import poisson_table
from symplast.stats.arguments import plain
from symplast.sym_stdp.config import SymSTDPConfig

WIDTHS = (24, 64, 256)
"""Slots of event tables: few sizes, so that few programs are compiled."""
HZ_PER_PIXEL = 1 / 4
"""Rate of a pixel of 1 at the first intensity: ``x / 8 * q`` with q = 2."""


def poisson_spikes(
    key: Key[Array, ""], rates_hz: Any, T_ms: float, dt_ms: float, dead_time: bool = True
) -> Bool[Array, "steps ..."]:
    """Poisson spikes in the model's manner: a unit that spiked is silent for one step.

    The mean rate is ``r / (1 + r dt)``.

    Args:
        key: random key.
        rates_hz: rate of each unit, any shape.
        T_ms: a whole number of steps.
        dt_ms: length of a step.
        dead_time: False for no dead time.

    Raises:
        ValueError: negative or NaN rates, or more than one spike a step.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> spikes = poisson_spikes(jax.random.key(0), jnp.full(2000, 63.75), 350.0, 0.5)
        >>> abs(float(spikes.sum()) / 2000 / 0.35 - 61.78) < 1  # 63.75 / (1 + 0.031875)
        True
    """
    return spiking_poisson(key, rates_hz, T_ms, dt_ms, dead_steps=int(dead_time))


def input_rates(X: Any, n_inputs: int, dt_ms: float) -> Float[np.ndarray, "n P"]:
    """Rates at the first intensity, Hz.

    Args:
        X: (n, n_inputs); whole numbers of type uint8 are pixels (255 -> 63.75 Hz), floating numbers are rates in Hz.
        n_inputs: number of inputs.
        dt_ms: length of a step.

    Raises:
        ValueError: a mask, another width or type, rates that are negative, NaN or infinite, or more than one spike a
            step.

    Example:
        >>> input_rates(np.array([[0, 255]], np.uint8), 2, 0.5).tolist()
        [[0.0, 63.75]]
    """
    rows = np.asarray(plain(X, "X"))
    if rows.ndim != 2 or rows.shape[1] != n_inputs:
        raise ValueError(f"X must be (n, n_inputs={n_inputs}), got shape {rows.shape}; flatten images to rows")
    if rows.dtype == np.uint8:
        return rows * HZ_PER_PIXEL
    if rows.dtype.kind != "f":
        raise ValueError(f"X must be uint8 (pixels) or floating (rates in Hz), got {rows.dtype}; convert it")
    if not ((rows >= 0) & (rows < np.inf)).all():
        raise ValueError("X must hold rates of at least 0 that are finite; there are negative, NaN or infinite ones")
    if rows.size and rows.max() * dt_ms > 1000:
        raise ValueError(
            f"X must hold rates of at most 1000 / dt_ms = {1000 / dt_ms:g} Hz (one spike a step), got {rows.max():g}"
        )
    return rows.astype(np.float64)


def check_labels(y: Any, n: int, n_classes: int) -> np.ndarray:
    """Labels as int64.

    Raises:
        ValueError: not one whole number in [0, n_classes) for each row.
    """
    labels = np.asarray(plain(y, "y"))
    if labels.shape != (n,):
        raise ValueError(f"y must be ({n},), one label for each row of X; got shape {labels.shape}")
    if labels.dtype.kind not in "iuf" or not (labels == np.floor(labels)).all():
        raise ValueError(f"y must hold whole class numbers, got {labels.dtype}")
    if n and not (labels.min() >= 0 and labels.max() < n_classes):
        raise ValueError(f"y must lie in [0, {n_classes - 1}], got {labels.min()} to {labels.max()}")
    return labels.astype(np.int64)


def even_ink(images: Any) -> np.ndarray:
    """Images with one mean: ``image * 30 / mean``, rounded, at most 255; black ones stay black.

    The reference does so with Fashion-MNIST.

    Args:
        images: uint8, the first axis counts images.

    Example:
        >>> even_ink(np.array([[10, 20], [0, 0]], np.uint8)).tolist()
        [[20, 40], [0, 0]]
    """
    pixels = np.asarray(plain(images, "images"))
    if pixels.dtype != np.uint8 or pixels.ndim < 2:
        raise ValueError(f"images must be uint8 with one image a row, got {pixels.dtype}{pixels.shape}")
    mean = pixels.mean(axis=tuple(range(1, pixels.ndim)), keepdims=True, dtype=np.float64)
    brighter = np.round(pixels * (30 / np.where(mean > 0, mean, 1)))
    return np.minimum(brighter, 255).astype(np.uint8)


class Drawn(NamedTuple):
    """The spikes of one presentation.

    Attributes:
        units: (image steps, slots) input units that fire in each step, padded with their number.
        taught: (all steps, C) spikes of the teacher; None without one.
    """

    units: Int[np.ndarray, "steps slots"]
    taught: Bool[np.ndarray, "S C"] | None


def draw(
    generator: np.random.Generator,
    rates: Float[np.ndarray, " P"],
    q: int,
    config: SymSTDPConfig,
    *,
    n_classes: int = 0,
    label: int | None = None,
) -> Drawn:
    """Draw a presentation at intensity q: the image, and the teacher of its class while the image is on.

    Rates above one spike a step are capped (they can be reached on repeats only).

    Example:
        >>> drawn = draw(np.random.default_rng(0), np.full(784, 10.0), 2, SymSTDPConfig(), n_classes=10, label=3)
        >>> drawn.units.shape, drawn.taught.shape, np.flatnonzero(drawn.taught.any(axis=0)).tolist()
        ((700, 24), (1000, 10), [3])
    """
    n = rates.size
    shown = np.zeros(n + (label is not None))
    shown[:n] = np.minimum(rates * (q / config.q_start), 1000 / config.dt_ms)
    shown[n:] = config.teacher_hz
    units = poisson_table(generator, shown * config.dt_ms / 1000, config.image_steps, 1, WIDTHS)
    if label is None:
        return Drawn(units, None)
    taught = np.zeros((config.image_steps + config.rest_steps, n_classes), bool)
    taught[: config.image_steps, label] = (units == n).any(axis=1)
    return Drawn(np.minimum(units, n), taught)


def acting_units(last: Any, fired: Any, *, extra: bool = False) -> np.ndarray:
    """The table of acting input units: one step later than fired.

    Args:
        last: (P,) input units that fired in the step before the first.
        fired: (T, slots) units that fire in each step, P in empty slots.
        extra: add a step in which the last ones act.
    """
    fired = np.asarray(fired)
    pending = np.flatnonzero(np.asarray(last))
    width = max(fired.shape[1], next((w for w in WIDTHS if w >= pending.size), pending.size))
    table = np.full((fired.shape[0] + 1, width), np.size(last), np.int32)
    table[0, : pending.size] = pending
    table[1:, : fired.shape[1]] = fired
    return table if extra else table[:-1]
