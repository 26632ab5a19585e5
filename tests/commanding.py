"""Calling a group of commands in a test as a user would, in this process."""

from collections.abc import Callable

import typer
from click.testing import Result
from typer.testing import CliRunner


def caller(app: typer.Typer) -> Callable[..., Result]:
    """A function that calls the group with arguments, raises what a command raises and else expects exit code 0."""

    def call(*arguments: object) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    return call
