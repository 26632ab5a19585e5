"""The audit of a user's own table: every estimator side by side, what each budget contributes, what is at stake."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from symplast.scaling.approach1 import fit_approach1
from symplast.scaling.approach2 import FITTED, REASONS, Approach2Fit, fit_approach2_table
from symplast.scaling.audit_report import AuditReport, EstimatorRow, GridPlacement, LeftOut
from symplast.scaling.conditioning import identifiability
from symplast.scaling.deadweight import TrainingPrice, deadweight_loss, wasted_fraction
from symplast.scaling.findings import findings
from symplast.scaling.fit import Bounds, SurfaceFit, fit_table
from symplast.scaling.resampling import (
    approach2_weighted,
    bootstrap,
    resample_counts,
    surfaces_weighted,
)
from symplast.scaling.surfaces import FLOP_PER_PARAMETER_TOKEN, Allocation, Real
from symplast.scaling.tables import RunTable, ScalingWarning
from symplast.stats import Estimate


def audit(
    runs: RunTable,
    *,
    target: Real | None = None,
    price: TrainingPrice | None = None,
    bounds: Bounds | None = None,
    resamples: int = 1000,
    level: Real = 0.95,
    seed: int = 0,
) -> AuditReport:
    """Audit a table of training runs.

    Args:
        runs: the table (:func:`read_runs` or :func:`run_table`).
        target: budget in FLOP at which splits and waste are compared; None takes 10 times the largest budget.
        price: of the compute.
        bounds: of the exponents.
        resamples: of the bootstrap, within budgets where the table has IsoFLOP curves.
        level: of the intervals.
        seed: of the bootstrap.

    Returns:
        The report.

    Raises:
        ValueError: a table on which not even a surface can be fitted.

    Example:
        >>> from symplast.scaling import SURFACES, simulate_isoflop
        >>> runs = simulate_isoflop(SURFACES["asymmetric"], [1e18, 1e19, 1e20], 9, 1.0, noise_std=0.01, seed=1)
        >>> report = audit(runs, target=1e22, resamples=100)
        >>> [row.name for row in report.estimators][:3]
        ['Approach 1', 'Approach 2', 'Variable projection']
    """
    check_audit(level, resamples)
    identifiability(runs)
    target = 10 * float(runs.C.max()) if target is None else float(target)
    if not (np.isfinite(target) and target > 0):
        raise ValueError(f"target must be positive FLOP, got {target}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, such as 0.95, got {level}")
    if resamples < 20:
        raise ValueError(f"resamples must be at least 20 for an interval, got {resamples}")
    price, level = price or TrainingPrice(), float(level)
    parabolic, why_not = _approach2(runs)
    counts = resample_counts(runs, resamples, "budget" if parabolic else "none", seed)
    fits = {
        "Variable projection": fit_table(runs, bounds=bounds),
        "Approach 3": fit_table(runs, method="a3", bounds=bounds),
        "Approach 3, Huber": fit_table(runs, method="a3", loss="huber", bounds=bounds),
    }
    rows = [_surface_row(name, runs, fit, counts, target, level, bounds) for name, fit in fits.items()]
    if parabolic:
        rows = [_envelope_row(runs, counts, target, level), _parabola_row(runs, counts, target, level), *rows]
    vp = fits["Variable projection"]
    judged = parabolic is not None and vp.surface.A > 0 and vp.surface.B > 0
    held = joint = waste = None
    if parabolic and judged:
        options: dict[str, Any] = {"target": target, "reference": vp, "level": level, "price": price, "seed": seed}
        held = bootstrap(runs, resamples, refit="a2", **options)
        joint = bootstrap(runs, resamples, refit="joint", **options)
        waste = deadweight_loss(vp.surface, parabolic.allocation, target, price.price, price.peak, price.mfu)
    placement = _placement(runs, vp) if judged else ()
    report = AuditReport(
        source=runs.source,
        n=runs.n,
        budgets=tuple(runs.budgets.tolist()) if parabolic else (),
        target=target,
        price=price,
        estimators=tuple(rows),
        parabolas=parabolic.parabolas if parabolic else (),
        placement=placement,
        center_scale=_center_scale(placement),
        drift=_drift(placement),
        design_bias=_design_bias(runs, vp, target) if judged else None,
        left_out=_leave_one_budget_out(runs, vp, target, bounds) if judged else (),
        waste=waste,
        waste_held=held,
        waste_joint=joint,
        findings=(),
        read_from=dict(runs.read_from),
    )
    return replace(report, findings=findings(report, fits, why_not))


def check_audit(level: Real, resamples: int) -> None:
    """Before anything is computed.

    Raises:
        ValueError: a level outside (0, 1), or fewer than 20 resamples.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be strictly between 0 and 1, such as 0.95, got {level}")
    if resamples < 20:
        raise ValueError(f"resamples must be at least 20 for an interval, got {resamples}")


def _approach2(runs: RunTable) -> tuple[Approach2Fit | None, str]:
    """Approach 2 with bad budgets dropped (and reported), or why it is not available."""
    curves = sum(np.unique(runs.N[runs.at(budget)]).size >= 3 for budget in runs.budgets)
    on_curves = sum(np.sum(runs.at(b)) for b in runs.budgets if np.unique(runs.N[runs.at(b)]).size >= 3)
    if on_curves < runs.n / 2:
        return None, f"its compute is scattered: only {curves} of {runs.budgets.size} budgets have three sizes"
    try:
        return fit_approach2_table(runs, on_bad_curve="drop"), ""
    except ValueError as error:
        return None, str(error)


def _interval(value: float, samples: np.ndarray, level: float, n: int) -> Estimate:
    kept = samples[np.isfinite(samples)]
    if kept.size < 2:
        return Estimate(value, -np.inf, np.inf, level, n, "no resample succeeded")
    low, high = np.percentile(kept, [50 * (1 - level), 50 * (1 + level)])
    return Estimate(value, float(low), float(high), level, n, f"percentile bootstrap, {samples.size} resamples")


def _allocation_row(
    name: str, a: Callable[[str], Estimate], failed: dict[str, int], flags: tuple[str, ...] = ()
) -> EstimatorRow:
    return EstimatorRow(name, a("a"), a("b"), a("n_opt"), a("d_opt"), {}, failed, flags)


def _parabola_row(runs: RunTable, counts: np.ndarray, target: float, level: float) -> EstimatorRow:
    whole = approach2_weighted(runs, np.ones((1, runs.n)))
    many = approach2_weighted(runs, counts)
    log_c = np.log10(target)

    def value(split, name: str) -> np.ndarray:
        if name in ("a", "b"):
            return getattr(split, name)
        slope, intercept = (split.a, split.a0) if name == "n_opt" else (split.b, split.b0)
        return 10.0 ** (slope * log_c + intercept)

    failed = {why: int(np.sum(many.status == code)) for code, why in REASONS.items() if np.any(many.status == code)}
    assert whole.status[0] == FITTED
    return _allocation_row(
        "Approach 2", lambda n: _interval(float(value(whole, n)[0]), value(many, n), level, runs.n), failed
    )


def _envelope_row(runs: RunTable, counts: np.ndarray, target: float, level: float) -> EstimatorRow:
    def split(table: RunTable) -> Allocation:
        return fit_approach1(table.N, table.D, table.L, table.C).allocation

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScalingWarning)  # C against 6 N D was reported when the table was read
        base = split(runs)
        many = [split(runs.select(row > 0)) for row in counts[:200]]

    def value(law: Allocation, name: str) -> float:
        return getattr(law, name) if name in ("a", "b") else float(getattr(law, name)(target))

    return _allocation_row(
        "Approach 1",
        lambda n: _interval(value(base, n), np.array([value(law, n) for law in many]), level, runs.n),
        {},
        ("best run of each budget: N is one of the sizes tried",),
    )


def _surface_row(
    name: str, runs: RunTable, fit: SurfaceFit, counts: np.ndarray, target: float, level: float, bounds: Bounds | None
) -> EstimatorRow:
    many = surfaces_weighted(runs, counts, fit, bounds)
    s = fit.surface
    total = many.alpha + many.beta
    n_many = many.n_opt(target)
    optimal = s.A > 0 and s.B > 0
    n_opt = float(s.n_opt(target)) if optimal else float("nan")

    def estimate(value: float, samples: np.ndarray) -> Estimate:
        if not np.isfinite(value):
            return Estimate(0.0, -np.inf, np.inf, level, runs.n, "no optimum")
        return _interval(value, samples, level, runs.n)

    parameters = {key: estimate(getattr(s, key), getattr(many, key)) for key in ("alpha", "beta", "A", "B", "E")}
    without = int(np.sum(~many.optimal))
    flops = target / FLOP_PER_PARAMETER_TOKEN
    with np.errstate(over="ignore"):  # a vanishing optimal N asks for infinitely many tokens
        d_many = flops / np.where(n_many > 0, n_many, np.nan)
    return EstimatorRow(
        name=name,
        a=estimate(s.a, many.beta / total),
        b=estimate(s.b, many.alpha / total),
        n_opt=estimate(n_opt, n_many),
        d_opt=estimate(flops / n_opt if n_opt > 0 else float("nan"), d_many),
        parameters=parameters,
        failed={"no optimum (A or B is zero)": without} if without else {},
        flags=fit.flags,
    )


def _placement(runs: RunTable, fit: SurfaceFit) -> tuple[GridPlacement, ...]:
    rows = []
    for budget in runs.budgets:
        u = np.log10(runs.N[runs.at(budget)])
        optimum = float(np.log10(fit.surface.n_opt(budget)))
        middle = (u.min() + u.max()) / 2
        rows.append(
            GridPlacement(
                budget=float(budget),
                centre_over_optimum=float(10 ** (middle - optimum)),
                half_width=float(10 ** (np.ptp(u) / 2)),
                covers_optimum=bool(u.min() <= optimum <= u.max()),
            )
        )
    return tuple(rows)


def _line(placement: tuple[GridPlacement, ...]) -> tuple[float, float] | None:
    """log10 of optimum over centre: at the lowest budget, and its change up to the highest (least squares)."""
    if len(placement) < 2:
        return None
    log_c = np.log10([p.budget for p in placement])
    t = (log_c - log_c.min()) / np.ptp(log_c)
    slope, start = np.polyfit(t, -np.log10([p.centre_over_optimum for p in placement]), 1)
    return float(start), float(slope)


def _center_scale(placement: tuple[GridPlacement, ...]) -> float | None:
    line = _line(placement)
    return 10 ** line[0] if line else None


def _drift(placement: tuple[GridPlacement, ...]) -> float | None:
    line = _line(placement)
    return line[1] if line else None


def _design_bias(runs: RunTable, fit: SurfaceFit, target: float) -> float | None:
    """Approach 2 on this design with the fitted surface's own losses: what the design alone does to D*."""
    clean = RunTable(runs.N, runs.D, np.asarray(fit.surface.loss(runs.N, runs.D)), runs.C, runs.nominal, runs.source)
    split, _ = _approach2(clean)
    return None if split is None else float(split.allocation.d_opt(target) / fit.surface.d_opt(target) - 1)


def _leave_one_budget_out(runs: RunTable, fit: SurfaceFit, target: float, bounds: Bounds | None) -> tuple[LeftOut, ...]:
    """All tables without one budget at once, as weights."""
    if runs.budgets.size < 3:
        return ()
    weights = np.stack([(~runs.at(budget)).astype(float) for budget in runs.budgets])
    split = approach2_weighted(runs, weights)
    surfaces = surfaces_weighted(runs, weights, fit, bounds)
    d_opt = 10.0 ** (split.b * np.log10(target) + split.b0)
    refitted = surfaces.wasted_fraction(d_opt, target)
    n_opt = surfaces.n_opt(target)
    rows = []
    for i, budget in enumerate(runs.budgets):
        held = wasted_fraction(fit.surface, d_opt[i], target) if np.isfinite(d_opt[i]) else np.nan
        rows.append(
            LeftOut(
                budget=float(budget),
                runs=int(np.sum(runs.at(budget))),
                a2_d_opt=float(d_opt[i]),
                surface_d_opt=float(target / (FLOP_PER_PARAMETER_TOKEN * n_opt[i])),
                waste=float(refitted[i]),
                waste_held=float(held),
            )
        )
    return tuple(rows)
