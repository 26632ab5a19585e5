"""Recorded tuning curves in files: long tables, xarray, and arrays of NumPy and MATLAB."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symplast.datasets.arrays import EVERY, read_npy, read_npz
from symplast.datasets.tables import Table, listed, read_table, refuse
from symplast.datasets.units import Units
from symplast.gain_control.circle import PERIOD
from symplast.gain_control.ensembles import HALFWIDTH, biased_box
from symplast.gain_control.recordings import Tuning, load_tuning_array, tuning_of

if TYPE_CHECKING:
    from xarray import DataArray

NEEDED = ("neuron", "stimulus", "condition", "response")
OPTIONAL = ("recording", "preferred", "p")
CONTROL = ("control", "uniform", "before", "pre", "unadapted")
ADAPTED = ("adapted", "biased", "after", "post", "adaptation")

V1_PROBABILITIES = (0.5, 0.35, 0.35, 0.5, 0.5, 0.5, 0.5, 0.4, 0.4, 0.3, 0.3)
"""Of the adapter, in the 11 recordings of Benucci et al. (2013), as the reference code lists them."""

ANGLES = Units(
    "a stimulus",
    {"deg": 1.0, "degs": 1.0, "degree": 1.0, "degrees": 1.0, "°": 1.0, "rad": 180 / np.pi, "radians": 180 / np.pi,
     "hz": 1.0, "khz": 1.0, "oct": 1.0, "octaves": 1.0, "%": 1.0, "db": 1.0},
    ignore_case=True, known="deg, rad, Hz, kHz, oct, %, dB",
)  # fmt: skip
RATES = Units(
    "a response",
    {"hz": 1.0, "spikes/s": 1.0, "sp/s": 1.0, "spk/s": 1.0, "imp/s": 1.0, "a.u.": 1.0, "au": 1.0, "mv": 1.0, "%": 1.0},
    ignore_case=True, known="Hz, spikes/s, a.u., mV, %",
)  # fmt: skip
SHARES = Units("a probability", {"%": 0.01})


def read_tuning(
    path: str | Path,
    *,
    adapter: float = 0.0,
    probability: float | None = None,
    halfwidth: float | None = None,
    period: float | None = PERIOD,
) -> Tuning:
    """Read tuning curves before and after adaptation.

    Args:
        path: a long table (.csv, .tsv, .txt, .parquet) with columns neuron, stimulus, condition (control, adapted),
            response and perhaps recording, preferred, p; or .npy, .npz, .mat of (13, 21, recordings, 2);
            a .mat may hold cells of (13, 21, 2) instead.
        adapter: the stimulus that became frequent.
        probability: of the adapter, as a share, where the file has no column p; spread over a box.
        halfwidth: of that box; default 12.9 degrees of 180.
        period: of the stimuli; None where they don't wrap.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file; missing or unknown columns; a missing condition, unequal stimuli, responses
            that are not finite, all with their lines.

    Example:
        >>> import tempfile
        >>> rows = [f"{n},{s},{c},{2 + np.cos(np.radians(2 * (s - n))) - (c == 'adapted') * (s == 0):.3f}"
        ...         for n in (0, 45, 90) for s in range(-90, 90, 30) for c in ("control", "adapted")]
        >>> path = Path(tempfile.mkdtemp()) / "curves.csv"
        >>> _ = path.write_text("neuron,stimulus (deg),condition,response\\n" + "\\n".join(rows))
        >>> tuning = read_tuning(path, probability=0.35)
        >>> tuning.recordings[0].control.shape, tuning.recordings[0].p1.round(2).tolist()
        ((3, 6), [0.13, 0.13, 0.13, 0.35, 0.13, 0.13])
    """
    file = Path(path).expanduser()
    kind = file.suffix.lower()
    if kind in (".npy", ".npz", ".mat"):
        return _array(file, kind, probability)
    what = "a table of tuning curves (neuron, stimulus, condition, response)"
    table = read_table(file, what=what, also=".npy, .npz, .mat", header=True, index=False)
    return _long(table, adapter, probability, halfwidth, period)


def tuning_from_xarray(
    curves: "DataArray",
    *,
    adapter: float = 0.0,
    probability: float | None = None,
    halfwidth: float | None = None,
    period: float | None = PERIOD,
) -> Tuning:
    """Curves in a DataArray (unit, stimulus, condition), as pynapple makes one for each condition.

    Args:
        curves: dimensions unit, condition (with labels control and adapted) and any third one, the stimulus; a
            coordinate ``p`` of (stimulus, condition) or (condition, stimulus) is taken where it is there.
        adapter: as for :func:`read_tuning`, like all others.
        probability: of the adapter.
        halfwidth: of its box.
        period: of the stimuli.

    Raises:
        ValueError: missing dimensions or conditions.
    """
    dims = [str(dim) for dim in curves.dims]
    others = [dim for dim in dims if dim not in ("unit", "condition")]
    if not {"unit", "condition"} <= set(dims) or len(others) != 1:
        raise ValueError(f"curves must have dimensions unit, condition and one of stimuli, got {', '.join(dims)}")
    if "condition" not in curves.coords or others[0] not in curves.coords:
        raise ValueError(f"curves must have coordinates condition and {others[0]}, to tell conditions and stimuli")
    labels = [condition_of(str(label)) for label in curves.condition.values]
    if sorted(filter(None, labels)) != ["adapted", "control"]:
        raise ValueError(
            f"condition must be control and adapted, once each; got {', '.join(map(str, curves.condition.values))}"
        )
    ordered = curves.transpose("condition", "unit", others[0])
    values = dict(zip(labels, ordered.values, strict=True))
    stimuli = curves[others[0]].values
    given: dict[str | None, Any] = {}
    if "p" in curves.coords:
        given = dict(zip(labels, curves.p.transpose("condition", others[0]).values, strict=True))
    p0, p1 = _ensembles(stimuli, given.get("control"), given.get("adapted"), adapter, probability, halfwidth, period)
    units = [str(unit) for unit in curves.unit.values] if "unit" in curves.coords else None
    return tuning_of(
        [values["control"]], [values["adapted"]], stimuli, [p0], [p1], neurons=None if units is None else [units],
        adapter=adapter, period=period,
    )  # fmt: skip


def condition_of(word: str) -> str | None:
    """``control`` or ``adapted``; None for another word.

    Example:
        >>> condition_of("Uniform"), condition_of("post"), condition_of("other")
        ('control', 'adapted', None)
    """
    word = word.strip().casefold()
    return "control" if word in CONTROL else "adapted" if word in ADAPTED else None


def _ensembles(
    stimuli: np.ndarray, p0: Any, p1: Any, adapter: float, probability: float | None, halfwidth: float | None,
    period: float | None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Both ensembles; those that are not given are uniform, and a box at the adapter."""
    if p1 is not None and probability is not None:
        raise ValueError("give probabilities either in the curves (p) or by probability, not both")
    if p1 is None and probability is None:
        raise ValueError("probability of the adapter is needed (0.35 for 35 %), since the curves have no column p")
    control = np.full(len(stimuli), 1 / len(stimuli)) if p0 is None else np.asarray(p0, dtype=float)
    if p1 is not None:
        return control, np.asarray(p1, dtype=float)
    scale = HALFWIDTH / PERIOD * (period if period is not None else 2 * float(np.ptp(stimuli)))
    share = 0.0 if probability is None else probability
    return control, biased_box(stimuli, share, scale if halfwidth is None else halfwidth, adapter, period)


def _array(file: Path, kind: str, probability: float | None) -> Tuning:
    what = "(13, 21, recordings, 2) tuning curves"
    if kind == ".npy":
        arrays: dict[str, Any] = {"tuning": read_npy(file, what)}
    elif kind == ".npz":
        arrays = dict(read_npz(file, {}, EVERY))
    else:
        arrays = _matlab(file)
    fitting = [name for name, array in arrays.items() if np.ndim(array) == 4 and array.shape[-1] == 2]
    if len(fitting) != 1:
        shapes = ", ".join(f"{name} {np.shape(array)}" for name, array in arrays.items())
        raise ValueError(f"{file} must hold one array of {what}, it holds {shapes or 'nothing'}")
    values = arrays[fitting[0]]
    shares = next((np.ravel(a) for n, a in arrays.items() if n != fitting[0] and np.size(a) == values.shape[2]), None)
    told: tuple[str, ...] = ()
    if probability is None and shares is None and values.shape == (13, 21, len(V1_PROBABILITIES), 2):
        shares = np.array(V1_PROBABILITIES)
        told = ("probabilities of the 11 recordings taken from the reference code",)
    if probability is None and shares is None:
        raise ValueError("probability of the adapter is needed (0.35 for 35 %), since the file holds none")
    if probability is not None and shares is not None:
        raise ValueError(f"probability must be left out: {file} holds one for each recording")
    chosen = np.asarray(shares if shares is not None else probability, dtype=float)
    chosen = chosen / 100 if chosen.max() > 1 else chosen
    try:
        found = load_tuning_array(values, chosen)
        return replace(found, decided=(*told, *found.decided))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _matlab(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise FileNotFoundError(f"no file {file}; give a .mat of tuning curves")
    from scipy.io import loadmat

    try:
        found = loadmat(file)
    except NotImplementedError:  # version 7.3 is HDF5
        import h5py

        try:
            with h5py.File(file) as handle:  # MATLAB's order of dimensions is the reverse
                found = {name: np.asarray(item).T for name, item in handle.items() if isinstance(item, h5py.Dataset)}
        except OSError as error:
            raise ValueError(f"{file} can't be read as a .mat: {' '.join(str(error).split())[:150]}") from None
    except Exception as error:  # damage ends in many classes
        raise ValueError(f"{file} can't be read as a .mat: {' '.join(str(error).split())[:150]}") from None
    return {name: _of_cells(a) for name, a in found.items() if not name.startswith("__")}


def _of_cells(value: Any) -> np.ndarray:
    """An array of MATLAB; cells of equal arrays (classes, stimuli, 2), a recording each, become one array."""
    array = np.asarray(value)
    if array.dtype != object:
        return array
    cells = [np.asarray(cell) for cell in array.ravel()]
    if not cells or any(c.ndim != 3 or c.shape != cells[0].shape or c.dtype.kind not in "biuf" for c in cells):
        return np.zeros(0)
    return np.stack(cells, axis=2)


def _long(
    table: Table, adapter: float, probability: float | None, halfwidth: float | None, period: float | None
) -> Tuning:
    columns = _columns(table)
    problems: list[str] = []
    labels = table.text(columns["condition"])
    condition = np.array([condition_of(label) or "" for label in labels])
    for row in np.flatnonzero(condition == ""):
        problems.append(
            f"{table.counts} {table.lines[row]}, column {columns['condition']}: {labels[row][:40]!r} is neither "
            "control nor adapted"
        )
    refuse(table.source, problems)
    wanted = {"stimulus": (columns["stimulus"], ANGLES), "response": (columns["response"], RATES)}
    wanted |= {"preferred": (columns["preferred"], ANGLES)} if "preferred" in columns else {}
    wanted |= {"p": (columns["p"], SHARES)} if "p" in columns else {}
    numbers = table.numbers(wanted, way_out="")
    neuron = table.text(columns["neuron"])
    owner = table.text(columns["recording"]) if "recording" in columns else np.full(neuron.size, "1", dtype=object)
    stimuli = np.unique(numbers.values["stimulus"])
    made: dict[str, list[Any]] = {name: [] for name in ("control", "adapted", "p0", "p1", "preferred", "neurons")}
    recordings = list(dict.fromkeys(owner))
    repeats = 0
    for name in recordings:
        inside = owner == name
        own = list(dict.fromkeys(neuron[inside]))
        where = {n: i for i, n in enumerate(own)}
        for which in ("control", "adapted"):
            rows = np.flatnonzero(inside & (condition == which))
            if not rows.size:
                raise ValueError(f"{table.source}: recording {name} has no rows of condition {which}")
            at = np.array([where[n] for n in neuron[rows]])
            column = np.searchsorted(stimuli, numbers.values["stimulus"][rows])
            count = np.zeros((len(own), stimuli.size))
            total = np.zeros_like(count)
            np.add.at(count, (at, column), 1)
            np.add.at(total, (at, column), numbers.values["response"][rows])
            repeats += int((count > 1).sum())
            if (count == 0).any():
                i, j = np.argwhere(count == 0)[0]
                raise ValueError(
                    f"{table.source}: every neuron must have a response to every stimulus in both conditions; "
                    f"{int((count == 0).sum())} are missing, the first: recording {name}, neuron {own[i]}, {which}, "
                    f"stimulus {stimuli[j]:g}"
                )
            made[which].append(total / count)
            key = "p0" if which == "control" else "p1"
            made[key].append(_of_column("p", columns, numbers, rows, column, stimuli.size, table, name))
        rows = np.flatnonzero(inside)
        at = np.array([where[n] for n in neuron[rows]])
        made["preferred"].append(_of_column("preferred", columns, numbers, rows, at, len(own), table, name))
        made["neurons"].append(own)
    pairs = [
        _ensembles(stimuli, first, second, adapter, probability, halfwidth, period)
        for first, second in zip(made["p0"], made["p1"], strict=True)
    ]
    decided = list(table.decided)
    decided += [f"{name} from {column}" for name, column in numbers.read_from.items() if name != column]
    decided += [f"{repeats} cells with several responses averaged"] if repeats else []
    return tuning_of(
        made["control"], made["adapted"], stimuli, [p for p, _ in pairs], [p for _, p in pairs],
        preferred=made["preferred"] if "preferred" in columns else None, names=recordings, neurons=made["neurons"],
        adapter=adapter, period=period, decided=tuple(decided),
    )  # fmt: skip


def _of_column(
    name: str,
    columns: dict[str, str],
    numbers: Any,
    rows: np.ndarray,
    at: np.ndarray,
    size: int,
    table: Table,
    who: str,
) -> np.ndarray | None:
    """What a column gives for each stimulus or neuron; it must be the same in all rows of it."""
    if name not in columns:
        return None
    found = np.full(size, np.nan)
    for row, place in zip(rows, at, strict=True):
        value = numbers.values[name][row]
        if not np.isnan(found[place]) and not np.isclose(found[place], value):
            raise ValueError(
                f"{table.source}: {table.counts} {numbers.lines[row]}, column {columns[name]}: {value:g} differs from "
                f"{found[place]:g} in an earlier row of the same {'stimulus' if name == 'p' else 'neuron'} (recording "
                f"{who})"
            )
        found[place] = value
    return found


def _columns(table: Table) -> dict[str, str]:
    """Our name -> the column's."""
    found: dict[str, str] = {}
    unknown = []
    for name in table.names:
        word = re.split(r"[\s(\[/,]", name.strip().casefold())[0]
        if word in (*NEEDED, *OPTIONAL) and word not in found:
            found[word] = name
        else:
            unknown.append(name)
    missing = [name for name in NEEDED if name not in found]
    problems = [f"no column {', '.join(missing)}; there are {listed(table.names)}"] if missing else []
    if unknown:
        problems.append(
            f"unknown column{'s' if len(unknown) > 1 else ''} {listed(unknown)}; known are "
            f"{', '.join((*NEEDED, *OPTIONAL))}"
        )
    refuse(table.source, [*table.problems, *problems])
    return found
