"""Downloads: into a temporary file next to the target, checked, then renamed into place."""

import contextlib
import json
import time
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from symplast.datasets.errors import DataError, DatasetUnavailable
from symplast.datasets.reductions import reduce
from symplast.datasets.registry import DatasetInfo, FileInfo, Published
from symplast.datasets.verification import sha256
from symplast.lab.whole_files import write_whole

TIMEOUT_S = (3.0, 10.0)  # to connect; between two pieces of data
REMEMBERED_S = 600.0
"""How long a download that failed is not tried again, unless it is asked for by name."""


@runtime_checkable
class Progress(Protocol):
    """What pooch tells a progress bar."""

    total: float

    def update(self, done: int) -> object: ...
    def reset(self) -> object: ...
    def close(self) -> object: ...


def fetch(info: DatasetInfo, folder: Path, progress: Progress | None = None, *, ask_again: bool = True) -> None:
    """Download the files of a data set that ``folder`` lacks or holds damaged.

    Several processes may do so at once: each writes a temporary file and renames it into place.

    Args:
        info: the data set.
        folder: where its files go; made if need be.
        progress: told how far each file is.
        ask_again: try even where the last try failed a few minutes ago.

    Raises:
        DatasetUnavailable: no URL of a file answered, now or a few minutes ago, or ``folder`` can't be written.
        DataError: every URL that answered delivered another file than the registry names.
    """
    lacking = [file for file in info.files if not _is_whole(folder / file.name, file.sha256)]
    if not lacking:
        return
    if not ask_again and (failure := _recent_failure(folder)):
        raise DatasetUnavailable(info.name, failure)
    try:
        for file in lacking:
            _fetch_file(info, file, folder, progress)
    except DatasetUnavailable as error:
        _remember(folder, error.way_out)
        raise
    _failure_file(folder).unlink(missing_ok=True)


def _fetch_file(info: DatasetInfo, file: FileInfo, folder: Path, progress: Progress | None) -> None:
    if file.originals:
        originals = folder / "originals"
        for original in file.originals:
            if not _is_whole(originals / original.name, original.sha256):
                _download(info, original, originals, progress)
        content = reduce(file.name, {original.name: originals / original.name for original in file.originals})
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / file.name, content)
        if (found := sha256(folder / file.name)) != file.sha256:
            (folder / file.name).unlink()
            way_out = "the reduction of the original files gave other numbers on this machine: please report it"
            raise DataError(folder / file.name, file.sha256, found, way_out)
    elif file.urls:
        _download(info, file, folder, progress)
    else:
        raise DatasetUnavailable(info.name, how_to_get(info))


def _download(info: DatasetInfo, file: Published, folder: Path, progress: Progress | None) -> None:
    import pooch
    import requests

    wrong: DataError | None = None
    failures: list[str] = []
    for url in file.urls:
        try:
            pooch.retrieve(
                url,
                known_hash=f"sha256:{file.sha256}",
                fname=file.name,
                path=folder,
                downloader=_Checked(file, pooch.HTTPDownloader(progressbar=progress or False, timeout=TIMEOUT_S)),
            )
            return
        except DataError as error:
            wrong = error
        except requests.RequestException as error:
            failures.append(f"{_host(url)}: {_reason(error)}")
        except OSError as error:
            raise DatasetUnavailable(
                info.name,
                f"{folder} can't be written ({error.strerror or error}); set SYMPLAST_CACHE to another folder",
            ) from error
    if wrong is not None:
        raise wrong
    raise DatasetUnavailable(info.name, f"the download failed ({'; '.join(failures)}); {how_to_get(info)}")


class _Checked:
    """A pooch downloader that says both hashes when the wrong file arrived."""

    def __init__(self, file: Published, downloader: Any):
        self.file = file
        self.downloader = downloader

    def __call__(self, url: str, output_file: str, manager: Any) -> None:
        with open(output_file, "wb") as stream, contextlib.suppress(_TooLongError):
            self.downloader(url, _Limited(stream, self.file.size), manager)
        found = sha256(Path(output_file))
        if found != self.file.sha256:
            size = Path(output_file).stat().st_size
            arrived = f"{size} bytes" if size <= self.file.size else f"more than {self.file.size} bytes"
            way_out = f"{arrived} arrived, {self.file.size} were expected; try again later or use your own copy"
            raise DataError(url, self.file.sha256, found, way_out)


class _Limited:
    """A stream that takes one byte more than a file has: enough to see that it is another, whatever a server sends."""

    def __init__(self, stream: BinaryIO, size: int):
        self.stream = stream
        self.left = size + 1

    def write(self, content: bytes) -> int:
        self.stream.write(content[: self.left])
        self.left -= len(content)
        if self.left <= 0:
            raise _TooLongError
        return len(content)

    def flush(self) -> None:
        self.stream.flush()


class _TooLongError(Exception):
    """More bytes than the registry names."""


def how_to_get(info: DatasetInfo) -> str:
    """What a user can do to have the data set."""
    files = ", ".join(file.name for file in info.files)
    own = f"put {files} into a folder {info.name}/ and set SYMPLAST_DATA to the folder above it"
    if not all(file.urls or file.originals for file in info.files):
        return f"{own}; it can't be downloaded ({info.terms})"
    return f"run 'symplast data fetch {info.name}' where there is a network, or {own}"


def _is_whole(path: Path, expected: str) -> bool:
    return path.is_file() and sha256(path) == expected


def _failure_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.failure.json")


def _remember(folder: Path, reason: str) -> None:
    """Keep why a download failed; where that can't be written, the next one simply tries again."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_whole(_failure_file(folder), json.dumps({"at": time.time(), "reason": reason}))
    except OSError:
        return


def _recent_failure(folder: Path) -> str:
    """Why the download failed a few minutes ago; empty where it did not, or longer ago."""
    try:
        failure = json.loads(_failure_file(folder).read_bytes())
        age = time.time() - float(failure["at"])
        return str(failure["reason"]) if 0 <= age < REMEMBERED_S else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _host(url: str) -> str:
    return url.split("/")[2]


def _reason(error: Exception) -> str:
    """The failure in a few words: requests' messages run over lines."""
    import requests

    match error:
        case requests.HTTPError(response=requests.Response(status_code=code)):
            return f"HTTP status {code}"
        case requests.Timeout():
            return "no answer in time"
        case requests.exceptions.ChunkedEncodingError():
            return "the connection broke off"
        case requests.ConnectionError():
            return "no connection"
        case _:
            return type(error).__name__
