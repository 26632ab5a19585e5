"""The commands: good, odd and wrong input."""

import json

import numpy as np
import pandas as pd
import pytest
from commanding import caller

from symplast.cli.bilateral import app

call = caller(app)
TRIALS = "start_x,start_y,goal_x,goal_y\n0.1,0.4,0.2,0.4\n0.0,0.4,-0.2,0.5\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A controller trained by the command on a table, in two calls; and what was said."""
    folder = tmp_path_factory.mktemp("arm")
    (folder / "trials.csv").write_text(TRIALS)
    (folder / "arm.toml").write_text("[skeleton]\nm2 = 1.5\n")
    options = ["--task", folder / "trials.csv", "--arm", folder / "arm.toml", "--units", 4, "--steps", 6, "--seeds", 2]
    options += ["--exchange", "maxpool", "--batch", 2, "--out", folder / "arm.ctrl"]
    first = call("train", *options, "--updates", 100)
    second = call("train", *options, "--updates", 200, "--figure", folder / "curves.svg", "--json")
    return folder, options, first, second


def test_train_and_go_on(trained):
    folder, options, first, second = trained
    assert "distance to the target at the end" in first.stdout
    assert "2 trials, 2 an update; tested on the same trials" in first.stderr
    record = json.loads(second.stdout)
    assert "going on after 100 updates" in second.stderr
    assert (record["model"], record["updates"]) == ("specialised+CC", 200)
    assert np.shape(record["loss"]) == (200, 2)
    assert {row["metric"] for row in record["metrics"]} >= {"dist_end", "effort", "jerk"}
    assert (folder / "curves.svg").read_text().startswith("<?xml")
    with pytest.raises(ValueError, match=r"holds another training \(batch 2 there, 1 here"):
        call("train", *options[:-2], "--batch", 1, *options[-2:])


def test_interrupted_is_as_uninterrupted(trained, tmp_path):
    folder, options, *_ = trained
    call("train", *options[:-1], tmp_path / "whole.ctrl", "--updates", 200)
    with np.load(folder / "arm.ctrl") as one, np.load(tmp_path / "whole.ctrl") as two:
        assert np.array_equal(one["loss"], two["loss"])
        assert np.array_equal(one["controller.left.0.kernel"], two["controller.left.0.kernel"])


def test_evaluate(trained, tmp_path):
    folder, *_ = trained
    files = ["--paths", tmp_path / "p.csv", "--csv", tmp_path / "t.csv", "--figure", tmp_path / "f.png"]
    done = call("evaluate", folder / "arm.ctrl", "--lesion", "lowleft,cc", *files, "--json")
    record = json.loads(done.stdout)
    assert {row["lesion"] for row in record["table"]} == {"intact", "lowleft", "cc"}
    paths = pd.read_csv(tmp_path / "p.csv")
    assert list(paths.columns[:8]) == ["seed", "lesion", "trial", "t", "x", "y", "vx", "vy"]
    assert len(paths) == 2 * 3 * 2 * 7
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    assert len(pd.read_csv(tmp_path / "t.csv")) == len(record["table"])
    measured = call("measure", tmp_path / "p.csv", "--by", "lesion", "--pair", "seed", "--json")
    own = {row["metric"]: row for row in json.loads(measured.stdout)["table"] if row["group"] == "intact"}
    said = {row["metric"]: row for row in record["table"] if row["lesion"] == "intact"}
    assert own["path"]["mean"] == pytest.approx(said["path"]["mean"], rel=1e-4)
    assert "lowleft" in call("test", folder / "arm.ctrl", "--task", folder / "trials.csv", "--lesion", "all").stdout


def test_show(trained, tmp_path):
    folder, *_ = trained
    call(
        "show", folder / "arm.ctrl", "--figure", tmp_path / "m.svg", "--animation", tmp_path / "m.gif", "--lesion", "cc"
    )
    assert (tmp_path / "m.gif").read_bytes().startswith(b"GIF8")
    assert "speed (m/s)" in (tmp_path / "m.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--out", "a.npz"], "--out must end in .ctrl"),
        (["train", "--out", "a.ctrl", "--model", "left"], "--model must be one of specialised"),
        (["train", "--out", "a.ctrl", "--model", "D", "--exchange", "maxpool"], "--exchange needs two hemispheres"),
        (["train", "--out", "a.ctrl", "--exchange", "mean"], "--exchange must be one of none, maxpool"),
        (["train", "--out", "a.ctrl", "--units", 9], "--units must be even"),
        (["train", "--out", "a.ctrl", "--seeds", 0], "--seeds must be at least 1"),
        (["train", "--out", "a.ctrl", "--dominant", "pos=5"], "--dominant must be weights of pos_l1"),
        (["train", "--out", "a.ctrl", "--dominant", "pos_l1=-5"], "--dominant: pos_l1 must be a number of at least 0"),
        (["train", "--out", "a.ctrl", "--non-dominant", "rate=1"], "--non-dominant must have a weight above 0"),
        (["train", "--out", "a.ctrl", "--variant", "mine"], "--variant must be one of intended"),
        (["train", "--out", "a.ctrl", "--task", "throw"], "--task must be reach, hold, centre-out or a table"),
        (["train", "--out", "a.ctrl", "--space", "both"], "--space must be joint or hand"),
        (["train", "--out", "a.ctrl", "--task", "hold", "--load", -1], "--load must be a number of newtons"),
        (["train", "--out", "a.ctrl", "--lr", 0], "--lr must be a positive number"),
        (["test", "none.ctrl"], "no file none.ctrl"),
        (["show", "none.ctrl"], "--figure or --animation must be given"),
        (["measure", "none.csv"], "no file none.csv"),
        (["measure", "none.csv", "--pair", "subject"], "--pair needs --by"),
    ],
)
def test_wrong_options(arguments, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        call(*arguments)


def test_wrong_files(trained, tmp_path):
    folder, *_ = trained
    with pytest.raises(ValueError, match="--lesion must be among intact, lowleft"):
        call("test", folder / "arm.ctrl", "--lesion", "left")
    with pytest.raises(ValueError, match=r"--seed-shown must be in \[1, 2\]"):
        call("show", folder / "arm.ctrl", "--seed-shown", 3, "--figure", tmp_path / "m.svg")
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    (tmp_path / "other.npz").rename(tmp_path / "other.ctrl")
    with pytest.raises(ValueError, match="lacks plan, training, loss"):
        call("test", tmp_path / "other.ctrl")
    whole = (folder / "arm.ctrl").read_bytes()
    (tmp_path / "half.ctrl").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="can't be read as one"):
        call("test", tmp_path / "half.ctrl")
