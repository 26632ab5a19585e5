"""Credit rules: against autodiff where theory says they agree, by their definition where they don't."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.learning import (
    Autodiff,
    Backprop,
    Batch,
    DirectFeedback,
    FeedbackAlignment,
    FeedForwardNet,
    KolenPollack,
    SignSymmetric,
    cosines,
)

KEY = jax.random.key(3)
RULES = [Backprop(), FeedbackAlignment(), KolenPollack(), SignSymmetric(), DirectFeedback()]


@functools.partial(jax.jit, static_argnums=(1, 2))
def network(angle: float = 90.0, readout: str = "softmax", activation: str = "tanh") -> FeedForwardNet:
    return FeedForwardNet((6, 9, 7, 4), key=KEY, activation=activation, readout=readout, feedback_angle=angle)


def batch(readout: str = "softmax", rows: int = 11) -> Batch:
    draws = np.random.default_rng(1)
    x, targets = draws.standard_normal((rows, 6)), draws.standard_normal((rows, 4))
    return Batch(jnp.asarray(x, float), jnp.asarray(np.arange(rows) % 4 if readout == "softmax" else targets))


@eqx.filter_jit
def credit(rule, net, examples):
    return rule(net, examples, rule.init(net, KEY), KEY)


cosine_of = jax.jit(cosines)


@pytest.mark.parametrize("readout", ["softmax", "mse"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "linear"])
def test_backprop_is_the_gradient(readout: str, activation: str) -> None:
    @jax.jit
    def both(examples):
        net = network(90.0, readout, activation)
        return credit(Backprop(), net, examples), credit(Autodiff(), net, examples)

    with jax.enable_x64(True):
        ours, exact = both(batch(readout))
        assert float(ours.loss) == pytest.approx(float(exact.loss), rel=1e-12)
        for a, b in zip(jax.tree.leaves(ours.direction), jax.tree.leaves(exact.direction), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)


def test_symmetric_feedback_alignment_is_backprop() -> None:
    net, examples = network(0.0), batch()
    for rule in (FeedbackAlignment(), KolenPollack()):
        ours, exact = credit(rule, net, examples).direction, credit(Backprop(), net, examples).direction
        for a, b in zip(ours.weights, exact.weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert float(net.weight_angle()) < 0.1
    assert 60 < float(network().weight_angle()) < 120


def test_every_rule_is_exact_at_the_last_layer_and_only_backprop_elsewhere() -> None:
    net, examples = network(), batch()
    exact = credit(Autodiff(), net, examples).direction
    for rule in RULES:
        cosine = cosine_of(credit(rule, net, examples).direction, exact).weights
        assert cosine[-1] == pytest.approx(1, abs=1e-5)
        assert (cosine[0] > 0.9999) == isinstance(rule, Backprop)


def test_sign_symmetric_is_close_to_the_gradient() -> None:
    net, examples = network(), batch()
    exact = credit(Autodiff(), net, examples).direction
    cosine = cosine_of(credit(SignSymmetric(), net, examples).direction, exact).weights
    assert min(map(float, cosine)) > 0.5


def test_directions_have_the_structure_of_the_parameters() -> None:
    net, examples = network(), batch()
    params = eqx.filter(net, eqx.is_inexact_array)
    for rule in RULES:
        ours = credit(rule, net, examples)
        assert jax.tree.structure(ours.direction) == jax.tree.structure(params)
        assert [a.shape for a in jax.tree.leaves(ours.direction)] == [a.shape for a in jax.tree.leaves(params)]
        assert [a.shape for a in ours.signals["pre"].weights] == [(11, 6), (11, 9), (11, 7)]
        assert [a.shape for a in ours.signals["post"].weights] == [(11, 9), (11, 7), (11, 4)]
        assert len(jax.tree.leaves(ours.signals["pre"])) == 3
        rebuilt = [
            np.asarray(d).T @ np.asarray(a) / 11
            for d, a in zip(ours.signals["post"].weights, ours.signals["pre"].weights, strict=True)
        ]
        for a, b in zip(rebuilt, ours.direction.weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5)


def test_feedback_stays_or_follows() -> None:
    net, examples = network(), batch()
    assert all(not np.any(b) for b in credit(FeedbackAlignment(), net, examples).direction.feedback)
    followed = credit(KolenPollack(), net, examples).direction
    for b, w in zip(followed.feedback, followed.weights[1:], strict=True):
        np.testing.assert_array_equal(b, np.asarray(w).T)


def test_feedback_alignment_says_what_is_missing() -> None:
    net = jax.eval_shape(lambda: FeedForwardNet((6, 9, 4), key=KEY))
    with pytest.raises(ValueError, match="feedback_angle=90"):
        FeedbackAlignment().init(net, KEY)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": (3,)}, "at least input and output"),
        ({"sizes": (3, 0)}, "1 unit or more"),
        ({"sizes": (3, 2), "activation": "spike"}, "activation must be one of"),
        ({"sizes": (3, 2), "readout": "max"}, "readout must be softmax or mse"),
    ],
)
def test_wrong_networks(arguments, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FeedForwardNet(**arguments, key=KEY)
