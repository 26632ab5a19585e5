"""Perturbations, rigidity, drivers and overlap: reference values and invariants."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.molecular import (
    InteractionNetwork,
    driver_nodes,
    laman_dof,
    leiden_modules,
    module_overlap,
    perturbation_centrality,
)

from .networks import KARATE_CLUB, PATH, PAW, STAR, TRIANGLE, of


@pytest.mark.parametrize(
    ("network", "times"),
    [(PATH, [11, 10, 11]), (STAR, [10, 13, 13, 13]), (PAW, [10, 11, 11, 13]), (KARATE_CLUB, [18, 24, 21, 28, 42, 43])],
    ids=["path", "star", "paw", "karate"],
)
def test_silencing_times(network, times):
    found = perturbation_centrality(network)
    assert found.silencing_time[: len(times)].tolist() == times
    np.testing.assert_array_equal(found.centrality, 1 / found.silencing_time)


def test_perturbations_check_their_arguments():
    with pytest.raises(ValueError, match="D must be positive"):
        perturbation_centrality(PATH, D=0.0)
    with pytest.raises(ValueError, match="largest_component"):
        perturbation_centrality(of("a-b c-d"))


@pytest.mark.parametrize(
    ("network", "dof", "redundant"),
    [
        (TRIANGLE, 0, 0),
        (of("1-2 2-3 3-4 4-1"), 1, 0),
        (of("1-2 1-3 1-4 2-3 2-4 3-4"), 0, 1),
        (of("1-2 2-3 1-3 3-4 4-5 3-5"), 1, 0),
    ],
    ids=["triangle", "square", "K4", "two triangles"],
)
def test_rigidity(network, dof, redundant):
    found = laman_dof(network)
    assert (found.dof, found.redundant) == (dof, redundant)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 9), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_rank_equals_that_of_a_random_framework(n, share, seed):
    rng = np.random.default_rng(seed)
    pairs = [(i, j) for i in range(n) for j in range(i) if rng.random() < share]
    net = InteractionNetwork.from_edges(np.array(pairs, dtype=int).reshape(-1, 2), [str(i) for i in range(n)])
    at = rng.standard_normal((n, 2))
    matrix = np.zeros((max(1, len(pairs)), 2 * n))
    for row, (i, j) in enumerate(pairs):
        matrix[row, 2 * i : 2 * i + 2] = at[i] - at[j]
        matrix[row, 2 * j : 2 * j + 2] = at[j] - at[i]
    assert laman_dof(net).rank == np.linalg.matrix_rank(matrix, tol=1e-9)


def test_driver_nodes():
    assert driver_nodes([("0", "1"), ("1", "2")]).count == 1
    assert driver_nodes([("0", "1"), ("0", "2"), ("0", "3")]).count == 3
    assert driver_nodes([("0", "1"), ("1", "2"), ("2", "0")]).count == 1
    with pytest.raises(ValueError, match="not among nodes"):
        driver_nodes([("a", "b")], ["a"])


def test_overlap_of_modules():
    found = module_overlap(KARATE_CLUB, modules=np.arange(34) % 4)
    assert found.effective.min() >= 1
    assert found.effective.max() <= 4
    same = module_overlap(KARATE_CLUB, modules=np.zeros(34))
    np.testing.assert_allclose(same.effective, 1)
    np.testing.assert_allclose(same.bridgeness, 0)
    x = np.random.default_rng(0).random((34, 20)) + 0.5
    blocks = module_overlap(KARATE_CLUB, x, modules=np.arange(34) % 4)
    w = KARATE_CLUB.adjacency.toarray() * np.outer(x[:, 17], x[:, 17])
    q = np.stack([w[:, np.arange(34) % 4 == m].sum(axis=1) for m in range(4)], axis=1) / w.sum(axis=1)[:, None]
    np.testing.assert_allclose(blocks.effective[:, 17], np.exp(-(q * np.log(np.where(q > 0, q, 1))).sum(axis=1)))
    pairs = sum(np.minimum(q[:, m], q[:, n]) for m in range(4) for n in range(m))
    np.testing.assert_allclose(blocks.bridgeness[:, 17], pairs, atol=1e-12)
    with pytest.raises(ValueError, match="one label a node"):
        module_overlap(KARATE_CLUB, modules=[0, 1])


def test_leiden_modules_depend_on_the_key_only():
    pytest.importorskip("sknetwork")
    import jax

    first, *again = (leiden_modules(KARATE_CLUB, jax.random.key(3)) for _ in range(20))
    for found in again:
        np.testing.assert_array_equal(first, found)
    assert 2 <= first.max() + 1 <= 6
