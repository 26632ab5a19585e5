"""The toy system, as a plug-in of this process and of commands that the tests start."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from symplast.cli import main
from symplast.lab import registry

PLUGIN = Path(__file__).parent / "plugin"


def search_path(folder: Path) -> str:
    """``PYTHONPATH`` of processes that the tests start: a folder, then what this process was given."""
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))


@contextmanager
def toy_system(patch: pytest.MonkeyPatch) -> Iterator[registry.Room]:
    """The toy system while the block lasts, also for worker processes."""
    patch.syspath_prepend(str(PLUGIN))
    patch.setenv("PYTHONPATH", search_path(PLUGIN))
    registry._found.cache_clear()
    yield registry.room("toy")
    registry._found.cache_clear()


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[registry.Room]:
    """The toy system, also for worker processes."""
    with toy_system(monkeypatch) as room:
        yield room


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Environment of a command that knows the toy system."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOY_", "SYMPLAST_O", "COV"))}
    return kept | {"PYTHONPATH": search_path(PLUGIN), "COLUMNS": "200"}


@pytest.fixture
def command(environment: dict[str, str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``symplast`` as a user would, in an empty folder."""

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "symplast", *arguments],
            cwd=tmp_path,
            env=environment | more,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def inside(
    toy: registry.Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """As ``command``, in this process: JAX and the rest are imported already."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("SYMPLAST_DEBUG", raising=False)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        code, done = called(monkeypatch, capsys, *arguments)
        return subprocess.CompletedProcess(arguments, code, done.out, done.err)

    return run


def called(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str):
    """Exit code and output of the command line in this process."""
    monkeypatch.setattr(sys, "argv", ["symplast", *arguments])
    try:
        main()
    except SystemExit as ended:
        return ended.code or 0, capsys.readouterr()
    raise AssertionError("the command line ends with an exit code")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second is enough to see that no scheduler answers on this machine."""
    distributed = pytest.importorskip("distributed")
    patient = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda *address, **more: patient(*address, **more | {"timeout": 0.5}))
