"""``symplast dendrites``: good, odd and wrong input."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from commanding import caller

from symplast.cli.dendrites import _counts, app
from symplast.dendrites import DendriticSegment, union_fp

BUDGET = ["--n", "20000", "--a", "400", "--fp", "1e-6", "--noise", "0.3", "--fn", "1e-6"]


call = caller(app)


def test_design_takes_1e6_as_a_count(tmp_path):
    record = json.loads(call("design", *BUDGET, "--patterns", "1e6", "--json").stdout)
    assert (record["s"], record["theta"], record["patterns"], record["verified"]) == (37, 13, 1_000_000, True)
    assert record["fp"] == pytest.approx(1.556867e-07, rel=1e-6)
    text = call("design", *BUDGET, "--patterns", "1000000", "--pareto", tmp_path / "designs.csv").stdout
    assert "s = 37 synapses, theta = 13" in text
    table = pd.read_csv(tmp_path / "designs.csv")
    assert table.columns.tolist() == ["s", "theta", "fp", "fn"]
    assert table.s.tolist() == [point["s"] for point in record["pareto"]]


def test_design_finds_the_number_of_patterns():
    options = ["--objective", "max_patterns", "--max-synapses", 37]
    record = json.loads(call("design", *BUDGET, *options, "--json").stdout)
    assert record["patterns"] > 1_000_000


def test_sweep_prints_csv_or_json_or_writes(tmp_path):
    options = ["--n", "1000:3000:1000", "--activity", "0.02,0.04", "--s", "20", "--theta", "12"]
    printed = call("sweep", *options).stdout
    table = pd.read_csv(io.StringIO(printed))
    assert table.n.tolist() == [1000, 1000, 2000, 2000, 3000, 3000]
    assert table.fp[0] == pytest.approx(float(DendriticSegment(1000, 20, 20, 12).fp()))
    records = json.loads(call("sweep", *options, "--json").stdout)
    assert [r["a"] for r in records] == table.a.tolist()
    assert call("sweep", *options, "--csv", tmp_path / "sweep.csv").stdout == ""
    assert (tmp_path / "sweep.csv").read_text() == printed


def test_json_has_no_infinity():
    records = json.loads(call("sweep", "--n", 100, "--a", 5, "--s", 10, "--theta", "5,6", "--json").stdout)
    assert records[1]["fp"] == 0
    assert records[1]["log10_fp"] is None


def test_union_lists_sizes_and_errors():
    options = ["--n", "2e4", "--a", 100, "--s", 25, "--theta", 15]
    rows = json.loads(call("union", *options, "--patterns", "1,4:10:6", "--json").stdout)
    assert [row["patterns"] for row in rows] == [1, 4, 10]
    assert rows[2]["synapses"] == pytest.approx(248.598427, abs=1e-6)
    assert rows[2]["fp"] == pytest.approx(float(union_fp(DendriticSegment(20_000, 100, 25, 15), 10)))
    assert "248.6" in call("union", *options, "--patterns", "10").stdout


@pytest.fixture
def patterns():
    return np.random.default_rng(0).random((50, 100)).argsort(axis=1) < 5


@pytest.mark.parametrize("form", ["npy", "csv", "txt"])
def test_check_reads_patterns(patterns, form, tmp_path):
    path = tmp_path / f"patterns.{form}"
    if form == "npy":
        np.save(path, patterns)
    else:
        np.savetxt(path, patterns.astype(int), fmt="%d", delimiter="," if form == "csv" else " ")
    record = json.loads(call("check", path, "--json").stdout)
    assert (record["patterns"], record["n"], record["correlated"]) == (50, 100, False)
    assert "50 patterns of 100 cells" in call("check", path).stdout


def test_check_warns_of_correlated_patterns(patterns, tmp_path):
    patterns[:25, :10] = True
    np.save(tmp_path / "correlated.npy", patterns)
    result = call("check", tmp_path / "correlated.npy", "--json")
    assert json.loads(result.stdout)["correlated"]
    assert "overlap more than independent random ones" in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ragged.csv", "0,1\n1\n", "line 2 has 1 cell, most rows 2"),
        ("words.csv", "a,b\n", "binary patterns"),
        ("empty.txt", "", "is empty; give binary patterns"),
        ("junk.npy", "junk", "binary patterns"),
        ("fractions.csv", "0.5,1\n1,0\n", "must be binary"),
        ("one.csv", "0,1\n", "must hold 2 to 4000 patterns"),
    ],
)
def test_check_names_what_is_wrong_with_a_file(name, content, message, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        call("check", tmp_path / name)


def test_check_reads_cells_as_they_stand(tmp_path, patterns):
    text = "\n".join(";".join(f"{cell:d},0" for cell in row) for row in patterns)
    (tmp_path / "commas.csv").write_text(text)
    record = json.loads(call("check", tmp_path / "commas.csv", "--json").stdout)
    assert (record["patterns"], record["n"]) == (50, 100)
    (tmp_path / "gap.csv").write_text("0,1,1,0\n0,,1,1\n1,1,0,0\n")
    with pytest.raises(ValueError, match="line 2, column 2 is empty"):
        call("check", tmp_path / "gap.csv")
    (tmp_path / "index.csv").write_text(
        "\n".join(f"{i},{line}" for i, line in enumerate(text.replace(",0", "").replace(";", ",").split("\n")))
    )
    assert json.loads(call("check", tmp_path / "index.csv", "--json").stdout)["n"] == 100


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*give an array of binary patterns"):
        call("check", tmp_path / "none.npy")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["design", *BUDGET], "patterns must be given"),
        (["design", *BUDGET, "--patterns", "0.5"], "patterns must be a whole number"),
        (["design", *BUDGET, "--patterns", "1e6", "--n", "300"], "--a must be at most --n=300"),
        (["sweep", "--n", "10", "--s", "5"], "exactly one of --a"),
        (["sweep", "--n", "10:5", "--s", "5", "--a", "2"], "--n must have ranges that rise"),
        (["sweep", "--n", "1:2:0", "--s", "5", "--a", "2"], "step >= 1"),
        (["sweep", "--n", "ten", "--s", "5", "--a", "2"], "--n must be counts or ranges"),
        (["sweep", "--n", "1:1e9", "--s", "5", "--a", "2"], "at most 1,000,000 values"),
        (["sweep", "--n", "10", "--s", "5", "--activity", "x"], "--activity must be numbers"),
        (
            ["union", "--n", "10", "--a", "2", "--s", "3", "--theta", "1", "--patterns", "0"],
            "--patterns must be a whole number",
        ),
    ],
)
def test_wrong_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        call(*arguments)


@pytest.mark.parametrize(
    ("text", "counts"),
    [("5", [5]), ("1e3,2", [1000, 2]), ("1:3", [1, 2, 3]), ("10:25:5,7", [10, 15, 20, 25, 7]), ("4:4", [4])],
)
def test_ranges_include_their_ends(text, counts):
    assert _counts(text, "--n") == counts
