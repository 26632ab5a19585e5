"""Slices of a scan: chosen in millimetres through the affine, never by an index whose meaning is guessed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from symplast.brain_symmetry.head_mask import largest_component, otsu, smoothed
from symplast.brain_symmetry.planes import Plane
from symplast.brain_symmetry.volume import Volume, resample

PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}
"""Name of a slice's plane -> the world axis that it stands upright on."""

SYMBRAIN_SHAPE = (290, 290, 203)
SYMBRAIN_INDICES = (76, 101, 126)
PERCENTILES = (0.5, 99.5)
RELATIVE = ("centroid", "extent", "world", "index")


@dataclass(frozen=True, eq=False)
class Slice:
    """A slice as an image ``image[row, column]``; pixel positions are (x, y) = (column, row), whole at pixel centres.

    In axial slices rows run from left to right and columns from back to front, so that the midline lies roughly
    horizontal, as in the published set.

    Attributes:
        image: (rows, columns) intensities, float32.
        affine: (3, 3) ``world = affine [x y 1]^T``, mm.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        position_mm: world coordinate of the image's middle along the axis that the slice stands upright on.
        mask: (rows, columns) where the head is.
        index: along the canonical axis; -1 where there is none.
        contrast: of the scan.
    """

    image: np.ndarray
    affine: np.ndarray
    plane: str
    position_mm: float
    mask: np.ndarray
    index: int = -1
    contrast: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def spacing(self) -> np.ndarray:
        """(2,) size of a pixel along x (columns) and y (rows), mm."""
        return np.linalg.norm(self.affine[:, :2], axis=0)

    def world(self, points: Any) -> np.ndarray:
        """World positions ``[n, 3]`` of pixel positions ``[n, 2]``."""
        return np.asarray(points, float) @ self.affine[:, :2].T + self.affine[:, 2]

    def square(self) -> "Slice":
        """The same slice with square pixels of the smaller size, by linear interpolation."""
        sx, sy = self.spacing
        pixel = min(sx, sy)
        if max(sx, sy) / pixel < 1 + 1e-3:
            return self
        from scipy import ndimage

        rows, columns = self.image.shape
        new = (round((rows - 1) * sy / pixel) + 1, round((columns - 1) * sx / pixel) + 1)
        scale = np.array([pixel / sy, pixel / sx])
        image = ndimage.affine_transform(self.image, scale, output_shape=new, order=1, mode="nearest")
        mask = ndimage.affine_transform(self.mask.astype(np.float32), scale, output_shape=new, order=1) > 0.5
        affine = self.affine.copy()
        affine[:, 0] *= pixel / sx
        affine[:, 1] *= pixel / sy
        note = f"pixels of {sx:.3g} x {sy:.3g} mm made square by interpolation"
        return replace(self, image=image, mask=mask, affine=affine, notes=(*self.notes, note))

    def eight_bit(self) -> tuple[np.ndarray, tuple[float, float]]:
        """As uint8: percentiles 0.5 to 99.5 of the head's pixels on 0 to 255, clipped; and those two intensities."""
        inside = self.image[self.mask] if self.mask.any() else self.image.ravel()
        low, high = (float(value) for value in np.percentile(inside, PERCENTILES))
        span = max(high - low, 1e-12)
        return np.clip(np.rint((self.image - low) / span * 255), 0, 255).astype(np.uint8), (low, high)


@dataclass(frozen=True, eq=False)
class Line:
    """A straight midline in a slice.

    Attributes:
        points: (2, 2) its ends, pixels (x, y).
        points_mm: (2, 3) the same in the world; (2, 2), pixels times their size, for an image without an affine.
        left: which side of the way from the first end to the second is the patient's left (``left`` or ``right`` of
            the way, in pixels), or empty where it is not known.
        confidence: similarity of the two sides, NaN for a line that was cut from a plane.
        flags: what speaks against it.
    """

    points: np.ndarray
    points_mm: np.ndarray
    left: str = ""
    confidence: float = float("nan")
    flags: tuple[str, ...] = field(default=())

    @property
    def length_px(self) -> float:
        """Length in pixels."""
        return float(np.linalg.norm(self.points[1] - self.points[0]))

    @property
    def slope_deg(self) -> float:
        """Angle of the line against the image's x axis, degrees in (-90, 90].

        Example:
            >>> ends = np.array([[49.06, 143.91], [243.12, 146.09]])
            >>> line = Line(ends, ends / 2)
            >>> round(line.slope_deg, 6), round(line.length_px, 4)
            (0.643613, 194.0722)
        """
        dx, dy = self.points[1] - self.points[0]
        angle = float(np.degrees(np.arctan2(dy, dx)))
        return angle - 180 if angle > 90 else angle + 180 if angle <= -90 else angle

    def distances(self, other: "Line", pixel_mm: float) -> np.ndarray:
        """(2,) distances of the other line (drawn on to both sides) from this one's ends, mm."""
        d = other.points[1] - other.points[0]
        normal = np.array([-d[1], d[0]]) / np.linalg.norm(d)
        return np.abs((self.points - other.points[0]) @ normal) * pixel_mm

    def angle_to(self, other: "Line") -> float:
        """Angle to another line, degrees in [0, 90]."""
        a, b = self.points[1] - self.points[0], other.points[1] - other.points[0]
        return float(np.degrees(np.arctan2(abs(a[0] * b[1] - a[1] * b[0]), abs(a @ b))))


def slices(
    volume: Volume,
    plane: str = "axial",
    at: Sequence[float] = (-12.5, 0.0, 12.5),
    *,
    relative: str = "centroid",
    centroid: Any = None,
    mask: np.ndarray | None = None,
    preset: str = "",
    resample_mm: float | None = None,
) -> list[Slice]:
    """Cut slices; axes are flipped and permuted to the closest of RAS, and nothing is resampled unless asked for.

    Args:
        volume: the scan.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        at: positions: mm from the centroid (``centroid``), shares of the head's extent (``extent``, such as 0.25),
            world mm (``world``) or indices of the canonical axis (``index``).
        relative: what ``at`` is relative to.
        centroid: (3,) of the head, mm; None: of Otsu's mask.
        mask: (i, j, k) mask of the head on the scan's grid; None: Otsu's.
        preset: ``symbrain``: the published set's indices 76, 101 and 126 along the third axis.
        resample_mm: cut from the scan resampled to cubes of this size along the world's axes.

    Raises:
        ValueError: an unknown plane, a position outside the scan, or the preset on another grid than 290 x 290 x 203.
    """
    if plane not in PLANES:
        raise ValueError(f"plane must be one of {', '.join(PLANES)}, got {plane!r}")
    if relative not in RELATIVE:
        raise ValueError(f"relative must be one of {', '.join(RELATIVE)}, got {relative!r}")
    if preset not in ("", "symbrain"):
        raise ValueError(f"preset must be symbrain or empty, got {preset!r}")
    if preset and volume.shape != SYMBRAIN_SHAPE:
        raise ValueError(
            f"preset symbrain needs a grid of 290 x 290 x 203, got {' x '.join(map(str, volume.shape))}; "
            "give positions in mm"
        )
    if mask is not None and mask.shape != volume.shape:
        raise ValueError(f"mask must have the scan's shape {volume.shape}, got {mask.shape}")
    scan = volume
    if preset:
        axis_plane = slice_plane_of_axis(volume, 2)
        return [_cut(scan, axis_plane, index, mask, along=2) for index in SYMBRAIN_INDICES]
    if resample_mm is not None:
        if mask is not None:
            raise ValueError("mask must not be given with resample_mm: it belongs to the scan's own grid")
        scan = resampled(scan, resample_mm)
    scan, own_mask = scan.canonical(), None if mask is None else _like_canonical(volume, mask)
    axis = PLANES[plane]
    places = _indices(scan, axis, np.atleast_1d(np.asarray(at, float)), relative, centroid, own_mask)
    return [_cut(scan, plane, index, own_mask) for index in places]


def slice_plane_of_axis(volume: Volume, axis: int) -> str:
    """Name of the slices across an array axis, by the affine."""
    from symplast.brain_symmetry.volume import closest_axes

    order, _ = closest_axes(volume.affine)
    return list(PLANES)[order.index(axis)]


def resampled(volume: Volume, pitch_mm: float) -> Volume:
    """The scan on a grid of cubes along the world's axes that holds it whole, by linear interpolation."""
    if not 0.1 <= pitch_mm <= 5:
        raise ValueError(f"resample_mm must lie in [0.1, 5], got {pitch_mm}")
    corners = volume.world(np.stack(np.meshgrid(*[(0, n - 1) for n in volume.shape], indexing="ij"), -1).reshape(-1, 3))
    low, high = corners.min(axis=0), corners.max(axis=0)
    shape = tuple(int(n) for n in np.floor((high - low) / pitch_mm + 1e-6) + 1)
    affine = np.diag([pitch_mm] * 3 + [1.0])
    affine[:3, 3] = low
    note = f"resampled to {pitch_mm:g} mm"
    return replace(volume, data=resample(volume, affine, shape), affine=affine, notes=(*volume.notes, note))


def _like_canonical(volume: Volume, mask: np.ndarray) -> np.ndarray:
    from symplast.brain_symmetry.volume import closest_axes

    order, flips = closest_axes(volume.affine)
    turned = mask.transpose(order)
    for axis, flip in enumerate(flips):
        turned = np.flip(turned, axis) if flip else turned
    return turned


def _indices(
    scan: Volume, axis: int, at: np.ndarray, relative: str, centroid: Any, mask: np.ndarray | None
) -> list[int]:
    n, step = scan.shape[axis], scan.spacing[axis]
    if relative == "index":
        if not np.allclose(at, np.rint(at)):
            raise ValueError(f"at must be whole numbers where they are indices, got {at.tolist()}")
        places = at
    elif relative == "extent":
        inside = head_mask_of(scan) if mask is None else mask != 0
        rows = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        places = rows[0] + at * (rows[-1] - rows[0])
    else:
        base = np.asarray(centroid, float) if centroid is not None else None
        if relative == "centroid" and base is None:
            from symplast.brain_symmetry.head_mask import find_head

            base = find_head(scan, mask, fine=False).centre
        elif base is None:
            base = scan.centre
        here = float(scan.index(base)[axis])
        world = float(base[axis])
        places = here + (at if relative == "centroid" else at - world) / step
    index = np.rint(places).astype(int)
    if (outside := (index < 0) | (index >= n)).any():
        raise ValueError(f"at must lie inside the scan, {at[outside][0]:g} ({relative}) does not")
    return [int(each) for each in index]


def head_mask_of(volume: Volume) -> np.ndarray:
    """Otsu's mask of the head on the scan's own grid: largest component, filled."""
    soft = smoothed(volume.data, 2.0 / volume.spacing)
    return largest_component(soft > otsu(soft))


def _cut(scan: Volume, plane: str, index: int, mask: np.ndarray | None, along: int | None = None) -> Slice:
    axis = PLANES[plane] if along is None else along
    rows, columns = (other for other in range(3) if other != axis)
    image = np.take(scan.data, index, axis)
    corner = np.zeros(3)
    corner[axis] = index
    affine = np.column_stack([scan.affine[:3, columns], scan.affine[:3, rows], scan.world(corner)])
    middle = affine @ [(image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2, 1]
    inside = slice_mask(image, scan.spacing[[rows, columns]]) if mask is None else np.take(mask != 0, index, axis)
    return Slice(image, affine, plane, float(middle[PLANES[plane]]), inside, index, scan.contrast)


def slice_mask(image: np.ndarray, spacing: Any) -> np.ndarray:
    """Where the head is in an image: Otsu's threshold after 2 mm of smoothing, largest part, filled."""
    soft = smoothed(np.asarray(image, np.float32), 2.0 / np.asarray(spacing))
    return largest_component(soft > otsu(soft)) if soft.max() > soft.min() else np.zeros(image.shape, bool)


def line_in(plane: Plane, piece: Slice) -> Line:
    """The line in which a plane cuts a slice, between the head's outline.

    Args:
        plane: in world mm.
        piece: the slice.

    Raises:
        ValueError: the plane is (nearly) parallel to the slice, or misses the head in it.
    """
    a, b = (float(plane.n @ piece.affine[:, each]) for each in (0, 1))
    e = plane.d - float(plane.n @ piece.affine[:, 2])
    if np.hypot(a, b) < 1e-3 * max(piece.spacing):
        raise ValueError(f"plane must cut the {piece.plane} slice, it is parallel to it")
    foot = np.array([a, b]) * e / (a * a + b * b)
    points = clipped(foot, np.array([-b, a]) / np.hypot(a, b), piece.mask)
    return Line(points, piece.world(points))


def clipped(foot: np.ndarray, direction: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(2, 2) first and last point of a line inside a mask, in order of increasing x (or y where it is upright).

    Raises:
        ValueError: it misses the mask.
    """
    reach = 2 * float(np.hypot(*mask.shape))
    s = np.arange(-reach, reach, 0.25)
    points = foot + s[:, None] * direction
    place = np.rint(points).astype(int)
    ok = ((place >= 0) & (place < np.array(mask.shape[::-1]))).all(axis=1)
    ok[ok] = mask[place[ok, 1], place[ok, 0]]
    if not ok.any():
        raise ValueError("the midline must cross the head's outline, it misses it; check the mask and the plane")
    ends = points[np.flatnonzero(ok)[[0, -1]]]
    along = 0 if abs(direction[0]) >= abs(direction[1]) else 1
    return ends if ends[0, along] <= ends[1, along] else ends[::-1]
