"""Measured pulse curves in files, and the picture of a fit."""

import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from symplast.devices.curve_fit import FitResult, check_curves

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


UNIT = re.compile(r"[\(\[]\s*(?P<prefix>[numµμ]?)s\s*[\)\]]")
PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}
"""Of a unit in the name of a column, in small letters."""


class Curves(NamedTuple):
    """Conductances in siemens after 0, 1, 2, ... pulses.

    Attributes:
        ltp: rising.
        ltd: falling.
    """

    ltp: np.ndarray
    ltd: np.ndarray


def read_curves(path: Path) -> Curves:
    """Read an LTP and an LTD curve from a table (.csv, or .tsv with tabs).

    Either two columns whose names hold ``ltp`` and ``ltd``, conductances in siemens in the order of the pulses, of
    which the shorter may end in empty cells; or one row a measurement with columns ``direction`` (LTP or LTD),
    ``conductance`` and, if the rows are out of order, ``pulse``. A unit in a name, such as ``ltp (uS)``, is converted.
    Semicolons may separate cells, with decimal points or commas.

    Raises:
        FileNotFoundError: no such file.
        ValueError: other columns, cells that are no numbers, conductances above 1 S, or curves that
            :func:`check_curves` refuses.
    """
    import pandas as pd

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"no file {path}; give a table with columns ltp and ltd: siemens after 0, 1, ... pulses"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
        separator = "\t" if path.suffix == ".tsv" else ";" if ";" in text else ","
        decimal = "," if separator == ";" and "," in text else "."
        table = pd.read_csv(
            StringIO(text), sep=separator, decimal=decimal, skipinitialspace=True, comment="#", index_col=False
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} must be a table of numbers with a header: {error}") from None
    table.columns = [str(name).strip().lower() for name in table.columns]
    amounts = [name for name in table.columns if name.startswith("conductance")]
    if "direction" in table.columns and len(amounts) == 1:
        return Curves(*check_curves(*(_long(table, path, direction, amounts[0]) for direction in ("ltp", "ltd"))))
    columns = []
    for direction in ("ltp", "ltd"):
        found = [name for name in table.columns if direction in name]
        if len(found) != 1:
            raise ValueError(
                f"{path} must have one column with {direction} in its name (or columns direction and conductance), "
                f"it has {', '.join(table.columns)}"
            )
        columns.append(_numbers(table[found[0]], path))
    return Curves(*check_curves(*columns))


def _long(table: "pd.DataFrame", path: Path, direction: str, amount: str) -> np.ndarray:
    rows = table[table.direction.astype(str).str.strip().str.lower() == direction]
    if "pulse" in rows:
        rows = rows.sort_values("pulse", kind="stable")
    return _numbers(rows[amount], path)


def _numbers(column: "pd.Series", path: Path) -> np.ndarray:
    filled = column.loc[: column.last_valid_index()] if column.notna().any() else column[:0]
    unit = UNIT.search(str(column.name))
    try:
        siemens = filled.to_numpy(dtype=np.float64) * (PREFIXES[unit["prefix"]] if unit else 1.0)
    except (ValueError, TypeError):
        raise ValueError(f"{path}: column {column.name} must hold numbers (siemens)") from None
    if siemens.size and np.nanmax(np.abs(siemens)) > 1:
        raise ValueError(
            f"{path}: column {column.name} holds {np.nanmax(np.abs(siemens)):g} S, more than a device's conductance; "
            "give siemens, or the unit in the name, such as ltp (uS)"
        )
    return siemens


def fit_figure(found: FitResult, curves: Curves) -> "Figure":
    """Measured points and the fitted law, LTP then LTD."""
    from symplast.lab.theme import COLOURS, new_figure

    figure, axes = new_figure(1, 1, width=6.4, height=3.4)
    pulses = np.arange(len(curves.ltp)), len(curves.ltp) - 1 + np.arange(len(curves.ltd))
    for direction, x, measured, colour in zip(("ltp", "ltd"), pulses, curves, COLOURS, strict=False):
        law = np.asarray(found.model.siemens(found.model.curve(x - x[0], direction)))
        b = found.ci[f"b_{direction}"]
        axes.plot(x, measured, "o", markersize=3, mfc="none", color=colour)
        label = f"{direction.upper()}: b = {b.value:.3g} [{b.low:.3g}, {b.high:.3g}]"
        axes.plot(x, law, color=colour, label=label)
    axes.set(xlabel="pulses: LTP, then LTD", ylabel="conductance (S)")
    axes.legend(loc="lower center")
    return figure
