"""``symplast sym-stdp``: good, odd and wrong input."""

import json

import numpy as np
import pytest
from commanding import caller

from symplast import datasets
from symplast.cli.sym_stdp import app
from symplast.sym_stdp import SymSTDPClassifier

call = caller(app)


@pytest.fixture
def own(tmp_path):
    """Three patterns as rates, in a file."""
    path = tmp_path / "own.npz"
    np.savez(path, X=np.tile(np.kron(np.eye(3), np.full((1, 8), 200.0)), (4, 1)), y=np.tile(np.arange(3), 4))
    return path


def test_train_on_own_data_go_on_test_and_map(own, tmp_path):
    net = tmp_path / "net.npz"
    options = ["--to", net, "--hidden", 6, "--sum-in", 24, "--json"]
    first = json.loads(call("train", own, "--images", 6, *options).stdout)
    assert (first["samples"], first["network"]) == (6, str(net))
    again = call("train", own, "--epochs", 2, *options)
    assert json.loads(again.stdout)["samples"] == 24
    assert "going on with" in again.stderr
    assert SymSTDPClassifier.load(net).n_classes == 3
    for option, value in (("--hidden", 7), ("--sum-in", 25), ("--preset", "fashion-400"), ("--seed", 1)):
        with pytest.raises(ValueError, match=f"holds a network with another {option}"):
            call("train", own, "--to", net, option, value)
    np.savez(tmp_path / "other.npz", X=np.full((12, 24), 90.0), y=np.tile(np.arange(3), 4))
    with pytest.raises(ValueError, match="must begin with the 12 images that were learned from"):
        call("train", tmp_path / "other.npz", "--to", net, "--seed", 0, "--epochs", 3)
    record = json.loads(call("score", net, own, "--json").stdout)
    low, high = record["accuracy"]["classifier"]["interval"]
    assert low <= record["accuracy"]["classifier"]["value"] <= high
    assert "assignment: " in call("score", net, own, "--images", 3).stdout
    picture = tmp_path / "maps.svg"
    rows = json.loads(call("clusters", net, own, "--plot", picture, "--json").stdout)["layers"]
    assert [row["layer"] for row in rows[::3]] == ["input", "hidden", "classifier"]
    assert picture.read_text().startswith("<?xml")
    assert "input, activity (cosine)" in call("clusters", net, own).stdout


def test_classes_are_those_of_the_whole_file(own, tmp_path):
    net = tmp_path / "net.npz"
    call("train", own, "--to", net, "--hidden", 6, "--images", 1)
    assert SymSTDPClassifier.load(net).n_classes == 3
    np.savez(tmp_path / "dim.npz", X=np.full((3, 24), 0.5), y=np.arange(3))
    with pytest.raises(ValueError, match="hardly a spike"):
        call("train", tmp_path / "dim.npz", "--to", net)


def test_digits_stand_in_where_mnist_is_missing(tmp_path, monkeypatch):
    load = datasets.load

    def missing(name):
        if name != "digits":
            raise datasets.DatasetUnavailable(name, "nowhere")
        return load(name)

    monkeypatch.setattr(datasets, "load", missing)
    done = call("train", "mnist", "--to", tmp_path / "net.npz", "--hidden", 6, "--images", 2)
    assert "taking the built-in digits" in done.stderr
    assert "samples: 2" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "cats", "--to", "x.npz"], "DATA must be one of mnist, .* got 'cats'"),
        (["train", "digits", "--to", "{tmp}/x.txt", "--images", "1"], "path must end in .npz"),
        (["train", "digits", "--to", "{tmp}/x.npz", "--preset", "mnist-7"], "preset must be one of"),
        (["train", "digits", "--to", "{tmp}/x.npz", "--images", "0"], "--images must be a whole number"),
        (["train", "{tmp}/none.npz", "--to", "{tmp}/x.npz"], "no file"),
        (["train", "{tmp}/bad.npz", "--to", "{tmp}/x.npz"], "lacks X, y: it must be an .npz of numpy.savez, with X"),
        (["score", "{tmp}/none.npz", "digits"], "none.npz"),
        (["clusters", "{tmp}/x.npz", "digits", "--plot", "x.gif"], "--plot must end in .svg or .png"),
    ],
)
def test_wrong_input(arguments, message, tmp_path):
    np.savez(tmp_path / "bad.npz", z=np.ones(2))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        call(*(argument.format(tmp=tmp_path) for argument in arguments))
