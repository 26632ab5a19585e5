"""The tiny model: what it is shown, what it learns, one program for all dials."""

import jax
import jax.numpy as jnp
import numpy as np

from symplast.brain_alignment.tiny_vlm import TinyVLM, draw_claims, train_tiny


def test_claims_are_true_and_false_as_labelled():
    claims = draw_claims(jax.random.key(0), 500)
    cells = np.asarray(claims.cells) - 1
    pair = 6 * np.asarray(claims.shape) + np.asarray(claims.colour)
    shown = np.where(cells >= 0, cells // 6, -1)
    there = (shown == pair[:, None]).any(axis=1)
    np.testing.assert_array_equal(there, np.asarray(claims.truth) == 1)
    assert 0.4 < there.mean() < 0.6
    kinds = [len(np.unique(row[row >= 0])) for row in shown]
    assert set(kinds) == {3}
    assert set(np.unique(claims.level)) == set(range(11))
    assert (np.asarray(draw_claims(jax.random.key(0), 9, level=0).level) == 0).all()


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
        model = TinyVLM.create(jax.random.key(0))
        assert model.logits(draw_claims(jax.random.key(1), 3)).dtype == jnp.float64
