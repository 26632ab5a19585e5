"""The experiments behind the claims: exact ones in float64 on small networks, and training side by side in lanes."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from symplast.equilibrium.homeostasis import estimated_terms, explicit_terms
from symplast.equilibrium.lanes import Lane, LaneHistory, layered_learner, train_lanes
from symplast.equilibrium.linear_response import adjoint, response
from symplast.equilibrium.mirroring import mirrored
from symplast.equilibrium.nudges import cauchy_estimate
from symplast.equilibrium.operating_point import flattened, linearised
from symplast.equilibrium.reference_net import reference_input, reference_net
from symplast.equilibrium.reference_values import (
    POINTS,
    finite_difference,
    reference_estimates,
    reference_radius,
    reference_vectors,
)
from symplast.equilibrium.rules import EquilibriumPropagation, RecurrentBackprop, SettlingRule
from symplast.equilibrium.settling import relax, until_of
from symplast.lab import Config, Evidence, Study, evidence
from symplast.lab.claims import Scale
from symplast.learning.compiling import LIGHTLY, lightly
from symplast.learning.convolutional import ConvNet
from symplast.learning.recurrent import LayeredNet, RecurrentNet, Relaxation
from symplast.learning.tasks import images

study = Study("equilibrium")

BETAS = [0.05, 0.1]
ANGLES = [0.0, 30.0, 60.0, 90.0]


@study.experiment(quick={})
def exactness(config: Config, key: jax.Array) -> Evidence:
    """The 4-3-3-2 network in float64: eps, delta, their identity, and the error of a finite nudge at N points."""
    betas = np.concatenate([BETAS, np.geomspace(0.02, 1.0, 25)])
    found = []
    with jax.enable_x64(True):
        for angle in ANGLES:
            vectors = [np.asarray(a) for a in reference_vectors(np.float64(angle))]
            estimates = np.asarray(reference_estimates(np.float64(angle), betas))
            error = np.linalg.norm(estimates - vectors[0], axis=-1) / np.linalg.norm(vectors[0])
            found.append([*vectors, reference_radius(jnp.float64(angle)), error, estimates])
        finite = float(finite_difference(np.float64(0)))
    eps, delta, turned, second, radius, error, estimates = (np.array(a) for a in zip(*found, strict=True))
    slope = np.log2(error[..., 1] / error[..., 0])
    at_30 = estimates[ANGLES.index(30.0), POINTS.index(8), 1]
    floor = [_angle(e, d) for e, d in zip(eps, delta, strict=True)]
    return evidence(
        symmetric_difference=float(np.abs(eps[0] - delta[0]).max()),
        finite_difference=finite,
        identity_error=(("asymmetric",), np.abs(turned - eps).max(axis=1)[1:]),
        slope=(("angle", "points"), slope),
        slope_minus_points=(("points",), slope[0] - np.array(POINTS)),
        remaining_angle=_angle(at_30, delta[ANGLES.index(30.0)]),
        remaining_nudge_error=float(error[ANGLES.index(30.0), POINTS.index(8), 1]),
        floor=(("angle",), floor),
        one_minus_cosine=(("angle", "which"), np.stack([1 - np.cos(np.radians(floor)), 1 - second], axis=1)),
        nudge_error=(("angle", "points", "beta"), error[..., len(BETAS) :]),
        radius=(("angle",), radius),
        coords={
            "angle": ANGLES,
            "asymmetric": ANGLES[1:],
            "points": POINTS,
            "beta": betas[len(BETAS) :],
            "which": ["exact", "second order"],
        },
        units={"floor": "degrees", "remaining_angle": "degrees"},
    )


@study.experiment(
    quick={"task": "mnist-5k", "images": 50, "most_sweeps": 20_000},
    full={"task": "mnist", "images": 500},
    data={"quick": ("mnist-5k",), "full": ("mnist",)},
)
def random_network(config: Config, key: jax.Array) -> Evidence:
    """A random symmetric 784-64-64-10 network on MNIST images in float64, swept until it is at rest; linear solves."""
    task: Any = images(config.task, train=config.images, test=1)
    how = Relaxation(config.most_sweeps, "sweep")
    with jax.enable_x64(True):
        x, y = np.asarray(task.inputs, np.float64), np.eye(10)[np.asarray(task.targets)]

        @partial(jax.jit, **LIGHTLY)
        def compare(x: jax.Array, y: jax.Array) -> tuple[jax.Array, ...]:
            net = jax.tree.map(lambda w: w.astype(jnp.float64), LayeredNet((784, 64, 64, 10), key=key, relaxation=how))
            drive = net.drive(x)
            free = relax(lambda u: net.step(u, drive), net.rest(x), how, until_of(1e-13))
            point = linearised(net, x, y, free.u)
            return jnp.abs(point.response - point.adjoint).max(), free.residual.max(), free.steps

        found = [compare(x[i : i + 100], y[i : i + 100]) for i in range(0, len(x), 100)]
    difference, residual, steps = np.array(found, np.float64).max(axis=0)
    return evidence(symmetric_difference=difference, residual=residual, sweeps=steps, images=len(x))


@study.experiment(quick={"draws": 10_000}, full={"draws": 100_000})
def estimator(config: Config, key: jax.Array) -> Evidence:
    """The homeostatic loss from random directions against explicit Jacobians: a layered and a convolutional network."""
    groups, found = 100, dict[str, Any]()
    for name in ("layered", "convolutional"):
        means, exact = _estimates(name, key, groups, math.ceil(config.draws / groups))
        sample = np.asarray(means, np.float64)
        error = sample.std(ddof=1) / np.sqrt(groups)
        z = (sample.mean() - float(exact)) / error
        # the decision of a test: sampling error is in z itself
        found |= {f"z_{name}": z, f"z_{name}_low": z, f"z_{name}_high": z}
        found |= {f"exact_{name}": float(exact), f"mean_{name}": sample.mean(), f"error_{name}": error}
    return evidence(**found, notes={"draws": config.draws})


@lightly
def _estimates(name: str, key: jax.Array, groups: int, draws: int) -> tuple[jax.Array, jax.Array]:
    """(groups,) means of so many draws each, and the exact value."""
    for_layered, for_conv, for_image = jax.random.split(key, 3)
    net: RecurrentNet
    if name == "layered":
        net, x, keys = reference_net(90.0), reference_input(), jax.random.split(for_layered, groups)
    else:
        net = ConvNet((8, 8, 1), (4,), 8, 5, key=for_conv, angle_deg=90.0)
        x, keys = jax.random.uniform(for_image, (1, 64)), jax.random.split(for_conv, groups)
    u = net.settle(x)
    rows, state = jnp.repeat(x, draws, axis=0), jax.tree.map(lambda a: jnp.repeat(a, draws, axis=0), u)

    def mean(key: jax.Array) -> jax.Array:
        norm, trace = estimated_terms(net, rows, state, key, 1)
        return norm + trace

    norm, trace = explicit_terms(net, x, u)
    return jax.lax.map(mean, keys), norm + trace


@study.experiment(full={"seeds": 10, "images": 40, "angles": [0, 15, 30, 45, 60, 75, 90], "sizes": 9})
def bias(config: Config, key: jax.Array) -> Evidence:
    """Angle between estimates and backprop by weight angle, nudge and points: random 64-64-64-10 networks on digits."""
    betas, points = np.geomspace(0.02, 1.0, config.sizes), [1, 2, 4, 6]
    task, how = images("digits", train=config.images, test=1), Relaxation(150)

    def measure(seed: jax.Array, angle: jax.Array, betas: jax.Array) -> tuple[jax.Array, ...]:
        net = LayeredNet((64, 64, 64, 10), key=jax.random.fold_in(key, seed), angle_deg=angle)
        drive, y = net.drive(task.inputs), jax.nn.one_hot(task.targets, 10)
        free = relax(lambda u: net.step(u, drive, None, how), net.rest(task.inputs), how)
        eps, delta = (flattened(of(net, free.u, drive, y, how)[0]) for of in (response, adjoint))
        mean = partial(jnp.mean, where=free.converged)

        def at(size: jax.Array) -> tuple[jax.Array, jax.Array]:
            by_n = [flattened(cauchy_estimate(net, free.u, drive, y, size, n, how)[0]) for n in points]
            parts = [jnp.linalg.norm(e - eps, axis=1) / jnp.linalg.norm(eps, axis=1) for e in by_n]
            return jnp.stack([mean(_angles(e, delta)) for e in by_n]), jnp.stack([mean(part) for part in parts])

        total, nudge = jax.lax.map(at, betas)
        return total.T, nudge.T, mean(_angles(eps, delta))

    compiled = jax.jit(measure, **(LIGHTLY if config.seeds < 5 else {}))
    found = [
        [[np.asarray(f) for f in compiled(s, np.float32(angle), betas.astype(np.float32))] for angle in config.angles]
        for s in range(config.seeds)
    ]
    total, nudge, floor = (np.array([[cell[i] for cell in row] for row in found]) for i in range(3))
    return evidence(
        angle_to_bp=(("seed", "angle", "points", "beta"), total),
        nudge_error=(("seed", "angle", "points", "beta"), nudge),
        asymmetry=(("seed", "angle"), floor),
        coords={"angle": config.angles, "points": points, "beta": betas},
        units={"angle_to_bp": "degrees", "asymmetry": "degrees"},
    )


Settings = dict[str, int | float | str | list[Any] | None]
MNIST: Settings = {"task": "mnist", "train": 10_000, "test": 2_000, "epochs": 10}
IMAGES: dict[Scale, tuple[str, ...]] = {"quick": ("mnist-5k",), "full": ("mnist",)}


@study.experiment(
    quick={"seeds": 3, "task": "mnist-5k", "train": 4_000, "test": 200, "epochs": 5},
    full={"seeds": 15, **MNIST},
    data=IMAGES,
)
def homeostasis(config: Config, key: jax.Array) -> Evidence:
    """EP by the true derivative from independent feedback weights (90 degrees), with and without homeostatic loss."""
    lanes = {"without": Lane(), "with": Lane(norm=1.0, trace=1.0)}
    run = _train(config, EquilibriumPropagation(), lanes, key, **_course_of(config))
    cosine, symmetry, accuracy = run.watched.cosine[-1], run.watched.symmetry[-1], run.tested.accuracy[-1]
    quantities: dict[str, Any] = {
        f"cosine_{layer + 1}_{name}": (("seed",), cosine[i, :, layer])
        for i, name in enumerate(lanes)
        for layer in range(2)
    }
    return evidence(
        **quantities,
        symmetry_gain=(("seed",), symmetry[1] - symmetry[0]),
        accuracy_gain=(("seed",), accuracy[1] - accuracy[0]),
        **_courses(run, "lane"),
        coords={"lane": list(lanes), **_epochs(config)},
        units={"accuracy": "%", "accuracy_gain": "points", "angle": "degrees"},
    )


@study.experiment(full={"seeds": 6, **MNIST}, data=("mnist",))
def accuracies(config: Config, key: jax.Array) -> Evidence:
    """Accuracy by method and angle at the start: backprop, EP by the true derivative and by two nudges, homeostasis."""
    angles, on = [0.0, 45.0, 90.0], {"norm": 1.0, "trace": 1.0}
    plain = {f"{a:g}": Lane(a) for a in angles}
    mild = {"90, lambda 0.1": Lane(90.0, 0.1, 0.1)}
    full = {"90, lambda 1": Lane(90.0, **on)}
    bp = _train(config, RecurrentBackprop(), plain | mild | full, key)
    ep = _train(config, EquilibriumPropagation(), plain | {f"{a:g}, lambda 1": Lane(a, **on) for a in angles}, key)
    two = _train(config, EquilibriumPropagation(method="nudge", beta=0.5, n_points=2), plain, key)
    last = {name: run.tested.accuracy[-1] for name, run in (("bp", bp), ("ep", ep), ("two", two))}
    by_method = {
        "backprop": (bp, slice(0, 3)),
        "EP, true derivative": (ep, slice(0, 3)),
        "EP, N = 2": (two, slice(0, 3)),
        "EP, homeostasis": (ep, slice(3, 6)),
    }

    def table(of: Callable[[LaneHistory], Any]) -> np.ndarray:
        return np.stack([of(run)[-1, at] for run, at in by_method.values()])

    return evidence(
        bp_minus_ep=(("seed",), last["bp"][2] - last["ep"][2]),
        ep_loss=(("seed",), last["ep"][0] - last["ep"][2]),
        bp_homeostasis=(("seed",), last["bp"][4] - last["bp"][2]),
        bp_mild_homeostasis=(("seed",), last["bp"][3] - last["bp"][2]),
        bp_with_homeostasis=(("strength", "seed"), last["bp"][2:]),
        accuracy=(("method", "start", "seed"), table(lambda run: run.tested.accuracy)),
        angle=(("method", "start", "seed"), table(lambda run: run.watched.angle)),
        cosine=(("method", "start", "seed", "layer"), table(lambda run: run.watched.cosine)),
        unsettled=(("method", "start", "seed"), table(lambda run: run.tested.unsettled)),
        coords={"method": list(by_method), "start": angles, "strength": [0.0, 0.1, 1.0]},
        units={"accuracy": "%", "angle": "degrees"}
        | dict.fromkeys(("bp_minus_ep", "ep_loss", "bp_homeostasis", "bp_mild_homeostasis"), "points"),
    )


@study.experiment(full={"seeds": 5, **MNIST}, data=("mnist",))
def baselines(config: Config, key: jax.Array) -> Evidence:
    """Other answers to asymmetry, from 90 degrees: weight decay, mirrored changes, asym-EP, random feedback."""
    start, decay = {"90": Lane()}, optax.adamw(1e-3, weight_decay=0.05)
    true = EquilibriumPropagation()
    runs = {
        "EP": _train(config, true, start, key),
        "EP, weight decay": _train(config, true, start, key, optimiser=decay),
        "EP, mirrored, weight decay": _train(config, true, start, key, optimiser=optax.chain(mirrored(), decay)),
        "asym-EP": _train(config, EquilibriumPropagation(asym_ep=True), start, key),
        "random feedback": _train(config, RecurrentBackprop(method="random-feedback"), start, key),
    }
    return evidence(
        accuracy=(("rule", "seed"), np.stack([run.tested.accuracy[-1, 0] for run in runs.values()])),
        angle=(("rule", "seed"), np.stack([run.watched.angle[-1, 0] for run in runs.values()])),
        cosine=(("rule", "seed", "layer"), np.stack([run.watched.cosine[-1, 0] for run in runs.values()])),
        coords={"rule": list(runs)},
        units={"accuracy": "%", "angle": "degrees"},
    )


@study.experiment(full={"seeds": 15, **MNIST}, data=("mnist",))
def loop(config: Config, key: jax.Array) -> Evidence:
    """A chain whose only feedback goes from the output to the first layer; three strengths of the homeostatic loss."""
    lanes = {"0": Lane(), "0.1": Lane(norm=0.1, trace=0.1), "1": Lane(norm=1.0, trace=1.0)}
    run = _train(config, EquilibriumPropagation(), lanes, key, topology="loop", **_course_of(config))
    bp = _train(config, RecurrentBackprop(), {"0": Lane()}, key, topology="loop", watched=())
    symmetry, accuracy = run.watched.symmetry[-1], run.tested.accuracy[-1]
    return evidence(
        symmetry_gain=(("seed",), symmetry[1] - symmetry[0]),
        accuracy_gain=(("seed",), accuracy[1] - accuracy[0]),
        bp_accuracy=(("seed",), bp.tested.accuracy[-1, 0]),
        **_courses(run, "strength"),
        coords={"strength": list(lanes), **_epochs(config)},
        units={"accuracy": "%", "bp_accuracy": "%", "accuracy_gain": "points"},
    )


SMALL_NET: Settings = {"hidden": 64, "sgd": False}
FASHION: Settings = {
    "task": "fashion-mnist",
    "train": 60_000,
    "test": 10_000,
    "hidden": 256,
    "sgd": True,
    "seeds": 5,
}
TABLE_1: dict[Scale, tuple[str, ...]] = {"full": ("mnist",), "paper": ("fashion-mnist",)}


@study.experiment(
    full={"seeds": 10, **SMALL_NET, "free_steps": 60, **MNIST},
    paper={**FASHION, "epochs": 50, "free_steps": 150},
    data=TABLE_1,
)
def nudged_training(config: Config, key: jax.Array) -> Evidence:
    """Training from symmetric weights with nudges of 0.5: one, two and six points, next to the true derivative."""
    epochs = range(1, config.epochs + 1)
    look: dict[str, Any] = {"tested": epochs, "watched": ()}
    runs = {"true": _train(config, EquilibriumPropagation(), {"0": Lane(0.0)}, key, **look)}
    for n in (1, 2, 6):
        rule = EquilibriumPropagation(method="nudge", beta=0.5, n_points=n)
        runs[f"N = {n}"] = _train(config, rule, {"0": Lane(0.0)}, key, **look)
    course = {name: run.tested.accuracy[:, 0] for name, run in runs.items()}
    return evidence(
        six_points=(("seed",), course["N = 6"][-1] - course["true"][-1]),
        one_point=(("seed",), course["N = 1"][-1] - course["true"][-1]),
        accuracy=(("estimate", "epoch", "seed"), np.stack([*course.values()])),
        unsettled=(("estimate", "seed"), np.stack([run.train_unsettled[0] for run in runs.values()])),
        coords={"estimate": list(runs), "epoch": list(epochs)},
        units={"accuracy": "%", "six_points": "points", "one_point": "points"},
    )


@study.experiment(
    full={"seeds": 5, **SMALL_NET, "free_steps": 480, "block": 40, **MNIST, "epochs": 3},
    paper={**FASHION, "epochs": 50, "free_steps": 1200, "block": 60},
    data=TABLE_1,
)
def online_training(config: Config, key: jax.Array) -> Evidence:
    """Training without a free phase: the nudge goes round the circle of four points block by block (beta = 0.5)."""
    online = EquilibriumPropagation(
        method="online", beta=0.5, n_points=4, nudged_steps=config.block, free_steps=config.free_steps
    )
    six = EquilibriumPropagation(method="nudge", beta=0.5, n_points=6)
    own = Relaxation(150 if config.task == "fashion-mnist" else 60)
    epochs = range(1, config.epochs + 1)
    look: dict[str, Any] = {"relaxation": own, "tested": epochs, "watched": ()}
    runs = [_train(config, rule, {"0": Lane(0.0)}, key, **look) for rule in (online, six)]
    course = np.stack([run.tested.accuracy[:, 0] for run in runs])
    return evidence(
        accuracy=(("seed",), course[0, -1]),
        minus_six_points=(("seed",), course[0, -1] - course[1, -1]),
        course=(("estimate", "epoch", "seed"), course),
        coords={"estimate": ["online", "N = 6"], "epoch": list(epochs)},
        units={"accuracy": "%", "minus_six_points": "points", "course": "%"},
    )


@study.experiment(full={"seeds": 5, **MNIST, "epochs": 3}, data=("mnist",))
def halves(config: Config, key: jax.Array) -> Evidence:
    """Training from 90 degrees with no homeostasis, with each half of the homeostatic loss, and with both."""
    lanes = {"none": Lane(), "norm": Lane(norm=1.0), "trace": Lane(trace=1.0), "both": Lane(norm=1.0, trace=1.0)}
    run = _train(config, EquilibriumPropagation(), lanes, key, **_course_of(config))
    first, unsettled = run.watched.cosine[-1, ..., 0], run.tested.unsettled[-1]
    return evidence(
        over_norm=(("seed",), first[3] - first[1]),
        over_trace=(("seed",), first[3] - first[2]),
        trace_unsettled=(("seed",), unsettled[2] - unsettled[3]),
        **_courses(run, "half"),
        coords={"half": list(lanes), **_epochs(config)},
        units={"accuracy": "%", "angle": "degrees"},
    )


def _train(config: Config, rule: SettlingRule, lanes: dict[str, Lane], key: jax.Array, **changed: Any) -> LaneHistory:
    """Train the lanes on the task that the config names.

    Topology, relaxation and optimiser may be changed, and when networks are tested and watched: at the end.
    """
    named: Any = {"hidden": 64, "sgd": False, "free_steps": 60, **config}
    task = images(named["task"], train=config.train, test=config.test)
    look: dict[str, Any] = {name: changed.pop(name) for name in ("tested", "watched") if name in changed}
    optimiser = changed.pop("optimiser", optax.sgd(0.01, momentum=0.9) if named["sgd"] else optax.adam(1e-3))
    changed.setdefault("relaxation", Relaxation(named["free_steps"]))
    sizes = task.inputs.shape[1], named["hidden"], named["hidden"], 10
    learner = layered_learner(sizes, rule, optimiser, **changed)
    look["short"] = config.epochs == 1
    return train_lanes(learner, task, list(lanes.values()), key, seeds=config.seeds, epochs=config.epochs, **look)


def _times(config: Config) -> list[int]:
    """Epochs after which courses have a point: 0 (before training), 1, 2, 4, 6, ... and the last."""
    return sorted({0, 1, *range(2, config.epochs + 1, 2), config.epochs})


def _course_of(config: Config) -> dict[str, Any]:
    return dict.fromkeys(("tested", "watched"), _times(config))


def _courses(run: LaneHistory, lane: str) -> dict[str, Any]:
    """What was tested and watched before and during training, as evidence."""
    dims = ("tested", lane, "seed")
    return {
        "accuracy": (("epoch", lane, "seed"), run.tested.accuracy[1:]),
        "cosine": ((*dims, "layer"), run.watched.cosine),
        "symmetry": (dims, run.watched.symmetry),
        "angle": (dims, run.watched.angle),
        "unsettled": (dims, run.tested.unsettled),
    }


def _epochs(config: Config) -> dict[str, Any]:
    return {"epoch": _times(config)[1:], "tested": _times(config)}


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    return math.degrees(math.acos(min(1.0, float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b))))))


def _angles(a: jax.Array, b: jax.Array) -> jax.Array:
    cosine = jnp.sum(a * b, axis=1) / (jnp.linalg.norm(a, axis=1) * jnp.linalg.norm(b, axis=1))
    return jnp.rad2deg(jnp.arccos(jnp.clip(cosine, -1, 1)))
