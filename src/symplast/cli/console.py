"""Where commands write: results to stdout, messages to stderr, pictures to files.

What users name (files, columns, labels, plug-ins) may hold anything. So nothing that is printed here is read as markup,
and signs that would command the terminal are left out; colour comes from :func:`styled`.
"""

import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that command a terminal or turn the direction of writing; not tab and newline."""


def printable(text: str) -> str:
    """Text without the characters that would command a terminal.

    Example:
        >>> printable("loss\\x1b[2J [1]")
        'loss[2J [1]'
    """
    return COMMANDS.sub("", text)


class PlainConsole(Console):
    """A console that prints text as it is: no markup, no emoji codes, no control characters."""

    def __init__(self, *, stderr: bool = False):
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Rich's segments, without what would command the terminal; its own commands (a moving bar) pass."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)


out = PlainConsole()
err = PlainConsole(stderr=True)


def styled(*parts: str | tuple[str, str]) -> Text:
    """One line of parts, some of them ``(text, style)``; none is read as markup.

    Example:
        >>> styled(("warning:", "yellow"), " column [b]").plain
        'warning: column [b]'
    """
    return Text.assemble(*parts)


def warn(text: object, lead: str = "warning:") -> None:
    """A line on stderr that begins with a word in yellow."""
    err.print(styled((lead, "yellow"), f" {text}"), soft_wrap=True)


def write_text(text: str) -> None:
    """Write text to stdout as it is, unwrapped, but for what would command the terminal."""
    sys.stdout.write(printable(text) + "\n")


def print_json(value: Any) -> None:
    """Write a value as JSON to stdout, and nothing else; NaN and infinity, which JSON lacks, become null."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def check_picture(path: Path, option: str) -> None:
    """Before anything is computed: a picture can be written there; see :func:`check_output`."""
    check_output(path, option, ".svg", ".png")


def check_output(path: Path, option: str, *endings: str) -> None:
    """Before anything is computed: the result can be written there.

    Raises:
        ValueError: another ending, or a folder that does not exist; names the option.
    """
    if path.suffix not in endings or not path.absolute().parent.is_dir():
        ending = " or ".join(endings)
        raise ValueError(f"{option} must end in {ending} and lie in a folder that exists, got {path}")


def tell_reading(path: Path, rows: int, decided: Iterable[str]) -> None:
    """Say on one line of stderr what was decided on reading a user's table."""
    tell("; ".join([f"{path.name}: {rows} row{'s' if rows != 1 else ''} read", *decided]))


def tell(text: str) -> None:
    """A line on stderr, as it is."""
    err.print(text, soft_wrap=True)


def write_files(folder: Path, files: Mapping[str, Any]) -> None:
    """Write files into a folder, which is made, and say so on stderr.

    Args:
        folder: where to.
        files: name -> what becomes the file; see :func:`write_file`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_file(folder / name, content)
    tell(f"{', '.join(files)} written to {folder}")


def write_file(path: Path, content: Any) -> None:
    """Write a table (DataFrame, as CSV), a figure (as its name ends: .png, or SVG), a text or bytes; whole or not."""
    from matplotlib.figure import Figure

    from symplast.lab.theme import render
    from symplast.lab.whole_files import write_whole

    if isinstance(content, Figure):
        content = render(content, "png" if path.suffix == ".png" else "svg")
    write_whole(path, content if isinstance(content, str | bytes) else content.to_csv(index=False))


def tell_damages(damages: Iterable[tuple[str, str]], lead: str = "skipped a damaged run:") -> None:
    """Say what in a store can't be used, and why."""
    for place, reason in damages:
        warn(f"{place}: {reason}", lead)


@contextmanager
def set_aside(name: str, broken: dict[str, str]) -> Iterator[None]:
    """What goes wrong with one system is said, put into ``broken`` and stops no other system."""
    try:
        yield
    except Exception as error:
        what = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        broken[name] = f"{what}{error}"
        warn(f"{name}: {' '.join(broken[name].split())}", "left out:")


def tell_refused() -> None:
    """Say which plug-ins are announced but can't be used."""
    from symplast.lab.registry import refused

    for name, reason in refused().items():
        warn(f"plug-in {name} {reason}", "left out:")


@contextmanager
def computing() -> Iterator[None]:
    """Warnings become lines on stderr, each once; compiled programs are kept for the next call."""
    from symplast.lab.jax_setup import use_compilation_cache

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        use_compilation_cache()
        yield
    for text in dict.fromkeys(str(warning.message) for warning in said):
        warn(text)
