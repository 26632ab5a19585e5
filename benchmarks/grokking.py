"""How fast a training step of modular addition is, on one core, next to the authors' way of doing it.

Work: full-batch steps of the paper's set-ups (p = 23, 512 neurons; with ``--large`` also p = 97, 1024 neurons), CPU
time a step, compile time apart; ``grokking`` with losses and accuracies on training and test pairs every ten steps. The
peers do what the authors' trainer does: one-hot rows through dense products, ordered pairs, loss and accuracy on both
sets at every step (four forward passes). They are written here, in PyTorch (``--peer-python``, a Python that has it)
and in NumPy, which is always measured.
Peer and ours take turns. ``products_ms``: the four matrix products of a step alone, by the same library.
Targets against the PyTorch trainer: at least 4x on standard, 7x on quad_random, 4x on grokking. The spec's own
measurement of it, on another machine, was 8.55, 9.08 and 7.26 ms a step.
Run: python benchmarks/grokking.py --peer-python .venv-torch/bin/python  (writes benchmarks/results/grokking.json)
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from measuring import RESULTS, against, write

from symplast.grokking import SETUPS, predict_winners, train
from symplast.grokking.training import first_of
from symplast.lab.jax_setup import CompileClock

TARGETS = {"standard": 4, "quad_random": 7, "grokking": 4}
TURNS = 5
STEPS = {"standard": 400, "quad_random": 400, "grokking": 400, "p97": 10}

PEER = """
import json, sys, time
import torch
torch.set_num_threads(1)
found = {"torch": torch.__version__, "ms": {}}
for name, p, width, square, decay, share, steps in json.loads(sys.argv[1]):
    torch.manual_seed(0)
    pairs = torch.cartesian_prod(torch.arange(p), torch.arange(p))[torch.randperm(p * p)]
    cut = int(share * p * p)
    train, test = pairs[:cut], pairs[cut:] if share < 1 else pairs
    rows = lambda q: torch.nn.functional.one_hot(q, p).float().sum(dim=1)
    sets = [(rows(q), q.sum(dim=1) % p) for q in (train, test)]
    theta = torch.nn.Parameter(0.1 / p ** 0.5 * torch.randn(width, p))
    xi = torch.nn.Parameter(0.1 / p ** 0.5 * torch.randn(p, width))
    optimiser = torch.optim.AdamW([theta, xi], lr=5e-5, weight_decay=decay, betas=(0.9, 0.98))
    act = (lambda z: z * z) if square else torch.relu
    logits = lambda x: act(x @ theta.T) @ xi.T
    cross = torch.nn.functional.cross_entropy
    def step():
        loss = cross(logits(sets[0][0]), sets[0][1])
        optimiser.zero_grad(); loss.backward(); optimiser.step()
        with torch.no_grad():
            cross(logits(sets[1][0]), sets[1][1])
            for x, label in sets:
                (logits(x).argmax(dim=1) == label).float().mean()
    for _ in range(5): step()
    begin = time.process_time()
    for _ in range(steps): step()
    found["ms"][name] = 1e3 * (time.process_time() - begin) / steps
print(json.dumps(found))
"""


def ours(name: str) -> dict[str, Any]:
    """Milliseconds of CPU a step, and seconds of compiling."""
    setup, steps = SETUPS[name], STEPS[name]
    net, task = first_of(setup, jax.random.key(0))
    every = 10 if name == "grokking" else steps
    with CompileClock() as clock:
        train(net, task, setup.optimizer, 2, 2)
    taken = []
    for _ in range(3):
        begin = time.process_time()
        train(net, task, setup.optimizer, steps, every)
        taken.append(1e3 * (time.process_time() - begin) / steps)
    return {"ms_a_step": statistics.median(taken), "compile_seconds": clock.seconds}


def in_numpy(name: str, steps: int) -> float:
    """Milliseconds of CPU a step of the authors' way in NumPy."""
    setup, p = SETUPS[name], SETUPS[name].p
    net, task = first_of(setup, jax.random.key(0))
    theta, xi = (np.array(w, dtype=np.float32) for w in (net.theta, net.xi))
    moments = [np.zeros_like(theta), np.zeros_like(xi), np.zeros_like(theta), np.zeros_like(xi)]
    sets = []
    for pairs in (task.train_pairs, task.test_pairs if len(task.test_pairs) else task.train_pairs):
        rows = np.zeros((len(pairs), p), np.float32)
        np.add.at(rows, (np.arange(len(pairs)), pairs[:, 0]), 1)
        np.add.at(rows, (np.arange(len(pairs)), pairs[:, 1]), 1)
        sets.append((rows, pairs.sum(axis=1) % p))
    square = setup.activation == "square"

    def forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        drive = x @ theta.T
        hidden = drive * drive if square else np.maximum(drive, 0)
        return drive, hidden, hidden @ xi

    def loss(x: np.ndarray, label: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        drive, hidden, logits = forward(x)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return float(-np.log(shares[np.arange(len(label)), label]).mean()), drive, hidden, shares

    begin = time.process_time()
    for step in range(1, steps + 1):
        (x, label), test = sets
        _, drive, hidden, error = loss(x, label)
        error[np.arange(len(label)), label] -= 1
        error /= len(label)
        back = (error @ xi.T) * (2 * drive if square else drive > 0)
        for i, (w, slope) in enumerate(((theta, back.T @ x), (xi, hidden.T @ error))):
            moments[i] += 0.1 * (slope - moments[i])
            moments[2 + i] += 0.02 * (slope * slope - moments[2 + i])
            w -= 5e-5 * (moments[i] / (1 - 0.9**step)) / (np.sqrt(moments[2 + i] / (1 - 0.98**step)) + 1e-8)
        loss(*test)
        for rows, right in sets:
            (forward(rows)[2].argmax(axis=1) == right).mean()
    return 1e3 * (time.process_time() - begin) / steps


def in_torch(python: str, names: list[str]) -> dict[str, Any]:
    """The PyTorch trainer's milliseconds a step, by set-up."""
    work = []
    for name in names:
        setup = SETUPS[name]
        square, decay = setup.activation == "square", setup.optimizer.weight_decay
        work.append([name, setup.p, setup.width, square, decay, setup.frac_train, min(STEPS[name], 200)])
    done = subprocess.run([python, "-c", PEER, json.dumps(work)], capture_output=True, text=True, env=os.environ)
    if done.returncode:
        raise SystemExit(f"the peer failed: {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def products(name: str) -> float:
    """Milliseconds of CPU of a step's four matrix products alone: what is left if all else cost nothing."""
    setup, rng = SETUPS[name], np.random.default_rng(0)
    _, task = first_of(setup, jax.random.key(0))
    rows = len(task.rows(True).x)
    z, xi, error, sums = (
        jax.device_put(rng.random(shape, dtype=np.float32))
        for shape in ((rows, setup.width), (setup.p, setup.width), (rows, setup.p), (setup.p, rows))
    )

    @jax.jit
    def four(z: jax.Array, xi: jax.Array, error: jax.Array, sums: jax.Array) -> tuple[jax.Array, ...]:
        return z @ xi.T, error.T @ z, sums @ (error @ xi)

    jax.block_until_ready(four(z, xi, error, sums))
    begin = time.process_time()
    for _ in range(100):
        jax.block_until_ready(four(z, xi, error, sums))
    return 10 * (time.process_time() - begin)


def prediction() -> float:
    """CPU seconds of all 512 x 11 blow-up times, decoding included."""
    net, _ = first_of(SETUPS["quad_sgd"], jax.random.key(0))
    taken = []
    for _ in range(5):
        begin = time.process_time()
        predict_winners(net.theta, net.xi)
        taken.append(time.process_time() - begin)
    return statistics.median(taken)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", help="a Python with PyTorch")
    parser.add_argument("--large", action="store_true", help="also p = 97 with 1024 neurons")
    parser.add_argument("--out", type=Path, default=RESULTS / "grokking.json")
    options = parser.parse_args()
    names = [*TARGETS, *(["p97"] if options.large else [])]
    rows = []
    peer: dict[str, Any] = {}
    for name in names:
        row: dict[str, Any] = {"what": name, **ours(name), "products_ms": products(name)}
        row["numpy_ms_a_step"] = in_numpy(name, min(STEPS[name], 50))
        rows.append(against(f"step of {name}", "NumPy", row["numpy_ms_a_step"] / row["ms_a_step"]))
        if options.peer_python:  # in turns, so that a busy machine slows both
            turns = []
            for _ in range(TURNS):
                peer = in_torch(options.peer_python, [name])
                turns.append((peer["ms"][name], ours(name)["ms_a_step"]))
            row["torch_ms_a_step"], row["ms_a_step"] = (statistics.median(each) for each in zip(*turns, strict=True))
            ratios = [theirs / own for theirs, own in turns]
            rows.append(against(f"step of {name}", "PyTorch, the authors' way", ratios, target=TARGETS.get(name)))
        rows.append(row)
    rows.append({"what": "all blow-up times of 512 neurons", "seconds": prediction()})
    write("grokking", rows, "scipy", out=options.out, peers={"torch": peer.get("torch", "not measured")})


if __name__ == "__main__":
    main()
