"""``symplast equilibrium``: good, odd and wrong input; and networks from arrays."""

import json

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from commanding import caller

from symplast.cli.equilibrium import app
from symplast.equilibrium.network_files import network_from_arrays

call = caller(app)


def arrays(**changed):
    draw = np.random.default_rng(0)
    made = {
        "w1": draw.normal(size=(6, 4)) / 2,
        "w2": draw.normal(size=(5, 6)) / 2,
        "b2": draw.normal(size=(6, 5)) / 2,
        "V": draw.normal(size=(3, 5)) / 2,
        "x": draw.random((7, 4)),
        "y": draw.integers(0, 3, 7),
    }
    return {name: value for name, value in (made | changed).items() if value is not None}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, **arrays())
    return path


def test_bias(saved, tmp_path) -> None:
    options = ["--betas", "0.1", "--points", "1,4", "--free-steps", 300]
    record = json.loads(call("bias", saved, *options, "--json").stdout)
    assert record["examples"] == 7
    assert [row["n_points"] for row in record["table"]] == [1, 4]
    assert record["table"][1]["nudge_error"] < record["table"][0]["nudge_error"]
    assert record["asymmetry_deg"]["low"] < record["asymmetry_deg"]["value"] < record["asymmetry_deg"]["high"]
    assert record["radius"]["median"] > 0.1
    text = call("bias", saved, *options, "--csv", tmp_path / "bias.csv").stdout
    assert "7 examples, 0.0% without a fixed point" in text
    assert pd.read_csv(tmp_path / "bias.csv").n_points.tolist() == [1, 4]


def test_settle(saved) -> None:
    rows = json.loads(call("settle", saved, "--json").stdout)
    assert [row["update"] for row in rows] == ["synchronous", "sweep", "damping 0.5"]
    assert all(row["unsettled"] == 0 for row in rows)
    assert "largest_residual" in call("settle", saved, "--steps", 5).stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--betas", "big"], "--betas must be numbers separated by commas"),
        (["--betas", "0"], "beta must be a finite number other than 0"),
        (["--points", "1.5"], "--points must be whole numbers"),
        (["--examples", "0"], "--examples must be at least 1"),
        (["--activation", "relu"], "n_points must be 1 or 2 here, got 4"),
        (["--activation", "swish"], "activation must be one of"),
        (["--damping", "2"], "damping must be in"),
    ],
)
def test_wrong_options(saved, options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call("bias", saved, *options)


def test_wrong_files(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file .*absent\.npz"):
        call("settle", tmp_path / "absent.npz")
    text = tmp_path / "text.npz"
    text.write_text("not a network")
    with pytest.raises(ValueError, match=r"must be an \.npz of numpy\.savez"):
        call("settle", text)


def test_network_from_arrays() -> None:
    net, x, y = network_from_arrays(arrays(c1=np.ones(6)))
    assert (net.sizes, net.readout, y.dtype, x.dtype) == ((4, 6, 5), "softmax", np.int32, np.float32)
    assert net.output(net.phi(net.settle(jnp.asarray(x)))).shape == (7, 3)
    assert net.biases[0].tolist() == [1.0] * 6
    symmetric, _, _ = network_from_arrays(arrays(b2=None))
    np.testing.assert_array_equal(symmetric.feedback[0], symmetric.weights[1].T)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"w1": None, "w2": None}, "there is no w1"),
        ({"w2": np.ones((5, 7))}, "w2 must have 6 columns"),
        ({"b2": np.ones((5, 6))}, r"b2 must have shape \(6, 5\)"),
        ({"c1": np.ones(5)}, "c1 must be 6 finite numbers"),
        ({"V": np.ones((3, 4))}, "V must have 5 columns"),
        ({"x": np.ones((7, 3))}, "x must have 4 columns"),
        ({"x": None}, "arrays must hold x"),
        ({"y": None}, "y must hold a target for each row"),
        ({"y": np.full(7, 0.5)}, "whole class numbers"),
        ({"y": np.zeros(6, int)}, "y must hold one target for each of the 7 rows of x"),
        ({"y": np.zeros(8, int)}, "y must hold one target for each of the 7 rows of x"),
        ({"y": np.array(1)}, "y must hold one target for each of the 7 rows of x"),
        ({"w1": np.full((6, 4), np.nan)}, "w1 must be a matrix of finite numbers"),
        ({"extra": np.ones(2)}, "got extra"),
    ],
)
def test_wrong_arrays(changed, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network_from_arrays(arrays(**changed))
