"""Errors of functions in the words of the command line: ``level must be ...`` becomes ``--level must be ...``."""

import re
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def naming(*same: str, **options: str) -> Iterator[None]:
    """Put options in the place of the arguments that a ValueError names.

    An argument is where the message begins with it, where ``=`` or ``must`` follows, or where ``and`` joins two.

    Args:
        same: arguments whose option has the same name.
        options: argument -> option, where they differ.

    Example:
        >>> with naming("level", fp_max="--fp"):
        ...     raise ValueError("fp_max must be a probability, and level=3 one below 1")
        Traceback (most recent call last):
        ValueError: --fp must be a probability, and --level=3 one below 1
    """
    known = {name: f"--{name.replace('_', '-')}" for name in same} | options
    names = "|".join(sorted(map(re.escape, known), key=len, reverse=True))
    argument = re.compile(rf"(?:^|(?<![\w.\-'\"]))({names})(?==| must\b| and (?:{names})\b)|^({names})\b")
    try:
        yield
    except ValueError as error:
        if type(error) is not ValueError:  # errors with parts of their own
            raise
        raise ValueError(argument.sub(lambda match: known[match[1] or match[2]], str(error))) from error
