"""A population's own tuning curves in files, as the drive of a circuit."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symplast.datasets.arrays import read_npz
from symplast.datasets.cells import Kind, find_marks, read_column
from symplast.datasets.tables import Table, listed, read_table, refuse
from symplast.datasets.units import NUMBERS
from symplast.gain_control.arguments import check_array, check_ensemble, check_number
from symplast.gain_control.circle import difference
from symplast.gain_control.ensembles import HALFWIDTH, biased_box, uniform
from symplast.gain_control.measures import preferences
from symplast.gain_control.population import VonMisesKernel

STIMULUS = re.compile(r"(?:[A-Za-z_]+\s*[=_ ]\s*)?([-+−]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?)\s*(?:deg|degrees|°)?")
"""The name of a column that is a stimulus."""

FEWEST = 5
"""Stimuli below which curves have no shape."""


@dataclass(frozen=True, eq=False)
class Drive:
    """Tuning curves of a population, and the two ensembles to compare.

    Attributes:
        drive: (N, S), over its largest value.
        weights: (N, N) recurrent weights.
        preferred: (N,) preferred stimuli.
        stimuli: (S,) in rising order.
        p0: (S,) ensemble before.
        p1: (S,) ensemble after.
        neurons: names.
        decided: what was decided on reading, in words.
    """

    drive: np.ndarray
    weights: np.ndarray
    preferred: np.ndarray
    stimuli: np.ndarray
    p0: np.ndarray
    p1: np.ndarray
    neurons: tuple[str, ...]
    decided: tuple[str, ...]


def read_drive(
    path: str | Path,
    adapter: float = 0.0,
    probability: float | None = None,
    halfwidth: float | None = None,
    period: float | None = 180.0,
    w_e: float = 0.5,
    kappa_e: float = 6.0,
) -> Drive:
    """Read tuning curves and lay out a circuit with them.

    Args:
        path: a table with a neuron a row, whose columns are named by their stimuli (the first may name the neurons); or
            ``.npz`` with ``drive`` and perhaps ``stimuli``, ``preferred``, ``weights``, ``p0``, ``p1``.
        adapter: the stimulus that becomes frequent.
        probability: of the adapter, unless the file holds p1.
        halfwidth: of its box; default 12.9 degrees of 180.
        period: of the stimuli; None where they don't wrap.
        w_e: row sum of the weights' kernel, unless the file holds weights.
        kappa_e: its concentration.

    Raises:
        FileNotFoundError: no such file.
        ValueError: names of columns that are no numbers, fewer than 5 stimuli, responses that are negative or not
            finite, or ensembles given twice or not at all.
    """
    file = Path(path).expanduser()
    if file.suffix.lower() == ".npz":
        names = ("stimuli", "preferred", "weights", "p0", "p1")
        arrays: dict[str, Any] = dict(read_npz(file, {"drive": "(neurons, stimuli)"}, names))
        decided: tuple[str, ...] = ()
        neurons: tuple[str, ...] = ()
    else:
        table = read_table(file, what="a table of tuning curves, a neuron a row", also=".npz", header=True, index=False)
        arrays, neurons = _of_table(table)
        decided = table.decided
    F = check_array(arrays["drive"], "drive", "neurons, stimuli", 0.0)
    n, size = F.shape
    if size < FEWEST:
        raise ValueError(f"{file} must hold at least {FEWEST} stimuli, got {size}")
    if "stimuli" not in arrays and period is None:
        raise ValueError(f"{file} must name its stimuli where they don't wrap")
    s = (
        check_array(arrays["stimuli"], "stimuli", "stimuli")
        if "stimuli" in arrays
        else (np.arange(size) - size // 2) * float(period or 1) / size
    )
    if s.size != size:
        raise ValueError(f"stimuli must have {size} entries, as drive has shape {F.shape}; got {s.size}")
    if period is not None and np.ptp(s) >= period * (1 - 1e-9):
        raise ValueError(
            f"stimuli must span less than the period {period:g}, since both ends are one stimulus, got {s.min():g} to "
            f"{s.max():g}: leave one end out, or give another --period (0 where they don't wrap)"
        )
    if np.unique(s).size != size:
        raise ValueError(f"stimuli must differ, got {size - np.unique(s).size} twice")
    order = np.argsort(s)
    F, s = F[:, order], s[order]
    if not F.max() > 0:
        raise ValueError(f"{file} must hold responses above 0")
    F = F / F.max()
    ensembles = {name: check_ensemble(arrays[name], size, name)[order] for name in ("p0", "p1") if name in arrays}
    if ("p1" in ensembles) == (probability is not None):
        raise ValueError(
            "probability of the adapter is needed (0.35 for 35 %), since the file holds no p1"
            if probability is None
            else f"probability must be left out: {file} holds p1"
        )
    scale = HALFWIDTH / 180 * (period if period is not None else 2 * float(np.ptp(s)))
    if probability is not None:
        half = scale if halfwidth is None else halfwidth
        ensembles["p1"] = biased_box(s, probability, half, adapter, period)
    theta = (
        check_array(arrays["preferred"], "preferred", "neurons") if "preferred" in arrays else preferences(F, s, period)
    )
    if theta.size != n:
        raise ValueError(f"preferred must have {n} entries, as drive has shape {F.shape}; got {theta.size}")
    weights = arrays["weights"] if "weights" in arrays else _kernel(theta, period, w_e, kappa_e)
    return Drive(
        F, weights, theta, s, ensembles.get("p0", uniform(size)), ensembles["p1"],
        neurons or tuple(str(i + 1) for i in range(n)), decided,
    )  # fmt: skip


def _kernel(theta: np.ndarray, period: float | None, w_e: float, kappa_e: float) -> np.ndarray:
    """Weights by distance of preferences; where these don't wrap, on a circle of twice their range."""
    check_number(w_e, "w_e")
    around = period if period is not None else 2 * max(float(np.ptp(theta)), 1e-300)
    kernel = VonMisesKernel(w_e, kappa_e)
    return np.asarray(kernel.weights(difference(theta, 0.0, period), period=around))


def _of_table(table: Table) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Drive and stimuli of a table, and names of the neurons."""
    problems = list(table.problems)
    places = [_number(name) for name in table.names]
    first = 0
    neurons: tuple[str, ...] = ()
    if places and places[0] is None:
        neurons, first = tuple(str(cell).strip() for cell in table.cells.iloc[:, 0]), 1
    wrong = [name for name, place in zip(table.names[first:], places[first:], strict=True) if place is None]
    if wrong or len(table.names) - first < 1:
        problems.append(
            f"names of columns must be the stimuli, such as -90, -80; these are no numbers: {listed(wrong) or 'all'}"
        )
    refuse(table.source, problems)
    texts = {i: [str(cell).strip() for cell in table.cells.iloc[:, i]] for i in range(first, len(table.names))}
    odd = {cell for cells in texts.values() for cell in cells if "," in cell or "." in cell}
    marks = find_marks(odd, table.separator)
    values = np.empty((len(table.lines), len(texts)))
    for column, (i, cells) in enumerate(texts.items()):
        found, _, kinds, why = read_column(cells, marks, NUMBERS)
        values[:, column] = found
        for row in np.flatnonzero(kinds != Kind.NUMBER)[:3]:
            said = (why or {}).get(cells[row], "is no number")
            cell = cells[row][:40] or "an empty cell"
            problems.append(f"{table.counts} {table.lines[row]}, column {table.names[i][:40]}: {cell} {said}")
    refuse(table.source, problems)
    return {"drive": values, "stimuli": np.array(places[first:], dtype=float)}, neurons


def _number(name: str) -> float | None:
    """``-45``, ``45 deg`` or ``s = 45``; None for another name."""
    match = re.fullmatch(
        r"(?:[A-Za-z_]+\s*[=_ ]\s*)?([-+−]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?)\s*(?:deg|degrees|°)?", name.strip()
    )
    return float(match[1].replace("−", "-").replace(",", ".")) if match else None
