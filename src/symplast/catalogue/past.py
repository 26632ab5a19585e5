"""The events of the time before they were recorded, from the history of a repository."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from symplast.lab.claims import Scale
from symplast.lab.events import EVENTS, Event, append_events, changes


class PastEdition(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a file of published verdicts, whatever its age."""

    system: str
    scale: Scale
    claims: list[dict[str, Any]]
    runs: list[dict[str, Any]] = []

    @property
    def commit(self) -> str:
        """Of the code that measured last; empty where it is unknown."""
        made = [run.get("provenance") or {} for run in self.runs]
        newest = max(made, key=lambda one: str(one.get("started", "")), default={})
        return str(newest.get("commit", ""))


def write_history(folder: Path) -> list[Event]:
    """Write ``events.jsonl`` from ``git log`` of a folder of published verdicts; it is done once.

    Args:
        folder: ``results/`` of a checkout.

    Returns:
        The events, oldest first.

    Raises:
        ValueError: the file is there already, or the folder is in no repository.
    """
    if (folder / EVENTS).exists():
        raise ValueError(f"{folder / EVENTS} is there already; history is written once. Move it away to write it again")
    return append_events(folder, past_events(folder))


def past_events(folder: Path) -> list[Event]:
    """The events between all committed editions of a folder's files, oldest first.

    Args:
        folder: ``results/`` of a checkout.

    Raises:
        ValueError: the folder is in no repository.
    """
    last: dict[str, PastEdition] = {}
    events = []
    for at, name, content in _editions(folder):
        if content is None:
            last.pop(name, None)
            continue
        try:
            edition = msgspec.json.decode(content, type=PastEdition)
            events += changes(last.get(name), edition, at)
        except (ValueError, KeyError):
            continue  # a file of another kind, or one that was never whole
        last[name] = edition
    return events


def _editions(folder: Path) -> Iterator[tuple[str, str, bytes | None]]:
    """When, which file, and its content then; None where it was removed."""
    log = _git(folder, "log", "--reverse", "--no-renames", "--format=%x00%H %ct", "--name-status", "--", ".").decode()
    top = _git(folder, "rev-parse", "--show-toplevel").decode().strip()
    inside = Path(_git(folder, "rev-parse", "--show-prefix").decode().strip())
    for entry in log.split("\0")[1:]:
        head, *rows = entry.strip().splitlines()
        commit, seconds = head.split()
        at = datetime.fromtimestamp(int(seconds), UTC).isoformat(timespec="seconds")
        for row in filter(None, rows):
            status, _, path = row.partition("\t")
            if Path(path).parent == inside and path.endswith(".json"):
                gone = status.startswith("D")
                yield at, Path(path).name, None if gone else _git(Path(top), "show", f"{commit}:{path}")


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, timeout=120)
    except OSError as error:
        raise ValueError(f"the history needs git: {error}") from error
    if done.returncode:
        raise ValueError(
            f"{folder} must be a folder of a git repository: {done.stderr.decode(errors='replace').strip()}"
        )
    return done.stdout
