"""Activation functions by name, and which of them may be evaluated at complex arguments."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact

Activation = Callable[[Array], Array]


def shifted_sigmoid(z: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
    """``1 / (1 + exp(2 - 4 z))``: a logistic function of slope 1 at its middle, z = 1/2.

    Example:
        >>> shifted_sigmoid(jnp.array([0.0, 0.5])).tolist()
        [0.1192029..., 0.5]

    Source:
        [reference code] of arXiv:2309.02214.
    """
    return jax.lax.logistic(4 * z - 2)


def dsilu(z: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
    """``(z/2) s(z) + (1 - z/2) s(z - 2)``, s the logistic function: near 0 below 0, near 1 above 2.

    Example:
        >>> dsilu(jnp.array([0.0, 1.0, 2.0])).tolist()
        [0.1192029..., 0.5, 0.8807970...]

    Source:
        [reference code] of arXiv:2309.02214.
    """
    return z / 2 * jax.lax.logistic(z) + (1 - z / 2) * jax.lax.logistic(z - 2)


def linear(z: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
    """``z``."""
    return z


ACTIVATIONS: dict[str, Activation] = {
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "linear": linear,
    "shifted-sigmoid": shifted_sigmoid,
    "dsilu": dsilu,
}

HOLOMORPHIC: frozenset[str] = frozenset(ACTIVATIONS) - {"relu"}
"""Activations with a complex derivative on a strip round the real line; all but linear have poles off it."""
