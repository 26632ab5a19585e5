"""L-BFGS for circuits whose optimum has no closed form; steps that would destabilise the circuit are rejected.

It runs on the host, since stability is a question of eigenvalues; only objective and gradient are compiled.
"""

from collections import deque

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from symplast.gain_control.arguments import spectral_abscissa
from symplast.gain_control.circuit import GainCircuit, Gains
from symplast.gain_control.cost import CodingCost
from symplast.gain_control.objective import objective
from symplast.learning.compiling import lightly

START = 0.6
"""Gain from which the search begins, or what is left of it where that is not stable."""

MOST_STEPS = 500
MEMORY = 20
"""Pairs of steps and changes of the gradient that make the direction."""

SHORTEST = 1e-12
"""Share of a step below which the search gives up."""

GOAL = 1e-11
"""Norm of the gradient, over what the search began with, at which it ends; 1e-5 in float32."""

Pairs = deque[tuple[np.ndarray, np.ndarray]]


def descend(circuit: GainCircuit, p: np.ndarray, cost: CodingCost) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gains that minimise the objective under one ensemble, its three terms there, and its gradient.

    The step is halved until the circuit stays stable and the objective falls.

    Raises:
        RuntimeError: the search did not converge.
    """
    weights = np.asarray(circuit.weights, dtype=float)
    dtype = circuit.drive.dtype
    rounding = float(jnp.finfo(dtype).eps)

    def stable(g: np.ndarray) -> bool:
        return circuit.gain_site == "drive" or spectral_abscissa(g[:, None] * weights) < 1

    def look(g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        terms, gradient = _look(g.astype(dtype), circuit, p.astype(dtype), cost)
        return np.asarray(terms, dtype=float), np.asarray(gradient, dtype=float)

    g = np.full(circuit.n, START)
    while not stable(g):
        g = g / 2
    terms, gradient = look(g)
    first = float(np.linalg.norm(gradient))
    goal = max(first, abs(terms.sum())) * (GOAL if rounding < 1e-10 else 1e-5)
    pairs: Pairs = deque(maxlen=MEMORY)
    for _ in range(MOST_STEPS):
        if np.linalg.norm(gradient) <= goal:
            break
        direction = newton_direction(gradient, pairs)
        length = 1.0 if pairs else min(1.0, 1 / first)
        slope, loss, found = float(gradient @ direction), terms.sum(), None
        while found is None and length > SHORTEST:
            tried = g + length * direction
            if stable(tried):
                seen = look(tried)
                if seen[0].sum() <= loss + 1e-4 * length * slope + 8 * rounding * abs(loss):
                    found = seen
            length /= 2
        if found is None:
            break
        if (tried - g) @ (found[1] - gradient) > 0:
            pairs.append((tried - g, found[1] - gradient))
        g, (terms, gradient) = tried, found
    if not np.linalg.norm(gradient) <= 1e3 * goal:
        raise RuntimeError(
            f"L-BFGS stopped with a gradient of {np.linalg.norm(gradient):.2g}; it was {first:.2g} at the start"
        )
    return g, terms, gradient


def newton_direction(gradient: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Minus the inverse Hessian that the pairs suggest, times the gradient: the two-loop recursion.

    Source: Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.4.

    Example:
        >>> step, change = np.array([1.0, 0.0]), np.array([4.0, 0.0])
        >>> newton_direction(np.array([2.0, 0.0]), deque([(step, change)])).tolist()
        [-0.5, -0.0]
    """
    q, shares = gradient.copy(), []
    for step, change in reversed(pairs):
        share = (step @ q) / (step @ change)
        shares.append(share)
        q = q - share * change
    if pairs:
        step, change = pairs[-1]
        q = q * (step @ change) / (change @ change)
    for (step, change), share in zip(pairs, reversed(shares), strict=True):
        q = q + (share - (change @ q) / (step @ change)) * step
    return -q


@lightly
def _look(
    g: Gains, circuit: GainCircuit, p: Float[Array, " stimuli"], cost: CodingCost
) -> tuple[Float[Array, "3"], Gains]:
    def value(g: Gains) -> tuple[Array, Array]:
        terms = objective(circuit, g, p, cost)
        return terms.total, jnp.stack([terms.fidelity, terms.activity, terms.homeostasis])

    gradient, terms = jax.grad(value, has_aux=True)(g)
    return terms, gradient
