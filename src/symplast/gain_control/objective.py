"""The objective at given gains, from the responses themselves: for any circuit."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from symplast.gain_control.circuit import GainCircuit, steady_state
from symplast.gain_control.cost import CodingCost, Terms


def objective(circuit: GainCircuit, g: Any, p: Any, cost: CodingCost) -> Terms:
    """The three terms of the objective (see :class:`CodingCost`); pure and unchecked.

    Args:
        circuit: the circuit.
        g: (N,) gains.
        p: (S,) ensemble.
        cost: weights of the terms.

    Example:
        >>> import numpy as np
        >>> circuit = GainCircuit([[1, 0.5, 0.2], [0.4, 1, 0.4]], [[0, 0.2], [0.1, 0]])
        >>> print(f"{objective(circuit, np.ones(2), np.array([0.2, 0.3, 0.5]), CodingCost()).total:.4f}")
        1.8501
    """
    g, p = jnp.asarray(g), jnp.asarray(p)
    r = steady_state(circuit, g, circuit.drive)
    error = circuit.target - circuit.decoder @ r
    activity = r.sum(axis=0) if cost.activity == "l1" else (r**2).sum(axis=0)
    home = ((g - cost.g_home) ** 2).sum()
    return Terms((error**2).sum(axis=0) @ p, cost.alpha * activity @ p, cost.gamma * home)


def loss(g: Any, circuit: GainCircuit, p: Any, cost: CodingCost) -> Float[Array, ""]:
    """The objective as one number, gains first: to be differentiated."""
    return objective(circuit, g, p, cost).total
