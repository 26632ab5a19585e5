"""What follows from the source of symplast alone is computed once and remembered until any of it changes.

Content decides, not dates: 1.7 MB are hashed in a few milliseconds, and no clock or installer can deceive it.
"""

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

from symplast.lab.whole_files import write_whole

T = TypeVar("T")
HOUSE = Path(__file__).parent.parent
MONTH_S = 30 * 86_400


def remembered(name: str, kind: type[T], compute: Callable[[], T]) -> T:
    """The result of a computation that reads nothing but symplast's source.

    Args:
        name: of the result, a file name.
        kind: its type, as msgspec reads and writes it as JSON.
        compute: what gives it.

    Returns:
        What was computed, as it comes back from JSON, the first time too.
    """
    path = _folder() / f"{name}-{_source()}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, ValueError):
        content = msgspec.json.encode(compute())
    with contextlib.suppress(OSError):  # nowhere to write: it is computed again next time
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
        for old in path.parent.glob(f"{name}-*.json"):
            if time.time() - old.stat().st_mtime > MONTH_S:
                old.unlink(missing_ok=True)
    return msgspec.json.decode(content, type=kind)


def _folder() -> Path:
    from symplast.lab.jax_setup import compilation_cache_folder

    return compilation_cache_folder().with_name("rooms")


@cache
def _source() -> str:
    """A hash of all files that the source consists of, and of the Python that reads it."""
    digest = hashlib.sha256(sys.version.encode())
    for folder, _, names in sorted(os.walk(HOUSE)):
        for name in sorted(names):
            if name.endswith((".py", ".toml")):
                content = Path(folder, name).read_bytes()
                digest.update(f"{os.path.relpath(folder, HOUSE)}/{name} {len(content)} ".encode())
                digest.update(content)
    return digest.hexdigest()[:24]
