"""Projected layers: the two modes agree, old responses stay, errors go back by the carrier."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.hlop import LateralSpikes, hlop_conv, hlop_linear, patches
from symplast.hlop.circuit import orthogonal, orthonormal_rows

KEY = jax.random.key(0)
X, W, H = (jax.random.normal(jax.random.key(i), s) for i, s in enumerate([(3, 5, 6), (4, 6), (2, 6)]))


def gradients(**options):
    return jax.jit(jax.grad(lambda x, W: jnp.sum(hlop_linear(x, W, **options) ** 2), (0, 1)))(X, W)


def test_the_modes_agree_and_the_forward_pass_is_plain():
    by_input, by_weight = gradients(H_old=H, mode="input"), gradients(H_old=H, mode="weight")
    for a, b in zip(by_input, by_weight, strict=True):
        assert np.asarray(a) == pytest.approx(np.asarray(b), rel=1e-4, abs=1e-3)
    assert (hlop_linear(X, W, H) == X @ W.T).all()
    plain = jax.grad(lambda x: jnp.sum((x @ W.T) ** 2))(X)
    assert np.asarray(by_weight[0]) == pytest.approx(np.asarray(plain), rel=1e-5)


def test_what_exact_rows_protect_does_not_change():
    basis = orthonormal_rows(KEY, 3, 6)
    grad = gradients(H_old=basis)[1]
    seen = jax.random.normal(KEY, (7, 3)) @ basis
    assert np.asarray(seen @ grad.T) == pytest.approx(np.zeros((7, 4)), abs=1e-3)


def test_rows_of_zeros_protect_nothing():
    assert np.asarray(gradients(H_old=jnp.zeros((2, 6)))[1]) == pytest.approx(np.asarray(gradients()[1]))


def test_trace_and_carrier_take_their_places():
    pre, carrier = 2 * X + 1, jnp.sign(W)
    error = 2 * (X @ W.T)
    grad_x, grad_W = gradients(pre=pre, backward=carrier, H_old=H)
    assert np.asarray(grad_x) == pytest.approx(np.asarray(error @ carrier), rel=1e-5)
    wanted = error.reshape(-1, 4).T @ orthogonal(pre, H).reshape(-1, 6)
    assert np.asarray(grad_W) == pytest.approx(np.asarray(wanted), rel=1e-3, abs=1e-2)


def test_an_error_that_is_the_same_at_every_step_can_be_summed_first():
    held = jnp.ones((3, 1, 1)) * jax.random.normal(KEY, (5, 4))
    for spikes, mode in ((None, "weight"), (LateralSpikes(4.0, 8), "input")):
        each = [
            jax.vjp(lambda x, W, s=same: hlop_linear(x, W, H, mode=mode, spikes=spikes, same_error=s), X, W)[1](held)  # noqa: B023
            for same in (False, True)
        ]
        for a, b in zip(*each, strict=True):
            assert np.asarray(a) == pytest.approx(np.asarray(b), rel=1e-4, abs=1e-4)


def test_spikes_round_the_projection():
    spikes = LateralSpikes(20.0, 20)
    coarse = gradients(H_old=H, mode="input", spikes=spikes)[1]
    error = (2 * (X @ W.T)).reshape(-1, 4)
    assert np.asarray(coarse) == pytest.approx(np.asarray(error.T @ orthogonal(X, H, spikes).reshape(-1, 6)), rel=1e-4)
    assert float(jnp.abs(coarse - gradients(H_old=H)[1]).max()) > 0.1


def test_kernels_need_not_be_square():
    x, kernels = jax.random.normal(KEY, (2, 2, 6, 7)), jax.random.normal(jax.random.key(1), (3, 2, 3, 5))
    rows = orthonormal_rows(jax.random.key(2), 4, 30)

    def grad(mode):
        return np.asarray(jax.grad(lambda w: jnp.sum(hlop_conv(x, w, rows, mode=mode) ** 2))(kernels))

    assert grad("input") == pytest.approx(grad("weight"), rel=1e-3, abs=2e-2)
    assert patches(x, (3, 5)).shape == (84, 30)


def test_convolution():
    x, kernels = jax.random.normal(KEY, (2, 3, 6, 6)), jax.random.normal(jax.random.key(1), (4, 3, 3, 3))
    rows = orthonormal_rows(jax.random.key(2), 5, 27)

    def grad(**options):
        return jax.jit(jax.grad(lambda w: jnp.sum(hlop_conv(x, w, stride=2, **options) ** 2)))(kernels)

    by_input, by_weight = grad(H_old=rows, mode="input"), grad(H_old=rows)
    assert np.asarray(by_input) == pytest.approx(np.asarray(by_weight), rel=1e-3, abs=1e-2)
    assert np.asarray(rows @ by_weight.reshape(4, 27).T) == pytest.approx(np.zeros((5, 4)), abs=1e-2)
    seen = patches(x, 3, stride=2)
    drive = jnp.moveaxis(hlop_conv(x, kernels, stride=2), 1, -1).reshape(-1, 4)
    assert np.asarray(seen @ kernels.reshape(4, 27).T) == pytest.approx(np.asarray(drive), abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((X, W, H[:, :5]), {}, "H_old must have 6"),
        ((X[..., :5], W), {}, "x must have 6"),
        ((X, W), {"pre": X[..., :5]}, "pre must have 6"),
        ((X, W), {"backward": W.T}, "backward must have the shape"),
    ],
)
def test_shapes_are_told_where_types_are_not_checked(arguments, options, message):
    unchecked = getattr(hlop_linear, "__wrapped__", hlop_linear)
    with pytest.raises(ValueError, match=message):
        unchecked(*arguments, **options)


def test_wrong_use_is_told():
    for wrong, message in [
        (lambda: hlop_linear(X, W, H, spikes=LateralSpikes()), "mode must be input"),
        (lambda: hlop_conv(jnp.ones((1, 3, 4, 4)), jnp.ones((2, 3, 3, 3)), H), "27 features"),
    ]:
        with pytest.raises(ValueError, match=message):
            wrong()
