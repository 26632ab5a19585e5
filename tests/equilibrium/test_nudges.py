"""Finite nudges: every number of points on every network, complex runs, asym-EP, the online estimate."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.equilibrium.linear_response import adjoint, response
from symplast.equilibrium.nudges import cauchy_estimate, circle, nudged_activity, online_estimate
from symplast.equilibrium.operating_point import flattened
from symplast.learning.convolutional import ConvNet
from symplast.learning.recurrent import LayeredNet, Relaxation

pytestmark = pytest.mark.usefixtures("float64")

KEY, HOW = jax.random.key(0), Relaxation(150)
NETWORKS = {
    "chain": lambda: LayeredNet((5, 7, 6, 3), key=KEY, angle_deg=60, relaxation=HOW),
    "loop": lambda: LayeredNet((5, 7, 6, 3), key=KEY, topology="loop", relaxation=HOW),
    "mse": lambda: LayeredNet((5, 7, 3), key=KEY, angle_deg=60, readout="mse", activation="tanh", relaxation=HOW),
    "convolutional": lambda: ConvNet((8, 8, 1), (2,), 4, 3, key=KEY, angle_deg=60, relaxation=HOW),
}


@functools.cache
def settled(name: str):
    net = NETWORKS[name]()
    width = 64 if name == "convolutional" else 5
    x = jax.random.uniform(jax.random.key(1), (3, width))
    y = jax.nn.one_hot(jnp.arange(3), 3, dtype=jnp.float64)
    drive, u = eqx.filter_jit(lambda n: (n.drive(x), n.settle(x)))(net)
    return net, x, y, drive, u


@functools.cache
def vectors(name: str):
    """eps, delta and asym-EP's eps."""
    net, _, y, drive, u = settled(name)

    @eqx.filter_jit
    def found(net):
        runs = (
            response(net, u, drive, y, HOW),
            adjoint(net, u, drive, y, HOW),
            response(net, u, drive, y, HOW, corrected=True),
        )
        return [flattened(v) for v, _ in runs]

    return found(net)


CASES = [("chain", 1), ("chain", 4), ("loop", 3), ("mse", 2), ("convolutional", 3)]


@pytest.mark.parametrize(("name", "n_points"), CASES)
def test_error_falls_like_beta_to_the_n(name: str, n_points: int) -> None:
    net, _, y, drive, u = settled(name)
    exact = vectors(name)[0]

    @jax.jit
    def error(beta):
        return jnp.abs(flattened(cauchy_estimate(net, u, drive, y, beta, n_points, HOW)[0]) - exact).max()

    slope = float(jnp.log2(error(0.02) / error(0.01)))
    assert slope == pytest.approx(n_points, abs=0.25)


@pytest.mark.parametrize("name", ["convolutional"])
def test_conjugate_nudges_give_conjugate_states(name: str) -> None:
    net, _, y, drive, u = settled(name)
    activity = jax.jit(nudged_activity(net, u, drive, y, HOW))
    up, down = (flattened(activity(jnp.complex128(0.1 * jnp.exp(sign * 0.7j)))[0]) for sign in (1, -1))
    np.testing.assert_allclose(up, down.conj(), atol=1e-14)
    assert float(jnp.abs(up.imag).max()) > 1e-4


def test_half_of_the_circle_is_the_whole_sum() -> None:
    n = 4
    net, _, y, drive, u = settled("chain")

    @jax.jit
    def both():
        turns = circle(n, u)
        runs = jax.vmap(lambda b: flattened(nudged_activity(net, u, drive, y, HOW)(b)[0]))(0.1 * turns)
        ours = flattened(cauchy_estimate(net, u, drive, y, jnp.float64(0.1), n, HOW)[0])
        return ours, jnp.tensordot(turns.conj(), runs, axes=1) / (n * 0.1)

    ours, total = both()
    np.testing.assert_allclose(ours, total.real, atol=1e-13)
    assert np.abs(total.imag).max() < 1e-13


@pytest.mark.parametrize("name", ["chain", "loop", "convolutional"])
def test_asym_ep_gives_backprops_vector(name: str) -> None:
    net, _, y, drive, u = settled(name)
    eps, delta, corrected = vectors(name)
    np.testing.assert_allclose(corrected, delta, atol=1e-12)
    assert float(jnp.abs(eps - delta).max()) > 1e-3
    if name == "chain":
        finite = jax.jit(lambda b: cauchy_estimate(net, u, drive, y, b, 4, HOW, corrected=True)[0])
        np.testing.assert_allclose(flattened(finite(0.02)), delta, atol=1e-6)


@pytest.mark.parametrize("n_points", [4])
def test_online_estimate_reaches_the_derivative(n_points: int) -> None:
    net, x, y, _, u = settled("chain")
    exact = vectors("chain")[0]

    @jax.jit
    def estimate(beta):
        errors, state, residual = online_estimate(net, x, y, beta, n_points, 4 * n_points, HOW)
        return jnp.abs(flattened(errors) - exact).max(), jnp.abs(flattened(state) - flattened(u)).max(), residual.max()

    (wide, _, _), (narrow, state, residual) = estimate(0.1), estimate(0.05)
    assert float(wide / narrow) == pytest.approx(2**n_points, rel=0.15)
    assert float(narrow) < 1e-2
    assert float(state) < 1e-2
    assert float(residual) < 1e-12


def test_large_nudges_leave_the_radius() -> None:
    """Beyond it more points don't help."""
    net, _, y, drive, u = settled("chain")
    exact = vectors("chain")[0]

    @functools.partial(jax.jit, static_argnums=1)
    def error(beta, n: int):
        found = flattened(cauchy_estimate(net, u, drive, y, beta, n, HOW)[0])
        return jnp.linalg.norm(found - exact) / jnp.linalg.norm(exact)

    assert float(error(0.1, 8)) < 0.01 * float(error(0.1, 2))
    assert float(error(3.0, 8)) > 0.1
