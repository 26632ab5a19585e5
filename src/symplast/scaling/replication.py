"""Chinchilla's Approach 3 as published and as replicated: their points on the objective, and its minimum."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from symplast.scaling.centred import centre_runs
from symplast.scaling.direct_fit import fit_from_starts, parameter_box
from symplast.scaling.fit import Bounds
from symplast.scaling.precision import in_double_precision
from symplast.scaling.surfaces import LossSurface
from symplast.scaling.tables import RunTable

HOFFMANN = LossSurface(alpha=0.33917084, beta=0.2849083, A=np.exp(6.0073404), B=np.exp(6.0179186), E=np.exp(0.5267228))
"""Approach 3 of arXiv:2203.15556, unrounded: rounding it moves the objective several times."""

EPOCH = LossSurface(alpha=0.34781303, beta=0.36585412, A=np.exp(6.17795598), B=np.exp(7.64273236), E=np.exp(0.59711196))
"""The replication of arXiv:2404.10102, unrounded."""

DELTA = 1e-3


def huber_objective(runs: RunTable, surface: LossSurface, delta: float = DELTA) -> float:
    """Sum over runs of Huber(delta) of ln L - ln S(N, D): the objective of both papers."""
    r = np.log(runs.L / surface.loss(runs.N, runs.D))
    inner = np.clip(r, -delta, delta)
    return float(np.sum(inner * (r - inner / 2)))


@in_double_precision
def random_start_minima(
    runs: RunTable, starts: int, seed: int = 0, delta: float = DELTA, bounds: Bounds | None = None
) -> Float[np.ndarray, " starts"]:
    """Where the five-parameter Huber fit of log residuals ends from random starts.

    Starts are uniform: exponents over their bounds, ln E within 1 of 0, ln A' and ln B' (at the centre of the data)
    in [-3, 1].

    Args:
        runs: the table.
        starts: how many.
        seed: of the starts.
        delta: of the Huber loss.
        bounds: of the exponents.

    Returns:
        The objective reached from each.
    """
    rng = np.random.default_rng(seed)
    exponents = (bounds or Bounds()).array()
    low, high = exponents.T
    points = rng.uniform([-1, -3, -3, *low], [1, 1, 1, *high], (starts, 5))
    centred, _ = centre_runs(runs.N, runs.D, runs.L)
    fits = fit_from_starts["log"](centred, jnp.asarray(points), jnp.asarray(delta), parameter_box("log", exponents))
    return np.asarray(fits.objective)
