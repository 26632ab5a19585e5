"""The figures: device curves, what levels, nonlinearity and spread do to accuracy, and what training costs."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from symplast.devices.study import study
from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, mean_over_seeds, new_figure, percent_limits

OF_SCHEME = {"uni": COLOURS[0], "uni_ltd": COLOURS[3], "bi": COLOURS[1], "ref": COLOURS[2], "bi, 2N": COLOURS[5]}
OF_WAY = {
    "uni, pulses": (COLOURS[0], "-"),
    "uni, pulses, swap": (COLOURS[2], "-"),
    "uni, verify": (COLOURS[0], ":"),
    "uni, verify, swap": (COLOURS[2], ":"),
    "bi": (COLOURS[1], "-"),
}


def _line(axes: Axes, x: Any, samples: xr.DataArray, label: str | None = None, **style: Any) -> None:
    mean, half = mean_over_seeds(samples)
    axes.errorbar(x, mean, half, marker="o", markersize=3.5, capsize=2, label=label, **style)


def _band(axes: Axes, samples: xr.DataArray, label: str) -> None:
    """The software baseline as a horizontal band."""
    mean, half = map(float, mean_over_seeds(samples))
    axes.axhspan(mean - half, mean + half, color=INK, alpha=0.25, linewidth=0)
    axes.axhline(mean, color=INK, linewidth=1, label=label)


def _levels_axis(axes: Axes, levels: np.ndarray) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(levels), [str(int(N)) for N in levels])
    axes.minorticks_off()
    axes.set_xlabel("levels N")


@study.figure(
    "device_curves",
    caption="Left: normalised conductance after n pulses, rising by LTP and falling by LTD, for four nonlinearities "
    "b (in brackets the label of NeuroSim). Right: the change by one pulse depends on the state alone.",
    alt="Curves that bend more with larger b. The step of a pulse falls linearly with the state for LTP and grows "
    "with it for LTD; for b = 0 it is constant.",
)
def device_law(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.6, height=3.2)
    for b, colour in zip(ds.b.values, COLOURS, strict=False):
        at = ds.sel(b=b)
        left.plot(ds.n, at.ltp, color=colour, label=f"b = {b:g} ({float(at.label):.1f})")
        left.plot(ds.n[-1] + ds.n, at.ltd, color=colour)
        right.plot(ds.g, at.step_up, color=colour)
        right.plot(ds.g, at.step_down, color=colour)
    last = int(ds.n[-1])
    left.set_xticks([0, last // 2, last, 3 * last // 2, 2 * last])
    left.set(xlabel=f"pulses: {last} LTP, then {last} LTD", ylabel="state g")
    legend_above(left, 2)
    right.axhline(0, color=INK, linewidth=0.8)
    right.text(0.5, 0.045, "LTP", ha="center")
    right.text(0.5, -0.05, "LTD", ha="center")
    right.set(xlabel="state g", ylabel="change by one pulse")
    return figure


@study.figure(
    "levels",
    caption="Accuracy on MNIST against the number of levels of linear devices; grey: software, plain gradient "
    "descent on the same samples. Points are means of the late test accuracy over seeds with 95 % intervals. With "
    "one step an update the number of levels is also the learning rate, so one pass is too short for very many.",
    alt="Accuracy rises steeply from 16 to 64 levels, has its maximum at a few hundred, about one point below "
    "software, and falls again beyond.",
)
def number_of_levels(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.0, height=3.4)
    for scheme in ds.scheme.values:
        _line(axes, ds.N, ds.accuracy.sel(scheme=scheme), str(scheme), color=OF_SCHEME[str(scheme)])
    _band(axes, ds.software, "software")
    _levels_axis(axes, ds.N.values)
    axes.set_ylabel("test accuracy (%)")
    axes.legend(loc="lower right")
    percent_limits(axes)
    return figure


@study.figure(
    "linear_devices",
    caption="How far linear devices stay behind plain gradient descent on the same samples and seeds, with 95 % "
    "intervals; the line is the bound of claim C1.",
    alt="Differences to software against the number of levels for uni and bi; the best are about a point or less.",
)
def behind_software(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.0, height=3.0)
    for scheme in ds.scheme.values:
        _line(axes, ds.N, ds.gap_everywhere.sel(scheme=scheme), str(scheme), color=OF_SCHEME[str(scheme)])
    axes.axhline(0, color=INK, linewidth=0.8)
    mark_published(axes, y=2.0, label="bound of C1")
    _levels_axis(axes, ds.N.values)
    axes.set_ylabel("software - devices (points)")
    axes.legend()
    return figure


@study.figure(
    "nonlinear",
    caption="Left: schemes on the same nonlinear device, and bi with twice the levels, whose weights move as far as "
    "those of uni. Right: differences paired over seeds, with 95 % intervals. On the same device uni wins; at equal "
    "step it does not.",
    alt="uni has the highest bars on the same device. Its differences to bi and ref are positive, that to bi with "
    "2N levels is negative.",
)
def schemes_on_nonlinear_devices(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.8, height=3.4)
    places = np.arange(ds.point.size)
    for number, design in enumerate(ds.design.values):
        mean, half = mean_over_seeds(ds.accuracy.sel(design=design))
        colour = OF_SCHEME[str(design)]
        left.bar(places + 0.2 * (number - 1.5), mean, 0.18, yerr=half, color=colour, label=str(design), ecolor=INK)
    left.set_xticks(places, ds.point.values)
    left.set(ylabel="test accuracy (%)")
    percent_limits(left)
    legend_above(left, 4)
    for number, rival in enumerate(ds.rival.values):
        samples = ds.uni_minus.sel(rival=rival)
        where = places + 0.15 * (number - 1)
        _line(right, where, samples, f"uni - ({rival})", color=OF_SCHEME[str(rival)], linestyle="none")
    right.axhline(0, color=INK, linewidth=0.8)
    right.set_xticks(places, ds.point.values)
    right.set(ylabel="difference (points)", xlim=(-0.5, places.size - 0.5))
    legend_above(right, 2)
    return figure


@study.figure(
    "asymmetric",
    caption="uni against bi for symmetric and asymmetric curves (b of LTP / LTD): on the same device, at equal "
    "step, and the better of the two unidirectional directions at equal step. Paired over seeds, 95 % intervals.",
    alt="On the same device uni leads for most curves. At equal step the difference is negative for symmetric "
    "curves, and positive where LTP is the more linear direction; choosing the direction makes it positive for all "
    "asymmetric ones.",
)
def asymmetric_curves(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.6, height=0.9 + 0.42 * ds.curve.size)
    rows = np.arange(ds.curve.size)
    shown = {
        "uni - bi, same device": (ds.uni_minus_bi, COLOURS[0]),
        "uni - bi, equal step": (ds.uni_minus_matched, COLOURS[5]),
        "best direction - bi, equal step": (ds.best_minus_matched, COLOURS[3]),
    }
    for number, (label, (samples, colour)) in enumerate(shown.items()):
        mean, half = mean_over_seeds(samples)
        axes.errorbar(
            mean,
            rows + 0.2 * (1 - number),
            xerr=half,
            marker="o",
            markersize=4,
            linestyle="none",
            color=colour,
            label=label,
        )
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(rows, ds.curve.values)
    axes.set(xlabel="difference in test accuracy (points)", ylim=(rows[-1] + 0.5, -0.5))
    legend_above(axes, 2)
    return figure


@study.figure(
    "nonlinearity",
    caption="Accuracy against the nonlinearity b of a symmetric curve, for the schemes on the same device; means "
    "over seeds with 95 % intervals.",
    alt="Accuracy falls with the nonlinearity for all schemes, more slowly for uni up to b = 4; more levels shift "
    "the fall to larger b.",
)
def accuracy_against_nonlinearity(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, ds.N.size, width=3.8 * ds.N.size, height=3.2, sharey=True, squeeze=False)
    for axes, N in zip(panels[0], ds.N.values, strict=True):
        for scheme in ds.scheme.values:
            _line(axes, ds.b, ds.accuracy.sel(scheme=scheme, N=N), str(scheme), color=OF_SCHEME[str(scheme)])
        axes.set(xlabel="nonlinearity b (LTP and LTD)", title=f"N = {N}")
    panels[0, 0].set_ylabel("test accuracy (%)")
    percent_limits(panels[0, 0])
    panels[0, 0].legend(loc="lower left")
    return figure


@study.figure(
    "variation",
    caption="Left: what a spread of the devices' steps costs, paired over seeds, 95 % intervals; dashed: the bounds "
    "of claim C4. Right: how often a pair is refreshed. Exchanging the devices' roles at each refresh (swap) "
    "recovers most of the loss at spreads up to 0.2 and saves refreshes.",
    alt="The loss grows with the spread; it is largest for uni with refresh by pulses, smaller with verify, and "
    "much smaller with swap. Refreshes are several times fewer with swap.",
)
def spread_of_steps(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.8, height=3.5)
    for way in ds.way.values:
        colour, line = OF_WAY[str(way)]
        _line(left, ds.spread, ds.losses.sel(way=way), str(way), color=colour, linestyle=line)
        if str(way) != "bi":
            _line(right, ds.spread, ds.refreshes_per_weight.sel(way=way), color=colour, linestyle=line)
    left.axhline(0, color=INK, linewidth=0.8)
    mark_published(left, y=1.0, label="bounds of C4")
    mark_published(left, y=3.0, label=None)
    left.set(xlabel="spread of the steps", ylabel="loss (points)")
    right.set(xlabel="spread of the steps", ylabel="refreshes per weight", yscale="log")
    for axes in (left, right):
        axes.set_xticks(ds.spread.values)
    legend_above(left, 2)
    return figure


@study.figure(
    "levels",
    caption="What training costs: pulses that devices are sent (mean a weight, and the device that gets most) and "
    "refreshes a weight, against the number of levels.",
    alt="Hundreds of pulses a weight, thousands at the busiest device; refreshes fall with the number of levels.",
)
def cost_of_training(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.6, height=3.2)
    for scheme in ds.scheme.values:
        colour = OF_SCHEME[str(scheme)]
        at = {"scheme": scheme}
        _line(left, ds.N, ds.pulses_per_weight.sel(at), f"{scheme}, mean", color=colour)
        _line(
            left,
            ds.N,
            ds.device_pulses.sel(scheme=scheme, quantile=1.0),
            f"{scheme}, most",
            color=colour,
            linestyle=":",
        )
    _line(right, ds.N, ds.refreshes_per_weight.sel(scheme="uni"), color=OF_SCHEME["uni"])
    left.set(yscale="log", ylabel="pulses")
    right.set(ylabel="refreshes per weight (uni)")
    for axes in (left, right):
        _levels_axis(axes, ds.N.values)
    legend_above(left, 3)
    return figure


@study.figure(
    "near_linear",
    caption="uni with near-linear devices against the 94.50 % of Lim et al. (ISCAS 2018, dashed; grey: 1 point "
    "either way). Filled: test images, late; open: the final weights on the training images. 95 % intervals over "
    "seeds.",
    alt="Accuracies around 90 to 96 per cent; several cells overlap the published value.",
)
def near_linear_devices(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.4, height=3.3)
    places = np.arange(ds.N.size)
    for number, b in enumerate(ds.b.values):
        x = places + 0.2 * (number - (ds.b.size - 1) / 2)
        _line(axes, x, ds.accuracy.sel(b=b), f"b = {b:g}, test", color=COLOURS[number], linestyle="none")
        train = {"color": COLOURS[number], "linestyle": "none", "mfc": "none"}
        _line(axes, x + 0.06, ds.train.sel(b=b), f"b = {b:g}, training", **train)
    axes.axhspan(93.5, 95.5, color=INK, alpha=0.13, linewidth=0)
    mark_published(axes, y=94.5)
    axes.set_xticks(places, [f"N = {N}" for N in ds.N.values])
    axes.set(ylabel="accuracy (%)", xlim=(-0.5, places.size - 0.5))
    percent_limits(axes)
    legend_above(axes, 4)
    return figure


@study.figure(
    "pcm_network",
    caption="The network of Burr et al. (2015) on 5,000 images: test (filled) and training (open) accuracy of our "
    "rule with strongly nonlinear devices, of linear bidirectional devices with many levels, and of software. "
    "Dashed: their PCM chip on test images. Context, not a test.",
    alt="Linear bidirectional devices are as good as software, above the published 82.9 per cent; with strongly "
    "nonlinear devices the three layers don't learn and stay at chance.",
)
def network_of_burr(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.0, height=2.6)
    rows = np.arange(ds.design.size)
    for name, fill, shift in (("accuracy", COLOURS[0], -0.08), ("train", "none", 0.08)):
        mean, half = mean_over_seeds(ds[name])
        label = "test" if name == "accuracy" else "training"
        axes.errorbar(mean, rows + shift, xerr=half, fmt="o", color=COLOURS[0], mfc=fill, label=label)
    mark_published(axes, x=float(ds.published_test), label="PCM chip, test")
    axes.set_yticks(rows, ds.design.values)
    low, high = axes.get_xlim()
    axes.set(xlabel="accuracy (%)", ylim=(rows[-1] + 0.5, -0.5), xlim=(max(low, 0), min(high, 101)))
    legend_above(axes, 3)
    return figure


@study.figure(
    "strong_nonlinearity",
    caption="uni with b = 5 in both directions at 6 and 8 bits, with and without the gate of the errors; dashes: "
    "what Chang et al. (2017) report for their rule. Context, not a test.",
    alt="Our accuracies at 64 and 256 levels next to 87.8 and 94.8 per cent.",
)
def strongly_nonlinear_devices(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=5.4, height=3.0)
    places = np.arange(ds.N.size)
    for number, gate in enumerate(ds.gate.values):
        x = places + 0.14 * (number - 0.5)
        _line(axes, x, ds.accuracy.sel(gate=gate), str(gate), color=COLOURS[number], linestyle="none")
    for place, value in zip(places, ds.published.values, strict=True):
        label = "Chang et al." if place == 0 else None
        axes.hlines(value, place - 0.3, place + 0.3, color=INK, linestyle=(0, (4, 3)), label=label)
    axes.set_xticks(places, ["64 levels (6 bit)", "256 levels (8 bit)"])
    axes.set(ylabel="test accuracy (%)", xlim=(-0.5, 1.5))
    percent_limits(axes)
    legend_above(axes, 3)
    return figure


@study.figure(
    "fashion",
    caption="The schemes on a second data set (Fashion-MNIST) with 256 levels, and software "
    "(grey); means over seeds with 95 % intervals.",
    alt="All schemes are several points below software, more for nonlinear devices; uni is the best of them or "
    "shares its place.",
)
def second_data_set(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=5.4, height=3.0)
    places = np.arange(ds.b.size)
    for number, scheme in enumerate(ds.scheme.values):
        x = places + 0.14 * (number - 1)
        _line(axes, x, ds.accuracy.sel(scheme=scheme), str(scheme), color=OF_SCHEME[str(scheme)], linestyle="none")
    _band(axes, ds.software, "software")
    axes.set_xticks(places, [f"b = {b:g}" for b in ds.b.values])
    axes.set(ylabel="test accuracy (%)", xlim=(-0.5, places.size - 0.5))
    percent_limits(axes)
    legend_above(axes, 4)
    return figure
