"""Where commands write: results to stdout, messages to stderr, pictures to files."""

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
from rich.console import Console

out = Console()
err = Console(stderr=True)


def print_json(value: Any) -> None:
    """Write a value as JSON to stdout, and nothing else."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def picture_kind(path: Path, option: str) -> Literal["svg", "png"]:
    """What a picture's name asks for, before anything is computed.

    Raises:
        ValueError: another ending, or a folder that does not exist; names the option.
    """
    check_output(path, option, ".svg", ".png")
    return "svg" if path.suffix == ".svg" else "png"


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
    said = "; ".join([f"{path.name}: {rows} row{'s' if rows != 1 else ''} read", *decided])
    err.print(said, soft_wrap=True, markup=False, highlight=False)


def tell_damages(damages: Iterable[tuple[str, str]]) -> None:
    """Say which runs were skipped, and why."""
    for place, reason in damages:
        err.print("[yellow]skipped a damaged run:[/] ", end="")
        err.print(f"{place}: {reason}", soft_wrap=True, markup=False, highlight=False)


@contextmanager
def computing() -> Iterator[None]:
    """Warnings become lines on stderr, each once; compiled programs are kept for the next call."""
    from symplast.lab.jax_setup import use_compilation_cache

    use_compilation_cache()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
    for text in dict.fromkeys(str(warning.message) for warning in said):
        err.print(f"[yellow]warning:[/] {text}", soft_wrap=True, highlight=False)
