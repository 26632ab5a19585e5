"""How fast the dendrites room computes, next to scipy and a symbolic library, on one core.

Work: the published threshold sweep, 420 triples (n, a, s) x 22 thresholds = 9240 false-positive probabilities; and
Monte Carlo draws of s = 24 distinct synapses. Compile time is reported apart. The symbolic route (SymPy: substitute
into the textbook sum, evaluate with evalf) is timed on a few values only and multiplied; it is left out where SymPy is
not installed.
Targets: sweep <= 0.02 s; >= 25x faster than one vectorised scipy.stats.hypergeom.sf call with a relative error of at
most 1e-12 against exact integers; >= 1000x faster than the symbolic route; >= 5e6 sampled segments a second.
And one update of a network with active dendrites (784-512-512-10, batch 64, Adam), with the segments computed once for
the batch, next to the same network with segments computed for every sample as in the released code, and without.
Run: python benchmarks/dendrites.py  (writes benchmarks/results/dendrites.json)
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import contextlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from measuring import against, seconds, write
from scipy.special import gammaln
from scipy.stats import hypergeom

from symplast.dendrites import (
    ActiveDendriteMLP,
    InContext,
    InfeasibleDesign,
    PrototypeContext,
    PrototypeLearner,
    component_learner,
    design,
    fp_tails_exact,
    sweep,
    union_size,
)
from symplast.dendrites.overlap import tail_table
from symplast.dendrites.sampling import count_overlaps, random_stream
from symplast.lab.jax_setup import CompileClock
from symplast.learning import Batch, Credit, GradientLearner
from symplast.learning.credit_rules import loss_of

N = np.arange(10_000, 190_001, 20_000)
ACTIVITY = np.arange(1, 7) / 200
S = np.arange(20, 51, 5)
THETA = np.arange(3, 25)
TRIALS = 2**22


def counts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """n, a, s of the sweep, shaped to broadcast with thetas last."""
    n = N[:, None, None, None]
    return n, np.rint(n * ACTIVITY[:, None, None]).astype(np.int64), S[:, None]


def exact_values() -> np.ndarray:
    """The sweep in exact rationals, rounded once."""
    n, a, s = counts()
    values = np.zeros((N.size, ACTIVITY.size, S.size, THETA.size))
    for i, j, k in np.ndindex(values.shape[:3]):
        tails = fp_tails_exact(int(n[i, 0, 0, 0]), int(a[i, j, 0, 0]), int(s[k, 0]))
        values[i, j, k] = [float(tails[t]) if t < len(tails) else 0.0 for t in THETA]
    return values


def largest_error(values: np.ndarray, exact: np.ndarray) -> float:
    """Largest relative error over the possible entries."""
    possible = exact > 0
    return float(np.abs(values[possible] / exact[possible] - 1).max())


def symbolic_seconds_per_value() -> dict[str, Any] | None:
    """SymPy on a few points of the sweep: substitute into ``Sum(...) / binomial(n, a)`` and ``evalf``."""
    try:
        import sympy
    except ImportError:
        return None
    n, a, s, theta, b = sympy.symbols("n a s theta b", integer=True, positive=True)
    formula = sympy.Sum(sympy.binomial(s, b) * sympy.binomial(n - s, a - b), (b, theta, s)) / sympy.binomial(n, a)
    points = [(10_000, 100, 20, 10), (50_000, 500, 30, 12), (90_000, 1800, 40, 15), (190_000, 5700, 50, 20)]
    taken = []
    for point in points:
        begin = time.perf_counter()
        float(formula.subs(dict(zip((n, a, s, theta), point, strict=True))).evalf())
        taken.append(time.perf_counter() - begin)
    return {"sympy": sympy.__version__, "points": points, "seconds": taken, "mean": statistics.mean(taken)}


def compare_sweeps() -> list[dict[str, Any]]:
    """The published sweep: this room, scipy in one call and value by value, SymPy on a few values."""
    n, a, s = counts()
    size = N.size * ACTIVITY.size * S.size * THETA.size
    with CompileClock() as clock:
        begin = time.perf_counter()
        tail_table(n[..., 0], a[..., 0], s[:, 0])
        first = time.perf_counter() - begin
    kernel = seconds(lambda: np.exp(tail_table(n[..., 0], a[..., 0], s[:, 0])), repeats=31)
    labelled = seconds(lambda: sweep(n=N, activity=ACTIVITY, s=S, theta=THETA).fp, repeats=15)
    vectorised = seconds(lambda: hypergeom.sf(THETA - 1, n, a, s), repeats=5)
    few = [(int(x), int(x) // 100, int(y), int(t)) for x in N[::3] for y in S[::2] for t in THETA[::5]]
    one_by_one = seconds(lambda: [hypergeom.sf(t - 1, x, y, z) for x, y, z, t in few], repeats=3) / len(few)
    begin = time.perf_counter()
    exact = exact_values()
    oracle = time.perf_counter() - begin
    ours = sweep(n=N, activity=ACTIVITY, s=S, theta=THETA).fp.values
    error = largest_error(ours, exact)
    rows = [
        {"what": "sweep of 9240 values, arrays in and out", "seconds": kernel, "target": 0.02, "met": kernel <= 0.02},
        {
            "what": "the same, labelled and validated (symplast.dendrites.sweep)",
            "seconds": labelled,
            "target": 0.02,
            "met": labelled <= 0.02,
        },
        {"what": "first call", "seconds": first, "compile_seconds": clock.seconds},
        {"what": "relative error against exact integers", "value": error, "target": 1e-12, "met": error <= 1e-12},
        {
            "what": "scipy.stats.hypergeom.sf, one vectorised call",
            "seconds": vectorised,
            "relative_error": largest_error(hypergeom.sf(THETA - 1, n, a, s), exact),
        },
        against("sweep of 9240 values, labelled", "scipy.stats.hypergeom.sf", vectorised / labelled, target=25),
        {
            "what": "scipy.stats.hypergeom.sf, value by value",
            "seconds_per_value": one_by_one,
            "seconds": one_by_one * size,
            "note": f"timed on {len(few)} values",
        },
        {"what": "exact rationals of the whole sweep", "seconds": oracle},
    ]
    symbolic = symbolic_seconds_per_value()
    if symbolic is None:
        rows.append({"what": "SymPy", "note": "not installed, not measured"})
    else:
        whole = symbolic["mean"] * size
        note = f"timed on {len(symbolic['points'])} values, multiplied by {size}"
        rows.append({"what": "SymPy, substitute and evalf", **symbolic, "seconds_for_the_sweep": whole, "note": note})
        rows.append(against("sweep of 9240 values, labelled", "SymPy", whole / labelled, target=1000))
    return rows


def time_sampling() -> list[dict[str, Any]]:
    """Sampled segments a second, overlaps counted."""
    rows = []
    for n in (500, 3500):
        rate = TRIALS / seconds(lambda n=n: count_overlaps(n, 64, 24, TRIALS, random_stream(0)), repeats=3)
        rows.append(
            {"what": f"segments sampled a second, s = 24, n = {n}", "value": rate, "target": 5e6, "met": rate >= 5e6}
        )
    return rows


def time_design() -> list[dict[str, Any]]:
    """One design with its exact certificate, and one that is impossible."""
    taken = seconds(lambda: design(20_000, 400, 1e6, fp_max=1e-6, noise=0.3, fn_max=1e-6))

    def ask() -> None:
        with contextlib.suppress(InfeasibleDesign):
            design(200_000, 20_000, 1e12, fp_max=1e-300, fn_max=1e-300, noise=0.9)

    impossible = seconds(ask, repeats=3)
    return [
        {"what": "one design for a million patterns, certified exactly", "seconds": taken},
        {"what": "no design with up to 20,000 synapses", "seconds": impossible, "target": 5, "met": impossible <= 5},
    ]


def shift_and_add(n: int, s: int, M: int) -> np.ndarray:
    """The law of the synapses after a union as NumPy does it: a table of chances, s + 1 shifted products a pattern."""
    size = min(n, s * M)
    K, j = np.arange(size + 1)[:, None], np.arange(s + 1)

    def log_choose(of: np.ndarray, some: np.ndarray) -> np.ndarray:
        return gammaln(of + 1) - gammaln(some + 1) - gammaln(np.maximum(of - some, 0) + 1)

    possible = (j <= n - K) & (s - j <= K)
    chance = np.exp(log_choose(K, s - j) + log_choose(n - K, j) - log_choose(np.array(n), np.array(s)))
    new = np.where(possible, chance, 0)
    law = np.zeros(size + 1)
    law[0] = 1
    for _ in range(M):
        grown = np.zeros_like(law)
        for fresh in range(s + 1):
            grown[fresh:] += (law * new[:, fresh])[: size + 1 - fresh]
        law = grown
    return law


def cpu_of(call: Callable[[], Any], times: int = 20) -> float:
    """CPU-seconds of several calls: a single one is as short as a clock's tick."""
    begin = time.process_time()
    for _ in range(times):
        call()
    return time.process_time() - begin


def compare_unions() -> list[dict[str, Any]]:
    """The law of the synapses after a union, in turns with shift-and-add."""
    rows = []
    for n, s, M in ((20_000, 25, 10), (20_000, 25, 100), (20_000, 100, 50)):
        ratios = []
        assert np.allclose(union_size(n, s, M).pmf, shift_and_add(n, s, M), atol=1e-9)
        for _ in range(5):
            ours = cpu_of(lambda n=n, s=s, M=M: union_size(n, s, M))
            ratios.append(cpu_of(lambda n=n, s=s, M=M: shift_and_add(n, s, M)) / ours)
        rows.append(against(f"union_size, n = {n}, s = {s}, M = {M}", "NumPy, shift and add", ratios, target=1))
    return rows


class ContextOfEachSample(InContext):
    """The same gradient, with the segments answering once for every sample of the batch."""

    def __call__(self, network: ActiveDendriteMLP, batch: Batch, state: PrototypeContext, key: jax.Array) -> Credit:
        """Credit for one batch."""
        contexts = jnp.broadcast_to(state.current, (len(batch.inputs), state.current.size))

        def mean_loss(net: ActiveDendriteMLP) -> jax.Array:
            return loss_of(net.readout, jax.vmap(net)(batch.inputs, contexts), batch.targets)

        loss, direction = eqx.filter_value_and_grad(mean_loss)(network)
        return Credit(direction, loss, state)


def seconds_per_update(learner: GradientLearner, tasks: int, updates: int) -> float:
    """Wall time of one update in a compiled scan, batch 64, in the context of a random prototype."""
    state = learner.init(jax.random.key(0))
    if isinstance(learner, PrototypeLearner):
        state = state._replace(rule=state.rule.add(0, jax.random.normal(jax.random.key(1), (784,))))
    x = jax.random.normal(jax.random.key(2), (updates, 64, 784))
    y = jax.random.randint(jax.random.key(3), (updates, 64), 0, 10)

    @jax.jit
    def run(state: Any) -> Any:
        return jax.lax.scan(lambda s, xy: learner.learn(s, Batch(*xy), jax.random.key(0)), state, (x, y))

    return seconds(lambda: jax.block_until_ready(run(state)), repeats=3) / updates


def time_active_dendrites(tasks: int = 5) -> list[dict[str, Any]]:
    """One update of the continual-learning networks."""
    sizes = (784, 512, 512, 10)
    both = component_learner("dendrites and sparse", sizes, tasks)
    each = PrototypeLearner(both.make_network, ContextOfEachSample(tasks), optax.adam(1e-3))
    once = seconds_per_update(both, tasks, updates=40)
    every = seconds_per_update(each, tasks, updates=4)
    rows = [
        {"what": "update with 5 segments a unit, once for the batch", "seconds": once},
        {"what": "the same, segments for every sample", "seconds": every},
        against("update of active dendrites", "segments for every sample, as released", every / once),
    ]
    for model in ("sparse only", "MLP"):
        taken = seconds_per_update(component_learner(model, sizes, tasks), tasks, updates=40)
        rows.append({"what": f"update without segments, {model}", "seconds": taken})
    return rows


def main() -> None:
    """Measure and write."""
    rows = [*compare_sweeps(), *time_sampling(), *time_design(), *compare_unions(), *time_active_dendrites()]
    write("dendrites", rows, "scipy")


if __name__ == "__main__":
    main()
