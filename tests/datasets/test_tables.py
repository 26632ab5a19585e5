"""The reader of tables: every dialect gives the same numbers, what is doubtful is refused, nothing goes in silence."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from symplast.datasets.tables import read_table
from symplast.datasets.units import COUNTS, FLOP, NUMBERS

RUNS = {"N": ("params", COUNTS), "L": ("loss", NUMBERS)}
N, L = [7e9, 1.3e10, 7e10], [3.25, 3.125, 2.5]


def read(folder: Path, text: str | bytes, name: str = "runs.csv", wanted=RUNS, **options):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path).numbers(wanted, **options)


@pytest.mark.parametrize(
    "text",
    [
        "params,loss\n7e9,3.25\n1.3e10,3.125\n7e10,2.5\n",
        "\ufeffparams,loss\r\n7e9,3.25\r\n1.3e10,3.125\r\n7e10,2.5\r\n",
        "params;loss\n7e9;3,25\n13e9;3,125\n70e9;2,5\n",
        "params;loss\n7.000.000.000;3,25\n13.000.000.000;3,125\n70.000.000.000;2,5\n",
        'params,loss\n"7,000,000,000",3.25\n"13,000,000,000",3.125\n"70,000,000,000",2.5\n',
        "params\tloss\n7 000 000 000\t3.25\n13 000 000 000\t3.125\n70'000'000'000\t2.5\n",
        "params\tloss\n7\u00a0000\u00a0000\u00a0000\t3,25\n13\u202f000\u202f000\u202f000\t3,125\n70000000000\t2,5\n",
        "params | loss\n7B | 3.25\n13 b|3.125\n70 billion params|2.5\n",
        "params,loss,\n7B,3.25,\n13B,3.125,\n70B,2.5,\n",
        "params,loss\n7B,3.25,\n13B,3.125,\n70B,2.5,\n",
        ",params,loss\n0,7B,3.25\n4,13B,3.125\n9,70B,2.5\n",
        "params,loss\n0,7B,3.25\n1,13B,3.125\n2,70B,2.5\n",
        "Unnamed: 0,params,loss\n0,7B,3.25\n1,13B,3.125\n2,70B,2.5\n",
        "#,params,loss\n1,7B,3.25\n2,13B,3.125\n3,70B,2.5\n",
        "# params,loss\n7e9,3.25\n13e9,3.125\n70e9,2.5\n",
        "# runs, of May\nparams,loss\n# the first\n7B,3.25 # restarted, twice\n\n13B,3.125\n70B,2.5\n,\n",
        "Runs of May\nparams,loss\n7B,3.25\n13B,3.125\n70B,2.5\n",
        "params loss\n7e9 3.25\n13e9   3.125\n70e9 2.5\n",
        '"params","loss"\n"7B","3.25"\n"13B","3.125"\n"70B","2.5"\n',
        "params,loss\n7×10⁹,3.25\n1.3 x 10^10,3.125\n7*10**10,2.5\n",
        "params,loss,note\n7B,3.25,ok; \n13B,3.125,run #3\n70B,2.5,\"a, b\"\n",
    ],
)  # fmt: skip
def test_every_dialect_gives_the_same_numbers(text: str, tmp_path: Path) -> None:
    found = read(tmp_path, text)
    np.testing.assert_array_equal(found.values["N"], N)
    np.testing.assert_array_equal(found.values["L"], L)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    found = read(tmp_path, "params;loss;µ\n7B;3,25;1\n".encode(encoding))
    assert found.values["L"].tolist() == [3.25]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("params\tloss\n1,234\t2.5\n", "1,234 can be a decimal fraction or thousands"),
        ("params;loss\n1.234;2.5\n5,678;2.5\n", "5,678 can be a decimal fraction or thousands"),
        ("params,loss\n7B,2024-01-01\n", "line 2, column loss: 2024-01-01 is not a number"),
        ("params,loss\n7B,01.02.2024\n", "01.02.2024 is not a number"),
        ("params,loss\n7B,1e400\n", "larger than any number"),
        ("params,loss\n7B,1e-400\n", "not zero, but smaller than any number"),
        ("params,loss\n7B,10^-400\n", "is not a number"),
        ("params,loss\n7Q,1\n", "7Q is not a number with a unit of a count"),
        ("params,loss\n7GB,1\n", "7GB is not a number with a unit"),
        ("params,loss,loss\n7e9,1,2\n", "2 columns are named loss"),
        ("params,accuracy\n7e9,1\n", "no column is named loss; there are params, accuracy"),
        ("params,loss\n7B\n", "line 2 has 1 cell, the header 2"),
        ("params,loss\n7B,1,2\n8B,1\n", "line 2 has 3 cells, the header 2"),
        ('params,loss\n"7B,1\n8B,2\n', "quotes don't match"),
        ("params,loss\n7B,nan\n8B,OOM\n9B,1\n", "2 rows without a number .lines 2, 3; in the first loss is nan"),
        ("params,loss\n7B,\n9B,1\n", "loss is empty"),
        ("params,loss\n", "no rows"),
        ("", "is empty"),
        ("\x00\x01", "no text"),
        ("params\ta,loss\x1b[31m\n7B,3\n", "named loss"),
    ],
)
def test_what_is_doubtful_or_broken_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text)


def test_all_problems_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"5 problems: line 3 has 1 cell.*line 2, column params: x .*y .*nan") as error:
        read(tmp_path, "params,loss\nx,1\n7B\n8B,y\n9B,nan\n9B,z\n")
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"40 problems: .*; and 32 more"):
        read(tmp_path, "params,loss\n" + 40 * "7B,x\n")


def test_failed_runs_are_dropped_when_asked_for_and_counted(tmp_path: Path) -> None:
    text = "params,loss\n7B,3.25\n8B,OOM\n13B,3.125\n9B,nan\n70B,2.5\n,diverged\n"
    found = read(tmp_path, text, drop_failed=True)
    assert found.values["N"].tolist() == N
    assert "3 failed rows dropped (lines 3, 5, 7)" in found.said("runs.csv")
    with pytest.raises(ValueError, match="x is not a number"):  # not a mark of failure
        read(tmp_path, text + "8B,x\n", drop_failed=True)
    with pytest.raises(ValueError, match="all 1 rows failed"):
        read(tmp_path, "params,loss\n7B,nan\n", drop_failed=True)


def test_what_was_decided_is_one_line(tmp_path: Path) -> None:
    found = read(tmp_path, ";params (B);loss;\n0;7;3,25;\n1;13;3,125;\n", wanted={"N": ("params (B)", COUNTS)})
    assert found.said("runs.csv") == (
        "runs.csv: 2 rows read; semicolons between cells; empty cells at the ends of rows ignored; "
        "first column taken for an index and left out; N from params (B), times 1e+09"
    )


@pytest.mark.parametrize(
    ("name", "units", "factor"),
    [
        ("params (B)", COUNTS, 1e9), ("params [M]", COUNTS, 1e6), ("N / 1e6", COUNTS, 1e6), ("N/B", COUNTS, 1e9),
        ("tokens in billions", COUNTS, 1e9), ("num_params_B", COUNTS, 1e9), ("paramsM", COUNTS, 1e6),
        ("tokens, trillion", COUNTS, 1e12), ("size (1,000,000)", COUNTS, 1e6), ("params_in_millions", COUNTS, 1e6),
        ("n_params", COUNTS, 1), ("model_size", COUNTS, 1), ("params (non-embedding)", COUNTS, 1),
        ("run_10", COUNTS, 1), ("loss (nats)", NUMBERS, 1),
        ("compute (PF-days)", FLOP, 8.64e19), ("PFLOP/s-days", FLOP, 8.64e19), ("C (x10^18 FLOP)", FLOP, 1e18),
        ("flops (1e18)", FLOP, 1e18), ("compute, ZFLOP", FLOP, 1e21), ("eval/loss", NUMBERS, 1),
    ],
)  # fmt: skip
def test_units_in_names(name: str, units, factor: float, tmp_path: Path) -> None:
    assert (units.split(name).factor if units.split(name).unit else units.factor(name) or 1) == factor


@pytest.mark.parametrize("name", ["tokens (GiB)", "params (kB2)", "tokens / GB", "N (%)", "params (x)"])
def test_unknown_units_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="isn't one of a count"):
        COUNTS.split(name)


def test_units_of_name_and_cell_must_agree(tmp_path: Path) -> None:
    wanted = {"N": ("params (B)", COUNTS)}
    assert read(tmp_path, "params (B),x\n7B,1\n13,1\n", wanted=wanted).values["N"].tolist() == [7e9, 1.3e10]
    with pytest.raises(ValueError, match="70M has another unit than the column's name"):
        read(tmp_path, "params (B),x\n7,1\n70M,1\n", wanted=wanted)


def matrix(folder: Path, text: str, **options):
    (folder / "x.csv").write_text(text)
    return read_table(folder / "x.csv", header=options.pop("header", None), **options).matrix()


@pytest.mark.parametrize(
    "text",
    [
        ".1,.2,.3\n.3,.4,.5\n.5,.6,.7\n",
        "a,b,c\n.1,.2,.3\n.3,.4,.5\n.5,.6,.7\n",
        "0,1,2\n.1,.2,.3\n.3,.4,.5\n.5,.6,.7\n",
        ",0,1,2\n0,.1,.2,.3\n1,.3,.4,.5\n2,.5,.6,.7\n",
        "0,.1,.2,.3\n1,.3,.4,.5\n2,.5,.6,.7\n",
        ",a,b,c\nmon,.1,.2,.3\ntue,.3,.4,.5\nwed,.5,.6,.7\n",
        "# a b c\n.1 .2 .3\n.3 .4 .5\n.5 .6 .7\n",
        "0,1;0,2;0,3\n0,3;0,4;0,5\n0,5;0,6;0,7\n",
        ".1,.2,.3,\n.3,.4,.5,\n.5,.6,.7,\n",
    ],
)
def test_index_and_header_never_become_numbers(text: str, tmp_path: Path) -> None:
    found, _ = matrix(tmp_path, text)
    np.testing.assert_array_equal(found, [[0.1, 0.2, 0.3], [0.3, 0.4, 0.5], [0.5, 0.6, 0.7]])


def test_header_and_index_can_be_said(tmp_path: Path) -> None:
    text = "0,1,2\n1,.3,.4\n2,.4,.5\n"
    assert matrix(tmp_path, text)[0].shape == (2, 3)
    assert matrix(tmp_path, text, header=False)[0].shape == (3, 2)
    assert matrix(tmp_path, text, header=False, index=False)[0].shape == (3, 3)
    assert matrix(tmp_path, text, index=True)[0].shape == (2, 2)


def test_an_empty_cell_is_named_and_nothing_moves_left(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="3 problems: line 4 has 2 cells, most rows 3; line 2, column 2 is empty; line 3"
    ):
        matrix(tmp_path, "0,1,1\n0,,1\n1,1,nan\n1,0\n")


def test_a_million_columns_and_long_cells(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"1,000,001 columns, more than 100,000; give .npy or Parquet"):
        matrix(tmp_path, "1," * 1_000_000 + "1\n")
    with pytest.raises(ValueError, match="1 cell, the header 2"):
        read(tmp_path, "params,loss\n" + "x" * 1_000_000)
    with pytest.raises(ValueError, match="field larger than field limit"):
        read(tmp_path, 'params,loss\n"' + "x" * 1_000_000 + '",1')


def test_parquet_and_frames_keep_types_and_refuse_dates(tmp_path: Path) -> None:
    frame = pd.DataFrame({"params": pd.array([7, None, 13], dtype="Int64"), "loss": [1.5, 2.5, 3.5]})
    frame.to_parquet(tmp_path / "x.parquet")
    for table in (frame, tmp_path / "x.parquet"):
        with pytest.raises(ValueError, match=r"1 row without a number \(row 2"):
            read_table(table).numbers(RUNS)
        assert read_table(table).numbers(RUNS, drop_failed=True).values["N"].tolist() == [7, 13]
    for odd in (pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]), [True, False, True], [1j, 2j, 3j]):
        with pytest.raises(ValueError, match=r"3 problems: .*column loss: .* is not a number"):
            read_table(frame.assign(params=1, loss=odd)).numbers(RUNS)
    text = frame.assign(params=["7B", "8B", "9B"])
    assert read_table(text).numbers(RUNS).values["N"].tolist() == [7e9, 8e9, 9e9]


@pytest.mark.parametrize(
    ("name", "error"), [("x.xlsx", ValueError), ("folder.csv", ValueError), ("no.csv", FileNotFoundError)]
)
def test_other_files(name: str, error: type[Exception], tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"PK")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(error, match=r"give a table|must be a file that ends in"):
        read_table(tmp_path / name)
    for broken, content in (("x.parquet", b"junk"), ("x.csv.gz", b"junk")):
        (tmp_path / broken).write_bytes(content)
        with pytest.raises(ValueError, match="can't be"):
            read_table(tmp_path / broken)


def test_rows_by_text(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("device,G\nA,1\n B ,2\nA,3\n")
    table = read_table(tmp_path / "x.csv")
    assert table.text("device").tolist() == ["A", "B", "A"]
    assert table.where("device", "A").numbers({"G": ("G", NUMBERS)}).values["G"].tolist() == [1, 3]
    assert table.where("G", "2.0").lines.tolist() == [3]
