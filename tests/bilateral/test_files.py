"""Trials, recorded movements and controllers in files: good, odd and wrong."""

import numpy as np
import pandas as pd
import pytest

from symplast.bilateral import compare_groups, read_movements, read_trials

GOOD = "start_x,start_y,goal_x,goal_y\n0.1,0.4,0.2,0.4\n0.0,0.4,-0.2,0.5\n"


def write(folder, text, name="trials.csv"):
    path = folder / name
    path.write_text(text)
    return path


def test_trials_in_every_dress(tmp_path):
    plain = np.asarray(read_trials(write(tmp_path, GOOD)).inputs)
    assert np.allclose(plain[:, 2:4], [[0.2, 0.4], [-0.2, 0.5]])
    odd = "\ufeffgoal_x (cm);goal_y (cm);start_x (cm);start_y (cm);note\n20,0;40,0;10,0;40,0;a\n-20,0;50,0;0,0;40,0;b\n"
    assert np.allclose(read_trials(write(tmp_path, odd)).inputs, plain, atol=1e-6)
    angles = "q1_deg,q2_deg,goal_x,goal_y,load_x,load_y\n45,90,0.2,0.4,1,0\n60,80,-0.2,0.5,0,-2\n"
    found = np.asarray(read_trials(write(tmp_path, angles)).inputs)
    assert np.allclose(found[:, :2], np.deg2rad([[45, 90], [60, 80]]))
    assert found[:, 4:].tolist() == [[1, 0], [0, -2]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n2,3\n", "trials need columns .*; it lacks start_x, start_y, goal_x, goal_y"),
        ("q1_deg,start_x,start_y,goal_x,goal_y\n1,0.1,0.4,0.2,0.4\n1,0.1,0.4,0.3,0.4\n", "both of q1_deg and q2_deg"),
        (
            GOOD.replace("goal_y", "goal_y,load_x").replace("0.4\n", "0.4,1\n").replace("0.5\n", "0.5,1\n"),
            "both of load_x",
        ),
        (GOOD.replace("-0.2", "x"), "line 3, column goal_x: x is not a number"),
        (GOOD.replace("0.0,0.4", "0.9,0.4"), "hand must be .* m from the shoulder; trial 2"),
        ("q1_deg,q2_deg,goal_x,goal_y\n150,90,0.2,0.4\n60,80,-0.2,0.5\n", "q1 of trial 1 must be in"),
        ("start_x,start_y,goal_x,goal_y\n0.1,0.4,0.2,0.4\n", "at least two"),
    ],
)
def test_wrong_trials(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_trials(write(tmp_path, text))


def test_targets_out_of_reach_are_counted(tmp_path):
    with pytest.warns(UserWarning, match="1 of 2 targets can't be reached"):
        read_trials(write(tmp_path, GOOD.replace("-0.2,0.5", "-0.9,0.5")))


def movements(people=3, samples=21, jitter=0.0):
    """Two arms of each person; the left one ends 1 cm further from the target."""
    rows = []
    rng = np.random.default_rng(0)
    for person in range(people):
        for arm, miss in (("right", 0.01), ("left", 0.02)):
            t = np.linspace(0, 1, samples)
            x = (0.3 - miss - 0.001 * person) * t + jitter * rng.normal(size=samples)
            columns = {"trial": 1, "subject": f"p{person}", "arm": arm, "t": t, "x": x, "y": 0 * t}
            rows.append(pd.DataFrame({**columns, "goal_x": 0.3, "goal_y": 0.0}))
    return pd.concat(rows)


def test_recorded_movements_by_group():
    found = read_movements(movements(), "arm", "subject")
    assert len(found.table) == 6
    table = compare_groups(found, "arm", "subject").set_index(["group", "metric"])
    gap = table.loc[("left", "dist_end")]
    assert gap.difference == pytest.approx(0.0095, abs=6e-4)
    assert gap.difference_low == pytest.approx(gap.difference, abs=1e-9)
    assert table.loc[("right", "path")]["mean"] == pytest.approx(0.289)
    unpaired = compare_groups(found, "arm").set_index(["group", "metric"]).loc[("left", "dist_end")]
    assert unpaired.difference_low < gap.difference < unpaired.difference_high


def test_units_and_uneven_times():
    rows = movements(people=1)
    other = rows.rename(columns={"x": "x (cm)", "t": "t (ms)"}).assign(
        **{"x (cm)": 100 * rows.x, "t (ms)": 1000 * rows.t}
    )
    one, two = (read_movements(each, "arm").table for each in (rows, other))
    assert one.path.tolist() == pytest.approx(two.path.tolist())
    assert two.dt.tolist() == pytest.approx([0.05, 0.05])
    some = rows.iloc[np.r_[0:5, 6:21, 21:42]]  # a sample is missing
    assert read_movements(some, "arm").table.path.tolist() == pytest.approx(one.path.tolist(), rel=1e-6)


def test_without_targets_it_is_said():
    found = read_movements(movements().drop(columns=["goal_x", "goal_y"]), "arm", "subject")
    assert "dist_end" not in found.table
    assert "distances to targets are left out" in "; ".join(found.decided)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.drop(columns="t"), "movements need columns trial, t, x, y, arm, subject; it lacks t"),
        (lambda d: d.assign(t=d.t[::-1].values), "trial 1: its times must increase"),
        (lambda d: d.iloc[:3], "trial 1: it must have at least 4 samples, got 3"),
        (lambda d: d.assign(x=100 * d.x), "span .* m, more than 5 m: are they in metres"),
        (lambda d: d.assign(goal_x=d.t), "its target must be the same in all rows"),
        (lambda d: d.drop(columns="goal_y"), "both of goal_x and goal_y"),
        (lambda d: d.assign(x=np.nan), "without a number"),
    ],
)
def test_wrong_movements(change, message):
    with pytest.raises(ValueError, match=message):
        read_movements(change(movements()), "arm", "subject")


def test_a_person_without_one_arm():
    rows = movements()
    rows = rows[~((rows.subject == "p1") & (rows.arm == "left"))]
    with pytest.raises(ValueError, match="pair p1 must be in all groups"):
        compare_groups(read_movements(rows, "arm", "subject"), "arm", "subject")
