"""Text with one record a line as a grid of cells: encoding, comments, separator, header, index column.

What can't be decided is a problem with the number of its line; problems are collected, not raised one by one.
"""

import csv
import gzip
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from symplast.datasets.cells import Kind, Marks, read_cell
from symplast.datasets.units import NUMBERS

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 1 << 30
"""Largest text that is read, unpacked."""

MOST_COLUMNS = 100_000

SEPARATORS = ("\t", ";", "|", ",", " ")
SEPARATOR_NAMES = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", " ": "spaces"}
INDEX_NAMES = frozenset(("", "unnamed: 0", "index", "#"))


@dataclass(frozen=True)
class TextGrid:
    """Cells of a text, still as text.

    Attributes:
        names: of the columns, None without a header.
        cells: the cells of each row.
        lines: the line of the text that each row begins on.
        separator: between cells; None for a single column.
        decided: what was decided, in words.
        problems: what is wrong, each with its line.
    """

    names: list[str] | None
    cells: "pd.DataFrame"
    lines: list[int]
    separator: str | None
    decided: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """A line of the table (several, where a quoted cell goes on).

    Attributes:
        line: number of its first line.
        text: it.
        width: number of cells.
        filled: number of cells up to the last that isn't empty.
    """

    line: int
    text: str
    width: int
    filled: int


def decode(path: Path) -> tuple[str, tuple[str, ...]]:
    """The text of a file, and what was decided about its encoding.

    Raises:
        ValueError: bytes that are no text, or more than :data:`MOST_BYTES`.
    """
    packed = path.suffix.lower() == ".gz"
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        if not packed:
            raise
        raise ValueError(f"{path} can't be unpacked: {error}") from None
    if len(data) > MOST_BYTES:
        raise ValueError(f"{path} holds more than {MOST_BYTES / 2**30:g} GiB of text; give Parquet or .npy")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text, said = data.decode(encoding), () if encoding.startswith("utf-8") else ("UTF-16",)
    except UnicodeDecodeError:
        text, said = data.decode("cp1252", errors="replace"), ("not UTF-8, read as Windows-1252",)
    if "\x00" in text:
        raise ValueError(f"{path} holds bytes that are no text; a table is text in UTF-8, or Parquet")
    return text, said


def grid(text: str, tabs: bool = False, header: bool | None = None, index: bool | None = None) -> TextGrid:
    """Cut a text into cells.

    Args:
        text: the text.
        tabs: whether the file's name says that tabs separate cells.
        header: whether the first line names the columns; None decides by what it holds.
        index: whether the first column only counts or names the rows; None decides by what it holds.
    """
    import pandas as pd

    said: list[str] = []
    problems: list[str] = []
    lines, comments = _lines(text)
    separator = find_separator([line for _, line in lines], tabs)
    records = _records(lines, separator, problems)
    everything, records = records, [record for record in records if record.filled]
    if not records:
        return TextGrid(None, pd.DataFrame(), [], separator, (), tuple(problems))
    widest = max(record.width for record in records)
    if widest > MOST_COLUMNS:
        problems = [f"there are {widest:,} columns, more than {MOST_COLUMNS:,}; give .npy or Parquet"]
        return TextGrid(None, pd.DataFrame(), [], separator, (), tuple(problems))
    blank = len(everything) - len(records)
    records, preamble = _without_preamble(records, separator)
    names, body = _header(records, comments, separator, header)
    if names is not None and len(body) == len(records):
        comments = comments[:-1]  # one of them is the header
    header_line = records[0].line if len(body) < len(records) else 0
    body, cut = _without_comments(body, names, separator)
    rows, width, trailing = _same_length(body, names, problems)
    if separator not in (None, ","):
        said.append(f"{SEPARATOR_NAMES[separator]} between cells")
    if preamble:
        said.append(f"{_count(preamble, 'line')} before the table left out")
    if comments or cut:
        said.append(f"{_count(len(comments) + cut, 'comment')} left out")
    if blank:
        said.append(f"{_count(blank, 'empty row')} left out")
    if trailing:
        said.append("empty cells at the ends of rows ignored")
    cells = _parse(rows, separator, width)
    if names is not None:
        names = [name.strip() for name in names[:width]]
        names = ["", *names] if len(names) == width - 1 else names  # names of rows have no name of their own
        if _counts_up(names) or (names[0].casefold() in INDEX_NAMES and _counts_up(names[1:])):
            said.append(f"line {header_line} taken for a header ({names[-2]}, {names[-1]} its last names)")
    if index is not False and width > 1 and rows and (index or _is_index(cells, names)):
        said.append(f"first column{f' {names[0]!r}' if names and names[0] else ''} taken for an index and left out")
        cells = cells.iloc[:, 1:]
        names = names[1:] if names else names
    return TextGrid(names, cells, [record.line for record in rows], separator, tuple(said), tuple(problems))


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n > 1 else ''}"


def _lines(text: str) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Lines with their numbers, and those of comments."""
    lines, comments = [], []
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if line.lstrip(" \t").startswith("#"):
            comments.append((number, line))
        elif line.strip():
            lines.append((number, line))
    return lines, comments


def _split(line: str, separator: str | None) -> list[str]:
    if separator is None:
        return [line.strip().strip('"')]
    if separator == " ":
        return line.split()
    if '"' in line:
        try:
            return next(csv.reader(line.split("\n"), delimiter=separator, skipinitialspace=True), [])
        except csv.Error:
            return line.split(separator)
    return line.split(separator)


def find_separator(lines: list[str], tabs: bool = False) -> str | None:
    """What cuts most lines into equally many cells (more than one); the first of the candidates among equals."""
    sample = lines[:200]
    if tabs and any("\t" in line for line in sample):
        return "\t"
    best: tuple[float, str | None] = (0.0, None)
    for separator in SEPARATORS:
        if not any(separator in line for line in sample):
            continue
        if separator == " " and (best[1] is not None or not _all_numbers(sample)):
            continue
        widths = Counter(len(_split(line, separator)) for line in sample)
        width, rows = max(widths.items(), key=lambda item: (item[1], item[0]))
        share = rows / len(sample) if width > 1 else 0.0
        if share > best[0] or (best[1] is None and max(widths) > 1):
            best = (share, separator)
    return best[1]


def _all_numbers(lines: list[str]) -> bool:
    """Whether spaces separate numbers (a first line of names aside), not words of a text."""
    return all(_number(cell) for line in lines[1:] or lines for cell in line.split())


def _number(cell: str) -> bool:
    return read_cell(cell, Marks("decimal", "decimal"), NUMBERS).kind != Kind.OTHER


def _records(lines: list[tuple[int, str]], separator: str | None, problems: list[str]) -> list[Record]:
    if separator is None or separator == " ":
        return [Record(number, line, n := len(_split(line, separator)), n) for number, line in lines]
    if not any('"' in line for _, line in lines):
        empty = separator + " \t"
        return [
            Record(number, line, line.count(separator) + 1,
                   line.rstrip(empty).count(separator) + 1 if line.strip(empty) else 0)
            for number, line in lines
        ]  # fmt: skip
    records: list[Record] = []
    position = 0
    while position < len(lines):
        rest = (line + "\n" for _, line in lines[position:])
        reader, start = csv.reader(rest, delimiter=separator, skipinitialspace=True, strict=True), position
        try:
            for cells in reader:
                used = lines[position : start + reader.line_num]
                text = "\n".join(line for _, line in used)
                filled = next((i for i in range(len(cells), 0, -1) if cells[i - 1].strip()), 0)
                records.append(Record(used[0][0], text, len(cells), filled))
                position = start + reader.line_num
        except csv.Error as error:
            problems.append(f"line {lines[position][0]}: quotes don't match ({error})")
            position += 1
    return records


def _without_preamble(records: list[Record], separator: str | None) -> tuple[list[Record], int]:
    """Lines of words in one cell before a table of more."""
    widths = Counter(record.width for record in records)
    usual = max(widths, key=lambda width: (widths[width], width))
    first = next((i for i, record in enumerate(records) if record.filled > 1), 0)
    if usual < 2 or not 0 < first < len(records) - 1:
        return records, 0
    words = [_split(record.text, separator)[0] for record in records[:first]] + _split(records[first].text, separator)
    if any(_number(word) for word in words if word.strip()):
        return records, 0
    return records[first:], first


def _header(
    records: list[Record], comments: list[tuple[int, str]], separator: str | None, header: bool | None
) -> tuple[list[str] | None, list[Record]]:
    first = [cell.strip() for cell in _split(records[0].text, separator)]
    if header is False:
        return None, records
    numbers = any(_number(cell) for cell in first if cell)
    before = [line for number, line in comments if number < records[0].line]
    if numbers and before:
        names = _split(before[-1].lstrip(" \t")[1:].strip(" "), separator)
        if len(names) == len(first) and all(not _number(name) for name in names if name.strip()):
            return names, records
    if header or _names_columns(first, records, separator):
        return first, records[1:]
    return None, records


def _names_columns(first: list[str], records: list[Record], separator: str | None) -> bool:
    """Whether the first line names columns: all words, or pandas' integers from 0."""
    if all(not _number(cell) for cell in first if cell):
        return True
    indexed = first[0].casefold() in INDEX_NAMES
    if len(records) < 2 or not _counts_up(first[1:] if indexed else first):
        return False
    if len(first) > 2 or indexed:
        return True
    return any("." in record.text or "e" in record.text.casefold() for record in records[1:])


def _counts_up(names: list[str]) -> bool:
    return len(names) > 1 and all(name == str(i) for i, name in enumerate(names))


def _without_comments(
    records: list[Record], names: list[str] | None, separator: str | None
) -> tuple[list[Record], int]:
    """Cut comments at the ends of rows, where the row is complete without them."""
    if not any("#" in record.text for record in records):
        return records, 0
    widths = Counter(record.width for record in records)
    width = len(names) if names else max(widths, key=lambda width: widths[width])
    kept, cut = [], 0
    for record in records:
        mark = re.search(r"\s#", record.text)
        if mark and '"' not in record.text[mark.start() :]:
            before = record.text[: mark.start()]
            cells = _split(before, separator)
            if len(cells) == width and (record.width != width or _number(cells[-1])):
                kept.append(Record(record.line, before, width, width))
                cut += 1
                continue
        kept.append(record)
    return kept, cut


def _same_length(records: list[Record], names: list[str] | None, problems: list[str]) -> tuple[list[Record], int, bool]:
    """Rows of one length; what is longer only by empty cells is cut, what else differs is a problem."""
    widths = Counter(record.width for record in records)
    if names is None:
        usual = max(widths, key=lambda width: (widths[width], width))
        width = min(usual, max(record.filled for record in records if record.width == usual))
    else:
        width = next((i for i in range(len(names), 0, -1) if names[i - 1].strip()), 0)
        if records and all(record.filled == width + 1 == record.width for record in records):
            width += 1  # one name less than cells: the rows have names
    kept, trailing = [], False
    for record in records:
        if record.width < width or record.filled > width:
            other = "most rows" if names is None else "the header"
            problems.append(f"line {record.line} has {_count(record.width, 'cell')}, {other} {width}")
            continue
        trailing = trailing or record.width > width
        kept.append(record)
    return kept, width, trailing


def _parse(rows: list[Record], separator: str | None, width: int) -> "pd.DataFrame":
    import pandas as pd

    if not rows:
        return pd.DataFrame(columns=range(width), dtype=object)
    text = "\n".join(record.text for record in rows) + "\n"
    most = max(record.width for record in rows)
    if separator is None:
        return pd.DataFrame({0: [_split(record.text, None)[0] for record in rows]}, dtype=object)
    cells = pd.read_csv(
        StringIO(text), sep=r"\s+" if separator == " " else separator, header=None, names=range(most), dtype=object,
        na_filter=False, skipinitialspace=True, index_col=False, skip_blank_lines=False, low_memory=False,
    )  # fmt: skip
    assert len(cells) == len(rows), (len(cells), len(rows))
    return cells.iloc[:, :width]


def _counts(cells: list[str], least: int = 1) -> bool:
    """0, 1, 2, ... or 1, 2, 3, ..."""
    if len(cells) < least or cells[0] not in ("0", "1"):
        return False
    start = int(cells[0])
    return all(cell == str(start + i) for i, cell in enumerate(cells))


def _is_index(cells: "pd.DataFrame", names: list[str] | None) -> bool:
    first = [cell.strip() for cell in cells.iloc[:, 0]]
    if names is not None:
        name = names[0].casefold()
        if name in ("", "unnamed: 0"):
            return all(names[1:])
        return name in INDEX_NAMES and _counts(first)
    if not _counts(first, least=3):
        return False
    others = cells.iloc[:, 1:].to_numpy().ravel().tolist()
    return all(cell in ("0", "1") for cell in others) or any("." in cell or "e" in cell.casefold() for cell in others)
