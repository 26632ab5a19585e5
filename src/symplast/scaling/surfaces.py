"""The loss surface L(N, D) = E + A N^-alpha + B D^-beta, and the compute-optimal allocation that follows from it.

N counts parameters, D counts training tokens, C is compute in FLOP with C = 6 N D, and L is a loss (nats per token
unless the table says otherwise). Parameters are always in raw units: per parameter and per token, not per million.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

Real: TypeAlias = float | int | np.number
"""One number."""

Numbers: TypeAlias = Real | ArrayLike
"""A number or anything that makes an array of them."""

FLOP_PER_PARAMETER_TOKEN = 6.0
"""Forward and backward pass of a dense transformer: C = 6 N D."""


@dataclass(frozen=True)
class Allocation:
    """How a compute budget is split between parameters and tokens.

    log10 N*(C) = a log10 C + a0 and log10 D*(C) = b log10 C + b0.

    Args:
        a: exponent of the parameters.
        a0: intercept of the parameters, in log10 units.
        b: exponent of the tokens.
        b0: intercept of the tokens, in log10 units.

    Example:
        >>> Allocation(a=0.5, a0=-1.0, b=0.5, b0=0.2218487496).n_opt(1e20).round(3)
        np.float64(1000000000.0)

    Source: Eq. 5 of arXiv:2603.22339.
    """

    a: Real
    a0: Real
    b: Real
    b0: Real

    def n_opt(self, C: Numbers) -> np.ndarray | np.float64:
        """Parameters N*(C) for compute C in FLOP, any shape."""
        return 10.0 ** (self.a * np.log10(_compute(C)) + self.a0)

    def d_opt(self, C: Numbers) -> np.ndarray | np.float64:
        """Tokens D*(C) for compute C in FLOP, any shape."""
        return 10.0 ** (self.b * np.log10(_compute(C)) + self.b0)


@dataclass(frozen=True)
class LossSurface:
    """Final loss of a training run as a function of its size and its data.

    L(N, D) = E + A N^-alpha + B D^-beta.

    Args:
        alpha: exponent of the parameters, > 0.
        beta: exponent of the tokens, > 0.
        A: coefficient of the parameters, >= 0, in loss x parameters^alpha.
        B: coefficient of the tokens, >= 0, in loss x tokens^beta.
        E: irreducible loss, >= 0.

    Raises:
        ValueError: an exponent that is not positive, or a negative coefficient.

    Example:
        >>> chinchilla = SURFACES["chinchilla"]
        >>> round(float(chinchilla.loss(70e9, 1.4e12)), 4)
        1.9366
        >>> f"{chinchilla.n_opt(1e24):.4g} parameters, {chinchilla.d_opt(1e24):.4g} tokens"
        '4.13e+10 parameters, 4.036e+12 tokens'

    Source: Eq. 1-6 of arXiv:2603.22339; Approach 3 of arXiv:2203.15556.
    """

    alpha: Real
    beta: Real
    A: Real
    B: Real
    E: Real

    def __post_init__(self) -> None:
        for name in ("alpha", "beta"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be positive and finite, got {getattr(self, name)}")
        for name in ("A", "B", "E"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be finite and not negative, got {getattr(self, name)}")

    @property
    def a(self) -> float:
        """Exponent of N*(C): beta / (alpha + beta)."""
        return float(self.beta / (self.alpha + self.beta))

    @property
    def b(self) -> float:
        """Exponent of D*(C): alpha / (alpha + beta)."""
        return float(self.alpha / (self.alpha + self.beta))

    @property
    def G(self) -> float:  # noqa: N802
        """N*(6) = (alpha A / (beta B))^(1 / (alpha + beta))."""
        if self.A == 0 or self.B == 0:
            raise ValueError(
                f"A and B must both be positive for a compute optimum, got A={self.A:g}, B={self.B:g}; "
                "the surface is flat in the other direction, so give runs that vary more in it"
            )
        return float((self.alpha * self.A / (self.beta * self.B)) ** (1 / (self.alpha + self.beta)))

    @property
    def a0(self) -> float:
        """Intercept of log10 N*(C)."""
        return float(np.log10(self.G) - self.a * np.log10(FLOP_PER_PARAMETER_TOKEN))

    @property
    def b0(self) -> float:
        """Intercept of log10 D*(C)."""
        return float(-np.log10(self.G) - self.b * np.log10(FLOP_PER_PARAMETER_TOKEN))

    @property
    def allocation(self) -> Allocation:
        """The optimal split at every budget."""
        return Allocation(self.a, self.a0, self.b, self.b0)

    @property
    def K(self) -> float:  # noqa: N802
        """Coefficient of the reducible loss at the optimum: A G^-alpha + B G^beta."""
        return float(self.A * self.G**-self.alpha + self.B * self.G**self.beta)

    @property
    def compute_exponent(self) -> float:
        """Exponent of the reducible loss in compute: alpha beta / (alpha + beta)."""
        return float(self.alpha * self.beta / (self.alpha + self.beta))

    def loss(self, N: Numbers, D: Numbers) -> np.ndarray | np.float64:
        """Loss of a run with N parameters and D tokens (broadcast against each other)."""
        N, D = np.asarray(N, dtype=float), np.asarray(D, dtype=float)
        return self.E + self.A * N**-self.alpha + self.B * D**-self.beta

    def n_opt(self, C: Numbers) -> np.ndarray | np.float64:
        """Parameters N*(C) = G (C/6)^a that minimise the loss at compute C (FLOP)."""
        return self.G * (_compute(C) / FLOP_PER_PARAMETER_TOKEN) ** self.a

    def d_opt(self, C: Numbers) -> np.ndarray | np.float64:
        """Tokens D*(C) = (C/6)^b / G that minimise the loss at compute C (FLOP)."""
        return (_compute(C) / FLOP_PER_PARAMETER_TOKEN) ** self.b / self.G

    def loss_opt(self, C: Numbers) -> np.ndarray | np.float64:
        """The smallest loss that compute C (FLOP) can buy: E + K (C/6)^(-alpha beta/(alpha+beta))."""
        return self.E + self.K * (_compute(C) / FLOP_PER_PARAMETER_TOKEN) ** -self.compute_exponent

    def c_from_loss(self, loss: Numbers) -> np.ndarray | np.float64:
        """Compute (FLOP) that reaches a loss when it is split optimally; the inverse of ``loss_opt``.

        Raises:
            ValueError: a loss at or below the irreducible loss E.
        """
        loss = np.asarray(loss, dtype=float)
        if np.any(~(loss > self.E)):
            raise ValueError(f"loss must exceed the irreducible loss E={self.E:g}, got {np.min(loss):g}")
        return FLOP_PER_PARAMETER_TOKEN * ((loss - self.E) / self.K) ** (-1 / self.compute_exponent)

    def in_units(self, parameters: Real = 1.0, tokens: Real = 1.0) -> "LossSurface":
        """The same surface for N counted in ``parameters`` and D in ``tokens``.

        A' = A parameters^-alpha and B' = B tokens^-beta; exponents and E stay. ``in_units(1e6, 1e9)`` gives A and B per
        million parameters and per billion tokens; ``in_units(1e-6, 1e-9)`` goes back.

        Example:
            >>> SURFACES["chinchilla"].in_units(1e6, 1e9)
            LossSurface(alpha=0.34, beta=0.28, A=3.7064..., B=1.2402..., E=1.69)
        """
        if not (parameters > 0 and tokens > 0):
            raise ValueError(f"parameters and tokens must be positive units, got {parameters} and {tokens}")
        return LossSurface(self.alpha, self.beta, self.A * parameters**-self.alpha, self.B * tokens**-self.beta, self.E)


def _compute(C: Numbers) -> np.ndarray:
    C = np.asarray(C, dtype=float)
    if not np.all((C > 0) & np.isfinite(C)):
        raise ValueError(f"C must be positive FLOP, got {C}")
    return C


SURFACES = {
    "symmetric": LossSurface(alpha=0.31, beta=0.31, A=400.0, B=400.0, E=1.69),
    "chinchilla": LossSurface(alpha=0.34, beta=0.28, A=406.4, B=410.7, E=1.69),
    "asymmetric": LossSurface(alpha=0.465, beta=0.155, A=406.4, B=410.7, E=1.69),
    "soda": LossSurface(alpha=0.684, beta=0.439, A=215886.0, B=4750.0, E=3.169),
    "sparse-nmm": LossSurface(alpha=0.710, beta=0.372, A=381773.0, B=4659.0, E=2.158),
    "llama-3": LossSurface(alpha=0.310006086, beta=0.313643067, A=59.14107, B=155.11416, E=0.604669514),
}
"""Surfaces by name: three synthetic ones, two digitised multimodal ones (arXiv:2603.22339), and a Llama 3 fit."""
