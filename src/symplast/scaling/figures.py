"""The figures: what the evidence looks like, with the paper's values marked."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from symplast.lab import read_claims
from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, new_figure
from symplast.scaling.study import CASES, study

CLAIMS = read_claims(Path(__file__).with_name("claims.toml"))
CROSS: dict[str, Any] = {
    "marker": "x",
    "color": INK,
    "linestyle": "none",
    "markersize": 6,
    "markeredgewidth": 1.4,
    "zorder": 4,
}
PAPER = Line2D([], [], label="paper", **CROSS)


def published(claim: str, part: int = 0) -> np.ndarray:
    """The published value or table that a part of a claim is held against."""
    near = CLAIMS[claim].parts[part].rule.near
    assert near is not None
    return np.asarray(near.value, dtype=float)


def _widths(axes: Axes, widths: np.ndarray) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(widths, [f"±{k:g}×" for k in widths])
    axes.set_xlabel("grid width")
    axes.axhline(0, color=INK, linewidth=0.6, alpha=0.6)


@study.figure(
    "noise_free",
    caption="Error of the extrapolated token count when IsoFLOP grids are centred, offset by 3x, or drift to 3x off "
    "centre. No noise, so every error is the method's own. Crosses are the paper's values.",
    alt="Three panels, error of D star in per cent against grid width. Centred grids err more the wider they are, "
    "down to minus 23 per cent on the asymmetric surface; offset and drifting grids err most when narrow, up "
    "to 35 per cent.",
)
def sampling(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 3, width=7.4, height=2.9, sharey=True)
    marks = {
        ("centred", "chinchilla"): published("SL4", 0),
        ("centred", "asymmetric"): published("SL4", 1),
        ("offset", "symmetric"): published("SL5"),
        **{("offset", s): row for s, row in zip(("chinchilla", "asymmetric"), published("SL6", 1), strict=True)},
        **{("drift", str(s)): row for s, row in zip(ds.surface.values, published("SL6", 0), strict=True)},
    }
    titles = {"centred": "centred", "offset": "3× off centre", "drift": "drifting to 3×"}
    for ax, case in zip(axes, CASES, strict=True):
        for colour, surface in zip(COLOURS, ds.surface.values, strict=False):
            ax.plot(ds.width, ds.d_error.sel(case=case, surface=surface), "o-", color=colour, label=str(surface))
            if (case, str(surface)) in marks:
                ax.plot(ds.width, marks[case, str(surface)], **CROSS)
        ax.set_title(titles[case])
        _widths(ax, ds.width.values)
    axes[0].set_ylabel("error of D* at 1e24 FLOP (%)")
    handles = [*axes[0].get_legend_handles_labels()[0], PAPER]
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


@study.figure(
    "noise_free",
    caption="Shift of the vertex on centred grids of 15 points. Lines are the closed form, circles are Approach 2 run "
    "on simulated curves.",
    alt="Shift of log10 N star against grid width for five surfaces: zero when both exponents are equal, growing "
    "with the width and with the difference of the exponents otherwise. The circles lie on the lines.",
)
def closed_form(ds: xr.Dataset) -> Figure:
    figure, ax = new_figure(1, 1, width=5.6, height=3.2)
    for colour, name in zip(COLOURS, ds.named.values, strict=False):
        ax.plot(ds.k, ds.shift_curve.sel(named=name), color=colour)
        ax.plot(ds.width, ds["shift"].sel(named=name), "o", color=colour)
        ax.annotate(
            str(name), (32, float(ds.shift_curve.sel(named=name)[-1])), xytext=(4, 0), textcoords="offset points",
            color=colour, va="center", fontsize=8, annotation_clip=False,
        )  # fmt: skip
    _widths(ax, ds.width.values)
    ax.set_xlim(1.2, 32)
    ax.set_ylabel("shift of log10 N*")
    return figure


WAYS = {
    "raw": "E, A, B, α, β",
    "log": "ln E, ln A, ln B, α, β",
    "centred": "… with centred logs",
    "scaled": "… and unit columns",
    "projected": "α, β alone (VP)",
}


@study.figure(
    "conditioning",
    caption="Condition number of the fit's Hessian at the truth. Most of the distance between five and two parameters "
    "is bridged by taking logs, centring and scaling.",
    alt="Condition numbers on a logarithmic axis: 3.5e11 in raw parameters, 3e6 with logs, 2e4 after centring, 1e3"
    " after scaling, and 11 for the two exponents alone. The published values lie on the first and last.",
)
def condition_numbers(ds: xr.Dataset) -> Figure:
    figure, ax = new_figure(1, 1, width=6.4, height=2.6)
    rows = np.arange(len(WAYS))[::-1]
    values = ds.condition.isel(grid=0).sel(way=list(WAYS)).values
    ax.hlines(rows, 1, values, color=COLOURS[0], linewidth=5, alpha=0.35)
    ax.plot(values, rows, "o", color=COLOURS[0], label="grids that drift by 0.2")
    ax.plot(
        ds.condition.isel(grid=1).sel(way=list(WAYS)), rows, "|", color=COLOURS[1], markersize=12, label="centred grids"
    )
    ax.plot([published("SL7", 0), published("SL7", 1)], [rows[0], rows[-1]], label="paper", **CROSS)
    for row, value in zip(rows, values, strict=True):
        ax.annotate(f"{value:.3g}", (value, row), xytext=(8, 6), textcoords="offset points", fontsize=8, color=INK)
    ax.set_yticks(rows, list(WAYS.values()))
    ax.set_xscale("log")
    ax.set_xlim(1, 1e14)
    ax.set_xlabel("condition number")
    legend_above(ax)
    return figure


@study.figure(
    "recovery",
    caption="Largest relative error of a parameter on noise-free data, for 20 grid widths on three surfaces (for the "
    "256 x 256 grid, of the exponents only). Dashed: the paper's values.",
    alt="Errors on a logarithmic axis against grid width. Variable projection and the five-parameter fit in "
    "centred logs stay near 1e-12 per cent, the authors' recipe lies near 1e-4 per cent, the 256 by 256 grid "
    "near one per cent.",
)
def parameter_recovery(ds: xr.Dataset) -> Figure:
    figure, ax = new_figure(1, 1, width=6.4, height=3.4)
    for colour, way in zip(COLOURS, ds.way.values, strict=False):
        for surface in ds.surface.values:
            ax.plot(ds.half_width, ds.error.sel(way=way, surface=surface), "o", color=colour, markersize=3)
        ax.plot([], [], "o", color=colour, label=str(way))
    mark_published(ax, y=2e-7, label="paper: VP 2e-7 %, five at once 1.7e-5 %, grid 2.6 %")
    mark_published(ax, y=1.7e-5, label=None)
    mark_published(ax, y=2.6, label=None)
    ax.set_yscale("log")
    ax.set_xlabel("half-width of the grid (log10 units)")
    ax.set_ylabel("largest error (%)")
    legend_above(ax, columns=2)
    return figure


@study.figure(
    "noise",
    caption="How often the error of the exponent a exceeds a value, over all settings and repeats. Ticks at the foot: "
    "the largest errors that the paper prints (with 256 repeats; fewer repeats reach less far).",
    alt="Share of fits whose error exceeds x, on logarithmic axes. Randomly started fits lie far to the right. "
    "Approach 2 has the longest tail of the rest; Approach 3, its maximum-likelihood form and variable "
    "projection nearly coincide.",
)
def noise_errors(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 2, width=7.4, height=3.2, gridspec_kw={"width_ratios": [3, 2]})
    exceeded = np.maximum(1 - ds.share.values / 100, 5e-5)
    largest = {"naive A3": 296, "Approach 2": 716, "A3": 44.2, "MLE-A3": 73.6, "VP": 34.2}
    gmeans = {"naive A3": 16.2, "Approach 2": 4.84, "A3": 1.26, "MLE-A3": 1.11, "VP": 1.09}
    for i, (colour, method) in enumerate(zip(COLOURS, ds.estimator.values, strict=False)):
        axes[0].plot(ds.percentile.sel(estimator=method)[:-1], exceeded[:-1], color=colour, label=str(method))
        axes[0].plot(largest[str(method)], 7e-4, marker="|", markersize=12, markeredgewidth=2, color=colour)
        axes[1].plot(float(ds.gmean.sel(estimator=method)), i, "o", color=colour)
        axes[1].plot(gmeans[str(method)], i, **CROSS)
    axes[0].set(xscale="log", yscale="log", ylim=(7e-4, 1.2), xlim=(1e-2, 2e3))
    axes[0].set_xlabel("error of a (%)")
    axes[0].set_ylabel("share of fits beyond")
    axes[1].set_xscale("log")
    axes[1].set_yticks(range(ds.estimator.size), [str(m) for m in ds.estimator.values])
    axes[1].set_xlabel("geometric mean error of a and b (%)")
    axes[1].legend(handles=[Line2D([], [], marker="o", color=INK, linestyle="none", label="here"), PAPER])
    legend_above(axes[0], columns=3)
    return figure


@study.figure(
    "efficiency",
    caption="Left: the ratio of variances over fresh sets of 810, and the published draw with its bootstrap interval. "
    "Right: the errors of b of the published draw, sorted by size: the estimators differ in the last per cent.",
    alt="Left, ratios of variances from 2 to thousands with the published 8 among the lower ones. Right, sorted "
    "absolute errors of Approach 2 and variable projection lie close together except in the far tail.",
)
def variance_ratio(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 2, width=7.4, height=3.1)
    fresh = np.sort(ds.fresh_ratios.values)
    axes[0].plot(fresh, (np.arange(fresh.size) + 0.5) / fresh.size, "o", color=COLOURS[0], label="fresh sets of 810")
    value, low, high = float(ds.variance_ratio), float(ds.variance_ratio_low), float(ds.variance_ratio_high)
    axes[0].errorbar(
        value, 0.06, xerr=[[value - low], [high - value]], fmt="s", color=COLOURS[1], label="published stream"
    )
    axes[0].axvspan(5, 12, color=COLOURS[2], alpha=0.15, label="5 to 12")
    mark_published(axes[0], x=8)
    axes[0].set_xscale("log")
    axes[0].set_xlabel("variance of b, Approach 2 over VP")
    axes[0].set_ylabel("cumulative share")
    legend_above(axes[0], columns=2)
    for colour, name in zip((COLOURS[1], COLOURS[0]), ds.estimator.values, strict=False):
        error = np.sort(abs(ds.b_error.sel(estimator=name).values))
        error = error[np.isfinite(error)]
        axes[1].plot(error, 1 - np.arange(error.size) / error.size, color=colour, label=str(name))
    axes[1].set(xscale="log", yscale="log", xlim=(1e-5, None))
    axes[1].set_xlabel("error of b")
    axes[1].set_ylabel("share of data sets beyond")
    legend_above(axes[1], columns=2)
    return figure


@study.figure(
    "llama",
    caption="Llama 3's digitised IsoFLOP points, the parabolas' vertices with the line through them, and the optimum "
    "of the fitted surface. Hollow points carry one of the authors' quality flags.",
    alt="Loss against parameters for ten budgets. Next to it, optimal parameters against compute: the line of "
    "Approach 2 runs below that of variable projection at large budgets, pulled by the vertex at 1e22 FLOP.",
)
def llama_points(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 2, width=7.4, height=3.4)
    shades = np.linspace(0.35, 1, ds.budget.size)
    for shade, budget in zip(shades, ds.budget.values, strict=True):
        rows = (ds.run_budget == budget).values
        order = np.argsort(ds.N.values[rows])
        n, loss, flagged = (v.values[rows][order] for v in (ds.N, ds.L, ds.flagged))
        axes[0].plot(n, loss, "-", color=COLOURS[0], alpha=0.5 * shade, linewidth=1)
        axes[0].plot(n[~flagged], loss[~flagged], "o", color=COLOURS[0], alpha=shade, markersize=3)
        axes[0].plot(n[flagged], loss[flagged], "o", color=COLOURS[1], markerfacecolor="none", markersize=5)
    axes[0].set_xscale("log")
    axes[0].set_xlabel("parameters N")
    axes[0].set_ylabel("loss (normalised NLL)")
    axes[0].set_title("6e18 (top) to 1e22 FLOP; orange: flagged")
    for colour, line in zip((COLOURS[1], COLOURS[0]), ds.line.values, strict=True):
        axes[1].plot(ds.C, ds.n_line.sel(line=line), color=colour, label=str(line))
    axes[1].plot(ds.budget, ds.vertices, "o", color=COLOURS[1], label="vertices")
    axes[1].plot([3.8e25] * 2, 1e9 * published("SL11", 6)[:2], label="paper", **CROSS)
    axes[1].set(xscale="log", yscale="log")
    axes[1].set_xlabel("compute C (FLOP)")
    axes[1].set_ylabel("optimal parameters N*")
    legend_above(axes[1], columns=4)
    return figure


@study.figure(
    "llama",
    caption="The waste at 3.8e25 FLOP, judged by the Approach 3 surface of all points, after removing flagged points "
    "reason by reason (left) and without one budget at a time (right). Dashed: all 133 points, as published.",
    alt="Removing the points flagged for weak curvature takes the waste from 4.5 to 0.02 per cent. Leaving out the"
    " budget 1e22 takes it from 6.5 to 0.4 per cent, leaving out 6e18 doubles it.",
)
def what_it_hangs_on(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 2, width=7.4, height=3.2, sharey=True)
    steps = np.arange(ds.removed.size)
    axes[0].bar(steps, ds.waste_by_cleaning, width=0.6, color=COLOURS[0])
    labels = ["none", "near\nduplicates", "+ off\ncentre", "+ spline\noutliers", "+ weak\ncurvature"]
    axes[0].set_xticks(steps, [f"{t}\n({n})" for t, n in zip(labels, ds.points_by_cleaning.values, strict=True)])
    axes[0].set_xlabel("flagged points removed (points left)")
    places = np.arange(ds.budget.size)
    axes[1].bar(places, ds.waste_left_out, width=0.6, color=COLOURS[2])
    axes[1].set_xticks(places, [f"{b:.0e}".replace("e+", "e") for b in ds.budget.values], rotation=45)
    axes[1].set_xlabel("budget left out (FLOP)")
    for ax, values in zip(axes, (ds.waste_by_cleaning, ds.waste_left_out), strict=True):
        for x, y in enumerate(values.values):
            inside = abs(y - float(published("SL11", 0))) < 0.7  # else the dashed line runs through it
            where = {"xytext": (0, -12 if inside else 2), "color": "white" if inside else INK}
            ax.annotate(f"{y:.2g}", (x, y), textcoords="offset points", ha="center", fontsize=7.5, **where)
        mark_published(ax, y=float(published("SL11", 0)))
    axes[0].set_ylabel("waste (% of 3.8e25 FLOP)")
    axes[1].legend()
    return figure


@study.figure(
    "llama",
    caption="Bootstrap of the waste: the published recipe, the same with 10 000 resamples, and with the reference "
    "surface refitted too. Bars are 90 % intervals; dashed lines are the published ends. In brackets: "
    "resamples without an answer.",
    alt="Three distributions of dollars wasted. The long run of the published recipe lies lower than the published"
    " interval; refitting the surface widens the interval from near zero to several million dollars.",
)
def interval_of_the_waste(ds: xr.Dataset) -> Figure:
    figure, ax = new_figure(1, 1, width=6.6, height=3.0)
    names = {"published": "published recipe, 100", "long": "the same, 10 000", "joint": "surface refitted too"}
    ends = {"published": "", "long": "long_", "joint": "joint_"}
    rng = np.random.default_rng(0)
    for i, (colour, (way, name)) in enumerate(zip(COLOURS, names.items(), strict=False)):
        sample = ds.dollars_sample.sel(way=way).values
        sample = rng.permutation(sample[np.isfinite(sample)])[:1000]
        ax.plot(sample, i + rng.uniform(-0.28, 0.28, sample.size), ".", color=colour, alpha=0.25, markersize=3)
        low, high = float(ds[f"{ends[way]}interval_low"]) / 1e3, float(ds[f"{ends[way]}interval_high"])
        ax.plot([low, high], [i, i], color=colour, linewidth=4, solid_capstyle="butt")
        names[way] = f"{name}\n({100 * float(ds.dropped.sel(way=way).sum()):.0f} % failed)"
    for value, label in ((0.412, r"paper: \$412K to \$2.9M"), (2.9, None)):
        mark_published(ax, x=value, label=label)
    ax.set_yticks(range(3), list(names.values()))
    ax.set_xlim(-0.2, 10)
    ax.set_xlabel("dollars wasted of 3.8e25 FLOP (millions)")
    ax.invert_yaxis()
    legend_above(ax)
    return figure


@study.figure(
    "multimodal",
    caption="Waste at 3.8e25 FLOP on four surfaces when ±2x grids drift to 3x off centre; no noise. Dollars are "
    "printed next to the bars ($2 an H100-hour at half of 1979 TFLOP/s, the figure with sparsity; twice as much"
    " at the dense peak).",
    alt="Bars of the share wasted: 0.12 per cent on a Llama-3-like surface, 0.45 on Chinchilla, 8.0 on SODA and "
    "10.1 on sparse NMM, each with the paper's value on it.",
)
def multimodal_waste(ds: xr.Dataset) -> Figure:
    figure, ax = new_figure(1, 1, width=6.2, height=2.4)
    rows = np.arange(ds.surface.size)[::-1]
    ax.barh(rows, ds.waste, height=0.55, color=COLOURS[0])
    ax.plot(published("SL14", 0), rows, label="paper", **CROSS)
    for row, share, dollars in zip(rows, ds.waste.values, ds.dollars.values, strict=True):
        money = f"{dollars / 1e3:.2f} M" if dollars > 1e3 else f"{dollars:.0f} K"
        text = rf"{share:.2f} %, \${money}"
        ax.annotate(text, (share, row), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set_yticks(rows, [str(s) for s in ds.surface.values])
    ax.set_xlim(0, 13)
    ax.set_xlabel("waste (% of the budget)")
    ax.legend(loc="upper right")
    return figure


@study.figure(
    "replication",
    caption="Left: how far the published parameters lie above the minimum of their own objective. Right: exponents "
    "with the standard errors of our fit; both papers' points are taken unrounded.",
    alt="Hoffmann's parameters lie 21 per cent above the minimum, Epoch AI's 0.04 per cent. In the plane of "
    "exponents Epoch AI's point is inside the minimum's standard error, Hoffmann's is far below in beta.",
)
def chinchilla_replication(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 2, width=7.4, height=2.9)
    excess = 100 * (ds.objective / ds.best_objective - 1)
    names = ["Hoffmann et al.", "Epoch AI"]
    axes[0].barh([1, 0], excess.sel(point=names), height=0.5, color=[COLOURS[1], COLOURS[2]])
    for row, name in zip((1, 0), names, strict=True):
        value = float(excess.sel(point=name))
        axes[0].annotate(
            f"{value:.3g} %", (value, row), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes[0].plot(100 * (float(published("SL15", 1)) - 1), 1, label="paper", **CROSS)
    axes[0].set_xscale("log")
    axes[0].set_xlim(1e-2, 300)
    axes[0].set_yticks([1, 0], names)
    axes[0].set_xlabel("objective above the minimum (%)")
    axes[0].legend(loc="lower right")
    at = ds.parameters.sel(parameter=["alpha", "beta"])
    error = ds.standard_error.sel(parameter=["alpha", "beta"]).values
    best = at.sel(point="minimum").values
    axes[1].errorbar(*best, xerr=error[0], yerr=error[1], fmt="o", color=COLOURS[0], label="minimum ± 1 SE (bootstrap)")
    for colour, name in zip((COLOURS[1], COLOURS[2]), names, strict=True):
        axes[1].plot(*at.sel(point=name).values, "s", color=colour, label=name)
    axes[1].locator_params(axis="x", nbins=4)
    axes[1].set_xlabel("α (parameters)")
    axes[1].set_ylabel("β (tokens)")
    legend_above(axes[1], columns=2)
    return figure
