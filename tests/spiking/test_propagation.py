"""Spikes through weights: equal to the product, however many there are and however batched."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.spiking import propagate

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
