"""The tiny model: what it is shown, what it learns, one program for all dials."""

import jax
import jax.numpy as jnp
import numpy as np

from symplast.brain_alignment.tiny_vlm import TinyVLM, draw_claims, random_decisions, train_tiny
from symplast.lab.jax_setup import CompileClock


def test_claims_are_true_and_false_as_labelled():
    draw = jax.jit(draw_claims, static_argnums=(1, 2))
    claims = draw(jax.random.key(0), 500)
    cells = np.asarray(claims.cells) - 1
    pair = 6 * np.asarray(claims.shape) + np.asarray(claims.colour)
    shown = np.where(cells >= 0, cells // 6, -1)
    there = (shown == pair[:, None]).any(axis=1)
    np.testing.assert_array_equal(there, np.asarray(claims.truth) == 1)
    assert 0.4 < there.mean() < 0.6
    kinds = [len(np.unique(row[row >= 0])) for row in shown]
    assert set(kinds) == {3}
    assert set(np.unique(claims.level)) == set(range(11))
    assert (np.asarray(draw(jax.random.key(0), 9, 0).level) == 0).all()


def test_training_lowers_the_loss_and_dials_share_a_program():
    before = train_tiny._cache_size()
    trained = train_tiny(jnp.array([0.0, 1.0]), jax.random.key(0), steps=20, batch=16)
    train_tiny(jnp.array([0.25, 0.5]), jax.random.key(1), steps=20, batch=16)
    assert train_tiny._cache_size() == before + 1
    assert trained.loss.shape == (2, 20)
    assert np.isfinite(np.asarray(trained.loss)).all()
    assert trained.loss[1, -5:].mean() < trained.loss[1, :5].mean()  # always AGREE under pressure is easy


def test_float64():
    with jax.enable_x64(True):
        whole = jax.jit(lambda key: TinyVLM.create(key).logits(draw_claims(key, 3)))
        assert whole(jax.random.key(0)).dtype == jnp.float64


def test_other_keys_share_programs():
    keys, cases = jax.random.split(jax.random.key(0), 3), jnp.zeros(7, jnp.int32)
    decisions, truth = random_decisions(keys, keys[0], cases)
    assert (decisions.shape, truth.shape) == ((3, 7), (7,))
    keys_of_others = jax.random.split(jax.random.key(5), 3)
    with CompileClock() as clock:
        other, _ = random_decisions(keys_of_others, keys[1], cases)
    assert clock.count <= 1  # taking one of the keys
    assert not np.allclose(other, decisions)
