"""How fast a network of 400 cells learns and answers, on one core.

Work: MNIST images in file order, 784 inputs, 400 hidden cells, steps of 0.5 ms; a presentation is 350 ms of image and
150 ms of rest with plasticity of both projections, spikes drawn within the time measured. Prediction: 350 ms, weights
frozen. CPU time on one thread, since other jobs on the machine slow the loop; compile time apart. Both backends, and
100 cells as well.
Targets (N = 400): JAX at least 60 presentations/s and 200 images/s; Numba at least 350 presentations/s.
BindsNET's network of this size and step is timed in benchmarks/spiking.py.
Run: python benchmarks/sym_stdp.py [--images 340]  (writes benchmarks/results/sym_stdp.json)
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import argparse
import importlib.util
import time
from pathlib import Path
from typing import Any

import jax
from measuring import write

from symplast.sym_stdp import SymSTDPClassifier, SymSTDPConfig
from symplast.sym_stdp.trials import Pictures, pictures

TARGETS = {
    ("jax", "training"): 60,
    ("jax", "prediction"): 200,
    ("numba", "training"): 350,
}
AT = 400


def rates(backend: str, n_hidden: int, shown: Pictures) -> list[dict[str, Any]]:
    """Presentations a second while learning, and images a second while answering."""
    config = SymSTDPConfig.preset(f"mnist-{n_hidden}")
    net = SymSTDPClassifier(784, n_hidden, 10, config, jax.random.key(0), backend=backend)
    rows = []
    for work in ("training", "prediction"):
        begin = time.process_time()
        _once(net, work, shown, slice(0, 40))
        first = time.process_time() - begin
        begin, before = time.process_time(), net.presentations
        _once(net, work, shown, slice(40, None))
        taken = time.process_time() - begin
        done = net.presentations - before if work == "training" else len(shown.X) - 40
        value, unit = done / taken, "presentations/s" if work == "training" else "images/s"
        compiling = max(first - 40 * taken / (len(shown.X) - 40), 0.0)
        row = {"work": f"{work}, N = {n_hidden}", "who": f"symplast, {backend}", "value": value, "unit": unit}
        target = TARGETS.get((backend, work)) if n_hidden == AT else None
        row |= {"compile_seconds": compiling}
        rows.append(row if target is None else row | {"target": target, "met": value >= target})
    return rows


def _once(net: SymSTDPClassifier, work: str, shown: Pictures, part: slice) -> None:
    if work == "training":
        net.partial_fit(shown.X[part], shown.y[part])
    else:
        net.respond(shown.X[part])


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=340, help="40 of them are not counted")
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/sym_stdp.json")
    options = parser.parse_args()
    if options.images <= 40:
        parser.error("--images must be more than 40")
    shown = pictures("mnist", options.images, 10)
    backends = ["jax", "numba"] if importlib.util.find_spec("numba") else ["jax"]
    rows = [row for backend in backends for n in (100, AT) for row in rates(backend, n, shown)]
    write("sym_stdp", rows, "numba", out=options.out)


if __name__ == "__main__":
    main()
