"""Figures for the report: drawn from evidence, kept as SVG next to the runs, fitted into the page."""

import contextlib
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from html import escape
from pathlib import Path

from symplast.lab.audit import Audit
from symplast.lab.fingerprint import figures_fingerprint
from symplast.lab.records import DamagedError, Run, sha256
from symplast.lab.store import Store
from symplast.lab.study import Figure
from symplast.lab.whole_files import write_whole

ACTIVE = {"script", "foreignobject", "iframe", "handler", "animate", "animatemotion", "animatetransform", "set"}
"""Elements that a picture in a page must not have, because they act."""
SEAL = re.compile(rb"<!-- sha256 ([0-9a-f]{64}) -->\n\Z")


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
    study = audit.room.outline()
    drawn_by = figures_fingerprint(audit.room.folder)
    return [
        _picture(figure, done[figure.experiment], store, cache / f"{done[figure.experiment].id}-{drawn_by}")
        for figure in study.figures.values()
        if figure.experiment in done
    ]


def _picture(figure: Figure, run: Run, store: Store, folder: Path) -> Picture:
    about = {"name": figure.name, "experiment": run.name, "caption": figure.caption, "alt": figure.alt}
    path = folder / f"{figure.name}.svg"
    if (svg := _drawn_before(path)) is None:
        from symplast.lab.theme import render

        try:
            content = render(figure.draw(store.evidence(run)))
            svg = content.decode()
            _check_svg(svg)
        except DamagedError as error:
            return Picture(**about, svg="", problem=str(error))
        except (Exception, SystemExit) as error:
            return Picture(**about, svg="", problem=f"could not be drawn: {type(error).__name__}: {error}")
        with contextlib.suppress(OSError):  # it is drawn again next time
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, content + f"<!-- sha256 {sha256(content)} -->\n".encode())
    return Picture(**about, svg=fit_into_page(svg, f"{run.system}-{figure.name}", figure.alt))


def _drawn_before(path: Path) -> str | None:
    """A picture from the cache; None where there is none, or another than was put there."""
    try:
        if not path.is_file():
            return None
        content = path.read_bytes()
        seal = SEAL.search(content)
        if seal is None or sha256(content[: seal.start()]) != seal[1].decode():
            return None
        svg = content[: seal.start()].decode()
        _check_svg(svg)
        return svg
    except (OSError, ValueError):
        return None


def _check_svg(svg: str) -> None:
    """Raise ValueError for a picture that is not well-formed, or that would act in a page."""
    try:
        tree = ET.fromstring(svg)
    except ET.ParseError as error:
        raise ValueError(f"its SVG is not well-formed: {error}") from error
    for element in tree.iter():
        tag = str(element.tag).rpartition("}")[2]
        if tag.lower() in ACTIVE:
            raise ValueError(f"its SVG has an element {tag}, and a picture must not act")
        for name, value in element.attrib.items():
            short = name.rpartition("}")[2].lower()
            if short.startswith("on") or (short in ("href", "src") and not value.startswith(("#", "data:image/"))):
                raise ValueError(f"its SVG has {short}={value[:60]!r}, and a picture must not act or load")


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
