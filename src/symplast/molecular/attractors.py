"""Attractors of networks of binary nodes, their basins, and what they say about plasticity.

Works on any map from states to states, so Boolean models and Hopfield networks share it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Array, Key
from scipy import sparse
from scipy.special import xlogy

from symplast.molecular.boolean import BooleanNetwork
from symplast.molecular.randomness import generator
from symplast.stats.arguments import check_count

Step = Callable[[np.ndarray], np.ndarray]
"""(S, N) truth values -> (S, N) next ones."""

LARGEST_EXHAUSTIVE = 22
LARGEST_ASYNCHRONOUS = 18
CHUNK = 1 << 16
MOST_STEPS = 1_000_000
DERRIDA_SAMPLES = 2048
LEAST = 1e-7
"""Probabilities are kept this far from 0 and 1 in entropies: float32's tanh reaches 1."""


@dataclass(frozen=True, eq=False)
class Attractor:
    """One attractor.

    Attributes:
        states: (length, N) its states, in the order of the cycle (``async``: in rising order).
        basin: share of states (or of sampled ones) that end in it.
    """

    states: np.ndarray
    basin: float


@dataclass(frozen=True, eq=False)
class Landscape:
    """All attractors that were found, by falling basin.

    Attributes:
        attractors: them.
        update: sync or async.
        exhaustive: whether every state was followed, not a sample.
        starts: number of states that were followed.
        derrida: mean Hamming distance after one synchronous step from one flipped bit: above 1 perturbations grow.
    """

    attractors: tuple[Attractor, ...]
    update: str
    exhaustive: bool
    starts: int
    derrida: float

    @property
    def basin_entropy(self) -> float:
        """``H_B = -sum_a p_a ln p_a`` of the basins' shares, in nats."""
        p = np.array([a.basin for a in self.attractors])
        return float(-xlogy(p, p).sum()) + 0.0  # no -0

    @property
    def state_entropy(self) -> float:
        """Mean entropy of a node's activity over attractors weighted by their basins, in nats."""
        on = sum(a.basin * a.states.mean(axis=0) for a in self.attractors)
        return float(state_entropy(2 * np.asarray(on) - 1))


def state_entropy(m: Any) -> Any:
    """``H_s = mean_i h((1 + m_i) / 2)`` over the last axis, h the binary entropy in nats.

    Args:
        m: (..., N) activities in [-1, 1].

    Example:
        >>> state_entropy([0.0, 0.0]).round(4), state_entropy([1.0, -1.0]).round(4)
        (np.float64(0.6931), np.float64(0.0))
    """
    p = np.clip((1 + np.asarray(m, dtype=np.float64)) / 2, LEAST, 1 - LEAST)
    return np.asarray(-(xlogy(p, p) + xlogy(1 - p, 1 - p)).mean(axis=-1))[()]


def find_attractors(
    network: BooleanNetwork,
    update: Literal["sync", "async"] | str = "sync",
    *,
    max_states: int = 2**LARGEST_EXHAUSTIVE,
    samples: int = 10_000,
    key: Key[Array, ""] | None = None,
) -> Landscape:
    """Attractors of a Boolean network with their basins.

    Synchronous: all states where there are at most ``max_states``, else ``samples`` random ones (Brent's cycle search).
    Asynchronous, one random node at a time: the terminal strongly connected components of the graph of states, and as
    basin the share of random walks from random states that end there.

    Args:
        network: the network.
        update: ``sync`` or ``async``.
        max_states: largest number of states that is searched exhaustively.
        samples: random states beyond that, and random walks of ``async``.
        key: random key.

    Raises:
        ValueError: an unknown update, or ``async`` with more than 18 nodes.

    Example:
        >>> found = find_attractors(BooleanNetwork.from_text("a, !b\\nb, !a"))
        >>> [(len(a.states), a.basin) for a in found.attractors], round(found.basin_entropy, 4)
        ([(2, 0.5), (1, 0.25), (1, 0.25)], 1.0397)
        >>> len(find_attractors(BooleanNetwork.from_text("a, !b\\nb, !a"), "async").attractors)
        2
    """
    if update not in ("sync", "async"):
        raise ValueError(f"update must be sync or async, got {update!r}")
    count = check_count(samples, "samples")
    rng = generator(key)
    if update == "async":
        if network.n > LARGEST_ASYNCHRONOUS:
            raise ValueError(
                f"update 'async' needs at most {LARGEST_ASYNCHRONOUS} nodes (all states are listed), got {network.n}: "
                "hold inputs at 0 or 1, or use update 'sync'"
            )
        found, starts = _asynchronous(network, count, rng), count
        return Landscape(found, update, False, starts, derrida_slope(network.step, network.n, key))
    return landscape(network.step, network.n, max_states=max_states, samples=count, key=key)


def landscape(
    step: Step,
    n: int,
    *,
    max_states: int = 2**LARGEST_EXHAUSTIVE,
    samples: int = 10_000,
    key: Key[Array, ""] | None = None,
) -> Landscape:
    """Attractors of any synchronous map of n binary nodes; arguments as for :func:`find_attractors`."""
    exhaustive = n <= LARGEST_EXHAUSTIVE and 2**n <= max_states
    found = _exhaustive(step, n) if exhaustive else _sampled(step, generator(key).random((samples, n)) < 0.5)
    starts = 2**n if exhaustive else samples
    return Landscape(found, "sync", exhaustive, starts, derrida_slope(step, n, key))


def hopfield_step(J: np.ndarray, h: Any = 0.0) -> Step:
    """The synchronous zero-temperature map of a Hopfield network, ``s <- sign(J s + h)``; a field of 0 keeps a spin.

    Example:
        >>> xi = np.array([1, -1, 1, 1])
        >>> found = landscape(hopfield_step(np.outer(xi, xi) - np.eye(4)), 4)
        >>> sorted(len(a.states) for a in found.attractors)[:2]
        [1, 1]
    """
    matrix = np.asarray(J, dtype=np.float64)

    def step(states: np.ndarray) -> np.ndarray:
        field = (2.0 * states - 1) @ matrix.T + h
        return np.where(field == 0, states, field > 0)

    return step


def derrida_slope(step: Step, n: int, key: Key[Array, ""] | None = None) -> float:
    """Mean Hamming distance after one step between two states that differ in one bit.

    All states where there are at most 2048, else 2048 random ones.
    """
    if 2**n <= DERRIDA_SAMPLES:
        states = unpacked(np.arange(2**n), n)
    else:
        states = generator(key, 1).random((DERRIDA_SAMPLES, n)) < 0.5
    after, distance = step(states), 0.0
    for i in range(n):
        flipped = states.copy()
        flipped[:, i] ^= True
        distance += float((step(flipped) != after).sum(axis=1).mean())
    return distance / n


def unpacked(codes: np.ndarray, n: int) -> np.ndarray:
    """(S, n) bits of numbers, the first node the lowest bit."""
    return (codes[:, None] >> np.arange(n)) & 1 == 1


def packed(states: np.ndarray) -> np.ndarray:
    """(S,) numbers of (S, n) bits."""
    return states @ (np.int64(1) << np.arange(states.shape[1]))


def _exhaustive(step: Step, n: int) -> tuple[Attractor, ...]:
    after = np.empty(2**n, dtype=np.int32)
    for start in range(0, 2**n, CHUNK):
        codes = np.arange(start, min(start + CHUNK, 2**n))
        after[codes] = packed(step(unpacked(codes, n)))
    far, least = after, np.arange(2**n, dtype=np.int32)
    for _ in range(n):  # after k doublings: the state 2^k steps on, and the least state on the way
        least = np.minimum(least, least[far])
        far = far[far]
    roots, sizes = np.unique(least[far], return_counts=True)
    found = [
        Attractor(unpacked(_cycle(int(root), after), n), float(size / 2**n))
        for root, size in zip(roots, sizes, strict=True)
    ]
    return _by_basin(found)


def _cycle(root: int, after: np.ndarray) -> np.ndarray:
    cycle = [root]
    while (state := int(after[cycle[-1]])) != root:
        cycle.append(state)
    return np.array(cycle)


def _by_basin(found: list[Attractor]) -> tuple[Attractor, ...]:
    return tuple(sorted(found, key=lambda a: (-a.basin, len(a.states), a.states.tobytes())))


def _sampled(step: Step, starts: np.ndarray) -> tuple[Attractor, ...]:
    """Brent's search for the cycle of each start, all starts in step."""
    on_cycle, length = np.empty_like(starts), np.zeros(len(starts), dtype=np.int64)
    alive = np.arange(len(starts))
    tortoise, hare, power, lam = starts, step(starts), 1, 1
    for _ in range(MOST_STEPS):
        met = (tortoise == hare).all(axis=1)
        on_cycle[alive[met]], length[alive[met]] = hare[met], lam
        alive, tortoise, hare = alive[~met], tortoise[~met], hare[~met]
        if not alive.size:
            break
        if power == lam:
            tortoise, power, lam = hare, 2 * power, 0
        hare, lam = step(hare), lam + 1
    else:
        raise ValueError(f"max_states and samples can't help: {alive.size} states found no cycle in {MOST_STEPS} steps")
    least = np.packbits(on_cycle, axis=1)  # the least state of each cycle names it
    walker = on_cycle
    for i in range(1, int(length.max())):
        rows = np.flatnonzero(length > i)
        walker = walker.copy()
        walker[rows] = step(walker[rows])
        bits = np.packbits(walker[rows], axis=1)
        least[rows] = np.where(_less(bits, least[rows])[:, None], bits, least[rows])
    names, first, counts = np.unique(least, axis=0, return_index=True, return_counts=True)
    found = []
    for name, at, count in zip(names, first, counts, strict=True):
        states = [np.unpackbits(name, count=starts.shape[1]).astype(bool)]
        for _ in range(1, int(length[at])):
            states.append(step(states[-1][None])[0])
        found.append(Attractor(np.stack(states), float(count / len(starts))))
    return _by_basin(found)


def _less(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Row by row, whether a comes before b."""
    differ = a != b
    first = differ.argmax(axis=1)
    rows = np.arange(len(a))
    return differ.any(axis=1) & (a[rows, first] < b[rows, first])


def _asynchronous(network: BooleanNetwork, walks: int, rng: np.random.Generator) -> tuple[Attractor, ...]:
    n = network.n
    codes = np.arange(2**n)
    moves = np.empty((2**n, n), dtype=bool)  # which nodes would change
    for start in range(0, 2**n, CHUNK):
        states = unpacked(codes[start : start + CHUNK], n)
        moves[start : start + CHUNK] = network.step(states) != states
    rows, bits = np.nonzero(moves)
    graph = sparse.csr_array((np.ones(rows.size, np.int8), (rows, rows ^ (1 << bits))), shape=(2**n, 2**n))
    count, label = sparse.csgraph.connected_components(graph, directed=True, connection="strong")
    leaves = np.zeros(count, dtype=bool)
    leaves[label[rows[label[rows] != label[rows ^ (1 << bits)]]]] = True
    at = rng.integers(0, 2**n, walks)
    ended = np.full(walks, -1)
    alive = np.arange(walks)
    for _ in range(MOST_STEPS):
        done = ~leaves[label[at[alive]]]
        ended[alive[done]] = label[at[alive[done]]]
        alive = alive[~done]
        if not alive.size:
            break
        choice = np.where(moves[at[alive]], rng.random((alive.size, n)), -1).argmax(axis=1)
        at[alive] ^= 1 << choice
    else:
        raise ValueError(f"samples can't help: {alive.size} random walks did not end in {MOST_STEPS} steps")
    found = []
    for component in np.flatnonzero(~leaves):
        share = float((ended == component).mean())
        found.append(Attractor(unpacked(codes[label == component], n), share))
    return _by_basin(found)
