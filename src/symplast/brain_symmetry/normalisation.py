"""Taking a scan's bias field and local contrast out, so that only its structure is compared with its mirror image.

All on cubes (or squares) of 3 mm; what a finer one needs is interpolated. The head enters as weights with soft edges: a
mask of whole voxels would bring its lattice into the comparison. Lengths in mm times the head's scale.
"""

import numpy as np

from symplast.brain_symmetry.head_mask import smoothed

WIDE_MM = 25.0
LOCAL_MM = 8.0
FLOOR = 0.1
"""e of ``(I - m) / sqrt(v + e^2)`` as a share of the rms local standard deviation."""

FIELD_RANGE = (0.3, 3.0)
EDGE = 1.0
"""Sigma of the mask's soft edge, in samples."""


def soft(mask: np.ndarray, sigma: float = EDGE) -> np.ndarray:
    """A mask as weights with soft edges."""
    return smoothed(mask.astype(np.float32), sigma)


def flattened(image: np.ndarray, weights: np.ndarray, sigma: float) -> np.ndarray:
    """Divided by the wide Gaussian of the weighted image, normalised by the smoothed weights.

    Args:
        image: intensities on the grid.
        weights: where the head is.
        sigma: of the Gaussian, in samples.
    """
    wide = smoothed(image * weights, sigma) / np.maximum(smoothed(weights, sigma), 1e-3)
    middle = float((wide * weights).sum() / max(float(weights.sum()), 1e-12))
    return image / np.maximum(wide, max(0.05 * middle, 1e-12))


def local_moments(image: np.ndarray, weights: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean in Gaussian windows, and ``sqrt(v + e^2)`` with e = 0.1 rms local SD.

    Args:
        image: intensities on the grid.
        weights: where the head is.
        sigma: of the window, in samples.
    """
    inside = np.maximum(smoothed(weights, sigma), 1e-3)
    mean = smoothed(image * weights, sigma) / inside
    # the second moment about the local mean: no difference of large numbers
    v = np.maximum(smoothed(weights * (image - mean) ** 2, sigma) / inside, 0)
    rms = float(np.sqrt((v * weights).sum() / max(float(weights.sum()), 1e-12)))
    return mean, np.sqrt(v + (FLOOR * max(rms, 1e-12)) ** 2)


def finer(coarse: np.ndarray) -> np.ndarray:
    """Linear interpolation to half the pitch: n samples become 2 n - 1 along each axis.

    Example:
        >>> finer(np.array([0.0, 1.0, 4.0])).tolist()
        [0.0, 0.5, 1.0, 2.5, 4.0]
    """
    for axis in range(coarse.ndim):
        coarse = np.moveaxis(coarse, axis, 0)
        new = np.empty((2 * len(coarse) - 1, *coarse.shape[1:]), dtype=coarse.dtype)
        new[::2] = coarse
        new[1::2] = (coarse[:-1] + coarse[1:]) / 2
        coarse = np.moveaxis(new, 0, axis)
    return coarse


def odd_field(image: np.ndarray, mirrored: np.ndarray, both: np.ndarray, sigma: float) -> np.ndarray:
    """The part of the bias field that mirroring turns round: ``sqrt(G(I m) / G((I o M) m))``, within 0.3 to 3.

    Args:
        image: intensities on the grid.
        mirrored: the image at the mirrored positions.
        both: weights where the head and its mirror image overlap.
        sigma: of the wide Gaussian, in samples.
    """
    own, other = smoothed(image * both, sigma), smoothed(mirrored * both, sigma)
    small = 1e-3 * max(float(own.max(initial=0)), float(other.max(initial=0)), 1e-12)
    return np.clip(np.sqrt((np.maximum(own, 0) + small) / (np.maximum(other, 0) + small)), *FIELD_RANGE)
