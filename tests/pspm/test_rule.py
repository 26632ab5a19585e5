"""One epoch of the rule against a plain loop with the same random numbers, and each of its parts."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.lab.jax_setup import CompileClock
from symplast.learning.compiling import lightly
from symplast.pspm import LIFParams, Rule, draw_drive, draw_weights, inhibitory_cells, simulate_lif
from symplast.pspm.fitting import side_by_side
from symplast.pspm.rule import (
    ARMS,
    BLOCK,
    SLOTS,
    _lists,
    _local_change,
    _permuted,
    _places,
    _pool,
    _previous,
    _sizes,
    _target_lists,
    _train,
    _train_briefly,
    dale,
    homeostatic_factor,
    train_lanes,
)
from symplast.spiking import pair_spikes, spike_steps

KEY = jax.random.key(3)
UNITS, STEPS = 10, 120
PARAMS = LIFParams()
INHIBITORY = inhibitory_cells(UNITS)
SIZES = _sizes(Rule(), PARAMS, UNITS)


@cache
def problem():
    drive = draw_drive(KEY, STEPS, UNITS, 1.3, 1.0)
    W, start = (draw_weights(jax.random.fold_in(KEY, i), INHIBITORY, s) for i, s in ((1, 0.08), (2, 0.048)))
    return np.asarray(simulate_lif(W, drive, PARAMS).spikes), drive, start


def one_epoch(arm, rule=None, epochs=1, fits=2):
    target, drive, start = problem()
    lanes = side_by_side(target, drive, INHIBITORY, arm, jax.random.split(KEY, fits))
    return train_lanes(rule or Rule(), PARAMS, lanes, jnp.stack([start] * fits), epochs), lanes, start


@jax.jit
def uniform(key, k):
    return jax.random.uniform(jax.random.fold_in(key, k), (UNITS, UNITS))


def drawn(key, k, known={}):  # noqa: B006 - remembers
    place = (*np.asarray(jax.random.key_data(key)).tolist(), k)
    if place not in known:
        known[place] = np.asarray(uniform(key, k))
    return known[place]


def by_hand(rule, key, local, homeo):
    """The update of one lane, event by event; random numbers drawn as the program draws them."""
    target, drive, start = problem()
    spikes = np.asarray(simulate_lif(start, drive, PARAMS).spikes)
    W, off = np.asarray(start, np.float64), np.zeros(UNITS)
    change = np.zeros((UNITS, UNITS))
    for i in range(UNITS):
        a, b = np.flatnonzero(target[:, i]), np.flatnonzero(spikes[:, i])
        pairing = pair_spikes(a.astype(float), b.astype(float), 5.0)
        events = [(int(t), 1) for t in pairing.missing] + [(int(t), -1) for t in pairing.extra]
        for pair in pairing.pairs if rule.shift else ():
            events += [(int(pair[0]), 1)] if pair[1] > pair[0] else []
        for pair in pairing.pairs if rule.shift else ():
            events += [(int(pair[1]), -1)] if pair[1] < pair[0] else []
        for k, (t, sign) in enumerate(events):
            pool = spikes[max(t - 10, 0) : t].any(axis=0)
            draw = drawn(key, k)[i]
            size = np.where(pool & (draw < 0.5), draw / 0.5, 0) * 0.005 * 40 / UNITS
            size[i] = 0
            change[i] += sign * size
        off[i] = 0.02 * (len(a) - len(b)) / max(len(a), len(b), 1)
    W = np.where(INHIBITORY, np.minimum(W + local * change, 0), np.maximum(W + local * change, 0))
    W = W + homeo * off[:, None] * np.abs(W)
    return np.where(INHIBITORY, np.minimum(W, 0), np.maximum(W, 0))


@pytest.mark.parametrize("shift", [False, True])
def test_an_epoch_equals_a_plain_loop(shift: bool) -> None:
    arms, costs = ["none", "local", "homeo", "both"], []
    for arm in arms:
        (W, history), lanes, start = one_epoch(arm, Rule(shift=shift))
        local, homeo, _ = ARMS[arm]
        for lane in range(2):
            key = jax.random.fold_in(lanes.keys[lane], 0)
            np.testing.assert_allclose(W[lane], by_hand(Rule(shift=shift), key, local, homeo), atol=1e-6, err_msg=arm)
        costs.append(history.cost[0])
        assert np.array_equal(W[1], start) == (arm == "none")
    assert np.ptp(np.asarray(costs)) == 0  # all start alike


def test_shuffling_keeps_each_neurons_changes_within_the_signs() -> None:
    drawn = np.random.default_rng(0).normal(size=(3, UNITS, UNITS)).astype(np.float32)
    change, inhibitory = jnp.asarray(drawn * (1 - np.eye(UNITS, dtype=np.float32))), jnp.asarray(INHIBITORY)
    moved = np.asarray(lightly(_permuted)(change, inhibitory, lightly(_places)(inhibitory), jax.random.split(KEY, 3)))
    assert (np.diagonal(moved, axis1=1, axis2=2) == 0).all()
    off = ~np.eye(UNITS, dtype=bool)
    for lane in range(3):
        for i in range(UNITS):
            for columns in (INHIBITORY & off[i], ~INHIBITORY & off[i]):
                np.testing.assert_array_equal(np.sort(moved[lane, i, columns]), np.sort(drawn[lane, i, columns]))
    assert (moved != np.asarray(change)).mean() > 0.5


def test_pool_is_who_fired_in_the_steps_before() -> None:
    spikes = np.zeros((30, 1, 1), bool)
    spikes[[4, 20]] = True
    before, latest = lightly(_previous)(jnp.asarray(spikes))
    pool_at = lightly(_pool)
    pool = [bool(pool_at(before, jnp.array([[time]]), jnp.array(10))[0, 0, 0]) for time in range(30)]
    assert np.flatnonzero(pool).tolist() == [*range(5, 15), *range(21, 30)]
    assert int(latest[0, 0]) == 20


@pytest.mark.parametrize("slots", [2, 20])
def test_lists_of_spikes_are_those_of_the_substrate(slots: int) -> None:
    spikes = np.random.default_rng(0).random((30, 2, 3)) < 0.3
    spikes[:, 0, 1] = False
    total = spikes.sum(axis=0)
    found = lightly(lambda s, n: _lists(*_previous(s), n, slots))(jnp.asarray(spikes), jnp.asarray(total, jnp.int32))
    steps_of = lightly(lambda train: spike_steps(train, slots))
    for lists in (found, _target_lists(spikes, slots)):
        np.testing.assert_array_equal(lists.total, total)
        for lane, unit in np.ndindex(2, 3):
            if total[lane, unit] <= slots:  # else the fit is done again with longer lists
                right = steps_of(jnp.asarray(spikes[:, lane, unit]))
                np.testing.assert_array_equal(lists.steps[lane, unit], right.steps)


def test_places_are_those_of_a_sorted_row() -> None:
    inhibitory = np.resize([False, True, False, True, False], UNITS)
    group = np.where(np.eye(UNITS, dtype=bool), 2, np.broadcast_to(inhibitory, (UNITS, UNITS)))
    order = np.argsort(group, axis=-1, kind="stable")
    np.testing.assert_array_equal(np.argsort(order, axis=-1), lightly(_places)(jnp.asarray(inhibitory)))


def test_no_coin_no_change() -> None:
    times, signs = np.full((1, 1, 2), 3, np.int32), np.ones((1, 1, 2), np.int32)
    before = np.zeros((5, 1, 2), np.int32)  # both fired at step 0
    given = jnp.asarray(times), jnp.asarray(signs), jnp.asarray(np.int32(1)), jnp.asarray(before)
    changed = lightly(lambda *given, p: _local_change(*given, 10, jax.random.split(KEY, 1), p, 0.1))
    assert (np.asarray(changed(*given, p=jnp.float32(0))) == 0).all()
    sure = np.asarray(changed(*given, p=jnp.float32(1)))
    assert (sure[0][~np.eye(2, dtype=bool)] > 0).all()


def test_homeostasis_and_dale() -> None:
    d = float(homeostatic_factor(jnp.array(4), jnp.array(2), 0.02))
    W = np.array([0.5, -0.2])
    np.testing.assert_allclose(W + d * np.abs(W), [0.505, -0.198], rtol=1e-6)
    assert float(homeostatic_factor(jnp.array(0), jnp.array(0), 0.02)) == 0
    clipped = dale(jnp.array([[0.1, 0.2], [-0.1, -0.2]]), jnp.array([False, True]))
    np.testing.assert_allclose(clipped, [[0.1, 0.0], [0.0, -0.2]])


def test_results_do_not_depend_on_the_batch_and_lists_grow() -> None:
    (together, _), _, _ = one_epoch("both", epochs=3)
    target, drive, start = problem()
    lanes = side_by_side(target, drive, INHIBITORY, "both", jax.random.split(KEY, 2)[:1])
    alone, _ = train_lanes(Rule(), PARAMS, lanes, start[None], 3)
    np.testing.assert_allclose(together[0], alone[0], atol=1e-6)
    busy = jnp.full((STEPS, 1, UNITS), 40.0)  # fires at every third step: more spikes than the first lists hold
    quiet = side_by_side(np.zeros((STEPS, UNITS), bool), busy[:, 0], INHIBITORY, "both", jax.random.split(KEY, 1))
    _, history = train_lanes(Rule(), PARAMS, quiet, start[None], 1)
    assert int(history.spikes[0, 0]) == 40 * UNITS > SLOTS * UNITS
    assert float(history.cost[0, 0]) == 40 * UNITS


def test_arms_and_step_sizes_compile_nothing_again_and_scale_with_the_network() -> None:
    (before, _), _, start = one_epoch("local", Rule(eta=0.005))
    with CompileClock() as clock:
        for arm in ARMS:
            one_epoch(arm, Rule(eta=0.02, p=0.3))
        (twice, _), lanes, _ = one_epoch("local", Rule(eta=0.01, p=0.5, eta_h=0.3))
        train_lanes(Rule(), PARAMS, lanes, jnp.stack([start] * 2), 1, watch_every=7)
        one_epoch("both", Rule(window_ms=4.0, skip_ms=3.0, pool_ms=8.0, sigma_ms=2.0, units=None))
    assert clock.count == 0
    moved = np.asarray(before[0] - start)
    free = (np.asarray(before[0]) != 0) & (np.asarray(twice[0]) != 0)  # where Dale's law cut nothing
    assert free.sum() > 20
    np.testing.assert_allclose(np.asarray(twice[0] - start)[free], 2 * moved[free], atol=1e-6)
    (unscaled, _), _, _ = one_epoch("local", Rule(eta=0.005 * 40 / UNITS, units=None))
    np.testing.assert_allclose(unscaled, before, atol=1e-7)


def as_users_do(*arguments):
    """Trained by the optimised program, which other tests leave out."""
    jax.config.update("jax_disable_most_optimizations", False)
    try:
        return _train(*arguments)
    finally:
        jax.config.update("jax_disable_most_optimizations", True)


def test_optimising_the_program_changes_no_weight() -> None:
    _, lanes, start = one_epoch("shuffled", epochs=3)
    lists = _target_lists(np.asarray(lanes.target), SLOTS)
    one, other = (
        train(SIZES, False, PARAMS, lanes, lists, jnp.stack([start] * 2), np.array([0, 3, 1], np.int32))
        for train in (as_users_do, _train_briefly)
    )
    np.testing.assert_allclose(one[0], other[0], atol=1e-6)
    np.testing.assert_array_equal(one[1].cost, other[1].cost)


def test_epochs_go_on_from_block_to_block() -> None:
    (first, _), lanes, start = one_epoch("both", epochs=BLOCK)
    last, history = train_lanes(Rule(), PARAMS, lanes, jnp.stack([start] * 2), BLOCK + 2, watch_every=10)
    lists = _target_lists(np.asarray(lanes.target), SLOTS)
    again, _, _ = _train_briefly(SIZES, False, PARAMS, lanes, lists, first, np.array([BLOCK, BLOCK + 2, 1], np.int32))
    np.testing.assert_array_equal(last, again)
    assert history.cost.shape == (BLOCK + 2, 2)
    assert np.flatnonzero(np.isfinite(history.distance[:, 0])).tolist() == [0, 10, 20]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"p": 1.5}, "p must be"),
        ({"window_ms": 0}, "window_ms"),
        ({"pool_ms": -1}, "pool_ms"),
        ({"skip_ms": 0}, "skip_ms"),
        ({"sigma_ms": 0}, "sigma_ms"),
        ({"eta": -1}, "eta"),
        ({"units": 0}, "units"),
    ],
)
def test_wrong_parameters(settings, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Rule(**settings)
