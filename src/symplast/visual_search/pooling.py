"""Pooling whose windows grow with eccentricity, and the plain 2 x 2 pools around it."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from symplast.stats.arguments import check_count, plain

KINDS = ("avg", "max")
STRIDE = 2
GROWTH = {15: 0.0, 8: 0.07, 4: 0.16, 2: 0.32}
"""Growth of the window (px per px) where a stage's input has so many px per degree."""


class EccPool(eqx.Module):
    """Pooling with stride 2 whose window grows in rings around the centre of gaze.

    With d px per degree at the input, the fovea is a disc of ``round(fovea_deg d / 2)`` output px; each ring is
    ``round(ring_deg d / 2)`` output px wide and has the window of its outer border e:
    ``min_window + round(growth (2 e - fovea_deg d))``. The last ring reaches to the corners. Rounding is half to even.
    Padding is split so that the extra cell comes after, and is not counted in an average.

    Attributes:
        px_per_deg: px per degree of visual angle at the input.
        growth: of the window, px per px of eccentricity; 0 is plain pooling.
        fovea_deg: radius of the fovea in degrees.
        ring_deg: width of a ring in degrees.
        min_window: window in the fovea, px.
        kind: ``avg`` or ``max``.

    Example:
        >>> pool = EccPool(px_per_deg=8, growth=0.07)
        >>> pool(jnp.ones((40, 40, 3))).shape
        (20, 20, 3)
        >>> pool.rings(202)[:3]
        [(16, 2), (20, 3), (24, 3)]

    Source:
        reference code of arXiv:2106.02953.
    """

    px_per_deg: int = eqx.field(static=True)
    growth: float = eqx.field(static=True)
    fovea_deg: float = eqx.field(static=True)
    ring_deg: float = eqx.field(static=True)
    min_window: int = eqx.field(static=True)
    kind: str = eqx.field(static=True)

    def __init__(
        self,
        px_per_deg: int,
        growth: float,
        fovea_deg: float = 4.0,
        ring_deg: float = 1.0,
        min_window: int = 2,
        kind: str = "avg",
    ):
        """Check the settings.

        Raises:
            ValueError: px_per_deg or min_window below 1, a growth below 0, an unknown kind, or rings of no width.
        """
        self.px_per_deg = check_count(px_per_deg, "px_per_deg")
        self.min_window = check_count(min_window, "min_window", 2)
        self.growth, self.fovea_deg, self.ring_deg = (
            _at_least_0(value, name)
            for value, name in ((growth, "growth"), (fovea_deg, "fovea_deg"), (ring_deg, "ring_deg"))
        )
        if kind not in KINDS:
            raise ValueError(f"kind must be avg or max, got {kind!r}")
        if self.growth and round(self.ring_deg * self.px_per_deg / 2) < 1:
            raise ValueError(
                f"ring_deg must be at least {2 / self.px_per_deg:g} at {self.px_per_deg} px per degree, so that a ring "
                f"is a pixel wide, got {ring_deg}"
            )
        self.kind = kind

    def rings(self, side: int) -> list[tuple[int, int]]:
        """Outer radius (output px) and window of each region for an input of ``side`` px; the last reaches the corners.

        Example:
            >>> EccPool(px_per_deg=30, growth=0.0).rings(202)
            [(71, 2)]
        """
        return [(radius, window) for radius, window, _ in _regions(self._setting(), side)]

    def windows(self, side: int) -> np.ndarray:
        """(o, o) window of each output px for a square input of ``side`` px."""
        return window_map(self._setting(), side)

    def _setting(self) -> tuple[Any, ...]:
        return (self.px_per_deg, self.growth, self.fovea_deg, self.ring_deg, self.min_window)

    def __call__(self, x: Float[Array, "*batch height width channels"]) -> Float[Array, "*batch side side channels"]:
        """Pool; an input that isn't square is padded with zeros on both short sides first."""
        height, width = x.shape[-3:-1]
        side = max(height, width)
        if height != width:
            spare = [(side - n) // 2 for n in (height, width)]
            rest = [side - n - before for n, before in zip((height, width), spare, strict=True)]
            x = jnp.pad(x, [(0, 0)] * (x.ndim - 3) + [*zip(spare, rest, strict=True), (0, 0)])
        windows = self.windows(side)
        if (windows == STRIDE).all():
            return plain_pool(x, self.kind)
        out = jnp.zeros((*x.shape[:-3], *windows.shape, x.shape[-1]), x.dtype)
        for window in sorted(set(windows.ravel().tolist()), reverse=True):
            inside = windows == window
            rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
            box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
            pooled = _pool_box(x, window, box, self.kind)
            if not inside[box].all():
                old = out[..., box[0], box[1], :]
                pooled = jnp.where(inside[box][..., None], pooled, old)
            out = out.at[..., box[0], box[1], :].set(pooled)
        return out


def _at_least_0(value: Any, name: str) -> float:
    number = np.asarray(plain(value, name))
    if number.ndim or number.dtype.kind not in "iuf" or not np.isfinite(number) or number < 0:
        raise ValueError(f"{name} must be a number of at least 0, got {value!r}")
    return float(number)


def _regions(setting: tuple[Any, ...], side: int) -> list[tuple[int, int, np.ndarray]]:
    d, growth, fovea_deg, ring_deg, least = setting
    o = (side + 1) // 2
    from_centre = np.arange(o) - o // 2
    squared = from_centre[:, None] ** 2 + from_centre**2
    edge = math.ceil(math.sqrt(squared.max())) if side > 1 else 1
    first, width = round(fovea_deg * d / 2), round(ring_deg * d / 2)
    if first > o / 2 or growth == 0:
        return [(edge, least, np.ones((o, o), bool))]
    found = [(first, least, squared < first**2)]
    radius = first + width
    while radius < o / 2:
        window = least + round(growth * (2 * radius - fovea_deg * d))
        found.append((radius, window, ((radius - width) ** 2 <= squared) & (squared < radius**2)))
        radius += width
    window = least + round(growth * (2 * radius - fovea_deg * d))
    return [*found, (edge, window, squared >= (radius - width) ** 2)]


@lru_cache(maxsize=256)
def window_map(setting: tuple[Any, ...], side: int) -> np.ndarray:
    """(o, o) window of each output px; ``setting`` is that of :class:`EccPool`, for the cache."""
    o = (side + 1) // 2
    windows = np.zeros((o, o), int)
    for _, window, inside in _regions(setting, side):
        windows[inside] = window
    windows.setflags(write=False)
    return windows


def _pool_box(x: Any, window: int, box: tuple[slice, slice], kind: str) -> Any:
    """Pooled values of a box of output px: along rows, then along columns."""
    for axis, part in zip((-3, -2), box, strict=True):
        x, counts = _pool_axis(x, window, part, axis, kind)
        if kind == "avg":
            shape = [1] * x.ndim
            shape[axis] = counts.size
            x = x * (1.0 / counts).astype(x.dtype).reshape(shape)
    return x


def _pool_axis(x: Any, window: int, part: slice, axis: int, kind: str) -> tuple[Any, np.ndarray]:
    """Sums (or maxima) of windows along one axis, for output px ``part``; and how many input px each holds."""
    side = x.shape[axis]
    o = (side + 1) // 2
    before = max((o - 1) * STRIDE + window - side, 0) // 2
    begin = STRIDE * part.start - before
    end = STRIDE * (part.stop - 1) - before + window
    low, high = max(0, begin), min(side, end)
    padding = [(0, 0)] * x.ndim
    padding[axis] = (low - begin, end - high)
    x = jnp.pad(
        jax.lax.slice_in_dim(x, low, high, axis=axis), padding, constant_values=0 if kind == "avg" else -jnp.inf
    )
    join = jnp.add if kind == "avg" else jnp.maximum
    reach = STRIDE * (part.stop - part.start - 1) + 1
    pooled = jax.lax.slice_in_dim(x, 0, reach, STRIDE, axis)
    for k in range(1, window):
        pooled = join(pooled, jax.lax.slice_in_dim(x, k, k + reach, STRIDE, axis))
    pooled = jax.lax.optimization_barrier(pooled)  # else the other axis would sum these again for each of its px
    first = STRIDE * np.arange(part.start, part.stop) - before
    return pooled, np.minimum(first + window, side) - np.maximum(first, 0)


def plain_pool(
    x: Float[Array, "*batch height width channels"], kind: str = "avg"
) -> Float[Array, "*batch _ _ channels"]:
    """2 x 2 pooling with stride 2; of an odd side the last px makes a window of its own.

    Example:
        >>> plain_pool(jnp.arange(3.0).reshape(1, 3, 1)).ravel().tolist()
        [0.5, 2.0]
    """
    height, width = x.shape[-3:-1]
    if kind == "avg" and height % 2 == 0 and width % 2 == 0:
        return x.reshape(*x.shape[:-3], height // 2, 2, width // 2, 2, x.shape[-1]).mean((-4, -2))
    return _pool_box(x, 2, (slice(0, (height + 1) // 2), slice(0, (width + 1) // 2)), kind)


def stage_resolutions(px_per_deg: int, stages: int) -> tuple[int, ...]:
    """Px per degree at the input of each pooling stage: ``round(p / 2^(b-1))``, half to even.

    Raises:
        ValueError: so few px per degree that a stage would have none.

    Example:
        >>> stage_resolutions(30, 5), stage_resolutions(15, 3)
        ((30, 15, 8, 4, 2), (15, 8, 4))
    """
    found = tuple(round(check_count(px_per_deg, "px_per_deg") / 2**b) for b in range(stages))
    if min(found) < 1:
        raise ValueError(f"px_per_deg must be at least {2 ** (stages - 1)} for {stages} stages, got {px_per_deg}")
    return found


def default_growth(resolutions: Sequence[int]) -> tuple[float, ...]:
    """Growth of the windows by a stage's px per degree; between the paper's values the nearest on a log scale.

    Example:
        >>> default_growth((30, 15, 8, 4, 2))
        (0.0, 0.0, 0.07, 0.16, 0.32)
    """
    return tuple(
        0.0 if d >= 15 else GROWTH[min(GROWTH, key=lambda known: abs(math.log(known / d)))] for d in resolutions
    )
