"""Variability, synchrony, avalanches: closed forms, and what random trains must give."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.spiking import (
    SpikeTrains,
    avalanches,
    fano_factor,
    fit_power_law,
    interval_variation,
    local_variation,
    population_synchrony,
)

GENERATOR = np.random.default_rng(0)


def test_poisson_trains_have_unit_variability():
    times = np.cumsum(GENERATOR.exponential(10.0, 40_000))
    trains = SpikeTrains((times,), t_stop_ms=float(times[-1]))
    assert float(fano_factor(trains.counts(200.0))[0]) == pytest.approx(1, abs=0.15)
    assert interval_variation(times) == pytest.approx(1, abs=0.02)
    assert local_variation(times) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("shape", [2, 5])
def test_gamma_trains_have_the_known_variability(shape):
    times = np.cumsum(GENERATOR.gamma(shape, 1.0, 60_000))
    assert interval_variation(times) == pytest.approx(1 / np.sqrt(shape), rel=0.02)
    assert local_variation(times) == pytest.approx(3 / (2 * shape + 1), rel=0.03)  # Shinomoto et al. 2003


def test_fano_factors_of_many_units():
    counts = np.array([[1, 2], [3, 2], [5, 2]])
    np.testing.assert_allclose(fano_factor(counts), [8 / 9, 0])
    np.testing.assert_allclose(fano_factor(counts.T, axis=1), [8 / 9, 0])


def test_synchrony_of_independent_units_falls_with_their_number():
    noise = GENERATOR.normal(size=(20_000, 64))
    assert population_synchrony(noise) == pytest.approx(1 / 8, rel=0.05)
    assert population_synchrony(noise[:, :1] + np.zeros((1, 5))) == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.5), st.integers(1, 3), st.integers(1, 3))
def test_avalanches_are_the_maximal_runs(seed, density, bin_steps, threshold):
    spikes = np.random.default_rng(seed).random((41, 5)) < density
    activity = [int(spikes[i : i + bin_steps].sum()) for i in range(0, 41, bin_steps)]
    runs, run = [], []
    for count in [*activity, 0]:
        if count >= threshold:
            run.append(count)
        elif run:
            runs.append(run)
            run = []
    found = avalanches(spikes, bin_steps, threshold)
    assert found.sizes.tolist() == [sum(run) for run in runs]
    assert found.durations.tolist() == [len(run) for run in runs]


def test_every_spike_is_in_one_avalanche():
    spikes = GENERATOR.random((500, 20)) < 0.01
    assert avalanches(spikes).sizes.sum() == spikes.sum()
    assert avalanches(np.zeros((0, 3), bool)).sizes.size == 0


def test_power_law_is_recovered():
    pytest.importorskip("powerlaw")
    fit = fit_power_law(np.random.default_rng(1).zipf(2.5, 5000), smallest=5)
    assert fit.alpha == pytest.approx(2.5, abs=4 * fit.standard_error)
    assert fit.smallest == 5
    ratio, p = fit.against["exponential"]
    assert ratio > 0
    assert p < 0.05
    with pytest.raises(ValueError, match="alternatives must be among exponential"):
        fit_power_law(np.arange(1, 30), alternatives=("magic",))
    steep = fit_power_law(np.random.default_rng(1).geometric(0.3, 5000), smallest=2)
    assert steep.against["exponential"][0] < 0


def test_power_law_package_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "powerlaw", None)
    with pytest.raises(ImportError, match=r"fit_power_law needs powerlaw .*symplast"):
        fit_power_law(np.arange(1, 20))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fano_factor([3]), "counts must hold at least 2 trials"),
        (lambda: fano_factor([0, 0]), "counts must not all be 0"),
        (lambda: fano_factor([1, -1]), "counts must be finite and at least 0"),
        (lambda: fano_factor([1, np.nan]), "counts must be finite"),
        (lambda: interval_variation([1.0, 2.0]), "times_ms must hold at least 3 spikes"),
        (lambda: local_variation([3.0, 2.0, 1.0]), "times_ms must be rising"),
        (lambda: population_synchrony(np.ones((5, 2))), "signals must change in time"),
        (lambda: population_synchrony(np.ones(5)), "signals must be finite numbers"),
        (lambda: avalanches([[0, 3]]), "spikes must be 0 or 1"),
        (lambda: avalanches([[0, 1]], bin_steps=0), "bin_steps must be a whole number of at least 1"),
        (lambda: avalanches([[0, 1]], threshold=0), "threshold must be a whole number"),
        (lambda: fit_power_law([3] * 20), "sizes must not all be the same"),
        (lambda: fit_power_law([1.5] * 20), "sizes must be whole numbers"),
        (
            lambda: fit_power_law([1] * 20, smallest=2),
            "sizes must hold at least 10 numbers at or above smallest=2, got 0",
        ),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
