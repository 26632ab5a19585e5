"""Recorded movements, of people or of models, measured as simulated ones are; and groups of them compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symplast import stats
from symplast.bilateral.metrics import METRICS, movement_metrics
from symplast.bilateral.trial_files import GOALS, METRES
from symplast.datasets.tables import listed, read_table, refuse
from symplast.datasets.units import Units, base_of

if TYPE_CHECKING:
    import pandas as pd

SECONDS = Units("a time", {"s": 1.0, "ms": 1e-3, "sec": 1.0, "seconds": 1.0}, known="s, ms")
LARGEST_SPAN = 5.0
"""Metres that no arm's movements span."""

END = 0.1
"""Seconds at the end of a movement over which the end is measured, as in the model's trials."""


@dataclass(frozen=True, eq=False)
class Movements:
    """Measures of recorded movements, a trial a row.

    Attributes:
        table: ``trial``, the columns for groups and pairs, ``samples``, ``dt`` (s), and the metrics.
        decided: what was decided on reading, in words.
    """

    table: "pd.DataFrame"
    decided: tuple[str, ...]


def read_movements(table: "str | Path | pd.DataFrame", by: str | None = None, pair: str | None = None) -> Movements:
    """Read recorded movements and measure each trial.

    Columns: ``trial, t`` (s or ms), ``x, y`` (m, cm or mm), a sample a row; where there are targets ``goal_x, goal_y``,
    the same in all rows of a trial; and the columns for groups and pairs. Each trial is resampled to its own median
    interval. The end is its last 0.1 s.

    Args:
        table: file or DataFrame.
        by: column whose values are groups.
        pair: column whose values are what is paired, such as people.

    Raises:
        FileNotFoundError: no such file.
        ValueError: missing columns or numbers; trials whose times don't increase, with fewer than four samples, whose
            target, group or pair is not the same in all rows; positions that span more than 5 m.

    Example:
        >>> import pandas as pd
        >>> t = np.linspace(0, 1, 21)
        >>> rows = pd.DataFrame({"trial": 1, "t": t, "x": 0.3 * t, "y": 0.0 * t})
        >>> found = read_movements(rows).table
        >>> round(float(found.path[0]), 3), round(float(found.end_speed[0]), 3)
        (0.3, 0.3)
    """
    import pandas as pd

    read = read_table(table, what="a table of movements")
    bases = {base_of(name, METRES, SECONDS): name for name in read.names}
    labels = ["trial", *(name for name in (by, pair) if name is not None)]
    needed = ["t", "x", "y"]
    if missing := [name for name in needed if name not in bases] + [name for name in labels if name not in read.names]:
        refuse(read.source, [*read.problems, f"movements need columns trial, t, x, y{_more(by, pair)}; it lacks "
                             f"{', '.join(missing)}; there are {listed(read.names)}"])  # fmt: skip
    some = [name for name in GOALS if name in bases]
    if len(some) == 1:
        refuse(read.source, [f"movements need both of goal_x and goal_y, or none; it has {some[0]} only"])
    units = {"t": SECONDS, "x": METRES, "y": METRES} | dict.fromkeys(some, METRES)
    numbers = read.numbers({name: (bases[name], units[name]) for name in [*needed, *some]}, way_out="")
    columns = numbers.values
    span = max(float(np.ptp(columns[name])) for name in ("x", "y"))
    if span > LARGEST_SPAN:
        refuse(read.source, [f"x and y span {span:.4g} m, more than {LARGEST_SPAN:g} m: are they in metres? Name the "
                             "unit in the header, such as x (cm)"])  # fmt: skip
    texts = {name: read.text(name) for name in labels}
    owner = np.array(["\x00".join(map(str, row)) for row in zip(*texts.values(), strict=True)], dtype=object)
    rows, problems = [], []
    for name in dict.fromkeys(owner):
        here = np.flatnonzero(owner == name)
        about: dict[str, Any] = {label: texts[label][here[0]] for label in labels}
        try:
            rows.append(about | _measured({key: values[here] for key, values in columns.items()}))
        except ValueError as error:
            problems.append(f"trial {about['trial']}: {error}")
    if problems and pair is None:
        problems.append("where people or models share names of trials, --pair must name the column that tells whose")
    refuse(read.source, problems)
    said = [numbers.said(read.source), f"{len(rows)} trials"]
    if not some:
        said.append("no goal_x and goal_y: distances to targets are left out")
    return Movements(pd.DataFrame(rows), tuple(said))


def _measured(columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """One trial."""
    t = columns["t"]
    if len(t) < 4:
        raise ValueError(f"it must have at least 4 samples, got {len(t)}")
    steps = np.diff(t)
    if not (steps > 0).all():
        row = int((steps <= 0).argmax())
        raise ValueError(f"its times must increase, got {t[row]:g} s and then {t[row + 1]:g} s")
    goal = None
    if GOALS[0] in columns:
        goals = np.stack([columns[name] for name in GOALS], axis=1)
        if np.ptp(goals, axis=0).max() > 0:
            raise ValueError("its target must be the same in all rows")
        goal = goals[:1]
    dt = float(np.median(steps))
    even = t[0] + dt * np.arange(int(np.floor((t[-1] - t[0]) / dt + 1e-6)) + 1)
    if len(even) < 4:
        raise ValueError(f"at its median interval of {dt:g} s it has only {len(even)} samples; it must have 4")
    path = np.stack([np.interp(even, t, columns[name]) for name in ("x", "y")], axis=1)[None]
    found = movement_metrics(path, goal, dt, last=max(round(END / dt), 1))
    return {"samples": len(t), "dt": dt, **{name: float(values[0]) for name, values in found.items()}}


def compare_groups(found: Movements, by: str, pair: str | None = None) -> "pd.DataFrame":
    """Metrics of each group, with the difference to the first group.

    Args:
        found: measured movements.
        by: column of the groups.
        pair: column of what is paired: trials are averaged for each, and differences taken within it.

    Returns:
        Columns ``group, metric, unit, n, mean, low, high, difference, difference_low, difference_high``: 95 % intervals
        of means and of differences within pairs by Student's t, of differences between groups by Welch's t. NaN where
        a group has one member.

    Raises:
        ValueError: fewer than two groups with ``pair``, or a pair that lacks one of the groups.
    """
    import pandas as pd

    table = found.table
    metrics = [name for name in METRICS if name in table]
    groups = list(dict.fromkeys(table[by]))
    if pair is not None:
        table = table.groupby([by, pair], sort=False)[metrics].mean().reset_index()
        members = {group: list(table[table[by] == group][pair]) for group in groups}
        for group, own in members.items():
            if odd := set(members[groups[0]]) ^ set(own):
                raise ValueError(
                    f"pair {sorted(odd)[0]} must be in all groups; it is not in both {groups[0]} and {group}"
                )
        table = table.sort_values(pair, kind="stable")
    rows = []
    for metric in metrics:
        first = table[table[by] == groups[0]][metric].to_numpy()
        for group in groups:
            own = table[table[by] == group][metric].to_numpy()
            mean, gap = _mean(own), (0.0, 0.0, 0.0)
            if group != groups[0]:
                gap = _mean(own - first) if pair is not None else _between(own, first)
            rows.append([group, metric, METRICS[metric][0], len(own), *mean, *gap])
    names = ["group", "metric", "unit", "n", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=[*names, "difference", "difference_low", "difference_high"])


def _mean(values: np.ndarray) -> tuple[float, float, float]:
    if len(values) < 2:
        return float(values.mean()), float("nan"), float("nan")
    found = stats.mean_interval(values)
    return found.value, found.low, found.high


def _between(own: np.ndarray, first: np.ndarray) -> tuple[float, float, float]:
    """Difference of two means with Welch's interval."""
    gap = float(own.mean() - first.mean())
    if min(len(own), len(first)) < 2:
        return gap, float("nan"), float("nan")
    from scipy.stats import ttest_ind

    if np.ptp(own) == 0 and np.ptp(first) == 0:
        return gap, gap, gap
    interval = ttest_ind(own, first, equal_var=False).confidence_interval(0.95)
    return gap, float(interval.low), float(interval.high)


def _more(*names: str | None) -> str:
    return "".join(f", {name}" for name in names if name is not None)
