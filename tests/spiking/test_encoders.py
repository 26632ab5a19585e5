"""Encoders: rates within sampling error, latencies by formula, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from symplast.spiking import latency_spikes, poisson_events, poisson_spikes


def dense(rates, duration, dt, dead, seed):
    return np.asarray(poisson_spikes(jax.random.key(seed), rates, duration, dt, dead_steps=dead))


def sparse(rates, duration, dt, dead, seed):
    return poisson_events(np.random.default_rng(seed), rates, duration, dt, dead_steps=dead).to_array()


@pytest.mark.parametrize("draw", [dense, sparse])
@pytest.mark.parametrize("dead", [0, 1, 5])
def test_mean_rates(draw, dead):
    rates = np.repeat([5.0, 63.75, 200.0], 2000)
    counts = draw(rates, 400.0, 0.5, dead, 0).reshape(800, 3, 2000).sum(axis=0)
    p = np.array([5.0, 63.75, 200.0]) * 0.5 / 1000
    chance = np.zeros((800 + dead, 3))  # of a spike in each step: alive, and a hit
    for t in range(dead, 800 + dead):
        chance[t] = p * (1 - chance[t - dead : t].sum(axis=0))
    expected = chance.sum(axis=0)
    assert expected == pytest.approx(800 * p / (1 + dead * p), rel=0.01)
    # the dead time makes trains more regular, so that Poisson's variance is an upper bound
    assert (np.abs(counts.mean(axis=1) - expected) < 4 * np.sqrt(expected / 2000)).all()


@pytest.mark.parametrize("draw", [dense, sparse])
def test_dead_time_is_kept(draw):
    spikes = draw(np.full(50, 1000.0), 100.0, 0.5, 3, 1)
    for train in spikes.T:
        assert np.diff(np.flatnonzero(train)).min() >= 4


@pytest.mark.parametrize("draw", [dense, sparse])
def test_intervals_are_geometric_after_the_dead_time(draw):
    spikes = draw(np.full(300, 400.0), 300.0, 0.5, 2, 2)
    gaps = np.concatenate([np.diff(np.flatnonzero(train)) for train in spikes.T]) - 3
    assert gaps.min() == 0
    counts = np.bincount(np.minimum(gaps, 12), minlength=13)
    expected = 0.2 * 0.8 ** np.arange(12)
    assert chisquare(counts, gaps.size * np.append(expected, 1 - expected.sum())).pvalue > 1e-4


@pytest.mark.parametrize("draw", [dense, sparse])
def test_first_spikes_do_not_wait(draw):
    first = draw(np.full(4000, 500.0), 1.0, 0.5, 4, 3)[0].mean()
    assert first == pytest.approx(0.25, abs=5 * np.sqrt(0.1875 / 4000))


@pytest.mark.parametrize("draw", [dense, sparse])
def test_silence_and_certainty(draw):
    spikes = draw(np.array([0.0, 2000.0]), 10.0, 0.5, 0, 0)
    assert spikes.sum(axis=0).tolist() == [0, 20]


def test_events_fit_in_the_narrowest_table():
    quiet = poisson_events(np.random.default_rng(0), np.zeros(10), 5.0, 0.5)
    full = poisson_events(np.random.default_rng(0), np.full(300, 2000.0), 5.0, 0.5)
    assert quiet.units.shape == (10, 8)
    assert full.units.shape == (10, 512)
    assert full.to_array().all()


@settings(max_examples=15, deadline=None)
@given(st.floats(0.02, 1.0))
def test_latencies_follow_the_charging_membrane(x):
    with jax.enable_x64(True):
        spikes = np.asarray(latency_spikes(jnp.array([x]), 100.0, 0.1, tau_ms=5.0, threshold=0.01))
    expected = 5.0 * np.log(x / (x - 0.01))
    assert np.flatnonzero(spikes).tolist() == [round(expected / 0.1)]


def test_stronger_is_earlier_and_weak_is_silent():
    x = jnp.linspace(0, 1, 21)
    for tau in (None, 4.0):
        spikes = np.asarray(latency_spikes(x, 200.0, 1.0, tau_ms=tau, threshold=0.1))
        fired = spikes.any(axis=0)
        np.testing.assert_array_equal(fired, np.asarray(x) > 0.1)
        assert (np.diff(spikes.argmax(axis=0)[fired]) <= 0).all()
        assert spikes.sum(axis=0).max() == 1


KEY, GENERATOR = jax.random.key(0), np.random.default_rng(0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: poisson_spikes(KEY, jnp.array([-1.0]), 10.0, 1.0), "rates_hz must be at least 0"),
        (lambda: poisson_spikes(KEY, [np.nan], 10.0, 1.0), "rates_hz must be at least 0 and finite"),
        (lambda: poisson_spikes(KEY, 1500.0, 10.0, 1.0), "rates_hz must be at most 1000 / dt_ms = 1000"),
        (lambda: poisson_spikes(KEY, 10.0, 10.3, 1.0), "duration_ms must be a whole number of steps"),
        (lambda: poisson_spikes(KEY, 10.0, 10.0, 0.0), "dt_ms must be positive"),
        (
            lambda: poisson_spikes(KEY, 10.0, 10.0, 1.0, dead_steps=-1),
            "dead_steps must be a whole number",
        ),
        (lambda: poisson_events(GENERATOR, [-1.0], 10.0, 1.0), "rates_hz must be at least 0"),
        (lambda: poisson_events(GENERATOR, [1500.0], 10.0, 1.0), "rates_hz must be at most"),
        (
            lambda: poisson_events(GENERATOR, [10.0], 10.0, 1.0, dead_steps=-1),
            "dead_steps must be a whole number",
        ),
        (lambda: latency_spikes([1.5], 10.0, 1.0), r"intensity must lie in \[0, 1\]"),
        (lambda: latency_spikes([np.nan], 10.0, 1.0), "intensity must lie"),
        (lambda: latency_spikes([0.5], 10.0, 1.0, tau_ms=0.0), "tau_ms must be positive"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
