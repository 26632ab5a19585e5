"""The measures next to elephant and PySpike: golden numbers always, the packages themselves where installed."""

import json
from pathlib import Path

import numpy as np
import pytest

from symplast.spiking import (
    SpikeTrains,
    fano_factor,
    interval_variation,
    isi_distance,
    local_variation,
    pairwise,
    spike_distance,
    spike_synchronisation,
    van_rossum,
    victor_purpura,
)

GOLDEN = json.loads((Path(__file__).parent / "oracles.json").read_text())
STOP = GOLDEN["t_stop_ms"]
TRAINS = SpikeTrains(tuple(np.array(train, float) for train in GOLDEN["trains"].values()), STOP)
MEASURES = {
    "van_rossum": (van_rossum, {"tau_ms": 10.0}),
    "victor_purpura": (victor_purpura, {"cost_per_ms": 0.1}),
    "isi_distance": (isi_distance, {}),
    "spike_distance": (spike_distance, {}),
    "spike_synchronisation": (spike_synchronisation, {}),
}


@pytest.mark.parametrize("name", MEASURES)
def test_golden_matrices(name):
    measure, settings = MEASURES[name]
    np.testing.assert_allclose(pairwise(measure, TRAINS, **settings), GOLDEN[name], rtol=0, atol=1e-13)


def test_golden_variability():
    spikes = list(TRAINS)
    assert float(fano_factor([train.size for train in spikes[:5]])) == pytest.approx(GOLDEN["fano_factor"], abs=1e-14)
    for train, cv, lv in zip(
        spikes, GOLDEN["interval_variation"].values(), GOLDEN["local_variation"].values(), strict=False
    ):
        assert interval_variation(train) == pytest.approx(cv, abs=1e-14)
        assert local_variation(train) == pytest.approx(lv, abs=1e-14)


def random_trains(seed, n=4):
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 30, n)
    times = tuple(np.unique(generator.uniform(0, STOP, size).round(2)) for size in sizes)
    return SpikeTrains(times, STOP)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.filterwarnings("ignore")
def test_elephant_itself(seed):
    dissimilarity = pytest.importorskip("elephant.spike_train_dissimilarity")
    ms = pytest.importorskip("quantities").ms
    trains = random_trains(seed)
    theirs = dissimilarity.van_rossum_distance(trains.to_neo(), time_constant=10 * ms)
    np.testing.assert_allclose(pairwise(van_rossum, trains, tau_ms=10.0), theirs, atol=1e-6)  # its zeros are 1e-7
    theirs = dissimilarity.victor_purpura_distance(trains.to_neo(), cost_factor=0.1 / ms)
    np.testing.assert_allclose(pairwise(victor_purpura, trains, cost_per_ms=0.1), theirs, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.filterwarnings("ignore")
def test_pyspike_itself(seed):
    pyspike = pytest.importorskip("pyspike")
    trains = random_trains(seed)
    theirs = [pyspike.SpikeTrain(train, [0, STOP]) for train in trains]
    for ours, oracle in (
        (isi_distance, pyspike.isi_distance),
        (spike_distance, pyspike.spike_distance),
        (spike_synchronisation, pyspike.spike_sync),
    ):
        expected = [[oracle(a, b) for b in theirs] for a in theirs]
        np.testing.assert_allclose(pairwise(ours, trains), expected, atol=1e-12)
