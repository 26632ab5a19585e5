"""The bias report and the radius of holomorphy, on networks whose answers are known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.equilibrium import NotSettled, bias_report, force_network, reference_input, reference_net, settle
from symplast.equilibrium.bias import POINTS, PROBE, holomorphic_radius
from symplast.equilibrium.costs import nudge_towards
from symplast.learning.recurrent import LayeredNet, Relaxation

LABEL = jnp.array([1])


@eqx.filter_jit
def reference(angle):
    return reference_net(angle), reference_input()


def test_reference_network_at_30_degrees() -> None:
    found = bias_report(*reference(jnp.asarray(30.0)), LABEL, betas=[0.1], n_points=[1, 8], steps=600)
    one, eight = found.table.to_dict("records")
    assert found.asymmetry_deg == pytest.approx(np.degrees(np.arccos(0.9787678088)), abs=1e-4)
    assert found.symmetry == pytest.approx(0.8549345341, abs=1e-6)
    assert found.asymmetry_ratio == pytest.approx(0.2327964, abs=1e-6)
    assert one["nudge_error"] == pytest.approx(0.13831943, abs=1e-6)
    assert eight["nudge_error"] == pytest.approx(4.91874e-8, rel=1e-3)
    assert eight["angle_deg"] == pytest.approx(found.asymmetry_deg, abs=1e-4)
    assert np.isnan(eight["angle_deg_low"])
    assert found.free_unsettled == 0


def test_radius_of_a_known_singularity() -> None:
    """One linear unit with loss 1/2 (r - y)^2: u = x + w u + beta (u - y) has its pole at beta = 1 - w."""
    for w in (0.2, 0.5):
        net = force_network(
            lambda p, r, x: p * r + x, jnp.array(w), (1,), output=lambda p, r: r, readout="mse", activation="linear"
        )
        x, y = jnp.array([[0.3], [1.0]]), jnp.array([[2.0], [0.5]])
        found = bias_report(net, x, y, betas=[0.05], n_points=[2])
        np.testing.assert_allclose(found.radius, 1 - w, rtol=1e-6)
    assert PROBE < 0.5
    assert all(points % 4 == 0 for points in POINTS)


def force(net, drive, targets, u, beta):
    state = tuple(jnp.split(u[None], np.cumsum(net.sizes[1:-1]), axis=1))
    new = net.step(state, drive, nudge_towards(net, targets, beta))
    return jnp.concatenate([a[0] for a in new]) - u


jacobian = jax.jacfwd(force, argnums=3, holomorphic=True)


@eqx.filter_jit
def followed(net, drive, targets, u, beta):
    return u - jnp.linalg.solve(jacobian(net, drive, targets, u, beta), force(net, drive, targets, u, beta))


@eqx.filter_jit
def linearised(net, drive, targets, z, along):
    """Equations of a branch point at z = (u, beta, v), their derivative, and J."""
    n = along.size

    def system(z):
        u, beta, v = z[:n], z[n], z[n + 1 :]
        turned = jacobian(net, drive, targets, u, beta) @ v
        return jnp.concatenate([force(net, drive, targets, u, beta), turned, jnp.array([along @ v - 1])])

    return system(z), jax.jacfwd(system, holomorphic=True)(z), jacobian(net, drive, targets, z[:n], z[n])


def branch_point(net, x, y, guess: complex) -> tuple[complex, float]:
    """Newton on (u, beta, v): F = 0, J v = 0, v of fixed size; at the solution det J = 0 and two fixed points meet."""
    given = net, net.drive(x), jnp.asarray(np.eye(net.sizes[-1])[np.asarray(y)])
    n = sum(net.sizes[1:])
    u = np.zeros(n, complex)
    for share in np.linspace(0, 0.97, 40):
        for _ in range(8):
            u = followed(*given, u, np.asarray(share * guess))
    z = np.concatenate([u, [0.97 * guess], np.zeros(n)])
    along = np.linalg.svd(linearised(*given, z, np.ones(n, complex))[2])[2][-1]
    z[n + 1 :] = along.conj() / (along @ along.conj())
    for _ in range(30):
        value, derivative, _ = linearised(*given, z, along)
        z = z - np.linalg.solve(derivative, value)
    value, _, J = linearised(*given, z, along)
    return complex(z[n]), float(max(np.abs(value).max(), abs(np.linalg.det(J))))


@pytest.mark.parametrize(("angle", "guess"), [(0.0, 0.50 + 0.26j), (30.0, 0.55 + 0.27j), (90.0, 0.68 + 0.48j)])
def test_radius_of_a_branch_point(angle: float, guess: complex) -> None:
    """Within 1 %; a fit without the factor n^(3/2) is 14 to 20 % beyond it."""
    with jax.enable_x64(True):
        net, x = reference(jnp.asarray(angle))
        nearest, residual = branch_point(net, x, LABEL, guess)
        assert residual < 1e-10
        free = settle(net, x, steps=600)
        found = holomorphic_radius(net, x, jnp.eye(2)[LABEL], free, Relaxation(600))
    assert found[0] == pytest.approx(abs(nearest), rel=0.01)


def test_nudges_inside_the_radius_converge_and_those_outside_do_not() -> None:
    """A circle of many points gives the response itself inside the radius, and something else a little beyond it."""
    net, x = reference(jnp.asarray(0.0))
    found = bias_report(net, x, LABEL, betas=[0.53, 0.62], n_points=[24], steps=600)
    assert 0.53 < found.radius[0] < 0.62
    inside, outside = found.table.nudge_error
    assert inside < 0.03 < 0.1 < outside


def test_examples_without_a_fixed_point_are_left_out() -> None:
    net = force_network(lambda p, r, x: p * r + x, jnp.array(-3.0), (1,), output=lambda p, r: r, readout="mse")
    x, y = jnp.array([[1.5], [8.0], [7.0]]), jnp.zeros((3, 1))
    with pytest.warns(NotSettled, match="33.3% of the examples"):
        found = bias_report(net, x, y, betas=[0.05], n_points=[2])
    assert found.free_unsettled == pytest.approx(1 / 3)
    assert np.isnan(found.radius[0])
    with pytest.warns(NotSettled), pytest.raises(ValueError, match="x must hold inputs for which the network settles"):
        bias_report(net, x[:1], y[:1], betas=[0.05], n_points=[2])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"betas": []}, "at least one value each"),
        ({"betas": [0.0]}, "beta must be a finite number other than 0"),
        ({"n_points": [0]}, "n_points must be a whole number of at least 1"),
    ],
)
def test_wrong_input(settings, message: str) -> None:
    net = LayeredNet((4, 5, 3), key=jax.random.key(0))
    with pytest.raises(ValueError, match=message):
        bias_report(net, jnp.ones((2, 4)), jnp.array([0, 1]), **settings)
