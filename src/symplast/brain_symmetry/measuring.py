"""What the experiments on planes measure: errors over poses, headers, frames for figures."""

from typing import Any

import numpy as np

from symplast import stats
from symplast.brain_symmetry.midplane import MidPlane, find_midplane
from symplast.brain_symmetry.planes import Plane, rigid_motion
from symplast.brain_symmetry.slicing import Slice
from symplast.brain_symmetry.template import random_pose
from symplast.brain_symmetry.volume import Volume

EXPERT_DEG = 1.08
"""What experts reach with landmarks [lit]."""

SNR_NOISE = 70.0
"""Noise in percent of 1000 at a signal-to-noise ratio of 1: 700 (white matter) / sigma."""


def plane_errors(volume: Volume, truth: Plane, **options: Any) -> tuple[float, float, MidPlane]:
    """Angle (deg) and size of the offset (mm) of the plane that is found."""
    found = find_midplane(volume, **options)
    error = truth.error(found.plane, found.centroid)
    return error.angle_deg, abs(error.offset_mm), found


def whole_range(values: Any) -> stats.Estimate:
    """Median with the range of all values: no interval of a parameter, but what every case stays within."""
    x = np.asarray(values, float)
    return stats.Estimate(float(np.median(x)), float(x.min()), float(x.max()), 0.95, x.size, "range")


def phantom_pose(rng: np.random.Generator, largest_deg: float, shift_mm: float = 9.0) -> np.ndarray:
    """A random pose whose plane is tilted by at most ``largest_deg``: drawn again until it is."""
    upright = Plane(np.array([1.0, 0.0, 0.0]), 0.0)
    while True:
        pose = random_pose(rng, largest_deg, shift_mm)
        if upright.moved(pose).tilt_deg <= largest_deg:
            return pose


def tilted(tilt_deg: float, rng: np.random.Generator, shift_mm: float = 9.0) -> np.ndarray:
    """A pose whose plane is tilted by just this angle, in a random direction; also turned about x, and shifted."""
    from scipy.spatial.transform import Rotation

    about = rng.uniform(0, 2 * np.pi)
    turn = Rotation.from_rotvec(np.array([0, np.cos(about), np.sin(about)]) * tilt_deg, degrees=True)
    pose = rigid_motion([rng.uniform(-40, 40), 0, 0], [0, 0, 0])
    pose[:3, :3] = turn.as_matrix() @ pose[:3, :3]
    pose[:3, 3] = rng.uniform(-shift_mm, shift_mm, 3)
    return pose


def stored_as(scan: Volume, labels: np.ndarray, axes: str) -> tuple[Volume, np.ndarray, np.ndarray]:
    """A scan whose axes are the world's, its array stored otherwise, or under an oblique header.

    Args:
        scan: with axes RAS.
        labels: on its grid.
        axes: three letters, or ``oblique``.

    Returns:
        The scan, its labels, and the motion of the world (the identity but for ``oblique``).
    """
    if axes == "oblique":
        motion = rigid_motion([6, 5, -8], [12, -7, 4])
        return scan.moved(motion), labels, motion
    order = [next(i for i, pair in enumerate(("RL", "AP", "SI")) if letter in pair) for letter in axes]
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    data, own = scan.data.transpose(order), labels.transpose(order)
    for new, old in enumerate(order):
        flip = axes[new] in "LPI"
        turn[old, new] = -1 if flip else 1
        if flip:
            turn[old, 3] = scan.shape[old] - 1
            data, own = np.flip(data, new), np.flip(own, new)
    return Volume(data, scan.affine @ turn, scan.contrast, axes), own, np.eye(4)


FRAME = 100
FRAME_MM = 2.0


def framed(piece: Slice) -> np.ndarray:
    """A square slice on a small frame of 2 mm round its head, for a figure; on [0, 1]."""
    from scipy import ndimage

    step, corner = _frame(piece)
    grid = ndimage.affine_transform(piece.image, [step, step], corner, output_shape=(FRAME, FRAME), order=1)
    return np.clip(grid / np.percentile(piece.image[piece.mask], 99), 0, 1).astype(np.float32)


def framed_points(piece: Slice, points: np.ndarray) -> np.ndarray:
    """Pixel positions of a slice in its frame."""
    step, corner = _frame(piece)
    return (points - corner[::-1]) / step


def _frame(piece: Slice) -> tuple[float, np.ndarray]:
    step = FRAME_MM / float(piece.spacing[0])
    return step, np.argwhere(piece.mask).mean(axis=0) - step * (FRAME - 1) / 2
