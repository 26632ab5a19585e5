"""Holding nodes of a Boolean model at the values of a wanted attractor, as a drug does, and releasing them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Key

from symplast.molecular.attractors import Attractor, find_attractors
from symplast.molecular.boolean import BooleanNetwork
from symplast.molecular.randomness import generator
from symplast.stats.arguments import check_count

STEPS = 100
SHARE = 0.2
"""Of the nodes that may be held, how many are."""


@dataclass(frozen=True)
class Holding:
    """Shares of random states that end in the wanted attractor.

    Attributes:
        alone: without any drug.
        hubs: with hubs held.
        neighbours: with as many random targets of theirs held, mean over draws.
        held: number of nodes held.
    """

    alone: float
    hubs: float
    neighbours: float
    held: int


def compare_holding(
    network: BooleanNetwork, *, samples: int = 1000, draws: int = 10, key: Key[Array, ""] | None = None
) -> Holding:
    """Hold hubs or their targets at the values of the fixed point with the largest basin for 100 steps, then release.

    Inputs (nodes that keep their own value) may not be held. Both strategies hold a fifth of the other nodes. The
    neighbours are random targets of the hubs, the hubs left out; filled up with random others where they are too few.

    Args:
        network: the model.
        samples: random states.
        draws: random choices of neighbours.
        key: random key.

    Raises:
        ValueError: a model without a fixed point, or with fewer than 5 nodes that may be held.

    Example:
        >>> model = BooleanNetwork.from_text("a, b\\nb, a\\nc, a&b\\nd, c\\ne, d|c")
        >>> found = compare_holding(model, samples=64, draws=2)
        >>> found.held, found.hubs >= found.alone
        (1, True)
    """
    count = check_count(samples, "samples")
    rng = generator(key, 2)
    fixed = [a for a in find_attractors(network, samples=count, key=key).attractors if len(a.states) == 1]
    if not fixed:
        raise ValueError("network must have a fixed point, to hold nodes at its values")
    pairs = network.regulators()
    inputs = {b for b in network.nodes if [a for a, target in pairs if target == b] in ([b], [])}
    free = [name for name in network.nodes if name not in inputs]
    if len(free) < 5:
        raise ValueError(f"network must have at least 5 nodes that are no inputs, got {len(free)}")
    k = max(1, round(SHARE * len(free)))
    out = {name: sum(a == name and b != name for a, b in pairs) for name in free}
    hubs = sorted(free, key=lambda name: -out[name])[:k]
    near = [name for name in free if name not in hubs and any((hub, name) in pairs for hub in hubs)]
    rest = [name for name in free if name not in hubs and name not in near]
    starts = rng.random((count, network.n)) < 0.5
    wanted = fixed[0]
    shares = []
    for _ in range(check_count(draws, "draws")):
        order = [*rng.permutation(near), *rng.permutation(rest)] if rest else list(rng.permutation(near))
        shares.append(_share(network, wanted, [str(name) for name in order[:k]], starts))
    return Holding(
        _share(network, wanted, [], starts), _share(network, wanted, hubs, starts), float(np.mean(shares)), k
    )


def _share(network: BooleanNetwork, wanted: Attractor, held: list[str], starts: np.ndarray) -> float:
    """Of the states that keep the model's inputs at the wanted values, the share that ends in the wanted attractor."""
    target = wanted.states[0]
    place = {name: i for i, name in enumerate(network.nodes)}
    inputs = [i for i, rule in enumerate(network.rules) if rule == ("name", i)]
    states = starts.copy()
    states[:, inputs] = target[inputs]
    drugged = network.hold({name: int(target[place[name]]) for name in held})
    for step in (drugged.step, network.step):
        for _ in range(STEPS):
            states = step(states)
    return float((states == target).all(axis=1).mean())
