"""``symplast hlop``: good, odd and wrong input."""

import json

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from commanding import caller

from symplast.cli.hlop import app
from symplast.hlop.activity_files import best_share, read_activity
from symplast.hlop.oja import check_stable

call = caller(app)


@pytest.fixture
def table(tmp_path):
    X = np.random.default_rng(0).standard_normal((640, 6)) * np.array([3.0, 2.0, 1.0, 0.1, 0.1, 0.1]) + 0.5
    np.save(tmp_path / "x.npy", X)
    return tmp_path / "x.npy"


def test_the_subspace_is_nearly_the_best(table, tmp_path):
    rows = tmp_path / "rows.npy"
    found = json.loads(call("subspace", table, "--rows", 3, "--epochs", 2, "--save", rows, "--json").stdout)
    assert found["of_best"] > 0.98
    assert found["best_share"] == pytest.approx(best_share(np.load(table), 3))
    assert (found["features"], found["examples"]) == (6, 640)
    assert np.load(rows).shape == (3, 6)


def test_names_and_spiking_neurons_from_a_text_table(table, tmp_path):
    text = tmp_path / "x.csv"
    np.savetxt(text, np.load(table), delimiter=",", header="a,b,c,d,e,f", comments="")
    assert read_activity(text) == pytest.approx(np.load(table))
    said = call("subspace", text, "--rows", 3, "--levels", 40, "--centre").stdout
    assert "of the second moment" in said
    assert "clipped" in said


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "empty"), ("1,2\n3,x\n", "line 2, column 2: x is not a number"), ("1,2\n3,\n", "line 2, column 2 is empty"),
     ("1,2\n", "two examples"), ("0,0\n0,0\n", "zeros only")],
)  # fmt: skip
def test_tables_that_are_none(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_activity(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rows", 7], "--rows must be at most the 6 features"),
        (["--batch", 0], "--batch"),
        (["--save", "rows.txt"], "must end in .npy"),
        (["--save", "nowhere/rows.npy"], "a folder that exists"),
        (["--lr", 50], "--lr=50 is too large"),
        (["--rows", 0], "--rows must be at least 1"),
        (["--seed", -1], "--seed at least 0"),
    ],
)
def test_wrong_options_are_told(table, options, message):
    with pytest.raises(ValueError, match=message):
        call("subspace", table, *options)


def test_an_index_column_and_an_integer_header_are_no_activity(table, tmp_path):
    X = np.load(table)
    frame = pd.DataFrame(X)
    frame.to_csv(tmp_path / "both.csv")
    frame.to_csv(tmp_path / "header.csv", index=False)
    frame.to_csv(tmp_path / "index.csv", header=False)
    frame.to_csv(tmp_path / "comma.csv", sep=";", decimal=",")
    for name in ("both", "header", "index", "comma"):
        np.testing.assert_array_equal(read_activity(tmp_path / f"{name}.csv"), X)
    said = call("subspace", tmp_path / "both.csv", "--rows", 2).stderr
    assert "both.csv: 640 rows read; line 1 taken for a header" in said
    assert "first column taken for an index and left out" in said
    kept = read_activity(tmp_path / "index.csv", index=False)
    assert kept.shape == (640, 7)


def test_learning_rates_of_activity_beyond_floats_are_not_nan():
    with pytest.raises(ValueError, match="not finite or beyond 32-bit floats"):
        check_stable(jnp.full((2, 3), jnp.nan), jnp.full((2, 3), jnp.inf), 0.1, "lr")


def test_wrong_files_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        read_activity(tmp_path / "nowhere.npy")
    np.save(tmp_path / "text.npy", np.array(["a"]))
    with pytest.raises(ValueError, match="numbers"):
        read_activity(tmp_path / "text.npy")
    (tmp_path / "junk.npy").write_text("junk")
    with pytest.raises(ValueError, match="must be an array of activity that numpy"):
        read_activity(tmp_path / "junk.npy")
    (tmp_path / "ragged.csv").write_text("1,2\n1,2,3\n")
    with pytest.raises(ValueError, match=r"line 2 has 3 cells, most rows 2|line 1 has 2 cells, most rows 3"):
        read_activity(tmp_path / "ragged.csv")
    (tmp_path / "x.xlsx").write_text("")
    with pytest.raises(ValueError, match=r"a file that ends in \.npy, \.csv, \.tsv"):
        read_activity(tmp_path / "x.xlsx")


@pytest.mark.parametrize(
    ("values", "message"), [(np.full((9, 3), 2.0), "after centring"), (np.eye(3) * 1e25, "32-bit floats")]
)
def test_activity_beyond_single_floats_is_told(tmp_path, values, message):
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(ValueError, match=message):
        call("subspace", tmp_path / "x.npy", "--centre")
