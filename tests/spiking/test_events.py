"""Event-driven steps: the same numbers as dense ones, in place, replicates side by side."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.lab.jax_setup import CompileClock
from symplast.spiking import (
    LIF,
    EventTable,
    ExponentialSynapse,
    Trace,
    gather_rows,
    simulate,
    sum_rows,
    update_columns,
    update_rows,
)

PRE, POST, STEPS = 12, 7, 90
RATE, LIMIT = np.float32(0.05), np.float32(0.6)
TRACE = Trace(20.0, 0.1, method="euler")
CELLS = LIF(tau_ms=20.0, refractory_ms=2.0)
SYNAPSE = ExponentialSynapse(5.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_tables_hold_every_event(seed, density):
    spikes = np.random.default_rng(seed).random((11, 9)) < density
    table = EventTable.of_array(spikes, widths=(2, 4))
    np.testing.assert_array_equal(table.to_array(), spikes)
    fullest = spikes.sum(axis=1).max()
    assert table.units.shape[1] == next(width for width in (2, 4, 8, 16) if fullest <= width)
    assert (np.diff(np.asarray(table.units), axis=1) >= 0).all()


def test_events_may_come_in_any_order():
    table = EventTable.of([2, 0, 2], [0, 3, 1], n_steps=4, n_units=4, widths=(2,))
    assert table.units.tolist() == [[3, 4], [4, 4], [0, 1], [4, 4]]


def potentiate_rows(post_trace):
    return lambda rows: jnp.minimum(rows + RATE * post_trace, LIMIT)


def potentiate_column(column, cell, pre_trace):
    return jnp.minimum(column + RATE * pre_trace, LIMIT)


@jax.jit
def potentiated_columns(weights, spikes, trace):
    return update_columns(weights, spikes, potentiate_column, trace)


def dense_columns(weights, spikes, pre_trace):
    changed = jnp.minimum(weights + RATE * pre_trace[:, None], LIMIT)
    return jnp.where(spikes, changed, weights)


def dense_rows(weights, spikes, post_trace):
    changed = jnp.minimum(weights + RATE * post_trace, LIMIT)
    return jnp.where(spikes[:, None], changed, weights)


def start(seed):
    weights = jax.random.uniform(jax.random.key(seed), (PRE, POST), maxval=0.55)
    fired = jnp.zeros(POST, bool)
    return weights, CELLS.init((POST,)), SYNAPSE.init((POST,)), TRACE.init((PRE,)), TRACE.init((POST,)), fired


def learning_step(rows, columns, arriving):
    """Symmetric plasticity in a layer: pre branch, post branch, traces, cells."""

    def step(state, now):
        weights, cells, synapse, pre, post, fired = state
        units, spikes = now
        synapse, current = SYNAPSE.step(synapse, arriving(weights, units, spikes), 0.5)
        weights = rows(weights, units, spikes, post)
        pre = TRACE.add(pre, spikes)
        weights = columns(weights, fired, pre)
        post = TRACE.add(post, fired)
        cells, fired = CELLS.step(cells, 3 * current, 0.5)
        return (weights, cells, synapse, TRACE.decay(pre, 0.5), TRACE.decay(post, 0.5), fired), fired

    return step


event_step = learning_step(
    lambda w, units, spikes, post: update_rows(w, units, potentiate_rows(post)),
    lambda w, fired, pre: update_columns(w, fired, potentiate_column, pre),
    lambda w, units, spikes: gather_rows(w, units).sum(axis=0),
)
dense_step = learning_step(
    lambda w, units, spikes, post: dense_rows(w, spikes, post),
    lambda w, fired, pre: dense_columns(w, fired, pre),
    # the same few numbers in the same order as the gathered rows, then zeros
    lambda w, units, spikes: jnp.where(jnp.arange(len(units))[:, None] < spikes.sum(), w[units], 0).sum(axis=0),
)


def inputs(seed):
    spikes = np.random.default_rng(seed).random((STEPS, PRE)) < 0.15
    return EventTable.of_array(spikes).units, jnp.asarray(spikes)


@pytest.mark.parametrize("seed", range(4))
def test_a_whole_run_equals_the_dense_one_bit_for_bit(seed):
    sparse_state, sparse_spikes = simulate(event_step, start(seed), inputs(seed))
    dense_state, dense_spikes = simulate(dense_step, start(seed), inputs(seed))
    assert 5 < sparse_spikes.sum() < STEPS * POST
    assert (sparse_state[0] != start(seed)[0]).any()
    np.testing.assert_array_equal(sparse_spikes, dense_spikes)
    np.testing.assert_array_equal(sparse_state[0], dense_state[0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_columns_equal_the_dense_update(seed, density):
    generator = np.random.default_rng(seed)
    weights = jnp.asarray(generator.random((PRE, POST)), jnp.float32)
    spikes, trace = jnp.asarray(generator.random(POST) < density), jnp.asarray(generator.random(PRE), jnp.float32)
    ours = potentiated_columns(weights, spikes, trace)
    np.testing.assert_array_equal(ours, dense_columns(weights, spikes, trace))


def test_rows_gathered_and_summed_are_the_product():
    generator = np.random.default_rng(0)
    spikes = generator.random((30, PRE)) < 0.3
    weights = jnp.asarray(generator.random((PRE, POST)), jnp.float32)
    units = EventTable.of_array(spikes).units
    sums = jax.vmap(lambda row: gather_rows(weights, row).sum(axis=0))(units)
    np.testing.assert_allclose(sums, spikes @ np.asarray(weights), rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(sum_rows, in_axes=(None, 0))(weights, units), sums, rtol=1e-6)
    several = jnp.stack([weights, 2 * weights])
    twice = jax.vmap(lambda w: jax.vmap(lambda row: sum_rows(w, row))(units))(several)
    np.testing.assert_allclose(twice[1], 2 * sums, rtol=1e-6)


def test_a_full_table_is_summed_to_its_end():
    weights = jnp.arange(8.0).reshape(4, 2)
    assert sum_rows(weights, jnp.array([0, 1, 2, 3])).tolist() == [12, 16]
    assert sum_rows(weights, jnp.array([4, 4])).tolist() == [0, 0]


def test_rules_see_which_cell_they_serve():
    rule = jnp.array([1.0, 10.0, 100.0])
    weights = update_columns(
        jnp.ones((2, 3)), jnp.array([True, False, True]), lambda column, cell, r: column * r[cell], rule
    )
    assert weights.tolist() == [[1, 1, 100], [1, 1, 100]]


@pytest.mark.parametrize("shared", [False, True])
def test_replicates_side_by_side(shared):
    seeds = range(5)
    states = jax.tree.map(lambda *x: jnp.stack(x), *map(start, seeds))
    both = inputs(0) if shared else jax.tree.map(lambda *x: jnp.stack(x), *map(inputs, seeds))
    together = jax.vmap(lambda s, i: simulate(event_step, s, i), in_axes=(0, None if shared else 0))(states, both)
    for seed in seeds:
        alone = simulate(event_step, start(seed), inputs(0 if shared else seed))
        np.testing.assert_array_equal(together[1][seed], alone[1])
        np.testing.assert_allclose(together[0][0][seed], alone[0][0], rtol=1e-6)


def test_replicates_of_replicates():
    generator = np.random.default_rng(0)
    weights = jnp.asarray(generator.random((2, 3, PRE, POST)), jnp.float32)
    spikes = jnp.asarray(generator.random((3, POST)) < 0.4)
    traces = jnp.asarray(generator.random((2, 3, PRE)), jnp.float32)

    def one(w, s, t):
        return update_columns(w, s, potentiate_column, t)

    nested = jax.jit(jax.vmap(jax.vmap(one), in_axes=(0, None, 0)))(weights, spikes, traces)
    for i in range(2):
        for j in range(3):
            np.testing.assert_array_equal(nested[i, j], dense_columns(weights[i, j], spikes[j], traces[i, j]))


@pytest.mark.parametrize("replicates", [None, 3])
def test_weights_are_changed_in_place(replicates):
    """A copy of the weights in each step would cost more than the step."""
    pre, post = 300, 200

    def run(weights, units, fired, trace):
        def step(w, now):
            rows, columns = now
            w = update_rows(w, rows, lambda r: r + trace.sum())
            return update_columns(w, columns, potentiate_column, trace), None

        return jax.lax.scan(step, weights, (units, fired))[0]

    shapes = [((pre, post), jnp.float32), ((50, 8), jnp.int32), ((50, post), bool), ((pre,), jnp.float32)]
    if replicates:
        run, shapes = jax.vmap(run), [((replicates, *shape), dtype) for shape, dtype in shapes]
    arguments = [jax.ShapeDtypeStruct(*shape) for shape in shapes]
    program = jax.jit(run, donate_argnums=0).lower(*arguments).compile()
    assert program.memory_analysis().temp_size_in_bytes < 0.5 * pre * post * 4 * (replicates or 1)


def test_one_program_for_all_tables_of_a_width():
    simulate(event_step, start(0), inputs(0))
    with CompileClock() as clock:
        ready = [(start(seed), inputs(seed)) for seed in (5, 6)]
        before = clock.count
        jax.block_until_ready([simulate(event_step, *arguments) for arguments in ready])
        assert clock.count == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EventTable.of([0, 1], [0], n_steps=2, n_units=2), "step and unit must have equal length"),
        (lambda: EventTable.of([2], [0], n_steps=2, n_units=2), r"step must lie in \[0, 2\)"),
        (lambda: EventTable.of([0], [-1], n_steps=2, n_units=2), r"unit must lie in \[0, 2\)"),
        (lambda: EventTable.of([0, 0], [1, 1], n_steps=2, n_units=2), "a unit can fire once in a step"),
        (lambda: EventTable.of_array([True]), "spikes must be"),
    ],
)
def test_wrong_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
