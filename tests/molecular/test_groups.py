"""Groups of samples: AUC, differences, pairs, heterogeneity, stages, null models."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from symplast.molecular import (
    compare_groups,
    heterogeneity,
    heterogeneity_difference,
    null_test,
    paired_wins,
    spread_difference,
    stage_course,
)
from symplast.molecular.groups import auc, auc_interval
from symplast.molecular.nulls import random_edges, swapped_edges

from .networks import KARATE_CLUB

RNG = np.random.default_rng(0)


def test_auc_equals_that_of_scikit_learn_also_with_ties():
    for _ in range(10):
        x, first = RNG.integers(0, 6, 30).astype(float), RNG.random(30) < 0.4
        if 2 <= first.sum() <= 28:
            assert auc(x, first) == pytest.approx(roc_auc_score(first, x))


def test_differences_have_intervals():
    first = np.arange(40) < 20
    x = RNG.standard_normal(40) + 3 * first
    found = compare_groups(x, first)
    assert found.difference.low < found.difference.value < found.difference.high
    assert found.p_value < 1e-4
    assert auc_interval(10 * first + x, first).interval == (1, 1)
    assert spread_difference(np.where(first, 3 * x, x), first).low > 0
    with pytest.raises(ValueError, match="at least 2 samples in each"):
        compare_groups(x, np.arange(40) < 1)


def test_pairs_within_patients():
    assert paired_wins([2.0, 1, 5, 4], [True, False, True, False], ["a", "a", "b", "b"]).value == 1
    with pytest.raises(ValueError, match="both groups at least once"):
        paired_wins([1.0, 2], [True, False], ["a", "b"])
    with pytest.raises(ValueError, match="values must be finite"):
        paired_wins([1.0, np.nan], [True, False], ["a", "a"])
    with pytest.raises(ValueError, match="first must be 2 truth values"):
        paired_wins([1.0, 2.0], [True], ["a", "a"])


def test_heterogeneity_and_its_bootstrap_without_copies():
    base = RNG.standard_normal((300, 1))
    tight, loose = base + 0.1 * RNG.standard_normal((300, 12)), base + 2 * RNG.standard_normal((300, 12))
    r = np.corrcoef(loose.T)
    assert heterogeneity(loose) == pytest.approx(1 - r[np.triu_indices(12, 1)].mean())
    found = heterogeneity_difference(np.concatenate([loose, tight], axis=1), np.arange(24) < 12)
    assert found.value == pytest.approx(heterogeneity(loose) - heterogeneity(tight))
    assert found.low < found.value < found.high  # with copies counted, the interval would lie below the value
    with pytest.raises(ValueError, match="vary over genes"):
        heterogeneity(np.ones((5, 3)))
    with pytest.raises(ValueError, match="vary over genes"):
        heterogeneity(np.stack([loose[:, 0], np.where(np.arange(300) < 9, 0.1 + 0.2, 0.3)], axis=1))  # by rounding


def test_stages_show_a_rise_and_a_fall():
    x = np.repeat([1.0, 2.0, 1.2], 10) + 0.05 * RNG.standard_normal(30)
    table = stage_course(x, np.repeat(["I", "II", "III"], 10), ["I", "II", "III"])
    assert table.change_low[1] > 0
    assert table.change_high[2] < 0
    with pytest.raises(ValueError, match="order must list every stage"):
        stage_course(x, np.repeat(["I", "II", "III"], 10), ["I", "II"])


def test_random_and_swapped_graphs():
    edges = random_edges(50, 300, np.random.default_rng(1))
    assert len(np.unique(np.sort(edges, axis=1), axis=0)) == 300
    assert (edges[:, 0] != edges[:, 1]).all()
    assert len(random_edges(5, 10, RNG)) == 10  # all pairs
    with pytest.raises(ValueError, match="at most 10"):
        random_edges(5, 11, RNG)
    swapped = swapped_edges(KARATE_CLUB.edges, np.random.default_rng(2))
    assert len(np.unique(np.sort(swapped, axis=1), axis=0)) == 78
    assert (swapped[:, 0] != swapped[:, 1]).all()
    np.testing.assert_array_equal(np.bincount(swapped.ravel()), KARATE_CLUB.degree)
    same = {tuple(e) for e in np.sort(swapped, axis=1).tolist()} & {tuple(e) for e in KARATE_CLUB.edges.tolist()}
    assert len(same) < 60


@pytest.mark.parametrize("null", ["permute_genes", "er", "degree_preserving"])
def test_null_models_lose_what_hubs_bring(null):
    x = 1 + 0.2 * RNG.random((34, 20))
    first = np.arange(20) < 10
    x[[0, 33, 32], :10] += 4  # hubs in the first group
    found = null_test(KARATE_CLUB, x, first, null=null, n=20, min_genes=0)
    assert found.auc > 0.9
    assert found.network_share.low <= found.network_share.value <= found.network_share.high
    if null != "degree_preserving":
        assert found.null_aucs.mean() < found.auc
    with pytest.raises(ValueError, match="null must be one of"):
        null_test(KARATE_CLUB, x, first, null="none", min_genes=0)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: compare_groups(x, [True, True, False, False]), "values"),
        (lambda x: compare_groups([1.0, 2, 3, 4], x > 2), "group"),
        (lambda x: paired_wins([1.0, 2, 3, 4], [True, True, False, False], x), "owner"),
        (lambda x: stage_course([1.0, 2, 3, 4], x, [1, 2]), "stage"),
        (lambda x: heterogeneity(np.ma.stack([x, x])), "X"),
    ],
)
def test_masks_are_refused(call, name):
    with pytest.raises(ValueError, match=f"^{name} must not be a masked array"):
        call(np.ma.masked_array([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 0]))
