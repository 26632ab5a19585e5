"""The record of one run, as it stands in the store."""

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from symplast.lab.claims import Scale
from symplast.lab.measurement import Measurement
from symplast.lab.provenance import Provenance

Status = Literal["done", "failed", "skipped"]


Identity = tuple[str, str, bytes, str]
"""System, experiment, parameters with the hashes of the data sets, and code: what decides a measurement's values."""


class DamagedError(ValueError):
    """A run folder whose content is not what was written."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why an experiment has no evidence."""

    type: str
    message: str
    traceback: str = ""

    @property
    def headline(self) -> str:
        """The first line of the message."""
        return (self.message.strip().splitlines() or [""])[0]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one experiment.

    Attributes:
        id: unique; its first part is the time of the start.
        system, experiment: what was run.
        scale: quick, full or paper.
        config: parameters, base seed and number of seeds included.
        changed: names of parameters that are not the scale's own.
        label: tells runs of one experiment apart that a command asked for; they belong to no audit.
        code: fingerprint of the code that the experiment can reach.
        data: names of the data sets that it reads; empty means computed.
        data_sha256: name -> hash of each of them.
        status: done, failed, or skipped (a data set was missing; such runs are not stored).
        compile_s, run_s: seconds of JAX compilation, and the rest of the wall time.
        cpu_s: CPU seconds of both, over all threads.
        peak_memory_mb: largest resident memory of the worker process so far.
        quantities: estimates of everything measured.
        files: name -> SHA-256 of each file next to ``run.json``.
        provenance: versions, device, commit, time.
        failure: why it failed or was skipped.
        order: greater than that of every run that the store held when this one was planned; it says which run is newer
            where the clocks of two machines disagree.
    """

    id: str
    system: str
    experiment: str
    scale: Scale
    config: dict[str, Any]
    changed: list[str] = []
    label: str = ""
    code: str
    data: list[str]
    data_sha256: dict[str, str] = {}
    status: Status
    compile_s: float
    run_s: float
    cpu_s: float = 0.0
    peak_memory_mb: float
    quantities: dict[str, Measurement]
    files: dict[str, str]
    provenance: Provenance
    failure: Failure | None = None
    order: Annotated[int, msgspec.Meta(ge=0)] = 0

    @property
    def name(self) -> str:
        """``<system>.<experiment>``, and the label where there is one."""
        return f"{self.system}.{self.experiment}" + (f"[{self.label}]" if self.label else "")

    @property
    def identity(self) -> Identity:
        """Runs of equal identity measure the same thing."""
        return identity(self.system, self.experiment, self.config, self.data_sha256, self.code)


def identity(system: str, experiment: str, config: dict[str, Any], data_sha256: dict[str, str], code: str) -> Identity:
    """What decides a measurement's values: experiment, parameters, data sets, code."""
    return system, experiment, msgspec.json.encode([config, data_sha256], order="deterministic"), code


def sha256(content: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(content).hexdigest()


def seal(run: Run) -> bytes:
    """``run.json``: the record with its own hash, so that damage to it shows."""
    tree = msgspec.to_builtins(run)
    tree["quantities"] = {name: _with_words(q) for name, q in tree["quantities"].items()}
    body = msgspec.json.encode(tree)
    return msgspec.json.format(b'{"sha256":"' + sha256(body).encode() + b'","run":' + body + b"}", indent=1)


def unseal(content: bytes) -> Run:
    """The record in a ``run.json``; fields that this version doesn't know are passed over.

    Raises:
        DamagedError: not the bytes that :func:`seal` wrote.
    """
    try:
        sealed = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        body = msgspec.json.format(bytes(sealed["run"]), indent=-1)
        said = msgspec.json.decode(sealed["sha256"], type=str)
    except Exception as error:
        raise DamagedError(f"run.json can't be read: {error}") from error
    if sha256(body) != said:
        raise DamagedError("run.json does not match its hash")
    try:
        tree = msgspec.json.decode(body)
        tree["quantities"] = {name: _with_floats(q) for name, q in tree["quantities"].items()}
        run = msgspec.convert(tree, Run)
        _check(run)
    except Exception as error:  # whatever a file holds, it is this file's problem
        raise DamagedError(f"run.json holds no run: {type(error).__name__}: {error}") from error
    return run


def _check(run: Run) -> None:
    """Raise ValueError for a record whose parts don't fit together, or whose numbers are none."""
    if unknown := sorted(set(run.changed) - run.config.keys()):
        raise ValueError(f"changed names {', '.join(unknown)}, which config lacks")
    for number in _leaves(list(run.config.values())):
        if isinstance(number, int):
            float(number)  # an integer beyond all floats is an OverflowError
    if folders := [name for name in run.files if Path(name).name != name]:
        raise ValueError(f"files must be names without a folder, got {folders[0]!r}")
    for name, quantity in run.quantities.items():
        ends = [quantity.low, quantity.high]
        for number in [*_leaves(quantity.value), *_leaves(quantity.low), *_leaves(quantity.high)]:
            if not isinstance(number, int | float | None):
                raise ValueError(f"quantity {name} must be a number, got {number!r}")
            float(number or 0)
        if ends.count(None) == 1:
            raise ValueError(f"quantity {name} has one end of an interval only")
        if ends.count(None) == 0 and any(_shape(end) != _shape(quantity.value) for end in ends):
            raise ValueError(f"quantity {name} has an interval of another shape than its value")


def _leaves(value: Any) -> Iterator[Any]:
    """What stands in nested lists."""
    if isinstance(value, list):
        for entry in value:
            yield from _leaves(entry)
    else:
        yield value


def _shape(value: Any) -> Any:
    """Lengths of nested lists; None for a number."""
    return [_shape(entry) for entry in value] if isinstance(value, list) else None


ESTIMATES = ("value", "low", "high")


def _with_words(quantity: dict[str, Any]) -> dict[str, Any]:
    """A quantity whose infinities and NaNs are words, because JSON has no such numbers."""
    return quantity | {name: jsonable(quantity[name]) for name in ESTIMATES if name in quantity}


def _with_floats(quantity: dict[str, Any]) -> dict[str, Any]:
    """The inverse of :func:`_with_words`."""

    def number(value: Any) -> Any:
        if isinstance(value, list):
            return [number(v) for v in value]
        return float(value) if isinstance(value, str) else value

    return quantity | {name: number(quantity[name]) for name in ESTIMATES if name in quantity}


def jsonable(value: Any) -> Any:
    """A number or (nested) list of numbers with infinities and NaNs as the words ``inf``, ``-inf``, ``nan``."""
    if isinstance(value, list):
        return [jsonable(v) for v in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
