"""Verdicts as tables in the terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.box import HORIZONTALS
from rich.table import Table
from rich.text import Text

from symplast.cli.console import styled, warn
from symplast.lab.published import read_published
from symplast.lab.verdicts import MARKS

if TYPE_CHECKING:
    from symplast.lab.audit import Audit
    from symplast.lab.published import Published
    from symplast.lab.registry import Room
    from symplast.lab.verdicts import Outcome

COLOURS: "dict[Outcome, str]" = {
    "reproduced": "green",
    "partly": "yellow",
    "refuted": "red",
    "inconclusive": "cyan",
    "not testable here": "bright_black",
    "not run": "bright_black",
}


def coloured(outcome: "Outcome") -> tuple[str, str]:
    """An outcome with its mark, so that colour is never the only sign; text and style."""
    return f"{MARKS[outcome]} {outcome}", COLOURS[outcome]


def counts(found: "Mapping[Outcome, int]") -> Text:
    """Counts of outcomes, one a line."""
    lines = [(f"{n} {outcome}", COLOURS[outcome]) for outcome, n in found.items()]
    return Text("\n").join(Text(*line) for line in lines) if lines else Text("none", "bright_black")


def published_verdicts(room: "Room") -> "Published | None":
    """A system's published verdicts; None, with a word on stderr, where their file is damaged."""
    try:
        return read_published(room)
    except (ValueError, OSError) as error:
        warn(error)
        return None


def verdict_table(audit: "Audit") -> Table:
    """A system's claims with what was published and measured, and the verdict next to the published one."""
    from symplast.lab.audit import claim_row
    from symplast.lab.numbers import shown

    published = published_verdicts(audit.room)
    changed = f"; parameters changed: {', '.join(audit.changed)}" if audit.changed else ""
    system = audit.room.claims.system
    title = f"{audit.room.name}: {system.title}{system.qualifier} ({audit.scale} scale{changed})"
    table = Table(title=title, title_justify="left", box=HORIZONTALS, show_lines=True, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("claim", ratio=5, overflow="fold")
    table.add_column("measured", ratio=3, overflow="fold")
    table.add_column("verdict", min_width=14, overflow="fold")
    for verdict in audit.verdicts:
        row = claim_row(verdict, audit)
        unit = row["parts"][0]["unit"] if row["parts"] else ""
        near = bool(verdict.judgements) and verdict.judgements[0].part.rule.near is not None
        paper = "" if row["published"] is None else f"\npaper: {row['published']}"
        measured = shown(row["measured"], row["interval"], unit, digits=6 if near else 4)
        before = published.next_to(row["id"], verdict.outcome, system.qualifier) if published else ""
        table.add_row(
            verdict.claim.id,
            styled(verdict.claim.says, (paper, "dim")),
            measured,
            styled(
                coloured(verdict.outcome),
                system.qualifier if verdict.judgements else "",
                (" (stale)" if verdict.stale else "", "yellow"),
                (f"\npublished: {before}" if before else "", "dim"),
            ),
        )
    return table
