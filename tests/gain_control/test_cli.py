"""``symplast gain-control``: good, odd and wrong input."""

import json

import numpy as np
import pandas as pd
import pytest
from commanding import caller
from scipy.io import savemat

from symplast.cli.gain_control import app
from symplast.gain_control import grid
from symplast.gain_control.population import tuned_drive

from .test_measures import synthetic

call = caller(app)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def curves(here):
    tuning = synthetic(2, noise=0.02)
    rows = [
        (r.name, neuron, s, which, R[i, j], r.preferred[i])
        for r in tuning.recordings
        for which, R in (("control", r.control), ("adapted", r.adapted))
        for i, neuron in enumerate(r.neurons)
        for j, s in enumerate(tuning.stimuli)
    ]
    names = ["recording", "neuron", "stimulus", "condition", "response", "preferred"]
    frame = pd.DataFrame(rows, columns=names)
    frame.to_csv("curves.csv", index=False)
    return frame


@pytest.fixture
def drive(here):
    s = grid(30)
    F = 25 * tuned_drive(grid(20), s, 3.0, 0.1)
    frame = pd.DataFrame(F, columns=[f"{x:g}" for x in s])
    frame.insert(0, "cell", [f"c{i}" for i in range(20)])
    frame.to_csv("drive.csv", index=False)
    frame.drop(columns="cell").to_csv("numbers.csv", index=False)
    np.savez("drive.npz", drive=F, stimuli=s, weights=np.zeros((20, 20)), p1=np.full(30, 1 / 30))
    return frame


def test_adapt(drive, here):
    options = ("--probability", 0.35, "--picture", "a.svg", "--table", "a.csv")
    record = json.loads(call("adapt", "drive.csv", *options, "--json").stdout)
    assert record["summary"]["amp_at_adapter"] < 0.9 < record["summary"]["amp_far"]
    assert len(record["gains"]["adapted"]) == 20
    assert record["reconstruction"]
    table = pd.read_csv("a.csv")
    assert table.neuron.tolist() == drive.cell.tolist()
    assert table.gain1.min() < table.gain0.min()
    assert (here / "a.svg").read_text().startswith("<?xml")
    text = call("adapt", "drive.csv", "--probability", 0.35, "--gain-site", "total", "--activity", "l1").stdout
    assert "reconstruction" in text
    flat = json.loads(call("adapt", "drive.npz", "--nonneg", "--json").stdout)
    assert flat["summary"]["repulsion_max"] == pytest.approx(0, abs=1e-9)


def test_measure(curves, here):
    options = ("--probability", 0.35, "--picture", "m.png", "--table", "m.csv")
    record = json.loads(call("measure", "curves.csv", *options, "--json").stdout)
    assert record["over"] == "recordings"
    assert record["estimates"]["amp_ratio_near"]["value"] < 1
    assert len(pd.read_csv("m.csv")) == 24
    one = curves[curves.recording == "1"].drop(columns="recording")
    one = one.rename(columns={"stimulus": "stimulus (rad)", "response": "response (spikes/s)"})
    one["stimulus (rad)"] = np.radians(one["stimulus (rad)"])
    one.condition = one.condition.map({"control": "before", "adapted": "after"})
    pd.concat([one, one]).to_csv("odd.csv", index=False, sep=";", decimal=",")
    result = call("measure", "odd.csv", "--probability", 0.35)
    assert "over neurons" in result.stdout
    assert "averaged" in result.stderr


def test_fit(curves, here):
    result = call(
        "fit", "curves.csv", "--probability", 0.35, "--resamples", 3, "--picture", "f.svg", "--table", "f.csv"
    )
    assert "without recurrence" in result.stdout
    assert "intervals hold given this model" in " ".join(result.stdout.split())
    assert pd.read_csv("f.csv").parameter.tolist() == ["kappa_f", "b", "w_e", "kappa_e", "alpha", "gamma"]
    record = json.loads(call("fit", "curves.csv", "--probability", 0.35, "--resamples", 2, "--json").stdout)
    assert record["gain_over_no_recurrence"]["over"] == "neurons"


def test_arrays(here):
    tuning = synthetic(2)
    ends = [np.concatenate([R, R[:, :1]], axis=1) for r in tuning.recordings for R in (r.control, r.adapted)]
    arr = np.stack([np.stack(ends[::2], axis=2), np.stack(ends[1::2], axis=2)], axis=-1)
    arr = np.concatenate([arr, arr[:1]])  # 13 classes, both ends of the axis
    np.save("arr.npy", arr)
    np.savez("arr.npz", tuning=arr, probabilities=[35.0, 50.0])
    cells = np.empty((2, 1), dtype=object)
    for i in range(2):
        cells[i, 0] = arr[:, :, i]
    savemat("arr.mat", {"resps": cells})
    whole = json.loads(call("measure", "arr.npy", "--probability", 0.35, "--json").stdout)
    assert json.loads(call("measure", "arr.mat", "--probability", 0.35, "--json").stdout) == whole
    assert json.loads(call("measure", "arr.npz", "--json").stdout)["estimates"] != whole["estimates"]
    big = np.tile(arr, (1, 1, 6, 1))[:, :, :11]
    np.save("v1.npy", big)
    assert "reference code" in call("measure", "v1.npy").stderr


def test_whiten(here):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(4000, 3)) @ rng.normal(size=(3, 3)) + 7).astype(np.float32)
    np.save("x.npy", X)
    options = ("--to", "y.npy", "--gains", "g.npz", "--picture", "w.svg", "--epochs", 10, "--frame", "grassmannian")
    record = json.loads(call("whiten", "x.npy", *options, "--json").stdout)
    assert record["error_after"] < 0.1 * record["error_before"]
    Y = np.load("y.npy")
    assert Y.dtype == np.float32
    with np.load("g.npz") as g:
        assert pytest.approx((X - g["mean"]) @ g["matrix"], abs=1e-3) == Y
    pd.DataFrame(X[:500].astype(float), columns=list("abc")).to_csv("x.csv", index=False)
    text = call("whiten", "x.csv", "--how", "closed", "--table", "y.csv", "--frame", "grassmannian").stdout
    assert "closed" in text
    assert np.cov(pd.read_csv("y.csv").T, bias=True) == pytest.approx(np.eye(3), abs=1e-8)
    assert "in part" in call("whiten", "x.csv", "--how", "offline", "--interneurons", 2).stdout
    np.save("f.npy", np.eye(3))
    assert json.loads(call("whiten", "x.npy", "--frame", "f.npy", "--json").stdout)["flag"] == "partial"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("adapt", "drive.csv"), "--probability of the adapter is needed"),
        (("adapt", "drive.csv", "--probability", 35), "--probability must lie strictly between 0 and 1"),
        (("adapt", "drive.csv", "--probability", 0.3, "--halfwidth", 200), "--halfwidth"),
        (("adapt", "drive.csv", "--probability", 0.3, "--activity", "l7"), "--activity must be l2 or l1"),
        (("adapt", "drive.csv", "--probability", 0.3, "--recurrence", 1.2), "scaled by less than 0.833333"),
        (("adapt", "drive.csv", "--probability", 0.3, "--recurrence", -1), "--recurrence must be"),
        (("adapt", "drive.csv", "--probability", 0.3, "--alpha", -1), "--alpha must be"),
        (("adapt", "drive.csv", "--probability", 0.3, "--period", 90), "stimuli must span less"),
        (("adapt", "drive.csv", "--probability", 0.3, "--gain-site", "total", "--nonneg"), "--nonneg goes with"),
        (("adapt", "drive.npz", "--probability", 0.3), "--probability must be left out"),
        (("adapt", "drive.csv", "--probability", 0.3, "--picture", "a.pdf"), "--picture must end in"),
        (("adapt", "curves.csv", "--probability", 0.3), "names of columns must be the stimuli"),
        (("measure", "curves.csv"), "--probability of the adapter is needed"),
        (("measure", "drive.csv", "--probability", 0.3), "no column neuron, stimulus, condition, response"),
        (("measure", "none.csv", "--probability", 0.3), "no file"),
        (("measure", "curves.csv", "--probability", 0.3, "--period", -1), "--period must be above 0"),
        (("fit", "curves.csv", "--probability", 0.3, "--resamples", 1), "--resamples must be at least 2"),
        (("fit", "curves.csv", "--probability", 0.3, "--period", 0), "must be a number to fit"),
        (("whiten", "drive.csv", "--how", "fast"), "--how must be"),
        (("whiten", "numbers.csv", "--frame", "best"), "--frame must be"),
        (("whiten", "drive.csv", "--to", "drive.npy", "--batch", 0), "--batch must be at least 1"),
    ],
)
def test_wrong_input(drive, curves, arguments, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        call(*arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f[f.condition == "control"], "recording 1 has no rows of condition adapted"),
        (lambda f: f.assign(extra=1), "unknown column extra; known are neuron"),
        (lambda f: f.drop(index=5), "1 are missing, the first: recording 1, neuron 1, control, stimulus"),
        (lambda f: f.assign(response=f.response.where(f.index != 3)), "1 row without a number .line 5"),
        (
            lambda f: f.assign(condition=f.condition.replace("adapted", "later")),
            "'later' is neither control nor adapted",
        ),
        (lambda f: f.assign(preferred=f.preferred + (f.index == 7)), "line 9, column preferred"),
        (lambda f: f.assign(p=0.3), "not both"),
        (lambda f: f[(f.stimulus > -20) & (f.stimulus < 15)], "stimuli must be at least 5"),
    ],
)
def test_wrong_tables(curves, change, message):
    change(curves).to_csv("bad.csv", index=False)
    with pytest.raises(ValueError, match=message):
        call("measure", "bad.csv", "--probability", 0.35)
