"""How figures look: one palette and one set of sizes, readable on white and on near-black.

Text and axes are drawn in INK, which the report turns into the page's text colour: one SVG serves light and dark.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import xarray as xr
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#5b6470"
"""Colour of text and axes: a grey that is legible on both backgrounds; ``currentColor`` in the report."""

COLOURS = ["#2f7fd1", "#e07b39", "#2fa37c", "#c2568f", "#8a6fd1", "#b3902f"]
"""Data colours: mid-tones with a contrast of at least 3:1 on white and on #14171c, told apart by the colour-blind."""

STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "symplast",
}


def new_figure(
    rows: int = 1, columns: int = 1, *, width: float = 7.2, height: float = 3.2, **options: Any
) -> tuple[Figure, Any]:
    """A figure and its axes in the style of all figures.

    Args:
        rows, columns: of axes.
        width, height: inches.
        **options: passed to ``Figure.subplots`` (``sharex``, ``sharey``, ``squeeze``, ``gridspec_kw``).

    Returns:
        The figure, and its axes as ``Figure.subplots`` gives them.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots(rows, columns, **options)


def mark_published(axes: Axes, *, x: float | None = None, y: float | None = None, label: str | None = "paper") -> None:
    """Mark the paper's value with a dashed line; ``label=None`` leaves it unlabelled."""
    style: dict[str, Any] = {"color": INK, "linestyle": (0, (4, 3)), "linewidth": 1.2, "zorder": 1}
    if x is not None:
        axes.axvline(x, label=label, **style)
    if y is not None:
        axes.axhline(y, label=label, **style)


def render(figure: Figure, kind: Literal["svg", "png"] = "svg") -> bytes:
    """The figure as SVG (the same bytes each time) or as PNG at 160 dots per inch on white."""
    buffer = BytesIO()
    with mpl.rc_context(STYLE):
        if kind == "svg":
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        else:
            figure.savefig(buffer, format="png", dpi=160, facecolor="white")
    return buffer.getvalue()


def mean_over_seeds(samples: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """For error bars: means over the dimension ``seed``, and half widths of 95 % t intervals (NaN where seeds are one).

    Example:
        >>> mean, half = mean_over_seeds(xr.DataArray([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]], dims=("rule", "seed")))
        >>> mean.tolist(), half.round(3).tolist()
        ([2.0, 5.0], [2.484, 0.0])
    """
    rows = samples.transpose("seed", ...).values
    if len(rows) < 2:
        return rows[0], np.full_like(rows[0], np.nan, dtype=float)
    from symplast import stats

    return stats.mean_and_half_width(rows)


def percent_limits(axes: Axes) -> None:
    """No accuracy below 0 or above 100 %, however wide the interval of a few seeds."""
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, 0), min(high, 100))


def legend_above(axes: Axes, columns: int = 3, handles: Sequence[Any] | None = None) -> None:
    """A legend over the axes, where it covers no data."""
    options = {"handles": handles} if handles is not None else {}
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.02), ncols=columns, borderaxespad=0, **options)
