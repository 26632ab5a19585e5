"""Many surfaces at once: fits of many tables, as arrays."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from symplast.scaling.centred import CentredRuns, pad, padded_length
from symplast.scaling.fit import Bounds, search_space
from symplast.scaling.precision import in_double_precision
from symplast.scaling.surfaces import FLOP_PER_PARAMETER_TOKEN
from symplast.scaling.variable_projection import fit_tables

CHUNK = 32
"""Tables or sets of weights are fitted this many at a time: one compilation whatever their number. Few at a time wait
less for the slowest and stay in the processor's cache."""


@dataclass(frozen=True)
class Surfaces:
    """Fitted surfaces, raw units: arrays of one shape."""

    alpha: np.ndarray
    beta: np.ndarray
    A: np.ndarray
    B: np.ndarray
    E: np.ndarray

    @property
    def a(self) -> np.ndarray:
        """Exponent of N*(C)."""
        return self.beta / (self.alpha + self.beta)

    @property
    def b(self) -> np.ndarray:
        """Exponent of D*(C)."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def optimal(self) -> np.ndarray:
        """Where there is an optimal split at all."""
        return (self.A > 0) & (self.B > 0)

    def n_opt(self, C: float) -> np.ndarray:
        """N*(C) of each; NaN where there is no optimum."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(self.optimal, self.alpha * self.A / (self.beta * self.B), np.nan)
            return ratio ** (1 / (self.alpha + self.beta)) * (C / FLOP_PER_PARAMETER_TOKEN) ** self.a

    def wasted_fraction(self, D: np.ndarray, C: float) -> np.ndarray:
        """Deadweight share of buying D tokens with C, judged by each surface."""
        n_opt = self.n_opt(C)
        flops = C / FLOP_PER_PARAMETER_TOKEN
        reducible = self.A * (flops / D) ** -self.alpha + self.B * D**-self.beta
        best = self.A * n_opt**-self.alpha + self.B * (flops / n_opt) ** -self.beta
        exponent = self.alpha * self.beta / (self.alpha + self.beta)
        return 1 - np.maximum(reducible / best, 1.0) ** (-1 / exponent)


@in_double_precision
def fit_many(
    N: Float[np.ndarray, "tables runs"],
    D: Float[np.ndarray, "tables runs"],
    L: Float[np.ndarray, "tables runs"],
    weights: Float[np.ndarray, "tables runs"] | None = None,
    bounds: Bounds | None = None,
) -> Surfaces:
    """Variable projection (squares, E, A, B >= 0) on many tables of equal length.

    Args:
        N, D, L: the tables; where a weight is 0 any positive number will do.
        weights: 0 for rows that are not there; None means 1.
        bounds: of the exponents.

    Returns:
        One surface per table.

    Example:
        >>> from symplast.scaling import SURFACES, simulate_isoflop
        >>> runs = simulate_isoflop(SURFACES["chinchilla"], [1e18, 1e20], 9, 0.7)
        >>> fit_many(runs.N[None], runs.D[None], runs.L[None]).alpha.round(6)
        array([0.34])
    """
    weights = np.ones_like(L) if weights is None else weights
    total = weights.sum(1, keepdims=True)
    x, y = np.log(N), np.log(D)
    x_mean, y_mean = (weights * x).sum(1, keepdims=True) / total, (weights * y).sum(1, keepdims=True) / total
    x, y = np.where(weights > 0, x - x_mean, 0.0), np.where(weights > 0, y - y_mean, 0.0)
    length, search, parts = padded_length(N.shape[1]), search_space(bounds or Bounds()), []
    for first in range(0, len(L), CHUNK):
        rows = np.minimum(np.arange(first, first + CHUNK), len(L) - 1)
        columns = ((x, 0.0), (y, 0.0), (L, 1.0), (weights, 0.0))
        runs = CentredRuns(*(jnp.asarray(pad(values[rows], fill, length)) for values, fill in columns))
        fit = fit_tables(runs, search, jnp.asarray(True))
        kept = min(CHUNK, len(L) - first)
        parts.append((np.asarray(fit.exponents)[:kept], np.asarray(fit.theta)[:kept]))
    exponents, theta = (np.concatenate(part) for part in zip(*parts, strict=True))
    A = theta[:, 1] * np.exp(exponents[:, 0] * x_mean[:, 0])
    B = theta[:, 2] * np.exp(exponents[:, 1] * y_mean[:, 0])
    return Surfaces(exponents[:, 0], exponents[:, 1], A, B, theta[:, 0])
