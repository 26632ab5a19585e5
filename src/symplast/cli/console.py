"""Where commands write: results to stdout, messages to stderr."""

import sys
from typing import Any

import msgspec
from rich.console import Console

out = Console()
err = Console(stderr=True)


def print_json(value: Any) -> None:
    """Write a value as JSON to stdout, and nothing else."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
