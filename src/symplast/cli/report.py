"""``symplast report``, ``publish`` and ``query``: what the runs in a store amount to."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from symplast.cli.console import out, print_json, tell_damages
from symplast.cli.options import OUT, STORE, Systems, as_scale, chosen

if TYPE_CHECKING:
    from symplast.lab.audit import Audit
    from symplast.lab.store import Store


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
    index = write_report(_audits(systems, store), store, out_folder, damages=store.damages)
    if as_json:
        print_json({"report": str(index)})
    else:
        out.print(f"report: {index}", highlight=False, soft_wrap=True, markup=False)
    if open_it:
        typer.launch(index.resolve().as_uri())


def publish(
    systems: Systems = None,
    scale: str = typer.Option("full", help="Scale of the verdicts: quick, full or paper."),
    to: Path = typer.Option(Path("results"), help="Folder of the published verdicts.", file_okay=False),
    readme: Path | None = typer.Option(Path("README.md"), help="File whose table of verdicts is renewed."),
    out_folder: Path = OUT,
    store_url: str | None = STORE,
    as_json: bool = typer.Option(False, "--json", help="Print the files written as JSON."),
) -> None:
    """Write verdicts to results/<system>.json, where docs and README take them from."""
    from symplast.lab.published import publish as write
    from symplast.lab.registry import room
    from symplast.lab.store import Store
    from symplast.lab.tables import renew_readme

    store = Store(store_url or out_folder / "runs")
    written = [str(write(room(name), store, as_scale(scale), to)) for name in chosen(systems)]
    if readme is not None and readme.exists() and renew_readme(readme, to):
        written.append(str(readme))
    if as_json:
        print_json({"written": written})
    else:
        out.print("\n".join(written), highlight=False, soft_wrap=True, markup=False)


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
        typer.echo(answer.to_string(index=False) if len(answer) else "no rows")


def _audits(systems: list[str] | None, store: "Store") -> "list[Audit]":
    """Audits of the systems asked for, or of all that have runs."""
    from symplast.lab.audit import audit, newest
    from symplast.lab.registry import room

    stored = store.runs(verify=True)
    tell_damages(store.damages)
    found = [audit(room(name), *newest(stored, room(name))) for name in chosen(systems)]
    found = [a for a in found if a.runs or systems]
    if not found:
        raise ValueError(f"no runs in {store.url}; measure first: symplast reproduce")
    return found
