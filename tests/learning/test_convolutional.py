"""The convolutional network that settles: shapes, symmetric coupling, pooling, fixed points, learning."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from symplast.learning import Autodiff, GradientLearner, begin, images, score, train
from symplast.learning.convolutional import ConvNet, softmax_pool
from symplast.learning.recurrent import Relaxation

KEY = jax.random.key(0)


def network(angle: float = 0.0, **settings) -> ConvNet:
    return ConvNet((8, 8, 2), channels=(3,), units=5, classes=4, key=KEY, angle_deg=angle, **settings)


def x(rows: int = 2):
    return jax.random.uniform(jax.random.key(1), (rows, 8, 8, 2))


def coupling(net: ConvNet):
    """Explicit derivative of the field at the settled state of one row."""
    r, drive = net.phi(net.settle(x(1))), net.drive(x(1))
    flat, unravel = ravel_pytree(r)
    return jax.jacobian(lambda v: ravel_pytree(net.field(unravel(v), drive))[0])(flat)


def test_shapes_of_the_published_network() -> None:
    net = jax.eval_shape(lambda key: ConvNet(key=key), KEY)
    states = jax.eval_shape(lambda n: n.rest(jnp.zeros((3, 32, 32, 3))), net)
    assert [s.shape for s in states] == [(3, 16, 16, 128), (3, 8, 8, 256), (3, 4, 4, 512), (3, 512)]
    assert [w.shape for w in net.weights] == [
        (128, 3, 3, 3),
        (256, 128, 3, 3),
        (512, 256, 3, 3),
        (512, 512, 3, 3),
        (10, 512),
    ]
    assert [b.shape for b in net.feedback] == [w.shape for w in net.weights[1:-1]]


def test_tied_kernels_couple_symmetrically() -> None:
    with jax.enable_x64(True):
        tied, untied = coupling(network(0.0)), coupling(network(90.0))
    np.testing.assert_allclose(tied, tied.T, atol=1e-14)
    assert np.abs(untied - untied.T).max() > 0.05


def test_initial_angle() -> None:
    assert float(network(0.0).weight_angle()) == pytest.approx(0, abs=0.1)
    assert float(network(40.0).weight_angle()) == pytest.approx(40, abs=12)


def test_pooling_lies_between_mean_and_maximum_and_commutes_with_shifts() -> None:
    v = jax.random.normal(KEY, (2, 6, 4, 3))
    windows = v.reshape(2, 3, 2, 2, 2, 3)
    pooled = softmax_pool(v)
    assert pooled.shape == (2, 3, 2, 3)
    assert bool((pooled <= windows.max(axis=(2, 4))).all())
    assert bool((pooled >= windows.mean(axis=(2, 4))).all())
    np.testing.assert_allclose(softmax_pool(v + 100.0), pooled + 100, rtol=1e-5)


def test_field_is_holomorphic() -> None:
    with jax.enable_x64(True):
        net = network(90.0)
        drive, r = net.drive(x()), net.phi(net.settle(x()))
        direction = jax.tree.map(lambda a: jax.random.normal(KEY, a.shape), r)

        def moved(by: complex):
            return net.field(jax.tree.map(lambda a, d: a + 0.3j * d + by * d, r, direction), drive)

        h = 1e-5
        for plus, minus, up, down in zip(moved(h), moved(-h), moved(1j * h), moved(-1j * h), strict=True):
            np.testing.assert_allclose((plus - minus) / (2 * h), (up - down) / (2j * h), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("how", [Relaxation(200), Relaxation(100, "sweep"), Relaxation(400, damping=0.5)])
def test_settles(how: Relaxation) -> None:
    net = network(90.0, relaxation=how)
    u = net.settle(x())
    for a, b in zip(u, net.force(net.phi(u), x()), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)


def test_flat_rows_are_images() -> None:
    net = network()
    np.testing.assert_allclose(net(x()[0].ravel()), net(x()[0]), rtol=1e-6)


def test_learns_the_digits_by_autodiff() -> None:
    task = images("digits", train=300, test=100)
    learner = GradientLearner(
        lambda key: ConvNet((8, 8, 1), (6,), 16, 10, key=key, relaxation=Relaxation(8)), Autodiff(), optax.adam(1e-2)
    )
    training, _ = train(learner, task, begin(learner, KEY, 1), 6, 15)
    assert float(score(learner, task, training).min()) > 0.6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ConvNet((28, 28, 1), (8,), key=KEY), "image must be 8 x 8 for 1 pooled stages"),
        (lambda: ConvNet((8, 8, 1), (0,), key=KEY), "at least 1"),
        (lambda: ConvNet((8, 8, 1), (4,), key=KEY, activation="swish"), "activation must be one of"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
