"""Topologies of the simulator: modular scale-free networks, and random ones without hubs."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Key

from symplast.molecular.network import InteractionNetwork
from symplast.molecular.nulls import adjacency_of, random_edges
from symplast.molecular.randomness import generator
from symplast.stats.arguments import check_count


@dataclass(frozen=True, eq=False)
class Topology:
    """Who is coupled to whom.

    Attributes:
        adjacency: (N, N) symmetric 0/1, zero diagonal.
        modules: (N,) module of each node.
    """

    adjacency: np.ndarray
    modules: np.ndarray

    @property
    def n(self) -> int:
        """Number of nodes."""
        return len(self.adjacency)

    @property
    def degree(self) -> np.ndarray:
        """(N,) number of neighbours."""
        return self.adjacency.sum(axis=1).astype(np.int64)

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return int(self.adjacency.sum()) // 2


def modular_scale_free(
    n: int = 240,
    *,
    modules: int = 6,
    within: float = 6.0,
    between: float = 1.5,
    key: Key[Array, ""] | None = None,
) -> Topology:
    """Equal modules of consecutive nodes with hubs.

    Fitness ``f = (i + 1)^(-1/2)`` is assigned at random; an edge has probability ``1 - exp(-b f_i f_j)`` with
    ``b = (target N / 2) / sum f_i f_j`` over the pairs concerned. Since that leaves saturation out, the realised mean
    degree is about 6.57 where 7.5 is aimed at. A node without edges gets one inside its module.

    Args:
        n: nodes, a multiple of ``modules``.
        modules: number of modules.
        within: mean degree aimed at inside a module.
        between: the same to other modules.
        key: random key.

    Raises:
        ValueError: n that is no multiple of ``modules``, modules of one node, targets below 0.

    Example:
        >>> net = modular_scale_free()
        >>> net.n, 6.0 < net.degree.mean() < 7.2, net.degree.max() > 25
        (240, np.True_, np.True_)
    """
    count, parts = check_count(n, "n", least=4), check_count(modules, "modules")
    if count % parts or count // parts < 2:
        raise ValueError(f"n must be a multiple of modules = {parts}, at least 2 nodes each, got {count}")
    for name, value in (("within", within), ("between", between)):
        if not (np.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be a mean degree of at least 0, got {value}")
    rng = generator(key)
    fitness = rng.permutation((np.arange(count) + 1.0) ** -0.5)
    labels = np.repeat(np.arange(parts), count // parts)
    products = np.outer(fitness, fitness)
    upper = np.triu(np.ones((count, count), dtype=bool), 1)
    same = labels[:, None] == labels
    rate = np.zeros((count, count))
    for target, pairs in ((within, same & upper), (between, ~same & upper)):
        if pairs.any():
            rate[pairs] = target * count / 2 * products[pairs] / products[pairs].sum()
    edges = upper & (rng.random((count, count)) < 1 - np.exp(-rate))
    adjacency = (edges | edges.T).astype(np.float64)
    for node in np.flatnonzero(adjacency.sum(axis=1) == 0):
        others = np.flatnonzero((labels == labels[node]) & (np.arange(count) != node))
        other = rng.choice(others)
        adjacency[node, other] = adjacency[other, node] = 1
    return Topology(adjacency, labels)


def erdos_renyi(
    n: int = 240, *, mean_degree: float = 7.5, edges: int | None = None, key: Key[Array, ""] | None = None
) -> Topology:
    """A random network without hubs: each pair of nodes is joined with the same probability.

    Args:
        n: nodes.
        mean_degree: expected degree.
        edges: exactly so many edges instead, such as those of another topology.
        key: random key.

    Raises:
        ValueError: a mean degree outside [0, n - 1], more edges than pairs.

    Example:
        >>> erdos_renyi(edges=700).n_edges
        700
    """
    count = check_count(n, "n", least=2)
    if edges is None and not 0 <= mean_degree <= count - 1:
        raise ValueError(f"mean_degree must lie in [0, n - 1 = {count - 1}], got {mean_degree}")
    rng = generator(key)
    number = rng.binomial(count * (count - 1) // 2, mean_degree / (count - 1)) if edges is None else edges
    matrix = adjacency_of(random_edges(count, int(number), rng), count).toarray()
    return Topology(matrix, np.zeros(count, dtype=np.int64))


def topology_of(network: InteractionNetwork, modules: np.ndarray | None = None) -> Topology:
    """A network of the user's as a topology of the simulator; weights are left out.

    Raises:
        ValueError: more nodes than dense matrices are made for (4000), or a disconnected network.
    """
    if network.n > 4000:
        raise ValueError(
            f"network must have at most 4000 nodes in the simulator, got {network.n}: "
            "restrict it to the genes of interest"
        )
    network.check_connected()
    support = (network.adjacency.toarray() > 0).astype(np.float64)
    return Topology(support, np.zeros(network.n, dtype=np.int64) if modules is None else np.asarray(modules))
