"""Masks of rule-flipped neurons."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.curl import SignMask, sign_vector
from symplast.learning import FeedForwardNet

KEY = jax.random.key(0)


@given(st.integers(1, 300), st.floats(0, 1))
@settings(deadline=None)
def test_a_share_is_rounded_down(size: int, share: float) -> None:
    flipped = int((np.asarray(sign_vector(size, share)) == -1).sum())
    assert flipped <= share * size + 1e-8
    assert flipped > share * size - 1


@pytest.mark.parametrize("flipped", [3, 0.3, np.arange(10) < 3, np.where(np.arange(10) < 3, -1.0, 1.0)])
def test_counts_shares_masks_and_signs_say_the_same(flipped) -> None:
    mask = SignMask.presynaptic((10, 2), (flipped,))
    np.testing.assert_array_equal(mask.signs[0], sign_vector(10, 3))


def test_random_choices_differ_by_layer_and_key() -> None:
    make = SignMask.presynaptic
    first, again, other = (make((40, 40, 1), (0.5, 0.5), "random", key) for key in (KEY, KEY, jax.random.key(1)))
    assert [int((s == -1).sum()) for s in first.signs] == [20, 20]
    np.testing.assert_array_equal(first.signs[0], again.signs[0])
    assert not np.array_equal(first.signs[0], other.signs[0])
    assert not np.array_equal(first.signs[0], first.signs[1])


def test_tree_puts_the_vectors_at_the_weights_of_a_network() -> None:
    network = FeedForwardNet((4, 3, 2), key=KEY)
    tree = SignMask.presynaptic((4, 3, 2), (1, None)).tree(network)
    assert tree.weights[0].tolist() == [-1, 1, 1, 1]
    assert jax.tree.leaves(tree.biases) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SignMask.presynaptic((4, 3), (0.1, 0.1)), r"one entry a weight matrix \(1\), got 2"),
        (lambda: SignMask.presynaptic((4,), ()), "at least two positive sizes"),
        (lambda: SignMask.presynaptic((4, 0), (1,)), "at least two positive sizes"),
        (lambda: SignMask.presynaptic((4, 3), (1.1,)), r"must be in \[0, 1\], got 1.1"),
        (lambda: SignMask.presynaptic((4, 3), (5,)), r"\[0, size=4\], got 5"),
        (lambda: SignMask.presynaptic((4, 3), (True,)), "a count .* or a share"),
        (lambda: SignMask.presynaptic((4, 3), (np.ones(3),)), "the layer's length 4, got shape"),
        (lambda: SignMask.presynaptic((4, 3), (np.array([1.0, 0, 1, 1]),)), r"\+1 and -1"),
        (lambda: SignMask.presynaptic((4, 3), (1,), "random"), "needs a key"),
        (lambda: SignMask._make((4,), (4, 3), (1,), "last", None, "pre"), "which must be first or random"),
        (lambda: SignMask.presynaptic((4, 3), (1,)).tree({"w": jnp.ones((3, 4))}), "tuple of 1 weights, found none"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
