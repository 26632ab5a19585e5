"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer

OUT = typer.Option(
    Path("symplast-out"), "--out", envvar="SYMPLAST_OUT", help="Folder for the runs and the report.", file_okay=False
)
HEADER = typer.Option(
    "--header/--no-header", help="Whether the first line names the columns; default: by what it holds."
)
INDEX = typer.Option(
    "--index/--no-index", help="Whether the first column only counts or names the rows; default: by what it holds."
)
STORE = typer.Option(None, "--store", help="Keep the runs elsewhere: a folder or an fsspec URL. Default: OUT/runs.")


def complete_system(incomplete: str) -> list[str]:
    """Names of systems that begin so."""
    from symplast.lab.registry import rooms

    return [name for name in rooms() if name.startswith(incomplete)]


System = Annotated[str, typer.Argument(help="A system, as in symplast list.", autocompletion=complete_system)]
Systems = Annotated[
    list[str] | None, typer.Argument(help="Systems, as in symplast list.", autocompletion=complete_system)
]


def chosen(names: list[str] | None) -> list[str]:
    """The systems asked for, all of them when none is named.

    Raises:
        ValueError: an unknown system.
    """
    from symplast.lab.registry import room, rooms

    return [room(name).name for name in dict.fromkeys(names or rooms())]


def as_scale(text: str) -> Any:
    """Check ``--scale``."""
    from symplast.lab.claims import SCALES

    if text not in SCALES:
        raise ValueError(f"--scale must be one of {', '.join(SCALES)}; got {text!r}")
    return text
