"""Figures of what the catalogue promises: search by ranker, verdicts by system, their history, simulated months."""

from datetime import UTC, datetime, timedelta

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from symplast.catalogue.study import study
from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, new_figure
from symplast.lab.verdicts import MARKS, OUTCOMES

VERDICT_COLOURS = [COLOURS[2], COLOURS[5], "#d1495b", COLOURS[0], INK, "#a9b0b8"]
"""In the order of OUTCOMES."""


@study.figure(
    "search",
    caption="Share of questions whose system is among the first three, and mean reciprocal rank, for each ranker alone "
    "and fused, with 95 % intervals over questions; dashed: what is promised.",
    alt="Two panels of points with intervals. The fused ranking is above the promised level in both.",
)
def rankers(evidence: xr.Dataset) -> Figure:
    """Recall and reciprocal rank by ranker."""
    from symplast import stats

    names = [str(name) for name in evidence.ranker.values]
    figure, panels = new_figure(1, 2, width=7.2, height=1.1 + 0.42 * len(names), sharey=True)
    for axes, quantity, promised, label in zip(
        panels,
        ("found_by", "reciprocal_by"),
        (0.85, 0.8),
        ("questions answered among the first 3 (share)", "mean reciprocal rank"),
        strict=True,
    ):
        for row, samples in enumerate(evidence[quantity].values):
            if samples.dtype.kind == "b":
                found = stats.clopper_pearson(int(samples.sum()), samples.size)
            else:
                found = stats.bootstrap(samples, np.mean, method="bca")
            axes.plot([found.low, found.high], [row, row], color=COLOURS[row], linewidth=2.5, alpha=0.7)
            axes.plot(found.value, row, "o", color=COLOURS[row])
        mark_published(axes, x=promised, label=None)
        axes.set(xlabel=label, xlim=(min(0.7, axes.get_xlim()[0]), 1.0), ylim=(len(names) - 0.5, -0.5))
    panels[0].set_yticks(range(len(names)), names)
    return figure


@study.figure(
    "truth",
    caption="Claims by published verdict, one bar a system, as the cards show them when only the claims' text is "
    "compared. Signs stand for verdicts, so that colour is not needed.",
    alt="Horizontal stacked bars, one for each system, divided by verdict and marked by signs.",
)
def verdicts(evidence: xr.Dataset) -> Figure:
    """Stacked bars of outcomes."""
    systems, counts = [str(name) for name in evidence.system.values], evidence.counts.values
    figure, axes = new_figure(width=7.2, height=1.0 + 0.27 * len(systems))
    left = np.zeros(len(systems))
    for column, outcome in enumerate([*OUTCOMES, "stale"]):
        colour = VERDICT_COLOURS[column] if column < len(OUTCOMES) else "none"
        numbers = counts[:, column]
        if not numbers.any():
            continue
        sign = MARKS.get(outcome, "")  # type: ignore[call-overload]
        hatch = "////" if outcome == "stale" else None
        bars = axes.barh(
            range(len(systems)), numbers, left=left, color=colour, hatch=hatch, edgecolor=INK if hatch else "none",
            linewidth=0.4, height=0.72, label=f"{sign} {outcome}".strip(),
        )  # fmt: skip
        axes.bar_label(
            bars,
            [str(n) if n > 1 else "" for n in numbers],
            label_type="center",
            fontsize=7,
            color="white" if column < 5 else INK,
        )
        left += numbers
    axes.set_yticks(range(len(systems)), systems)
    axes.set(xlabel="claims", ylim=(len(systems) - 0.4, -0.6))
    legend_above(axes, columns=4)
    return figure


@study.figure(
    "feeds",
    caption="History of the published verdicts: systems down, time across, one sign an event. A triangle is a system's "
    "first verdicts or a change of scale; else the sign of the new verdict.",
    alt="Signs along one line for each system, over the days since the first publication.",
)
def history(evidence: xr.Dataset) -> Figure:
    """One tick an event."""
    systems = [str(name) for name in evidence.event.values]
    rows = sorted(
        set(systems), key=lambda name: min(t for t, s in zip(evidence.day.values, systems, strict=True) if s == name)
    )
    figure, axes = new_figure(width=7.2, height=1.0 + 0.27 * max(len(rows), 1))
    free: dict[str, float] = {}
    gap = (float(np.ptp(evidence.day.values)) if len(rows) else 0.0) / 60
    for day, outcome, system in zip(evidence.day.values, evidence.outcome.values, systems, strict=True):
        place = max(float(day), free.get(system, 0.0))  # signs of one moment stand side by side
        free[system] = place + gap
        _tick(axes, place, rows.index(system), int(outcome))
    axes.set_yticks(range(len(rows)), rows)
    for row in range(len(rows)):
        axes.axhline(row, color=INK, linewidth=0.3, alpha=0.4, zorder=0)
    if len(rows):
        first, last = float(evidence.day.min()), float(evidence.day.max())
        days = np.arange(np.floor(first), np.ceil(last) + 1, max(1, np.ceil((last - first) / 6)))
        begin = datetime(1970, 1, 1, tzinfo=UTC)
        axes.set_xticks(days, [str((begin + timedelta(days=float(day))).date()) for day in days])
        axes.set(xlim=(days[0] - 0.2, days[-1] + 0.2))
    axes.set(xlabel="day of publication (UTC)", ylim=(len(rows) - 0.4, -0.6))
    return figure


@study.figure(
    "months",
    caption="What happened in the simulated months: numbers a month of digests, confirmations, crashes and repeats "
    "after a crash. None of them broke a promise where violations are 0.",
    alt="Four histograms of numbers a month.",
)
def months(evidence: xr.Dataset) -> Figure:
    """Histograms of what happened."""
    shown = ["digests", "confirmations", "crashes", "repeats"]
    figure, panels = new_figure(1, len(shown), width=7.2, height=2.3, sharey=True)
    for axes, name, colour in zip(panels, shown, COLOURS, strict=False):
        values = evidence.counts.sel(what=name).values
        axes.hist(values, bins=np.arange(values.max() + 2) - 0.5, color=colour)
        axes.set(xlabel=f"{name} a month", title=f"{int(values.sum()):,} in all")
    panels[0].set_ylabel("months")
    figure.suptitle(f"{evidence.sizes['month']:,} months, {int(evidence.violations)} violations", fontsize=9)
    return figure


def _tick(axes: Axes, day: float, row: int, outcome: int) -> None:
    sign, colour = ("▸", INK) if outcome < 0 else (MARKS[OUTCOMES[outcome]], VERDICT_COLOURS[outcome])
    axes.text(
        day, row, sign, color=colour, ha="center", va="center", fontsize=9, fontweight="bold", fontfamily="DejaVu Sans"
    )
