"""The command line: thin commands over public functions, and one place where errors become one line."""

import io
import os
import sys
from importlib import import_module

import typer

from symplast.cli.console import err, styled
from symplast.cli.options import by_option

app = typer.Typer(
    name="symplast",
    help="Learning systems of symmetry and plasticity: measure their papers' claims, use them on your own data.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

LAB_COMMANDS = ("reproduce", "catalogue", "search", "report", "compare")
"""Files whose commands stand at the top level."""

GROUPS = (
    "bilateral", "brain_alignment", "brain_symmetry", "curl", "data", "dendrites", "devices", "equilibrium",
    "gain_control", "grokking", "hlop", "molecular", "pspm", "scaling", "site", "sym_stdp", "visual_search",
)  # fmt: skip
"""Files that each bring a group of commands: ``symplast <group> <verb>``."""

for _name in LAB_COMMANDS:
    import_module(f"symplast.cli.{_name}").register(app)
for _name in GROUPS:
    app.add_typer(import_module(f"symplast.cli.{_name}").app, name=_name.replace("_", "-"))


@app.callback(invoke_without_command=True)
def symplast(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
) -> None:
    if debug:
        os.environ["SYMPLAST_DEBUG"] = "1"
    if version:
        from symplast import __version__

        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line: exit 0 for success, 1 for failure, 2 for wrong input; errors are one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a sign shows another
    try:
        app(prog_name="symplast")
    except Exception as error:
        if os.environ.get("SYMPLAST_DEBUG", "0") != "0":
            raise
        sys.exit(_told(error))


def _told(error: BaseException) -> int:
    """Print an error as one line; the exit code that belongs to it."""
    message = " ".join(str(error).split())
    wrong_input = isinstance(error, ValueError | FileNotFoundError)
    if isinstance(error, ValueError):
        message = by_option(message, typer.main.get_command(app), sys.argv[1:])
    if not isinstance(error, ValueError | OSError):
        message = f"{type(error).__name__}: {message}  (symplast --debug ... shows where)"
    err.print(styled(("error:", "bold red"), f" {message}"), soft_wrap=True)
    return 2 if wrong_input else 1
