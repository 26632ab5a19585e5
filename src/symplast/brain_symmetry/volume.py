"""A scan: an array of intensities with the affine that says where each voxel's centre lies in the world."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from symplast.brain_symmetry.planes import Matrix

LEAST_SAMPLES = 16
LARGEST_VOXEL_MM = 5.0
SMALLEST_VOXEL_MM = 0.01


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan in world coordinates.

    Args:
        data: (i, j, k) intensities; kept as float32.
        affine: (4, 4) ``world = affine [i j k 1]^T``, mm, RAS+; index (i, j, k) is the centre of its voxel.
        contrast: ``T1``, ``T2`` or empty where it is not known.
        name: what to call it in tables and messages.
        notes: what was decided on reading it, in words.

    Raises:
        ValueError: another number of axes, fewer than 16 samples along one, NaN, a constant image, voxels above 5 mm,
            or an affine that can't be inverted.

    Example:
        >>> scan = Volume(np.arange(4096.0).reshape(16, 16, 16), np.diag([1.0, 1.0, 2.0, 1.0]))
        >>> scan.spacing.tolist(), scan.axes
        ([1.0, 1.0, 2.0], 'RAS')
    """

    data: np.ndarray
    affine: Matrix
    contrast: str = ""
    name: str = ""
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        data, affine = np.asarray(self.data), np.asarray(self.affine, dtype=np.float64)
        where = f"{self.name}: " if self.name else ""
        if isinstance(self.data, np.ma.MaskedArray):
            raise ValueError(f"{where}data must not be a masked array: fill it (array.filled(0)) first")
        if data.ndim != 3:
            raise ValueError(f"{where}data must have three axes, got shape {data.shape}")
        if data.dtype.kind not in "biuf":
            raise ValueError(f"{where}data must be real numbers, got an array of type {data.dtype}")
        if min(data.shape) < LEAST_SAMPLES:
            raise ValueError(
                f"{where}data must have at least {LEAST_SAMPLES} samples along each axis, got {data.shape}"
            )
        data = np.ascontiguousarray(data, dtype=np.float32)
        if (bad := int(data.size - np.isfinite(data).sum())) > 0:
            raise ValueError(f"{where}data must be finite, {bad} of {data.size} voxels are NaN or infinite")
        if data.min() == data.max():
            raise ValueError(f"{where}data must not be constant, all voxels are {data.flat[0]:g}")
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.allclose(affine[3], [0, 0, 0, 1]):
            raise ValueError(f"{where}affine must be a finite 4 x 4 matrix with last row 0 0 0 1")
        if self.contrast not in ("", "T1", "T2"):
            raise ValueError(f"{where}contrast must be T1, T2 or empty, got {self.contrast!r}")
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        if min(spacing) < SMALLEST_VOXEL_MM or max(spacing) > LARGEST_VOXEL_MM:
            raise ValueError(
                f"{where}voxels must measure {SMALLEST_VOXEL_MM:g} to {LARGEST_VOXEL_MM:g} mm, got "
                f"{' x '.join(f'{value:.3g}' for value in spacing)} mm; check the unit of the header"
            )
        if abs(np.linalg.det(affine[:3, :3] / spacing)) < 0.5:
            raise ValueError(f"{where}affine must have axes that stand (nearly) upright on each other")
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "affine", affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Samples along the three axes."""
        i, j, k = self.data.shape
        return i, j, k

    @property
    def spacing(self) -> np.ndarray:
        """(3,) size of a voxel along the array's axes, mm."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    @property
    def axes(self) -> str:
        """Where the array's axes point, as three letters: ``RAS``, ``LPS``, ``PIL``, ..."""
        return axis_names(self.affine)

    @property
    def centre(self) -> np.ndarray:
        """(3,) centre of the grid, mm."""
        return self.world((np.array(self.shape) - 1) / 2)

    def world(self, index: Any) -> np.ndarray:
        """World positions (mm) of indices ``[..., 3]``."""
        return np.asarray(index) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def index(self, world: Any) -> np.ndarray:
        """Indices (fractions too) of world positions ``[..., 3]``."""
        return (np.asarray(world) - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T

    def canonical(self) -> "Volume":
        """The same scan with axes closest to RAS, by flips and permutations only."""
        order, flips = closest_axes(self.affine)
        data = self.data.transpose(order)
        turn = np.zeros((4, 4))
        turn[3, 3] = 1
        for new, old in enumerate(order):
            turn[old, new] = -1 if flips[new] else 1
            if flips[new]:
                data = np.flip(data, new)
                turn[old, 3] = self.shape[old] - 1
        return replace(self, data=data, affine=self.affine @ turn)

    def moved(self, rigid: np.ndarray) -> "Volume":
        """The scan after a rigid motion of the world; only the header changes."""
        return replace(self, affine=rigid @ self.affine)


def closest_axes(affine: np.ndarray) -> tuple[list[int], list[bool]]:
    """For x, y and z: which array axis is closest to it, and whether that axis runs the other way."""
    from scipy.optimize import linear_sum_assignment

    cosines = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    rows, columns = linear_sum_assignment(-np.abs(cosines))
    order = [int(columns[list(rows).index(world)]) for world in range(3)]
    return order, [bool(cosines[world, axis] < 0) for world, axis in enumerate(order)]


def axis_names(affine: np.ndarray) -> str:
    """Where the array's axes point, as three letters.

    Example:
        >>> axis_names(np.diag([-1.0, -1.0, 1.0, 1.0]))
        'LPS'
    """
    order, flips = closest_axes(affine)
    letters = [""] * 3
    for world, axis in enumerate(order):
        letters[axis] = ("RAS", "LPI")[flips[world]][world]
    return "".join(letters)


def resample(volume: Volume, affine: np.ndarray, shape: tuple[int, ...], order: int = 1) -> np.ndarray:
    """The scan on another grid, zero outside: linear (order 1), nearest (0) or cubic spline (3)."""
    return on_grid(volume.data, volume.affine, affine, tuple(shape), order)


def on_grid(
    data: np.ndarray, source: np.ndarray, target: np.ndarray, shape: tuple[int, ...], order: int = 1
) -> np.ndarray:
    """An array with one affine on a grid with another, zero outside; linear on parallel grids is done axis by axis."""
    from scipy import ndimage

    M = np.linalg.inv(source) @ target
    matrix = M[:3, :3]
    steps = np.diag(matrix)
    if order == 1 and data.dtype == np.float32 and np.allclose(matrix, np.diag(steps), atol=1e-12):
        for axis in sorted(range(3), key=lambda axis: shape[axis] / data.shape[axis]):
            data = _linear_along(data, axis, M[axis, 3] + steps[axis] * np.arange(shape[axis]))
        return data
    return np.asarray(
        ndimage.affine_transform(data, matrix, M[:3, 3], output_shape=shape, order=order, mode="constant", cval=0.0)
    )


def _linear_along(data: np.ndarray, axis: int, at: np.ndarray) -> np.ndarray:
    """Linear interpolation along one axis at positions in samples, zero outside the first and the last."""
    n = data.shape[axis]
    low = np.clip(np.floor(at), 0, max(n - 2, 0)).astype(int)
    keep = (at >= -1e-9) & (at <= n - 1 + 1e-9)
    upright = [-1 if own == axis else 1 for own in range(data.ndim)]
    part = (at - low).astype(np.float32).reshape(upright)
    first, second = np.take(data, low, axis), np.take(data, np.minimum(low + 1, n - 1), axis)
    second -= first
    second *= part
    second += first
    second *= keep.astype(np.float32).reshape(upright)
    return second
