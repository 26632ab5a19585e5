"""A user's own table of models: scores, rates, numbers of parameters and families, one model a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symplast.datasets.tables import Table, listed, read_table
from symplast.datasets.units import COUNTS, Units

RATES = Units(
    "a score or rate",
    {"%": 0.01, "percent": 0.01, "pct": 0.01, "share": 1.0, "fraction": 1.0, "r": 1.0},
    ignore_case=True,
    known="%, share, r",
)
"""Scores and rates: shares, or per cent, which become shares."""

SIZES = ("log10_params", "params", "params_B")
"""Columns that ``log10_params`` can be made of, the first that is there."""


@dataclass(frozen=True, eq=False)
class Models:
    """A table of models.

    Attributes:
        frame: DataFrame of the columns that were asked for, under the names that they were asked for by.
        read: what was read and decided, in words.
    """

    frame: Any
    read: str


def read_models(
    path: str | Path, numbers: Sequence[str], sizes: Sequence[str] = (), texts: Sequence[str] = (), *,
    drop_failed: bool = False,
) -> Models:  # fmt: skip
    """Read columns of a table; a column may be named without its unit: ``rate`` finds ``rate (%)``.

    Args:
        path: of the table (.csv, .parquet, ...).
        numbers: columns of scores and rates; per cent become shares.
        sizes: columns to hold fixed, such as numbers of parameters (``7B``); ``log10_params`` may be made of ``params``
            or ``params_B``.
        texts: columns of names and families.
        drop_failed: leave out models without a number.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no such column, or cells that are no numbers, all of them at once.
    """
    import pandas as pd

    table = read_table(path, what="a table of models, one model a row")
    held = []
    for name in sizes:
        known = [size for size in SIZES if _columns(table, size, COUNTS)] if name == "log10_params" else []
        held.append(known[0] if known else name)
    wanted = [*((name, RATES) for name in numbers), *((name, COUNTS) for name in held)]
    columns = {name: _columns(table, name, units) for name, units in wanted}
    if unknown := [name for name in [*columns, *texts] if not (columns.get(name) or name in table.names)]:
        raise ValueError(f"{table.source} has no column {listed(unknown)}; there are {listed(table.names)}")
    if several := [name for name, found in columns.items() if len(found) > 1]:
        raise ValueError(
            f"{table.source} has more than one column {listed(several)}; give the whole name with its unit"
        )
    found = table.numbers(
        {name: (columns[name][0], units) for name, units in dict(wanted).items()},
        drop_failed=drop_failed, way_out="--drop-failed",
    )  # fmt: skip
    frame = pd.DataFrame(dict(found.values))
    lines = set(found.lines.tolist())
    kept = [line in lines for line in table.lines.tolist()]
    for name in texts:
        frame[name] = table.text(name)[kept]
    return Models(frame, found.said(table.source))


def _columns(table: Table, name: str, units: Units) -> list[str]:
    """Columns with a name, or, where there is none, with that name and a unit."""
    if name in table.names:
        return [name]
    return [column for column in table.names if _base(column, units) == name]


def _base(column: str, units: Units) -> str | None:
    try:
        return units.split(column).base
    except ValueError:
        return None
