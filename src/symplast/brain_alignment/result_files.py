"""Results as files of a folder, each of them whole or not there."""

from collections.abc import Mapping
from pathlib import Path


def write_all(folder: str | Path, contents: Mapping[str, bytes | str]) -> list[Path]:
    """Write files into a folder, which is made where it does not exist.

    Args:
        folder: where to.
        contents: name -> what becomes the file.

    Returns:
        The files.
    """
    from symplast.lab.whole_files import write_whole

    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        write_whole(place / name, content)
    return [place / name for name in contents]
