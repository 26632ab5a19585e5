"""Relaxation of many states on one sparse network at once; a state that has settled costs nothing more."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import sparse

DAMPING = 0.5
STEPS = 200
SETTLED = 1e-6
"""A change below this in every spin ends a relaxation."""

EVERY = 5
"""Steps between looks for states that have settled."""


def working_type() -> np.dtype:
    """float32, or float64 where JAX is set to it."""
    return np.dtype(jnp.zeros(()).dtype)


def mean_step(m: np.ndarray, J: Any, h: Any, T: Any) -> np.ndarray:
    """``(1 - d) m + d tanh((J m + h) / T)`` of states (N, S)."""
    x = J @ m
    x += h
    x *= m.dtype.type(1) / m.dtype.type(T)
    np.tanh(x, out=x)
    x += m  # d = 1/2
    x *= m.dtype.type(DAMPING)
    return x


def relax_states(J: sparse.csr_array, m: np.ndarray, h: np.ndarray, T: float, steps: int = STEPS) -> np.ndarray:
    """States (N, S) after ``steps`` steps, or each when none of its spins changes by 1e-6.

    Args:
        J: (N, N) symmetric couplings.
        m: (N, S) starts.
        h: (N, S) fields.
        T: temperature.
        steps: at most so many.
    """
    ends = m.copy()
    alive = np.arange(m.shape[1])
    for step in range(1, steps + 1):
        new = mean_step(m, J, h, T)
        if step % EVERY == 0 or step == steps:
            moving = np.abs(new - m).max(axis=0) >= SETTLED
            if not moving.all() or step == steps:
                ends[:, alive] = new
                alive, new, h = alive[moving], new[:, moving], h[:, moving]
                if not alive.size:
                    break
        m = new
    return ends
