"""The page of speeds: what was measured next to peers as a picture, and every row that has a target as a table."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from symplast.lab.theme import COLOURS, INK, new_figure


class Comparison(NamedTuple):
    """The same work done by symplast and by a peer.

    Attributes:
        room: file of results.
        work: what was done, and who the peer is.
        times_faster: the peer's time over ours.
        between: lowest and highest of several pairs, None where one was measured.
        target: the ratio that was aimed at, or None.
        limit: what holds the ratio back, or nothing.
    """

    room: str
    work: str
    times_faster: float
    between: list[float] | None
    target: float | None
    limit: str


def records(folder: Path) -> dict[str, dict[str, Any]]:
    """Name -> everything in a file of results; rows whose limit is known have it as ``limit``."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    limits = tomllib.loads((folder.parent / "limits.toml").read_text(encoding="utf-8"))
    for room, of_rows in limits.items():
        for row in found[room]["results"]:
            if row_name(row) in of_rows:
                row["limit"] = of_rows[row_name(row)]
    return found


def row_name(row: dict[str, Any]) -> str:
    """What a row measures, in words."""
    return str(row.get("what") or row.get("command") or f"{row['work']}, over {row['who']}")


def comparisons(found: dict[str, dict[str, Any]]) -> list[Comparison]:
    """All rows that have a peer; of rows with a ``who`` the first of a work is ours."""
    rows = []
    for room, record in found.items():
        for row in [*record["results"], *_paired(record["results"])]:
            if "times_faster" in row and "peer" in row:
                more = row.get("between"), row.get("target"), row.get("limit", "")
                rows.append(Comparison(room, row["what"], row["times_faster"], *more))
    return rows


def _paired(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of who did how much of a work, as comparisons with the fastest of ours; rates are the larger the better."""
    works = {row["work"] for row in rows if "who" in row}
    for work in sorted(works):
        done = [row for row in rows if row.get("work") == work]
        ours = [row for row in done if row["who"].startswith("symplast")]
        for unit in {row["unit"] for row in done}:
            rate = unit.endswith("/s")
            mine = [row["value"] for row in ours if row["unit"] == unit]
            for row in done:
                if mine and row["unit"] == unit and not row["who"].startswith("symplast"):
                    best = max(mine) if rate else min(mine)
                    ratio = best / row["value"] if rate else row["value"] / best
                    yield {"what": f"{work}, over {row['who']}", "peer": row["who"], "times_faster": ratio} | {
                        key: row[key] for key in ("between", "limit") if key in row
                    }


def picture(rows: list[Comparison]) -> Figure:
    """One point a comparison, on a logarithmic axis: right of 1 symplast is faster."""
    rooms = list(dict.fromkeys(row.room for row in rows))
    places, heads, at = [], [], 0.0
    for room in rooms:
        heads.append((at, room))
        at += 1
        for row in rows:
            if row.room == room:
                places.append((at, row))
                at += 1
        at += 0.4
    figure, axes = new_figure(width=8.6, height=0.185 * at + 0.9)
    side = axes.get_yaxis_transform()
    for place, row in places:
        colour = COLOURS[0] if row.times_faster >= 1 else COLOURS[1]
        if row.between:
            axes.plot(row.between, [place, place], color=colour, linewidth=2.2, solid_capstyle="butt", alpha=0.55)
        axes.plot(row.times_faster, place, "o", color=colour, markersize=4.5)
        if row.target is not None:
            axes.plot(row.target, place, "|", color=INK, markersize=8, markeredgewidth=1.4)
        ratio = row.times_faster
        number = f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.2g}"
        axes.annotate(number, (1.015, place), xycoords=side, va="center", fontsize=7.5, color=INK)
    axes.axvline(1, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    axes.set_xscale("log")
    axes.set_yticks(
        [place for place, _ in [*heads, *places]], [room for _, room in heads] + [r.work for _, r in places]
    )
    for label in axes.get_yticklabels()[: len(heads)]:
        label.set_fontweight("bold")
    for label in axes.get_yticklabels():
        label.set_fontsize(7.5)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(at, -1)
    axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.6)
    axes.set_xlabel("times faster than the peer: point, range of pairs (bar), target (tick)")
    return figure


def table(found: dict[str, dict[str, Any]]) -> str:
    """Every measured speed that has a target or a named limit, in Markdown."""
    measured = ("times_faster", "value", "ratio", "overhead", "seconds")
    lines = []
    for room, record in found.items():
        load = record.get("load_average")
        busy = f", load {load:.1f}" if isinstance(load, float) else ""
        versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items() if version)
        lines += [f"## {room}", "", f"{record['date']}, {record['machine']}{busy}; {versions}.", ""]
        lines += ["| work | measured | target | met |", "|---|--:|--:|---|"]
        for row in record["results"]:
            target, limit = row.get("target", row.get("target_overhead")), row.get("limit", "")
            if not limit and not isinstance(target, int | float):
                continue
            work = row_name(row)
            number = next((row[name] for name in measured if name in row), None)
            unit = f" {row['unit']}" if "unit" in row else " x" if "times_faster" in row else ""
            shown = "" if number is None else f"{number:.3g}{unit}"
            met = "" if target is None else "yes" if row.get("met") else "**no**"
            text = " | ".join([work.replace("|", "\\|") + (f" ({limit})" if limit else ""), shown])
            lines.append(f"| {text} | {'' if target is None else f'{target:g}'} | {met} |")
        lines.append("")
    return "\n".join(lines)
