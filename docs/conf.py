"""Sphinx configuration; also writes the tables of verdicts from ``results/``."""

import sys
from pathlib import Path

import symplast
from symplast.lab.published import read_published
from symplast.lab.registry import rooms
from symplast.lab.tables import claims_table, overview

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"

project = "symplast"
author = "The symplast authors"
release = version = symplast.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_generated"]
html_theme = "pydata_sphinx_theme"
html_title = "symplast"
html_static_path = ["_static"]
html_theme_options = {
    "show_prev_next": False,
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
}
html_show_sourcelink = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
nitpicky = False
sys.path.insert(0, str(HERE))


def write_tables() -> None:
    """The tables that pages include: nobody types a result."""
    folder = HERE / "_generated"
    folder.mkdir(exist_ok=True)
    (folder / "overview.md").write_text(overview(RESULTS) + "\n", encoding="utf-8")
    for name, room in rooms().items():
        table = claims_table(room, read_published(room, RESULTS))
        (folder / f"{name}-claims.md").write_text(table + "\n", encoding="utf-8")


write_tables()
