"""The figures: what is forgotten with and without circuits, and what the circuits hold."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from symplast.hlop.published import PERMUTED_MNIST
from symplast.hlop.study import study
from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, mean_over_seeds, new_figure

OF = {False: (COLOURS[1], "without circuits"), True: (COLOURS[0], "with circuits")}
NAMES = {
    "bptt": "BPTT",
    "dsr": "DSR",
    "ottt": "OTTT",
    "ottt_online": "OTTT, each step",
    "bptt_fa": "BPTT, random feedback",
    "bptt_ss": "BPTT, sign feedback",
    "dsr_fa": "DSR, random feedback",
    "dsr_ss": "DSR, sign feedback",
    "spikes": "lateral spikes",
    "spikes_learning": "lateral spikes, learning only",
    "exact": "orthonormal rows",
    "rates": "circuits on mean rates",
    "replay": "both with replay",
    "backprop": "backprop",
    "curl": "curl, 10 % flipped",
    "ep": "equilibrium propagation",
}


def _transfer(matrix: xr.DataArray) -> xr.DataArray:
    """Backward transfer of each seed."""
    places = xr.DataArray(np.arange(matrix.sizes["task"] - 1), dims="old")
    learned = matrix.isel(after=places, task=places).drop_vars(["after", "task"], errors="ignore")
    last = matrix.isel(after=-1, task=places).drop_vars(["after", "task"], errors="ignore")
    return (last - learned).mean("old")


def _points(axes: Axes, samples: xr.DataArray, shift: float, **style: Any) -> None:
    mean, half = mean_over_seeds(samples)
    axes.errorbar(mean, np.arange(len(mean)) + shift, xerr=half, fmt="o", capsize=2, **style)


def _left_out(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)


@study.figure(
    "permuted",
    caption="Permuted MNIST, BPTT: test accuracy on each task from when it was learned, one after the other and with "
    "lateral circuits. Means over seeds with 95 % intervals.",
    alt="Without circuits the accuracy on early tasks falls as later ones are learned; with circuits it stays.",
)
def forgetting(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 2, width=7.6, height=3.2, sharey=True)
    for panel, (protected, name) in zip(axes, ((False, "matrix_sequential"), (True, "matrix")), strict=True):
        matrix = ds[name].sel(way="bptt")
        for number in range(ds.sizes["task"]):
            mean, half = mean_over_seeds(matrix.isel(task=number))
            seen = slice(number, None)
            panel.errorbar(
                ds.after[seen],
                mean[seen],
                half[seen],
                marker="o",
                markersize=3.5,
                capsize=2,
                color=COLOURS[number % len(COLOURS)],
                label=f"task {number + 1}",
            )
        panel.set(xlabel="tasks learned", title=OF[protected][1], xticks=ds.after.values)
    axes[0].set_ylabel("test accuracy (%)")
    axes[1].legend(loc="lower left", ncols=2)
    return figure


@study.figure(
    "permuted",
    caption="What circuits gain over learning the same tasks one after the other, for each way to train: points of "
    "final accuracy and of backward transfer, paired over seeds, with 95 % intervals.",
    alt="Gains with intervals for each training method; points right of zero are gains.",
)
def gains_by_method(ds: xr.Dataset) -> Figure:
    ways = [str(way) for way in ds.way.values]
    figure, axes = new_figure(1, 1, width=6.6, height=1.6 + 0.27 * len(ways))
    final = ds.matrix.isel(after=-1).mean("task") - ds.matrix_sequential.isel(after=-1).mean("task")
    kept = _transfer(ds.matrix) - _transfer(ds.matrix_sequential)
    _points(axes, final, -0.1, color=COLOURS[0], label="final accuracy")
    _points(axes, kept, 0.1, color=COLOURS[2], label="backward transfer")
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(ways)), [NAMES[way] for way in ways])
    axes.set(xlabel="gain (points)", ylim=(len(ways) - 0.5, -0.5))
    legend_above(axes, 2)
    return figure


@study.figure(
    "subspace",
    caption="A circuit of 80 lateral neurons on MNIST pixels. Left: second moment that its rows hold, as a share of "
    "what the best 80 dimensions hold, one line a seed; dashes: the bound of claim HLOP5. Right: the eigenvalues "
    "(uncentred); the dotted line is where the rows end.",
    alt="The share rises steeply and passes 0.95; the spectrum falls over three decades.",
)
def principal_subspace(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.4, height=3.0)
    left.plot(ds.images / 1000, ds.share_after.transpose("images", "seed"), color=COLOURS[0], marker="o", alpha=0.6)
    mark_published(left, y=0.95, label="bound of HLOP5")
    left.set(xlabel="images seen (thousands)", ylabel="share of the best subspace", ylim=(0, 1.02))
    left.legend(loc="lower right")
    rank = np.arange(1, ds.sizes["component"] + 1)
    right.plot(rank, ds.spectrum)
    right.axvline(ds.sizes["component"] / 2, color=INK, linestyle=":")
    right.set(xlabel="rank", ylabel="eigenvalue", yscale="log")
    return figure


@study.figure(
    "permuted",
    caption="How much the first layer's responses to task 1 change while later tasks are learned, with circuits as a "
    "share of without (dots are seeds). Dashes: the bound of HLOP6; the line: what the rows leave by theory. The "
    "weights themselves change as much with circuits as without (right).",
    alt="Responses change about half as much with circuits, near the predicted ratio, while weights change equally.",
)
def old_responses(ds: xr.Dataset) -> Figure:
    ways = [str(way) for way in ds.way.values]
    figure, (left, right) = new_figure(1, 2, width=7.6, height=1.8 + 0.27 * len(ways), sharey=True)
    for axes, ratio in ((left, ds.response / ds.response_sequential), (right, ds.weight_change)):
        places = np.arange(len(ways))
        for seed in range(ds.sizes["seed"]):
            axes.plot(ratio.transpose("way", "seed").values[:, seed], places, "o", color=COLOURS[0], alpha=0.6)
        axes.set(xlim=(0, 1.1 * float(ratio.max())), ylim=(len(ways) - 0.5, -0.5))
    mark_published(left, x=0.5, label="bound of HLOP6")
    left.axvline(float(ds.response_predicted.mean()), color=COLOURS[2], label="predicted")
    left.set_yticks(range(len(ways)), [NAMES[way] for way in ways])
    left.set_xlabel("response change, ratio")
    right.set_xlabel("weight change, ratio")
    legend_above(left, 2)
    return figure


@study.figure(
    "permuted_mnist",
    caption="The paper's protocol, ten tasks: accuracy on each task when it was learned and at the end; dashes: the "
    "mean that the paper reports (recalled, unconfirmed).",
    alt="Accuracy by task, when learned and at the end.",
)
def ten_tasks(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.0, height=3.2)
    tasks = np.arange(1, ds.sizes["task"] + 1)
    if np.isnan(ds.matrix).all():
        _left_out(axes, "not run at this scale")
    else:
        axes.plot(tasks, np.diag(ds.matrix), marker="o", color=COLOURS[2], label="when learned")
        axes.plot(tasks, ds.matrix.isel(after=-1), marker="o", color=COLOURS[0], label="at the end")
        mark_published(axes, y=PERMUTED_MNIST["ACC"])
        legend_above(axes, 3)
    axes.set(xlabel="task", ylabel="test accuracy (%)", xticks=tasks)
    return figure


@study.figure(
    "two_datasets",
    caption="MNIST and Fashion-MNIST one "
    "after the other, in both orders: backward transfer without and with circuits; means over seeds with 95 % "
    "intervals.",
    alt="Backward transfer of four settings with and without circuits.",
)
def second_data_set(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.2, height=2.8)
    first = dict(zip(ds.order.values, ds["first"].values, strict=True))
    moved = _transfer(ds.matrix).stack(case=("order", "heads")).dropna("case", how="all")
    labels = [f"{first[order]} first, {heads}" for order, heads in moved.case.values]
    for protected, (colour, label) in OF.items():
        values = moved.sel(protected=protected).reset_index("case")
        _points(axes, values, 0.1 - 0.2 * protected, color=colour, label=label)
    legend_above(axes, 2)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(labels)), [f"{label} head{'s' if 'separate' in label else ''}" for label in labels])
    axes.set(xlabel="backward transfer (points)", ylim=(len(labels) - 0.5, -0.5))
    return figure


@study.figure(
    "rate_networks",
    caption="The projection after other credit rules, in networks of rates on permuted images: final accuracy and "
    "backward transfer without and with it. Means over paired seeds with 95 % intervals.",
    alt="For each rule, accuracy is higher and forgetting smaller with the projection.",
)
def other_rules(ds: xr.Dataset) -> Figure:
    cases = [str(case) for case in ds.case.values]
    figure, (left, right) = new_figure(1, 2, width=7.6, height=1.8 + 0.35 * len(cases), sharey=True)
    measures = ((left, ds.matrix.isel(after=-1).mean("task")), (right, _transfer(ds.matrix)))
    for axes, measured in measures:
        for protected, (colour, label) in OF.items():
            _points(axes, measured.sel(protected=protected), 0.1 - 0.2 * protected, color=colour, label=label)
        axes.set_ylim(len(cases) - 0.5, -0.5)
    left.set_yticks(range(len(cases)), [NAMES[case] for case in cases])
    left.set_xlabel("final accuracy (%)")
    right.set_xlabel("backward transfer (points)")
    right.axvline(0, color=INK, linewidth=0.8)
    legend_above(left, 2)
    return figure
