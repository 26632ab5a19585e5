"""Measured pulse curves in files, of one device or several, and the picture of a fit."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from symplast.datasets.tables import Table, read_table
from symplast.datasets.units import Units
from symplast.devices.curve_fit import check_curves
from symplast.devices.device_model import FitResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WHAT = "a table with columns ltp and ltd: siemens after 0, 1, ... pulses"
PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
NAMES = {"": 1.0, "milli": 1e-3, "micro": 1e-6, "nano": 1e-9, "pico": 1e-12, "femto": 1e-15}
SIEMENS = Units(
    "a conductance",
    {f"{prefix}s": size for prefix, size in PREFIXES.items()}
    | {f"{name}siemens": size for name, size in NAMES.items()},
    ignore_case=True,
    words=False,
    known="S, mS, uS, nS, pS, fS",
)

DIRECTIONS = {"potentiation": "ltp", "depression": "ltd", "ltp": "ltp", "ltd": "ltd", "pot": "ltp", "dep": "ltd"}
"""Words for the two directions, in small letters; a word before its abbreviation."""

NUMBERED = re.compile(r"\s*[(\[{]\s*((?:device|dev|cell|dut)?\s*#?\s*\d+)\s*[)\]}]", re.IGNORECASE)
"""The number of a device in brackets, which is no unit."""

PULSE = ("pulse", "pulses", "pulsenumber", "pulseno", "n")
DEVICE = ("device", "deviceid", "deviceno", "cell", "cellid", "dut")


class Curves(NamedTuple):
    """Conductances in siemens after 0, 1, 2, ... pulses.

    Attributes:
        ltp: rising.
        ltd: falling.
    """

    ltp: np.ndarray
    ltd: np.ndarray


class DeviceTable(NamedTuple):
    """What a file of pulse curves holds.

    Attributes:
        curves: name of each device -> its curves, in the order of the file; the name is empty for a single one.
        said: what was decided on the way (separators, units, which column is what), as one line.
    """

    curves: dict[str, Curves]
    said: str


class Column(NamedTuple):
    """A column of conductances.

    Attributes:
        name: as it stands in the file.
        direction: ``ltp`` or ``ltd``, where it names one.
        device: the rest of the name: what tells the columns of one device from those of another.
    """

    name: str
    direction: str | None
    device: str


def read_curves(path: Path) -> Curves:
    """Read the LTP and the LTD curve of one device; see :func:`read_devices`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: as :func:`read_devices`, or several devices.
    """
    found = read_devices(path).curves
    if len(found) > 1:
        names = ", ".join([*found][:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
        raise ValueError(f"{path} holds {len(found)} devices ({names}); read_devices reads them all")
    return next(iter(found.values()))


def read_devices(path: Path) -> DeviceTable:
    """Read LTP and LTD curves from a table, of one device or several; see :mod:`symplast.datasets.tables` for its form.

    Either columns whose names hold ``ltp`` (``potentiation``, ``pot``) and ``ltd`` (``depression``, ``dep``), in the
    order of the pulses, of which the shorter may end in empty cells; or one row a measurement with columns
    ``direction``, ``conductance`` and, if the rows are out of order, ``pulse``. Several devices stand below each other
    with a column ``device``, or with pulse numbers that begin again; or beside each other, in columns whose names are
    alike but for the direction (``ltp 1``, ``ltd 1``, ``ltp 2``, ``ltd 2``). Conductances are in siemens, or in the
    unit that a name ends with: ``ltp (uS)``, ``LTP / uS``, ``ltp_uS``.

    Raises:
        FileNotFoundError: no such file.
        ValueError: other columns, an unknown unit or direction, cells that are no numbers, conductances above 1 S, or
            curves that :func:`check_curves` refuses.
    """
    table = read_table(path, what=WHAT)
    table = replace(table, names=[NUMBERED.sub(r" \1", name) for name in table.names])
    directions = [name for name in table.names if _letters(name) == "direction"]
    amounts = [name for name in table.names if re.match("conductance|g$|g[^a-z]", name, re.IGNORECASE)]
    if directions and len(amounts) == 1:
        ways = _ways(table, directions[0])
        pairs = {"": (_column(amounts[0]), _column(amounts[0]))}
    else:
        ways, pairs = None, _pairs(table)
    wanted = {} if ways is None else {"conductance": (amounts[0], SIEMENS)}
    for device, pair in pairs.items() if ways is None else ():
        wanted |= {f"{way} {device}".strip(): (c.name, SIEMENS) for way, c in zip(("ltp", "ltd"), pair, strict=True)}
    empty = {name: table.text(name) == "" for name, _ in wanted.values()}
    filled = table.cells.copy()
    for name, gaps in empty.items():
        filled.isetitem(table.names.index(name), np.where(gaps, "0", filled.iloc[:, table.names.index(name)]))
    numbers = replace(table, cells=filled).numbers(wanted, way_out="a shorter file: pulses must follow each other")
    siemens = {name: np.where(empty[name], np.nan, numbers.values[key]) for key, (name, _) in wanted.items()}
    _check_size(siemens, table.source)
    curves: dict[str, Curves] = {}
    for label, rows in _apart(table, ways):
        for device, pair in pairs.items():
            sides = []
            for way, column in zip(("ltp", "ltd"), pair, strict=True):
                values = siemens[column.name][rows if ways is None else rows[ways[rows] == way]]
                known = np.flatnonzero(np.isfinite(values))
                sides.append(values[: known[-1] + 1] if known.size else values[:0])
            name = " ".join(filter(None, (label, device)))
            curves[name] = _checked(name, Curves(*sides), table.source)
    several = f"; {len(curves)} devices: {', '.join(curves)}" if len(curves) > 1 else ""
    return DeviceTable(curves, numbers.said(table.source) + several)


def _check_size(siemens: Mapping[str, np.ndarray], source: str) -> None:
    for name, values in siemens.items():
        if np.isfinite(values).any() and np.nanmax(np.abs(values)) > 1:
            raise ValueError(
                f"{source}: column {name} holds {np.nanmax(np.abs(values)):g} S, more than a device's conductance; "
                "give siemens, or the unit in the name, such as ltp (uS)"
            )


def _checked(label: str, curves: Curves, source: str) -> Curves:
    try:
        return Curves(*check_curves(*curves))
    except ValueError as error:
        raise ValueError(f"{source}{f', device {label}' if label else ''}: {error}") from None


def _ways(table: Table, name: str) -> np.ndarray:
    words = np.array([word.lower() for word in table.text(name)], dtype=object)
    if unknown := sorted(set(words) - set(DIRECTIONS)):
        shown = ", ".join(word or "an empty cell" for word in unknown[:8])
        raise ValueError(f"{table.source}: {name} must be one of {', '.join(DIRECTIONS)}; got {shown}")
    return np.array([DIRECTIONS[word] for word in words])


def _column(name: str) -> Column:
    """Direction and device in a column's name, its unit left out; raises ValueError for an unknown unit."""
    words = [word for word in re.split(r"[\s_.\-/()\[\]{}]+", SIEMENS.split(name).base) if word]
    direction = _direction(" ".join(words))
    others = [word for word in words if _direction(word) is None and word.lower() not in ("g", "conductance")]
    numbers = [re.sub("|".join(DIRECTIONS), "", word, flags=re.IGNORECASE) for word in words if _direction(word)]
    return Column(name, direction, " ".join(filter(None, [*others, *numbers])))


def _direction(name: str) -> str | None:
    found = {DIRECTIONS[word] for word in re.findall("potentiation|depression|ltp|ltd", name.lower())}
    found |= {DIRECTIONS[word] for word in re.split(r"[^a-z]+", name.lower()) if word in DIRECTIONS}
    return found.pop() if len(found) == 1 else None


def _pairs(table: Table) -> dict[str, tuple[Column, Column]]:
    """Device -> its two columns; a single pair needs no names that fit."""
    columns = [_column(name) for name in table.names if _direction(name)]
    sides = {way: [column for column in columns if column.direction == way] for way in ("ltp", "ltd")}
    if len(sides["ltp"]) == len(sides["ltd"]) == 1:
        return {"": (sides["ltp"][0], sides["ltd"][0])}
    by_device = {way: {column.device: column for column in found} for way, found in sides.items()}
    fits = by_device["ltp"].keys() == by_device["ltd"].keys() and by_device["ltp"]
    if not fits or any(len(by_device[way]) != len(sides[way]) for way in sides):
        raise ValueError(
            f"{table.source} must have one column with ltp in its name (or potentiation) and one with ltd (or "
            "depression) for each device, named alike but for that, or columns direction and conductance; it has "
            f"{', '.join(table.names)}"
        )
    return {device: (column, by_device["ltd"][device]) for device, column in by_device["ltp"].items()}


def _apart(table: Table, ways: np.ndarray | None) -> Iterator[tuple[str, np.ndarray]]:
    """The rows of each device, in the order of the pulses: by a column, or where pulse numbers begin again."""
    every = np.arange(len(table.lines))
    pulse = _pulses(table)
    named = [name for name in table.names if _letters(name) in DEVICE]
    keys = [(None if ways is None else ways[i], None if pulse is None else pulse[i]) for i in every]
    if len(named) == 1:
        names = table.text(named[0])
        if (names == "").any():
            line = table.lines[np.flatnonzero(names == "")[0]]
            raise ValueError(
                f"{table.source}: column {named[0]} must name the device in every row; line {line} is empty"
            )
        groups = [(name, every[names == name]) for name in dict.fromkeys(names)]
        for name, rows in groups:
            if pulse is not None and len({keys[i] for i in rows}) < rows.size:
                raise ValueError(f"{table.source}: device {name} has pulse numbers twice; name each sweep for itself")
    elif pulse is None:
        groups = [("", every)]
    else:
        seen: dict[tuple[str | None, float | None], int] = {}
        turn = np.zeros(every.size, int)
        for i in every:
            turn[i] = seen[keys[i]] = seen.get(keys[i], -1) + 1
        times = set(seen.values())
        if len(times) > 1:
            raise ValueError(
                f"{table.source}: some pulse numbers stand there {min(times) + 1} times and others {max(times) + 1} "
                "times; if it holds several devices, name them in a column device"
            )
        most = times.pop()
        groups = [(str(i + 1) if most else "", every[turn == i]) for i in range(most + 1)]
    for name, rows in groups:
        yield name, rows if pulse is None else rows[np.argsort(pulse[rows], kind="stable")]


def _pulses(table: Table) -> np.ndarray | None:
    name = next((name for name in table.names if _letters(name) in PULSE), None)
    if name is None:
        return None
    try:
        return np.array([float(text.replace(",", ".")) for text in table.text(name)])
    except ValueError:
        raise ValueError(f"{table.source}: column {name} must hold pulse numbers") from None


def _letters(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower())


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
