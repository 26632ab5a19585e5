"""Tasks for an arm: random reaches, holding a posture against a load, reaches from a centre.

A trial is six numbers: shoulder and elbow angle at the start (rad), target x and y (m), load x and y on the hand (N). A
task of the learning protocol has them as inputs and the targets as what the hand should end at.
"""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from symplast.bilateral.arm import TwoLinkArm
from symplast.learning.host_random import generator
from symplast.learning.tasks import Task
from symplast.stats.arguments import check_count

Space = str
"""``joint`` or ``hand``."""

Trials = Float[np.ndarray, "trials 6"]

LOAD = 10.0
"""Largest force of the hold task along each axis, N."""


def reach(
    trials: int = 6400,
    tests: int = 256,
    *,
    key: Key[Array, ""],
    test_key: Key[Array, ""] | None = None,
    arm: TwoLinkArm | None = None,
    space: Space = "joint",
) -> Task:
    """Random reaches: start and goal drawn alike, no load.

    Args:
        trials: to train on.
        tests: held out.
        key: of the training trials.
        test_key: of the held-out trials, so that several tasks share them; None: of ``key``.
        arm: whose bounds count; the reference arm by default.
        space: ``joint`` draws angles evenly within their bounds, as the paper does (hands cluster near the shoulder);
            ``hand`` draws positions evenly over what the hand can reach.

    Raises:
        ValueError: counts below 1, or an unknown space.

    Example:
        >>> task = reach(100, 10, key=jax.random.key(0))
        >>> task.inputs.shape, task.test_targets.shape, float(np.abs(task.inputs[:, 4:]).max())
        ((100, 6), (10, 2), 0.0)
    """
    return _drawn("reach", trials, tests, key, test_key, arm, space, 0.0)


def hold(
    load: float = LOAD,
    trials: int = 6400,
    tests: int = 256,
    *,
    key: Key[Array, ""],
    test_key: Key[Array, ""] | None = None,
    arm: TwoLinkArm | None = None,
    space: Space = "joint",
) -> Task:
    """Hold the hand where it is, against a constant force from the first step on, even in ``[-load, load]²`` N.

    Args:
        load: largest force along each axis, N.
        trials, tests, key, test_key, arm, space: as for :func:`reach`.

    Raises:
        ValueError: a negative load, counts below 1, or an unknown space.

    Example:
        >>> task = hold(5.0, 100, 10, key=jax.random.key(0))
        >>> float(np.abs(task.inputs[:, 4:]).max()) <= 5
        True
    """
    if isinstance(load, bool) or not isinstance(load, int | float) or not 0 <= load < np.inf:
        raise ValueError(f"load must be a number of newtons of at least 0, got {load!r}")
    return _drawn("hold", trials, tests, key, test_key, arm, space, float(load))


def centre_out(
    targets: int = 8,
    *,
    distance: float = 0.1,
    centre_deg: tuple[float, float] = (45.0, 90.0),
    arm: TwoLinkArm | None = None,
) -> Task:
    """Reaches from one posture to targets on a circle round the hand; the same trials for training and for test.

    Args:
        targets: how many, the first to the right.
        distance: of the targets, m.
        centre_deg: shoulder and elbow at the start, degrees.
        arm: the reference arm by default.

    Raises:
        ValueError: fewer than two targets, a distance that is not positive, a centre out of bounds.

    Warns:
        UserWarning: targets that can't be reached.

    Example:
        >>> task = centre_out(4)
        >>> (task.targets - task.targets.mean(axis=0)).round(3).tolist()
        [[0.1..., ...0.0], [...0.0, 0.1...], [-0.1..., ...0.0], [...0.0, -0.1...]]
    """
    arm, targets = TwoLinkArm() if arm is None else arm, check_count(targets, "targets", 2)
    if not 0 < distance < np.inf:
        raise ValueError(f"distance must be a positive number of metres, got {distance!r}")
    q = arm.check_start(np.deg2rad(np.asarray(centre_deg, dtype=float)))
    angle = 2 * np.pi * np.arange(targets) / targets
    goals = arm.hand_of(q)[:, None] + distance * np.stack([np.cos(angle), np.sin(angle)])
    arm.warn_unreachable(goals)
    return task_of(trials_of(np.tile(q[:, None], targets), goals), None)


def trials_of(q: Any, goals: Any, loads: Any = None) -> Trials:
    """Rows of trials.

    Args:
        q: (2, trials) angles, rad.
        goals: (2, trials) targets, m.
        loads: (2, trials) forces, N; None for none.
    """
    loads = np.zeros_like(goals) if loads is None else loads
    return np.concatenate([q, goals, loads]).T


def task_of(trials: Trials, tests: Float[np.ndarray, "tests 6"] | None) -> Task:
    """Trials as a task of the learning protocol; without held-out ones they are tested on themselves."""
    tests = trials if tests is None else tests
    return Task(*map(jnp.asarray, (trials, trials[:, 2:4], tests, tests[:, 2:4])))


def draw(
    kind: Literal["reach", "hold"], count: int, key: Key[Array, ""], arm: TwoLinkArm, space: Space, load: float
) -> Trials:
    """Random trials."""
    rng = generator(key)
    start = _postures(rng, count, arm, space)
    if kind == "reach":
        return trials_of(start, arm.hand_of(_postures(rng, count, arm, space)))
    return trials_of(start, arm.hand_of(start), rng.uniform(-load, load, (2, count)))


def _postures(rng: np.random.Generator, count: int, arm: TwoLinkArm, space: Space) -> np.ndarray:
    low, high = arm.bounds[:, :1], arm.bounds[:, 1:]
    share = rng.uniform(size=(2, count))
    if space == "hand":  # the hand's area is l1 l2 |sin q2| dq1 dq2: even in q1 and in the area that q2 sweeps
        share[1] = _share_of_area(share[1], *arm.bounds[1])
    return low + (high - low) * share


def _share_of_area(share: np.ndarray, low: float, high: float) -> np.ndarray:
    """Positions of q2 between its bounds at which shares of the area ``integral |sin q2|`` are reached."""
    grid = np.linspace(low, high, 4001)
    area = np.concatenate([[0.0], np.cumsum(np.abs(np.sin((grid[1:] + grid[:-1]) / 2)))])
    return (np.interp(share, area / area[-1], grid) - low) / (high - low)


def _drawn(
    kind: Literal["reach", "hold"],
    trials: int,
    tests: int,
    key: Key[Array, ""],
    test_key: Key[Array, ""] | None,
    arm: TwoLinkArm | None,
    space: Space,
    load: float,
) -> Task:
    trials, tests = check_count(trials, "trials"), check_count(tests, "tests", 2)
    if space not in ("joint", "hand"):
        raise ValueError(f"space must be joint or hand, got {space!r}")
    arm = TwoLinkArm() if arm is None else arm
    held_out = jax.random.fold_in(key, 1) if test_key is None else test_key
    return task_of(draw(kind, trials, key, arm, space, load), draw(kind, tests, held_out, arm, space, load))
