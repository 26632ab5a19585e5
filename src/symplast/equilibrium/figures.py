"""The figures: what was measured, next to what the paper prints."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from symplast.equilibrium.study import study
from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, new_figure
from symplast.stats import mean_interval

FASHION_ACCURACY = {"N = 6": 85.7, "online": 82.7}
"""Table 1 of the paper, Fashion-MNIST, %."""

FEW = 3
"""Below this many seeds an interval is wider than the figure."""


def _band(axes: Axes, x: Any, samples: xr.DataArray, colour: str, label: str, **style: Any) -> None:
    """Mean over seeds as a line, its 95 % interval as a band; of fewer than three seeds each one, faintly."""
    values = samples.transpose("seed", ...).values
    axes.plot(x, values.mean(axis=0), color=colour, label=label, marker="o" if len(x) < 5 else None, **style)
    if len(values) < FEW:
        axes.plot(x, values.T, color=colour, linewidth=0.7, alpha=0.5)
    else:
        ends = np.array([[(e := mean_interval(column)).low, e.high] for column in values.T])
        axes.fill_between(x, ends[:, 0], ends[:, 1], color=colour, alpha=0.18, linewidth=0)


def _point(axes: Axes, x: float, samples: xr.DataArray, colour: str, **style: Any) -> None:
    """Mean over seeds with its 95 % interval (three seeds or more), the seeds next to it."""
    values = samples.values
    axes.plot(np.full(values.size, x) + 0.13, values, "o", color=colour, markersize=2.5, alpha=0.6)
    half = mean_interval(values).high - values.mean() if values.size >= FEW else 0.0
    axes.errorbar(x, values.mean(), half, color=colour, **{"marker": "s", "markersize": 4.5, "capsize": 3, **style})


@study.figure(
    "exactness",
    caption="The 4-3-3-2 network with symmetric weights in float64. Left: error of the N-point estimate against the "
    "size of the nudge; dotted lines have slope N; grey: radius of holomorphy, beyond which more points don't help. "
    "Right: what asymmetry alone does to the angle between EP's and backprop's vectors, and the second-order "
    "formula.",
    alt="Straight lines on logarithmic axes, the steeper the more points, that bend and meet near a nudge of one "
    "half. On the right one minus the cosine grows with the angle between weights; the formula runs slightly above "
    "it.",
)
def points_on_the_circle(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.6, height=3.5)
    symmetric = ds.nudge_error.sel(angle=0.0)
    beta = ds.beta.values
    for n, colour in zip(ds.points.values, [*COLOURS], strict=True):
        error = symmetric.sel(points=n).values
        left.plot(beta, error, color=colour, label=f"N = {n}")
        left.plot(beta, error[8] * (beta / beta[8]) ** float(n), ":", color=colour, linewidth=0.9)
    left.axvline(float(ds.radius.sel(angle=0.0)), color=INK, linewidth=5, alpha=0.2)
    left.set(
        xscale="log", yscale="log", ylim=(1e-14, 3), xlabel="size of the nudge |beta|", ylabel="relative error of eps"
    )
    legend_above(left, columns=3)
    for which, style in (("exact", "o-"), ("second order", "s--")):
        right.plot(ds.angle, ds.one_minus_cosine.sel(which=which), style, label=which, markersize=4)
    right.set(xlabel="angle between weights (degrees)", ylabel="1 - cosine(eps, delta)", xticks=ds.angle.values)
    right.legend(loc="upper left")
    return figure


@study.figure(
    "bias",
    caption="Two parts of the bias on random 64-64-64-10 networks and digits: angle between the N-point estimate and "
    "backprop's vector against the size of the nudge, at four angles between feedback and forward weights. Dashed: "
    "the asymmetry's part, which no smaller nudge removes. Bands: 95 % over networks.",
    alt="Four panels. At zero degrees the curves fall to zero with smaller nudges, faster for more points. At larger "
    "angles they level off at a floor that rises to about seventy degrees.",
)
def two_parts_of_the_bias(ds: xr.Dataset) -> Figure:
    shown = [0, 15, 45, 90]
    figure, panels = new_figure(1, 4, width=9.0, height=3.2, sharey=True)
    for axes, angle in zip(panels, shown, strict=True):
        for n, colour in zip(ds.points.values, COLOURS, strict=False):
            _band(axes, ds.beta.values, ds.angle_to_bp.sel(angle=angle, points=n), colour, f"N = {n}")
        axes.axhline(float(ds.asymmetry.sel(angle=angle).mean()), color=INK, linestyle="--", label="beta to 0")
        axes.set(xscale="log", xlabel="|beta|", title=f"weights {angle}°", ylim=(0, 100))
    panels[0].set_ylabel("angle to backprop (degrees)")
    panels[0].legend(loc="upper left", fontsize=7.5)
    return figure


@study.figure(
    "homeostasis",
    caption="EP from independent feedback weights, without and with the homeostatic loss. Left: cosine of EP's and "
    "backprop's error vectors in the two hidden layers. Middle: symmetry of the Jacobian (activation left out). "
    "Right: test accuracy. Lines: mean over seeds; bands: 95 %.",
    alt="With homeostasis both cosines rise from about zero to above 0.95, without it to between 0.2 and 0.6. The "
    "Jacobian becomes nearly symmetric only with homeostasis. The accuracy rises faster with it; after ten epochs "
    "the intervals overlap.",
)
def homeostasis_during_training(ds: xr.Dataset) -> Figure:
    figure, (left, middle, right) = new_figure(1, 3, width=9.0, height=3.3)
    for lane, colour in zip(ds.lane.values, (COLOURS[1], COLOURS[0]), strict=True):
        for layer, style in ((0, "-"), (1, "--")):
            _band(left, ds.tested, ds.cosine.sel(lane=lane)[..., layer], colour, f"{lane}, layer {layer + 1}", ls=style)
        _band(middle, ds.tested, ds.symmetry.sel(lane=lane), colour, f"{lane} homeostasis")
        _band(right, ds.epoch, ds.accuracy.sel(lane=lane), colour, f"{lane} homeostasis")
    left.set(ylim=(-0.3, 1.03), xlabel="epochs", ylabel="cosine of EP and backprop")
    for threshold in (0.7, 0.9):
        left.axhline(threshold, color=INK, linewidth=0.7, linestyle=":")
    middle.set(ylim=(0.5, 1.02), xlabel="epochs", ylabel="symmetry |S| / (|S| + |A|)")
    right.set(xlabel="epochs", ylabel="test accuracy (%)")
    left.legend(loc="lower right", fontsize=7.5)
    right.legend(loc="lower right")
    return figure


@study.figure(
    "accuracies",
    caption="Test accuracy by credit rule and by the angle between feedback and forward weights at the start. "
    "Squares: mean with 95 % interval; dots: seeds. Right: what homeostasis does to backprop (90 degrees); the paper "
    "saw no effect.",
    alt="Backprop stays near 90 per cent at all angles. EP falls by several points from 0 to 90 degrees. With "
    "homeostasis its mean is a little higher at 45 and 90 degrees, within overlapping intervals. For backprop a "
    "strength of one lowers the mean.",
)
def accuracy_by_angle(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=8.4, height=3.6, gridspec_kw={"width_ratios": [2.4, 1]})
    for i, (method, colour) in enumerate(zip(ds.method.values, COLOURS, strict=False)):
        for j, start in enumerate(ds.start.values):
            at = j + 0.2 * (i - 1.5)
            _point(
                left,
                at,
                ds.accuracy.sel({"method": method, "start": start}),
                colour,
                label=str(method) if j == 0 else None,
            )
    left.set_xticks(range(ds.start.size), [f"{start:g}" for start in ds.start.values])
    left.set(xlabel="angle between weights at the start (degrees)", ylabel="test accuracy (%)")
    legend_above(left, columns=2)
    for i, strength in enumerate(ds.strength.values):
        _point(right, i, ds.bp_with_homeostasis.sel(strength=strength), COLOURS[0])
    right.set_xticks(range(ds.strength.size), [f"{strength:g}" for strength in ds.strength.values])
    right.set(xlabel="strength of homeostasis", ylabel="backprop's test accuracy (%)", xlim=(-0.5, 2.5))
    return figure


@study.figure(
    "baselines",
    caption="Other answers to asymmetry, trained from 90 degrees. Left: test accuracy; right: cosine of EP's and "
    "backprop's vectors in layer 1 at the end. Squares: mean with 95 % interval; dots: seeds.",
    alt="Five rules with their accuracies and cosines: asym-EP is as accurate as backprop, random feedback a little "
    "below; plain EP, with decay and mirrored, stays around 80 per cent. Only mirroring raises the cosine.",
)
def other_answers(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=8.4, height=3.6)
    names = [str(rule).replace(", ", ",\n") for rule in ds.rule.values]
    for i, (rule, colour) in enumerate(zip(ds.rule.values, COLOURS, strict=False)):
        _point(left, i, ds.accuracy.sel(rule=rule), colour)
        _point(right, i, ds.cosine.sel(rule=rule)[..., 0], colour)
    for axes, label in ((left, "test accuracy (%)"), (right, "cosine of EP and backprop, layer 1")):
        axes.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=7.5)
        axes.set(ylabel=label, xlabel="rule")
    return figure


@study.figure(
    "loop",
    caption="A chain whose only feedback goes from the output to the first layer; three strengths of the homeostatic "
    "loss, which is weight decay here. Left: cosine in layer 1; middle: symmetry; right: test accuracy, with "
    "backprop's at the end. Lines: mean over seeds; bands: 95 %.",
    alt="Cosine and symmetry rise with the strength of the loss. The mean accuracy is highest at 0.1, within "
    "overlapping intervals, and below backprop's everywhere.",
)
def feedback_in_a_loop(ds: xr.Dataset) -> Figure:
    figure, (left, middle, right) = new_figure(1, 3, width=9.0, height=3.3)
    for strength, colour in zip(ds.strength.values, COLOURS, strict=False):
        at, label = {"strength": strength}, f"strength {strength}"
        _band(left, ds.tested, ds.cosine.sel(at)[..., 0], colour, label)
        _band(middle, ds.tested, ds.symmetry.sel(at), colour, label)
        _band(right, ds.epoch, ds.accuracy.sel(at), colour, label)
    _point(right, float(ds.epoch[-1]) + 0.5, ds.bp_accuracy, INK, label="backprop")
    left.set(xlabel="epochs", ylabel="cosine of EP and backprop, layer 1")
    middle.set(xlabel="epochs", ylabel="symmetry |S| / (|S| + |A|)")
    right.set(xlabel="epochs", ylabel="test accuracy (%)")
    right.legend(loc="lower right", fontsize=7.5)
    return figure


@study.figure(
    "nudged_training",
    caption="Training from symmetric weights with nudges of 0.5. Left: test accuracy by number of points (lines: "
    "mean over seeds; bands: 95 %). Right: at the end; the dashed line is the paper's value for N = 6 on "
    "Fashion-MNIST, 50 epochs.",
    alt="Six and two points follow the true derivative closely; one point ends lower and varies more between seeds.",
)
def training_with_nudges(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.8, height=3.4)
    for i, (estimate, colour) in enumerate(zip(ds.estimate.values, COLOURS, strict=False)):
        label = "true derivative" if estimate == "true" else str(estimate)
        _band(left, ds.epoch, ds.accuracy.sel(estimate=estimate), colour, label)
        _point(right, i, ds.accuracy.sel(estimate=estimate)[-1], colour)
    mark_published(right, y=FASHION_ACCURACY["N = 6"])
    left.set(xlabel="epochs", ylabel="test accuracy (%)")
    left.legend(loc="lower right")
    right.set_xticks(range(ds.estimate.size), [str(e) for e in ds.estimate.values])
    right.set(xlabel="estimate", ylabel="test accuracy (%)", xlim=(-0.5, ds.estimate.size - 0.3))
    right.legend(loc="lower right")
    return figure


@study.figure(
    "online_training",
    caption="Training without a free phase: the nudge (0.5) goes round a circle of four points block by block, "
    "next to training with six points from a free state. Squares: mean at the end with 95 % interval; dashed: the "
    "paper's values on Fashion-MNIST, 50 epochs.",
    alt="Both estimates learn; the accuracies of the two are within a few points of each other after three epochs.",
)
def training_without_a_free_phase(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.4, height=3.3)
    for i, (estimate, colour) in enumerate(zip(ds.estimate.values, COLOURS, strict=False)):
        _band(left, ds.epoch, ds.course.sel(estimate=estimate), colour, str(estimate))
        _point(right, i, ds.course.sel(estimate=estimate)[-1], colour)
        right.plot(
            [i - 0.3, i + 0.3], [FASHION_ACCURACY[str(estimate)]] * 2, "--", color=INK, label=None if i else "paper"
        )
    left.set(xlabel="epochs", ylabel="test accuracy (%)", xticks=ds.epoch.values)
    left.legend(loc="lower right")
    right.set_xticks(range(2), [str(e) for e in ds.estimate.values])
    right.set(xlabel="estimate", ylabel="test accuracy (%)", xlim=(-0.6, 1.6))
    right.legend(loc="lower right")
    return figure


@study.figure(
    "halves",
    caption="The two halves of the homeostatic loss, three epochs from 90 degrees. Left: cosine in layer 1; middle: "
    "test accuracy; right: test images that don't settle. The norm half is weight decay; the trace half has no lower "
    "bound and drives the network out of its fixed points.",
    alt="Only the full loss reaches a cosine near 0.9. The trace half aligns but leaves a large share of images "
    "unsettled and a low accuracy.",
)
def which_half_matters(ds: xr.Dataset) -> Figure:
    figure, (left, middle, right) = new_figure(1, 3, width=9.0, height=3.3)
    for half, colour in zip(ds.half.values, COLOURS, strict=False):
        _band(left, ds.tested, ds.cosine.sel(half=half)[..., 0], colour, str(half))
        _band(middle, ds.epoch, ds.accuracy.sel(half=half), colour, str(half))
        _band(right, ds.tested, 100 * ds.unsettled.sel(half=half), colour, str(half))
    left.set(xlabel="epochs", ylabel="cosine of EP and backprop, layer 1", ylim=(-0.3, 1.03))
    middle.set(xlabel="epochs", ylabel="test accuracy (%)")
    right.set(xlabel="epochs", ylabel="test images that don't settle (%)")
    for axes in (left, middle, right):
        axes.set_xticks(ds.tested.values)
    right.legend(loc="upper left")
    return figure
