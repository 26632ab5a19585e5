"""Every reader of a user's files on a fixed corpus of messy and hostile ones.

Messy files hold a known table in some dialect: they give exactly its numbers. Broken ones are refused by a ValueError
or FileNotFoundError in one line, which is what commands end with; never by another error or with other numbers.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from symplast.bilateral import trial_files
from symplast.bilateral.recordings import read_movements
from symplast.brain_alignment.cases import read_cases
from symplast.cli import app, curl, devices, equilibrium, pspm
from symplast.devices.curve_files import read_curves
from symplast.gain_control.drive_files import read_drive
from symplast.gain_control.tuning_files import read_tuning
from symplast.hlop.activity_files import read_activity
from symplast.scaling import read_runs
from symplast.sym_stdp.network_files import read_examples, read_network
from symplast.visual_search import trial_files as search_files

N = [4e8, 1.25e9, 7e9, 7e10, 1.3e10]
D = [8e9, 2.5e10, 1.4e11, 1.4e12, 2.6e11]
L = [3.2501, 2.90625, 2.25, 1.9375, 2.1251]
HEADS = {
    "raw": ("params", "tokens"),
    "name": ("params (B)", "tokens in billions"),
    "cell": ("n_params", "train tokens"),
}


def number(value: float, decimal: str) -> str:
    return repr(value).replace(".", decimal) if value < 1e16 else f"{value:g}"


def counts(value: float, unit: str, decimal: str) -> str:
    if unit == "name":
        return number(value / 1e9, decimal)
    if unit == "cell":
        return f"{value / 1e9:g}B".replace(".", decimal)
    return f"{value:.0f}"


def dialects() -> Iterator[tuple[str, bytes]]:
    """A name and the bytes of the table in each dialect."""
    product = itertools.product(
        (",", ";", "\t", "|"), (".", ","), ("raw", "name", "cell"), ("", "index", "trailing"), ("plain", "odd")
    )
    for separator, decimal, unit, extra, dress in product:
        quoted = separator == "," and decimal == ","
        cells = [[*HEADS[unit], "loss"]]
        for n, d, loss in zip(N, D, L, strict=True):
            cells.append([counts(n, unit, decimal), counts(d, unit, decimal), number(loss, decimal)])
        if quoted:
            cells = [[f'"{cell}"' for cell in row] for row in cells]
        if extra == "index":
            cells = [[str(i - 1) if i else "", *row] for i, row in enumerate(cells)]
        lines = [separator.join(row) + (separator if extra == "trailing" else "") for row in cells]
        if dress == "odd":
            lines = ["# runs, of May; 2026", *lines[:3], "", "# the large ones", *lines[3:], separator * 2, ""]
        encoding, newline = ("utf-8-sig", "\r\n") if dress == "odd" else ("utf-8", "\n")
        encoding = "utf-16" if dress == "odd" and separator == "\t" else encoding
        yield (
            f"{SIGNS[separator]}-{SIGNS[decimal]}-{unit}-{extra or 'bare'}-{dress}",
            newline.join(lines).encode(encoding),
        )


SIGNS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", ".": "point"}


@pytest.mark.filterwarnings("ignore::symplast.scaling.ScalingWarning")
@pytest.mark.parametrize(("content"), [pytest.param(content, id=name) for name, content in dialects()])
def test_messy_files_give_exactly_their_numbers(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    runs = read_runs(path)
    np.testing.assert_allclose(runs.N, N, rtol=1e-15)
    np.testing.assert_allclose(runs.D, D, rtol=1e-15)
    np.testing.assert_array_equal(runs.L, L)


def damaged() -> Iterator[tuple[str, str, bool]]:
    """A name, the text of the table with one fault, and whether it must be refused."""
    for separator, (row, column) in itertools.product((",", ";", "\t"), itertools.product((1, 3, 5), range(3))):
        plain = [["params", "tokens", "loss"]]
        plain += [[f"{n:.0f}", f"{d:.0f}", repr(loss)] for n, d, loss in zip(N, D, L, strict=True)]
        faults: dict[str, Callable[[list[str]], list[str]]] = {
            "gone": lambda cells, c=column: cells[:c] + cells[c + 1 :],
            "empty": lambda cells, c=column: [*cells[:c], "", *cells[c + 1 :]],
            "twice": lambda cells, c=column: [*cells[: c + 1], *cells[c:]],
            "word": lambda cells, c=column: [*cells[:c], "n.a. (see log)", *cells[c + 1 :]],
            "negative": lambda cells, c=column: [*cells[:c], "-" + cells[c], *cells[c + 1 :]],
            "date": lambda cells, c=column: [*cells[:c], "2026-05-17", *cells[c + 1 :]],
            "failed": lambda cells, c=column: [*cells[:c], "OOM", *cells[c + 1 :]],
        }
        for fault, change in faults.items():
            cells = [change(line) if i == row else line for i, line in enumerate(plain)]
            text = "\n".join(separator.join(line) for line in cells)
            yield f"{SIGNS[separator]}-{fault}-{row}-{column}", text, True


@pytest.mark.filterwarnings("ignore::symplast.scaling.ScalingWarning")
@pytest.mark.parametrize(("text", "refused"), [pytest.param(*rest, id=name) for name, *rest in damaged()])
def test_one_fault_is_refused_with_its_line(text: str, refused: bool, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"line \d") as error:
        read_runs(path)
    bad = next(i for i, line in enumerate(text.splitlines(), 1) if line not in GOOD)
    assert f"line {bad}" in str(error.value)
    assert "\n" not in str(error.value)


GOOD = {
    separator.join(cells)
    for separator in (",", ";", "\t")
    for cells in [
        ["params", "tokens", "loss"],
        *([f"{n:.0f}", f"{d:.0f}", repr(x)] for n, d, x in zip(N, D, L, strict=True)),
    ]
}

HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n\n  \n",
    "nul": b"params,tokens,loss\n\x00\x00\n",
    "binary": bytes(range(256)) * 4,
    "png": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "zip": b"PK\x03\x04" + bytes(60),
    "utf-16 cut": "params,tokens,loss\n1,2,3\n".encode("utf-16")[:-1],
    "utf-32": "params,tokens,loss\n".encode("utf-32"),
    "latin-1": "params,tokens,loss\nén,é,ü\n".encode("latin-1"),
    "open quote": b'params,tokens,loss\n"7e9,1e11,2.5\n7e9,1e11,2.5\n',
    "quote in cell": b'params,tokens,loss\n7"e9"x,1e11,2.5\n',
    "header only": b"params,tokens,loss\n",
    "numbers only": b"1e9,2e10\n",
    "one cell": b"7",
    "one word": b"loss",
    "comments only": b"# a\n# b\n",
    "separators only": b",,,\n,,,\n",
    "two headers": b"params,tokens,loss\nparams,tokens,loss\n",
    "same name twice": b"params,tokens,loss,loss\n7e9,1e11,2.5,2.6\n",
    "many columns": b"x," * 200_000 + b"x\n",
    "many short rows": b"params,tokens,loss\n" + b"7e9,1e11\n" * 2000,
    "long line": b"params,tokens,loss\n" + b"x" * 300_000,
    "long number": b"params,tokens,loss\n" + b"9" * 5000 + b",1e11,2.5\n",
    "deep quotes": b"params,tokens,loss\n" + b'"' * 9999 + b"\n",
    "infinite": b"params,tokens,loss\ninf,1e11,2.5\n",
    "huge": b"params,tokens,loss\n1e400,1e11,2.5\n",
    "tiny": b"params,tokens,loss\n1e-400,1e11,2.5\n",
    "zero": b"params,tokens,loss\n0,1e11,2.5\n",
    "all failed": b"params,tokens,loss\nnan,nan,nan\n",
    "hexadecimal": b"params,tokens,loss\n0x10,1e11,2.5\n",
    "formula": b"params,tokens,loss\n=1+1,1e11,2.5\n",
    "html": b"<html><body><table><tr><td>7</td></tr></table></body></html>",
    "json": b'{"params": [7e9], "tokens": [1e11], "loss": [2.5]}',
    "escape": b"params,tokens,lo\x1b[31mss\n7e9,1e11,2.5\n",
    "markup": b"[/bold],[red],[/]\n7e9,1e11,2.5\n",
    "ambiguous": b"params\ttokens\tloss\n1,234\t5,678\t2.5\n",
    "mixed marks": b"params;tokens;loss\n1.234;5,678;2.5\n",
    "wrong unit": b"params (GB),tokens,loss\n7,1e11,2.5\n",
    "two units": b"params (B),tokens,loss\n7M,1e11,2.5\n",
    "swapped": b"params,tokens,flops,loss\n7,140,5.88e21,2.5\n",
    "surrogates": "params,tokens,loss\n\u202e7e9,1e11,2.5\n".encode(),
    "preamble": b"a\nb\nc\n" * 50,
    "one column": b"params\n7e9\n8e9\n",
}  # fmt: skip

READERS: dict[str, Callable[[Path], object]] = {
    "runs": read_runs,
    "activity": read_activity,
    "curves": read_curves,
    "tuning": read_tuning,
    "drive": read_drive,
    "movements": read_movements,
    "trials of an arm": trial_files.read_trials,
    "trials of search": search_files.read_trials,
    "tasks of search": search_files.read_tasks,
    "scanpaths": search_files.read_scanpaths,
    "regions": lambda path: search_files.read_regions(path, (20, 20)),
    "cases": read_cases,
}
MAY_READ = {("activity", "one column"), ("activity", "swapped"), ("activity", "numbers only")}
IN_ALL_FORMS = ("runs", "activity", "curves")
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".csv.gz")


def one_line(error: BaseException) -> bool:
    text = str(error)
    return "\n" not in text and "\x1b" not in text and len(text) < 4000


@pytest.mark.filterwarnings("ignore::symplast.scaling.ScalingWarning")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tables_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    for suffix, (reader, read) in itertools.product(SUFFIXES, READERS.items()):
        if suffix != ".csv" and reader not in IN_ALL_FORMS:
            continue
        path = tmp_path / f"x{suffix}"
        path.write_bytes(HOSTILE[name])
        try:
            read(path)
        except (ValueError, FileNotFoundError) as error:
            assert one_line(error), error  # noqa: PT017
        else:
            assert (reader, name) in MAY_READ, (reader, name, suffix)


def call(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        assert isinstance(result.exception, ValueError | FileNotFoundError), repr(result.exception)
        assert one_line(result.exception), result.exception
    return result


ON_TABLES = (("scaling", "fit"), ("scaling", "audit"), ("scaling", "design"), ("dendrites", "check"),
             ("hlop", "subspace"),
             ("devices", "fit"), ("gain-control", "measure"), ("bilateral", "measure"), ("visual-search", "batch"),
             ("visual-search", "scanpaths"))  # fmt: skip
ON_ARRAYS = (("curl", "tolerate"), ("equilibrium", "bias"), ("pspm", "fit"), ("sym-stdp", "train"))


@pytest.mark.parametrize("command", ON_TABLES, ids="-".join)
def test_commands_refuse_hostile_tables(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in HOSTILE.items():
        if (command[0] if command[0] != "hlop" else "activity", name) in MAY_READ:
            continue
        path = tmp_path / "x.csv"
        path.write_bytes(content)
        assert call(*command, path).exit_code != 0, name
    assert call(*command, tmp_path).exit_code != 0
    assert call(*command, tmp_path / "absent.csv").exit_code != 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.csv"]


def hostile_arrays(folder: Path) -> Iterator[Path]:
    """Archives that lie, are cut, or hold something else."""
    good = {"W1": np.ones((3, 4)), "W2": np.ones((2, 3)), "spikes": np.zeros((9, 3)), "inhibitory": np.zeros(3),
            "w1": np.ones((3, 4)), "x": np.ones((2, 4)), "y": np.zeros(2), "X": np.ones((2, 4))}  # fmt: skip
    np.savez(folder / "good.npz", **good)
    whole = (folder / "good.npz").read_bytes()
    for i, place in enumerate(range(0, len(whole), len(whole) // 60)):
        broken = bytearray(whole)
        broken[place] ^= 0xFF
        (folder / f"flip{i}.npz").write_bytes(broken)
        yield folder / f"flip{i}.npz"
    for i, name in enumerate(("empty", "png", "zip", "binary", "json")):
        (folder / f"junk{i}.npz").write_bytes(HOSTILE[name])
        yield folder / f"junk{i}.npz"
    odd = (np.array("text"), np.ones(3, complex), np.full((3, 4), np.nan), np.zeros((0, 0)), np.ones((2, 2, 2, 2)))
    for i, array in enumerate(odd):
        np.savez(folder / f"odd{i}.npz", **dict.fromkeys(good, array))
        yield folder / f"odd{i}.npz"


READERS_OF_ARRAYS: dict[str, Callable[[Path], object]] = {
    "curl": lambda path: curl._read_net(path, "tanh"),
    "equilibrium": lambda path: equilibrium._read(path, "shifted-sigmoid", None),
    "pspm": pspm._read,
    "devices": lambda path: devices._task(str(path)),
    "sym_stdp examples": read_examples,
    "sym_stdp network": read_network,
}


@pytest.mark.parametrize("reader", READERS_OF_ARRAYS)
def test_hostile_arrays_are_refused_in_one_line(reader: str, tmp_path: Path) -> None:
    refused = 0
    for path in hostile_arrays(tmp_path):
        try:
            READERS_OF_ARRAYS[reader](path)
        except (ValueError, FileNotFoundError) as error:
            assert one_line(error), error  # noqa: PT017
            refused += 1
        else:
            assert path.name.startswith(("flip", "odd")), path.name
    assert refused > 15


@pytest.mark.parametrize("command", ON_ARRAYS, ids="-".join)
def test_commands_refuse_broken_arrays(command: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    for content in (b"", HOSTILE["zip"], HOSTILE["binary"]):
        path.write_bytes(content)
        assert call(*command, path).exit_code != 0
    assert call(*command, tmp_path).exit_code != 0


def test_patterns_and_activity_in_every_dialect(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    patterns = (rng.random((20, 40)).argsort(axis=1) < 6).astype(int)
    for separator, index, suffix in itertools.product((",", ";", "\t", " "), (False, True), (".csv", ".txt")):
        rows = [separator.join(map(str, ([i] if index else []) + row.tolist())) for i, row in enumerate(patterns)]
        path = tmp_path / f"patterns{suffix}"
        path.write_text("# recorded on a Monday\n" + "\n".join(rows) + "\n")
        np.testing.assert_array_equal(read_activity(path), patterns)
        told = json.loads(call("dendrites", "check", path, "--json").stdout)
        assert (told["patterns"], told["n"], told["a_mean"]) == (20, 40, 6)
