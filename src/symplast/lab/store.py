"""The store: one immutable folder per run, in a local folder or at any fsspec URL.

``<root>/<system>.<experiment>/<run id>/{run.json, evidence.nc}``. A run appears whole or not at all: locally it is
written aside and renamed into place, elsewhere ``run.json`` is written last. Damaged runs are reported and
skipped, never used, never deleted.
"""

import contextlib
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from symplast.lab.records import DamagedError, Run, seal, sha256, unseal

if TYPE_CHECKING:
    import xarray as xr

EVIDENCE = "evidence.nc"
STAGING = ".staging"
DAY_S = 86_400


class Damage(NamedTuple):
    """A run folder that can't be trusted, and why."""

    place: str
    reason: str


class Store:
    """Runs in a local folder or at an fsspec URL (``s3://bucket/runs``).

    Args:
        url: folder or URL; created when first written to.

    Attributes:
        damages: what was found damaged by the last :meth:`runs`.
    """

    def __init__(self, url: str | Path):
        self.url = str(url)
        self.damages: list[Damage] = []
        self._files: _LocalFiles | _RemoteFiles = _RemoteFiles(self.url) if "://" in self.url else _LocalFiles(self.url)

    def runs(self, *, verify: bool = False) -> list[Run]:
        """All sound runs, oldest first.

        Args:
            verify: read each evidence file too and compare its hash (always done when evidence is loaded).
        """
        found, self.damages = [], []
        for place in self._files.places():
            try:
                run = unseal(self._files.read(f"{place}/run.json"))
                if place != _place(run):
                    raise DamagedError(f"run.json belongs to {_place(run)}")
            except (DamagedError, OSError) as error:
                self.damages.append(Damage(place, str(error)))
                continue
            if not verify or self.is_sound(run):
                found.append(run)
        return sorted(found, key=lambda run: run.id)

    def is_sound(self, run: Run) -> bool:
        """Whether the files of a run are what was written; adds to ``damages`` if not."""
        try:
            for name in run.files:
                self._read_checked(run, name)
        except (DamagedError, OSError) as error:
            self.damages.append(Damage(_place(run), str(error)))
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


def _to_netcdf(evidence: "xr.Dataset") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / EVIDENCE
        evidence.to_netcdf(path, engine="h5netcdf")
        return path.read_bytes()


class _LocalFiles:
    def __init__(self, root: str):
        self.root = Path(root)

    def places(self) -> Iterator[str]:
        for path in self.root.glob("*.*/*"):
            if path.is_dir() and not path.parent.name.startswith("."):
                yield path.relative_to(self.root).as_posix()

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def check_writable(self) -> None:
        (self.root / STAGING).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.root / STAGING):
            pass

    def put(self, place: str, files: dict[str, bytes]) -> None:
        target = self.root / place
        staging = self.root / STAGING / target.name
        staging.mkdir(parents=True)
        try:
            for name, content in files.items():
                with open(staging / name, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            target.parent.mkdir(exist_ok=True)
            staging.rename(target)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        self._clear_abandoned()

    def _clear_abandoned(self) -> None:
        """Remove what killed processes left aside more than a day ago."""
        for path in (self.root / STAGING).iterdir():
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > DAY_S:
                    shutil.rmtree(path)


class _RemoteFiles:
    def __init__(self, url: str):
        import fsspec

        self.fs: Any
        try:
            self.fs, root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise ValueError(f"the store {url} can't be reached: {error}") from error
        self.root: str = root.rstrip("/")

    def places(self) -> Iterator[str]:
        for path in self.fs.glob(f"{self.root}/*.*/*/run.json"):
            yield "/".join(path.split("/")[-3:-1])

    def read(self, name: str) -> bytes:
        content: bytes = self.fs.cat_file(f"{self.root}/{name}")
        return content

    def check_writable(self) -> None:
        self.fs.makedirs(self.root, exist_ok=True)

    def put(self, place: str, files: dict[str, bytes]) -> None:
        self.fs.makedirs(f"{self.root}/{place}", exist_ok=True)
        for name, content in sorted(files.items(), key=lambda item: item[0] == "run.json"):
            self.fs.pipe_file(f"{self.root}/{place}/{name}", content)
