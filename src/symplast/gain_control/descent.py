"""L-BFGS for circuits whose optimum has no closed form; steps that would destabilise the circuit are rejected."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from symplast.gain_control.arguments import spectral_abscissa
from symplast.gain_control.circuit import GainCircuit, Gains
from symplast.gain_control.cost import CodingCost
from symplast.gain_control.objective import loss as loss_at
from symplast.learning.compiling import lightly

START = 0.6
"""Gain from which the search begins, or what is left of it where that is not stable."""

MOST_STEPS = 500
SHORTEST = 1e-12
"""Share of a step below which the search gives up."""

GOAL = 1e-11
"""Norm of the gradient, over what the search began with, at which it ends; 1e-5 in float32."""

_LBFGS = optax.scale_by_lbfgs(memory_size=20)


def descend(circuit: GainCircuit, p: np.ndarray, cost: CodingCost) -> np.ndarray:
    """Gains that minimise the objective under one ensemble.

    The direction is optax's L-BFGS; the step is halved until the circuit stays stable and the objective falls.

    Raises:
        RuntimeError: the search did not converge.
    """
    weights = np.asarray(circuit.weights, dtype=float)
    dtype = circuit.drive.dtype
    rounding = float(jnp.finfo(dtype).eps)

    def stable(g: np.ndarray) -> bool:
        return circuit.gain_site == "drive" or spectral_abscissa(g[:, None] * weights) < 1

    g = np.full(circuit.n, START)
    while not stable(g):
        g = g / 2
    state = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(_LBFGS.init, g.astype(dtype)))
    p = p.astype(dtype)
    state, loss, gradient, direction = _look(g.astype(dtype), state, circuit, p, cost)
    first = float(np.linalg.norm(gradient))
    goal = max(first, abs(loss)) * (GOAL if rounding < 1e-10 else 1e-5)
    for count in range(MOST_STEPS):
        if np.linalg.norm(gradient) <= goal:
            break
        length = 1.0 if count else min(1.0, 1 / first)
        slope = float(gradient @ direction)
        found = None
        while found is None and length > SHORTEST:
            tried = g + length * direction
            if stable(tried):
                seen = _look(tried.astype(dtype), state, circuit, p, cost)
                if seen[1] <= loss + 1e-4 * length * slope + 8 * rounding * abs(loss):
                    found = seen
            length /= 2
        if found is None:
            break
        g, (state, loss, gradient, direction) = tried, found
    if not np.linalg.norm(gradient) <= 1e3 * goal:
        raise RuntimeError(
            f"L-BFGS stopped with a gradient of {np.linalg.norm(gradient):.2g}; it was {first:.2g} at the start"
        )
    return g


def _look(g: np.ndarray, state: Any, circuit: GainCircuit, p: np.ndarray, cost: CodingCost) -> Any:
    """State of L-BFGS, objective, gradient and direction at g, on the host."""
    state, loss, gradient, direction = _step(g, state, circuit, p, cost)
    return state, float(loss), np.asarray(gradient, dtype=float), np.asarray(direction, dtype=float)


@lightly
def _step(g: Gains, state: Any, circuit: GainCircuit, p: Float[Array, " stimuli"], cost: CodingCost) -> Any:
    loss, gradient = jax.value_and_grad(loss_at)(g, circuit, p, cost)
    direction, state = _LBFGS.update(gradient, state, g)
    return state, loss, gradient, -direction
