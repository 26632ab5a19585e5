"""``symplast curl``: good, odd and wrong input."""

import json

import numpy as np
import pytest
from commanding import caller

from symplast.cli import main
from symplast.cli.curl import app
from symplast.curl import critical_fraction

call = caller(app)


@pytest.fixture
def net(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"W1": rng.normal(size=(30, 6)) / 3, "W2": rng.normal(size=(1, 30)) / 5, "X": rng.normal(size=(40, 6))}
    np.savez(tmp_path / "net.npz", **arrays)
    return tmp_path / "net.npz"


def test_an_architecture() -> None:
    record = json.loads(
        call("tolerate", "--inputs", 6, "--hidden", 30, "--fractions", "0,1", "--draws", 4, "--json").stdout
    )
    assert record["large_net"] == critical_fraction(0.2, "hidden") == 1
    assert record["fractions"][0]["stable"] == 1
    assert record["fractions"][0]["growth"] < record["fractions"][1]["growth"]
    assert 0 <= record["critical"]["low"] <= record["critical"]["mean"] <= record["critical"]["high"] <= 1
    assert "critical share of flipped hidden units" in call(
        "tolerate", "--inputs", 6, "--hidden", 12, "--layer", "readout", "--draws", 3
    ).stdout  # fmt: skip


@pytest.mark.parametrize("activation", ["linear", "tanh"])
def test_a_trained_net(net, activation) -> None:
    record = json.loads(call("tolerate", "--weights", net, "--activation", activation, "--draws", 3, "--json").stdout)
    assert record["neurons"] == 6
    assert (record["large_net"] is None) == (activation == "tanh")


@pytest.mark.parametrize(("c", "rho", "readout"), [("1e-300", "1", 0.5), ("1", "1e-300", 1), ("1", "1e300", 0)])
def test_critical_shares_at_extremes(c: str, rho: str, readout: float) -> None:
    (row,) = json.loads(call("critical", c, "--rho", rho, "--json").stdout)
    assert row["readout"] == readout
    assert 0 <= row["hidden"] <= 1


@pytest.mark.parametrize("arguments", [["--", "-1"], ["inf"], ["nan"], ["1", "--rho", "0"], ["1", "--rho", "nan"]])
def test_what_is_no_positive_number_is_one_line(arguments, capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.argv", ["symplast", "curl", "critical", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("error: " + ("--rho" if "--rho" in arguments else "C ="))


def test_critical_shares() -> None:
    rows = json.loads(call("critical", "0.4,1", "--json").stdout)
    assert [row["hidden"] for row in rows] == pytest.approx([0.17718, 0], abs=1e-5)
    assert "0.05506" in call("critical", "1").stdout


def test_files_that_are_wrong(tmp_path, net) -> None:
    junk, lacking, flat, crossed = (tmp_path / f"{name}.npz" for name in ("junk", "lacking", "flat", "crossed"))
    junk.write_text("junk")
    np.savez(lacking, W1=np.ones((2, 2)))
    np.savez(flat, W1=np.ones(2), W2=np.ones((1, 2)))
    np.savez(crossed, W1=np.ones((2, 2)), W2=np.ones((1, 2)), X=np.ones((5, 3)))
    for path, message in (
        (junk, "must be an .npz of numpy.savez"),
        (lacking, "lacks W2"),
        (flat, "W1 in .* must be a finite matrix"),
        (crossed, r"X in .* must be \(rows, inputs=2\)"),
    ):
        with pytest.raises(ValueError, match=message):
            call("tolerate", "--weights", path)
    with pytest.raises(FileNotFoundError, match="no file"):
        call("tolerate", "--weights", tmp_path / "none.npz")
    with pytest.raises(ValueError, match="--activation must be linear, tanh or relu"):
        call("tolerate", "--weights", net, "--activation", "gelu")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tolerate"], "give either --inputs and --hidden"),
        (["tolerate", "--inputs", "3", "--hidden", "3", "--weights", "x.npz"], "give either"),
        (["tolerate", "--inputs", "3", "--hidden", "3", "--fractions", "2"], r"shares in \[0, 1\]"),
        (["tolerate", "--inputs", "3", "--hidden", "3", "--fractions", "x"], "numbers separated by commas"),
        (["tolerate", "--inputs", "3", "--hidden", "3", "--activation", "tanh"], "goes with --weights"),
        (["tolerate", "--inputs", "0", "--hidden", "3"], "--inputs must be at least 1, got 0"),
        (["tolerate", "--inputs", "3", "--hidden", "-2"], "--hidden must be at least 1, got -2"),
        (["tolerate", "--inputs", "3", "--hidden", "3", "--outputs", "0"], "--outputs must be at least 1, got 0"),
        (["tolerate", "--inputs", "3", "--hidden", "3", "--simulate", "0"], "--simulate must be at least 1, got 0"),
        (["critical", "0"], "must be positive"),
        (["critical", "1", "--rho", "-1"], "rho = s1 / s2 must be positive"),
    ],
)
def test_wrong_input(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        call(*arguments)
