"""The experiments behind the claims: small networks on images of MNIST, the rule by itself, ablations, clusters."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from symplast import stats
from symplast.lab import Config, Evidence, Study, evidence, seed_keys
from symplast.lab.claims import Scale
from symplast.sym_stdp.clusters import cluster_report, embedding, neighbour_purity
from symplast.sym_stdp.config import SymSTDPConfig
from symplast.sym_stdp.plasticity import symmetric_stdp
from symplast.sym_stdp.progress import STRATEGIES
from symplast.sym_stdp.trials import (
    SIDE,
    accuracies,
    accuracy,
    answers,
    apart,
    learning_curves,
    new_net,
    paired_difference,
    percent_over_seeds,
    pictures,
)

study = Study("sym_stdp")

CURVE = (2500, 5000, 7500, 10_000)
"""Images after which claim SYM5 looks at the curve of 400 cells."""
COMPARED = 1000
"""Test images of the curves that the claim compares with."""


def _preset(n_hidden: int, **changes: Any) -> SymSTDPConfig:
    return SymSTDPConfig.preset(f"mnist-{n_hidden}", **changes)


@study.experiment(quick={"delays": [1, 2, 5, 10, 20, 40, 80]})
def kernel(config: Config, key: Any) -> Evidence:
    """Weight change by one pair of spikes against their delay, with and without the reference code's quirk."""
    nu, increment, dt = 0.005, 0.1, 0.5
    delays = [-d for d in reversed(config.delays)] + [0, *config.delays]
    steps = max(config.delays) + 2
    before = [0 if d >= 0 else -d for d in delays]
    pre, post = np.zeros((2, steps, len(delays)), bool)
    pre[before, range(len(delays))] = True
    post[[b + d for b, d in zip(before, delays, strict=True)], range(len(delays))] = True
    with jax.enable_x64(True):
        w = np.zeros((len(delays), len(delays)))
        change = [
            np.diag(np.asarray(symmetric_stdp(pre, post, w, nu, 20.0, 1.0, reference_quirks=quirks))).copy()
            for quirks in (True, False)
        ]
    relative = np.array(change) / (nu * increment)
    mirrored = relative[:, ::-1]
    return evidence(
        asymmetry=float(np.max(np.abs(relative[1] - mirrored[1]) / relative[1])),
        quirk_ratio=float(relative[0][delays.index(-20)] / relative[0][delays.index(20)]),
        change=(("variant", "delay"), relative),
        coords={"variant": ["reference", "no quirk"], "delay": [dt * d for d in delays]},
        units={"change": "of nu times the increment"},
    )


@study.experiment(quick={"hidden": 20, "images": 30, "tests": 20}, data=("digits-28",))
def frozen(config: Config, key: Any) -> Evidence:
    """Weights, thresholds and traces before and after a test phase, byte for byte."""
    shown = pictures("digits-28", config.images, config.tests)
    net = new_net(shown, config.hidden, _preset(100), key).partial_fit(shown.X, shown.y)
    before = [np.array(leaf) for leaf in net.state.plastic]
    found = answers(net, shown)[1]
    same = all(old.tobytes() == np.asarray(new).tobytes() for old, new in zip(before, net.state.plastic, strict=True))
    return evidence(unchanged=same, hidden_spikes=int(found.hidden.sum()))


MNIST: Mapping[Scale, tuple[str, ...]] = {"quick": ("mnist-5k",), "full": ("mnist",)}
"""Data sets of most experiments: built-in images at quick scale."""


@study.experiment(
    quick={
        "seeds": 1,
        "sizes": [100],
        "images": 2500,
        "checkpoints": [1250, 2500],
        "tests": 1000,
        "data": "mnist-5k",
    },
    full={
        "seeds": 5,
        "sizes": [100, 400, 1600],
        "images": 10_000,
        "checkpoints": [1250, 2500, 5000, 7500, 10_000],
        "tests": 2000,
        "data": "mnist",
    },
    paper={"sizes": [100, 400, 1600, 6400, 10_000], "images": 60_000, "checkpoints": [10_000, 30_000, 60_000]},
    data=MNIST,
)
def learning(config: Config, key: Any) -> Evidence:
    """Accuracy of both read-outs while networks of several sizes learn images in file order, once."""
    shown, keys = pictures(config.data, config.images, config.tests), seed_keys(key, config.seeds)
    found = learning_curves(shown, [(n, _preset(n)) for n in config.sizes], keys, config.checkpoints)
    sl, usl = (dict(zip(config.sizes, right, strict=True)) for right in (found.sl, found.usl))  # size -> [checkpoint]
    final = {n: accuracy(right[-1]) for n, right in sl.items()}
    asked: dict[str, Any] = {"curve_400": (("seed", "point"), np.full((config.seeds, len(CURVE)), np.nan))}
    asked |= dict.fromkeys(["sl_minus_usl_100", "sl_minus_usl_400", "apart_100_400", "apart_400_1600"], np.nan)
    asked["start_100"] = np.nan
    for n in config.sizes:
        if n in (100, 400):
            asked[f"sl_minus_usl_{n}"] = paired_difference(sl[n][-1], usl[n][-1])
        if n in (400, 1600) and n // 4 in final:
            asked[f"apart_{n // 4}_{n}"] = apart(final[n], final[n // 4])
    places = [config.checkpoints.index(n) for n in CURVE if n in config.checkpoints]
    if 400 in sl and len(places) == len(CURVE):
        asked["curve_400"] = ("seed", "point"), percent_over_seeds(sl[400][places, :, :COMPARED]).T
    if 100 in sl and CURVE[0] in config.checkpoints:
        asked["start_100"] = accuracy(sl[100][config.checkpoints.index(CURVE[0])][:, :COMPARED])
    return evidence(
        **asked,
        **accuracies("sl", ("size", "images"), found.sl),
        **accuracies("usl", ("size", "images"), found.usl),
        coords={"size": config.sizes, "images": config.checkpoints, "point": list(CURVE)},
        units={"sl": "%", "usl": "%", "sl_of_seed": "%", "usl_of_seed": "%", "curve_400": "%", "start_100": "%"},
        notes={"data": config.data},
    )


@study.experiment(full={"seeds": 3, "images": 5000, "tests": 1000, "data": "mnist"}, data=("mnist",))
def ablation(config: Config, key: Any) -> Evidence:
    """SL accuracy of 100 cells without scaling, with theta frozen, and with theta falling only."""
    shown, keys = pictures(config.data, config.images, config.tests), seed_keys(key, config.seeds)
    variants = {
        "intact": _preset(100),
        "no_scaling": _preset(100, scale_in=False),
        "theta_frozen": _preset(100, theta_plus=0.0, tau_theta_ms=float("inf")),
        "theta_falls": _preset(100, theta_plus=0.0),
    }
    right = learning_curves(shown, [(100, c) for c in variants.values()], keys, [config.images]).sl[:, 0]
    losses: dict[str, Any] = {
        f"loss_{name}": paired_difference(right[0], right[i]) for i, name in enumerate(variants) if i
    }
    return evidence(
        **losses,
        **accuracies("accuracy", ("variant",), right),
        coords={"variant": list(variants)},
        units={"accuracy": "%", "accuracy_of_seed": "%", **dict.fromkeys(losses, "points")},
        notes={"data": config.data},
    )


@study.experiment(full={"hidden": 400, "images": 10_000, "tests": 1000, "data": "mnist"}, data=("mnist",))
def clusters(config: Config, key: Any) -> Evidence:
    """Spike counts of three layers and the hidden cells' weights: purity, silhouette, and maps by t-SNE."""
    shown = pictures(config.data, config.images, config.tests)
    net = new_net(shown, config.hidden, _preset(config.hidden), key).partial_fit(shown.X, shown.y)
    tested, found = answers(net, shown)
    layers = {"input": found.input, "hidden": found.hidden, "classifier": found.classifier}
    purity = {name: neighbour_purity(counts, shown.y_test) for name, counts in layers.items()}
    gains: dict[str, Any] = {
        f"{name}_gain": stats.bootstrap(purity[name] - purity["input"], np.mean) for name in ("hidden", "classifier")
    }
    maps = {name: embedding(counts, config.seed) for name, counts in layers.items()}
    report = cluster_report(layers, shown.y_test, maps=maps)
    owner = net.assignments()
    owned = np.flatnonzero(owner >= 0)
    rows = [f"{row.space}, {row.metric}" for row in report[report.layer == "input"].itertuples()]
    shape = len(layers), len(rows)
    weights = net.weights_in.T[owned]
    return evidence(
        **gains,
        purity=(("layer", "space"), report.purity.to_numpy().reshape(shape)),
        silhouette=(("layer", "space"), report.silhouette.to_numpy().reshape(shape)),
        weight_purity=float(neighbour_purity(weights, owner[owned]).mean()),
        embedded=(("layer", "test", "axis"), list(maps.values())),
        weights_embedded=(("cell", "axis"), embedding(weights, config.seed)),
        owner=(("cell",), owner[owned]),
        label=(("test",), shown.y_test),
        field=(("shown", "row", "column"), net.weights_in.T[:72].reshape(-1, SIDE, SIDE)),
        accuracy=100 * float(tested.sl.mean()),
        spikes=float(found.hidden.sum(axis=1).mean()),
        coords={"layer": list(layers), "space": rows},
        units={"accuracy": "%", "spikes": "hidden spikes an image"},
        notes={"data": config.data},
    )


@study.experiment(full={"seeds": 3, "images": 5000, "tests": 1000, "data": "mnist"}, data=("mnist",))
def strategies(config: Config, key: Any) -> Evidence:
    """Both projections at once against one by one (hidden layer first, then the read-out), 100 cells."""
    shown, keys = pictures(config.data, config.images, config.tests), seed_keys(key, config.seeds)

    def right(strategy: str, key: Any) -> Any:
        net = new_net(shown, 100, _preset(100), key)
        net.fit(shown.X, shown.y, epochs=1, strategy=strategy, save_every=config.images)
        return answers(net, shown)[0].sl

    scores = np.array([[right(strategy, k) for k in keys] for strategy in STRATEGIES])
    return evidence(
        one_by_one_gain=paired_difference(scores[1], scores[0]),
        accuracy_of_seed=(("strategy", "seed"), percent_over_seeds(scores)),
        coords={"strategy": list(STRATEGIES)},
        units={"one_by_one_gain": "points", "accuracy_of_seed": "%"},
        notes={"data": config.data},
    )


@study.experiment(
    full={"seeds": 3, "hidden": 400, "images": 10_000, "tests": 1000, "data": "fashion-mnist"},
    paper={"hidden": 6400, "images": 60_000, "tests": 10_000},
    data=("fashion-mnist",),
)
def fashion(config: Config, key: Any) -> Evidence:
    """Both read-outs by the settings for Fashion-MNIST, on it with even ink; on enlarged digits at quick scale."""
    shown, keys = pictures(config.data, config.images, config.tests), seed_keys(key, config.seeds)
    preset = SymSTDPConfig.preset(f"fashion-{config.hidden}")
    found = learning_curves(shown, [(config.hidden, preset)], keys, [config.images])
    return evidence(
        **accuracies("sl", (), found.sl[0, 0]),
        **accuracies("usl", (), found.usl[0, 0]),
        units={"sl": "%", "usl": "%", "sl_of_seed": "%", "usl_of_seed": "%"},
        notes={"data": config.data},
    )


@study.experiment(
    full={"images": 0, "tests": 10_000, "epochs": 20, "mnist": 10_000, "fashion": 6400},
    paper={"images": 60_000},
    data={"paper": ("mnist", "fashion-mnist")},
)
def published_sizes(config: Config, key: Any) -> Evidence:
    """The paper's largest networks after 20 epochs of all images, one each; left out where ``images`` is 0."""
    if not config.images:
        return evidence(mnist=np.nan, fashion=np.nan)
    found: dict[str, Any] = {}
    for name, data, cells in (("mnist", "mnist", config.mnist), ("fashion", "fashion-mnist", config.fashion)):
        shown = pictures(data, config.images, config.tests)
        net = new_net(shown, cells, SymSTDPConfig.preset(f"{name}-{cells}"), key)
        found[name] = accuracy(answers(net.fit(shown.X, shown.y, epochs=config.epochs), shown)[0].sl[None])
    return evidence(mnist=found["mnist"], fashion=found["fashion"], units=dict.fromkeys(found, "%"))
