"""The experiments behind the claims: exact tables, the published figures' grids, and two Monte Carlo checks."""

from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symplast.dendrites import published
from symplast.dendrites.agreement import compare_frequencies, compare_published
from symplast.dendrites.asymptotics import fixed_activity_limit, synapse_rate
from symplast.dendrites.continual import (
    MODELS,
    component_learner,
    learn_in_sequence,
    permuted_mnist,
    rate_scores,
    recognised,
)
from symplast.dendrites.exact import fn_exact, fp_exact, fp_tails_exact
from symplast.dendrites.population import most_patterns, population_fp_brackets
from symplast.dendrites.sampling import count_overlaps, entropy_of
from symplast.dendrites.segment import DendriticSegment
from symplast.dendrites.sweep import Sweep, sweep, threshold_range
from symplast.dendrites.union import expected_union_size, union_fp, union_size
from symplast.lab import Config, Evidence, Study, evidence
from symplast.lab.study import Setting
from symplast.learning import Learner, Task, average_score, backward_transfer

study = Study("dendrites")


@study.experiment(quick={})
def operating_points(config: Config, key: Any) -> Evidence:
    """Error rates of the segments that the papers name, in exact rational arithmetic and in fast log space."""
    segments = {
        "example": DendriticSegment(10_000, 300, 30, 12),
        "million": DendriticSegment(10_000, 300, 30, 15),
        "sparse": DendriticSegment(4000, 128, 24, 12),
        "ten_of_ten": DendriticSegment(200_000, 2000, 10, 10),
        "ten_of_twenty": DendriticSegment(200_000, 2000, 20, 10),
    }
    exact = {name: float(segment.fp_exact()) for name, segment in segments.items()}
    fast = {name: float(segment.fp()) for name, segment in segments.items()}
    at_least, _ = population_fp_brackets(segments["million"], 10**6)
    return evidence(
        example_fp=exact["example"],
        example_fn=float(fn_exact(a=300, s=30, theta=12, v=60)),
        million_fp=float(at_least),
        million_most=most_patterns(segments["million"], 1e-9),
        sparse_fp=exact["sparse"],
        ten_of_ten_fp=exact["ten_of_ten"],
        ten_of_twenty_fp=exact["ten_of_twenty"],
        fast_error=max(abs(fast[name] / exact[name] - 1) for name in segments),
    )


@study.experiment(quick={})
def cells(config: Config, key: Any) -> Evidence:
    """False positives against the number of cells (s = 24, theta = 12): fixed a, fixed activity, dense activity."""
    n, a = np.arange(300, 19_901, 200), np.array([64, 128, 256])
    log_fp = sweep(n=n, a=a, s=24, theta=12).log_fp.values[:, :, 0, 0].T  # [a, n]
    curvature = np.diff(log_fp[:, n >= 2000], n=2, axis=1)
    doubled = 2000 * 4 ** np.arange(4)
    per_doubling = DendriticSegment(np.stack([doubled, 2 * doubled]), 128, 24, 12).log_fp()
    steady = np.concatenate([np.arange(600, 20_001, 50), np.arange(22_000, 64_001, 2000)])
    log_steady = DendriticSegment(steady, steady // 50, 24, 12).log_fp()
    half = [float(fp_exact(int(x), int(x) // 2, 24, 12)) for x in n]
    quarter = [float(fp_exact(int(x), int(x) // 4, 24, 12)) for x in n]
    return evidence(
        fp=(("a", "n"), np.exp(log_fp)),
        second_difference=(("a", "end_of_range"), np.stack([curvature.min(axis=1), curvature.max(axis=1)], axis=1)),
        doubling=(("start",), np.diff(per_doubling, axis=0)[0] / np.log(2)),
        steady_fp=(("steady_n",), np.exp(log_steady)),
        steady_step=(("end_of_range",), [np.diff(log_steady).min(), np.diff(log_steady).max()]),
        steady_limit=float(fixed_activity_limit(24, 12, 0.02)),
        half_fp=(("n",), half),
        half_least=min(half),
        half_ends=(("end",), [half[0], half[-1]]),
        quarter_fp=(("n",), quarter),
        quarter_ends=(("end",), [quarter[0], quarter[-1]]),
        coords={
            "a": a.tolist(),
            "n": n.tolist(),
            "start": doubled.tolist(),
            "steady_n": steady.tolist(),
            "end": ["n=300", "n=19900"],
            "end_of_range": ["least", "largest"],
        },
        units={"doubling": "log2 per doubling of n"},
    )


@study.experiment(quick={})
def synapses(config: Config, key: Any) -> Evidence:
    """False positives against the number of synapses at theta = s/2, with a line fitted to ln P for s = 10 .. 60."""
    populations = [(2000, 32), (4000, 32), (16_000, 256), (16_000, 512), (16_000, 4000)]
    n, a = np.array(populations).T[:, :, None]
    s = np.arange(2, 61, 2)
    log_fp = DendriticSegment(n, a, s, s // 2).log_fp()
    fitted = s >= 10
    slope, straight = np.array([_line(s[fitted], row[fitted]) for row in log_fp[:4]]).T
    predicted = np.array([synapse_rate(active / total) for total, active in populations[:4]])
    return evidence(
        fp=(("population", "s"), np.exp(log_fp)),
        slope=(("fitted",), slope),
        r_squared=(("fitted",), straight),
        predicted_slope=(("fitted",), -predicted),
        slope_ratio=(("fitted",), -slope / predicted),
        coords={
            "population": [f"{active} of {total}" for total, active in populations],
            "fitted": [f"{active} of {total}" for total, active in populations[:4]],
            "s": s.tolist(),
        },
        units={"slope": "nats per synapse", "predicted_slope": "nats per synapse"},
    )


@study.experiment(quick={})
def thresholds(config: Config, key: Any) -> Evidence:
    """Median false positives for each threshold over the published grid and the small-n grid; the log-space values are
    checked against exact rationals."""
    numbers = {"n = 10 000 to 190 000": range(10_000, 190_001, 20_000), "n = 1000 to 17 000": range(1000, 17_001, 4000)}
    shares = np.arange(1, 7) / 200
    grids = [sweep(n=n, activity=shares, s=range(20, 51, 5), theta=range(3, 25)) for n in numbers.values()]
    ranges = [threshold_range(grid, 1e-9) for grid in grids]
    median = np.array([r.median.values for r in ranges])
    return evidence(
        median=(("grid", "theta"), median),
        fraction=(("grid", "theta"), [100 * r.fraction.values for r in ranges]),
        theta_low=(("grid",), [r.theta_low for r in ranges]),
        median_at_9=(("grid",), median[:, 6]),
        lowest=(("theta",), grids[0].fp.min(["n", "activity", "s"]).values),
        highest=(("theta",), grids[0].fp.max(["n", "activity", "s"]).values),
        fast_error=max(_largest_error(grid) for grid in grids),
        coords={"grid": list(numbers), "theta": list(range(3, 25))},
        units={"fraction": "%"},
    )


@study.experiment(quick={})
def unions(config: Config, key: Any) -> Evidence:
    """Unions of M patterns of s = 25 synapses: their size, and their false positives in the three modes."""
    named = DendriticSegment(20_000, 100, 25, 15)
    n, M = np.arange(1000, 20_001, 500), np.array([1, 2, 4, 6, 10])
    grid = DendriticSegment(n[:, None], 200, 25, 15)
    fp, paper, bound = (union_fp(grid, M, mode) for mode in ("exact", "paper", "bound"))
    at = {int(x): i for i, x in enumerate(n)}
    proxy = [(20_000, 10), (10_000, 10), (5000, 10), (1000, 2)]
    error = np.array([100 * (paper / fp - 1)[at[cell], list(M).index(m)] for cell, m in proxy])
    stored = np.arange(1, 21)
    size = union_size(20_000, 25, stored)
    synapses = np.arange(size.pmf.shape[-1])
    low, high = (synapses[(size.pmf.cumsum(axis=-1) >= q).argmax(axis=-1)] for q in (0.025, 0.975))
    return evidence(
        named_size=float(expected_union_size(20_000, 25, 10)),
        named_zero=100 - float(expected_union_size(20_000, 25, 10)) / 200,
        named_paper=float(union_fp(named, 10, "paper")),
        named_exact=float(union_fp(named, 10, "exact")),
        named_bound=float(union_fp(named, 10, "bound")),
        held=(("synapses",), [int(_patterns_held(limit)) for limit in (100, 400)]),
        fp=(("n", "M"), fp),
        fall=float(fp[at[5000], -1] / fp[at[20_000], -1]),
        few_cells=float(fp[at[1000], -1]),
        few_cells_four_patterns=float(fp[at[1000], 2]),
        proxy_error=(("setting",), error),
        proxy_largest=float(np.abs(error).max()),
        proxy_is_no_bound=bool(error.min() < 0 < error.max()),
        bound_holds=bool((bound >= fp * (1 - 1e-12)).all()),
        size=(("stored",), size.mean),
        size_low95=(("stored",), low),
        size_high95=(("stored",), high),
        proxy_curve=(("n", "M"), 100 * (paper / fp - 1)),
        coords={
            "n": n.tolist(),
            "M": M.tolist(),
            "stored": stored.tolist(),
            "setting": [f"n={c}, M={m}" for c, m in proxy],
            "synapses": [100, 400],
        },
        units={"named_zero": "%", "proxy_error": "%", "proxy_largest": "%", "proxy_curve": "%", "size": "synapses"},
    )


FULL = {str(a): [[a, n] for n in range(300, 301 + 200 * (len(table) - 1), 200)] for a, table in published.FP.items()}


@study.experiment(
    quick={"trials": 2_000_000, "points": [[64, 300], [64, 500], [128, 300], [128, 700], [128, 1100]], "tests": 8},
    full={"trials": 100_000_000, "points": FULL["64"] + FULL["128"], "tests": 29},
)
def false_positives_sparse(config: Config, key: Any) -> Evidence:
    """Sampled segments meet random patterns of 64 or 128 active cells (s = 24, theta = 12), and exact theory."""
    return _simulated_false_positives(config, key, (64, 128))


@study.experiment(
    quick={"trials": 2_000_000, "points": [[256, 500], [256, 1100], [256, 1900]], "tests": 8},
    full={"trials": 100_000_000, "points": FULL["256"], "tests": 29},
)
def false_positives_256(config: Config, key: Any) -> Evidence:
    """Sampled segments meet random patterns of 256 active cells (s = 24, theta = 12), and exact theory."""
    return _simulated_false_positives(config, key, (256,))


@study.experiment(quick={"trials": 1_000_000}, full={"trials": 10_000_000})
def false_negatives(config: Config, key: Any) -> Evidence:
    """Sampled segments meet corrupted copies of their own pattern (a = 128, s = 30), and exact theory."""
    a, s, noise, thetas = 128, 30, np.arange(5, 81, 5), np.array([8, 12, 16])
    segment = DendriticSegment(6000, a, s, 12)
    v = np.array([segment.v(share / 100) for share in noise])
    exact = np.array([[float(fn_exact(a, s, int(theta), int(lost))) for lost in v] for theta in thetas])
    streams = np.random.SeedSequence(entropy_of(key)).spawn(v.size)
    k = np.empty(exact.shape, np.int64)
    for column, (lost, stream) in enumerate(zip(v, streams, strict=True)):
        lost_synapses = count_overlaps(a, int(lost), s, config.trials, _stream(stream))
        k[:, column] = [lost_synapses[s - theta + 1 :].sum() for theta in thetas]
    printed = np.array([published.FN[int(theta)] for theta in thetas])
    curve = np.arange(4, 104)
    return evidence(
        **compare_frequencies(k, config.trials, exact, exact.size, ("theta", "noise")),
        **compare_published(printed, published.FN_TRIALS, exact, exact.size, ("theta", "noise")),
        curve_fn=(("theta", "curve_v"), DendriticSegment(6000, a, s, thetas[:, None]).fn(curve).view(np.ndarray)),
        v=(("noise",), v),
        coords={"theta": thetas.tolist(), "noise": noise.tolist(), "curve_v": curve.tolist()},
        notes={"entropy": list(entropy_of(key)), "trials": config.trials},
    )


def _simulated_false_positives(config: Config, key: Any, active: tuple[int, ...]) -> Evidence:
    s, theta = 24, 12
    streams = np.random.SeedSequence(entropy_of(key)).spawn(len(config.points))
    a, n = np.array(config.points).T
    exact = np.array([float(fp_exact(int(x), int(y), s, theta)) for x, y in zip(n, a, strict=True)])
    k = [
        count_overlaps(int(x), int(y), s, config.trials, _stream(stream))[theta:].sum()
        for x, y, stream in zip(n, a, streams, strict=True)
    ]
    printed = [(y, 300 + 200 * i, p) for y in active for i, p in enumerate(published.FP[y])]
    printed_a, printed_n, frequency = map(np.array, zip(*printed, strict=True))
    printed_exact = np.array([float(fp_exact(int(x), int(y), s, theta)) for y, x, _ in printed])
    curve = np.arange(300, 4001, 20)
    return evidence(
        **compare_frequencies(np.array(k), config.trials, exact, config.tests, ("point",)),
        **compare_published(frequency, published.FP_TRIALS, printed_exact, 29, ("printed",)),
        a=(("point",), a),
        n=(("point",), n),
        published_a=(("printed",), printed_a),
        published_n=(("printed",), printed_n),
        published_exact=(("printed",), printed_exact),
        curve_fp=(("curve_a", "curve_n"), DendriticSegment(curve, np.array(active)[:, None], s, theta).fp()),
        coords={"curve_a": list(active), "curve_n": curve.tolist()},
        notes={"entropy": list(entropy_of(key)), "trials": config.trials},
    )


PAPER_RATES = [5e-4, 1e-4, 5e-6, 3e-6]
"""Published for 2 x 2048 units; chosen there for each model."""

COMPARISON: dict[str, Setting] = {
    "dataset": "mnist",
    "tasks": 10,
    "train": 60_000,
    "test": 2000,
    "hidden": 512,
    "batch": 128,
    "epochs": [1, 1, 1, 1],
}
"""Data and budget of the continual-learning models; a list has an entry for each model, in the order of MODELS.

There is no quick scale: with three tasks of 4000 images an MLP forgets so little that nothing can be gained over it."""

SEARCH, VERDICT = 1, 2
"""Folded into the key, so that learning rates are chosen on seeds (networks and tasks) that no verdict uses."""


@study.experiment(
    full={"seeds": 5, **COMPARISON, "rates": [1e-3, 3e-4, 1e-4, 1e-4]},
    paper={"seeds": 8, "test": 10_000, "hidden": 2048, "batch": 256, "epochs": [3, 5, 5, 5], "rates": PAPER_RATES},
    data=("mnist",),
)
def continual(config: Config, key: Any) -> Evidence:
    """Four networks learn permuted MNIST task after task: dendrites with sparse activity, either alone, an MLP."""
    learners, of_verdict = _learners(config), jax.random.fold_in(key, VERDICT)
    score = np.empty((len(MODELS), config.tasks, config.tasks, config.seeds), np.float32)
    right = np.empty(config.seeds)
    for seed in range(config.seeds):
        tasks, for_seed = _tasks(config, of_verdict, seed)
        for m, learner in enumerate(learners):
            training, history = learn_in_sequence(
                learner, tasks, config.rates[m], for_seed, config.epochs[m], config.batch
            )
            score[m, ..., seed] = 100 * np.asarray(history.score[..., 0])
            if m == 0:
                right[seed] = 100 * recognised(training, tasks)
    average = np.stack([average_score(jnp.asarray(of_model)) for of_model in score])  # [model, seed]
    names = [name.lower().replace(" ", "_") for name in MODELS]
    accuracy: dict[str, Any] = {name: ("seed", average[m]) for m, name in enumerate(names)}
    gains: dict[str, Any] = {
        f"gain_over_{name}": ("seed", average[0] - average[m]) for m, name in enumerate(names) if m
    }
    return evidence(
        score=(("model", "learned", "tested", "seed"), score),
        average=(("model", "seed"), average),
        backward_transfer=(("model", "seed"), np.stack([backward_transfer(jnp.asarray(m)) for m in score])),
        right_context=(("seed",), right),
        **accuracy,
        **gains,
        coords={
            "model": list(MODELS),
            "learned": list(range(1, config.tasks + 1)),
            "tested": list(range(1, config.tasks + 1)),
        },
        units=dict.fromkeys(("score", "average", "right_context", *names), "%")
        | dict.fromkeys(("backward_transfer", *gains), "points"),
    )


@study.experiment(full={"seeds": 1, **COMPARISON, "rates": [3e-5, 1e-4, 3e-4, 1e-3, 2e-3]}, data=("mnist",))
def learning_rates(config: Config, key: Any) -> Evidence:
    """The search for each network's learning rate, on other seeds than those of the comparison."""
    learners, of_search = _learners(config), jax.random.fold_in(key, SEARCH)
    accuracy = np.empty((len(MODELS), len(config.rates), config.seeds))
    for seed in range(config.seeds):
        tasks, for_seed = _tasks(config, of_search, seed)
        for m, learner in enumerate(learners):
            scores = rate_scores(learner, config.rates, tasks, for_seed, config.epochs[m], config.batch)
            accuracy[m, :, seed] = 100 * scores
    best = accuracy.mean(axis=2).argmax(axis=1)
    return evidence(
        accuracy=(("model", "rate", "seed"), accuracy),
        best=(("model",), np.array(config.rates)[best]),
        coords={"model": list(MODELS), "rate": config.rates},
        units={"accuracy": "%"},
        notes={"tasks": config.tasks, "train": config.train},
    )


def _tasks(config: Config, key: Any, seed: int) -> tuple[list[Task], Any]:
    """The tasks of a seed, and its key for networks and batches."""
    for_tasks, for_networks = jax.random.split(jax.random.fold_in(key, seed))
    size = {"train": config.train, "test": config.test}
    return permuted_mnist(config.tasks, for_tasks, dataset=config.dataset, **size), for_networks


def _learners(config: Config) -> list[Learner]:
    sizes = (784, config.hidden, config.hidden, 10)
    return [component_learner(model, sizes, config.tasks) for model in MODELS]


def _stream(sequence: np.random.SeedSequence) -> np.random.Generator:
    """SFC64 from one of the seed sequences that were spawned from the run's key."""
    return np.random.Generator(np.random.SFC64(sequence))


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and R squared of a straight line."""
    slope, offset = np.polyfit(x, y, 1)
    return float(slope), float(1 - ((y - offset - slope * x) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def _largest_error(grid: Sweep) -> float:
    """Largest relative error of the log-space sweep against exact rationals."""
    worst = 0.0
    for i, j, k in np.ndindex(grid.log_fp.shape[:3]):
        row = grid.log_fp[i, j, k]
        exact = fp_tails_exact(int(row.n), int(row.a), int(row.s))
        for theta, log_p in zip(row.theta.values, row.values, strict=True):
            p = float(exact[theta]) if theta < len(exact) else 0.0
            worst = max(worst, abs(np.exp(log_p) / p - 1) if p else float(np.exp(log_p)))
    return worst


def _patterns_held(synapses: int) -> int:
    """Most patterns of 25 of 20 000 cells whose union has at most so many synapses on average; exact."""
    M = 0
    while 20_000 * (1 - (1 - Fraction(25, 20_000)) ** (M + 1)) <= synapses:
        M += 1
    return M
