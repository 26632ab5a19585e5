"""The curved midline of a slice: the ridge between the hemispheres, as the cheapest path from one end to the other."""

from dataclasses import dataclass

import numpy as np

from symplast.brain_symmetry.planes import Plane
from symplast.brain_symmetry.slicing import Slice, line_in

SIGMAS_MM = (1.0, 1.5, 2.0)
BAND_MM = 8.0
PULL_MM = 5.0
SIDE_STEP = 0.03
SMOOTHING_MM = 2.0
END_MM = 5.0
CLEAR = 0.4
"""From this share of the strongest ridge on, a place on the path counts as lying on a ridge."""

VISIBLE = 0.88
OUTSIDE = 10.0
"""Cost of a pixel outside the head's mask."""


@dataclass(frozen=True, eq=False)
class CurvedMidline:
    """A curved midline and how far it is from straight.

    Attributes:
        points: (n, 2) pixels (x, y) of the slice that was given.
        points_mm: (n, 3) the same in the world.
        along_mm: (n,) position along the straight line.
        deviation_mm: (n,) from the plane, positive towards its normal (the right).
        shift_mm: largest deviation from the chord between the path's ends (means of its first and last 5 mm).
        shift_from_plane_mm: largest deviation from the plane.
        rms_mm: root mean square deviation from the plane.
        max_curvature_per_mm: largest curvature of the smoothed path.
        support: share of the path that lies on a clear ridge, at least 0.4 of the strongest; below 0.88
            the midline is hardly visible, and its shift means little.
    """

    points: np.ndarray
    points_mm: np.ndarray
    along_mm: np.ndarray
    deviation_mm: np.ndarray
    shift_mm: float
    shift_from_plane_mm: float
    rms_mm: float
    max_curvature_per_mm: float
    support: float

    @property
    def visible(self) -> bool:
        """Whether there is a midline to follow."""
        return self.support >= VISIBLE


def chord_shift(along: np.ndarray, deviation: np.ndarray, end_mm: float = END_MM) -> float:
    """Largest deviation of a path from the chord between its ends, each the mean of ``end_mm``.

    Example:
        >>> y = np.linspace(-60, 60, 241)
        >>> round(chord_shift(y, 0.1 * y + 3 * np.exp(-(y**2) / 800)), 2)
        2.94
    """
    first, last = along <= along[0] + end_mm, along >= along[-1] - end_mm
    u0, u1 = along[first].mean(), along[last].mean()
    v0, v1 = deviation[first].mean(), deviation[last].mean()
    chord = v0 + (v1 - v0) * (along - u0) / max(u1 - u0, 1e-9)
    slope = (v1 - v0) / max(u1 - u0, 1e-9)
    return float(np.abs(deviation - chord).max() / np.sqrt(1 + slope**2))


def curved_midline(piece: Slice, plane: Plane, contrast: str = "", *, pull: float = 0.1) -> CurvedMidline:
    """The path along the ridge between the hemispheres, from one end of the straight midline to the other.

    Ridge: largest over sigma of 1, 1.5 and 2 mm of ``-+ sigma^2 d^2 I / dx^2`` of the smoothed image (bright in T2w,
    dark in T1w), on [0, 1]. Cost of a pixel: ``-ridge + pull (deviation / 5 mm)^2``, and 0.03 for a step sideways.
    Deviations stay within 8 mm and change by at most one pixel per pixel; the parabola through the ridge gives
    fractions; the path is smoothed by 2 mm.

    Args:
        piece: a slice that the plane cuts.
        plane: the mid-sagittal plane.
        contrast: ``T1`` or ``T2``; empty takes the slice's own.
        pull: lambda: strength of the pull towards the plane.

    Returns:
        The path with its measures.

    Raises:
        ValueError: a contrast that is not known, or a plane that misses the head in the slice.
    """
    kind = contrast or piece.contrast
    if kind not in ("T1", "T2"):
        raise ValueError(f"contrast must be T1 or T2 (is the midline dark or bright?), got {kind!r}")
    if not 0 <= pull <= 100:
        raise ValueError(f"pull must lie in [0, 100], got {pull}")
    whole = piece.square()
    pixel = float(whole.spacing[0])
    line = line_in(plane, whole)
    way = line.points[1] - line.points[0]
    length = float(np.linalg.norm(way))
    if length * pixel < 2 * END_MM:
        raise ValueError(f"the midline must be at least {2 * END_MM:g} mm long, got {length * pixel:.3g} mm")
    along = way / length
    side = np.array([-along[1], along[0]])
    towards = np.linalg.lstsq(whole.affine[:, :2], plane.n, rcond=None)[0]
    side = side if side @ towards >= 0 else -side
    margin = BAND_MM + 3 * max(SIGMAS_MM)
    v = np.arange(-np.ceil(margin / pixel), np.ceil(margin / pixel) + 1)
    u = np.arange(int(np.floor(length)) + 1)
    ridge, inside = _ridge(whole, line.points[0], along, side, u, v, pixel, 1.0 if kind == "T2" else -1.0)
    deviation = v * pixel
    cost = -ridge + pull * (deviation / PULL_MM) ** 2 + np.where(inside, 0, OUTSIDE)
    band = np.abs(deviation) <= BAND_MM + 1e-9
    path = cheapest_path(cost[:, band], SIDE_STEP) + int(np.flatnonzero(band)[0])
    support = float((ridge[np.arange(len(path)), path] >= CLEAR).mean())
    found = (v[path] + _fraction(ridge, path)) * pixel
    return _measured(
        piece, whole, line.points[0], along, side, u, _gaussian(found, SMOOTHING_MM / pixel), pixel, support
    )


def cheapest_path(cost: np.ndarray, side_step: float) -> np.ndarray:
    """Columns of the cheapest path down the rows, at most one column sideways a row (dynamic programming).

    Example:
        >>> cheapest_path(np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]), 0.03).tolist()
        [0, 1, 2]
    """
    rows, columns = cost.shape
    total = cost[0].copy()
    came = np.zeros((rows, columns), dtype=int)
    far = np.array([np.inf])
    for row in range(1, rows):
        ways = np.stack(
            [total, np.concatenate([far, total[:-1]]) + side_step, np.concatenate([total[1:], far]) + side_step]
        )
        best = ways.argmin(axis=0)
        came[row] = np.arange(columns) + np.array([0, -1, 1])[best]
        total = ways[best, np.arange(columns)] + cost[row]
    path = np.empty(rows, dtype=int)
    path[-1] = total.argmin()
    for row in range(rows - 1, 0, -1):
        path[row - 1] = came[row, path[row]]
    return path


def _ridge(
    whole: Slice, start: np.ndarray, along: np.ndarray, side: np.ndarray, u: np.ndarray, v: np.ndarray, pixel: float,
    sign: float,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(u, v) ridge on [0, 1] and mask, in coordinates along and across the straight line."""
    from scipy import ndimage

    points = start + u[:, None, None] * along + v[None, :, None] * side
    at = points[..., ::-1].transpose(2, 0, 1)
    image = ndimage.map_coordinates(whole.image, at, order=1, mode="nearest")
    inside = ndimage.map_coordinates(whole.mask.astype(np.float32), at, order=1, mode="constant") > 0.5
    each = []
    for sigma in SIGMAS_MM:
        s = sigma / pixel
        soft = ndimage.gaussian_filter1d(image, s, axis=0, mode="nearest")
        each.append(-sign * s**2 * ndimage.gaussian_filter1d(soft, s, axis=1, order=2, mode="nearest"))
    ridge = np.maximum(np.max(each, axis=0), 0)
    inner = inside & (np.abs(v * pixel) <= BAND_MM)[None, :]
    top = float(np.percentile(ridge[inner], 99)) if inner.any() else 0.0
    return np.clip(ridge / max(top, 1e-12), 0, 1), inside


def _fraction(ridge: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Where the parabola through the ridge at a path and its neighbours peaks, in pixels within half of one."""
    rows = np.arange(len(path))
    a, b, c = (ridge[rows, path + step] for step in (-1, 0, 1))
    bend = a - 2 * b + c
    top = (bend < -1e-6) & (b < 1)  # a clipped ridge has no peak
    return np.clip(np.where(top, 0.5 * (a - c) / np.where(top, bend, 1), 0), -0.5, 0.5)


def _gaussian(path: np.ndarray, sigma: float) -> np.ndarray:
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter1d(path, sigma, mode="nearest"))


def _measured(
    piece: Slice, whole: Slice, start: np.ndarray, along: np.ndarray, side: np.ndarray, u: np.ndarray,
    deviation: np.ndarray, pixel: float, support: float,
) -> CurvedMidline:  # fmt: skip
    points = start + u[:, None] * along + (deviation / pixel)[:, None] * side
    s = u * pixel
    soft = _gaussian(deviation, SMOOTHING_MM / pixel)
    first, second = np.gradient(soft, pixel), np.gradient(np.gradient(soft, pixel), pixel)
    curvature = np.abs(second) / (1 + first**2) ** 1.5
    return CurvedMidline(
        points * whole.spacing / piece.spacing,
        whole.world(points),
        s,
        deviation,
        chord_shift(s, deviation),
        float(np.abs(deviation).max()),
        float(np.sqrt((deviation**2).mean())),
        float(curvature.max()),
        support,
    )
