"""Bootstrap of a table of runs: how sure the exponents, the split and the waste are.

A resample is a vector of counts, one per run, so refitting is one vectorised call over weights. Resamples that can't
be fitted are counted with the reason, never dropped silently.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from symplast.scaling.approach2 import FITTED, NOT_CONVEX, REASONS, TOO_FEW, isoflop_vertices, regress_vertices
from symplast.scaling.batches import CHUNK, Surfaces
from symplast.scaling.centred import centre_runs, pad
from symplast.scaling.conditioning import identifiability
from symplast.scaling.deadweight import TrainingPrice
from symplast.scaling.direct_fit import LOG_RANGE, coefficients, fit_direct_weighted, parameter_box
from symplast.scaling.fit import Bounds, SurfaceFit, fit_table, search_space
from symplast.scaling.precision import in_double_precision
from symplast.scaling.surfaces import FLOP_PER_PARAMETER_TOKEN, LossSurface, Real
from symplast.scaling.tables import RunTable
from symplast.scaling.variable_projection import fit_weighted
from symplast.stats import Estimate

NO_OPTIMUM = "surface without an optimum (A or B is zero)"


def resample_counts(runs: RunTable, n: int, strata: str = "budget", seed: int = 0) -> Float[np.ndarray, "n runs"]:
    """How often each run is drawn in each resample.

    One ``numpy.random.default_rng(seed)`` goes through resamples and, within each, through the budgets in ascending
    order, drawing ``integers(0, m, m)`` into the m runs of a budget in their order in the table (the paper's stream).

    Args:
        runs: the table.
        n: number of resamples.
        strata: ``budget`` keeps the number of runs of each budget, ``none`` draws from all runs.
        seed: of the stream.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1 resample, got {n}")
    if strata not in ("budget", "none"):
        raise ValueError(f"strata must be 'budget' or 'none', got {strata!r}")
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(runs.at(budget)) for budget in runs.budgets]
    groups = groups if strata == "budget" else [np.arange(runs.n)]
    counts = np.zeros((n, runs.n))
    for row in counts:
        for group in groups:
            np.add.at(row, group[rng.integers(0, group.size, group.size)], 1.0)
    return counts


@dataclass(frozen=True)
class Allocations:
    """Approach 2 under many weights: arrays ``[sets]``; NaN where it fails, with the status (FITTED, ...)."""

    a: np.ndarray
    a0: np.ndarray
    b: np.ndarray
    b0: np.ndarray
    status: np.ndarray


def approach2_weighted(runs: RunTable, weights: Float[np.ndarray, "sets runs"]) -> Allocations:
    """Approach 2 for each set of weights.

    Budgets that have no parabola on the whole table, or no weight at all in a set, are left out; any other that fails
    in a set fails the set.
    """
    usable = isoflop_vertices(runs, np.ones(runs.n)).status == FITTED
    vertices = isoflop_vertices(runs, weights)
    present = np.stack([weights[:, runs.at(budget)].sum(-1) > 0 for budget in runs.budgets], -1)
    used = usable & present
    worst = np.where(used, vertices.status, FITTED)
    status = np.where(
        np.any(worst == TOO_FEW, -1), TOO_FEW, np.where(np.any(worst == NOT_CONVEX, -1), NOT_CONVEX, FITTED)
    )
    status = np.where(used.sum(-1) < 2, TOO_FEW, status)
    log_c = np.log10(runs.budgets)
    a, a0 = regress_vertices(log_c, vertices.log_n, used)
    b, b0 = regress_vertices(log_c, vertices.log_d, used)
    a, a0, b, b0 = (np.where(status == FITTED, part, np.nan) for part in (a, a0, b, b0))
    return Allocations(a, a0, b, b0, status)


@in_double_precision
def surfaces_weighted(
    runs: RunTable, weights: Float[np.ndarray, "sets runs"], base: SurfaceFit, bounds: Bounds | None = None
) -> Surfaces:
    """Refit a surface for each set of weights, in the way of ``base`` (its method, residual and loss).

    Least squares on linear residuals goes through the whole grid each time; the others start from ``base``.
    """
    bounds = bounds or Bounds()
    centred, centre = centre_runs(runs.N, runs.D, runs.L)
    whole = pad(weights, 0.0, centred.x.size)
    parts = []
    for first in range(0, len(whole), CHUNK):
        chunk = whole[first : first + CHUNK]
        padded = np.concatenate([chunk, np.tile(chunk[-1:], (CHUNK - len(chunk), 1))])
        if base.residual == "linear" and np.isinf(base.delta):
            fit = fit_weighted(centred, jnp.asarray(padded), search_space(bounds), jnp.asarray(True))
            exponents, theta = np.asarray(fit.exponents), np.asarray(fit.theta)
        else:
            exponents, theta = _direct(centred, padded, base, centre.centred(base.surface), bounds)
        parts.append((exponents[: len(chunk)], theta[: len(chunk)]))
    exponents, theta = (np.concatenate(part) for part in zip(*parts, strict=True))
    E, A, B = centre.raw(exponents, theta)
    return Surfaces(exponents[:, 0], exponents[:, 1], A, B, E)


def _direct(centred, weights, base: SurfaceFit, start: np.ndarray, bounds: Bounds) -> tuple[np.ndarray, np.ndarray]:
    if base.residual == "log":
        start = np.concatenate([np.log(np.maximum(start[:3], np.exp(-LOG_RANGE))), start[3:]])
    fit = fit_direct_weighted[base.residual](
        centred, jnp.asarray(weights), jnp.asarray(start), jnp.asarray(base.delta),
        parameter_box(base.residual, bounds.array()),
    )  # fmt: skip
    p = np.asarray(fit.p)
    return p[:, 3:], coefficients(p, base.residual)


@dataclass(frozen=True)
class BootstrapResult:
    """Result of :func:`bootstrap`.

    Attributes:
        estimates: quantity -> value on the whole table with its interval.
        samples: quantity -> one value per resample, NaN where that resample failed.
        failed: reason -> number of resamples.
        n: number of resamples.
        refit, strata: what was refitted, and how resamples were drawn.
    """

    estimates: Mapping[str, Estimate]
    samples: Mapping[str, Float[np.ndarray, " resamples"]] = field(repr=False)
    failed: Mapping[str, int]
    n: int
    refit: str
    strata: str

    @property
    def failed_share(self) -> float:
        """Share of the resamples that gave no answer."""
        return sum(self.failed.values()) / self.n


def bootstrap(
    runs: RunTable,
    n: int = 1000,
    *,
    target: Real,
    strata: str = "budget",
    refit: str = "joint",
    reference: SurfaceFit | LossSurface | None = None,
    level: Real = 0.95,
    interval: str = "percentile",
    price: TrainingPrice | None = None,
    seed: int = 0,
) -> BootstrapResult:
    """Bootstrap the waste of Approach 2 at a target budget, and all that goes into it.

    Args:
        runs: the table, at least two budgets.
        n: number of resamples.
        target: budget C in FLOP at which the splits are compared.
        strata: resample within each ``budget`` or over all runs (``none``).
        refit: ``a2`` refits Approach 2 and holds the reference surface (the paper's interval), ``surface`` refits the
            surface and holds Approach 2, ``joint`` refits both.
        reference: the surface that judges, or its fit; None fits one by variable projection. It must be a fit
            (:class:`SurfaceFit`) to be refitted.
        level: of the intervals.
        interval: ``percentile``, or ``bca`` with the jackknife over runs.
        price: of the compute.
        seed: of the resamples.

    Returns:
        Intervals of a, b, n_opt, d_opt (Approach 2), surface_n_opt, surface_d_opt, alpha, beta, waste (share), dollars.

    Raises:
        ValueError: options out of range, or a surface that can't be refitted.

    Example:
        >>> from symplast.scaling import SURFACES, simulate_isoflop
        >>> runs = simulate_isoflop(SURFACES["chinchilla"], [1e18, 1e19, 1e20], 9, 0.6, noise_std=0.005, seed=1)
        >>> result = bootstrap(runs, n=200, target=1e22, refit="a2")
        >>> sorted(result.estimates)
        ['a', 'alpha', 'b', 'beta', 'd_opt', 'dollars', 'n_opt', 'surface_d_opt', 'surface_n_opt', 'waste']
    """
    if refit not in ("a2", "surface", "joint"):
        raise ValueError(f"refit must be 'a2', 'surface' or 'joint', got {refit!r}")
    if not 0 < level < 1 or interval not in ("percentile", "bca"):
        raise ValueError(f"level must be in (0, 1) and interval percentile or bca, got {level} and {interval!r}")
    if not target > 0:
        raise ValueError(f"target must be positive FLOP, got {target}")
    if runs.budgets.size < 2:
        raise ValueError("runs must have at least two budgets for Approach 2, got 1; add a budget")
    identifiability(runs)
    if reference is None:
        reference = fit_table(runs)
    if refit != "a2" and not isinstance(reference, SurfaceFit):
        raise ValueError(f"refit={refit!r} needs reference as a fit (fit_surface), not a fixed surface")
    measure = _measurement(runs, float(target), refit, reference, price or TrainingPrice())
    whole = measure(np.ones((1, runs.n)))
    if (status := int(whole["status"][0])) != FITTED:
        why = {**REASONS, -1: NO_OPTIMUM}[status]
        raise ValueError(f"runs give no answer to resample: {why}; see fit_approach2 and fit_surface on this table")
    resampled = measure(resample_counts(runs, n, strata, seed))
    left_out = measure(1.0 - np.eye(runs.n)) if interval == "bca" else None
    estimates = {
        name: _estimate(
            float(whole[name][0]), resampled[name], None if left_out is None else left_out[name],
            float(level), runs.n, f"{interval} bootstrap, {n} resamples, strata {strata}, refit {refit}",
        )
        for name in whole if name != "status"
    }  # fmt: skip
    reasons = {**REASONS, -1: NO_OPTIMUM}
    failed = {reason: int(np.sum(resampled["status"] == code)) for code, reason in reasons.items()}
    return BootstrapResult(
        estimates=estimates,
        samples={name: values for name, values in resampled.items() if name != "status"},
        failed={reason: count for reason, count in failed.items() if count},
        n=n,
        refit=refit,
        strata=strata,
    )


def _measurement(
    runs: RunTable, target: float, refit: str, reference: SurfaceFit | LossSurface, price: TrainingPrice
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """weights ``[sets, runs]`` -> every quantity ``[sets]``."""
    fixed = reference.surface if isinstance(reference, SurfaceFit) else reference

    def measure(weights: np.ndarray) -> dict[str, np.ndarray]:
        ones = np.ones_like(weights)
        split = approach2_weighted(runs, weights if refit != "surface" else ones)
        if refit == "a2" or not isinstance(reference, SurfaceFit):
            shape = np.ones(len(weights))
            s = Surfaces(*(shape * getattr(fixed, name) for name in ("alpha", "beta", "A", "B", "E")))
        else:
            s = surfaces_weighted(runs, weights, reference)
        status = np.where(split.status == FITTED, np.where(s.optimal, FITTED, -1), split.status)
        d_opt = 10.0 ** (split.b * np.log10(target) + split.b0)
        with np.errstate(invalid="ignore"):
            waste = s.wasted_fraction(d_opt, target)
        surface_n = s.n_opt(target)
        return {
            "a": split.a,
            "b": split.b,
            "n_opt": 10.0 ** (split.a * np.log10(target) + split.a0),
            "d_opt": d_opt,
            "alpha": s.alpha,
            "beta": s.beta,
            "surface_n_opt": surface_n,
            "surface_d_opt": target / (FLOP_PER_PARAMETER_TOKEN * surface_n),
            "waste": waste,
            "dollars": waste * target * price.per_flop,
            "status": status,
        }

    return measure


def _estimate(
    value: float, samples: np.ndarray, left_out: np.ndarray | None, level: float, n: int, method: str
) -> Estimate:
    from scipy.stats import norm

    kept = samples[np.isfinite(samples)]
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if kept.size == 0:
        return Estimate(value, -np.inf, np.inf, level, n, f"{method}: all failed")
    if left_out is not None:
        below = np.clip(np.mean(kept < value) + 0.5 * np.mean(kept == value), 0.5 / kept.size, 1 - 0.5 / kept.size)
        bias = norm.ppf(below)
        d = np.nanmean(left_out) - left_out[np.isfinite(left_out)]
        acceleration = np.sum(d**3) / (6 * np.sum(d**2) ** 1.5) if np.any(d != 0) else 0.0
        shifted = bias + norm.ppf(tails)
        tails = norm.cdf(bias + shifted / (1 - acceleration * shifted))
    low, high = np.percentile(kept, 100 * tails)
    return Estimate(value, float(low), float(high), level, n, method)
