"""Sequences of tasks: forgetting is seen, tasks are announced, one program serves all."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
import pytest

from symplast.lab.jax_setup import CompileClock
from symplast.learning import (
    Backprop,
    FeedForwardNet,
    GradientLearner,
    average_score,
    backward_transfer,
    begin,
    images,
    permuted,
    train_sequence,
)

KEY = jax.random.key(0)


class Counter(NamedTuple):
    """A node that counts the tasks it was told of and keeps the last index."""

    told: jax.Array
    index: jax.Array

    def begin_task(self, task, index):
        return Counter(self.told + 1, index)


def counting() -> optax.GradientTransformation:
    zero = jnp.zeros((), jnp.int32)
    return optax.GradientTransformation(lambda params: Counter(zero, zero - 1), lambda u, s, p=None: (u, s))


def test_learning_other_tasks_makes_a_network_forget() -> None:
    tasks = permuted(images("digits", train=600, test=300), 3, KEY)
    learner = GradientLearner(
        lambda key: FeedForwardNet((64, 32, 10), key=key), Backprop(), optax.chain(counting(), optax.adam(1e-2))
    )
    train_sequence(learner, tasks, begin(learner, KEY, 2), 1, 20)
    with CompileClock() as clock:
        training, history = train_sequence(learner, tasks, begin(learner, KEY, 2), 4, 20)
    assert clock.count <= 3  # small reshapes of the results, not the epoch, the test or the announcement
    assert history.score.shape == (3, 3, 2)
    assert history.loss.shape == (3 * 4 * 30, 2)
    learned = history.score[jnp.arange(3), jnp.arange(3)]
    assert float(learned.min()) > 0.8
    assert float(history.score[0, 1:].max()) < 0.4  # not yet learned
    assert float(backward_transfer(history.score).max()) < -0.1
    assert jnp.allclose(average_score(history.score), history.score[-1].mean(axis=0))
    node = training.states.opt[0]
    assert node.told.tolist() == [3, 3]
    assert node.index.tolist() == [2, 2]


def test_no_task() -> None:
    learner = GradientLearner(lambda key: FeedForwardNet((4, 2), key=key), Backprop(), optax.sgd(0.1))
    with pytest.raises(ValueError, match="at least one task"):
        train_sequence(learner, [], begin(learner, KEY, 1), 1, 2)
