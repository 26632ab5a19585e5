"""The experiments behind the claims: entropies of real cells, and drugs on learning networks."""

from typing import Any

import jax
import numpy as np

from symplast import stats
from symplast.lab import Config, Evidence, Study, evidence
from symplast.lab.claims import Scale
from symplast.molecular.attractors import find_attractors
from symplast.molecular.cohorts import DATA, MODELS, SETS, TISSUES, boolean_model, cohort
from symplast.molecular.drugs import HUBS, combination, sequence
from symplast.molecular.entropy import Products, entropy_of
from symplast.molecular.groups import (
    auc,
    auc_interval,
    compare_groups,
    heterogeneity_difference,
    paired_wins,
    spread_difference,
)
from symplast.molecular.holding import compare_holding
from symplast.molecular.learning_network import SCHEDULES
from symplast.molecular.measuring import (
    DRUGS,
    MIXTURES,
    cell_and_drugs,
    dense_rate,
    dominates,
    late_given_early,
    mean_difference,
    median_ratio,
    pair_of_doses,
    rate_rises,
    share_with_interval,
    topologies,
)
from symplast.molecular.nulls import adjacency_of, null_of, random_edges
from symplast.molecular.overlap import leiden_modules, module_overlap
from symplast.molecular.randomness import generator
from symplast.molecular.response import drug_response, edgetic_response, noisy_response
from symplast.molecular.strategies import doses_and_toxicity, random_cell
from symplast.molecular.topology import modular_scale_free

study = Study("molecular")

REAL: dict[Scale, tuple[str, ...]] = {"full": (DATA,)}
TEMPERATURES = (0.2, 0.35, 0.5, 0.65, 0.8)


@study.experiment(quick={"graphs": 3, "nodes": 960, "samples": 20})
def identity(config: Config, key: Any) -> Evidence:
    """The fast entropy rate against the formula written out, and what over-expressing single genes does."""
    differences, hubs, others = [], [], []
    for graph in range(config.graphs):
        topology = modular_scale_free(config.nodes, key=jax.random.fold_in(key, graph))
        rng = generator(key, graph, 1)
        x = np.exp(rng.standard_normal((config.nodes, config.samples)))
        A = topology.adjacency
        adjacency = adjacency_of(np.argwhere(np.triu(A)), config.nodes)
        rates = Products(adjacency).rate(x)
        differences.append(np.abs(rates - [dense_rate(A, column) for column in x.T]).max())
        raised = rate_rises(adjacency)
        top = np.argsort(-topology.degree, kind="stable")[:10]
        hubs.append(raised[top].mean())
        others.append(np.delete(raised, top).mean())
    return evidence(
        difference=float(max(differences)),
        raised_by_hubs=(("seed",), hubs),
        raised_by_others=(("seed",), others),
        units={"difference": "nats"},
    )


@study.experiment(full={"resamples": 10_000, "sets": list(SETS)}, data=REAL)
def entropy(config: Config, key: Any) -> Evidence:
    """Signalling entropy rate of stem cells and tumours, against the released package and between groups."""
    found: dict[str, Any] = {}
    wins, owners, high = [], [], []
    rows: dict[str, list[Any]] = {"sr": [], "ccat": [], "is_high": [], "set": []}
    for seed, name in enumerate(config.sets):
        data = cohort(name)
        result = entropy_of(data.matched)
        options = {"resamples": config.resamples, "seed": config.seed + seed}
        difference = compare_groups(result.sr, data.high, **options)
        x = data.matched.whole()
        found |= {
            f"difference_{name}": difference.difference,
            f"auc_{name}": auc_interval(result.sr, data.high, **options),
            f"log10_p_{name}": np.log10(difference.p_value),
            f"max_sr_{name}": result.max_sr,
            f"genes_{name}": data.matched.network.n,
            f"heterogeneity_{name}": heterogeneity_difference(x, data.high, **options),
            f"spread_{name}": spread_difference(result.sr, data.high, **options),
            f"ccat_auc_{name}": auc_interval(result.ccat, data.high, **options),
        }
        if data.published.size:
            found["published_difference"] = float(np.nanmax(np.abs(result.sr - data.published)))
            found["ccat_r"] = stats.fisher_z(float(np.corrcoef(result.ccat, result.sr)[0, 1]), len(result.sr))
        if data.patient.size:
            wins.append(result.sr)
            owners.append([f"{name} {who}" for who in data.patient])
            high.append(data.high)
        for column, values in (("sr", result.sr), ("ccat", result.ccat), ("is_high", data.high)):
            rows[column].append(values)
        rows["set"].append(np.full(len(result.sr), SETS.index(name)))
    if wins:
        found["pairs_higher"] = paired_wins(*(np.concatenate(each) for each in (wins, high, owners)))
    found |= {name: (("sample",), np.concatenate(values)) for name, values in rows.items()}
    return evidence(
        **found,
        notes={"set_names": list(SETS)},
    )


@study.experiment(
    full={"draws": 1000, "other_draws": 20, "tissues": list(TISSUES), "genes": 8393},
    data=REAL,
)
def nulls(config: Config, key: Any) -> Evidence:
    """How well entropy tells tumours when genes are moved over the network, and what single genes do to it."""
    found: dict[str, Any] = {}
    other: dict[str, list[Any]] = {"er": [], "degree_preserving": []}
    observed, draws = [], []
    for i, name in enumerate(config.tissues):
        data, own = cohort(name), jax.random.fold_in(key, i)
        moved = null_of(data.matched, data.high, n=config.draws, key=own)
        found[f"null_auc_{name}"] = (("seed",), moved.null_aucs)
        found[f"network_share_{name}"] = moved.network_share
        observed.append(moved.auc)
        draws.append(moved.null_aucs)
        for null, values in other.items():
            values.append(null_of(data.matched, data.high, null=null, n=config.other_draws, key=own).null_aucs)
    network = cohort("chu").matched.network
    order = np.argsort(-network.degree, kind="stable")
    rng = generator(key, 99)
    random = adjacency_of(random_edges(network.n, network.n_edges, rng), network.n)
    top_of_random = np.argsort(-np.diff(random.indptr), kind="stable")[:30]
    return evidence(
        **found,
        observed=(("tissue",), observed),
        null_aucs=(("tissue", "draw"), draws),
        er_aucs=(("tissue", "other_draw"), other["er"]),
        degree_preserving_aucs=(("tissue", "other_draw"), other["degree_preserving"]),
        raised_by_hubs=float(rate_rises(network.adjacency, order[:30]).mean()),
        raised_by_others=float(rate_rises(network.adjacency, rng.permutation(order[30:])[: config.genes]).mean()),
        raised_by_er_hubs=float(rate_rises(random, top_of_random).mean()),
        coords={"tissue": config.tissues},
    )


@study.experiment(full={"partitions": 20, "sets": list(SETS)}, data=REAL)
def overlap(config: Config, key: Any) -> Evidence:
    """Module overlap of plastic cells: both network means over many partitions into modules."""
    found: dict[str, Any] = {}
    areas = np.empty((2, len(config.sets), config.partitions))
    for i, name in enumerate(config.sets):
        data = cohort(name)
        network, x = data.matched.network, data.matched.whole()
        for j in range(config.partitions):
            modules = leiden_modules(network, jax.random.fold_in(key, j))
            each = module_overlap(network, x, modules, bridgeness=False)
            areas[:, i, j] = auc(np.stack([each.uniform_mean, each.weighted_mean]), data.high)
        for way, values in zip(("uniform", "weighted"), areas[:, i], strict=True):
            found[f"{way}_{name}"] = stats.Estimate(
                float(np.median(values)), float(values.min()), float(values.max()), 0.95, config.partitions, "range"
            )
    return evidence(
        **found,
        aucs=(("mean", "set", "partition"), areas),
        coords={"mean": ["uniform", "stationary"], "set": config.sets},
    )


@study.experiment(
    quick={"seeds": 20, "er_temperatures": [0.35, 0.65], "matched": False},
    full={"seeds": 100, "er_temperatures": list(TEMPERATURES), "matched": True},
)
def strategies(config: Config, key: Any) -> Evidence:
    """Seven drugs on scale-free and random networks from rigid to plastic: minimal doses, success, early and late."""
    kinds = {"sf": topologies(True), "er": topologies(False)}
    kinds |= {"er_matched": topologies(False, matched=True)} if config.matched else {}
    shape = (len(kinds), len(TEMPERATURES), len(DRUGS), config.seeds)
    dose = np.full(shape, np.nan)
    for k, make in enumerate(kinds.values()):
        at = TEMPERATURES if k == 0 else config.er_temperatures
        for seed in range(config.seeds):
            cell, drugs = cell_and_drugs(make, key, seed)
            for T in at:
                found = drug_response(cell, drugs, T)
                dose[k, TEMPERATURES.index(T), :, seed] = found.minimal_dose if found.bistable else np.nan
    cured = np.where(np.isnan(dose), np.nan, np.isfinite(dose))
    sf, er = cured[0], cured[1]
    c6, i36, r36, c12, i12 = range(5)
    t20, t35, t50, t65, t80 = range(5)
    late = late_given_early(config, key, dose[0, t65])
    ratios = {
        f"dose_ratio_t{round(100 * TEMPERATURES[t])}": median_ratio(dose[0, t, c6], dose[0, t, i36])
        for t in (t50, t65, t80)
    }
    ratios |= {
        f"allo_ratio_t{round(100 * TEMPERATURES[t])}": median_ratio(dose[0, t, i36], dose[0, t, r36])
        for t in (t35, t65)
    }
    return evidence(
        many_t20=mean_difference(sf[t20, i36], sf[t20, c6]),
        many_t35=mean_difference(sf[t35, i36], sf[t35, c6]),
        equal_t20=mean_difference(sf[t20, i12], sf[t20, c12]),
        equal_t35=mean_difference(sf[t35, i12], sf[t35, c12]),
        hubs_minus_many_t65=mean_difference(sf[t65, c6], sf[t65, i36]),
        hubs_minus_equal_t65=mean_difference(sf[t65, c12], sf[t65, i12]),
        er_many_t35=mean_difference(er[t35, i36], er[t35, c6]),
        hubs_sf_minus_er_t65=mean_difference(sf[t65, c6], er[t65, c6]),
        **ratios,
        **late,
        cured=(("topology", "T", "drug", "graph"), cured),
        minimal_dose=(("topology", "T", "drug", "graph"), dose),
        coords={"topology": list(kinds), "T": list(TEMPERATURES), "drug": [f"{name}, {k}" for name, k in DRUGS]},
    )


@study.experiment(quick={"seeds": 4, "steps": 500}, full={"seeds": 30})
def learning(config: Config, key: Any) -> Evidence:
    """A network that learns the malignant state under an imposed course of temperature, and two controls."""
    make = topologies(True)
    courses = [
        [random_cell(make, key, seed)[0].trajectory(name, steps=config.steps) for seed in range(config.seeds)]
        for name in SCHEDULES
    ]
    columns = ("state_entropy", "entropy_rate", "normal_overlap", "malignant_overlap", "modularity")
    dims = ("schedule", "seed", "step")
    found: dict[str, Any] = {name: (dims, [[getattr(c, name) for c in row] for row in courses]) for name in columns}
    return evidence(
        **found,
        T=(("schedule", "step"), [row[0].T for row in courses]),
        crossing=(("schedule", "seed"), [[float(one.crossing) for one in row] for row in courses]),
        entropy_peak=(("schedule", "seed"), [[float(one.state_entropy.argmax()) for one in row] for row in courses]),
        last_malignant_overlap=(("schedule", "seed"), [[one.malignant_overlap[-1] for one in row] for row in courses]),
        coords={"schedule": list(SCHEDULES)},
        units={"state_entropy": "nats", "crossing": "steps", "entropy_peak": "steps"},
    )


@study.experiment(full={"seeds": 100, "temperatures": [0.35, 0.5, 0.65]})
def combinations(config: Config, key: Any) -> Evidence:
    """Mixtures and sequences of hubs and neighbours against the pure strategies, in dose and toxicity."""
    shape = (len(config.temperatures), config.seeds, len(MIXTURES) + 2)
    dose, toxic = np.empty(shape), np.empty(shape)
    for seed in range(config.seeds):
        cell, own = random_cell(topologies(True), key, seed)
        near = jax.random.fold_in(own, 11)
        drugs = [combination(cell, r, key=near) for r in MIXTURES]
        drugs += [sequence(cell, "central", key=near), sequence(cell, "influence", key=near)]
        for t, T in enumerate(config.temperatures):
            dose[t, seed], toxic[t, seed] = doses_and_toxicity(cell, drugs, T)
    lost = np.where(np.isfinite(dose), toxic, np.inf)
    beats = dominates(dose, lost)  # [T, seed, drug]
    lives = ~np.isnan(dose[:, :, 0])
    any_mix = np.where(lives, beats[..., [1, 2, 3, 5, 6]].any(axis=-1), np.nan)
    order = np.where(lives, beats[..., 5].astype(float) - beats[..., 6], np.nan)
    names = [f"r = {r:g}" for r in MIXTURES] + ["hubs first", "neighbours first"]
    return evidence(
        **{f"dominated_t{round(100 * T)}": share_with_interval(any_mix[t]) for t, T in enumerate(config.temperatures)},
        order_effect=mean_difference(np.nanmean(order, axis=0), np.zeros(config.seeds)),
        dominates=(("T", "graph", "drug"), beats),
        minimal_dose=(("T", "graph", "drug"), dose),
        toxicity=(("T", "graph", "drug"), toxic),
        coords={"T": config.temperatures, "drug": names},
    )


@study.experiment(
    full={
        "seeds": 30,
        "depths": [1.0, 1.11, 1.5],
        "hubs": [3, 6, 12],
        "targets": [12, 36, 72],
        "large": 960,
        "large_seeds": 10,
        "noisy_seeds": 8,
        "edgetic_seeds": 6,
    }
)
def robustness(config: Config, key: Any) -> Evidence:
    """The signs of M11 and M12 over depths of the patterns, numbers of hubs and targets, size and noise."""
    grid = (len(config.depths), len(config.hubs), len(config.targets))
    success, ratio = np.full((*grid, 2, 2), np.nan), np.full(grid, np.nan)  # [.., T, (central, influence)]
    for place in np.ndindex(*grid):
        depth, hubs, k = config.depths[place[0]], config.hubs[place[1]], config.targets[place[2]]
        doses = pair_of_doses(topologies(True), key, config.seeds, (0.35, 0.65), hubs, k, n=1 / depth)
        lives = ~np.isnan(doses).all(axis=(0, 2))
        success[place][lives] = np.nanmean(np.where(np.isnan(doses), np.nan, np.isfinite(doses))[:, lives], axis=0)
        late = doses[:, 1]
        both = np.isfinite(late).all(axis=1)
        ratio[place] = np.median(late[both, 0] / late[both, 1]) if both.any() else np.nan
    m11 = success[..., 0, 1] > success[..., 0, 0]
    m12 = ratio < 1  # a cell that can't show a sign (NaN) counts against it
    large = pair_of_doses(
        lambda k: modular_scale_free(config.large, modules=6, key=k), key, config.large_seeds, (0.35, 0.65), HUBS, 36,
        scale=config.large / 240,
    )  # fmt: skip
    noisy = np.empty((config.noisy_seeds, 2, 2))
    for seed in range(config.noisy_seeds):
        cell, drugs = cell_and_drugs(topologies(True), key, seed, DRUGS[:2])
        for t, T in enumerate((0.35, 0.65)):
            noisy[seed, t] = noisy_response(cell, drugs, T, jax.random.fold_in(key, 500 + seed)).success.any(axis=1)
    cut = [
        [edgetic_response(random_cell(topologies(True), key, s)[0], T).success.any() for T in (0.35, 0.65)]
        for s in range(config.edgetic_seeds)
    ]
    dims = ("depth", "hubs", "targets")
    return evidence(
        sign_m11=stats.clopper_pearson(int(m11.sum()), m11.size),
        sign_m12=stats.clopper_pearson(int(m12.sum()), m12.size),
        success=((*dims, "T", "strategy"), success),
        dose_ratio=(dims, ratio),
        large_success=(("T", "strategy"), np.isfinite(large).mean(axis=0)),
        noisy_success=(("T", "strategy"), noisy.mean(axis=0)),
        edgetic_success=(("T",), np.mean(cut, axis=0)),
        coords={
            "depth": config.depths,
            "hubs": config.hubs,
            "targets": config.targets,
            "T": [0.35, 0.65],
            "strategy": ["central", "influence"],
        },
    )


@study.experiment(full={"samples": 10_000, "held_samples": 1000, "draws": 10, "models": list(MODELS)}, data=REAL)
def boolean_models(config: Config, key: Any) -> Evidence:
    """Attractors of published Boolean models, and what holding hubs or their neighbours does to them."""
    found = []
    lengths: dict[str, list[int]] = {}
    for name in config.models:
        model = boolean_model(name)
        landscape = find_attractors(model, samples=config.samples, key=key)
        lengths[name] = sorted(len(a.states) for a in landscape.attractors)
        held = compare_holding(model, samples=config.held_samples, draws=config.draws, key=key)
        numbers = (model.n, len(landscape.attractors), landscape.basin_entropy, landscape.state_entropy)
        found.append((*numbers, landscape.derrida, held.alone, held.hubs, held.neighbours, held.held))
    columns = (
        "nodes",
        "attractors",
        "basin_entropy",
        "state_entropy",
        "derrida",
        "alone",
        "hubs",
        "neighbours",
        "held",
    )
    table = np.array(found, dtype=float)
    at = {name: i for i, name in enumerate(columns)}
    by_model: dict[str, Any] = {name: (("model",), table[:, i]) for i, name in enumerate(columns)}
    return evidence(
        hubs_minus_neighbours=stats.mean_interval(table[:, at["hubs"]] - table[:, at["neighbours"]]),
        lengths_cellcycle=(("attractor",), lengths["cell cycle"]),
        basin_entropy_small=(("small",), table[:3, at["basin_entropy"]]),
        **by_model,
        coords={"model": config.models, "small": config.models[:3]},
        units={"basin_entropy": "nats", "state_entropy": "nats"},
    )
