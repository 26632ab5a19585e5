"""The figures of two hemispheres: specialists, differences with intervals, lesions, the loss list, other sizes."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from symplast import stats
from symplast.bilateral.study import study
from symplast.bilateral.trials import PRIMARY
from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, new_figure

MM = 1000.0
NAMES = {"dist_end": "distance to the target at the end (mm)", "dist_mean": "mean distance to the target (mm)"}
GROUPS = (
    ("gain", "other specialist - specialised (BM3)", 0),
    ("callosum", "without - with callosum (BM5)", 2),
    ("cost", "specialised - neutral (BM10)", 3),
)


def _values(ds: xr.Dataset, task: str, model: str) -> np.ndarray | None:
    """The primary metric of every seed in mm; None where it was not measured."""
    name = f"{task}, {model}"
    if name not in ds.run.values:
        return None
    values: np.ndarray = MM * ds["mean"].sel(run=name, metric=PRIMARY[task]).values
    return values


def _interval(values: np.ndarray) -> tuple[float, list[list[float]]]:
    """Mean, and what error bars need."""
    if len(values) < 2:
        return float(values.mean()), [[0.0], [0.0]]
    found = stats.mean_interval(values)
    return found.value, [[found.value - found.low], [found.high - found.value]]


@study.figure(
    "specialists",
    caption="The two specialists on each task: a line a seed, means with 95 % intervals. The arrow points to the side "
    "that the paper's abstract calls better (reach: dominant, hold: non-dominant); lower is better.",
    alt="Lines join the error of the dominant specialist to that of the non-dominant one, seed by seed, one panel a "
    "task. At full scale the dominant specialist ends nearer to the target in reaching, and strays less when it holds.",
)
def specialists(ds: xr.Dataset) -> Figure:
    tasks = [task for task in PRIMARY if _values(ds, task, "D") is not None]
    figure, panels = new_figure(1, len(tasks), width=3.4 * len(tasks) + 0.4, height=3.4, squeeze=False)
    for panel, task in zip(panels[0], tasks, strict=True):
        pair = [_values(ds, task, model) for model in ("D", "N")]
        both = np.array([each for each in pair if each is not None])
        panel.plot([0, 1], both, color=INK, linewidth=0.8, alpha=0.5, marker="o", markersize=3)
        for place, values in enumerate(both):
            mean, bar = _interval(values)
            colour = COLOURS[place]
            panel.errorbar(place + (0.12 if place else -0.12), mean, bar, fmt="D", color=colour, capsize=4)
        low, high = panel.get_ylim()
        panel.set_ylim(low, high + 0.14 * (high - low))
        ends = ((0.72, 0.28), (0.28, 0.72))[task == "hold"]
        arrow = {"arrowstyle": "->", "color": INK, "linestyle": "--"}
        top = high + 0.07 * (high - low)
        panel.annotate("", xy=(ends[1], top), xytext=(ends[0], top), arrowprops=arrow)
        panel.text(0.5, top, "paper: better", ha="center", va="bottom", fontsize=8)
        panel.set(title=task, ylabel=NAMES[PRIMARY[task]], xlim=(-0.4, 1.4), xticks=[0, 1])
        panel.set_xticklabels(["dominant (D)", "non-dominant (N)"])
    return figure


def _rows(ds: xr.Dataset) -> list[tuple[str, np.ndarray, int, float | None]]:
    """Rows of the forest plot: label, values in mm, colour, margin in mm."""
    rows: list[tuple[str, np.ndarray, int, float | None]] = []
    for task in PRIMARY:
        favoured = {"reach": "D", "hold": "N"}[task]
        reference = _values(ds, task, favoured)
        for group, says, colour in GROUPS:
            endings = ("", "_neutral") if group == "callosum" else ("", "_cc")
            names = ("specialised", "neutral") if group == "callosum" else ("no callosum", "callosum")
            for ending, name in zip(endings, names, strict=True):
                rows.append((f"{task}: {says}, {name}", MM * ds[f"{task}_{group}{ending}"].values, colour, None))
            if group == "gain":
                for ending, name in (("", "no callosum"), ("_cc", "callosum")):
                    size = np.nan if reference is None else float(reference.mean())
                    label = f"{task}: specialised - preferred specialist (BM4), {name}"
                    rows.append((label, size * ds[f"{task}_loss{ending}"].values, 1, 0.1 * size))
    return [row for row in rows if np.isfinite(row[1]).all()]


@study.figure(
    "hemispheres",
    caption="Paired differences of the primary metric (reach: end error, hold: mean error), a dot a seed, means with "
    "95 % intervals. BM3, BM5: the abstract says above zero; BM4: at most the margin of 10 % (dashed); BM10: at most "
    "zero. Quick scale has no models to compare and shows what lesions do.",
    alt="In reaching the specialised controller beats the non-dominant specialist by a few millimetres and is 7 to 10 "
    "worse than the dominant one; in holding it is worse than the dominant one. With and without callosum it is much "
    "the same; the neutral controller is as good or better. Where only lesions are shown, either cut multiplies the "
    "end error.",
)
def differences(ds: xr.Dataset) -> Figure:
    rows = _rows(ds)
    if not rows:
        return _lesions(ds)
    figure, axes = new_figure(width=8.4, height=0.24 * len(rows) + 1.0)
    for place, (_, values, colour, margin) in enumerate(rows):
        _forest_row(axes, place, values, COLOURS[colour])
        if margin is not None:
            axes.plot([margin, margin], [place - 0.35, place + 0.35], color=INK, linestyle="--")
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set(yticks=range(len(rows)), xlabel="difference (mm)", ylim=(len(rows) - 0.4, -0.6))
    axes.set_yticklabels([label for label, *_ in rows])
    return figure


def _forest_row(axes: Axes, place: int, values: np.ndarray, colour: str) -> None:
    """Seeds as dots below their mean with its interval."""
    mean, bar = _interval(values)
    axes.plot(values, np.full(len(values), place + 0.2), "o", color=colour, markersize=2.5, alpha=0.45)
    axes.errorbar(mean, place, xerr=bar, fmt="D", color=colour, capsize=3, markersize=4)


def _lesions(ds: xr.Dataset) -> Figure:
    """End error with each cut, a line a seed."""
    pairs = list(ds.pair.values)
    figure, panels = new_figure(1, len(pairs), width=max(4.2, 2.6 * len(pairs)), height=3.2, squeeze=False)
    for panel, pair in zip(panels[0], pairs, strict=True):
        values = MM * ds.end_error.sel(pair=pair).values
        panel.plot(range(len(values)), values, color=INK, linewidth=0.8, alpha=0.5, marker="o", markersize=3)
        for place, own in enumerate(values):
            mean, bar = _interval(own)
            panel.errorbar(place, mean, bar, fmt="D", color=COLOURS[2], capsize=4)
        panel.set(title=str(pair), ylabel=NAMES["dist_end"], xticks=range(len(values)), yscale="log")
        panel.set_xticklabels(["intact", "left output\ncut", "right output\ncut", "callosum\ncut"])
        ticks = [10, 20, 50, 100, 200, 500]
        panel.set_yticks(ticks, [str(tick) for tick in ticks])
        panel.minorticks_off()
        panel.set_ylim(0.7 * values.min(), 1.4 * values.max())
    return figure


@study.figure(
    "hemispheres",
    caption="Paths of the hand in eight test reaches of the first seed (specialised with callosum): intact, with one "
    "hemisphere's output cut, and without exchange. Dots: start, crosses: target.",
    alt="Intact paths end at or near their targets. With either hemisphere's output cut they end far away; without "
    "exchange many miss too.",
)
def paths(ds: xr.Dataset) -> Figure:
    titles = {"intact": "intact", "lowleft": "left output cut", "lowright": "right output cut", "cc": "callosum cut"}
    figure, panels = new_figure(1, 4, width=8.8, height=2.9, sharex=True, sharey=True)
    for panel, lesion in zip(panels, ds.lesion.values, strict=True):
        drawn = ds.path.sel(lesion=lesion)
        for trial in range(ds.sizes["trial"]):
            one = np.concatenate([ds.begin.isel(trial=trial).values[None], drawn.isel(trial=trial).values])
            colour = COLOURS[trial % len(COLOURS)]
            panel.plot(one[:, 0], one[:, 1], color=colour, linewidth=1.2)
            panel.plot(*one[0], "o", color=colour, markersize=3)
            panel.plot(*ds.goal.isel(trial=trial).values, "x", color=colour, markersize=6)
        panel.set(title=titles[str(lesion)], xlabel="x (m)", aspect="equal")
    panels[0].set_ylabel("y (m)")
    return figure


@study.figure(
    "loss_list",
    caption="Weighted terms of the dominant loss D on the network given by a formula: as intended (penalty on hidden "
    "layers), and as the released loss list pairs it with outputs (penalty on the arm's states). Logarithmic.",
    alt="As intended the position term dominates by far. As released the joint state's term is eight times and the "
    "muscle state's a hundred times the position term.",
)
def loss_terms(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, 2, width=7.4, height=3.0, sharex=True)
    for panel, variant in zip(panels, ("intended", "as_published"), strict=True):
        row = ds.term.sel(variant=variant).dropna("part")
        names = [_term(str(name)) for name in row.part.values]
        bars = panel.barh(names, row.values, color=COLOURS[0 if variant == "intended" else 1])
        panel.bar_label(bars, [f"{value:.3g}" for value in row.values], padding=3, fontsize=8)
        panel.invert_yaxis()
        total = float(row.sum())
        panel.set(xscale="log", xlim=(1e-3, 3e3), xlabel="term of loss D")
        panel.set_title(f"{'intended' if variant == 'intended' else 'as released'}: in all {total:.4g}")
    return figure


def _term(name: str) -> str:
    return {"pos_l1": "position", "joint": "joint state", "muscle": "muscle state"}.get(name, name)


@study.figure(
    "released",
    caption="Training with the released loss list, a line a seed: the primary metric against updates, and the "
    "non-dominant specialist after the same training (dashed; the list leaves its loss as it is).",
    alt="With the released list errors stay five to ten times as large as those of the non-dominant specialist, near "
    "where a limp arm ends; only one specialised controller begins to reach.",
)
def without_learning(ds: xr.Dataset) -> Figure:
    tasks = list(dict.fromkeys(str(name).split(", ")[0] for name in ds.trained.values))
    figure, panels = new_figure(1, len(tasks), width=3.4 * len(tasks) + 0.6, height=3.2, squeeze=False)
    for panel, task in zip(panels[0], tasks, strict=True):
        for place, name in enumerate(("dominant", "bilateral")):
            values = MM * ds.curve.sel(trained=f"{task}, {name}").values
            lines = panel.plot(ds["update"], values, color=COLOURS[place], marker="o", markersize=3)
            lines[0].set_label({"dominant": "dominant (D)", "bilateral": "specialised, callosum"}[name])
        mark_published(panel, y=MM * float(ds[f"{task}_reference"].mean()), label="non-dominant (N)")
        panel.set(xlabel="updates", ylabel=NAMES[PRIMARY[task]], ylim=(0, None), xlim=(0, None))
        panel.text(0.98, 0.5, task, transform=panel.transAxes, ha="right")
    legend_above(panels[0, 0], columns=3)
    return figure


@study.figure(
    "other_sizes",
    caption="The two specialists reaching, in controllers of other sizes and at other learning rates: a dot a seed, "
    "means with 95 % intervals. Left: end error, non-dominant - dominant (BX5: above zero). Right: effort, dominant "
    "over non-dominant (BX4: at least 2, dashed).",
    alt="Rows are sizes and learning rates. The dominant specialist spends 2.4 to 6.7 times as much, more with three "
    "layers and more units; it ends up to 17 mm nearer, in one row a millimetre farther; most intervals hold zero.",
)
def in_other_sizes(ds: xr.Dataset) -> Figure:
    cells = ds.stack(cell=("units", "layers", "rate"))
    names = [
        f"{units} units, {layers} layer{'s' * (layers > 1)}, {rate:g}" for units, layers, rate in cells.cell.values
    ]
    figure, panels = new_figure(1, 2, width=8.4, height=0.28 * len(names) + 1.1, sharey=True)
    shown = ((MM * cells.reach_gap, 0.0, "end error, N - D (mm)"), (cells.effort_ratio, 2.0, "effort, D / N"))
    for panel, (values, bound, label) in zip(panels, shown, strict=True):
        for place, own in enumerate(values.transpose("cell", "seed").values):
            _forest_row(panel, place, own, COLOURS[0])
        panel.axvline(bound, color=INK, linewidth=0.8, linestyle="--" if bound else "-")
        panel.set(xlabel=label, yticks=range(len(names)), ylim=(len(names) - 0.4, -0.6))
    panels[0].set(ylabel="size and learning rate")
    panels[0].set_yticklabels(names)
    return figure


@study.figure(
    "composition",
    caption="End error of reaches after 600 updates with other plasticity, over that of the plain gradient: a dot a "
    "seed, means with 95 % intervals; dashed: the bounds that were set.",
    alt="A fifth of reversed plasticity multiplies the error by 1 to 5.6, differently in each seed; memory devices "
    "hardly change it; without credit through the senses it is 1.2 to 2.2 times as large.",
)
def plasticity(ds: xr.Dataset) -> Figure:
    names = {"flipped": "a fifth reversed", "devices": "256-level devices", "blind": "no credit\nthrough senses"}
    figure, axes = new_figure(width=5.2, height=3.0)
    for place, (name, bound) in enumerate(zip(names, (3.0, 1.5, 2.0), strict=True)):
        _ratio(axes, place, ds[name].values, bound)
    axes.axhline(1, color=INK, linewidth=0.8)
    axes.set(xticks=range(3), ylabel="end error over the gradient's", ylim=(0, None))
    axes.set_xticklabels(list(names.values()))
    return figure


def _ratio(axes: Axes, place: int, values: np.ndarray, bound: float) -> None:
    mean, bar = _interval(values)
    axes.plot(np.full(len(values), place - 0.15), values, "o", color=COLOURS[place], alpha=0.45, markersize=3)
    axes.errorbar(place, mean, bar, fmt="D", color=COLOURS[place], capsize=4)
    axes.plot([place - 0.3, place + 0.3], [bound, bound], color=INK, linestyle="--")
