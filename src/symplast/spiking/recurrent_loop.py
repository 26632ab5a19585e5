"""A recurrent network as one compiled loop, by Numba: all cells, then the connections of the few that fired.

Cells go by blocks that stay in the nearest cache; within a block nothing branches, so that the loop runs on vectors.
"""

import inspect
from typing import Any

import jax.numpy as jnp
import numba
import numpy as np

from symplast.spiking.arguments import Number
from symplast.spiking.recurrent import Firing, NetworkState, RecurrentNetwork
from symplast.spiking.refractoriness import keep_waiting
from symplast.spiking.relaxation import gain

BLOCK = 256
"""Cells of a block."""


def run_events(
    network: RecurrentNetwork, state: NetworkState, steps: int, dt_ms: Number, current: Number
) -> tuple[NetworkState, Firing]:
    """What :func:`symplast.spiking.run_network` does, on copies of the state's arrays."""
    cells, membrane = network.cells, state.membrane
    v = np.array(membrane.v)
    n, real = v.size, v.dtype.type
    left = np.zeros(n, np.int32) if membrane.refractory is None else np.array(membrane.refractory)
    wait = 0
    if cells.refractory_ms is not None:
        wait = int(keep_waiting(jnp.zeros((), jnp.int32), jnp.ones((), bool), cells.refractory_ms, dt_ms))
    currents = np.array([np.asarray(each) for each in state.currents], v.dtype).reshape(-1, n)
    synapses = [projection.synapse for projection in network.projections]
    fade = np.array([gain(each.tau_ms, dt_ms, each.method) for each in synapses], v.dtype)
    firing = np.zeros(n, np.int64)
    acting = np.flatnonzero(np.asarray(state.fired))
    firing[: acting.size] = acting
    when, who, count = _loop(
        v, left, currents, firing, acting.size,
        tuple(_fixed(projection.weights.targets, np.int32) for projection in network.projections),
        tuple(_fixed(projection.weights.values, v.dtype) for projection in network.projections),
        np.array([projection.first for projection in network.projections], np.int64), fade,
        np.broadcast_to(np.asarray(current, v.dtype), n).copy(), real(gain(cells.tau_ms, dt_ms, cells.method)),
        real(cells.v_rest), real(cells.threshold), real(0 if cells.v_reset is None else cells.v_reset),
        cells.v_reset is None, cells.strict, wait, steps,
    )  # fmt: skip
    fired = np.zeros(n, bool)
    fired[firing[:count]] = True
    after = membrane._replace(v=jnp.asarray(v), refractory=None if membrane.refractory is None else jnp.asarray(left))
    state = NetworkState(after, tuple(jnp.asarray(each) for each in currents), jnp.asarray(fired))
    return state, Firing(when, who, "numba")


def _fixed(values: Any, dtype: Any) -> np.ndarray:
    """An array of one layout and type, read only, whatever it came from: one compiled loop serves all."""
    array = np.ascontiguousarray(np.asarray(values, dtype)).view()
    array.flags.writeable = False
    return array


def _steps(
    v: Any, left: Any, currents: Any, firing: Any, n_firing: Any, targets: Any, values: Any, firsts: Any, fade: Any,
    current: Any, leak: Any, v_rest: Any, level: Any, v_reset: Any, soft: Any, strict: Any, wait: Any, steps: Any,
) -> Any:  # fmt: skip
    """All steps, changing the arrays; returns the spikes, and how many entries of ``firing`` are of the last step."""
    n, kinds = v.size, fade.size
    when, who, count = np.empty(4 * n + 1024, np.int64), np.empty(4 * n + 1024, np.int64), 0
    drive, spikes = np.empty(BLOCK, v.dtype), np.empty(BLOCK, np.bool_)
    for t in range(steps):
        for kind in range(kinds):
            arriving, goals, strengths = currents[kind], targets[kind], values[kind]
            for index in range(n_firing):
                row = firing[index] - firsts[kind]
                if 0 <= row < goals.shape[0]:
                    for slot in range(goals.shape[1]):
                        goal = goals[row, slot]
                        if goal < n:
                            arriving[goal] += strengths[row, slot]
        n_firing = 0
        for begin in range(0, n, BLOCK):
            size = min(BLOCK, n - begin)
            for i in range(size):
                drive[i] = 0
            for kind in range(kinds):
                block, share = currents[kind, begin : begin + size], fade[kind]
                for i in range(size):
                    drive[i] += block[i]
                    block[i] -= share * block[i]
            some = False
            potential, waiting, outside = (
                v[begin : begin + size], left[begin : begin + size], current[begin : begin + size],
            )  # fmt: skip
            for i in range(size):
                ready = waiting[i] == 0
                now = potential[i] + leak * (v_rest + (drive[i] + outside[i]) - potential[i])
                now = now if ready else potential[i]
                spike = ready & ((now > level) | ((now == level) & (not strict)))
                potential[i] = now
                waiting[i] = max(waiting[i] - 1, 0)
                spikes[i] = spike
                some |= spike
            if some:
                for i in range(size):
                    if spikes[i]:
                        potential[i] = potential[i] - level if soft else v_reset
                        waiting[i] = wait
                        firing[n_firing] = begin + i
                        n_firing += 1
        if count + n_firing > when.size:
            when = np.concatenate((when, np.empty(when.size + n_firing, np.int64)))
            who = np.concatenate((who, np.empty(who.size + n_firing, np.int64)))
        for index in range(n_firing):
            when[count], who[count] = t, firing[index]
            count += 1
    return when[:count].copy(), who[:count].copy(), n_firing


_loop = numba.njit(cache=True, nogil=True)(inspect.unwrap(_steps))  # without the tests' type checks around it
