"""Where a data set is: the user's folder, the cache, or still at its public home."""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from symplast.datasets.download import Progress, fetch, how_to_get
from symplast.datasets.errors import DataError, DatasetUnavailable
from symplast.datasets.registry import DatasetInfo, describe
from symplast.datasets.verification import verify

Source = Literal["built in", "SYMPLAST_DATA", "cache", "download"]
State = Literal["verified", "damaged", "not here"]


@dataclass(frozen=True)
class Place:
    """Where a data set is, or would come from.

    Attributes:
        source: ``built in``, ``SYMPLAST_DATA``, ``cache`` or ``download``.
        folder: the folder with its files; for ``download`` the cache folder that they will go to.
    """

    source: Source
    folder: Path


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
    return locate(name).source != "download"


def folder(name: str, download: bool = True, progress: Progress | None = None) -> Path:
    """The folder with a data set's files, every one checked.

    Args:
        name: one of :func:`names`.
        download: fetch what is missing, or damaged in the cache.
        progress: told how far a download is.

    Returns:
        The folder. For ``digits`` it is scikit-learn's; what is read from there is checked by :func:`load`.

    Raises:
        ValueError: an unknown name.
        DatasetUnavailable: it is nowhere and could not be downloaded.
        DataError: a file has another SHA-256 than the registry names.
    """
    return _folder(describe(name), download, progress)


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
            from symplast.datasets.loading import load

            load(name)
        else:
            _folder(info, download=False)
    except DataError as error:
        return "damaged", str(error)
    except DatasetUnavailable as error:
        return "not here", error.mend
    return "verified", ""


def _locate(info: DatasetInfo) -> Place:
    if info.built_in:
        return Place("built in", _scikit_learn_data())
    own, cached = _own_folder(info), _cache_folder(info)
    if own is not None and not _missing(info, own):
        return Place("SYMPLAST_DATA", own)
    return Place("download" if _missing(info, cached) else "cache", cached)


def _folder(info: DatasetInfo, download: bool, progress: Progress | None = None) -> Path:
    place = _locate(info)
    if place.source == "built in":
        return place.folder
    if place.source == "SYMPLAST_DATA":
        for file in info.files:
            verify(place.folder / file.name, file, f"replace it by a good copy from {info.home}")
        return place.folder
    if download:
        fetch(info, place.folder, progress)
        return place.folder
    if place.source == "download":
        own = _own_folder(info)
        lacks = f"{own} lacks {', '.join(_missing(info, own))}; " if own is not None and own.is_dir() else ""
        raise DatasetUnavailable(info.name, lacks + how_to_get(info))
    for file in info.files:
        verify(place.folder / file.name, file, f"run 'symplast data fetch {info.name}' to download it again")
    return place.folder


def _own_folder(info: DatasetInfo) -> Path | None:
    root = os.environ.get("SYMPLAST_DATA")
    return Path(root).expanduser() / info.name if root else None


def _cache_folder(info: DatasetInfo) -> Path:
    import pooch

    return Path(os.environ.get("SYMPLAST_CACHE") or pooch.os_cache("symplast")).expanduser() / "data" / info.name


def _scikit_learn_data() -> Path:
    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise DatasetUnavailable(
            "digits", "it comes with scikit-learn, which is not installed: pip install scikit-learn"
        )
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data"


def _missing(info: DatasetInfo, place: Path) -> list[str]:
    return [file.name for file in info.files if not (place / file.name).is_file()]
