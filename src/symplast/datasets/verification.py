"""Whether a file is the one that the registry names."""

import hashlib
from functools import lru_cache
from pathlib import Path

from symplast.datasets.errors import DataError
from symplast.datasets.registry import FileInfo


def sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal; read once per process as long as size and modification time stay."""
    about = path.stat()
    return _sha256(path.resolve(), about.st_size, about.st_mtime_ns)


def verify(path: Path, file: FileInfo, way_out: str) -> None:
    """Raise DataError unless the file at ``path`` has the size and SHA-256 of ``file``.

    Args:
        path: an existing file.
        file: what it should be.
        way_out: what the error tells the user to do.
    """
    found = sha256(path)
    if found != file.sha256:
        size = path.stat().st_size
        if size < file.size:
            found += f" ({size} of {file.size} bytes: incomplete)"
        raise DataError(path, file.sha256, found, way_out)


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
