"""The reader of tables that all commands share: text in every dialect, Parquet and DataFrames, to checked numbers.

pandas parses; what is decided on the way (encoding, separator, decimal commas, header, index column, units, rows left
out) is kept in words and said by the commands. All problems of a file come at once, in one ValueError.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symplast.datasets.cells import Kind, Marks, find_marks, read_column
from symplast.datasets.text_grid import decode, grid
from symplast.datasets.units import NUMBERS, NamedUnit, Units

if TYPE_CHECKING:
    import pandas as pd

TEXTS = (".csv", ".tsv", ".txt", ".dat")
MOST_SHOWN = 8
"""Problems that a message lists; the others are counted."""

DROP_FAILED = "drop_failed=True"


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of a table as numbers.

    Attributes:
        values: name that was asked for -> float64 values, in base units.
        lines: the line (or row) of the file that each row came from.
        read_from: name that was asked for -> column and unit, in words.
        decided: what was decided about the whole table, in words.
    """

    values: Mapping[str, np.ndarray]
    lines: np.ndarray
    read_from: Mapping[str, str]
    decided: tuple[str, ...]

    def said(self, source: str) -> str:
        """Everything that was decided, as one line."""
        columns = [f"{name} from {column}" for name, column in self.read_from.items()]
        return f"{source}: " + "; ".join([f"{counted(self.lines.size, 'row')} read", *self.decided, *columns])


@dataclass(frozen=True, eq=False)
class Table:
    """A table as it was read: cells still as text, or with the types of Parquet or pandas.

    Attributes:
        names: of the columns, without blanks around them; empty without a header.
        cells: the cells; its columns are numbered.
        lines: the line of the file that each row begins on; the number of the row, from 1, where there are no lines.
        source: name of the file, for messages.
        separator: between the cells of a text.
        counts: what ``lines`` counts: ``line`` or ``row``.
        decided: what was decided, in words.
        problems: what is wrong with the table as a whole.
    """

    names: list[str]
    cells: "pd.DataFrame"
    lines: np.ndarray
    source: str
    separator: str | None = None
    counts: str = "line"
    decided: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())

    def text(self, name: str) -> np.ndarray:
        """A column as printable text without blanks around it (object array of str)."""
        return np.array([_printable(_text(cell)) for cell in self._column(name)], dtype=object)

    def where(self, name: str, value: str) -> "Table":
        """The rows with this text (or this number) in this column; may be empty."""
        cells = self.text(name)
        kept = cells == value.strip()
        if not kept.any():
            try:
                number = float(value)
                kept = np.array([_float(cell) == number for cell in cells], dtype=bool)
            except ValueError:
                pass
        return self.rows(kept)

    def rows(self, kept: np.ndarray) -> "Table":
        """The rows where the mask says so."""
        return replace(self, cells=self.cells[kept], lines=self.lines[kept])

    def numbers(
        self,
        wanted: Mapping[str, tuple[str, Units]],
        *,
        drop_failed: bool = False,
        ends_may_be_empty: bool = False,
        way_out: str = DROP_FAILED,
    ) -> Columns:
        """Columns as numbers in base units.

        Args:
            wanted: what to call a column in the result -> its name in the table and the units it may have.
            drop_failed: leave out rows in which one of the columns is empty, NaN, infinite or marked as failed.
            ends_may_be_empty: columns of different length: empty cells after a column's last number become NaN.
            way_out: how a user asks for ``drop_failed``, for the message; empty where there is no such way.

        Returns:
            The columns. Nothing is dropped unless asked for, and what is dropped is counted in ``decided``.

        Raises:
            ValueError: with all problems of the table and of these columns.
        """
        problems = list(self.problems)
        named: dict[str, NamedUnit] = {}
        for column, units in wanted.values():
            try:
                self._column(column)
                named[column] = units.split(column)
            except ValueError as error:
                problems.append(str(error))
        known = {key: pair for key, pair in wanted.items() if pair[0] in named}
        texts = {column: self._as_text(column) for column, _ in known.values()}
        marks = self._marks(texts.values())
        values, read_from = {}, {}
        failed = np.zeros(len(self.lines), dtype=bool)
        for key, (column, units) in known.items():
            unit = named[column]
            found = self._read(column, texts[column], marks, units, unit, problems)
            numbers, kinds, own = found
            missing = kinds != Kind.NUMBER
            if ends_may_be_empty:
                last = np.flatnonzero(~missing)
                missing = missing & (np.arange(missing.size) < (last[-1] if last.size else 0))
            failed |= missing & (kinds != Kind.OTHER)
            values[key] = numbers
            read_from[key] = _told_unit(column, unit, own)
        if failed.any() and not drop_failed:
            problems.append(self._tell_failed(failed, texts, way_out))
        refuse(self.source, problems)
        decided = [*self.decided, *([marks.told()] if marks.told() else [])]
        if failed.any():
            decided.append(f"{counted(int(failed.sum()), 'failed row')} dropped ({self._where(self.lines[failed])})")
            if failed.all():
                raise ValueError(f"{self.source}: all {failed.size} rows failed; there is nothing left")
        kept = {key: column[~failed] for key, column in values.items()}
        return Columns(kept, self.lines[~failed], read_from, tuple(decided))

    def matrix(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """The whole table as float64 (rows, columns), and what was decided in words.

        Raises:
            ValueError: with all problems of the table and its cells.
        """
        problems = list(self.problems)
        texts = {str(i): self._as_text(i) for i in range(self.cells.shape[1])}
        marks = self._marks(texts.values())
        columns = []
        for i, cells in enumerate(texts.values()):
            name = self.names[i] if self.names and self.names[i] else str(i + 1)
            numbers, kinds, _ = self._read(name, cells, marks, NUMBERS, NamedUnit(name), problems)
            for row in np.flatnonzero((kinds == Kind.EMPTY) | (kinds == Kind.FAILED)):
                what = "is empty" if kinds[row] == Kind.EMPTY else f"is {_shown(cells[row])}"
                problems.append(f"{self.counts} {self.lines[row]}, column {_shown(name)} {what}")
            columns.append(numbers)
        refuse(self.source, problems)
        X = np.stack(columns, axis=1) if columns else np.empty((len(self.lines), 0))
        return X, (*self.decided, *([marks.told()] if marks.told() else []))

    def _column(self, name: str | int) -> "pd.Series":
        if isinstance(name, int):
            return self.cells.iloc[:, name]
        places = [i for i, known in enumerate(self.names) if known == name]
        if len(places) != 1:
            how_many = f"{len(places)} columns are" if places else "no column is"
            raise ValueError(f"{how_many} named {_shown(name)}; there are {listed(self.names)}")
        return self.cells.iloc[:, places[0]]

    def _as_text(self, name: str | int) -> list[str] | np.ndarray:
        """Cells as text; an array where the table has numbers already."""
        import pandas as pd

        column = self._column(name)
        if pd.api.types.is_bool_dtype(column.dtype):
            return [str(cell) for cell in column]
        if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
            return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
        return [_text(cell) for cell in column]

    def _marks(self, columns: Any) -> Marks:
        odd: set[str] = set()
        for cells in columns:
            if not isinstance(cells, np.ndarray):
                odd.update(cell for cell in set(cells) if "," in cell or cell.count(".") > 1)
        if not odd:
            return Marks()
        points = {c for cells in columns if not isinstance(cells, np.ndarray) for c in set(cells) if "." in c}
        return find_marks(odd | points, self.separator)

    def _read(
        self,
        column: str,
        cells: list[str] | np.ndarray,
        marks: Marks,
        units: Units,
        unit: NamedUnit,
        problems: list[str],
    ) -> tuple[np.ndarray, np.ndarray, bool]:
        """Values in base units, kinds of cells, and whether cells have units of their own."""
        if isinstance(cells, np.ndarray):
            return cells * unit.factor, np.where(np.isfinite(cells), Kind.NUMBER, Kind.FAILED), False
        values, factors, kinds, wrong = read_column(cells, marks, units)
        own = ~np.isnan(factors)
        if own.any() and unit.unit and np.any(factors[own] != unit.factor):
            row = np.flatnonzero(own & (factors != unit.factor))[0]
            problems.append(
                f"{self.counts} {self.lines[row]}, column {_shown(column)}: {_shown(cells[row])} has another unit than "
                "the column's name"
            )
        for row in np.flatnonzero(kinds == Kind.OTHER) if wrong else ():
            why = wrong[cells[row]]
            problems.append(f"{self.counts} {self.lines[row]}, column {_shown(column)}: {_shown(cells[row])} {why}")
        return values * np.where(own, factors, unit.factor), kinds, bool(own.any())

    def _tell_failed(self, failed: np.ndarray, texts: Mapping[str, Any], way_out: str) -> str:
        row = int(np.flatnonzero(failed)[0])
        cells = ", ".join(f"{_shown(name)} is {_shown(str(cells[row])) or 'empty'}" for name, cells in texts.items()
                          if _missing(cells[row]))  # fmt: skip
        return (
            f"{counted(int(failed.sum()), 'row')} without a number ({self._where(self.lines[failed])}; in the first "
            f"{cells}): fill them in" + (f", or leave them out with {way_out}" if way_out else "")
        )

    def _where(self, lines: np.ndarray) -> str:
        return f"{self.counts}{'s' if lines.size > 1 else ''} {listed(lines, 6)}"


def read_table(
    table: "str | Path | pd.DataFrame",
    *,
    what: str = "a table",
    also: str = "",
    header: bool | None = True,
    index: bool | None = None,
) -> Table:
    """Read a table from a file or a DataFrame.

    Text may have a byte-order mark, UTF-16 or Windows' encoding; commas, semicolons, tabs, bars or spaces between
    cells; decimal commas and marks between thousands; lines of comments; separators at the ends of rows; an index
    column without a name; quoted cells.

    Args:
        table: the file (``.csv``, ``.tsv``, ``.txt``, ``.dat``, packed with ``.gz`` or not, or ``.parquet``).
        what: what it should be, for messages: ``a table of runs``.
        also: an ending besides that the caller reads itself, for messages: ``.npy``.
        header: whether the first line names the columns; None decides by what it holds.
        index: whether the first column only counts or names the rows; None decides by what it holds.

    Returns:
        The table, with what was decided. Problems with single rows are kept and raised by ``numbers`` or ``matrix``.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, one that isn't text, or one without rows.

    Example:
        >>> import tempfile
        >>> from symplast.datasets.units import COUNTS
        >>> path = Path(tempfile.mkdtemp()) / "runs.csv"
        >>> _ = path.write_text("params (B);loss;\\n7;3,25;\\n13;3,125;\\n")
        >>> found = read_table(path).numbers({"N": ("params (B)", COUNTS), "L": ("loss", NUMBERS)})
        >>> found.values["N"], found.values["L"]
        (array([7.0e+09, 1.3e+10]), array([3.25 , 3.125]))
        >>> print(found.said("runs.csv").replace("; ", ";\\n"))
        runs.csv: 2 rows read;
        semicolons between cells;
        empty cells at the ends of rows ignored;
        decimal commas;
        N from params (B), times 1e+09;
        L from loss
    """
    import pandas as pd

    if isinstance(table, pd.DataFrame):
        return _from_frame(table, "the table")
    path = Path(table).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"no file {path}; give {what}")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    kind = next((suffix for suffix in reversed(suffixes) if suffix in (*TEXTS, ".parquet")), "")
    if not kind or not path.is_file() or (suffixes[-1] != kind and suffixes[-1] != ".gz"):
        raise ValueError(
            f"{path}: {what} must be a file that ends in {f'{also}, ' if also else ''}.csv, .tsv, .txt or .parquet"
        )
    if kind == ".parquet":
        try:
            return _from_frame(pd.read_parquet(path), path.name)
        except Exception as error:  # pyarrow's errors have no common base
            raise ValueError(f"{path} can't be read as {what}: {_one_line(error)}") from None
    text, said = decode(path)
    found = grid(text, tabs=kind == ".tsv", header=header, index=index)
    if not len(found.lines):
        refuse(path.name, found.problems)
        raise ValueError(f"{path} {'has no rows' if text.strip() else 'is empty'}; give {what}")
    return Table(
        [_printable(name) for name in found.names or []], found.cells, np.array(found.lines, dtype=int), path.name,
        found.separator, decided=(*said, *found.decided), problems=found.problems,
    )  # fmt: skip


def refuse(source: str, problems: Sequence[str]) -> None:
    """Raise one ValueError for all problems of a table, if there are any."""
    if not problems:
        return
    shown = "; ".join(problems[:MOST_SHOWN])
    more = f"; and {len(problems) - MOST_SHOWN} more" if len(problems) > MOST_SHOWN else ""
    count = f"{len(problems)} problems: " if len(problems) > 1 else ""
    raise ValueError(f"{source}: {count}{shown}{more}")


def _from_frame(frame: "pd.DataFrame", source: str) -> Table:
    if frame.empty:
        raise ValueError(f"{source} has no rows")
    if any(frame.index.names):  # a named index may hold a quantity
        frame = frame.reset_index()
    names = [_printable(str(name).strip()) for name in frame.columns]
    decided: tuple[str, ...] = ()
    if names[0] == "Unnamed: 0" and len(names) > 1:
        frame, names, decided = frame.iloc[:, 1:], names[1:], ("first column taken for an index and left out",)
    return Table(names, frame, np.arange(1, len(frame) + 1), source, counts="row", decided=decided)


def _text(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    return str(cell).strip()


def _missing(cell: Any) -> bool:
    from symplast.datasets.cells import read_cell

    if isinstance(cell, str):
        return read_cell(cell, Marks(), NUMBERS).kind in (Kind.EMPTY, Kind.FAILED)
    return not np.isfinite(cell)


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _told_unit(column: str, unit: NamedUnit, own: bool) -> str:
    told = _shown(column)
    if unit.unit and unit.factor != 1:
        told += f", times {unit.factor:g}"
    return told + (", units in its cells" if own else "")


def counted(n: int, what: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{n} {what}{'s' if n != 1 else ''}"


def listed(names: Any, most: int = 12) -> str:
    """Names for a message, the last of many left out."""
    names = [_shown(str(name)) for name in names]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _shown(text: str) -> str:
    """What a user's file holds, fit for a terminal: without control characters, and not too long."""
    clean = _printable(str(text))
    return clean if len(clean) <= 60 else clean[:57] + "..."


def _printable(text: str) -> str:
    """Text of a user's file without what would command a terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _one_line(error: BaseException) -> str:
    return _shown(" ".join(str(error).split())[:200])
