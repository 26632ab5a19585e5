"""How fast signalling entropy and the simulator are, on one core.

Work: 100 cells on the human network (N = 8393, E = 300 916), against a dense NumPy transcription of the released
per-cell formula, which holds N x N matrices (SCENT and LandSCENT do so in R). Target: at least 100 times faster a cell.
Memory: 100 000 cells read in blocks, peak of the process below 4 GB.
Simulator: 6 graphs, 3 strategies, 33 doses at one temperature; target 0.5 s.
Run: python benchmarks/molecular.py  (writes benchmarks/results/molecular.json; needs the data set molecular-networks)
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from measuring import RESULTS, against, write

from symplast.molecular import Expression, drug, drug_response, modular_scale_free, signalling_entropy
from symplast.molecular.cohorts import cohort
from symplast.molecular.entropy import entropy_of
from symplast.molecular.strategies import random_cell

CELLS = 100_000


def dense_cell(A: np.ndarray, x: np.ndarray) -> float:
    """The released package's steps for one cell, in NumPy: weights, steps, stationary law, local entropies."""
    w = A * x[None, :]
    sums = w.sum(axis=1)
    p = w / sums[:, None]
    pi = x * sums / (x @ sums)
    logs = np.zeros_like(p)
    np.log(p, out=logs, where=p > 0)
    return float(pi @ -(p * logs).sum(axis=1))


def cpu(call: Any, repeats: int = 5) -> float:
    """Median CPU seconds of a call, after one that is not counted."""
    call()
    taken = []
    for _ in range(repeats):
        begin = time.process_time()
        call()
        taken.append(time.process_time() - begin)
    return float(np.median(taken))


def entropy_rows() -> list[dict[str, Any]]:
    """A cell by two sparse products and by dense matrices; a hundred thousand cells in blocks."""
    matched = cohort("chu").matched
    ours = cpu(lambda: entropy_of(matched, max_sr=False)) / 100
    A, x = matched.network.adjacency.toarray(), matched.whole()[:, 0]
    begin = time.process_time()
    dense = dense_cell(A, x)
    taken = time.process_time() - begin
    del A
    error = abs(dense - entropy_of(matched).raw[0])
    return [
        {"what": "seconds a cell, two sparse products", "value": ours, "unit": "s"},
        {"what": "seconds a cell, dense transcription in NumPy", "value": taken, "unit": "s"},
        against("entropy of a cell", "dense transcription in NumPy", taken / ours, target=100),
        {"what": "largest difference to it", "value": error, "unit": "nats"},
    ]


def block_row(cells: int) -> dict[str, Any]:
    """Peak memory of many cells that are never in memory at once; run apart from the dense peer."""
    matched = cohort("chu").matched
    base = matched.whole()
    table = Expression(
        matched.network.nodes,
        tuple(map(str, range(cells))),
        lambda start, stop: base[:, np.arange(start, stop) % base.shape[1]],
    )
    begin = time.process_time()
    signalling_entropy(matched.network, table, log="none")
    taken = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    what = f"peak memory of the process, {cells} cells in blocks"
    return {"what": what, "value": peak, "unit": "GiB", "seconds": taken, "target": 4, "met": peak < 4}


def simulator_row() -> dict[str, Any]:
    """6 graphs, 3 strategies, 33 doses, one temperature."""
    made = []
    for seed in range(6):
        cell, own = random_cell(lambda key: modular_scale_free(key=key), jax.random.key(0), seed)
        kinds = (("central", 6), ("influence", 36), ("random", 36))
        made.append((cell, [drug(cell, name, k, key=own) for name, k in kinds]))
    taken = cpu(lambda: [drug_response(cell, drugs, 0.5) for cell, drugs in made])
    return {
        "what": "6 graphs x 3 strategies x 33 doses",
        "value": taken,
        "unit": "s",
        "target": 0.5,
        "met": taken < 0.5,
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Time signalling entropy next to its dense form, and the simulator.")
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--out", type=Path, default=RESULTS / "molecular.json")
    given = parser.parse_args()
    rows = [block_row(given.cells), simulator_row(), *entropy_rows()]
    write("molecular", rows, "scipy", out=given.out, clock="CPU time")


if __name__ == "__main__":
    main()
