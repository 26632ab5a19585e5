"""Folders that environment variables name."""

import os
from pathlib import Path


def folder_named_by(variable: str) -> Path | None:
    """The folder that an environment variable names; None where it is unset or empty.

    Args:
        variable: such as ``SYMPLAST_DATA``; its value may begin with ``~``.

    Raises:
        ValueError: it begins with a user of whom no home folder is known.
    """
    value = os.environ.get(variable)
    if not value:
        return None
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{variable} must name a folder, got {value!r}: that user has no home folder here") from error


def cache_folder() -> Path:
    """Where downloads and compiled programs are kept: ``$SYMPLAST_CACHE``, or the user's cache folder.

    Raises:
        ValueError: the variable names no folder.
    """
    own = folder_named_by("SYMPLAST_CACHE")
    if own is not None:
        return own
    import pooch

    return Path(pooch.os_cache("symplast"))
