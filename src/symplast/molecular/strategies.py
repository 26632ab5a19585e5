"""Strategies compared over many networks: success, minimal dose, toxicity, with intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Array, Key

from symplast import stats
from symplast.molecular.drugs import HUBS, STRATEGIES, Drug, Strategy, drug
from symplast.molecular.learning_network import LearningNetwork, check_temperature
from symplast.molecular.response import DOSES, drug_response
from symplast.molecular.topology import Topology
from symplast.stats.arguments import check_count

if TYPE_CHECKING:
    import pandas as pd

Maker = Callable[[Any], Topology]
"""A key -> a topology: a new one for each draw."""


@dataclass(frozen=True, eq=False)
class StrategyComparison:
    """Strategies over draws and temperatures.

    Attributes:
        drugs: (S,) names.
        T: (T,) temperatures.
        minimal_dose: (draws, T, S) smallest dose with success; infinite where there is none, NaN where the network
            has not both attractors at this temperature.
        toxicity: (draws, T, S) loss of normal overlap at that dose; NaN where there is none.
        targets: (draws, S) nodes that were hit: fewer than asked for where a strategy finds fewer.
    """

    drugs: tuple[str, ...]
    T: tuple[float, ...]
    minimal_dose: np.ndarray
    toxicity: np.ndarray
    targets: np.ndarray

    def table(self, level: float = 0.95) -> "pd.DataFrame":
        """A row a temperature and drug: networks, share cured, median dose and mean toxicity of these, intervals."""
        import pandas as pd

        rows = []
        for t, T in enumerate(self.T):
            for s, name in enumerate(self.drugs):
                doses = self.minimal_dose[:, t, s]
                doses = doses[~np.isnan(doses)]
                cured = doses[np.isfinite(doses)]
                row: dict[str, Any] = {"T": T, "drug": name, "targets": float(self.targets[:, s].mean())}
                row |= {"networks": len(doses), "cured": len(cured)}
                if len(doses):
                    share = stats.clopper_pearson(len(cured), len(doses), level)
                    row |= {"success": share.value, "success_low": share.low, "success_high": share.high}
                if len(cured) > 1:
                    dose = stats.bootstrap(cured, np.median, level=level, resamples=2000)
                    harm = self.toxicity[:, t, s]
                    toxic = stats.mean_interval(harm[np.isfinite(harm)], level=level)
                    row |= {"dose": dose.value, "dose_low": dose.low, "dose_high": dose.high}
                    row |= {"toxicity": toxic.value, "toxicity_low": toxic.low, "toxicity_high": toxic.high}
                rows.append(row)
        return pd.DataFrame(rows)


def compare_strategies(
    topology: Topology | Maker,
    temperatures: Sequence[float] = (0.2, 0.35, 0.5, 0.65, 0.8),
    targets: Sequence[int] = (6, 12, 36),
    *,
    strategies: Sequence[Strategy] = STRATEGIES,
    hubs: int = HUBS,
    draws: int = 30,
    doses: Any = DOSES,
    c: float = 1.0,
    n: float = 0.9,
    key: Key[Array, ""] | None = None,
) -> StrategyComparison:
    """Compare strategies at each number of targets, on many draws of patterns (and of topologies).

    Every strategy is run at every number of targets, so that *where* is never mixed up with *how many*.

    Args:
        topology: one topology for all draws, or a function of a key that makes one for each.
        temperatures: low is rigid, high is plastic.
        targets: numbers of targets.
        strategies: which.
        hubs: nodes that count as hubs of ``influence`` and ``random``.
        draws: pairs of random patterns, at least 2.
        doses: budgets; they scale with N.
        c, n: depths of the malignant and the normal pattern.
        key: random key.

    Raises:
        ValueError: an unknown strategy, temperatures or doses out of range, fewer than 2 draws.

    Example:
        >>> from symplast.molecular import modular_scale_free
        >>> found = compare_strategies(
        ...     lambda key: modular_scale_free(60, key=key), [0.5], [6], draws=4, doses=[0, 10, 20]
        ... )
        >>> found.table().drug.tolist()
        ['central, 6', 'influence, 6', 'random, 6']
    """
    count = check_count(draws, "draws", least=2)
    numbers = [check_count(k, "targets") for k in targets]
    check_temperature(list(temperatures))
    base = jax.random.key(0) if key is None else key
    dose_of, toxic, hit = [], [], []
    names: tuple[str, ...] = ()
    for draw in range(count):
        cell, own = random_cell(topology, base, draw, c, n)
        drugs = [
            drug(cell, name, k, hubs=hubs, key=jax.random.fold_in(own, 10 + i))
            for i, (name, k) in enumerate((name, k) for k in numbers for name in strategies)
        ]
        names = tuple(each.name for each in drugs)
        found = [doses_and_toxicity(cell, drugs, T, doses) for T in temperatures]
        dose_of.append([a for a, _ in found])
        toxic.append([b for _, b in found])
        hit.append([np.count_nonzero(each.first) for each in drugs])
    T_all = tuple(map(float, temperatures))
    return StrategyComparison(names, T_all, np.array(dose_of), np.array(toxic), np.array(hit))


def random_cell(
    topology: Topology | Maker, key: Key[Array, ""], draw: int, c: float = 1.0, n: float = 0.9
) -> tuple[LearningNetwork, Any]:
    """A network with random patterns, and the key of what else is drawn for it."""
    own = jax.random.fold_in(key, draw)
    graph = topology if isinstance(topology, Topology) else topology(jax.random.fold_in(own, 0))
    return LearningNetwork.random(graph, c=c, n=n, key=jax.random.fold_in(own, 1)), own


def doses_and_toxicity(
    cell: LearningNetwork, drugs: Sequence[Drug], T: float, doses: Any = DOSES
) -> tuple[np.ndarray, np.ndarray]:
    """(S,) minimal doses, NaN without two attractors, and toxicity at these."""
    found = drug_response(cell, drugs, T, doses, toxicity=True)
    best = found.minimal_dose
    assert found.toxicity is not None
    harm = np.where(np.isfinite(best), found.toxicity[np.arange(len(drugs)), found.success.argmax(axis=1)], np.nan)
    return (best, harm) if found.bistable else (np.full_like(best, np.nan), np.full_like(harm, np.nan))
