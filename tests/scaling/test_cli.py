"""The commands on good, odd and wrong tables: output, exit codes, one-line errors."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from symplast.cli.scaling import app
from symplast.scaling import SURFACES, simulate_isoflop

RUNS = simulate_isoflop(SURFACES["chinchilla"], np.logspace(18, 21, 4), 7, 0.7, noise_std=0.005, seed=1)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "runs.csv"
    pd.DataFrame({"params": RUNS.N, "tokens": RUNS.D, "loss": RUNS.L, "budget": RUNS.C}).to_csv(path, index=False)
    return path


def call(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("method", ["vp", "a3", "a2"])
def test_fit_tells_machines_and_people(table: Path, method: str) -> None:
    done = call("fit", table, "--method", method, "--target", "1e23", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["n"] == RUNS.n
    assert told["optimum"]["C"] == 1e23
    assert told["parameters"]["a"] == pytest.approx(SURFACES["chinchilla"].a, abs=0.05)
    if method != "a2":
        assert "sum over runs" in told["definition"]
    shown = call("fit", table, "--method", method)
    assert "best split of" in shown.stdout


def test_audit_writes_a_page(table: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = call("audit", table, "--target", "1e23", "--resamples", 50, "--out", page, "--json", "--peak", "989e12")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [row["name"] for row in told["estimators"]][1] == "Approach 2"
    assert told["price"]["peak"] == 989e12
    assert len(told["left_out"]) == 4
    html = page.read_text()
    assert html.count("<svg") == 2
    assert "http://" not in html.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    assert "What it says" in html
    shown = call("audit", table, "--resamples", 50, "--out", tmp_path / "page.png")
    assert "Variable" in shown.stdout
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_design_from_exponents_and_from_a_table(table: Path) -> None:
    told = json.loads(call("design", "--alpha", 0.34, "--beta", 0.28, "--json").stdout)
    assert told["k"] == pytest.approx(3.348, abs=1e-3)
    assert json.loads(call("design", "--alpha", 0.3, "--beta", 0.3, "--json").stdout)["k"] is None
    assert "any width" in call("design", "--alpha", 0.3, "--beta", 0.3).stdout
    assert "±16x" in call("design", table).stdout


def test_columns_and_rows_can_be_named(tmp_path: Path) -> None:
    frame = pd.DataFrame({"size": RUNS.N, "seen": RUNS.D, "train/loss": RUNS.L, "eval/loss": RUNS.L + 1, "kind": "a"})
    frame = pd.concat([frame, frame.assign(kind="b", size=1.0)])
    frame.to_parquet(tmp_path / "runs.parquet")
    path = tmp_path / "runs.parquet"
    named = ("--n-column", "size", "--d-column", "seen", "--loss-column", "train/loss", "--where", "kind=a")
    assert json.loads(call("fit", path, *named, "--json").stdout)["n"] == RUNS.n


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--where", "budget"), "--where must read COLUMN=VALUE"),
        (("--method", "ols"), "--method must be"),
        (("--n-column", "width"), "--n-column width names no column"),
        (("--max-exponent", "0.001"), "--max-exponent must be above 0.01"),
        (("--target", "-1"), "--target must be positive"),
    ],
)
def test_wrong_input_is_a_value_error(table: Path, arguments: tuple[str, ...], message: str) -> None:
    done = call("fit", table, *arguments)
    assert isinstance(done.exception, ValueError), done.output
    assert message in str(done.exception)


def test_other_wrong_calls(table: Path, tmp_path: Path) -> None:
    assert isinstance(call("fit", tmp_path / "absent.csv").exception, FileNotFoundError)
    assert "--out must end in" in str(call("audit", table, "--out", tmp_path / "x.pdf").exception)
    assert isinstance(call("audit", table, "--out", tmp_path / "no" / "x.html").exception, FileNotFoundError)
    assert "both --alpha and --beta" in str(call("design", "--alpha", 0.3).exception)
    assert "not both" in str(call("design", table, "--alpha", 0.3).exception)
    assert "--price must be positive" in str(call("audit", table, "--price", 0, "--out", tmp_path / "x.html").exception)


def test_doubts_go_to_stderr(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    pd.DataFrame({"N": RUNS.N, "D": RUNS.D, "L": RUNS.L, "C": 1.3 * RUNS.C}).to_csv(path, index=False)
    done = call("fit", path, "--json")
    assert "C is 1.3 to 1.3 times 6 N D" in done.stderr
    json.loads(done.stdout)


def test_reading_is_told_in_one_line_and_in_the_output(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    text = pd.DataFrame({"params (B)": RUNS.N / 1e9, "tokens": RUNS.D, "loss": RUNS.L}).to_csv(sep=";", decimal=",")
    path.write_text(text + "28;x;1e9;OOM\n".replace("x", "0,5"))
    failed = call("fit", path)
    assert "--drop-failed" in str(failed.exception)
    done = call("fit", path, "--drop-failed", "--json")
    assert json.loads(done.stdout)["read_from"]["N"] == "params (B), times 1e+09"
    said = [line for line in done.stderr.splitlines() if line.startswith("runs.csv: ")]
    assert said == [
        "runs.csv: 28 rows read; semicolons between cells; first column taken for an index and left out; "
        "decimal commas; 1 failed row dropped (line 30); N from params (B), times 1e+09; D from tokens; L from loss; "
        "C from 6 N D"
    ]


@pytest.mark.parametrize(("option", "value"), [("--level", 95), ("--mfu", 50), ("--resamples", 3), ("--seed", -1)])
def test_audit_refuses_before_it_reads(tmp_path: Path, option: str, value: int) -> None:
    done = call("audit", tmp_path / "absent.csv", option, value, "--out", tmp_path / "x.html")
    assert str(done.exception).startswith(option)
