"""From feature maps to one attention map: match with the target's features, weigh levels, sharpen, enlarge."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

MATCHES = ("dot", "cosine")
LEVEL_WEIGHTS = ("max", "equal")
PASSES = 3

DoG = tuple[tuple[int, float], tuple[int, float]]
"""Taps and sigma of the two Gaussians, the added one first."""


def gaussian_taps(taps: int, sigma: float) -> np.ndarray:
    """Weights of a Gaussian, ``exp(-(i - (k - 1) / 2)^2 / (2 sigma^2))`` over their sum; (3, 0) is (1/4, 1/2, 1/4).

    Raises:
        ValueError: an even number of taps, or a sigma that is not above 0.

    Example:
        >>> gaussian_taps(3, 1.0).round(6).tolist()
        [0.274069, 0.451863, 0.274069]
    """
    if taps < 1 or taps % 2 == 0:
        raise ValueError(f"taps must be odd, got {taps}")
    if (taps, sigma) == (3, 0):
        return np.array([0.25, 0.5, 0.25])
    if not sigma > 0:
        raise ValueError(f"sigma must be above 0 (0 with 3 taps only), got {sigma}")
    weights = np.exp(-((np.arange(taps) - (taps - 1) / 2) ** 2) / (2 * sigma**2))
    return weights / weights.sum()


@lru_cache(maxsize=64)
def blur_matrix(side: int, taps: int, sigma: float) -> np.ndarray:
    """(side, side) blur along one axis; borders mirror without repeating the edge."""
    matrix = np.zeros((side, side))
    half = taps // 2
    for offset, weight in zip(range(-half, half + 1), gaussian_taps(taps, sigma), strict=True):
        at = np.abs(np.arange(side) + offset)
        period = max(2 * (side - 1), 1)
        at = at % period
        at = np.where(at >= side, period - at, at)
        np.add.at(matrix, (np.arange(side), at), weight)
    return matrix


def sharpen(A: Float[Array, "height width"], dog: DoG) -> Float[Array, "height width"]:
    """Three times ``A + G1 * A - G2 * A`` with separable Gaussians.

    Example:
        >>> sharpen(jnp.ones((8, 8)), ((3, 0), (5, 1))).round(5).max().item()
        1.0
    """
    for _ in range(PASSES):
        first, second = (_blur(A, taps, sigma) for taps, sigma in dog)
        A = A + first - second
    return A


def _blur(A: Array, taps: int, sigma: float) -> Array:
    rows, columns = (jnp.asarray(blur_matrix(n, taps, float(sigma)), A.dtype) for n in A.shape)
    with jax.default_matmul_precision("highest"):
        return rows @ A @ columns.T


def enlarge(A: Float[Array, "height width"], height: int, width: int) -> Float[Array, "{height} {width}"]:
    """Enlarge nearly without interpolation, as OpenCV's INTER_AREA does where it magnifies.

    With s = src/dst and output index d: ``i = floor(d s)``, ``f = (d + 1) - (i + 1) / s``, 0 where negative, else its
    fractional part; the value is ``(1 - f) a[i] + f a[i + 1]`` along each axis.

    Example:
        >>> enlarge(jnp.array([[1.0, 2.0]]), 1, 6)[0].tolist()
        [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]
    """
    for axis, target in enumerate((height, width)):
        low, high, share = _enlarging(A.shape[axis], target)
        f = jnp.asarray(share, A.dtype).reshape((-1, 1) if axis == 0 else (1, -1))
        A = (1 - f) * jnp.take(A, low, axis=axis) + f * jnp.take(A, high, axis=axis)
    return A


@lru_cache(maxsize=64)
def _enlarging(source: int, target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    d = np.arange(target)
    i = d * source // target  # floor(d s), exactly
    f = (d + 1) - (i + 1) * target / source
    f = np.where(f <= 1e-9, 0.0, f - np.floor(f))
    return i.astype(np.int32), np.minimum(i + 1, source - 1).astype(np.int32), f


def match_map(
    search: Float[Array, "height width channels"],
    target: Float[Array, "h w channels"],
    match: str = "dot",
) -> Float[Array, "height width"]:
    """Cross-correlation of search features with the target's, zero outside; a template's centre is at floor((h-1)/2).

    Args:
        search: features of the search image.
        target: features of the target, the template.
        match: ``dot``, the paper's; ``cosine`` divides by the Euclidean norms of both within the window, plus 1e-6.

    Example:
        >>> match_map(jnp.eye(3)[..., None], jnp.ones((1, 1, 1)))[1].tolist()
        [0.0, 1.0, 0.0]
    """
    h, w = target.shape[:2]
    padding = [((h - 1) // 2, h - 1 - (h - 1) // 2), ((w - 1) // 2, w - 1 - (w - 1) // 2)]
    A = _correlate(search, target, padding)
    if match == "cosine":
        energy = _correlate((search**2).sum(-1, keepdims=True), jnp.ones((h, w, 1), search.dtype), padding)
        A = A / (jnp.sqrt(jnp.maximum(energy, 0)) * jnp.sqrt((target**2).sum()) + 1e-6)
    return A


def _correlate(x: Array, kernel: Array, padding: Sequence[tuple[int, int]]) -> Array:
    return jax.lax.conv_general_dilated(
        x[None], kernel[..., None], (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )[0, ..., 0]


def merge(maps: Sequence[Float[Array, "height width"]], weights: str, dog: DoG) -> Float[Array, "height width"]:
    """One map of several levels': each scaled to 0..1, weighed by its maximum (``max``) or equally, then sharpened.

    A level whose map is constant counts for nothing; where all weights are 0 they are equal.

    Example:
        >>> maps = [jnp.zeros((9, 9)).at[4, 4].set(2.0), jnp.zeros((9, 9))]
        >>> A = merge(maps, "max", ((3, 1), (5, 3)))
        >>> divmod(int(A.argmax()), 9)
        (4, 4)
    """
    wide = jnp.result_type(float)
    stack = jnp.stack([A.astype(wide) for A in maps])
    high, low = stack.max((1, 2)), stack.min((1, 2))
    span = high - low
    divisor = jnp.where(span > 0, span, 1)
    scaled = jnp.where((span > 0)[:, None, None], (stack - low[:, None, None]) / divisor[:, None, None], 0)
    w = high if weights == "max" else jnp.ones_like(high)
    total = w.sum()
    shares = jnp.where(total == 0, 1 / len(maps), w / jnp.where(total == 0, 1, total))
    return sharpen((shares[:, None, None] * scaled).sum(0), dog)


def check_dog(dog: Any, side: int) -> DoG:
    """The two Gaussians as (taps, sigma), fit for maps of this side.

    Raises:
        ValueError: anything else than two pairs, even taps, a sigma of 0, or taps wider than the map.
    """
    try:
        (k1, s1), (k2, s2) = dog
        found: DoG = ((int(k1), float(s1)), (int(k2), float(s2)))
    except (TypeError, ValueError):
        raise ValueError(f"dog must be two pairs (taps, sigma), such as ((3, 0), (5, 1)), got {dog!r}") from None
    for taps, sigma in found:
        gaussian_taps(taps, sigma)
    widest = max(taps for taps, _ in found)
    if side <= widest // 2 or not all(math.isfinite(sigma) for _, sigma in found):
        raise ValueError(f"dog must have at most {2 * side - 1} taps for maps of {side} px, got {widest}")
    return found
