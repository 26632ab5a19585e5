"""Errors of the exponents that the estimators make on the published streams, and statistics of them."""

import contextlib

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from symplast.scaling.approach2 import FITTED, fit_approach2_table, isoflop_vertices, regress_vertices
from symplast.scaling.approach3_recipe import RecipeFit, authors_approach3, random_start
from symplast.scaling.batches import fit_many
from symplast.scaling.centred import pad
from symplast.scaling.published_streams import (
    EFFICIENCY_BUDGETS,
    EFFICIENCY_POINTS,
    NOISE_BUDGETS,
    NOISE_POINTS,
    NoiseCase,
    efficiency_study,
    noise_study,
)
from symplast.scaling.surfaces import SURFACES, Allocation

LONGEST = max(*NOISE_BUDGETS, *EFFICIENCY_BUDGETS) * max(*NOISE_POINTS, *EFFICIENCY_POINTS)
"""Tables of both studies are padded to this many rows, so that they share a compiled program."""

METHODS = ("naive A3", "Approach 2", "A3", "MLE-A3", "VP")


def noise_errors(repeats: int) -> Float[np.ndarray, "methods repeats settings 2"]:
    """Relative errors of a and b of each method in the noise study; NaN where a parabola is not convex."""
    truth = SURFACES["asymmetric"]
    cases = list(noise_study(repeats))
    errors = np.full((len(METHODS), len(cases), 2), np.nan)
    with threadpool_limits(1):  # tables of 128 rows: more threads only get in each other's way
        for i, case in enumerate(cases):
            for method, fit in enumerate(_recipes(case)):
                if fit is not None:
                    errors[method, i] = abs(fit.a / truth.a - 1), abs(fit.b / truth.b - 1)
    N, D, L = (np.stack([pad(getattr(case.runs, c), 1.0, LONGEST) for case in cases]) for c in ("N", "D", "L"))
    vp = fit_many(N, D, L, np.stack([pad(np.ones(case.runs.n), 0.0, LONGEST) for case in cases]))
    errors[4] = np.stack([abs(vp.a / truth.a - 1), abs(vp.b / truth.b - 1)], 1)
    order = np.argsort([case.repeat for case in cases], kind="stable")
    return errors[:, order].reshape(len(METHODS), repeats, -1, 2)


def _recipes(case: NoiseCase) -> list[RecipeFit | Allocation | None]:
    """The first four methods on one data set; None where a parabola is not convex."""
    runs = case.runs
    columns = runs.N, runs.D, runs.L
    parabolic = None
    with contextlib.suppress(ValueError):
        parabolic = fit_approach2_table(runs).allocation
    return [
        authors_approach3(*columns, objective="mse", start=random_start(case.start), maxiter=1000),
        parabolic,
        authors_approach3(*columns, objective="log", maxiter=1000),
        authors_approach3(*columns, objective="mse", maxiter=1000),
    ]


def efficiency_errors(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors of b of Approach 2 (NaN without a convex parabola) and of VP, and the noise, over 810 data sets."""
    b, columns, sigma = [], [], []
    for design in efficiency_study(seed):
        runs, trials = design.runs, len(design.losses)
        vertices = isoflop_vertices(runs, np.ones((1, runs.n)), design.losses)
        slope, _ = regress_vertices(np.log10(runs.budgets), vertices.log_d, vertices.status == FITTED)
        b.append(np.where(np.all(vertices.status == FITTED, -1), slope, np.nan))
        rows = [np.tile(runs.N, (trials, 1)), np.tile(runs.D, (trials, 1)), design.losses, np.ones((trials, runs.n))]
        columns.append([pad(row, fill, LONGEST) for row, fill in zip(rows, (1.0, 1.0, 1.0, 0.0), strict=True)])
        sigma += [design.sigma] * trials
    N, D, L, weights = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    vp = fit_many(N, D, L, weights)
    truth = SURFACES["symmetric"].b
    return np.concatenate(b) - truth, vp.b - truth, np.array(sigma)


def gmean_error(errors: np.ndarray) -> float:
    """Geometric mean of the errors of a and b, without failures and zeros."""
    kept = errors[np.isfinite(errors) & (errors > 0)]
    return float(np.exp(np.log(kept).mean()))


def largest_a_error(errors: np.ndarray) -> float:
    """Largest error of a."""
    return float(np.nanmax(errors[..., 0]))


def p95_a_error(errors: np.ndarray) -> float:
    """95th percentile of the error of a."""
    return float(np.nanpercentile(errors[..., 0], 95))


def variance_ratio(a2: np.ndarray, vp: np.ndarray) -> float:
    """Variance of Approach 2, where it has an answer, over that of VP (ddof 0)."""
    return float(np.nanvar(a2) / np.var(vp))


def iqr_ratio(a2: np.ndarray, vp: np.ndarray) -> float:
    """Ratio of interquartile ranges."""
    low, high = np.nanpercentile(a2, [25, 75])
    return float((high - low) / np.subtract(*np.percentile(vp, [75, 25])))
