"""Cells of text as numbers: decimal points and commas, thousands, units, empty cells and failed runs."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np

from symplast.datasets.units import Units, power_of_ten

EMPTY = frozenset(("", "na", "n/a", "#n/a", "null", "none", "-", "--", "—", "–", "?", "."))
FAILED = frozenset(
    ("nan", "inf", "+inf", "-inf", "infinity", "-infinity", "fail", "failed", "failure", "oom", "out of memory",
     "cuda oom", "diverged", "divergence", "crash", "crashed", "error", "err", "killed", "timeout", "timed out",
     "aborted", "cancelled", "canceled", "preempted", "#div/0!", "#value!", "#num!", "#ref!", "#name?")
)  # fmt: skip
"""What a run without a result is marked by, in small letters."""

SPACES = "\u00a0\u202f\u2009\u2007"
NUMBER = re.compile(
    rf"(?P<digits>[+-]?(?:\d[\d.,'’_ {SPACES}]*|[.,]\d+))(?P<exponent>[eE][+-]?\d+)?\s*(?P<unit>.*)", re.DOTALL
)
GROUPED = re.compile(rf"[+-]?\d{{1,3}}(?:[ '’_{SPACES}]\d{{3}})+(?:[.,]\d+)?")
AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")

Role = Literal["decimal", "thousands", "both", ""]


class Kind(IntEnum):
    """What a cell holds."""

    NUMBER = 0
    EMPTY = 1
    FAILED = 2
    OTHER = 3


@dataclass(frozen=True)
class Marks:
    """What points and commas stand for in a table's numbers; "" where nothing tells.

    Attributes:
        point: role of ``.``.
        comma: role of ``,``.
    """

    point: Role = "decimal"
    comma: Role = ""

    def told(self) -> str:
        """The unusual parts, for the line that says what was decided."""
        parts = ["decimal commas"] if self.comma == "decimal" else []
        parts += [f"{name} between thousands" for name, role in (("points", self.point), ("commas", self.comma))
                  if role == "thousands"]  # fmt: skip
        return ", ".join(parts)


@dataclass(frozen=True)
class Cell:
    """One cell, read.

    Attributes:
        kind: what it holds.
        value: the number in the unit of the cell, NaN for other kinds.
        factor: of the cell's own unit; None without one.
        why: for ``Kind.OTHER``: what is wrong.
    """

    kind: Kind
    value: float = float("nan")
    factor: float | None = None
    why: str = ""


def find_marks(cells: Iterable[str], separator: str | None) -> Marks:
    """What points and commas stand for, from the cells that leave no doubt.

    ``0,25`` and ``1,2345`` have a decimal comma, ``1,234,567`` and ``1,234.5`` commas between thousands; ``1,234`` can
    be both. Where nothing tells, semicolons between cells go with decimal commas, commas between (quoted) cells with
    thousands, and points are decimal unless commas are.
    """
    roles: dict[str, set[Role]] = {".": set(), ",": set()}
    doubtful: set[str] = set()
    for text in cells:
        match = NUMBER.match(_plain(text))
        if not match:
            continue
        digits, scaled = match["digits"].strip(), bool(match["exponent"])
        points, commas = digits.count("."), digits.count(",")
        if points and commas:
            last, first = (".", ",") if digits.rfind(".") > digits.rfind(",") else (",", ".")
            roles[last].add("decimal")
            roles[first].add("thousands")
        elif points + commas > 1:
            roles["." if points else ","].add("thousands")
        elif points + commas == 1:
            if scaled or not AMBIGUOUS.fullmatch(digits):
                roles["." if points else ","].add("decimal")
            else:
                doubtful.add("." if points else ",")
    point, comma = (_one(roles[mark]) for mark in ".,")
    if not comma and "," in doubtful:
        if separator == ",":
            comma = "thousands"
        elif separator == ";" and point != "decimal":
            comma = "decimal"
    if not point:
        point = "thousands" if comma == "decimal" and "." in doubtful else "decimal"
    return Marks(point, comma)


def _one(roles: set[Role]) -> Role:
    return "both" if len(roles) > 1 else next(iter(roles), "")


def _plain(text: str) -> str:
    return text.strip(f" \t\r\n\"'{SPACES}").replace("−", "-").replace("µ", "μ")


def read_cell(text: str, marks: Marks, units: Units) -> Cell:
    """A cell as a number, or what else it is."""
    plain = _plain(text)
    small = " ".join(plain.casefold().split())
    if small in EMPTY:
        return Cell(Kind.EMPTY)
    if small in FAILED:
        return Cell(Kind.FAILED)
    power = power_of_ten(plain)
    if power is not None:
        return _number("", power, None)
    match = NUMBER.fullmatch(plain)
    if not match:
        return Cell(Kind.OTHER, why="is not a number")
    digits = _digits(match["digits"].strip(f" {SPACES}"), marks, bool(match["exponent"]))
    if digits is None:
        return Cell(Kind.OTHER, why="is not a number")
    if not digits:
        return Cell(
            Kind.OTHER, why="can be a decimal fraction or thousands; write it without the mark between thousands"
        )
    factor: float | None = None
    if unit := match["unit"]:
        factor = units.factor(unit)
        if factor is None and unit.casefold() in units.nouns:
            factor = 1.0
        if factor is None:
            return Cell(Kind.OTHER, why=f"is not a number{_known(units)}")
    return _number(digits, float(digits + (match["exponent"] or "")), factor)


def _known(units: Units) -> str:
    return f" with a unit of {units.quantity} ({units.known})" if units.factors else ""


def _number(digits: str, value: float, factor: float | None) -> Cell:
    scaled = value * (factor or 1.0)
    if np.isinf(scaled):
        return Cell(Kind.OTHER, why="is larger than any number of 64 bits")
    if _vanished(digits, scaled):
        return Cell(Kind.OTHER, why="is not zero, but smaller than any number of 64 bits")
    return Cell(Kind.NUMBER, value, factor)


def _vanished(digits: str, value: float) -> bool:
    """Whether a number that is not zero became zero."""
    return value == 0 and re.search("[1-9]", digits) is not None


def _digits(text: str, marks: Marks, scaled: bool) -> str | None:
    """Digits with a decimal point for ``float``; None where they are no number, empty where they can be two."""
    if re.search(rf"[ '’_{SPACES}]", text):
        if not GROUPED.fullmatch(text):
            return None
        text = re.sub(rf"[ '’_{SPACES}]", "", text)
        return text.replace(",", ".")
    points, commas = text.count("."), text.count(",")
    if points and commas:
        last, first = (".", ",") if text.rfind(".") > text.rfind(",") else (",", ".")
        whole, _, fraction = text.rpartition(last)
        if last in whole or not re.fullmatch(rf"[+-]?\d{{1,3}}(?:\{first}\d{{3}})+", whole):
            return None
        return whole.replace(first, "") + "." + fraction
    if not points and not commas:
        return text
    mark = "." if points else ","
    if points + commas > 1:
        grouped = re.fullmatch(rf"[+-]?\d{{1,3}}(?:\{mark}\d{{3}})+", text)
        return text.replace(mark, "") if grouped else None
    role = marks.point if points else marks.comma
    if AMBIGUOUS.fullmatch(text) and not scaled:
        if role in ("both", ""):
            return ""
        if role == "thousands":
            return text.replace(mark, "")
    return text.replace(mark, ".")


def read_column(
    cells: Sequence[str], marks: Marks, units: Units
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, str]]:
    """A column of cells as numbers.

    Returns:
        Values (each in its cell's unit), the factor of each cell's own unit (NaN without one), the kind of each cell,
        and for each text that is no number what is wrong with it.
    """
    n = len(cells)
    if marks == Marks():
        try:
            values = np.array(cells, dtype=float)
        except ValueError:
            values = np.full(n, np.nan)
        zeros = np.flatnonzero(values == 0).tolist()
        if np.isfinite(values).all() and not any(_vanished(cells[i].lower().partition("e")[0], 0) for i in zeros):
            return values, np.full(n, np.nan), np.zeros(n, dtype=int), {}
    read: dict[str, Cell] = {}
    for text in cells:
        if text not in read:
            read[text] = read_cell(text, marks, units)
    found = [read[text] for text in cells]
    factors = np.array([np.nan if cell.factor is None else cell.factor for cell in found])
    wrong = {text: cell.why for text, cell in read.items() if cell.why}
    return np.array([cell.value for cell in found]), factors, np.array([cell.kind for cell in found], dtype=int), wrong
