"""``symplast report``, ``publish`` and ``query``: what the runs in a store amount to."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from symplast.cli.console import out, print_json, set_aside, tell_damages, tell_refused, warn, write_text
from symplast.cli.options import OUT, STORE, Systems, as_scale, chosen

if TYPE_CHECKING:
    from symplast.lab.audit import Audit
    from symplast.lab.records import Run


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(report)
    app.command()(publish)
    app.command()(query)


def report(
    systems: Systems = None,
    out_folder: Path = OUT,
    store_url: str | None = STORE,
    open_it: bool = typer.Option(False, "--open", help="Open it in the browser."),
    as_json: bool = typer.Option(False, "--json", help="Print where it is as JSON."),
) -> None:
    """Write the report again from the runs there are, without measuring anything."""
    from symplast.lab.report import write_report
    from symplast.lab.store import Store

    store = Store(store_url or out_folder / "runs")
    stored = store.runs(verify=True)
    problems = [*store.damages, *store.misdated]
    tell_damages(store.damages)
    tell_damages(store.misdated, "not taken as the newest:")
    tell_damages(store.orphans(), "left behind:")
    broken: dict[str, str] = {}
    index = write_report(readable(systems, stored, broken), store, out_folder, damages=problems, left_out=broken)
    if as_json:
        print_json({"report": str(index)})
    else:
        out.print(f"report: {index}", soft_wrap=True)
    if open_it:
        typer.launch(index.resolve().as_uri())
    if broken.keys() & {*(systems or [])}:
        raise typer.Exit(1)


def publish(
    systems: Systems = None,
    scale: str = typer.Option("full", help="Scale of the verdicts: quick, full or paper."),
    to: Path = typer.Option(Path("results"), help="Folder of the published verdicts.", file_okay=False),
    readme: str = typer.Option("README.md", help="File whose table of verdicts is renewed; '' for none."),
    out_folder: Path = OUT,
    store_url: str | None = STORE,
    as_json: bool = typer.Option(False, "--json", help="Print the files written as JSON."),
) -> None:
    """Write verdicts to results/<system>.json, where docs and README take them from."""
    from symplast.lab.published import publish as write
    from symplast.lab.registry import room
    from symplast.lab.store import Store
    from symplast.lab.tables import renew_readme

    if readme and Path(readme).exists() and not Path(readme).is_file():
        raise ValueError(f"--readme must be a file, got {readme}; '' renews none")
    store, at = Store(store_url or out_folder / "runs"), as_scale(scale)
    names, broken, written = chosen(systems), dict[str, str](), []
    for name in names:
        if len(names) == 1:
            written.append(str(write(room(name), store, at, to)))
            continue
        with set_aside(name, broken):
            written.append(str(write(room(name), store, at, to)))
    problems: dict[str, str] = {}
    if readme and Path(readme).is_file() and renew_readme(Path(readme), to, problems):
        written.append(readme)
    for name, problem in problems.items():
        warn(problem, f"{name} is not in {readme}:")
    if as_json:
        print_json({"written": written})
    elif written:
        out.print("\n".join(written), soft_wrap=True)
    if broken or problems:
        raise typer.Exit(1)


def query(
    sql: str = typer.Argument(help="A query on the tables runs and quantities."),
    out_folder: Path = OUT,
    store_url: str | None = STORE,
    as_json: bool = typer.Option(False, "--json", help="Print rows as JSON."),
) -> None:
    """Ask the store in SQL (DuckDB), e.g. "select experiment, run_s from runs"."""
    from symplast.lab.query import query as ask
    from symplast.lab.store import Store

    answer = ask(Store(store_url or out_folder / "runs"), sql)
    if as_json:
        typer.echo(answer.to_json(orient="records", date_format="iso"))
    else:
        write_text(answer.to_string(index=False) if len(answer) else "no rows")


def readable(systems: list[str] | None, stored: "list[Run]", broken: dict[str, str]) -> "list[Audit]":
    """Audits of the systems asked for, or of all that have runs; what is wrong with a system goes into ``broken``."""
    from symplast.lab.audit import audit, newest
    from symplast.lab.registry import room

    if not systems:
        tell_refused()
    found = []
    for name in chosen(systems):
        with set_aside(name, broken):
            if any(run.system == name for run in stored):
                found.append(audit(room(name), *newest(stored, room(name))))
                room(name).outline()
            elif systems:
                found.append(audit(room(name), [], "quick"))
    if not found and not broken:
        raise ValueError("there are no runs in the store; measure first: symplast reproduce")
    return found
