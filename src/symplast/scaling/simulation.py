"""Simulated IsoFLOP sweeps: runs along curves of equal compute, drawn from a known surface."""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from symplast.scaling.surfaces import FLOP_PER_PARAMETER_TOKEN, LossSurface, Real
from symplast.scaling.tables import RunTable


def sampling_centres(
    surface: LossSurface, budgets: ArrayLike, drift: Real = 0.0, center_scale: Real = 1.0
) -> Float[np.ndarray, " budgets"]:
    """log10 N at the centre of each IsoFLOP grid.

    log10 N_centre(C) = log10 N*(C) - log10(center_scale) - drift t(C), t = (log C - log Cmin) / (log Cmax - log Cmin).

    Args:
        surface: the truth.
        budgets: compute of each curve, FLOP.
        drift: how far the centre has wandered at the largest budget, log10 units ("drift to 3x" is log10 3).
        center_scale: constant factor by which N is too small; 3 is the paper's "3x offset".

    Returns:
        log10 of parameters, one per budget.
    """
    budgets = np.asarray(budgets, dtype=float)
    span = np.ptp(np.log(budgets))
    t = (np.log(budgets) - np.log(budgets).min()) / span if span > 0 else np.zeros_like(budgets)
    return np.log10(surface.n_opt(budgets)) - np.log10(center_scale) - drift * t


def simulate_isoflop(
    surface: LossSurface,
    budgets: ArrayLike,
    n_points: int = 15,
    half_width_log10: Real = 1.0,
    *,
    drift: Real = 0.0,
    center_scale: Real = 1.0,
    noise_std: Real = 0.0,
    seed: int | np.random.Generator | None = None,
) -> RunTable:
    """Runs along IsoFLOP curves of a known surface.

    Each budget gets ``n_points`` sizes, equally spaced in log10 N within ``half_width_log10`` of the sampling centre
    (see :func:`sampling_centres`), with D = C / (6 N).

    Args:
        surface: the truth.
        budgets: compute of each curve, FLOP, positive.
        n_points: runs per budget, at least 1.
        half_width_log10: h; a "+-k x" grid has h = log10 k.
        drift, center_scale: where the grids sit.
        noise_std: standard deviation of Gaussian noise added to the loss, budget by budget in the given order.
        seed: integer or generator for the noise; needed when there is noise.

    Returns:
        The table, in order of budget and then size.

    Raises:
        ValueError: a parameter outside its range, or noise without a seed.

    Example:
        >>> from symplast.scaling import SURFACES
        >>> runs = simulate_isoflop(SURFACES["chinchilla"], [1e19, 1e20], n_points=5)
        >>> runs.n, runs.budgets
        (10, array([1.e+19, 1.e+20]))

    Source: Sec. 3 of arXiv:2603.22339.
    """
    budgets = np.asarray(budgets, dtype=float)
    if budgets.ndim != 1 or budgets.size == 0 or not np.all(budgets > 0):
        raise ValueError(f"budgets must be a list of positive FLOP, got {budgets}")
    if n_points < 1:
        raise ValueError(f"n_points must be at least 1, got {n_points}")
    if not half_width_log10 > 0:
        raise ValueError(f"half_width_log10 must be positive (log10 of k for a +-k x grid), got {half_width_log10}")
    if not center_scale > 0:
        raise ValueError(f"center_scale must be a positive factor, got {center_scale}")
    if noise_std < 0 or (noise_std > 0 and seed is None):
        raise ValueError(f"noise_std must not be negative and noise needs a seed, got {noise_std}, seed={seed}")
    centres = sampling_centres(surface, budgets, drift, center_scale)
    log_n = centres[:, None] + np.linspace(-half_width_log10, half_width_log10, n_points)
    N = 10.0**log_n
    C = np.broadcast_to(budgets[:, None], N.shape)
    D = C / (FLOP_PER_PARAMETER_TOKEN * N)
    L = surface.loss(N, D)
    if noise_std > 0:
        rng = np.random.default_rng(seed)
        L = L + np.stack([rng.normal(0.0, float(noise_std), n_points) for _ in budgets])
    return RunTable(N.ravel(), D.ravel(), np.asarray(L).ravel(), C.ravel().copy(), source="simulated runs")
