"""Figures of a user's own search and reaction times."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from symplast.lab.theme import COLOURS, INK, new_figure
from symplast.visual_search.search import Search

if TYPE_CHECKING:
    from symplast.visual_search.asymmetry import Trials

MOST_MAPS = 7


def search_figure(image: Any, search: Search) -> Figure:
    """The image with numbered fixations, and the attention map before each saccade (the first seven).

    Args:
        image: (height, width[, 3]) grey levels 0..255.
        search: its result; maps are drawn where they were kept.
    """
    maps = [] if search.attention is None else list(search.attention[:MOST_MAPS])
    columns = 1 + min(len(maps), 4)
    rows = 1 if len(maps) <= 3 else 2
    columns = 1 + -(-len(maps) // rows)
    figure, panels = new_figure(rows, columns, width=min(2.6 * columns, 10.5), height=2.7 * rows, squeeze=False)
    axes = panels.ravel()
    _picture(axes[0], image)
    path = search.fixations
    axes[0].plot(path[:, 1], path[:, 0], "-", color=COLOURS[1], linewidth=1)
    for number, (row, column) in enumerate(path):
        last = number == len(path) - 1 and search.found
        axes[0].plot(column, row, "o", color=COLOURS[2] if last else COLOURS[1], markersize=11)
        axes[0].annotate(str(number), (column, row), color="white", fontsize=7, ha="center", va="center")
    axes[0].set_title(f"{'found' if search.found else 'not found'}, {search.n_saccades} saccades")
    for number, (panel, A) in enumerate(zip(axes[1:], maps, strict=False), 1):
        panel.imshow(A, cmap="magma")
        panel.plot(
            path[number, 1], path[number, 0], "o", mfc="none", mec=COLOURS[2], markersize=12, markeredgewidth=1.4
        )
        panel.set_title(f"before saccade {number}")
        panel.set_xticks([])
        panel.set_yticks([])
    for panel in axes[1 + len(maps) :]:
        panel.remove()
    return figure


def _picture(axes: Any, image: Any) -> None:
    levels = np.asarray(image)
    if levels.ndim == 3 and levels.shape[2] == 1:
        levels = levels[..., 0]
    axes.imshow(levels.astype(float) / 255, cmap="gray", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([])


def slopes_figure(trials: "Trials", conditions: list[str]) -> Figure:
    """Mean reaction time against set size with standard errors and least-squares lines, a colour a condition.

    Args:
        trials: checked trials.
        conditions: in order.
    """
    figure, axes = new_figure(width=4.6, height=3.2)
    for condition, colour in zip(conditions, COLOURS * (1 + len(conditions) // len(COLOURS)), strict=False):
        cells = trials.cells(condition)
        axes.errorbar(cells.set_size, cells.mean, cells.standard_errors, fmt="o", color=colour, capsize=3)
        label = condition
        if cells.set_size.size > 1:
            label += f": {cells.slope:.1f} ms per item"
            axes.plot(cells.set_size, cells.intercept + cells.slope * cells.set_size, color=colour)
        axes.plot([], [], "o-", color=colour, label=label)
    axes.set(xlabel="set size (items)", ylabel="reaction time (ms)")
    axes.legend(labelcolor=INK)
    return figure


def scanpath_figure(amplitude: dict[str, np.ndarray], curves: dict[str, np.ndarray], unit: str) -> Figure:
    """Lengths of saccades and the share found by each fixation, a colour a source.

    Args:
        amplitude: source -> lengths of all saccades.
        curves: source -> share found by fixation 0, 1, ...; empty where it is not known.
        unit: of the lengths.
    """
    figure, panels = new_figure(1, 2 if curves else 1, width=7.0 if curves else 4.0, height=2.9, squeeze=False)
    largest = max([float(v.max()) for v in amplitude.values() if v.size], default=1.0)
    edges = np.linspace(0, largest or 1.0, 25)
    for (name, values), colour in zip(amplitude.items(), COLOURS * len(amplitude), strict=False):
        if not values.size:
            continue
        heights = np.histogram(values, edges)[0] / values.size
        panels[0, 0].stairs(heights, edges, color=colour, label=name, linewidth=1.5)
        panels[0, 0].axvline(np.median(values), color=colour, linestyle="--", linewidth=1)
        if name in curves:
            panels[0, 1].plot(np.arange(curves[name].size), curves[name], "o-", color=colour, label=name)
    panels[0, 0].set(xlabel=f"saccade ({unit}); dashed: median", ylabel="share of saccades")
    panels[0, 0].legend()
    if curves:
        panels[0, 1].set(xlabel="fixation", ylabel="share found", ylim=(0, 1.03))
    return figure
