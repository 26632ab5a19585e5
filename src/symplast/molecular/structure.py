"""Plasticity and rigidity of a network's structure: perturbations, generic rigidity, controllability."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from symplast.molecular.network import InteractionNetwork

STARTS = 512
"""Starting nodes that are followed at once."""

MOST_STEPS = 1_000_000


@dataclass(frozen=True, eq=False)
class Perturbation:
    """How long a network rings when a node is hit.

    Attributes:
        silencing_time: (N,) first step at which every node is below the threshold, from each starting node.
        centrality: (N,) its inverse.
    """

    silencing_time: np.ndarray
    centrality: np.ndarray


def perturbation_centrality(
    network: InteractionNetwork, *, weighted: bool = True, D: float = 1.0, threshold: float = 1.0
) -> Perturbation:
    """Perturbation centrality: put energy on one node and wait until it has dissipated.

    ``10 N`` units on the starting node; then ``E <- max(0, E + sum_j W_ij (E_j - E_i) - D)`` with
    ``W_ij = w_ij / (2 max(s_i, s_j))`` and s the strengths. The flux rule is our choice, conservative and stable: that
    of the published tool is not available to us.

    Args:
        network: connected.
        weighted: use the weights of the edges.
        D: dissipation of each node and step, positive.
        threshold: a node below it is silent, positive.

    Raises:
        ValueError: a disconnected network, D or threshold not positive.

    Example:
        >>> perturbation_centrality(InteractionNetwork.from_edges([("1", "2"), ("2", "3")])).silencing_time.tolist()
        [11, 10, 11]

    Source:
        K. Z. Szalay, P. Csermely (2013), PLoS ONE 8:e78059, with the rule above in the place of its flux.
    """
    network.check_connected()
    for name, value in (("D", D), ("threshold", threshold)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be positive and finite, got {value}")
    w = network.adjacency if weighted else _ones(network.adjacency)
    strength = w.sum(axis=1)
    pairs = sparse.coo_array(w)
    pairs.data = pairs.data / (2 * np.maximum(strength[pairs.row], strength[pairs.col]))
    exchange = sparse.csr_array(pairs)
    stay = 1 - exchange.sum(axis=1)[:, None]
    times = np.zeros(network.n, dtype=np.int64)
    for start in range(0, network.n, STARTS):
        at = np.arange(start, min(start + STARTS, network.n))
        energy = np.zeros((network.n, at.size))
        energy[at, np.arange(at.size)] = 10 * network.n
        for step in range(1, MOST_STEPS):
            energy = np.maximum(0, stay * energy + exchange @ energy - D)
            silent = (energy < threshold).all(axis=0)
            times[at[silent]] = step
            at, energy = at[~silent], energy[:, ~silent]
            if not at.size:
                break
    return Perturbation(times, 1 / times)


def _ones(matrix: sparse.csr_array) -> sparse.csr_array:
    found = matrix.copy()
    found.data = np.ones_like(found.data)
    return found


@dataclass(frozen=True)
class Rigidity:
    """Generic rigidity in the plane.

    Attributes:
        dof: internal degrees of freedom, ``2N - 3 - rank``; 0 is rigid.
        rank: number of independent edges.
        redundant: edges beyond these.
    """

    dof: int
    rank: int
    redundant: int


def laman_dof(network: InteractionNetwork) -> Rigidity:
    """Internal degrees of freedom of a generic framework in the plane, by the (2, 3) pebble game.

    Raises:
        ValueError: fewer than two nodes.

    Example:
        >>> square = InteractionNetwork.from_edges([("1", "2"), ("2", "3"), ("3", "4"), ("4", "1")])
        >>> laman_dof(square)
        Rigidity(dof=1, rank=4, redundant=0)

    Source:
        D. J. Jacobs, B. Hendrickson (1997), J. Comput. Phys. 137:346.
    """
    if network.n < 2:
        raise ValueError(f"network must have at least 2 nodes, got {network.n}")
    pebbles = [2] * network.n
    out: list[list[int]] = [[] for _ in range(network.n)]
    rank = 0
    for a, b in network.edges.tolist():
        while pebbles[a] + pebbles[b] < 4:
            if not (_bring(a, b, pebbles, out) or _bring(b, a, pebbles, out)):
                break
        if pebbles[a] + pebbles[b] >= 4:
            pebbles[a] -= 1
            out[a].append(b)
            rank += 1
    return Rigidity(2 * network.n - 3 - rank, rank, network.n_edges - rank)


def _bring(to: int, keep: int, pebbles: list[int], out: list[list[int]]) -> bool:
    """Move a free pebble to a node along covered edges, not that of ``keep``."""
    if pebbles[to] == 2:
        return False
    came = {to: -1, keep: -1}
    waiting = [to]
    while waiting:
        node = waiting.pop()
        for other in out[node]:
            if other in came:
                continue
            came[other] = node
            if pebbles[other]:
                pebbles[other] -= 1
                while other != to:
                    before = came[other]
                    out[before].remove(other)
                    out[other].append(before)
                    other = before
                pebbles[to] += 1
                return True
            waiting.append(other)
    return False


@dataclass(frozen=True)
class Drivers:
    """Nodes that must be driven to control a directed network.

    Attributes:
        count: ``N_D = max(1, N - |maximum matching|)``.
        nodes: one minimal set: those that no matched edge leads to; the first node where the matching is perfect.
    """

    count: int
    nodes: tuple[str, ...]


def driver_nodes(edges: Iterable[tuple[str, str]] | Any, nodes: Iterable[str] | None = None) -> Drivers:
    """The smallest number of nodes whose control makes a directed network controllable.

    Args:
        edges: pairs (from, to) of names, or a NetworkX DiGraph.
        nodes: all nodes; None takes those of the edges.

    Raises:
        ValueError: an undirected graph, or no nodes.

    Example:
        >>> driver_nodes([("0", "1"), ("1", "2")]), driver_nodes([("0", "1"), ("0", "2"), ("0", "3")]).count
        (Drivers(count=1, nodes=('0',)), 3)

    Source:
        Y.-Y. Liu, J.-J. Slotine, A.-L. Barabasi (2011), Nature 473:167.
    """
    graph: Any = edges
    if hasattr(edges, "is_directed"):
        if not edges.is_directed():
            raise ValueError("edges must be directed; give a DiGraph or pairs (from, to)")
        nodes, edges = [str(node) for node in graph.nodes], [(str(a), str(b)) for a, b in graph.edges]
    pairs = [(a, b) for a, b in edges]
    names = tuple(dict.fromkeys(name for pair in pairs for name in pair)) if nodes is None else tuple(nodes)
    if not names:
        raise ValueError("nodes must hold at least one node")
    place = {name: i for i, name in enumerate(names)}
    if unknown := [name for pair in pairs for name in pair if name not in place]:
        raise ValueError(f"edges must join nodes that are listed, {unknown[0]!r} is not among nodes")
    rows, columns = [place[a] for a, _ in pairs], [place[b] for _, b in pairs]
    matrix = sparse.csr_array((np.ones(len(pairs)), (rows, columns)), shape=(len(names), len(names)))
    matched = sparse.csgraph.maximum_bipartite_matching(sparse.csr_matrix(matrix), perm_type="row")  # column -> row
    free = [names[i] for i in np.flatnonzero(matched < 0)]
    return Drivers(max(1, len(free)), tuple(free) or names[:1])
