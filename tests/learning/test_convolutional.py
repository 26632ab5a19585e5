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


def network(angle=0.0, **settings) -> ConvNet:
    return ConvNet((8, 8, 2), channels=(3,), units=5, classes=4, key=KEY, angle_deg=angle, **settings)


def x(rows: int = 2):
    return jax.random.uniform(jax.random.key(1), (rows, 8, 8, 2))


@jax.jit
def coupling(angle):
    """Explicit derivative of the field at the settled state of one row."""
    net = network(angle)
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
        tied, untied = (np.asarray(coupling(angle)) for angle in (0.0, 90.0))
    np.testing.assert_allclose(tied, tied.T, atol=1e-14)
    assert np.abs(untied - untied.T).max() > 0.05


def test_initial_angle() -> None:
    angle = jax.jit(lambda degrees: network(degrees).weight_angle())
    assert float(angle(0.0)) == pytest.approx(0, abs=0.1)
    assert float(angle(40.0)) == pytest.approx(40, abs=12)


def test_pooling_lies_between_mean_and_maximum_and_commutes_with_shifts() -> None:
    v = np.random.default_rng(0).standard_normal((2, 6, 4, 3), np.float32)
    windows = v.reshape(2, 3, 2, 2, 2, 3)
    pool = jax.jit(softmax_pool)
    pooled = np.asarray(pool(v))
    assert pooled.shape == (2, 3, 2, 3)
    assert (pooled <= windows.max(axis=(2, 4))).all()
    assert (pooled >= windows.mean(axis=(2, 4))).all()
    np.testing.assert_allclose(pool(v + 100), pooled + 100, rtol=1e-5)


def test_field_is_holomorphic() -> None:
    @jax.jit
    def moved(steps):
        net = network(90.0)
        drive, r = net.drive(x()), net.phi(net.settle(x()))
        direction = jax.tree.map(lambda a: jax.random.normal(KEY, a.shape), r)

        def field(by):
            return net.field(jax.tree.map(lambda a, d: a + 0.3j * d + by * d, r, direction), drive)

        return [field(by) for by in steps]

    h = 1e-5
    with jax.enable_x64(True):
        for plus, minus, up, down in zip(*moved([h, -h, 1j * h, -1j * h]), strict=True):
            along, across = np.subtract(plus, minus) / (2 * h), np.subtract(up, down) / (2j * h)
            np.testing.assert_allclose(along, across, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("how", [Relaxation(200), Relaxation(100, "sweep"), Relaxation(400, damping=0.5)])
def test_settles(how: Relaxation) -> None:
    @jax.jit
    def settled():
        net = network(90.0, relaxation=how)
        u = net.settle(x())
        return u, net.force(net.phi(u), x())

    for a, b in zip(*settled(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)


def test_flat_rows_are_images() -> None:
    flat, image = jax.jit(lambda: (network()(x()[0].ravel()), network()(x()[0])))()
    np.testing.assert_allclose(flat, image, rtol=1e-6)


def test_learns_the_digits_by_autodiff() -> None:
    task = images("digits", train=300, test=100)
    learner = GradientLearner(
        lambda key: ConvNet((8, 8, 1), (6,), 16, 10, key=key, relaxation=Relaxation(6)), Autodiff(), optax.adam(2e-2)
    )
    training, _ = train(learner, task, begin(learner, KEY, 1), 3, 10)
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
