"""Displays as PNG files with a table, for people and for other models."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symplast.visual_search.displays import EXPERIMENTS, array_trials


def write_displays(
    experiment: str,
    folder: Path,
    set_sizes: Sequence[int] | None = None,
    n: int | None = None,
    seed: int = 0,
    px_per_deg: int = 30,
) -> int:
    """Write displays of both conditions of an experiment.

    Files: a picture a display and a target, ``regions.png`` (level v: region v - 1, 0: none) and ``trials.csv`` with
        the
    columns that :func:`symplast.visual_search.trial_files.read_tasks` reads.

    Args:
        experiment: a name of :data:`EXPERIMENTS`.
        folder: is made where it does not exist.
        set_sizes: None: the published ones.
        n: displays a condition and set size; None: the published number.
        seed: of the displays.
        px_per_deg: 30, or fewer.

    Returns:
        The number of displays.

    Raises:
        ValueError: an unknown experiment, or numbers out of range.
    """
    import pandas as pd

    from symplast.lab.whole_files import write_whole

    if experiment not in EXPERIMENTS:
        raise ValueError(f"experiment must be one of {', '.join(EXPERIMENTS)}, got {experiment!r}")
    which = EXPERIMENTS[experiment]
    made = [
        array_trials(experiment, condition, size, n, seed, px_per_deg)
        for condition in which.conditions
        for size in (set_sizes or which.set_sizes)
    ]
    folder.mkdir(parents=True, exist_ok=True)

    def save(name: str, levels: np.ndarray) -> str:
        write_whole(folder / name, png(levels))
        return name

    regions = save("regions.png", (made[0].regions + 1).astype(np.uint8))
    targets: dict[bytes, str] = {}
    rows: list[dict[str, Any]] = []
    for displays in made:
        columns = (displays.image, displays.target, displays.target_region)
        for trial, (image, target, region) in enumerate(zip(*columns, strict=True)):
            key = target.tobytes()
            if key not in targets:
                targets[key] = save(f"target-{len(targets):02d}.png", target)
            rows.append({
                "image": save(f"{displays.condition}-{displays.set_size:02d}-{trial:03d}.png", image),
                "target": targets[key], "condition": displays.condition, "set_size": displays.set_size,
                "regions": regions, "target_region": int(region),
            })  # fmt: skip
    write_whole(folder / "trials.csv", pd.DataFrame(rows).to_csv(index=False))
    return len(rows)


def png(levels: np.ndarray) -> bytes:
    """A grey picture as PNG.

    Example:
        >>> png(np.zeros((2, 2), np.uint8))[1:4]
        b'PNG'
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, format="PNG")
    return buffer.getvalue()
