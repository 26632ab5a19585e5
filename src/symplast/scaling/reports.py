"""Fits and designs as plain data, for machines and for the command line."""

from typing import Any

import numpy as np

from symplast.scaling.approach2 import fit_approach2_table
from symplast.scaling.bias import approach2_bias, design_grid
from symplast.scaling.fit import Bounds, fit_table
from symplast.scaling.surfaces import Real
from symplast.scaling.tables import RunTable

WIDTHS = (2, 4, 8, 16, 32)


def fit_report(
    runs: RunTable,
    method: str = "vp",
    *,
    loss: str = "mse",
    delta: Real = 1e-3,
    target: Real | None = None,
    bounds: Bounds | None = None,
) -> dict[str, Any]:
    """One fit as plain data; infinite and missing numbers are None.

    Args:
        runs: the table.
        method: ``vp``, ``a3`` or ``a2``.
        loss, delta, bounds: of the surface fit (not for ``a2``).
        target: budget in FLOP whose best split is told; None takes 10 times the largest.

    Returns:
        method, n, read_from (the column of each quantity), parameters, standard_errors, objective, definition, rss,
        converged, at_bound, condition, optimum, dropped (Approach 2) and flags.

    Raises:
        ValueError: as :func:`fit_surface` and :func:`fit_approach2`.

    Example:
        >>> from symplast.scaling import SURFACES, simulate_isoflop
        >>> runs = simulate_isoflop(SURFACES["chinchilla"], [1e18, 1e19, 1e20], 9, 0.6)
        >>> round(fit_report(runs, "a2")["parameters"]["b"], 4)
        0.5484
    """
    target = 10 * float(runs.C.max()) if target is None else float(target)
    if method == "a2":
        fit2 = fit_approach2_table(runs, on_bad_curve="drop")
        law = fit2.allocation
        dropped = [{"budget": p.budget, "runs": p.n, "reason": p.reason} for p in fit2.dropped]
        return {
            "method": method,
            "n": runs.n,
            "read_from": dict(runs.read_from),
            "parameters": {name: float(getattr(law, name)) for name in ("a", "a0", "b", "b0")},
            "standard_errors": {},
            "objective": None,
            "optimum": {"C": target, "N": float(law.n_opt(target)), "D": float(law.d_opt(target))},
            "dropped": dropped,
            "flags": [f"budget {d['budget']:.3g} was left out: {d['reason']}" for d in dropped],
        }
    fit = fit_table(runs, method=method, loss=loss, delta=delta, bounds=bounds)
    s = fit.surface
    optimum = None
    if s.A > 0 and s.B > 0:
        optimum = {
            "C": target,
            "N": float(s.n_opt(target)),
            "D": float(s.d_opt(target)),
            "L": float(s.loss_opt(target)),
        }
    names = ("E", "A", "B", "alpha", "beta")
    return {
        "method": method,
        "n": fit.n,
        "read_from": dict(runs.read_from),
        "parameters": {name: float(getattr(s, name)) for name in names} | ({"a": s.a, "b": s.b} if optimum else {}),
        "standard_errors": {name: error for name, error in fit.standard_errors.items() if np.isfinite(error)},
        "objective": fit.objective,
        "objective_mean": fit.objective_mean,
        "definition": fit.definition,
        "rss": fit.rss,
        "converged": fit.converged,
        "at_bound": list(fit.at_bound),
        "condition": {
            way: value if np.isfinite(value := float(getattr(fit.condition, way))) else None
            for way in ("raw", "log", "centred", "scaled", "projected")
        },
        "optimum": optimum,
        "flags": list(fit.flags),
    }


def design_report(alpha: Real, beta: Real, max_bias: Real = 0.01, points: int = 15) -> dict[str, Any]:
    """The widest safe grid and the bias of usual widths, as plain data.

    Args:
        alpha, beta: exponents of the surface.
        max_bias: largest relative error of N* and D*.
        points: runs per budget.

    Returns:
        alpha, beta, max_bias, points, k (None when any width up to 1000x is safe) and the bias at ±2x to ±32x.

    Example:
        >>> design_report(0.34, 0.28)["widths"][0]["k"]
        2
    """
    k = design_grid(alpha, beta, max_bias, points)
    rows = [(width, approach2_bias(alpha, beta, width, points)) for width in WIDTHS]
    return {
        "alpha": float(alpha),
        "beta": float(beta),
        "max_bias": float(max_bias),
        "points": points,
        "k": k if np.isfinite(k) else None,
        "widths": [{"k": w, "n_error": bias.n_factor - 1, "d_error": bias.d_factor - 1} for w, bias in rows],
    }
