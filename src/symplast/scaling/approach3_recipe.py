"""The authors' own recipe for Approach 3, kept apart: for published numbers only, not for use.

One L-BFGS-B run with analytic gradient inside a fixed box, from the best of 1024 grid points by squared L residuals or
from one random point. Its answers depend on the optimiser's tolerances; :func:`symplast.scaling.fit_surface` with
``method="a3"`` solves the same problems to their minimum.

Source: experiment code of arXiv:2603.22339 (bounds, grid, tolerances).
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from symplast.on_use import minimize

LOW = np.array([1e-6, 1e-6, 1e-6, 0.01, 0.01])
HIGH = np.array([10.0, 1e6, 1e6, 0.99, 0.99])
"""The box of (E, A, B, alpha, beta)."""

START_E = np.linspace(0.1, 5.0, 4)
START_COEFFICIENT = np.logspace(1, 4, 4)
START_EXPONENT = np.linspace(0.05, 0.95, 4)
"""The 4^5 start grid."""


@dataclass(frozen=True)
class RecipeFit:
    """(E, A, B, alpha, beta) where the optimiser stopped, its objective, and whether it said it succeeded."""

    parameters: Float[np.ndarray, "5"]
    objective: float
    success: bool

    @property
    def a(self) -> float:
        """Exponent of N*(C)."""
        return float(self.parameters[4] / (self.parameters[3] + self.parameters[4]))

    @property
    def b(self) -> float:
        """Exponent of D*(C)."""
        return float(self.parameters[3] / (self.parameters[3] + self.parameters[4]))


def best_start(log_n: np.ndarray, log_d: np.ndarray, L: np.ndarray) -> Float[np.ndarray, "5"]:
    """The point of the 1024-point grid with the smallest sum of squared L residuals."""
    pairs = np.array(list(itertools.product(START_COEFFICIENT, START_EXPONENT)))
    U = pairs[:, :1] * np.exp(-pairs[:, 1:] * log_n)
    V = pairs[:, :1] * np.exp(-pairs[:, 1:] * log_d)
    r = (L - START_E[:, None])[:, None, None, :] - U[:, None, :] - V[None, :, :]
    e, i, j = np.unravel_index(np.argmin(np.einsum("eijn,eijn->eij", r, r)), r.shape[:3])
    return np.array([START_E[e], pairs[i, 0], pairs[j, 0], pairs[i, 1], pairs[j, 1]])


def random_start(rng: np.random.Generator) -> Float[np.ndarray, "5"]:
    """One uniform point of the box: E, A, B, alpha, beta in this order."""
    return np.array([rng.uniform(low, high) for low, high in zip(LOW, HIGH, strict=True)])


def squared_residuals(p: np.ndarray, log_n: np.ndarray, log_d: np.ndarray, L: np.ndarray) -> tuple[float, np.ndarray]:
    """Sum of (L - fit)^2 over (E, A, B, alpha, beta), and its gradient."""
    u, v = np.exp(-p[3] * log_n), np.exp(-p[4] * log_d)
    r = L - p[0] - p[1] * u - p[2] * v
    ru, rv = r * u, r * v
    slope = [-r.sum(), -ru.sum(), -rv.sum(), p[1] * (ru @ log_n), p[2] * (rv @ log_d)]
    return float(r @ r), 2 * np.array(slope)


def squared_log_residuals(
    p: np.ndarray, log_n: np.ndarray, log_d: np.ndarray, log_loss: np.ndarray
) -> tuple[float, np.ndarray]:
    """Sum of (ln L - logsumexp)^2 over (ln E, ln A, ln B, alpha, beta), and its gradient."""
    e, u, v = np.exp(p[0]), np.exp(p[1] - p[3] * log_n), np.exp(p[2] - p[4] * log_d)
    fitted = e + u + v
    r = log_loss - np.log(fitted)
    pull = r / fitted
    pull_u, pull_v = pull * u, pull * v
    slope = [-e * pull.sum(), -pull_u.sum(), -pull_v.sum(), pull_u @ log_n, pull_v @ log_d]
    return float(r @ r), 2 * np.array(slope)


def authors_approach3(
    N: np.ndarray,
    D: np.ndarray,
    L: np.ndarray,
    *,
    objective: Literal["mse", "log"] = "log",
    start: np.ndarray | None = None,
    maxiter: int = 10_000,
) -> RecipeFit:
    """The authors' Approach 3: one L-BFGS-B, ftol = gtol = 1e-15.

    Args:
        N, D, L: checked columns.
        objective: ``mse``, sum of squared L residuals in linear parameters ("MLE"), or ``log``, sum of squared log
            residuals in log parameters ("Approach 3").
        start: (E, A, B, alpha, beta); None takes :func:`best_start`.
        maxiter: iteration limit.

    Returns:
        Where it stopped.

    Example:
        >>> from symplast.scaling import SURFACES, simulate_isoflop
        >>> runs = simulate_isoflop(SURFACES["symmetric"], [1e17, 1e19, 1e21], 15, 1.0)
        >>> round(authors_approach3(runs.N, runs.D, runs.L).a, 3)
        0.5
    """
    log_n, log_d = np.log(N), np.log(D)
    start = best_start(log_n, log_d, L) if start is None else start
    low, high, target = LOW.copy(), HIGH.copy(), L
    function: Callable[..., tuple[float, np.ndarray]] = squared_residuals
    if objective == "log":
        start = np.concatenate([np.log(start[:3]), start[3:]])
        low[:3], high[:3] = np.log(low[:3]), np.log(high[:3])
        function, target = squared_log_residuals, np.log(L)
    found = minimize(
        function, start, args=(log_n, log_d, target), jac=True, method="L-BFGS-B",
        bounds=list(zip(low, high, strict=True)), options={"ftol": 1e-15, "gtol": 1e-15, "maxiter": maxiter},
    )  # fmt: skip
    p = np.array(found.x)
    if objective == "log":
        p[:3] = np.exp(p[:3])
    return RecipeFit(p, float(found.fun), bool(found.success))
