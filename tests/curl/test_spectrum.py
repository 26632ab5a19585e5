"""The learning Jacobian of any net: dense, matrix-free and through the signed kernel; distance from a gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.curl import curl_fraction, jacobian_spectrum, learning_jacobian, sign_vector, signed_kernel


def tanh_net(seed: int = 0):
    """A net with two hidden layers at zero error: weights, signs, residuals, loss."""
    rng = np.random.default_rng(seed)
    params = tuple(jnp.asarray(rng.normal(size=size)) / 2 for size in ((6, 4), (5, 6), (2, 5)))
    signs = tuple(jnp.asarray(rng.choice([-1.0, 1.0], size=w.shape[1])) for w in params)
    x = jnp.asarray(rng.normal(size=(7, 4)))

    def outputs(weights):
        return jnp.ravel(jnp.tanh(jnp.tanh(x @ weights[0].T) @ weights[1].T) @ weights[2].T)

    target = outputs(params)
    return params, signs, lambda w: outputs(w) - target, lambda w: 0.5 * jnp.mean((outputs(w) - target) ** 2)


def test_signed_kernel_has_the_non_zero_eigenvalues_of_the_jacobian() -> None:
    with jax.enable_x64(True):
        params, signs, residuals, loss = tanh_net()
        full = jacobian_spectrum(loss, params, signs)
        kernel = np.linalg.eigvalsh(-signed_kernel(residuals, params, signs))
    largest = full[np.argsort(-np.abs(full))[: kernel.size]]
    assert np.abs(largest.imag).max() < 1e-10
    np.testing.assert_allclose(np.sort(largest.real), kernel, atol=1e-11)
    assert np.abs(full[np.argsort(-np.abs(full))[kernel.size :]]).max() < 1e-9


def test_matrix_free_eigenvalues_are_the_largest_of_the_dense_ones() -> None:
    with jax.enable_x64(True):
        params, signs, _, loss = tanh_net(1)
        dense, few = jacobian_spectrum(loss, params, signs), jacobian_spectrum(loss, params, signs, k=3)
    np.testing.assert_allclose(few.real, dense.real[:3], rtol=1e-6)


def test_without_flips_the_spectrum_is_minus_that_of_the_hessian() -> None:
    with jax.enable_x64(True):
        params, _, _, loss = tanh_net(2)
        jacobian = learning_jacobian(loss, params, (None, None, None))
        np.testing.assert_allclose(jacobian, jacobian.T, atol=1e-12)
        assert np.linalg.eigvalsh(jacobian).max() < 1e-12


def test_postsynaptic_signs_act_on_rows() -> None:
    weights = {"w": jnp.ones((2, 3))}
    jacobian = learning_jacobian(lambda p: 0.5 * jnp.sum(p["w"] ** 2), weights, {"w": sign_vector(2, 1)}, "post")
    np.testing.assert_array_equal(np.diag(jacobian), [1, 1, 1, -1, -1, -1])


def test_curl_fraction_is_zero_for_a_gradient_only() -> None:
    gradient = jax.grad(lambda w: -jnp.sum(w**2) * w[0])
    at = jnp.array([0.3, -0.7, 1.1])
    assert float(curl_fraction(gradient, at)) < 1e-6
    flipped = jnp.array([-1.0, 1.0, 1.0])
    assert float(curl_fraction(lambda w: flipped * gradient(w), at)) > 0.1
    assert float(curl_fraction(lambda w: jnp.ones(3), at)) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jacobian_spectrum(jnp.sum, jnp.ones((1, 4)), None, k=3), r"k must be in \[1, weights - 2 = 2\]"),
        (lambda: learning_jacobian(jnp.sum, jnp.ones((1, 6000)), None), "at most 5000 entries"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
