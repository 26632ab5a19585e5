"""Activations at complex arguments."""

import jax
import jax.numpy as jnp
import numpy as np

from symplast.learning.activations import complex_logistic, shifted_sigmoid


def plane() -> np.ndarray:
    x, y = np.meshgrid(np.linspace(-60, 60, 241), np.concatenate([np.linspace(-12, 12, 301), [500.3, -8000.1]]))
    return (x + 1j * y).astype(np.complex64).ravel()


def test_the_vectorised_logistic_is_as_exact_as_the_library_s() -> None:
    z = plane()
    exact = 1 / (1 + np.exp(-z.astype(complex)))
    away = np.abs(1 + np.exp(-z.astype(complex))) > 1e-2 * np.abs(np.exp(-z.astype(complex)))  # not at a pole
    found, library = (np.asarray(f(jnp.asarray(z))) for f in (complex_logistic, jax.lax.logistic))
    error, usual = (np.abs(values - exact)[away] / np.abs(exact)[away] for values in (found, library))
    assert error.max() < max(2 * usual.max(), 1e-4)
    assert np.median(error) < 1e-6


def test_on_the_real_line_it_is_the_real_one_and_holomorphic_beside_it() -> None:
    x = jnp.linspace(-3, 3, 61)
    np.testing.assert_allclose(shifted_sigmoid(x + 0j).real, shifted_sigmoid(x), rtol=1e-6)
    for direction in (1.0, 1j):
        z, step = jnp.asarray(0.3 + 0.2j), jnp.asarray(direction, jnp.complex64)
        _, slope = jax.jvp(shifted_sigmoid, (z,), (step,))
        s = shifted_sigmoid(z)
        np.testing.assert_allclose(slope, 4 * s * (1 - s) * step, rtol=1e-5)


def test_double_precision_stays_double() -> None:
    with jax.enable_x64(True):
        z = jnp.asarray(0.3 + 0.2j)
        np.testing.assert_allclose(shifted_sigmoid(z), 1 / (1 + np.exp(2 - 4 * (0.3 + 0.2j))), rtol=1e-14)
