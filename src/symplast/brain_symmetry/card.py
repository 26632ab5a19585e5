"""The data card of a set: counts, tilts, shifts, flags, split, licence and consent; Markdown and HTML."""

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

import matplotlib as mpl
import msgspec
import numpy as np
from matplotlib.figure import Figure

from symplast.brain_symmetry.annotation import Annotation
from symplast.brain_symmetry.dataset import PARTS, Dataset, Settings
from symplast.brain_symmetry.planes import Plane
from symplast.lab.theme import COLOURS, STYLE, new_figure, render
from symplast.lab.whole_files import write_whole

MISSING = "not stated: fill this in before the set is shared"
AGES = ("age_weeks", "age", "scan_age", "birth_age")

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
:root {{ color-scheme: light dark; --ink: #22272e; --soft: #5b6470; --line: #d5d9de; --back: #fff; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #d8dde3; --soft: #9aa4b0; --line: #343b44; --back: #14171c; }} }}
body {{ font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 52rem;
  margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.15rem; margin-top: 2rem; }}
p.about, figcaption {{ color: var(--soft); font-size: .9rem; }}
figure {{ margin: 1rem 0; }} svg {{ max-width: 100%; height: auto; color: var(--soft); }}
div.wide {{ overflow-x: auto; }} table {{ border-collapse: collapse; font-size: .9rem; }}
th, td {{ text-align: right; padding: .25rem .7rem; border-bottom: 1px solid var(--line); }}
th:first-child, td:first-child {{ text-align: left; }}
div.images {{ display: flex; flex-wrap: wrap; gap: .5rem; }} div.images img {{ height: 9rem; }}
</style></head><body>
{body}
</body></html>
"""


def write_card(dataset: Dataset, settings: Settings | None = None, title: str = "") -> tuple[Path, Path]:
    """Write ``card.md`` and ``card.html`` into the set's folder.

    Args:
        dataset: the set.
        settings: how it was built; None: from its ``settings.json``.
        title: of the card; empty: the folder's name.

    Returns:
        The two paths.
    """
    s = settings or settings_of(dataset.folder)
    name = title or dataset.folder.resolve().name
    sections = _sections(dataset, s)
    markdown = f"# {name}\n\n{ABOUT}\n\n" + "\n".join(_as_markdown(*section) for section in sections)
    body = f'<h1>{escape(name)}</h1><p class="about">{escape(ABOUT)}</p>' + "".join(
        _as_html(*each) for each in sections
    )
    body += _pictures(dataset)
    svg = render(histograms(dataset.annotations), "svg").decode()
    figure = svg[svg.index("<svg") :].replace("#5b6470", "currentColor")
    body += (
        f"<h2>Tilts and shifts</h2><figure>{figure}<figcaption>Tilt of each scan's plane against the scanner's, and "
    )
    body += "midline shift of each image, where the contrast is known.</figcaption></figure>"
    paths = (dataset.folder / "card.md", dataset.folder / "card.html")
    write_whole(paths[0], markdown)
    write_whole(paths[1], PAGE.format(title=escape(name), body=body))
    return paths


ABOUT = (
    "Slices of brain scans with midlines that symplast found, not drawn by hand. Not a diagnostic device. The records "
    "hold no header fields of the scans, only what was asked for; file names and pixels may still identify a person."
)


def settings_of(folder: Path) -> Settings:
    """The settings in the folder of a set; the defaults where there are none.

    Raises:
        ValueError: a damaged file.
    """
    path = folder / "settings.json"
    if not path.is_file():
        return Settings()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: not settings of a set: {error}") from error


Rows = Sequence[Sequence[str]]


def _sections(dataset: Dataset, s: Settings) -> list[tuple[str, str, Rows]]:
    """Heading, sentence and table of each section."""
    records = dataset.annotations
    scans = {record.scan: record for record in records}
    subjects = {record.subject for record in records}
    kinds = Counter((record.contrast or "not known", record.plane) for record in records)
    found: list[tuple[str, str, Rows]] = [
        (
            "What is in it",
            f"{len(records)} images of {len(scans)} scans of {len(subjects)} subjects.",
            [("contrast, plane", "images"), *((f"{a}, {b}", str(n)) for (a, b), n in sorted(kinds.items()))],
        )
    ]
    ages = _age_bins(scans.values())
    if ages:
        found.append(("Age", "Scans by age, in the unit of the table that was given.", [("age", "scans"), *ages]))
    parts = [part for part in (*PARTS, "") if any(record.split == part for record in records)]
    rows = []
    for part in parts:
        own = [record for record in records if record.split == part]
        numbers = (len({r.subject for r in own}), len({r.scan for r in own}), len(own))
        rows.append((part or "none", *map(str, numbers)))
    shares = ", ".join(f"{share:g}" for share in s.split)
    found.append(
        (
            "Split by subject",
            f"All scans of a subject are on the same side (shares {shares}, seed {s.seed}). Never split by image.",
            [("part", "subjects", "scans", "images"), *rows],
        )
    )
    flags = Counter(flag for record in scans.values() for flag in record.flags)
    counted = [(flag, str(n)) for flag, n in flags.most_common()]
    sentence = f"{sum(not record.flags for record in scans.values())} of {len(scans)} scans have no flag."
    found.append(("Quality flags", sentence, [("flag", "scans"), *counted] if counted else []))
    if dataset.failed:
        found.append(
            (
                "Left out",
                "Files that could not be used.",
                [("file", "why"), *((Path(f).name, w) for f, w in dataset.failed)],
            )
        )
    found.append(
        (
            "Licence and consent",
            "",
            [("field", "value"), ("licence", s.licence or MISSING), ("consent", s.consent or MISSING)],
        )
    )
    where = f"preset {s.preset}" if s.preset else f"{s.plane} at {', '.join(f'{a:g}' for a in s.at)} ({s.relative})"
    version = next((record.version for record in records), "")
    found.append(("How it was made", f"Slices: {where}. symplast {version}.", []))
    return found


def _age_bins(records: object) -> list[tuple[str, str]]:
    counts: Counter[str] = Counter()
    for record in records:  # type: ignore[attr-defined]
        text = next((record.extra[key] for key in AGES if key in record.extra), None)
        if text is None:
            continue
        try:
            counts[f"{int(float(text) // 2 * 2):02d} to {int(float(text) // 2 * 2) + 2:02d}"] += 1
        except ValueError:
            counts["not a number"] += 1
    return [(name, str(n)) for name, n in sorted(counts.items())]


def _as_markdown(heading: str, sentence: str, rows: Rows) -> str:
    text = f"## {heading}\n\n" + (f"{sentence}\n\n" if sentence else "")
    if rows:
        cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
        lines = ["| " + " | ".join(row) + " |" for row in cells]
        lines.insert(1, "|" + "---|" * len(rows[0]))
        text += "\n".join(lines) + "\n"
    return text


def _as_html(heading: str, sentence: str, rows: Rows) -> str:
    text = f"<h2>{escape(heading)}</h2>" + (f"<p>{escape(sentence)}</p>" if sentence else "")
    if rows:
        lines = []
        for number, row in enumerate(rows):
            tag = "td" if number else "th"
            lines.append("<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>")
        text += f'<div class="wide"><table>{"".join(lines)}</table></div>'
    return text


def _pictures(dataset: Dataset, most: int = 6) -> str:
    shown = [
        record.image for record in dataset.annotations[:most] if (dataset.folder / "images" / record.image).is_file()
    ]
    if not shown:
        return ""
    images = "".join(
        f'<img src="images/{escape(name, quote=True)}" alt="slice {escape(name, quote=True)}">' for name in shown
    )
    return f'<h2>First images</h2><div class="images">{images}</div>'


def histograms(records: Sequence[Annotation]) -> Figure:
    """Tilts of scans and midline shifts of images."""
    tilts = [Plane(np.array(each.normal), each.offset_mm).tilt_deg for each in {r.scan: r for r in records}.values()]
    shifts = [record.shift_mm for record in records if record.shift_mm is not None]
    with mpl.rc_context(STYLE):
        figure, panels = new_figure(1, 2, width=7.0, height=2.6)
        for axes, values, label, what in (
            (panels[0], tilts, "tilt of the plane (degrees)", "scans"),
            (panels[1], shifts, "midline shift (mm)", "images"),
        ):
            if values:
                axes.hist(values, bins=np.linspace(0, max(*values, 1.0), 16), color=COLOURS[0])
            else:
                axes.text(0.5, 0.5, "none measured", ha="center", va="center", transform=axes.transAxes)
            axes.set(xlabel=label, ylabel=what)
    return figure
