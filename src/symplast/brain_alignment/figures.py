"""The figures: what was measured, with the paper's values marked."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from symplast.brain_alignment import published
from symplast.brain_alignment.study import BLOCKS, EARLY, study
from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, mean_over_seeds, new_figure


@study.figure(
    "early_correlation",
    caption="Correlations of 12 models that have nothing to do with each other (histogram), with the published "
    "r = -0.441. Beneath: the Fisher interval from r and n, exact bootstrap intervals of Gaussian samples made to have "
    "just this r (one line a sample: r and n leave them open), and the published BCa interval.",
    alt="The published correlation lies well inside the broad null distribution of r at 12 models; the Fisher interval "
    "contains zero.",
)
def null_correlations(ds: xr.Dataset) -> Figure:
    figure, (top, below) = new_figure(2, 1, width=6.6, height=4.6, sharex=True, gridspec_kw={"height_ratios": [2, 1.2]})
    top.fill_between(ds.r, 0, ds.density, step="mid", color=COLOURS[0], alpha=0.35, linewidth=0)
    far = float(ds.at_least_as_far)
    told = f"{100 * far:.0f} % of null samples\nlie at least as far out"
    top.text(0.98, 0.92, told, transform=top.transAxes, ha="right", va="top", fontsize=8)
    mark_published(top, x=EARLY, label="paper, V1-V3")
    top.set(ylabel="density", ylim=(0, None))
    top.legend(loc="upper left")
    own = ds.roi.values.tolist().index("prf-visualrois")
    rows = [
        ("Fisher, from r and n", ds.fisher.values[None], COLOURS[0]),
        ("exact percentile", ds.percentile.values[:, own], COLOURS[1]),
        ("exact BCa", ds.bca.values[:, own], COLOURS[2]),
        ("BCa, published", np.array([published.EARLY_INTERVAL]), INK),
    ]
    for place, (_, ends, colour) in enumerate(rows):
        for k, (low, high) in enumerate(ends):
            at = place + (k - (len(ends) - 1) / 2) * 0.7 / max(len(ends), 1)
            below.plot([low, high], [at, at], color=colour, linewidth=2, solid_capstyle="butt")
    below.axvline(0, color=INK, linewidth=0.8)
    mark_published(below, x=EARLY, label=None)
    below.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    below.set(ylim=(len(rows) - 0.5, -0.5), xlabel="Pearson r over 12 models (95 % intervals beneath)")
    return figure


@study.figure(
    "strongest_cell",
    caption="Chance that the best of 30 cells of a null table reaches |r| = 0.597, by how strongly columns correlate "
    "inside a block (95 % Wilson intervals, as small as the points). Dashed: the published p of that cell alone.",
    alt="The chance falls from about two thirds to about one fifth as columns correlate more; it stays far above 0.05.",
)
def best_of_thirty(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=4.8, height=3)
    ends = np.abs(np.stack([ds.chance - ds.chance_low, ds.chance_high - ds.chance]))
    axes.errorbar(ds.within, ds.chance, ends, fmt="o-", color=COLOURS[0], label="best of 30 cells")
    mark_published(axes, y=0.040, label="paper: p of the cell alone")
    axes.set(
        xlabel="correlation inside a block of columns",
        ylabel="probability under the null",
        ylim=(0, 0.8),
        xticks=BLOCKS,
    )
    axes.legend()
    return figure


@study.figure(
    "bca_level",
    caption="Null samples of 12 models whose 95 % bootstrap interval leaves out 0 (95 % Clopper-Pearson "
    "intervals for BCa). A test at 5 % would do so in one of twenty.",
    alt="BCa intervals leave out zero somewhat more often than one time in twenty, percentile intervals twice as "
    "often.",
)
def bootstrap_as_test(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=5.4, height=3)
    names = [*ds.rates.values.tolist(), "r near -0.441"]
    bca = [*ds.excludes_zero.values.tolist(), float(ds.given_bca)]
    low = [*ds.excludes_zero_low.values.tolist(), float(ds.given_bca_low)]
    high = [*ds.excludes_zero_high.values.tolist(), float(ds.given_bca_high)]
    percentile = [*ds.percentile_excludes.values.tolist(), float(ds.given_percentile)]
    at = np.arange(3)
    ends = 100 * np.abs(np.array([np.subtract(bca, low), np.subtract(high, bca)]))
    axes.errorbar(at - 0.1, 100 * np.array(bca), ends, fmt="o", color=COLOURS[0], capsize=3, label="BCa")
    axes.plot(at + 0.1, 100 * np.array(percentile), "s", color=COLOURS[1], label="percentile")
    mark_published(axes, y=5, label="a 5 % test")
    axes.set_xticks(at, names)
    axes.set(ylabel="intervals without 0 (%)", xlabel="null samples of 12 models", ylim=(0, None), xlim=(-0.5, 2.5))
    axes.legend()
    return figure


@study.figure(
    "ceilings",
    caption="Scores of true, partial and random features: raw, normalised by the published rule, and by the "
    "noise ceiling of Eq. 2 (means over seeds, 95 % t intervals). The voxels' ceiling is 0.6.",
    alt="Under the published rule 8 of 64 features score almost 1 and random features about 0.4; under the valid "
    "ceiling only the true features reach 1 and random ones score 0.",
)
def normalisations(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=6, height=3.3)
    at = np.arange(ds.sizes["features"])
    rows = (("raw", ds.raw), ("published rule", ds.by_published_rule), ("ceiling of Eq. 2", ds.by_eq2))
    for k, (name, samples) in enumerate(rows):
        mean, half = mean_over_seeds(samples)
        axes.bar(at + 0.27 * (k - 1), mean, 0.25, color=COLOURS[k], alpha=0.75, label=name)
        axes.errorbar(at + 0.27 * (k - 1), mean, half, fmt="none", color=INK, capsize=2)
    axes.axhline(1, color=INK, linewidth=0.8, linestyle=":")
    mark_published(axes, y=published.NORMALISED_TOP, label="paper: top aggregate")
    axes.set_xticks(at, ds.features.values.tolist())
    axes.set(ylabel="score (mean over voxels)", xlabel="features", ylim=(-0.05, 1.1))
    legend_above(axes, columns=4)
    return figure


@study.figure(
    "where",
    caption="Score of V1-like and pooled voxels (computed from photographs, ceiling 0.7) from energies in a grid "
    "and from their mean over the image; points are seeds.",
    alt="The grid predicts V1-like voxels much better than the mean; pooled voxels are predicted equally well by both.",
)
def grid_or_mean(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=4.6, height=3.1)
    for k, pooling in enumerate(ds.pooling.values):
        for j in range(2):
            values = ds.score.sel(pooling=pooling).values[:, j]
            at = j + 0.22 * (k - 0.5)
            axes.bar(at, values.mean(), 0.2, color=COLOURS[k], alpha=0.6, label=str(pooling) if not j else None)
            axes.plot(np.full(values.size, at), values, "o", color=INK, markersize=3)
    axes.axhline(0.7, color=INK, linewidth=0.8, linestyle=":", label="ceiling")
    axes.set_xticks([0, 1], ds.voxels.values.tolist())
    axes.set(ylabel="score (Pearson r)", xlabel="voxels", xlim=(-0.5, 1.5))
    legend_above(axes)
    return figure


@study.figure(
    "protocol",
    caption="Rate at which a responder was set to give in, and the rate measured through server, client, pictures and "
    "parser: by level (points, 99 % Wilson intervals) and in each of the 50 cells (dots).",
    alt="Measured rates lie on the diagonal over the whole range; the intervals contain the set rates.",
)
def set_and_measured(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=4.4, height=3.8)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8)
    for k, claim in enumerate(ds.claim.values):
        shift = 0.008 * (k - 2)
        axes.plot(ds.set_rate + shift, ds.rate.sel(claim=claim), ".", color=COLOURS[1], markersize=4, alpha=0.6,
                  label=None if k else "one cell")  # fmt: skip
    ends = np.abs(np.stack([ds.level_rate - ds.level_low99, ds.level_high99 - ds.level_rate]))
    axes.errorbar(
        ds.set_rate, ds.level_rate, ends, fmt="o", color=COLOURS[0], capsize=2, label="one level, 99 % interval"
    )
    axes.set(xlabel="set rate of giving in at turn 1", ylabel="measured rate", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.legend(loc="upper left")
    return figure


@study.figure(
    "sensitivity_to_truth",
    caption="The rate S can't tell a model that agrees with everything from one that knows the truth and gives "
    "in; d' can. Crosses: tiny networks with random weights. Ticks at the top: the paper's published rates. The line "
    "at 0 is chance.",
    alt="Two responders share a rate of 0.99 on the horizontal axis and differ in d': one is at zero, the other "
    "above two. Random networks scatter about zero.",
)
def rate_and_sensitivity(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=6, height=3.6)
    axes.axhline(0, color=INK, linewidth=0.8)
    for k, name in enumerate(ds.responder.values):
        axes.plot(ds.s[k], ds.d_prime[k], "o", color=COLOURS[k], markersize=7, label=str(name))
    axes.plot(ds.f_random, ds.d_random, "x", color=INK, markersize=4, label="random networks")
    rates = [model.rate for model in published.MODELS if model.rate is not None]
    axes.plot(rates, np.full(len(rates), 1.0), "|", color=INK, markersize=12, transform=axes.get_xaxis_transform(),
              clip_on=False, label="paper's rates")  # fmt: skip
    axes.set(
        xlabel="rate of giving in S (random networks: at turn 1)", ylabel="sensitivity d' at turn 1", xlim=(-0.04, 1.04)
    )
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@study.figure(
    "published_numbers",
    caption="p value of the difference between the correlations of V1-V3 and of word regions, as a function of "
    "how the two scores correlate, which is not published (Meng, Rosenthal and Rubin's test).",
    alt="The p value falls from 0.35 to below 0.01 as the correlation between the two scores goes from 0 to 0.95 and "
    "crosses 0.05 near 0.8.",
)
def undecided_difference(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=4.6, height=3)
    axes.plot(ds.fine_r12, ds.specific_curve, color=COLOURS[0])
    axes.plot(ds.r12, ds.specific_p, "o", color=COLOURS[0])
    axes.axhline(0.05, color=INK, linewidth=0.8, linestyle=":", label="0.05")
    axes.set(xlabel="correlation of the two scores over models (unknown)", ylabel="p of the difference", ylim=(0, None))
    axes.legend()
    return figure


@study.figure(
    "dial",
    caption="Effect of pressure on tiny networks, measured, against the share q of pressed cases in which they "
    "were taught to give in. By the most probable word giving in is a step, not a dial.",
    alt="The mean probability of agreeing with false claims rises in proportion to q under pressure and stays below "
    "0.1 without; by greedy text it jumps.",
)
def taught_and_measured(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=4.8, height=3.2)
    axes.plot(ds.dial, ds.f_pressure, "o-", color=COLOURS[0], label="under pressure, mean P(AGREE)")
    axes.plot(ds.dial, ds.f_pressure_text, "s--", color=COLOURS[1], label="under pressure, greedy text")
    axes.plot(ds.dial, ds.f0, "^-", color=COLOURS[2], label="without pressure")
    axes.set(xlabel="taught share q", ylabel="agreement with false claims", ylim=(-0.05, 1.05))
    legend_above(axes, columns=1)
    return figure
