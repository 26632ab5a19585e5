"""Surrogates: a step forward, a bump backward."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from symplast.spiking import ArcTan, Boxcar, FastSigmoid, Gaussian, Sigmoid, Surrogate, Triangle

ALL = [Sigmoid(3.0), FastSigmoid(5.0), ArcTan(2.5), Triangle(0.7, 0.4), Gaussian(0.6), Boxcar(0.3)]
NAMES = [type(surrogate).__name__ for surrogate in ALL]
Z = np.linspace(-2, 2, 41)


@pytest.mark.parametrize("surrogate", ALL, ids=NAMES)
def test_forward_is_a_step_that_includes_zero(surrogate):
    np.testing.assert_array_equal(surrogate(Z), (Z >= 0).astype(np.float32))


@pytest.mark.parametrize("surrogate", ALL, ids=NAMES)
def test_both_directions_of_differentiation_give_the_slope(surrogate):
    backward = jax.vmap(jax.grad(surrogate))(jnp.asarray(Z, jnp.float32))
    _, forward = jax.jvp(surrogate, (jnp.asarray(Z, jnp.float32),), (jnp.ones(41),))
    np.testing.assert_allclose(backward, surrogate.slope(jnp.asarray(Z, jnp.float32)), rtol=1e-6)
    np.testing.assert_array_equal(forward, backward)


@pytest.mark.parametrize("surrogate", ALL, ids=NAMES)
def test_slopes_are_even_and_fall_away_from_threshold(surrogate):
    slope = np.asarray(surrogate.slope(jnp.asarray(Z, jnp.float32)))
    np.testing.assert_allclose(slope, slope[::-1], rtol=1e-5, atol=1e-6)
    assert (np.diff(slope[20:]) <= 1e-7).all()
    assert slope.min() >= 0


@pytest.mark.parametrize(
    ("make", "area"),
    [(lambda: Sigmoid(3.0), 1), (lambda: FastSigmoid(5.0), 0.4), (lambda: ArcTan(2.5), 1), (lambda: Gaussian(0.6), 1)],
)
def test_areas(make, area):
    with jax.enable_x64(True):
        surrogate = make()
        half, _ = quad(lambda z: float(surrogate.slope(jnp.asarray(z))), 0, np.inf, limit=60)
    assert 2 * half == pytest.approx(area, rel=1e-5)


def test_second_derivatives_do_not_pass():
    assert float(jax.grad(jax.grad(Sigmoid()))(0.3)) == 0.0


def test_a_shape_of_ones_own():
    class Linear(Surrogate):
        def slope(self, z):
            return jnp.maximum(0, 1 - z**2)

    assert float(jax.grad(Linear())(0.5)) == 0.75


@pytest.mark.parametrize("make", [Sigmoid, FastSigmoid, ArcTan, Triangle, Gaussian, Boxcar])
@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan])
def test_wrong_parameters(make, wrong):
    with pytest.raises(ValueError, match="must be positive"):
        make(wrong)
