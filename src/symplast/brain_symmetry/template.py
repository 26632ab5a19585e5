"""The MNI152 template, whose mid-sagittal plane is exact, under known rigid motions."""

import numpy as np

from symplast.brain_symmetry.planes import Plane, rigid_motion
from symplast.brain_symmetry.volume import Volume

DATA = "mni152"
PAD = 10
TURN_DEG = 25.0
SHIFT_MM = 9.0


def mni152(pitch_mm: int = 2) -> Volume:
    """The symmetric T1w template; its plane is x = 0.

    Args:
        pitch_mm: 1, or 2: smoothed by [1 2 1] / 4 along each axis, every second sample, rounded.

    Raises:
        ValueError: another pitch.
        DatasetUnavailable: nilearn, which ships it, is not installed.
    """
    from symplast import datasets

    if pitch_mm not in (1, 2):
        raise ValueError(f"pitch_mm must be 1 or 2, got {pitch_mm}")
    held = datasets.load("mni152")
    data, affine = held["t1"], held["affine"].copy()
    if pitch_mm == 2:
        data = halved(data)
        affine[:3, :3] *= 2
    return Volume(data, affine, contrast="T1", name=f"mni152 {pitch_mm} mm")


def halved(data: np.ndarray) -> np.ndarray:
    """Every second sample after smoothing by [1 2 1] / 4 along each axis, 0 outside, rounded half to even.

    Example:
        >>> halved(np.full((3, 3, 3), 64, dtype=np.uint8))[1, 1, 1]
        np.uint8(27)
    """
    total = data.astype(np.int32)
    for axis in range(data.ndim):
        padded = np.pad(total, [(1, 1) if own == axis else (0, 0) for own in range(data.ndim)])
        parts = [np.take(padded, range(start, start + data.shape[axis], 2), axis) for start in range(3)]
        total = parts[0] + 2 * parts[1] + parts[2]
    return np.rint(total / 4**data.ndim).astype(data.dtype)


def random_pose(rng: np.random.Generator, turn_deg: float = TURN_DEG, shift_mm: float = SHIFT_MM) -> np.ndarray:
    """Euler angles (3,) uniform within ``turn_deg`` and shifts (3,) within ``shift_mm``: a rigid motion (4 x 4)."""
    return rigid_motion(rng.uniform(-turn_deg, turn_deg, 3), rng.uniform(-shift_mm, shift_mm, 3))


def turned(volume: Volume, rigid: np.ndarray, pad: int = PAD) -> tuple[Volume, Plane]:
    """A symmetric volume (plane x = 0) turned about its grid's centre and shifted, resampled by cubic splines.

    Args:
        volume: the volume, axes along the world's.
        rigid: (4, 4) motion; its centre is moved to that of the padded grid.
        pad: voxels added on every side.

    Returns:
        The volume on the padded grid, negative values set to 0, and its exact plane.
    """
    from scipy import ndimage

    data = np.pad(volume.data, pad)
    affine = volume.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ np.full(3, pad)
    middle = affine[:3, :3] @ ((np.array(data.shape) - 1) / 2) + affine[:3, 3]
    about = np.eye(4)
    about[:3, 3] = middle
    motion = about @ rigid @ np.linalg.inv(about)
    M = np.linalg.inv(affine) @ np.linalg.inv(motion) @ affine
    image = ndimage.affine_transform(data, M[:3, :3], M[:3, 3], order=3, mode="constant", cval=0.0)
    plane = Plane(np.array([1.0, 0.0, 0.0]), 0.0).moved(motion)
    return Volume(np.maximum(image, 0), affine, volume.contrast, volume.name), plane


def degrade(
    volume: Volume, rng: np.random.Generator, *, gain: float = 0.3, noise: float = 0.05, hole_mm: float = 30.0
) -> Volume:
    """Bias, noise and a hole.

    Args:
        volume: the scan, axes along the world's.
        rng: draws the noise and the hole's place.
        gain: 0.3: from 0.7 to 1.3, linear over the head's extent from left to right.
        noise: sigma of the Rician noise, as a share of the 99th percentile of head voxels.
        hole_mm: side of a cube round a random head voxel that is set to 0.
    """
    head = volume.data > 0.1 * np.percentile(volume.data, 99.5)
    places = np.argwhere(head)
    x = volume.affine[0, 0] * np.arange(volume.shape[0]) + volume.affine[0, 3]
    low, high = x[places[:, 0].min()], x[places[:, 0].max()]
    field = 1 + gain * (2 * (x - low) / (high - low) - 1)
    image = volume.data * field.astype(np.float32)[:, None, None]
    sigma = noise * np.percentile(image[head], 99)
    image = image + sigma * rng.standard_normal(image.shape, dtype=np.float32)
    image = np.sqrt(image**2 + (sigma * rng.standard_normal(image.shape, dtype=np.float32)) ** 2)
    at = places[rng.integers(len(places))]
    half = (hole_mm / 2 / volume.spacing).round().astype(int)
    image[tuple(slice(max(i - r, 0), i + r + 1) for i, r in zip(at, half, strict=True))] = 0
    return Volume(image, volume.affine, volume.contrast, volume.name)
