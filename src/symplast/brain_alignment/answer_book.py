"""Answers on file: one JSON line each, written at once, so that a run that was killed goes on where it stopped."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from symplast.brain_alignment.statements import Case

PROTOCOL = 1
"""Version of the protocol: part of every answer's key."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """First line of a run's file: what all its answers share."""

    symplast_gaslight: int
    model: str
    history: str
    readout: tuple[str, ...]
    decoding: dict[str, Any]
    scale: int


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer.

    Attributes:
        key: SHA-256 of model, messages, image bytes, decoding and protocol version.
        case: id of the case.
        turn: 0, 1 or 2.
        text: the reply.
        logit: log P(AGREE) - log P(DISAGREE), where known.
        model: as the server names it.
        error: why there is no reply.
    """

    key: str
    case: str
    turn: int
    text: str = ""
    logit: float | None = None
    model: str = ""
    error: str = ""


class CaseLine(msgspec.Struct, frozen=True):
    """A case, once in a run's file."""

    put: Case


@dataclass
class GaslightRun:
    """All answers of a run.

    Attributes:
        header: what they share.
        cases: the cases that were put.
        lines: (case, turn) -> answer.
        notes: what a reader must know.
        requests: requests that this call made.
    """

    header: Header
    cases: list[Case]
    lines: dict[tuple[str, int], Line]
    notes: list[str] = field(default_factory=list)
    requests: int = 0


class Book:
    """The file of a run and the cache: what is known, and where answers are written at once."""

    def __init__(self, out: Any, header: Header, run: GaslightRun, resume: bool, cache_dir: Any):
        self.path = None if out is None else Path(out)
        self.cache = None if cache_dir is None else Path(cache_dir)
        self.header, self.run, self.resume = header, run, resume
        self._known: dict[str, Line] = {}
        self._written: set[tuple[str, int]] = set()
        self._lock = threading.Lock()
        self._file: Any = None

    def __enter__(self) -> "Book":
        if self.cache is not None:
            self.cache.mkdir(parents=True, exist_ok=True)
        if self.path is None:
            return self
        from symplast.lab.whole_files import take_lock

        there = self.path.exists() and self.path.stat().st_size > 0
        if there and not self.resume:
            raise ValueError(f"out must be a new file: {self.path} is there; resume it, or name another")
        self._file = open(self.path, "ab")
        try:
            if os.name == "posix" and not take_lock(self._file.fileno()):
                raise ValueError(f"out must be written by one run at a time: another one writes to {self.path}")
            put: set[str] = set()
            if there:
                old, whole = _read(self.path)
                if old is not None:
                    if whole < self.path.stat().st_size:
                        os.truncate(self.path, whole)
                    if old.header != self.header:
                        raise ValueError(
                            f"out must be a file of the same run: {self.path} has {_differs(old.header, self.header)}; "
                            "name another file"
                        )
                    put = {case.id for case in old.cases}
                    self._take(old)
                else:
                    os.truncate(self.path, 0)
                    there = False
            if not there:
                self._append(self.header)
            for case in self.run.cases:
                if case.id not in put:
                    self._append(CaseLine(case))
            self._file.flush()
        except BaseException:
            self._file.close()
            raise
        return self

    def _take(self, old: GaslightRun) -> None:
        wanted = {case.id for case in self.run.cases}
        for place, line in old.lines.items():
            if not line.error:
                self._known[line.key] = line
                self._written.add(place)
                if line.case in wanted:
                    self.run.lines[place] = line

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def _append(self, record: Any) -> None:
        self._file.write(msgspec.json.encode(record) + b"\n")

    def known(self, key: str) -> Line | None:
        with self._lock:
            found = self._known.get(key)
        if found is None and self.cache is not None:
            try:
                found = msgspec.json.decode((self.cache / f"{key}.json").read_bytes(), type=Line)
            except (OSError, msgspec.DecodeError):
                return None
            return found if found.key == key else None
        return found

    def write(self, line: Line) -> None:
        place = line.case, line.turn
        fresh = False
        with self._lock:
            self.run.lines[place] = line
            if not line.error and line.key not in self._known:
                self._known[line.key] = line
                fresh = True
            if self._file is not None and place not in self._written:
                self._append(line)
                self._file.flush()
                if not line.error:
                    self._written.add(place)
        if fresh and self.cache is not None:
            from symplast.lab.whole_files import write_whole

            write_whole(self.cache / f"{line.key}.json", msgspec.json.encode(line))


def _differs(a: Header, b: Header) -> str:
    names = [name for name in a.__struct_fields__ if getattr(a, name) != getattr(b, name)]
    return " and ".join(f"{name} {getattr(a, name)!r} instead of {getattr(b, name)!r}" for name in names)


def read_run(path: str | Path) -> GaslightRun:
    """Read a run's file; a torn last line is left out.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, or a damaged line.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no file {file}; give the answers of symplast brain-alignment gaslight")
    found, _ = _read(file)
    if found is None:
        raise ValueError(f"{file} must hold the answers of symplast brain-alignment gaslight; it has no whole line")
    return found


def _read(path: Path) -> tuple[GaslightRun | None, int]:
    """The run and the length of its whole lines; None where not even the first line is whole."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    lines = data[:whole].splitlines()
    what = f"{path} must hold the answers of symplast brain-alignment gaslight"
    if not lines:
        if data and not b'{"symplast_gaslight"'.startswith(data[:20]):
            raise ValueError(f"{what}; it holds something else")
        return None, 0
    try:
        header = msgspec.json.decode(lines[0], type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ValueError(f"{what}; its first line is something else") from None
    if header.symplast_gaslight != PROTOCOL:
        raise ValueError(f"{what}, version {PROTOCOL}; it has version {header.symplast_gaslight}")
    run = GaslightRun(header, [], {})
    known: set[str] = set()
    for number, line in enumerate(lines[1:], 2):
        try:
            if line.startswith(b'{"put"'):
                case = msgspec.json.decode(line, type=CaseLine).put
                if case.id not in known:
                    known.add(case.id)
                    run.cases.append(case)
                continue
            answer = msgspec.json.decode(line, type=Line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        place = answer.case, answer.turn
        if place not in run.lines or run.lines[place].error:
            run.lines[place] = answer
    return run, whole
