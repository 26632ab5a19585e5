"""Pulse curves of several devices: every form of file, units, the spread, and the command."""

import json

import jax
import numpy as np
import pandas as pd
import pytest
from commanding import caller

from symplast.cli.devices import app
from symplast.devices import DeviceModel, Variation, fit_devices
from symplast.devices.curve_files import read_curves, read_devices

call = caller(app)
LAWS = {"A": (1.0, 2.0, 8e-6), "B": (1.2, 2.4, 9e-6), "C": (0.8, 1.6, 1e-5)}


@pytest.fixture(scope="module")
def curves():
    n, made = np.arange(25), {}
    with jax.enable_x64(True):
        for name, (b_ltp, b_ltd, top) in LAWS.items():
            device = DeviceModel(24, b_ltp=b_ltp, b_ltd=b_ltd, g_min=1e-6, g_max=top)
            made[name] = [np.asarray(device.siemens(device.curve(n, way)), float) for way in ("ltp", "ltd")]
    return made


def table(curves, form: str) -> pd.DataFrame:
    n = np.arange(25)
    below = [pd.DataFrame({"Device ID": d, "Pulse #": n, "LTP": u, "LTD": v}) for d, (u, v) in curves.items()]
    rows = pd.concat(below)
    if form == "device column":
        return rows
    if form == "shuffled":
        return rows.sample(frac=1, random_state=0).sort_values("Device ID", kind="stable")
    if form == "repeated pulses":
        return rows.drop(columns="Device ID")
    if form == "pulse by pulse":
        return rows.drop(columns="Device ID").sort_values("Pulse #", kind="stable")
    if form == "side by side":
        return pd.DataFrame({f"{way} {d}": c for d, pair in curves.items() for way, c in zip(("ltp", "ltd"), pair)})  # noqa: B905
    long = rows.melt(["Device ID", "Pulse #"], var_name="Direction", value_name="conductance")
    words = {"LTP": "Potentiation", "LTD": "depression"}
    long = long.assign(Direction=long.Direction.map(words))
    return long if form == "long" else long.drop(columns="Device ID")


@pytest.mark.parametrize(
    "form",
    ["device column", "shuffled", "repeated pulses", "pulse by pulse", "side by side", "long", "long, repeated"],
)
def test_every_device_is_read(curves, form: str, tmp_path) -> None:
    path = tmp_path / "c.csv"
    table(curves, form).to_csv(path, index=False)
    found = read_devices(path)
    names = ["1", "2", "3"] if "rep" in form or form == "pulse by pulse" else list(LAWS)
    assert list(found) == names
    for (up, down), pair in zip(found.values(), curves.values(), strict=True):
        np.testing.assert_allclose(up, pair[0])
        np.testing.assert_allclose(down, pair[1])
    with pytest.raises(ValueError, match=r"holds 3 devices .*; read_devices reads them all"):
        read_curves(path)


@pytest.mark.parametrize(
    ("up", "down", "factor"),
    [
        ("ltp_uS", "ltd_uS", 1e6),
        ("LTP / uS", "LTD / uS", 1e6),
        ("ltp (pS)", "ltd (pS)", 1e12),
        ("Potentiation [nS]", "Depression [nS]", 1e9),
        ("pot/µS", "dep/µS", 1e6),
        ("G_LTP (3)", "G_LTD (3)", 1),
        ("LTP (siemens)", "LTD (siemens)", 1),
    ],
)
def test_units_are_recognised(curves, up: str, down: str, factor: float, tmp_path) -> None:
    path = tmp_path / "c.csv"
    pd.DataFrame({up: curves["A"][0] * factor, down: curves["A"][1] * factor}).to_csv(path, index=False)
    np.testing.assert_allclose(read_curves(path).ltp, curves["A"][0])


@pytest.mark.parametrize("unit", ["mV", "uA", "µA", "kOhm", "ohm", "MΩ", "nF", "mho"])
@pytest.mark.parametrize("form", ["{}_{}", "{} {}", "{} ({})", "{} / {}", "{}/{}"])
def test_units_of_something_else_are_not_read_as_siemens(form: str, unit: str, tmp_path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(f"{form.format('ltp', unit)},{form.format('ltd', unit)}\n.1,.3\n.2,.2\n.3,.1\n")
    with pytest.raises(ValueError, match=f"has '{unit}' where its unit should be; it must be one of S, mS, uS"):
        read_devices(path)


@pytest.mark.parametrize("form", ["{}_{}", "{} {}"])
def test_a_letter_is_a_device_among_several_and_a_unit_alone(form: str, tmp_path) -> None:
    path = tmp_path / "c.csv"
    names = [form.format(way, device) for device in "AB" for way in ("ltp", "ltd")]
    path.write_text(f"{','.join(names)}\n.1,.3,.1,.3\n.2,.2,.2,.2\n.3,.1,.3,.1\n")
    assert list(read_devices(path)) == ["A", "B"]
    path.write_text(f"{','.join(names[:2])}\n.1,.3\n.2,.2\n.3,.1\n")
    with pytest.raises(ValueError, match=r"column ltp.A may hold another quantity \(in A\) or a device of that name"):
        read_devices(path)


def test_a_header_may_hold_a_hash(tmp_path) -> None:
    (tmp_path / "c.csv").write_text("# measured on a Monday\nPulse #;ltp;ltd\n0;,1;,3\n1;,2;,2\n2;,3;,1\n")
    np.testing.assert_allclose(read_curves(tmp_path / "c.csv").ltp, [0.1, 0.2, 0.3])


def test_the_spread_is_that_of_the_parameters(curves) -> None:
    with jax.enable_x64(True):
        found = fit_devices(curves)
    factors, ranges = np.array([1.0, 1.2, 0.8]), np.array([7.0, 8.0, 9.0])
    assert found.variation.d2d_range == pytest.approx(ranges.std(ddof=1) / ranges.mean(), rel=1e-5)
    assert found.variation.d2d_nl == pytest.approx(np.sqrt(np.log1p(factors.var(ddof=1))), rel=1e-4)
    assert isinstance(found.variation, Variation)
    assert (found.variation.d2d_step, found.spread["d2d_nl"].n) == (0.0, 3)
    assert found.spread["d2d_nl"].low < found.variation.d2d_nl < found.spread["d2d_nl"].high
    assert float(found.model.b_ltd) == pytest.approx(2.0, rel=1e-4)


def test_intervals_of_the_spread_cover_it() -> None:
    """95 % of samples of five normal numbers; 3 standard errors of 400 are 3.3 %."""
    from symplast.devices.several_devices import _deviation

    rng = np.random.default_rng(0)
    found = [_deviation(1 + 0.1 * rng.standard_normal(5), 0.95) for _ in range(400)]
    assert 0.917 < np.mean([estimate.low <= 0.1 <= estimate.high for estimate in found]) < 0.983


def test_devices_that_make_no_sample(curves) -> None:
    with pytest.raises(ValueError, match="at least two devices"):
        fit_devices({"A": curves["A"]})
    with pytest.raises(ValueError, match="same numbers of LTP and LTD pulses, got 20 / 24, 24 / 24"):
        fit_devices(curves | {"C": [curves["C"][0][:21], curves["C"][1]]})
    with pytest.raises(ValueError, match="device C: G_ltp must rise"):
        fit_devices(curves | {"C": curves["C"][::-1]})


def test_the_command_reports_each_and_the_spread(curves, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    table(curves, "device column").to_csv("c.csv", index=False)
    record = json.loads(call("fit", "c.csv", "--json").stdout)
    assert [device["device"] for device in record["devices"]] == list(LAWS)
    assert record["devices"][1]["n_ltp"] == 24
    assert record["variation"]["d2d_range"]["value"] == pytest.approx(0.125, rel=1e-3)
    text = call("fit", "c.csv").stdout
    assert "pass the spread on as Variation(d2d_nl=0.198, d2d_range=0.125)" in text
    with pytest.raises(ValueError, match="--measured follows the curves of one device"):
        call("advise", "c.csv", "--task", "digits", "--measured")
