"""Arrays of the user's own, from .npz files."""

from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np


def read_npz(path: Path, needs: Mapping[str, str]) -> dict[str, np.ndarray]:
    """All arrays of a file that ``numpy.savez`` wrote; what they hold is checked where they are used.

    Args:
        path: the file.
        needs: arrays that must be there, each with what it is, for the message.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, a damaged one, one with pickled objects, or one that lacks an array.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "net.npz"
        >>> np.savez(path, W=np.ones((2, 3)))
        >>> read_npz(path, {"W": "(units, inputs)"})["W"].shape
        (2, 3)
    """
    wanted = "".join(f", with {name} {what}" for name, what in needs.items())
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give an .npz of numpy.savez{wanted}")
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except (OSError, ValueError, TypeError, AttributeError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path} must be an .npz of numpy.savez{wanted}; it can't be read as one") from error
    if lacking := [name for name in needs if name not in found]:
        raise ValueError(
            f"{path} lacks {', '.join(lacking)}: it must be an .npz of numpy.savez{wanted}; "
            f"it holds {', '.join(found) or 'nothing'}"
        )
    return found
