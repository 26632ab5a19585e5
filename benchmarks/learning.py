"""How fast learners learn: seeds side by side against one seed, and what a credit rule costs beside the gradient.

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


def main() -> None:
    """Time every rule with one seed and with ten; write the table."""
    tasks = Combination("backprop").tasks()
    rows: list[dict[str, Any]] = []
    for rule in RULES:
        one, many = epoch(rule, 1, tasks), epoch(rule, SEEDS, tasks)
        ratio = many["seconds"] / one["seconds"]
        rows.append({"what": f"{rule}: one seed, an epoch of {len(tasks[0].inputs)} digits", **one})
        rows.append({"what": f"{rule}: {SEEDS} seeds side by side", **many})
        rows.append({"what": f"{rule}: ten seeds against one", "ratio": ratio, "target": 4.0, "met": ratio < 4})
    write("learning", rows, "optax", "equinox")
    for row in rows:
        print("  ".join(f"{key} {value:.4g}" if isinstance(value, float) else str(value) for key, value in row.items()))


if __name__ == "__main__":
    main()
