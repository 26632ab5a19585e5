"""Downloads: into a temporary file beside the target, checked, then renamed into place."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from symplast.datasets.errors import DataError, DatasetUnavailable
from symplast.datasets.registry import DatasetInfo, FileInfo
from symplast.datasets.verification import sha256

TIMEOUT_S = (3.0, 10.0)  # to connect; between two pieces of data


@runtime_checkable
class Progress(Protocol):
    """What pooch tells a progress bar."""

    total: float

    def update(self, done: int) -> object: ...
    def reset(self) -> object: ...
    def close(self) -> object: ...


def fetch(info: DatasetInfo, folder: Path, progress: Progress | None = None) -> None:
    """Download the files of a data set that ``folder`` lacks or holds damaged.

    Several processes may do so at once: each writes a temporary file and renames it into place.

    Args:
        info: the data set.
        folder: where its files go; made if need be.
        progress: told how far each file is.

    Raises:
        DatasetUnavailable: no URL of a file answered, or ``folder`` can't be written.
        DataError: every URL that answered delivered another file than the registry names.
    """
    for file in info.files:
        path = folder / file.name
        if not (path.is_file() and sha256(path) == file.sha256):
            _fetch_file(info, file, folder, progress)


def _fetch_file(info: DatasetInfo, file: FileInfo, folder: Path, progress: Progress | None) -> None:
    import pooch
    import requests

    if not file.urls:
        raise DatasetUnavailable(info.name, how_to_get(info))
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

    def __init__(self, file: FileInfo, downloader: Any):
        self.file = file
        self.downloader = downloader

    def __call__(self, url: str, output_file: str, manager: Any) -> None:
        self.downloader(url, output_file, manager)
        found = sha256(Path(output_file))
        if found != self.file.sha256:
            size = Path(output_file).stat().st_size
            mend = f"{size} bytes arrived, {self.file.size} were expected; try again later or use your own copy"
            raise DataError(url, self.file.sha256, found, mend)


def how_to_get(info: DatasetInfo) -> str:
    """What a user can do to have the data set."""
    files = ", ".join(file.name for file in info.files)
    own = f"put {files} into a folder {info.name}/ and set SYMPLAST_DATA to the folder above it"
    if not all(file.urls for file in info.files):
        return f"{own}; it can't be downloaded ({info.terms})"
    return f"run 'symplast data fetch {info.name}' where there is a network, or {own}"


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
