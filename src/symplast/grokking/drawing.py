"""Pictures of networks and histories, for the report's figures and for a user's own data."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from symplast.grokking.decoding import Decoding, frequency_census
from symplast.grokking.lottery import Prediction
from symplast.grokking.stages import Stages
from symplast.lab.theme import COLOURS, INK, legend_above, new_figure

OF_GROUP = {
    "common_acc": ("learned in both orders", COLOURS[0], "-"),
    "rare_acc": ("learned in one order", COLOURS[3], "-"),
    "train_acc": ("learned", COLOURS[0], "-"),
    "mirrored_acc": ("held out, mirror image learned", COLOURS[2], "--"),
    "unseen_acc": ("held out, truly unseen", COLOURS[1], "--"),
    "test_acc": ("held out", COLOURS[1], "--"),
}
"""Column of a history -> label, colour, line."""


def draw_accuracies(axes: Axes, step: Any, columns: Mapping[str, Any], share: float | None = None) -> None:
    """Accuracies of the kinds of pairs against log step; the mirrored share dotted."""
    names = [name for name in OF_GROUP if name in columns]
    if "common_acc" in names and "rare_acc" in names:
        names.remove("train_acc")
    if "mirrored_acc" in names or "unseen_acc" in names:
        names.remove("test_acc")
    shown = np.maximum(np.asarray(step, dtype=float), 1)
    for name in names:
        label, colour, line = OF_GROUP[name]
        axes.plot(shown, columns[name], color=colour, linestyle=line, label=label)
    if share is not None:
        axes.axhline(share, color=INK, linestyle=":", linewidth=1.2, label="share that symmetry gives")
    axes.set(xscale="log", ylabel="accuracy", ylim=(-0.03, 1.03))


def shade_stages(axes: Axes, stages: Stages, last: float) -> None:
    """Stage I, stage II (to the end of generalisation, or to the norm's peak), stage III as bands with numbers."""
    second = stages.generalised or stages.norm_peak
    low = max(axes.get_xlim()[0], 1.0)
    borders = [low, *(border for border in (stages.memorised, second) if border), last]
    middle = axes.get_ylim()[0] + 0.06 * (axes.get_ylim()[1] - axes.get_ylim()[0])
    for number, (begin, end) in enumerate(pairwise(borders)):
        axes.axvspan(begin, end, color=INK, alpha=0.05 * (1 + number), linewidth=0)
        axes.text(np.sqrt(begin * end), middle, ("I", "II", "III")[number], ha="center", fontsize=8)


def figure_of_history(history: Mapping[str, Any], stages: Stages) -> Figure:
    """Accuracies, and below them norm and loss where they were recorded, with the stages as bands."""
    below = [name for name in ("norm", "test_loss") if name in history]
    figure, axes = new_figure(1 + len(below), 1, width=6.4, height=3.0 + 1.6 * len(below), sharex=True, squeeze=False)
    step = np.asarray(history["step"], dtype=float)
    columns = {name: history[name] for name in OF_GROUP if name in history}
    draw_accuracies(axes[0, 0], step, columns, stages.mirrored_share)
    labels = {"norm": "norm of the weights", "test_loss": "loss on pairs held out (nats)"}
    for row, name in enumerate(below, start=1):
        axes[row, 0].plot(np.maximum(step, 1), history[name], color=COLOURS[4])
        axes[row, 0].set(ylabel=labels[name])
    for row in axes[:, 0]:
        shade_stages(row, stages, float(step[-1]))
    axes[-1, 0].set(xlabel="step")
    legend_above(axes[0, 0], columns=2)
    return figure


def colours_of(frequency: Any, K: int) -> list[Any]:
    """A colour for each frequency, from dark to bright."""
    import matplotlib as mpl

    scale = mpl.colormaps["viridis"]
    return [scale(0.05 + 0.85 * (int(k) - 1) / max(K - 1, 1)) for k in np.atleast_1d(frequency)]


def figure_of_decoding(decoded: Decoding, profile: Mapping[str, float] | None = None) -> Figure:
    """Census of frequencies, purity of neurons, phase lock; ghosts where logits could be computed."""
    panels = 2 + (decoded.psi is not None) + (profile is not None)
    figure, axes = new_figure(1, panels, width=2.6 * panels, height=2.9)
    K = decoded.alpha.shape[1]
    census = frequency_census(decoded)
    frequencies = np.arange(1, K + 1)
    axes[0].bar(frequencies, census.counts, color=colours_of(frequencies, K))
    axes[0].axhline(census.counts.mean(), color=INK, linestyle=":", linewidth=1.2)
    axes[0].set(xlabel="frequency", ylabel="neurons")
    axes[1].hist(decoded.share, bins=np.linspace(0, 1, 21), color=COLOURS[0])
    axes[1].set(xlabel="share of input energy\nat the dominant frequency", ylabel="neurons", xlim=(0, 1))
    place = 2
    if decoded.psi is not None:
        second = decoded.phi if decoded.phi_y is None else decoded.phi_y
        sums = np.mod(decoded.at(decoded.phi) + decoded.at(second), 2 * np.pi)
        draw_phases(axes[place], sums, np.mod(decoded.at(decoded.psi), 2 * np.pi), decoded.frequency, K)
        axes[place].set(xlabel="2 phi (rad)" if decoded.phi_y is None else "phi_x + phi_y (rad)")
        place += 1
    if profile is not None:
        names = list(profile)
        axes[place].bar(range(len(names)), list(profile.values()), color=COLOURS[: len(names)])
        axes[place].set_xticks(range(len(names)), names, rotation=30, ha="right")
        axes[place].axhline(0, color=INK, linewidth=0.8)
        axes[place].set(ylabel="mean logit over the floor")
    return figure


def draw_phases(axes: Axes, double_phi: Any, psi: Any, frequency: Any, K: int) -> None:
    """psi against 2 phi, a dot a neuron, coloured by frequency; the diagonal is phase lock."""
    axes.plot([0, 2 * np.pi], [0, 2 * np.pi], color=INK, linestyle=(0, (4, 3)), linewidth=1.2, label="psi = 2 phi")
    axes.scatter(double_phi, psi, s=6, c=colours_of(frequency, K))
    ticks = [0, np.pi, 2 * np.pi]
    axes.set_xticks(ticks, ["0", "π", "2π"])
    axes.set_yticks(ticks, ["0", "π", "2π"])
    axes.set(xlabel="2 phi (rad)", ylabel="psi (rad)")


def draw_lottery(axes: Axes, first: Any, second: Any, hit: Any = None) -> None:
    """Blow-up time of the second frequency against the first, a dot a neuron; crosses where the prediction failed."""
    first, second = np.asarray(first), np.asarray(second)
    right = np.ones(first.shape, bool) if hit is None else np.asarray(hit)
    low, high = first.min() * 0.9, second.max() * 1.1
    axes.plot([low, high], [low, high], color=INK, linewidth=0.8)
    label = None if hit is None else f"winner predicted ({right.sum()})"
    axes.plot(first[right], second[right], "o", color=COLOURS[0], markersize=3, alpha=0.6, label=label)
    if not right.all():
        axes.plot(first[~right], second[~right], "x", color=COLOURS[1], markersize=4, label=f"not ({(~right).sum()})")
    axes.set(xscale="log", yscale="log", xlabel="T of the first frequency", ylabel="T of the second")


def figure_of_prediction(prediction: Prediction, hits: Mapping[str, Any] | None, hit: Any = None) -> Figure:
    """The lottery of a user's network, and how often each rule is right where the final network is known."""
    figure, axes = new_figure(1, 2 if hits else 1, width=6.8 if hits else 4.0, height=3.2, squeeze=False)
    times = np.sort(prediction.times, axis=1)
    finite = np.isfinite(times[:, 1])
    draw_lottery(axes[0, 0], times[finite, 0], times[finite, 1], None if hit is None else np.asarray(hit)[finite])
    if hits:
        draw_rules(axes[0, 1], hits, 1 / prediction.times.shape[1])
        legend_above(axes[0, 0], columns=2)
    return figure


def draw_rules(axes: Axes, hits: Mapping[str, Any], chance: float) -> None:
    """Share of winners that each rule predicts, with intervals, and chance."""
    for place, (name, estimate) in enumerate(hits.items()):
        axes.bar(place, estimate.value, color=COLOURS[place], width=0.6)
        axes.vlines(place, estimate.low, estimate.high, color=INK, linewidth=1.5)
        del name
    axes.axhline(chance, color=INK, linestyle=":", linewidth=1.2, label="chance")
    axes.set_xticks(range(len(hits)), list(hits))
    axes.set(ylabel="share of winners predicted", ylim=(0, 1), xlabel="rule")
    axes.legend(loc="upper right")


def draw_pair(axes: Axes, logits: Any, labels: Sequence[str], pair: tuple[int, int]) -> None:
    """Scaled logits of one pair over j for several networks, main answer and ghosts marked."""
    x, y = pair
    p = np.asarray(logits).shape[1]
    for row, (values, label) in enumerate(zip(np.asarray(logits), labels, strict=True)):
        axes.plot(range(p), values, "-o" if not row else "--s", color=COLOURS[row], markersize=3, label=label)
    marks = {"x + y": x + y, "2x": 2 * x, "2y": 2 * y, "3x - y": 3 * x - y, "3y - x": 3 * y - x}
    for name, j in marks.items():
        axes.axvline(j % p, color=INK, alpha=0.25, linewidth=0.8)
        axes.text(j % p, 1.06, name, ha="center", fontsize=7, rotation=40)
    axes.set(xlabel="output j", ylabel="logit (0: median, 1: largest)", ylim=(None, 1.3))
