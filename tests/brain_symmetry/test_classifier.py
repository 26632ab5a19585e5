"""The small network, and the slices on which splits are compared."""

import jax
import numpy as np
import pytest

from symplast.brain_symmetry.classifier import Siamese, logits_of, patches, train_siamese
from symplast.brain_symmetry.scoring import accuracy_of_split, auc, textured_slices

KEY = jax.random.key(0)


@pytest.mark.parametrize("shape", [(7, 8, 3), (8, 5, 1)])
def test_patches_make_a_convolution(shape):
    rng = np.random.default_rng(0)
    x, kernel = rng.standard_normal(shape), rng.standard_normal((3, 3, shape[2], 4))
    expected = jax.lax.conv_general_dilated(
        jax.numpy.asarray(x)[None], jax.numpy.asarray(kernel), (2, 2), ((1, 1), (1, 1)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )[0]  # fmt: skip
    own = patches(jax.numpy.asarray(x)) @ kernel.reshape(-1, 4)
    np.testing.assert_allclose(own, expected, atol=1e-4)


def test_it_learns_what_is_plain_to_see():
    rng = np.random.default_rng(1)
    pairs = 0.1 * rng.standard_normal((160, 2, 16, 16)).astype(np.float32)
    labels = np.arange(160) % 2
    for i in np.flatnonzero(labels):
        pairs[i, rng.integers(2), 4:10, 4:10] += 2
    assert accuracy_of_split(pairs, labels, np.arange(160), 8, KEY) > 0.9
    assert logits_of(Siamese(KEY), pairs[:5]).shape == (5,)
    with pytest.raises(ValueError, match="at least 32 images"):
        train_siamese(pairs[:8], labels[:8], 1, KEY)


def test_squares_lie_in_one_half():
    both, owner = textured_slices(4, KEY)
    assert both.shape == (2, 12, 2, 29, 65)
    assert owner.tolist() == np.repeat(np.arange(4), 3).tolist()
    changed = (both[0] != both[1]).sum(axis=(2, 3))
    assert np.array_equal(np.sort(changed, axis=1), np.tile([0, 36], (12, 1)))  # 6 x 6 pixels of 2 mm
    again, _ = textured_slices(4, KEY)
    np.testing.assert_array_equal(again, both)


def test_area_under_the_curve():
    assert auc(np.array([2.0, 3]), np.array([0.0, 1])) == 1
    assert auc(np.array([1.0]), np.array([1.0, 0])) == 0.75
