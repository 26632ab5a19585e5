"""What the experiments train: models on tasks, seed by seed, each run once and shared between experiments."""

from functools import lru_cache
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from symplast.bilateral.measuring import Means, metrics_of, networks_of
from symplast.bilateral.models import MODELS, learner_of, losses_of
from symplast.bilateral.rollout import ControlledArm
from symplast.bilateral.tasks import hold, reach
from symplast.learning.learner import GradientLearner
from symplast.learning.tasks import Task
from symplast.learning.training import begin, train

TaskName = Literal["reach", "hold"]
PRIMARY = {"reach": "dist_end", "hold": "dist_mean"}
"""The metric that each task is judged by."""

PER_EPOCH = 100
"""Updates of an epoch: each seed has so many batches of fixed trials."""

TESTS = 256


class Sizes(NamedTuple):
    """How a run is trained.

    Attributes:
        updates: of the weights.
        batch: trials an update.
        every: updates between tests along the way; 0 tests at the end only.
    """

    updates: int
    batch: int
    every: int = 0

    @property
    def epoch(self) -> int:
        """Updates of one pass over a seed's fixed trials.

        Raises:
            ValueError: updates, or those between tests, that make no whole number of passes.
        """
        one = min(PER_EPOCH, self.updates)
        if self.updates % one or self.every % one:
            raise ValueError(f"updates must be below {PER_EPOCH} or a multiple of it, got {self.updates}, {self.every}")
        return one


class Run(NamedTuple):
    """One seed, trained.

    Attributes:
        network: what it became.
        task: its trials.
        means: metric -> mean over the test trials.
        curve: primary metric along the way, (tests,).
    """

    network: ControlledArm
    task: Task
    means: Means
    curve: np.ndarray


def task_of_seed(name: TaskName, key: Key[Array, ""], for_tests: Key[Array, ""], sizes: Sizes) -> Task:
    """A seed's own training trials, and test trials that all seeds share."""
    trials = sizes.epoch * sizes.batch
    if name == "reach":
        return reach(trials, TESTS, key=key, test_key=for_tests)
    return hold(trials=trials, tests=TESTS, key=key, test_key=for_tests)


def run_of(model: str, task: TaskName, key: Key[Array, ""], seed: int, sizes: Sizes, variant: str = "intended") -> Run:
    """Train one seed of a model on a task; called again with the same arguments it answers at once.

    All models have the same first key, training trials, order of them, and test trials in a seed.

    Args:
        model: a name of ``MODELS``.
        task: reach or hold.
        key: of the experiment.
        seed: its number.
        sizes: how long.
        variant: of the losses.
    """
    words = tuple(np.asarray(jax.random.key_data(key)).ravel().tolist())
    return _run(model, task, words, seed, sizes, variant)


@lru_cache(maxsize=512)
def _run(model: str, name: TaskName, words: tuple[int, ...], seed: int, sizes: Sizes, variant: str) -> Run:
    key = jax.random.wrap_key_data(jnp.asarray(np.array(words, np.uint32)))
    return trained(learner_of(model, losses=losses_of(variant)), name, key, seed, sizes)


def trained(learner: GradientLearner, name: TaskName, key: Key[Array, ""], seed: int, sizes: Sizes) -> Run:
    """Train one seed of a learner on a task."""
    own = jax.random.fold_in(key, seed)
    task = task_of_seed(name, jax.random.fold_in(own, 1), jax.random.fold_in(key, 1 << 20), sizes)
    training = begin(learner, own, 1)
    curve: list[float] = []
    done = 0
    while done < sizes.updates:
        count = min(sizes.every or sizes.updates, sizes.updates - done)
        short = sizes.updates < PER_EPOCH  # compiling takes longer
        training, _ = train(learner, task, training, count // sizes.epoch, sizes.batch, short=short)
        done += count
        if sizes.every:
            curve.append(metrics_of(networks_of(learner, training.states)[0], task)[PRIMARY[name]])
    (network,) = networks_of(learner, training.states)
    return Run(network, task, metrics_of(network, task), np.array(curve))


def table_of(
    models: Any, tasks: Any, key: Key[Array, ""], seeds: int, sizes: Sizes
) -> dict[tuple[str, str], list[Run]]:
    """(task, model) -> runs of all seeds."""
    assert all(model in MODELS for model in models)
    return {
        (task, model): [run_of(model, task, key, seed, sizes) for seed in range(seeds)]
        for task in tasks
        for model in models
    }
