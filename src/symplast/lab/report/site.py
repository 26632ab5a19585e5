"""Writing the site: an index, a page per system, one style sheet inside each page."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

import symplast
from symplast.lab.audit import Audit, claim_row
from symplast.lab.numbers import shown
from symplast.lab.provenance import now
from symplast.lab.published import read_published
from symplast.lab.report.figures import Picture, pictures
from symplast.lab.report.gauge import gauge
from symplast.lab.store import Damage, Store
from symplast.lab.verdicts import MARKS, OUTCOMES, Verdict
from symplast.lab.whole_files import write_whole

MEANINGS = {
    "reproduced": "the measured interval lies wholly inside what the rule accepts",
    "partly": "some statements hold and some don't, or only a more lenient rule holds",
    "refuted": "the measured interval lies wholly outside what the rule accepts",
    "inconclusive": "the interval straddles the rule, or there is none",
    "not testable here": "the claim can't be checked with what is available",
    "not run": "no measurement yet",
}
KINDS = {
    "exact": "exact arithmetic",
    "simulation": "simulation",
    "data": "real data",
    "hypothesis": "hypothesis",
    "extension": "ours, not the paper's",
}


@dataclass(frozen=True)
class ClaimEntry:
    """A claim as the page shows it: the verdict, its row of the JSON contract, and a picture per statement."""

    verdict: Verdict
    row: dict[str, Any]
    gauges: list[str]
    published: str


def write_report(
    audits: Sequence[Audit],
    store: Store,
    out: Path,
    *,
    damages: Sequence[Damage] = (),
    left_out: dict[str, str] | None = None,
    wall_s: float | None = None,
) -> Path:
    """Write the site to ``<out>/report``.

    Args:
        audits: the systems to show.
        store: where their evidence is.
        out: folder; drawn figures are kept in ``<out>/figures``.
        damages: run folders that were skipped.
        left_out: systems that have no page, and why; those whose page can't be made are added.
        wall_s: seconds that the command took, where there was one.

    Returns:
        Path of ``index.html``.
    """
    folder = out / "report"
    folder.mkdir(parents=True, exist_ok=True)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("symplast.lab.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["shown"] = lambda row, digits: shown(row["measured"], row["interval"], row["unit"], digits)
    style = Path(__file__).with_name("templates") / "style.css"
    common = {
        "style": style.read_text(encoding="utf-8"),
        "marks": MARKS,
        "meanings": MEANINGS,
        "kinds": KINDS,
        "outcomes": OUTCOMES,
        "version": symplast.__version__,
        "written": now().replace("T", " ").replace("+00:00", " UTC"),
    }
    left_out = {} if left_out is None else left_out
    figures: dict[str, list[Picture]] = {}
    for audit in audits:
        try:
            drawn = pictures(audit, store, out / "figures")
            page = environment.get_template("system.html").render(
                **common, audit=audit, entries=claim_entries(audit), figures=drawn, runs=_ordered_runs(audit)
            )
        except Exception as error:  # one system's fault leaves the pages of the others alone
            left_out[audit.room.name] = f"{type(error).__name__}: {error}"
            continue
        write_whole(folder / f"{audit.room.name}.html", page)
        figures[audit.room.name] = drawn
    audits = [audit for audit in audits if audit.room.name in figures]
    page = environment.get_template("index.html").render(
        **common,
        audits=audits,
        damages=damages,
        left_out=left_out,
        wall_s=wall_s,
        machine=_machines(audits),
        python=platform.python_version(),
        failures=[run for audit in audits for run in audit.runs.values() if run.status == "failed"],
        cover=_cover(figures),
    )
    index = folder / "index.html"
    write_whole(index, page)
    return index


def claim_entries(audit: Audit) -> list[ClaimEntry]:
    """The claims of a system as the page shows them, the published verdict with each that came out otherwise."""
    measured = {f"{run.experiment}.{name}": q for run in audit.runs.values() for name, q in run.quantities.items()}
    try:
        published = read_published(audit.room)
    except ValueError:  # a damaged file; the commands say so
        published = None
    entries = []
    for verdict in audit.verdicts:
        row = claim_row(verdict, audit)
        gauges = [gauge(judgement, verdict.claim.kind, measured) for judgement in verdict.judgements]
        qualifier = audit.room.claims.system.qualifier
        before = published.next_to(row["id"], verdict.outcome, qualifier) if published else ""
        entries.append(ClaimEntry(verdict, row, gauges, "" if before == "same" else before))
    return entries


def _ordered_runs(audit: Audit) -> list[tuple[Any, str]]:
    """Runs with the one-line description of their experiment, in the order of the study."""
    if not audit.runs:
        return []
    experiments = audit.room.outline().experiments
    return [(audit.runs[name], experiment.doc) for name, experiment in experiments.items() if name in audit.runs]


def _machines(audits: Sequence[Audit]) -> list[str]:
    runs = [run for audit in audits for run in audit.runs.values()]
    return sorted({f"{run.provenance.machine}; computed on {run.provenance.device}" for run in runs})


def _cover(figures: dict[str, list[Picture]]) -> list[tuple[str, Picture]]:
    """The first figure of each system, for the first page."""
    return [(name, next(p for p in drawn if p.svg)) for name, drawn in figures.items() if any(p.svg for p in drawn)]
