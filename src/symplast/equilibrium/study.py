"""The experiments behind the claims: exact ones in float64 on small networks, and training side by side in lanes."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from symplast.equilibrium.bias import holomorphic_radius
from symplast.equilibrium.costs import losses
from symplast.equilibrium.homeostasis import estimated_terms, explicit_terms
from symplast.equilibrium.lanes import Lane, LaneHistory, layered_learner, train_lanes
from symplast.equilibrium.linear_response import adjoint, response
from symplast.equilibrium.mirroring import mirrored
from symplast.equilibrium.nudges import cauchy_estimate
from symplast.equilibrium.operating_point import flattened, linearised
from symplast.equilibrium.reference_net import reference_input, reference_net
from symplast.equilibrium.rules import EquilibriumPropagation, RecurrentBackprop, SettlingRule
from symplast.equilibrium.settling import Settled, relax
from symplast.lab import Config, Evidence, Study, evidence
from symplast.learning.convolutional import ConvNet
from symplast.learning.recurrent import LayeredNet, RecurrentNet, Relaxation
from symplast.learning.tasks import images

study = Study("equilibrium")

POINTS = [1, 2, 3, 4, 6, 8]
BETAS = [0.05, 0.1]
ANGLES = [0.0, 30.0, 60.0, 90.0]
EXACT = Relaxation(600)


@study.experiment(quick={})
def exactness(config: Config, key: jax.Array) -> Evidence:
    """The 4-3-3-2 network in float64: eps, delta, their identity, and the error of a finite nudge at N points."""
    betas = np.concatenate([BETAS, np.geomspace(0.02, 1.0, 25)])
    found = []
    with jax.enable_x64(True):
        for angle in ANGLES:
            vectors = _reference_vectors(jnp.float64(angle))
            size = jnp.linalg.norm(vectors[0])
            at = jnp.float64(angle)
            estimates = np.array([[_reference_estimate(at, jnp.float64(b), n) for b in betas] for n in POINTS])
            error = np.linalg.norm(estimates - np.asarray(vectors[0]), axis=-1) / float(size)
            found.append([np.asarray(a) for a in (*vectors, error, estimates)])
        finite = float(_finite_difference(jnp.float64(0)))
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


def _reference_state(angle: jax.Array) -> tuple[LayeredNet, jax.Array, jax.Array, Settled]:
    net, x, y = reference_net(angle), reference_input(), jax.nn.one_hot(jnp.array([1]), 2)
    drive = net.drive(x)
    return net, x, y, relax(lambda u: net.step(u, drive), net.rest(x), EXACT)


def _reference_vectors(angle: jax.Array) -> tuple[jax.Array, ...]:
    """eps, delta, J^-1 J^T delta, the second-order cosine and the radius of holomorphy."""
    net, x, y, free = eqx.filter_jit(_reference_state)(angle)
    point = linearised(net, x, y, free.u)
    delta = point.adjoint
    turned = jnp.linalg.solve(point.jacobian[0], point.jacobian[0].T @ delta[0])
    radius = jnp.asarray(holomorphic_radius(net, x, y, free, EXACT)[0])
    return point.response[0], delta[0], turned, point.second_order_cosine[0], radius


@eqx.filter_jit
def _reference_estimate(angle: jax.Array, beta: jax.Array, n_points: int) -> jax.Array:
    net, x, y, free = _reference_state(angle)
    return flattened(cauchy_estimate(net, free.u, net.drive(x), y, beta, n_points, EXACT)[0])[0]


@eqx.filter_jit
def _finite_difference(angle: jax.Array) -> jax.Array:
    """Largest difference between delta and central differences of the loss by a force on each unit (step 1e-6)."""
    net, x, y, free = _reference_state(angle)
    drive, h = net.drive(x), 1e-6
    flat, unravel = ravel_pytree(jax.tree.map(lambda b, u: jnp.broadcast_to(b, u.shape), drive, free.u))

    def loss(pushed: jax.Array) -> jax.Array:
        u = jax.lax.fori_loop(0, EXACT.steps, lambda _, v: net.step(v, unravel(pushed)), net.rest(x))
        return losses(net, net.output(net.phi(u)), y)[0]

    delta = flattened(adjoint(net, free.u, drive, y, EXACT)[0])[0]
    numeric = jax.lax.map(lambda row: (loss(flat + h * row) - loss(flat - h * row)) / (2 * h), jnp.eye(flat.size))
    return jnp.abs(numeric - delta).max()


@study.experiment(quick={"images": 500, "most_sweeps": 20_000}, data=("mnist",))
def random_network(config: Config, key: jax.Array) -> Evidence:
    """A random symmetric 784-64-64-10 network on MNIST images in float64, swept until it is at rest; linear solves."""
    task = images("mnist", train=config.images, test=1)
    how = Relaxation(config.most_sweeps, "sweep")
    with jax.enable_x64(True):
        x = jnp.asarray(np.asarray(task.inputs, np.float64))
        y = jax.nn.one_hot(jnp.asarray(np.asarray(task.targets)), 10, dtype=jnp.float64)
        net = jax.tree.map(lambda w: w.astype(jnp.float64), LayeredNet((784, 64, 64, 10), key=key, relaxation=how))

        @jax.jit
        def compare(x: jax.Array, y: jax.Array) -> tuple[jax.Array, ...]:
            drive = net.drive(x)
            free = relax(lambda u: net.step(u, drive), net.rest(x), how, 1e-13)
            point = linearised(net, x, y, free.u)
            return jnp.abs(point.response - point.adjoint).max(), free.residual.max(), free.steps

        found = [compare(x[i : i + 100], y[i : i + 100]) for i in range(0, len(x), 100)]
    difference, residual, steps = np.array(found, np.float64).max(axis=0)
    return evidence(symmetric_difference=difference, residual=residual, sweeps=steps, images=len(x))


@study.experiment(quick={"draws": 100_000})
def estimator(config: Config, key: jax.Array) -> Evidence:
    """The homeostatic loss from random directions against explicit Jacobians: a layered and a convolutional network."""
    for_layered, for_conv, for_image = jax.random.split(key, 3)
    conv = ConvNet((8, 8, 1), (4,), 8, 5, key=for_conv, angle_deg=90.0)
    pixels = jax.random.uniform(for_image, (1, 64))
    nets = {"layered": (reference_net(90.0), reference_input(), for_layered), "convolutional": (conv, pixels, for_conv)}
    groups, found = 100, dict[str, Any]()
    for name, (net, x, k) in nets.items():
        means, exact = _estimates(net, x, jax.random.split(k, groups), math.ceil(config.draws / groups))
        sample = np.asarray(means, np.float64)
        error = sample.std(ddof=1) / np.sqrt(groups)
        z = (sample.mean() - float(exact)) / error
        # the decision of a test: sampling error is in z itself
        found |= {f"z_{name}": z, f"z_{name}_low": z, f"z_{name}_high": z}
        found |= {f"exact_{name}": float(exact), f"mean_{name}": sample.mean(), f"error_{name}": error}
    return evidence(**found, notes={"draws": config.draws})


@eqx.filter_jit
def _estimates(net: RecurrentNet, x: jax.Array, keys: jax.Array, draws: int) -> tuple[jax.Array, jax.Array]:
    """Mean of so many draws for each key, and the exact value."""
    u = net.settle(x)
    rows, state = jnp.repeat(x, draws, axis=0), jax.tree.map(lambda a: jnp.repeat(a, draws, axis=0), u)

    def mean(key: jax.Array) -> jax.Array:
        norm, trace = estimated_terms(net, rows, state, key, 1)
        return norm + trace

    norm, trace = explicit_terms(net, x, u)
    return jax.lax.map(mean, keys), norm + trace


@study.experiment(quick={"seeds": 3, "images": 40}, full={"seeds": 10})
def bias(config: Config, key: jax.Array) -> Evidence:
    """Angle between estimates and backprop by weight angle, nudge and points: random 64-64-64-10 networks on digits."""
    angles, betas, points = np.arange(0, 91, 15), np.geomspace(0.02, 1.0, 9), [1, 2, 4, 6]
    task, how = images("digits", train=config.images, test=1), Relaxation(150)
    shape = config.seeds, angles.size
    total, floor = np.zeros((*shape, len(points), betas.size)), np.zeros(shape)
    nudge = np.zeros_like(total)

    @jax.jit
    def measure(k: jax.Array, angle: jax.Array, size: jax.Array) -> tuple[jax.Array, ...]:
        net = LayeredNet((64, 64, 64, 10), key=k, angle_deg=angle)
        drive, y = net.drive(task.inputs), jax.nn.one_hot(task.targets, 10)
        free = relax(lambda u: net.step(u, drive, None, how), net.rest(task.inputs), how)
        eps, delta = (flattened(of(net, free.u, drive, y, how)[0]) for of in (response, adjoint))
        by_n = [flattened(cauchy_estimate(net, free.u, drive, y, size, n, how)[0]) for n in points]
        angles = [_angles(e, delta) for e in by_n]
        parts = [jnp.linalg.norm(e - eps, axis=1) / jnp.linalg.norm(eps, axis=1) for e in by_n]
        mean = lambda v: jnp.mean(v, where=free.converged)  # noqa: E731
        return jnp.stack([mean(a) for a in angles]), jnp.stack([mean(p) for p in parts]), mean(_angles(eps, delta))

    for s in range(config.seeds):
        for i, angle in enumerate(angles):
            for b, beta in enumerate(betas):
                found = measure(jax.random.fold_in(key, s), jnp.float32(angle), jnp.float32(beta))
                total[s, i, :, b], nudge[s, i, :, b], floor[s, i] = (np.asarray(f) for f in found)
    return evidence(
        angle_to_bp=(("seed", "angle", "points", "beta"), total),
        nudge_error=(("seed", "angle", "points", "beta"), nudge),
        asymmetry=(("seed", "angle"), floor),
        coords={"angle": angles, "points": points, "beta": betas},
        units={"angle_to_bp": "degrees", "asymmetry": "degrees"},
    )


Settings = dict[str, int | float | str | list[Any] | None]
MNIST: Settings = {"train": 10_000, "test": 2_000, "epochs": 10}
TASTE: Settings = {"train": 1_000, "test": 500, "epochs": 1}
"""At quick scale only homeostasis is trained in full; the others show that they run."""


@study.experiment(quick={"seeds": 2, **MNIST}, full={"seeds": 15}, data=("mnist",))
def homeostasis(config: Config, key: jax.Array) -> Evidence:
    """EP by the true derivative from independent feedback weights (90 degrees), with and without homeostatic loss."""
    lanes = {"without": Lane(), "with": Lane(norm=1.0, trace=1.0)}
    run = _train(config, EquilibriumPropagation(), lanes, key)
    cosine, symmetry, accuracy = run.cosine[-1], run.symmetry[-1], run.accuracy[-1]
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


@study.experiment(quick={"seeds": 2, **TASTE}, full={"seeds": 10, **MNIST}, data=("mnist",))
def accuracies(config: Config, key: jax.Array) -> Evidence:
    """Accuracy by method and angle at the start: backprop, EP by the true derivative and by two nudges, homeostasis."""
    angles, on = [0.0, 45.0, 90.0], {"norm": 1.0, "trace": 1.0}
    plain = {f"{a:g}": Lane(a) for a in angles}
    mild = {"90, lambda 0.1": Lane(90.0, 0.1, 0.1)}
    full = {"90, lambda 1": Lane(90.0, **on)}
    bp = _train(config, RecurrentBackprop(), plain | mild | full, key)
    ep = _train(config, EquilibriumPropagation(), plain | {f"{a:g}, lambda 1": Lane(a, **on) for a in angles}, key)
    two = _train(config, EquilibriumPropagation(estimate="nudge", beta=0.5, n_points=2), plain, key)
    last = {"bp": bp.accuracy[-1], "ep": ep.accuracy[-1], "two": two.accuracy[-1]}
    by_method = {
        "backprop": (bp, slice(0, 3)),
        "EP, true derivative": (ep, slice(0, 3)),
        "EP, N = 2": (two, slice(0, 3)),
        "EP, homeostasis": (ep, slice(3, 6)),
    }
    return evidence(
        bp_minus_ep=(("seed",), last["bp"][2] - last["ep"][2]),
        ep_loss=(("seed",), last["ep"][0] - last["ep"][2]),
        bp_homeostasis=(("seed",), last["bp"][4] - last["bp"][2]),
        bp_mild_homeostasis=(("seed",), last["bp"][3] - last["bp"][2]),
        bp_with_homeostasis=(("strength", "seed"), last["bp"][2:]),
        accuracy=(("method", "start", "seed"), np.stack([run.accuracy[-1, at] for run, at in by_method.values()])),
        angle=(("method", "start", "seed"), np.stack([run.angle[-1, at] for run, at in by_method.values()])),
        cosine=(("method", "start", "seed", "layer"), np.stack([run.cosine[-1, at] for run, at in by_method.values()])),
        unsettled=(("method", "start", "seed"), np.stack([run.unsettled[-1, at] for run, at in by_method.values()])),
        coords={"method": list(by_method), "start": angles, "strength": [0.0, 0.1, 1.0]},
        units={"accuracy": "%", "angle": "degrees"}
        | dict.fromkeys(("bp_minus_ep", "ep_loss", "bp_homeostasis", "bp_mild_homeostasis"), "points"),
    )


@study.experiment(quick={"seeds": 2, **TASTE}, full={"seeds": 5, **MNIST}, data=("mnist",))
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
        accuracy=(("rule", "seed"), np.stack([run.accuracy[-1, 0] for run in runs.values()])),
        angle=(("rule", "seed"), np.stack([run.angle[-1, 0] for run in runs.values()])),
        cosine=(("rule", "seed", "layer"), np.stack([run.cosine[-1, 0] for run in runs.values()])),
        coords={"rule": list(runs)},
        units={"accuracy": "%", "angle": "degrees"},
    )


@study.experiment(quick={"seeds": 2, **TASTE}, full={"seeds": 15, **MNIST}, data=("mnist",))
def loop(config: Config, key: jax.Array) -> Evidence:
    """A chain whose only feedback goes from the output to the first layer; three strengths of the homeostatic loss."""
    lanes = {"0": Lane(), "0.1": Lane(norm=0.1, trace=0.1), "1": Lane(norm=1.0, trace=1.0)}
    run = _train(config, EquilibriumPropagation(), lanes, key, topology="loop")
    bp = _train(config, RecurrentBackprop(), {"0": Lane()}, key, topology="loop")
    return evidence(
        symmetry_gain=(("seed",), run.symmetry[-1, 1] - run.symmetry[-1, 0]),
        accuracy_gain=(("seed",), run.accuracy[-1, 1] - run.accuracy[-1, 0]),
        bp_accuracy=(("seed",), bp.accuracy[-1, 0]),
        **_courses(run, "strength"),
        coords={"strength": list(lanes), **_epochs(config)},
        units={"accuracy": "%", "bp_accuracy": "%", "accuracy_gain": "points"},
    )


SMALL_NET: Settings = {"task": "mnist", "hidden": 64, "sgd": False}
FASHION: Settings = {
    "task": "fashion-mnist",
    "train": 60_000,
    "test": 10_000,
    "hidden": 256,
    "sgd": True,
    "seeds": 5,
}


@study.experiment(
    quick={"seeds": 2, **SMALL_NET, "free_steps": 60, **TASTE},
    full={"seeds": 15, **MNIST},
    paper={**FASHION, "epochs": 50, "free_steps": 150},
    data=("mnist", "fashion-mnist"),
)
def nudged_training(config: Config, key: jax.Array) -> Evidence:
    """Training from symmetric weights with nudges of 0.5: one, two and six points, beside the true derivative."""
    runs = {"true": _train(config, EquilibriumPropagation(), {"0": Lane(0.0)}, key)}
    for n in (1, 2, 6):
        rule = EquilibriumPropagation(estimate="nudge", beta=0.5, n_points=n)
        runs[f"N = {n}"] = _train(config, rule, {"0": Lane(0.0)}, key)
    last = {name: run.accuracy[-1, 0] for name, run in runs.items()}
    return evidence(
        six_points=(("seed",), last["N = 6"] - last["true"]),
        one_point=(("seed",), last["N = 1"] - last["true"]),
        accuracy=(("estimate", "epoch", "seed"), np.stack([run.accuracy[:, 0] for run in runs.values()])),
        unsettled=(("estimate", "seed"), np.stack([run.train_unsettled[0] for run in runs.values()])),
        coords={"estimate": list(runs), **_epochs(config)},
        units={"accuracy": "%", "six_points": "points", "one_point": "points"},
    )


@study.experiment(
    quick={"seeds": 2, **SMALL_NET, "free_steps": 480, "block": 40, **TASTE, "train": 200},
    full={"seeds": 5, **MNIST, "epochs": 3},
    paper={**FASHION, "epochs": 50, "free_steps": 1200, "block": 60},
    data=("mnist", "fashion-mnist"),
)
def online_training(config: Config, key: jax.Array) -> Evidence:
    """Training without a free phase: the nudge goes round the circle of four points block by block (beta = 0.5)."""
    rule = EquilibriumPropagation(
        estimate="online", beta=0.5, n_points=4, nudged_steps=config.block, free_steps=config.free_steps
    )
    six = EquilibriumPropagation(estimate="nudge", beta=0.5, n_points=6)
    own = Relaxation(60 if config.task == "mnist" else 150)
    online = _train(config, rule, {"0": Lane(0.0)}, key, relaxation=own)
    nudged = _train(config, six, {"0": Lane(0.0)}, key, relaxation=own)
    return evidence(
        accuracy=(("seed",), online.accuracy[-1, 0]),
        minus_six_points=(("seed",), online.accuracy[-1, 0] - nudged.accuracy[-1, 0]),
        course=(("estimate", "epoch", "seed"), np.stack([online.accuracy[:, 0], nudged.accuracy[:, 0]])),
        coords={"estimate": ["online", "N = 6"], **_epochs(config)},
        units={"accuracy": "%", "minus_six_points": "points", "course": "%"},
    )


@study.experiment(quick={"seeds": 2, **TASTE}, full={"seeds": 5, **MNIST, "epochs": 3}, data=("mnist",))
def halves(config: Config, key: jax.Array) -> Evidence:
    """Training from 90 degrees with no homeostasis, with each half of the homeostatic loss, and with both."""
    lanes = {"none": Lane(), "norm": Lane(norm=1.0), "trace": Lane(trace=1.0), "both": Lane(norm=1.0, trace=1.0)}
    run = _train(config, EquilibriumPropagation(), lanes, key)
    first = run.cosine[-1, ..., 0]
    return evidence(
        over_norm=(("seed",), first[3] - first[1]),
        over_trace=(("seed",), first[3] - first[2]),
        trace_unsettled=(("seed",), run.unsettled[-1, 2] - run.unsettled[-1, 3]),
        **_courses(run, "half"),
        coords={"half": list(lanes), **_epochs(config)},
        units={"accuracy": "%", "angle": "degrees"},
    )


def _train(config: Config, rule: SettlingRule, lanes: dict[str, Lane], key: jax.Array, **changed: Any) -> LaneHistory:
    """Train the lanes on the task that the config names; topology, relaxation and optimiser may be changed."""
    named: Any = {"task": "mnist", "hidden": 64, "sgd": False, "free_steps": 60, **config}
    task = images(named["task"], train=config.train, test=config.test)
    optimiser = changed.pop("optimiser", optax.sgd(0.01, momentum=0.9) if named["sgd"] else optax.adam(1e-3))
    changed.setdefault("relaxation", Relaxation(named["free_steps"]))
    sizes = task.inputs.shape[1], named["hidden"], named["hidden"], 10
    learner = layered_learner(sizes, rule, optimiser, **changed)
    return train_lanes(learner, task, list(lanes.values()), key, seeds=config.seeds, epochs=config.epochs)


def _courses(run: LaneHistory, lane: str) -> dict[str, Any]:
    """What was watched over epochs, as evidence."""
    dims = ("tested", lane, "seed")
    return {
        "accuracy": (("epoch", lane, "seed"), run.accuracy),
        "cosine": ((*dims, "layer"), run.cosine),
        "symmetry": (dims, run.symmetry),
        "angle": (dims, run.angle),
        "unsettled": (dims, run.unsettled),
    }


def _epochs(config: Config) -> dict[str, Any]:
    return {"epoch": list(range(1, config.epochs + 1)), "tested": list(range(config.epochs + 1))}


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    return math.degrees(math.acos(min(1.0, float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b))))))


def _angles(a: jax.Array, b: jax.Array) -> jax.Array:
    cosine = jnp.sum(a * b, axis=1) / (jnp.linalg.norm(a, axis=1) * jnp.linalg.norm(b, axis=1))
    return jnp.rad2deg(jnp.arccos(jnp.clip(cosine, -1, 1)))
