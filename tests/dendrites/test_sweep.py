"""Sweeps: labels, medians, the published threshold figure."""

import io

import numpy as np
import pandas as pd
import pytest

from symplast.dendrites import DendriticSegment, sweep, threshold_range

FIG_6 = {
    "n": range(10_000, 190_001, 20_000),
    "activity": np.arange(1, 7) / 200,
    "s": range(20, 51, 5),
    "theta": range(3, 25),
}
MEDIANS = """1.8157e-02 2.2278e-03 2.1017e-04 1.5754e-05 9.5978e-07 4.8341e-08 2.0406e-09 7.4003e-11 2.4929e-12
7.6313e-14 2.0474e-15 4.8801e-17 1.0327e-18 1.9511e-20 3.2754e-22 4.9014e-24 5.3206e-26 4.1123e-28 2.6759e-30 2.9118e-32
2.9031e-34 2.6020e-36"""


def test_published_medians():
    grid = sweep(**FIG_6)
    assert grid.log_fp.size == 9240
    medians = grid.median(over=["n", "activity", "s"]).values
    assert medians == pytest.approx([float(m) for m in MEDIANS.split()], rel=5e-5)


def test_threshold_range_of_both_grids():
    large = threshold_range(sweep(**FIG_6), 1e-9)
    assert large.theta_low == 10
    assert large.fraction.sel(theta=[9, 10, 12, 13, 14]).values == pytest.approx(
        [0.452, 0.600, 0.905, 0.976, 1.0], abs=6e-4
    )
    small = threshold_range(sweep(**{**FIG_6, "n": [1000, 5000, 9000, 13_000, 17_000]}), 1e-9)
    assert small.theta_low == 10
    assert small.median.sel(theta=[9, 10]).values == pytest.approx([1.3535e-9, 4.7995e-11], rel=5e-5)
    assert threshold_range(sweep(n=100, a=50, s=10, theta=[3, 4]), 1e-9).theta_low is None


def test_entries_are_those_of_single_segments():
    grid = sweep(n=[500, 900], a=[10, 40], s=[5, 12], theta=[0, 3, 6, 13])
    assert grid.log_fp.dims == ("n", "a", "s", "theta")
    for n in (500, 900):
        for theta in (0, 3, 6, 13):
            expected = DendriticSegment(n, 40, 12, theta).fp()
            assert grid.fp.sel(n=n, a=40, s=12, theta=theta).item() == pytest.approx(float(expected), rel=1e-13)


def test_activity_rounds_to_whole_cells():
    grid = sweep(n=[1000, 1500], activity=[0.005, 0.0301], s=5, theta=2)
    assert grid.log_fp.a.values.tolist() == [[5, 30], [8, 45]]  # 7.5 rounds to even


def test_median_of_logs_does_not_underflow_and_matches_numpy():
    grid = sweep(n=[500, 700, 900], a=[20, 30], s=[15], theta=[4, 5])
    np.testing.assert_allclose(grid.median(over=["n", "a"]).values, np.median(grid.fp.values, axis=(0, 1)), rtol=1e-13)
    assert grid.median(over="n").dims == ("a", "s", "theta")


def test_csv_holds_every_combination(tmp_path):
    grid = sweep(n=[1000], activity=[0.02, 0.04], s=[10, 20], theta=[5])
    text = grid.to_csv()
    table = pd.read_csv(io.StringIO(text))
    assert table.columns.tolist() == ["n", "activity", "a", "s", "theta", "fp", "log10_fp"]
    assert len(table) == 4
    assert table["a"].tolist() == [20, 20, 40, 40]
    assert np.log10(table["fp"]).values == pytest.approx(table["log10_fp"].values)
    grid.to_csv(tmp_path / "sweep.csv")
    assert (tmp_path / "sweep.csv").read_text() == text


def test_all_thresholds_by_default():
    assert sweep(n=100, a=10, s=[3, 5]).log_fp.theta.values.tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 100, "s": 5}, "exactly one of a"),
        ({"n": 100, "s": 5, "a": 3, "activity": 0.1}, "exactly one of a"),
        ({"n": [100, 50], "s": 5, "a": [3, 60]}, "a must be at most n=50"),
        ({"n": [], "s": 5, "a": 3}, "n must hold at least one value"),
        ({"n": range(5000, 9000), "s": range(1, 2000), "a": 3000}, "split it over n"),
        ({"n": 100, "s": 5, "activity": 1.5}, "activity must be a probability"),
        ({"n": 100, "s": [[5]], "a": 3}, "s must hold at least one value in one dimension"),
    ],
)
def test_wrong_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        sweep(**arguments)


def test_wrong_questions_of_a_grid():
    grid = sweep(n=100, a=10, s=5)
    with pytest.raises(ValueError, match="over must name dimensions"):
        grid.median(over="activity")
    with pytest.raises(ValueError, match="fp_max must be a probability"):
        threshold_range(grid, 1.0)
