"""Layers whose weight gradient is orthogonal to protected subspaces; forward pass and passed-on error are untouched.

    out = x W^T;   grad_W = g^T (x - x H^T H),   grad_x = g B

B carries the error back: W itself, or feedback weights. Projecting the input of every row (``input`` mode) and
projecting the summed gradient, ``grad_W (I - H^T H)`` (``weight`` mode), are the same for linear lateral neurons;
which is cheaper depends on whether W has more rows or the input (``cheaper`` mode: counted from the shapes). With
spiking lateral neurons only the first is defined.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from symplast.hlop.circuit import Rows, orthogonal
from symplast.hlop.lateral_spikes import LateralSpikes
from symplast.spiking.arguments import check_choice

Mode: TypeAlias = Literal["input", "weight", "cheaper"]
Padding: TypeAlias = str | Sequence[tuple[int, int]]


def hlop_linear(
    x: Float[Array, "*rows n"],
    W: Float[Array, "out n"],
    H_old: Rows | None = None,
    *,
    pre: Float[Array, "*rows n"] | None = None,
    backward: Float[Array, "out n"] | None = None,
    mode: Mode = "weight",
    spikes: LateralSpikes | None = None,
    same_error: bool = False,
) -> Float[Array, "*rows out"]:
    """``x W^T``, with a gradient of W that leaves the responses to the subspace of H_old alone.

    Args:
        x: presynaptic activity.
        W: weights.
        H_old: lateral rows of earlier tasks, None for no projection; rows of zeros protect nothing.
        pre: trace that takes the place of x in the gradient of W (three-factor rules); None for x itself.
        backward: what carries the error to x instead of W (feedback alignment, sign-symmetric feedback).
        mode: where the projection is made: at the ``input``, at the ``weight``, or where it is ``cheaper``.
        spikes: spiking lateral neurons.
        same_error: the error is the same all along the first axis (time), as :class:`DSRNeuron` passes it on; the
            backward pass then takes one row of errors and the sum of the inputs.

    Returns:
        The drive of the next layer.

    Raises:
        ValueError: shapes that don't fit, or weight mode with spiking lateral neurons.

    Example:
        >>> H_old, x = jnp.array([[0.6, 0.8]]), jnp.array([1.0, 0.0])
        >>> print(jax.grad(lambda W: 2 * hlop_linear(x, W, H_old)[0])(jnp.ones((1, 2))).round(4))
        [[ 1.28 -0.96]]
    """
    _check(mode, spikes)
    for name, value, width in (
        ("x", x, W.shape[1]),
        ("H_old", H_old, W.shape[1]),
        ("pre", pre, W.shape[1]),
    ):
        if value is not None and value.shape[-1] != width:
            raise ValueError(f"{name} must have {width} features like W, got shape {value.shape}")
    if backward is not None and backward.shape != W.shape:
        raise ValueError(f"backward must have the shape of W {W.shape}, got {backward.shape}")
    return _linear((mode, same_error), x, W, (H_old, pre, backward, spikes))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _linear(how: tuple[Mode, bool], x: Array, W: Array, fixed: Any) -> Array:
    return x @ W.T


def _linear_forward(how: tuple[Mode, bool], x: Array, W: Array, fixed: Any) -> tuple[Array, Any]:
    return x @ W.T, (x, W, fixed)


def _linear_backward(how: tuple[Mode, bool], kept: Any, g: Array) -> tuple[Array, Array, Any]:
    (mode, same_error), (x, W, fixed) = how, kept
    H_old, pre, backward, spikes = fixed
    rows, error = x if pre is None else pre, g[0] if same_error else g
    if same_error and spikes is None:  # the projection is linear, so the sum may come first
        rows = jnp.sum(rows, axis=0)
    if mode == "cheaper":
        mode = "input" if spikes is not None or rows.size // W.shape[1] < len(W) else "weight"
    if mode == "input" and H_old is not None:
        rows = orthogonal(rows, H_old, spikes)
    if same_error and spikes is not None:
        rows = jnp.sum(rows, axis=0)
    grad = error.reshape(-1, W.shape[0]).T @ rows.reshape(-1, W.shape[1])
    if mode == "weight" and H_old is not None:
        grad = orthogonal(grad, H_old)
    grad_x = jnp.broadcast_to(error @ (W if backward is None else backward), x.shape)
    return grad_x, grad, jax.tree.map(jnp.zeros_like, fixed)


_linear.defvjp(_linear_forward, _linear_backward)


def hlop_conv(
    x: Float[Array, "rows channels height width"],
    W: Float[Array, "out channels kernel_height kernel_width"],
    H_old: Rows | None = None,
    *,
    stride: int = 1,
    padding: Padding = "SAME",
    mode: Mode = "weight",
    spikes: LateralSpikes | None = None,
) -> Float[Array, "rows out h w"]:
    """A convolution whose kernel gradient is orthogonal to the subspace of H_old over patches.

    Args:
        x: presynaptic activity.
        W: kernels.
        H_old: (k, channels * kernel_height * kernel_width) lateral rows over patches, in the order of
            ``patches(x, ...)``.
        stride, padding: of the convolution.
        mode, spikes: as for :func:`hlop_linear`.

    Returns:
        The drive of the next layer.

    Raises:
        ValueError: shapes that don't fit, or weight mode with spiking lateral neurons.

    Example:
        >>> x, W = jnp.ones((2, 1, 4, 4)), jnp.ones((3, 1, 3, 3))
        >>> seen = jnp.full((1, 9), 1 / 3)  # the only patch there is, of norm 1
        >>> grad = jax.grad(lambda W: hlop_conv(x, W, seen, padding="VALID").sum())(W)
        >>> bool(jnp.abs(grad).max() < 1e-5)
        True
    """
    _check(mode, spikes)
    features = W.shape[1] * W.shape[2] * W.shape[3]
    if H_old is not None and H_old.shape[-1] != features:
        raise ValueError(f"H_old must have {features} features, channels x kernel size, got shape {H_old.shape}")
    return _conv((mode, stride, padding if isinstance(padding, str) else tuple(padding)), x, W, (H_old, spikes))


def patches(
    x: Float[Array, "rows channels height width"],
    size: int | tuple[int, int],
    *,
    stride: int = 1,
    padding: Padding = "SAME",
) -> Float[Array, "positions features"]:
    """The patches that a convolution sees, one a row: what its lateral circuit learns from.

    Args:
        x: presynaptic activity.
        size: of the kernel, a side or (height, width).
        stride, padding: of the convolution.

    Example:
        >>> patches(jnp.ones((2, 3, 8, 8)), 3, padding="VALID").shape
        (72, 27)
    """
    sides = (size, size) if isinstance(size, int) else size
    found = jax.lax.conv_general_dilated_patches(x, sides, (stride, stride), padding)
    return jnp.moveaxis(found, 1, -1).reshape(-1, found.shape[1])


def _convolved(how: Any, x: Array, W: Array) -> Array:
    return jax.lax.conv_general_dilated(x, W, (how[1], how[1]), how[2])


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _conv(how: Any, x: Array, W: Array, fixed: Any) -> Array:
    return _convolved(how, x, W)


def _conv_forward(how: Any, x: Array, W: Array, fixed: Any) -> tuple[Array, Any]:
    return _convolved(how, x, W), (x, W, fixed)


def _conv_backward(how: Any, kept: Any, g: Array) -> tuple[Array, Array, Any]:
    x, W, fixed = kept
    H_old, spikes = fixed
    grad_x, grad = jax.vjp(partial(_convolved, how), x, W)[1](g)
    if H_old is not None and how[0] != "input" and spikes is None:  # patches are more rows than kernels
        grad = orthogonal(grad.reshape(len(W), -1), H_old).reshape(W.shape)
    elif H_old is not None:
        rows = orthogonal(patches(x, W.shape[2:], stride=how[1], padding=how[2]), H_old, spikes)
        grad = (jnp.moveaxis(g, 1, -1).reshape(-1, len(W)).T @ rows).reshape(W.shape)
    return grad_x, grad, jax.tree.map(jnp.zeros_like, fixed)


_conv.defvjp(_conv_forward, _conv_backward)


def _check(mode: Any, spikes: LateralSpikes | None) -> None:
    check_choice(mode, "mode", ("input", "weight", "cheaper"))
    if mode == "weight" and spikes is not None:
        raise ValueError("mode must be input or cheaper with spiking lateral neurons: their projection is not linear")
