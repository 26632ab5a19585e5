"""How fast optimal gains, the online rule and whitening are, on one core, next to NumPy written for speed.

Work: optimal gains of 100 ensembles (255 neurons, 511 stimuli), once with tuning whose rank is low (von Mises, which is
recognised when the circuit is built) and once with a drive of full rank; the online rule (91 neurons), one run and 20
side by side; 200 updates of a whitener (32 neurons, 528 interneurons), offline and online with batches of 64.
Peers, in NumPy: a loop over ensembles that shares A and M; a loop over stimuli that precomputes A and M^T D^T X, and
one that solves the network and its transpose at each stimulus; the steps of the reference code of adaptive whitening
(github.com/lyndond/frame_whitening: explicit inverses, gains as diagonal matrices), written here with the leak.
Each pair is timed in turn, several times over; the median ratio of the pairs counts. CPU time, compile time apart.
Targets: at least 1x at full rank and 3x at low rank; at least 5x (precomputing loop) and 30x (solving loop) online; at
least 3x whitening.
Run: python benchmarks/gain_control.py  (writes benchmarks/results/gain_control.json)
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from measuring import RESULTS, against, write
from scipy.linalg import cho_factor, cho_solve

from symplast.gain_control import (
    FrameWhitener,
    GainCircuit,
    OrientationPopulation,
    adapt_online,
    biased_box,
    frames,
    optimal_gains,
)
from symplast.lab.jax_setup import CompileClock

PAIRS = 7


def cpu(call: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    begin = time.process_time()
    jax.block_until_ready(call())
    return time.process_time() - begin


def pairs(
    what: str, who: str, target: float, ours: Callable[[], Any], peer: Callable[[], Any], share: float = 1.0
) -> dict[str, Any]:
    """Time both in turn; ``share`` is how much of our work the peer does."""
    jax.clear_caches()
    with CompileClock() as clock:
        ours()
    peer()
    times = [(cpu(ours), cpu(peer) / share) for _ in range(PAIRS)]
    ratios = [peer_s / own_s for own_s, peer_s in times]
    own, other = (float(np.median([pair[i] for pair in times])) for i in range(2))
    more = {"seconds": own, "peer_seconds": other, "compile_seconds": clock.seconds}
    return against(what, who, ratios, target=target, **more)


def ensembles_rows() -> list[dict[str, Any]]:
    """100 ensembles at 255 neurons and 511 stimuli."""
    population = OrientationPopulation(255, 511)
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(511), 100)
    rows = []
    for name, F, target in (
        ("low rank", np.asarray(population.drive), 3.0), ("full rank", rng.uniform(0, 1, (255, 511)), 1.0),
    ):  # fmt: skip
        circuit = GainCircuit(F, population.weights)
        M = np.linalg.inv(np.eye(255) - population.weights)
        D = np.eye(255) - population.weights
        A = M.T @ (D.T @ D + 2.0 * np.eye(255)) @ M
        along = F * ((D @ M).T @ F)

        def loop(F: Any = F, A: Any = A, along: Any = along) -> Any:
            found = []
            for row in p:
                H = A * ((F * row) @ F.T)
                H[np.diag_indices(255)] += 1.0
                found.append(cho_solve(cho_factor(H), along @ row + 1.0))
            return np.array(found)

        assert np.abs(np.asarray(optimal_gains(circuit, p).g) - loop()).max() < 1e-9
        rank = 255 if circuit.factors is None else circuit.factors.U.shape[1]
        row = pairs(
            f"100 ensembles, drive of {name}", "a NumPy loop", target, lambda c=circuit: optimal_gains(c, p).g, loop
        )
        rows.append({**row, "rank": rank})
    return rows


def online_rows(steps: int = 20_000) -> list[dict[str, Any]]:
    """Stimuli of the online rule at 91 neurons."""
    population = OrientationPopulation()
    circuit = population.circuit()
    p = biased_box(population.stimuli, 0.35)
    F, W = np.asarray(population.drive), np.asarray(population.weights)
    M, D = np.linalg.inv(np.eye(91) - W), np.eye(91) - W
    A, back = M.T @ (D.T @ D + 2 * np.eye(91)) @ M, M.T @ D.T @ F
    idx = np.random.default_rng(0).choice(181, steps, p=p)
    few = steps // 20

    def precomputing() -> Any:
        g = np.ones(91)
        drives, backs = np.ascontiguousarray(F.T), np.ascontiguousarray(back.T)
        for m in idx:
            f = drives[m]
            g = g - 0.02 * (f * (A @ (g * f) - backs[m]) + (g - 1.0))
        return g

    def solving() -> Any:
        g, eye = np.ones(91), np.eye(91)
        for m in idx[:few]:
            f = F[:, m]
            r = np.linalg.solve(eye - W, g * f)
            error = np.linalg.solve((eye - W).T, D.T @ (D @ r) + 2.0 * r - D.T @ f)
            g = g - 0.02 * (f * error + (g - 1.0))
        return g

    one = lambda: adapt_online(circuit, p, stim_idx=idx, records=10).g  # noqa: E731
    assert np.abs(np.asarray(one())[-1] - precomputing()).max() < 1e-8
    keys = jax.random.split(jax.random.key(0), 20)
    many = lambda: adapt_online(circuit, p, key=keys, steps=steps, records=10).g  # noqa: E731
    rows = [
        pairs("online rule, one run", "the precomputing loop", 5.0, one, precomputing),
        pairs("online rule, 20 runs", "the precomputing loop", 5.0, many, precomputing, 1 / 20),
        pairs("online rule, one run", "the solving loop", 30.0, one, solving, few / steps),
    ]
    for row, runs in zip(rows, (1, 20, 1), strict=True):
        row["microseconds_a_stimulus"] = 1e6 * row["seconds"] / steps / runs
    return rows


def whitening_rows() -> list[dict[str, Any]]:
    """200 updates at 32 neurons and 528 interneurons."""
    n = 32
    W = frames.random_unit(n, key=jax.random.key(0))
    rng = np.random.default_rng(0)
    B = rng.standard_normal((n, n))
    C = B @ B.T / n + 0.1 * np.eye(n)
    x = rng.multivariate_normal(np.zeros(n), C, (200, 64))
    start = FrameWhitener(W)

    def response(g: np.ndarray) -> np.ndarray:
        return np.linalg.inv(np.eye(n) + W @ np.diag(g) @ W.T)

    def offline() -> Any:
        g, errors = np.ones(W.shape[1]), []
        for _ in range(200):
            T = response(g)
            Cyy = T @ C @ T.T
            errors.append(((Cyy - np.eye(n)) ** 2).sum() / n**2)
            g = g + 5e-3 * (np.diag(W.T @ Cyy @ W) - 1)
        return g

    def online() -> Any:
        g = np.ones(W.shape[1])
        for batch in x:
            z = W.T @ (response(g) @ batch.T)
            g = g + 5e-3 * ((z**2).mean(axis=1) - 1)
        return g

    assert np.abs(start.fit(C, eta=5e-3, steps=200).g - offline()).max() < 1e-8
    assert np.abs(start.partial_fit(x.reshape(-1, n), batch=64).g - online()).max() < 1e-8
    return [
        pairs(
            "whitening, 200 offline updates", "a NumPy loop", 3.0, lambda: start.fit(C, eta=5e-3, steps=200).g, offline
        ),
        pairs(
            "whitening, 200 online updates",
            "a NumPy loop",
            3.0,
            lambda: start.partial_fit(x.reshape(-1, n), batch=64).g,
            online,
        ),
    ]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Time optimal gains, the online rule and whitening next to NumPy.")
    parser.add_argument("--out", type=Path, default=RESULTS / "gain_control.json")
    given = parser.parse_args()
    with jax.enable_x64(True):
        rows = [*ensembles_rows(), *online_rows(), *whitening_rows()]
    write("gain_control", rows, "scipy", out=given.out, clock="CPU time", note="a busy machine: read ratios of pairs")


if __name__ == "__main__":
    main()
