"""Reading a user's table: guesses, overrides, and every rule that refuses or warns."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from symplast.scaling import (
    ScalingWarning,
    deadweight_loss,
    fit_approach1,
    fit_approach2,
    fit_surface,
    read_runs,
    run_table,
    simulate_isoflop,
)
from symplast.scaling.run_files import guess_columns
from symplast.scaling.surfaces import SURFACES
from symplast.scaling.tables import WIDEST_BUDGET, join_budgets

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
    with pytest.raises(ValueError, match=r"L .loss. could be any of loss, test_loss; say which with columns="):
        guess_columns(["loss", "test_loss", "n", "d"])
    with pytest.raises(ValueError, match=r"columns={'L': 'nll'} names no column .loss.; the table has loss"):
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
        ("params", 3, np.nan, "1 row without a number .row 4; in the first params is nan.: .* drop_failed=True"),
        ("tokens", 1, np.inf, "row 2; in the first tokens is inf"),
        ("tokens", 0, 0.0, "row 1, column tokens: D must be positive, got 0"),
        ("params", 2, -5.0, "row 3, column params: N must be positive, got -5"),
        ("val_loss", 4, -0.1, "L must be positive"),
    ],
)
def test_broken_values_are_named(column: str, row: int, value: float, message: str) -> None:
    frame = FRAME.copy()
    frame.loc[row, column] = value
    with pytest.raises(ValueError, match=message):
        read_runs(frame)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("N", np.nan, "N must hold finite numbers; drop those rows: row 3 is nan"),
        ("D", np.inf, "D must hold finite numbers"),
        ("D", 0.0, "D must hold positive: row 3 is 0.0"),
        ("N", -5.0, "N must hold positive"),
        ("L", -0.1, "L must hold positive"),
        ("D", 0.5, "D must be at least 1, it counts tokens one by one; got 0.5"),
    ],
)
def test_broken_values_of_arrays_are_named(column: str, value: float, message: str) -> None:
    columns = {"N": RUNS.N.copy(), "D": RUNS.D.copy(), "L": RUNS.L.copy()}
    columns[column][3] = value
    with pytest.raises(ValueError, match=message):
        run_table(**columns)


def test_masks_are_refused() -> None:
    with pytest.raises(ValueError, match="L must not be a masked array"):
        run_table(RUNS.N, RUNS.D, np.ma.array(RUNS.L, mask=np.arange(RUNS.n) == 3))


def test_text_and_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="N must be a column of numbers"):
        run_table(["small", "large"], [1.0, 2.0], [3.0, 3.0])
    with pytest.raises(ValueError, match="same length, one row a run; N has 2, D has 3, L has 2"):
        run_table([1.0, 2.0], [1.0, 2.0, 3.0], [3.0, 3.0])
    with pytest.raises(ValueError, match="one column with a value for each run, got shape"):
        run_table([], [], [])
    with pytest.raises(ValueError, match=r"got shape \(1, 2\)"):
        run_table([[1.0, 2.0]], [[1.0, 2.0]], [[3.0, 3.0]])


def test_compute_off_six_n_d_warns_with_the_factor() -> None:
    with pytest.warns(ScalingWarning, match=r"C is 1.2 to 1.2 times 6 N D \(median 1.2\)"):
        run_table(RUNS.N, RUNS.D, RUNS.L, 1.2 * RUNS.C)


def test_missing_columns_mixtures_and_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="found none for D among params, val_loss; name them"):
        read_runs(FRAME[["params", "val_loss"]])
    mixed = FRAME.assign(experiment=["x"] * 7 + ["y"] * 8)
    with pytest.raises(ValueError, match="mixes 2 experiments"):
        read_runs(mixed)
    assert read_runs(mixed, where={"experiment": "x"}).n == 7
    with pytest.raises(ValueError, match=r"where={'experiment': 'z'} keeps no row of the table; there are [xy], [xy]"):
        read_runs(mixed, where={"experiment": "z"})
    with pytest.raises(ValueError, match=r"where={'run': 'z'} names no column"):
        read_runs(mixed, where={"run": "z"})
    with pytest.raises(FileNotFoundError, match=r"no file .*absent\.csv"):
        read_runs(tmp_path / "absent.csv")
    odd = tmp_path / "runs.xls"
    odd.write_text("x")
    with pytest.raises(ValueError, match=r"a file that ends in \.csv, \.tsv, \.txt or \.parquet"):
        read_runs(odd)
    empty = tmp_path / "runs.csv"
    empty.write_text("params,tokens,loss\n")
    with pytest.raises(ValueError, match="has no rows"):
        read_runs(empty)
    (tmp_path / "broken.parquet").write_bytes(b"not parquet")
    with pytest.raises(ValueError, match="can't be read as a table of runs"):
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


def test_computes_of_six_n_d_make_the_same_budgets_with_and_without_their_column(tmp_path: Path) -> None:
    frame = FRAME[["params", "tokens", "val_loss"]]
    N, D = (np.repeat(frame[name], 2).to_numpy() * np.random.default_rng(0).uniform(0.9998, 1.0002, 2 * len(frame))
            for name in ("params", "tokens"))  # fmt: skip
    frame = pd.DataFrame({"params": N, "tokens": D, "loss": np.repeat(frame["val_loss"], 2).to_numpy()})
    given = read_runs(frame.assign(flops=6 * N * D))
    without_tokens = read_runs(frame.assign(flops=6 * N * D).drop(columns="tokens"))
    for runs in (given, read_runs(frame), without_tokens):
        assert runs.budgets == pytest.approx([1e18, 1e19, 1e20], rel=1e-3)
        np.testing.assert_array_equal(runs.C, given.C)
        np.testing.assert_allclose(runs.unjoined, 6 * N * D)
    exponents = [fit_approach2(N, D, given.L, C).allocation.a for C in (None, 6 * N * D, given.C)]
    assert exponents == pytest.approx([exponents[0]] * 3, abs=1e-12)
    assert fit_approach1(N, D, given.L, 6 * N * D).C.size == 3


@pytest.mark.parametrize(("models", "checkpoints"), [(12, 2000), (20, 4000)])
def test_checkpoints_of_whole_curves_keep_their_compute(models: int, checkpoints: int) -> None:
    truth = SURFACES["chinchilla"]
    N = np.repeat(np.logspace(7, 10, models), checkpoints)
    D = np.tile(np.geomspace(1e8, 1e11, checkpoints), models)
    runs = run_table(N, D, truth.loss(N, D))
    computed = 6 * N * D
    assert np.abs(runs.C / computed - 1).max() < WIDEST_BUDGET
    np.testing.assert_array_equal(runs.unjoined, computed)
    envelope = fit_approach1(runs, bins=60)
    np.testing.assert_array_equal(np.isin(envelope.C, computed), True)
    assert envelope.allocation.a == pytest.approx(fit_approach1(N, D, runs.L, computed, bins=60).allocation.a)


def test_budgets_that_are_given_stay_to_the_last_digit_and_are_found_nearby() -> None:
    C = np.array([1e18, 1e18, 3e18, 3e18, 1e19])
    np.testing.assert_array_equal(join_budgets(C), C)
    runs = RUNS
    assert runs.at(1.0004e18).sum() == 5
    assert runs.without_budget(np.nextafter(1e19, 2e19)).budgets.size == 2
    assert not runs.at(2e18).any()
    with pytest.raises(ValueError, match=r"budget must be one of the table's .1e.18, 1e.19, 1e.20 FLOP., got 2e.18"):
        runs.without_budget(2e18)


@pytest.mark.parametrize(
    ("names", "scale"),
    [
        (("params (B)", "tokens (B)", "val loss"), (1e9, 1e9)),
        (("N / 1e6", "tokens in billions", "loss"), (1e6, 1e9)),
        (("n_params_M", "train_tokens_B", "eval/loss (nats)"), (1e6, 1e9)),
    ],
)
def test_units_in_names_are_read_and_told(names: tuple[str, str, str], scale: tuple[float, float]) -> None:
    runs = read_runs(pd.DataFrame({names[0]: RUNS.N / scale[0], names[1]: RUNS.D / scale[1], names[2]: RUNS.L}))
    np.testing.assert_allclose(runs.N, RUNS.N)
    np.testing.assert_allclose(runs.D, RUNS.D)
    assert runs.read_from["N"] == f"{names[0]}, times {scale[0]:g}"
    assert runs.read_from["C"] == "6 N D"


@pytest.mark.parametrize(
    ("name", "unit"),
    [("compute (PF-days)", 8.64e19), ("PFLOP/s-days", 8.64e19), ("flops (1e18)", 1e18), ("EFLOPs", 1e18)],
)
def test_units_of_compute(name: str, unit: float) -> None:
    runs = read_runs(pd.DataFrame({"params": RUNS.N, name: RUNS.C / unit, "loss": RUNS.L}))
    np.testing.assert_allclose(runs.D, RUNS.D)


def test_units_in_cells() -> None:
    frame = pd.DataFrame(
        {"params": ["7B", "1.2B", "350 M"], "tokens": ["1.4T", "300 billion", "1e11"], "loss": [2, 3, 4]}
    )
    runs = read_runs(frame)
    assert runs.N.tolist() == [7e9, 1.2e9, 3.5e8]
    assert runs.D.tolist() == [1.4e12, 3e11, 1e11]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"params": RUNS.N / 1e9, "flops": RUNS.C}, "more than there are"),
        (
            {"params": 1e3 * RUNS.N / 1e9, "tokens": RUNS.D, "flops": RUNS.C},
            "C must be near 6 N D, but it is 1e.06 times",
        ),
        ({"params": RUNS.N, "tokens": RUNS.D / 1e3, "flops": RUNS.C}, "C must be near 6 N D, but it is 1e.03 times"),
        ({"params": RUNS.N / 1e9, "tokens": RUNS.D}, "N must be at least 1"),
        ({"params": RUNS.N, "tokens": RUNS.D / 1e12}, "D must be at least 1"),
        ({"params": 1e3 * RUNS.N / 1e9, "flops": RUNS.C}, "more than there are: N or C is in another unit"),
        ({"params": RUNS.N, "flops": RUNS.C / 8.64e19}, "D must be at least 1"),
        ({"params": RUNS.N, "gpu hours": RUNS.C}, "found none for D"),
        ({"params": RUNS.N, "tokens (GB)": RUNS.D}, "unit 'GB' isn't one of a count"),
    ],
)
def test_wrong_units_are_refused(columns: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_runs(pd.DataFrame({**columns, "loss": RUNS.L}))


def test_one_run_in_another_unit_is_found() -> None:
    D = RUNS.D.copy()
    D[3] /= 1e3
    with pytest.raises(ValueError, match=r"1e.03 times that in 1 of 15 rows"):
        run_table(RUNS.N, D, RUNS.L, RUNS.C)


def test_small_counts_are_asked_for_their_unit() -> None:
    frame = pd.DataFrame({"params": [7, 13, 70], "tokens": [140, 300, 1400], "loss": [2.5, 2.3, 2.1]})
    with pytest.warns(
        ScalingWarning,
        match=r"N is at most 70 parameters and D is at most 1.4e.03 tokens; if that is in millions or billions",
    ):
        read_runs(frame)


def test_failed_runs(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("params,tokens,loss\n7B,1T,2.5\n13B,1T,OOM\n70B,1T,2.1\n7B,2T,nan\n")
    with pytest.raises(ValueError, match=r"2 rows without a number \(lines 3, 5;"):
        read_runs(path)
    runs = read_runs(path, drop_failed=True)
    assert runs.n == 2
    assert "2 failed rows dropped (lines 3, 5)" in runs.reading


def test_tables_serve_in_the_place_of_columns() -> None:
    assert fit_surface(RUNS).surface == fit_surface(RUNS.N, RUNS.D, RUNS.L).surface
    assert fit_approach2(RUNS).allocation == fit_approach2(RUNS.N, RUNS.D, RUNS.L, RUNS.C).allocation
    for wrong in ((RUNS, RUNS.D, RUNS.L), (RUNS.N, RUNS.D)):
        with pytest.raises(ValueError, match="table of runs"):
            fit_surface(*wrong)


def test_objects_of_deadweight_loss() -> None:
    surface, split = fit_surface(RUNS), fit_approach2(RUNS)
    assert deadweight_loss(surface, split, 1e24) == deadweight_loss(surface.surface, split.allocation, 1e24)
    with pytest.raises(ValueError, match=r"surface must be a LossSurface .* got Approach2Fit; surface comes first"):
        deadweight_loss(split, surface, 1e24)
    with pytest.raises(ValueError, match=r"allocation must be an Allocation.* got RunTable"):
        deadweight_loss(surface, RUNS, 1e24)
    with pytest.raises(ValueError, match="C must be positive FLOP"):
        deadweight_loss(surface, split, -1)
