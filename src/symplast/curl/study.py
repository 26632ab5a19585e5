"""The experiments behind the claims: theory, stability, chaos and speed of learning with rule-flipped neurons."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from threadpoolctl import threadpool_limits

from symplast import datasets
from symplast.curl.flip_tolerance import tolerance
from symplast.curl.measurements import (
    both_diagrams,
    distance_from_law,
    flip_coords,
    loss_over_time,
    near_teacher,
    ratios,
    share,
    sizes_of,
    trend,
    wander,
)
from symplast.curl.random_matrix import Layer, critical_fraction, density, support
from symplast.curl.sampled_boundary import sampled_critical_fraction
from symplast.curl.solution import solution_operator
from symplast.curl.spectrum import learning_jacobian, signed_kernel
from symplast.curl.speed import SpeedSetting, epochs_to_threshold, paired_ratio
from symplast.lab import Config, Evidence, Study, evidence
from symplast.learning.host_random import generator
from symplast.on_use import ttest_rel

study = Study("curl")

BORDER = 0.05
"""Solutions whose largest eigenvalue is nearer to zero are listed, not judged."""

CLIMBING = {"ascent_none": 0, "ascent_one": 1, "ascent_three": 3}
"""Numbers of flipped hidden units of which it is asked how often learning raises the loss."""


@study.experiment(quick={"nets": 20})
def reduction(config: Config, key: Any) -> Evidence:
    """The full Jacobian of 35 weights by automatic differentiation, next to the 6 x 6 matrix K, for random nets."""

    def loss(params, covariance, target):
        error = params[1] @ params[0] - target
        return 0.5 * jnp.sum(error @ covariance * error)

    difference, others = [], []
    with jax.enable_x64(True):
        for index in range(config.nets):
            rng = generator(key, index)
            w1, w2, root = rng.normal(size=(5, 6)), rng.normal(size=(1, 5)), rng.normal(size=(6, 6))
            covariance = root @ root.T / 6 + 0.1 * np.eye(6)
            d1, d2 = (rng.choice([-1.0, 1.0], size=units) for units in (6, 5))
            values = np.linalg.eigvals(learning_jacobian(loss, (w1, w2), (d1, d2), args=(covariance, w2 @ w1)))
            values = values[np.argsort(np.abs(values))]
            small = np.linalg.eigvalsh(solution_operator(w1, w2, d1, d2, covariance))
            large = values[29:]
            difference.append(np.abs(np.sort(large.real) - small).max() + np.abs(large.imag).max())
            others.append(np.abs(values[:29]).max())
    return evidence(difference=float(max(difference)), others=float(max(others)))


@study.experiment(quick={"nets": 3})
def signed_kernels(config: Config, key: Any) -> Evidence:
    """Jacobian and signed tangent kernel of tanh nets with two hidden layers at a zero of their residuals."""

    def residuals(weights, x, teacher):
        outputs = [jnp.tanh(jnp.tanh(x @ net[0].T) @ net[1].T) @ net[2].T for net in (weights, teacher)]
        return jnp.ravel(outputs[0] - outputs[1])

    def loss(weights, x, teacher):
        return 0.5 * jnp.mean(residuals(weights, x, teacher) ** 2)

    difference = []
    with jax.enable_x64(True):
        for index in range(config.nets):
            rng = generator(key, 100 + index)
            params = tuple(rng.normal(size=size) / 2 for size in ((6, 4), (5, 6), (2, 5)))
            signs = tuple(rng.choice([-1.0, 1.0], size=w.shape[1]) for w in params)
            args = rng.normal(size=(7, 4)), params
            kernel = np.linalg.eigvalsh(-signed_kernel(residuals, params, signs, args=args))
            values = np.linalg.eigvals(learning_jacobian(loss, params, signs, args=args))
            large = np.sort(values[np.argsort(-np.abs(values))[: kernel.size]].real)
            difference.append(np.abs(large - kernel).max() / np.abs(kernel).max())
    return evidence(difference=(("net",), difference))


@study.experiment(quick={"inputs": 400, "seeds": 3}, full={"inputs": 2000, "seeds": 3})
def spectra(config: Config, key: Any) -> Evidence:
    """Eigenvalues of sampled solutions against density, atoms and edges of the random-matrix law."""
    found: dict[str, Any] = {}
    units: dict[str, Any] = {}
    cases: tuple[tuple[Layer, float, float], ...] = (("hidden", 0.1, 0.7), ("readout", 10.0, 0.5))
    for layer, c, alpha in cases:
        hidden, law = round(config.inputs / c), support(c, alpha, layer)
        low, high = law.least, max([band[1] for band in law.bands] + [atom.place for atom in law.atoms])
        distance, edges, histogram = [], [], []
        bins = np.linspace(low - 0.1 * (high - low), high + 0.1 * (high - low), 81)
        for seed in range(config.seeds):
            rng = generator(key, seed)
            w = rng.uniform(-1, 1, size=(hidden, config.inputs)) * np.sqrt(3 / config.inputs)
            flipped = -np.ones(config.inputs if layer == "hidden" else hidden)
            flipped[int(alpha * flipped.size) :] = 1
            ones = np.ones(hidden if layer == "hidden" else config.inputs)
            d1, d2 = (flipped, ones) if layer == "hidden" else (ones, flipped)
            w2 = np.full((1, hidden), 1 / np.sqrt(hidden))
            with threadpool_limits(1):  # at these sizes more threads take more time of the processor, not less
                values = -np.linalg.eigvalsh(solution_operator(w, w2, d1, d2))[::-1]
            distance.append(distance_from_law(values, c, alpha, layer))
            edges.append(max(abs(values[0] - low), abs(values[-1] - high)) / (high - low))
            histogram.append(np.histogram(values, bins)[0] / values.size)
        x = np.linspace(bins[0], bins[-1], 801)
        found |= {
            f"{layer}_distance": (("seed",), distance),
            f"{layer}_edges": (("seed",), edges),
            f"{layer}_histogram": ((f"{layer}_bin",), np.mean(histogram, axis=0)),
            f"{layer}_bin_edges": ((f"{layer}_edge",), bins),
            f"{layer}_x": ((f"{layer}_point",), x),
            f"{layer}_density": ((f"{layer}_point",), density(x, c, alpha, layer)),
            f"{layer}_atoms": ((f"{layer}_atom", "of_atom"), np.array(law.atoms).reshape(-1, 2)),
        }
        units[f"{layer}_edges"] = "support widths"
    return evidence(**found, coords={"of_atom": ["place", "mass"]}, units=units, notes={"inputs": config.inputs})


@study.experiment(quick={})
def critical(config: Config, key: Any) -> Evidence:
    """The critical shares of flipped neurons in closed form over six decades of compression."""
    c = np.geomspace(1e-3, 1e3, 601)
    hidden, readout = (np.array([critical_fraction(ratio, layer) for ratio in c]) for layer in ("hidden", "readout"))
    return evidence(
        hidden=(("c",), hidden),
        readout=(("c",), readout),
        hidden_falls=bool((np.diff(hidden) <= 0).all()),
        readout_falls=bool((np.diff(readout) < 0).all()),
        readout_largest=float(readout.max()),
        hidden_limits=(("limit",), [critical_fraction(1 / 4, "hidden"), critical_fraction(2 / 3, "hidden")]),
        coords={"c": c, "limit": ["c = 1/4", "c = 2/3"]},
    )


@study.experiment(
    quick={
        "draws": 20, "hidden_c": [0.3, 0.4, 0.5], "hidden_units": [400, 800, 1600],
        "readout_c": [0.05, 0.1, 0.25, 0.5], "readout_units": [200, 400, 800],
    },
    full={"draws": 200, "hidden_c": [0.2, 0.3, 0.35, 0.4, 0.5, 0.8], "readout_c": [0.05, 0.1, 0.25, 0.5, 1.0]},
)  # fmt: skip
def sampled_boundary(config: Config, key: Any) -> Evidence:
    """The closed forms against critical shares of sampled nets, extrapolated from three sizes to large ones."""
    found: dict[str, Any] = {}
    layers: tuple[Layer, ...] = ("hidden", "readout")
    coords: dict[str, Any] = {"end": ["low", "high"]}
    for index, layer in enumerate(layers):
        settings: dict[str, Any] = {"units": config[f"{layer}_units"], "draws": config.draws}
        c: Any = config[f"{layer}_c"]
        with threadpool_limits(1):
            for_layer = jax.random.fold_in(key, index)
            sampled = [sampled_critical_fraction(ratio, layer, key=for_layer, **settings) for ratio in c]
        closed = np.array([critical_fraction(ratio, layer) for ratio in c])
        ends = np.array([[estimate.low, estimate.high] for estimate in sampled])
        found |= {
            f"{layer}_difference": float(np.abs(ends - closed[:, None]).max()),
            f"{layer}_sampled": ((f"{layer}_c",), [estimate.value for estimate in sampled]),
            f"{layer}_ends": ((f"{layer}_c", "end"), ends),
            f"{layer}_closed": ((f"{layer}_c",), closed),
        }
        coords[f"{layer}_c"] = c
    return evidence(**found, coords=coords)


@study.experiment(full={}, data=("curl-descent",))
def boundary(config: Config, key: Any) -> Evidence:
    """The closed forms against the published stability boundary, at each of its 500 compression ratios."""
    table = datasets.load("curl-descent")["phase_boundary"]
    c = table.c.to_numpy()
    hidden, readout = (np.array([critical_fraction(ratio, layer) for ratio in c]) for layer in ("hidden", "readout"))
    fine = table.n_hidden_readout_grid.to_numpy() >= 500
    return evidence(
        hidden_difference=float(np.abs(hidden - table.alpha_hidden).max()),
        readout_difference=float(np.abs(readout - table.alpha_readout)[fine].max()),
        hidden=(("c",), hidden),
        readout=(("c",), readout),
        published_hidden=(("c",), table.alpha_hidden.to_numpy()),
        published_readout=(("c",), np.where(fine, table.alpha_readout, np.nan)),
        coords={"c": c},
    )


@study.experiment(quick={"seeds": 48, "epochs": 8000}, full={"seeds": 400, "epochs": 20_000})
def hidden_flips(config: Config, key: Any) -> Evidence:
    """Flipped inputs: learning from close to the teacher, against the largest eigenvalue of each net's own K."""
    growth, loss = zip(
        *(near_teacher(config, jax.random.fold_in(key, i), hidden=share) for i, share in enumerate((0.1, 0.5))),
        strict=True,
    )
    largest, final = np.concatenate(growth), np.concatenate(loss)
    return evidence(
        stable_learn=share(final[largest < -BORDER] < 1e-8),
        unstable_fail=share(final[largest > BORDER] > 1e-2),
        growth=(("run",), largest),
        loss=(("run",), final),
        alpha=(("run",), np.repeat([0.1, 0.5], config.seeds)),
        unjudged=int((np.abs(largest) <= BORDER).sum()),
    )


@study.experiment(quick={"seeds": 48, "epochs": 8000}, full={"seeds": 400, "epochs": 20_000})
def readout_flips(config: Config, key: Any) -> Evidence:
    """Flipped hidden units: does learning find a solution where the teacher is none that is stable?"""
    growth, loss = near_teacher(config, key, readout=0.3)
    return evidence(
        unstable_learn=(("seed",), (growth > 0) & (loss < 1e-8)),
        teacher_unstable=(("seed",), growth > 0),
        learned=(("seed",), loss < 1e-8),
        growth=(("seed",), growth),
        loss=(("run",), loss),
    )


@study.experiment(
    quick={"seeds": 4, "steps": 3000, "alphas": [0.1, 0.3]},
    full={"seeds": 20, "steps": 20_000, "alphas": [0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7]},
)
def chaos(config: Config, key: Any) -> Evidence:
    """Order parameter and Lyapunov exponent across the boundary, from close to the teacher, for three compressions."""
    nets = [(20, 50, 1), (20, 20, 1), (40, 20, 1)]
    with jax.enable_x64(True):
        cells = [
            [wander(config, jax.random.fold_in(key, index), sizes, share) for share in config.alphas]
            for index, sizes in enumerate(nets)
        ]
    q, exponent, loss = (np.array(values) for values in zip(*(zip(*row, strict=True) for row in cells), strict=True))
    below, above = config.alphas.index(0.1), config.alphas.index(0.3)
    return evidence(
        q=(("net", "alpha", "seed"), q),
        exponent=(("net", "alpha", "seed"), exponent),
        loss=(("net", "alpha", "seed"), loss),
        below_q=(("seed",), q[0, below]),
        below_exponent=(("seed",), exponent[0, below]),
        above_log_q=(("compressive", "seed"), np.log10(q[1:, above])),
        above_exponent=(("compressive", "seed"), exponent[1:, above]),
        boundary=(("net",), [critical_fraction(m / n, "hidden") for m, n, _ in nets]),
        coords={
            "net": [f"{m} inputs, {n} hidden" for m, n, _ in nets],
            "compressive": [f"{m} inputs, {n} hidden" for m, n, _ in nets[1:]],
            "alpha": config.alphas,
        },
        units={"exponent": "per step", "below_exponent": "per step", "above_exponent": "per step"},
    )


@study.experiment(
    full={
        "units": 110,
        "seeds": 5,
        "epochs": 20_000,
        "c": [0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.2, 2.0, 4.0, 8.0],
        "alphas": 11,
    }
)
def phases(config: Config, key: Any) -> Evidence:
    """Final error over compression and share of flipped neurons: linear nets that start close to their teacher."""
    return both_diagrams(config, key, start="teacher", activation="linear")


@study.experiment(
    full={"units": 60, "seeds": 3, "epochs": 10_000, "alphas": 6, "c": [0.15, 0.3, 0.5, 1.0, 2.0, 4.0]},
)
def phases_from_random(config: Config, key: Any) -> Evidence:
    """The same from random students, as published, for linear nets."""
    return both_diagrams(config, key, start="random", activation="linear")


@study.experiment(
    full={"units": 40, "seeds": 3, "epochs": 10_000, "alphas": 6, "c": [0.15, 0.3, 0.5, 1.0, 2.0, 4.0]},
)
def phases_tanh(config: Config, key: Any) -> Evidence:
    """The same from random students for tanh nets, 250 examples."""
    return both_diagrams(config, key, start="random", activation="tanh")


@study.experiment(quick={"seeds": 3, "limit": 3000}, full={"seeds": 40, "limit": 8000})
def speed(config: Config, key: Any) -> Evidence:
    """Epochs to a training loss of 1e-3 with one of ten hidden units flipped, against gradient descent; both variants
    of the output's slope, and random signs as control."""
    found: dict[str, Any] = {}
    rows = {
        "published rule": SpeedSetting(limit=config.limit),
        "with output slope": SpeedSetting(limit=config.limit, output_slope=True),
    }
    runs = [epochs_to_threshold([0, 1], setting, seeds=config.seeds, key=key) for setting in rows.values()]
    control = epochs_to_threshold([1], SpeedSetting(limit=config.limit, random_signs=True), seeds=config.seeds, key=key)
    gradient, curl = runs[0].epochs.values
    found["ratio"] = paired_ratio(gradient, curl)
    found["ratio_with_slope"] = paired_ratio(*runs[1].epochs.values)
    found["random_signs_ratio"] = paired_ratio(gradient, control.epochs.values[0])
    test = ttest_rel(gradient, curl)
    return evidence(
        **found,
        epochs=(("variant", "flipped", "seed"), np.stack([run.epochs.values for run in runs])),
        random_signs_epochs=(("seed",), control.epochs.values[0]),
        not_reached=(("variant", "flipped"), np.stack([(~run.reached).sum("seed") for run in runs])),
        random_signs_not_reached=int((~control.reached).sum()),
        paired_t=float(test.statistic),
        paired_p=float(test.pvalue),
        coords={"variant": list(rows), "flipped": ["gradient descent", "curl descent"]},
        units={"epochs": "epochs", "random_signs_epochs": "epochs"},
        notes={"limit": config.limit},
    )


@study.experiment(
    quick={"seeds": 3, "limit": 3000, "flips": [0, 1, 2, 3, 10], "shown": 500},
    full={"seeds": 40, "limit": 10_000, "flips": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "shown": 2000},
)
def flipped_units(config: Config, key: Any) -> Evidence:
    """The same by the number of flipped hidden units out of ten; share of updates that raise the loss before it first
    falls below 1e-3, and the loss of one seed over time."""
    setting = SpeedSetting(limit=config.limit)
    run = epochs_to_threshold(config.flips, setting, seeds=config.seeds, key=key)
    never = ~run.reached.sel(flipped=10).values
    climbs: dict[str, Any] = {
        name: (("seed",), run.ascent.sel(flipped=flips).values) for name, flips in CLIMBING.items()
    }
    at = np.arange(0, config.shown + 1, 2)
    return evidence(
        **ratios(run, few=[1, 2, 3], many=[count for count in config.flips if count >= 8]),
        all_flipped_never=(("seed",), never),
        all_flipped_runs_that_reach=int((~never).sum()),
        **climbs,
        loss=(("curve", "epoch"), loss_over_time(setting, list(CLIMBING.values()), at, key)),
        coords=flip_coords(run) | {"curve": list(CLIMBING.values()), "epoch": at},
        notes={"limit": config.limit},
    )


@study.experiment(
    full={
        "seeds": 20, "limit": 10_000, "flips": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        "scales": [0.1, 0.25, 0.5, 0.75, 1.0, 1.25],
    },
)  # fmt: skip
def no_normalisation(config: Config, key: Any) -> Evidence:
    """The same without normalisation, and over scales of the teacher's weights with one unit flipped."""
    setting = SpeedSetting(limit=config.limit, normalise=False)
    run = epochs_to_threshold(config.flips, setting, seeds=config.seeds, key=key)
    scaled = [
        epochs_to_threshold(
            [0, 1],
            SpeedSetting(limit=config.limit, normalise=False, teacher_scale=scale),
            seeds=config.seeds,
            key=jax.random.fold_in(key, index),
        )
        for index, scale in enumerate(config.scales)
    ]
    epochs = np.stack([one.epochs.values for one in scaled])
    return evidence(
        **ratios(run, one=[1], more=[count for count in config.flips if count >= 3]),
        teacher_scales_ratio=paired_ratio(
            np.exp(np.log(epochs[:, 0]).mean(axis=0)), np.exp(np.log(epochs[:, 1]).mean(axis=0))
        ),
        scale_epochs=(("scale", "rule", "seed"), epochs),
        scale_not_reached=(("scale", "rule"), np.stack([(~one.reached).sum("seed") for one in scaled])),
        coords=flip_coords(run) | {"scale": config.scales, "rule": ["gradient descent", "curl descent"]},
        notes={"limit": config.limit},
    )


@study.experiment(full={"seeds": 20, "limit": 10_000, "rows": 2000})
def relu(config: Config, key: Any) -> Evidence:
    """The same for relu nets with one unit flipped; a pair whose outputs are all off from the start has no ratio."""
    setting = SpeedSetting(activation="relu", rows=config.rows, limit=config.limit)
    run = epochs_to_threshold([0, 1], setting, seeds=config.seeds, key=key)
    learns = (run.epochs > 0).all("flipped").values
    return evidence(
        ratio=paired_ratio(*run.epochs.values[:, learns]),
        nothing_to_learn=int((~learns).sum()),
        epochs=(("flipped", "seed"), run.epochs.values),
        not_reached=(("flipped",), (~run.reached).sum("seed").values),
        coords={"flipped": ["gradient descent", "curl descent"]},
        notes={"limit": config.limit},
    )


@study.experiment(
    full={"seeds": 20, "limit": 10_000, "rows": [100, 300, 600, 1000, 2000]},
)
def training_size(config: Config, key: Any) -> Evidence:
    """Epochs of gradient descent over those of curl descent with one flipped unit, by the number of examples."""
    settings = [SpeedSetting(rows=rows, limit=config.limit) for rows in config.rows]
    return trend(config, key, "rows", config.rows, settings)


@study.experiment(
    full={"seeds": 20, "limit": 10_000, "scales": [1.0, 1.5, 2.0, 3.0, 5.0], "rows": 2000},
    paper={"limit": 100_000, "rows": 10_000},
)
def student_scale(config: Config, key: Any) -> Evidence:
    """The same by the scale of the student's first weights."""
    settings = [SpeedSetting(student_scale=scale, rows=config.rows, limit=config.limit) for scale in config.scales]
    return trend(config, key, "scale", config.scales, settings)


@study.experiment(
    quick={"draws": 40, "c": [0.3, 0.4, 0.5, 0.6], "units": [70]}, full={"draws": 100, "units": [35, 70, 140, 280]}
)
def finite_size(config: Config, key: Any) -> Evidence:
    """Critical shares of flipped inputs in finite nets, by bisection on the largest eigenvalue, next to the large-net
    boundary."""
    known = tolerance((20, 50, 1), (), draws=config.draws, key=key)
    shares = np.array(
        [
            [
                tolerance(sizes_of(units, c), (), draws=config.draws, key=jax.random.fold_in(key, 10 * i + j))
                .critical_draws
                for j, c in enumerate(config.c)
            ]
            for i, units in enumerate(config.units)
        ]
    )  # fmt: skip
    return evidence(
        excess=(("seed",), known.critical_draws - critical_fraction(0.4, "hidden")),
        critical=(("units", "c", "seed"), shares),
        boundary=(("c",), [critical_fraction(c, "hidden") for c in config.c]),
        coords={"units": config.units, "c": config.c},
    )
