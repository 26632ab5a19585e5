"""Data sets as arrays and tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from symplast.datasets.arrays import EVERY, read_npz
from symplast.datasets.built_in import read_built_in
from symplast.datasets.errors import DataError, DatasetUnavailable
from symplast.datasets.images import Images, read_idx_images
from symplast.datasets.locations import folder
from symplast.datasets.registry import DatasetInfo, describe

State = Literal["verified", "damaged", "not here"]

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@overload
def load(name: Literal["digits", "digits-28", "mnist-5k", "mnist", "fashion-mnist"]) -> Images: ...
@overload
def load(name: Literal["scaling-laws", "curl-descent"]) -> "dict[str, pd.DataFrame]": ...
@overload
def load(name: Literal["molecular-networks", "visual-search"]) -> dict[str, Path]: ...
@overload
def load(name: Literal["modular-addition", "mni152"]) -> "dict[str, np.ndarray]": ...
@overload
def load(name: str) -> "Images | dict[str, pd.DataFrame] | dict[str, Path] | dict[str, np.ndarray]": ...
def load(name: str) -> "Images | dict[str, pd.DataFrame] | dict[str, Path] | dict[str, np.ndarray]":
    """Load a data set; it is looked for, fetched if need be, and checked first.

    Args:
        name: one of :func:`names`.

    Returns:
        :class:`Images` for images (``digits`` to ``fashion-mnist``); for others tables as pandas DataFrames, columns as
        published: ``isoflops`` and ``chinchilla_figure4`` of ``scaling-laws``, ``phase_boundary`` of ``curl-descent``;
        for ``molecular-networks`` and ``visual-search`` the checked files, which their systems read; for
        ``modular-addition`` and ``mni152`` a dict of arrays.

    Raises:
        ValueError: an unknown name.
        DatasetUnavailable: it is nowhere and could not be downloaded.
        DataError: a file has another SHA-256 than the registry names.

    Example:
        >>> digits = load("digits")
        >>> digits.train_images.dtype, digits.train_labels[:5]
        (dtype('uint8'), array([0, 1, 2, 3, 4], dtype=uint8))
    """
    info = describe(name)
    if info.built_in:
        return read_built_in(info)
    place = folder(name)
    if info.reader == "files":
        return {file.holds: place / file.name for file in info.files}
    if info.reader == "npz":
        return dict(read_npz(place / info.files[0].name, {}, EVERY))
    return read_idx_images(info, place) if info.reader == "idx" else read_tables(info, place)


def check(name: str) -> tuple[State, str]:
    """Whether a data set is here and whole. Nothing is downloaded.

    Args:
        name: one of :func:`names`.

    Returns:
        ``verified``, ``damaged`` or ``not here``, and in words what to do where it is not verified.

    Raises:
        ValueError: an unknown name.
    """
    info = describe(name)
    try:
        if info.built_in:
            read_built_in(info)
        else:
            folder(name, download=False)
    except DataError as error:
        return "damaged", str(error)
    except DatasetUnavailable as error:
        return "not here", error.way_out
    return "verified", ""


def read_tables(info: DatasetInfo, place: Path) -> "dict[str, pd.DataFrame]":
    """The tables of a data set from its verified folder."""
    import pandas as pd

    return {file.holds: pd.read_csv(place / file.name) for file in info.files}
