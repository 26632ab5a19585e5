"""Sphinx configuration; also writes the pages that nobody types: verdicts, gallery, commands."""

import sys
from html import escape
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode, math_block
from latex2mathml.converter import convert

import symplast
from symplast.lab.published import read_published
from symplast.lab.registry import Room, rooms
from symplast.lab.tables import claims_table, overview
from symplast.lab.theme import render

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"
sys.path.insert(0, str(HERE))

import speed  # noqa: E402 - next to this file

project = "symplast"
author = "The symplast authors"
release = version = symplast.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_generated"]
html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "symplast"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_theme_options = {
    "show_prev_next": False,
    "header_links_before_dropdown": 7,
    "navigation_depth": 2,
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
}
html_show_sourcelink = False
html_sidebars: dict[str, list[str]] = {"index": [], "gallery": []}  # they have no pages below them
autodoc_typehints = "none"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # shapes stand in the descriptions
nitpicky = False


def write_pages() -> None:
    """What pages include: tables of verdicts, pictures with links, the help of every command."""
    folder = HERE / "_generated"
    folder.mkdir(exist_ok=True)
    (folder / "overview.md").write_text(overview(RESULTS) + "\n", encoding="utf-8")
    sections = []
    for name, room in rooms().items():
        table = claims_table(room, read_published(room, RESULTS))
        (folder / f"{name}-claims.md").write_text(table + "\n", encoding="utf-8")
        sections.append(pictures(name, room))
    gallery = (
        "# Gallery\n\nThe figures of all systems, drawn from what was measured at full scale. "
        "A click shows a picture alone; the report holds them as drawings that can be enlarged.\n\n"
    ) + "\n".join(sections)
    (folder / "gallery.md").write_text(gallery, encoding="utf-8")
    (folder / "commands.md").write_text(commands(), encoding="utf-8")
    found = speed.records(HERE.parent / "benchmarks" / "results")
    (folder / "speeds.svg").write_bytes(render(speed.picture(speed.comparisons(found))))
    (folder / "benchmarks.md").write_text(speed.table(found), encoding="utf-8")


def pictures(name: str, room: Room) -> str:
    """A section of the gallery: all figures of a system that were drawn, with their captions."""
    tiles = []
    for figure in room.outline().figures.values():
        if (HERE / "_static" / "gallery" / name / f"{figure.name}.webp").exists():
            path, alt = f"_static/gallery/{name}/{figure.name}.webp", escape(figure.alt, quote=True)
            tiles.append(
                f'<figure><a href="{path}"><img src="{path}" alt="{alt}" loading="lazy"></a>'
                f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
            )
    if not tiles:
        return ""
    title = room.claims.system.title
    return f'## [{title}](systems/{name}.md)\n\n<div class="gallery">\n' + "\n".join(tiles) + "\n</div>\n"


def commands() -> str:
    """The help of every command, in Markdown."""
    import typer
    from typer.cli import get_docs_for_click

    from symplast.cli import app

    command = typer.main.get_command(app)
    return get_docs_for_click(obj=command, ctx=typer.Context(command), name="symplast")


def leave_out_aliases(app: Any, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Fields of named tuples: their class describes them under Attributes."""
    return True if str(getattr(thing, "__doc__", "")).startswith("Alias for field number") else None


def write_formula(translator: Any, node: Any) -> None:
    """A formula as MathML, which browsers draw by themselves: no script, nothing from elsewhere, also in print."""
    display = "block" if isinstance(node, math_block) else "inline"
    translator.body.append(convert(node.astext(), display=display))
    raise SkipNode


def setup(app: Any) -> None:
    """Connect to Sphinx."""
    app.connect("autodoc-skip-member", leave_out_aliases)
    app.add_html_math_renderer("mathml", (write_formula, None), (write_formula, None))


write_pages()
