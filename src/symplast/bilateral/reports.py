"""Tables of trained controllers: metrics over seeds, lesions, and paths as rows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symplast import stats
from symplast.bilateral.measuring import Means, lesion_table, move, networks_of, trajectory_metrics
from symplast.bilateral.metrics import METRICS
from symplast.bilateral.rollout import Trajectory
from symplast.bilateral.training_files import Trained
from symplast.learning.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("seed", "lesion", "trial", "t", "x", "y", "vx", "vy")


def metric_table(means: Sequence[Means]) -> "pd.DataFrame":
    """Means over seeds with 95 % intervals (Student's t; NaN for one seed): ``metric, unit, mean, low, high``."""
    import pandas as pd

    rows = []
    for name in means[0]:
        values = np.array([each[name] for each in means])
        ends = (float(values[0]), float("nan"), float("nan"))
        if len(values) > 1:
            found = stats.mean_interval(values)
            ends = found.value, found.low, found.high
        rows.append([name, METRICS[name][1], METRICS[name][0], *ends])
    return pd.DataFrame(rows, columns=["metric", "what", "unit", "mean", "low", "high"])


def rollouts(found: Trained, task: Task, lesions: Sequence[str]) -> dict[str, list[Trajectory]]:
    """Rollouts of every seed on the test trials, by lesion."""
    networks = networks_of(found.learner, found.training.states)
    return {name: [move(network, task.test_inputs, name) for network in networks] for name in lesions}


def means_of(moved: Mapping[str, Sequence[Trajectory]], task: Task) -> dict[str, list[Means]]:
    """Lesion -> metrics of each seed."""
    return {
        name: [
            {metric: float(values.mean()) for metric, values in trajectory_metrics(one, task.test_targets).items()}
            for one in seeds
        ]
        for name, seeds in moved.items()
    }


def path_table(moved: Mapping[str, Sequence[Trajectory]]) -> "pd.DataFrame":
    """Every step of every trial: ``seed, lesion, trial, t, x, y, vx, vy`` (s, m, m/s) and an excitation a muscle."""
    import pandas as pd

    tables = []
    for name, seeds in moved.items():
        for seed, one in enumerate(seeds):
            hand, v, u = (np.moveaxis(np.asarray(each), 2, 0) for each in (one.hand, one.velocity, one.u))
            start = np.asarray(one.start).T[:, None]
            trials, steps, muscles = u.shape
            nothing = np.full((trials, 1, muscles), np.nan)  # before the first step
            rows = np.concatenate(
                [
                    np.concatenate([start, hand], axis=1),
                    np.concatenate([np.zeros_like(start), v], axis=1),
                    np.concatenate([nothing, u], axis=1),
                ],
                axis=2,
            ).reshape(trials * (steps + 1), -1)
            columns: dict[str, Any] = {
                "seed": seed,
                "lesion": name,
                "trial": np.repeat(np.arange(1, trials + 1), steps + 1),
                "t": np.tile(float(one.dt) * np.arange(steps + 1), trials),
            }
            names = [*COLUMNS[4:], *(f"u{i + 1}" for i in range(muscles))]
            tables.append(pd.DataFrame(columns | dict(zip(names, rows.T, strict=True))))
    return pd.concat(tables, ignore_index=True)


def evaluation(means: Mapping[str, list[Means]]) -> "pd.DataFrame":
    """The table of lesions; ``intact`` first."""
    return lesion_table(means)
