"""Pictures of a user's own results."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from symplast.lab.theme import COLOURS, INK, new_figure

if TYPE_CHECKING:
    from symplast.brain_alignment.encoding import EncodingResult


def roi_bars(result: "EncodingResult") -> Figure:
    """Scores of the regions with their intervals; circles are scores divided by the ceiling."""
    rows = [row for row in result.roi_table if not row.skipped]
    figure, axes = new_figure(width=max(3.6, 1.2 + 0.6 * len(rows)), height=3.2)
    at = np.arange(len(rows))
    for place, row in zip(at, rows, strict=True):
        axes.bar(place, row.score, width=0.6, color=COLOURS[0], alpha=0.7)
        ends = [[max(0, row.score - row.low)], [max(0, row.high - row.score)]]
        axes.errorbar(place, row.score, ends, color=INK, capsize=3)
        if row.normalised is not None:
            axes.plot(place, row.normalised, "o", mfc="none", color=COLOURS[1])
    if any(row.normalised is not None for row in rows):
        axes.plot([], [], "o", mfc="none", color=COLOURS[1], label="divided by the noise ceiling")
        axes.axhline(1, color=INK, linewidth=0.8, linestyle=":")
        axes.legend()
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xticks(at, [row.roi for row in rows], rotation=30 if len(rows) > 4 else 0)
    axes.set(ylabel="brain score (mean Pearson r, 95 % interval)", xlabel="region")
    return figure


def relation_scatter(x: Any, y: Any, names: list[str], x_label: str, y_label: str) -> Figure:
    """Models as points, with their names."""
    figure, axes = new_figure(width=4.6, height=3.6)
    axes.plot(x, y, "o", color=COLOURS[0])
    for name, a, b in zip(names, x, y, strict=True):
        axes.annotate(name, (a, b), textcoords="offset points", xytext=(4, 3), fontsize=6.5, color=INK)
    axes.set(xlabel=x_label, ylabel=y_label)
    return figure
