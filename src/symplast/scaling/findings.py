"""What an audit says, in sentences a reader can act on."""

import numpy as np

from symplast.scaling.audit_report import AuditReport
from symplast.scaling.bias import approach2_bias
from symplast.scaling.fit import SurfaceFit

OFF_CENTRE = 0.2
"""Grids whose middle is farther than this from the optimum (log10 units, a factor of 1.6) are reported."""

LEVERAGE = 2.0
"""A budget has leverage when leaving it out changes the waste by more than this factor."""

MOST_LISTED = 6


def findings(report: AuditReport, fits: dict[str, SurfaceFit], why_not: str) -> tuple[str, ...]:
    """Sentences, most important first.

    Args:
        report: the audit without its findings.
        fits: name -> surface fit.
        why_not: why Approach 2 is not available, empty when it is.
    """
    told = [_waste(report)] if report.waste else [f"Approach 2 can't be used on this table: {why_not}."]
    told += _leverage(report) + _bad_budgets(report) + _placement(report) + _width(report, fits)
    for name, fit in fits.items():
        told += [f"{name}: {flag}." for flag in fit.flags]
    told += _disagreement(report)
    return tuple(told)


def _waste(report: AuditReport) -> str:
    waste, joint = report.waste, report.waste_joint
    assert waste is not None
    assert joint is not None
    share, dollars = joint.estimates["waste"], joint.estimates["dollars"]
    text = (
        f"At {report.target:.3g} FLOP Approach 2 buys {abs(waste.D / waste.d_best - 1):.1%} "
        f"{'fewer' if waste.d_best > waste.D else 'more'} tokens than variable projection; judged by the latter it "
        f"wastes {share.value:.2%} [{share.low:.2%}, {share.high:.2%}] of the budget, "
        f"${dollars.value:,.0f} [${dollars.low:,.0f}, ${dollars.high:,.0f}]."
    )
    if joint.failed_share > 0:
        text += f" {joint.failed_share:.1%} of the resamples gave no answer and are not in the interval."
    return text


def _leverage(report: AuditReport) -> list[str]:
    if not report.waste or report.waste.fraction <= 1e-6:
        return []
    found = []
    for row in report.left_out:
        ratio = row.waste_held / report.waste.fraction
        if np.isfinite(ratio) and (ratio > LEVERAGE or ratio < 1 / LEVERAGE):
            found.append(f"{row.waste_held:.2%} without {row.budget:.3g} ({row.runs} runs)")
    if not found:
        return []
    told = "; ".join(found[:MOST_LISTED])
    return [f"A single budget decides: the waste of {report.waste.fraction:.2%} becomes (surface held) {told}."]


def _bad_budgets(report: AuditReport) -> list[str]:
    bad = [f"{p.budget:.3g} ({p.reason})" for p in report.parabolas if p.reason]
    outside = [f"{p.budget:.3g}" for p in report.parabolas if not p.reason and not p.inside]
    told = [f"Approach 2 has no vertex at {_listed(bad)}; those budgets are left out of it."] if bad else []
    if outside:
        told.append(f"The vertex lies outside the sizes tried at {_listed(outside)}: extend the grid there.")
    return told


def _placement(report: AuditReport) -> list[str]:
    told = []
    if report.drift is not None and abs(report.drift) > OFF_CENTRE:
        told.append(
            f"The grids' middle drifts by a factor of {10**-report.drift:.2g} against the optimum from the lowest to "
            "the highest budget: this distorts the exponents of Approach 2, and more so the farther you extrapolate."
        )
    if report.center_scale is not None and abs(np.log10(report.center_scale)) > OFF_CENTRE:
        told.append(
            f"At the lowest budget the grid's middle is {1 / report.center_scale:.2g} times the optimal size: "
            "off-centre grids shift the intercept of Approach 2."
        )
    missed = [f"{p.budget:.3g}" for p in report.placement if not p.covers_optimum]
    if missed:
        told.append(f"The fitted optimum lies outside the sizes tried at {_listed(missed)}.")
    if report.design_bias is not None and abs(report.design_bias) > 0.01:
        told.append(
            f"This design alone, without noise, moves Approach 2's D* at the target by {report.design_bias:+.1%}."
        )
    return told


def _width(report: AuditReport, fits: dict[str, SurfaceFit]) -> list[str]:
    if not report.placement:
        return []
    surface = fits["Variable projection"].surface
    k = float(np.median([p.half_width for p in report.placement]))
    bias = approach2_bias(surface.alpha, surface.beta, max(k, 1.0 + 1e-6), None)
    if abs(bias.n_factor - 1) < 0.01:
        return []
    return [
        f"Grids as wide as yours (median +-{k:.2g}x) bias a parabola's N* by {bias.n_factor - 1:+.1%} even when they "
        f"are centred and without noise, because alpha ({surface.alpha:.2f}) and beta ({surface.beta:.2f}) differ."
    ]


def _disagreement(report: AuditReport) -> list[str]:
    rows = [row for row in report.estimators if np.isfinite(row.d_opt.low) and row.name != "Approach 1"]
    if len(rows) < 2:
        return []
    low, high = min(rows, key=lambda r: r.d_opt.value), max(rows, key=lambda r: r.d_opt.value)
    ratio = high.d_opt.value / low.d_opt.value
    if ratio < 1.1:
        return []
    overlap = low.d_opt.high >= high.d_opt.low
    return [
        f"D* at the target differs by a factor of {ratio:.2f} between {low.name} and {high.name}; "
        f"their intervals {'overlap' if overlap else 'do not overlap'}."
    ]


def _listed(budgets: list[str]) -> str:
    rest = len(budgets) - MOST_LISTED
    return ", ".join(budgets[:MOST_LISTED]) + (f" and {rest} more budgets" if rest > 0 else "")
