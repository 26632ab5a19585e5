"""Credit rules: against autodiff where they are exact, through jit, vmap and scan, on every kind of network."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from symplast.equilibrium import EquilibriumPropagation, RecurrentBackprop, force_network, homeostatic_loss, mirrored
from symplast.lab.jax_setup import CompileClock
from symplast.learning import Autodiff, Batch, FeedForwardNet, GradientLearner, begin, cosines, images, score, train
from symplast.learning.convolutional import ConvNet
from symplast.learning.recurrent import LayeredNet, Relaxation

KEY, LONG = jax.random.key(0), Relaxation(120)
EDGES = [(0, 1), (1, 2), (2, 3), (0, 3), (3, 1), (2, 1), (2, 2)]


def force(params, r, x):
    return {"a": params["in"] @ x + params["back"] @ r["b"], "b": params["up"] @ r["a"]}


def own_network(key=KEY):
    keys = jax.random.split(key, 3)
    params = {
        "in": jax.random.normal(keys[0], (6, 5)),
        "up": 0.4 * jax.random.normal(keys[1], (3, 6)),
        "back": 0.4 * jax.random.normal(keys[2], (6, 3)),
    }
    return force_network(force, params, {"a": (6,), "b": (3,)}, output=lambda p, r: 3 * r["b"], relaxation=LONG)


NETWORKS = {
    "chain": lambda: LayeredNet((5, 7, 6, 3), key=KEY, angle_deg=90, relaxation=LONG),
    "symmetric": lambda: LayeredNet((5, 7, 6, 3), key=KEY, angle_deg=0, relaxation=LONG),
    "edges": lambda: LayeredNet((5, 7, 6, 3), key=KEY, topology=EDGES, relaxation=LONG),
    "mse": lambda: LayeredNet((5, 7, 3), key=KEY, angle_deg=90, readout="mse", relaxation=LONG),
    "convolutional": lambda: ConvNet((8, 8, 1), (2,), 4, 3, key=KEY, angle_deg=90, relaxation=LONG),
    "own": own_network,
}
RBP, EP = RecurrentBackprop(steps=120), EquilibriumPropagation(nudged_steps=120)
EXACT = [RBP, EquilibriumPropagation(asym_ep=True, nudged_steps=120)]


@functools.cache
def network(name: str):
    return eqx.filter_jit(NETWORKS[name])()


def batch(name: str) -> Batch:
    x = jax.random.uniform(jax.random.key(1), (6, 64 if name == "convolutional" else 5))
    return Batch(x, jax.random.uniform(KEY, (6, 3)) if name == "mse" else jnp.asarray(np.arange(6) % 3))


cosine_of = jax.jit(cosines)


@eqx.filter_jit
def credit(rule, net, examples):
    return rule(net, examples, rule.init(net, KEY), KEY)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "symmetric"])
def test_exact_rules_are_autodiff_through_the_relaxation(name: str) -> None:
    net, examples = network(name), batch(name)
    exact = credit(Autodiff(), net, examples)
    for rule in EXACT[: 2 if name == "own" else 1]:
        ours = credit(rule, net, examples)
        np.testing.assert_allclose(ours.loss, exact.loss, rtol=1e-5)
        assert jax.tree.structure(ours.direction) == jax.tree.structure(exact.direction)
        for a, b in zip(jax.tree.leaves(ours.direction), jax.tree.leaves(exact.direction), strict=True):
            np.testing.assert_allclose(a, b, atol=2e-6)
        assert float(ours.state.free_unsettled) == 0


def test_implicit_is_iterated() -> None:
    net, examples = network("edges"), batch("edges")
    a, b = (credit(rule, net, examples).direction for rule in (RecurrentBackprop(method="implicit"), RBP))
    for p, q in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(p, q, atol=2e-6)


def test_ep_is_exact_where_weights_are_symmetric() -> None:
    exact, ours = (credit(rule, network("symmetric"), batch("chain")).direction for rule in (RBP, EP))
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    apart = cosine_of(
        credit(EP, network("chain"), batch("chain")).direction,
        credit(RBP, network("chain"), batch("chain")).direction,
    )
    assert float(apart.weights[0]) < 0.99
    assert float(apart.weights[-1]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "rule",
    [
        EquilibriumPropagation(method="nudge", beta=0.05, n_points=1, nudged_steps=60),
        EquilibriumPropagation(method="nudge", beta=0.1, n_points=2, nudged_steps=60),
        EquilibriumPropagation(method="nudge", beta=0.1, n_points=4, nudged_steps=60),
        EquilibriumPropagation(method="online", beta=0.1, n_points=4, nudged_steps=60, free_steps=720),
    ],
    ids=["N=1", "N=2", "N=4", "online"],
)
def test_finite_nudges_are_close_to_the_derivative(rule) -> None:
    net = network("chain")
    true = credit(EP, net, batch("chain")).direction
    together = cosine_of(credit(rule, net, batch("chain")).direction, true)
    assert min(map(float, jax.tree.leaves(together))) > 0.99


def test_homeostasis_is_added_to_the_direction() -> None:
    net, examples = network("chain"), batch("chain")
    plain = credit(EP, net, examples).direction
    names = {"both": ("norm", "trace"), "norm": ("norm",), "trace": ("trace",)}

    @eqx.filter_jit
    def penalties(net):
        loss = lambda n, terms: homeostatic_loss(n, examples.inputs, None, exact=True, terms=terms)  # noqa: E731
        return [eqx.filter_grad(loss)(net, terms) for terms in names.values()]

    rule = EquilibriumPropagation(homeostasis=0.5, nudged_steps=120)
    compiled = eqx.filter_jit(rule)
    for name, penalty in zip(names, penalties(net), strict=True):
        state = EquilibriumPropagation(homeostasis=0.5, homeostasis_terms=name).init(net, KEY)  # all that differs
        ours = compiled(net, examples, state, KEY).direction
        for a, b, c in zip(*map(jax.tree.leaves, (ours, plain, penalty)), strict=True):
            np.testing.assert_allclose(a, np.asarray(b) + 0.5 * np.asarray(c), atol=1e-6)


def test_estimated_homeostasis_points_the_same_way() -> None:
    net, examples = network("chain"), batch("chain")
    with_draws = credit(
        EquilibriumPropagation(homeostasis=5.0, homeostasis_draws=400, nudged_steps=120), net, examples
    ).direction
    drawn = jax.tree.map(np.subtract, with_draws, credit(EP, net, examples).direction)
    loss = eqx.filter_grad(lambda n: homeostatic_loss(n, examples.inputs, None, exact=True))
    exact = eqx.filter_jit(loss)(net)
    for a, b in zip(drawn.feedback, exact.feedback, strict=True):
        assert np.sum(a * np.asarray(b)) / np.linalg.norm(a) / np.linalg.norm(b) > 0.9


def test_signals_rebuild_the_direction() -> None:
    net = network("edges")
    found = credit(EquilibriumPropagation(), net, batch("edges"))
    for places in ("weights", "feedback"):
        sides = [getattr(found.signals[side], places) for side in ("pre", "post")]
        for g, pre, post in zip(getattr(found.direction, places), *sides, strict=True):
            np.testing.assert_allclose(np.asarray(post).T @ np.asarray(pre) / 6, g, atol=1e-6)


def test_unsettled_states_are_counted() -> None:
    hurried = eqx.filter_jit(lambda: LayeredNet((5, 7, 6, 3), key=KEY, angle_deg=90, relaxation=Relaxation(3)))()
    rule = EquilibriumPropagation(nudged_steps=2)
    state = rule.init(hurried, KEY)
    compiled = eqx.filter_jit(rule)
    for _ in range(2):
        state = compiled(hurried, batch("chain"), state, KEY).state
    assert (float(state.free_unsettled), float(state.error_unsettled), int(state.batches)) == (2.0, 2.0, 2)


def test_random_feedback_keeps_its_weights() -> None:
    net, rule = network("chain"), RecurrentBackprop(method="random-feedback")
    first = eqx.filter_jit(rule.init)
    state = first(net, KEY)
    after = eqx.filter_jit(rule)(net, batch("chain"), state, KEY).state
    for a, b in zip(jax.tree.leaves(state.carrier), jax.tree.leaves(after.carrier), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.allclose(state.carrier.weights[1], first(net, jax.random.key(5)).carrier.weights[1])


def test_mirrored_changes_with_decay_make_weights_equal() -> None:
    net = network("chain")
    transform = optax.chain(mirrored(), optax.add_decayed_weights(0.1), optax.sgd(0.2))
    params, update = eqx.filter(net, eqx.is_inexact_array), jax.jit(transform.update)
    opt, before = transform.init(params), float(net.weight_angle())
    weights, feedback = (list(map(np.asarray, each)) for each in (params.weights, params.feedback))
    direction = credit(EP, net, batch("chain")).direction
    for _ in range(3):
        changes, opt = update(direction, opt, params)
        for i, j in net.pairs:
            apart = np.asarray(changes.weights[i]) - np.asarray(changes.feedback[j]).T
            np.testing.assert_allclose(apart + 0.02 * (weights[i] - feedback[j].T), 0, atol=1e-6)
    assert before > 60
    with pytest.raises(ValueError, match="mirrored needs a LayeredNet"):
        mirrored().init({"w": jnp.ones(3)})


@pytest.fixture(scope="module")
def digits():
    return images("digits", train=800, test=300)


def test_trains_in_one_compiled_scan(digits) -> None:
    learner = GradientLearner(
        lambda key: LayeredNet((64, 24, 10), key=key, angle_deg=90, relaxation=Relaxation(25)),
        EquilibriumPropagation(homeostasis=0.1, nudged_steps=12),
        optax.adam(5e-3),
        signals=("pre", "post"),
    )
    training, _ = train(learner, digits, begin(learner, KEY, 2), 1, 40)
    with CompileClock() as clock:
        training, history = train(learner, digits, training, 5, 40)
    assert clock.count <= 4  # joining the losses, not the epoch
    assert float(score(learner, digits, training).min()) > 0.7
    assert history.loss.shape == (100, 2)
    assert training.states.rule.batches.tolist() == [120, 120]
    assert bool((training.states.rule.free_unsettled < 40).all())
    assert training.states.rule.norm.tolist() == pytest.approx([0.1, 0.1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: EquilibriumPropagation(method="holo"), "method must be one of true, nudge, online"),
        (lambda: EquilibriumPropagation(homeostasis=-1.0), "homeostasis must be at least 0"),
        (lambda: EquilibriumPropagation(homeostasis_terms="half"), "homeostasis_terms must be one of"),
        (lambda: EquilibriumPropagation(homeostasis_draws=0), "homeostasis_draws must be at least 1"),
        (lambda: EquilibriumPropagation(method="online", asym_ep=True), "asym_ep must be off"),
        (lambda: EquilibriumPropagation(method="online", n_points=1), "n_points must be at least 2"),
        (lambda: RecurrentBackprop(method="exact"), "method must be one of"),
        (
            lambda: learner(EquilibriumPropagation(method="nudge", beta=0.0)),
            "beta must be a finite number",
        ),
        (
            lambda: learner(EquilibriumPropagation(method="nudge", n_points=0)),
            "n_points must be a whole number of at least 1",
        ),
        (
            lambda: learner(EquilibriumPropagation(method="online", nudged_steps=7)),
            "free_steps must be a multiple",
        ),
        (lambda: learner(EquilibriumPropagation(nudged_steps=0)), "steps must be at least 1"),
        (
            lambda: learner(EquilibriumPropagation(method="nudge", n_points=4), activation="relu"),
            "n_points must be 1 or 2 here",
        ),
    ],
)
def test_wrong_settings(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def learner(rule, **settings):
    made = GradientLearner(lambda key: LayeredNet((5, 7, 3), key=key, **settings), rule, optax.sgd(0.1))
    return eqx.filter_eval_shape(made.init, KEY)


def test_a_feed_forward_network_does_not_settle() -> None:
    with pytest.raises(ValueError, match="EquilibriumPropagation needs a network with force, field, settle"):
        GradientLearner(lambda key: FeedForwardNet((5, 7, 3), key=key), EquilibriumPropagation(), optax.sgd(0.1))
