"""Null models: is the difference of entropies due to where on the network the genes are?"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from jaxtyping import Array, Key
from scipy import sparse

from symplast import stats
from symplast.molecular.entropy import Products
from symplast.molecular.expression import Log, Matched, as_expression, match
from symplast.molecular.groups import auc, check_groups
from symplast.molecular.network import InteractionNetwork
from symplast.molecular.randomness import generator
from symplast.stats.arguments import check_count

Null: TypeAlias = Literal["permute_genes", "er", "degree_preserving"] | str
NULLS: tuple[Null, ...] = ("permute_genes", "er", "degree_preserving")
ROUNDS = 20
"""Rounds in which every edge is proposed for a swap."""


@dataclass(frozen=True, eq=False)
class NullTest:
    """A difference between groups against its null model.

    Attributes:
        auc: observed, how well large entropies tell the first group.
        null_aucs: (draws,) the same under the null model.
        p_value: share of draws at least as large, ``(1 + #) / (1 + draws)``.
        network_share: ``auc`` minus the mean of the null's: what is due to the genes' places, interval over draws.
        null: the null model.
    """

    auc: float
    null_aucs: np.ndarray
    p_value: float
    network_share: stats.Estimate
    null: str


def null_test(
    network: InteractionNetwork,
    X: Any,
    group: Any,
    genes: Any = None,
    *,
    null: Null = "permute_genes",
    n: int = 1000,
    key: Key[Array, ""] | None = None,
    log: Log = "auto",
    min_genes: int = 5000,
) -> NullTest:
    """Compare how well entropy tells two groups with how well it does under a null model.

    Args:
        network: the interaction network.
        X: expression, as for :func:`signalling_entropy`.
        group: (C,) truth values, the group that is expected higher.
        genes, log, min_genes: as there.
        null: ``permute_genes`` moves the profiles to random nodes (one permutation for all samples); ``er`` draws a
            random network with as many edges; ``degree_preserving`` swaps ends of edges, which keeps every degree.
        n: draws, at least 2.
        key: random key.

    Raises:
        ValueError: as there; an unknown null model; a group of fewer than 2 samples.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> star = InteractionNetwork.from_edges([("hub", str(i)) for i in range(30)] + [("0", "1"), ("1", "2")])
        >>> x = rng.random((31, 12)) + 1
        >>> x[0, :6] += 5  # the hub is expressed more in the first six
        >>> found = null_test(star, x, np.arange(12) < 6, n=30, min_genes=0)
        >>> found.auc, bool(found.null_aucs.mean() < 0.9)
        (1.0, True)
    """
    matched = match(network, as_expression(network, X, genes), log=log, min_genes=min_genes)
    return null_of(matched, group, null=null, n=n, key=key)


def null_of(
    matched: Matched, group: Any, *, null: Null = "permute_genes", n: int = 1000, key: Key[Array, ""] | None = None
) -> NullTest:
    """:func:`null_test` of a table that was matched already."""
    if null not in NULLS:
        raise ValueError(f"null must be one of {', '.join(NULLS)}, got {null!r}")
    draws = check_count(n, "n", least=2)
    x = matched.whole()
    mask = check_groups(group, x.shape[1])
    network, rng = matched.network, generator(key)
    observed = float(auc(Products(network.adjacency).rate(x), mask))
    found = np.empty(draws)
    own = Products(network.adjacency)
    for draw in range(draws):
        if null == "permute_genes":
            rate = own.rate(x[rng.permutation(network.n)])
        else:
            edges = random_edges(network.n, network.n_edges, rng) if null == "er" else swapped_edges(network.edges, rng)
            rate = Products(adjacency_of(edges, network.n)).rate(x)
        found[draw] = auc(rate, mask)
    p = (1 + int((found >= observed).sum())) / (1 + draws)
    mean = stats.bootstrap(found, np.mean, resamples=2000) if draws >= 20 else stats.mean_interval(found)
    share = stats.Estimate(
        observed - mean.value, observed - mean.high, observed - mean.low, mean.level, draws, mean.method
    )
    return NullTest(observed, found, p, share, null)


def random_edges(n: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 2) different pairs of n nodes, all sets of pairs equally likely."""
    if count > n * (n - 1) // 2:
        raise ValueError(f"count must be at most {n * (n - 1) // 2} for {n} nodes, got {count}")
    found = np.empty(0, dtype=np.int64)
    while found.size < count:
        a, b = rng.integers(0, n, (2, int(1.1 * (count - found.size)) + 16))
        code = (np.minimum(a, b) * n + np.maximum(a, b))[a != b]
        found = np.concatenate([found, code])
        found = found[np.sort(np.unique(found, return_index=True)[1])]  # the first of each, in order of drawing
    found = found[:count]
    return np.stack([found // n, found % n], axis=1)


def swapped_edges(edges: np.ndarray, rng: np.random.Generator, rounds: int = ROUNDS) -> np.ndarray:
    """Edges with the degrees of the given ones: in each round, pairs of edges exchange ends where that is allowed."""
    edges = edges.copy()
    n = int(edges.max()) + 1
    for _ in range(rounds):
        order = rng.permutation(len(edges))
        half = len(order) // 2
        first, second = order[:half], order[half : 2 * half]
        flip = rng.random(half) < 0.5
        a, b = edges[first].T
        c, d = np.where(flip, edges[second].T[::-1], edges[second].T)
        new = np.stack([_code(a, d, n), _code(c, b, n)])
        present = np.sort(_code(edges[:, 0], edges[:, 1], n))
        place = np.minimum(np.searchsorted(present, new), len(present) - 1)
        wrong = (present[place] == new).any(axis=0) | (a == d) | (c == b)
        _, inverse, count = np.unique(new, return_inverse=True, return_counts=True)
        wrong |= (count[inverse.reshape(new.shape)] > 1).any(axis=0)
        good = ~wrong
        edges[first[good]] = np.stack([a, d], axis=1)[good]
        edges[second[good]] = np.stack([c, b], axis=1)[good]
    return edges


def _code(a: np.ndarray, b: np.ndarray, n: int) -> np.ndarray:
    return np.minimum(a, b) * n + np.maximum(a, b)


def adjacency_of(edges: np.ndarray, n: int) -> sparse.csr_array:
    """(n, n) symmetric 0/1 matrix of different edges."""
    rows, columns = np.concatenate([edges, edges[:, ::-1]]).T
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))
