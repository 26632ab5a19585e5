"""Module overlap: how evenly a node's links are spread over modules (our definition, after the ModuLand family)."""

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Array, Key

from symplast.molecular.entropy import Products
from symplast.molecular.expression import as_expression, match
from symplast.molecular.network import InteractionNetwork
from symplast.molecular.randomness import generator

SAMPLES = 16
"""Samples whose memberships are in memory at once."""


@dataclass(frozen=True, eq=False)
class Overlap:
    """Module overlap of samples.

    Attributes:
        effective: (N, C) effective number of modules of a node, ``exp`` of the entropy of its memberships, >= 1.
        bridgeness: (N, C) sum over pairs of modules of the smaller membership; None where not asked for.
        uniform_mean: (C,) mean of ``effective`` over nodes.
        weighted_mean: (C,) mean of ``effective`` by the walk's stationary law. The two can disagree in sign.
        modules: (N,) module of each node.
    """

    effective: np.ndarray
    bridgeness: np.ndarray | None
    uniform_mean: np.ndarray
    weighted_mean: np.ndarray
    modules: np.ndarray


def leiden_modules(network: InteractionNetwork, key: Key[Array, ""] | None = None) -> np.ndarray:
    """(N,) modules by Leiden's algorithm for modularity, edges unweighted, nodes visited in an order that the key sets.

    Needs scikit-network (``pip install "symplast[genes]"``).

    Raises:
        ImportError: scikit-network is not installed.

    Source:
        V. A. Traag, L. Waltman, N. J. van Eck (2019), Sci. Rep. 9:5233.
    """
    try:
        from sknetwork.clustering import Leiden
    except ImportError as error:
        raise ImportError(
            'modules by Leiden need scikit-network: pip install "symplast[genes]", or give modules of your own'
        ) from error
    seed = int(generator(key).integers(2**31))
    _seed_c_library(seed)  # the refinement draws from rand(), whatever random_state is
    support = network.adjacency.copy()
    support.data = np.ones_like(support.data)
    from scipy.sparse import csr_matrix

    found = Leiden(shuffle_nodes=True, random_state=seed).fit_predict(csr_matrix(support))
    return np.unique(np.asarray(found), return_inverse=True)[1]


def _seed_c_library(seed: int) -> None:
    library = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
    library.srand(ctypes.c_uint(seed))


def module_overlap(
    network: InteractionNetwork,
    X: Any = None,
    modules: Any = None,
    key: Key[Array, ""] | None = None,
    *,
    genes: Sequence[Any] | None = None,
    bridgeness: bool = True,
) -> Overlap:
    """Effective number of modules and bridgeness of each node and sample.

    ``q_im = sum_{j in m} w_ij / sum_j w_ij`` with ``w_ij = A_ij x_i x_j``; ``O_i = exp(-sum_m q_im ln q_im)``;
    ``B_i = sum_{m<n} min(q_im, q_in)``.

    Args:
        network: connected, such as the largest component of the measured genes.
        X: (N, C) positive expression of its nodes, or a table with names; None for the network alone (x = 1).
        modules: (N,) module of each node; None takes :func:`leiden_modules`. One partition is one sample: repeat over
            10 or more, since partitions of equal modularity give different values.
        key: random key of the partition.
        genes: names of the rows of ``X``.
        bridgeness: compute it too.

    Raises:
        ValueError: a disconnected network, another number of modules than nodes, values that are not above 0.

    Example:
        >>> net = InteractionNetwork.from_edges([("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("d", "e")])
        >>> found = module_overlap(net, modules=[0, 0, 0, 1, 1])
        >>> found.effective[:, 0].round(3).tolist(), found.bridgeness[:, 0].round(3).tolist()
        ([1.0, 1.0, 1.89, 2.0, 1.0], [0.0, 0.0, 0.333, 0.5, 0.0])
    """
    network.check_connected()
    matched = match(network, as_expression(network, X, genes), log="none", min_genes=0)
    inside = matched.network
    if inside.n != network.n:
        raise ValueError(
            f"X must measure every node of the network, it lacks {network.n - inside.n}: restrict it first"
        )
    labels = leiden_modules(inside, key) if modules is None else np.asarray(modules)
    if labels.shape != (inside.n,):
        raise ValueError(f"modules must be one label a node ({inside.n}), got shape {labels.shape}")
    names, labels = np.unique(labels, return_inverse=True)
    count = len(matched.expression.samples)
    effective = np.empty((inside.n, count))
    bridges = np.empty((inside.n, count)) if bridgeness else None
    weighted = np.empty(count)
    parts = [(np.flatnonzero(labels == m), inside.adjacency[:, np.flatnonzero(labels == m)]) for m in range(len(names))]
    products = Products(inside.adjacency)
    for place, x in matched.blocks(SAMPLES if bridgeness else 8 * SAMPLES):
        flow = products.adjacency @ x
        entropy = np.zeros_like(x)
        kept = []
        for members, columns in parts:
            q = (columns @ x[members]) / flow
            entropy -= np.where(q > 0, q * np.log(np.where(q > 0, q, 1)), 0)
            if bridgeness:
                kept.append(q)
        effective[:, place] = np.exp(entropy)
        pi = x * flow
        weighted[place] = (pi * effective[:, place]).sum(axis=0) / pi.sum(axis=0)
        if bridges is not None:
            falling = -np.sort(-np.stack(kept), axis=0)
            bridges[:, place] = np.tensordot(np.arange(len(parts)), falling, axes=1)
    return Overlap(effective, bridges, effective.mean(axis=0), weighted, labels)
