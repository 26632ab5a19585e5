"""Pooling of tokens and features of any model."""

import numpy as np
import pytest

from symplast.brain_alignment import features, pool

TOKENS = np.random.default_rng(0).normal(size=(3, 6, 6, 2))


def test_a_grid_of_one_is_the_mean_and_of_all_is_flat():
    np.testing.assert_allclose(pool(TOKENS, "grid(1)"), pool(TOKENS))
    np.testing.assert_allclose(pool(TOKENS, "grid(6)"), pool(TOKENS, "flatten"))
    np.testing.assert_allclose(pool(TOKENS.reshape(3, 36, 2), "grid(3)"), pool(TOKENS, "grid(3)"))
    np.testing.assert_allclose(pool(TOKENS, "field(2.5,2.5,1e6)"), pool(TOKENS), atol=1e-9)
    np.testing.assert_allclose(pool(TOKENS, "field(1,4,0.05)"), TOKENS[:, 1, 4])
    np.testing.assert_allclose(pool(TOKENS.reshape(3, 36, 2), "cls"), TOKENS[:, 0, 0])


@pytest.mark.parametrize("pooling", ["max", "grid(7)", "grid(x)", "field(1)", "field(1,1,-1)", "cls"])
def test_wrong_poolings(pooling):
    with pytest.raises(ValueError, match="pooling"):
        pool(TOKENS, pooling)


def test_features_in_batches():
    sizes = []

    def model(batch):
        sizes.append(len(batch))
        return np.stack(batch)

    found = features(model, list(TOKENS), pooling="grid(2)", batch=2)
    np.testing.assert_allclose(found, pool(TOKENS, "grid(2)"), rtol=1e-6)
    assert sizes == [2, 1]
    with pytest.raises(ValueError, match="one row an image"):
        features(lambda batch: np.zeros((7, 2)), list(TOKENS))
    with pytest.raises(ValueError, match="no torch module"):
        features(model, list(TOKENS), layer="blocks.3")
    with pytest.raises(ValueError, match="must not be empty"):
        features(model, [])
