"""Measured pulse curves in files, of one device or several, and the picture of a fit."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from symplast.datasets.tables import listed, read_table
from symplast.datasets.units import NamedUnit, Units
from symplast.devices.curve_fit import check_curves
from symplast.devices.device_model import FitResult

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
"""Of siemens, in small letters."""

UNIT = re.compile(rf"[{''.join(PREFIXES)}]?s(iemens)?", re.IGNORECASE)
IN_BRACKETS = re.compile(r"[(\[{]\s*([^()\[\]{}]*?)\s*[)\]}]|\s/\s*(\S+)|/(\S+)$")
DIRECTIONS = {"potentiation": "ltp", "depression": "ltd", "ltp": "ltp", "ltd": "ltd", "pot": "ltp", "dep": "ltd"}
"""Words for the two directions, in small letters; a word before its abbreviation."""

OTHER_UNIT = re.compile(r"[fpnuµμmkMG](A|V|W|F|C)|([fpnuµμmkMG]|kilo|mega)?(Ω|mho|[Oo]hms?)")
"""Units of something else."""

LONE_UNITS = ("A", "V", "W", "C", "F")
"""Units of something else which name a device where there are several (``ltp_A``, ``ltd_A``, ``ltp_B``, ``ltd_B``)."""

NUMBERED = re.compile(r"(device|dev|cell|dut)?\s*#?\s*\d+", re.IGNORECASE)

AMOUNT = re.compile("conductance|g$|g[^a-z]", re.IGNORECASE)

PULSE = ("pulse", "pulses", "pulsenumber", "pulseno", "n")
DEVICE = ("device", "deviceid", "cell", "cellid", "dut")


class Curves(NamedTuple):
    """Conductances in siemens after 0, 1, 2, ... pulses.

    Attributes:
        ltp: rising.
        ltd: falling.
    """

    ltp: np.ndarray
    ltd: np.ndarray


class Column(NamedTuple):
    """What the name of a column says.

    Attributes:
        name: as it stands in the file.
        direction: ``ltp`` or ``ltd``, where it names one.
        device: the rest of the name: what tells the columns of one device from those of another.
        factor: siemens a unit; None where no unit is named.
    """

    name: str
    direction: str | None
    device: str
    factor: float | None


def read_curves(path: Path) -> Curves:
    """Read the LTP and the LTD curve of one device; see :func:`read_devices`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: as :func:`read_devices`, or several devices.
    """
    found = read_devices(path)
    if len(found) > 1:
        raise ValueError(f"{path} holds {len(found)} devices ({listed(found, 8)}); read_devices reads them all")
    return next(iter(found.values()))


def read_devices(path: Path, tell: Callable[[str], object] = lambda said: None) -> dict[str, Curves]:
    """Read LTP and LTD curves of one device or several from a table (see :func:`symplast.datasets.tables.read_table`).

    Either columns whose names hold ``ltp`` (``potentiation``, ``pot``) and ``ltd`` (``depression``, ``dep``), in the
    order of the pulses, of which the shorter may end in empty cells; or one row a measurement with columns
    ``direction``, ``conductance`` and, if the rows are out of order, ``pulse``. Several devices stand below each other
    with a column ``device``, or with pulse numbers that begin again; or next to each other, in columns whose names are
    alike but for the direction (``ltp 1``, ``ltd 1``, ``ltp 2``, ``ltd 2``). Conductances are in siemens, or in the
    unit that a name ends with: ``ltp (uS)``, ``LTP / uS``, ``ltp_uS``.

    Args:
        path: the file.
        tell: called with what was decided on reading (separator, decimal commas, comments, ...), in one line.

    Returns:
        Name of each device -> its curves, in the order of the file; the name is empty for a single one.

    Raises:
        FileNotFoundError: no such file.
        ValueError: other columns, an unknown unit or direction, cells that are no numbers, conductances above 1 S, or
            curves that :func:`check_curves` refuses.
    """
    path = Path(path)
    table = _table(path, tell)
    columns = {name: _column(name, path) for name in table.columns}
    amounts = [c for c in columns.values() if AMOUNT.match(c.name)]
    directions = [name for name in table.columns if _letters(name) == "direction"]
    found = {}
    if directions and len(amounts) == 1:
        words = table[directions[0]].astype(str).str.strip().str.lower()
        if unknown := sorted(set(words) - set(DIRECTIONS)):
            raise ValueError(f"{path}: direction must be one of {', '.join(DIRECTIONS)}; got {', '.join(unknown)}")
        table = table.assign(**{directions[0]: words.map(DIRECTIONS)})
        for label, rows in _apart(table, path, directions):
            sides = [rows[rows[directions[0]] == direction] for direction in ("ltp", "ltd")]
            found[label] = Curves(*(_numbers(side, amounts[0], path) for side in sides))
    else:
        pairs = _pairs(columns, path)
        for label, rows in _apart(table, path, []):
            for device, (up, down) in pairs.items():
                name = " ".join(filter(None, (label, device)))
                found[name] = Curves(_numbers(rows, up, path), _numbers(rows, down, path))
    return {label: _checked(label, curves, path) for label, curves in found.items()}


def _checked(label: str, curves: Curves, path: Path) -> Curves:
    try:
        return Curves(*check_curves(*curves))
    except ValueError as error:
        raise ValueError(f"{path}{f', device {label}' if label else ''}: {error}") from None


def _table(path: Path, tell: Callable[[str], object]) -> "pd.DataFrame":
    """The table with its conductances and pulse numbers as numbers, everything else as text."""
    import pandas as pd

    # an index column stays: where it begins again, another device does
    found = read_table(path, what="a table with columns ltp and ltd: siemens after 0, 1, ... pulses", index=False)
    twice = [name for name, count in Counter(found.names).items() if count > 1]
    if twice:
        raise ValueError(f"{path}: {len(twice)} names of columns stand twice: {listed(twice)}")
    pulse = _pulse(found.names)
    wanted = [name for name in found.names if name == pulse or _holds_conductances(_column(name, path))]
    try:
        read = found.numbers({name: (name, AS_NAMED) for name in wanted}, ends_may_be_empty=True, way_out="")
    except ValueError:
        if pulse not in INDEX:
            raise
        wanted.remove(pulse)  # names of rows
        read = found.numbers({name: (name, AS_NAMED) for name in wanted}, ends_may_be_empty=True, way_out="")
    tell(replace(read, read_from={}).said(path.name))
    others = {name: found.text(name) for name in found.names if name not in wanted}
    table = pd.DataFrame({name: read.values[name] if name in wanted else others[name] for name in found.names})
    return table.replace("", np.nan)


class UnitsOfNames(Units):
    """Units stand in the names of columns, where :func:`_column` reads them; cells are numbers."""

    def split(self, name: str) -> NamedUnit:
        """The name as it is."""
        return NamedUnit(name)


AS_NAMED = UnitsOfNames("a number")
INDEX = ("", "#", "Unnamed: 0")


def _pulse(names: Sequence[str]) -> str | None:
    """The column of pulse numbers, or an index column, which counts them."""
    return next((name for name in names if _letters(name) in PULSE), names[0] if names and names[0] in INDEX else None)


def _holds_conductances(column: Column) -> bool:
    return column.direction is not None or AMOUNT.match(column.name) is not None


def _column(name: str, path: Path) -> Column:
    """Direction, device and unit in a column's name.

    What stands in brackets or after a slash must be a unit of conductance where the column holds conductances.
    """
    factor, rest = None, name
    for match in IN_BRACKETS.finditer(name):
        unit = next(group for group in match.groups() if group is not None)
        if UNIT.fullmatch(unit):
            factor, rest = _factor(unit), name.replace(match[0], " ")
        elif not NUMBERED.fullmatch(unit):
            _refuse_unit(name, unit, path)
    words = [word for word in re.split(r"[\s_.\-/()\[\]{}]+", rest) if word]
    if factor is None:  # ltp_uS, ltp uS; a lone s is no unit here
        units = [word for word in words[1:] if len(word) > 1 and UNIT.fullmatch(word)]
        if units:
            factor = _factor(units[-1])
            words.remove(units[-1])
        elif others := [word for word in words[1:] if OTHER_UNIT.fullmatch(word)]:
            _refuse_unit(name, others[0], path)
    direction = _direction(" ".join(words))
    others = [word for word in words if _direction(word) is None and word.lower() not in ("g", "conductance")]
    numbers = [re.sub("|".join(DIRECTIONS), "", word, flags=re.IGNORECASE) for word in words if _direction(word)]
    return Column(name, direction, " ".join(filter(None, [*others, *numbers])), factor)


def _refuse_unit(name: str, unit: str, path: Path) -> None:
    if _direction(name) or name.lower().startswith("conductance"):
        raise ValueError(
            f"{path}: column {name} has {unit!r} where its unit should be; it must be one of S, mS, uS, nS, pS, fS"
        )


def _factor(unit: str) -> float:
    return PREFIXES[unit.lower().removesuffix("iemens").removesuffix("s")]


def _direction(name: str) -> str | None:
    found = {DIRECTIONS[word] for word in re.findall("potentiation|depression|ltp|ltd", name.lower())}
    found |= {DIRECTIONS[w] for w in re.split(r"[^a-z]+", name.lower()) if w in DIRECTIONS}
    return found.pop() if len(found) == 1 else None


def _pairs(columns: Mapping[str, Column], path: Path) -> dict[str, tuple[Column, Column]]:
    """Device -> its two columns; a single pair needs no names that fit."""
    sides = {way: [c for c in columns.values() if c.direction == way] for way in ("ltp", "ltd")}
    if len(sides["ltp"]) == len(sides["ltd"]) == 1:
        up, down = sides["ltp"][0], sides["ltd"][0]
        for column in (up, down):
            if column.factor is None and column.device in LONE_UNITS:
                raise ValueError(
                    f"{path}: column {column.name} may hold another quantity (in {column.device}) or a device of that "
                    "name; name it ltp or ltd with the unit of its conductances, such as ltp (uS)"
                )
        return {"": (up, down)}
    by_device = {way: {c.device: c for c in found} for way, found in sides.items()}
    fits = by_device["ltp"].keys() == by_device["ltd"].keys() and by_device["ltp"]
    if not fits or any(len(by_device[way]) != len(sides[way]) for way in sides):
        raise ValueError(
            f"{path} must have one column with ltp in its name (or potentiation) and one with ltd (or depression) for "
            f"each device, named alike but for that, or columns direction and conductance; it has {', '.join(columns)}"
        )
    return {device: (column, by_device["ltd"][device]) for device, column in by_device["ltp"].items()}


def _apart(table: "pd.DataFrame", path: Path, within: list[str]) -> Iterator[tuple[str, "pd.DataFrame"]]:
    """The rows of each device, in the order of the pulses: by a column, or where pulse numbers begin again."""
    import pandas as pd

    named = [name for name in table.columns if _letters(name) in DEVICE]
    pulse = _pulse(table.columns.tolist())
    numeric = pulse is None or pd.api.types.is_numeric_dtype(table[pulse])
    if pulse in INDEX and not numeric:
        pulse = None  # names of rows
    elif pulse is not None and not (numeric and table[pulse].notna().all()):
        raise ValueError(f"{path}: column {pulse} must hold a pulse number in every row")
    if len(named) == 1:
        groups = [(str(label), rows) for label, rows in table.groupby(named[0], sort=False)]
        if sum(len(rows) for _, rows in groups) < len(table):
            raise ValueError(f"{path}: column {named[0]} must name the device in every row")
    elif pulse is None:
        groups = [("", table)]
    else:
        times = table.groupby([*within, pulse]).cumcount()
        counts = table.groupby([*within, pulse])[pulse].size()
        if counts.nunique() > 1:
            raise ValueError(
                f"{path}: column {pulse} holds some numbers {counts.min()} times and others {counts.max()} times; if "
                "it holds several devices, name them in a column device"
            )
        groups = [(str(i + 1) if counts.max() > 1 else "", table[times == i]) for i in range(int(counts.max()))]
    for label, rows in groups:
        repeated = pulse is not None and rows.duplicated([*within, pulse]).any()
        if repeated:
            raise ValueError(f"{path}: device {label} has pulse numbers twice; give each sweep a name of its own")
        yield label, rows if pulse is None else rows.sort_values(pulse, kind="stable")


def _letters(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower())


def _numbers(rows: "pd.DataFrame", column: Column, path: Path) -> np.ndarray:
    cells = rows[column.name]
    filled = cells.iloc[: np.flatnonzero(cells.notna())[-1] + 1] if cells.notna().any() else cells[:0]
    siemens = filled.to_numpy(dtype=np.float64) * (1.0 if column.factor is None else column.factor)
    if siemens.size and np.nanmax(np.abs(siemens)) > 1:
        raise ValueError(
            f"{path}: column {column.name} holds {np.nanmax(np.abs(siemens)):g} S, more than a device's conductance; "
            "give siemens, or the unit in the name, such as ltp (uS)"
        )
    return siemens


def fit_figure(fits: Mapping[str, FitResult], curves: Mapping[str, Curves]) -> "Figure":
    """Measured points and the fitted law of each device, LTP then LTD."""
    from symplast.lab.theme import COLOURS, new_figure

    figure, axes = new_figure(1, 1, width=6.4, height=3.4)
    alone = len(fits) == 1
    for number, (label, found) in enumerate(fits.items()):
        measured = curves[label]
        pulses = np.arange(len(measured.ltp)), len(measured.ltp) - 1 + np.arange(len(measured.ltd))
        for i, direction in enumerate(("ltp", "ltd")):
            colour = COLOURS[(i if alone else number) % len(COLOURS)]
            law = np.asarray(found.model.siemens(found.model.curve(pulses[i] - pulses[i][0], direction)))
            b = found.ci[f"b_{direction}"]
            axes.plot(pulses[i], measured[i], "o", markersize=3, mfc="none", color=colour)
            text = f"{direction.upper()}: b = {b.value:.3g} [{b.low:.3g}, {b.high:.3g}]" if alone else f"device {label}"
            axes.plot(pulses[i], law, color=colour, label=text if alone or i == 0 else None)
    axes.set(xlabel="pulses: LTP, then LTD", ylabel="conductance (S)")
    axes.legend(loc="lower center", ncols=1 if alone else 3)
    return figure
