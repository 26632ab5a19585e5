"""Networks that settle: activations, topologies, initial angle, fixed points and the three ways to reach them."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.learning import Autodiff, GradientLearner, begin, images, score, train
from symplast.learning.activations import ACTIVATIONS, HOLOMORPHIC, dsilu, shifted_sigmoid
from symplast.learning.feedforward import angle_between
from symplast.learning.recurrent import LayeredNet, Relaxation, product

KEY = jax.random.key(0)
SIZES = (5, 7, 6, 3)
TOPOLOGIES = {
    "chain": "chain",
    "loop": "loop",
    "edges": [(0, 1), (1, 2), (2, 3), (0, 3), (3, 1), (2, 1), (2, 2)],
}


def network(topology="chain", **settings) -> LayeredNet:
    return LayeredNet(SIZES, key=KEY, topology=TOPOLOGIES[topology], **settings)


def x(rows: int = 4):
    return jax.random.uniform(jax.random.key(1), (rows, 5))


def test_activations_at_known_points() -> None:
    with jax.enable_x64(True):
        half, zero, two = (jnp.float64(z) for z in (0.5, 0.0, 2.0))
        assert float(shifted_sigmoid(half)) == 0.5
        assert float(jax.grad(shifted_sigmoid)(half)) == pytest.approx(1, abs=1e-15)
        assert float(shifted_sigmoid(zero)) == pytest.approx(0.1192029220, abs=5e-11)
        assert float(dsilu(zero)) == pytest.approx(0.1192029220, abs=5e-11)
        assert float(dsilu(two)) == pytest.approx(0.8807970780, abs=5e-11)


@pytest.mark.parametrize("name", sorted(HOLOMORPHIC))
def test_holomorphic_activations_satisfy_cauchy_riemann(name: str) -> None:
    phi, h = ACTIVATIONS[name], 1e-5
    with jax.enable_x64(True):
        z = jnp.linspace(-1.5, 1.5, 7) + 0.2j
        along_real = (phi(z + h) - phi(z - h)) / (2 * h)
        along_imaginary = (phi(z + 1j * h) - phi(z - 1j * h)) / (2j * h)
        np.testing.assert_allclose(along_real, along_imaginary, rtol=1e-8)
        np.testing.assert_allclose(phi(z.conj()), phi(z).conj(), rtol=1e-14)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("readout", ["softmax", "mse"])
def test_shapes_and_output(topology: str, readout: str) -> None:
    net = network(topology, readout=readout)
    forward = [(SIZES[b], SIZES[a]) for a, b in net.forward]
    assert [w.shape for w in net.weights] == [*forward, *([(3, 3)] if readout == "softmax" else [])]
    assert [b.shape for b in net.feedback] == [(SIZES[b], SIZES[a]) for a, b in net.backward]
    assert [len(b) for b in net.biases] == [7, 6, 3, *([3] if readout == "softmax" else [])]
    assert net(x()[0]).shape == (3,)
    np.testing.assert_allclose(jax.vmap(net)(x()), net.output(net.phi(net.settle(x()))), rtol=1e-5)


def test_field_is_the_whole_matrix_times_the_activity() -> None:
    net = network("edges")
    starts = np.cumsum([0, *SIZES[1:]])
    whole = np.zeros((16, 16))
    for (a, b), w in net.couplings().items():
        whole[starts[b - 1] : starts[b], starts[a - 1] : starts[a]] = w
    u = tuple(jax.random.normal(jax.random.fold_in(KEY, n), (4, n)) for n in SIZES[1:])
    r = net.phi(u)
    h = np.concatenate(net.force(r, x()), axis=1) - np.concatenate(net.force(net.rest(x()), x()), axis=1)
    np.testing.assert_allclose(h, np.concatenate(r, axis=1) @ whole.T, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 90))
def test_initial_angle(angle: float) -> None:
    net = LayeredNet((20, 60, 60, 30), key=KEY, angle_deg=jnp.float32(angle))
    assert float(net.weight_angle()) == pytest.approx(angle, abs=4)


def test_symmetric_and_independent_start() -> None:
    symmetric = network(angle_deg=0.0)
    for i, j in symmetric.pairs:
        np.testing.assert_array_equal(symmetric.weights[i], symmetric.feedback[j].T)
    apart = network(angle_deg=90.0)
    for w, s in zip(apart.weights, symmetric.weights, strict=True):
        np.testing.assert_array_equal(w, s)
    assert np.isnan(network("loop").weight_angle())


def test_weights_have_variance_of_one_over_fan_in() -> None:
    net = LayeredNet((400, 300, 200, 10), key=KEY, angle_deg=90)
    for w in (*net.weights[:2], net.feedback[0]):
        assert float(jnp.var(w) * w.shape[1]) == pytest.approx(1, rel=0.03)
        assert float(jnp.abs(w).max() * jnp.sqrt(w.shape[1])) < 2.3  # truncated at two standard deviations


@pytest.mark.parametrize("angle", [0, 90])
def test_three_ways_to_the_same_fixed_point(angle: int) -> None:
    ways = [Relaxation(400), Relaxation(400, "sweep"), Relaxation(800, damping=0.5)]
    states = []
    for how in ways:
        net = network(angle_deg=angle, relaxation=how)
        u = net.settle(x())
        states.append(u)
        for a, b in zip(u, net.force(net.phi(u), x()), strict=True):
            np.testing.assert_allclose(a, b, atol=2e-6)
    for other in states[1:]:
        for a, b in zip(states[0], other, strict=True):
            np.testing.assert_allclose(a, b, atol=5e-6)


def test_a_sweep_goes_as_far_as_two_synchronous_steps() -> None:
    """From rest a synchronous run is two interleaved sweeps; after 2 T steps the odd layers are where T sweeps end."""
    net = network(angle_deg=90)
    drive, twice, swept = net.drive(x()), net.rest(x()), net.rest(x())
    for _ in range(6):
        swept = net.step(swept, drive, how=Relaxation(1, "sweep"))
        twice = net.step(net.step(twice, drive), drive)
    last_half = net.step(twice, drive)
    np.testing.assert_allclose(swept[1], twice[1], atol=1e-6)
    np.testing.assert_allclose(last_half[0], net.step(swept, drive, how=Relaxation(1, "sweep"))[0], atol=1e-6)


def test_complex_states() -> None:
    net = network()
    r = tuple(a + 0.1j for a in net.phi(net.settle(x())))
    h = net.force(r, x())
    assert all(a.dtype == jnp.complex64 for a in h)
    exact = r[0] @ net.weights[1].astype(jnp.complex64).T
    np.testing.assert_allclose(product(r[0], net.weights[1]), exact, rtol=1e-5)
    assert net.holomorphic
    assert not network(activation="relu").holomorphic


def test_signals_rebuild_the_gradient_of_the_field() -> None:
    net = network("edges")
    r = net.phi(net.settle(x()))
    errors = tuple(jax.random.normal(jax.random.fold_in(KEY, i), a.shape) for i, a in enumerate(r))
    at_output = jax.random.normal(KEY, (4, 3))

    def total(n: LayeredNet):
        pulled = sum(jnp.sum(e * h) for e, h in zip(errors, n.force(r, x()), strict=True))
        return pulled + jnp.sum(at_output * n.output(r))

    exact, signals = eqx.filter_grad(total)(net), net.signals(x(), r, errors, at_output)
    for places in ("weights", "feedback"):
        sides = [getattr(signals[side], places) for side in ("pre", "post")]
        for g, pre, post in zip(getattr(exact, places), *sides, strict=True):
            np.testing.assert_allclose(post.T @ pre, g, rtol=1e-4, atol=1e-5)
    assert all(b is None for b in signals["pre"].biases)
    assert jax.tree.structure(exact) == jax.tree.structure(eqx.filter(net, eqx.is_inexact_array))


def test_learns_the_digits_by_autodiff() -> None:
    task = images("digits", train=1000, test=300)
    learner = GradientLearner(
        lambda key: LayeredNet((64, 24, 10), key=key, relaxation=Relaxation(10)), Autodiff(), optax.adam(1e-2)
    )
    training, history = train(learner, task, begin(learner, KEY, 2), 8, 50)
    assert float(score(learner, task, training).min()) > 0.75
    assert history.loss.shape == (160, 2)


def test_angle_between() -> None:
    a, b = jnp.array([1.0, 0.0]), jnp.array([1.0, 1.0])
    assert float(angle_between([(a, b)])) == pytest.approx(45, abs=1e-3)
    assert np.isnan(angle_between([]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LayeredNet((4,), key=KEY), "sizes must list"),
        (lambda: LayeredNet((4, 0, 2), key=KEY), "sizes must list"),
        (lambda: LayeredNet(SIZES, key=KEY, activation="gelu"), "activation must be one of"),
        (lambda: LayeredNet(SIZES, key=KEY, readout="hinge"), "readout must be softmax or mse"),
        (lambda: LayeredNet(SIZES, key=KEY, topology="ring"), "topology must be chain, loop"),
        (lambda: LayeredNet((4, 3, 2), key=KEY, topology="loop"), "two hidden layers"),
        (lambda: LayeredNet(SIZES, key=KEY, topology=[(0, 1), (1, 2)]), "layer 3 is not reached"),
        (lambda: LayeredNet(SIZES, key=KEY, topology=[(0, 1), (1, 4)]), "edges must lead from a layer in"),
        (lambda: LayeredNet(SIZES, key=KEY, topology=[(1, 0)]), "edges must lead from a layer in"),
        (lambda: LayeredNet(SIZES, key=KEY, topology=[(0, 1), (0, 1)]), r"got \(0, 1\) twice"),
        (lambda: network("loop", relaxation=Relaxation(9, "sweep")), "update must be synchronous"),
        (lambda: Relaxation(0), "steps must be at least 1"),
        (lambda: Relaxation(5, "random"), "update must be one of synchronous, sweep"),
        (lambda: dataclasses.replace(Relaxation(), damping=1.5), r"damping must be in \(0, 1\]"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
