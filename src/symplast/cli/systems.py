"""The argument SYSTEM, with completion and a check."""

from typing import Annotated

import typer


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
