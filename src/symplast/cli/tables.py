"""Verdicts as tables in the terminal."""

from typing import TYPE_CHECKING, Any

from rich.box import HORIZONTALS
from rich.markup import escape
from rich.table import Table

from symplast.lab.published import read_published
from symplast.lab.verdicts import MARKS

if TYPE_CHECKING:
    from symplast.lab.audit import Audit
    from symplast.lab.verdicts import Outcome

COLOURS: "dict[Outcome, str]" = {
    "reproduced": "green",
    "partly": "yellow",
    "refuted": "red",
    "inconclusive": "cyan",
    "not testable here": "bright_black",
    "not run": "bright_black",
}


def coloured(outcome: Any) -> str:
    """An outcome with its mark, so that colour is never the only sign."""
    return f"[{COLOURS[outcome]}]{MARKS[outcome]} {outcome}[/]"


def counts(found: Any) -> str:
    """Counts of outcomes in one line."""
    return "  ".join(f"[{COLOURS[o]}]{n} {o}[/]" for o, n in found.items()) or "[bright_black]none[/]"


def verdict_table(audit: "Audit") -> Table:
    """A system's claims with what was published and measured, and the verdict beside the published one."""
    from symplast.lab.audit import claim_row
    from symplast.lab.numbers import shown

    published = read_published(audit.room)
    changed = f"; parameters changed: {', '.join(audit.changed)}" if audit.changed else ""
    system = audit.room.claims.system
    title = escape(f"{audit.room.name}: {system.title}{system.qualifier} ({audit.scale} scale{changed})")
    table = Table(title=title, title_justify="left", box=HORIZONTALS, show_lines=True, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("claim", ratio=5, overflow="fold")
    table.add_column("measured", ratio=3, overflow="fold")
    table.add_column("verdict", min_width=14, overflow="fold")
    for verdict in audit.verdicts:
        row = claim_row(verdict, audit)
        unit = row["parts"][0]["unit"] if row["parts"] else ""
        near = bool(verdict.judgements) and verdict.judgements[0].part.rule.near is not None
        paper = "" if row["published"] is None else f"\n[dim]paper: {escape(str(row['published']))}[/]"
        said = published.verdict(row["id"]) if published else None
        beside = "" if said is None else "same" if said == verdict.outcome else said + system.qualifier
        beside = beside and f"\n[dim]published: {beside}[/]"
        table.add_row(
            verdict.claim.id,
            escape(verdict.claim.says) + paper,
            escape(shown(row["measured"], row["interval"], unit, digits=6 if near else 4)),
            coloured(verdict.outcome)
            + (system.qualifier if verdict.judgements else "")
            + (" [yellow](stale)[/]" if verdict.stale else "")
            + beside,
        )
    return table
