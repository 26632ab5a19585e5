"""How alike the two sides of a head are: images, hemispheres, regions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from symplast.brain_symmetry.head_mask import find_head, largest_component, otsu, smoothed
from symplast.brain_symmetry.planes import Plane
from symplast.brain_symmetry.slicing import Slice, line_in
from symplast.brain_symmetry.volume import Volume, resample

BINS = 32
SSIM_WINDOW = 7
SSIM_SIGMA = 1.5


def align(
    volume: Volume, plane: Plane, spacing_mm: float | None = None, *, order: int = 1, margin_mm: float = 6.0
) -> Volume:
    """The scan turned so that its plane is x = 0, the middle of an odd number of samples: mirroring flips the array.

    Args:
        volume: the scan.
        plane: its mid-sagittal plane.
        spacing_mm: of the cubes; None: the scan's smallest.
        order: of the interpolation: 1 linear, 0 nearest (labels), 3 cubic splines.
        margin_mm: kept round the scan's own extent.

    Returns:
        The scan on a grid along the world's axes, 0 where the scan has no data.

    Raises:
        ValueError: spacing or order out of range.
    """
    pitch = float(volume.spacing.min()) if spacing_mm is None else spacing_mm
    if not 0.1 <= pitch <= 5:
        raise ValueError(f"spacing_mm must lie in [0.1, 5], got {pitch}")
    if order not in (0, 1, 3):
        raise ValueError(f"order must be 0, 1 or 3, got {order}")
    rigid = plane.alignment()
    moved = volume.moved(rigid)
    corners = moved.world(np.stack(np.meshgrid(*[(0, n - 1) for n in volume.shape], indexing="ij"), -1).reshape(-1, 3))
    half = np.abs(corners[:, 0]).max() + margin_mm
    low, high = corners[:, 1:].min(axis=0) - margin_mm, corners[:, 1:].max(axis=0) + margin_mm
    n = 2 * int(np.ceil(half / pitch)) + 1
    shape = (n, *(int(np.ceil((b - a) / pitch)) + 1 for a, b in zip(low, high, strict=True)))
    affine = np.diag([pitch] * 3 + [1.0])
    affine[:3, 3] = [-pitch * (n - 1) / 2, *low]
    data = resample(moved, affine, shape, order)
    return replace(volume, data=np.maximum(data, volume.data.min()) if order == 3 else data, affine=affine)


def ncc(a: np.ndarray, b: np.ndarray) -> float:
    """Normalised cross-correlation of two samples; NaN where one is constant.

    Example:
        >>> round(ncc(np.array([1.0, 2, 3]), np.array([2.0, 4, 6])), 6)
        1.0
    """
    x, y = np.ravel(a).astype(float), np.ravel(b).astype(float)
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 0 else float("nan")


def ssim(a: np.ndarray, b: np.ndarray, data_range: float, *, gaussian: bool = False) -> float:
    """Structural similarity over whole arrays: uniform windows of 7, or Gaussian with sigma 1.5, population covariance.

    Args:
        a, b: arrays of one shape, at least 7 along each axis (11 for Gaussian windows).
        data_range: of the intensities: 255 for 8 bit, else what the measure says.
        gaussian: Gaussian windows (Wang et al. 2004).
    """
    from skimage.metrics import structural_similarity

    options: dict[str, Any] = {"gaussian_weights": True, "sigma": SSIM_SIGMA, "use_sample_covariance": False}
    return float(
        structural_similarity(
            a.astype(np.float64), b.astype(np.float64), data_range=data_range,
            **(options if gaussian else {"win_size": SSIM_WINDOW}),
        )
    )  # fmt: skip


def mutual_information(
    a: np.ndarray, b: np.ndarray, limits: tuple[float, float] | None = None, bins: int = BINS
) -> tuple[float, float]:
    """Mutual information in nats and its normalised form ``(H_x + H_y) / H_xy``, equal bins of one common range.

    Args:
        a, b: two samples of one size.
        limits: of the bins: (0, 255) for 8 bit; None: smallest and largest of both.
        bins: number of bins.

    Example:
        >>> x = np.arange(256.0)
        >>> [round(value, 6) for value in mutual_information(x, x, (0, 255))]  # ln 32 and 2
        [3.465736, 2.0]
    """
    x, y = np.ravel(a).astype(float), np.ravel(b).astype(float)
    low, high = limits if limits is not None else (min(x.min(), y.min()), max(x.max(), y.max()))
    counts, _, _ = np.histogram2d(x, y, bins=bins, range=[(low, high)] * 2)
    p = counts / counts.sum()

    def entropy(q: np.ndarray) -> float:
        q = q[q > 0]
        return float(-(q * np.log(q)).sum())

    hx, hy, hxy = entropy(p.sum(axis=1)), entropy(p.sum(axis=0)), entropy(p.ravel())
    return hx + hy - hxy, (hx + hy) / hxy if hxy > 0 else float("nan")


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """``2 |A n B| / (|A| + |B|)`` of two masks; NaN where both are empty."""
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else float("nan")


def hausdorff95(a: np.ndarray, b: np.ndarray, spacing: Any) -> float:
    """95th percentile of the distances between the surfaces of two masks, mm; NaN where one is empty."""
    from scipy import ndimage

    if not a.any() or not b.any():
        return float("nan")
    edges = [each & ~ndimage.binary_erosion(each) for each in (a, b)]
    far = [ndimage.distance_transform_edt(~edge, sampling=spacing) for edge in edges]
    return float(np.percentile(np.concatenate([far[1][edges[0]], far[0][edges[1]]]), 95))


def asymmetry_index(left: float, right: float) -> float:
    """``AI = 2 (L - R) / (L + R)`` in [-2, 2]; NaN where both are 0.

    Example:
        >>> k = 1.3
        >>> round(asymmetry_index(k**3, 1), 6)
        0.748827
    """
    total = left + right
    return 2 * (left - right) / total if total else float("nan")


def regions(
    volume: Volume, labels: np.ndarray, pairs: Mapping[str, tuple[int, int] | int], plane: Plane | None = None
) -> dict[str, dict[str, float]]:
    """Volumes (mm^3) and mean intensities of left and right regions with their asymmetry indices.

    Args:
        volume: the scan.
        labels: (i, j, k) whole numbers on the scan's grid.
        pairs: name -> (left label, right label), or one label that the plane splits.
        plane: needed where a label is split.

    Raises:
        ValueError: labels of another shape or that are not whole, labels that are nowhere (all are listed), or a label
            to split without a plane.
    """
    given = np.asarray(labels)
    if given.shape != volume.shape:
        raise ValueError(f"labels must have the scan's shape {volume.shape}, got {given.shape}")
    if given.dtype.kind == "f" and not np.array_equal(given, np.rint(given)):
        raise ValueError("labels must be whole numbers")
    known = {int(value) for value in np.unique(given)}
    wanted = {one for pair in pairs.values() for one in (pair if isinstance(pair, tuple) else (pair,))}
    if missing := sorted(wanted - known):
        shown = ", ".join(str(value) for value in sorted(known)[:20])
        raise ValueError(f"pairs must name labels of the map, it lacks {', '.join(map(str, missing))}; it has {shown}")
    cell = float(abs(np.linalg.det(volume.affine[:3, :3])))
    found = {}
    for name, pair in pairs.items():
        if isinstance(pair, tuple):
            sides = [given == one for one in pair]
        else:
            if plane is None:
                raise ValueError(f"plane must be given to split label {pair} ({name})")
            own = given == pair
            places = np.argwhere(own)
            right = plane.distance(volume.world(places)) > 0
            sides = [np.zeros(own.shape, bool), np.zeros(own.shape, bool)]
            for side, which in zip(sides, (~right, right), strict=True):
                side[tuple(places[which].T)] = True
        size = [cell * int(side.sum()) for side in sides]
        mean = [float(volume.data[side].mean()) if side.any() else float("nan") for side in sides]
        found[name] = {
            "left_mm3": size[0],
            "right_mm3": size[1],
            "volume_ai": asymmetry_index(*size),
            "left_mean": mean[0],
            "right_mean": mean[1],
            "mean_ai": asymmetry_index(*mean),
        }
    return found


def symmetry(
    scan: Volume | Slice,
    plane: Plane,
    *,
    labels: np.ndarray | None = None,
    pairs: Mapping[str, tuple[int, int] | int] | None = None,
    spacing_mm: float | None = None,
) -> dict[str, float]:
    """Measures of the likeness of the right side and the mirrored left side; where either lies in the head's mask.

    Args:
        scan: a scan or a slice of one.
        plane: its mid-sagittal plane.
        labels: (i, j, k) label map on the scan's grid, for a scan.
        pairs: left and right labels (see :func:`regions`).
        spacing_mm: of the aligned grid; None: 1.5 mm, or the slice's own pixels.

    Returns:
        ``ncc``, ``ssim``, ``ssim_gaussian``, ``data_range`` (what SSIM was scaled by), ``mi_nats``, ``nmi``, ``mi_low``
        and ``mi_high`` (range of the bins), ``mean_difference`` (in median absolute deviations times 1.4826), ``dice``,
        ``hausdorff95_mm`` and, for each pair, ``<name>_left_mm3``, ``_right_mm3``, ``_volume_ai``, ``_left_mean``,
        ``_right_mean``, ``_mean_ai``.
    """
    if (labels is None) != (pairs is None):
        raise ValueError("labels and pairs must be given together")
    if isinstance(scan, Slice):
        if labels is not None:
            raise ValueError("labels must not be given with a slice; give the scan")
        image, inside, pixel = _aligned_slice(scan, plane)
        return _compared(image, inside, (pixel, pixel))
    aligned = align(scan, plane, 1.5 if spacing_mm is None else spacing_mm)
    found = _compared(aligned.data, aligned_mask(aligned), aligned.spacing)
    if labels is not None and pairs is not None:
        for name, values in regions(scan, labels, pairs, plane).items():
            found |= {f"{name}_{key}": value for key, value in values.items()}
    return found


def aligned_mask(aligned: Volume) -> np.ndarray:
    """Head mask of an aligned scan: Otsu after 2 mm of smoothing, largest part, filled."""
    soft = smoothed(aligned.data, 2.0 / aligned.spacing)
    return largest_component(soft > otsu(soft))


def halves(aligned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mirrored left half and the right half of an array whose first axis has x = 0 in its middle."""
    middle = len(aligned) // 2
    return aligned[middle::-1], aligned[middle:]


def _compared(data: np.ndarray, inside: np.ndarray, spacing: Any) -> dict[str, float]:
    left, right = halves(data)
    left_mask, right_mask = halves(inside)
    m = left_mask | right_mask
    if not m.any():
        raise ValueError("the head's mask must reach the plane, it is empty there")
    x, y = left[m], right[m]
    both = np.concatenate([x, y])
    middle = float(np.median(both))
    spread = 1.4826 * float(np.median(np.abs(both - middle))) or float(both.std())  # more than half may be alike
    low, high = float(both.min()), float(both.max())
    span = max(high - low, 1e-12)
    box = tuple(slice(int(a.min()), int(a.max()) + 1) for a in np.nonzero(m))
    a, b = (_at_least(np.where(m, half, 0)[box]) for half in (left, right))
    mi, nmi = mutual_information(x, y, (low, high) if high > low else (low, low + 1))
    return {
        "ncc": ncc(x, y),
        "ssim": ssim(a, b, span),
        "ssim_gaussian": ssim(a, b, span, gaussian=True),
        "data_range": span,
        "mi_nats": mi,
        "nmi": nmi,
        "mi_low": low,
        "mi_high": high,
        "mean_difference": float(np.abs(x - y).mean()) / max(spread, 1e-12),
        "dice": dice(left_mask, right_mask),
        "hausdorff95_mm": hausdorff95(left_mask, right_mask, spacing),
    }


def _at_least(array: np.ndarray, least: int = 11) -> np.ndarray:
    """Padded with 0 where an axis is shorter than a window."""
    return np.pad(array, [(0, max(0, least - n)) for n in array.shape])


def _aligned_slice(piece: Slice, plane: Plane) -> tuple[np.ndarray, np.ndarray, float]:
    """Image and mask with the midline in the middle of the first axis, and the pixel size."""
    from scipy import ndimage

    whole = piece.square()
    pixel = float(whole.spacing[0])
    line = line_in(plane, whole)
    along = (line.points[1] - line.points[0]) / np.linalg.norm(line.points[1] - line.points[0])
    side = np.array([-along[1], along[0]])
    towards = np.linalg.lstsq(whole.affine[:, :2], plane.n, rcond=None)[0]
    side = side if side @ towards >= 0 else -side
    n = max(whole.image.shape)
    v, u = np.arange(-n, n + 1), np.arange(-n, n + 1)
    points = line.points.mean(axis=0) + u[None, :, None] * along + v[:, None, None] * side
    at = points[..., ::-1].transpose(2, 0, 1)
    image = ndimage.map_coordinates(whole.image, at, order=1, mode="constant", cval=0.0)
    inside = ndimage.map_coordinates(whole.mask.astype(np.float32), at, order=1, mode="constant", cval=0.0) > 0.5
    kept = np.flatnonzero(inside.any(axis=0))
    return image[:, kept[0] : kept[-1] + 1], inside[:, kept[0] : kept[-1] + 1], pixel


def head_centre(volume: Volume) -> np.ndarray:
    """(3,) centroid of the head's mask, mm."""
    return find_head(volume, fine=False).centre
