"""The midline of a single image: the mirror line that makes it most similar to its mirror image."""

from typing import Any

import numpy as np

from symplast.brain_symmetry.head_mask import smoothed
from symplast.brain_symmetry.midplane import values_at
from symplast.brain_symmetry.normalisation import LOCAL_MM, WIDE_MM, flattened, local_moments, soft
from symplast.brain_symmetry.slicing import Line, clipped, slice_mask

SAMPLES = 257
PITCHES_MM = (3.0, 1.5, 0.75)
POINTS = 16_384
"""Shapes are the same at all levels, so that one program serves them."""

KEPT = 3
GRID_DEG = np.arange(-40.0, 41.0, 10.0)
GRID_MM = (-8.0, 0.0, 8.0)
LEFT_IS = ("top", "bottom", "left", "right")
LOW_NCC = 0.3
SEARCH_SMOOTHING = 1.6
"""Sigma of the first level's image, in its samples: so wide that starts 10 degrees apart find their way."""


def find_midline(
    image: Any,
    pixel_mm: float,
    left_is: str | None = None,
    *,
    direction: str = "horizontal",
    bias: bool = True,
    mask: np.ndarray | None = None,
    seed: int = 0,
) -> Line:
    """The straight midline of one image of square pixels.

    An image has no header: what is left and what is right is not known unless you say so.

    Args:
        image: (rows, columns) intensities.
        pixel_mm: size of a pixel.
        left_is: the side of the image (``top``, ``bottom``, ``left``, ``right``) where the patient's left is.
        direction: of the midline, within 45 degrees: ``horizontal`` (as in the published set), ``vertical``, or
            ``any``: the better of both, wrong where front and back are more alike than left and right.
        bias: take bias field and local contrast out first.
        mask: (rows, columns) mask of the head, instead of Otsu's.
        seed: of the sample points.

    Returns:
        The line with the similarity of its sides as confidence.

    Raises:
        ValueError: not a finite image of two axes with at least 16 pixels each, or another word for an option.

    Example:
        >>> y, x = np.mgrid[:80, :100]
        >>> half = np.abs((y - 40) / 30)
        >>> image = np.where(half**2 + ((x - 50) / 42) ** 2 < 1, 100 + 80 * np.cos(6 * half) * np.sin(x / 5), 0)
        >>> find_midline(image, 1.5, direction="horizontal").points.round(0)[:, 1].tolist()
        [40.0, 40.0]
    """
    picture = check_image(image)
    if not 0.05 <= pixel_mm <= 5:
        raise ValueError(f"pixel_mm must lie in [0.05, 5], got {pixel_mm}")
    if left_is is not None and left_is not in LEFT_IS:
        raise ValueError(f"left_is must be one of {', '.join(LEFT_IS)}, got {left_is!r}")
    if direction not in ("any", "horizontal", "vertical"):
        raise ValueError(f"direction must be horizontal, vertical or any, got {direction!r}")
    inside = slice_mask(picture, (pixel_mm, pixel_mm)) if mask is None else np.asarray(mask) != 0
    if inside.shape != picture.shape or not inside.any():
        raise ValueError(f"mask must have the image's shape {picture.shape} and hold pixels other than 0")
    centre = np.argwhere(inside).mean(axis=0)  # (row, column)
    turns = {"horizontal": [0.0], "vertical": [90.0], "any": [0.0, 90.0]}[direction]
    starts = np.array([[np.radians(a + turn), t] for turn in turns for a in GRID_DEG for t in GRID_MM])
    theta, ncc = _search(picture, inside, centre, pixel_mm, starts, bias, seed)
    normal = np.array([np.cos(theta[0]), np.sin(theta[0])])  # (row, column)
    foot = centre + normal * theta[1] / pixel_mm
    points = clipped(foot[::-1], np.array([normal[0], -normal[1]]), inside)
    flags = (f"low confidence: similarity {ncc:.2f} of the two sides",) if ncc < LOW_NCC else ()
    return Line(points, points * pixel_mm, _left_of_way(points, left_is), ncc, flags)


def check_image(image: Any) -> np.ndarray:
    """An image as float32.

    Raises:
        ValueError: not two axes of at least 16 finite real numbers, or constant.
    """
    picture = np.asarray(image)
    if picture.ndim != 2 or min(picture.shape) < 16 or picture.dtype.kind not in "biuf":
        raise ValueError(
            f"image must be (rows, columns) of real numbers, at least 16 each, got {picture.shape} of {picture.dtype}"
        )
    picture = picture.astype(np.float32)
    if not np.isfinite(picture).all() or picture.min() == picture.max():
        raise ValueError("image must be finite and not constant")
    return picture


def _left_of_way(points: np.ndarray, left_is: str | None) -> str:
    """On which side of the way from the first end to the second the patient's left lies (rows run downwards)."""
    if left_is is None:
        return ""
    d = points[1] - points[0]
    towards = {"top": (0, -1), "bottom": (0, 1), "left": (-1, 0), "right": (1, 0)}[left_is]
    side = d[0] * towards[1] - d[1] * towards[0]
    if abs(side) < 1e-9:
        raise ValueError(f"left_is must name a side of the midline, {left_is!r} lies along it")
    return "right" if side > 0 else "left"


def _search(
    picture: np.ndarray, inside: np.ndarray, centre: np.ndarray, pixel: float, starts: np.ndarray, bias: bool, seed: int
) -> tuple[np.ndarray, float]:
    from symplast.brain_symmetry.midplane import _floats, refine_at, sample_points
    from symplast.brain_symmetry.mirroring import similarities

    best = starts
    ncc = np.zeros(len(starts))
    for level, h in enumerate(PITCHES_MM):
        square, m = _square(picture, inside, centre, pixel, h, bias)
        p, w = sample_points(m, h, POINTS, seed + level)
        if level == 0:
            square = smoothed(square, SEARCH_SMOOTHING)
            padded = np.concatenate([starts, np.repeat(starts[:1], 54 - len(starts), axis=0)])
            values = np.asarray(similarities(*_floats(padded, square, h, p.T, values_at(square, p, h), w)))
            best = padded[np.argsort(-values[: len(starts)], kind="stable")[:KEPT]]
        best, ncc, _ = refine_at(best, square, h, p, w, 0.0)
        order = np.argsort(-ncc, kind="stable")
        best, ncc = best[order], ncc[order]
        if level:
            best, ncc = best[:1], ncc[:1]
    return best[0], float(ncc[0])


def _square(
    picture: np.ndarray, inside: np.ndarray, centre: np.ndarray, pixel: float, h: float, bias: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The image on a square of pitch h round the centre, normalised, and its mask."""
    from scipy import ndimage

    n = SAMPLES
    blurred = smoothed(picture, h / 2 / pixel)
    offset = centre - (n - 1) / 2 * h / pixel
    grid = {"output_shape": (n, n), "order": 1, "mode": "constant", "cval": 0.0}
    scale = np.array([h / pixel] * 2)
    square = ndimage.affine_transform(blurred, scale, offset, **grid)
    m = ndimage.affine_transform(inside.astype(np.float32), scale, offset, **grid) > 0.5
    if bias and m.any():
        weights = soft(m)
        flat = flattened(square, weights, WIDE_MM / h)
        mean, sd = local_moments(flat, weights, LOCAL_MM / h)
        square = ((flat - mean) / sd * weights).astype(np.float32)
    return square, m
