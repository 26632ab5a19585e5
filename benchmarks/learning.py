"""How fast learners learn: seeds side by side against one seed, and what a credit rule costs next to the gradient.

Work: epochs of the built-in digits in batches of 50, networks 64-64-10, on all cores that this process may use. Compile
time is reported apart. Target: ten seeds side by side cost less than 4x one seed on two cores.
Run: python benchmarks/learning.py  (writes benchmarks/results/learning.json)
"""

import os
import statistics
import time
from typing import Any

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
from measuring import write

from symplast.lab.jax_setup import CompileClock
from symplast.learning import Task, begin, train
from symplast.learning.combination import Combination

SEEDS = 10
REPEATS = 9
RULES = ("backprop", "fa", "dfa", "ep", "rbp")


def epoch(rule: str, seeds: int, tasks: list[Task]) -> dict[str, float]:
    """Median seconds of an epoch of all seeds, and what the first one spent on compiling."""
    learner = Combination(rule, hidden=(64,)).learner(tasks)
    training = begin(learner, jax.random.key(0), seeds)
    with CompileClock() as clock:
        training, _ = train(learner, tasks[0], training, 1, 50)
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        training, _ = train(learner, tasks[0], training, 1, 50)
        taken.append(time.perf_counter() - start)
    return {"seconds": statistics.median(taken), "compile_seconds": clock.seconds}


def products(seeds: int, steps: int = 400) -> float:
    """CPU-seconds of a product of 50 rows with a 64 x 64 matrix: of one seed, or of all in one batched product."""
    r = jax.random.normal(jax.random.key(0), (seeds, 50, 64))
    w = jax.random.normal(jax.random.key(1), (seeds, 64, 64)) / 10
    if seeds == 1:
        r, w = r[0], w[0]
    repeated = jax.jit(lambda r, w: jax.lax.fori_loop(0, steps, lambda _, a: 1.0001 * (a @ w.mT), r))
    jax.block_until_ready(repeated(r, w))
    taken = []
    for _ in range(REPEATS):
        start = time.process_time()
        jax.block_until_ready(repeated(r, w))
        taken.append(time.process_time() - start)
    return min(taken) / steps


def product_rows() -> list[dict[str, Any]]:
    """How fast batched and single products run: what they leave is all that seeds side by side can win."""
    work, one, many = 2e-9 * 50 * 64 * 64, products(1), products(SEEDS)
    return [
        {"what": "Gflop/s a core of one product, 50 x 64 x 64", "value": work / one, "seconds": one},
        {"what": f"Gflop/s a core of {SEEDS} products as one", "value": SEEDS * work / many, "seconds": many},
    ]


def main() -> None:
    """Time every rule with one seed and with ten; write the table."""
    tasks = Combination("backprop").tasks()
    rows = product_rows()
    for rule in RULES:
        one, many = epoch(rule, 1, tasks), epoch(rule, SEEDS, tasks)
        ratio = many["seconds"] / one["seconds"]
        rows.append({"what": f"{rule}: one seed, an epoch of {len(tasks[0].inputs)} digits", **one})
        rows.append({"what": f"{rule}: {SEEDS} seeds side by side", **many})
        rows.append({"what": f"{rule}: ten seeds against one", "ratio": ratio, "target": 4.0, "met": ratio < 4})
    write("learning", rows, "optax", "equinox")


if __name__ == "__main__":
    main()
