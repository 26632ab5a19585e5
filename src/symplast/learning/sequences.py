"""Sequences of tasks: learn one after the other, test on all after each."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from symplast.learning.learner import Learner
from symplast.learning.tasks import Task
from symplast.learning.training import Training, score, train


class SequenceHistory(NamedTuple):
    """What happened while seeds learned task after task.

    Attributes:
        score: (tasks, tasks, seeds) ``score[i, j]`` on task j after learning task i.
        loss: (updates, seeds) mean loss of each update's batch, over the whole sequence.
    """

    score: Float[Array, "tasks tasks seeds"]
    loss: Float[Array, "updates seeds"]


def train_sequence(
    learner: Learner,
    tasks: Sequence[Task],
    training: Training,
    epochs: int,
    batch_size: int,
    *,
    watch: Callable[[int, Float[Array, "tasks seeds"]], None] | None = None,
    short: bool = False,
) -> tuple[Training, SequenceHistory]:
    """Learn tasks one after the other; ``learner.begin_task`` is told before each.

    Tasks of equal shape share one compiled program.

    Args:
        learner: the learner.
        tasks: in their order.
        training: from :func:`begin`; its arrays are given up to this call.
        epochs: on each task.
        batch_size: examples an update.
        watch: called after each task with its number and the scores on all tasks.
        short: as for :func:`train`.

    Returns:
        The training after it, and its history.

    Raises:
        ValueError: no task.
    """
    if not tasks:
        raise ValueError("tasks must hold at least one task, got none")
    losses, scores = [], []
    for index, task in enumerate(tasks):
        training = _begin_task(learner, task, training, jnp.int32(index))
        training, history = train(learner, task, training, epochs, batch_size, short=short)
        losses.append(np.asarray(history.loss))
        scores.append(jnp.asarray(np.stack([np.asarray(score(learner, other, training)) for other in tasks])))
        if watch is not None:
            watch(index, scores[-1])
    return training, SequenceHistory(jnp.asarray(np.stack(scores)), jnp.asarray(np.concatenate(losses)))


@eqx.filter_jit
def _begin_task(learner: Learner, task: Task, training: Training, index: Int[Array, ""]) -> Training:
    def one_seed(state: PyTree) -> PyTree:
        return learner.begin_task(state, task, index)

    return Training(jax.vmap(one_seed)(training.states), training.keys, training.epoch)


def average_score(score: Float[Array, "tasks tasks *seeds"]) -> Float[Array, "*seeds"]:
    """Mean over tasks of the score after the last one; ``score[i, j]`` = on task j after learning task i."""
    return jnp.mean(score[-1], axis=0)


def backward_transfer(score: Float[Array, "tasks tasks *seeds"]) -> Float[Array, "*seeds"]:
    """``mean_{j < T} (score[T, j] - score[j, j])``; negative = forgetting (Lopez-Paz & Ranzato 2017).

    Raises:
        ValueError: fewer than two tasks.
    """
    if score.shape[0] < 2:
        raise ValueError("backward transfer needs at least two tasks")
    learned = jnp.moveaxis(jnp.diagonal(score, axis1=0, axis2=1), -1, 0)
    return jnp.mean(score[-1, :-1] - learned[:-1], axis=0)
