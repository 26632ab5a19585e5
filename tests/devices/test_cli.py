"""``symplast devices``: good, odd and wrong input."""

import json

import jax
import numpy as np
import pandas as pd
import pytest
from commanding import caller

from symplast.cli.devices import _print_ranking, app
from symplast.devices import Advice, DeviceModel
from symplast.devices.curve_files import read_curves, read_devices
from symplast.stats import mean_interval

call = caller(app)


@pytest.fixture
def curves():
    with jax.enable_x64(True):
        device = DeviceModel(30, n_ltd=40, b_ltp=1.5, b_ltd=4.0, g_min=1e-6, g_max=8e-6)
        up, down = (device.siemens(device.curve(np.arange(n + 1), d)) for n, d in ((30, "ltp"), (40, "ltd")))
    return np.asarray(up), np.asarray(down)


@pytest.fixture
def file(curves, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    up, down = map(pd.Series, curves)
    path = tmp_path / "pulses.csv"
    pd.DataFrame({"G_LTP (S)": up, "G_LTD (S)": down}).to_csv(path, index=False)
    return path


def test_fit_prints_parameters_with_intervals_and_draws(file, tmp_path):
    record = json.loads(call("fit", file, "--json").stdout)
    assert (record["n_ltp"], record["n_ltd"]) == (30, 40)
    assert record["parameters"]["b_ltp"]["value"] == pytest.approx(1.5, rel=1e-4)
    low, high = record["parameters"]["b_ltd"]["interval"]
    assert low <= record["parameters"]["b_ltd"]["value"] <= high
    assert record["neurosim_label"]["ltp"] == pytest.approx(1.837, abs=0.01)
    assert (tmp_path / "pulses-fit.svg").read_text().startswith("<?xml")
    text = call("fit", file, "--plot", tmp_path / "x.png").stdout
    assert "b_ltd = 4 [" in text
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("unit", "factor", "separator", "decimal"),
    [("uS", 1e6, ";", ","), ("nS", 1e9, ";", "."), ("mS", 1e3, ",", "."), ("S", 1, ";", ",")],
)
def test_units_and_separators_of_lab_software(curves, tmp_path, unit, factor, separator, decimal):
    up, down = (pd.Series(curve * factor) for curve in curves)
    frame = pd.DataFrame({f"LTP ({unit})": up, f"LTD [{unit}]": down})
    frame.to_csv(tmp_path / "c.csv", index=False, sep=separator, decimal=decimal)
    found = read_curves(tmp_path / "c.csv")
    np.testing.assert_allclose(found.ltp, curves[0], rtol=1e-9)
    np.testing.assert_allclose(found.ltd, curves[1], rtol=1e-9)


def test_conductances_above_a_siemens_are_no_siemens(tmp_path):
    (tmp_path / "c.csv").write_text("ltp,ltd\n1,11\n6,5\n9,2\n11,1\n")
    with pytest.raises(ValueError, match=r"holds 11 S, more than .* such as ltp \(uS\)"):
        read_curves(tmp_path / "c.csv")


@pytest.fixture
def own(tmp_path):
    """A task in a file."""
    rng = np.random.default_rng(0)
    X, y = rng.random((60, 4)), np.arange(60) % 2
    X[:, 0] = 0.8 * y
    np.savez(tmp_path / "own.npz", X=X, y=y)
    return X, y


def test_advice_for_a_task_of_ones_own(file, own, tmp_path):
    X, y = own
    told = json.loads(
        call("advise", file, "--task", "own.npz", "--hidden", 3, "--seeds", 2, "--epochs", 1, "--json").stdout
    )
    assert {row["scheme"] for row in told["schemes"]} == {"uni", "uni_ltd", "bi", "ref"}
    for options, message in (
        (("--samples", "nan"), "--samples must be a whole number"),
        (("--samples", "10.5"), "--samples must be a whole number"),
        (("--hidden", 0), "--hidden must be at least 1"),
        (("--epochs", 0), "--epochs must be at least 1"),
        (("--csv", "nowhere/x.csv"), "--csv must end in .csv"),
    ):
        with pytest.raises(ValueError, match=message):
            call("advise", file, "--task", "own.npz", *options)
    np.savez(tmp_path / "bad.npz", X=X, y=y - 0.5)
    with pytest.raises(ValueError, match="whole numbers from 0"):
        call("advise", file, "--task", "bad.npz")


@pytest.mark.parametrize("form", ["wide", "tsv", "long", "shuffled"])
def test_curves_are_read_in_every_form(curves, form, tmp_path):
    up, down = curves
    path = tmp_path / ("c.tsv" if form == "tsv" else "c.csv")
    if form in ("wide", "tsv"):
        frame = pd.DataFrame({"ltp": pd.Series(up), "ltd": pd.Series(down)})
    else:
        names = ["LTP"] * up.size + ["ltd"] * down.size
        pulse = np.concatenate([np.arange(up.size), np.arange(down.size)])
        frame = pd.DataFrame({"Direction": names, "pulse": pulse, "conductance": np.concatenate(curves)})
        frame = frame.sample(frac=1, random_state=0) if form == "shuffled" else frame.drop(columns="pulse")
    frame.to_csv(path, index=False, sep="\t" if form == "tsv" else ",")
    found = read_curves(path)
    assert found.ltp == pytest.approx(up)
    assert found.ltd == pytest.approx(down)


@pytest.mark.usefixtures("own")
def test_advise_ranks_the_schemes(file, tmp_path, capsys):
    options = ["--task", "own.npz", "--epochs", "1", "--hidden", "3", "--seeds", "2"]
    result = call("advise", file, *options, "--measured", "--csv", tmp_path / "runs.csv", "--json")
    record = json.loads(result.stdout)
    assert sorted(row["scheme"] for row in record["schemes"]) == ["bi", "ref", "uni", "uni_ltd"]
    assert record["schemes"][0]["scheme"] == record["best"]
    assert record["schemes"][0]["behind"]["value"] == 0
    values = [row["accuracy"]["value"] for row in record["schemes"]]
    assert values == sorted(values, reverse=True)
    assert len(pd.read_csv(tmp_path / "runs.csv")) == 8
    _print_ranking(record["schemes"])
    shown = capsys.readouterr().out
    assert all(row["scheme"] in shown for row in record["schemes"])


def test_advice_that_can_not_tell_says_what_is_needed(file, monkeypatch):
    """Five seeds by default; where they do not tell, the number that would; longer training where runs vary widely."""
    asked = {}

    def advise(device, X, y, **options):
        asked.update(options, shape=X.shape)
        near, wide, best = [1 - 0.5**0.5, 1 + 0.5**0.5], [0.2, 0.9], [0.9, 0.92]
        accuracy = {"uni": mean_interval(best), "ref": mean_interval(wide), "bi": mean_interval([0.9, 0.91])}
        behind = {"uni": mean_interval([0, 0]), "ref": mean_interval(near), "bi": mean_interval([0, 0])}
        cost = dict.fromkeys(accuracy, 1.0)
        return Advice("uni", accuracy, behind, cost, cost, pd.DataFrame())

    monkeypatch.setattr("symplast.devices.advise", advise)
    told = call("advise", file, "--task", "digits", "--samples", 300, "--hidden", 20).stdout
    assert (asked["seeds"], asked["epochs"]) == (5, 10)
    assert (asked["shape"], asked["sizes"]) == ((300, 64), (64, 20, 10))
    assert "5 seeds can't tell ref from it; about 7 would (--seeds 7)" in told
    assert "5 seeds can't tell bi from it; nor would a thousand" in told
    assert "accuracy of ref differs widely between seeds: more training may settle it (--epochs 20)" in told
    record = json.loads(call("advise", file, "--task", "digits", "--json").stdout)
    assert record["seeds_needed"] == {"ref": 7, "bi": None}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "must have one column with ltp in its name"),
        ("ltp,ltp2,ltd\n1,2,3\n", "must have one column with ltp"),
        ("ltp,ltd\n1,3\nx,2\n3,1\n", "line 3, column ltp: x is not a number"),
        ("ltp,ltd\n.1,.3\n.3,.1\n", "G_ltp must be one row of at least 3"),
        ("ltp,ltd\n.3,.1\n.2,.2\n.1,.3\n", "G_ltp must rise"),
        (
            "ltp,ltd\n.1,.3\n,.2\n.3,.1\n",
            r"1 row without a number \(line 3; in the first ltp is empty\): fill them in$",
        ),
        ("direction,conductance\nup,1\n", "direction must be one of .*; got up"),
        ("ltp (A),ltd\n.1,.3\n.2,.2\n.3,.1\n", r"'A' where its unit should be; it must be one of S, mS, uS"),
        ("LTP / kOhm,ltd\n.1,.3\n.2,.2\n.3,.1\n", "'kOhm' where its unit should be"),
        ("pulse,ltp,ltd\n0,.1,.3\n1,.2,.2\n2,.3,.1\n0,.1,.3\n", "holds some numbers 1 times and others 2 times"),
        ("device,ltp,ltd\na,.1,.3\n,.2,.2\na,.3,.1\n", "column device must name the device in every row"),
        ("ltp 1,ltd 1,ltp 2\n.1,.3,.1\n", "one for each|must have one column with ltp"),
        ("", "is empty; give a table with columns ltp and ltd"),
    ],
)
def test_wrong_files(content, message, tmp_path):
    (tmp_path / "c.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        call("fit", tmp_path / "c.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "{file}", "--plot", "x.gif"], "--plot must end in .svg or .png"),
        (["fit", "{file}", "--plot", "none/x.svg"], "--plot must .* lie in a folder that exists"),
        (["fit", "{file}", "--level", "1.5"], "--level must be strictly between 0 and 1"),
        (["advise", "{file}", "--task", "cats"], "--task must be one of mnist-5k, .* got 'cats'"),
        (["advise", "{file}", "--task", "digits", "--samples", "1e6"], "--samples must be a whole number in"),
        (["advise", "{file}", "--task", "digits", "--seeds", "1"], "--seeds must be at least 2"),
        (["advise", "{file}", "--task", "digits", "--c2c", "-1"], "c2c must be a finite number of at least 0"),
    ],
)
def test_wrong_options(file, arguments, message):
    with pytest.raises(ValueError, match=message):
        call(*(argument.format(file=file) for argument in arguments))


def test_an_index_that_begins_again_is_another_device(curves, tmp_path):
    frame = pd.DataFrame({"ltp": curves[0], "ltd": curves[1][: len(curves[0])]})
    pd.concat([frame, 1.01 * frame, 0.99 * frame]).to_csv(tmp_path / "c.csv", sep=";", decimal=",")
    said = []
    found = read_devices(tmp_path / "c.csv", said.append)
    assert list(found) == ["1", "2", "3"]
    np.testing.assert_allclose(found["2"].ltp, 1.01 * curves[0])
    assert said == ["c.csv: 93 rows read; semicolons between cells; decimal commas"]


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .* give a table with columns ltp and ltd"):
        call("fit", tmp_path / "none.csv")
