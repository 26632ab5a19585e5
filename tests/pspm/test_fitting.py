"""Fits of known networks, recordings without a drive, metrics, and the command."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commanding import caller

from symplast.cli.pspm import app
from symplast.pspm import (
    PSPM,
    LIFParams,
    NotIdentifiable,
    Rule,
    assumed_drive,
    avalanche_distance,
    draw_drive,
    draw_weights,
    inhibitory_cells,
    isi_distance,
    simulate_lif,
    spike_distance,
    weight_recovery,
)
from symplast.pspm.fitting import permuted_weights

KEY = jax.random.key(1)
INHIBITORY = inhibitory_cells(16)
PARAMS = LIFParams()
call = caller(app)


@pytest.fixture(scope="module")
def recorded():
    drive, W = draw_drive(KEY, 200, 16, 1.2), draw_weights(KEY, INHIBITORY)
    start = draw_weights(jax.random.key(2), INHIBITORY, 0.048)
    return np.asarray(simulate_lif(W, drive, PARAMS).spikes), np.asarray(drive), np.asarray(start)


def trains(*times, steps=100):
    spikes = np.zeros((steps, 1))
    spikes[list(times)] = 1
    return spikes


def test_reference_values_of_the_metrics() -> None:
    target, student = trains(10, 30, 52), trains(12, 33, 70)
    assert spike_distance(target, student).pooled == pytest.approx(0.346642270788, abs=1e-12)
    assert spike_distance(target, target).pooled == 0
    assert spike_distance(target, trains()).pooled == pytest.approx(1, abs=1e-12)
    assert spike_distance(trains(), trains()).pooled == 0
    assert spike_distance(target, student, kind="van_rossum").pooled > 0
    assert isi_distance(target, student) == 0
    assert isi_distance(target, trains(10, 12, 52)) == pytest.approx(1.2247448714, abs=1e-10)
    assert isi_distance(trains(5), trains(5)) == 0
    assert avalanche_distance(target, trains()) == 1
    assert avalanche_distance(trains(), trains()) == 0
    two = np.array([[0, 1, 1, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0, 0, 1]]).T  # sizes 3, 1, 1
    ones = np.array([[1, 0, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0]]).T  # sizes 1, 1, 1
    assert avalanche_distance(two, ones) == pytest.approx(1 / 3)


def test_weight_recovery_ignores_the_signs_structure() -> None:
    inhibitory = inhibitory_cells(100)
    a, b = (np.asarray(draw_weights(jax.random.key(i), inhibitory)) for i in (5, 6))
    found = weight_recovery(a, b, inhibitory)
    assert abs(found.excitatory) < 0.05  # 7920 synapses: four standard errors
    off = ~np.eye(100, dtype=bool)
    assert np.corrcoef(a[off], b[off])[0, 1] > 0.6
    assert np.isnan(weight_recovery(a, a, np.zeros(100, bool)).inhibitory)


def test_fit_brings_spikes_nearer_and_keeps_dale(recorded) -> None:
    target, drive, start = recorded
    model = PSPM(INHIBITORY)
    found = model.fit(target, drive, start, epochs=60, key=KEY, watch_every=20)
    assert found.after < found.before
    assert found.W.shape == (16, 16)
    assert found.history.cost.shape == (60,)
    assert np.isfinite(found.history.distance[::20]).all()
    assert np.isnan(found.history.distance[1])
    assert (found.W[:, INHIBITORY] <= 0).all()
    assert (found.W[:, ~INHIBITORY] >= 0).all()
    np.testing.assert_array_equal(found.spikes, simulate_lif(found.W, drive, PARAMS).spikes)
    again = model.fit(target, drive, start, epochs=60, key=KEY, watch_every=20)
    np.testing.assert_array_equal(again.W, found.W)


def test_recording_without_drive_is_fitted_and_warned_of(recorded) -> None:
    target, _, _ = recorded
    with pytest.warns(NotIdentifiable, match="not identified"):
        found = PSPM(INHIBITORY).fit_recording(target, key=KEY, starts=2, epochs=10)
    assert found.drive_assumed
    assert found.fits.W.shape == (2, 16, 16)
    assert len(found.agreement) == 1
    check = PSPM(INHIBITORY).recovery_test(found.fits.W[0], found.drive, key=KEY, starts=2, epochs=10)
    assert np.isfinite(check.of_fitted).all()
    assert -1 <= check.recovered["excitatory"].value <= 1


def test_assumed_drive_meets_the_rate(recorded) -> None:
    target, _, start = recorded
    drive = assumed_drive(KEY, target, start, PARAMS)
    rate = float(np.asarray(simulate_lif(start, drive, PARAMS).spikes).mean())
    assert rate == pytest.approx(target.mean(), rel=0.05)
    with pytest.raises(ValueError, match="refractory"):
        assumed_drive(KEY, np.ones((20, 16), bool), start, PARAMS)


def test_a_rate_that_no_drive_meets_is_told() -> None:
    target = np.zeros((20, 16), bool)
    target[5, :3] = True  # without noise all neurons fire at once: none, or sixteen spikes
    with pytest.raises(ValueError, match="the nearest found is 100% off"):
        assumed_drive(KEY, target, np.zeros((16, 16)), PARAMS, sd=0.0)


def test_starts_and_costs_are_the_users(recorded) -> None:
    target, drive, start = recorded
    model = PSPM(
        INHIBITORY, Rule(skip_ms=1.0, sigma_ms=2.0), draw_start=lambda _, cells: jnp.where(cells, -1, 1) * abs(start)
    )
    check = model.recovery_test(start, drive, key=KEY, starts=2, epochs=2)
    assert check.of_fitted.excitatory > 0.9  # two epochs from the truth itself
    assert abs(check.recovered["excitatory"].value) < 0.4  # known networks have these weights at other synapses
    assert -1 <= check.recovered["excitatory"].low <= check.recovered["excitatory"].high <= 1
    found = model.fit(target, drive, start, epochs=2, key=KEY)
    assert found.before == pytest.approx(spike_distance(target, simulate_lif(start, drive, PARAMS).spikes, 2.0).pooled)
    assert found.history.cost[0] > PSPM(INHIBITORY).fit(target, drive, start, epochs=1, key=KEY).history.cost[0]


def test_permuted_weights_keep_signs_and_diagonal(recorded) -> None:
    start = recorded[2]
    moved = np.asarray(permuted_weights(KEY, jnp.asarray(start), INHIBITORY))
    assert (np.diag(moved) == 0).all()
    for columns in (INHIBITORY, ~INHIBITORY):
        np.testing.assert_array_equal(np.sort(moved[:, columns], axis=None), np.sort(start[:, columns], axis=None))
    assert abs(weight_recovery(start, moved, INHIBITORY).excitatory) < 0.3


def test_two_networks_are_two() -> None:
    assert PSPM(INHIBITORY) != PSPM(INHIBITORY)
    assert len({PSPM(INHIBITORY), PSPM(INHIBITORY)}) == 2


def test_wrong_input(recorded) -> None:
    target, drive, start = recorded
    fit = PSPM(INHIBITORY).fit
    for arguments, message in (
        ((target * 2.0, drive, start), "target_spikes must be 0 or 1"),
        ((target[:, 0], drive, start), "target_spikes must be"),
        ((target[:50], drive, start), "equally long"),
        ((target, drive, start + np.eye(16)), "diagonal"),
        ((target, drive, np.abs(start)), "Dale's law: column 13 of an inhibitory"),
        ((target, drive, start[:5, :5]), "W0 must be"),
        ((target[:, :5], drive, start), "one column for each entry of inhibitory"),
        ((target[:0], drive, start), "at least one step"),
        ((target, None, start), "drive must hold real numbers, .*got None"),
        ((target, 1.0, start), "drive must be"),
        ((target, drive * 1j, start), "drive must hold real numbers"),
        ((target, drive[:0], start), "drive must be"),
        ((target, drive, start[None][:0]), "at least one start"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(*arguments, epochs=1, key=KEY)
    for epochs in (0, True):
        with pytest.raises(ValueError, match="epochs must be a whole number"):
            fit(target, drive, start, epochs=epochs, key=KEY)
    with pytest.raises(ValueError, match="watch_every must be a whole number"):
        fit(target, drive, start, epochs=1, watch_every=0, key=KEY)
    with pytest.raises(ValueError, match="W must be 0 on the diagonal"):
        PSPM(INHIBITORY).recovery_test(start + np.eye(16), drive, key=KEY)
    with pytest.raises(ValueError, match="inhibitory must be true or false"):
        weight_recovery(start, start, np.full(16, 0.5))
    with pytest.raises(ValueError, match="mode must be"):
        PSPM(INHIBITORY, mode="magic")
    with pytest.raises(ValueError, match="inhibitory must be"):
        PSPM([0.5, 1])
    with pytest.raises(ValueError, match="starts must be"):
        PSPM(INHIBITORY).fit_recording(target, drive, key=KEY, starts=1)
    with pytest.raises(ValueError, match="one column for each entry of inhibitory"):
        PSPM(INHIBITORY).fit_recording(target.T, key=KEY)
    with pytest.raises(ValueError, match="one shape"):
        spike_distance(target, target[:5])


def test_command_fits_a_file_and_says_what_it_is_worth(recorded, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    target, drive, _ = recorded
    np.savez("spikes.npz", spikes=target, inhibitory=INHIBITORY, drive=drive)
    told = call("fit", "spikes.npz", "--starts", 2, "--epochs", 10, "--json")
    found = json.loads(told.stdout)
    assert len(found["distance_after"]) == 2
    assert not found["drive_assumed"]
    assert set(found["recovered_of_fitted"]) == {"excitatory", "inhibitory"}
    with np.load("spikes-fit.npz") as fit:
        assert fit["W"].shape == (2, 16, 16)
    told = call("fit", "spikes.npz", "--starts", 2, "--epochs", 10)
    assert "no error bar" in told.stdout
    np.savez("spikes.npz", spikes=target, inhibitory=np.ones(16, bool), drive=drive + 1, Drive=drive)
    told = call("fit", "spikes.npz", "--starts", 2, "--epochs", 2, "--mode", "local", "--refractory-ms", 1)
    assert "not used: Drive" in told.stderr
    assert "nan" not in told.stdout
    assert "excitatory weights can't be compared" in told.stdout
    assert json.loads(call("fit", "spikes.npz", "--starts", 2, "--epochs", 2, "--json").stdout)["agreement"] is None


def test_command_refuses_what_is_no_recording(tmp_path) -> None:
    np.savez(tmp_path / "half.npz", spikes=np.zeros((5, 2)))
    (tmp_path / "text.npz").write_text("no")
    np.savez(tmp_path / "slow.npz", spikes=np.zeros((5, 2)), inhibitory=[0, 1], dt_ms=[1.0, 2.0])
    np.savez(tmp_path / "word.npz", spikes=np.zeros((5, 2)), inhibitory=[0, 1], dt_ms="long")
    for name, message in (
        ("half.npz", "lacks inhibitory"),
        ("text.npz", "numpy.savez"),
        ("none.npz", "no file"),
        ("slow.npz", "dt_ms in .* must be one number"),
        ("word.npz", "dt_ms in .* must be one number"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            call("fit", tmp_path / name, "--weights", tmp_path / "w.npz")
    for weights in ("w.dat", "nowhere/w.npz"):
        with pytest.raises(ValueError, match="lie in a folder that exists"):
            call("fit", tmp_path / "half.npz", "--weights", tmp_path / weights)
    with pytest.raises(ValueError, match="must not be the recording itself"):
        call("fit", tmp_path / "half.npz", "--weights", tmp_path / "half.npz")
