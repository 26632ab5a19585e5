"""Arguments and options that several commands share."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

AS_JSON = typer.Option(False, "--json", help="Print as JSON.")
SEED = typer.Option(help="Of the random numbers.")
PICTURE = typer.Option(help="Write a figure (.svg, .png).")
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


def numbers(text: str, option: str, kind: Callable[[str], Any] = float) -> list[Any]:
    """What stands between the commas of an option.

    Raises:
        ValueError: something else than numbers; names the option.
    """
    try:
        return [kind(word) for word in text.split(",")]
    except ValueError:
        raise ValueError(f"{option} must be numbers separated by commas, got {text!r}") from None


def check_least(*options: tuple[str, float | None, float]) -> None:
    """Options that are given have at least their smallest value: (option, value, smallest)."""
    for option, value, least in options:
        if value is not None and value < least:
            raise ValueError(f"{option} must be at least {least}, got {value}")


def by_option(message: str, command: Any, arguments: Sequence[str]) -> str:
    """A message about a Python argument as one about the option or argument of the command that was called.

    Args:
        message: such as ``batch_size must be at least 1``; others stay as they are.
        command: the whole command line, as click has it.
        arguments: what was typed after its name.

    Example:
        >>> app = typer.Typer()
        >>> @app.command()
        ... def train(data: str, batch_size: int = 1) -> None: ...
        >>> command = typer.main.get_command(app)
        >>> by_option("batch_size must be at least 1, got 0", command, ["--batch-size=0"])
        '--batch-size must be at least 1, got 0'
        >>> by_option("data and batch_size must agree", command, [])
        'DATA and --batch-size must agree'
    """
    for word in arguments:
        command = getattr(command, "commands", {}).get(word, command)
    spelled: dict[str, str] = {}
    for parameter in command.params:
        name = max(parameter.opts, key=len)
        if parameter.param_type_name == "argument":
            name = (parameter.metavar or name).upper()
        spelled |= {parameter.name: name, name.lstrip("-").replace("-", "_").lower(): name}
        if parameter.nargs == -1:  # it takes several, and the message is about one
            one = name.rstrip(".").removesuffix("S")
            spelled[one.lower()] = one
    # names before the verb, such as "inputs and hidden must be ..."
    found = re.match(r"\w+(?:(?:, | and | or )\w+)*(?= (?:=|(?:must|needs?|is|are|has|have|goes|can't)\b))", message)
    if not found:
        return message
    return re.sub(r"\w+", lambda word: spelled.get(word[0], word[0]), found[0]) + message[found.end() :]
