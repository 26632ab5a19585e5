"""``symplast sym-stdp``: good, odd and wrong input."""

import json

import numpy as np
import pytest
from commanding import caller

from symplast import datasets
from symplast.cli.sym_stdp import BUILT_IN, NAMES, app
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
    others = [
        ("--hidden", 7),
        ("--sum-in", 25),
        ("--preset", "fashion-400"),
        ("--seed", 1),
        ("--strategy", "one-by-one"),
    ]
    for option, value in others:
        with pytest.raises(ValueError, match=f"holds a network with another {option}"):
            call("train", own, "--to", net, option, value)
    np.savez(tmp_path / "other.npz", X=np.full((12, 24), 90.0), y=np.tile(np.arange(3), 4))
    with pytest.raises(ValueError, match="must begin with the 12 images that fit learned from"):
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


def test_a_missing_data_set_is_not_replaced_and_the_built_in_ones_are_named(tmp_path, monkeypatch):
    def missing(name):
        raise datasets.DatasetUnavailable(name, "nowhere")

    monkeypatch.setattr(datasets, "load", missing)
    with pytest.raises(datasets.DatasetUnavailable, match=r"'mnist' .* mnist-5k and digits-28 are built in"):
        call("train", "mnist", "--to", tmp_path / "net.npz", "--hidden", 6, "--images", 2)


def test_data_are_built_in_by_default(tmp_path):
    done = call("train", "--to", tmp_path / "net.npz", "--hidden", 6, "--images", 2)
    assert "samples: 2" in done.stdout
    assert set(BUILT_IN) < set(NAMES)
    assert "of 3 images" in call("score", tmp_path / "net.npz", "--images", 3).stdout


def test_one_by_one_goes_on_only_as_it_began(own, tmp_path):
    net = tmp_path / "net.npz"
    options = [own, "--to", net, "--hidden", 6, "--sum-in", 24]
    call("train", *options, "--strategy", "one-by-one")
    with pytest.raises(ValueError, match="DATA and --epochs must stay as they were, one-by-one"):
        call("train", *options, "--epochs", 2)
    again = call("train", *options)
    assert "nothing is left to learn" in again.stderr
    assert "samples: 24" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "cats", "--to", "{tmp}/x.npz"], "DATA must be one of mnist-5k, .* got 'cats'"),
        (["train", "--to", "{tmp}/x.txt", "--images", "1"], "--to must end in .npz"),
        (["train", "--to", "{tmp}/x.npz", "--preset", "mnist-7"], "--preset must be one of"),
        (["train", "--to", "{tmp}/x.npz", "--images", "0"], "--images must be a whole number"),
        (["train", "--to", "{tmp}/x.npz", "--strategy", "both"], "--strategy must be one of simultaneous, one-by-one"),
        (["train", "--to", "{tmp}/x.npz", "--backend", "gpu"], "--backend must be one of auto"),
        (["train", "--to", "{tmp}/x.npz", "--sum-in", "nan"], "--sum-in must be positive and finite, got nan"),
        (["score", "{tmp}/x.npz", "--backend", "gpu"], "--backend must be one of auto"),
        (["train", "{tmp}/none.npz", "--to", "{tmp}/x.npz"], "no file"),
        (["train", "{tmp}/bad.npz", "--to", "{tmp}/x.npz"], "lacks X, y: it must be an .npz of numpy.savez, with X"),
        (["score", "{tmp}/none.npz", "digits-28"], "none.npz"),
        (["clusters", "{tmp}/x.npz", "digits-28", "--plot", "x.gif"], "--plot must end in .svg or .png"),
    ],
)
def test_wrong_input(arguments, message, tmp_path):
    np.savez(tmp_path / "bad.npz", z=np.ones(2))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        call(*(argument.format(tmp=tmp_path) for argument in arguments))
