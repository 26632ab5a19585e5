"""Single images in files: PNG, TIFF, JPEG, .npy. They have no header: neither a scale nor a left side."""

from pathlib import Path

import numpy as np

from symplast.brain_symmetry.midline import check_image

ENDINGS = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".npy")


def is_image(path: Path) -> bool:
    """Whether the name is that of a single image."""
    return path.suffix.lower() in ENDINGS


def read_image(path: Path) -> np.ndarray:
    """(rows, columns) float32; colours are averaged, transparency is ignored.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it can't be read as one image.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give an image: {', '.join(ENDINGS)}")
    if path.suffix.lower() == ".npy":
        from symplast.datasets.arrays import read_npy

        return check_image(read_npy(path, "an image (rows, columns)"))
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            if getattr(image, "n_frames", 1) > 1:
                raise ValueError("it holds several images")
            plain = image.mode in ("1", "L", "I", "F") or image.mode.startswith("I;16")
            pixels = np.asarray(image if plain else image.convert("RGB"))
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        raise ValueError(f"{path.name} can't be read as an image: {' '.join(str(error).split())[:160]}") from error
    if pixels.ndim == 3:
        pixels = pixels.astype(np.float32).mean(axis=2)
    return check_image(pixels)
