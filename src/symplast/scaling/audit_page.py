"""The audit of a user's table as one page that opens from disk: findings first, then pictures, then tables."""

import re
from html import escape
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from symplast.lab.theme import COLOURS, INK, STYLE, legend_above, new_figure, render
from symplast.lab.whole_files import write_whole
from symplast.scaling.audit_report import AuditReport
from symplast.scaling.fit import fit_table
from symplast.scaling.tables import RunTable
from symplast.stats import Estimate

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
:root {{ color-scheme: light dark; --ink: #22272e; --soft: #5b6470; --line: #d5d9de; --back: #fff; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #d8dde3; --soft: #9aa4b0; --line: #343b44; --back: #14171c; }} }}
body {{ font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.15rem; margin-top: 2rem; }}
p.about, figcaption {{ color: var(--soft); font-size: .9rem; }} li {{ margin: .4rem 0; }}
figure {{ margin: 1rem 0; }} svg {{ max-width: 100%; height: auto; color: var(--soft); }}
div.wide {{ overflow-x: auto; margin-bottom: 1rem; }}
table {{ border-collapse: collapse; font-size: .88rem; white-space: nowrap; }}
th, td {{ text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line); }}
th:first-child, td:first-child {{ text-align: left; }}
</style></head><body>
<h1>{title}</h1><p class="about">{about}</p>
<h2>What it says</h2><ul>{findings}</ul>
<h2>Where each estimator sends the next budget</h2>
<figure>{allocation}
<figcaption>Optimal parameters at {target} FLOP with {level} bootstrap intervals.</figcaption></figure>
{estimators}
{curves}
<h2>Notes</h2><p class="about">{notes}</p></body></html>
"""


def audit_figure(report: AuditReport, runs: RunTable) -> Figure:
    """The curves with their vertices, and the splits: the audit in one picture."""
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(1, 2, width=8.6, height=3.6)
        _curves(axes[0], report, runs)
        _lines(axes[1], report, runs)
    return figure


def write_audit_page(report: AuditReport, runs: RunTable, path: Path) -> None:
    """Write the audit to a file: ``.html`` is the whole page, ``.svg`` and ``.png`` are its main picture.

    Args:
        report: the audit.
        runs: its table.
        path: where to; the suffix decides.

    Raises:
        ValueError: another suffix.
        FileNotFoundError: the folder does not exist.
    """
    check_page(path)
    suffix = path.suffix.lower()
    if suffix == ".png":
        write_whole(path, render(audit_figure(report, runs), "png"))
    elif suffix == ".svg":
        write_whole(path, render(audit_figure(report, runs), "svg"))
    else:
        write_whole(path, audit_page(report, runs))


def check_page(path: Path) -> None:
    """Raise ValueError or FileNotFoundError when the audit can't be written there (see :func:`write_audit_page`)."""
    if path.suffix.lower() not in (".html", ".svg", ".png"):
        raise ValueError(f"out must end in .html, .svg or .png, got {path.name!r}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} for out; make it first")


def audit_page(report: AuditReport, runs: RunTable) -> str:
    """The page as HTML without outside references."""
    budgets = f"{len(report.budgets)} budgets" if report.budgets else "no IsoFLOP curves"
    price = report.price
    level = report.estimators[0].a.level
    return PAGE.format(
        title=escape(f"Scaling-law audit of {report.source}"),
        about=f"{report.n} runs, {budgets}, {runs.C.min():.3g} to {runs.C.max():.3g} FLOP; compared at "
        f"{report.target:.3g} FLOP." + _columns(report),
        findings="".join(f"<li>{escape(text)}</li>" for text in report.findings),
        allocation=_svg(_intervals(report)),
        target=f"{report.target:.3g}",
        level=f"{level:.0%}",
        estimators=_estimator_table(report),
        curves=_curve_section(report, runs),
        notes=f"Dollars: ${price.price:g} an accelerator-hour at {price.mfu:.0%} of {price.peak:.4g} FLOP/s. "
        "The default 1979e12 is NVIDIA's figure for an H100 with sparsity; at the dense 989e12 every figure doubles. "
        "Intervals resample runs within budgets; resamples without an answer are counted, not hidden. Without a "
        "ground truth this page measures disagreement between estimators, not error.",
    )


def _columns(report: AuditReport) -> str:
    read = ", ".join(f"{symbol} from {escape(column)}" for symbol, column in report.read_from.items())
    return f" Read: {read}." if read else ""


def _curve_section(report: AuditReport, runs: RunTable) -> str:
    if not report.parabolas:
        return ""
    caption = "Left: the runs of each budget and the vertices of their parabolas. Right: optimal size against compute."
    return (
        f"<h2>The IsoFLOP curves</h2><figure>{_svg(audit_figure(report, runs))}"
        f"<figcaption>{caption}</figcaption></figure>" + _parabola_table(report) + _left_out_table(report)
    )


def _svg(figure: Figure) -> str:
    """Inline SVG whose text takes the page's colour; ids are made unique to this figure."""
    text = render(figure, "svg").decode()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    mark = f"f{abs(hash(text)) % 10**8}-"
    text = re.sub(r'id="([^"]+)"', rf'id="{mark}\1"', text)
    return re.sub(r'(url\(#|xlink:href="#)', rf"\g<1>{mark}", text)


def _curves(ax, report: AuditReport, runs: RunTable) -> None:
    bottom: dict[float, float] = {}
    for i, budget in enumerate(runs.budgets):
        rows = runs.at(budget)
        order = np.argsort(runs.N[rows])
        colour = COLOURS[i % len(COLOURS)]
        ax.plot(runs.N[rows][order], runs.L[rows][order], "o-", color=colour, linewidth=0.8, markersize=3)
        bottom[float(budget)] = float(runs.L[rows].min())
        ax.annotate(
            f"{budget:.2g}", (runs.N[rows].max(), runs.L[rows][order][-1]), xytext=(4, 0), textcoords="offset points",
            fontsize=7, color=colour, va="center", annotation_clip=False,
        )  # fmt: skip
    for p in report.parabolas:
        if not p.reason:
            ax.plot(p.n_opt, bottom[p.budget], marker="v" if p.inside else "x", color=INK, markersize=6, zorder=4)
    ax.set_xscale("log")
    ax.set_xlabel("parameters N")
    ax.set_ylabel("loss")


def _lines(ax, report: AuditReport, runs: RunTable) -> None:
    from symplast.scaling.approach2 import fit_approach2_table

    C = np.geomspace(runs.C.min(), max(report.target, runs.C.max()), 50)
    surface = fit_table(runs).surface
    if surface.A > 0 and surface.B > 0:
        ax.plot(C, surface.n_opt(C), color=COLOURS[0], label="VP")
    if report.parabolas:
        law = fit_approach2_table(runs, on_bad_curve="drop").allocation
        ax.plot(C, law.n_opt(C), color=COLOURS[1], label="Approach 2")
        good = [p for p in report.parabolas if not p.reason]
        ax.plot([p.budget for p in good], [p.n_opt for p in good], "v", color=COLOURS[1], label="vertices")
    for budget in runs.budgets if report.parabolas else ():
        sizes = runs.N[runs.at(budget)]
        ax.plot([budget, budget], [sizes.min(), sizes.max()], color=INK, alpha=0.35, linewidth=3, zorder=0)
    ax.set(xscale="log", yscale="log")
    ax.set_xlabel("compute C (FLOP); grey: sizes tried")
    ax.set_ylabel("optimal parameters N*")
    legend_above(ax)


def _intervals(report: AuditReport) -> Figure:
    with mpl.rc_context(STYLE):
        rows = [row for row in report.estimators if np.isfinite(row.n_opt.low)]
        figure, ax = new_figure(1, 1, width=6.6, height=0.9 + 0.33 * max(len(rows), 1))
        for i, row in enumerate(rows[::-1]):
            e = row.n_opt
            ax.plot([e.low, e.high], [i, i], color=COLOURS[0], linewidth=4, alpha=0.45, solid_capstyle="butt")
            ax.plot(e.value, i, "o", color=COLOURS[0])
        ax.set_yticks(range(len(rows)), [row.name for row in rows[::-1]])
        ax.set_xscale("log")
        ax.set_xlabel("optimal parameters N*")
    return figure


def _told(estimate: Estimate, form: str = ".3g") -> str:
    if not np.isfinite(estimate.low):
        return f"{estimate.value:{form}}" if np.isfinite(estimate.value) else "none"
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def _table(head: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def _estimator_table(report: AuditReport) -> str:
    splits, fitted = [], []
    for row in report.estimators:
        failed = ", ".join(f"{count} {why}" for why, count in row.failed.items())
        splits.append([row.name, _told(row.a), _told(row.n_opt), _told(row.d_opt), failed])
        if row.parameters:
            fitted.append([row.name, *(_told(row.parameters[name]) for name in ("alpha", "beta", "A", "B", "E"))])
    head = ["estimator", "exponent a of N*", "N*", "D*", "resamples without answer"]
    return _table(head, splits) + _table(["surface", "alpha", "beta", "A", "B", "E"], fitted)


def _parabola_table(report: AuditReport) -> str:
    placed = {p.budget: p for p in report.placement}
    rows = []
    for p in report.parabolas:
        grid = placed.get(p.budget)
        where = f"{grid.centre_over_optimum:.2g}x" if grid else ""
        vertex = "none" if p.reason else f"{p.n_opt:.3g}"
        remark = p.reason or ("" if p.inside else "vertex outside the sizes tried")
        rows.append(
            [f"{p.budget:.3g}", str(p.n), vertex, f"{p.curvature:.3g}", f"±{10**p.half_width:.2g}x", where, remark]
        )
    return _table(["budget", "runs", "vertex N*", "curvature", "width", "grid's middle over optimum", "remark"], rows)


def _left_out_table(report: AuditReport) -> str:
    if not report.left_out:
        return ""
    rows = [
        [
            f"{r.budget:.3g}",
            str(r.runs),
            f"{r.a2_d_opt:.3g}",
            f"{r.surface_d_opt:.3g}",
            f"{r.waste:.2%}",
            f"{r.waste_held:.2%}",
        ]
        for r in report.left_out
    ]
    head = ["without", "runs", "D*, Approach 2", "D*, VP", "waste, both refitted", "waste, surface held"]
    return "<h2>Without one budget</h2>" + _table(head, rows)
