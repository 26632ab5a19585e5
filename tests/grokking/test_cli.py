"""The commands: good, odd and wrong input."""

import json

import numpy as np
import pandas as pd
import pytest
from commanding import caller

from symplast.cli.grokking import app

call = caller(app)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network trained by the command, and what it said."""
    folder = tmp_path_factory.mktemp("net")
    options = ["--p", 7, "--width", 64, "--activation", "square", "--lr", "1e-3", "--steps", 300]
    files = ["--save", folder / "net.npz", "--first", folder / "first.npz", "--out", folder / "out"]
    done = call("train", *options, *files, "--json")
    return folder, done


def test_train_says_what_happened(trained):
    folder, done = trained
    record = json.loads(done.stdout)
    assert record["history"]["train_acc"][-1] == 1.0
    assert record["stages"]["fitted"] is not None
    assert record["network"]["neurons"] == 64
    assert "step 300" in done.stderr
    assert {path.name for path in (folder / "out").iterdir()} == {"history.csv", "history.svg", "decoding.svg"}


def test_decode(trained, tmp_path):
    folder, _ = trained
    done = call("decode", folder / "net.npz", "--activation", "square", "--out", tmp_path, "--json")
    record = json.loads(done.stdout)
    assert (record["p"], record["accuracy"], sum(record["counts"])) == (7, 1.0, 64)
    assert record["phase_lock"]["mean_abs_sin_D"] < 0.2
    table = pd.read_csv(tmp_path / "neurons.csv")
    assert len(table) == 64
    assert {"frequency", "share", "alpha", "beta", "phi", "psi", "D", "ipr_in"} <= set(table)
    assert (tmp_path / "decoding.svg").exists()
    text = call("decode", folder / "net.npz", "--activation", "square").stdout
    assert "phase lock: mean abs sin D" in text


def test_an_embedding_alone(trained, tmp_path):
    np.save(tmp_path / "embedding.npy", np.random.default_rng(0).normal(size=(9, 16)))
    record = json.loads(call("decode", tmp_path / "embedding.npy", "--rows", "0:7", "--json").stdout)
    assert record["p"] == 7
    assert "phase_lock" not in record


def test_predict(trained, tmp_path):
    folder, _ = trained
    done = call("predict", folder / "first.npz", "--final", folder / "net.npz", "--out", tmp_path, "--json")
    record = json.loads(done.stdout)
    assert record["hits"]["T"]["value"] > record["chance"]
    assert len(record["neurons"]) == 64
    assert {"winners.csv", "lottery.svg"} == {path.name for path in tmp_path.iterdir()}
    assert "median lead" in call("predict", folder / "first.npz").stdout


def test_stages_of_a_history(trained, tmp_path):
    folder, _ = trained
    record = json.loads(call("stages", folder / "out" / "history.csv", "--json").stdout)
    assert record["memorised"] is not None
    (tmp_path / "odd.csv").write_text("step;train_acc;test_acc\n0;0,1;0\n10;1,0;0,7\n20;1,0;1,0\n")
    done = call("stages", tmp_path / "odd.csv", "--out", tmp_path / "pictures", "--mirrored-share", 0.7)
    assert "stage II (generalisation) ends: step 20" in done.stdout
    assert (tmp_path / "pictures" / "stages.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--p", 8], "--p must be odd"),
        (["train", "--width", 0], "--width must be a whole number"),
        (["train", "--steps", 0], "--steps must be a whole number"),
        (["train", "--optimizer", "adam"], "--optimizer must be one of adamw, sgd"),
        (["train", "--lr", -1], "--lr must be a positive number"),
        (["train", "--frac-train", 2], "--frac-train must be a number in"),
        (["train", "--op", "mul"], "--op must be one of add"),
        (["train", "--activation", "step"], "--activation must be one of relu"),
        (["train", "--save", "net.pth"], "--save must end in .npz"),
        (["decode", "none.npz"], "no file none.npz"),
        (["stages", "none.csv"], "no file none.csv"),
    ],
)
def test_wrong_options(arguments, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        call(*arguments)


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"a": np.ones((8, 7)), "b": np.ones((8, 7))}, [], "--input must name the input weights"),
        ({"a": np.ones((9, 7)), "b": np.ones((9, 7))}, ["--input", "a", "--output", "b"], "--p must be given"),
        ({"a": np.ones((8, 7))}, ["--rows", "1-7"], "--rows must be two whole numbers"),
        ({"a": np.ones((8, 7))}, ["--activation", "step"], "--activation must be one of"),
    ],
)
def test_files_that_can_not_be_told_apart(tmp_path, arrays, options, message):
    np.savez(tmp_path / "net.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        call("decode", tmp_path / "net.npz", *options)


def test_histories_that_are_none(tmp_path):
    (tmp_path / "h.csv").write_text("epoch,acc\n1,0.5\n")
    with pytest.raises(ValueError, match="must have the columns step and train_acc; it lacks"):
        call("stages", tmp_path / "h.csv")
    (tmp_path / "p.csv").write_text("step,train_acc\n0,0.1\n1,98\n")
    with pytest.raises(ValueError, match="a share, not per cent"):
        call("stages", tmp_path / "p.csv")


def test_one_layer_is_not_enough_to_predict(tmp_path):
    np.savez(tmp_path / "net.npz", a=np.ones((8, 7)))
    with pytest.raises(ValueError, match="--output must name the output weights"):
        call("predict", tmp_path / "net.npz")
