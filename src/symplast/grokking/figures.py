"""The figures of modular addition: neurons, the lottery, grokking, ghosts, ideal networks, rules compared."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from symplast import stats
from symplast.grokking.drawing import (
    colours_of,
    draw_accuracies,
    draw_lottery,
    draw_pair,
    draw_phases,
    draw_rules,
    shade_stages,
)
from symplast.grokking.stages import Stages
from symplast.grokking.study import study
from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, mean_over_seeds, new_figure


@study.figure(
    "standard",
    caption="Weights of six neurons over the numbers j (dots: input weights theta, squares: output weights xi) "
    "with the cosine of their dominant frequency, and psi against 2 phi of all neurons, coloured by frequency; dashed: "
    "the paper's psi = 2 phi.",
    alt="Each neuron's weights rise and fall with one cosine, flattened at the top for ReLU: odd harmonics. In the "
    "last panel the phases of all neurons lie near the diagonal, in all colours.",
)
def neurons(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(2, 4, width=8.6, height=4.2)
    smooth = axes[:, :3].ravel()
    for panel, place in zip(smooth, range(ds.sizes["neuron_shown"]), strict=False):
        for layer, colour, marker in (("theta", COLOURS[0], "o"), ("xi", COLOURS[1], "s")):
            panel.plot(ds.j, ds[layer][place], marker, color=colour, markersize=3, label=layer)
            panel.plot(ds.j_fine, ds[f"{layer}_fitted"][place], color=colour, linewidth=1, alpha=0.7)
        panel.set_title(f"frequency {int(ds.frequency_shown[place])}", loc="left")
        panel.set(xlabel="number j", ylabel="weight")
    handles = smooth[0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    draw_phases(axes[0, 3], ds.double_phi, ds.psi, ds.frequency.values, 11)
    counts = ds.counts.mean("seed")
    axes[1, 3].bar(ds.k, counts, color=colours_of(ds.k.values, 11))
    axes[1, 3].axhline(counts.mean(), color=INK, linestyle=":", linewidth=1.2)
    axes[1, 3].set(xlabel="frequency", ylabel="neurons (mean of seeds)")
    return figure


def _rules(ds: xr.Dataset) -> dict[str, stats.Estimate]:
    rows = {"T": ds.hit_T, "alpha": ds.hit_alpha, "abs(D)": ds.hit_misalignment}
    return {name: stats.mean_interval(values.values, bounds=(0, 1)) for name, values in rows.items()}


@study.figure(
    "lottery",
    caption="The lottery under plain gradient descent. Left: blow-up time of each neuron's second frequency against "
    "that of its first, from the first weights alone. Right: share of final winners that three rules predict, with "
    "95 % intervals over seeds; the paper's app names the smallest misalignment |D|.",
    alt="Neurons whose second frequency is far behind are nearly all predicted; failures lie near the diagonal. The "
    "blow-up time predicts about four in five, amplitude alone two in five, misalignment alone one in five.",
)
def winners(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.4, height=3.3)
    draw_lottery(left, ds.first_time, ds.second_time, ds.hit)
    legend_above(left, columns=2)
    draw_rules(right, _rules(ds), 1 / 11)
    return figure


@study.figure(
    "grokking",
    caption="Accuracy by kind of pair of the first seed (top left), norm and purity (below it), stages as bands. "
    "Right: test accuracy when all training pairs are right against the share of mirrored pairs, a dot a seed; end of "
    "memorisation and the paper's 1744 steps.",
    alt="Pairs learned in both orders come first, then those learned in one order with their mirror images, while "
    "truly unseen pairs stay at zero until much later. The plateau of each seed lies on the diagonal.",
)
def stages_of_grokking(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(2, 2, width=8.2, height=5.2, gridspec_kw={"width_ratios": [2, 1]})
    step = ds.record.values
    columns = {str(name): ds[name].isel(seed=0).values for name in ds.data_vars if str(name).endswith("_acc")}
    draw_accuracies(axes[0, 0], step, columns, float(ds.mirrored_share[0]))
    axes[1, 0].plot(np.maximum(step, 1), ds.norm.isel(seed=0), color=COLOURS[4], label="norm of the weights (left)")
    axes[1, 0].set(xscale="log", xlabel="step (of the paper's rate)", ylabel="norm")
    twin = axes[1, 0].twinx()
    twin.plot(np.maximum(step, 1), ds.ipr_in.isel(seed=0), color=COLOURS[5], linestyle="--", label="IPR (right)")
    twin.set(ylabel="IPR of the input weights", ylim=(0, 1))
    generalised = float(ds.generalised_step[0])
    peak = float(ds.norm_peak[0]) if ds.norm_peak[0] < step[-1] else None
    ends = float(ds.memorised[0]), generalised if np.isfinite(generalised) else None, peak
    stages = Stages(*ends, None, None, None, None, None, None, None)
    for panel in axes[:, 0]:
        shade_stages(panel, stages, float(step[-1]))
    legend_above(axes[0, 0], columns=2)
    lines = axes[1, 0].get_lines() + twin.get_lines()
    legend_above(axes[1, 0], columns=2, handles=lines)
    axes[0, 1].plot([0.5, 0.9], [0.5, 0.9], color=INK, linewidth=0.8)
    axes[0, 1].plot(ds.mirrored_share, ds.plateau, "o", color=COLOURS[2])
    axes[0, 1].set(xlabel="share of mirrored pairs", ylabel="test accuracy at the plateau", xlim=(0.6, 0.85))
    axes[0, 1].set_ylim(0.6, 0.85)
    axes[1, 1].plot(ds.memorised, np.arange(ds.sizes["seed"]), "o", color=COLOURS[0])
    mark_published(axes[1, 1], x=1744)
    axes[1, 1].set(xlabel="end of memorisation (step)", ylabel="seed", yticks=range(ds.sizes["seed"]))
    axes[1, 1].set_xlim(1200, 2300)
    legend_above(axes[1, 1])
    return figure


def _ghosts(ds: xr.Dataset, half: float) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=8.0, height=3.5, gridspec_kw={"width_ratios": [2.2, 1]})
    x, y = 5, 11
    draw_pair(left, ds.logits, ds.network.values.tolist(), (x, y))
    left.legend(loc="center left")
    mean, spread = mean_over_seeds(ds.ghost_ratio)
    right.errorbar(0, mean, spread, fmt="o", color=COLOURS[0], capsize=3)
    right.plot(np.full(ds.sizes["seed"], 0.12), ds.ghost_ratio, "o", color=COLOURS[0], alpha=0.4, markersize=3)
    mark_published(right, y=0.5, label="paper" if half != 0.5 else "paper, and ideal network")
    if half != 0.5:
        right.axhline(half, color=COLOURS[1], linestyle="--", label="ideal network")
    right.set(xlim=(-0.6, 0.6), ylim=(0, 0.75), ylabel="ghost over main peak", xticks=[], xlabel="trained networks")
    legend_above(right, columns=2)
    return figure


@study.figure(
    "quad",
    caption="Ghosts of x^2 networks. Left: logits of the pair (5, 11) over the outputs, trained and ideal. Right: "
    "height of the ghosts at 2x and 2y over that of the right answer, seeds and mean with 95 % interval; dashed: the "
    "paper's one half, which is also the ideal network's.",
    alt="The trained network has its main peak where the ideal one has it and smaller peaks at 2x and 2y. The trained "
    "ratio is clearly below one half.",
)
def ghosts_of_square(ds: xr.Dataset) -> Figure:
    return _ghosts(ds, 0.5)


@study.figure(
    "standard",
    caption="Ghosts of ReLU networks, as for x^2; their ideal ratio is one third.",
    alt="The main peak and smaller ghosts at 2x and 2y; the trained ratio is below the ideal one third.",
)
def ghosts_of_relu(ds: xr.Dataset) -> Figure:
    return _ghosts(ds, 1 / 3)


@study.figure(
    "exact",
    caption="Loss of ideal networks of 128 neurons at p = 23, against the number of frequencies (mean over all "
    "subsets) and against the width of the range of phases. Crosses: the values that the paper's app prints.",
    alt="The loss falls by fourteen orders of magnitude with more frequencies. With wider phases it falls too, but "
    "not steadily.",
)
def ideal_losses(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.2, height=3.1, sharey=True)
    printed = {"left": (1.64, 0.602, 0.0288, 2.99e-8, 7.41e-15), "right": (4.82, 2.00e-3, 1.19e-9, 3.54e-7, 7.41e-15)}
    for axes, x, y, name in (
        (left, ds.frequencies, ds.loss_by_frequencies, "left"),
        (right, ds.spread, ds.loss_by_spread, "right"),
    ):
        axes.plot(x, y, "-o", color=COLOURS[0], label="measured")
        axes.plot(x, printed[name], "x", color=INK, markersize=8, label="paper")
    left.set(yscale="log", xlabel="frequencies", ylabel="loss (nats)")
    right.set(xlabel="range of phases (units of π)")
    legend_above(left)
    return figure


@study.figure(
    "single",
    caption="Amplitudes at multiples of each neuron's first frequency, over that at the frequency itself, for ReLU "
    "networks that begin with one frequency a neuron (means over neurons; 95 % intervals over seeds). Dashed: 1/9, the "
    "paper's value of the third harmonic.",
    alt="In the input weights only odd harmonics appear, the third at about a quarter; in the output weights the "
    "second and third are small.",
)
def leaking(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=5.6, height=3.1)
    for layer, colour, shift in (("harmonic_in", COLOURS[0], -0.08), ("harmonic_out", COLOURS[1], 0.08)):
        mean, half = mean_over_seeds(ds[layer])
        label = "input weights" if layer == "harmonic_in" else "output weights"
        axes.errorbar(ds.r.values[1:] + shift, mean[1:], half[1:], fmt="o", color=colour, capsize=2, label=label)
    mark_published(axes, y=1 / 9)
    axes.set(xlabel="multiple of the frequency", ylabel="relative amplitude", ylim=(-0.02, None))
    legend_above(axes)
    return figure


LABELS = {
    "backprop": "backprop", "fa": "feedback\nalignment", "sign_symmetric": "sign-\nsymmetric",
    "ep": "equilibrium\nprop.",
    "curl": "backprop,\ncurl flips", "device": "backprop,\ndevices", "random": "random\nanswers",
}  # fmt: skip


@study.figure(
    "rules",
    caption="What each rule of credit or plasticity does to the algorithm: accuracy on pairs held out, rise of the "
    "IPR, and share of neurons whose three sets of weights share a frequency and lock in phase. Dots are seeds, bars "
    "means with 95 % intervals. Last row: the control without a rule behind the answers.",
    alt="Three panels of seven rows. The control has no accuracy on held-out pairs and no rise of the IPR.",
)
def algorithms(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 3, width=8.6, height=3.8, sharey=True)
    rows = np.arange(ds.sizes["tried"])
    titles = {
        "test": "accuracy on held-out pairs",
        "ipr_rise": "final over first IPR",
        "locked": "share of neurons locked",
    }
    for panel, (name, label) in zip(axes, titles.items(), strict=True):
        mean, half = mean_over_seeds(ds[name])
        panel.barh(rows, mean, xerr=half, color=COLOURS[0], alpha=0.35, height=0.6, ecolor=INK)
        for row in rows:
            panel.plot(ds[name][row], np.full(ds.sizes["seed"], row), "o", color=COLOURS[0], markersize=3)
        panel.set(xlabel=label)
    axes[0].set_yticks(rows, [LABELS[name] for name in ds.tried.values])
    axes[0].set(ylabel="rule")
    axes[0].invert_yaxis()
    return figure
