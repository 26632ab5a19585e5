"""What can be wrong with a data set."""

from pathlib import Path
from typing import Any


class DatasetUnavailable(FileNotFoundError):  # noqa: N818 (a state, not a fault)
    """A data set that is neither here nor could be downloaded.

    Attributes:
        name: the data set.
        way_out: what to do about it.
    """

    def __init__(self, name: str, way_out: str):
        super().__init__(f"data set {name!r} is not available: {way_out}")
        self.name = name
        self.way_out = way_out

    def __reduce__(self) -> tuple[Any, ...]:  # so that it crosses process borders
        return type(self), (self.name, self.way_out)


class DataError(ValueError):
    """A file that is not what the registry says: incomplete, damaged or of another version. It is not used.

    Attributes:
        file: where it is, or the URL that it came from.
        expected: the SHA-256 in the registry.
        found: the SHA-256 of the file.
        way_out: what to do about it.
    """

    def __init__(self, file: Path | str, expected: str, found: str, way_out: str):
        super().__init__(
            f"{file} is damaged or of another version: expected SHA-256 {expected}, found {found}; {way_out}"
        )
        self.file = file
        self.expected = expected
        self.found = found
        self.way_out = way_out

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.file, self.expected, self.found, self.way_out)
