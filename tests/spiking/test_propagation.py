"""Spikes through weights: equal to the product, however many there are and however batched."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.spiking import FanOut, propagate

GENERATOR = np.random.default_rng(0)
WEIGHTS = jnp.asarray(GENERATOR.normal(size=(5, 40, 30)), jnp.float32)


def spikes(density, *shape):
    return jnp.asarray(GENERATOR.random((*shape, 40)) < density)


@pytest.mark.parametrize("density", [0.0, 0.02, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("dense_above", [0, 5, 64])
def test_the_product(density, dense_above):
    fired = spikes(density)
    ours = propagate(WEIGHTS[0], fired, dense_above=dense_above)
    np.testing.assert_allclose(ours, np.asarray(fired, float) @ np.asarray(WEIGHTS[0], float), atol=1e-5)


def sparse(density):
    return np.where(GENERATOR.random((40, 30)) < density, np.asarray(WEIGHTS[0]), 0)


@pytest.mark.parametrize("connected", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("density", [0.0, 0.1, 1.0])
def test_fan_out_is_the_same_product(connected, density):
    matrix, fired = sparse(connected), spikes(density, 6)
    fan_out = FanOut.of_dense(matrix)
    expected = np.asarray(fired, float) @ matrix
    np.testing.assert_allclose(propagate(fan_out, fired[0]), expected[0], atol=1e-5)
    np.testing.assert_allclose(jax.vmap(propagate, in_axes=(None, 0))(fan_out, fired), expected, atol=1e-5)


def test_fan_outs_of_replicates():
    matrices = [sparse(1.0), sparse(1.0)]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *map(FanOut.of_dense, matrices))
    fired = spikes(0.2, 2)
    together = jax.vmap(propagate)(stacked, fired)
    np.testing.assert_allclose(together, np.einsum("rp,rpq->rq", fired, np.stack(matrices)), atol=1e-5)


def test_connections_may_repeat_and_come_in_any_order():
    fan_out = FanOut.of([1, 0, 1], [0, 1, 0], [2.0, 1.0, 3.0], n_pre=2, n_post=2)
    assert propagate(fan_out, jnp.array([True, True])).tolist() == [5, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FanOut.of([0], [0, 1], 1.0, n_pre=2, n_post=2), "pre, post and value must be of equal length"),
        (lambda: FanOut.of([2], [0], 1.0, n_pre=2, n_post=2), r"pre must lie in \[0, 2\)"),
        (lambda: FanOut.of([0], [-1], 1.0, n_pre=2, n_post=2), r"post must lie in \[0, 2\)"),
        (lambda: FanOut.of([0], [0], np.nan, n_pre=2, n_post=2), "value must be finite"),
        (lambda: FanOut.of_dense(np.ones(3)), "weights must be a matrix"),
        (lambda: FanOut.of([0.7], [1.0], 1.0, n_pre=2, n_post=2), "pre must hold whole numbers"),
        (lambda: propagate(FanOut.of([0], [1], 1.0, n_pre=3, n_post=2), jnp.ones(5, bool)), "one for each row"),
        (lambda: FanOut(jnp.array([[0, 3]]), jnp.ones((1, 2)), 2), r"targets must lie in \[0, n_post=2\], got 0 to 3"),
        (lambda: FanOut(jnp.array([[0, -1]]), jnp.ones((1, 2)), 2), r"targets must lie in \[0, n_post=2\], got -1"),
        (lambda: FanOut(jnp.array([[0]]), jnp.full((1, 1), jnp.nan), 2), "values must be finite"),
    ],
)
def test_wrong_connections(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_graded_spikes_are_refused():
    """The sparse way would have added whole rows for them, the dense way parts."""
    with pytest.raises(ValueError, match="spikes must be booleans, got float32"):
        inspect.unwrap(propagate)(WEIGHTS[0], jnp.full(40, 0.5, jnp.float32))


def test_rows_are_added_in_order_whatever_the_rest():
    fired = spikes(0.2)
    expected = np.zeros(30, np.float32)
    for cell in np.flatnonzero(fired):
        expected = expected + np.asarray(WEIGHTS[0])[cell]
    np.testing.assert_array_equal(propagate(WEIGHTS[0], fired), expected)


def test_a_batch_that_shares_its_weights():
    fired = spikes(0.1, 7)
    together = jax.vmap(propagate, in_axes=(None, 0))(WEIGHTS[0], fired)
    np.testing.assert_allclose(together, fired @ WEIGHTS[0], atol=1e-5)


@pytest.mark.parametrize("own_spikes", [True, False])
def test_replicates_with_weights_of_their_own(own_spikes):
    fired = spikes(0.1, 5) if own_spikes else spikes(0.1)
    together = jax.vmap(propagate, in_axes=(0, 0 if own_spikes else None))(WEIGHTS, fired)
    np.testing.assert_allclose(together, jnp.einsum("rpq,rp->rq", WEIGHTS, fired + jnp.zeros((5, 40))), atol=1e-5)


def test_replicates_of_replicates():
    fired = spikes(0.1, 3, 5)
    nested = jax.jit(jax.vmap(jax.vmap(propagate), in_axes=(None, 0)))(WEIGHTS, fired)
    np.testing.assert_allclose(nested, jnp.einsum("rpq,brp->brq", WEIGHTS, fired.astype(float)), atol=1e-5)


def test_batches_of_replicates():
    fired = spikes(0.1, 5, 4)
    nested = jax.vmap(lambda w, s: jax.vmap(lambda one: propagate(w, one))(s))(WEIGHTS, fired)
    np.testing.assert_allclose(nested, jnp.einsum("rpq,rbp->rbq", WEIGHTS, fired.astype(float)), atol=1e-5)
