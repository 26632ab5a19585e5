"""Figures of a user's own samples and strategies."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from symplast import stats
from symplast.lab.theme import COLOURS, INK, new_figure
from symplast.molecular.strategies import StrategyComparison

MOST_GROUPS = 12
MARKERS = "osD^vP*X"


def strip(axes: Any, at: float, values: np.ndarray, colour: str, width: float = 0.32) -> None:
    """Samples of one group as dots next to each other, and their mean with its 95 % interval (t)."""
    spread = width * (np.argsort(np.argsort(values)) * 0.618034 % 1 - 0.5)  # even, and the same each time
    axes.plot(at + spread, values, "o", color=colour, markersize=3, alpha=0.55, linestyle="none")
    if len(values) > 1:
        mean = stats.mean_interval(values)
        axes.errorbar(at + 0.3, mean.value, yerr=[[mean.value - mean.low], [mean.high - mean.value]], color=INK,
                      fmt="D", markersize=4.5, capsize=3)  # fmt: skip


def samples_figure(sr: np.ndarray, labels: Sequence[str] | None = None) -> Figure:
    """Signalling entropy rate of each sample, by group where there are labels."""
    names = ["all samples"] if labels is None else list(dict.fromkeys(map(str, labels)))
    shown = names[:MOST_GROUPS]
    figure, axes = new_figure(width=max(3.6, 1.2 * len(shown) + 1.2), height=3.2)
    own = np.array(["all samples"] * len(sr) if labels is None else list(map(str, labels)))
    for at, name in enumerate(shown):
        strip(axes, at, sr[own == name], COLOURS[at % len(COLOURS)])
    axes.set_xticks(range(len(shown)), [f"{name[:18]}\n(n = {int((own == name).sum())})" for name in shown])
    axes.set(ylabel="signalling entropy rate, share of the largest", xlim=(-0.5, len(shown) - 0.4))
    return figure


def strategies_figure(found: StrategyComparison) -> Figure:
    """Share of networks that each strategy cures, against temperature, with exact 95 % intervals."""
    table = found.table()
    numbers = list(dict.fromkeys(name.split(", ")[1] for name in found.drugs))
    figure, panels = new_figure(1, len(numbers), width=2.6 * len(numbers) + 0.6, height=3.0, squeeze=False, sharey=True)
    for axes, number in zip(panels[0], numbers, strict=True):
        own = [name for name in found.drugs if name.endswith(f", {number}")]
        for i, name in enumerate(own):
            rows = table[(table.drug == name) & (table.networks > 0)]
            if len(rows):
                ends = [rows.success - rows.success_low, rows.success_high - rows.success]
                axes.errorbar(rows["T"] + 0.006 * (i - 1), rows.success, yerr=ends, color=COLOURS[i % len(COLOURS)],
                              marker=MARKERS[i % len(MARKERS)], capsize=2, label=name.split(",")[0])  # fmt: skip
        axes.set(xlabel="temperature T (rigid to plastic)", title=f"{number} targets", ylim=(-0.04, 1.04))
    panels[0, 0].set_ylabel("share of networks cured")
    handles = panels[0, 0].get_legend_handles_labels()[0]
    if handles:
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure
