"""What the experiments measure: runs from close to a teacher, wandering weights, diagrams, paired ratios."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from symplast import stats
from symplast.curl.chaos import lyapunov, order_parameter
from symplast.curl.draws import STUDENT, near, stacked_inputs, stacked_nets, stacked_teachers
from symplast.curl.dynamics import Moments, learning_step
from symplast.curl.phases import phase_diagram
from symplast.curl.random_matrix import distribution, support
from symplast.curl.signs import SignMask
from symplast.curl.simulation import simulate
from symplast.curl.solution import solution_operator, stability
from symplast.curl.speed import SpeedSetting, epochs_to_threshold, paired_ratio
from symplast.curl.two_layer import CurlRule, TwoLayer
from symplast.lab import Config, Evidence, evidence
from symplast.on_use import spearmanr

LAST = 1000
"""Updates that the order parameter looks back at."""


def sizes_of(units: int, c: float) -> tuple[int, int, int]:
    return round(units / (1 + 1 / c)), round(units / (1 + c)), 1


def share(holds: np.ndarray) -> stats.Estimate:
    return stats.clopper_pearson(int(holds.sum()), holds.size)


def distance_from_law(values: np.ndarray, c: float, alpha: float, layer: Any) -> float:
    """Kolmogorov-Smirnov distance of eigenvalues from the law, outside +-0.002 around atoms."""
    grid = np.linspace(values[0] - 0.01, values[-1] + 0.01, 20_001)
    for atom in support(c, alpha, layer).atoms:
        grid = grid[np.abs(grid - atom.place) > 0.002]
    seen = np.searchsorted(values, grid, side="right") / values.size
    return float(np.abs(seen - distribution(grid, c, alpha, layer)).max())


def near_teacher(config: Config, key: Any, hidden: float = 0.0, readout: float = 0.0) -> tuple[Any, Any]:
    """Largest eigenvalue at the teacher and final loss of each seed; 20 inputs, 50 hidden units."""
    sizes = (20, 50, 1)
    with jax.enable_x64(True):
        mask = SignMask.presynaptic(sizes, (hidden, readout))
        teachers = stacked_teachers(key, config.seeds, sizes)
        loss = np.asarray(_learned(config.epochs, teachers, mask))
        pairs, (d1, d2) = zip(np.asarray(teachers.W1), np.asarray(teachers.W2), strict=True), mask.signs
        growth = [stability(solution_operator(w1, w2, d1, d2)).largest for w1, w2 in pairs]
    return np.array(growth), loss


@partial(jax.jit, static_argnums=0)
def _learned(epochs: int, teachers: TwoLayer, mask: SignMask) -> Float[Array, " seeds"]:
    """Final losses from close to the teachers; one program for all flips."""

    def one(teacher: TwoLayer, student: TwoLayer) -> Float[Array, ""]:
        problem = Moments(teacher.map, jnp.asarray(0.5))
        step = learning_step(problem, CurlRule(mask), student)
        return problem.loss(jax.lax.fori_loop(0, epochs, lambda _, net: step(net), student))

    return jax.vmap(one)(teachers, near(teachers, 1e-10))


def wander(config: Config, key: Any, sizes: tuple[int, int, int], share: float) -> tuple[Any, Any, Any]:
    """q over the last 1000 of ``steps`` updates, the exponent over as many more, and the loss, for each seed.

    ``steps`` is rounded down to whole thousands.
    """
    signs = SignMask.presynaptic(sizes, (float(share), None))
    q, exponent, loss = _wandering(config.steps, stacked_teachers(key, config.seeds, sizes), signs)
    return np.asarray(q), np.asarray(exponent), np.asarray(loss)


@partial(jax.jit, static_argnums=0)
def _wandering(steps: int, teachers: TwoLayer, mask: SignMask) -> tuple[Array, Array, Array]:
    """One program for all shares of flipped neurons."""

    def one(teacher: TwoLayer, student: TwoLayer) -> tuple[Array, Array, Array]:
        problem = Moments(teacher.map, jnp.asarray(0.5))
        step = learning_step(problem, CurlRule(mask), student)

        def update(net: TwoLayer, _: None) -> tuple[TwoLayer, Array]:
            return step(net), jnp.concatenate([w.ravel() for w in net.weights])

        def last_thousand(carried: tuple[TwoLayer, Array], _: None) -> tuple[tuple[TwoLayer, Array], None]:
            return jax.lax.scan(update, carried[0], length=LAST), None

        weights = jnp.zeros((LAST, sum(w.size for w in student.weights)))
        (net, weights), _ = jax.lax.scan(last_thousand, (student, weights), length=steps // LAST)
        return order_parameter(weights), lyapunov(step, net, steps, LAST), problem.loss(net)

    return jax.vmap(one)(teachers, near(teachers, 1e-10))


def both_diagrams(config: Config, key: Any, start: Any, activation: Any) -> Evidence:
    """Both layers' diagrams: geometric mean of the final error, share of runs that learned, theory."""
    alphas = np.linspace(0, 1, config.alphas).tolist()
    found: dict[str, Any] = {}
    for index, layer in enumerate(("hidden", "readout")):
        diagram = phase_diagram(
            config.c, alphas, layer, units=config.units, start=start, activation=activation,  # type: ignore[arg-type]
            seeds=config.seeds, epochs=config.epochs, key=jax.random.fold_in(key, index),
        )  # fmt: skip
        floor = 1e-16 if activation == "linear" else 1e-8
        found[f"{layer}_log_error"] = (
            ("c", "alpha"),
            np.log10(np.maximum(diagram.error.mean("seed", skipna=False), floor)).values,
        )
        found[f"{layer}_diverged"] = (("c", "alpha"), np.isnan(diagram.error).sum("seed").values)
        found[f"{layer}_boundary"] = (("c",), diagram.boundary.values)
    return evidence(**found, coords={"c": config.c, "alpha": alphas}, notes={"units": config.units})


def ratios(run: Any, **groups: list[int]) -> dict[str, Any]:
    """Paired ratio of gradient over curl descent at each number of flips, and at groups of them that claims name."""
    others = [count for count in run.flipped.values.tolist() if count]
    gradient = run.epochs.sel(flipped=0).values
    each = {count: paired_ratio(gradient, run.epochs.sel(flipped=count).values) for count in others}

    def columns(name: str, dim: str, counts: list[int]) -> dict[str, Any]:
        ends = {"": "value", "_low": "low", "_high": "high"}
        return {f"{name}{end}": ((dim,), [getattr(each[count], of) for count in counts]) for end, of in ends.items()}

    found = columns("ratio", "some", others)
    for group, counts in groups.items():
        found |= columns(f"{group}_ratio", f"{group}_flipped", counts)
    found["epochs"] = (("flipped", "seed"), run.epochs.values)
    found["not_reached"] = (("flipped",), (~run.reached).sum("seed").values)
    for name in ("one", "few", "many", "more"):
        if name in groups:
            found[f"{name}_counts"] = ((f"{name}_flipped",), groups[name])
    return found


def flip_coords(run: Any) -> dict[str, Any]:
    counts = run.flipped.values.tolist()
    return {"flipped": counts, "some": [count for count in counts if count]}


def loss_over_time(setting: SpeedSetting, counts: list[int], at: np.ndarray, key: Any) -> np.ndarray:
    """Training loss of the first seed at some epochs, for several numbers of flipped hidden units."""
    sizes, activation = setting.sizes, setting.activation
    teachers = stacked_nets(key, 1, sizes, scale=setting.teacher_scale, activation=activation)
    students = stacked_nets(key, 1, sizes, which=STUDENT, scale=setting.student_scale, activation=activation)
    drawn = teachers, students, stacked_inputs(key, 1, setting.rows, sizes[0])

    @jax.jit
    def learn(drawn: tuple[TwoLayer, TwoLayer, Array], mask: SignMask) -> Float[Array, " records"]:
        teacher, student, X = jax.tree.map(lambda stacked: stacked[0], drawn)
        return simulate(student, teacher, X, rule=CurlRule(mask), epochs=int(at[-1]), record=at).loss

    return np.stack([np.asarray(learn(drawn, SignMask.presynaptic(sizes, (None, count)))) for count in counts])


def trend(config: Config, key: Any, name: str, values: list[Any], settings: list[SpeedSetting]) -> Evidence:
    """Paired ratios by a setting, and their Spearman correlation with it; the interval resamples seeds."""
    runs = [epochs_to_threshold([0, 1], setting, seeds=config.seeds, key=key) for setting in settings]
    epochs = np.stack([run.epochs.values for run in runs])
    logs = np.log(epochs[:, 0] / epochs[:, 1])

    def correlation(*columns: np.ndarray) -> float:
        at = np.repeat(np.arange(len(columns)), [column.size for column in columns])
        return float(spearmanr(at, np.concatenate(columns)).statistic)

    ratios = [paired_ratio(one[0], one[1]) for one in epochs]
    whole = spearmanr(np.repeat(np.arange(len(values)), config.seeds), logs.ravel())
    return evidence(
        correlation=stats.bootstrap(tuple(logs), correlation, paired=True, resamples=1999),
        p_value=float(whole.pvalue),
        ratio=((name,), [ratio.value for ratio in ratios]),
        ratio_low=((name,), [ratio.low for ratio in ratios]),
        ratio_high=((name,), [ratio.high for ratio in ratios]),
        epochs=((name, "rule", "seed"), epochs),
        not_reached=((name, "rule"), np.stack([(~run.reached).sum("seed") for run in runs])),
        coords={name: values, "rule": ["gradient descent", "curl descent"]},
        notes={"limit": config.limit},
    )
