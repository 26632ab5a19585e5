"""Where the head is: a mask by Otsu's threshold, its centre, its size, and the fixed cubes laid round it."""

from dataclasses import dataclass

import numpy as np

from symplast.brain_symmetry.volume import Volume, on_grid

WIDE_HALF_MM = 129.0
CUBE_HALF_MM = 96.0
COARSE_MM = 3.0
FINE_MM = 1.5
MASK_SIGMA_MM = 2.0
USUAL_RADII_MM = (50.0, 90.0)
REFERENCE_RADIUS_MM = 70.0


@dataclass(frozen=True, eq=False)
class Head:
    """A head in its cubes.

    Attributes:
        centre: (3,) centroid of the mask, mm; middle of the cubes.
        radius_mm: of the ball with the mask's volume.
        scale: factor on every length of the recipe; 1 for mask radii of 50 to 90 mm.
        coarse: (65, 65, 65) intensities at 3 mm.
        fine: (129, 129, 129) intensities at 1.5 mm; None where it was not asked for.
        mask: (65, 65, 65) mask at 3 mm.
        share_at_border: share of the mask's voxels that lie at the border of the scan.
    """

    centre: np.ndarray
    radius_mm: float
    scale: float
    coarse: np.ndarray
    fine: np.ndarray | None
    mask: np.ndarray
    share_at_border: float


def otsu(values: np.ndarray, bins: int = 256) -> float:
    """Otsu's threshold: the one that separates two classes with the largest variance between their means.

    Example:
        >>> 2 < otsu(np.array([0.0, 1, 2, 8, 9, 10])) < 8
        True
    """
    counts, edges = np.histogram(values, bins=bins)
    centres = (edges[:-1] + edges[1:]) / 2
    low = np.cumsum(counts)
    high = low[-1] - low
    total = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = low * high * (total / low - (total[-1] - total) / high) ** 2
    best = np.flatnonzero(between[:-1] == np.nanmax(between[:-1]))
    return float(edges[1 + best[len(best) // 2]])


def largest_component(mask: np.ndarray, fill: bool = True) -> np.ndarray:
    """The largest connected part of a mask, its holes filled."""
    from scipy import ndimage

    parts, n = ndimage.label(mask)
    if n > 1:
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        mask = parts == sizes.argmax()
    return np.asarray(ndimage.binary_fill_holes(mask)) if fill else mask


def cube_affine(centre: np.ndarray, half_mm: float, pitch_mm: float) -> tuple[np.ndarray, int]:
    """Affine and samples per axis of a world-aligned cube round a centre."""
    n = 2 * round(half_mm / pitch_mm) + 1
    affine = np.diag([pitch_mm, pitch_mm, pitch_mm, 1.0])
    affine[:3, 3] = centre - pitch_mm * (n - 1) / 2
    return affine, n


def smoothed(data: np.ndarray, sigma: np.ndarray | float) -> np.ndarray:
    """Gaussian filter with a sigma in samples (one, or one an axis), to 3 sigma; none where it is below 0.2 samples."""
    from scipy import ndimage

    sigmas = np.broadcast_to(sigma, data.ndim)
    return np.asarray(ndimage.gaussian_filter(data, np.where(sigmas < 0.2, 0.0, sigmas), mode="constant", truncate=3.0))


def find_head(volume: Volume, mask: np.ndarray | None = None, fine: bool = True) -> Head:
    """Find the head in a scan and lay the fixed cubes round it.

    Args:
        volume: the scan.
        mask: (i, j, k) mask on the scan's own grid, instead of Otsu's.
        fine: also make the 1.5 mm cube.

    Raises:
        ValueError: a mask that is empty or of another shape.
    """
    if mask is not None:
        given = np.asarray(mask)
        if given.shape != volume.shape:
            raise ValueError(f"mask must have the scan's shape {volume.shape}, got {given.shape}")
        if not (given != 0).any():
            raise ValueError("mask must hold voxels other than 0")
    scale = 1.0
    centre = volume.centre
    for _ in range(3):
        soft, affine, wide = _wide_mask(volume, mask, centre, scale)
        place = np.array(np.nonzero(wide)).mean(axis=1)
        centroid = affine[:3, :3] @ place + affine[:3, 3]
        radius = float((3 * wide.sum() * (COARSE_MM * scale) ** 3 / (4 * np.pi)) ** (1 / 3))
        wanted = 1.0 if USUAL_RADII_MM[0] <= radius <= USUAL_RADII_MM[1] else radius / REFERENCE_RADIUS_MM
        if abs(wanted / scale - 1) < 0.1:
            break
        scale, centre = wanted, centroid
    image = Volume(soft, volume.affine)
    half, coarse_mm, fine_mm = CUBE_HALF_MM * scale, COARSE_MM * scale, FINE_MM * scale
    own, n = cube_affine(centroid, half, coarse_mm)
    inside = _resampled(wide.astype(np.float32), affine, own, n) > 0.5
    if fine:
        fine_affine, fine_n = cube_affine(centroid, half, fine_mm)
        large = _resampled(image.data, volume.affine, fine_affine, fine_n)
        extra = np.sqrt((coarse_mm / 2) ** 2 - (fine_mm / 2) ** 2) / fine_mm
        small = smoothed(large, extra)[::2, ::2, ::2]
    else:
        large = None
        extra_mm = np.sqrt((coarse_mm / 2) ** 2 - (fine_mm / 2) ** 2)
        small = _resampled(smoothed(image.data, extra_mm / volume.spacing), volume.affine, own, n)
    return Head(centroid, radius, scale, small, large, inside, _share_at_border(volume, wide, affine))


def _wide_mask(
    volume: Volume, given: np.ndarray | None, centre: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The scan smoothed by half the fine pitch, and the mask on a wide cube with its affine."""
    pitch = COARSE_MM * scale
    base_mm = FINE_MM * scale / 2
    soft = smoothed(volume.data, base_mm / volume.spacing)
    affine, n = cube_affine(centre, WIDE_HALF_MM * scale, pitch)
    if given is not None:
        return soft, affine, _resampled((np.asarray(given) != 0).astype(np.float32), volume.affine, affine, n) > 0.5
    wide = smoothed(
        _resampled(soft, volume.affine, affine, n), np.sqrt(MASK_SIGMA_MM**2 * scale**2 - base_mm**2) / pitch
    )
    return soft, affine, largest_component(wide > otsu(wide))


def _resampled(data: np.ndarray, source: np.ndarray, target: np.ndarray, n: int) -> np.ndarray:
    """Linear interpolation on a cube of n samples, zero outside."""
    return on_grid(data, source, target, (n, n, n))


def _share_at_border(volume: Volume, wide: np.ndarray, affine: np.ndarray) -> float:
    """Share of the mask's surface (its voxels with a neighbour outside) within a voxel of the scan's border."""
    from scipy import ndimage

    surface = wide & ~ndimage.binary_erosion(wide)
    index = volume.index(np.argwhere(surface) @ affine[:3, :3].T + affine[:3, 3])
    margin = 1.5 * affine[0, 0] / volume.spacing
    near = ((index < margin) | (index > np.array(volume.shape) - 1 - margin)).any(axis=1)
    return float(near.mean()) if len(near) else 0.0
