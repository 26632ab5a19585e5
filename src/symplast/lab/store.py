"""The store: one immutable folder per run, in a local folder or at any fsspec URL.

``<root>/<system>.<experiment>/<run id>/{run.json, evidence.nc}``. A run appears whole or not at all: locally it is
written aside and renamed into place, elsewhere ``run.json`` is written last. Damaged runs are reported and
skipped, never used, never deleted. Newer runs are told from older ones by the order in which the store got them, not by
the clocks of the machines that made them.
"""

import os
import socket
import stat
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from symplast.lab.records import DamagedError, Run, seal, sha256, unseal
from symplast.lab.whole_files import clear_abandoned, is_abandoned, locked_folder

if TYPE_CHECKING:
    import xarray as xr

EVIDENCE = "evidence.nc"
STAGING = ".staging"
TEMPORARY = "symplast-evidence-"
"""How names of temporary folders for evidence begin."""


class Damage(NamedTuple):
    """What can't be trusted in a store, and why."""

    place: str
    reason: str


class Store:
    """Runs in a local folder or at an fsspec URL (``s3://bucket/runs``).

    Args:
        url: folder or URL; created when first written to.

    Attributes:
        damages: what was found damaged by the last :meth:`runs`.
        misdated: runs found by it whose id is a time to come; they are used only where there is no other.

    Raises:
        ValueError: a URL that can't be reached.
    """

    def __init__(self, url: str | Path):
        self.url = str(url)
        self.damages: list[Damage] = []
        self.misdated: list[Damage] = []
        self._files: _LocalFiles | _RemoteFiles = _files_at(self.url)

    def runs(self, *, verify: bool = False) -> list[Run]:
        """All sound runs, oldest first; before them those that seem to come from the future.

        Args:
            verify: read each evidence file too and compare its hash (always done when evidence is loaded).
        """
        found: list[Run] = []
        self.damages, self.misdated = [], []
        for place in self._files.places():
            try:
                run = unseal(self._files.read(f"{place}/run.json"))
                if place != _place(run):
                    raise DamagedError(f"run.json belongs to {_place(run)}")
            except Exception as error:  # of the file system too: one bad file is one damage
                self.damages.append(Damage(place, _reason(error)))
                continue
            if not verify or self.is_sound(run):
                found.append(run)
        now = new_run_id()
        early = {run.id for run in found if run.id > now}
        self.misdated = [
            Damage(
                _place(run), f"made by a clock that was ahead: {run.id[:15]} is still to come; others count as newer"
            )
            for run in found
            if run.id in early
        ]
        return sorted(found, key=lambda run: (run.id not in early, run.order, run.id))

    def orphans(self) -> list[Damage]:
        """What killed writers left behind: no run, and nobody's any more, or perhaps still being written.

        What is known to be abandoned is removed by the next :meth:`add`.
        """
        return [Damage(name, reason) for name, reason in self._files.orphans()]

    def is_sound(self, run: Run) -> bool:
        """Whether the files of a run are what was written; adds to ``damages`` if not."""
        try:
            for name in run.files:
                self._read_checked(run, name)
        except Exception as error:
            self.damages.append(Damage(_place(run), _reason(error)))
            return False
        return True

    def check_writable(self) -> None:
        """Raise OSError now, with a clear message, where a run could not be stored later."""
        try:
            self._files.check_writable()
        except OSError as error:
            raise OSError(
                f"can't write to the store {self.url}: {error.strerror or error}; choose another --out or --store"
            ) from error

    def add(self, run: Run, evidence: "xr.Dataset | None" = None) -> Run:
        """Write a run; it is there whole when this returns.

        Args:
            run: the record; its ``files`` are filled in here.
            evidence: what it measured, None for a failed run.

        Returns:
            The record as written.

        Raises:
            OSError: the store can't be written to; nothing is left behind.
        """
        import msgspec

        files = {} if evidence is None else {EVIDENCE: _to_netcdf(evidence)}
        run = msgspec.structs.replace(run, files={name: sha256(content) for name, content in files.items()})
        self._files.put(_place(run), {**files, "run.json": seal(run)})
        return run

    def evidence(self, run: Run) -> "xr.Dataset":
        """The evidence of a run.

        Raises:
            DamagedError: the file is not what was written.
        """
        import xarray as xr

        return xr.load_dataset(BytesIO(self._read_checked(run, EVIDENCE)), engine="h5netcdf")

    def _read_checked(self, run: Run, name: str) -> bytes:
        if name not in run.files:
            raise DamagedError(f"run {run.id} has no {name}")
        content = self._files.read(f"{_place(run)}/{name}")
        if sha256(content) != run.files[name]:
            raise DamagedError(f"{_place(run)}/{name} does not match its hash ({len(content)} bytes)")
        return content


def new_run_id() -> str:
    """A unique id that sorts by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}"


def _place(run: Run) -> str:
    return f"{run.name}/{run.id}"


def _reason(error: Exception) -> str:
    """Why something could not be read, without the folder, which is said anyway."""
    if isinstance(error, FileNotFoundError):
        name = Path(str(error.filename or error)).name
        return f"No such file: {name}" + ("; its writer was killed, or is at work" if name == "run.json" else "")
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _to_netcdf(evidence: "xr.Dataset") -> bytes:
    place = Path(tempfile.gettempdir())
    clear_abandoned(place, TEMPORARY)
    with locked_folder(place / f"{TEMPORARY}{uuid.uuid4().hex}") as folder:
        evidence.to_netcdf(folder / EVIDENCE, engine="h5netcdf")
        return (folder / EVIDENCE).read_bytes()


def _files_at(url: str) -> "_LocalFiles | _RemoteFiles":
    scheme, separator, _ = url.partition("://")
    if not separator:
        return _LocalFiles(url)
    if scheme in ("file", "local"):  # folders are written to as folders, however they are named
        from fsspec.implementations.local import LocalFileSystem

        return _LocalFiles(LocalFileSystem._strip_protocol(url))
    return _RemoteFiles(url)


class _LocalFiles:
    def __init__(self, root: str):
        self.root = Path(root)

    def places(self) -> Iterator[str]:
        for path in self.root.glob("*.*/*"):
            if path.is_dir() and not path.parent.name.startswith("."):
                yield path.relative_to(self.root).as_posix()

    def read(self, name: str) -> bytes:
        path = self.root / name
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
            raise DamagedError(f"{path.name} is no regular file")
        return path.read_bytes()

    def check_writable(self) -> None:
        (self.root / STAGING).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.root / STAGING):
            pass

    def put(self, place: str, files: dict[str, bytes]) -> None:
        target = self.root / place
        staging = self.root / STAGING
        staging.mkdir(parents=True, exist_ok=True)
        with locked_folder(staging / target.name) as aside:
            for name, content in files.items():
                with open(aside / name, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            target.parent.mkdir(exist_ok=True)
            aside.rename(target)
        clear_abandoned(staging)

    def orphans(self) -> Iterator[tuple[str, str]]:
        found = sorted((self.root / STAGING).iterdir()) if (self.root / STAGING).is_dir() else []
        for path in found:
            if path.is_dir():
                locks = [lock for lock in found if lock.name.startswith(f"{path.name}.") and lock.suffix == ".lock"]
                if any(map(is_abandoned, locks)):
                    reason = "left by a killed process; the next run stored here removes it"
                elif locks and f".{socket.gethostname()}." in locks[0].name:
                    continue  # a living process is writing it
                else:
                    reason = (
                        "being written by another machine, or left by a killed process: remove it if none is at work"
                    )
                yield f"{STAGING}/{path.name}", reason


class _RemoteFiles:
    def __init__(self, url: str):
        import fsspec

        self.fs: Any
        try:
            self.fs, root = fsspec.core.url_to_fs(url)
        except Exception as error:  # each file system has errors of its own
            raise ValueError(f"the store {url} can't be reached: {error}") from error
        self.root: str = root.rstrip("/")

    def places(self) -> Iterator[str]:
        for place, names in self._folders().items():
            if "run.json" in names:
                yield place

    def read(self, name: str) -> bytes:
        content: bytes = self.fs.cat_file(f"{self.root}/{name}")
        return content

    def check_writable(self) -> None:
        try:
            self.fs.makedirs(self.root, exist_ok=True)
            self.fs.pipe_file(f"{self.root}/.writable", b"")
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{type(error).__name__}: {error}") from error

    def put(self, place: str, files: dict[str, bytes]) -> None:
        self.fs.makedirs(f"{self.root}/{place}", exist_ok=True)
        for name, content in sorted(files.items(), key=lambda item: item[0] == "run.json"):
            self.fs.pipe_file(f"{self.root}/{place}/{name}", content)

    def orphans(self) -> Iterator[tuple[str, str]]:
        for place, names in self._folders().items():
            if "run.json" not in names:
                yield place, "there is no run.json: its writer is at work, or was killed; remove it if none is at work"

    def _folders(self) -> dict[str, set[str]]:
        """Run folders with the names of their files; found without a pattern, in which a name could be a sign."""
        try:
            found = self.fs.find(self.root, maxdepth=3)
        except FileNotFoundError:
            return {}
        folders: dict[str, set[str]] = {}
        for path in found:
            match path.removeprefix(f"{self.root}/").lstrip("/").split("/"):
                case [experiment, run, name] if "." in experiment and not experiment.startswith("."):
                    folders.setdefault(f"{experiment}/{run}", set()).add(name)
        return folders
