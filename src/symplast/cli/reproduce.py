"""``symplast reproduce``: measure the claims, tell the verdicts, leave a report."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from symplast.cli.console import err, out, print_json, tell_damages
from symplast.cli.options import OUT, STORE, Systems, as_scale, chosen

if TYPE_CHECKING:
    from symplast.lab.audit import Audit
    from symplast.lab.records import Run
    from symplast.lab.registry import Room
    from symplast.lab.runner import Job, Outcome


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(reproduce)


def reproduce(
    systems: Systems = None,
    scale: str = typer.Option("quick", help="quick (minutes), full (up to half an hour a system) or paper."),
    seeds: int | None = typer.Option(None, help="Number of seeds, where an experiment has seeds."),
    settings: list[str] = typer.Option([], "--set", help="Change a parameter: [experiment.]name=value. Repeatable."),
    force: bool = typer.Option(False, "--force", help="Measure again even what is measured already."),
    workers: int | None = typer.Option(None, min=0, help="Local processes; 0 = none. Default: one a CPU."),
    cluster: str | None = typer.Option(None, help="Address of a Dask scheduler, such as tcp://host:8786."),
    out_folder: Path = OUT,
    store_url: str | None = STORE,
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Measure the claims of SYSTEMS (default: all) and judge them.

    What is measured already and has not changed is not run again. Exit code 0 when every experiment ran, whatever the
    verdicts; 1 when one failed; 130 after Ctrl-C.
    """
    from symplast.cli.progress import RichProgress
    from symplast.lab.audit import audit
    from symplast.lab.registry import room, rooms
    from symplast.lab.report import write_report
    from symplast.lab.runner import plan, run
    from symplast.lab.store import Store

    begin = time.perf_counter()
    names = chosen(systems)
    at = as_scale(scale)
    jobs = plan(names, at, seeds=seeds, changes=parse_changes(settings))
    store = Store(store_url or out_folder / "runs")
    store.check_writable()
    with RichProgress(err) as progress:
        outcome = run(jobs, store, workers=workers, cluster=cluster, force=force, progress=progress)
    damages = list(store.damages)
    tell_damages(damages)
    audits = {name: audit(room(name), outcome.runs.values(), at) for name in names}
    wall_s = time.perf_counter() - begin
    if as_json:
        print_json(as_record(list(audits.values()), jobs, outcome, wall_s))
    else:
        show(list(audits.values()), outcome, len(jobs), wall_s)
    if outcome.interrupted:
        missing = len(jobs) - len(outcome.runs)
        err.print(f"[yellow]interrupted:[/] {missing} of {len(jobs)} experiments not done; the same command resumes.")
        raise typer.Exit(130)  # at once; symplast report writes the report of what there is
    stored = store.runs()
    found = [audits.get(name) or readable(room(name), stored) for name in rooms()]
    shown = [one for one in found if one is not None]
    index = write_report(shown, store, out_folder, damages=damages, wall_s=wall_s)
    err.print(f"report: {index}", soft_wrap=True, highlight=False, markup=False)
    if outcome.failed:
        raise typer.Exit(1)


def parse_changes(settings: list[str]) -> dict[str, str]:
    """``["a=1"] -> {"a": "1"}``."""
    changes = {}
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not sign or not name.strip():
            raise ValueError(f"--set must read name=value, got {setting!r}")
        changes[name.strip()] = value.strip()
    return changes


def as_record(audits: "list[Audit]", jobs: "list[Job]", outcome: "Outcome", wall_s: float) -> dict[str, Any]:
    """The ``--json`` contract, version 1."""
    from symplast.lab.audit import claim_row

    rows = []
    for job in jobs:
        done = outcome.runs.get(job.name)
        row: dict[str, Any] = {"id": job.name, "experiment": job.experiment, "seeds": job.config.get("seeds")}
        if done is None:
            row |= {"compile_s": None, "run_s": None, "cpu_s": None, "status": "interrupted"}
        else:
            row |= {"compile_s": done.compile_s, "run_s": done.run_s, "cpu_s": done.cpu_s}
            row |= {"status": done.status, "run": done.id}
            row |= {"reused": job.name in outcome.reused}
            if done.failure:
                row["error"] = done.failure
        rows.append(row)
    return {
        "version": 1,
        "scale": jobs[0].scale if jobs else "quick",
        "systems": [audit.room.name for audit in audits],
        "runs": rows,
        "claims": [claim_row(verdict, audit) for audit in audits for verdict in audit.verdicts],
        "wall_s": round(wall_s, 3),
    }


def readable(room: "Room", stored: "list[Run]") -> "Audit | None":
    """Another system's audit for the report; None, with a word on stderr, where that system is broken."""
    from symplast.lab.audit import audit, newest

    try:
        found = audit(room, *newest(stored, room))
        if found.runs:
            room.study()
        return found
    except Exception as error:
        err.print(f"left out of the report: {room.name}: {error}", soft_wrap=True, markup=False)
        return None


def show(audits: "list[Audit]", outcome: "Outcome", n_jobs: int, wall_s: float) -> None:
    """Print the table of verdicts and the failures."""
    from symplast.cli.tables import verdict_table

    for audit in audits:
        out.print(verdict_table(audit))
    for run in outcome.runs.values():
        if run.failure:
            colour = "red" if run.status == "failed" else "yellow"
            out.print(f"[{colour}]{run.status}[/] {run.name}: {run.failure.type}: ", end="", soft_wrap=True)
            out.print(run.failure.headline, markup=False, soft_wrap=True)
    measured = len(outcome.runs) - len(outcome.reused)
    out.print(
        f"\n{measured} of {n_jobs} experiments measured now, {len(outcome.reused)} already there, "
        f"{len(outcome.failed)} failed; {wall_s:.1f} s"
    )
