"""Lanes: paired starts, when they are looked at, and how many programs they need."""

import jax
import numpy as np
import optax
import pytest

from symplast.equilibrium.lanes import Lane, begin_lanes, layered_learner, train_lanes
from symplast.equilibrium.rules import EquilibriumPropagation
from symplast.lab.jax_setup import CompileClock
from symplast.learning.recurrent import Relaxation
from symplast.learning.tasks import Task

KEY = jax.random.key(0)
LANES = [Lane(0.0), Lane(60.0, 1.0, 0.5), Lane(90.0)]


@pytest.fixture(scope="module")
def task() -> Task:
    rng = np.random.default_rng(0)
    images = [rng.random((40, 6), np.float32) for _ in range(2)]
    return Task(images[0], rng.integers(0, 3, 40), images[1], rng.integers(0, 3, 40))


@pytest.fixture(scope="module")
def learner():
    return layered_learner((6, 5, 5, 3), EquilibriumPropagation(), optax.adam(1e-2), relaxation=Relaxation(20))


def test_lanes_share_forward_weights_and_differ_in_angle_and_strength(learner) -> None:
    training = begin_lanes(learner, LANES, KEY, 2)
    w = np.asarray(training.states.params.weights[1]).reshape(3, 2, 5, 5)
    np.testing.assert_array_equal(w[0], w[1])
    assert not np.array_equal(w[0, 0], w[0, 1])
    b = np.asarray(training.states.params.feedback[0]).reshape(3, 2, 5, 5)
    np.testing.assert_allclose(b[0], w[0].swapaxes(-1, -2), atol=1e-6)
    np.testing.assert_allclose(b[1], np.sin(np.pi / 3) * b[2] + np.cos(np.pi / 3) * b[0], atol=1e-6)
    assert np.asarray(training.states.rule.norm).tolist() == [0, 0, 1, 1, 0, 0]
    assert np.asarray(training.states.rule.trace).tolist() == [0, 0, 0.5, 0.5, 0, 0]


def test_networks_are_looked_at_when_asked(learner, task) -> None:
    every = train_lanes(learner, task, LANES, KEY, seeds=2, epochs=2, batch_size=10, tested=(0, 1, 2), watched=(0, 2))
    assert every.tested.accuracy.shape == (3, 3, 2)
    assert every.watched.cosine.shape == (2, 3, 2, 3)
    assert every.train_unsettled.shape == (3, 2)
    np.testing.assert_allclose(every.watched.symmetry[0, 0], 1, atol=1e-5)
    np.testing.assert_allclose(every.watched.angle[0, 2].mean(), 90, atol=20)
    with CompileClock() as clock:
        last = train_lanes(learner, task, LANES, KEY, seeds=2, epochs=2, batch_size=10, watched=())
    assert clock.count < 5, "another run of the same lanes compiles"
    np.testing.assert_array_equal(last.tested.accuracy[0], every.tested.accuracy[2])
    assert last.watched.cosine.shape[0] == 0
