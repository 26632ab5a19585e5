"""The figures: what was measured, next to theory and what the paper's code printed."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from symplast.curl import published
from symplast.curl.random_matrix import Layer, critical_fraction
from symplast.curl.study import study
from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, new_figure

BLUE, ORANGE, GREEN, PINK, VIOLET, OCHRE = COLOURS
PAPER: dict[str, Any] = {"linestyle": "none", "marker": "o", "mfc": "none", "color": INK, "markersize": 6, "zorder": 5}
GRADIENT, CURL = "gradient descent", "curl descent"
LAYERS: dict[Layer, tuple[str, str]] = {
    "hidden": (BLUE, "flipped inputs"), "readout": (ORANGE, "flipped hidden units"),
}  # fmt: skip
TICKS_C = ([0.1, 0.25, 0.5, 1, 2, 4, 8], ["0.1", "1/4", "1/2", "1", "2", "4", "8"])


@study.figure(
    "spectra",
    caption="Eigenvalues at sampled solutions (bars: share of all eigenvalues in each bin) with the density of the "
    "random-matrix law (line) and its atom (diamond at its mass). Negative values are directions in which learning "
    "leaves the solution.",
    alt="Two histograms that follow their theoretical densities; on the right nine tenths of the eigenvalues sit in an "
    "atom at one.",
)
def spectra(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 2, width=7.6, height=3.3)
    titles = ("flipped inputs: c = 0.1, alpha = 0.7", "flipped hidden units: c = 10, alpha = 0.5")
    for axis, layer, title in zip(axes, ("hidden", "readout"), titles, strict=True):
        bins = ds[f"{layer}_bin_edges"].values
        width = bins[1] - bins[0]
        axis.bar(bins[:-1], ds[f"{layer}_histogram"], width, align="edge", color=BLUE, alpha=0.5, label="sampled")
        axis.plot(ds[f"{layer}_x"], ds[f"{layer}_density"] * width, color=ORANGE, label="law")
        for place, mass in ds[f"{layer}_atoms"].values:
            axis.plot(place, mass, "D", color=ORANGE, markersize=6, label=f"atom of mass {mass:g}", zorder=4)
        axis.axvline(0, color=INK, linewidth=0.8)
        axis.set(title=title, xlabel="eigenvalue of -K (decay rate)", ylabel="share in a bin")
        if layer == "readout":
            axis.set_yscale("log")
            axis.set_ylim(3e-5, 1.5)
        axis.legend(loc="upper right")
    return figure


@study.figure(
    "boundary",
    caption="Critical share of flipped neurons: closed forms (lines) through the published boundary (circles, every "
    "tenth). More inputs than two thirds of the hidden units: no flipped input is tolerated; fewer than a quarter: "
    "all.",
    alt="Two falling curves with the published points on them; the one for flipped inputs drops from one to zero "
    "between a quarter and two thirds.",
)
def boundaries(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.0, height=3.3)
    for layer, (colour, name) in LAYERS.items():
        axes.plot(ds.c, ds[layer], color=colour, label=name)
        axes.plot(
            ds.c[::10], ds[f"published_{layer}"][::10], **PAPER | {"label": "paper" if layer == "hidden" else None}
        )
    _boundary_axes(axes)
    return figure


@study.figure(
    "sampled_boundary",
    caption="Critical share of flipped neurons: closed forms (lines) and shares of sampled nets, extrapolated from "
    "three sizes to large ones (dots with 95 % intervals).",
    alt="Two falling curves that run through the sampled shares.",
)
def sampled_boundaries(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.0, height=3.3)
    for layer, (colour, name) in LAYERS.items():
        c, value = ds[f"{layer}_c"].values, ds[f"{layer}_sampled"].values
        low, high = ds[f"{layer}_ends"].transpose("end", f"{layer}_c").values
        fine = np.geomspace(c.min(), c.max(), 300)
        axes.plot(fine, [critical_fraction(ratio, layer) for ratio in fine], color=colour, label=name)
        axes.errorbar(c, value, [value - low, high - value], color=colour, linestyle="none", marker="o", capsize=3)
    _boundary_axes(axes)
    return figure


def _boundary_axes(axes: Any) -> None:
    for place, name in ((1 / 4, "1/4"), (2 / 3, "2/3")):
        axes.axvline(place, color=INK, linestyle=":", linewidth=0.8)
        axes.annotate(name, (place, 1.03), color=INK, fontsize=8, ha="right" if place < 0.5 else "left")
    axes.set(
        xscale="log", ylim=(-0.03, 1.1), xlabel="compression c = inputs / hidden units", ylabel="critical share alpha"
    )
    axes.legend(loc="upper right")


@study.figure(
    "phases",
    caption="Final error of linear nets that start close to a zero-error solution (mean over seeds), and the stability "
    "boundary of large nets (line). Flipped inputs beyond it prevent learning. Flipped hidden units don't: other "
    "solutions are found.",
    alt="Two heat maps over compression and share of flipped neurons. On the left errors are large above the boundary; "
    "on the right they stay small nearly everywhere but at the top.",
)
def phases(ds: xr.Dataset) -> Figure:
    return _phases(ds)


@study.figure(
    "phases_from_random",
    caption="As above, from random students and with fewer updates.",
    alt="Two heat maps over compression and share of flipped neurons, for random students.",
)
def phases_from_random(ds: xr.Dataset) -> Figure:
    return _phases(ds)


@study.figure(
    "phases_tanh",
    caption="As above for tanh nets that learn 250 examples; the line is the boundary of linear nets.",
    alt="Two heat maps over compression and share of flipped neurons, for tanh nets.",
)
def phases_tanh(ds: xr.Dataset) -> Figure:
    return _phases(ds)


def _phases(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 2, width=7.6, height=3.4, sharey=True)
    errors = np.stack([ds[f"{layer}_log_error"].values for layer in ("hidden", "readout")])
    low, high = float(np.nanmin(errors)), float(np.nanmax(errors))
    middle = np.sqrt(ds.c.values[1:] * ds.c.values[:-1])
    edges_c = np.concatenate([[ds.c[0] ** 2 / middle[0]], middle, [ds.c[-1] ** 2 / middle[-1]]])
    step = float(ds.alpha[1] - ds.alpha[0])
    edges_alpha = np.concatenate([ds.alpha.values - step / 2, [float(ds.alpha[-1]) + step / 2]])
    names: dict[Layer, str] = {"hidden": "flipped inputs", "readout": "flipped hidden units"}
    for axis, (layer, name) in zip(axes, names.items(), strict=True):
        mesh = axis.pcolormesh(
            edges_c, edges_alpha, ds[f"{layer}_log_error"].T, cmap="viridis", vmin=low, vmax=high, rasterized=True
        )
        fine = np.geomspace(edges_c[0], edges_c[-1], 300)
        axis.plot(
            fine, [critical_fraction(c, layer) for c in fine], color=ORANGE, linewidth=2.2, label="large-net boundary"
        )
        axis.set(xscale="log", title=name, xlabel="compression c = inputs / hidden units")
        inside = [(x, label) for x, label in zip(*TICKS_C, strict=True) if edges_c[0] <= x <= edges_c[-1]]
        axis.set_xticks([x for x, _ in inside], [label for _, label in inside])
        axis.minorticks_off()
        axis.set(xlim=(edges_c[0], edges_c[-1]), ylim=(edges_alpha[0], edges_alpha[-1]))
    axes[0].set_ylabel("share of flipped neurons alpha")
    axes[1].legend(loc="center left", labelcolor="white")
    bar = figure.colorbar(mesh, ax=axes, shrink=0.9)
    bar.set_label("final error (log10)", color=INK)
    return figure


@study.figure(
    "hidden_flips",
    caption="Flipped inputs: the largest eigenvalue at the teacher decides whether a run learns. Shaded: runs that are "
    "listed, not judged.",
    alt="Runs with a negative largest eigenvalue end without error, those with a positive one with a large error.",
)
def eigenvalue_decides(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.0, height=3.2)
    for share, colour in ((0.1, BLUE), (0.5, ORANGE)):
        chosen = ds.alpha.values == share
        loss = np.maximum(ds.loss.values[chosen], 1e-34)
        axes.plot(ds.growth.values[chosen], loss, "o", color=colour, alpha=0.6, label=f"alpha = {share:g}")
    axes.axvspan(-0.05, 0.05, color=INK, alpha=0.13, linewidth=0)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set(yscale="log", xlabel="largest eigenvalue of K at the teacher", ylabel="final loss")
    axes.legend(loc="center right")
    return figure


@study.figure(
    "readout_flips",
    caption="Flipped hidden units (alpha = 0.3): where the teacher is unstable (to the right of zero) runs "
    "still end without error, elsewhere.",
    alt="Points with a positive eigenvalue have a loss near the rounding error.",
)
def other_solutions(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.0, height=3.0)
    axes.plot(ds.growth, np.maximum(ds.loss, 1e-34), "o", color=GREEN, alpha=0.6)
    axes.axhline(1e-8, color=INK, linestyle=":", label="counts as learned below")
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set(yscale="log", ylim=(1e-35, 10), xlabel="largest eigenvalue of K at the teacher", ylabel="final loss")
    axes.legend(loc="center right")
    return figure


@study.figure(
    "chaos",
    caption="Order parameter q and largest Lyapunov exponent over the share of flipped inputs: each seed (dots), "
    "median "
    "(line), stability boundary of large nets (dotted). Where it lies at zero, one flipped input suffices.",
    alt="Below the boundary q is zero to rounding and the exponent zero; above it q is of order one and the exponent "
    "positive, until at large shares the weights may freeze again.",
)
def weights_turn_chaotic(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.8, height=3.4)
    for index, colour in enumerate((BLUE, ORANGE, GREEN)):
        one, shift = ds.isel(net=index), (index - 1) * 0.006
        q = np.maximum(one.q.values, 1e-30)
        rate = 1e3 * one.exponent.values
        for axis, values in ((left, q), (right, rate)):
            place = np.repeat(one.alpha.values[:, None] + shift, values.shape[1], axis=1)
            axis.plot(place, values, ".", color=colour, alpha=0.35, markersize=4)
            axis.plot(one.alpha + shift, np.median(values, axis=1), color=colour, marker="o", markersize=3.5)
            axis.axvline(float(one.boundary) + shift, color=colour, linestyle=":", linewidth=1)
        left.plot([], [], color=colour, label=str(one.net.values))
    left.axhline(1, color=INK, linewidth=0.8)
    left.set(yscale="log", xlabel="share of flipped inputs alpha", ylabel="order parameter q")
    right.axhline(0, color=INK, linewidth=0.8)
    right.set(xlabel="share of flipped inputs alpha", ylabel="Lyapunov exponent (per 1000 steps)")
    left.legend(loc="lower right")
    return figure


@study.figure(
    "speed",
    caption="Epochs to a training loss of 1e-3, one line a seed, with the geometric mean (thick) and the means that "
    "the "
    "paper's code printed (circles): gradient descent, curl descent with one of ten hidden units flipped, and a "
    "control "
    "whose flipped unit draws its sign at random. Runs that never got there lie on the limit (crosses). Right: paired "
    "ratios with 95 % intervals.",
    alt="Most lines fall from gradient to curl descent; the random-sign control is like gradient descent. The paired "
    "ratio is about two in both variants.",
)
def faster_with_one_flip(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.8, height=3.5, gridspec_kw={"width_ratios": [3, 2]})
    gradient, curl = ds.epochs.isel(variant=0).values
    columns = np.stack([ds.random_signs_epochs.values, gradient, curl])
    limit = float(ds.attrs["limit"])
    left.plot(columns, color=BLUE, alpha=0.3, linewidth=0.8)
    left.plot(np.exp(np.log(columns).mean(axis=1)), color=ORANGE, linewidth=2.6, marker="o", label="geometric mean")
    for place, values in enumerate(columns):
        stuck = values >= limit
        left.plot(np.full(stuck.sum(), place), values[stuck], "x", color=PINK, markersize=7)
    left.plot([1, 1], published.GRADIENT_BY_FLIPS, **PAPER, label="paper (means)")
    left.plot([2], [published.EPOCHS_BY_FLIPS[1]], **PAPER)
    left.set_xticks([0, 1, 2], ["random signs", GRADIENT, CURL])
    left.set(yscale="log", xlim=(-0.3, 2.3), ylabel="epochs to a loss of 1e-3")
    left.legend(loc="lower left")
    names = {"ratio": "published rule", "ratio_with_slope": "with output slope", "random_signs_ratio": "random signs"}
    for place, (quantity, colour) in enumerate(zip(names, (ORANGE, VIOLET, INK), strict=True)):
        value, low, high = (float(ds[quantity + end]) for end in ("", "_low", "_high"))
        right.errorbar(value, place, xerr=[[value - low], [high - value]], color=colour, marker="o", capsize=3)
    right.axvline(1, color=INK, linewidth=0.8)
    right.set_yticks(range(3), list(names.values()))
    right.set(ylim=(2.6, -0.6), xlabel="gradient descent / rule (epochs)")
    return figure


@study.figure(
    "flipped_units",
    caption="Left: epochs to a training loss of 1e-3 by the number of flipped hidden units out of ten: seeds (dots), "
    "geometric mean (line), runs that never got there on the limit (crosses, their number above), means that the "
    "paper's "
    "code printed (circles; none for ten). Right: paired ratio to gradient descent with 95 % intervals.",
    alt="Learning is fastest with one or two flipped units, as fast as gradient descent near five, slower beyond, and "
    "never done with all ten.",
)
def how_many_flips(ds: xr.Dataset) -> Figure:
    return _by_flips(ds, published.EPOCHS_BY_FLIPS, published.GRADIENT_BY_FLIPS)


@study.figure(
    "no_normalisation",
    caption="As above without normalisation: the advantage with one flipped unit is small and turns into a "
    "disadvantage. "
    "Circles: means that the paper's code printed for this case.",
    alt="Without normalisation curl descent is about as fast as gradient descent with one flipped unit and slower with "
    "more.",
)
def without_normalisation(ds: xr.Dataset) -> Figure:
    return _by_flips(ds, published.EPOCHS_WITHOUT_NORM, published.GRADIENT_WITHOUT_NORM)


def _by_flips(ds: xr.Dataset, printed: dict[int, float], gradient: tuple[float, float]) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.8, height=3.5)
    epochs, counts, limit = ds.epochs.values, ds.flipped.values, float(ds.attrs["limit"])
    for count, values, stuck in zip(counts, epochs, ds.not_reached.values, strict=True):
        there = values < limit
        left.plot(np.full(there.sum(), count), values[there], ".", color=BLUE, alpha=0.4)
        if stuck:
            left.plot(count, limit, "x", color=PINK, markersize=7)
            left.annotate(f"{stuck}", (count, limit * 1.12), color=PINK, fontsize=8, ha="center")
    left.plot(counts, np.exp(np.log(epochs).mean(axis=1)), color=BLUE, label="geometric mean")
    left.plot(list(printed), list(printed.values()), **PAPER, label="paper (means)")
    left.plot([0, 0], gradient, **PAPER)
    left.set(
        yscale="log", ylim=(100, limit * 1.6), xlabel="flipped hidden units (of 10)", ylabel="epochs to a loss of 1e-3"
    )
    left.legend(loc="lower right")
    value, low, high = (ds[f"ratio{end}"].values for end in ("", "_low", "_high"))
    right.errorbar(ds.some, value, [value - low, high - value], color=ORANGE, marker="o", capsize=3, label="measured")
    base = float(np.sqrt(gradient[0] * gradient[1]))
    right.plot(list(printed), [base / epoch for epoch in printed.values()], **PAPER, label="paper (ratio of means)")
    right.axhline(1, color=INK, linewidth=0.8)
    right.set(yscale="log", xlabel="flipped hidden units (of 10)", ylabel="gradient / curl descent (epochs)")
    ticks = [0.25, 0.5, 1, 2, 4]
    right.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    right.minorticks_off()
    right.legend(loc="upper right")
    return figure


@study.figure(
    "training_size",
    caption="Paired ratio of epochs, gradient over curl descent with one flipped unit, by the number of training "
    "examples: geometric means with 95 % intervals, and ratios of the means that the paper's code printed (circles).",
    alt="The ratio rises with the number of examples, from about one at a hundred.",
)
def more_examples(ds: xr.Dataset) -> Figure:
    return _trend(ds, "rows", "training examples", published.BY_SIZE)


@study.figure(
    "student_scale",
    caption="The same by the scale of the student's first weights (the paper's circles are for 10 000 examples). "
    "Numbers: "
    "runs of gradient descent at the limit, which draw the ratio towards one.",
    alt="The ratio rises with the scale of the first weights.",
)
def larger_weights(ds: xr.Dataset) -> Figure:
    return _trend(ds, "scale", "scale of the student's first weights", published.BY_STUDENT_SCALE)


def _trend(ds: xr.Dataset, name: str, label: str, printed: dict[Any, tuple[float, float]]) -> Figure:
    figure, axes = new_figure(1, 1, width=6.0, height=3.2)
    low, high = ds.ratio - ds.ratio_low, ds.ratio_high - ds.ratio
    axes.errorbar(ds[name], ds.ratio, [low, high], color=ORANGE, marker="o", capsize=3, label="measured")
    axes.plot(list(printed), [one / other for one, other in printed.values()], **PAPER, label="paper (ratio of means)")
    for place, top, stuck in zip(ds[name].values, ds.ratio_high.values, ds.not_reached.values[:, 0], strict=True):
        if stuck:
            axes.annotate(f"{stuck} at limit", (place, top * 1.05), color=PINK, fontsize=8, ha="center")
    mark_published(axes, y=1, label=None)
    axes.set(yscale="log", xlabel=label, ylabel="gradient / curl descent (epochs)")
    axes.set_yticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"])
    axes.minorticks_off()
    axes.legend(loc="upper left")
    return figure


@study.figure(
    "relu",
    caption="Epochs to a training loss of 1e-3 of relu nets, one line a seed; crosses never got there. A "
    "pair whose outputs are all off from the start has nothing to learn and is left out.",
    alt="Paired epochs of gradient and curl descent for relu nets.",
)
def relu_nets(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=4.6, height=3.2)
    limit = float(ds.attrs["limit"])
    epochs = ds.epochs.values[:, (ds.epochs.values > 0).all(axis=0)]
    axes.plot(epochs, color=BLUE, alpha=0.35, linewidth=0.9)
    axes.plot(np.exp(np.log(epochs).mean(axis=1)), color=ORANGE, marker="o", linewidth=2.4, label="geometric mean")
    for place, values in enumerate(epochs):
        stuck = values >= limit
        axes.plot(np.full(stuck.sum(), place), values[stuck], "x", color=PINK, markersize=7)
    axes.set_xticks([0, 1], [GRADIENT, CURL])
    lowest, highest = float(epochs.min()), float(epochs.max())  # equal where no run got there
    axes.set(yscale="log", xlim=(-0.3, 1.3), ylim=(0.8 * lowest, 1.25 * highest), ylabel="epochs to a loss of 1e-3")
    legend_above(axes)
    return figure


@study.figure(
    "flipped_units",
    caption="Left: the loss of one seed over time; with three flipped units it goes up and down. Right: share of "
    "updates "
    "that raise the loss before it first falls below 1e-3, each seed (dots) and the mean.",
    alt="The loss of gradient descent falls steadily, that with three flipped units oscillates. About a quarter of its "
    "updates raise the loss, hardly any with one flipped unit, none of gradient descent.",
)
def climbing(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.8, height=3.4, gridspec_kw={"width_ratios": [3, 2]})
    names = {0: GRADIENT, 1: "1 flipped", 3: "3 flipped"}
    for (count, name), colour in zip(names.items(), (INK, ORANGE, BLUE), strict=True):
        left.plot(ds.epoch, ds.loss.sel(curve=count), color=colour, label=name, linewidth=1.2)
    left.axhline(1e-3, color=INK, linestyle=":", linewidth=1)
    left.set(yscale="log", xlabel="epoch", ylabel="training loss")
    legend_above(left, columns=3)
    for place, (quantity, colour) in enumerate((("ascent_none", INK), ("ascent_one", ORANGE), ("ascent_three", BLUE))):
        values = ds[quantity].values
        right.plot(place + np.linspace(-0.12, 0.12, values.size), values, "o", color=colour, alpha=0.45, markersize=4)
        right.plot([place - 0.2, place + 0.2], [values.mean()] * 2, color=colour, linewidth=2.4)
    right.set_xticks(range(3), ["gradient\ndescent", "1 flipped", "3 flipped"])
    right.set(xlim=(-0.5, 2.5), ylabel="share of updates that raise the loss")
    return figure


@study.figure(
    "finite_size",
    caption="Critical share of flipped inputs in finite nets (dots: nets; line: mean) against the boundary of large "
    "nets: "
    "small nets tolerate more.",
    alt="Mean critical shares lie above the large-net boundary and approach it as nets grow.",
)
def small_nets_tolerate_more(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 1, width=6.0, height=3.3)
    axes.plot(ds.c, ds.boundary, color=INK, linestyle="--", label="large nets")
    for index, units in enumerate(ds.units.values):
        one, colour = ds.critical.sel(units=units), COLOURS[index]
        spread = np.repeat(ds.c.values[:, None], one.sizes["seed"], axis=1) * (1 + 0.006 * (index - 1.5))
        axes.plot(spread, one, ".", color=colour, alpha=0.15, markersize=4)
        axes.plot(ds.c, one.mean("seed"), color=colour, marker="o", label=f"{units} inputs and hidden units")
    axes.set(xlabel="compression c = inputs / hidden units", ylabel="critical share of flipped inputs")
    axes.legend(loc="upper right")
    return figure
