"""The homeostatic loss: closed form, explicit Jacobian and random directions agree; its gradient; its halves."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.equilibrium import force_network, homeostatic_loss, operating_point
from symplast.equilibrium.homeostasis import estimated_terms, explicit_terms, layered_symmetry, layered_terms
from symplast.learning.convolutional import ConvNet
from symplast.learning.recurrent import LayeredNet, Relaxation

KEY = jax.random.key(0)
TOPOLOGIES = {"chain": "chain", "loop": "loop", "edges": [(0, 1), (1, 2), (2, 3), (3, 1), (2, 1), (2, 2)]}


@functools.partial(jax.jit, static_argnums=0)
def network(topology: str = "chain", angle: float = 90.0) -> LayeredNet:
    return LayeredNet((4, 6, 5, 3), key=KEY, topology=TOPOLOGIES[topology], angle_deg=angle, relaxation=Relaxation(40))


@eqx.filter_jit
def exact_loss(net: LayeredNet):
    return homeostatic_loss(net, X, net.settle(X), exact=True)


X = jax.random.uniform(jax.random.key(1), (3, 4))
Y = jnp.asarray(np.arange(3))


@given(st.floats(-2, 2), st.floats(-2, 2))
@settings(max_examples=20, deadline=None)
def test_two_units(a: float, b: float) -> None:
    """J = [[-1, a+b], [a-b, -1]]: the loss is 4 b^2 in all, 2 b^2 a unit, whatever a."""
    loss = 2 * loss_of_two_units(np.array([[0.0, a + b], [a - b, 0.0]], np.float32))
    assert float(loss) == pytest.approx(4 * b * b, abs=1e-5)


@jax.jit
def loss_of_two_units(J):
    net = force_network(lambda p, r, x: p @ r, J, (2,), output=lambda p, r: r, readout="mse")
    return homeostatic_loss(net, jnp.zeros((1, 1)), jnp.zeros((1, 2)), exact=True)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_closed_form_is_the_explicit_jacobian(topology: str) -> None:
    net = network(topology)

    @eqx.filter_jit
    def found(net):
        state = net.settle(X)
        point = operating_point(net, X, Y, state)
        return layered_terms(net), explicit_terms(net, X, state), point.asymmetry.mean() / point.units

    closed, explicit, mean = found(net)
    for ours, other in zip(closed, explicit, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-5)
    np.testing.assert_allclose(exact_loss(net), mean, rtol=1e-4)


def test_gradient_of_the_closed_form() -> None:
    """``2 (W - W^T) / n`` on both sides of a pair."""
    net = network("chain")
    grads = eqx.filter_jit(eqx.filter_grad(lambda n: homeostatic_loss(n, X, None, exact=True)))(net)
    for i, j in net.pairs:
        expected = 2 * (np.asarray(net.weights[i]) - np.asarray(net.feedback[j]).T) / 14
        np.testing.assert_allclose(grads.weights[i], expected, atol=1e-6)
        np.testing.assert_allclose(grads.feedback[j], -expected.T, atol=1e-6)
    assert not np.any(grads.weights[0])
    assert not np.any(grads.weights[-1])


def test_gradient_of_the_estimate_is_the_same_on_average() -> None:
    net = network("chain")

    @jax.jit
    def both(net):
        state = net.settle(X)

        def loss(weight, **how):
            changed = eqx.tree_at(lambda n: n.weights[1], net, weight)
            return homeostatic_loss(changed, X, state, **how)

        estimate = lambda key: jax.grad(loss)(net.weights[1], key=key, draws=20)  # noqa: E731
        return jax.lax.map(estimate, jax.random.split(KEY, 400)), jax.grad(loss)(net.weights[1], exact=True)

    drawn, exact = map(np.asarray, both(net))
    error = drawn.std(axis=0) / 20
    assert np.abs((drawn.mean(axis=0) - exact) / error).max() < 4.5


@pytest.mark.parametrize("terms", [("norm",), ("trace",), ("norm", "trace")])
def test_estimates_of_the_halves(terms) -> None:
    samples, exact = convolutional_terms()
    weights = np.array(["norm" in terms, "trace" in terms])
    sample = samples @ weights
    assert abs(sample.mean() - exact @ weights) < 4 * sample.std() / np.sqrt(len(sample))


@functools.cache
def convolutional_terms():
    """Estimates of norm and trace, and their exact values."""
    net = ConvNet((8, 8, 1), (2,), 3, 3, key=KEY, angle_deg=90.0, relaxation=Relaxation(20))
    x = jax.random.uniform(KEY, (1, 64))

    @jax.jit
    def both():
        state = net.settle(x)
        draw = lambda k: jnp.stack(estimated_terms(net, x, state, k, 10))  # noqa: E731
        return jax.lax.map(draw, jax.random.split(KEY, 300)), jnp.stack(explicit_terms(net, x, state))

    return [np.asarray(a, float) for a in both()]


def test_without_pairs_it_is_weight_decay() -> None:
    net = network("loop")
    recurrent = sum(np.sum(np.asarray(w) ** 2) for w in net.couplings().values())
    assert float(exact_loss(net)) == pytest.approx(recurrent / 14, rel=1e-5)


def test_symmetric_weights_cost_nothing() -> None:
    assert float(exact_loss(network("chain", 0.0))) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "key must be given"),
        ({"key": KEY, "draws": 0}, "draws must be at least 1"),
        ({"exact": True, "terms": ("half",)}, "terms must name norm or trace"),
        ({"exact": True, "terms": ()}, "terms must name norm or trace"),
    ],
)
def test_wrong_input(settings, message: str) -> None:
    net = network("chain")
    with pytest.raises(ValueError, match=message):
        homeostatic_loss(net, X, net.rest(X), **settings)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_symmetry_from_the_weights_is_that_of_the_jacobian(topology: str) -> None:
    net = network(topology, 50.0)
    both = eqx.filter_jit(
        lambda n: (layered_symmetry(n), operating_point(n, X, Y, n.settle(X)).symmetry(bypassed=True))
    )
    ours, expected = both(net)
    assert float(ours) == pytest.approx(float(np.asarray(expected)[0]), rel=1e-6)
