"""The projection as an optax transform: in a learner, by hand, and where it can't work."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from symplast.hlop import permuted_tasks, project, wrap
from symplast.hlop.projection import patches
from symplast.hlop.transform import ProjectionState
from symplast.learning import Backprop, FeedForwardNet, GradientLearner, begin, images, train_sequence
from symplast.learning.parts import chain
from symplast.learning.protocol import Reseedable, TaskAware

KEY = jax.random.key(0)


def learner(signals=("pre",), **settings):
    rule = wrap(optax.sgd(0.1), **{"first": 0.4, "new": 0.2, "tasks": 2, "lr": 0.02, "exact": True, **settings})
    return GradientLearner(lambda key: FeedForwardNet((64, 12, 10), key=key), Backprop(), rule, signals)


@pytest.fixture(scope="module")
def tasks():
    return list(permuted_tasks(images("digits", train=200, test=40), 2, KEY))


def test_later_tasks_leave_the_subspace_alone(tasks):
    one, training = learner(), begin(learner(), KEY, 2)
    training, _ = train_sequence(one, tasks[:1], training, 1, 20)
    before = jax.tree.map(jnp.array, training.states.params)
    training, history = train_sequence(one, tasks, training, 1, 20)  # its first task has number 0 again, then 1
    state = training.states.opt[0]
    assert isinstance(state, ProjectionState)
    assert state.task.tolist() == [1, 1]
    old = state.circuits[0].old
    assert old.shape == (2, 25, 64)
    gram = np.einsum("skn,sln->skl", old, old)
    assert gram == pytest.approx(np.broadcast_to(np.eye(25), gram.shape), abs=1e-4)
    assert history.score.shape == (2, 2, 2)
    assert not np.array_equal(before.weights[0], training.states.params.weights[0])


def compiled(rule):
    """The transform with one program for all its updates: step by step each of its loops would be compiled again."""
    return rule._replace(update=jax.jit(rule.update))


def test_projection_freezing_and_rows_by_hand():
    params = {"b": jnp.zeros(3), "w": jnp.zeros((3, 4))}
    rule = compiled(project(first=[2], new=[1], tasks=3))
    state, pre = rule.init(params), {"b": None, "w": jnp.ones((5, 4))}
    changes = {"b": jnp.ones(3), "w": jnp.ones((3, 4))}
    same, state = rule.update(changes, state, pre=pre)
    assert (same["w"] == 1).all()
    begun = state.begin_task(None, jnp.int32(1))
    fixed, _ = rule.update(changes, begun, pre=pre)
    assert not fixed["b"].any()
    assert np.asarray(begun.circuits[1].old[:2]) == pytest.approx(np.asarray(state.circuits[1].new))
    rows = np.asarray(begun.circuits[1].old)
    assert np.asarray(fixed["w"]) == pytest.approx(1 - np.ones((3, 4)) @ rows.T @ rows, abs=1e-5)
    third = rule.update(changes, begun, pre=pre)[1].begin_task(None, jnp.int32(2))
    assert np.abs(np.asarray(third.circuits[1].old)).sum(axis=1).astype(bool).tolist() == [True] * 3
    free = compiled(project(first=[2], new=[1], tasks=2, freeze=False))
    left, _ = free.update(changes, free.update(changes, free.init(params), pre=pre)[1].begin_task(None, jnp.int32(1)))
    assert (left["b"] == 1).all()


def test_seeds_draw_rows_of_their_own_and_the_state_is_known_to_learners():
    state = project(first=[2], new=[1], tasks=2).init({"w": jnp.zeros((3, 6))})
    assert isinstance(state, Reseedable)
    assert isinstance(state, TaskAware)
    other = state.reseed(jax.random.key(7))
    assert float(jnp.abs(other.circuits[0].new - state.circuits[0].new).max()) > 0.1
    assert (state.begin_task(None, jnp.int32(0)).circuits[0].new == state.circuits[0].new).all()


def test_weights_without_a_signal_protect_nothing():
    params = {"a": jnp.zeros((2, 3)), "w": jnp.zeros((3, 4))}
    rule = compiled(project(first=0.5, new=0.25, tasks=2))
    state = rule.update(params, rule.init(params), pre={"a": None, "w": jnp.ones((5, 4))})[1]
    begun = state.begin_task(None, jnp.int32(1))
    assert not begun.circuits[0].old.any()
    assert begun.circuits[1].old.any()
    hidden = project(first=[1], new=[1], tasks=2, layers="hidden").init(params)
    assert [circuit is None for circuit in hidden.circuits] == [False, True]


def test_a_chain_in_words_takes_it_before_the_optimiser():
    change, _ = chain("norm+symplast.hlop.project:first=0.5,tasks=2,new=0.2", "sgd:learning_rate=1")
    state = change.init({"w": jnp.eye(4)})
    assert isinstance(state[0], ProjectionState)
    assert state[0].first == (2,)


def test_wrong_use_is_told():
    params = {"w": jnp.zeros((3, 4))}
    state = project(first=[2], new=[1], tasks=2).init
    for wrong, message in [
        (lambda: project(first=1.5), "first must be a share"),
        (lambda: project(tasks=0), "tasks"),
        (lambda: project(layers="last"), "layers"),
        (lambda: project(lr=-1.0), "lr"),
        (lambda: project(first=[2, 2], new=[1]).init(params), "1 matrices"),
        (lambda: project(first=[3], new=[1], tasks=3).init(params), "4 features"),
        (lambda: state({"b": jnp.zeros(3)}), "weight matrices"),
        (lambda: project(first=[2], new=[1], tasks=2).update(params, state(params), pre={"w": None}), "pre must hold"),
        (
            lambda: project(tasks=2).update(params, project(tasks=2).init(params), pre={"w": jnp.ones((5, 3))}),
            "so many",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            wrong()


def test_circuits_without_activity_or_room_are_told():
    room = compiled(project(first=[1], new=[1], tasks=2))
    weights = {"w": jnp.zeros((2, 4))}
    blind = room.update(weights, room.init(weights))[1]
    with pytest.raises(RuntimeError, match="saw no activity"):
        blind.begin_task(None, jnp.int32(1))
    begun = room.update(weights, room.init(weights), pre={"w": jnp.ones((3, 4))})[1].begin_task(None, jnp.int32(1))
    seen = eqx.tree_at(lambda s: s.batches, begun, jnp.ones(1, jnp.int32))
    with pytest.raises(RuntimeError, match="room for tasks=2"):
        seen.begin_task(None, jnp.int32(2))


@pytest.mark.parametrize("activity", [100 * np.eye(4), np.full((3, 4), np.nan)])
def test_rows_that_diverge_are_told(activity):
    rule = compiled(project(first=[2], new=[1], tasks=2, lr=5.0))
    weights = {"w": jnp.zeros((2, 4))}
    state = rule.init(weights)
    for _ in range(5):
        state = rule.update(weights, state, pre={"w": jnp.asarray(activity)})[1]
    with pytest.raises(RuntimeError, match="rows have diverged"):
        state.begin_task(None, jnp.int32(1))


def test_a_share_leaves_no_matrix_without_rows():
    state = project(first=0.1, new=0.05, tasks=3).init({"w": jnp.zeros((3, 4)), "wide": jnp.zeros((3, 40))})
    assert (state.first, state.new) == ((1, 4), (1, 2))


def test_kernels_are_projected_as_matrices_of_patches():
    rule = compiled(project(first=[2, 1], new=[1, 1], tasks=2))
    params = {"conv": jnp.zeros((4, 1, 2, 3)), "out": jnp.zeros((3, 8))}
    state = rule.init(params)
    x = jax.random.normal(KEY, (5, 1, 6, 6))
    pre = {"conv": patches(x, (2, 3)), "out": jnp.ones((5, 8))}
    for _ in range(3):
        _, state = rule.update(params, state, pre=pre)
    state = state.begin_task(None, jnp.int32(1))
    changes, _ = rule.update(jax.tree.map(jnp.ones_like, params), state)
    rows = state.circuits[0].old
    assert changes["conv"].shape == (4, 1, 2, 3)
    np.testing.assert_allclose(
        changes["conv"].reshape(4, 6), jnp.ones((4, 6)) - (jnp.ones((4, 6)) @ rows.T) @ rows, atol=1e-5
    )
    assert float(jnp.abs(changes["conv"] - 1).max()) > 0.01
