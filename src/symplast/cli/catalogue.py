"""``symplast list``, ``show`` and ``cite``: what there is, without computing anything."""

from pathlib import Path
from typing import Any

import typer

from symplast.cli.console import out, print_json, set_aside, tell_refused, write_text
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
    from symplast.cli.tables import counts, published_verdicts
    from symplast.lab.audit import audit, newest
    from symplast.lab.registry import rooms
    from symplast.lab.store import Store

    stored = Store(store_url or out_folder / "runs").runs()
    rows: list[dict[str, Any]] = []
    tell_refused()
    for name, room in rooms().items():
        with set_aside(name, {}):
            runs, scale = newest(stored, room, check_code=False)
            published = published_verdicts(room)
            last = audit(room, runs, scale, check_code=False).counts if runs else {}
            rows.append(
                {
                    "system": name,
                    "title": room.claims.system.title + room.claims.system.qualifier,
                    "arxiv": room.claims.paper.arxiv,
                    "date": room.claims.paper.day,
                    "topics": room.claims.system.topics,
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

    table = Table(pad_edge=False, show_lines=True)
    for column in ("system", "what it is", "published verdicts", "your last run"):
        table.add_column(column, no_wrap=column != "what it is", overflow="fold")
    for row in rows:
        about = f"{row['claims']} claims" + (f" of arXiv:{row['arxiv']}" if row["arxiv"] else "")
        table.add_row(row["system"], f"{row['title']}\n{about}", counts(row["published"]), counts(row["last"]))
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

    out.print(place.claims.system.title + place.claims.system.qualifier, style="bold")
    out.print(f"{place.claims.system.summary.strip()}\n", soft_wrap=True)
    out.print(f"{place.claims.paper.citation}\n", soft_wrap=True)
    out.print(verdict_table(found))
    if not runs:
        out.print(f"Nothing measured yet. Measure: symplast reproduce {system}")


def cite(
    systems: Systems = None, as_json: bool = typer.Option(False, "--json", help="Print as JSON: system -> BibTeX.")
) -> None:
    """Print BibTeX of the papers behind SYSTEMS (default: all)."""
    from symplast.lab.registry import room

    entries, broken = {}, dict[str, str]()
    for name in chosen(systems):
        with set_aside(name, broken):
            entries[name] = room(name).claims.paper.bibtex()
    if as_json:
        print_json(entries)
    elif entries:
        write_text("\n\n".join(entries.values()))
    if broken:
        raise typer.Exit(1)
