"""Reading a user's table: guesses, overrides, and every rule that refuses or warns."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from symplast.scaling import ScalingWarning, fit_surface, read_runs, run_table, simulate_isoflop
from symplast.scaling.surfaces import SURFACES
from symplast.scaling.tables import guess_columns, join_budgets

RUNS = simulate_isoflop(SURFACES["chinchilla"], [1e18, 1e19, 1e20], 5, 0.6)
FRAME = pd.DataFrame({"params": RUNS.N, "tokens": RUNS.D, "val_loss": RUNS.L, "budget": RUNS.C})


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["N", "D", "L", "C"], {"N": "N", "D": "D", "L": "L", "C": "C"}),
        (["n_params", "train_tokens", "eval/loss"], {"N": "n_params", "D": "train_tokens", "L": "eval/loss"}),
        (["Model Size", "Training FLOP", "loss"], {"N": "Model Size", "C": "Training FLOP", "L": "loss"}),
        (["seed", "width"], {}),
    ],
)
def test_columns_are_guessed(names: list[str], expected: dict[str, str]) -> None:
    assert guess_columns(names) == expected


def test_given_columns_win() -> None:
    assert guess_columns(["loss", "test_loss", "n", "d"], {"L": "test_loss"})["L"] == "test_loss"
    with pytest.raises(ValueError, match="L could be any of loss, test_loss; say which with columns="):
        guess_columns(["loss", "test_loss", "n", "d"])
    with pytest.raises(ValueError, match="columns says L is 'nll', but the table has loss"):
        guess_columns(["loss"], {"L": "nll"})
    with pytest.raises(ValueError, match="columns must name N, D, L or C, got 'X'"):
        guess_columns(["loss"], {"X": "loss"})


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".parquet"])
def test_files_round_trip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"runs{suffix}"
    if suffix == ".parquet":
        FRAME.to_parquet(path)
    else:
        FRAME.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    runs = read_runs(path)
    np.testing.assert_allclose(runs.L, RUNS.L, rtol=1e-15)
    assert runs.budgets == pytest.approx([1e18, 1e19, 1e20])
    assert runs.source == path.name


def test_tokens_from_compute_and_compute_from_tokens() -> None:
    no_tokens = read_runs(FRAME.drop(columns="tokens"))
    np.testing.assert_allclose(no_tokens.D, RUNS.D, rtol=1e-12)
    no_budget = read_runs(FRAME.drop(columns="budget"))
    assert not no_budget.nominal
    np.testing.assert_allclose(no_budget.budgets, [1e18, 1e19, 1e20], rtol=1e-12)


def test_budgets_are_joined_within_a_tenth_of_a_percent() -> None:
    C = np.array([1e18, 1.0005e18, 2e18, 1e19])
    assert np.unique(join_budgets(C)).size == 3


def test_read_only_pandas_columns_work() -> None:
    N = pd.Series(RUNS.N)
    N.to_numpy().flags.writeable = False
    values = RUNS.L.copy()
    values.flags.writeable = False
    fit = fit_surface(N, pd.Series(RUNS.D), values)
    assert fit.surface.alpha == pytest.approx(0.34, abs=1e-9)


@pytest.mark.parametrize(
    ("column", "row", "value", "message"),
    [
        ("params", 3, np.nan, "N must hold finite numbers; drop those rows: row 3 is nan"),
        ("tokens", 1, np.inf, "D must hold finite numbers"),
        ("tokens", 0, 0.0, "D must hold positive: row 0 is 0.0"),
        ("params", 2, -5.0, "N must hold positive"),
        ("val_loss", 4, -0.1, "L must hold positive"),
    ],
)
def test_broken_values_are_named(column: str, row: int, value: float, message: str) -> None:
    frame = FRAME.copy()
    frame.loc[row, column] = value
    with pytest.raises(ValueError, match=message):
        read_runs(frame)


def test_text_and_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="N must be a column of numbers"):
        run_table(["small", "large"], [1.0, 2.0], [3.0, 3.0])
    with pytest.raises(ValueError, match="same length, one row a run; N has 2, D has 3, L has 2"):
        run_table([1.0, 2.0], [1.0, 2.0, 3.0], [3.0, 3.0])
    with pytest.raises(ValueError, match="one column with a value for each run, got shape"):
        run_table([], [], [])
    with pytest.raises(ValueError, match="got shape \\(1, 2\\)"):
        run_table([[1.0, 2.0]], [[1.0, 2.0]], [[3.0, 3.0]])


def test_compute_off_six_n_d_warns_with_the_factor() -> None:
    with pytest.warns(ScalingWarning, match="C is 1.2 to 1.2 times 6 N D \\(median 1.2\\)"):
        run_table(RUNS.N, RUNS.D, RUNS.L, 1.2 * RUNS.C)


def test_missing_columns_mixtures_and_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="found none for D among params, val_loss; name them"):
        read_runs(FRAME[["params", "val_loss"]])
    mixed = FRAME.assign(experiment=["x"] * 7 + ["y"] * 8)
    with pytest.raises(ValueError, match="mixes 2 experiments"):
        read_runs(mixed)
    assert read_runs(mixed, where={"experiment": "x"}).n == 7
    with pytest.raises(ValueError, match="where experiment=z keeps no row of the table; there are x, y"):
        read_runs(mixed, where={"experiment": "z"})
    with pytest.raises(ValueError, match="where names column 'run'"):
        read_runs(mixed, where={"run": "z"})
    with pytest.raises(FileNotFoundError, match=r"no file .*absent\.csv"):
        read_runs(tmp_path / "absent.csv")
    odd = tmp_path / "runs.xls"
    odd.write_text("x")
    with pytest.raises(ValueError, match=r"must be \.csv, \.tsv or \.parquet"):
        read_runs(odd)
    empty = tmp_path / "runs.csv"
    empty.write_text("params,tokens,loss\n")
    with pytest.raises(ValueError, match="has no rows"):
        read_runs(empty)
    (tmp_path / "broken.parquet").write_bytes(b"not parquet")
    with pytest.raises(ValueError, match="can't be read as a table"):
        read_runs(tmp_path / "broken.parquet")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budgets": []}, "budgets must be a list"),
        ({"n_points": 0}, "n_points must be at least 1"),
        ({"half_width_log10": 0.0}, "half_width_log10 must be positive"),
        ({"center_scale": -1.0}, "center_scale must be a positive factor"),
        ({"noise_std": 0.1}, "noise needs a seed"),
    ],
)
def test_impossible_sweeps_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate_isoflop(SURFACES["soda"], **({"budgets": [1e18]} | options))
