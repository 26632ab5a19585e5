"""How fast the spiking substrate runs, next to the simulators and libraries that people use, on one core.

Work, the same for all:
- network: the CUBA benchmark of Brette et al. 2007 (4000 LIF cells, exponential synapses, 2 % connected, dt 0.1 ms),
  one second of model time; peer Brian2 with its run-time Cython and its C++ code;
- training: one Adam step through a spiking perceptron 784-1000-10 over 25 steps of a batch of 128 (the setting of
  snnTorch's tutorial 5, inputs changing in time), surrogate gradient; peers snnTorch, Norse, SpikingJelly, and with
  ``torch.compile`` where that works;
- plasticity: presentations a second of an on-line STDP layer 784-400 with lateral inhibition (arXiv:1812.06574, 350 ms
  of input at dt 0.5 ms and 150 ms of rest), event-driven and dense, and frozen for prediction; peer BindsNET's
  DiehlAndCook2015, 350 ms only;
- distances: all pairs of 40 spike trains of about 60 spikes; peers elephant and PySpike.

Targets: training >= 60 presentations/s and prediction >= 200 images/s (spec of the room sym_stdp); everything faster
than each peer. Compile time is reported apart. A peer runs in an environment of its own:

    python benchmarks/spiking.py [--peer brian2=/envs/brian2/bin/python --peer snntorch=...]

Peers: brian2, snntorch, norse, spikingjelly, bindsnet, elephant, pyspike. Writes benchmarks/results/spiking.json; a
peer left out keeps the row of the last run on the same machine.
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from measuring import RESULTS, seconds, write

from symplast.lab.jax_setup import CompileClock
from symplast.lab.provenance import machine
from symplast.spiking import (
    LIF,
    AdaptiveThreshold,
    ConductanceLIF,
    EventTable,
    ExponentialSynapse,
    FanOut,
    FastSigmoid,
    Projection,
    RecurrentNetwork,
    SpikeTrains,
    Trace,
    gather_rows,
    isi_distance,
    pairwise,
    poisson_events,
    run_network,
    simulate_weighted,
    spike_distance,
    sum_rows,
    update_columns,
    update_rows,
    van_rossum,
    victor_purpura,
)

RESULT = RESULTS / "spiking.json"
PEERS = Path(__file__).parent / "spiking_peers.py"


def first_call(call: Callable[[], Any]) -> tuple[Any, float]:
    """Result and compile seconds of the first call."""
    with CompileClock() as clock:
        result = jax.block_until_ready(call())
    return result, clock.seconds


def network() -> list[dict[str, Any]]:
    """CUBA, one second of model time."""
    n, excitatory, dt = 4000, 3200, 0.1
    generator = np.random.default_rng(0)
    present = generator.random((n, n)) < 0.02
    from_exc = FanOut.of_dense(np.where(present[:excitatory], 1.62, 0))
    from_inh = FanOut.of_dense(np.where(present[excitatory:], -9.0, 0))
    projections = (
        Projection(from_exc, ExponentialSynapse(5.0)),
        Projection(from_inh, ExponentialSynapse(10.0), excitatory),
    )
    cells = LIF(tau_ms=20.0, threshold=-50.0, v_rest=-49.0, v_reset=-60.0, refractory_ms=5.0)
    model = RecurrentNetwork(cells, projections)
    state = model.init(n)
    state = state._replace(membrane=state.membrane._replace(v=jnp.asarray(generator.uniform(-60, -50, n), jnp.float32)))
    rows = []
    for backend, name in (("numba", "symplast, Numba"), ("jax", "symplast, JAX")):

        def run(backend: str = backend) -> Any:
            return run_network(model, state, 10_000, dt, backend=backend)

        begin = time.perf_counter()
        (_, firing), compiling = first_call(run)
        first = time.perf_counter() - begin
        taken = seconds(run, repeats=7)
        if backend == "numba":
            compiling = max(first - taken, 0.0)
        rate = firing.cells.size / n
        rows.append(row("network", name, taken, "s per model second", compile_seconds=compiling, mean_rate_hz=rate))
    return rows


class Layers(eqx.Module):
    """1000-10, leaky cells in both layers, behind the product with the inputs.

    States are (cells, batch): the product with weights (cells, inputs) is a sixth faster so than with its transpose.
    """

    second: eqx.nn.Linear
    bias: Any
    cells: LIF

    def __call__(self, state: Any, current: Any) -> Any:
        hidden, out = state
        hidden, spikes = self.cells.step(hidden, 0.0, 1.0, jump=current + self.bias[:, None])
        out, spikes = self.cells.step(out, 0.0, 1.0, jump=self.second.weight @ spikes + self.second.bias[:, None])
        return (hidden, out), spikes


class Perceptron(eqx.Module):
    """784-1000-10; logits are spike counts."""

    first: eqx.nn.Linear
    second: eqx.nn.Linear
    cells: LIF = LIF(tau_ms=20.0, v_reset=None, method="euler", surrogate=FastSigmoid(25.0))

    def logits(self, inputs: Any) -> Any:
        batch = inputs.shape[1]
        state = self.cells.init((1000, batch)), self.cells.init((10, batch))
        layers = Layers(self.second, self.first.bias, self.cells)
        return simulate_weighted(layers, state, self.first.weight, inputs)[1].sum(axis=0).T


def training() -> list[dict[str, Any]]:
    """One Adam step."""
    keys = jax.random.split(jax.random.key(0), 4)
    model = Perceptron(eqx.nn.Linear(784, 1000, key=keys[0]), eqx.nn.Linear(1000, 10, key=keys[1]))
    inputs = jax.random.bernoulli(keys[2], 0.2, (25, 128, 784)).astype(jnp.float32)
    labels = jax.random.randint(keys[3], (128,), 0, 10)
    optimiser = optax.adam(5e-4)

    @eqx.filter_jit(donate="all-except-first")
    def update(data: Any, model: Perceptron, opt: Any) -> Any:
        def loss(layers: Any) -> Any:
            model_now = eqx.tree_at(lambda m: (m.first, m.second), model, layers)
            return optax.losses.softmax_cross_entropy_with_integer_labels(model_now.logits(data[0]), data[1]).mean()

        layers = (model.first, model.second)
        value, gradient = eqx.filter_value_and_grad(loss)(layers)
        updates, opt = optimiser.update(gradient, opt)
        return eqx.tree_at(lambda m: (m.first, m.second), model, eqx.apply_updates(layers, updates)), opt, value

    opt = optimiser.init(eqx.filter((model.first, model.second), eqx.is_inexact_array))
    held = [model, opt]

    def once() -> Any:
        held[0], held[1], value = update((inputs, labels), *held)
        return value

    _, compiling = first_call(once)
    return [row("training", "symplast", seconds(once, 7), "s per step", compile_seconds=compiling)]


def plasticity() -> list[dict[str, Any]]:
    """On-line STDP, weights carried through the scan."""
    pre, post, dt, rate, limit = 784, 400, 0.5, 0.005, 1.0
    adaptation = AdaptiveThreshold(base=-72.0, tau_ms=6e6, increment=0.07, start=20.0, method="euler")
    common = {"refractory_ms": 2.5, "method": "euler", "strict": True}
    exc = ConductanceLIF(
        (0.0, -100.0), 100.0, threshold=adaptation, v_rest=-65.0, v_reset=-65.0, v_floor=-100.0, **common
    )
    inh = ConductanceLIF((0.0,), 10.0, threshold=-40.0, v_rest=-60.0, v_reset=-45.0, **common)
    to_exc, lateral, to_inh, trace = (
        ExponentialSynapse(1.0), ExponentialSynapse(2.0), ExponentialSynapse(1.0), Trace(20.0, 0.1, method="euler"),
    )  # fmt: skip
    pixels = np.random.default_rng(0)
    image = np.where(pixels.random(pre) < 0.19, 63.75 * pixels.random(pre), 0)

    def potentiate(column: Any, cell: Any, pre_trace: Any) -> Any:
        return jnp.minimum(column + rate * pre_trace, limit)

    def cells_step(state: Any, arriving: Any) -> Any:
        e, i, g_e, g_lateral, g_i, e_fired, i_fired = state
        g_e, on_e = to_exc.step(g_e, arriving, dt)
        g_lateral, against = lateral.step(g_lateral, 17.0 * (i_fired.sum() - i_fired), dt)
        g_i, on_i = to_inh.step(g_i, 10.4 * e_fired, dt)
        e, e_fired = exc.step(e, (on_e, against), dt)
        i, i_fired = inh.step(i, (on_i,), dt)
        return e, i, g_e, g_lateral, g_i, e_fired, i_fired

    def event_step(state: Any, now: Any) -> Any:
        weights, x, cells = state
        units, pre_trace = now
        arriving = gather_rows(weights, units).sum(axis=0)
        weights = update_rows(weights, units, lambda rows: jnp.minimum(rows + rate * x, limit))
        weights = update_columns(weights, cells[5], potentiate, pre_trace)
        return (weights, trace.decay(trace.add(x, cells[5]), dt), cells_step(cells, arriving)), ()

    def dense_step(state: Any, now: Any) -> Any:
        weights, x, cells = state
        spikes, pre_trace = now
        arriving = spikes @ weights
        weights = jnp.where(spikes[:, None] > 0, jnp.minimum(weights + rate * x, limit), weights)
        weights = jnp.where(cells[5], jnp.minimum(weights + rate * pre_trace[:, None], limit), weights)
        return (weights, trace.decay(trace.add(x, cells[5]), dt), cells_step(cells, arriving)), ()

    def rest_step(state: Any, pre_trace: Any) -> Any:
        weights, x, cells = state
        weights = update_columns(weights, cells[5], potentiate, pre_trace)
        arriving = jnp.zeros(post)
        return (weights, trace.decay(trace.add(x, cells[5]), dt), cells_step(cells, arriving)), ()

    def scaled(weights: Any) -> Any:
        return weights * (78.4 / weights.sum(axis=0))

    def traced(spikes: Any) -> Any:
        padded = jnp.concatenate([spikes, jnp.zeros((300, pre), bool)])
        return jax.lax.scan(lambda s, x: trace.step(s, x, dt), trace.init((pre,)), padded)[1]

    def as_spikes(units: Any) -> Any:
        return jnp.zeros((700, pre), bool).at[jnp.arange(700)[:, None], units].set(True, mode="drop")

    def events(state: Any, units: Any) -> Any:
        x_pre = traced(as_spikes(units))
        state = (scaled(state[0]), *state[1:])
        state, _ = jax.lax.scan(event_step, state, (units, x_pre[:700]))
        return jax.lax.scan(rest_step, state, x_pre[700:])[0]

    def dense(state: Any, units: Any) -> Any:
        spikes = as_spikes(units)
        x_pre = traced(spikes)
        state = (scaled(state[0]), *state[1:])
        state, _ = jax.lax.scan(dense_step, state, (spikes.astype(jnp.float32), x_pre[:700]))
        return jax.lax.scan(rest_step, state, x_pre[700:])[0]

    def at_rest() -> Any:
        silent = jnp.zeros(post, bool)
        return exc.init((post,)), inh.init((post,)), *(jnp.zeros(post) for _ in range(3)), silent, silent

    def new_state() -> Any:
        weights = scaled(jax.random.uniform(jax.random.key(0), (pre, post), maxval=0.3))
        return jax.tree.map(jnp.copy, (weights, trace.init((post,)), at_rest()))

    generator = np.random.default_rng(0)

    def draw() -> EventTable:
        return poisson_events(generator, image, 350.0, dt, dead_steps=1, widths=(24,))

    rows = [row("plasticity", "symplast", seconds(draw, 31), "s per drawing of one image's events")]
    for name, function, repeats in (("symplast, event-driven", events, 20), ("symplast, dense", dense, 2)):
        program = jax.jit(function, donate_argnums=0)
        held = [new_state()]

        def present(held: Any = held, program: Any = program) -> Any:
            held[0] = program(held[0], draw().units)
            return held[0]

        _, compiling = first_call(present)
        taken = seconds(present, repeats)
        target = 60 if function is events else None
        rows.append(
            row("plasticity", name, 1 / taken, "presentations/s", compile_seconds=compiling, target=target)
        )  # events drawn within

    def respond(weights: Any, tables: Any) -> Any:
        def one(units: Any) -> Any:
            def step(cells: Any, units: Any) -> Any:
                cells = cells_step(cells, sum_rows(weights, units))
                return cells, cells[5]

            return jax.lax.scan(step, at_rest(), units)[1].sum(axis=0)

        return jax.vmap(one)(tables)

    weights, batch = new_state()[0], 32
    program = jax.jit(respond)
    tables = [jnp.stack([draw().units for _ in range(batch)]) for _ in range(3)]
    _, compiling = first_call(lambda: program(weights, tables[0]))
    taken = seconds(lambda: [program(weights, table) for table in tables], 3) / (3 * batch)
    rows.append(row("prediction", "symplast", 1 / taken, "images/s", compile_seconds=compiling, target=200))
    return rows


def trains() -> SpikeTrains:
    """40 trains of about 60 spikes; the peers make the same."""
    generator = np.random.default_rng(0)
    return SpikeTrains([np.unique(generator.uniform(0, 1000, 60).round(3)) for _ in range(40)], 1000.0)


def distances() -> list[dict[str, Any]]:
    """Matrices of all pairs."""
    some = trains()
    measures: dict[str, tuple[Callable[..., float], dict[str, float]]] = {
        "van Rossum": (van_rossum, {"tau_ms": 10.0}),
        "Victor-Purpura": (victor_purpura, {"cost_per_ms": 0.1}),
        "ISI distance": (isi_distance, {}),
        "SPIKE distance": (spike_distance, {}),
    }
    return [
        row(name, "symplast", seconds(lambda m=m, s=s: pairwise(m, some, **s), 3), "s for 780 pairs")
        for name, (m, s) in measures.items()
    ]


def row(work: str, who: str, value: float, unit: str, **more: Any) -> dict[str, Any]:
    """One measurement; ``target`` is a least rate."""
    if more.get("target") is None:
        more.pop("target", None)
    else:
        more["met"] = value >= more["target"]
    return {"work": work, "who": who, "value": value, "unit": unit, **more}


def peers(pythons: dict[str, str]) -> list[dict[str, Any]]:
    """Each peer's rows, measured by its own Python on the same core."""
    rows = []
    for name, python in pythons.items():
        done = subprocess.run([python, str(PEERS), name], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name} failed under {python}:\n{done.stderr[-2000:]}")
        rows += json.loads(done.stdout.splitlines()[-1])
    return rows


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--only", action="append", help="network, training, plasticity or distances")
    options = parser.parse_args()
    parts = {"network": network, "training": training, "plasticity": plasticity, "distances": distances}
    rows = [result for name in options.only or parts for result in parts[name]()]
    rows += peers(dict(text.split("=", 1) for text in options.peer))
    before = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    if before.get("machine") == machine():
        fresh = {(r["work"], r["who"], r["unit"]) for r in rows}
        rows += [r for r in before["results"] if (r["work"], r["who"], r["unit"]) not in fresh]
    write("spiking", rows, "scipy")


if __name__ == "__main__":
    main()
