"""The figures: what was measured, next to what the papers print."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from symplast.dendrites import published
from symplast.dendrites.study import study
from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, mean_over_seeds, new_figure

PAPER = {"linestyle": "none", "marker": "o", "mfc": "none", "color": INK, "markersize": 6, "zorder": 3}
AGREEMENT = 4.14
"""Standard errors within which 29 points together raise one false alarm in a thousand."""
PRINTED = {"color": INK, "linestyle": (0, (2, 1.2)), "linewidth": 1.6, "zorder": 3}
OF_A = {64: COLOURS[0], 128: COLOURS[2], 256: COLOURS[1]}


@study.figure(
    "false_positives_sparse",
    caption="False positives against the number of cells for 64 and 128 active cells: exact theory (lines), sampled "
    "segments (points, intervals that together raise one false alarm in a thousand), frequencies of the paper "
    "(circles). Right: their deviations; the shaded band is agreement.",
    alt="Sampled false-positive frequencies lie on the exact curves, which fall by many orders of magnitude with the "
    "number of cells; all deviations lie in the band of agreement.",
)
def recognition_sparse(ds: xr.Dataset) -> Figure:
    return _recognition(ds)


@study.figure(
    "false_positives_256",
    caption="As the figure for 64 and 128 active cells, with 256. The paper's first point, at n = 300, is the one "
    "published frequency that does not fit the theory.",
    alt="Sampled frequencies lie on the exact curve; of the paper's points only the one at 300 cells is off, by "
    "thousands of standard errors.",
)
def recognition_256(ds: xr.Dataset) -> Figure:
    return _recognition(ds)


def _recognition(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.6, height=3.5)
    for a in ds.curve_a.values:
        left.plot(ds.curve_n, ds.curve_fp.sel(curve_a=a), color=OF_A[int(a)], label=f"a = {a}, theory")
    for i in np.flatnonzero(ds.frequency > 0):
        colour, n = OF_A[int(ds.a[i])], float(ds.n[i])
        value, low, high = (float(ds[name][i]) for name in ("frequency", "frequency_low", "frequency_high"))
        left.errorbar(n, value, [[value - low], [high - value]], color=colour, marker="o", markersize=3.5, zorder=4)
        right.plot(n, ds.z[i], "o", color=colour, markersize=4, zorder=4)
    left.plot(ds.published_n, ds.published_frequency, **PAPER, label="paper")
    left.errorbar([], [], [], color=INK, marker="o", markersize=3.5, linestyle="none", label="sampled segments")
    right.plot(ds.published_n, ds.published_z, **PAPER)
    right.axhspan(-AGREEMENT, AGREEMENT, color=INK, alpha=0.13, linewidth=0)
    right.axhline(0, color=INK, linewidth=0.8)
    last = float(max(ds.published_n.max(), ds.n.max()))
    left.set(
        yscale="log", xlim=(200, last + 300), ylim=(1e-9, 3), xlabel="cells n", ylabel="false-positive probability"
    )
    right.set(xlim=left.get_xlim(), ylim=(-7, 7))
    far = float(np.abs(ds.published_z).max())
    if far > 7:
        right.set_yscale("symlog", linthresh=10)
        right.set_ylim(-3 * far, 10)
    right.set(xlabel="cells n", ylabel="deviation from theory (standard errors)")
    left.legend(loc="upper right")
    return figure


@study.figure(
    "false_negatives",
    caption="Misses of a corrupted pattern against the share of its cells that noise replaces (a = 128, s = 30): exact "
    "theory (lines), sampled segments (points with intervals), frequencies of the paper (circles).",
    alt="Three S-shaped curves, one for each threshold; sampled and published points lie on them. Lower thresholds "
    "tolerate more noise.",
)
def misses_under_noise(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.4, height=3.6)
    for theta, colour in zip(ds.theta.values, COLOURS, strict=False):
        at = {"theta": theta}
        axes.plot(100 * ds.curve_v / 128, ds.curve_fn.sel(at), color=colour, label=f"theta = {theta}, theory")
        value = ds.frequency.sel(at).where(ds.frequency.sel(at) > 0)
        ends = [value - ds.frequency_low.sel(at), ds.frequency_high.sel(at) - value]
        share = 100 * ds.v / 128
        axes.errorbar(share, value, ends, color=colour, marker="o", markersize=3.5, linestyle="none", zorder=4)
        printed = ds.published_frequency.sel(at)
        first = theta == ds.theta.values[-1]
        axes.plot(
            share,
            printed.where(printed > 0),
            "o",
            mfc="none",
            color=INK,
            markersize=7,
            label="paper" if first else None,
        )
    axes.errorbar([], [], [], color=INK, marker="o", markersize=3.5, linestyle="none", label="sampled segments")
    axes.set(
        yscale="log",
        ylim=(2e-9, 2),
        xlim=(0, 82),
        xlabel="active cells replaced (%)",
        ylabel="false-negative probability",
    )
    axes.legend(loc="lower right")
    return figure


@study.figure(
    "cells",
    caption="Left: with a fixed number of active cells the error is a power law in n; with a fixed large share it "
    "stays high. The paper labels its dashed curve n/2; its values are those of n/4. Right: with 2 % of the cells "
    "active the error rises with n to a limit.",
    alt="Three falling curves for 64, 128 and 256 active cells, straight on logarithmic axes; two flat ones for dense "
    "activity, of which the lower passes through the paper's marks. On the right a curve that rises towards a "
    "dashed limit.",
)
def more_cells(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.6, height=3.5)
    for a in ds.a.values:
        left.plot(ds.n, ds.fp.sel(a=a), color=OF_A[int(a)], label=f"a = {a}")
    left.plot(ds.n, ds.half_fp, color=COLOURS[3], label="a = n/2")
    left.plot(ds.n, ds.quarter_fp, color=COLOURS[4], label="a = n/4")
    left.plot(
        list(published.DENSE),
        list(published.DENSE.values()),
        "o",
        mfc="none",
        color=INK,
        markersize=7,
        label='paper, "n/2"',
    )
    left.set(xscale="log", yscale="log", ylim=(1e-26, 300), xlabel="cells n", ylabel="false-positive probability")
    left.set_xticks([300, 1000, 3000, 10_000, 20_000], ["300", "1000", "3000", "10 000", "20 000"])
    left.minorticks_off()
    left.legend(loc="lower left")
    right.plot(ds.steady_n, 1e15 * ds.steady_fp, color=COLOURS[0], label="a = n/50")
    limit = 1e15 * float(ds.steady_limit)
    right.axhline(limit, color=INK, linestyle=":", label="limit for n to infinity")
    right.set(xscale="log", ylim=(0, 1.15 * limit), xlabel="cells n", ylabel="false-positive probability (1e-15)")
    right.set_xticks([1000, 4000, 16_000, 64_000], ["1000", "4000", "16 000", "64 000"])
    right.minorticks_off()
    right.legend(loc="lower right")
    return figure


@study.figure(
    "synapses",
    caption="False positives against the number of synapses, with the threshold at half of them. Left: exact values. "
    "Right: the slope of ln P (s = 10 to 60) next to the rate -KL(1/2 || a/n) that holds for many synapses.",
    alt="Straight falling lines on a logarithmic axis for sparse activity, a slowly falling one for 4000 of 16 000 "
    "active cells. The fitted slopes are up to a third steeper than predicted, most at 32 active cells.",
)
def more_synapses(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.6, height=3.4, gridspec_kw={"width_ratios": [3, 2]})
    for population, colour in zip(ds.population.values, [*COLOURS[:4], INK], strict=True):
        left.plot(ds.s, ds.fp.sel(population=population), "o-", markersize=2.5, color=colour, label=str(population))
    left.axvspan(20, 25, color=INK, alpha=0.15, linewidth=0)
    left.text(22.5, 1e-31, "paper:\nenough", ha="center", fontsize=7.5)
    left.set(yscale="log", ylim=(1e-32, 30), xlim=(0, 40), xlabel="synapses s", ylabel="false-positive probability")
    left.legend(loc="lower left", title="active cells")
    rows = np.arange(ds.fitted.size)
    right.barh(rows, -ds.slope, color=COLOURS[:4], height=0.55)
    right.plot(
        -ds.predicted_slope, rows, "|", color=INK, markersize=22, markeredgewidth=2, label="rate for many synapses"
    )
    right.set_yticks(rows, ds.fitted.values)
    right.set(xlabel="fall of ln P per synapse", ylim=(-0.6, ds.fitted.size))
    right.legend(loc="upper left")
    return figure


@study.figure(
    "thresholds",
    caption="Left: error over the grid of 420 segments, median (line) and range (shade), and the small-n grid. Right: "
    "share of segments that meet 1e-9. Dashed: the paper's line of 1e-9 and its first good threshold, 9.",
    alt="The median error falls by a factor of about 25 with each threshold. It crosses 1e-9 between 9 and 10; at 9 "
    "less than half of the segments meet it, from 14 on all do.",
)
def which_threshold(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.6, height=3.4)
    visible = np.maximum(ds.lowest, 1e-300)
    left.fill_between(ds.theta, visible, ds.highest, color=COLOURS[0], alpha=0.18, linewidth=0)
    for grid, colour, marker in zip(ds.grid.values, COLOURS, "os", strict=False):
        left.plot(ds.theta, ds["median"].sel(grid=grid), color=colour, marker=marker, label=str(grid), markersize=3.5)
        right.plot(ds.theta, ds.fraction.sel(grid=grid), color=colour, marker=marker, label=str(grid), markersize=3.5)
    mark_published(left, y=1e-9)
    for axes in (left, right):
        mark_published(axes, x=9, label=None)
    left.set(yscale="log", ylim=(1e-30, 1), xlabel="threshold theta", ylabel="false-positive probability")
    right.set(ylim=(-3, 103), xlabel="threshold theta", ylabel="segments with an error of at most 1e-9 (%)")
    legend_above(left, columns=2)
    return figure


@study.figure(
    "unions",
    caption="Left: false positives of a segment that stores M patterns (a = 200, s = 25, theta = 15), averaged over "
    "the exact law of its size. Right: that size at n = 20 000, with its 95 % range; dashed: the paper's 4 to 16 "
    "patterns for 100 to 400 synapses.",
    alt="Each further pattern raises the error by orders of magnitude, each further thousand cells lowers it. The size "
    "grows almost linearly with the number of patterns and passes through the corners that the paper names.",
)
def mixed_patterns(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.6, height=3.4)
    for M, colour in zip(ds.M.values, COLOURS, strict=False):
        left.plot(ds.n, ds.fp.sel(M=M), color=colour, label=f"{M} pattern{'s' if M > 1 else ''}")
    left.set(yscale="log", ylim=(1e-20, 5), xlabel="cells n", ylabel="false-positive probability")
    left.set_xticks([1000, 5000, 10_000, 15_000, 20_000], ["1000", "5000", "10 000", "15 000", "20 000"])
    legend_above(left, columns=3)
    right.plot(ds.stored, ds["size"], "o", color=COLOURS[0], markersize=3.5, label="mean and 95 % range")
    right.vlines(ds.stored, ds.size_low95, ds.size_high95, color=COLOURS[0], linewidth=3, alpha=0.5)
    for patterns, synapses in ((4, 100), (16, 400)):
        mark_published(right, x=patterns, label="paper" if patterns == 4 else None)
        mark_published(right, y=synapses, label=None)
    right.set(xlabel="patterns on the segment", ylabel="synapses", xlim=(0, 21), ylim=(0, 520))
    right.set_xticks([1, 4, 8, 12, 16, 20])
    legend_above(right, columns=2)
    return figure


@study.figure(
    "unions",
    caption="Relative error of the paper's proxy, the expected size of the union put into Eq. 4, against the exact "
    "average over its size (a = 200, s = 25, theta = 15). Its jumps come from rounding the size to whole synapses.",
    alt="Saw-tooth curves for 2 to 10 patterns that stay within about ten per cent of zero and lie on both sides of "
    "it: the proxy is close, but no bound.",
)
def expected_size_as_a_proxy(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.0, height=3.2)
    for M, colour in zip(ds.M.values[1:], COLOURS[1:], strict=False):
        axes.plot(ds.n, ds.proxy_curve.sel(M=M), color=colour, label=f"{M} patterns")
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set(xlabel="cells n", ylabel="error of the proxy (%)")
    legend_above(axes, columns=4)
    return figure


OF_MODEL = {
    "dendrites and sparse": COLOURS[0],
    "sparse only": COLOURS[2],
    "dendrites only": COLOURS[3],
    "MLP": COLOURS[1],
}
MARKERS = dict(zip(OF_MODEL, "osD^", strict=True))


@study.figure(
    "continual",
    caption="Permuted MNIST, learned task after task. Left: mean accuracy over the tasks met so far. Right: accuracy "
    "on each task after the last one. Means over seeds with 95 % intervals.",
    alt="All networks lose accuracy as tasks are added. The one with dendrites and sparse activity loses least, and "
    "remembers the first tasks best; the latest task is learned about as well by all.",
)
def remembering(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.6, height=3.4)
    tasks = ds.learned.values
    so_far = ds.score.where(ds.tested <= ds.learned).mean("tested")  # [model, learned, seed]
    for place, (model, colour) in enumerate(OF_MODEL.items()):
        look = {"color": colour, "marker": MARKERS[model], "markersize": 4, "elinewidth": 1}
        shifted = tasks + 0.09 * (place - 1.5)  # so that intervals don't cover each other
        for axes, values in ((left, so_far.sel(model=model)), (right, ds.score.sel(model=model, learned=tasks[-1]))):
            mean, half = mean_over_seeds(values)
            axes.errorbar(shifted, mean, half, label=model, capsize=2, **look)
    left.set(xlabel="tasks learned", ylabel="accuracy on tasks so far (%)", xticks=tasks)
    right.set(xlabel="task", ylabel=f"accuracy after task {tasks[-1]} (%)", xticks=tasks)
    legend_above(left, columns=2)
    return figure


@study.figure(
    "continual",
    caption="Left: mean accuracy over all tasks after the last one; dots are seeds. Right: what dendrites with sparse "
    "activity gain over each other network, paired by seed, with the t interval that decides the verdict. Dashes: the "
    "paper, with wider networks and longer training on 10 tasks.",
    alt="The bar of dendrites with sparse activity is the highest. Its gains over the three other networks are shown "
    "as points with intervals to the right of zero where the order is sure.",
)
def components(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.6, height=3.0, sharey=True)
    models = list(OF_MODEL)
    for place, model in enumerate(models):
        accuracy, paper = ds.average.sel(model=model), published.CONTINUAL[model]
        left.barh(place, accuracy.mean(), color=OF_MODEL[model], alpha=0.35, height=0.62)
        left.plot(accuracy, np.full(accuracy.size, place), "o", color=OF_MODEL[model], markersize=3.5)
        left.vlines(paper, place - 0.38, place + 0.38, **PRINTED, label="paper" if not place else None)
        if place:
            mean, half = mean_over_seeds(ds.average.sel(model=models[0]) - accuracy)
            right.errorbar(mean, place, xerr=half, color=OF_MODEL[model], marker=MARKERS[model], capsize=3)
            right.vlines(published.CONTINUAL[models[0]] - paper, place - 0.38, place + 0.38, **PRINTED)
    least = float(ds.average.min())
    left.set(xlim=(10 * np.floor((min(least, 80) - 3) / 10), 100), xlabel="mean accuracy over all tasks (%)")
    left.set_yticks(range(len(models)), models)
    left.set_ylabel("network")
    left.invert_yaxis()
    right.axvline(0, color=INK, linewidth=0.8)
    right.set(xlabel="gain of dendrites and sparse activity (points)")
    legend_above(left)
    return figure


@study.figure(
    "learning_rates",
    caption="The search for learning rates: mean accuracy over all tasks after the last one, on seeds that the "
    "comparison does not use. Large marks: the best rate of each network.",
    alt="Each network has a rate at which it does best; dense networks want smaller rates than sparse ones.",
)
def best_rates(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=5.6, height=3.2)
    for model, colour in OF_MODEL.items():
        accuracy = ds.accuracy.sel(model=model)
        look = {"color": colour, "marker": MARKERS[model]}
        axes.plot(ds.rate, accuracy.mean("seed"), label=model, markersize=4, **look)
        best = float(ds.best.sel(model=model))
        axes.plot(best, accuracy.sel(rate=best).mean("seed"), markersize=9, **look)
    axes.set(xscale="log", xlabel="learning rate of Adam", ylabel="mean accuracy over all tasks (%)")
    legend_above(axes, columns=2)
    return figure
