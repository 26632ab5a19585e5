"""The task: divisions, kinds of pairs, unordered rows."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.grokking import ModularTask
from symplast.grokking.task import GROUPS

ODD = st.integers(1, 8).map(lambda k: 2 * k + 1)


@settings(max_examples=25, deadline=None)
@given(p=ODD, share=st.floats(0.2, 1.0), seed=st.integers(0, 99))
def test_kinds_of_pairs_divide_all_pairs(p, share, seed):
    task = ModularTask(p, frac_train=share, key=jax.random.key(seed))
    masks = {group: task.mask(group) for group in GROUPS}
    assert masks["train"].sum() == int(share * p * p)
    np.testing.assert_array_equal(masks["common"] ^ masks["rare"], masks["train"])
    np.testing.assert_array_equal(masks["mirrored"] ^ masks["unseen"], masks["test"])
    np.testing.assert_array_equal(masks["rare"].T, masks["mirrored"])
    np.testing.assert_array_equal(masks["train"] ^ masks["test"], np.ones((p, p), bool))


@settings(max_examples=25, deadline=None)
@given(p=ODD, share=st.floats(0.2, 1.0), seed=st.integers(0, 99))
def test_unordered_rows_stand_for_the_ordered_pairs(p, share, seed):
    task = ModularTask(p, frac_train=share, key=jax.random.key(seed))
    tied, ordered = task.rows(), task.rows(tied=False)
    assert len(tied.x) == p * (p + 1) // 2
    values = np.random.default_rng(seed).random((p, p))
    values = values + values.T
    for group in tied.counts:
        assert tied.mean(group, values[tied.x, tied.y]) == pytest.approx(
            ordered.mean(group, values[ordered.x, ordered.y])
        )
        assert tied.counts[group].sum() == task.mask(group).sum()


def test_expected_mirrored_share():
    """f (1 - 1/p) = .717 at p = 23, with .62 to .80 as the middle 95 %."""
    shares = [ModularTask(23, frac_train=0.75, key=jax.random.key(seed)).mirrored_share for seed in range(300)]
    assert np.mean(shares) == pytest.approx(0.75 * 22 / 23, abs=0.01)
    assert np.std(shares) == pytest.approx(0.046, abs=0.007)
    assert np.quantile(shares, [0.025, 0.975]) == pytest.approx([0.62, 0.80], abs=0.03)


def test_the_authors_division(curves):
    task = ModularTask(23, train_pairs=curves["relu_grok/train_pairs"])
    assert (task.train.sum(), task.mask("mirrored").sum(), task.mask("test").sum()) == (396, 94, 133)
    np.testing.assert_array_equal(np.sort(task.test_pairs, axis=0), np.sort(curves["relu_grok/test_pairs"], axis=0))


def test_operations():
    assert ModularTask(7, "sub").labels[2, 5] == 4
    assert ModularTask(7, "x2xyy2").labels[2, 3] == 19 % 7
    assert ModularTask(9).labels.max() == 8  # composite moduli are allowed
    with pytest.raises(ValueError, match=r"at most 0\.571 of its answers"):
        ModularTask(7, "sub").rows()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p": 8}, "p must be odd and at least 3"),
        ({"p": 1}, "p must be a whole number of at least 3"),
        ({"p": 7.5}, "p must be a whole number"),
        ({"p": 7, "op": "mul"}, "op must be one of add, x2xyy2, sub"),
        ({"p": 7, "frac_train": 0}, r"frac_train must be a number in \(0, 1\]"),
        ({"p": 7, "frac_train": 1.2}, "frac_train must be"),
        ({"p": 7, "frac_train": float("nan")}, "frac_train must be"),
        ({"p": 3, "frac_train": 0.05}, "must leave a pair to learn"),
        ({"p": 7, "frac_train": 0.5}, "key must be given"),
        ({"p": 7, "train_pairs": [[1, 2], [1, 2]]}, "must not hold a pair twice"),
        ({"p": 7, "train_pairs": [[1, 7]]}, r"must lie in \[0, p - 1 = 6\]"),
        ({"p": 7, "train_pairs": [[0.5, 1]]}, "whole numbers"),
    ],
)
def test_wrong_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        ModularTask(**arguments)


def test_no_test_pairs_is_allowed():
    task = ModularTask(5)
    assert task.mirrored_share is None
    assert set(task.rows().counts) == {"train", "common"}
    with pytest.raises(ValueError, match="group must be one of"):
        task.mask("all")
