"""How a sign-diverse rule acts on any net of your own: its Jacobian's spectrum, and how far it is from a gradient."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import scipy.sparse.linalg
from jaxtyping import Array, Complex, Float, PyTree

from symplast.curl.signs import Axis, Signs, flip
from symplast.learning.lengths import length

LARGEST_DENSE = 5000
"""Most weights for which the whole Jacobian is built."""


def learning_jacobian(
    loss: Callable[..., Float[Array, ""]],
    params: PyTree,
    signs: Signs,
    axis: Axis = "pre",
    args: tuple[Any, ...] = (),
) -> Float[np.ndarray, "weights weights"]:
    """``- D H``: Jacobian of sign-diverse gradient descent, H the Hessian of a loss and D the signs of all weights.

    Args:
        loss: of a user's own net, ``loss(params, *args)``.
        params: where.
        signs: as for :func:`symplast.curl.sign_diverse`.
        axis: which neurons carry the signs.
        args: what else the loss takes, such as examples. The same loss with others of their shape compiles nothing.

    Raises:
        ValueError: more weights than a dense matrix should have; use :func:`jacobian_spectrum` with ``k``.
    """
    weights = sum(np.size(leaf) for leaf in jax.tree.leaves(params))
    if weights > LARGEST_DENSE:
        raise ValueError(
            f"params must have at most {LARGEST_DENSE} entries for a dense Jacobian, got {weights}; "
            "ask jacobian_spectrum for the k largest eigenvalues"
        )
    return -_flat_signs(signs, params, axis)[:, None] * np.asarray(_hessian(loss, params, args))


@partial(jax.jit, static_argnums=0)
def _hessian(loss: Callable[..., Array], params: PyTree, args: tuple[Any, ...]) -> Float[Array, "weights weights"]:
    flat, unravel = jax.flatten_util.ravel_pytree(params)
    return jax.hessian(lambda vector: loss(unravel(vector), *args))(flat)


@partial(jax.jit, static_argnums=0)
def _jacobian(function: Callable[..., Array], params: PyTree, args: tuple[Any, ...]) -> Float[Array, "values weights"]:
    flat, unravel = jax.flatten_util.ravel_pytree(params)
    return jax.jacrev(lambda vector: function(unravel(vector), *args))(flat)


def jacobian_spectrum(
    loss: Callable[[PyTree], Float[Array, ""]],
    params: PyTree,
    signs: Signs,
    k: int | None = None,
    axis: Axis = "pre",
) -> Complex[np.ndarray, " eigenvalues"]:
    """Eigenvalues of ``- D H``, largest real part first: how the learning rule moves near a point, for any net.

    Args:
        loss: of a user's own net.
        params: where, such as a trained net.
        signs: as for :func:`symplast.curl.sign_diverse`.
        k: only the k eigenvalues of largest real part, matrix-free: Hessian-vector products by automatic
            differentiation and ARPACK. None builds the matrix.
        axis: which neurons carry the signs.

    Returns:
        complex128 eigenvalues. A real part above 0 means that the point is left.

    Raises:
        ValueError: too many weights for the dense form, or k outside [1, weights - 2].

    Example:
        >>> weights = {"w": jnp.array([[1.0, 2.0, 0.5, 1.0]])}
        >>> signs = {"w": jnp.array([1.0, -1.0, 1.0, 1.0])}
        >>> values = jacobian_spectrum(lambda p: jnp.sum(p["w"] ** 2), weights, signs)
        >>> values.real.tolist()
        [2.0, -2.0, -2.0, -2.0]
        >>> round(float(jacobian_spectrum(lambda p: jnp.sum(p["w"] ** 2), weights, signs, k=1)[0].real), 4)
        2.0
    """
    flat, unravel = jax.flatten_util.ravel_pytree(params)
    if k is None:
        values = np.linalg.eigvals(learning_jacobian(loss, params, signs, axis).astype(np.float64))
    else:
        if not 1 <= k <= flat.size - 2:
            raise ValueError(f"k must be in [1, weights - 2 = {flat.size - 2}], got {k}")
        vector_signs = _flat_signs(signs, params, axis)
        gradient = jax.grad(lambda vector: loss(unravel(vector)))
        product = jax.jit(lambda v: jax.jvp(gradient, (flat,), (v,))[1])

        def apply(v: np.ndarray) -> np.ndarray:
            return -vector_signs * np.asarray(product(jnp.asarray(v.ravel(), flat.dtype)), np.float64)

        operator = scipy.sparse.linalg.LinearOperator((flat.size, flat.size), matvec=apply, dtype=np.float64)
        start = np.random.default_rng(0).normal(size=flat.size)
        values = scipy.sparse.linalg.eigs(operator, k=k, which="LR", v0=start, return_eigenvectors=False)
    return values.astype(np.complex128)[np.argsort(-values.real, kind="stable")]


def signed_kernel(
    residuals: Callable[..., Float[Array, " residuals"]],
    params: PyTree,
    signs: Signs,
    axis: Axis = "pre",
    args: tuple[Any, ...] = (),
) -> Float[np.ndarray, "residuals residuals"]:
    """``J D J^T / residuals``, J the Jacobian of the residuals: the tangent kernel with the signs of the rule.

    Where all residuals vanish, ``H = J^T J / residuals`` for the loss ``1/2 mean residual^2``, and the non-zero
    eigenvalues of ``- D H`` are exactly those of minus this symmetric matrix: the solution of *any* net, of any depth
    and activation, is stable if and only if the kernel is positive definite on the range of J.

    Args:
        residuals: ``(params, *args)`` -> outputs less targets, all examples and outputs side by side.
        params: where.
        signs: as for :func:`symplast.curl.sign_diverse`.
        axis: which neurons carry the signs.
        args: what else the residuals take. The same function with others of their shape compiles nothing.

    Example:
        >>> weights = {"w": jnp.array([[1.0, 2.0]])}
        >>> kernel = signed_kernel(lambda p: p["w"][0] * p["w"][0], weights, {"w": jnp.array([1.0, -1.0])})
        >>> kernel.tolist()
        [[2.0, 0.0], [0.0, -8.0]]

    Source:
        Ours: AB and BA have the same non-zero eigenvalues.
    """
    jacobian = np.asarray(_jacobian(residuals, params, args), np.float64)
    return (jacobian * _flat_signs(signs, params, axis)) @ jacobian.T / jacobian.shape[0]


def curl_fraction(
    field: Callable[[Float[Array, " n"]], Float[Array, " n"]], at: Float[Array, " n"]
) -> Float[Array, ""]:
    """How far a learning rule is from a gradient: ``|J - J^T|_F / (2 |J|_F)``, J its Jacobian; 0 for gradient descent.

    Args:
        field: parameters -> their rate of change.
        at: where.

    Returns:
        The fraction, in [0, 1]; 0 where the field doesn't change at all.

    Example:
        >>> at = jnp.array([1.0, 2.0])
        >>> float(curl_fraction(lambda w: -w, at)), float(curl_fraction(lambda w: jnp.array([-w[1], w[0]]), at))
        (0.0, 1.0)
    """
    jacobian = jax.jacobian(field)(at)
    size = length(jacobian)
    return length(jacobian - jacobian.T) / jnp.where(size > 0, 2 * size, 1)


def _flat_signs(signs: Signs, params: PyTree, axis: Axis) -> Float[np.ndarray, " weights"]:
    """The sign of each weight, in the order of ``ravel_pytree``; on the host."""

    def of(sign: Any, weight: Any) -> np.ndarray:
        ones = np.ones(np.shape(weight))
        return ones if sign is None else np.asarray(flip(ones, np.asarray(sign), axis))

    full = jax.tree.map(of, signs, params, is_leaf=lambda leaf: leaf is None)
    return np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(full)])
