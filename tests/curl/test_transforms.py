"""Sign-diverse plasticity: the published rule, its reduction at a solution, and composition with credit rules."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from symplast.curl import (
    curl_fraction,
    frobenius_norm,
    learning_jacobian,
    sign_diverse,
    sign_vector,
    solution_operator,
    stability,
)
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

KEY = jax.random.key(0)


def signs_for(make_network, *vectors):
    """A tree of signs for a network: one vector (or None) a weight matrix."""
    network = eqx.filter_eval_shape(make_network, KEY)
    nothing = jax.tree.map(lambda _: None, network)
    return eqx.tree_at(lambda n: n.weights, nothing, vectors, is_leaf=lambda leaf: leaf is None)


def test_updates_are_those_of_the_published_rule() -> None:
    def make(key):
        return FeedForwardNet((5, 4, 1), key=key, activation="linear", readout="mse")

    d1, d2 = sign_vector(5, 2), sign_vector(4, 1)
    learner = GradientLearner(make, Backprop(), optax.chain(sign_diverse(signs_for(make, d1, d2)), optax.sgd(0.1)))
    state = learner.init(KEY)
    task = teacher_student((5, 4, 1), 30, jax.random.key(1))
    after, _ = learner.learn(state, task.batch(jnp.arange(30)), KEY)
    w1, w2 = state.params.weights
    x, y = task.inputs, task.targets
    e = x @ w1.T @ w2.T - y
    dw2 = -0.1 * (e.T @ (x @ w1.T) / 30) * d2
    dw1 = -0.1 * ((e @ w2).T @ x / 30) * d1
    np.testing.assert_allclose(after.params.weights[0] - w1, dw1, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(after.params.weights[1] - w2, dw2, rtol=1e-4, atol=1e-7)


def test_eigenvalues_of_the_jacobian_at_a_solution_are_those_of_k() -> None:
    """Claim C1: 35 weights, 29 zeros, the other 6 are eig K; for a random full-rank covariance."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        w1, w2 = jnp.asarray(rng.normal(size=(5, 6))), jnp.asarray(rng.normal(size=(1, 5)))
        root = rng.normal(size=(6, 6))
        covariance = jnp.asarray(root @ root.T)
        target = w2 @ w1
        d1, d2 = sign_vector(6, 2).astype(float), sign_vector(5, 1).astype(float)

        def loss(params):
            error = params["w2"] @ params["w1"] - target
            return 0.5 * jnp.sum(error @ covariance * error)

        params = {"w1": w1, "w2": w2}
        full = np.linalg.eigvals(learning_jacobian(loss, params, {"w1": d1, "w2": d2}))
        ours = np.linalg.eigvalsh(solution_operator(w1, w2, d1, d2, covariance))
        assert np.abs(full.imag).max() < 1e-6
        by_size = full.real[np.argsort(np.abs(full))]
        assert np.abs(by_size[:29]).max() < 1e-6
        np.testing.assert_allclose(np.sort(by_size[29:]), ours, rtol=1e-9)


def test_scalar_net() -> None:
    for w, eigenvalue in (((0.5, 2.0), -3.75), ((2.0, 0.5), 3.75)):
        k = solution_operator(jnp.array([[w[0]]]), jnp.array([[w[1]]]), jnp.ones(1), -jnp.ones(1))
        assert float(k[0, 0]) == pytest.approx(eigenvalue)
        assert stability(k).verdict == ("stable" if eigenvalue < 0 else "unstable")


def test_a_covariance_changes_rates_not_the_verdict() -> None:
    rng = np.random.default_rng(3)
    for seed in range(10):
        w1, w2 = jnp.asarray(rng.normal(size=(8, 6))), jnp.asarray(rng.normal(size=(1, 8)))
        root = rng.normal(size=(6, 6))
        d1, d2 = sign_vector(6, seed % 3), sign_vector(8, seed % 4)
        plain = stability(solution_operator(w1, w2, d1, d2))
        coloured = stability(solution_operator(w1, w2, d1, d2, jnp.asarray(root @ root.T)))
        assert plain.verdict == coloured.verdict


def test_conserved_quantities_of_the_flow() -> None:
    """(W1 D1 W1^T)_ij - s (W2^T W2)_ij stays, up to the Euler step, for hidden units of equal sign."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(2)
        w1, w2, target = rng.normal(size=(3, 4)), rng.normal(size=(1, 3)), rng.normal(size=(1, 4))
        d1, d2 = np.array([-1.0, 1, 1, 1]), np.array([1.0, 1, -1])

        def drift(eta: float) -> float:
            a, b = w1.copy(), w2.copy()
            start = (a * d1) @ a.T - d2[:, None] * (b.T @ b)
            for _ in range(round(0.2 / eta)):
                error = b @ a - target
                a, b = a - eta * (b.T @ error) * d1, b - eta * (error @ a.T) * d2
            change = (a * d1) @ a.T - d2[:, None] * (b.T @ b) - start
            return max(abs(change[0, 0]), abs(change[2, 2]), abs(change[0, 1]))

        assert drift(1e-4) < 1e-2
        assert drift(1e-4) / drift(1e-3) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("rule", [Backprop(), FeedbackAlignment()], ids=["backprop", "feedback alignment"])
def test_composes_with_any_credit_rule_and_keeps_norms(rule) -> None:
    digits = images("digits")

    def make(key):
        return FeedForwardNet((64, 64, 10), key=key, feedback_angle=90.0)

    flips = signs_for(make, None, sign_vector(64, 3))
    learner = GradientLearner(make, rule, optax.chain(sign_diverse(flips), optax.sgd(0.1), frobenius_norm()))
    start = begin(learner, KEY, 2)
    norms = jnp.linalg.norm(start.states.params.weights[0], axis=(1, 2))
    trained, _ = train(learner, digits, start, 8, 32)
    np.testing.assert_allclose(jnp.linalg.norm(trained.states.params.weights[0], axis=(1, 2)), norms, rtol=1e-5)
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


def test_curl_fraction_is_zero_for_a_gradient_only() -> None:
    gradient = jax.grad(lambda w: -jnp.sum(w**2) * w[0])
    at = jnp.array([0.3, -0.7, 1.1])
    assert float(curl_fraction(gradient, at)) < 1e-6
    flipped = jnp.array([-1.0, 1.0, 1.0])
    assert float(curl_fraction(lambda w: flipped * gradient(w), at)) > 0.1


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
        (lambda: solution_operator(jnp.ones((3, 2)), jnp.ones((2, 3)), jnp.ones(2), jnp.ones(3)), "one output, got 2"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
