"""Files that appear whole or not at all: written aside, flushed, and renamed into place.

What a killed process leaves aside, file or folder, is removed by the next that writes there, once nobody holds its
lock.
"""

import contextlib
import os
import shutil
import socket
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

PART = ".part"


def write_whole(path: Path | str, content: bytes | str) -> None:
    """Write a file; a reader sees the old content or the new one, also when the disk is full or the process dies.

    Args:
        path: the file; a device or a pipe is written to as it is.
        content: bytes, or text for UTF-8.

    Raises:
        OSError: it can't be written; what was there is left as it was.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "answer.txt"
        >>> write_whole(path, "42")
        >>> path.read_text(), [p.name for p in path.parent.iterdir()]
        ('42', ['answer.txt'])
    """
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def whole_file(path: Path | str) -> Iterator[IO[bytes]]:
    """A binary stream whose content becomes the file when the block ends without an error.

    Args:
        path: the file; a link is followed, a device or a pipe is written to as it is.

    Raises:
        OSError: it can't be written; what was there is left as it was.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> path = Path(tempfile.mkdtemp()) / "net.npz"
        >>> with whole_file(path) as file:
        ...     np.savez(file, W=np.ones(2))
        >>> np.load(path)["W"]
        array([1., 1.])
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:  # a terminal, a pipe, /dev/null
            yield stream
        return
    _clear_parts(target)
    aside, part = _aside(target)
    try:
        with aside as file:
            yield file
            file.flush()
            with contextlib.suppress(FileNotFoundError):
                os.chmod(part, stat.S_IMODE(target.stat().st_mode))
            os.fsync(file.fileno())
            if os.name == "posix":
                part.replace(target)  # while it is locked, so that nobody takes it for abandoned
        if os.name != "posix":
            part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _aside(target: Path) -> tuple[IO[bytes], Path]:
    """A new, locked file in the same folder."""
    while True:
        part = target.with_name(f".{target.name[:100]}.{socket.gethostname()}.{uuid.uuid4().hex[:8]}{PART}")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        take_lock(descriptor, wait=True)
        if os.fstat(descriptor).st_nlink:  # else another process took it for abandoned before it was locked
            return os.fdopen(descriptor, "wb"), part
        os.close(descriptor)


@contextlib.contextmanager
def locked_folder(path: Path) -> Iterator[Path]:
    """A new folder that is this process's own; what is left in it goes when the block ends.

    Its lock is a file next to it. After a kill :func:`clear_abandoned` removes both.

    Args:
        path: of the folder, without a dot in its name.
    """
    lock = path.with_name(f"{path.name}.{socket.gethostname()}.lock")
    while True:
        file = open(lock, "xb")  # noqa: SIM115 (closed below)
        take_lock(file.fileno(), wait=True)
        if os.fstat(file.fileno()).st_nlink:  # else another process took it for abandoned before it was locked
            break
        file.close()
    try:
        path.mkdir()
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        if os.name == "posix":
            lock.unlink(missing_ok=True)
        file.close()
        lock.unlink(missing_ok=True)


def clear_abandoned(place: Path, prefix: str = "") -> None:
    """Remove folders of :func:`locked_folder` whose processes are known to be dead.

    Args:
        place: where they are.
        prefix: how their names begin.
    """
    for lock in place.glob(f"{prefix}*.lock"):
        with contextlib.suppress(OSError):
            if is_abandoned(lock):
                shutil.rmtree(lock.with_name(lock.name.partition(".")[0]), ignore_errors=True)
                lock.unlink()


def take_lock(descriptor: int, *, wait: bool = False) -> bool:
    """Lock an open file for as long as it is open.

    Args:
        descriptor: of the file.
        wait: until another process lets go of it.

    Returns:
        False where another process holds the lock, or where locks aren't to be had.
    """
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except (ImportError, OSError):
        return False
    return True


def is_abandoned(path: Path) -> bool:
    """Whether the process that locked a file is known to be dead: it ran on this machine, and its lock is free.

    Args:
        path: a file whose name holds the machine's name between dots, as :func:`whole_file` names its own.
    """
    if f".{socket.gethostname()}." not in path.name:
        return False
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        return take_lock(descriptor)
    finally:
        os.close(descriptor)


def _clear_parts(target: Path) -> None:
    """Remove what killed writers of the same file left aside."""
    with contextlib.suppress(OSError):
        for path in target.parent.iterdir():
            if path.name.startswith(f".{target.name[:100]}.") and path.suffix == PART and is_abandoned(path):
                path.unlink(missing_ok=True)
