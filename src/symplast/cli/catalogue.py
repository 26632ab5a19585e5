"""``symplast list``, ``show`` and ``cite``: what there is, without computing anything."""

from pathlib import Path
from typing import Any

import typer

from symplast.cli.console import out, print_json
from symplast.cli.options import OUT, STORE, System, Systems, chosen


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("list")(list_systems)
    app.command()(show)
    app.command()(cite)


def list_systems(
    out_folder: Path = OUT,
    store_url: str | None = STORE,
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """List the systems with their papers and their last verdicts."""
    from symplast.lab.audit import audit, newest
    from symplast.lab.published import read_published
    from symplast.lab.registry import rooms
    from symplast.lab.store import Store

    stored = Store(store_url or out_folder / "runs").runs()
    rows: list[dict[str, Any]] = []
    for name, room in rooms().items():
        runs, scale = newest(stored, room, check_code=False)
        published = read_published(room)
        last = audit(room, runs, scale, check_code=False).counts if runs else {}
        rows.append(
            {
                "system": name,
                "title": room.claims.system.title + room.claims.system.qualifier,
                "arxiv": room.claims.paper.arxiv,
                "claims": len(room.claims.claim),
                "data": room.claims.system.data,
                "last": last,
                "published": published.counts if published else {},
            }
        )
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    from symplast.cli.tables import counts

    table = Table(pad_edge=False)
    for column in ("system", "what it is", "arXiv", "claims", "published verdicts", "your last run"):
        table.add_column(column, overflow="fold", no_wrap=column in ("system", "arXiv"))
    for row in rows:
        table.add_row(
            row["system"], row["title"], row["arxiv"], str(row["claims"]), counts(row["published"]), counts(row["last"])
        )
    out.print(table)


def show(
    system: System,
    out_folder: Path = OUT,
    store_url: str | None = STORE,
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Show a system: its paper, its claims, and the verdicts of your last run."""
    from symplast.lab.audit import audit, claim_row, newest
    from symplast.lab.registry import room
    from symplast.lab.store import Store

    place = room(system)
    runs, scale = newest(Store(store_url or out_folder / "runs").runs(), place)
    found = audit(place, runs, scale)
    if as_json:
        about = {"system": place.claims.system, "paper": place.claims.paper, "scale": scale if runs else None}
        print_json(about | {"claims": [claim_row(verdict, found) for verdict in found.verdicts]})
        return
    from symplast.cli.tables import verdict_table

    out.print(place.claims.system.title + place.claims.system.qualifier, style="bold", markup=False)
    out.print(f"{place.claims.system.summary.strip()}\n", soft_wrap=True, markup=False, highlight=False)
    out.print(f"{place.claims.paper.citation}\n", highlight=False, soft_wrap=True, markup=False)
    out.print(verdict_table(found))
    if not runs:
        out.print(f"Nothing measured yet. Measure: symplast reproduce {system}", highlight=False)


def cite(
    systems: Systems = None, as_json: bool = typer.Option(False, "--json", help="Print as JSON: system -> BibTeX.")
) -> None:
    """Print BibTeX of the papers behind SYSTEMS (default: all)."""
    from symplast.lab.registry import room

    entries = {name: room(name).claims.paper.bibtex() for name in chosen(systems)}
    if as_json:
        print_json(entries)
    else:
        typer.echo("\n\n".join(entries.values()))
