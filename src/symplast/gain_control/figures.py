"""Figures of the experiments."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from symplast import stats
from symplast.gain_control.ensembles import HALFWIDTH
from symplast.gain_control.measuring import EFFECTS
from symplast.gain_control.study import study
from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, new_figure

LINES = ("--", ":")
WORDS = {
    "gc1": "maxima shrink", "gc2": "minima shrink", "gc3": "tuning repelled", "gc4": "means equalised",
    "gc5": "independence kept", "all_five": "all five", "flank_nearer": "flank pair nearer",
}  # fmt: skip
PROBABILITY_LINES = (("#7fb2e8", 0.9), ("#4c93dc", 1.3), (COLOURS[0], 1.8), ("#2368b0", 2.5))


@study.figure(
    "effects",
    caption="Tuning of nine neurons before (grey) and after adaptation (blue); the adapter is shown with probability "
    "0.35 within the shaded range. Default preset.",
    alt="Curves near the adapter shrink and lean away from it; curves far from it grow a little.",
)
def adaptation(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=7.2, height=3.0)
    axes.axvspan(-HALFWIDTH, HALFWIDTH, color=INK, alpha=0.12, linewidth=0, label="adapter")
    picked = np.linspace(0, ds.neuron.size - 1, 9).round().astype(int)
    for place, i in enumerate(picked):
        before, after = ("control", "adapted") if not place else (None, None)
        axes.plot(ds.stimulus, ds.control[i], color=INK, alpha=0.6, linewidth=1.1, label=before)
        axes.plot(ds.stimulus, ds.adapted[i], color=COLOURS[0], linewidth=1.4, label=after)
    axes.set(xlabel="stimulus orientation (deg)", ylabel="response (a.u.)", xlim=(-90, 90), ylim=(0, None))
    axes.set_xticks(range(-90, 91, 45))
    legend_above(axes)
    return figure


@study.figure(
    "effects",
    caption="Largest and smallest response after over before adaptation, and shift of the preferred orientation away "
    "from the adapter, against preference; a line for each probability of the adapter, thicker for higher ones. "
    "Dashed: without recurrence (W = 0). Dotted: without the pull of the gains to rest (gamma = 0), where the effects "
    "reverse.",
    alt="Ratios dip at the adapter, deeper for frequent adapters; shifts peak on both sides of it. Without recurrence "
    "nothing shifts; without the pull to rest responses at the adapter grow.",
)
def by_preference(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, 3, width=7.8, height=3.2)
    names = (("amp_ratio", "largest response"), ("min_ratio", "smallest response"), ("repulsion", "repulsion (deg)"))
    for axes, (name, label) in zip(panels, names, strict=True):
        for p, (colour, width) in zip(ds.probability.values, PROBABILITY_LINES, strict=True):
            values = ds[name].sel(preset="default", probability=p)
            axes.plot(ds.neuron, values, color=colour, linewidth=width, label=f"{p:.2f}")
        for without, style in zip(ds.without.values, LINES, strict=True):
            axes.plot(ds.neuron, ds[f"{name}_without"].sel(without=without), color=COLOURS[1], linestyle=style,
                      label=str(without))  # fmt: skip
        axes.axhline(0 if name == "repulsion" else 1, color=INK, linewidth=0.8)
        axes.set(title=label if name == "repulsion" else f"{label},\nadapted / control", xlabel="preference (deg)")
        axes.set_xticks([-90, 0, 90])
    handles = panels[0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside upper center", ncols=6, title="probability of the adapter")
    return figure


@study.figure(
    "effects",
    caption="What adaptation does to the population's statistics, against the probability of the adapter, for both "
    "presets: distance of the covariance to that under the uniform ensemble, and correlation of the neurons at +15 and "
    "-15 degrees (dashed: its value under the uniform ensemble). The strong preset over-corrects: the correlation "
    "falls below its uniform value, and at 0.5 the covariance ends farther away than it was.",
    alt="Lines with control gains and with adapted gains for two presets. In the strong preset the correlation after "
    "adaptation lies well below the dashed line.",
)
def independence(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, 2, width=7.2, height=3.0)
    situations = ds.situation.values
    for axes, (name, label) in zip(
        panels, (("covdist", "distance of the covariance"), ("flank_correlation", "correlation of the flank pair")),
        strict=True,
    ):  # fmt: skip
        for preset, colour in zip(ds.preset.values, (COLOURS[0], COLOURS[1]), strict=True):
            own = ds[name].sel(preset=preset)
            for situation, marker, style in zip(situations[1:], "so", ("-", "-"), strict=True):
                hollow = "none" if marker == "s" else colour
                axes.plot(ds.probability, own.sel(situation=situation), marker=marker, linestyle=style, color=colour,
                          mfc=hollow, label=f"{preset}, {str(situation).split(', ')[1]}")  # fmt: skip
            if name == "flank_correlation":
                axes.axhline(float(own.sel(situation="uniform")[0]), color=colour, linestyle=(0, (4, 3)), linewidth=1)
        axes.set(xlabel="probability of the adapter", ylabel=label, ylim=(0, None))
    figure.legend(handles=panels[0].get_legend_handles_labels()[0], loc="outside upper center", ncols=2)
    return figure


@study.figure(
    "effects",
    caption="Largest (dots) and smallest shift (squares) of the preferred orientation away from the adapter, for "
    "ensembles from narrow to broad: boxes, and von Mises bells. The adapter is over-represented as much in every box. "
    "A later model (bioRxiv 10.1101/2025.07.11.664261) predicts attraction under broad ensembles, which would be "
    "negative here.",
    alt="Shifts are positive, and fall as the ensemble broadens.",
)
def breadth(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, 2, width=7.2, height=2.8, sharey=True)
    for axes, (name, at, label) in zip(
        panels,
        (("repulsion_by_box", ds.halfwidth, "half-width of the box (deg)"),
         ("repulsion_by_bell", ds.kappa, "concentration kappa of the bell")),
        strict=True,
    ):  # fmt: skip
        axes.plot(at, ds[name].sel(end="largest"), "o-", color=COLOURS[0], label="largest shift")
        axes.plot(at, ds[name].sel(end="smallest"), "s--", color=COLOURS[1], label="smallest shift")
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_xlabel(label)
    panels[1].set_xscale("log")
    panels[0].set_ylabel("repulsion (deg)")
    legend_above(panels[0], 2)
    return figure


@study.figure(
    "robustness",
    caption="Covariances of the default population (45 neurons) under the uniform ensemble, under the biased one with "
    "control gains, and with adapted gains; one colour scale, the flank pair ringed. Right: share of random settings "
    "in which each effect holds, with exact 95 % intervals; dashed: one half.",
    alt="Three matrices with a bright diagonal band; the middle one bulges at the adapter, the right one less. On the "
    "right seven shares with intervals.",
)
def covariance(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, 4, width=8.6, height=2.9, gridspec_kw={"width_ratios": [1, 1, 1, 1.15]})
    most = float(np.abs(ds.covariances).max())
    theta = ds.neuron.values
    extent = (theta[0], theta[-1], theta[-1], theta[0])
    i, j = (int(k) for k in ds.flanks.values)
    titles = ("uniform", "biased,\ncontrol gains", "biased,\nadapted gains")
    for axes, C, title in zip(panels, ds.covariances.values, titles, strict=False):
        image = axes.imshow(C, cmap="RdBu_r", vmin=-most, vmax=most, extent=extent)
        axes.add_patch(Circle((theta[i], theta[j]), 9, fill=False, edgecolor=INK, linewidth=1.3))
        axes.set(title=title, xlabel="preference (deg)")
        axes.set_xticks([-60, 0, 60])
        axes.set_yticks([-60, 0, 60])
    panels[0].set_ylabel("preference (deg)")
    figure.colorbar(image, ax=panels[:3], shrink=0.8, location="bottom", aspect=40, label="covariance (a.u.)")
    _shares(panels[3], ds, [*EFFECTS, "all_five", "flank_nearer"])
    return figure


def _shares(axes: Any, ds: xr.Dataset, names: list[str]) -> None:
    for row, name in enumerate(names):
        values = ds[name].values.astype(bool)
        share = stats.clopper_pearson(int(values.sum()), values.size)
        ends = [[share.value - share.low], [share.high - share.value]]
        colour = COLOURS[0] if name in EFFECTS else COLOURS[1] if name == "all_five" else COLOURS[2]
        axes.errorbar(share.value, row, xerr=ends, fmt="o", color=colour, capsize=3)
    axes.set_yticks(range(len(names)), [WORDS[name] for name in names])
    mark_published(axes, x=0.5, label=None)
    axes.set(xlim=(0.4, 1.03), ylim=(len(names) - 0.5, -0.5), xlabel="share of settings",
             title=f"{ds.sizes['seed']} settings")  # fmt: skip
    axes.yaxis.tick_right()
    axes.spines["left"].set_visible(False)
    axes.spines["right"].set_visible(True)


@study.figure(
    "online",
    caption="Gains of five neurons under the online rule, to the adapted ensemble (left) and back to the uniform one "
    "(middle): means of successive blocks of stimuli in five runs (thin) and over them (bold), with the optimum "
    "dashed. Right: distance of the mean gains of the last half of a run to the optimum, over the distance at the "
    "start, against the length of the run (thin: a run each; bold: their mean; dashed: slope -1/2).",
    alt="Mean gains lie about their dashed optima from the first block on. Distances fall with a slope of one half on "
    "logarithmic axes.",
)
def online_gains(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, 3, width=8.2, height=3.0)
    panels[0].sharey(panels[1])
    for axes, name, (start, end), title in zip(
        panels, ("course", "course_back"), (("control", "adapted"), ("adapted", "control")),
        ("to the adapted ensemble", "back"), strict=False,
    ):  # fmt: skip
        for shown, colour in zip(ds.shown.values, COLOURS, strict=False):
            runs = ds[name].sel(shown=shown).transpose("record", "run")
            at = np.concatenate([[0], ds.record / 1000])
            first = np.full((1, runs.sizes["run"]), float(ds.optimum.sel(shown=shown, end=start)))
            values = np.concatenate([first, runs])
            axes.plot(at, values, color=colour, alpha=0.25, linewidth=0.7)
            axes.plot(at, values.mean(axis=1), color=colour, label=f"{shown:.0f} deg")
            axes.axhline(float(ds.optimum.sel(shown=shown, end=end)), color=colour, linestyle="--", linewidth=1)
        axes.set(xlabel="stimuli (thousands)", title=title)
    panels[0].set_ylabel("gain")
    figure.legend(handles=panels[0].get_legend_handles_labels()[0], loc="outside upper center", ncols=5)
    distances, axes = ds.distance.isel(eta=0).transpose("length", "seed"), panels[2]
    axes.loglog(ds.length, distances, color=COLOURS[0], alpha=0.25, linewidth=0.8)
    mean = distances.mean("seed")
    axes.loglog(ds.length, mean, "o-", color=COLOURS[0])
    slope = float(mean[0]) * (ds.length / float(ds.length[0])) ** -0.5
    axes.loglog(ds.length, slope, color=INK, linestyle=(0, (4, 3)))
    axes.set(xlabel="stimuli (thousands)", title="distance of the mean gains")
    axes.set_xticks(ds.length.values, [f"{length // 1000:g}" for length in ds.length.values])
    axes.set_yticks([0.005, 0.01, 0.02, 0.05, 0.1], ["0.005", "0.01", "0.02", "0.05", "0.1"])
    axes.minorticks_off()
    return figure


@study.figure(
    "whitening",
    caption="Whitening by three interneurons (green: their directions and gains at the end) through "
    "contexts A, B and A again: one standard deviation of the inputs (grey), of the responses at the switch (dashed) "
    "and after adaptation (blue), which is the unit circle. Right: error after each switch.",
    alt="Elongated ellipses become circles in all three contexts, and the error falls by many orders of magnitude.",
)
def whitening_contexts(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, 4, width=8.4, height=2.7, gridspec_kw={"width_ratios": [1, 1, 1, 1.3]})
    angle = np.linspace(0, 2 * np.pi, 100)
    circle = np.array([np.cos(angle), np.sin(angle)])
    for axes, context in zip(panels, ds.context.values, strict=False):
        own = ds.sel(context=context)
        for name, style in (
            ("inputs", {"color": INK, "label": "inputs"}),
            ("begun", {"color": COLOURS[1], "linestyle": "--", "label": "at the switch"}),
            ("whitened", {"color": COLOURS[0], "label": "adapted"}),
        ):
            values, vectors = np.linalg.eigh(own[name].values)
            x, y = (vectors * np.sqrt(np.maximum(values, 0))) @ circle
            axes.plot(x, y, **style)
        for k in range(ds.sizes["interneuron"]):
            w = ds.frame.values[:, k]
            axes.plot([0, w[0]], [0, w[1]], color=COLOURS[2], linewidth=1)
            axes.annotate(
                f"{float(own.gains[k]):.2f}", 1.4 * w, fontsize=7.5, color=COLOURS[2], ha="center", va="center"
            )
        axes.set(title=str(context), aspect="equal", xlim=(-1.9, 1.9), ylim=(-1.9, 1.9), xlabel="neuron 1")
    panels[0].set_ylabel("neuron 2")
    figure.legend(handles=panels[0].get_legend_handles_labels()[0], loc="outside upper center", ncols=3)
    errors = ds.errors.values
    for i, context in enumerate(ds.context.values):
        at = np.arange(errors.shape[1]) + i * errors.shape[1]
        panels[3].semilogy(at, np.maximum(errors[i], 1e-32), color=COLOURS[i], label=str(context))
    panels[3].set(xlabel="update", ylabel=r"error $|C_{yy} - I|^2 / N^2$")
    return figure


@study.figure(
    "frames",
    caption="Updates until the error is below 0.01 with random frames (orange) and Grassmannian ones (blue) on the "
    "same covariances, a dot a seed and their geometric mean; runs that never get there are counted as 2000.",
    alt="For every number of neurons the Grassmannian frames need fewer updates.",
)
def frame_speed(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=6.0, height=3.0)
    for k, (frame, colour) in enumerate(zip(ds.frame.values, (COLOURS[1], COLOURS[0]), strict=True)):
        for n in ds.n.values:
            values = ds.updates.sel(frame=frame, n=n).values
            at = n + 0.3 * (k - 0.5) + 0.16 * (np.arange(values.size) * 0.618034 % 1 - 0.5)
            label = f"{frame} frames" if n == ds.n.values[0] else None
            axes.plot(at, values, "o", color=colour, markersize=3, alpha=0.45, label=label)
            middle = np.exp(np.log(np.maximum(values, 1)).mean())
            axes.plot(n + 0.3 * (k - 0.5), middle, "D", color=colour, markersize=7, markeredgecolor="white")
    axes.set(yscale="log", xlabel="neurons N, with N (N + 1) / 2 interneurons", ylabel="updates")
    axes.set_xticks(ds.n.values)
    legend_above(axes, 2)
    return figure


@study.figure(
    "placement",
    caption="Sizes of the five effects with the gain on the total input, and without the pull of the gains to rest "
    "(gamma = 0). With gamma = 0 every one of them points the other way.",
    alt="A dot for each effect and variant; those without the pull lie on the wrong side of the line.",
)
def placements(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=6.6, height=2.9)
    rows = (
        ("1 - largest response at 0 deg", lambda v: 1 - float(ds[f"{v}_amp_at_0"])),
        ("1 - smallest response at 0 deg", lambda v: 1 - float(ds[f"{v}_min_at_0"])),
        ("largest + smallest shift (deg)", lambda v: float(ds[f"{v}_repulsion_max"] + ds[f"{v}_repulsion_min"])),
        ("fall of the spread of means", lambda v: -float(ds[f"{v}_cv_change"])),
        ("fall of the covariance's distance", lambda v: -float(ds[f"{v}_covdist_change"])),
    )
    for variant, label, colour, marker in (
        ("total", "gain on the total input", COLOURS[0], "o"), ("no_pull", "gamma = 0", COLOURS[1], "s"),
    ):  # fmt: skip
        axes.plot([value(variant) for _, value in rows], range(len(rows)), marker, color=colour, label=label)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set(xlabel="size of the effect (negative: reversed)", ylim=(len(rows) - 0.5, -0.5))
    legend_above(axes, 2)
    return figure


@study.figure(
    "exact",
    caption="What single-neuron gains can do without recurrence: ratio of largest and of smallest responses at the "
    "adapter are one number, and nothing shifts; with recurrence (figure of the effects) they differ.",
    alt="Bars of numerical error, all below the bounds of the claims.",
)
def identities(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=6.4, height=2.6)
    rows = (
        ("shift without recurrence (deg)", ds.shift_without_recurrence, 1e-10),
        ("difference of ratios without recurrence", ds.ratio_difference, 1e-12),
        ("difference of correlations without recurrence", ds.correlation_difference, 1e-12),
        ("gradient at the closed form", ds.gradient, 1e-8),
        ("distance of the iterative optimum", ds.lbfgs_distance, 1e-6),
    )
    for row, (_, value, bound) in enumerate(rows):
        axes.plot(max(float(value), 1e-18), row, "o", color=COLOURS[0])
        axes.plot(bound, row, "|", color=COLOURS[1], markersize=14, markeredgewidth=2)
    axes.plot([], [], "o", color=COLOURS[0], label="measured")
    axes.plot([], [], "|", color=COLOURS[1], markersize=10, markeredgewidth=2, label="bound of the claim")
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
    axes.set(xscale="log", ylim=(len(rows) - 0.5, -0.5), xlabel="size")
    legend_above(axes, 2)
    return figure
