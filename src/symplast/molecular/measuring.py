"""What the experiments measure on graphs and cells: rates written out, drugs of a graph, differences and ratios."""

from typing import Any

import jax
import numpy as np

from symplast import stats
from symplast.lab import Config
from symplast.molecular.drugs import HUBS, drug
from symplast.molecular.entropy import Products
from symplast.molecular.response import DOSES, drug_response
from symplast.molecular.strategies import Maker, random_cell
from symplast.molecular.topology import Topology, erdos_renyi, modular_scale_free

DRUGS = (("central", 6), ("influence", 36), ("random", 36), ("central", 12), ("influence", 12), ("random", 12),
         ("central", 36))  # fmt: skip
"""Strategies and numbers of targets, run at once."""

MIXTURES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of a budget that hubs get; the first and the last are the pure strategies."""


def dense_rate(A: np.ndarray, x: np.ndarray) -> float:
    """Entropy rate of one sample with all N x N matrices written out, in nats."""
    w = A * np.outer(x, x)
    p = w / w.sum(axis=1, keepdims=True)
    S = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)
    return float((w.sum(axis=1) / w.sum()) @ S)


def rate_rises(adjacency: Any, genes: np.ndarray | None = None, block: int = 256) -> np.ndarray:
    """Whether the rate rises when one gene goes from 2 to 8, for each gene."""
    n = adjacency.shape[0]
    products, genes = Products(adjacency), np.arange(n) if genes is None else genes
    base = products.rate(np.full((n, 1), 2.0))[0]
    found = []
    for start in range(0, len(genes), block):
        own = genes[start : start + block]
        x = np.full((n, len(own)), 2.0)
        x[own, np.arange(len(own))] = 8.0
        found.append(products.rate(x) > base)
    return np.concatenate(found)


def topologies(scale_free: bool, matched: bool = False) -> Maker:
    """Draws scale-free graphs, or random ones; ``matched`` ones have as many edges as the scale-free graph."""

    def make(key: Any) -> Topology:
        graph = modular_scale_free(key=key)
        if scale_free:
            return graph
        other = jax.random.fold_in(key, 1)
        return erdos_renyi(edges=graph.n_edges, key=other) if matched else erdos_renyi(key=other)

    return make


def cell_and_drugs(make: Maker, key: Any, seed: int, drugs: Any = DRUGS, hubs: int = HUBS, **depths: float) -> Any:
    """A seed's cell, and drugs for it."""
    cell, own = random_cell(make, key, seed, **depths)
    given = [drug(cell, name, k, hubs=hubs, key=jax.random.fold_in(own, 10 + i)) for i, (name, k) in enumerate(drugs)]
    return cell, given


def pair_of_doses(
    make: Maker, key: Any, seeds: int, temperatures: Any, hubs: int, k: int, n: float = 0.9, scale: float = 1.0
) -> np.ndarray:
    """(seeds, T, 2) minimal doses of hubs and of their neighbours; NaN where one attractor is missing."""
    found = np.full((seeds, len(temperatures), 2), np.nan)
    for seed in range(seeds):
        cell, drugs = cell_and_drugs(make, key, seed, (("central", hubs), ("influence", k)), hubs, n=n)
        for t, T in enumerate(temperatures):
            response = drug_response(cell, drugs, T, DOSES * scale)
            found[seed, t] = response.minimal_dose if response.bistable else np.nan
    return found


def mean_difference(a: np.ndarray, b: np.ndarray) -> Any:
    """Mean difference of two truth values over graphs where both attractors exist: BCa, or t where graphs are few."""
    values = (a - b)[~np.isnan(a - b)]
    if len(values) < 2:
        return float("nan")
    return (
        stats.bootstrap(values, np.mean, method="bca")
        if len(values) >= 20
        else stats.mean_interval(values, bounds=(-1, 1))
    )


def median_ratio(a: np.ndarray, b: np.ndarray) -> Any:
    """Median ratio over graphs where both are finite; fewer than 6 can't bound a median at 95 %."""
    both = np.isfinite(a) & np.isfinite(b)
    return stats.bootstrap(a[both] / b[both], np.median) if both.sum() >= 6 else float("nan")


def late_given_early(config: Config, key: Any, early_doses: np.ndarray) -> dict[str, Any]:
    """Of the networks that 1.5 median minimal doses of T = 0.65 cure there, the share that they cure at T = 0.35."""
    found: dict[str, Any] = {}
    make = topologies(True)
    for i, name in enumerate(("central", "influence")):
        finite = early_doses[i][np.isfinite(early_doses[i])]
        dose = 1.5 * float(np.median(finite)) if finite.size else float("nan")
        both = np.zeros((config.seeds, 2), dtype=bool)
        for seed in range(config.seeds if finite.size else 0):
            cell, drugs = cell_and_drugs(make, key, seed)
            both[seed] = [bool(drug_response(cell, [drugs[i]], T, [dose]).success[0, 0]) for T in (0.65, 0.35)]
        early, late = int(both[:, 0].sum()), int(both.all(axis=1).sum())
        found[f"late_given_early_{name}"] = stats.clopper_pearson(late, early) if early else float("nan")
        found |= {f"dose_{name}": dose, f"early_{name}": early}
    return found


def share_with_interval(truth: np.ndarray) -> Any:
    """Share of what holds among what could be asked, with its exact interval."""
    values = truth[~np.isnan(truth)]
    return stats.clopper_pearson(int(values.sum()), values.size) if values.size else float("nan")


def dominates(dose: np.ndarray, toxic: np.ndarray) -> np.ndarray:
    """Whether each drug is at least as good as both pure ones in dose and toxicity, and better in one, than each."""
    found = np.isfinite(dose)
    for pure in (0, len(MIXTURES) - 1):
        d, t = dose[..., pure, None], toxic[..., pure, None]
        found &= (dose <= d) & (toxic <= t) & ((dose < d) | (toxic < t))
    return found
