"""Where commands write: results to stdout, messages to stderr."""

import sys
from collections.abc import Iterable
from typing import Any

import msgspec
from rich.console import Console

out = Console()
err = Console(stderr=True)


def print_json(value: Any) -> None:
    """Write a value as JSON to stdout, and nothing else."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def tell_damages(damages: Iterable[tuple[str, str]]) -> None:
    """Say which runs were skipped, and why."""
    for place, reason in damages:
        err.print("[yellow]skipped a damaged run:[/] ", end="")
        err.print(f"{place}: {reason}", soft_wrap=True, markup=False, highlight=False)
