"""Distances of spike trains: brute force, axioms, invariances, reference values."""

from functools import partial
from itertools import pairwise as consecutive

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symplast.spiking import (
    SpikeTrains,
    isi_distance,
    pair_spikes,
    pairwise,
    pooled_gaussian_distance,
    sampled_gaussian_distance,
    spike_distance,
    spike_synchronisation,
    van_rossum,
    victor_purpura,
)
from symplast.spiking.measures import interval_distances

STOP = 100.0
CALLS = settings(max_examples=25, deadline=None)
# eighths of a millisecond, exact in binary: ties stay ties however times are moved
trains = st.lists(st.integers(0, 800), max_size=12, unique=True).map(lambda t: np.sort(np.array(t, float)) / 8)
METRICS = {
    "van Rossum": partial(van_rossum, tau_ms=7.0),
    "van Rossum, Gaussian": partial(van_rossum, tau_ms=7.0, kernel="gaussian"),
    "Victor-Purpura": partial(victor_purpura, cost_per_ms=0.15),
}
WINDOWED = {
    "ISI": partial(isi_distance, t_stop_ms=STOP),
    "SPIKE": partial(spike_distance, t_stop_ms=STOP),
    "synchronisation": lambda a, b: 1 - spike_synchronisation(a, b, t_stop_ms=STOP),
}
ALL = METRICS | WINDOWED


@pytest.mark.parametrize("distance", ALL.values(), ids=ALL)
@CALLS
@given(trains, trains)
def test_symmetric_not_negative_zero_for_equals(distance, a, b):
    assert distance(a, a) == 0
    assert distance(a, b) == pytest.approx(distance(b, a), abs=1e-12)
    assert distance(a, b) >= 0


@pytest.mark.parametrize("distance", METRICS.values(), ids=METRICS)
@CALLS
@given(trains, trains, trains)
def test_triangle_inequality(distance, a, b, c):
    assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-9


@pytest.mark.parametrize("distance", METRICS.values(), ids=METRICS)
@CALLS
@given(trains, trains)
def test_different_trains_are_apart(distance, a, b):
    assume(not np.array_equal(a, b))
    assert distance(a, b) > 0


@pytest.mark.parametrize("distance", ALL.values(), ids=ALL)
@CALLS
@given(trains, trains)
def test_time_reversal(distance, a, b):
    def back(train):
        return STOP - train[::-1]

    assert distance(back(a), back(b)) == pytest.approx(distance(a, b), abs=1e-9)


@CALLS
@given(trains, trains, st.floats(-1e3, 1e3))
def test_shifts_change_nothing(a, b, by):
    assert van_rossum(a + by, b + by, 5.0) == pytest.approx(van_rossum(a, b, 5.0), abs=1e-6)
    assert victor_purpura(a + by, b + by, 0.2) == pytest.approx(victor_purpura(a, b, 0.2), abs=1e-9)
    for measure in (isi_distance, spike_distance):
        moved = measure(a + by, b + by, t_start_ms=by, t_stop_ms=STOP + by)
        assert moved == pytest.approx(measure(a, b, t_stop_ms=STOP), abs=1e-8)


@CALLS
@given(trains, trains, st.sampled_from([0.125, 0.5, 4.0]))
def test_time_has_no_unit_of_its_own(a, b, by):
    assert van_rossum(by * a, by * b, by * 5.0) == pytest.approx(van_rossum(a, b, 5.0), abs=1e-9)
    assert victor_purpura(by * a, by * b, 0.2 / by) == pytest.approx(victor_purpura(a, b, 0.2), abs=1e-9)
    for measure in (isi_distance, spike_distance, spike_synchronisation):
        scaled = measure(by * a, by * b, t_stop_ms=by * STOP)
        assert scaled == pytest.approx(measure(a, b, t_stop_ms=STOP), abs=1e-9)


@pytest.mark.parametrize("kernel", ["exponential", "gaussian"])
@CALLS
@given(trains, trains)
def test_van_rossum_is_the_integral(kernel, a, b):
    tau, dt = 4.0, 0.01
    t = np.arange(-60, 200, dt)

    def smooth(train):
        lag = t - train[:, None]
        k = np.exp(-(lag**2) / (2 * tau**2)) if kernel == "gaussian" else np.where(lag >= 0, np.exp(-lag / tau), 0)
        return k.sum(axis=0)

    unit = tau * np.sqrt(np.pi) if kernel == "gaussian" else tau / 2
    integral = ((smooth(a) - smooth(b)) ** 2).sum() * dt / unit
    assert van_rossum(a, b, tau, kernel=kernel) ** 2 == pytest.approx(integral, rel=0.02, abs=0.02)


@pytest.mark.parametrize("kernel", ["exponential", "gaussian"])
def test_van_rossum_of_long_trains_is_the_full_double_sum(kernel):
    generator = np.random.default_rng(0)
    a, b = (np.cumsum(generator.exponential(3.0, 1700)) for _ in range(2))
    t, s = np.concatenate([a, b]), np.repeat([1.0, -1.0], 1700)
    lag = np.abs(t[:, None] - t)
    c = np.exp(-lag / 5) if kernel == "exponential" else np.exp(-(lag**2) / 100)
    assert van_rossum(a, b, 5.0, kernel=kernel) ** 2 == pytest.approx(s @ c @ s, rel=1e-11)


def test_van_rossum_counts_spikes_when_time_hardly_matters_and_all_when_it_does():
    a, b = np.array([1.0, 50.0, 90.0]), np.array([30.0])
    assert van_rossum(a, b, 1e9) == pytest.approx(2, abs=1e-6)
    assert van_rossum(a, b, 1e-3) ** 2 == pytest.approx(4)


def brute_force_edit(a, b, q, forbidden=np.inf):
    """All ways of pairing, by recursion."""
    if not a or not b:
        return len(a) + len(b)
    gap = abs(a[-1] - b[-1])
    pair = brute_force_edit(a[:-1], b[:-1], q, forbidden) + q * gap if gap <= forbidden else np.inf
    return min(pair, 1 + brute_force_edit(a[:-1], b, q, forbidden), 1 + brute_force_edit(a, b[:-1], q, forbidden))


short = st.lists(st.integers(0, 30), max_size=5, unique=True).map(sorted)


@CALLS
@given(short, short, st.sampled_from([0.0, 0.1, 0.25, 3.0]))
def test_victor_purpura_is_the_least_over_all_edits(a, b, q):
    expected = brute_force_edit(a, b, q)
    assert victor_purpura(np.array(a, float), np.array(b, float), q) == pytest.approx(expected, abs=1e-12)


@CALLS
@given(short, short, st.integers(1, 8), st.integers(1, 8))
def test_pairing_costs_the_least_and_accounts_for_every_spike(a, b, window, skip):
    pairing = pair_spikes(np.array(a, float), np.array(b, float), float(window), float(skip))
    assert pairing.cost == pytest.approx(brute_force_edit(a, b, 1 / skip, window), abs=1e-12)
    apart = np.abs(np.diff(pairing.pairs, axis=1)).sum()
    assert apart / skip + len(pairing.missing) + len(pairing.extra) == pytest.approx(pairing.cost, abs=1e-12)
    assert sorted([*pairing.pairs[:, 0], *pairing.missing]) == a
    assert sorted([*pairing.pairs[:, 1], *pairing.extra]) == b
    assert (np.diff(pairing.pairs, axis=0) > 0).all()


def test_pairing_of_the_reference_trains():
    pairing = pair_spikes([10.0, 30.0, 52.0], [12.0, 33.0, 70.0], 5.0)
    assert pairing.cost == 3.0
    assert pair_spikes([10.0, 30.0, 52.0], [12.0, 33.0, 70.0], 5.0, skip_ms=1.2).missing.tolist() == [30, 52]
    assert pairing.pairs.tolist() == [[10, 12], [30, 33]]
    assert (pairing.missing.tolist(), pairing.extra.tolist()) == ([52], [70])


def test_of_equal_pairings_the_last_spike_is_paired_first():
    pairing = pair_spikes([10.0], [8.0, 12.0], 5.0)
    assert pairing.pairs.tolist() == [[10, 12]]
    assert pairing.extra.tolist() == [8]


def test_sampled_distance_of_the_reference_trains():
    target, model = np.zeros((100, 3)), np.zeros((100, 3))
    target[[10, 30, 52]] = 1
    model[[12, 33, 70], 0] = 1
    model[[10, 30, 52], 1] = 1
    distances = sampled_gaussian_distance(target, model, 5.0, 1.0)
    np.testing.assert_allclose(distances, [0.346642270788, 0, 1], atol=5e-13)
    assert sampled_gaussian_distance(0 * target, 0 * model, 5.0, 1.0).tolist() == [0, 0, 0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 40))
def test_sampled_distance_by_direct_sums(seed, sigma):
    a, b = np.random.default_rng(seed).random((2, 60, 4)) < 0.1
    lag = np.arange(60)[:, None] - np.arange(60)
    kernel = np.exp(-((lag * 0.5) ** 2) / (2 * sigma**2))
    f, g = kernel @ a, kernel @ b
    apart, size = ((f - g) ** 2).sum(axis=0), (f**2 + g**2).sum(axis=0)
    ours = sampled_gaussian_distance(a, b, sigma, 0.5)
    np.testing.assert_allclose(ours, apart / np.where(size, size, 1), atol=1e-12)
    pooled = float(pooled_gaussian_distance(a, b, sigma, 0.5))
    assert pooled == pytest.approx(apart.sum() / max(size.sum(), 1e-300), abs=1e-12)


def test_sampled_distance_runs_inside_jax():
    a, b = np.random.default_rng(0).random((2, 60, 5, 4)) < 0.1
    expected = pooled_gaussian_distance(a, b, 5.0, 1.0)
    ours = jax.jit(lambda a, b: pooled_gaussian_distance(a, b, 5.0, 1.0))(jnp.asarray(a), jnp.asarray(b))
    assert isinstance(ours, jax.Array)
    assert ours.dtype == jnp.float32
    np.testing.assert_allclose(ours, expected, rtol=1e-4)


def isi_by_sampling(a, b, start, stop, n=20_000):
    t = start + (np.arange(n) + 0.5) * (stop - start) / n

    def interval(train):
        first, last = train[1] - train[0], train[-1] - train[-2]
        edges = np.concatenate([[min(start, train[0] - first)], train, [max(stop, train[-1] + last)]])
        return np.diff(edges)[np.searchsorted(train, t, side="right")]

    x, y = interval(a), interval(b)
    return np.mean(np.abs(x - y) / np.maximum(x, y))


@settings(max_examples=25, deadline=None)
@given(trains, trains)
def test_isi_distance_is_the_mean_over_time(a, b):
    assume(a.size > 1)
    assume(b.size > 1)
    assert isi_distance(a, b, STOP) == pytest.approx(isi_by_sampling(a, b, 0, STOP), abs=2e-3)


def merged_distances(a, b, start, stop):
    """Both interval distances of two trains by going along all their events, in plain Python."""

    def outside(train):
        train = train if len(train) else [start, stop]
        several = len(train) > 1
        left = min(start, 2 * train[0] - train[1]) if several else start
        right = max(stop, 2 * train[-1] - train[-2]) if several else stop
        return [left, *train, right]

    def around(spikes, t):  # the interval that begins at t or before it
        i = max(k for k, spike in enumerate(spikes) if spike <= t)
        return min(i, len(spikes) - 2)

    def apart(spikes, others):
        near = [min(abs(spike - other) for other in others) for spike in spikes[1:-1]]
        return [near[0], *near, near[-1]]

    both = [outside(list(a)), outside(list(b))]
    gaps = [apart(both[0], both[1]), apart(both[1], both[0])]
    isi = spike = 0.0
    edges = sorted({start, stop, *a, *b})
    for begin, end in consecutive(edges):
        intervals, sums = [], []
        for spikes, gap in zip(both, gaps, strict=True):
            i = around(spikes, begin)
            intervals.append(spikes[i + 1] - spikes[i])
            slope = (gap[i + 1] - gap[i]) / intervals[-1]
            sums.append(2 * gap[i] + slope * (begin + end - 2 * spikes[i]))
        x, y = intervals
        isi += (end - begin) * abs(x - y) / max(x, y)
        spike += (end - begin) * (sums[0] * y + sums[1] * x) / (x + y) ** 2
    return isi / (stop - start), spike / (stop - start)


@settings(max_examples=25, deadline=None)
@given(several=st.lists(trains, min_size=1, max_size=5), tile=st.sampled_from([1, 2**20]))
def test_interval_distances_by_going_along_the_events(several, tile):
    with pytest.MonkeyPatch.context() as patch:  # in one table of counts, or pair by pair
        patch.setattr(interval_distances, "COUNTED", tile)
        isi, spike = (pairwise(measure, several, t_stop_ms=STOP) for measure in (isi_distance, spike_distance))
    expected = np.array([[merged_distances(a, b, 0.0, STOP) for b in several] for a in several])
    np.testing.assert_allclose(isi, expected[..., 0], rtol=0, atol=1e-14)
    np.testing.assert_allclose(spike, expected[..., 1], rtol=0, atol=1e-14)


def test_spike_distance_of_evenly_shifted_clocks():
    # every spike is 2 from the other train, all intervals are 10: S = (2 * 10 + 2 * 10) / (2 * 10^2) at all times
    a = np.arange(5.0, 100.0, 10.0)
    assert spike_distance(a, a + 2.0, t_start_ms=5.0, t_stop_ms=97.0) == pytest.approx(0.2, abs=1e-12)


def test_synchronisation_counts_coincident_spikes():
    a = np.array([10.0, 30.0, 50.0, 70.0])
    assert spike_synchronisation(a, a + 9.9, STOP) == 1.0
    assert spike_synchronisation(a, a[:2] + 1.0, STOP) == pytest.approx(4 / 6)
    assert spike_synchronisation([], [], STOP) == 1.0
    assert spike_synchronisation(a, [], STOP) == 0.0


@pytest.mark.parametrize(
    ("measure", "settings"),
    [
        (van_rossum, {"tau_ms": 7.0}),
        (van_rossum, {"tau_ms": 7.0, "kernel": "gaussian"}),
        (victor_purpura, {"cost_per_ms": 0.15}),
        (isi_distance, {"t_stop_ms": STOP}),
        (spike_distance, {"t_stop_ms": STOP}),
        (spike_synchronisation, {"t_stop_ms": STOP}),
    ],
)
@settings(max_examples=20, deadline=None)
@given(several=st.lists(trains, max_size=6))
def test_all_pairs_at_once_are_the_pairs_one_by_one(measure, settings, several):
    matrix = pairwise(measure, several, **settings)
    assert matrix.shape == (len(several), len(several))
    for i, a in enumerate(several):
        for j, b in enumerate(several):
            assert matrix[i, j] == pytest.approx(measure(a, b, **settings), abs=1e-7)


def test_many_pairs_go_in_several_rounds():
    several = [np.array([1.0 + i, 40.0]) for i in range(30)]
    matrix = pairwise(isi_distance, several, t_stop_ms=STOP)
    assert matrix[3, 29] == isi_distance(several[3], several[29], STOP)
    assert matrix[29, 3] == matrix[3, 29]


def test_pairwise_fills_in_the_window_and_the_other_half():
    several = SpikeTrains((np.array([1.0, 5.0]), np.array([2.0, 9.0]), np.array([])), t_stop_ms=10.0)
    matrix = pairwise(isi_distance, several)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert matrix[0, 1] == isi_distance([1.0, 5.0], [2.0, 9.0], 10.0)
    across = pairwise(van_rossum, several, several[:1], tau_ms=3.0)
    assert across.shape == (3, 1)
    alone = np.array([van_rossum(train, several[0], 3.0) for train in several])
    np.testing.assert_array_max_ulp(across[:, 0], alone, 2)  # NumPy's exp of one number and of many may differ by one


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: van_rossum([2.0, 1.0], [], 1.0), "a must be rising"),
        (lambda: van_rossum([], [1.0, 1.0], 1.0), "b must be rising"),
        (lambda: van_rossum([], [], 0.0), "tau_ms must be positive"),
        (lambda: van_rossum([], [], 1.0, kernel="box"), "kernel must be one of exponential, gaussian"),
        (lambda: victor_purpura([], [], -1.0), "cost_per_ms must be at least 0"),
        (lambda: victor_purpura([np.inf], [], 1.0), "a must be finite"),
        (lambda: pair_spikes([], [], 0.0), "window_ms must be positive"),
        (lambda: pair_spikes([], [], 5.0, 0.0), "skip_ms must be positive"),
        (lambda: isi_distance([5.0], [], t_stop_ms=4.0), "spike times must lie in"),
        (lambda: spike_distance([], [], t_stop_ms=0.0), "t_stop_ms must be later"),
        (lambda: pairwise(isi_distance, [[200.0], []], t_stop_ms=100.0), "spike times must lie in"),
        (lambda: pairwise(van_rossum, [[2.0, 1.0]], tau_ms=1.0), r"trains\[0\] must be rising"),
        (lambda: sampled_gaussian_distance(np.ones((3, 1)), np.ones((2, 1)), 1.0, 1.0), "A and B must be"),
        (lambda: sampled_gaussian_distance(np.ones(3), np.ones(3), 0.0, 1.0), "sigma_ms must be positive"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
