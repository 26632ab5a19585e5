"""Clusters in known places."""

import numpy as np
import pytest

from symplast.sym_stdp.clusters import cluster_report, embedding, neighbour_purity, silhouette


@pytest.fixture
def blobs():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    return 5 * np.eye(3)[y] + 0.2 * rng.random((60, 3)), y


def test_separate_classes_are_pure_and_mixed_ones_at_chance(blobs):
    X, y = blobs
    for metric in ("cosine", "euclidean"):
        assert neighbour_purity(X, y, metric=metric).tolist() == [1.0] * 60
        assert silhouette(X, y, metric) > 0.9
    mixed = np.random.default_rng(1).random((600, 3))
    chance = neighbour_purity(mixed, np.arange(600) % 3)
    assert chance.mean() == pytest.approx(1 / 3, abs=0.03)


def test_duplicates_do_not_count_themselves():
    assert neighbour_purity(np.ones((4, 2)), [0, 1, 2, 3], k=3, metric="euclidean").tolist() == [0.0] * 4


def test_map_keeps_clusters_and_is_the_same_again(blobs):
    X, y = blobs
    first = embedding(X)
    assert np.array_equal(first, embedding(X))
    report = cluster_report({"layer": X}, y, maps={"layer": first})
    assert report.space.tolist() == ["activity", "activity", "map"]
    assert report.purity.tolist() == [1.0] * 3
    assert (report.silhouette > 0.5).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: neighbour_purity(np.ones((5, 2)), np.ones(5)), "X must hold at least 11 samples, got 5"),
        (lambda: neighbour_purity(np.ones((5, 2)), np.ones(4)), r"X must be \(n, units\) with one label a row"),
        (lambda: neighbour_purity(np.full((20, 2), np.nan), np.ones(20)), "X must be finite"),
        (lambda: neighbour_purity(np.ones((20, 2)), np.ones(20), metric="l1"), "metric must be one of cosine, euclid"),
        (lambda: neighbour_purity(np.ones((20, 2)), np.ones(20), k=0), "k must be at least 1"),
        (lambda: silhouette(np.ones((20, 2)), np.ones(20), "l1"), "metric must be one of"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_layer_that_is_always_the_same_has_no_map():
    y = np.arange(40) % 2
    for X in (np.zeros((40, 3)), np.ones((40, 3)), np.arange(40.0)[:, None]):
        with pytest.raises(ValueError, match="to be mapped"):
            embedding(X)
    report = cluster_report({"silent": np.zeros((40, 3))}, y)
    assert report.space.tolist() == ["activity", "activity"]
