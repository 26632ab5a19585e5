"""Figures of the experiments."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, ScalarFormatter

from symplast import stats
from symplast.brain_symmetry.measuring import EXPERT_DEG, FRAME_MM
from symplast.brain_symmetry.study import CUBE_MM, study
from symplast.lab.theme import COLOURS, INK, legend_above, mark_published, new_figure

LINES: tuple[dict[str, Any], ...] = (
    {"color": "w", "linestyle": (0, (4, 3)), "linewidth": 2.4},
    {"color": COLOURS[1], "linewidth": 1.3},
    {"color": COLOURS[0], "linestyle": ":", "linewidth": 1.6},
)
NAMES = ("true midline", "cut from the plane", "found on the lone slice")


@study.figure(
    "midline",
    caption="Axial slices of the turned template and of phantoms: true midline (white, dashed), cut from the plane "
    "found in 3D (orange) and found on the lone slice (blue, dotted). Angles are errors.",
    alt="Slices of the template and of phantoms at several tilts; the three lines lie on top of each other, their "
    "angles differ by a tenth of a degree at most.",
)
def lines_on_slices(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(1, ds.shown.size, width=2.3 * ds.shown.size, height=3.1, squeeze=False)
    for i, axes in enumerate(panels[0]):
        axes.imshow(ds.image.values[i].T, cmap="gray", origin="lower")
        lines = ds.lines.values[i]
        for line, style in zip(lines, LINES, strict=True):
            axes.plot(line[:, 1], line[:, 0], **style)
        tilt = np.degrees(np.arctan2(lines[0, 1, 1] - lines[0, 0, 1], lines[0, 1, 0] - lines[0, 0, 0]))
        cut, lone = (_angle(lines[0], other) for other in lines[1:])
        axes.set_title(
            f"{('template', 'phantom')[i % 2]}, turned {tilt:.0f}°\ncut {cut:.3f}°, lone {lone:.3f}°", fontsize=8
        )
        axes.plot([4, 4 + 50 / FRAME_MM], [4, 4], color="w", linewidth=2)
        axes.text(4, 7, "50 mm", color="w", fontsize=7)
        axes.set_axis_off()
    figure.legend(
        handles=[Line2D([], [], **style) for style in LINES], labels=list(NAMES), loc="outside lower center", ncols=3,
        frameon=True, facecolor="0.25", edgecolor="none", labelcolor="w",
    )  # fmt: skip
    return figure


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    u, v = a[1] - a[0], b[1] - b[0]
    return float(np.degrees(np.arctan2(abs(u[0] * v[1] - u[1] * v[0]), abs(u @ v))))


@study.figure(
    "bias_handling",
    caption="Error of the plane in each pose of a phantom under a bias field of 30 %, with and without handling it. "
    "Dashed: what experts reach (1.08°), and one voxel (1.5 mm).",
    alt="With handling all poses lie below half a degree and a tenth of a millimetre; without it they are 40 degrees "
    "and more off, and about a millimetre.",
)
def errors_by_pose(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.2, height=3.0)
    shown: tuple[Any, ...] = (
        (left, "angle_deg", "angle_without_deg", "angle (degrees)", EXPERT_DEG, "experts"),
        (right, "offset_mm", "offset_without_mm", "offset (mm)", CUBE_MM, "one voxel"),
    )
    for axes, name, without, label, mark, word in shown:
        for i, (key, text) in enumerate(((name, "handled"), (without, "not handled"))):
            axes.plot(
                ds.tilt_deg, np.maximum(ds[key].values, 1e-4), "os"[i], color=COLOURS[i], label=text, linestyle="none"
            )
        mark_published(axes, y=mark, label=word)
        axes.set(yscale="log", xlabel="tilt of the plane (degrees)", ylabel=label)
        legend_above(axes)
    return figure


@study.figure(
    "template",
    caption="Error of the plane in each pose of the template, clean and under bias field, noise and a hole. Dashed: "
    "published mean of an automatic method (0.06°, 0.336 voxels of 1 mm; other scans).",
    alt="All poses lie below the dashed lines: degraded ones by a factor of three and more, clean ones further still.",
)
def errors_on_template(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.2, height=3.0)
    for axes, name, label, mark in (
        (left, "angle_deg", "angle (degrees)", 0.06),
        (right, "offset_mm", "offset (mm)", 0.336),
    ):
        for i, (prefix, text) in enumerate((("", "clean"), ("degraded_", "degraded"))):
            values = np.maximum(ds[prefix + name].values, 1e-5)
            axes.plot(np.arange(1, values.size + 1), values, "os"[i], linestyle="none", color=COLOURS[i], label=text)
        mark_published(axes, y=mark, label="published method")
        axes.set(yscale="log", xlabel="pose", ylabel=label, xlim=(0, ds.seed.size + 1))
        legend_above(axes)
    return figure


@study.figure(
    "shift",
    caption="Midline shift that the curved midline gives, against the true one, four or more draws of the noise; the "
    "band is half a millimetre.",
    alt="All draws lie close to the diagonal, within a quarter of a millimetre, well inside the band.",
)
def estimated_shift(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=4.2, height=3.4)
    truth, estimate = ds.truth_mm.values, ds.estimate_mm.values
    line = np.array([0, max(truth.max(), estimate.max()) * 1.05])
    axes.fill_between(line, line - 0.5, line + 0.5, color=INK, alpha=0.12, linewidth=0, label="± 0.5 mm")
    axes.plot(line, line, color=INK, linewidth=0.9)
    axes.plot(truth.ravel(), estimate.ravel(), "o", color=COLOURS[0], alpha=0.7, linestyle="none", label="draws")
    axes.set(xlabel="true midline shift (mm)", ylabel="estimated (mm)", xlim=(-0.2, line[1]), ylim=(-0.2, line[1]))
    legend_above(axes)
    return figure


@study.figure(
    "sweep",
    caption="Error of the plane over signal-to-noise ratio and tilt, under bias fields of 0 to 40 %. Dashed: 1.08 "
    "degrees; the claim is about ratios of 5 and more (right of the dotted line).",
    alt="At ratios of 5 and more all planes are below 1.08 degrees, whatever tilt and bias field; below a ratio of 4 "
    "many are several to tens of degrees off.",
)
def errors_over_dials(ds: xr.Dataset) -> Figure:
    figure, (left, right) = new_figure(1, 2, width=7.6, height=3.0, sharey=True)
    angle = np.maximum(ds.angle_deg.values, 1e-4)
    dots = left.scatter(ds.snr, angle, c=ds.tilt_deg, s=14, cmap="viridis")
    left.axvline(5, color=INK, linestyle=":", linewidth=1)
    left.set(xscale="log", yscale="log", xlabel="signal-to-noise ratio", ylabel="angle (degrees)")
    left.set_xticks([3, 5, 10, 20, 50])
    left.xaxis.set_major_formatter(ScalarFormatter())
    left.xaxis.set_minor_formatter(NullFormatter())
    figure.colorbar(dots, ax=left, label="tilt (degrees)")
    dots = right.scatter(ds.tilt_deg, angle, c=100 * ds.bias, s=14, cmap="viridis")
    right.set(xlabel="tilt (degrees)")
    figure.colorbar(dots, ax=right, label="bias field (%)")
    for axes in (left, right):
        mark_published(axes, y=EXPERT_DEG, label=None)
    return figure


@study.figure(
    "anomalies",
    caption="How well each score tells scans with an inserted sphere from healthy ones, by the sphere's size (side in "
    "pixels of 0.5 mm) and natural asymmetry; bootstrap intervals. Dashed: 0.9.",
    alt="Areas under the curve of the cohort scores rise with the size of the sphere and fall with natural asymmetry; "
    "the 99th percentile is ahead. SSIM is near chance from 1 mm of asymmetry on, the network everywhere.",
)
def detection(ds: xr.Dataset) -> Figure:
    figure, panels = new_figure(
        1, ds.asymmetry.size, width=2.5 * ds.asymmetry.size + 0.4, height=3.3, squeeze=False, sharey=True
    )
    for axes, level in zip(panels[0], ds.asymmetry.values, strict=True):
        own = ds.sel(asymmetry=level)
        for i, score in enumerate(ds.score.values):
            each = own.sel(score=score)
            ends = [np.maximum(each.auc - each.auc_low, 0), np.maximum(each.auc_high - each.auc, 0)]
            axes.errorbar(ds.side + 0.35 * (i - 2), each.auc, yerr=ends, marker="osD^v"[i], color=COLOURS[i],
                          capsize=1.5, linewidth=1, markersize=3.5, label=str(score))  # fmt: skip
        mark_published(axes, y=0.9, label=None)
        axes.axhline(0.5, color=INK, linewidth=0.6)
        axes.set(xlabel="side (px)", title=f"asymmetry {level:g} mm", ylim=(0.2, 1.03))
    panels[0, 0].set_ylabel("area under the curve")
    figure.legend(handles=panels[0, 0].get_legend_handles_labels()[0], loc="outside upper center", ncols=5)
    return figure


@study.figure(
    "splits",
    caption="Accuracy of the small Siamese network on held-out slices, split by image or by scan, with 95 % intervals. "
    "Dashed: the 0.775 that the related code's notebook printed for ResNet18 (split by image; other images).",
    alt="Pairs of accuracies under two ways of labelling and two ways of splitting.",
)
def accuracy_by_split(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=5.4, height=3.0)
    for i, split in enumerate(ds["split"].values):
        for j, labels in enumerate(ds["labels"].values):
            values = ds.accuracy.sel(split=split, labels=labels).values
            at = j + 0.22 * (i - 0.5)
            axes.plot(
                np.full(values.size, at), values, "o", color=COLOURS[i], alpha=0.35, linestyle="none", markersize=3
            )
            if values.size > 1:
                e = stats.mean_interval(values)
                axes.errorbar(at + 0.05, e.value, yerr=[[e.value - e.low], [e.high - e.value]], fmt="D",
                              color=COLOURS[i], capsize=3, label=f"split {split}" if j == 0 else None)  # fmt: skip
    mark_published(axes, y=0.775, label="related code")
    axes.axhline(0.5, color=INK, linewidth=0.6)
    axes.set_xticks(range(ds["labels"].size), [f"labels {name}" for name in ds["labels"].values])
    axes.set(ylabel="accuracy", xlim=(-0.5, ds["labels"].size - 0.5))
    legend_above(axes)
    return figure
