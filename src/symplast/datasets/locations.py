"""Where a data set is: the user's folder, the cache, or still at its public home."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from symplast.datasets.built_in import package_folder
from symplast.datasets.download import Progress, fetch, how_to_get
from symplast.datasets.environment import cache_folder, folder_named_by
from symplast.datasets.errors import DatasetUnavailable
from symplast.datasets.registry import DatasetInfo, describe
from symplast.datasets.verification import verify

Source = Literal["built in", "not installed", "SYMPLAST_DATA", "cache", "download"]


@dataclass(frozen=True)
class Place:
    """Where a data set is, or would come from.

    Attributes:
        source: ``built in``, ``not installed`` (the package that it comes with), ``SYMPLAST_DATA``, ``cache`` or
            ``download``.
        folder: the folder with its files, or of the package that it comes with; for ``download`` the cache folder that
            they will go to; None where the package is not installed.
    """

    source: Source
    folder: Path | None


def locate(name: str) -> Place:
    """The first place that has all files of a data set. They are not read yet.

    Args:
        name: one of :func:`names`.

    Returns:
        The place; ``download`` when it is nowhere.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> locate("digits").source
        'built in'
    """
    return _locate(describe(name))


def available(name: str) -> bool:
    """Whether a data set can be used without a download.

    Says that all its files are there, not that they are whole: that is checked when they are used, so that a damaged
    file is an error with a message and never looks like missing data.

    Args:
        name: one of :func:`names`.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> available("digits")
        True
    """
    return locate(name).source not in ("download", "not installed")


def folder(name: str, download: bool = True, progress: Progress | None = None, *, ask_again: bool = False) -> Path:
    """The folder with a data set's files, every one checked.

    Args:
        name: one of :func:`names`.
        download: fetch what is missing, or damaged in the cache.
        progress: told how far a download is.
        ask_again: try even where the last download failed within ten minutes.

    Returns:
        The folder. For a built-in one it is its package's; what is read from there is checked by :func:`load`.

    Raises:
        ValueError: an unknown name.
        DatasetUnavailable: it is nowhere and could not be downloaded.
        DataError: a file has another SHA-256 than the registry names.
    """
    info = describe(name)
    place = _locate(info)
    if place.folder is None or place.source == "built in":
        return package_folder(info)
    if place.source == "SYMPLAST_DATA":
        for file in info.files:
            verify(place.folder / file.name, file, f"replace it by a good copy from {info.home}")
        return place.folder
    if download:
        fetch(info, place.folder, progress, ask_again=ask_again)
        return place.folder
    if place.source == "download":
        own = _own_folder(info)
        lacks = f"{own} lacks {', '.join(_missing(info, own))}; " if own is not None and own.is_dir() else ""
        raise DatasetUnavailable(info.name, lacks + how_to_get(info))
    for file in info.files:
        verify(place.folder / file.name, file, f"run 'symplast data fetch {info.name}' to download it again")
    return place.folder


def _locate(info: DatasetInfo) -> Place:
    if info.built_in:
        try:
            return Place("built in", package_folder(info))
        except DatasetUnavailable:
            return Place("not installed", None)
    own, cached = _own_folder(info), _cache_folder(info)
    if own is not None and not _missing(info, own):
        return Place("SYMPLAST_DATA", own)
    return Place("download" if _missing(info, cached) else "cache", cached)


def _own_folder(info: DatasetInfo) -> Path | None:
    root = folder_named_by("SYMPLAST_DATA")
    return root / info.name if root else None


def _cache_folder(info: DatasetInfo) -> Path:
    return cache_folder() / "data" / info.name


def _missing(info: DatasetInfo, place: Path) -> list[str]:
    return [file.name for file in info.files if not (place / file.name).is_file()]
