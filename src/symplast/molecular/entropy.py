"""Signalling entropy rate: how undetermined a walk on the network is whose steps follow expression.

The weight of an edge is ``w_ij = A_ij x_i x_j``, a walker steps with ``p_ij = A_ij x_j / (A x)_i`` and stays at i for a
share ``pi_i = x_i (A x)_i / (x^T A x)`` of its time. With ``S_i = -sum_j p_ij ln p_ij`` the rate is ``sum_i pi_i S_i``.
No matrix of steps is built: ``S_i = ln (A x)_i - (A (x ln x))_i / (A x)_i`` exactly, two sparse products for all
samples at once. In nats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from symplast.molecular.expression import BLOCK, Log, Matched, as_expression, match
from symplast.molecular.network import InteractionNetwork
from symplast.stats.arguments import is_constant


@dataclass(frozen=True, eq=False)
class EntropyResult:
    """Signalling entropy of samples.

    Attributes:
        sr: (C,) entropy rate as a share of the largest possible one, in [0, 1]; NaN without ``max_sr`` and for
            two nodes.
        raw: (C,) entropy rate in nats.
        max_sr: ``ln lambda_1`` in nats.
        ccat: (C,) correlation of expression with degree in the whole network.
        genes: (N,) names of the genes that were used, in the order of the table.
        samples: (C,) names.
        dropped: measured genes of the network outside its largest component.
        log: what was done to the values: log2, log1p or none.
        local: (N, C) normalised local entropy ``S_i / ln k_i``, 0 for one neighbour; None unless asked for.
        pi: (N, C) stationary law; None unless asked for.
    """

    sr: np.ndarray
    raw: np.ndarray
    max_sr: float
    ccat: np.ndarray
    genes: tuple[str, ...]
    samples: tuple[str, ...]
    dropped: tuple[str, ...]
    log: str
    local: np.ndarray | None = None
    pi: np.ndarray | None = None


def signalling_entropy(
    network: InteractionNetwork,
    X: Any = None,
    genes: Sequence[Any] | None = None,
    *,
    log: Log = "auto",
    local: bool = False,
    max_sr: bool = True,
    dtype: Any = np.float64,
    min_genes: int = 5000,
    block: int = BLOCK,
) -> EntropyResult:
    """Signalling entropy rate of each sample, on the largest connected part of the network that is measured.

    ``SR = sum_i pi_i S_i / ln lambda_1``. Weights of the network's edges multiply those of the samples.

    Args:
        network: the interaction network.
        X: (genes, samples) expression, a DataFrame with genes as its index, or an :class:`Expression`; None is a
            constant profile.
        genes: names of the rows; None where ``X`` has them, or has a row for each node.
        log: see :func:`match`.
        local: keep ``S_i / ln k_i`` and ``pi_i`` of every gene and sample.
        max_sr: divide by the largest possible rate, which needs one eigenvalue.
        dtype: float64, or float32 with errors of about 1e-4 nats.
        min_genes: fewer genes bring a warning.
        block: samples in memory at once.

    Raises:
        ValueError: values that are not above 0, names that are not common, twice or not text.

    Example:
        >>> path = InteractionNetwork.from_edges([("1", "2"), ("2", "3")])
        >>> found = signalling_entropy(path, np.array([1.0, 2.0, 3.0]), min_genes=0)
        >>> round(float(found.raw[0]), 6), round(float(found.sr[0]), 6)
        (0.281168, 0.811278)

    Source:
        A. E. Teschendorff, T. Enver (2017), Nat. Commun. 8:15599; the identity is ours.
    """
    if np.dtype(dtype) not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"dtype must be float32 or float64, got {np.dtype(dtype)}")
    matched = match(network, as_expression(network, X, genes), log=log, min_genes=min_genes)
    return entropy_of(matched, local=local, max_sr=max_sr, dtype=dtype, block=block)


def entropy_of(
    matched: Matched, *, local: bool = False, max_sr: bool = True, dtype: Any = np.float64, block: int = BLOCK
) -> EntropyResult:
    """:func:`signalling_entropy` of a table that was matched already."""
    from symplast.molecular.ccat import degree_correlation

    inside = matched.network
    count = len(matched.expression.samples)
    raw, ccat = np.empty(count, dtype=dtype), np.empty(count)
    kept = [np.empty((inside.n, count), dtype=dtype) for _ in range(2)] if local else [None, None]
    with np.errstate(divide="ignore"):
        scale = np.where(inside.degree > 1, 1 / np.log(inside.degree), 0.0).astype(dtype)
    products = Products(inside.adjacency.astype(dtype))
    for place, x in matched.blocks(block, dtype):
        S, pi = products.local_entropy(x)
        raw[place] = (pi * S).sum(axis=0)
        ccat[place] = degree_correlation(x, matched.full_degree)
        if local:
            kept[0][:, place], kept[1][:, place] = S * scale[:, None], pi  # type: ignore[index]
    most = inside.max_entropy_rate if max_sr else float("nan")
    sr = raw / most if most > 0 else np.full_like(raw, np.nan)  # two nodes leave nothing to choose
    return EntropyResult(
        sr, raw, most, ccat, inside.nodes, matched.expression.samples, matched.dropped, matched.log, *kept
    )


class Products:
    """The sparse products behind the entropies of many samples on one network.

    Args:
        adjacency: (N, N) symmetric.
    """

    def __init__(self, adjacency: sparse.csr_array):
        self.adjacency = adjacency
        self.logs = None
        if (adjacency.data != 1).any():
            self.logs = adjacency.copy()
            self.logs.data = adjacency.data * np.log(adjacency.data)

    def local_entropy(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Local entropies and stationary law, each (N, C), of positive profiles (N, C).

        A node without neighbours (in null models) has entropy 0 and no share of the walk.
        """
        flow = self.adjacency @ x
        inner = self.adjacency @ (x * np.log(x))
        if self.logs is not None:
            inner += self.logs @ x
        with np.errstate(divide="ignore", invalid="ignore"):
            S = np.log(flow) - inner / flow
        S = np.where(flow > 0, np.maximum(S, 0), 0)
        pi = x * flow
        return S, pi / pi.sum(axis=0)

    def rate(self, x: np.ndarray) -> np.ndarray:
        """(C,) entropy rates in nats."""
        S, pi = self.local_entropy(x)
        return (pi * S).sum(axis=0)


def correlation_entropy(network: InteractionNetwork, X: Any, genes: Sequence[Any] | None = None) -> float:
    """Entropy rate of a group of samples from correlations of expression, in nats.

    ``w_ij = (1 + r_ij) / 2`` on the edges, with r the Pearson correlation of two genes over the group's samples; steps
    and stationary law as for :func:`signalling_entropy`. It needs many samples. The form of w is our choice.

    Raises:
        ValueError: fewer than 3 samples, or a gene without variation; names it.

    Example:
        >>> net = InteractionNetwork.from_edges([("a", "b"), ("b", "c"), ("a", "c")])
        >>> x = np.random.default_rng(0).random((3, 50)) + 1
        >>> bool(0 < correlation_entropy(net, x) <= np.log(2))
        True

    Source:
        J. West, G. Bianconi, S. Severini, A. E. Teschendorff (2012), Sci. Rep. 2:802.
    """
    matched = match(network, as_expression(network, X, genes), log="none", min_genes=0)
    x = matched.whole()
    if x.shape[1] < 3:
        raise ValueError(f"X must hold at least 3 samples for correlations, got {x.shape[1]}")
    if constant := [name for name, values in zip(matched.network.nodes, x, strict=True) if is_constant(values)]:
        raise ValueError(f"X must vary for every gene, {constant[0]!r} is constant")
    z = x - x.mean(axis=1, keepdims=True)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    a = matched.network.adjacency
    rows = np.repeat(np.arange(matched.network.n), np.diff(a.indptr))
    weights = np.empty(a.nnz)
    for start in range(0, a.nnz, 100_000):
        cut = slice(start, start + 100_000)
        weights[cut] = (1 + np.einsum("es,es->e", z[rows[cut]], z[a.indices[cut]])) / 2
    weights = np.maximum(weights, np.finfo(float).tiny)  # r = -1 up to rounding
    w = sparse.csr_array((weights, a.indices, a.indptr), shape=a.shape)
    return float(Products(w).rate(np.ones((matched.network.n, 1)))[0])
