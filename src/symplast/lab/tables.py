"""Tables of published verdicts in Markdown, for README and docs: generated, never typed."""

from pathlib import Path

from symplast.lab.numbers import shown
from symplast.lab.published import Published, read_published
from symplast.lab.registry import Room, rooms
from symplast.lab.verdicts import OUTCOMES
from symplast.lab.whole_files import write_whole

BEGIN, END = "<!-- verdicts: begin (symplast publish writes this) -->", "<!-- verdicts: end -->"


def overview(folder: Path, problems: dict[str, str] | None = None) -> str:
    """Systems by number of claims with each verdict, from ``results/``.

    Args:
        folder: of the published verdicts.
        problems: takes what is wrong with a system that is left out.
    """
    lines = [
        "| system | paper | claims | " + " | ".join(OUTCOMES[:4]) + " | other | scale |",
        "|---|---|" + "--:|" * 6 + "---|",
    ]
    for name, room in rooms().items():
        try:
            published = read_published(room, folder)
            if published is not None:
                lines.append(_row(room, published))
        except Exception as error:
            if problems is None:
                raise
            problems[name] = f"{type(error).__name__}: {error}"
    return "\n".join(lines)


def _row(room: Room, published: Published) -> str:
    counts = published.counts
    other = sum(counts.get(outcome, 0) for outcome in OUTCOMES[4:])
    cells = [str(counts.get(outcome, "")) for outcome in OUTCOMES[:4]]
    paper = f"[{room.claims.paper.arxiv}]({room.claims.paper.url})" if room.claims.paper.arxiv else "ours"
    stale = " (stale)" if published.stale_claims(room) else ""
    title = f"`{room.name}` {room.claims.system.title}{room.claims.system.qualifier}"
    return (
        f"| {title} | {paper} | {len(published.claims)} | {' | '.join(cells)} | {other or ''} "
        f"| {published.scale}{stale} |"
    )


def claims_table(room: Room, published: Published | None) -> str:
    """A system's claims with published value, measured value and verdict."""
    if published is None:
        return "No verdicts are published for this system yet."
    lines = ["| | claim | paper | measured | verdict |", "|---|---|---|---|---|"]
    stale = set(published.stale_claims(room))
    for row in published.claims:
        name = row["id"].split(".")[1]
        unit = row["parts"][0]["unit"] if row["parts"] else ""
        said = "" if row["published"] is None else str(row["published"])
        why = f" {row['why']}" if row.get("why") else ""
        mark = " (stale)" if name in stale else ""
        cells = [
            name,
            row["says"],
            said,
            shown(row["measured"], row["interval"], unit),
            f"**{row['verdict']}{room.claims.system.qualifier if row['parts'] else ''}**{mark}.{why}",
        ]
        lines.append("| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |")
    made = published.runs[0].provenance
    return "\n".join(lines) + (
        f"\n\nMeasured at {published.scale} scale, published {published.published}, symplast "
        f"{made.versions['symplast']}, jax {made.versions['jax']}, on {made.machine}."
    )


def renew_readme(readme: Path, folder: Path, problems: dict[str, str] | None = None) -> bool:
    """Replace the table between the two marks in the README; True when it changed.

    A README without them is left alone.

    Args:
        readme: the file.
        folder: of the published verdicts.
        problems: takes what is wrong with a system that is left out; without it that is an error.
    """
    text = readme.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        return False
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    renewed = f"{head}{BEGIN}\n\n{overview(folder, problems)}\n\n{END}{tail}"
    if renewed == text:
        return False
    write_whole(readme, renewed)
    return True
