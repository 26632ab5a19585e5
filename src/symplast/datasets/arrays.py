"""Arrays of the user's own, from .npz and .npy files.

Only the arrays that are asked for are read, and only after their headers agree with the size of the file: nothing is
allocated for a header that lies. Whatever is wrong with a file is a ValueError that names it.
"""

import math
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy

MOST_BYTES = 2 << 30
"""Largest sum of arrays that is read from one file."""

SUFFIX = ".npy"


class UnreadableError(ValueError):
    """What is wrong with a file, in our own words."""


class Every:
    """Contains every name: for files that were all written by ourselves."""

    def __contains__(self, name: object) -> bool:
        return True


EVERY = Every()


class Arrays(dict[str, np.ndarray]):
    """Named arrays of a file.

    Attributes:
        others: names of the arrays that the file holds besides, which were not read.
    """

    others: tuple[str, ...] = ()


def read_npz(path: Path, needs: Mapping[str, str], may: Container[str] = (), most_bytes: int = MOST_BYTES) -> Arrays:
    """Named arrays of a file that ``numpy.savez`` wrote; what they hold is checked where they are used.

    Args:
        path: the file.
        needs: arrays that must be there, each with what it is, for the message.
        may: further arrays that are read where they are there; :data:`EVERY` reads all.
        most_bytes: largest sum of their sizes.

    Returns:
        The arrays, in the order of the file, and the names of the others.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, a damaged one, one with pickled objects, one that lacks an array, or arrays
            that are too large.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "net.npz"
        >>> np.savez(path, W=np.ones((2, 3)), notes=np.zeros(5))
        >>> found = read_npz(path, {"W": "(units, inputs)"})
        >>> found["W"].shape, found.others
        ((2, 3), ('notes',))
    """
    wanted = "".join(f", with {name} {what}" for name, what in needs.items())
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give an .npz of numpy.savez{wanted}")
    found = Arrays()
    try:
        with ZipFile(path) as archive:
            members: dict[str, ZipInfo] = {}
            for info in archive.infolist():
                name = info.filename.removesuffix(SUFFIX)
                if name in members and (name in needs or name in may):
                    raise UnreadableError(f"it holds {name} twice")
                members[name] = info
            asked = [name for name in members if name in needs or name in may]
            if missing := [name for name in asked if not members[name].filename.endswith(SUFFIX)]:
                raise UnreadableError(f"its member {missing[0]} is not an array ({missing[0]}{SUFFIX})")
            size = sum(members[name].file_size for name in asked)
            if size > most_bytes:
                raise UnreadableError(f"its arrays take {_gib(size)}, more than {_gib(most_bytes)}: give fewer rows")
            for name in asked:
                with archive.open(members[name]) as stream:
                    found[name] = _array(stream, members[name].file_size, name)
                    if stream.read(1):  # the end of a member is where its checksum is compared
                        raise UnreadableError(f"its array {name} goes on after its end")
    except Exception as error:  # damage ends in a dozen classes: zlib, struct, tokenize, NotImplementedError, ...
        raise ValueError(
            f"{path} must be an .npz of numpy.savez{wanted}; it can't be read as one: {_why(error)}"
        ) from error
    if lacking := [name for name in needs if name not in found]:
        raise ValueError(
            f"{path} lacks {', '.join(lacking)}: it must be an .npz of numpy.savez{wanted}; "
            f"it holds {', '.join(members) or 'nothing'}"
        )
    found.others = tuple(name for name in members if name not in found)
    return found


def read_npy(path: Path, what: str, most_bytes: int = MOST_BYTES) -> np.ndarray:
    """The array of a file that ``numpy.save`` wrote.

    Args:
        path: the file.
        what: what it must be, for the message: ``an array of activity``.
        most_bytes: its largest size.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, a damaged one, one with pickled objects, or too large a one.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give {what}, a .npy of numpy.save")
    size = path.stat().st_size
    try:
        if size > most_bytes:
            raise UnreadableError(f"it takes {_gib(size)}, more than {_gib(most_bytes)}: give fewer rows")
        with path.open("rb") as stream:
            return _array(stream, size, "array")
    except Exception as error:  # as above
        raise ValueError(
            f"{path} must be {what} that numpy.save wrote; it can't be read as one: {_why(error)}"
        ) from error


def _array(stream: Any, size: int, name: str) -> np.ndarray:
    """One array; its header must agree with the size of the member before anything is allocated."""
    start = Counted(stream)
    version = npy.read_magic(start)
    if version not in ((1, 0), (2, 0)):
        raise UnreadableError(f"its array {name} is of an unknown version of the format")
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = header(start)
    if dtype.hasobject:
        raise UnreadableError(f"its array {name} holds pickled objects, not numbers")
    if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != size - start.count or not dtype.itemsize:
        raise UnreadableError(f"the header of its array {name} says {dtype}{list(shape)}, which the file does not hold")
    data = bytearray(size - start.count)
    view, filled = memoryview(data), 0
    while filled < len(data):
        part = stream.read(min(len(data) - filled, 1 << 24))
        if not part:
            raise UnreadableError(f"its array {name} is cut short")
        view[filled : filled + len(part)] = part
        filled += len(part)
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


class Counted:
    """A stream that counts what was read of it."""

    def __init__(self, stream: Any):
        self.stream, self.count = stream, 0

    def read(self, size: int = -1) -> bytes:
        """Read and count."""
        found: bytes = self.stream.read(size)
        self.count += len(found)
        return found


def _gib(size: int) -> str:
    return f"{size / 2**30:.2g} GiB"


def _why(error: BaseException) -> str:
    if isinstance(error, UnreadableError):
        return str(error)
    text = "".join(letter if letter.isprintable() else " " for letter in f"{type(error).__name__}: {error}")
    return f"it is damaged or of another kind ({text[:200]})"
