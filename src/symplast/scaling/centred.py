"""Columns as the solvers want them: centred logs, padded to few lengths so that few programs are compiled."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from symplast.scaling.surfaces import LossSurface

PADDING = 64
"""Tables are padded with weight-zero rows to a multiple of this, so that tables of similar size share a program."""


class CentredRuns(NamedTuple):
    """Padded, centred columns of a table: ``x`` = ln N - mean, ``y`` = ln D - mean, ``L``, weights (0 for padding)."""

    x: Float[Array, "*tables runs"]
    y: Float[Array, "*tables runs"]
    L: Float[Array, "*tables runs"]
    weights: Float[Array, "*tables runs"]


class Centre(NamedTuple):
    """The means that were taken off ln N and ln D."""

    log_n: float
    log_d: float

    def raw(self, exponents: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(E, A, B) in raw units from exponents ``[..., 2]`` and theta ``[..., 3]`` for centred logs."""
        A = theta[..., 1] * np.exp(exponents[..., 0] * self.log_n)
        B = theta[..., 2] * np.exp(exponents[..., 1] * self.log_d)
        return np.asarray(theta[..., 0]), np.asarray(A), np.asarray(B)

    def surface(self, exponents: np.ndarray, theta: np.ndarray) -> LossSurface:
        """One fit as a surface; coefficients that are negative (least squares without constraint) are refused there."""
        E, A, B = self.raw(exponents, theta)
        return LossSurface(float(exponents[0]), float(exponents[1]), float(A), float(B), float(E))

    def centred(self, surface: LossSurface) -> np.ndarray:
        """(E, A', B', alpha, beta) of a surface for centred logs."""
        A = surface.A * np.exp(-surface.alpha * self.log_n)
        B = surface.B * np.exp(-surface.beta * self.log_d)
        return np.array([surface.E, A, B, surface.alpha, surface.beta])


def padded_length(n: int) -> int:
    """The next multiple of PADDING, of 4 PADDING above 512 runs."""
    step = PADDING if n <= 512 else 4 * PADDING
    return -(-n // step) * step


def pad(values: np.ndarray, fill: float, length: int) -> np.ndarray:
    """Lengthen the last axis with a constant."""
    widths = [(0, 0)] * (values.ndim - 1) + [(0, length - values.shape[-1])]
    return np.pad(values, widths, constant_values=fill)


def centre_runs(
    N: np.ndarray, D: np.ndarray, L: np.ndarray, weights: np.ndarray | None = None, length: int | None = None
) -> tuple[CentredRuns, Centre]:
    """Centre and pad checked columns; call it under ``in_double_precision``.

    Args:
        N, D, L: parameters, tokens, loss.
        weights: of each run; None means 1.
        length: padded length; None takes the next multiple of PADDING.

    Returns:
        The columns as JAX arrays, and what was taken off.
    """
    length = length or padded_length(N.size)
    x, y = np.log(N), np.log(D)
    centre = Centre(float(x.mean()), float(y.mean()))
    weights = np.ones(N.size) if weights is None else weights
    columns = ((x - centre.log_n, 0.0), (y - centre.log_d, 0.0), (L, 1.0), (weights, 0.0))
    return CentredRuns(*(jnp.asarray(pad(values, fill, length)) for values, fill in columns)), centre
