"""A system's audit: its claims judged by the runs that there are."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from symplast.lab.claims import Claim, Scale
from symplast.lab.records import Run, jsonable
from symplast.lab.registry import Room
from symplast.lab.verdicts import OUTCOMES, Judgement, Outcome, Verdict, judge


@dataclass(frozen=True)
class Audit:
    """Verdicts on all claims of a system, with the runs behind them.

    Attributes:
        room: the system.
        scale: at which it was judged.
        runs: experiment -> its run (done, failed or skipped).
        verdicts: one a claim, in the order of the file.
    """

    room: Room
    scale: Scale
    runs: dict[str, Run]
    verdicts: list[Verdict]

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many claims came to each outcome, in a fixed order, without zeros."""
        found = Counter(verdict.outcome for verdict in self.verdicts)
        return {outcome: found[outcome] for outcome in OUTCOMES if found[outcome]}

    @property
    def changed(self) -> list[str]:
        """``experiment.parameter=value`` of every parameter that is not the scale's own."""
        return [f"{run.experiment}.{name}={run.config[name]}" for run in self.runs.values() for name in run.changed]

    def data(self, claim: Claim) -> str:
        """Which data a claim was measured on, in words."""
        names = sorted(
            {name for experiment in claim.experiments & set(self.runs) for name in self.runs[experiment].data}
        )
        return ", ".join(names) or "computed, no data set"


def audit(room: Room, runs: Iterable[Run], scale: Scale, *, check_code: bool = True) -> Audit:
    """Judge a system's claims.

    Args:
        room: the system.
        runs: one run an experiment; those of other systems are ignored.
        scale: which statements are judged.
        check_code: mark verdicts stale whose runs were made by other code.
    """
    mine = {run.experiment: run for run in runs if run.system == room.name}
    measured = {f"{run.experiment}.{name}": q for run in mine.values() for name, q in run.quantities.items()}
    absent = {name: _absence(run) for name, run in mine.items() if run.status != "done"}
    outdated = {name for name, run in mine.items() if check_code and run.code != room.code(name)}
    verdicts = []
    for claim in room.claims.claim:
        verdicts.append(judge(claim, measured, scale, absent=absent, stale=bool(claim.experiments & outdated)))
    return Audit(room, scale, mine, verdicts)


def newest(runs: Iterable[Run], room: Room, *, check_code: bool = True) -> tuple[list[Run], Scale]:
    """The run to show for each experiment of a system.

    In this order of preference: of the scale that was run last, by the present code, with the scale's own parameters,
    newest. So a run with changed parameters replaces nothing, and a failure of the present code is seen.

    Args:
        runs: of the store, oldest first.
        room: the system.
        check_code: prefer runs of the present code.

    Returns:
        The runs, and their scale (quick when there are none).
    """
    mine = [run for run in runs if run.system == room.name and not run.label]
    if not mine:
        return [], "quick"
    scale = mine[-1].scale

    def rank(run: Run) -> tuple[bool, bool, bool]:
        return run.scale == scale, not check_code or run.code == room.code(run.experiment), not run.changed

    chosen: dict[str, Run] = {}
    for run in mine:
        best = chosen.get(run.experiment)
        if best is None or rank(run) >= rank(best):
            chosen[run.experiment] = run
    return list(chosen.values()), scale


def _absence(run: Run) -> str:
    told = run.failure.message if run.failure else "no reason recorded"
    if run.status == "skipped":
        return told
    return f"experiment {run.experiment} failed: {run.failure.type if run.failure else ''}: {told}"


def claim_row(verdict: Verdict, audit: Audit) -> dict[str, Any]:
    """A verdict as the ``--json`` contract has it; the first statement stands for the claim, all are in ``parts``."""
    claim = verdict.claim
    parts = [_part_row(judgement) for judgement in verdict.judgements]
    first = parts[0] if parts else {}
    return {
        "id": f"{audit.room.name}.{claim.id}",
        "says": claim.says,
        "source": claim.source,
        "kind": claim.kind,
        "published": claim.published if claim.published is not None else first.get("published"),
        "measured": first.get("measured"),
        "interval": first.get("interval"),
        "n": first.get("n"),
        "verdict": verdict.outcome,
        **({"stale": True} if verdict.stale else {}),
        **({"stands_in": claim.stands_in} if claim.stands_in else {}),
        **({"why": claim.why} if claim.why else {}),
        "data": audit.data(claim),
        "reason": verdict.reason,
        "parts": parts,
    }


def _part_row(judgement: Judgement) -> dict[str, Any]:
    part, measured = judgement.part, judgement.measurement
    return {
        "says": part.says,
        "published": part.published,
        "quantity": part.quantity,
        "rule": part.rule.text(part.unit),
        "measured": jsonable(measured.value) if measured else None,
        "interval": jsonable([measured.low, measured.high]) if measured and measured.low is not None else None,
        "n": measured.n if measured else None,
        "unit": part.unit or (measured.unit if measured else ""),
        "verdict": judgement.outcome,
        "reason": judgement.reason,
    }
