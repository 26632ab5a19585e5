"""Sweeps and advice: tables, pairing, vmapped runs equal to single ones, compilations, wrong input."""

import jax
import numpy as np
import pandas as pd
import pytest

from symplast.devices import Advice, DeviceModel, SingleStepRule, advise, sweep, train_online
from symplast.devices.sweeping import _trained_side_by_side
from symplast.stats import mean_interval

KEY = jax.random.key(1)
SIZES = (6, 8, 3)
SOME = ("uni", "bi", "uni_ltd")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 250)
    return np.clip(rng.random((250, 6)) * 0.4 + 0.6 * (np.arange(6) // 2 == y[:, None]), 0, 1).astype(np.float32), y


def test_a_table_of_runs(data):
    X, y = data
    devices = [DeviceModel(32), DeviceModel(64, n_ltd=48, b_ltp=1.0, b_ltd=2.0)]
    table = sweep(devices, X, y, X_test=X, y_test=y, sizes=SIZES, key=KEY, schemes=("uni", "bi"), seeds=2)
    assert len(table) == 8
    assert table[table.device == 1][["n_ltp", "n_ltd", "b_ltp", "b_ltd"]].drop_duplicates().values.tolist() == [
        [64, 48, 1, 2]
    ]
    assert (table[table.scheme == "uni"].pulses_ltd == 0).all()
    assert (table[table.scheme == "bi"].refreshes == 0).all()
    row = table[(table.device == 1) & (table.scheme == "uni") & (table.seed == 1)].iloc[0]
    key = jax.random.fold_in(KEY, 1)
    run = train_online(SIZES, devices[1], SingleStepRule(), X, y, key=key, X_test=X, y_test=y)
    assert row.acc_late == pytest.approx(run.acc_late)
    assert row.pulses_ltp == run.pulses[0]
    assert row.pulses_per_weight == pytest.approx(sum(run.pulses) / (6 * 8 + 8 * 3))


def test_side_by_side_is_one_by_one_and_compiles_once(data):
    X, y = data[0].astype(float), data[1]
    devices, others = [DeviceModel(16), DeviceModel(32, b_ltp=1.0)], [DeviceModel(20), DeviceModel(9)]
    rule = SingleStepRule(refresh_every=20)
    with jax.enable_x64(True):
        options = {"X_test": X, "y_test": y, "sizes": SIZES, "key": KEY, "seeds": 2, "rule": rule}
        single = sweep(devices, X, y, vectorise=False, **options)
        _trained_side_by_side.clear_cache()
        batched = sweep(devices, X, y, vectorise=True, **options)
        sweep(others, X, y, vectorise=True, **options)
        assert _trained_side_by_side._cache_size() == 1
    pd.testing.assert_frame_equal(single, batched, rtol=1e-6)
    assert single.refreshes.sum() > 0


def test_advice_finds_the_linear_direction(data):
    X, y = data
    advice = advise(DeviceModel(32, b_ltp=5.0, b_ltd=0.0), X, y, sizes=SIZES, seeds=4, epochs=2, key=KEY, schemes=SOME)
    assert advice.best == "uni_ltd"
    assert list(advice.accuracy) == list(advice.behind)
    assert advice.behind["uni_ltd"].value == 0
    assert advice.behind["uni"].value > 0
    scores = {s: rows.acc_late.to_numpy() for s, rows in advice.runs.groupby("scheme")}
    assert advice.behind["bi"].value == pytest.approx((scores["uni_ltd"] - scores["bi"]).mean())
    assert advice.pulses_per_weight["bi"] > 0
    assert advice.refreshes_per_weight["bi"] == 0
    assert set(advice.ties) < {"uni", "bi"}


def test_seeds_that_would_tell_schemes_apart():
    """By hand: mean 1 and spread 1 need t(n-1, .975) < sqrt(n), first met at 7 seeds: 2.447 < 2.646; 2.571 > 2.449."""
    gaps = np.array([1 - np.sqrt(0.5), 1 + np.sqrt(0.5)])  # mean 1, standard deviation 1
    behind = {"best": mean_interval(np.zeros(2)), "near": mean_interval(gaps), "far": mean_interval(100 * gaps + 1e4)}
    behind |= {"equal": mean_interval(np.zeros(2)), "alike": mean_interval(gaps - 0.99)}
    advice = Advice("best", behind, behind, {}, {}, pd.DataFrame())
    assert advice.seeds_needed("near") == 7
    assert advice.seeds_needed("far") == 2
    assert advice.seeds_needed("equal") is None
    assert advice.seeds_needed("alike") is None
    assert advice.ties == ["near", "equal", "alike"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: sweep([], X, y, X_test=X, y_test=y, sizes=SIZES, key=KEY), "devices must hold at least one"),
        (lambda X, y: advise(DeviceModel(8), X, y, key=KEY, seeds=1), "seeds must be a whole number of at least 2"),
        (lambda X, y: advise(DeviceModel(8), X, y, key=KEY, X_test=X), "X_test and y_test must be given together"),
        (lambda X, y: advise(DeviceModel(8), X, y, key=KEY, schemes=("x",)), "scheme must be one of"),
    ],
)
def test_wrong_input(data, call, message):
    with pytest.raises(ValueError, match=message):
        call(*data)
