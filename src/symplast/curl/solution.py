"""Stability of zero-error solutions, and how far a learning rule is from any gradient."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from symplast.curl.transforms import Signs


class Stability(NamedTuple):
    """Verdict on a zero-error solution of the linear two-layer net.

    Attributes:
        largest: largest eigenvalue of K, the fastest growth rate per unit learning rate.
        verdict: stable, marginal or unstable.
    """

    largest: float
    verdict: Literal["stable", "marginal", "unstable"]


def solution_operator(
    w1: Float[Array, "hidden inputs"],
    w2: Float[Array, "outputs hidden"],
    signs1: Float[Array, " inputs"],
    signs2: Float[Array, " hidden"],
    covariance: Float[Array, "inputs inputs"] | None = None,
) -> Float[Array, "inputs inputs"]:
    """``K = - Sigma^{1/2} (|W2|^2 D1 + W1^T D2 W1) Sigma^{1/2}``, symmetric.

    Its eigenvalues are exactly the non-zero eigenvalues of the learning dynamics' Jacobian at a zero-error solution;
    all others are 0 (movement along the manifold of solutions).

    Args:
        w1, w2: weights of a net with one output.
        signs1, signs2: +-1 of the presynaptic neurons of each layer.
        covariance: of the inputs, identity when None. A full-rank covariance changes rates, never the verdict.

    Raises:
        ValueError: more than one output.
    """
    if w2.shape[0] != 1:
        raise ValueError(f"the closed form holds for one output, got {w2.shape[0]}; use learning_jacobian")
    inner = jnp.sum(w2**2) * jnp.diag(signs1) + w1.T @ (signs2[:, None] * w1)
    if covariance is None:
        return -inner
    values, vectors = jnp.linalg.eigh(covariance)
    root = (vectors * jnp.sqrt(jnp.clip(values, 0, None))) @ vectors.T
    return -root @ inner @ root


def stability(operator: Float[Array, "inputs inputs"], tolerance: float = 1e-9) -> Stability:
    """Is the solution with this operator stable? Within the tolerance of zero it is marginal."""
    largest = float(jnp.linalg.eigvalsh(operator)[-1])
    if abs(largest) <= tolerance:
        return Stability(largest, "marginal")
    return Stability(largest, "stable" if largest < 0 else "unstable")


def learning_jacobian(
    loss: Callable[[PyTree], Float[Array, ""]], params: PyTree, signs: Signs
) -> Float[np.ndarray, "weights weights"]:
    """``- D H``: Jacobian of sign-diverse gradient descent, H the Hessian of a loss and D the signs of all weights.

    Args:
        loss: of a user's own net.
        params: where.
        signs: as for :func:`symplast.curl.sign_diverse`, presynaptic.
    """
    flat, unravel = jax.flatten_util.ravel_pytree(params)
    hessian = np.asarray(jax.hessian(lambda vector: loss(unravel(vector)))(flat))
    full = jax.tree.map(
        lambda sign, weight: jnp.ones_like(weight) if sign is None else jnp.broadcast_to(sign, weight.shape),
        signs,
        params,
        is_leaf=lambda leaf: leaf is None,
    )
    return -np.asarray(jax.flatten_util.ravel_pytree(full)[0])[:, None] * hessian


def curl_fraction(
    field: Callable[[Float[Array, " n"]], Float[Array, " n"]], at: Float[Array, " n"]
) -> Float[Array, ""]:
    """How far a learning rule is from a gradient: ``|J - J^T|_F / (2 |J|_F)``, J its Jacobian; 0 for gradient descent.

    Args:
        field: parameters -> their rate of change.
        at: where.
    """
    jacobian = jax.jacobian(field)(at)
    return jnp.linalg.norm(jacobian - jacobian.T) / (2 * jnp.linalg.norm(jacobian))
