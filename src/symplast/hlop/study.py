"""The experiments behind the claims: forgetting with and without protection, and what the circuits learn."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symplast import stats
from symplast.hlop.circuit import Circuit, OjaRule, captured, deviation, learn, oja_rule, orthonormal_rows
from symplast.hlop.config import HLOPConfig, row_schedule
from symplast.hlop.network import SpikingMLP
from symplast.hlop.tasks import permuted_tasks, standard_images
from symplast.hlop.trainer import ContinualTrainer
from symplast.hlop.trials import WAYS, Bench, Outcome, gains, permuted_bench, rate_pair, right_on
from symplast.lab import Config, Evidence, Study, evidence
from symplast.lab.claims import Scale
from symplast.lab.jax_setup import drop_programs

study = Study("hlop")


MNIST: dict[Scale, tuple[str, ...]] = {"quick": ("mnist-5k",), "full": ("mnist",)}


@study.experiment(
    quick={
        "dataset": "mnist-5k",
        "seeds": 3,
        "images": 3968,
        "passes": 4,
        "k": 80,
        "lr": 0.001,
        "batch": 64,
        "looks": 4,
    },
    full={"dataset": "mnist", "seeds": 5, "images": 59_904, "passes": 1, "looks": 6},
    data=MNIST,
)
def subspace(config: Config, key: Any) -> Evidence:
    """A circuit on MNIST pixels: share of the best k-dimensional second moment that its rows hold.

    Seeds have first rows and orders of the images of their own.
    """
    X = standard_images(config.dataset, test=1).inputs
    moment = jnp.asarray(np.asarray(X).T @ np.asarray(X) / len(X))
    eigenvalues = np.linalg.eigvalsh(np.asarray(moment, dtype=np.float64))[::-1]
    best = eigenvalues[: config.k].sum()
    rule = oja_rule(config.lr, 0.9, 5, None)
    share, apart, clipped = [], [], []
    for seed in range(config.seeds):
        for_rows, for_order = jax.random.split(jax.random.fold_in(key, seed))
        orders = _orders(for_order, len(X), config.passes)[:, : config.images]
        circuit = Circuit.begin(jnp.zeros((0, X.shape[1])), _first_rows(for_rows, config.k, X.shape[1]))
        courses: tuple[list[float], list[float]] = ([], [])
        for stretch in [None, *np.split(orders.reshape(-1, config.batch), config.looks)]:
            circuit = circuit if stretch is None else _learned(circuit, X, stretch, rule)
            courses[0].append(float(_captured(circuit.new, moment)) / best)
            courses[1].append(float(_deviation(circuit.new)))
        share.append(courses[0])
        apart.append(courses[1])
        clipped.append(int(circuit.clipped))
    return evidence(
        share=(("seed",), np.array(share)[:, -1]),
        share_after=(("seed", "images"), share),
        deviation=(("seed", "images"), apart),
        spectrum=(("component",), eigenvalues[: 2 * config.k]),
        held_by_best=best / eigenvalues.sum(),
        clipped=(("seed",), clipped),
        coords={"images": [config.images * config.passes * look // config.looks for look in range(config.looks + 1)]},
    )


_captured, _deviation = jax.jit(captured), jax.jit(deviation)
_first_rows = jax.jit(orthonormal_rows, static_argnums=(1, 2))


def _orders(key: Any, images: int, passes: int) -> np.ndarray:
    """(passes, images) a new order of the images for each pass."""
    return np.asarray(_shuffled(jax.random.split(key, passes), images))


_shuffled = jax.jit(jax.vmap(jax.random.permutation, in_axes=(0, None)), static_argnums=1)


@jax.jit
def _learned(circuit: Circuit, X: Any, order: Any, rule: OjaRule) -> Circuit:
    return jax.lax.scan(lambda c, index: (learn(c, X[index], rule), None), circuit, order)[0]


AT_ONCE = 4
"""Ways whose programs a process keeps."""

PERMUTED_QUICK: dict[str, Any] = {
    "dataset": "mnist-5k",
    "seeds": 3,
    "images": 1408,
    "epochs": 4,
    "tests": 1000,
    "tasks": 3,
    "hidden": [100],
    "rows_first": [50, 20],
    "rows_new": [50, 20],
    "ways": ["bptt", "dsr"],
}
PERMUTED_FULL: dict[str, Any] = {
    "dataset": "mnist",
    "seeds": 5,
    "images": 9984,
    "epochs": 1,
    "tasks": 5,
    "hidden": [200, 200],
    "rows_first": [80, 80, 40],
    "rows_new": [70, 25, 25],
    "ways": list(WAYS),
}


@study.experiment(quick=PERMUTED_QUICK, full=PERMUTED_FULL, data=MNIST)
def permuted(config: Config, key: Any) -> Evidence:
    """Permuted MNIST with and without circuits, for each way to train: accuracy, forgetting, changed responses."""
    bench = permuted_bench(config, key)
    runs: dict[str, Outcome] = {}
    for name in config.ways:
        runs[name] = bench.run(WAYS[name])
        if len(config.ways) > AT_ONCE:
            drop_programs()  # every way has programs of its own
    claimed: dict[str, Any] = {}
    for name in WAYS:
        run = runs.get(name)
        nothing = np.full(config.seeds, np.nan)
        claimed[f"acc_gain_{name}"] = ("seed",), run.acc_gain if run else nothing
        claimed[f"bwt_gain_{name}"] = ("seed",), run.bwt_gain if run else nothing
        claimed[f"acc_less_plain_{name}"] = ("seed",), run.acc - runs["bptt"].acc if run else nothing
    each = list(runs.values())
    plain = runs["bptt"]
    return evidence(
        **claimed,
        response_ratio=(("seed",), plain.response / plain.response_sequential),
        response_predicted=(("seed",), plain.predicted),
        response=(("way", "seed"), [run.response for run in each]),
        response_sequential=(("way", "seed"), [run.response_sequential for run in each]),
        weight_change=(("way", "seed"), [run.weights / run.weights_sequential for run in each]),
        matrix=(("way", "after", "task", "seed"), [run.matrix for run in each]),
        matrix_sequential=(("way", "after", "task", "seed"), [run.matrix_sequential for run in each]),
        deviation=(("way", "after", "layer", "seed"), [run.deviation for run in each]),
        coords={
            "way": list(runs),
            "after": _numbers(config.tasks),
            "task": _numbers(config.tasks),
            "layer": _numbers(len(config.rows_first)),
        },
        units=dict.fromkeys(claimed, "points") | {"matrix": "%", "matrix_sequential": "%"},
    )


@study.experiment(full={"images": 59_968, "tests": 10_000, "tasks": 10, "hidden": 800}, data=("mnist",))
def permuted_mnist(config: Config, key: Any) -> Evidence:
    """The paper's protocol: ten tasks of all images, 784-800-800-10, DSR."""
    tasks = permuted_tasks(standard_images("mnist", config.images, config.tests), config.tasks, key)
    net = SpikingMLP((784, config.hidden, config.hidden, 10), "dsr", key=key)
    rows = HLOPConfig((80, 200, 100), row_schedule((70, 70, 70), config.tasks))
    result = ContinualTrainer(net, rows).run(tasks, jax.random.fold_in(key, 1))
    matrix, places = result.A, range(config.tasks)
    last = np.array([right_on(result.nets[-1], tasks, j) for j in places], float)
    learned = np.array([right_on(result.nets[j], tasks, j) for j in places], float)
    return evidence(
        acc=_over_images(last),
        bwt=_over_images((last - learned)[:-1]),
        matrix=(("after", "task"), matrix),
        deviation=(("after", "layer"), result.deviation[..., 0]),
        rows=(("after", "layer"), result.rows),
        coords={"after": _numbers(config.tasks), "task": _numbers(config.tasks), "layer": [1, 2, 3]},
        units={"acc": "%", "bwt": "points", "matrix": "%"},
    )


@study.experiment(
    full={
        "datasets": ["mnist", "fashion-mnist"],
        "seeds": 5,
        "images": 19_968,
        "epochs": 1,
        "tests": 1000,
        "hidden": [200, 200],
        "rows_first": [80, 80, 40],
        "rows_new": [70, 25, 25],
        "heads": ["separate", "shared"],
    },
    data=("mnist", "fashion-mnist"),
)
def two_datasets(config: Config, key: Any) -> Evidence:
    """One data set after another, in both orders, with separate and shared heads."""
    orders = {"forward": config.datasets, "reverse": config.datasets[::-1]}
    claimed: dict[str, Any] = {}
    matrices = np.full((2, 2, 2, 2, 2, config.seeds), np.nan)
    for i, (order, names) in enumerate(orders.items()):
        for j, heads in enumerate(("separate", "shared")):
            tail = f"{order}_{heads}"
            gained = np.full((2, config.seeds), np.nan)
            if heads in config.heads:
                run = _two(names, 2 if heads == "separate" else None, config, key).run(WAYS["bptt"])
                gained = np.array([run.acc_gain, run.bwt_gain])
                matrices[i, j] = run.matrix_sequential, run.matrix
            claimed |= {f"acc_gain_{tail}": (("seed",), gained[0]), f"bwt_gain_{tail}": (("seed",), gained[1])}
    return evidence(
        **claimed,
        matrix=(("order", "heads", "protected", "after", "task", "seed"), matrices),
        coords={
            "order": list(orders),
            "first": ("order", [names[0] for names in orders.values()]),
            "heads": ["separate", "shared"],
            "protected": [False, True],
        },
        units=dict.fromkeys(claimed, "points") | {"matrix": "%"},
    )


def _two(names: list[Any], heads: int | None, config: Config, key: Any) -> Bench:
    tasks = [standard_images(name, config.images, config.tests) for name in names]
    keys = [jax.random.fold_in(key, seed) for seed in range(config.seeds)]
    layers = len(config.hidden) + (heads is None)  # a head of its own is not protected
    rows = HLOPConfig(config.rows_first[:layers], config.rows_new[:layers])
    return Bench([tasks] * config.seeds, keys, (784, *config.hidden, 10), rows, heads, config.epochs)


RATE_CASES = {
    "backprop": ("backprop", "feedforward", "none"),
    "curl": ("backprop", "feedforward", "curl:fraction=0.1+norm"),
    "ep": ("ep", "recurrent:angle=0,steps=20", "none"),
}
"""Credit rule, network and transform, by the names that claims use."""


@study.experiment(
    full={
        "seeds": 6,
        "task": "mnist:train=10000,test=1000",
        "tasks": 5,
        "hidden": [100],
        "epochs": 2,
        "batch": 50,
        "lr": 0.1,
        "first": 0.1,
        "new": 0.08,
        "lr_circuit": 0.01,
    },
    data=("mnist",),
)
def rate_networks(config: Config, key: Any) -> Evidence:
    """The projection in networks of rates: sign-diverse plasticity and equilibrium propagation, with and without it."""
    claimed: dict[str, Any] = {}
    matrices = {}
    for name, (rule, network, transform) in RATE_CASES.items():
        pair = rate_pair(rule, network, transform, config, key)
        acc, bwt = gains(*pair)
        matrices[name] = np.array(pair)
        drop_programs()
        claimed |= {f"acc_gain_{name}": (("seed",), acc), f"bwt_gain_{name}": (("seed",), bwt)}
    return evidence(
        **claimed,
        matrix=(("case", "protected", "after", "task", "seed"), list(matrices.values())),
        coords={"case": list(matrices), "protected": [False, True]},
        units=dict.fromkeys(claimed, "points") | {"matrix": "%"},
        notes={"task": config.task},
    )


def _numbers(count: int) -> list[int]:
    return list(range(1, count + 1))


def _over_images(right: np.ndarray) -> stats.Estimate:
    """Mean over (tasks, images) in percent with the normal interval over images.

    All tasks show the same test images, in other orders of the pixels, so an image is one observation, not one a task.
    """
    each = 100 * right.mean(axis=0)
    value, error = float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))
    return stats.Estimate(value, value - 1.96 * error, value + 1.96 * error, 0.95, len(each), "normal, test images")
