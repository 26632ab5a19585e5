"""Controllers measured on test trials: metrics of each trial, whole or with something cut, seed by seed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Array, Float

from symplast import stats
from symplast.bilateral.lesioning import LESIONS, Lesion, lesion_named
from symplast.bilateral.metrics import METRICS, movement_metrics
from symplast.bilateral.rollout import ControlledArm, Trajectory, check_finite
from symplast.learning.compiling import lightly
from symplast.learning.learner import GradientLearner, LearnerState
from symplast.learning.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

Means = dict[str, float]
"""Metric -> mean over trials."""


@lightly
def _moved(network: ControlledArm, trials: Float[Array, "trials six"], lesion: Lesion | None) -> Trajectory:
    found = network.trajectory(trials, lesion)
    return found._replace(hidden=(), senses=found.senses[:0])


def move(network: ControlledArm, trials: Any, lesion: str | Lesion | None = None) -> Trajectory:
    """A rollout of a trained network, compiled, checked; one program serves all lesions and weights.

    Args:
        network: what moves.
        trials: (trials, 6) as for :meth:`ControlledArm.trajectory`.
        lesion: what is cut.

    Returns:
        The rollout without hidden activations and senses.

    Raises:
        FloatingPointError: NaN or infinity; names the step and the muscle.
        ValueError: an unknown lesion, or one of a controller without hemispheres.
    """
    two = hasattr(network.controller, "mixing")
    if lesion is not None and not two and lesion_named(lesion) != LESIONS["intact"]:
        raise ValueError(f"lesion must be intact for a controller without hemispheres, got {lesion!r}")
    named = LESIONS["intact"] if lesion is None else lesion_named(lesion)
    cut = Lesion(*(np.asarray(switch, bool) for switch in named)) if two else None
    found = _moved(network, trials, cut)
    names = tuple(muscle.name for muscle in getattr(network.arm, "muscles", ()))
    check_finite(found, names)
    return found


def trajectory_metrics(found: "Trajectory", goals: Any) -> dict[str, Float[np.ndarray, " trials"]]:
    """:func:`movement_metrics` of a rollout.

    Args:
        found: the rollout.
        goals: (trials, 2) targets, m.
    """
    start = np.asarray(found.start, dtype=float)[None]
    hand = np.concatenate([start, np.asarray(found.hand, dtype=float)])
    velocity = np.concatenate([np.zeros_like(start), np.asarray(found.velocity, dtype=float)])
    return movement_metrics(
        np.moveaxis(hand, 2, 0),
        np.asarray(goals, dtype=float),
        float(found.dt),
        velocities=np.moveaxis(velocity, 2, 0),
        excitations=np.moveaxis(np.asarray(found.u, dtype=float), 2, 0),
    )


def metrics_of(network: ControlledArm, task: Task, lesion: str | Lesion | None = None) -> Means:
    """Means of all metrics over the test trials of a task."""
    found = trajectory_metrics(move(network, task.test_inputs, lesion), task.test_targets)
    return {name: float(values.mean()) for name, values in found.items()}


def networks_of(learner: GradientLearner, states: LearnerState) -> list[ControlledArm]:
    """The networks of a training's seeds."""
    seeds = len(jax.tree.leaves(states.params)[0])
    host = jax.tree.map(np.asarray, (states.params, states.buffers))
    one = [jax.tree.map(lambda leaf, i=seed: leaf[i], host) for seed in range(seeds)]
    return [learner.network(states._replace(params=params, buffers=buffers)) for params, buffers in one]


def lesions(
    learner: GradientLearner, states: LearnerState, task: Task, names: Sequence[str] | None = None
) -> "pd.DataFrame":
    """What cutting something does: a row a lesion and metric, with paired intervals over seeds.

    Args:
        learner: of a bilateral controller.
        states: of its seeds, seeds first (``training.states``).
        task: whose test trials are used.
        names: lesions; all by default. ``intact`` is always among them.

    Returns:
        Columns ``lesion, metric, unit, mean, low, high, difference, difference_low, difference_high, ratio``: means
        over seeds with 95 % intervals (Student's t), and the difference to the intact controller, seed by seed. Without
        intervals (NaN) where there is one seed.

    Raises:
        ValueError: an unknown lesion.
    """
    chosen = list(dict.fromkeys(["intact", *(LESIONS if names is None else names)]))
    for name in chosen:
        lesion_named(name)
    found = {name: [metrics_of(network, task, name) for network in networks_of(learner, states)] for name in chosen}
    return lesion_table(found)


def lesion_table(found: Mapping[str, Sequence[Means]]) -> "pd.DataFrame":
    """Lesion -> metrics of each seed, as the table of :func:`lesions`."""
    import pandas as pd

    rows = []
    for name, seeds in found.items():
        for metric in seeds[0]:
            own = np.array([each[metric] for each in seeds])
            intact = np.array([each[metric] for each in found["intact"]])
            mean, gap = _interval(own), _interval(own - intact)
            rows.append(
                {
                    "lesion": name,
                    "metric": metric,
                    "unit": METRICS[metric][0],
                    **dict(zip(("mean", "low", "high"), mean, strict=True)),
                    **dict(zip(("difference", "difference_low", "difference_high"), gap, strict=True)),
                    "ratio": float(own.mean() / intact.mean()) if intact.mean() else float("nan"),
                }
            )
    return pd.DataFrame(rows)


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    if len(values) < 2:
        return float(values[0]), float("nan"), float("nan")
    found = stats.mean_interval(values)
    return found.value, found.low, found.high
