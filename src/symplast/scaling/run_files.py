"""Tables of training runs in files: which column holds what, in which unit.

Columns are guessed from the usual names and can always be given; units in names and cells are converted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symplast.datasets.tables import Columns, Table, listed, read_table, refuse
from symplast.datasets.units import BRACKETS, COUNTS, FLOP, NUMBERS, Units
from symplast.scaling.surfaces import FLOP_PER_PARAMETER_TOKEN
from symplast.scaling.tables import MOST_TOKENS, RunTable, check_sizes, join_budgets, run_table

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "N": ("n", "params", "param", "parameters", "nparams", "numparams", "nparameters", "numparameters", "modelsize",
          "modelparams", "nonembeddingparams", "paramcount", "size"),
    "D": ("d", "tokens", "ntokens", "numtokens", "trainingtokens", "traintokens", "tokencount", "data", "datasize"),
    "L": ("l", "loss", "finalloss", "valloss", "validationloss", "evalloss", "testloss", "trainloss", "nll"),
    "C": ("c", "budget", "flopbudget", "computebudget", "compute", "flop", "flops", "trainingflop", "trainingflops",
          "trainflops", "totalflops", "trainingcompute", "traincompute"),
}  # fmt: skip
"""Names under which a column is recognised, after dropping its unit, case and everything but letters."""

UNITS: Mapping[str, Units] = {"N": COUNTS, "D": COUNTS, "L": NUMBERS, "C": FLOP}

MEANING = {"N": "parameters", "D": "tokens", "L": "loss", "C": "compute"}


@dataclass(frozen=True)
class Wording:
    """How a user names columns and rows, for messages.

    Attributes:
        column: symbol -> how its column is named; ``NAME`` stands for the column.
        where: how rows are chosen; ``NAME`` stands for the value.
        drop_failed: how failed runs are left out.
    """

    column: Mapping[str, str]
    where: str
    drop_failed: str


PYTHON = Wording({s: f"columns={{{s!r}: 'NAME'}}" for s in COLUMNS}, "where={'COLUMN': 'NAME'}", "drop_failed=True")


def read_runs(
    table: "str | Path | pd.DataFrame",
    columns: Mapping[str, str] | None = None,
    where: Mapping[str, str] | None = None,
    *,
    drop_failed: bool = False,
    wording: Wording = PYTHON,
) -> RunTable:
    """Read training runs from a text or Parquet file or a DataFrame.

    Units in names and cells are converted: ``params (B)``, ``tokens in billions``, ``7B``, ``compute (PF-days)``.

    Args:
        table: the file (``.csv``, ``.tsv``, ``.txt``, packed with ``.gz`` or not, or ``.parquet``) or the DataFrame.
        columns: which column holds N, D, L or C, e.g. ``{"N": "size", "L": "eval/loss"}``; the others are guessed.
        where: keep only rows with this text in this column, e.g. ``{"experiment": "llama_3__raw_loss"}``.
        drop_failed: leave out runs whose N, D, L or C is empty, NaN or marked as failed; they are counted in
            ``reading``.
        wording: of messages.

    Returns:
        The checked table. Without a D column, D = C / (6 N); without a C column, C = 6 N D. ``read_from`` says which
        column each quantity was read from.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unknown column, a column that can't be guessed, several experiments in one table, cells that are
            no numbers (all of them at once), or values that :func:`run_table` refuses.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"params (M)": [100, 200], "tokens": ["2B", "1B"], "val_loss": [3.1, 3.2]})
        >>> runs = read_runs(frame)
        >>> runs.N, runs.read_from["N"]
        (array([1.e+08, 2.e+08]), 'params (M), times 1e+06')
    """
    found = read_table(table, what="a table of runs, one run a row")
    for column, value in (where or {}).items():
        try:
            kept = found.where(column, str(value))
        except ValueError as error:
            asked = wording.where.replace("COLUMN", column).replace("NAME", str(value))
            raise ValueError(f"{asked} names no column: {error}") from None
        if not len(kept.lines):
            asked = wording.where.replace("COLUMN", column).replace("NAME", str(value))
            raise ValueError(f"{asked} keeps no row of {found.source}; there are {listed(set(found.text(column)))}")
        found = kept
    experiments = dict.fromkeys(found.text("experiment")) if "experiment" in found.names else {}
    if len(experiments) > 1:
        asked = wording.where.replace("COLUMN", "experiment")
        raise ValueError(
            f"{found.source} mixes {len(experiments)} experiments, which have no common surface; "
            f"choose one with {asked} among {listed(experiments)}"
        )
    names = guess_columns(found.names, columns, wording)
    missing = [symbol for symbol in ("N", "D", "L") if symbol not in names]
    if missing and (missing != ["D"] or "C" not in names):
        raise ValueError(
            f"{found.source} needs columns for N (parameters), D (tokens) or C (compute), and L (loss); found none for "
            f"{' and '.join(missing)} among {listed(found.names)}; "
            f"name them with {' '.join(wording.column[symbol] for symbol in missing)}"
        )
    return _runs(found, names, drop_failed, wording)


def _runs(found: Table, names: Mapping[str, str], drop_failed: bool, wording: Wording) -> RunTable:
    wanted = {symbol: (name, UNITS[symbol]) for symbol, name in names.items()}
    read = found.numbers(wanted, drop_failed=drop_failed, way_out=wording.drop_failed)
    _check_positive(found, read, names)
    values = dict(read.values)
    read_from = dict(read.read_from)
    if "D" in values:
        runs = run_table(values["N"], values["D"], values["L"], values.get("C"), source=found.source)
        read_from.setdefault("C", "6 N D")
    else:
        D = values["C"] / (FLOP_PER_PARAMETER_TOKEN * values["N"])
        if D.max() > MOST_TOKENS:
            raise ValueError(
                f"{found.source}: D = C / (6 N) comes to {D.max():.3g} tokens, more than there are: N or C is in "
                "another unit (millions, billions?). Multiply, or name it in the column's name, such as 'params (B)'"
            )
        check_sizes(values["N"], D, np.ones_like(D), found.source)
        joined = join_budgets(values["C"])
        runs = RunTable(values["N"], D, values["L"], joined, True, found.source, values["C"])
        read_from["D"] = "C / (6 N)"
    ordered = {symbol: read_from[symbol] for symbol in "NDLC"}
    reading = replace(read, read_from=ordered).said(found.source)
    return replace(runs, read_from=ordered, reading=reading)


def _check_positive(found: Table, read: Columns, names: Mapping[str, str]) -> None:
    problems = [
        f"{found.counts} {read.lines[row]}, column {name}: {symbol} must be positive, got {read.values[symbol][row]:g}"
        for symbol, name in names.items()
        for row in np.flatnonzero(~(read.values[symbol] > 0))
    ]
    refuse(found.source, problems)


def guess_columns(
    present: Sequence[str], given: Mapping[str, str] | None = None, wording: Wording = PYTHON
) -> dict[str, str]:
    """Which of the present columns hold N, D, L and C.

    Args:
        present: column names of the table.
        given: choices that override the guess.
        wording: of messages.

    Returns:
        Symbol -> column, for the symbols that were found.

    Raises:
        ValueError: a given column that is absent or used twice, an unknown symbol, or two columns that could both be
            meant.

    Example:
        >>> guess_columns(["Model Size (M)", "Training FLOP", "loss"])
        {'N': 'Model Size (M)', 'L': 'loss', 'C': 'Training FLOP'}
    """
    given = {symbol: name.strip() for symbol, name in (given or {}).items() if name}
    for symbol, name in given.items():
        if symbol not in COLUMNS:
            raise ValueError(f"columns must name N, D, L or C, got {symbol!r}")
        asked = wording.column[symbol].replace("NAME", name)
        if name not in present:
            raise ValueError(f"{asked} names no column ({MEANING[symbol]}); the table has {listed(present)}")
        twice = [other for other in given if other != symbol and given[other] == name]
        if twice:
            raise ValueError(f"{asked} and {wording.column[twice[0]].replace('NAME', name)} name the same column")
    found: dict[str, str] = {}
    for symbol, known in COLUMNS.items():
        if symbol in given:
            found[symbol] = given[symbol]
            continue
        free = [name for name in dict.fromkeys(present) if name not in given.values()]
        matches = [name for name in free if _means(name, symbol, known)]
        if len(matches) > 1:
            asked = wording.column[symbol].replace("NAME", matches[0])
            raise ValueError(f"{symbol} ({MEANING[symbol]}) could be any of {listed(matches)}; say which with {asked}")
        if matches:
            found[symbol] = matches[0]
    return found


def _means(name: str, symbol: str, known: tuple[str, ...]) -> bool:
    if _letters(name) in known:
        return True
    bracket = BRACKETS.match(name)
    if bracket and _letters(bracket["base"]) in known:
        return True
    try:
        unit = UNITS[symbol].split(name)
    except ValueError:
        return False
    return bool(unit.unit) and (_letters(unit.base) in known or (symbol == "C" and not unit.base))


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())
