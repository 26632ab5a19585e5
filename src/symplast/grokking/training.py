"""Training on all pairs at once: one program an activation and optimiser; losses, accuracies, decoded weights."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from symplast.grokking.activations import Activation, activation_of
from symplast.grokking.decoding import Decoding, decode, phase_misalignment
from symplast.grokking.network import TwoLayerNet
from symplast.grokking.task import ModularTask, Rows
from symplast.stats.arguments import check_count

Method = Literal["adamw", "sgd"]


@dataclass(frozen=True)
class Optimizer:
    """Full-batch AdamW or SGD with a linear warm-up and decoupled weight decay.

    The learning rate at step n = 0, 1, ... is ``lr min(n / warmup, 1)``: the first step changes nothing, but Adam's
    counter advances. Decay is ``w -= lr_n weight_decay w``.

    Attributes:
        method: ``adamw`` or ``sgd``.
        lr: learning rate.
        weight_decay: decoupled.
        betas: of Adam's moments.
        eps: of Adam.
        warmup: steps.

    Raises:
        ValueError: an unknown method, or numbers out of range.

    Example:
        >>> Optimizer("adamw", 1e-4, weight_decay=2.0).faster(4).lr
        0.0004
    """

    method: str = "adamw"
    lr: float = 5e-5
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-8
    warmup: int = 10

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ValueError(f"optimizer must be one of {', '.join(get_args(Method))}; got {self.method!r}")
        if not (np.isfinite(self.lr) and self.lr > 0):
            raise ValueError(f"lr must be a positive number, got {self.lr}")
        if not (np.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ValueError(f"weight_decay must be a number of at least 0, got {self.weight_decay}")
        if not all(0 <= beta < 1 for beta in self.betas) or not self.eps > 0 or self.warmup < 1:
            raise ValueError("betas must lie in [0, 1), eps be positive and warmup be at least 1")

    def faster(self, times: float) -> "Optimizer":
        """The same with a learning rate so many times as high."""
        return Optimizer(self.method, self.lr * times, self.weight_decay, self.betas, self.eps, self.warmup)


@dataclass(frozen=True)
class Setup:
    """A training set-up of the paper, at any speed (:data:`SETUPS`).

    Attributes:
        activation: of the network.
        optimizer: at the authors' rate.
        steps: at that rate.
        frac_train: share of the pairs to learn.
        width: neurons.
        init_scale: of the first weights.
        single: whether each neuron begins with one frequency.
        p: modulus.
    """

    activation: str
    optimizer: Optimizer
    steps: int
    frac_train: float = 1.0
    width: int = 512
    init_scale: float = 0.1
    single: bool = False
    p: int = 23


SETUPS: Mapping[str, Setup] = {
    "standard": Setup("relu", Optimizer("adamw", 5e-5), 5000),
    "grokking": Setup("relu", Optimizer("adamw", 1e-4, 2.0), 50_000, 0.75),
    "quad_random": Setup("square", Optimizer("adamw", 5e-5), 5000),
    "quad_sgd": Setup("square", Optimizer("sgd", 0.1), 10_000),
    "quad_single_freq": Setup("square", Optimizer("sgd", 0.1), 10_000, init_scale=0.02, single=True),
    "relu_single_freq": Setup("relu", Optimizer("sgd", 0.01), 10_000, init_scale=0.002, single=True),
    "p97": Setup("relu", Optimizer("adamw", 5e-5), 5000, width=1024, p=97),
}
"""The paper's set-ups: p = 23, 512 neurons, full batch, unless it says otherwise."""


SOON: Mapping[str, Any] = {
    "xla_backend_optimization_level": 1,
    "xla_cpu_multi_thread_eigen": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}
"""Compiles in a third of the time, and the program is as fast within a few per cent: products dominate it.

They are too small to be worth a second thread.
"""


class State(NamedTuple):
    """Everything that changes while a network learns: ``(theta, xi[, theta_y])``, Adam's moments, steps done.

    All transposed, (p, width): so no product of a step needs a copy.
    """

    weights: tuple[Array, ...]
    first: tuple[Array, ...]
    second: tuple[Array, ...]
    step: Array


class Problem(NamedTuple):
    """What stays the same: arrays, so that no change of it compiles anew.

    Attributes:
        x, y, label: of each row.
        sums: (p, rows) for each set of input weights, how often a row reads a number: gradients are products with it.
        train: weight of each row's loss.
        numbers: of the optimiser.
    """

    x: Array
    y: Array
    label: Array
    sums: tuple[Array, ...]
    train: Array
    numbers: dict[str, Array]


class History(Mapping[str, Float[np.ndarray, " records"]]):
    """What was recorded at some steps, before the update of that step; ``history["train_acc"]``.

    Always there: ``step, train_loss, train_acc, common_acc, norm, ipr_in, ipr_out, sin_D, cos_D, energy_share``. Where
    the task has such pairs: ``test_loss, test_acc, rare_acc, mirrored_acc, unseen_acc``. ``norm`` is the Euclidean norm
    of all weights; ``ipr_in`` to ``energy_share`` are of :mod:`symplast.grokking.decoding`.

    Attributes:
        mirrored_share: of the test pairs; None without a test.
    """

    def __init__(self, columns: Mapping[str, Any], mirrored_share: float | None = None):
        self._columns = {name: np.asarray(values) for name, values in columns.items()}
        self.mirrored_share = mirrored_share

    def __getitem__(self, name: str) -> Float[np.ndarray, " records"]:
        if name not in self._columns:
            raise KeyError(f"the history has no {name!r}; it has {', '.join(self._columns)}")
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def followed_by(self, later: "History") -> "History":
        """This and what was recorded afterwards; a first record that both have counts once."""
        skip = int(later["step"][0] == self["step"][-1])
        return History({n: np.concatenate([self[n], later[n][skip:]]) for n in self}, self.mirrored_share)


@dataclass(frozen=True, eq=False)
class Run:
    """A trained network.

    Attributes:
        net: its final weights.
        history: what was recorded.
        task: what it learned.
        state: to go on from (``train(..., after=run)``).
    """

    net: TwoLayerNet
    history: History
    task: ModularTask = field(repr=False)
    state: State = field(repr=False)

    @property
    def decoded(self) -> Decoding:
        """Both layers, frequency by frequency."""
        return decode_net(self.net)


def decode_net(net: TwoLayerNet) -> Decoding:
    """:func:`decode` of a network."""
    return decode(*(None if w is None else np.asarray(w) for w in (net.theta, net.xi, net.theta_y)))


def train(
    net: TwoLayerNet,
    task: ModularTask,
    optimizer: Optimizer,
    steps: int,
    record_every: int | None = None,
    *,
    after: Run | None = None,
    watch: Callable[[History], None] | None = None,
) -> Run:
    """Full-batch training on the mean cross-entropy of the training pairs (Eq. 2).

    Tied inputs are trained on unordered pairs with weights, which gives the same gradient at half the cost. Weights of
    float32 are trained in float32, those of float64 in float64 (under ``jax.enable_x64``).

    Args:
        net: first weights.
        task: pairs to learn and to test on.
        optimizer: method and rates.
        steps: how many.
        record_every: steps between records; a hundredth of the steps by default. The first and the last state are
            always recorded.
        after: go on from this run's state instead of ``net``'s weights, as if it had not stopped.
        watch: called with each record as a history of one.

    Returns:
        The run, bit for bit the same for the same arguments.

    Raises:
        ValueError: another modulus than the task's, tied inputs for a task that is not symmetric, or counts below 1.

    Example:
        >>> from symplast.grokking.network import init_random
        >>> net = init_random(7, 32, jax.random.key(0), "square")
        >>> run = train(net, ModularTask(7), Optimizer("adamw", 1e-3), 400)
        >>> float(run.history["train_acc"][-1]), "test_acc" in run.history
        (1.0, False)
    """
    steps = check_count(steps, "steps")
    every = max(steps // 100, 1) if record_every is None else check_count(record_every, "record_every")
    if net.p != task.p:
        raise ValueError(f"net and task must have the same modulus, got p={net.p} and p={task.p}")
    rows = task.rows(net.tied)
    weights = [w for w in (net.theta, net.xi, net.theta_y) if w is not None]
    dtype = np.result_type(*(np.asarray(w).dtype for w in weights))
    numbers = {"lr": optimizer.lr, "weight_decay": optimizer.weight_decay, "eps": optimizer.eps}
    numbers |= {"beta1": optimizer.betas[0], "beta2": optimizer.betas[1], "warmup": optimizer.warmup}
    with jax.enable_x64(dtype == np.float64 or jax.dtypes.canonicalize_dtype(np.float64) == np.float64):
        x, y, label = (jnp.asarray(a, jnp.int32) for a in (rows.x, rows.y, rows.label))
        problem = Problem(
            x,
            y,
            label,
            _readings(rows, net.p, net.tied, dtype),
            jnp.asarray(rows.counts["train"] / rows.counts["train"].sum(), dtype),
            {name: jnp.asarray(value, dtype) for name, value in numbers.items()},
        )
        state = _first_state(weights, dtype) if after is None else after.state
        at, end = int(state.step), int(state.step) + steps
        moments = [at, *range(at - at % every + every, end, every), end]
        columns: dict[str, list[float]] = {}
        for here, last in zip(moments, [at, *moments], strict=False):
            state, measured = _advance(
                activation_of(net.activation), optimizer.method, problem, state, jnp.asarray(here - last, jnp.int32)
            )
            record = _record(here, rows, np.asarray(measured, dtype=float), state)
            for name, value in record.items():
                columns.setdefault(name, []).append(value)
            if watch is not None:
                watch(History({name: [value] for name, value in record.items()}, task.mirrored_share))
        theta, xi, *rest = (np.ascontiguousarray(np.asarray(w).T) for w in state.weights)
    trained = TwoLayerNet(theta, xi, net.activation, rest[0] if rest else None)
    return Run(trained, History(columns, task.mirrored_share), task, state)


def train_seeds(
    setup: Setup | str,
    keys: Sequence[Key[Any, ""]],
    *,
    speed: float = 1.0,
    steps: int | None = None,
    record_every: int | None = None,
    op: str = "add",
) -> list[Run]:
    """Train a set-up of the paper, a network and a division of the pairs a key, one after the other.

    Args:
        setup: one of :data:`SETUPS`, by name or made.
        keys: a random key a seed.
        speed: learning rate times this, steps divided by it.
        steps: instead of the set-up's own, at its own rate.
        record_every: as for :func:`train`, in steps that are really made.
        op: the operation.
    """
    made = SETUPS[setup] if isinstance(setup, str) else setup
    count = round((made.steps if steps is None else steps) / speed)
    runs = []
    for key in keys:
        net, task = first_of(made, key, op)
        runs.append(train(net, task, made.optimizer.faster(speed), count, record_every))
    return runs


def first_of(setup: Setup, key: Key[Any, ""], op: str = "add") -> tuple[TwoLayerNet, ModularTask]:
    """First network and task of a set-up for a seed's key."""
    from symplast.grokking.network import init_random, init_single_frequency

    for_net, for_task = jax.random.split(key)
    init = partial(init_single_frequency if setup.single else init_random, init_scale=setup.init_scale)
    net = init(setup.p, setup.width, for_net, setup.activation)
    return net, ModularTask(setup.p, op, setup.frac_train, for_task)


def _first_state(weights: Sequence[Any], dtype: Any) -> State:
    now = tuple(jnp.asarray(np.asarray(w, dtype).T.copy()) for w in weights)
    zeros = tuple(jnp.asarray(np.zeros(w.shape, dtype)) for w in now)
    return State(now, zeros, zeros, jnp.asarray(0, jnp.int32))


def _readings(rows: Rows, p: int, tied: bool, dtype: Any) -> tuple[Array, ...]:
    numbers = np.arange(p)[:, None]
    first, second = (np.asarray(numbers == which, dtype) for which in (rows.x, rows.y))
    return tuple(jnp.asarray(each) for each in ([first + second] if tied else [first, second]))


def _record(step: int, rows: Rows, measured: np.ndarray, state: State) -> dict[str, float]:
    loss, right = measured
    record = {"step": float(step)}
    record |= {f"{group}_loss": rows.mean(group, loss) for group in ("train", "test") if group in rows.counts}
    record |= {f"{group}_acc": rows.mean(group, right) for group in rows.counts}
    weights = [np.asarray(w, dtype=np.float64).T for w in state.weights]
    record["norm"] = float(np.sqrt(sum(float((w**2).sum()) for w in weights)))
    if not all(np.isfinite(w).all() for w in weights):
        return record | dict.fromkeys(("ipr_in", "ipr_out", "sin_D", "cos_D", "energy_share"), float("nan"))
    decoded = decode(*weights)
    lock = phase_misalignment(decoded)
    record |= {"ipr_in": decoded.ipr_in, "ipr_out": decoded.ipr_out, "sin_D": lock.sin, "cos_D": lock.cos}
    return record | {"energy_share": decoded.energy_share}


@partial(jax.jit, static_argnums=(0, 1), compiler_options=dict(SOON))
def _advance(sigma: Activation, method: str, problem: Problem, state: State, steps: Array) -> tuple[State, Array]:
    """So many updates, then each row's loss and whether its answer is right."""
    state = jax.lax.fori_loop(0, steps, lambda _, now: _update(sigma, method, problem, now), state)
    logits = sigma(_drive(problem, state.weights)) @ state.weights[1].T
    loss, _ = _loss_and_error(logits, problem.label)
    return state, jnp.stack([loss, (jnp.argmax(logits, axis=1) == problem.label).astype(logits.dtype)])


def _drive(problem: Problem, weights: tuple[Array, ...]) -> Array:
    return weights[0][problem.x] + weights[-1 if len(weights) == 3 else 0][problem.y]


def _update(sigma: Activation, method: str, problem: Problem, state: State) -> State:
    numbers, step, xi = problem.numbers, state.step, state.weights[1]
    hidden, to_drive = jax.vjp(sigma, _drive(problem, state.weights))
    _, error = _loss_and_error(hidden @ xi.T, problem.label)
    error = error * problem.train[:, None]
    of_drive = to_drive(error @ xi)[0]
    of_inputs = [readings @ of_drive for readings in problem.sums]
    slopes = (of_inputs[0], error.T @ hidden, *of_inputs[1:])
    now = step.astype(numbers["lr"].dtype)
    rate = numbers["lr"] * jnp.minimum(now / numbers["warmup"], 1)
    kept = 1 - rate * numbers["weight_decay"]
    if method == "sgd":
        weights = tuple(kept * w - rate * g for w, g in zip(state.weights, slopes, strict=True))
        return State(weights, state.first, state.second, step + 1)
    beta1, beta2 = numbers["beta1"], numbers["beta2"]
    first = tuple(beta1 * m + (1 - beta1) * g for m, g in zip(state.first, slopes, strict=True))
    second = tuple(beta2 * v + (1 - beta2) * g * g for v, g in zip(state.second, slopes, strict=True))
    scale1, scale2 = 1 / (1 - beta1 ** (now + 1)), 1 / (1 - beta2 ** (now + 1))
    weights = tuple(
        kept * w - rate * (m * scale1) / (jnp.sqrt(v * scale2) + numbers["eps"])
        for w, m, v in zip(state.weights, first, second, strict=True)
    )
    return State(weights, first, second, step + 1)


def _loss_and_error(logits: Array, label: Array) -> tuple[Array, Array]:
    """Cross-entropy of each row, precise where it is tiny, and its gradient ``softmax - one hot``.

    ``loss = log1p(sum_{j != right} exp(l_j - l_right))``; the right output's error is minus the sum of the others', so
    that neither is a difference of nearly equal numbers.
    """
    right = label[:, None] == jnp.arange(logits.shape[1])
    gaps = logits - jnp.sum(jnp.where(right, logits, 0), axis=1, keepdims=True)
    top = jnp.maximum(jnp.max(jnp.where(right, -jnp.inf, gaps), axis=1), 0)
    others = jnp.where(right, 0, jnp.exp(gaps - top[:, None]))
    rest = jnp.sum(others, axis=1)
    error = others / (jnp.exp(-top) + rest)[:, None]
    error = jnp.where(right, -jnp.sum(error, axis=1, keepdims=True), error)
    return top + jnp.log1p(jnp.expm1(-top) + rest), error
