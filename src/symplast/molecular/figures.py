"""Figures of the experiments."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from symplast import stats
from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, new_figure
from symplast.molecular.own_figures import strip
from symplast.molecular.study import study

TITLES = {"chu": "stem cells", "chol": "bile duct", "kich": "kidney", "read": "rectum"}
GROUPS = {"chu": ("progenitors", "stem cells")}
STYLES = {"central": ("o", COLOURS[1]), "influence": ("s", COLOURS[0]), "random": ("D", COLOURS[2])}


@study.figure(
    "entropy",
    caption="Signalling entropy rate of every sample, with group means and 95 % intervals; AUC of the two groups "
    "above.",
    alt="In all four data sets the stem cells or tumours lie above the other samples, completely apart for stem cells "
    "and bile duct.",
)
def entropy_by_group(ds: xr.Dataset) -> Figure:
    names = [str(name) for name in ds.attrs["set_names"]]
    shown = [i for i in range(len(names)) if (ds.set.values == i).any()]
    figure, panels = new_figure(1, len(shown), width=7.6, height=3.2, squeeze=False)
    for axes, i in zip(panels[0], shown, strict=True):
        name = names[i]
        own = ds.set.values == i
        labels = GROUPS.get(name, ("normal", "tumour"))
        for at in (0, 1):
            strip(axes, at, ds.sr.values[own & (ds.is_high.values == at)], COLOURS[at])
        axes.set_xticks([0, 1], labels)
        axes.set(title=f"{TITLES[name]}\nAUC {float(ds[f'auc_{name}']):.3f}", xlim=(-0.5, 1.6))
    panels[0, 0].set_ylabel("signalling entropy rate SR (share of largest)")
    return figure


@study.figure(
    "nulls",
    caption="How well entropy tells tumour from normal (line) and how well it does with the profiles moved to random "
    "nodes (histogram), on random graphs of equal size (crosses) and on graphs of equal degrees (triangles).",
    alt="Three panels, a tissue each: a histogram of areas under the curve with the genes moved, symbols for two "
    "other null models and a line at the observed value.",
)
def null_models(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, ds.tissue.size, width=7.6, height=2.8, squeeze=False, sharex=True)
    for axes, tissue in zip(panels[0], ds.tissue.values, strict=True):
        own = ds.sel(tissue=tissue)
        axes.hist(own.null_aucs.values, bins=np.linspace(0, 1, 41), color=COLOURS[0], alpha=0.6, label="genes moved")
        top = axes.get_ylim()[1]
        for at, (name, values, marker) in enumerate(
            (("random graph", own.er_aucs, "x"), ("equal degrees", own.degree_preserving_aucs, "^"))
        ):
            axes.plot(values, np.full(values.size, top * (0.62 - 0.16 * at)), marker, color=COLOURS[at + 1], label=name,
                      linestyle="none")  # fmt: skip
        axes.axvline(float(own.observed), color=COLOURS[3], label="observed")
        mark_published(axes, x=0.5, label="no difference")
        axes.set(xlabel="AUC", title=TITLES.get(str(tissue), str(tissue)), xlim=(-0.03, 1.03))
    panels[0, 0].set_ylabel("draws")
    handles = panels[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside upper center", ncols=5)
    return figure


@study.figure(
    "overlap",
    caption="How well module overlap tells plastic cells, over partitions: the uniform mean over nodes and the mean by "
    "the walk's stationary law. Median and range.",
    alt="Two symbols with ranges for each data set, one for each way to average; the dashed line at one half is no "
    "difference.",
)
def overlap_by_partition(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=5.6, height=3.0)
    for i, mean in enumerate(ds["mean"].values):
        values = ds.aucs.sel(mean=mean)
        middle = values.median("partition").values
        ends = [middle - values.min("partition").values, values.max("partition").values - middle]
        places = np.arange(ds.set.size) + 0.16 * (i - 0.5)
        axes.errorbar(places, middle, yerr=ends, fmt="os"[i], color=COLOURS[i], capsize=3, label=f"{mean} mean")
    mark_published(axes, y=0.5, label="no difference")
    axes.set_xticks(range(ds.set.size), [TITLES.get(str(name), str(name)) for name in ds.set.values])
    axes.set(ylabel="AUC of module overlap", ylim=(-0.05, 1.05))
    legend_above(axes)
    return figure


def _share(axes: Any, T: np.ndarray, cured: xr.DataArray, shift: float, **style: Any) -> None:
    """Share of graphs cured at each temperature, with exact 95 % intervals."""
    counts = cured.notnull().sum("graph").values
    kept = counts > 0
    if not kept.any():
        return
    hits = np.nansum(cured.values, axis=cured.dims.index("graph"))[kept].astype(int)
    low, high = stats.proportion_interval(hits, counts[kept])
    share = hits / counts[kept]
    axes.errorbar(
        T[kept] + shift, share, yerr=[np.maximum(share - low, 0), np.maximum(high - share, 0)], capsize=2, **style
    )


@study.figure(
    "strategies",
    caption="Share of networks cured at some dose, from rigid (left) to plastic (right), with exact 95 % intervals: "
    "few hubs against many others (left), equal numbers (middle), and graphs without hubs (right).",
    alt="Three panels with shares against temperature for central nodes, neighbours and random nodes.",
)
def targeting(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, 3, width=8.2, height=3.2, sharey=True)
    shown = (
        ("sf", "6 hubs, 36 others", (6, 36, 36)),
        ("sf", "12 each", (12, 12, 12)),
        ("er", "random graphs: 6, 36", (6, 36, 36)),
    )
    for axes, (topology, title, numbers) in zip(panels, shown, strict=True):
        for i, ((name, (marker, colour)), k) in enumerate(zip(STYLES.items(), numbers, strict=True)):
            cured = ds.cured.sel(topology=topology, drug=f"{name}, {k}")
            _share(axes, ds["T"].values, cured, 0.008 * (i - 1), marker=marker, color=colour, label=name)
        axes.set(xlabel="temperature T", title=title, ylim=(-0.04, 1.04), xlim=(0.13, 0.87))
    panels[0].set_ylabel("share of networks cured")
    figure.legend(handles=panels[0].get_legend_handles_labels()[0], loc="outside upper center", ncols=3)
    return figure


@study.figure(
    "strategies",
    caption="Minimal effective dose of the networks that are cured: median and quartiles on scale-free graphs.",
    alt="Six hubs need the smallest dose where they work at all, neighbours need less than random nodes.",
)
def minimal_doses(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=5.6, height=3.1)
    T = ds["T"].values
    for i, (name, k) in enumerate((("central", 6), ("influence", 36), ("random", 36))):
        marker, colour = STYLES[name]
        doses = ds.minimal_dose.sel(topology="sf", drug=f"{name}, {k}").transpose("T", "graph").values
        rows = [row[np.isfinite(row)] for row in doses]
        kept = [j for j, row in enumerate(rows) if len(row) > 2]
        if kept:
            low, middle, high = np.array([np.quantile(rows[j], [0.25, 0.5, 0.75]) for j in kept]).T
            axes.errorbar(T[kept] + 0.01 * (i - 1), middle, yerr=[middle - low, high - middle], marker=marker,
                          color=colour, capsize=2, label=f"{name}, {k} targets")  # fmt: skip
    axes.set(xlabel="temperature T (rigid to plastic)", ylabel="minimal effective dose")
    if axes.get_legend_handles_labels()[0]:
        legend_above(axes)
    return figure


@study.figure(
    "learning",
    caption="A network that learns the malignant state under an imposed course of temperature, means over graphs. The "
    "hump of state entropy follows the temperature that was put in: no evidence. Dotted: median "
    "step from which the malignant overlap is the larger.",
    alt="Three columns, a course of temperature each: state entropy and temperature above, the two overlaps below.",
)
def learning_courses(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(2, ds.schedule.size, width=7.8, height=4.4, sharex=True, sharey="row")
    for column, schedule in enumerate(ds.schedule.values):
        own = ds.sel(schedule=schedule)
        upper, lower = panels[:, column]
        upper.plot(own.state_entropy.mean("seed"), color=COLOURS[0], label="state entropy (nats)")
        upper.plot(own["T"], color=INK, linestyle=(0, (4, 3)), label="temperature (imposed)")
        lower.plot(own.normal_overlap.mean("seed"), color=COLOURS[2], label="normal overlap")
        lower.plot(own.malignant_overlap.mean("seed"), color=COLOURS[1], label="malignant overlap")
        for axes in (upper, lower):
            axes.axvline(float(own.crossing.median()), color=INK, linestyle=":", linewidth=1)
        upper.set_title(str(schedule))
        lower.set_xlabel("step")
    panels[0, 0].set_ylabel("nats; T")
    panels[1, 0].set_ylabel("overlap")
    handles = [h for row in panels for h in row[0].get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


@study.figure(
    "combinations",
    caption="Minimal dose against toxicity at that dose, medians over graphs that are cured; the line joins mixtures "
    "from neighbours only (r = 0) to hubs only (r = 1). Filled: on the Pareto front.",
    alt="Three panels, from rigid to plastic: a line of five mixtures and two squares for the sequences; filled "
    "symbols are on the Pareto front.",
)
def dose_and_toxicity(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, ds["T"].size, width=7.8, height=3.2, squeeze=False)
    for axes, T in zip(panels[0], ds["T"].values, strict=True):
        own = ds.sel(T=T)
        finite = np.isfinite(own.minimal_dose)
        if not bool(finite.any("graph").all()):
            finite = finite & finite.any("graph")
        dose = own.minimal_dose.where(finite).median("graph", skipna=True).values
        toxic = own.toxicity.where(finite).median("graph", skipna=True).values
        mixtures = len(dose) - 2
        axes.plot(dose[:mixtures], toxic[:mixtures], color=COLOURS[0], linewidth=1)
        for i, name in enumerate(ds.drug.values):
            if not np.isfinite(dose[i]):
                continue
            better = (dose <= dose[i]) & (toxic <= toxic[i]) & ((dose < dose[i]) | (toxic < toxic[i]))
            colour = COLOURS[0] if i < mixtures else COLOURS[i - mixtures + 1]
            marker, fill = "o" if i < mixtures else "s", "none" if better.any() else colour
            label = None if i < mixtures else str(name)
            axes.plot(dose[i], toxic[i], marker, color=colour, mfc=fill, label=label)
            if i < mixtures:
                at, told = (dose[i], toxic[i]), str(name).removeprefix("r = ")
                axes.annotate(told, at, xytext=(4, 4), textcoords="offset points", fontsize=7)
        axes.set(xlabel="minimal dose", title=f"T = {T:g}")
    panels[0, 0].set_ylabel("toxicity (overlap lost)")
    handles = panels[0, 0].get_legend_handles_labels()[0]
    if handles:
        figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


@study.figure(
    "robustness",
    caption="Share of networks cured by neighbours minus that by hubs at T = 0.35, over depths of the patterns, "
    "numbers of hubs and of targets. Above 0 the sign of M11 holds.",
    alt="Three panels, a ratio of depths each: lines of differences over the number of targets, one for each number "
    "of hubs; a dashed line at no difference.",
)
def robustness_grid(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, ds.depth.size, width=7.6, height=2.9, squeeze=False, sharey=True)
    early = ds.success.sel(T=0.35)
    for axes, depth in zip(panels[0], ds.depth.values, strict=True):
        for i, hubs in enumerate(ds.hubs.values):
            own = early.sel(depth=depth, hubs=hubs)
            difference = own.sel(strategy="influence") - own.sel(strategy="central")
            axes.plot(range(ds.targets.size), difference, marker="osD"[i % 3], color=COLOURS[i], label=f"{hubs} hubs")
        mark_published(axes, y=0.0, label="no difference")
        axes.set_xticks(range(ds.targets.size), ds.targets.values)
        axes.set(xlabel="neighbours hit", title=f"c / n = {depth:g}")
    panels[0, 0].set_ylabel("cured: neighbours - hubs")
    figure.legend(handles=panels[0, 0].get_legend_handles_labels()[0], loc="outside upper center", ncols=4)
    return figure


@study.figure(
    "boolean_models",
    caption="Share of random states of published Boolean models that end in the wanted fixed point: without a drug, "
    "after holding hubs, and after holding as many of their targets.",
    alt="Three symbols for each of the models, on a scale from 0 to 1.",
)
def boolean_holding(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=6.2, height=3.2)
    rows = np.arange(ds.model.size)
    for i, (name, label) in enumerate((("alone", "no drug"), ("hubs", "hubs held"), ("neighbours", "targets held"))):
        axes.plot(ds[name], rows + 0.14 * (i - 1), "Dos"[i], color=[INK, COLOURS[1], COLOURS[0]][i], label=label,
                  linestyle="none")  # fmt: skip
    axes.set_yticks(rows, ds.model.values)
    axes.set(
        xlabel="share of random states that end in the wanted fixed point",
        ylim=(rows[-1] + 0.5, -0.5),
        xlim=(-0.03, 1.03),
    )
    legend_above(axes)
    return figure


@study.figure(
    "identity",
    caption="Share of genes whose over-expression raises the entropy rate, on generated scale-free networks: the "
    "ten of "
    "highest degree, and all others. A dot a graph.",
    alt="All hubs raise the rate, almost no other gene does.",
)
def hubs_raise_entropy(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=3.8, height=2.8)
    for at, name in enumerate(("raised_by_hubs", "raised_by_others")):
        axes.plot(np.full(ds[name].size, at), ds[name], "o", color=COLOURS[at])
    axes.set_xticks([0, 1], ["10 hubs", "other genes"])
    axes.set(ylabel="share that raises the rate", ylim=(-0.04, 1.04), xlim=(-0.5, 1.5))
    return figure
