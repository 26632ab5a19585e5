"""Pictures of a user's own controllers: paths, speeds, muscle activity, learning curves, and an animation."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from symplast.bilateral.arm import TwoLinkArm
from symplast.bilateral.rollout import Trajectory
from symplast.lab.theme import COLOURS, INK, legend_above, new_figure

MOST = 12
"""Trials that are drawn."""


def movement_figure(found: Trajectory, goals: Any, names: Sequence[str]) -> Figure:
    """Paths of the hand with starts and targets, speed profiles, and mean activity of the muscles.

    Args:
        found: the rollout; its first 12 trials are drawn, activity is averaged over all.
        goals: (trials, 2) targets, m.
        names: of the muscles.
    """
    figure, (left, middle, right) = new_figure(1, 3, width=9.6, height=3.2)
    shown = min(found.hand.shape[2], MOST)
    time = float(found.dt) * np.arange(1, found.hand.shape[0] + 1)
    hand, start = np.asarray(found.hand), np.asarray(found.start)
    speed = np.linalg.norm(np.asarray(found.velocity), axis=1)
    for trial in range(shown):
        colour = COLOURS[trial % len(COLOURS)]
        path = np.concatenate([start[None, :, trial], hand[:, :, trial]])
        left.plot(path[:, 0], path[:, 1], color=colour, linewidth=1.2)
        left.plot(*path[0], "o", color=colour, markersize=3)
        left.plot(*np.asarray(goals)[trial], "x", color=colour, markersize=6)
        middle.plot(time, speed[:, trial], color=colour, linewidth=1.0)
    left.set(xlabel="x (m)", ylabel="y (m)", aspect="equal", title="hand (dot: start, cross: target)")
    middle.set(xlabel="time (s)", ylabel="speed (m/s)", ylim=(0, None), title="speed")
    drive = (
        np.asarray(found.muscle)[:, 0].mean(axis=2) if found.muscle is not None else np.asarray(found.u).mean(axis=2)
    )
    for row, name in enumerate(names):
        style = "-" if row < len(COLOURS) else "--"
        right.plot(time, drive[:, row], style, color=COLOURS[row % len(COLOURS)], label=name)
    right.set(xlabel="time (s)", ylabel="mean activation", ylim=(0, None))
    right.legend(loc="lower left", bbox_to_anchor=(-0.1, 1.0), ncols=2, fontsize=7, borderaxespad=0)
    return figure


def lesion_figure(found: Mapping[str, Trajectory], goals: Any) -> Figure:
    """Paths of the same trials with each lesion, a panel each."""
    columns = min(len(found), 4)
    rows = -(-len(found) // columns)
    figure, panels = new_figure(rows, columns, width=2.4 * columns + 0.6, height=2.7 * rows, squeeze=False,
                                sharex=True, sharey=True)  # fmt: skip
    for panel in panels.ravel()[len(found) :]:
        panel.set_axis_off()
    for panel, (name, one) in zip(panels.ravel(), found.items(), strict=False):
        for trial in range(min(one.hand.shape[2], MOST)):
            colour = COLOURS[trial % len(COLOURS)]
            path = np.concatenate([np.asarray(one.start)[None, :, trial], np.asarray(one.hand)[:, :, trial]])
            panel.plot(path[:, 0], path[:, 1], color=colour, linewidth=1.1)
            panel.plot(*path[0], "o", color=colour, markersize=3)
            panel.plot(*np.asarray(goals)[trial], "x", color=colour, markersize=5)
        panel.set(title=name, aspect="equal")
    for panel in panels[-1]:
        panel.set_xlabel("x (m)")
    for panel in panels[:, 0]:
        panel.set_ylabel("y (m)")
    return figure


def curves_figure(loss: Float[np.ndarray, "updates seeds"]) -> Figure:
    """Loss while learning, a line a seed, each point the mean of up to 20 updates."""
    figure, axes = new_figure(width=5.4, height=3.0)
    width = max(min(20, len(loss) // 20), 1)
    whole = loss[: len(loss) // width * width].reshape(-1, width, loss.shape[1])
    at = width * (np.arange(len(whole)) + 1)
    for seed in range(loss.shape[1]):
        axes.plot(at, whole[:, :, seed].mean(axis=1), color=COLOURS[0], alpha=0.6, label="a seed" if not seed else None)
    axes.set(xlabel="updates", ylabel="loss", yscale="log")
    legend_above(axes)
    return figure


def animation(found: Trajectory, goals: Any, arm: TwoLinkArm, *, frames_a_second: int = 25) -> bytes:
    """The arm moving through its trials one after the other, as an animated GIF; needs no display.

    Args:
        found: the rollout; its first 12 trials are shown, at half of real speed.
        goals: (trials, 2) targets, m.
        arm: the arm.
        frames_a_second: of the picture.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    from symplast.lab.theme import STYLE

    hand, q = np.asarray(found.hand), np.asarray(found.joint)[:, :2]
    every = max(round(0.5 / (frames_a_second * float(found.dt))), 1)
    pictures = []
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.2, 4.2), dpi=80, facecolor="white", layout="constrained")
        canvas, axes = FigureCanvasAgg(figure), figure.subplots()
        size = 1.08 * (arm.l1 + arm.l2)
        axes.set(xlim=(-size, size), ylim=(-0.35 * size, size), aspect="equal", xlabel="x (m)", ylabel="y (m)")
        (links,) = axes.plot([], [], "-o", color=INK, linewidth=4, markersize=7, solid_capstyle="round")
        (path,) = axes.plot([], [], color=COLOURS[0], linewidth=1.5)
        (goal,) = axes.plot([], [], "x", color=COLOURS[1], markersize=10, markeredgewidth=2)
        for trial in range(min(hand.shape[2], MOST)):
            goal.set_data([np.asarray(goals)[trial, 0]], [np.asarray(goals)[trial, 1]])
            for step in range(0, hand.shape[0], every):
                elbow = arm.l1 * np.array([np.cos(q[step, 0, trial]), np.sin(q[step, 0, trial])])
                x, y = hand[step, :, trial]
                links.set_data([0, elbow[0], x], [0, elbow[1], y])
                path.set_data(hand[: step + 1, 0, trial], hand[: step + 1, 1, trial])
                axes.set_title(f"trial {trial + 1}, {float(found.dt) * (step + 1):.2f} s", loc="left")
                canvas.draw()
                whole = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
                pictures.append(whole.quantize(64))
    buffer = BytesIO()
    pictures[0].save(buffer, format="GIF", save_all=True, append_images=pictures[1:],
                     duration=round(1000 / frames_a_second), loop=0)  # fmt: skip
    return buffer.getvalue()
