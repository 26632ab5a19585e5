"""Drugs of the simulator: where a budget of field acts.

All act on nodes where the normal and the malignant pattern differ, with ``h_i = xi^N_i B / |targets|``.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Array, Key

from symplast.molecular.learning_network import LearningNetwork
from symplast.molecular.randomness import generator
from symplast.stats.arguments import check_count

Strategy: TypeAlias = Literal["central", "influence", "random"] | str
STRATEGIES: tuple[Strategy, ...] = ("central", "influence", "random")
HUBS = 6


@dataclass(frozen=True, eq=False)
class Drug:
    """A field per unit of budget, in two phases of 100 steps.

    Attributes:
        name: what it is called.
        first: (N,) field of the first 100 steps at budget 1.
        second: (N,) field of the other 100 steps.
    """

    name: str
    first: np.ndarray
    second: np.ndarray


def targets(
    cell: LearningNetwork, strategy: Strategy, k: int, *, hubs: int = HUBS, key: Key[Array, ""] | None = None
) -> np.ndarray:
    """Positions of the nodes that a strategy acts on.

    Args:
        cell: the network with its patterns.
        strategy: ``central``, the k nodes of highest degree; ``influence``, k random neighbours of the ``hubs``
            highest (allo-network, multi-target), all of them where there are fewer; ``random``, k random nodes. The
            last two leave the hubs out; all take only nodes where the patterns differ.
        k: number of targets.
        hubs: nodes that count as hubs of ``influence`` and ``random``.
        key: random key.

    Raises:
        ValueError: an unknown strategy, k below 1, or nothing to act on.

    Example:
        >>> from symplast.molecular import modular_scale_free
        >>> cell = LearningNetwork.random(modular_scale_free())
        >>> hit = targets(cell, "central", 6)
        >>> len(hit), bool(cell.topology.degree[hit].min() > 10)
        (6, True)
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, got {strategy!r}")
    count = check_count(k, "k")
    differ = cell.normal != cell.malignant
    degree = cell.topology.degree
    ranked = np.array([i for i in np.argsort(-degree, kind="stable") if differ[i]], dtype=np.int64)
    top = ranked[: check_count(hubs, "hubs")]
    if strategy == "central":
        found = ranked[:count]
    else:
        allowed = differ.copy()
        allowed[top] = False
        if strategy == "influence":
            allowed &= cell.topology.adjacency[top].any(axis=0)
        pool = np.flatnonzero(allowed)
        found = np.sort(generator(key).permutation(pool)[:count])
    if not found.size:
        raise ValueError(
            f"strategy {strategy!r} finds no node to act on: the patterns must differ near hubs; count fewer nodes as "
            "hubs"
        )
    return found


def field_on(cell: LearningNetwork, nodes: np.ndarray, share: float = 1.0) -> np.ndarray:
    """(N,) field of a budget of ``share`` on these nodes, toward the normal pattern."""
    h = np.zeros(cell.topology.n)
    h[nodes] = share * cell.normal[nodes] / len(nodes)
    return h


def drug(
    cell: LearningNetwork, strategy: Strategy, k: int, *, hubs: int = HUBS, key: Key[Array, ""] | None = None
) -> Drug:
    """A drug that acts on the targets of one strategy all the time."""
    h = field_on(cell, targets(cell, strategy, k, hubs=hubs, key=key))
    return Drug(f"{strategy}, {k}", h, h)


def combination(
    cell: LearningNetwork,
    r: float,
    *,
    hubs: int = HUBS,
    neighbours: int = 36,
    key: Key[Array, ""] | None = None,
) -> Drug:
    """A share r of the budget on the hubs and 1 - r on their neighbours, at once.

    Raises:
        ValueError: r outside [0, 1].
    """
    if not 0 <= r <= 1:
        raise ValueError(f"r must lie in [0, 1], got {r}")
    near = targets(cell, "influence", neighbours, hubs=hubs, key=key)
    h = field_on(cell, targets(cell, "central", hubs), r) + field_on(cell, near, 1 - r)
    return Drug(f"combination {r:g}", h, h)


def sequence(
    cell: LearningNetwork,
    first: Literal["central", "influence"] | str,
    *,
    hubs: int = HUBS,
    neighbours: int = 36,
    key: Key[Array, ""] | None = None,
) -> Drug:
    """The whole budget on the hubs for 100 steps and then on their neighbours for 100, or the other way round."""
    if first not in ("central", "influence"):
        raise ValueError(f"first must be central or influence, got {first!r}")
    on_hubs = field_on(cell, targets(cell, "central", hubs))
    near = field_on(cell, targets(cell, "influence", neighbours, hubs=hubs, key=key))
    order = (on_hubs, near) if first == "central" else (near, on_hubs)
    return Drug(f"{first} first", *order)


def cut_edges(cell: LearningNetwork, m: np.ndarray, budgets: np.ndarray) -> np.ndarray:
    """(D, N, N) couplings after an edgetic drug: edges scaled to 0 in order of falling ``m_i J_ij m_j``.

    The last edge is scaled partly, until the sum of ``|change of J|`` over edges is the budget.

    Args:
        cell: the network.
        m: (N,) relaxed malignant state.
        budgets: (D,) sums.
    """
    J = cell.couplings
    low, high = np.nonzero(np.triu(J != 0, 1))
    strength = np.abs(J[low, high])
    order = np.argsort(-(m[low] * J[low, high] * m[high]), kind="stable")
    before = np.concatenate([[0.0], np.cumsum(strength[order])[:-1]])
    found = np.repeat(J[None], len(budgets), axis=0)
    for cut, budget in zip(found, budgets, strict=True):
        spent = np.clip(budget - before, 0, strength[order])
        keep = 1 - spent / strength[order]
        a, b = low[order], high[order]
        cut[a, b] *= keep
        cut[b, a] *= keep
    return found
