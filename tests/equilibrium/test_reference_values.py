"""The numbers of the 4-3-3-2 network, in float64."""

# ruff: noqa: E501 - tables of numbers

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.equilibrium import operating_point, reference_input, reference_net
from symplast.equilibrium.costs import holomorphic_softmax, losses
from symplast.equilibrium.linear_response import adjoint, response
from symplast.equilibrium.operating_point import flattened
from symplast.equilibrium.reference_values import POINTS, reference_estimates
from symplast.learning.recurrent import Relaxation

pytestmark = pytest.mark.usefixtures("float64")

U = [0.6954693498, -0.1665375999, -0.5301583828, 0.2438376878, 0.0385657992, -0.2331940852, 0.1823660241, 0.0792185401]
DELTA = {
    0: [-0.0414885389, 0.0115987953, -0.0009695423, 0.0013473596, -0.0900623603, 0.0444253800, -0.1202226958, 0.4026810237],
    30: [-0.0417885519, 0.0097462588, -0.0009256164, 0.0029568398, -0.0822054469, 0.0473211279, -0.0980605952, 0.3808277698],
}  # fmt: skip
EPS = {
    0: DELTA[0],
    30: [-0.0054264672, 0.0017041772, -0.0002437708, -0.0022994181, -0.0117888384, 0.0364898449, -0.1190308477, 0.3755701675],
    90: [-0.0471651225, 0.0098703312, 0.0032305486, -0.0135583758, 0.1001625589, -0.0043206235, -0.1105717192, 0.3188180898],
}  # fmt: skip
LOSS = {0: 0.7621377077, 30: 0.7631711044, 90: 0.7609278736}
COSINE = {30: 0.9787678088, 90: 0.8708889284}
ASYMMETRY = {30: (0.6003474688, 0.0750434336), 90: (5.4188222849, 0.6773527856)}
SYMMETRY = {30: (0.9657820939, 0.8549345341), 90: (0.8926581482, 0.6435428848)}
FIRST_ORDER = {30: (0.2327964, 0.0325), 90: (0.6838, 0.280)}
SECOND_ORDER = {5: (5.64476e-4, 5.65004e-4), 15: (5.28304e-3, 5.33086e-3), 30: (2.12322e-2, 2.20705e-2)}
NUDGE_ERROR = {
    1: {0.05: 7.1668e-2, 0.1: 1.5156e-1},
    2: {0.05: 3.6344e-3, 0.1: 1.4591e-2, 0.2: 5.9083e-2},
    3: {0.05: 1.6316e-4, 0.1: 1.3031e-3},
    4: {0.05: 5.2891e-6, 0.1: 8.4544e-5, 0.2: 1.3320e-3},
    6: {0.05: 4.2885e-8, 0.1: 2.7446e-6},
    8: {0.05: 3.8542e-10, 0.1: 9.8666e-8, 0.2: 2.5257e-5, 0.4: 6.3e-3, 0.5: 3.4e-2, 1.0: 1.8e-1},
}
LABEL = jnp.array([1])


@eqx.filter_jit
def found(angle):
    net, x = reference_net(angle), reference_input()
    u = net.settle(x)
    return net, x, u, operating_point(net, x, LABEL, u)


@functools.cache
def at(angle: float):
    return found(jnp.float64(angle))


def relative(error, size) -> float:
    return float(np.linalg.norm(error) / np.linalg.norm(size))


def vectors(point) -> tuple[np.ndarray, np.ndarray]:
    """eps and delta."""
    return np.asarray(point.response[0]), np.asarray(point.adjoint[0])


def cosine(a, b) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_fixed_point_and_output() -> None:
    net, _, u, _ = at(0)
    np.testing.assert_allclose(flattened(u)[0], U, atol=5e-11)
    p = holomorphic_softmax(net.output(net.phi(u)))[0]
    np.testing.assert_allclose(p, [0.5333322393, 0.4666677607], atol=5e-11)


@pytest.mark.parametrize("angle", [0, 30, 90])
def test_loss_and_error_vectors(angle: int) -> None:
    net, _, u, point = at(angle)
    assert float(losses(net, net.output(net.phi(u)), jax.nn.one_hot(LABEL, 2))[0]) == pytest.approx(
        LOSS[angle], abs=5e-11
    )
    np.testing.assert_allclose(point.response[0], EPS[angle], atol=5e-11)
    if angle in DELTA:
        np.testing.assert_allclose(point.adjoint[0], DELTA[angle], atol=5e-11)


@pytest.mark.parametrize("angle", [30, 90])
def test_asymmetry(angle: int) -> None:
    _, _, _, point = at(angle)
    eps, delta = vectors(point)
    assert cosine(eps, delta) == pytest.approx(COSINE[angle], abs=5e-11)
    whole, per_unit = ASYMMETRY[angle]
    assert float(point.asymmetry[0]) == pytest.approx(whole, abs=5e-11)
    assert float(point.asymmetry[0]) / point.units == pytest.approx(per_unit, abs=5e-11)
    s_activity, s_bypassed = SYMMETRY[angle]
    assert float(point.symmetry()[0]) == pytest.approx(s_activity, abs=5e-11)
    assert float(point.symmetry(bypassed=True)[0]) == pytest.approx(s_bypassed, abs=5e-11)
    ratio, error = FIRST_ORDER[angle]
    assert float(point.asymmetry_ratio[0]) == pytest.approx(ratio, abs=5e-5)
    first, response = np.asarray(point.first_order_response), np.asarray(point.response)
    assert relative(first - response, response) == pytest.approx(error, abs=5e-4)


@pytest.mark.parametrize("angle", [5, 15, 30])
def test_second_order_cosine(angle: int) -> None:
    _, _, _, point = at(angle)
    eps, delta = vectors(point)
    exact, formula = SECOND_ORDER[angle]
    assert 1 - cosine(eps, delta) == pytest.approx(exact, rel=2e-6)
    assert float(1 - point.second_order_cosine[0]) == pytest.approx(formula, rel=2e-5)


def test_nudge_errors() -> None:
    _, _, _, point = at(0)
    betas = sorted({beta for errors in NUDGE_ERROR.values() for beta in errors})
    estimates = np.asarray(reference_estimates(np.float64(0), np.array(betas)))
    response = np.asarray(point.response)
    assert set(NUDGE_ERROR) <= set(POINTS)
    for n_points, errors in NUDGE_ERROR.items():
        for beta, error in errors.items():
            digits = 1e-4 if beta < 0.4 else 3e-2  # printed with fewer digits
            estimate = estimates[POINTS.index(n_points), betas.index(beta)]
            found = relative(estimate - response, response)
            assert found == pytest.approx(error, rel=digits), (n_points, beta)


@pytest.mark.parametrize("how", [Relaxation(300), Relaxation(200, "sweep"), Relaxation(600, damping=0.5)])
def test_iterations_reach_the_linear_solves(how: Relaxation) -> None:
    @eqx.filter_jit
    def iterated(net, u):
        drive, y = net.drive(reference_input()), jax.nn.one_hot(LABEL, 2)
        found = response(net, u, drive, y, how), adjoint(net, u, drive, y, how)
        corrected = response(net, u, drive, y, how, corrected=True)
        return [flattened(vectors) for vectors, _ in (*found, corrected)]

    for angle in (0, 30, 90):
        net, _, u, point = at(angle)
        eps, delta, corrected = iterated(net, u)
        np.testing.assert_allclose(eps, point.response, atol=1e-12)
        np.testing.assert_allclose(delta, point.adjoint, atol=1e-12)
        np.testing.assert_allclose(corrected, point.adjoint, atol=1e-12)


@pytest.mark.parametrize("angle", [30, 60, 90])
def test_identities_between_the_two_vectors(angle: int) -> None:
    _, _, _, point = at(angle)
    (eps, delta), jacobian, antisymmetric = vectors(point), np.asarray(point.jacobian[0]), point.antisymmetric[0]
    np.testing.assert_allclose(eps, np.linalg.solve(jacobian, jacobian.T @ delta), atol=1e-13)
    np.testing.assert_allclose(
        eps - delta, -2 * np.linalg.solve(jacobian.T, np.asarray(antisymmetric) @ eps), atol=1e-13
    )
