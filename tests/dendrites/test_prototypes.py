"""Contexts by prototype, the rule that learns in one, the learner that recognises them, fresh optimisers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.dendrites import ActiveDendriteMLP, InContext, PrototypeContext, PrototypeLearner, restart_each_task
from symplast.lab.jax_setup import CompileClock
from symplast.learning import (
    Autodiff,
    GradientLearner,
    Task,
    TaskAware,
    begin,
    images,
    permuted,
    train_sequence,
)

KEY = jax.random.key(0)


def make_network(key) -> ActiveDendriteMLP:
    return ActiveDendriteMLP((64, 60, 60, 10), segments=3, kwta=0.2, key=key)


drawn = eqx.filter_jit(make_network)


def learner(transform=None, tasks: int = 3, **more) -> PrototypeLearner:
    return PrototypeLearner(make_network, InContext(tasks), transform or restart_each_task(optax.adam(5e-3)), **more)


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return permuted(images("digits"), 3, KEY)


@settings(deadline=None, max_examples=30)  # the first example compiles
@given(st.integers(0, 2**32 - 1), st.sets(st.integers(0, 4), min_size=1))
def test_nearest_by_brute_force(seed: int, met: set[int]) -> None:
    prototypes, inputs = np.random.default_rng(seed).normal(size=(2, 5, 6)).astype(np.float32)
    context = PrototypeContext.empty(5, 6)
    for index in sorted(met):
        context = context.add(index, jnp.asarray(prototypes[index]))
    known = sorted(met)
    distance = [[np.sum((x - prototypes[i]) ** 2) for i in known] for x in inputs]
    assert context.nearest(jnp.asarray(inputs)).tolist() == [known[i] for i in np.argmin(distance, axis=1)]
    np.testing.assert_array_equal(context.current, prototypes[known[-1]])


def test_before_the_first_task_every_gate_is_one_half() -> None:
    context = PrototypeContext.empty(3, 64)
    assert context.nearest(jnp.ones((2, 64))).tolist() == [0, 0]
    gates = eqx.filter_jit(lambda network, context: network.gates(context)[0])
    np.testing.assert_array_equal(gates(drawn(KEY), context.current), 0.5)


def test_the_prototype_of_a_task_is_its_mean_training_input(tasks) -> None:
    context = PrototypeContext.empty(3, 64).begin_task(tasks[1], jnp.int32(2))
    np.testing.assert_allclose(context.prototypes[2], tasks[1].inputs.mean(axis=0), rtol=1e-6)
    assert context.met.tolist() == [False, False, True]
    assert int(context.task) == 2


def test_the_rule_gives_the_gradient_in_the_current_context(tasks) -> None:
    network, rule = drawn(KEY), InContext(3)
    state = rule.init(network, KEY).begin_task(tasks[1], jnp.int32(1))
    batch = tasks[1].batch(jnp.arange(9))
    credit = eqx.filter_jit(rule)(network, batch, state, KEY)

    class Bound(eqx.Module):
        network: ActiveDendriteMLP
        context: jax.Array
        readout: str = eqx.field(static=True, default="softmax")

        def __call__(self, x):
            return self.network(x, jax.lax.stop_gradient(self.context))

    expected = eqx.filter_jit(Autodiff())(Bound(network, state.current), batch, None, KEY)
    assert float(credit.loss) == pytest.approx(float(expected.loss), rel=1e-6)
    ours, theirs = jax.tree.leaves(credit.direction), jax.tree.leaves(expected.direction.network)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)
    assert jax.tree.structure(credit.direction) == jax.tree.structure(eqx.filter(network, eqx.is_inexact_array))


def test_signals_are_what_each_weight_sees(tasks) -> None:
    network, rule = drawn(KEY), InContext(3)
    state = rule.init(network, KEY).begin_task(tasks[0], jnp.int32(0))
    pre = eqx.filter_jit(rule)(network, tasks[0].batch(jnp.arange(9)), state, KEY).signals["pre"]
    assert [w.shape for w in pre.weights] == [(9, 64), (9, 60), (9, 60)]
    np.testing.assert_array_equal(pre.weights[0], tasks[0].inputs[:9])
    np.testing.assert_array_equal((np.asarray(pre.weights[2]) != 0).sum(axis=1), 12)
    assert pre.layers[0].segments is None

    seen = {}

    def update(updates, state, params=None, *, pre=None, **_):
        if pre is not None:  # the update of zero before learning has no signals
            seen["pre"] = [a.shape for a in pre.weights]
        return updates, state

    listening = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    learns = learner(optax.chain(listening, optax.sgd(0.1)), signals=("pre",))
    state = learns.begin_task(jax.jit(learns.init)(KEY), tasks[0], jnp.int32(0))
    eqx.filter_jit(learns.learn)(state, tasks[0].batch(jnp.arange(8)), KEY)
    assert seen["pre"] == [(8, 64), (8, 60), (8, 60)]


def test_each_input_is_answered_in_the_context_of_its_nearest_prototype(tasks) -> None:
    learns = learner()
    state = jax.jit(learns.init)(KEY)
    for index in range(2):
        state = learns.begin_task(state, tasks[index], jnp.int32(index))
    inputs = jnp.asarray(np.concatenate([np.asarray(tasks[which].test_inputs)[:3] for which in (1, 0)]))
    network, nearest, prototypes = learns.network(state), state.rule.nearest(inputs), np.asarray(state.rule.prototypes)
    alone = eqx.filter_jit(lambda network, x, context: network(x, context))
    expected = [alone(network, x, prototypes[t]) for x, t in zip(np.asarray(inputs), nearest.tolist(), strict=True)]
    found = eqx.filter_jit(learns.predict)(state, inputs)
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-4, atol=1e-5)
    assert set(nearest.tolist()) == {0, 1}


def test_restarting_equals_a_fresh_optimiser() -> None:
    params = {"w": jnp.arange(3.0)}
    transform, adam = restart_each_task(optax.adam(0.1)), optax.adam(0.1)
    state = transform.init(params)
    assert isinstance(state, TaskAware)
    for step in range(3):
        _, state = transform.update({"w": jnp.full(3, 1.0 + step)}, state, params)
    state = state.begin_task(None, jnp.int32(1))
    fresh = adam.init(params)
    for gradient in (jnp.array([1.0, -2.0, 0.5]), jnp.array([0.1, 3.0, 0.5])):
        ours, state = transform.update({"w": gradient}, state, params)
        theirs, fresh = adam.update({"w": gradient}, fresh, params)
        np.testing.assert_array_equal(ours["w"], theirs["w"])


def test_extra_arguments_reach_the_restarted_transform() -> None:
    heard = []

    def update(updates, state, params=None, *, pre=None, **_):
        heard.append(pre)
        return updates, state

    inner = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    transform = restart_each_task(inner)
    transform.update({"w": jnp.ones(1)}, transform.init({"w": jnp.ones(1)}), None, pre="told")
    assert heard == ["told"]


def test_it_learns_task_after_task_in_one_compilation(tasks) -> None:
    learns, compiled = learner(), []
    with CompileClock() as clock:
        training, history = train_sequence(
            learns, tasks, begin(learns, KEY, 2), 4, 16, watch=lambda *_: compiled.append(clock.count)
        )
    assert compiled[0] == compiled[2] > 0  # nothing is compiled after the first task
    score = np.asarray(history.score)
    assert score.shape == (3, 3, 2)
    assert np.diagonal(score).min() > 0.8
    context = jax.tree.map(lambda leaf: leaf[0], training.states.rule)
    for index, task in enumerate(tasks):
        assert float(jnp.mean(context.nearest(task.test_inputs) == index)) > 0.99


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: InContext(0), "tasks must be at least 1, got 0"),
        (
            lambda: InContext(2).init(eqx.filter_jit(ActiveDendriteMLP)((5, 20, 2), key=KEY), KEY),
            "needs a network with segments; without them use the rule Autodiff",
        ),
        (lambda: PrototypeLearner(make_network, Autodiff(), optax.sgd(0.1)), "needs the rule InContext"),
        (lambda: learner(signals=("post",)), r"InContext offers \(pre\); got post"),
        (
            lambda: PrototypeContext.empty(2, 5).begin_task(images("digits", train=20, test=5), jnp.int32(0)),
            "inputs must have context_dim=5 entries each to give a prototype, got 64",
        ),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_more_tasks_than_room(tasks) -> None:
    learns = learner(tasks=2)
    with pytest.raises(RuntimeError, match="there is room for tasks=2 prototypes only"):
        learns.begin_task(jax.jit(learns.init)(KEY), tasks[2], jnp.int32(2))


def test_a_rule_without_context_is_told_what_to_do(tasks) -> None:
    learns = GradientLearner(make_network, Autodiff(), optax.sgd(0.1))
    with pytest.raises(ValueError, match="learn with the rule InContext and a PrototypeLearner"):
        learns.learn(jax.jit(learns.init)(KEY), tasks[0].batch(jnp.arange(4)), KEY)
