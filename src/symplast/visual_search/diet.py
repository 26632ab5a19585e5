"""Changes of a training diet: turned scenes, fisheye lenses, grids of lines."""

from typing import Any

import numpy as np

from symplast.stats.arguments import check_count, plain


def _batch(images: Any) -> np.ndarray:
    pictures = np.asarray(plain(images, "images"))
    if pictures.ndim not in (3, 4) or pictures.shape[1] != pictures.shape[2]:
        raise ValueError(f"images must be (n, side, side[, channels]), got shape {pictures.shape}")
    return pictures


def rotate90(images: Any, quarters: int = 1) -> np.ndarray:
    """Images turned counter-clockwise by quarters of a turn.

    Args:
        images: (n, side, side[, channels]).
        quarters: how many.

    Raises:
        ValueError: another shape.

    Example:
        >>> rotate90([[[1, 2], [3, 4]]]).tolist()
        [[[2, 4], [1, 3]]]
    """
    return np.rot90(_batch(images), quarters, axes=(1, 2))


def fisheye(images: Any, strength: float = 1.0) -> np.ndarray:
    """Images through a fisheye: a place at radius r (half the side is 1) shows what lay at ``r^(1 + strength)``.

    Bilinear. The centre is magnified and the border compressed; outside the unit disc nothing changes. The mapping is
    ours: the reference's own is not described.

    Args:
        images: (n, side, side[, channels]).
        strength: 0 changes nothing.

    Raises:
        ValueError: another shape, or a strength below 0.

    Example:
        >>> fisheye(np.ones((1, 8, 8)), 0.5).min()
        np.float64(1.0)
    """
    pictures = _batch(images)
    if not strength >= 0:
        raise ValueError(f"strength must be at least 0, got {strength}")
    n = pictures.shape[1]
    middle = (n - 1) / 2
    y, x = (np.mgrid[:n, :n] - middle) / max(middle, 1)
    radius = np.hypot(x, y)
    scale = np.where((radius > 0) & (radius < 1), np.where(radius > 0, radius, 1) ** strength, 1.0)
    row, column = y * scale * middle + middle, x * scale * middle + middle
    top, left = (np.clip(np.floor(v).astype(int), 0, max(n - 2, 0)) for v in (row, column))
    fy, fx = row - top, column - left
    tail = (1,) * (pictures.ndim - 3)
    fy, fx = (v.reshape(n, n, *tail) for v in (fy, fx))
    below, right = np.minimum(top + 1, n - 1), np.minimum(left + 1, n - 1)
    upper = (1 - fx) * pictures[:, top, left] + fx * pictures[:, top, right]
    lower = (1 - fx) * pictures[:, below, left] + fx * pictures[:, below, right]
    changed = (1 - fy) * upper + fy * lower
    return changed if pictures.dtype.kind == "f" else np.round(changed).astype(pictures.dtype)


def grid_lines(images: Any, every: int = 50, width: int = 5, start: int = 45, level: float = 0.0) -> np.ndarray:
    """Images behind a grid: horizontal and vertical lines of one grey level.

    Args:
        images: (n, side, side[, channels]).
        every: px from line to line.
        width: of a line, px.
        start: first px of the first line.
        level: grey level of the lines.

    Raises:
        ValueError: another shape, or lines wider than their distance.

    Example:
        >>> grid_lines(np.ones((1, 4, 4)), every=4, width=1, start=1)[0].tolist()[0]
        [1.0, 0.0, 1.0, 1.0]
    """
    pictures = _batch(images).copy()
    if check_count(width, "width") >= check_count(every, "every"):
        raise ValueError(f"width must be below every ({every}), got {width}")
    at = np.arange(pictures.shape[1])
    line = (at >= check_count(start, "start", 0)) & ((at - start) % every < width)
    pictures[:, line] = level
    pictures[:, :, line] = level
    return pictures
