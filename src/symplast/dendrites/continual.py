"""Continual learning with and without each component: dendrites, sparse activity, both, neither.

Learning rates are arrays in the optimiser's state, so that one compiled program serves every rate, seed and task.
"""

from collections.abc import Sequence
from functools import cache
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from symplast.dendrites.active import ActiveDendriteMLP
from symplast.dendrites.prototypes import restart_each_task
from symplast.dendrites.taskwise import AdamPrototypeLearner, adam
from symplast.learning.credit_rules import Autodiff
from symplast.learning.learner import GradientLearner, Learner
from symplast.learning.sequences import SequenceHistory, average_score, train_sequence
from symplast.learning.tasks import Task, images, is_constant_in_its_precision, permuted
from symplast.learning.training import Training, begin

MODELS = ("dendrites and sparse", "sparse only", "dendrites only", "MLP")

PIXEL_MEAN, PIXEL_SPREAD = 0.13062755, 0.3081078
"""Of MNIST's training images in the released code."""


def standardised(task: Task, mean: float | None = None, spread: float | None = None) -> Task:
    """A task with inputs ``(x - mean) / spread``, one number each for all pixels.

    Args:
        task: the task.
        mean, spread: None for mean and standard deviation of its training inputs.

    Raises:
        ValueError: a spread that is not positive, or none given and inputs that are all the same.
    """
    mean = float(task.inputs.mean()) if mean is None else mean
    if spread is None:
        if is_constant_in_its_precision(np.asarray(task.inputs).ravel()):
            raise ValueError("spread must be given where all training inputs are the same: they have none")
        spread = float(task.inputs.std())
    if not spread > 0:
        raise ValueError(f"spread must be positive, got {spread}")
    return Task((task.inputs - mean) / spread, task.targets, (task.test_inputs - mean) / spread, task.test_targets)


def permuted_mnist(
    tasks: int,
    key: Key[Array, ""],
    *,
    train: int | None = None,
    test: int | None = None,
    dataset: Literal["mnist", "mnist-5k"] = "mnist",
) -> list[Task]:
    """Permuted MNIST as in Iyer et al. 2022: pixels ``(pixel/255 - 0.13062755) / 0.3081078``, then reordered.

    The first task keeps its order. Training and test images of a task are reordered alike.

    Args:
        tasks: how many.
        key: draws the orders.
        train, test: use the first so many images, None for all.
        dataset: ``mnist``, or its 5000 images that need no download.

    Raises:
        DatasetUnavailable: the images are not available; says how to get it.
        ValueError: fewer than one task, or more images than there are.
    """
    plain = images(dataset, train=train, test=test)
    return permuted(standardised(plain, PIXEL_MEAN, PIXEL_SPREAD), tasks, key)


@cache
def component_learner(model: str, sizes: tuple[int, ...], tasks: int) -> Learner:
    """A learner of the ablation, with an Adam that is fresh for each task.

    ====================  =========================  =============  ================
    model                 segments, context          activation     weights missing
    ====================  =========================  =============  ================
    dendrites and sparse  one a task, prototypes     5 % winners    half
    sparse only           none                       5 % winners    half
    dendrites only        one a task, prototypes     ReLU           half
    MLP                   none                       ReLU           none
    ====================  =========================  =============  ================

    Its learning rate is set by :func:`learn_in_sequence`. The same arguments give the same learner, so that what is
    compiled for it serves again.

    Args:
        model: which.
        sizes: units of each layer, the input first.
        tasks: how many will come: segments of each unit, and room for prototypes.

    Raises:
        ValueError: an unknown model, fewer than one task, or sizes that make no network.
    """
    if tasks < 1:
        raise ValueError(f"tasks must be at least 1, got {tasks}")
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}; got {model!r}")
    segments = tasks if "dendrites" in model else 0
    kwta = 0.05 if "sparse" in model else None
    missing = 0.0 if model == "MLP" else 0.5

    def make_network(key: Key[Array, ""]) -> ActiveDendriteMLP:
        return ActiveDendriteMLP(sizes, segments=segments, kwta=kwta, weight_sparsity=missing, key=key)

    if segments:
        return AdamPrototypeLearner(make_network, tasks)
    return GradientLearner(make_network, Autodiff(), restart_each_task(adam(1e-3)))


def learn_in_sequence(
    learner: Learner, tasks: Sequence[Task], rate: float, key: Key[Array, ""], epochs: int, batch_size: int
) -> tuple[Training, SequenceHistory]:
    """Train one seed of a :func:`component_learner` on task after task at a learning rate.

    Raises:
        ValueError: a rate that is not positive.
    """
    if not rate > 0:
        raise ValueError(f"rate must be positive, got {rate}")
    training = begin(learner, key, 1)
    opt = optax.tree_utils.tree_set(training.states.opt, learning_rate=jnp.full(1, rate, jnp.float32))
    training = Training(training.states._replace(opt=opt), training.keys, training.epoch)
    return train_sequence(learner, tasks, training, epochs, batch_size)


def rate_scores(
    learner: Learner,
    rates: Sequence[float],
    tasks: Sequence[Task],
    key: Key[Array, ""],
    epochs: int,
    batch_size: int,
) -> Float[np.ndarray, " rates"]:
    """Mean test score over all tasks after the last one, at each learning rate; one seed.

    The rate to use is the one with the largest mean over seeds that don't count for the comparison.
    """
    ends = [learn_in_sequence(learner, tasks, rate, key, epochs, batch_size)[1].score for rate in rates]
    return np.array([float(average_score(score)[0]) for score in ends])


def recognised(training: Training, tasks: Sequence[Task]) -> float:
    """Share of test examples whose nearest prototype is that of their task, for one seed."""
    context = jax.tree.map(lambda leaf: leaf[0], training.states.rule)
    right = [np.mean(np.asarray(context.nearest(task.test_inputs)) == index) for index, task in enumerate(tasks)]
    return float(np.mean(right))
