"""The data sets that symplast knows, read from ``registry.toml``."""

import hashlib
import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what is read from the registry: unknown keys are errors."""


class OriginalInfo(_Record, frozen=True):
    """An original public file in a GitHub repository, which a reduction is made from.

    Attributes:
        repository: owner and name.
        commit: all 40 digits.
        path: in the repository.
        size: in bytes.
        sha256: of its bytes, in hexadecimal.
    """

    repository: str
    commit: str
    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """Its name without folders."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def urls(self) -> tuple[str, ...]:
        """Its public address."""
        return (f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{self.path}",)


class FileInfo(_Record, frozen=True):
    """One file of a data set.

    Attributes:
        name: its name in the data set's folder.
        holds: what it is read as: an array of :class:`Images`, or a table's name.
        size: in bytes.
        sha256: of its bytes, in hexadecimal.
        urls: public addresses, tried in order; none where the file is not published as such.
        originals: public files that :mod:`symplast.datasets.reductions` makes it from, where it has no address.
    """

    name: str
    holds: str
    size: int
    sha256: str
    urls: tuple[str, ...] = ()
    originals: tuple[OriginalInfo, ...] = msgspec.field(name="original", default=())


Published = FileInfo | OriginalInfo
"""What has public addresses, a size and a hash."""


class DatasetInfo(_Record, frozen=True):
    """What a data set is, whose it is and which files it has.

    Attributes:
        name: what ``load`` takes; also the folder's name.
        title: one line.
        reader: how it is read: ``idx`` (images), ``csv`` (tables), ``npz`` (arrays), ``files`` (by their own
            system), or one of the built-in ones.
        licence: short name of its licence.
        terms: what else there is to say about the licence.
        citation: whom to cite.
        home: its public home page.
        files: its files, none when it is built in.
        package: the installed package that a built-in one comes with; ``distribution`` is its name on the index.
        extra: extra of symplast that installs the package, where symplast does not need it.
        division: how a built-in one is divided into images to learn from and to test on, or that it isn't.
        arrays: SHA-256 of the arrays of a built-in one, in the order in which they are divided.
    """

    name: str
    title: str
    reader: Literal["digits", "digits-28", "mnist-5k", "mni152", "idx", "csv", "npz", "files"]
    licence: str
    terms: str
    citation: str
    home: str
    files: tuple[FileInfo, ...] = msgspec.field(name="file", default=())
    package: str = ""
    distribution: str = ""
    extra: str = ""
    division: str = ""
    arrays: dict[str, str] = {}

    @property
    def built_in(self) -> bool:
        """Whether it comes with an installed package and needs no download."""
        return bool(self.package)

    @property
    def sha256(self) -> str:
        """One hash of all that it holds: two versions of a data set never share it."""
        held = self.arrays | {file.name: file.sha256 for file in self.files}
        return hashlib.sha256(msgspec.json.encode(held, order="deterministic")).hexdigest()

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
        ('digits', 'digits-28', 'mnist-5k', 'mnist', 'fashion-mnist', 'scaling-laws', 'curl-descent',
         'molecular-networks', 'modular-addition', 'visual-search', 'mni152')
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
