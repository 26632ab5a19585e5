"""The data sets that symplast knows, read from ``registry.toml``."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what is read from the registry: unknown keys are errors."""


class FileInfo(_Record, frozen=True):
    """One file of a data set.

    Attributes:
        name: its name in the data set's folder.
        holds: what it is read as: an array of :class:`Images`, or a table's name.
        size: in bytes.
        sha256: of its bytes, in hexadecimal.
        urls: public addresses, tried in order; none where the file is not published as such.
    """

    name: str
    holds: str
    size: int
    sha256: str
    urls: tuple[str, ...] = ()


class DatasetInfo(_Record, frozen=True):
    """What a data set is, whose it is and which files it has.

    Attributes:
        name: what ``load`` takes; also the folder's name.
        title: one line.
        reader: how it is read: ``digits`` (built in), ``idx`` (images) or ``csv`` (tables).
        licence: short name of its licence.
        terms: what else there is to say about the licence.
        citation: whom to cite.
        home: its public home page.
        files: its files, none when it is built in.
        arrays: SHA-256 of arrays that come from another package.
    """

    name: str
    title: str
    reader: Literal["digits", "idx", "csv"]
    licence: str
    terms: str
    citation: str
    home: str
    files: tuple[FileInfo, ...] = msgspec.field(name="file", default=())
    arrays: dict[str, str] = {}

    @property
    def built_in(self) -> bool:
        """Whether it needs no download."""
        return not self.files

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


class _Registry(_Record, frozen=True):
    dataset: tuple[DatasetInfo, ...]


def names() -> tuple[str, ...]:
    """Names of all data sets.

    Example:
        >>> names()
        ('digits', 'mnist', 'fashion-mnist', 'scaling-laws', 'curl-descent')
    """
    return tuple(_registry())


def describe(name: str) -> DatasetInfo:
    """What a data set is: title, licence, citation, files with their hashes.

    Args:
        name: one of :func:`names`.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> describe("fashion-mnist").licence
        'MIT'
    """
    if name not in _registry():
        raise ValueError(f"name must be one of {', '.join(_registry())}, got {name!r}")
    return _registry()[name]


@cache
def _registry() -> dict[str, DatasetInfo]:
    text = (files("symplast.datasets") / "registry.toml").read_text(encoding="utf-8")
    return {info.name: info for info in msgspec.convert(tomllib.loads(text), _Registry).dataset}
