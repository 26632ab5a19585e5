"""Interaction networks: who acts on whom, with names that stay text."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from symplast.molecular.network_arrays import read_npz_network

if TYPE_CHECKING:
    import pandas as pd

SMALL = 64
"""Up to so many nodes eigenvalues are taken from the dense matrix."""


@dataclass(frozen=True)
class ComponentReport:
    """What :meth:`InteractionNetwork.largest_component` left out.

    Attributes:
        kept: number of nodes kept.
        dropped: names of the others.
        components: number of connected components there were.
    """

    kept: int
    dropped: tuple[str, ...]
    components: int


@dataclass(frozen=True, eq=False)
class InteractionNetwork:
    """An undirected network of named nodes.

    Attributes:
        nodes: names, each once.
        adjacency: (N, N) symmetric sparse matrix, 1 or a positive weight for an edge, without self-loops.

    Example:
        >>> net = InteractionNetwork.from_edges([("a", "b"), ("b", "c")])
        >>> net.n, net.n_edges, net.degree.tolist(), round(net.max_entropy_rate, 4)
        (3, 2, [1, 2, 1], 0.3466)
    """

    nodes: tuple[str, ...]
    adjacency: sparse.csr_array

    def __post_init__(self) -> None:
        if self.adjacency.shape != (len(self.nodes), len(self.nodes)):
            raise ValueError(
                f"adjacency must be (N, N) for N = {len(self.nodes)} nodes, got {tuple(self.adjacency.shape)}"
            )
        check_names(self.nodes, "nodes")

    @classmethod
    def from_edges(
        cls,
        edges: Iterable[Sequence[Any]] | np.ndarray,
        nodes: Sequence[str] | None = None,
        *,
        weights: Sequence[float] | np.ndarray | None = None,
        drop_self_loops: bool = False,
    ) -> "InteractionNetwork":
        """A network from a list of edges; an edge that is listed twice, in either direction, counts once.

        Args:
            edges: pairs of names; with ``nodes`` also pairs of their positions (whole numbers from 0).
            nodes: all nodes in their order; None takes those of the edges, in order of appearance.
            weights: a positive weight for each edge; None makes all of them 1.
            drop_self_loops: leave edges from a node to itself out instead of refusing them.

        Raises:
            ValueError: self-loops, names that are numbers, unknown nodes, weights that are not positive, or one edge
                with two weights.

        Example:
            >>> InteractionNetwork.from_edges([("7157", "1956"), ("1956", "7157")]).n_edges
            1
        """
        pairs = np.asarray(edges if isinstance(edges, np.ndarray) else list(edges), dtype=None)
        if pairs.size == 0:
            pairs = np.empty((0, 2), dtype="U1" if nodes is None else np.int64)
        if pairs.ndim != 2 or pairs.shape[1] != 2:
            raise ValueError(f"edges must be pairs of nodes, got an array of shape {pairs.shape}")
        if pairs.dtype.kind in "iu":
            if nodes is None:
                raise ValueError("edges must be pairs of names (text); pairs of positions need nodes too")
            names, positions = tuple(nodes), pairs.astype(np.int64)
            if positions.size and (positions.min() < 0 or positions.max() >= len(names)):
                raise ValueError(f"edges must hold positions in [0, {len(names) - 1}], got {positions.max()}")
        else:
            names, positions = _positions(pairs, nodes)
        values = np.ones(len(positions)) if weights is None else np.asarray(weights, dtype=np.float64)
        if values.shape != (len(positions),) or not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError(f"weights must be one positive number an edge ({len(positions)}), got {values.shape}")
        loops = positions[:, 0] == positions[:, 1]
        if loops.any() and not drop_self_loops:
            first = names[int(positions[loops][0, 0])]
            raise ValueError(
                f"edges must join two different nodes, {int(loops.sum())} join a node to itself (first {first!r}); "
                "leave them out with drop_self_loops=True"
            )
        return cls(names, _symmetric(positions[~loops], values[~loops], names))

    @classmethod
    def from_adjacency(
        cls, matrix: Any, nodes: Sequence[str] | None = None, *, drop_self_loops: bool = False
    ) -> "InteractionNetwork":
        """A network from a symmetric matrix; entries other than 0 are edges and their weights.

        Args:
            matrix: (N, N), dense or SciPy sparse.
            nodes: names; None numbers them from 0.
            drop_self_loops: leave the diagonal out instead of refusing it.

        Raises:
            ValueError: another shape, a matrix that is not symmetric, negative or infinite entries, a diagonal.

        Example:
            >>> InteractionNetwork.from_adjacency(np.array([[0, 1], [1, 0]])).nodes
            ('0', '1')
        """
        found = sparse.csr_array(matrix, dtype=np.float64)
        if found.ndim != 2 or found.shape[0] != found.shape[1]:
            raise ValueError(f"matrix must be square, got {tuple(found.shape)}")
        if not np.isfinite(found.data).all() or (found.data < 0).any():
            raise ValueError("matrix must hold finite weights of at least 0")
        if (abs(found - found.T) > 0).nnz:
            raise ValueError("matrix must be symmetric (the network is undirected); symmetrise it first")
        if found.diagonal().any():
            if not drop_self_loops:
                raise ValueError("matrix must have a zero diagonal; leave self-loops out with drop_self_loops=True")
            found = sparse.csr_array(found - sparse.diags_array(found.diagonal()))
        found.eliminate_zeros()
        return cls(tuple(map(str, range(found.shape[0]))) if nodes is None else tuple(nodes), found)

    @classmethod
    def from_npz(cls, path: str | Path) -> "InteractionNetwork":
        """A network from an .npz with ``edges`` (E, 2), positions from 0, and ``entrez`` or ``nodes``, the names."""
        return cls.from_edges(*read_npz_network(Path(path)))

    @classmethod
    def from_networkx(
        cls, graph: Any, *, weight: str | None = None, drop_self_loops: bool = False
    ) -> "InteractionNetwork":
        """A network from a NetworkX graph; its weights count only where ``weight`` names their attribute.

        Raises:
            ValueError: a directed graph, or an edge without that attribute.
        """
        if graph.is_directed():
            raise ValueError("graph must be undirected; graph.to_undirected() makes it so")
        names = tuple(str(node) for node in graph.nodes)
        place = {node: i for i, node in enumerate(graph.nodes)}
        listed = list(graph.edges(data=weight)) if weight else [(*edge[:2], 1.0) for edge in graph.edges]
        if any(value is None for _, _, value in listed):
            raise ValueError(f"weight must be an attribute of every edge, some lack {weight!r}")
        pairs = np.array([(place[a], place[b]) for a, b, _ in listed], dtype=np.int64).reshape(-1, 2)
        return cls.from_edges(pairs, names, weights=[w for *_, w in listed], drop_self_loops=drop_self_loops)

    @classmethod
    def from_pandas(
        cls,
        frame: "pd.DataFrame",
        source: str,
        target: str,
        *,
        weight: str | None = None,
        drop_self_loops: bool = False,
    ) -> "InteractionNetwork":
        """A network from a table of edges with names as text.

        Raises:
            ValueError: columns of numbers, in which names such as ``00123`` have lost their zeros, or missing names.
        """
        for column in (source, target):
            if column not in frame:
                raise ValueError(f"frame must have a column {column!r}; it has {', '.join(map(str, frame.columns))}")
            if not all(isinstance(name, str) and name for name in frame[column]):
                raise ValueError(f"column {column!r} must hold names as text: read the file with dtype=str")
        weights = None if weight is None else frame[weight].to_numpy(dtype=np.float64)
        pairs = np.asarray(frame[[source, target]].to_numpy(dtype=object), dtype=str)
        return cls.from_edges(pairs, weights=weights, drop_self_loops=drop_self_loops)

    @property
    def n(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return self.adjacency.nnz // 2

    @cached_property
    def degree(self) -> np.ndarray:
        """(N,) number of neighbours."""
        return np.diff(self.adjacency.indptr).astype(np.int64)

    @property
    def weighted(self) -> bool:
        """Whether some edge has another weight than 1."""
        return bool((self.adjacency.data != 1).any())

    @cached_property
    def edges(self) -> np.ndarray:
        """(E, 2) positions of the nodes of each edge, the smaller first."""
        upper = sparse.coo_array(sparse.triu(self.adjacency, 1))
        return np.stack([upper.row, upper.col], axis=1).astype(np.int64)

    @cached_property
    def max_entropy_rate(self) -> float:
        """``ln lambda_1`` of the 0/1 adjacency in nats: the largest entropy rate of any walk on the network.

        Raises:
            ValueError: a network without edges.
        """
        if not self.n_edges:
            raise ValueError("network must have an edge: without one there is no walk")
        support = sparse.csr_array(
            (np.ones(self.adjacency.nnz), self.adjacency.indices, self.adjacency.indptr), shape=self.adjacency.shape
        )
        if self.n <= SMALL:
            return float(np.log(np.linalg.eigvalsh(support.toarray())[-1]))
        start = np.sqrt(self.degree + 1.0)  # close to the leading eigenvector, and never orthogonal to it
        found = sparse.linalg.eigsh(support, k=1, which="LA", v0=start, return_eigenvectors=False, tol=1e-13)
        return float(np.log(found[0]))

    @cached_property
    def components(self) -> np.ndarray:
        """(N,) number of the connected component of each node."""
        return sparse.csgraph.connected_components(self.adjacency, directed=False)[1]

    def check_connected(self) -> None:
        """Raise ValueError unless the network is connected."""
        count = int(self.components.max()) + 1 if self.n else 0
        if count != 1:
            raise ValueError(
                f"network must be connected, it has {count} components: take network.largest_component() first"
            )

    def restrict(self, genes: Sequence[Any]) -> "InteractionNetwork":
        """The network of those nodes that are among ``genes``, in the order of ``genes``.

        Raises:
            ValueError: a gene twice, or none of them in the network.
        """
        check_names(genes, "genes")
        place = {name: i for i, name in enumerate(self.nodes)}
        kept = [place[gene] for gene in genes if gene in place]
        if not kept:
            raise ValueError(f"genes must share names with the network's nodes: {examples(genes, self.nodes)}")
        return self.take(np.array(kept))

    def take(self, positions: np.ndarray) -> "InteractionNetwork":
        """The network of the nodes at these positions, in this order."""
        matrix = sparse.csr_array(self.adjacency[positions][:, positions])
        matrix.sort_indices()
        return type(self)(tuple(self.nodes[i] for i in positions), matrix)

    def largest_component(self) -> tuple["InteractionNetwork", ComponentReport]:
        """The largest connected component, with its nodes in their order, and what was left out."""
        sizes = np.bincount(self.components)
        inside = self.components == int(sizes.argmax())
        dropped = tuple(name for name, kept in zip(self.nodes, inside, strict=True) if not kept)
        return self.take(np.flatnonzero(inside)), ComponentReport(int(inside.sum()), dropped, len(sizes))


def check_names(names: Sequence[Any], what: str) -> None:
    """Raise ValueError where a name is no text or is there twice."""
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise ValueError(f"{what} must be names as text, got {wrong[0]!r}: numbers lose leading zeros")
    if len(set(names)) < len(names):
        twice = [name for name, count in Counter(names).items() if count > 1]
        shown = ", ".join(map(repr, twice[:5]))
        raise ValueError(f"{what} must name each node once, {len(twice)} appear more often: {shown}")


def examples(ours: Sequence[str], theirs: Sequence[str]) -> str:
    """Three names of each side, for the message that they don't meet."""
    first, second = (", ".join(repr(str(name)) for name in names[:3]) for names in (ours, theirs))
    return f"the first are {first}, those of the network {second}"


def _positions(pairs: np.ndarray, nodes: Sequence[str] | None) -> tuple[tuple[str, ...], np.ndarray]:
    flat = [name for pair in pairs.tolist() for name in pair]
    if wrong := [name for name in flat if not isinstance(name, str) or not name]:
        raise ValueError(f"edges must be pairs of names (text), got {wrong[0]!r}: numbers lose leading zeros")
    names = tuple(dict.fromkeys(flat)) if nodes is None else tuple(nodes)
    place: Mapping[str, int] = {name: i for i, name in enumerate(names)}
    if unknown := [name for name in flat if name not in place]:
        raise ValueError(f"edges must join nodes that are listed, {unknown[0]!r} is not among nodes")
    return names, np.array([place[name] for name in flat], dtype=np.int64).reshape(-1, 2)


def _symmetric(positions: np.ndarray, weights: np.ndarray, names: Sequence[str]) -> sparse.csr_array:
    n = len(names)
    low, high = np.sort(positions, axis=1).T if len(positions) else (np.empty(0, int), np.empty(0, int))
    code = low * n + high
    unique, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    kept = weights[first]
    if (clash := np.flatnonzero(weights != kept[inverse])).size:
        a, b = (names[int(i)] for i in positions[clash[0]])
        raise ValueError(f"edges must have one weight each, that of {a!r} and {b!r} is given twice and differs")
    low, high = unique // n, unique % n
    rows, columns = np.concatenate([low, high]), np.concatenate([high, low])
    matrix = sparse.csr_array((np.concatenate([kept, kept]), (rows, columns)), shape=(n, n))
    matrix.sort_indices()
    return matrix
