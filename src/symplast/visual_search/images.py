"""Images and maps of regions: files to arrays, and what every function takes for an image."""

from pathlib import Path
from typing import Any

import numpy as np

from symplast.stats.arguments import plain

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


def check_image(image: Any, name: str = "image") -> np.ndarray:
    """An image as float32 grey levels 0..255, (height, width, 1 or 3).

    Args:
        image: (height, width) or (height, width, 1 or 3); integers 0..255, or floats on the same scale.
        name: for messages.

    Raises:
        ValueError: another shape, NaN, levels outside 0..255, or floats that all lie in 0..1 (which would be black).

    Example:
        >>> check_image(np.full((2, 3), 27, np.uint8)).shape
        (2, 3, 1)
    """
    levels = np.asarray(plain(image, name))
    if levels.dtype.kind not in "iuf":
        raise ValueError(f"{name} must hold grey levels 0 to 255, got an array of type {levels.dtype}")
    if levels.ndim == 2:
        levels = levels[..., None]
    if levels.ndim != 3 or levels.shape[2] not in (1, 3) or 0 in levels.shape:
        raise ValueError(f"{name} must be (height, width) or (height, width, 1 or 3), got shape {np.shape(image)}")
    if not np.isfinite(levels).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(levels)).sum())} NaN or infinite")
    if levels.min() < 0 or levels.max() > 255:
        raise ValueError(f"{name} must lie in 0 to 255, got {levels.min():g} to {levels.max():g}")
    if levels.dtype.kind == "f" and 0 < levels.max() <= 1:
        raise ValueError(
            f"{name} must have grey levels 0 to 255, got floats up to {levels.max():g}: multiply it by 255"
        )
    return levels.astype(np.float32)


def for_channels(levels: np.ndarray, channels: int, name: str = "image") -> np.ndarray:
    """An image of :func:`check_image` with no more channels than a backbone takes.

    Raises:
        ValueError: a coloured image for a backbone that sees grey.
    """
    if channels == 1 and levels.shape[2] == 3:
        if (levels != levels[..., :1]).any():
            raise ValueError(f"{name} must be grey for a backbone of one channel; convert it first (grey_of(image))")
        return levels[..., :1]
    return levels


def grey_of(image: Any) -> np.ndarray:
    """Luma of a coloured image, ``0.299 R + 0.587 G + 0.114 B``, (height, width), 0..255.

    Example:
        >>> grey_of(np.full((1, 1, 3), 200)).round(3).tolist()
        [[200.0]]
    """
    levels = check_image(image)
    weights = np.array([0.299, 0.587, 0.114]) if levels.shape[2] == 3 else np.ones(1)
    return np.asarray(levels @ weights)


def read_image(path: Path) -> np.ndarray:
    """An image file as grey levels 0..255: (height, width) or (height, width, 3).

    Args:
        path: ``.png``, ``.jpg``, ``.tif``, ``.bmp`` (8 bit), or ``.npy``.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another ending, a damaged file, transparency, or more than 8 bits.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no image {path}")
    if path.suffix == ".npy":
        return _squeezed(check_image(read_array(path), str(path)))
    if path.suffix.lower() not in PICTURES:
        raise ValueError(f"{path} must end in {', '.join(PICTURES)} or .npy")
    from PIL import Image

    try:
        with Image.open(path) as picture:
            mode = picture.mode
            if mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
                alpha = np.asarray(picture.convert("RGBA"))[..., 3]
                if (alpha < 255).any():
                    raise ValueError(f"{path} has transparent pixels: save it on a background")
                mode = "RGB"
            if mode not in ("1", "L", "P", "RGB", "LA", "CMYK"):
                raise ValueError(f"{path} must have 8 bits a channel, got mode {mode}: convert it, or give a .npy")
            levels = np.asarray(picture.convert("L" if mode in ("1", "L") else "RGB"))
    except ValueError:
        raise
    except Exception as error:  # Pillow's many ways to fail on a damaged file
        raise ValueError(f"{path} can't be read as an image: {' '.join(str(error).split())[:200]}") from error
    if levels.ndim == 3 and (levels == levels[..., :1]).all():
        levels = levels[..., 0]
    return levels


def read_array(path: Path) -> np.ndarray:
    """The array of an .npy file, never a pickled one.

    Raises:
        ValueError: it can't be read.
    """
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except Exception as error:
        raise ValueError(f"{path} can't be read as .npy: {' '.join(str(error).split())[:200]}") from error


def _squeezed(levels: np.ndarray) -> np.ndarray:
    return levels[..., 0] if levels.shape[2] == 1 else levels


def check_regions(regions: Any, shape: tuple[int, int]) -> np.ndarray:
    """Labels of regions: integers from 0 on (height, width), -1 where there is none.

    Raises:
        ValueError: another shape, fractions, or no region at all.
    """
    labels = np.asarray(plain(regions, "regions"))
    if labels.shape != shape:
        raise ValueError(f"regions must have the image's shape {shape}, got {labels.shape}")
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and (labels == np.round(labels)).all():
        labels = labels.astype(int)
    if labels.dtype.kind not in "iu":
        raise ValueError(f"regions must be whole numbers (-1: no region), got an array of type {labels.dtype}")
    if labels.min() < -1 or labels.max() < 0:
        raise ValueError(f"regions must be labels from 0 on (-1: no region), got {labels.min()} to {labels.max()}")
    return labels.astype(np.int32)
