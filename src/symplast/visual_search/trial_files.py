"""Tables of reaction times, of searches to run, and of scanpaths; maps of regions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symplast.datasets.tables import Table, listed, read_table, refuse
from symplast.datasets.units import NUMBERS, Units
from symplast.visual_search.asymmetry import Trials
from symplast.visual_search.images import check_regions, read_array, read_image
from symplast.visual_search.reaction_times import BASE_MS, PER_SACCADE_MS, rt

TIMES = Units("a time", {"ms": 1.0, "s": 1000.0, "sec": 1000.0, "seconds": 1000.0}, words=False)
TIME_NAMES = ("rt_ms", "rt", "reaction_time", "response_time", "latency")
SHORTEST_MS = 10.0
YES, NO = ("1", "1.0", "true", "yes", "y"), ("0", "0.0", "false", "no", "n")
BOXES = ("region", "top", "left", "bottom", "right")


def read_trials(
    path: Path, per_saccade: float = PER_SACCADE_MS, base: float = BASE_MS
) -> tuple[Trials, tuple[str, ...]]:
    """Reaction times or saccade counts, a row a trial.

    Args:
        path: a table with columns ``condition``, ``set_size`` and ``rt_ms`` (also ``RT (s)``) or ``n_saccades``,
            perhaps ``found`` (0 or 1).
        per_saccade, base: ms, where there are counts only.

    Returns:
        The trials, and what was decided in words.

    Raises:
        ValueError: missing columns, cells that aren't numbers, times that are not above 0 or that look like seconds,
            set sizes or counts that are not whole; names column and line.
    """
    table = read_table(path, what="a table of trials, a row a trial")
    names = {_plain(name): name for name in table.names}
    lacking = [name for name in ("condition", "set_size") if name not in names]
    timed = next((names[name] for name in names if _base(names[name]) in TIME_NAMES), None)
    counted = names.get("n_saccades")
    if timed is None and counted is None:
        lacking.append("rt_ms or n_saccades")
    if lacking:
        raise ValueError(f"{path.name} must have the columns {', '.join(lacking)}; it has {listed(table.names)}")
    wanted: dict[str, tuple[str, Units]] = {"set_size": (names["set_size"], NUMBERS)}
    if timed is not None:
        wanted["rt"] = (timed, TIMES)
    if counted is not None:
        wanted["n_saccades"] = (counted, NUMBERS)
    found = table.numbers(wanted, way_out="")
    condition = table.text(names["condition"])
    problems = [
        f"line {line}: condition is empty" for line, name in zip(table.lines, condition, strict=True) if not name
    ]
    problems += _not_whole(found.values["set_size"], table, "set_size", 1)
    if counted is not None:
        problems += _not_whole(found.values["n_saccades"], table, counted, 0)
    if timed is not None:
        times = found.values["rt"]
        problems += [f"line {line}: {timed} must be above 0, got {value:g}"
                     for line, value in zip(table.lines, times, strict=True) if value <= 0]  # fmt: skip
        if not problems and times.max() < SHORTEST_MS:
            problems.append(f"{timed} goes up to {times.max():g} ms only: name the column rt (s) if these are seconds")
    refuse(path.name, problems)
    counts = None if counted is None else found.values["n_saccades"]
    if timed is None:
        assert counts is not None
        times = rt(counts, per_saccade, base)
    hits = _yes_or_no(table, names["found"]) if "found" in names else None
    decided = (*found.decided, *(f"{key} from {column}" for key, column in found.read_from.items() if key != column))
    return Trials(condition, found.values["set_size"].astype(int), times, counts, hits), decided


def _plain(name: str) -> str:
    return name.strip().casefold().replace(" ", "_")


def _base(name: str) -> str:
    try:
        return _plain(TIMES.split(name).base)
    except ValueError:
        return _plain(name)


def _not_whole(values: np.ndarray, table: Table, name: str, least: int) -> list[str]:
    return [
        f"line {line}: {name} must be a whole number of at least {least}, got {value:g}"
        for line, value in zip(table.lines, values, strict=True)
        if value < least or value != round(value)
    ]


def _yes_or_no(table: Table, name: str) -> np.ndarray:
    cells = [cell.casefold() for cell in table.text(name)]
    refuse(table.source, [f"line {line}: {name} must be 0 or 1, got {cell or 'nothing'}"
                          for line, cell in zip(table.lines, cells, strict=True) if cell not in YES + NO])  # fmt: skip
    return np.array([cell in YES for cell in cells])


@dataclass(frozen=True, eq=False)
class Row:
    """One search of a table.

    Attributes:
        line: of the file.
        image, target, regions: paths; ``regions`` may be None.
        condition: name; empty where there is none.
        set_size: items; None where there is none.
        target_region: label; None where there is none.
        start: row and column; None for the centre.
    """

    line: int
    image: Path
    target: Path
    regions: Path | None
    condition: str
    set_size: int | None
    target_region: int | None
    start: tuple[int, int] | None


def read_tasks(path: Path) -> tuple[list[Row], tuple[str, ...]]:
    """Searches to run: columns ``image`` and ``target``, paths from the table's folder on.

    Further columns: ``condition``, ``set_size``, ``regions``, ``target_region``, ``start_row`` with ``start_col``.

    Raises:
        ValueError: missing columns or files, or cells that aren't whole numbers; lists them with their lines.
    """
    table = read_table(path, what="a table of searches, a row a search", index=False)
    names = {_plain(name): name for name in table.names}
    if lacking := [name for name in ("image", "target") if name not in names]:
        raise ValueError(f"{path.name} must have the columns {', '.join(lacking)}; it has {listed(table.names)}")
    whole = ("set_size", "target_region", "start_row", "start_col")
    known = {
        name: table.text(names[name]) for name in ("image", "target", "regions", "condition", *whole) if name in names
    }
    problems, rows = list(table.problems), []
    for i, line in enumerate(table.lines):
        cells = {name: str(column[i]) for name, column in known.items()}
        files: dict[str, Path | None] = {"regions": None}
        for name in ("image", "target", "regions"):
            if cells.get(name):
                file = files[name] = path.parent / cells[name]
                if not file.is_file():
                    problems.append(f"line {line}: no file {file} ({name})")
            elif name != "regions":
                problems.append(f"line {line}: {name} is empty")
        numbers: dict[str, int | None] = {}
        for name in whole:
            text = cells.get(name, "")
            try:
                numbers[name] = int(float(text)) if text else None
                if text and float(text) != int(float(text)):
                    raise ValueError
            except (ValueError, OverflowError):
                numbers[name] = None
                problems.append(f"line {line}: {name} must be a whole number, got {text}")
        if (numbers["start_row"] is None) != (numbers["start_col"] is None):
            problems.append(f"line {line}: start_row and start_col go together")
        start = None
        if numbers["start_row"] is not None and numbers["start_col"] is not None:
            start = (numbers["start_row"], numbers["start_col"])
        image, target = files.get("image"), files.get("target")
        if image is not None and target is not None:
            rows.append(Row(int(line), image, target, files["regions"], cells.get("condition", ""),
                            numbers["set_size"], numbers["target_region"], start))  # fmt: skip
    refuse(path.name, problems)
    return rows, table.decided


def read_regions(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Labels of regions, (height, width), -1 where there is none.

    Args:
        path: a picture (grey level 0: no region, level v: region v - 1), a whole-numbered ``.npy`` (-1: no region),
            or a
            table ``region,top,left,bottom,right`` of boxes in px (bottom and right excluded).
        shape: height and width of the image.

    Raises:
        ValueError: another shape, levels that are no labels, boxes outside the image or on top of each other.
    """
    if path.suffix.lower() in (".csv", ".tsv", ".txt", ".parquet"):
        return _boxes(path, shape)
    if path.suffix == ".npy":
        if not path.is_file():
            raise FileNotFoundError(f"no file {path}; give labels of regions")
        return check_regions(read_array(path), shape)
    labels = read_image(path)
    if labels.ndim != 2:
        raise ValueError(f"{path} must be grey: level 0 for no region, level v for region v - 1")
    return check_regions(labels.astype(int) - 1, shape)


def _boxes(path: Path, shape: tuple[int, int]) -> np.ndarray:
    table = read_table(path, what="a table of regions", index=False)
    names = {_plain(name): name for name in table.names}
    if lacking := [name for name in BOXES if name not in names]:
        raise ValueError(f"{path.name} must have the columns {', '.join(lacking)}; it has {listed(table.names)}")
    values = table.numbers({name: (names[name], NUMBERS) for name in BOXES}, way_out="").values
    labels, problems = np.full(shape, -1, np.int32), []
    for i, line in enumerate(table.lines):
        numbers = [float(values[name][i]) for name in BOXES]
        region, top, left, bottom, right = (int(number) for number in numbers)
        if any(number != int(number) for number in numbers) or region < 0:
            problems.append(f"line {line}: region and borders must be whole numbers from 0 on")
        elif not (0 <= top < bottom <= shape[0] and 0 <= left < right <= shape[1]):
            problems.append(f"line {line}: the box must lie in the image ({shape[0]} x {shape[1]} px)")
        elif (labels[top:bottom, left:right] >= 0).any():
            problems.append(f"line {line}: the box lies on another one")
        else:
            labels[top:bottom, left:right] = region
    refuse(path.name, problems)
    return labels


@dataclass(frozen=True, eq=False)
class Scanpaths:
    """Fixations of many trials.

    Attributes:
        paths: trial -> (n, 2) rows and columns in px.
        found_at: trial -> index of the fixation that found the target, -1 where it wasn't found; empty where the file
            does not say.
        targets: trial -> centre of the target, where the file says.
    """

    paths: Mapping[str, np.ndarray]
    found_at: Mapping[str, int]
    targets: Mapping[str, np.ndarray]


def read_scanpaths(path: Path) -> tuple[Scanpaths, tuple[str, ...]]:
    """Scanpaths from a table ``trial,fixation,row,col[,found]``, or from JSON as COCO-Search18 has it.

    In JSON each trial is an object with lists ``X`` (columns) and ``Y`` (rows) and ``name``, perhaps ``task``,
    ``subject``, ``correct`` and ``bbox`` (left, top, width, height).

    Raises:
        ValueError: missing columns or keys, numbers that aren't finite, or two fixations of one number in a trial.
    """
    if path.suffix == ".json":
        return _read_json(path), ()
    table = read_table(path, what="a table of fixations, a row a fixation", also=".json")
    names = {_plain(name): name for name in table.names}
    if lacking := [name for name in ("trial", "fixation", "row", "col") if name not in names]:
        raise ValueError(f"{path.name} must have the columns {', '.join(lacking)}; it has {listed(table.names)}")
    found = table.numbers({name: (names[name], NUMBERS) for name in ("fixation", "row", "col")}, way_out="")
    trial, values = table.text(names["trial"]), found.values
    hits = _yes_or_no(table, names["found"]) if "found" in names else None
    paths: dict[str, np.ndarray] = {}
    found_at: dict[str, int] = {}
    problems = []
    for name in dict.fromkeys(trial):
        own = np.flatnonzero(trial == name)
        order = own[np.argsort(values["fixation"][own], kind="stable")]
        if np.unique(values["fixation"][own]).size != own.size:
            problems.append(f"trial {name} has two fixations of one number")
        paths[name] = np.stack([values["row"][order], values["col"][order]], axis=1)
        if hits is not None:
            places = np.flatnonzero(hits[order])
            found_at[name] = int(places[0]) if places.size else -1
    refuse(path.name, problems)
    return Scanpaths(paths, found_at, {}), found.decided


def _read_json(path: Path) -> Scanpaths:
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give scanpaths as .json or a table")
    try:
        trials = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} can't be read as JSON: {error}") from None
    if not isinstance(trials, list) or not trials or not all(isinstance(each, dict) for each in trials):
        raise ValueError(f"{path} must hold a list of trials, each an object with X, Y and name")
    paths: dict[str, np.ndarray] = {}
    found_at: dict[str, int] = {}
    targets: dict[str, np.ndarray] = {}
    problems = []
    for i, each in enumerate(trials):
        try:
            fixations = np.array([each["Y"], each["X"]], float).T
            if fixations.ndim != 2 or not len(fixations) or not np.isfinite(fixations).all():
                raise ValueError("X and Y must be lists of finite numbers, equally long")
            name = "/".join(str(each[key]) for key in ("name", "task", "subject") if key in each)
            if "name" not in each or name in paths:
                raise ValueError("each trial needs a name (with task and subject) of its own")
        except (KeyError, TypeError, ValueError) as error:
            problems.append(f"trial {i + 1}: {error if isinstance(error, ValueError) else f'lacks {error}'}")
            continue
        paths[name] = fixations
        if (box := _box(each.get("bbox"))) is not None:
            left, top, width, height = box
            targets[name] = np.array([top + height / 2, left + width / 2])
            inside = ((fixations >= [top, left]) & (fixations < [top + height, left + width])).all(axis=1)
            found_at[name] = int(inside.argmax()) if inside.any() else -1
    refuse(path.name, problems)
    return Scanpaths(paths, found_at if len(found_at) == len(paths) else {}, targets)


def _box(value: Any) -> np.ndarray | None:
    box = np.asarray(value if value is not None else [], float) if isinstance(value, list) else np.zeros(0)
    return box if box.shape == (4,) and np.isfinite(box).all() else None
