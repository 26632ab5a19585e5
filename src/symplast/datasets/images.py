"""Labelled images, and MNIST's IDX files."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from symplast.datasets.registry import DatasetInfo

IDX_UINT8 = 0x08


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images, split into training and test set as published. The arrays are read-only.

    Attributes:
        train_images: (n, height, width) uint8, 0 = background.
        train_labels: (n,) uint8, classes 0, 1, ...
        test_images: (m, height, width) uint8.
        test_labels: (m,) uint8.
        max_value: full intensity, 255 or 16; divide by it to scale to [0, 1].
        name: the data set's name.
        source: where the arrays were read from.
    """

    train_images: UInt8[np.ndarray, "train height width"]
    train_labels: UInt8[np.ndarray, " train"]
    test_images: UInt8[np.ndarray, "test height width"]
    test_labels: UInt8[np.ndarray, " test"]
    max_value: int
    name: str
    source: str

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            if images.ndim != 3 or labels.shape != images.shape[:1]:
                raise ValueError(
                    f"{self.name}: {part}_images must be (n, height, width) with one label each, "
                    f"got {images.shape} and labels {labels.shape}"
                )
            images.setflags(write=False)
            labels.setflags(write=False)


def read_idx(path: Path) -> np.ndarray:
    """Read a gzip-compressed IDX file of unsigned bytes.

    Args:
        path: the file.

    Returns:
        The array, of the shape that its header says.

    Raises:
        ValueError: it is not such a file.

    Source:
        File format at the end of http://yann.lecun.com/exdb/mnist/.
    """
    try:
        with gzip.open(path) as stream:
            content = stream.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: not a whole gzip file: {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != IDX_UINT8:
        raise ValueError(f"{path}: not an IDX file of unsigned bytes, it begins with {content[:4]!r}")
    header = 4 + 4 * content[3]
    shape = tuple(np.frombuffer(content[4:header], dtype=">u4").tolist())
    values = np.frombuffer(content, dtype=np.uint8, offset=min(header, len(content)))
    if values.size != np.prod(shape, dtype=int):
        raise ValueError(f"{path}: its header says shape {shape}, but it holds {values.size} values")
    return values.reshape(shape)


def read_idx_images(info: DatasetInfo, folder: Path) -> Images:
    """The images of an MNIST-like data set from its verified folder."""
    arrays = {file.holds: read_idx(folder / file.name) for file in info.files}
    return Images(**arrays, max_value=255, name=info.name, source=str(folder))
