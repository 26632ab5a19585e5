"""Segments that move as one: the same learning as with Adam on every synapse, by one number a segment.

Both have a smaller eps here: the default holds back synapses whose context entry is close to zero.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from symplast.dendrites import (
    ActiveDendriteMLP,
    AdamPrototypeLearner,
    InContext,
    PrototypeLearner,
    recognised,
    restart_each_task,
)
from symplast.learning import Batch, Task, begin, images, permuted, train_sequence

KEY = jax.random.key(0)


def make_network(key) -> ActiveDendriteMLP:
    return ActiveDendriteMLP((64, 30, 30, 10), segments=2, kwta=0.2, key=key)


@jax.jit
def of_first_seed(states):
    return jax.tree.map(lambda leaf: leaf[0], states)


def few(task: Task) -> Task:
    return Task(task.inputs[:48], task.targets[:48], task.test_inputs[:40], task.test_targets[:40])


def learned(learner):
    tasks = permuted(few(images("digits")), 2, KEY)
    return learner, tasks, *train_sequence(learner, tasks, begin(learner, KEY, 1), 2, 16)


@pytest.fixture(scope="module")
def both():
    with jax.enable_x64(True):
        one = learned(AdamPrototypeLearner(make_network, 2, 5e-3, eps=1e-14))
        other = learned(PrototypeLearner(make_network, InContext(2), restart_each_task(optax.adam(5e-3, eps=1e-14))))
        yield one, other


def test_it_is_adam_on_every_synapse(both) -> None:
    (ours, _, training, history), (plain, _, every, expected) = both
    state, states = (of_first_seed(t.states) for t in (training, every))
    before = plain.network(of_first_seed(begin(plain, KEY, 1).states))
    found, wanted = ours.network(state), plain.network(states)
    for mine, theirs, start in zip(*(jax.tree.leaves(n) for n in (found, wanted, before)), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-5)
        assert mine.dtype == bool or np.abs(np.asarray(mine) - np.asarray(start)).max() > 5e-3
    np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-3)
    np.testing.assert_array_equal(history.score, expected.score)


def test_answers_are_those_of_the_whole_network_in_the_nearest_context(both) -> None:
    (ours, tasks, training, _), _ = both
    state = of_first_seed(training.states)
    assert recognised(training, tasks) == 1
    network, inputs = ours.network(state), tasks[0].test_inputs
    of_whole = eqx.filter_jit(lambda network, context: jax.vmap(lambda x: network(x, context))(inputs))
    expected = of_whole(network, np.asarray(state.rule.prototypes)[0])
    np.testing.assert_allclose(eqx.filter_jit(ours.predict)(state, inputs), expected, atol=1e-9)


def test_before_the_first_task_there_is_no_context_and_segments_stay() -> None:
    learner = AdamPrototypeLearner(make_network, 2)
    state = jax.jit(learner.init)(KEY)
    after, _ = eqx.filter_jit(learner.learn)(state, Batch(jnp.ones((4, 64)), jnp.zeros(4, int)), KEY)
    for u, start in zip(learner.segments(after), state.segments, strict=True):
        np.testing.assert_array_equal(u, start)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AdamPrototypeLearner(make_network, 0), "tasks must be at least 1, got 0"),
        (
            lambda: AdamPrototypeLearner(lambda key: ActiveDendriteMLP((4, 3, 2), kwta=None, key=key), 2, 1e-3),
            "with segments",
        ),
        (lambda: AdamPrototypeLearner(make_network, 2, 0.0), "rate must be positive"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
