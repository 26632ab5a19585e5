"""Figures: what people and the published models do, what the light of a diet does, scanpaths, symmetry and chance."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from symplast.lab.theme import COLOURS, INK, mark_published, new_figure
from symplast.visual_search.study import study

PEOPLE, MODEL, OTHER = COLOURS[1], COLOURS[0], COLOURS[2]
TITLES = {
    "curvature": "curvature", "lighting": "lighting", "intersection": "intersection", "letters": "T and L",
    "orientation": "orientation", "orientation_mixed": "mixed orientation",
}  # fmt: skip
NAMES = {
    "curvature": ("line in curves", "curve in lines"), "lighting": ("left-right", "top-down"),
    "intersection": ("cross", "non-cross"), "letters": ("L", "T"), "orientation": ("vertical", "tilted"),
    "orientation_mixed": ("tilted", "vertical"),
}  # fmt: skip
DIETS = {"above": "light from above", "side": "from the side", "uniform": "from everywhere", "untrained": "untrained"}


@study.figure(
    "published",
    caption="Reaction time against set size in six tasks: people (orange, published means) and eccNET (blue, "
    "with standard "
    "errors over trials), with least-squares lines; solid the condition that is harder for people, dashed the other. "
    "Titles: index of people and of eccNET with its 95 % interval; 'floor' where a slope is below 1 ms per item.",
    alt="Six panels of lines. People are slower in the solid condition everywhere; eccNET too, except for orientation.",
)
def asymmetry(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(2, 3, width=8.4, height=5.2)
    for axes, task in zip(panels.ravel(), ds.task.values, strict=True):
        for who, colour in (("human", PEOPLE), ("eccNET", MODEL)):
            for which, style, marker in (("harder", "-", "o"), ("easier", "--", "s")):
                rows = ds.rt.sel(shown=who, task=task, which=which).values
                sizes, times, errors = rows[np.isfinite(rows[:, 0])].T
                error = errors if who == "eccNET" else None
                axes.errorbar(sizes, times, error, fmt=marker, color=colour, capsize=2, markersize=4,
                              mfc=colour if which == "harder" else "white")  # fmt: skip
                axes.plot(sizes, np.polyval(np.polyfit(sizes, times, 1), sizes), style, color=colour, linewidth=1.3)
        people, model = (float(ds.ai.sel(who=who, task=task)) for who in ("human", "eccNET"))
        low, high = ds.ai_ends.sel(model="eccNET", task=task).values
        floor = ", floor" if bool(ds.at_floor.sel(model="eccNET", task=task)) else ""
        axes.set_title(f"{TITLES[task]}: {people:.2f} | {model:.2f} [{low:.2f}, {high:.2f}]{floor}", fontsize=8.2)
        axes.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
        axes.set_ylim(bottom=300)
        harder, easier = NAMES[task]
        axes.text(0.03, 0.97, f"solid: {harder}\ndashed: {easier}", transform=axes.transAxes, va="top", fontsize=7)
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.18 * (high - low))
    for axes in panels[1]:
        axes.set_xlabel("set size (items)")
    for axes in panels[:, 0]:
        axes.set_ylabel("reaction time (ms)")
    handles = [Line2D([], [], color=colour, marker="o", label=label)
               for colour, label in ((PEOPLE, "people"), (MODEL, "eccNET"))]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


@study.figure(
    "published",
    caption="Asymmetry index of the reference's models by task, and its mean at the right, with 95 % intervals over "
    "trials; dashed: people. Hollow: a slope is at floor (below 1 ms per item), where the index says nothing of "
    "the size of "
    "a difference. Orange: the network raised on turned scenes, whose mean index is the largest; the fifth task is "
    "reversed in eccNET.",
    alt="Columns of dots scattered between -1 and 1, many of them hollow; the orange dot has the highest mean.",
)
def models(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, 7, width=9.2, height=3.9, sharey=True)
    names = [str(name) for name in ds.model.values]
    for axes, task in zip(panels, [*ds.task.values, None], strict=True):
        for row, name in enumerate(names):
            if task is None:
                value, ends, floor = float(ds.mean_index.sel(who=name)), ds.mean_ends.sel(model=name).values, False
            else:
                value, ends = float(ds.ai.sel(who=name, task=task)), ds.ai_ends.sel(model=name, task=task).values
                floor = bool(ds.at_floor.sel(model=name, task=task))
            colour = COLOURS[1] if name == "eccNET_places365_90" else COLOURS[0]
            axes.plot(ends, [row, row], color=colour, linewidth=1.2)
            axes.plot(value, row, "o", color=colour, mfc="white" if floor else colour)
        people = float(ds.mean_index.sel(who="human") if task is None else ds.ai.sel(who="human", task=task))
        mark_published(axes, x=people, label=None)
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.set(xlim=(-1.15, 1.15), title="mean of six" if task is None else TITLES[task])
        axes.set_xticks([-1, 0, 1])
    panels[0].set_yticks(range(len(names)), [name.replace("eccNET_", "") for name in names])
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    panels[3].set_xlabel("asymmetry index (positive: as in people)")
    return figure


@study.figure(
    "diets",
    caption="Left and middle: difference D of the guidance margin, top-down minus left-right, of networks raised "
    "under four "
    "lights (a dot a network; bars: 95 % interval over networks, or over displays where there is one network); "
    "dotted: the "
    "bounds of the claim. Positive: the top-down target guides better, as in people. Right: a display of each "
    "condition, and "
    "the first attention map of a network raised under light from above (A) and from the side (S); ring: the target.",
    alt="D is positive under light from above and negative under light from the side. The maps peak at the "
    "target in the "
    "top-down display for A, in the left-right display for S.",
)
def lit_world(ds: xr.Dataset) -> Figure:
    from symplast.visual_search.displays import array_trials

    figure, grid = new_figure(2, 5, width=9.4, height=3.6, gridspec_kw={"width_ratios": [1.5, 1.5, 1, 1, 1]})
    lights = [str(light) for light in ds.light.values]
    for column, match in enumerate(("dot", "cosine")):
        spec = grid[0, column].get_gridspec()[:, column]
        for axes in grid[:, column]:
            axes.remove()
        axes = figure.add_subplot(spec)
        for row, light in enumerate(lights):
            values = ds.difference.sel(light=light, match=match).values
            spread = 0.1 * (np.arange(values.size) - (values.size - 1) / 2)
            axes.plot(row + spread, values, "o", color=COLOURS[row % 6], markersize=4)
            ends = _ends(ds, light, match, values)
            axes.errorbar(row, values.mean(), ends, fmt="_", color=INK, capsize=4, markersize=12)
        axes.axhline(0, color=INK, linewidth=0.8)
        for bound in (-0.1, 0.1):
            axes.axhline(bound, color=INK, linewidth=0.8, linestyle=":")
        axes.set_xticks(range(len(lights)), [DIETS[light].replace(" ", "\n") for light in lights], fontsize=7)
        axes.set(xlim=(-0.5, len(lights) - 0.5), title=f"{match} match", ylim=(-1.15, 1.15))
        if not column:
            axes.set_ylabel("D (top-down minus left-right)")
    for row, condition in enumerate(ds.condition.values):
        shown = array_trials("lighting", str(condition), 12, 1, 0, 15)
        down, right = shown.corners[0, 0] + shown.target.shape[-1] / 2
        pictures = [(ds.display.sel(condition=condition), "gray", "display")]
        pictures += [(ds.first_map.sel(condition=condition, raised=raised), "magma", f"map, {mark}")
                     for raised, mark in (("above", "A"), ("side", "S"))]  # fmt: skip
        for column, (picture, colours, title) in enumerate(pictures, 2):
            axes = grid[row, column]
            axes.imshow(picture, cmap=colours)
            axes.plot(right, down, "o", mfc="none", mec="#2fa37c", markersize=17, markeredgewidth=1.3)
            axes.set_xticks([])
            axes.set_yticks([])
            for side in axes.spines.values():
                side.set_visible(False)
            if not row:
                axes.set_title(title)
        grid[row, 2].set_ylabel({"top_down": "top-down", "left_right": "left-right"}[str(condition)])
    return figure


def _ends(ds: xr.Dataset, light: str, match: str, values: np.ndarray) -> Any:
    name = f"d_{light}_{match}"
    if values.size > 1:
        from symplast import stats

        return stats.mean_and_half_width(values)[1]
    if f"{name}_low" in ds:
        return [[float(ds[name] - ds[f"{name}_low"])], [float(ds[f"{name}_high"] - ds[name])]]
    return None


@study.figure(
    "diets",
    caption="Slopes of the lighting search by network: reaction time per item in the top-down (blue) and "
    "left-right (orange) "
    "condition, a line a network. The size of a slope varies widely between networks and often sits at floor, "
    "which is why "
    "the claim rests on D.",
    alt="Under light from above the left-right slope is the larger one; under light from the side the other way round.",
)
def lit_slopes(ds: xr.Dataset) -> Figure:
    searched = [str(match) for match in ds.searched.values]
    figure, panels = new_figure(1, len(searched), width=3.9 * len(searched), height=2.9, sharey=True, squeeze=False)
    for axes, match in zip(panels[0], searched, strict=True):
        for row, light in enumerate(ds.light.values):
            values = ds.slopes.sel(light=light, searched=match)
            top, left = (values.sel(condition=c).values for c in ("top_down", "left_right"))
            at = row + 0.08 * (np.arange(top.size) - (top.size - 1) / 2)
            axes.plot([at, at], [top, left], color=INK, linewidth=0.8)
            axes.plot(at, top, "o", color=COLOURS[0], label="top-down" if not row else None)
            axes.plot(at, left, "s", color=COLOURS[1], label="left-right" if not row else None)
        axes.set_xticks(
            range(ds.sizes["light"]), [DIETS[str(v)].replace(" ", "\n") for v in ds.light.values], fontsize=7
        )
        axes.set(title=f"{match} match", xlim=(-0.5, ds.sizes["light"] - 0.5))
        mark_published(axes, y=252.359 / 2, label="chance")
    panels[0, 0].set_ylabel("slope (ms per item)")
    handles = panels[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


@study.figure(
    "scanpaths",
    caption="Natural search of people, eccNET and IVSN (no foveated pooling). Top: share of trials in which the "
    "target is "
    "found by a fixation, with standard errors. Bottom: lengths of saccades, the first one left out; lines: medians.",
    alt="eccNET's saccades are as short as people's, IVSN's several times longer; IVSN finds Waldo no less often.",
)
def natural(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(2, 3, width=8.4, height=4.8)
    labels = {"human_all": "people", "eccNET": "eccNET", "IVSN": "IVSN"}
    colours = dict(zip(ds.who.values, (PEOPLE, MODEL, OTHER), strict=True))
    for (top, bottom), name in zip(panels.T, ds.set.values, strict=True):
        for who, colour in colours.items():
            own = ds.sel(set=name, who=who)
            k = np.arange(own.sizes["fixation"])
            top.plot(k, own.found, color=colour, label=labels[str(who)])
            top.fill_between(k, own.found - own.found_error, own.found + own.found_error, color=colour, alpha=0.2)
            bottom.plot(ds.degree, own.lengths / own.lengths.sum(), color=colour, drawstyle="steps-mid")
            bottom.axvline(float(own["median"]), color=colour, linestyle="--", linewidth=1)
        top.set(title={"ObjArr": "object arrays", "Waldo": "Waldo", "NaturalDesign": "natural scenes"}[str(name)],
                ylim=(0, 1.02), xlabel="fixation")  # fmt: skip
        bottom.set(xlabel="saccade (deg)")
    panels[0, 0].set_xlim(0, 7)
    panels[0, 0].set_ylabel("share found")
    panels[1, 0].set_ylabel("share of saccades")
    figure.legend(handles=panels[0, 0].get_legend_handles_labels()[0], loc="outside upper center", ncols=3)
    return figure


@study.figure(
    "turn",
    caption="Largest difference between the attention map of a turned image under turned kernels and the turned "
    "map, over its "
    "maximum; a dot a network. Dashed: the bound of the claim.",
    alt="All dots lie below the bound.",
)
def symmetry(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=4.6, height=2.5)
    for turn in ds.turn.values:
        values = ds.differences.sel(turn=turn).values
        axes.semilogy(turn + 4 * (np.arange(values.size) - (values.size - 1) / 2), values, "o", color=COLOURS[0])
    mark_published(axes, y=1e-5, label=None)
    axes.set(xlabel="turn (deg)", ylabel="relative difference", ylim=(1e-8, 1e-4))
    axes.set_xticks(ds.turn.values)
    return figure


@study.figure(
    "random_search",
    caption="Visiting places in random order: mean reaction time against set size with the closed form dashed, and the "
    "asymmetry index of 20 pairs of such conditions with 95 % intervals over 200 trials a cell.",
    alt="A straight line on the closed form; nearly all intervals contain 0.",
)
def chance(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=6.6, height=2.7)
    left.plot(ds["size"], ds.mean_rt, "o", color=COLOURS[0], label="simulated")
    left.plot(ds["size"], 376.271 + 252.359 * (ds["size"] + 1) / 2, color=INK, linestyle="--", label="closed form")
    left.set(xlabel="set size (items)", ylabel="reaction time (ms)")
    left.legend()
    ai, low, high = ds.pairs.values.T
    at = np.arange(ai.size)
    right.vlines(at, low, high, color=COLOURS[0], linewidth=1.2)
    right.plot(at, ai, "o", color=COLOURS[0])
    right.axhline(0, color=INK, linewidth=0.8)
    right.set(xlabel="pair of conditions", ylabel="asymmetry index")
    return figure


@study.figure(
    "mirror",
    caption="D of networks that learned the direction of a light from everywhere, without and with images "
    "mirrored left and "
    "right at random; a line a seed. Positive: as in people.",
    alt="Pairs of dots joined by lines, for the dot and the cosine match.",
)
def mirrored(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, 2, width=5.6, height=2.8, sharey=True)
    for axes, match in zip(panels, ds.match.values, strict=True):
        values = ds.difference.sel(match=match).transpose("arm", "seed").values
        axes.plot([0, 1], values, color=INK, linewidth=0.8)
        axes.plot([0] * values.shape[1], values[0], "o", color=COLOURS[0])
        axes.plot([1] * values.shape[1], values[1], "o", color=COLOURS[1])
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_xticks([0, 1], ["no mirror", "mirrored"])
        axes.set(title=f"{match} match", xlim=(-0.4, 1.4))
    panels[0].set_ylabel("D (top-down minus left-right)")
    return figure
