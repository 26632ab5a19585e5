"""What has changed in the published verdicts, and when: ``results/events.jsonl``, one line an event.

``symplast publish`` appends to it before it writes the verdicts; feeds, digests and the catalogue read it. Events
follow from two editions of ``results/<system>.json``, so a lost file can be made again from a repository's history.
"""

import hashlib
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import msgspec

from symplast.lab.claims import Scale
from symplast.lab.whole_files import take_lock

EventKind = Literal["published", "claim_added", "claim_removed", "verdict_changed", "scale_changed"]
EVENT_KINDS: tuple[EventKind, ...] = ("published", "verdict_changed", "claim_added", "claim_removed", "scale_changed")
EVENTS = "events.jsonl"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of what is published.

    Attributes:
        version: of this format.
        id: the first 16 hex digits of SHA-256 over all the rest.
        at: UTC, to the second, ISO 8601.
        kind: what happened; ``published`` is a system's first time.
        system: the system's name.
        claim: id of the claim, None where the event is about the system.
        old, new: the outcome or the scale before and after.
        scale: of the new verdicts.
        commit: of the code that measured them; empty where that is unknown.
    """

    version: Literal[1]
    id: str
    at: str
    kind: EventKind
    system: str
    claim: str | None = None
    old: str | None = None
    new: str | None = None
    scale: Scale
    commit: str

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.at).utcoffset() is None:
            raise ValueError(f"at must be a time with its zone, got {self.at!r}")

    @property
    def claim_id(self) -> str:
        """``<system>.<claim>``, or the system alone."""
        return f"{self.system}.{self.claim}" if self.claim else self.system

    @property
    def time(self) -> datetime:
        """When it happened."""
        return datetime.fromisoformat(self.at)


@runtime_checkable
class Edition(Protocol):
    """What is compared: a file of published verdicts, of any age."""

    @property
    def system(self) -> str: ...
    @property
    def scale(self) -> Scale: ...
    @property
    def claims(self) -> list[dict[str, Any]]: ...
    @property
    def commit(self) -> str: ...


class EventLog(NamedTuple):
    """Events in the order of the file, and what could not be read."""

    events: list[Event]
    problems: list[str]


def changes(old: Edition | None, new: Edition, at: str) -> list[Event]:
    """The events between two editions of a system's verdicts.

    Args:
        old: the edition that is replaced; None where there was none.
        new: the edition that replaces it.
        at: when, UTC, ISO 8601.

    Returns:
        A single ``published`` for a first edition; else a changed scale, then claims in the order of the new edition,
        then those that are gone.
    """

    def event(kind: EventKind, claim: str | None = None, before: str | None = None, now: str | None = None) -> Event:
        about: dict[str, Any] = {"version": 1, "at": at, "kind": kind, "system": new.system, "claim": claim}
        about |= {"old": before, "new": now, "scale": new.scale, "commit": new.commit}
        return Event(id=_event_id(about), **about)

    if old is None:
        return [event("published")]
    found = []
    if old.scale != new.scale:
        found.append(event("scale_changed", None, old.scale, new.scale))
    before, after = ({row["id"].partition(".")[2]: row["verdict"] for row in one.claims} for one in (old, new))
    for claim, verdict in after.items():
        if claim not in before:
            found.append(event("claim_added", claim, None, verdict))
        elif before[claim] != verdict:
            found.append(event("verdict_changed", claim, before[claim], verdict))
    found += [event("claim_removed", claim, verdict) for claim, verdict in before.items() if claim not in after]
    return found


def _event_id(about: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(about, order="sorted")).hexdigest()[:16]


def read_events(folder: Path) -> EventLog:
    """The events of a folder of published verdicts; lines that can't be read are reported and skipped.

    Args:
        folder: with ``events.jsonl``; a missing file holds no events.
    """
    path = folder / EVENTS
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return EventLog([], [])
    events, problems = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            events.append(msgspec.json.decode(line, type=Event))
        except (ValueError, RecursionError) as error:
            what = "is torn" if number == len(lines) else "is no event"
            problems.append(f"{path}: line {number} {what} and is skipped ({error})")
    return EventLog(events, problems)


def append_events(folder: Path, events: Iterable[Event]) -> list[Event]:
    """Add events to the file, but those that the last of their claim equals in all but time.

    So what a crash between this and writing the verdicts leaves is not written twice.

    Args:
        folder: with ``events.jsonl``, which is made.
        events: in order.

    Returns:
        Those that were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / EVENTS).open("a+b") as file:
        take_lock(file.fileno(), wait=True)
        last = {event.claim_id: event for event in read_events(folder).events}
        fresh = [event for event in events if not _same(last.get(event.claim_id), event)]
        if not fresh:
            return []
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            torn = file.read(1) != b"\n"
        else:
            torn = False
        content = b"".join(msgspec.json.encode(event) + b"\n" for event in fresh)
        file.write(b"\n" + content if torn else content)
        file.flush()
        os.fsync(file.fileno())
    return fresh


def _same(one: Event | None, other: Event) -> bool:
    return one is not None and msgspec.structs.replace(one, id=other.id, at=other.at) == other
