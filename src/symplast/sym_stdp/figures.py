"""The figures: kernel, learning curves, ablations, clusters, receptive fields."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, new_figure, percent_limits
from symplast.sym_stdp.study import CURVE, study

CLASSES = [*COLOURS, "#6f7b3a", "#a04b4b", "#4b9db0", "#7a7f87"]
"""A colour for each of ten classes; the maps also say the class by its digit."""
PROTOTYPE = np.array([67.25, 78.5, 84.6, 86.15])
"""Means of the two simulators that claim SYM5 compares with."""


def _maps(panels: Any, maps: Mapping[str, np.ndarray], labels: np.ndarray) -> None:
    for axes, (layer, at) in zip(panels, maps.items(), strict=True):
        for label in np.unique(labels):
            x, y = at[labels == label].T
            colour = CLASSES[int(label) % len(CLASSES)]
            axes.scatter(x, y, s=12, marker=f"${int(label)}$", color=colour, linewidths=0.3)
        axes.set(title=layer, xlabel="t-SNE 1", xticks=[], yticks=[])
    panels[0].set_ylabel("t-SNE 2")


def _accuracy_on(ds: xr.Dataset) -> str:
    """Label of an axis, with the data set that was really used."""
    return f"test accuracy on {ds.attrs['data']} (%)"


def draw_maps(maps: Mapping[str, np.ndarray], labels: np.ndarray) -> Figure:
    """Maps of layers side by side, each sample drawn as the number of its class."""
    figure, panels = new_figure(1, len(maps), width=2.5 * len(maps), height=2.8, squeeze=False)
    _maps(panels[0], maps, labels)
    return figure


@study.figure(
    "kernel",
    caption="Weight change by one pair of spikes against the delay from the presynaptic to the postsynaptic one. The "
    "rule only potentiates, and equally in both orders; the reference code's quirk (no decay of the input trace in its "
    "unit's dead time) makes pre-first pairs larger by one decay factor, 1/0.975.",
    alt="Two nearly equal curves that fall off on both sides of delay zero.",
)
def symmetric_kernel(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=5.6, height=3.0)
    for number, variant in enumerate(ds.variant.values):
        style = {"color": COLOURS[number], "marker": "os"[number], "linestyle": ("-", "--")[number]}
        axes.plot(ds.delay, ds.change.sel(variant=variant), label=str(variant), **style)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set(xlabel="post minus pre (ms)", ylabel="weight change (ν × increment)", ylim=(0, 1.05))
    legend_above(axes, 2)
    return figure


@study.figure(
    "learning",
    caption="Accuracy on test images against the images learned from, in file order, once: the classifier's own "
    "spikes (SL, filled) and assigned classes (USL, open), means over seeds with binomial 95 % intervals of the test "
    "images. Dashed: two other simulators of the same network with 400 cells.",
    alt="Accuracy rises with images and with the number of hidden cells; both read-outs lie close together.",
)
def learning_curves(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.2, height=3.6)
    for number, size in enumerate(ds["size"].values):
        for name, fill, shift in (("sl", COLOURS[number], 0.99), ("usl", "none", 1.01)):
            at = ds.sel(size=size)
            value = at[name].values
            ends = np.abs(np.stack([value - at[f"{name}_low"], at[f"{name}_high"] - value]))
            style = {"color": COLOURS[number], "mfc": fill, "fmt": "o-" if name == "sl" else "o"}
            label = f"{size} cells, {name.upper()}"
            axes.errorbar(ds.images * shift, value, yerr=ends, label=label, **style)
    if 400 in ds["size"].values:
        axes.plot(CURVE, PROTOTYPE, color=INK, linestyle=(0, (4, 3)), label="other simulators, 400")
    axes.set(xscale="log", xlabel="images learned from", ylabel=_accuracy_on(ds))
    axes.set_xticks(ds.images.values, [f"{int(n):,}" for n in ds.images.values])
    axes.minorticks_off()
    percent_limits(axes)
    legend_above(axes, 3)
    return figure


@study.figure(
    "ablation",
    caption="SL accuracy of 100 cells with everything, without scaling of the hidden cells' weights, with theta frozen "
    "at 20, and with a theta that falls and never rises; binomial 95 % intervals, dots: seeds. Dashed: chance.",
    alt="Without scaling the accuracy is lower; without an adaptive threshold it is at chance.",
)
def what_is_needed(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=5.8, height=2.9)
    places, value = np.arange(ds.variant.size), ds.accuracy.values
    ends = np.abs(np.stack([value - ds.accuracy_low, ds.accuracy_high - value]))
    axes.errorbar(places, value, yerr=ends, fmt="o", color=COLOURS[0])
    for seed in ds.accuracy_of_seed.transpose("seed", ...).values:
        axes.plot(places + 0.14, seed, "o", color=COLOURS[0], alpha=0.45, markersize=3)
    mark_published(axes, y=10, label="chance")
    names = {"intact": "intact", "no_scaling": "no scaling", "theta_frozen": "θ frozen", "theta_falls": "θ falls only"}
    axes.set_xticks(places, [names[str(name)] for name in ds.variant.values])
    axes.set(ylabel=_accuracy_on(ds), xlim=(-0.5, places[-1] + 0.5), ylim=(0, 100))
    legend_above(axes)
    return figure


@study.figure(
    "clusters",
    caption="t-SNE maps (cosine distance) of the spike counts of test images in three layers, drawn as their class; "
    "below, the share of the 10 nearest other images of the same class, in the activity itself (cosine and Euclidean "
    "distance) and on the map.",
    alt="Three clouds of coloured digits, and bars of their neighbour purity.",
)
def maps_of_layers(ds: xr.Dataset) -> Figure:
    layers = [str(layer) for layer in ds.layer.values]
    figure, panels = new_figure(2, 3, width=7.6, height=4.6, gridspec_kw={"height_ratios": [2.4, 1]})
    figure.suptitle(f"{ds.sizes['test']} test images of {ds.attrs['data']}", fontsize="medium")
    _maps(panels[0], {layer: ds.embedded.sel(layer=layer).values for layer in layers}, ds.label.values)
    spaces = [str(space) for space in ds.space.values]
    for axes, layer in zip(panels[1], layers, strict=True):
        axes.barh(range(len(spaces)), ds.purity.sel(layer=layer), color=COLOURS[: len(spaces)], height=0.6)
        shown = axes is panels[1, 0]
        axes.set_yticks(range(len(spaces)), spaces if shown else [""] * len(spaces))
        axes.set(xlim=(0, 1), ylim=(len(spaces) - 0.5, -0.5), xlabel="10-neighbour purity")
    return figure


@study.figure(
    "clusters",
    caption="Left: what the first hidden cells learned, their weights from the 28 x 28 pixels. Right: t-SNE map "
    "(cosine distance) of the weight vectors of all hidden cells that were assigned a class, drawn as that class.",
    alt="A grid of small pictures, many of them like handwritten digits, and a map with groups of equal digits.",
)
def receptive_fields(ds: xr.Dataset) -> Figure:
    fields = ds.field.values
    columns = 12
    rows = -(-len(fields) // columns)
    side = fields.shape[1]
    wall = np.full((rows * (side + 1), columns * (side + 1)), np.nan)
    for index, field in enumerate(fields):
        top, left = index // columns * (side + 1), index % columns * (side + 1)
        wall[top : top + side, left : left + side] = field
    figure, (axes, right) = new_figure(1, 2, width=8.2, height=3.0, gridspec_kw={"width_ratios": [1.9, 1]})
    drawn = axes.imshow(wall, cmap="magma", vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[], xlabel="hidden cells", ylabel="")
    axes.spines[:].set_visible(False)
    figure.colorbar(drawn, ax=axes, label="weight", location="left", fraction=0.03)
    _maps([right], {"weights by class": ds.weights_embedded.values}, ds.owner.values)
    return figure


@study.figure(
    "fashion",
    caption="The settings for Fashion-MNIST, on the data set that the axis names: both read-outs, each seed, and the "
    "mean with the binomial 95 % interval of the test images.",
    alt="Accuracies of both read-outs with intervals.",
)
def fashion_mnist(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=4.2, height=2.8)
    for place, name in enumerate(("sl", "usl")):
        value, low, high = (float(ds[f"{name}{end}"]) for end in ("", "_low", "_high"))
        axes.errorbar(place, value, yerr=[[value - low], [high - value]], fmt="o", color=COLOURS[place])
        axes.plot(np.full(ds.seed.size, place + 0.1), ds[f"{name}_of_seed"], "o", color=COLOURS[place], alpha=0.45)
    axes.set_xticks([0, 1], ["SL", "USL"])
    axes.set(ylabel=_accuracy_on(ds), xlim=(-0.5, 1.5))
    percent_limits(axes)
    return figure


@study.figure(
    "strategies",
    caption="Both projections at once, and one by one (the hidden layer first, then the read-out on the frozen hidden "
    "layer): SL accuracy of 100 cells, each seed.",
    alt="Accuracies of the two training strategies.",
)
def training_strategies(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=4.2, height=2.8)
    for place, name in enumerate(ds.strategy.values):
        seeds = ds.accuracy_of_seed.sel(strategy=name).values
        axes.plot(np.full(seeds.size, place), seeds, "o", color=COLOURS[place])
    axes.set_xticks(range(ds.strategy.size), ds.strategy.values)
    axes.set(ylabel=_accuracy_on(ds), xlim=(-0.5, ds.strategy.size - 0.5))
    return figure
