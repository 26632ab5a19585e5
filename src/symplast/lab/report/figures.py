"""Figures for the report: drawn from evidence, kept as SVG beside the runs, fitted into the page."""

import re
import tempfile
from dataclasses import dataclass
from html import escape
from pathlib import Path

from symplast.lab.audit import Audit
from symplast.lab.fingerprint import figures_fingerprint
from symplast.lab.records import DamagedError, Run
from symplast.lab.store import Store
from symplast.lab.study import Figure


@dataclass(frozen=True)
class Picture:
    """A figure ready for the page; ``svg`` is empty and ``problem`` says why when it could not be drawn."""

    name: str
    experiment: str
    caption: str
    alt: str
    svg: str
    problem: str = ""


def pictures(audit: Audit, store: Store, cache: Path) -> list[Picture]:
    """The figures of a system's finished experiments.

    Args:
        audit: whose runs are drawn.
        store: where the evidence is.
        cache: folder of SVG files drawn before; a figure is drawn again when its code or its run is another.
    """
    done = {name: run for name, run in audit.runs.items() if run.status == "done"}
    if not done:
        return []
    study = audit.room.study()
    drawn_by = figures_fingerprint(audit.room.folder)
    return [
        _picture(figure, done[figure.experiment], store, cache / f"{done[figure.experiment].id}-{drawn_by}")
        for figure in study.figures.values()
        if figure.experiment in done
    ]


def _picture(figure: Figure, run: Run, store: Store, folder: Path) -> Picture:
    about = {"name": figure.name, "experiment": run.name, "caption": figure.caption, "alt": figure.alt}
    path = folder / f"{figure.name}.svg"
    if not path.exists():
        from symplast.lab.theme import render

        try:
            content = render(figure.draw(store.evidence(run)))
        except DamagedError as error:
            return Picture(**about, svg="", problem=str(error))
        except Exception as error:
            return Picture(**about, svg="", problem=f"could not be drawn: {type(error).__name__}: {error}")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as part:
            part.write(content)
        Path(part.name).replace(path)
    return Picture(
        **about, svg=fit_into_page(path.read_text(encoding="utf-8"), f"{run.system}-{figure.name}", figure.alt)
    )


def fit_into_page(svg: str, prefix: str, alt: str) -> str:
    """Turn matplotlib's SVG file into an element that takes the page's text colour and width and says what it shows."""
    from symplast.lab.theme import INK

    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\1{prefix}-", svg)
    svg = re.sub(re.escape(INK), "currentColor", svg, flags=re.IGNORECASE)
    svg = re.sub(r"font: ([^;\"]*?)'[^;\"]*", r"font: \1inherit-sans", svg).replace("inherit-sans", "sans-serif")
    head, rest = svg.split(">", 1)
    width_pt = re.search(r'viewBox="0 0 ([0-9.]+)', head)
    widest = f"{1.45 * float(width_pt.group(1)):.0f}px" if width_pt else "100%"
    head = re.sub(r'\s(width|height)="[^"]*"', "", head) + f' style="--natural:{widest}"'
    return f'{head} role="img" aria-label="{escape(alt, quote=True)}">{rest}'
