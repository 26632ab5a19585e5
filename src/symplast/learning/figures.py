"""Figures of what composition shows, and the picture of a user's own comparison."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from symplast.lab.theme import COLOURS, INK, STYLE, legend_above, mean_over_seeds, new_figure
from symplast.learning.comparison import Comparison
from symplast.learning.study import study


@mpl.rc_context(STYLE)
def draw_comparison(found: Comparison) -> Figure:
    """The matrix of scores (rows are rules, columns transforms), and the mean score while learning."""
    table = found.table
    rules, transforms = list(dict.fromkeys(table["rule"])), list(dict.fromkeys(table["transform"]))
    score, half = np.full((2, len(rules), len(transforms)), np.nan)
    for row in table.to_dict("records"):
        place = rules.index(row["rule"]), transforms.index(row["transform"])
        score[place], half[place] = row["score"], row["score_high"] - row["score"]
    wide = 1.8 + 1.15 * len(transforms)
    figure, (left, right) = new_figure(
        1, 2, width=wide + 3.8, height=1.6 + 0.45 * len(rules), gridspec_kw={"width_ratios": [wide, 3.8]}
    )
    draw_matrix(left, rules, transforms, score, half)
    styles = dict(zip(transforms, ("-", "--", ":", "-.") * len(transforms), strict=False))
    for label, one in found.evidence.items():
        rule, transform = next((r, t) for r in rules for t in transforms if label == f"{r}, {t}")
        colour = COLOURS[rules.index(rule) % len(COLOURS)]
        right.plot(one.tested_at, one.curve.mean("seed"), styles[transform], color=colour)
    for index, rule in enumerate(rules):
        right.plot([], [], color=COLOURS[index % len(COLOURS)], label=rule)
    single = not np.isnan(np.asarray(table.updates, dtype=float)).all()
    right.set(xlabel="updates" if single else "tasks learned", ylabel="test score (mean over seeds)")
    right.legend(loc="lower right")
    return figure


def draw_matrix(
    axes: Axes, rules: Sequence[str], transforms: Sequence[str], score: np.ndarray, half: np.ndarray
) -> None:
    """Scores in per cent as a table whose shading tells the same; the 95 % interval in small print."""
    finite = score[np.isfinite(score)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    spread = max(high - low, 1e-9)
    axes.imshow(score, cmap="Blues", vmin=low - 0.15 * spread, vmax=high + 0.6 * spread, aspect="auto")
    for (i, j), value in np.ndenumerate(score):
        told = f"{100 * value:.1f}" if np.isfinite(value) else "refused"
        axes.text(j, i - 0.02, told, ha="center", va="bottom", fontsize=9, color="#14171c")
        if np.isfinite(half[i, j]):
            axes.text(j, i + 0.08, f"± {100 * half[i, j]:.1f}", ha="center", va="top", fontsize=6.5, color="#14171c")
    axes.set_xticks(range(len(transforms)), [_lines(transform) for transform in transforms])
    axes.set_yticks(range(len(rules)), list(rules))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("test score (%) ± 95 % interval", color=INK)


def _lines(transform: str) -> str:
    """A transform's words on several lines."""
    return transform.replace("+", "\n+ ").replace(":", "\n").replace(",", "\n")


@study.figure(
    "matrix",
    caption="Test accuracy of every credit rule (rows) with every transform (columns): mean over seeds and 95 % "
    "interval. All cells of a row start from the same networks and see the examples in the same order.",
    alt="A table of accuracies, rules by transforms. Shading tells which combinations learn well.",
)
def composition_matrix(ds: xr.Dataset) -> Figure:
    rules, transforms = [str(r) for r in ds.rule.values], [str(t) for t in ds.transform.values]
    score, half = mean_over_seeds(ds.score)
    figure, axes = new_figure(width=1.9 + 1.15 * len(transforms), height=1.6 + 0.45 * len(rules))
    draw_matrix(axes, rules, transforms, score, half)
    return figure


@study.figure(
    "homeostasis_in_devices",
    caption="What homeostasis adds to equilibrium propagation that starts from independent feedback weights, without "
    "devices and with all weights in memory devices. Left: accuracy. Right: paired gain of each seed (dots), its mean "
    "and 95 % interval.",
    alt="On the left pairs of accuracies with and without homeostasis for three kinds of synapse; on the right the "
    "paired gains with intervals next to the line of no gain.",
)
def homeostasis_gain(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.6, height=3.2)
    devices = [str(device) for device in ds.device.values]
    for index, (rule, colour) in enumerate(zip(ds.rule.values, (COLOURS[1], COLOURS[0]), strict=True)):
        mean, half = mean_over_seeds(100 * ds.score.sel(rule=rule))
        place = np.arange(len(devices)) + 0.16 * (index - 0.5)
        left.errorbar(place, mean, half, fmt="o", color=colour, label=str(rule))
    left.set(ylabel="test accuracy (%)", xlim=(-0.5, len(devices) - 0.5))
    legend_above(left)
    mean, half = mean_over_seeds(100 * ds.gain)
    for index in range(len(devices)):
        seeds = 100 * ds.gain.isel(device=index)
        right.plot(np.full(seeds.size, index) - 0.15, seeds, "o", color=INK, alpha=0.5, markersize=3)
    right.errorbar(range(len(devices)), mean, half, fmt="o", color=COLOURS[0])
    right.axhline(0, color=INK, linewidth=0.8)
    right.set(ylabel="gain by homeostasis (points)", xlim=(-0.5, len(devices) - 0.5))
    for axes in (left, right):
        axes.set_xticks(range(len(devices)), [_lines(device) for device in devices])
    return figure


@study.figure(
    "flips_by_rule",
    caption="Test accuracy against the share of neurons in each layer whose synapses change with the opposite sign, "
    "under four ways of assigning credit (mean over seeds, 95 % interval). Vertical marks: the share at which accuracy "
    "has fallen half-way to chance.",
    alt="Curves of accuracy that fall as more neurons are flipped, one for each credit rule, with the half-way points "
    "marked.",
)
def tolerance_to_flips(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=6.4, height=3.6)
    for rule, colour in zip(ds.rule.values, COLOURS, strict=False):
        mean, half = mean_over_seeds(100 * ds.score.sel(rule=rule))
        axes.errorbar(ds.fraction, mean, half, color=colour, marker="o", label=str(rule))
        axes.axvline(float(ds.tolerated.sel(rule=rule).mean()), color=colour, linestyle=":", linewidth=1)
    axes.axhline(10, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate("chance", (float(ds.fraction[0]), 10), xytext=(0, 3), textcoords="offset points", fontsize=8)
    axes.set(xlabel="share of flipped neurons in each layer", ylabel="test accuracy (%)", ylim=(0, 100))
    legend_above(axes, columns=2)
    return figure


@study.figure(
    "devices_and_asymmetry",
    caption="What nonlinear memory devices cost equilibrium propagation, by the angle between feedback and forward "
    "weights at the start. Dots: seeds; bars: mean and 95 % interval. The two costs are paired by seed.",
    alt="Accuracy with and without devices at 0 and 90 degrees, and the cost of the devices at each angle.",
)
def cost_of_devices(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.2, height=3.0)
    angles = [f"{angle:g}°" for angle in ds.angle.values]
    for index, (device, colour) in enumerate(zip(ds.device.values, (COLOURS[0], COLOURS[1]), strict=True)):
        mean, half = mean_over_seeds(100 * ds.score.sel(device=device))
        left.errorbar(np.arange(2) + 0.16 * (index - 0.5), mean, half, fmt="o", color=colour, label=str(device))
    left.set(ylabel="test accuracy (%)")
    legend_above(left)
    mean, half = mean_over_seeds(100 * ds.cost)
    for index in range(2):
        seeds = 100 * ds.cost.isel(angle=index)
        right.plot(np.full(seeds.size, index) - 0.12, seeds, "o", color=INK, alpha=0.5, markersize=3)
    right.errorbar(range(2), mean, half, fmt="o", color=COLOURS[1])
    right.axhline(0, color=INK, linewidth=0.8)
    right.set(ylabel="cost of the devices (points)")
    for axes in (left, right):
        axes.set(xlim=(-0.5, 1.5), xlabel="initial angle of feedback to forward weights")
        axes.set_xticks(range(2), angles)
    return figure
