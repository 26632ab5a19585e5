"""The verdicts that the project stands behind: ``results/<system>.json``, written by ``symplast publish``.

Docs, README and report take every published number from there; nobody types one.
"""

from pathlib import Path
from typing import Any

import msgspec

import symplast
from symplast.lab.audit import audit as judge_room
from symplast.lab.audit import claim_row
from symplast.lab.claims import Scale
from symplast.lab.events import append_events, changes
from symplast.lab.numbers import shown
from symplast.lab.provenance import Provenance, now
from symplast.lab.registry import Room
from symplast.lab.runner import fresh_runs, plan
from symplast.lab.store import Store
from symplast.lab.verdicts import OUTCOMES, Outcome
from symplast.lab.whole_files import write_whole

ROW = {"id", "says", "published", "measured", "interval", "verdict", "parts"}
"""What is read of a published claim."""


class PublishedRun(msgspec.Struct, frozen=True, kw_only=True):
    """How the evidence behind a published verdict was made; ``code`` is the fingerprint of what it can reach."""

    experiment: str
    scale: Scale
    config: dict[str, Any]
    code: str = ""
    data_sha256: dict[str, str] = {}
    compile_s: float
    run_s: float
    cpu_s: float = 0.0
    provenance: Provenance


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``results/<system>.json``; ``claims`` are rows of the ``--json`` contract."""

    version: int
    system: str
    scale: Scale
    published: str
    fingerprints: dict[str, str]
    runs: list[PublishedRun]
    claims: list[dict[str, Any]]

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many claims came to each outcome, without zeros."""
        found = [row["verdict"] for row in self.claims]
        return {outcome: found.count(outcome) for outcome in OUTCOMES if outcome in found}

    def verdict(self, claim_id: str) -> str | None:
        """The published outcome of a claim ``<system>.<id>``."""
        return next((row["verdict"] for row in self.claims if row["id"] == claim_id), None)

    def next_to(self, claim_id: str, outcome: Outcome, qualifier: str = "") -> str:
        """What to say of the published verdict next to another one; empty where the claim was never published.

        Where nothing is measured now, the published value stands with it.

        Args:
            claim_id: ``<system>.<id>``.
            outcome: the verdict now.
            qualifier: of the system's verdicts.
        """
        row = next((row for row in self.claims if row["id"] == claim_id), None)
        if row is None:
            return ""
        if row["verdict"] == outcome:
            return "same"
        value = shown(row["measured"], row["interval"], row["parts"][0]["unit"]) if row["parts"] else ""
        told = f", {value} at {self.scale} scale" if value and outcome == "not run" else ""
        return f"{row['verdict']}{qualifier}{told}"

    @property
    def commit(self) -> str:
        """Of the code that measured last; empty where it is unknown."""
        newest = max(self.runs, key=lambda run: run.provenance.started, default=None)
        return newest.provenance.commit if newest else ""

    def stale_claims(self, room: Room, *, check_code: bool = True) -> list[str]:
        """Claims that read otherwise now, were never published, or rest on an experiment whose code has changed.

        Args:
            room: the system.
            check_code: False looks at the claims' text alone, which takes no time.
        """
        outdated = {run.experiment for run in self.runs if check_code and run.code != room.code(run.experiment)}
        return [
            claim.id
            for claim in room.claims.claim
            if self.fingerprints.get(claim.id) != claim.fingerprint or claim.experiments & outdated
        ]


def results_folder() -> Path:
    """Where published verdicts are: ``results/`` of the checkout, or the copy inside the installed package."""
    house = Path(symplast.__file__).parent
    inside = house / "results"
    return inside if inside.is_dir() else house.parents[1] / "results"


def read_published(room: Room, folder: Path | None = None) -> Published | None:
    """The published verdicts of a system; None when there are none.

    Args:
        room: the system.
        folder: where to look; by default the project's results, then the room's own folder (plug-ins).

    Raises:
        ValueError: the file is not what ``symplast publish`` writes.
    """
    folders = [folder] if folder else [results_folder(), room.folder]
    path = next((p for f in folders if (p := f / f"{room.name}.json").is_file()), None)
    if path is None:
        return None
    try:
        published = msgspec.json.decode(path.read_bytes(), type=Published)
        for row in published.claims:
            if lacking := sorted(ROW - row.keys()):
                raise ValueError(f"a claim lacks {', '.join(lacking)}")
            if row["verdict"] not in OUTCOMES or not isinstance(row["id"], str) or "." not in row["id"]:
                raise ValueError(f"a claim has id {row['id']!r} and verdict {row['verdict']!r}")
        return published
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path}: not a file of published verdicts ({error}); write it with symplast publish"
        ) from error


def publish(room: Room, store: Store, scale: Scale, folder: Path) -> Path:
    """Write a system's verdicts to ``<folder>/<system>.json``; what they change is first added to its events.

    Only runs of the present code with the scale's own parameters count: no failed, stale or changed ones.

    Raises:
        ValueError: such a run of some experiment is missing; says which and how to make it.
    """
    name, jobs = room.name, plan([room.name], scale)
    runs = fresh_runs(jobs, store.runs(), store)
    if missing := [job.experiment for job in jobs if job.name not in runs]:
        way_out = f"symplast reproduce {name} --scale {scale}"
        raise ValueError(
            f"{name} can't be published at {scale} scale: no run of {', '.join(missing)}; first run: {way_out}"
        )
    audit = judge_room(room, runs.values(), scale)
    published = Published(
        version=1,
        system=name,
        scale=audit.scale,
        published=now()[:10],
        fingerprints={verdict.claim.id: verdict.claim.fingerprint for verdict in audit.verdicts},
        runs=[
            PublishedRun(
                experiment=run.experiment,
                scale=run.scale,
                config=run.config,
                code=run.code,
                data_sha256=run.data_sha256,
                compile_s=run.compile_s,
                run_s=run.run_s,
                cpu_s=run.cpu_s,
                provenance=run.provenance,
            )
            for run in sorted(audit.runs.values(), key=lambda run: run.experiment)
        ],
        claims=[claim_row(verdict, audit) for verdict in audit.verdicts],
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    append_events(folder, changes(_edition_before(room, folder), published, now()))
    write_whole(path, msgspec.json.format(msgspec.json.encode(published), indent=1) + b"\n")
    return path


def _edition_before(room: Room, folder: Path) -> Published | None:
    """What is published in a folder so far; None where there is nothing, or a damaged file, which is replaced."""
    if not (folder / f"{room.name}.json").is_file():
        return None
    try:
        return read_published(room, folder)
    except ValueError:
        return None
