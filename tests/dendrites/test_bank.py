"""Segment banks: both forms agree with plain counting."""

import jax
import numpy as np
import pytest

from symplast.dendrites import DendriticSegment, SegmentBank, estimate_from_data, neuron_fp
from symplast.dendrites.bank import _indexed_overlap


def dense_of(indices, n):
    dense = np.zeros((len(indices), n), bool)
    for row, cells in enumerate(indices):
        dense[row, [c for c in cells if c >= 0]] = True
    return dense


@pytest.fixture
def indices():
    generator = np.random.default_rng(0)
    return np.stack([generator.choice(40, 6, replace=False) for _ in range(9)])


@pytest.fixture
def patterns():
    return np.random.default_rng(1).random((70, 40)) < 0.3


def test_overlap_counts_shared_cells_in_both_forms(indices, patterns):
    expected = patterns.astype(int) @ dense_of(indices, 40).T
    for bank in (SegmentBank(indices, n=40), SegmentBank(dense_of(indices, 40))):
        overlap = bank.overlap(patterns)
        assert overlap.dtype == np.int32
        np.testing.assert_array_equal(overlap, expected)
        np.testing.assert_array_equal(bank.fires(patterns, 3), expected >= 3)
        thetas = np.arange(9)
        np.testing.assert_array_equal(bank.fires(patterns, thetas), expected >= thetas)
        assert bank.n == 40
        assert bank.sizes.tolist() == [6] * 9


def test_single_pattern_and_empty_slots():
    bank = SegmentBank(np.array([[0, 2, -1], [1, -1, -1]]), n=3)
    assert bank.overlap(np.array([True, False, True])).tolist() == [[2, 0]]
    assert bank.sizes.tolist() == [2, 1]


def test_subsampled_segments_lie_in_their_patterns(patterns):
    bank = SegmentBank.from_patterns(patterns, s=5, key=jax.random.key(0))
    assert np.diag(bank.overlap(patterns)).tolist() == [5] * 70
    other = SegmentBank.from_patterns(patterns, s=5, key=jax.random.key(1))
    assert not np.array_equal(bank.synapses, other.synapses)


def test_subsampling_is_uniform():
    pattern = np.zeros((4000, 12), bool)
    pattern[:, [1, 4, 5, 9, 11]] = True
    cells = np.asarray(SegmentBank.from_patterns(pattern, s=2, key=jax.random.key(2)).synapses)
    counts = np.bincount(cells.ravel(), minlength=12)
    assert counts[[0, 2, 3, 6, 7, 8, 10]].sum() == 0
    assert np.abs(counts[[1, 4, 5, 9, 11]] - 1600).max() < 5 * np.sqrt(4000 * 0.4 * 0.6)


def test_theory_predicts_the_bank_s_false_positives():
    generator = np.random.default_rng(3)
    stored = generator.random((200, 300)).argsort(axis=1) < 40
    shown = generator.random((2000, 300)).argsort(axis=1) < 40
    rate = float(SegmentBank.from_patterns(stored, s=20, key=jax.random.key(3)).fires(shown, 6).mean())
    theory = float(DendriticSegment(300, 40, 20, 6).fp())
    spread = np.sqrt(theory / 400_000)  # all pairs are pairwise independent
    assert abs(rate - theory) < 4 * spread


@pytest.mark.parametrize("dense", [True, False])
def test_union_mixes_consecutive_segments(indices, dense):
    bank = SegmentBank(dense_of(indices, 40)) if dense else SegmentBank(indices, n=40)
    mixed = bank.union(3)
    assert mixed.dense == dense
    expected = dense_of(indices, 40).reshape(3, 3, 40).any(axis=1)
    np.testing.assert_array_equal(mixed.overlap(np.eye(40, dtype=bool)).T, expected)
    assert mixed.sizes.tolist() == expected.sum(axis=1).tolist()


def test_union_never_forgets_a_stored_pattern(patterns):
    bank = SegmentBank.from_patterns(patterns, s=5, key=jax.random.key(0)).union(7)
    own = np.asarray(bank.overlap(patterns))[np.arange(70), np.arange(70) // 7]
    assert (own >= 5).all()


def test_bank_passes_through_jit(indices, patterns):
    bank = SegmentBank(indices, n=40)
    total = jax.jit(lambda b: _indexed_overlap(patterns, b.synapses).sum())(bank)
    assert int(total) == int(bank.overlap(patterns).sum())


def test_one_program_for_equal_shapes(indices, patterns):
    bank = SegmentBank(indices, n=40)
    bank.overlap(patterns)
    before = _indexed_overlap._cache_size()
    SegmentBank(indices[::-1], n=40).overlap(~patterns)
    assert _indexed_overlap._cache_size() == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SegmentBank(np.array([[0, 5]]), n=5), r"cell indices in \[0, n=5\)"),
        (lambda: SegmentBank(np.array([[0, -2]]), n=5), "cell indices"),
        (lambda: SegmentBank(np.array([[1, 1]]), n=5), "distinct cells"),
        (lambda: SegmentBank(np.array([[0, 1]])), "n must be a whole number of at least 1"),
        (lambda: SegmentBank(np.zeros((2, 5), bool), n=6), "n must equal the 5 columns"),
        (lambda: SegmentBank(np.zeros((2, 5))), r"synapses must be bool\[G, n\]"),
        (lambda: SegmentBank(np.array([0, 1]), n=5), "synapses must be"),
        (lambda: SegmentBank(np.array([[0, 1]]), n=5).overlap(np.zeros((1, 6), bool)), "A must be 5 cells wide"),
        (lambda: SegmentBank(np.array([[0, 1]]), n=2).overlap(np.array([[0, 2]])), "A must be binary"),
        (lambda: SegmentBank(np.array([[0, 1]]), n=2).overlap(np.array([[0.0, np.nan]])), "A must be binary"),
        (
            lambda: SegmentBank(np.array([[0, 1]]), n=2).fires(np.ones((1, 2), bool), np.array([1, 2])),
            "theta must be one",
        ),
        (lambda: SegmentBank(np.array([[0, 1]]), n=2).union(2), "patterns must divide the number of segments 1"),
        (
            lambda: SegmentBank.from_patterns(np.eye(4, dtype=bool), 2, jax.random.key(0)),
            "s must be at most active cells",
        ),
    ],
)
def test_wrong_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: SegmentBank(np.ma.masked_array([[0, 1]], [[0, 1]]), n=5), "synapses"),
        (lambda: SegmentBank(np.array([[0, 1]]), n=2).overlap(np.ma.masked_array([[0, 1]], [[0, 1]])), "A"),
        (lambda: estimate_from_data(np.ma.masked_array(np.eye(4, dtype=bool), False)), "X"),
        (lambda: neuron_fp(np.ma.masked_array([0.1, 0.2], [0, 1])), "p_segments"),
        (lambda: DendriticSegment(np.ma.masked_array([200, 300], [0, 1]), 10, 20, 5), "n"),
    ],
)
def test_masks_are_refused(make, name):
    with pytest.raises(ValueError, match=f"^{name} must not be a masked array"):
        make()
