"""Fits and tables of measured curves: recovery, coverage of the intervals, warnings, wrong input."""

import jax
import numpy as np
import pytest

from symplast.devices import DeviceModel, fit_curves


def curves(device, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    n_ltp, n_ltd = int(device.n_ltp), int(device.n_ltd)
    with jax.enable_x64(True):
        up = np.array(device.siemens(device.curve(np.arange(n_ltp + 1), "ltp")), float)
        down = np.array(device.siemens(device.curve(np.arange(n_ltd + 1), "ltd")), float)
    span = float(device.g_max - device.g_min)
    return up + noise * span * rng.standard_normal(up.size), down + noise * span * rng.standard_normal(down.size)


@pytest.mark.parametrize(("b_ltp", "b_ltd"), [(0.0, 0.0), (0.5, 7.0), (3.0, 3.0), (20.0, 1.0)])
def test_a_clean_curve_is_recovered(b_ltp, b_ltd):
    with jax.enable_x64(True):
        found = fit_curves(*curves(DeviceModel(60, n_ltd=90, b_ltp=b_ltp, b_ltd=b_ltd, g_min=2e-7, g_max=3e-6)))
        assert float(found.model.b_ltp) == pytest.approx(b_ltp, abs=1e-3)
        assert float(found.model.b_ltd) == pytest.approx(b_ltd, abs=1e-3)
        assert (float(found.model.n_ltp), float(found.model.n_ltd)) == (60, 90)
        assert float(found.model.g_max) == pytest.approx(3e-6, rel=1e-4)
        assert found.rmse < 1e-5


def test_intervals_cover_the_truth():
    """Of 100 noisy curves about 95 hold the true value in their interval; 3 standard errors are 6.5."""
    true = DeviceModel(50, n_ltd=50, b_ltp=2.0, b_ltd=4.0, g_min=1e-6, g_max=9e-6)
    names = {"b_ltp": 2.0, "b_ltd": 4.0, "g_min": 1e-6, "g_max": 9e-6}
    held = dict.fromkeys(names, 0)
    for seed in range(100):
        found = fit_curves(*curves(true, noise=0.02, seed=seed))
        for name, value in names.items():
            held[name] += found.ci[name].low <= value <= found.ci[name].high
    assert all(89 <= count <= 100 for count in held.values()), held


def test_intervals_narrow_with_their_level_and_stay_in_range():
    up, down = curves(DeviceModel(40, b_ltp=0.1), noise=0.03)
    wide, narrow = fit_curves(up, down), fit_curves(up, down, level=0.5)
    assert narrow.ci["b_ltd"].high - narrow.ci["b_ltd"].low < wide.ci["b_ltd"].high - wide.ci["b_ltd"].low
    assert wide.ci["b_ltp"].low >= 0


def test_local_steps_back_are_noise():
    up, down = curves(DeviceModel(60, b_ltp=2.0), noise=0.02)
    assert (np.diff(up) < 0).any()
    assert float(DeviceModel.fit(up, down).model.b_ltp) == pytest.approx(2.0, abs=0.4)


def test_curves_of_another_shape_are_pointed_to_from_table():
    """An S-shaped curve is not in the family."""
    s = 1 / (1 + np.exp(-np.linspace(-8, 8, 41)))
    with pytest.warns(UserWarning, match=r"misses the curves by .*from_table follows them"):
        found = fit_curves(s, s[::-1])
    assert found.rmse > 0.05


@pytest.mark.parametrize(
    ("up", "down", "message"),
    [
        ([1, 2], [2, 1, 0], "G_ltp must be one row of at least 3 conductances"),
        ([1, 2, 3], [[3, 2, 1]], "G_ltd must be one row of at least 3"),
        ([1, np.nan, 3], [3, 2, 1], "G_ltp must be finite; point 1 is not"),
        ([3, 2, 1], [3, 2, 1], "G_ltp must rise from first to last pulse, got 3 to 1"),
        ([1, 2, 3], [1, 2, 3], "G_ltd must fall"),
        ([1, 5, 1], [3, 2, 1], "G_ltp must rise"),
        (np.ma.array([1, 9, 3], mask=[0, 1, 0]), [3, 2, 1], "G_ltp must not be a masked array"),
    ],
)
def test_wrong_curves(up, down, message):
    for make in (fit_curves, DeviceModel.from_table):
        with pytest.raises(ValueError, match=message):
            make(np.asanyarray(up), np.array(down))


def test_wrong_level():
    with pytest.raises(ValueError, match="level must be strictly between 0 and 1"):
        fit_curves([1, 2, 3], [3, 2, 1], level=1.0)


def test_a_table_follows_the_points():
    with jax.enable_x64(True):
        device = DeviceModel.from_table([0.0, 1.0, 3.0, 4.0], [4.0, 1.0, 0.5, 0.0])
        assert np.asarray(device.curve(np.arange(4), "ltp")) == pytest.approx([0, 0.25, 0.75, 1])
        assert np.asarray(device.curve(np.arange(4), "ltd")) == pytest.approx([1, 0.25, 0.125, 0])
        assert float(device.step(0.5, "ltp")) == pytest.approx(0.875)  # from pulse 1.5 to 2.5
        assert float(device.pulses(0.625, "ltd")) == pytest.approx(0.5)
        assert float(device.step(0.9, "ltp", 5)) == 1
        assert float(device.step(0.25, "ltp", 2, 0.5)) == pytest.approx(0.75)


def test_a_dense_table_of_the_law_is_the_law():
    with jax.enable_x64(True):
        law = DeviceModel(400, b_ltp=3.0, b_ltd=1.0)
        table = DeviceModel.from_table(np.asarray(law.curve(np.arange(401), "ltp")), law.curve(np.arange(401), "ltd"))
        g = np.linspace(0, 1, 50)
        for direction in ("ltp", "ltd"):
            expected = np.asarray(law.step(g, direction, 3))
            assert np.asarray(table.step(g, direction, 3)) == pytest.approx(expected, abs=1e-4)
        assert table.neurosim_label() == pytest.approx(law.neurosim_label(), rel=1e-3)


def test_noisy_tables_are_made_monotone_and_say_so():
    up = np.array([0.0, 2.0, 1.0, 4.0, 6.0, 6.0])
    with pytest.warns(UserWarning, match=r"G_ltp is not monotone: .* most at pulse 1 by 8.3 % of the range"):
        device = DeviceModel.from_table(up, np.array([6.0, 3.0, 0.0]))
    assert np.asarray(device.measured_ltp.levels) == pytest.approx([0, 0.25, 4 / 6, 1])
    assert np.asarray(device.measured_ltp.pulses) == pytest.approx([0, 1.5, 3, 4])
