"""The figures: spikes before and after, what each arm reaches, weights that agree without being right."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from symplast.lab.theme import COLOURS, INK, legend_above, mean_over_seeds, new_figure
from symplast.pspm.study import study

OF_ARM = {"none": INK, "local": COLOURS[0], "homeo": COLOURS[1], "both": COLOURS[2], "shuffled": COLOURS[3]}


def _points(axes: Axes, samples: xr.DataArray) -> None:
    """Every seed of every arm as a dot, and the mean with its 95 % interval."""
    rows = samples.transpose("arm", "seed").values
    mean, half = mean_over_seeds(samples)
    spread = np.linspace(-0.18, 0.18, rows.shape[1])
    for place, arm in enumerate(samples.arm.values):
        colour = OF_ARM[str(arm)]
        axes.plot(place + spread, rows[place], ".", color=colour, alpha=0.45, markersize=4)
        axes.errorbar(place, mean[place], half[place], marker="o", markersize=5, capsize=3, color=colour)
    axes.set_xticks(range(len(samples.arm)), [str(arm) for arm in samples.arm.values])
    axes.set_ylim(bottom=0)


@study.figure(
    "arms",
    caption="Spikes of the first twenty excitatory neurons in the first 200 ms, one seed: reference, student before "
    "and after learning.",
    alt="Three rasters. After learning many spikes of the student stand where the reference has them; before, few do.",
)
def rasters(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 3, width=8.4, height=2.8, sharey=True)
    for axis, network in zip(axes, ds.network.values, strict=True):
        times, units = np.nonzero(ds.raster.sel(network=network).values[:, :20])
        axis.plot(times, units, "|", color=INK, markersize=5)
        axis.set(title=str(network), xlabel="time (ms)")
    axes[0].set(ylabel="neuron", yticks=[0, 5, 10, 15])
    return figure


@study.figure(
    "arms",
    caption="Distance between the student's and the reference's spikes (0 the same, 1 disjoint), 40 neurons. Left: "
    "over epochs, means over seeds. Right: after the last epoch; dots are seeds, bars 95 % intervals of means. "
    "`shuffled` gives the same changes to random neurons of the same sign.",
    alt="Local updates, alone or with homeostasis, lower the distance most; homeostasis alone and shuffled changes lie "
    "between them and no learning.",
)
def distances(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=8.4, height=3.3)
    for arm in ds.arm.values:
        left.plot(ds.epoch, ds.course.sel(arm=arm).mean("seed"), color=OF_ARM[str(arm)], label=str(arm))
    left.set(xlabel="epoch", ylabel="distance of spikes", ylim=(0, None))
    legend_above(left, 5)
    _points(right, ds.distance)
    return figure


@study.figure(
    "arms",
    caption="Avalanche sizes in the default setting, next to PSPM4, which is shown in another: Kolmogorov-Smirnov "
    "distance to the reference's, 40 neurons. Dots are seeds, bars 95 % intervals of means.",
    alt="Local updates, homeostasis and both lie level, a little below no learning; shuffled changes lie above it.",
)
def avalanche_sizes_by_default(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=4.6, height=3.2)
    _points(axes, ds.avalanches)
    axes.set_ylabel("distance of avalanche sizes")
    return figure


@study.figure(
    "larger",
    caption="Larger networks, weights and steps scaled by 40/N. Left: distance of spikes without learning and with. "
    "Right: correlation of the student's excitatory weights with the reference's. Means, 95 % intervals over seeds.",
    alt="The larger the network, the smaller the distance after learning; the correlation of weights stays below 0.1.",
)
def sizes(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 2, width=7.8, height=3.1)
    names = ("distance of spikes", "correlation of excitatory weights")
    for axis, samples, name in zip(axes, (ds.distance, ds.excitatory), names, strict=True):
        for arm in ("none", "both"):
            mean, half = mean_over_seeds(samples.sel(arm=arm))
            axis.errorbar(range(ds.units.size), mean, half, marker="o", capsize=3, color=OF_ARM[arm], label=arm)
        axis.set_xticks(range(ds.units.size), [str(int(n)) for n in ds.units.values])
        axis.set(xlabel="neurons", ylabel=name)
    axes[0].set_ylim(bottom=0)
    axes[1].axhline(0, color=INK, linewidth=0.8)
    axes[0].legend()
    return figure


@study.figure(
    "populations",
    caption="Weaker drive, fast homeostasis. Left: Kolmogorov-Smirnov distance of avalanche sizes to the reference's. "
    "Right: distance of spikes. Dots are seeds, bars 95 % intervals of means.",
    alt="Avalanche sizes come nearest with homeostasis alone; spikes come nearest with local updates.",
)
def avalanche_sizes(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=8.4, height=3.2)
    _points(left, ds.avalanches)
    left.set_ylabel("distance of avalanche sizes")
    _points(right, ds.distance)
    right.set_ylabel("distance of spikes")
    return figure


@study.figure(
    "restarts",
    caption="Excitatory weights of one reference. Left: two students from different starts against each other. Right: "
    "the first student against the reference. Dashed: equality.",
    alt="The two students' weights lie along a rising cloud; against the reference they show no direction.",
)
def weights_of_students(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 2, width=7.4, height=3.5)
    truth, first, second = ds.weights.values
    pairs: Any = ((first, second, "student 1", "student 2"), (truth, first, "reference", "student 1"))
    for axis, (x, y, name, other) in zip(axes, pairs, strict=True):
        axis.plot(x, y, ".", color=COLOURS[0], alpha=0.35, markersize=3)
        top = float(max(x.max(), y.max()))
        axis.plot([0, top], [0, top], "--", color=INK, linewidth=0.8)
        axis.set(xlabel=f"weight in {name}", ylabel=f"weight in {other}")
        axis.set_title(f"correlation {np.corrcoef(x, y)[0, 1]:.2f}")
    return figure
