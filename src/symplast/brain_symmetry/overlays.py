"""Pictures of a scan's midline: slices with the line drawn in, as SVG or PNG."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from symplast.brain_symmetry.curved import CurvedMidline
from symplast.brain_symmetry.planes import Plane
from symplast.brain_symmetry.slicing import Line, Slice
from symplast.lab.theme import COLOURS, STYLE, new_figure

NOT_DIAGNOSTIC = "Not a diagnostic device."


def show_slice(axes: Any, piece: Slice) -> None:
    """Draw a slice with its rows from left to right, in mm: the patient's left at the left in canonical axes."""
    sx, sy = piece.spacing
    rows, columns = piece.image.shape
    low, high = np.percentile(piece.image[piece.mask] if piece.mask.any() else piece.image, [0.5, 99.5])
    extent = (-0.5 * sy, (rows - 0.5) * sy, -0.5 * sx, (columns - 0.5) * sx)
    axes.imshow(
        piece.image.T, cmap="gray", vmin=low, vmax=max(high, low + 1e-9), origin="lower", extent=extent, aspect="equal"
    )
    axes.set_axis_off()


def draw_points(axes: Any, piece: Slice, points: np.ndarray, *args: Any, **options: Any) -> None:
    """Draw pixel positions (x, y) of a slice over :func:`show_slice`."""
    sx, sy = piece.spacing
    axes.plot(points[:, 1] * sy, points[:, 0] * sx, *args, **options)


def midline_figure(
    pieces: Sequence[Slice],
    lines: Sequence[Line | None],
    curves: Sequence[CurvedMidline | None],
    plane: Plane,
    title: str,
) -> Figure:
    """Slices with the straight line (solid) and the curved one (dotted)."""
    with mpl.rc_context(STYLE):
        figure, panels = new_figure(1, len(pieces), width=2.6 * len(pieces), height=3.6, squeeze=False)
        for axes, piece, line, curve in zip(panels[0], pieces, lines, curves, strict=True):
            show_slice(axes, piece)
            if line is not None:
                draw_points(axes, piece, line.points, "-", color=COLOURS[1], linewidth=1.4)
            if curve is not None:
                draw_points(axes, piece, curve.points, ":", color=COLOURS[0], linewidth=1.6)
            shift = (
                "" if curve is None else f"\nshift {curve.shift_mm:.1f} mm" if curve.visible else "\nno visible midline"
            )
            missing = "\nno line" if line is None else ""
            axes.set_title(f"{piece.plane}, {piece.position_mm:.1f} mm{shift}{missing}", fontsize=8)
            sides = "LR" if piece.affine[0, 1] > 0 else "RL"
            axes.text(0.01, 0.02, sides[0], transform=axes.transAxes, color="w", fontsize=8)
            axes.text(0.99, 0.02, sides[1], transform=axes.transAxes, color="w", fontsize=8, ha="right")
        figure.suptitle(f"{title}\nyaw {plane.yaw_deg:.2f}°, roll {plane.roll_deg:.2f}°. {NOT_DIAGNOSTIC}", fontsize=9)
    return figure
