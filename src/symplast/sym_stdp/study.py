"""The experiments behind the claims: small networks on MNIST, the rule by itself, ablations, clusters."""

from typing import Any

import jax
import numpy as np

from symplast import stats
from symplast.lab import Config, Evidence, Study, evidence
from symplast.sym_stdp.clusters import cluster_report, embedding, neighbour_purity
from symplast.sym_stdp.config import SymSTDPConfig
from symplast.sym_stdp.plasticity import symmetric_stdp
from symplast.sym_stdp.trials import (
    SIDE,
    accuracy,
    answers,
    apart,
    learning_curve,
    new_net,
    paired_difference,
    percent_over_seeds,
    pictures,
    seed_keys,
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


@study.experiment(quick={"hidden": 20, "images": 30, "tests": 20}, data=("digits",))
def frozen(config: Config, key: Any) -> Evidence:
    """Weights, thresholds and traces before and after a test phase, byte for byte."""
    shown = pictures("digits", config.images, config.tests)
    net = new_net(shown, config.hidden, _preset(100), key).partial_fit(shown.X, shown.y)
    before = [np.array(leaf) for leaf in net.state.plastic]
    found = answers(net, shown)[1]
    same = all(old.tobytes() == np.asarray(new).tobytes() for old, new in zip(before, net.state.plastic, strict=True))
    return evidence(unchanged=same, hidden_spikes=int(found.hidden.sum()))


@study.experiment(
    quick={"seeds": 1, "sizes": [100], "images": 2500, "checkpoints": [1250, 2500], "tests": 1000},
    full={
        "seeds": 5,
        "sizes": [100, 400, 1600],
        "images": 10_000,
        "checkpoints": [1250, 2500, 5000, 7500, 10_000],
        "tests": 2000,
    },
    paper={"sizes": [100, 400, 1600, 6400, 10_000], "images": 60_000, "checkpoints": [10_000, 30_000, 60_000]},
    data=("mnist",),
)
def learning(config: Config, key: Any) -> Evidence:
    """Accuracy of both read-outs while networks of several sizes learn MNIST in file order, once."""
    shown = pictures("mnist", config.images, config.tests)
    keys = seed_keys(key, config.seeds)
    runs = [[learning_curve(shown, n, _preset(n), k, config.checkpoints) for k in keys] for n in config.sizes]
    sl = np.array([[[tested.sl for tested in run] for run in row] for row in runs])  # [size, seed, checkpoint, test]
    usl = np.array([[[tested.usl for tested in run] for run in row] for row in runs])
    final = {n: accuracy(sl[i, :, -1]) for i, n in enumerate(config.sizes)}
    asked: dict[str, Any] = {"curve_400": (("seed", "point"), np.full((config.seeds, len(CURVE)), np.nan))}
    asked |= dict.fromkeys(["sl_minus_usl_100", "sl_minus_usl_400", "apart_100_400", "apart_400_1600"], np.nan)
    for i, n in enumerate(config.sizes):
        if n in (100, 400):
            asked[f"sl_minus_usl_{n}"] = paired_difference(sl[i, :, -1], usl[i, :, -1])
        if n in (400, 1600) and n // 4 in final:
            asked[f"apart_{n // 4}_{n}"] = apart(final[n], final[n // 4])
    places = [config.checkpoints.index(n) for n in CURVE if n in config.checkpoints]
    if 400 in config.sizes and len(places) == len(CURVE):
        at = config.sizes.index(400)
        asked["curve_400"] = ("seed", "point"), percent_over_seeds(sl[at][:, places, :COMPARED])
    if 100 in config.sizes and CURVE[0] in config.checkpoints:
        first = sl[config.sizes.index(100)][:, config.checkpoints.index(CURVE[0]), :COMPARED]
        asked["start_100"] = accuracy(first)
    else:
        asked["start_100"] = np.nan
    each = {name: [[accuracy(right[i, :, c]) for c in range(right.shape[2])] for i in range(len(config.sizes))]
            for name, right in (("sl", sl), ("usl", usl))}  # fmt: skip
    tables: dict[str, Any] = {
        f"{name}{end}": (("size", "images"), [[getattr(cell, part) for cell in row] for row in table])
        for name, table in each.items()
        for end, part in (("", "value"), ("_low", "low"), ("_high", "high"))
    }
    return evidence(
        **asked,
        **tables,
        sl_of_seed=(("size", "seed", "images"), percent_over_seeds(sl)),
        usl_of_seed=(("size", "seed", "images"), percent_over_seeds(usl)),
        coords={"size": config.sizes, "images": config.checkpoints, "point": list(CURVE)},
        units={"sl": "%", "usl": "%", "sl_of_seed": "%", "usl_of_seed": "%", "curve_400": "%", "start_100": "%"},
    )


@study.experiment(
    quick={"seeds": 1, "images": 150, "tests": 100},
    full={"seeds": 3, "images": 5000, "tests": 1000},
    data=("mnist",),
)
def ablation(config: Config, key: Any) -> Evidence:
    """SL accuracy of 100 cells without scaling, with theta frozen, and with theta falling only."""
    shown = pictures("mnist", config.images, config.tests)
    variants = {
        "intact": _preset(100),
        "no_scaling": _preset(100, scale_in=False),
        "theta_frozen": _preset(100, theta_plus=0.0, tau_theta_ms=float("inf")),
        "theta_falls": _preset(100, theta_plus=0.0),
    }
    right = np.array(
        [
            [learning_curve(shown, 100, c, k, [config.images])[0].sl for k in seed_keys(key, config.seeds)]
            for c in variants.values()
        ]
    )
    losses: dict[str, Any] = {
        f"loss_{name}": paired_difference(right[0], right[i]) for i, name in enumerate(variants) if i
    }
    each = [accuracy(row) for row in right]
    return evidence(
        **losses,
        accuracy=(("variant",), [e.value for e in each]),
        accuracy_low=(("variant",), [e.low for e in each]),
        accuracy_high=(("variant",), [e.high for e in each]),
        accuracy_of_seed=(("variant", "seed"), percent_over_seeds(right)),
        coords={"variant": list(variants)},
        units={"accuracy": "%", "accuracy_of_seed": "%", **dict.fromkeys(losses, "points")},
    )


@study.experiment(
    quick={"hidden": 100, "images": 300, "tests": 150},
    full={"hidden": 400, "images": 10_000, "tests": 1000},
    data=("mnist",),
)
def clusters(config: Config, key: Any) -> Evidence:
    """Spike counts of three layers and the hidden cells' weights: purity, silhouette, and maps by t-SNE."""
    shown = pictures("mnist", config.images, config.tests)
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
    )


@study.experiment(
    quick={"seeds": 1, "images": 100, "tests": 100},
    full={"seeds": 3, "images": 5000, "tests": 1000},
    data=("mnist",),
)
def strategies(config: Config, key: Any) -> Evidence:
    """Both projections at once against one by one (hidden layer first, then the read-out), 100 cells."""
    shown = pictures("mnist", config.images, config.tests)
    right = []
    for strategy in ("simultaneous", "one-by-one"):
        nets = [new_net(shown, 100, _preset(100), k) for k in seed_keys(key, config.seeds)]
        for net in nets:
            net.fit(shown.X, shown.y, epochs=1, strategy=strategy, save_every=config.images)
        right.append([answers(net, shown)[0].sl for net in nets])
    scores = np.array(right)
    return evidence(
        one_by_one_gain=paired_difference(scores[1], scores[0]),
        accuracy_of_seed=(("strategy", "seed"), percent_over_seeds(scores)),
        coords={"strategy": ["simultaneous", "one-by-one"]},
        units={"one_by_one_gain": "points", "accuracy_of_seed": "%"},
    )


@study.experiment(
    quick={"seeds": 1, "hidden": 400, "images": 50, "tests": 30},
    full={"seeds": 3, "images": 10_000, "tests": 1000},
    paper={"hidden": 6400, "images": 60_000, "tests": 10_000},
    data=("fashion-mnist",),
)
def fashion(config: Config, key: Any) -> Evidence:
    """Both read-outs on Fashion-MNIST with its own settings and even ink."""
    shown = pictures("fashion-mnist", config.images, config.tests)
    preset = SymSTDPConfig.preset(f"fashion-{config.hidden}")
    runs = [learning_curve(shown, config.hidden, preset, k, [config.images])[0] for k in seed_keys(key, config.seeds)]
    sl, usl = np.array([run.sl for run in runs]), np.array([run.usl for run in runs])
    return evidence(
        sl=accuracy(sl),
        usl=accuracy(usl),
        sl_of_seed=(("seed",), percent_over_seeds(sl)),
        usl_of_seed=(("seed",), percent_over_seeds(usl)),
        units={"sl": "%", "usl": "%", "sl_of_seed": "%", "usl_of_seed": "%"},
    )


@study.experiment(
    quick={"images": 0, "tests": 10_000, "epochs": 20, "mnist": 10_000, "fashion": 6400},
    full={},
    paper={"images": 60_000},
    data=("mnist", "fashion-mnist"),
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
