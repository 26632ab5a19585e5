"""How fast PSPM fits, on one core, next to the same loop in NumPy.

Work: 40 fits side by side (8 seeds x 5 arms, 40 neurons, 500 steps of 1 ms, 150 epochs), CPU time per fit, compile time
apart; the distance is watched every tenth epoch. The peer is one fit as one would write it in NumPy and Python: one
matrix product a step, the pairing by its table, the pool by slices, for some epochs and multiplied.
Targets: at most 0.33 s of CPU a fit (three times a C program that does one fit at a time, 0.11 s on another machine),
and at least ten times less than the NumPy loop.
Run: python benchmarks/pspm.py  (writes benchmarks/results/pspm.json)
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from measuring import against, write

from symplast.lab.jax_setup import CompileClock
from symplast.pspm import LIFParams, Rule, draw_drive, draw_weights, inhibitory_cells
from symplast.pspm.fitting import run_lanes, side_by_side
from symplast.pspm.rule import ARMS, train_lanes
from symplast.spiking import pair_spikes

UNITS, STEPS, EPOCHS, SEEDS, PEER_EPOCHS = 40, 500, 150, 8, 10
PARAMS = LIFParams()


def problem() -> tuple[Any, ...]:
    """Targets and drives (steps, seeds, units), starts (seeds, units, units), keys."""
    inhibitory = inhibitory_cells(UNITS)

    def one(key: jax.Array) -> tuple[jax.Array, ...]:
        a, b, c, d = jax.random.split(key, 4)
        drive = draw_drive(a, STEPS, UNITS)
        return drive, draw_weights(b, inhibitory), draw_weights(c, inhibitory, 0.048), d

    drive, W, start, keys = jax.vmap(one)(jax.random.split(jax.random.key(0), SEEDS))
    drive = jnp.moveaxis(drive, 0, 1)
    return run_lanes(W, drive, PARAMS), drive, start, keys, inhibitory


def ours() -> dict[str, Any]:
    """CPU seconds of a fit among 40."""
    target, drive, start, keys, inhibitory = problem()
    arms = [side_by_side(target, drive, inhibitory, arm, keys) for arm in ARMS]
    taken = []
    with CompileClock() as clock:
        jax.block_until_ready(train_lanes(Rule(), PARAMS, arms[0], start, EPOCHS, 10))
    for _ in range(3):
        begin = time.process_time()
        for lanes in arms:
            jax.block_until_ready(train_lanes(Rule(), PARAMS, lanes, start, EPOCHS, 10))
        taken.append(time.process_time() - begin)
    return {"seconds": float(np.median(taken)) / (len(arms) * SEEDS), "compile_seconds": clock.seconds}


def numpy_epoch(W: np.ndarray, target: np.ndarray, drive: np.ndarray, inhibitory: np.ndarray, rng: Any) -> np.ndarray:
    """One epoch of one fit."""
    v, waiting, fired = np.zeros(UNITS), np.zeros(UNITS, int), np.zeros(UNITS)
    spikes = np.zeros((STEPS, UNITS), bool)
    for t, current in enumerate(drive):
        ready = waiting == 0
        v = np.where(ready, v + (current - v) / PARAMS.tau_ms + W @ fired, 0.0)
        spikes[t] = ready & (v >= 1)
        waiting = np.where(spikes[t], PARAMS.n_ref, np.maximum(waiting - 1, 0))
        v[spikes[t]] = 0
        fired = spikes[t].astype(float)
    change, off = np.zeros_like(W), np.zeros(UNITS)
    for i in range(UNITS):
        a, b = np.flatnonzero(target[:, i]).astype(float), np.flatnonzero(spikes[:, i]).astype(float)
        pairing = pair_spikes(a, b, 5.0)
        for times, sign in ((pairing.missing, 1), (pairing.extra, -1)):
            for at in times.astype(int):
                pool = spikes[max(at - 10, 0) : at].any(axis=0) & (rng.random(UNITS) < 0.5)
                change[i] += sign * pool * 0.005 * rng.random(UNITS)
        off[i] = 0.02 * (a.size - b.size) / max(a.size, b.size, 1)
    np.fill_diagonal(change, 0)
    for step in (change, None):
        W = W + (off[:, None] * np.abs(W) if step is None else step)
        W = np.where(inhibitory, np.minimum(W, 0), np.maximum(W, 0))
    return W


def numpy_loop() -> float:
    """CPU seconds of one whole fit in NumPy."""
    target, drive, start, _, inhibitory = problem()
    target, drive = np.asarray(target)[:, 0], np.asarray(drive, np.float64)[:, 0]
    W, rng = np.asarray(start[0], np.float64), np.random.default_rng(0)
    begin = time.process_time()
    for _ in range(PEER_EPOCHS):
        W = numpy_epoch(W, target, drive, inhibitory, rng)
    return (time.process_time() - begin) / PEER_EPOCHS * EPOCHS


def main() -> None:
    """Measure and write."""
    mine, peer = ours(), numpy_loop()
    ratio = peer / mine["seconds"]
    rows = [
        {"what": "one of 40 fits", **mine, "target": 0.33, "met": mine["seconds"] <= 0.33},
        {"what": "one fit, NumPy loop", "seconds": peer},
        against("one fit", "NumPy loop", ratio, target=10),
    ]
    write("pspm", rows, clock="CPU time")


if __name__ == "__main__":
    main()
