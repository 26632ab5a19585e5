"""Figures of a user's own curves and signals."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from symplast.gain_control.adaptation import AdaptationReport
from symplast.lab.theme import COLOURS, INK, mark_published, new_figure

if TYPE_CHECKING:
    from symplast.gain_control.population_fit import PopulationFit
    from symplast.gain_control.signals import Whitened

SHOWN = 9
"""Neurons whose tuning is drawn."""


def adapter_range(axes: Any, stimuli: np.ndarray, p: np.ndarray) -> None:
    """Shade where stimuli are more frequent than on average."""
    often = np.flatnonzero(p > p.mean() * (1 + 1e-9))
    if often.size:
        half = np.diff(stimuli).mean() / 2
        for run in np.split(often, np.flatnonzero(np.diff(often) > 1) + 1):
            axes.axvspan(stimuli[run[0]] - half, stimuli[run[-1]] + half, color=INK, alpha=0.12, linewidth=0)


def tuning_panel(axes: Any, report: AdaptationReport, shown: int = SHOWN) -> None:
    """Some neurons' tuning, control grey and adapted coloured."""
    order = np.argsort(report.preferred, kind="stable")
    picked = order[np.unique(np.linspace(0, order.size - 1, min(shown, order.size)).round().astype(int))]
    adapter_range(axes, report.stimuli, report.ensembles[1])
    for place, i in enumerate(picked):
        axes.plot(report.stimuli, report.curves[0][i], color=INK, alpha=0.6, linewidth=1.1,
                  label="control" if not place else None)  # fmt: skip
        axes.plot(report.stimuli, report.curves[1][i], color=COLOURS[0], linewidth=1.4,
                  label="adapted" if not place else None)  # fmt: skip
    axes.set(xlabel="stimulus" + (" (deg)" if report.period == 180 else ""), ylabel="response")


def adaptation_figure(report: AdaptationReport) -> Figure:
    """Tuning before and after; ratios, repulsion and mean responses by preference."""
    figure, panels = new_figure(2, 2, width=7.6, height=5.2)
    tuning_panel(panels[0, 0], report)
    order = np.argsort(report.preferred, kind="stable")
    theta = report.preferred[order]
    ratios = panels[0, 1]
    ratios.plot(theta, report.amp_ratio[order], "o-", markersize=3, label="largest response")
    ratios.plot(theta, report.min_ratio[order], "s-", markersize=3, label="smallest response")
    mark_published(ratios, y=1.0, label="no change")
    ratios.set(ylabel="adapted / control")
    repulsion = panels[1, 0]
    repulsion.plot(theta, report.repulsion[order], "o-", markersize=3, color=COLOURS[2])
    mark_published(repulsion, y=0.0, label=None)
    repulsion.set(ylabel="shift away from adapter")
    means = panels[1, 1]
    names = ("control", "biased, not adapted", "biased, adapted")
    for mean, name, colour in zip(report.means, names, (INK, COLOURS[1], COLOURS[0]), strict=True):
        means.plot(theta, mean[order], "o-", markersize=3, color=colour, label=name)
    means.set(ylabel="mean response", ylim=(0, None))
    for axes in (ratios, repulsion, means):
        axes.set_xlabel("preferred stimulus" + (" (deg)" if report.period == 180 else ""))
    for axes in (panels[0, 0], ratios, means):
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0, columnspacing=1.0)
    return figure


def fit_figure(fit: "PopulationFit") -> Figure:
    """Measured (dots) and fitted (lines) curves of some neurons, and what each model explains of the change."""
    figure, panels = new_figure(1, 2, width=7.6, height=3.2, gridspec_kw={"width_ratios": [2, 1]})
    order = np.argsort(np.abs(fit.preferred), kind="stable")
    picked = order[np.unique(np.linspace(0, order.size - 1, min(4, order.size)).round().astype(int))]
    for place, i in enumerate(picked):
        for name, colour in (("control", INK), ("adapted", COLOURS[0])):
            measured, fitted = fit.curves[name]
            label = name if not place else None
            panels[0].plot(fit.stimuli, measured[i] + 1.3 * place, "o", color=colour, markersize=3)
            panels[0].plot(fit.stimuli, fitted[i] + 1.3 * place, color=colour, linewidth=1.2, label=label)
    panels[0].set(xlabel="stimulus less adapter", ylabel="normalised response, neurons stacked")
    panels[0].legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0)
    names = [name for name in ("recurrent", "without_recurrence", "separable", "no_change") if name in fit.explained]
    shares = [max(fit.explained_change[name], -1.0) for name in names]
    rows = np.arange(len(names))
    panels[1].barh(rows, shares, color=COLOURS[: len(names)], height=0.6)
    for row, name in enumerate(names):
        value = fit.explained_change[name]
        panels[1].annotate(f"{value:.3f}", (max(min(value, 1.0), 0.0), row), xytext=(3, 0), textcoords="offset points",
                           va="center", color=INK, fontsize=8)  # fmt: skip
    panels[1].set_yticks(rows, [name.replace("_", " ") for name in names])
    panels[1].set(xlabel="share of the change explained", xlim=(min(0.0, *shares), 1.25))
    panels[1].invert_yaxis()
    return figure


def gains_figure(preferred: np.ndarray, gains: np.ndarray, report: AdaptationReport) -> Figure:
    """Predicted gains before and after, and the tuning that follows."""
    figure, panels = new_figure(1, 2, width=7.6, height=3.0)
    order = np.argsort(preferred, kind="stable")
    for g, name, colour in zip(gains, ("control", "adapted"), (INK, COLOURS[0]), strict=True):
        panels[0].plot(preferred[order], g[order], "o-", markersize=3, color=colour, label=name)
    panels[0].set(xlabel="preferred stimulus", ylabel="gain")
    tuning_panel(panels[1], report)
    for axes in panels:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0)
    return figure


def whitening_figure(before: np.ndarray, found: "Whitened") -> Figure:
    """Covariances before and after on one colour scale, and the gains."""
    figure, panels = new_figure(1, 3, width=7.6, height=2.8)
    most = max(np.abs(before).max(), np.abs(found.covariance).max(), 1e-12)
    for axes, C, title in zip(panels, (before, found.covariance), ("signals", "whitened"), strict=False):
        image = axes.imshow(C, cmap="RdBu_r", vmin=-most, vmax=most)
        axes.set(title=title, xlabel="channel", ylabel="channel")
    figure.colorbar(image, ax=panels[:2], shrink=0.8, label="covariance")
    panels[2].hist(np.asarray(found.whitener.g), bins=30, color=COLOURS[0])
    panels[2].set(xlabel="gain", ylabel="interneurons")
    return figure
