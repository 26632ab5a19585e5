"""``symplast reproduce``: measure the claims, tell the verdicts, leave a report."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from symplast.cli.console import err, out, print_json, set_aside, styled, tell_damages, tell_refused, warn
from symplast.cli.options import OUT, STORE, Systems, as_scale, chosen

if TYPE_CHECKING:
    from symplast.lab.audit import Audit
    from symplast.lab.claims import Scale
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
    verdicts; 1 when one failed or a system can't be used; 130 after Ctrl-C, 143 after SIGTERM.
    """
    from symplast.cli.progress import RichProgress
    from symplast.cli.report import readable
    from symplast.lab.audit import audit
    from symplast.lab.registry import refused, room
    from symplast.lab.report import write_report
    from symplast.lab.runner import plan, run
    from symplast.lab.store import Store

    begin = time.perf_counter()
    at, broken = as_scale(scale), dict[str, str]()
    names = usable(systems, at, broken)
    jobs = plan(names, at, seeds=seeds, changes=parse_changes(settings))
    store = Store(store_url or out_folder / "runs")
    store.check_writable()
    with RichProgress(err) as progress:
        outcome = run(jobs, store, workers=workers, cluster=cluster, force=force, progress=progress)
    damages = list(store.damages)
    tell_damages(damages)
    tell_damages(store.misdated, "not taken as the newest:")
    damages += store.misdated
    audits = {name: audit(room(name), outcome.runs.values(), at) for name in names}
    wall_s = time.perf_counter() - begin
    if as_json:
        print_json(as_record(list(audits.values()), jobs, outcome, wall_s))
    else:
        show(list(audits.values()), outcome, len(jobs), wall_s)
    if outcome.interrupted:
        missing = len(jobs) - len(outcome.runs)
        warn(f"{missing} of {len(jobs)} experiments not done; the same command resumes.", "interrupted:")
        raise typer.Exit(outcome.exit_code)  # at once; symplast report writes the report of what there is
    others = [name for name in chosen(None) if name not in audits and name not in broken]
    shown = audits | {one.room.name: one for one in (readable(others, store.runs(), broken) if others else [])}
    index = write_report(
        [shown[name] for name in sorted(shown)], store, out_folder, damages=damages, left_out=broken, wall_s=wall_s
    )
    err.print(f"report: {index}", soft_wrap=True)
    if outcome.failed or (refused() and not systems) or broken.keys() & {*(systems or chosen(None))}:
        raise typer.Exit(1)


def usable(systems: list[str] | None, scale: "Scale", broken: dict[str, str]) -> list[str]:
    """The systems asked for whose experiments can be planned; what is wrong with another goes into ``broken``.

    Raises:
        ValueError: an unknown system, or nothing is left.
    """
    from symplast.lab.runner import plan

    if not systems:
        tell_refused()
    names = chosen(systems)
    for name in names:
        with set_aside(name, broken):
            plan([name], scale)
    if not (found := [name for name in names if name not in broken]):
        raise ValueError(f"none of the systems can be used: {', '.join(names)}")
    return found


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


def show(audits: "list[Audit]", outcome: "Outcome", n_jobs: int, wall_s: float) -> None:
    """Print the table of verdicts and the failures."""
    from symplast.cli.tables import verdict_table

    for audit in audits:
        out.print(verdict_table(audit))
    for run in outcome.runs.values():
        if run.failure:
            status = (run.status, "red" if run.status == "failed" else "yellow")
            out.print(styled(status, f" {run.name}: {run.failure.type}: {run.failure.headline}"), soft_wrap=True)
    measured = len(outcome.runs) - len(outcome.reused)
    out.print(
        f"\n{measured} of {n_jobs} experiments measured now, {len(outcome.reused)} already there, "
        f"{len(outcome.failed)} failed; {wall_s:.1f} s"
    )
