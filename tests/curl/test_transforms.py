"""Sign-diverse plasticity: the published rule, its reduction at a solution, and composition with credit rules."""

from inspect import unwrap

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from symplast.curl import SignMask, flips, frobenius_norm, sign_diverse, sign_vector
from symplast.learning import (
    Backprop,
    FeedbackAlignment,
    FeedForwardNet,
    GradientLearner,
    begin,
    images,
    score,
    teacher_student,
    train,
)
from symplast.learning.protocol import reseed

KEY = jax.random.key(0)


def signs_for(make_network, *vectors):
    """A tree of signs for a network: one vector a weight matrix."""
    return SignMask(tuple(vectors)).tree(eqx.filter_eval_shape(make_network, KEY))


def test_updates_are_those_of_the_published_rule() -> None:
    def make(key):
        return FeedForwardNet((5, 4, 1), key=key, activation="linear", readout="mse")

    d1, d2 = sign_vector(5, 2), sign_vector(4, 1)
    learner = GradientLearner(make, Backprop(), optax.chain(sign_diverse(signs_for(make, d1, d2)), optax.sgd(0.1)))
    state = jax.jit(learner.init)(KEY)
    task = teacher_student((5, 4, 1), 30, jax.random.key(1))
    after, _ = eqx.filter_jit(learner.learn)(state, task.batch(jnp.arange(30)), KEY)
    (w1, w2), moved = (map(np.asarray, each.params.weights) for each in (state, after))
    x, y = np.asarray(task.inputs), np.asarray(task.targets)
    e = x @ w1.T @ w2.T - y
    dw2 = -0.1 * (e.T @ (x @ w1.T) / 30) * np.asarray(d2)
    dw1 = -0.1 * ((e @ w2).T @ x / 30) * np.asarray(d1)
    for now, before, change in zip(moved, (w1, w2), (dw1, dw2), strict=True):
        np.testing.assert_allclose(now - before, change, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("rule", [Backprop(), FeedbackAlignment()], ids=["backprop", "feedback alignment"])
def test_composes_with_any_credit_rule_and_keeps_norms(rule) -> None:
    digits = images("digits")

    def make(key):
        return FeedForwardNet((64, 64, 10), key=key, feedback_angle=90.0)

    flips = signs_for(make, sign_vector(64, 0), sign_vector(64, 3))
    learner = GradientLearner(make, rule, optax.chain(sign_diverse(flips), optax.sgd(0.1), frobenius_norm()))
    start = begin(learner, KEY, 2)
    norms = np.linalg.norm(start.states.params.weights[0], axis=(1, 2))
    trained, _ = train(learner, digits, start, 8, 32)
    np.testing.assert_allclose(np.linalg.norm(trained.states.params.weights[0], axis=(1, 2)), norms, rtol=1e-5)
    assert float(score(learner, digits, trained).min()) > 0.8


def test_patterns_can_be_vmapped() -> None:
    weights, gradient = jnp.ones((2, 3)), jnp.ones((2, 3))
    patterns = jnp.stack([sign_vector(3, k) for k in range(4)])

    def step(signs):
        rule = sign_diverse({"w": signs})
        return rule.update({"w": gradient}, rule.init({"w": weights}))[0]["w"]

    np.testing.assert_array_equal(jax.vmap(step)(patterns)[:, 0], patterns)


def test_postsynaptic_signs() -> None:
    rule = sign_diverse({"w": sign_vector(2, 1)}, axis="post")
    updates, _ = rule.update({"w": jnp.ones((2, 3))}, rule.init({"w": jnp.zeros((2, 3))}))
    np.testing.assert_array_equal(updates["w"], [[-1, -1, -1], [1, 1, 1]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sign_vector(4, 1.5), r"must be in \[0, 1\]"),
        (lambda: sign_vector(4, 5), r"must be in \[0, size=4\]"),
        (lambda: sign_diverse({"w": jnp.ones(4)}).init({"w": jnp.ones((2, 3))}), "must have that length"),
        (lambda: sign_diverse({"w": jnp.array([1.0, 0, 1])}).init({"w": jnp.ones((2, 3))}), r"must be \+1 or -1"),
        (
            lambda: frobenius_norm().update({"w": jnp.ones((2, 2))}, frobenius_norm().init({"w": jnp.ones((2, 2))})),
            "needs params",
        ),
        (lambda: flips(), "exactly one of fraction"),
        (lambda: flips(fraction=0.1, count=1), "exactly one of fraction"),
        (lambda: flips(fraction=1.5), r"fraction must be in \[0, 1\]"),
        (lambda: flips(count=-1), "count must be a whole number"),
        (lambda: unwrap(flips)(count=1, layers="last"), "layers must be one of all, hidden, readout"),
        (lambda: unwrap(flips)(count=1, which="some"), "which must be one of random, first"),
        (lambda: flips(count=9).init({"w": jnp.ones((4, 3))}), "count must be at most the 3 presynaptic neurons"),
        (lambda: flips(count=1).init({"b": jnp.ones(4)}), "params must hold weights"),
        (lambda: unwrap(sign_diverse)({}, axis="both"), "axis must be pre or post"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def drawn(layers="all", seeds=3, **settings):
    """Sign trees of three seeds, as a learner draws them."""

    @eqx.filter_jit
    def states():
        network = FeedForwardNet((6, 8, 5, 3), key=KEY, feedback_angle=90.0)
        state = flips(layers=layers, **settings).init(eqx.filter(network, eqx.is_inexact_array))
        return jax.vmap(lambda seed: reseed(state, jax.random.key(seed)))(jnp.arange(seeds))

    return jax.tree.map(np.asarray, states().signs)


@pytest.mark.parametrize("settings", [{"fraction": 0.25}, {"count": 2}, {"fraction": 0.25, "axis": "post"}])
def test_drawn_flips_have_the_asked_number_in_every_layer_and_seed(settings) -> None:
    signs = drawn(**settings)
    sizes = (8, 5, 3) if settings.get("axis") == "post" else (6, 8, 5)
    for vectors, units in zip(signs.weights, sizes, strict=True):
        flipped = settings.get("count", int(0.25 * units))
        assert vectors.shape == (3, units)
        np.testing.assert_array_equal((vectors == -1).sum(axis=1), flipped)
    assert jax.tree.leaves((signs.biases, signs.feedback)) == []


def test_a_learner_gives_each_seed_neurons_of_its_own() -> None:
    learner = GradientLearner(lambda key: FeedForwardNet((30, 2), key=key), Backprop(), flips(count=10))
    signs = begin(learner, KEY, 3).states.opt.signs.weights[0]
    np.testing.assert_array_equal((np.asarray(signs) == -1).sum(axis=1), 10)
    assert len({tuple(row) for row in signs.tolist()}) == 3


def test_seeds_draw_other_neurons_and_the_same_ones_again() -> None:
    signs = np.asarray(drawn(fraction=0.5).weights[1])
    assert len({tuple(row) for row in signs.tolist()}) > 1
    np.testing.assert_array_equal(signs, drawn(fraction=0.5).weights[1])
    first = np.asarray(drawn(fraction=0.5, which="first").weights[1])
    np.testing.assert_array_equal(first, np.broadcast_to(sign_vector(8, 4), (3, 8)))


def test_layers_are_chosen_by_name() -> None:
    assert [w is None for w in drawn(layers="hidden", count=1).weights] == [False, False, True]
    assert [w is None for w in drawn(layers="readout", count=1).weights] == [True, True, False]


def test_drawn_flips_change_the_updates_as_signs_do() -> None:
    weights = {"a": jnp.ones((4, 3)), "b": jnp.ones(4), "kernel": jnp.ones((5, 4, 3, 3))}
    rule = flips(count=1, which="first")
    updates, _ = rule.update(weights, rule.init(weights), weights)
    np.testing.assert_array_equal(updates["a"], np.tile([-1.0, 1.0, 1.0], (4, 1)))
    np.testing.assert_array_equal(updates["b"], 1)
    np.testing.assert_array_equal(updates["kernel"][2, :, 1, 1], [-1, 1, 1, 1])


def test_patterns_are_replaced_in_the_state_without_compiling_again() -> None:
    weights = {"w": jnp.ones((2, 3))}
    rule = flips(fraction=0.4)
    step = jax.jit(lambda state: rule.update(weights, state, weights)[0]["w"])
    state = rule.init(weights)
    for seed in range(4):
        again = state.reseed(jax.random.key(seed))
        assert int((step(again) < 0).sum()) == 2
    assert step._cache_size() == 1


def test_a_matrix_that_starts_at_zero_is_not_pinned_there() -> None:
    weights = {"w": jnp.zeros((2, 2)), "kernel": jnp.ones((2, 1, 1, 2))}
    rule = frobenius_norm()
    updates, _ = rule.update({"w": jnp.ones((2, 2)), "kernel": jnp.ones((2, 1, 1, 2))}, rule.init(weights), weights)
    np.testing.assert_array_equal(updates["w"], 1)
    np.testing.assert_allclose(updates["kernel"], 0, atol=1e-6)


def test_a_digit_net_with_drawn_flips_learns() -> None:
    def make(key):
        return FeedForwardNet((64, 64, 10), key=key)

    digits = images("digits")
    learner = GradientLearner(make, Backprop(), optax.chain(flips(fraction=0.1), optax.sgd(0.1), frobenius_norm()))
    trained, _ = train(learner, digits, begin(learner, KEY, 2), 8, 32)
    assert float(score(learner, digits, trained).min()) > 0.8
