"""Trials of a user's own, from tables: where a movement starts, where it should end, what pulls at the hand."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symplast.bilateral.arm import TwoLinkArm
from symplast.bilateral.tasks import Trials, task_of, trials_of
from symplast.datasets.tables import Table, read_table, refuse
from symplast.datasets.units import Units, base_of
from symplast.learning.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

METRES = Units("a length", {"m": 1.0, "cm": 0.01, "mm": 0.001}, known="m, cm, mm")
NEWTONS = Units("a force", {"N": 1.0, "newton": 1.0, "newtons": 1.0}, known="N")
DEGREES = Units("an angle", {"deg": 1.0, "degrees": 1.0, "°": 1.0}, known="deg")

ANGLES, STARTS, GOALS, LOADS = ("q1_deg", "q2_deg"), ("start_x", "start_y"), ("goal_x", "goal_y"), ("load_x", "load_y")


def read_trials(table: "str | Path | pd.DataFrame", arm: TwoLinkArm | None = None) -> Task:
    """Read trials as a task; it is tested on the trials that it trains on.

    Columns: ``q1_deg, q2_deg`` (degrees) or ``start_x, start_y`` (m, the elbow at least 0), ``goal_x, goal_y`` (m) and,
    where something pulls at the hand, ``load_x, load_y`` (N). Any dialect of CSV; lengths may be in cm or mm.

    Args:
        table: file or DataFrame.
        arm: whose bounds and links count; the reference arm by default.

    Raises:
        FileNotFoundError: no such file.
        ValueError: columns or numbers that are missing, starts out of reach or out of bounds, fewer than two trials or
            targets that are all the same.

    Warns:
        UserWarning: targets that can't be reached.

    Example:
        >>> import pandas as pd
        >>> rows = {"start_x": [0.1, 0.0], "start_y": [0.4, 0.4], "goal_x": [0.2, -0.2], "goal_y": [0.4, 0.5]}
        >>> read_trials(pd.DataFrame(rows)).inputs.shape
        (2, 6)
    """
    trials, _ = trials_from(read_table(table, what="a table of trials"), TwoLinkArm() if arm is None else arm)
    return task_of(trials, None)


def trials_from(table: Table, arm: TwoLinkArm) -> tuple[Trials, str]:
    """Rows of trials from a table, and what was decided on reading it, in words.

    Raises:
        ValueError: as :func:`read_trials`.
    """
    bases = {base_of(name, METRES, NEWTONS): name for name in table.names}
    by_angle = all(name in bases for name in ANGLES)
    start = ANGLES if by_angle else STARTS
    needed = [*start, *GOALS]
    if missing := [name for name in needed if name not in bases]:
        ways = "q1_deg and q2_deg (degrees) or start_x and start_y (m), goal_x and goal_y (m)"
        refuse(table.source, [*table.problems, f"trials need columns {ways}; it lacks {', '.join(missing)}"])
    if not by_angle and any(name in bases for name in ANGLES):
        refuse(table.source, [f"trials need both of {' and '.join(ANGLES)}, or none of them"])
    some = [name for name in LOADS if name in bases]
    if len(some) == 1:
        refuse(table.source, [f"trials need both of load_x and load_y, or none; it has {some[0]} only"])
    units = dict.fromkeys(ANGLES, DEGREES) | dict.fromkeys((*STARTS, *GOALS), METRES) | dict.fromkeys(LOADS, NEWTONS)
    read = table.numbers({name: (bases[name], units[name]) for name in [*needed, *some]}, way_out="")
    columns = read.values
    first = np.stack([columns[name] for name in start])
    try:
        q = np.deg2rad(first) if by_angle else arm.posture(first)
        arm.check_start(q)
    except ValueError as error:
        refuse(table.source, [str(error)])
    goals = np.stack([columns[name] for name in GOALS])
    if goals.shape[1] < 2 or np.ptp(goals, axis=1).max() == 0:
        refuse(table.source, ["trials must be at least two, with targets that are not all the same"])
    arm.warn_unreachable(goals)
    loads = np.stack([columns[name] for name in some]) if some else None
    return trials_of(q, goals, loads), read.said(table.source)
