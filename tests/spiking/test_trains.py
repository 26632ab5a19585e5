"""Spike trains: arrays and back, counts, Neo."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.spiking import SpikeTrains, van_rossum


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.25, 0.5, 1.0, 0.7]), st.floats(-50, 50))
def test_arrays_survive_the_way_there_and_back(seed, dt, t_start):
    spikes = np.random.default_rng(seed).random((40, 3)) < 0.3
    trains = SpikeTrains.of_array(spikes, dt, t_start)
    np.testing.assert_array_equal(trains.to_array(dt), spikes)
    assert trains.duration_ms == pytest.approx(40 * dt)
    np.testing.assert_allclose(trains.rates_hz, spikes.sum(axis=0) / (40 * dt) * 1000)


def test_a_sequence_of_trains():
    trains = SpikeTrains((np.array([1.0, 2.0]), np.array([])), t_stop_ms=10.0)
    assert len(trains) == 2
    assert trains[0].tolist() == [1.0, 2.0]
    assert [train.size for train in trains] == [2, 0]
    assert isinstance(trains[:1], SpikeTrains)
    assert len(trains[:1]) == 1
    assert trains[-1].size == 0


def test_counts_in_windows():
    trains = SpikeTrains((np.array([0.0, 4.9, 5.0, 14.0]), np.array([9.0])), t_stop_ms=16.0)
    assert trains.counts(5.0).tolist() == [[2, 0], [1, 1], [1, 0]]


def test_neo_and_back():
    neo = pytest.importorskip("neo")
    trains = SpikeTrains((np.array([1.5, 2.25]), np.array([])), t_stop_ms=10.0, t_start_ms=-1.0)
    as_neo = trains.to_neo()
    assert isinstance(as_neo[0], neo.SpikeTrain)
    back = SpikeTrains.of_neo([train.rescale("s") for train in as_neo])
    np.testing.assert_allclose(back[0], trains[0])
    assert (back.t_start_ms, back.t_stop_ms) == (-1.0, 10.0)


class StandIn:
    """What of_neo asks of a neo.SpikeTrain."""

    def __init__(self, seconds, start, stop):
        self.magnitude, self.start, self.stop = np.asarray(seconds, float), start, stop

    def rescale(self, unit):
        assert unit == "ms"
        return StandIn(1000 * self.magnitude, self.start, self.stop)

    t_start = property(lambda self: StandIn(self.start, 0, 0))
    t_stop = property(lambda self: StandIn(self.stop, 0, 0))

    def __float__(self):
        return float(self.magnitude)


def test_anything_that_looks_like_neo_is_read():
    trains = SpikeTrains.of_neo([StandIn([0.002, 0.001], 0.0, 0.01), StandIn([], -0.001, 0.02)])
    np.testing.assert_allclose(trains[0], [1.0, 2.0])
    assert (trains.t_start_ms, trains.t_stop_ms) == (-1.0, 20.0)
    in_seconds = StandIn([0.001, 0.002], 0.0, 0.01)
    assert van_rossum(in_seconds, np.array([1.0, 2.0]), 5.0) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(SpikeTrains([in_seconds], 10.0)[0], [1.0, 2.0])


def test_neo_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "neo", None)
    with pytest.raises(ImportError, match="to_neo needs the package neo"):
        SpikeTrains((np.array([1.0]),), t_stop_ms=2.0).to_neo()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SpikeTrains(([2.0, 1.0],), 10.0), r"times_ms\[0\] must be rising"),
        (lambda: SpikeTrains(([1.0], [1.0, 1.0]), 10.0), r"times_ms\[1\] must be rising"),
        (lambda: SpikeTrains(([np.nan],), 10.0), r"times_ms\[0\] must be finite"),
        (lambda: SpikeTrains(([11.0],), 10.0), r"spike times must lie in \[t_start_ms, t_stop_ms\]"),
        (lambda: SpikeTrains((), -1.0), "t_stop_ms must be later"),
        (lambda: SpikeTrains(([[1.0]],), 10.0), "must be one train of spike times"),
        (lambda: SpikeTrains.of_array([[0, 2]], 1.0), "spikes must be 0 or 1"),
        (lambda: SpikeTrains.of_array([0, 1], 1.0), "spikes must be"),
        (lambda: SpikeTrains.of_array([[0, 1]], 0.0), "dt_ms must be positive"),
        (lambda: SpikeTrains(([1.0, 1.2],), 10.0).to_array(0.5), "two spikes in one step"),
        (lambda: SpikeTrains(([1.0],), 10.0).to_array(0.3), "the window must be a whole number of steps"),
        (lambda: SpikeTrains(([1.0],), 10.0).counts(11.0), "window_ms must be at most the duration"),
        (lambda: SpikeTrains.of_neo([]), "at least one neo.SpikeTrain"),
    ],
)
def test_wrong_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
