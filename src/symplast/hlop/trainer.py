"""Learning tasks one after the other: circuits grow at each task, and what they hold is protected from later ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Key

from symplast.hlop.arguments import check_labels
from symplast.hlop.circuit import TOO_LONG, Circuit, orthonormalised, random_bases
from symplast.hlop.config import HLOPConfig
from symplast.hlop.network import SpikingMLP
from symplast.hlop.oja import check_stable
from symplast.hlop.replay import Memory, Replay, first_of_each_class, replay_epoch
from symplast.hlop.spiking_learner import SpikingLearner, SpikingState, plain_sgd, trainable
from symplast.learning.sequences import average_score, backward_transfer
from symplast.learning.tasks import Task
from symplast.learning.training import Training, begin, score, train
from symplast.stats.arguments import check_count

PERCENT = 100.0

ORDERS, ROWS = 1 << 30, 1 << 29
"""Where random numbers of their own begin: training folds the number of the epoch into the same keys."""


@dataclass(frozen=True)
class Result:
    """What came of a sequence of tasks.

    Attributes:
        scores: (tasks, tasks, seeds) test accuracy in percent on task j after task i.
        loss: (updates, seeds) of every batch.
        nets: the networks after each task, seeds first.
        bases: lateral rows of each projected layer at the end, (seeds, rows, features); empty without HLOP.
        rows: (tasks, layers) lateral neurons after each task.
        deviation: (tasks, layers, seeds) ``|H H^T - I|`` of them.
        clipped: (tasks, layers, seeds) entries of changes clipped in each task.
    """

    scores: np.ndarray
    loss: np.ndarray
    nets: list[SpikingMLP]
    bases: tuple[np.ndarray, ...]
    rows: np.ndarray
    deviation: np.ndarray
    clipped: np.ndarray

    @property
    def A(self) -> np.ndarray:  # noqa: N802 - the field's letter
        """(tasks, tasks) mean of ``scores`` over seeds."""
        return np.asarray(self.scores.mean(axis=-1))

    @property
    def ACC(self) -> np.ndarray:  # noqa: N802
        """(seeds,) mean accuracy over all tasks at the end."""
        return np.asarray(average_score(jnp.asarray(self.scores)))

    @property
    def BWT(self) -> np.ndarray:  # noqa: N802
        """(seeds,) backward transfer in points; negative is forgetting."""
        return np.asarray(backward_transfer(jnp.asarray(self.scores)))


@dataclass(frozen=True)
class ContinualTrainer:
    """Trains a spiking network on a sequence of tasks.

    Circuits learn on the batches of their task, in training. From the second task on the gradient of each projected
    layer leaves the subspaces of earlier tasks alone, thresholds and biases of heads are fixed, and the optimiser
    starts afresh.

    Attributes:
        model: the network, or the kind of network where several seeds are drawn.
        hlop: circuits; None learns the tasks one after the other without protection.
        optimizer: optax transform; plain gradient descent at 0.1 if None.
        batch: examples an update.
        epochs: passes over each task.
        drop_last: leave out a last incomplete batch. At a high learning rate such a batch can cost many points.
        online_update: an update at every time step (``ottt`` only).
        replay: of stored samples after each task.

    Example:
        >>> from symplast.learning import images
        >>> from symplast.hlop import permuted_tasks
        >>> tasks = permuted_tasks(images("digits"), 2, jax.random.key(0))
        >>> net = SpikingMLP((64, 32, 10), "bptt", key=jax.random.key(1))
        >>> result = ContinualTrainer(net, HLOPConfig((20, 16), (10, 8)), batch=16).run(tasks, jax.random.key(2))
        >>> result.scores.shape, result.rows.tolist()
        ((2, 2, 1), [[20, 16], [30, 24]])
    """

    model: SpikingMLP
    hlop: HLOPConfig | None = None
    optimizer: optax.GradientTransformation | None = None
    batch: int = 64
    epochs: int = 1
    drop_last: bool = True
    online_update: bool = False
    replay: Replay | None = None

    def __post_init__(self) -> None:
        check_count(self.batch, "batch")
        check_count(self.epochs, "epochs")
        if self.hlop and self.hlop.rates and self.model.method == "ottt":
            raise ValueError("rates must be off with method ottt, whose circuits learn at every step")
        if self.online_update and self.model.method != "ottt":
            raise ValueError(
                f"online_update needs method ottt, whose gradients are of single steps; got {self.model.method}"
            )

    def run(self, tasks: Sequence[Task], key: Key[Array, ""], seeds: int | None = None) -> Result:
        """Learn the tasks in their order, and test on all of them after each.

        Args:
            tasks: classification tasks of equal shape.
            key: of orders and lateral rows; with ``seeds`` also of the networks.
            seeds: draw so many networks like ``model`` and train them side by side; None trains ``model``.

        Returns:
            The result.

        Raises:
            ValueError: no tasks, tasks that don't suit the network or the circuits, or circuits that diverge.
        """
        self._check(tasks)
        count = len(tasks)
        schedule: list[tuple[int, ...]] = self.hlop.schedule(self.model.projected, count) if self.hlop else [()] * count
        if self.hlop:
            self.hlop.totals(self.model.widths, count)
        learner = self._learner()
        training = begin(SpikingLearner.like(self.model, self._optimiser), key, 1 if seeds is None else seeds)
        if seeds is None:
            net = jax.tree.map(lambda w: w[None], self.model)
            training = eqx.tree_at(lambda t: t.states, training, training.states._replace(net=net))
        circuits = _Growth(schedule, self.model.widths, self.hlop is not None and self.hlop.exact)
        tests = [Task(task.inputs[:1], task.targets[:1], task.test_inputs, task.test_targets) for task in tasks]
        memory = Memory.of([first_of_each_class(t, self.replay.per_class) for t in tasks]) if self.replay else None
        scores, losses, nets = [], [], []
        for index in range(count):
            task = tasks[index]
            training = self._switched(training, circuits, index)
            training, loss = self._learned(learner, task, training, key)
            self._check_circuits(training.states, task, index)
            circuits.take(training.states.circuits, index)
            if memory is not None and index and self.replay:
                training = self._replayed(training, memory, index + 1)
            scores.append(self._tested(tests, training))
            losses.append(loss)
            nets.append(jax.tree.map(np.array, training.states.net))  # training gives its arrays up
        return Result(
            scores=PERCENT * np.array(scores),
            loss=np.concatenate(losses),
            nets=nets,
            bases=tuple(circuits.rows),
            rows=np.cumsum(np.array(schedule), axis=0),
            deviation=np.array(circuits.deviation),
            clipped=np.array(circuits.clipped),
        )

    def _learner(self) -> SpikingLearner:
        hlop = self.hlop
        return SpikingLearner.like(
            self.model,
            self._optimiser,
            hlop.rules(self.model.projected) if hlop else (),
            spiking_projection=hlop is not None and hlop.spiking_projection,
            rates=hlop is not None and hlop.rates,
            online=self.online_update,
        )

    @property
    def _optimiser(self) -> optax.GradientTransformation:
        return plain_sgd(0.1) if self.optimizer is None else self.optimizer

    def _learned(
        self, learner: SpikingLearner, task: Task, training: Training, key: Key[Array, ""]
    ) -> tuple[Training, np.ndarray]:
        task = Task(task.inputs, task.targets, task.test_inputs[:1], task.test_targets[:1])  # one program for all tests
        rest = len(task.inputs) % self.batch
        if self.drop_last or not rest:
            training, history = train(learner, task, training, self.epochs, self.batch)
            return training, np.asarray(history.loss)
        losses = []
        for _ in range(self.epochs):
            order = jax.random.permutation(jax.random.fold_in(key, ORDERS + training.epoch), len(task.inputs))
            shuffled = eqx.tree_at(lambda t: (t.inputs, t.targets), task, (task.inputs[order], task.targets[order]))
            whole = [(slice(None, -rest), self.batch)] if rest < len(task.inputs) else []
            for part, size in [*whole, (slice(-rest, None), rest)]:
                piece = (shuffled.inputs[part], shuffled.targets[part])
                piece_task = eqx.tree_at(lambda t: (t.inputs, t.targets), shuffled, piece)
                training, history = train(learner, piece_task, training, 1, size)
                losses.append(np.asarray(history.loss))
        return training, np.concatenate(losses)

    def _switched(self, training: Training, circuits: "_Growth", index: int) -> Training:
        """Merged and new rows, a fresh optimiser, and the number of the task."""
        states: SpikingState = training.states
        if index:
            opt = jax.vmap(lambda net: self._optimiser.init(trainable(net)))(states.net)
            states = states._replace(opt=opt, task=_filled(states.task, index))
        if self.hlop:
            states = states._replace(circuits=circuits.next(training.keys, index))
        return Training(states, training.keys, training.epoch)

    def _tested(self, tests: Sequence[Task], training: Training) -> list[np.ndarray]:
        """Accuracy on each task, by its own head."""
        learner, states = self._tester(), training.states._replace(opt=(), circuits=())
        found = []
        for index, test in enumerate(tests):
            asked = states._replace(task=_filled(states.task, index))
            found.append(np.asarray(score(learner, test, Training(asked, training.keys, training.epoch))))
        return found

    def _tester(self) -> SpikingLearner:
        """The same for every trainer of the same network, so that programs are shared."""
        return SpikingLearner.like(self.model, plain_sgd(0.1))

    def _replayed(self, training: Training, memory: Memory, seen: int) -> Training:
        assert self.replay is not None
        nets, states = training.states.net, training.states
        for epoch in range(self.replay.epochs):
            keys = jax.vmap(lambda k: jax.random.fold_in(jax.random.fold_in(k, seen), epoch))(training.keys)  # noqa: B023
            nets = replay_epoch(nets, memory, jnp.int32(seen), keys, self.replay)
        return Training(states._replace(net=nets), training.keys, training.epoch)

    def _check(self, tasks: Sequence[Task]) -> None:
        if len(tasks) < 1:
            raise ValueError("tasks must hold at least one task, got none")
        shape = None
        for number, task in enumerate(tasks, start=1):
            if task.inputs.ndim != 2 or task.inputs.shape[1] != self.model.sizes[0]:
                raise ValueError(
                    f"task {number}: inputs must be (examples, {self.model.sizes[0]}) like the network's first size, "
                    f"got {task.inputs.shape}"
                )
            check_labels(task.targets, self.model.sizes[-1], f"task {number}: targets")
            check_labels(task.test_targets, self.model.sizes[-1], f"task {number}: test_targets")
            if shape not in (None, task.inputs.shape):
                raise ValueError(f"tasks must have equal shapes, got {shape} and {task.inputs.shape}: cut them alike")
            shape = task.inputs.shape
        if self.model.heads is not None and len(self.model.heads.biases) < len(tasks):
            raise ValueError(
                f"heads must be at least one a task: {len(self.model.heads.biases)} for {len(tasks)} tasks"
            )

    def _check_circuits(self, states: SpikingState, task: Task, index: int) -> None:
        """Raise where rows have diverged, and say which rate would do."""
        for layer, circuit in enumerate(states.circuits):
            norms = np.linalg.norm(np.asarray(circuit.new), axis=-1)
            if (norms < TOO_LONG).all():
                continue
            seed = int(np.argmax(~(norms < TOO_LONG).all(axis=1)))
            net = jax.tree.map(lambda w: w[seed], states.net)  # noqa: B023
            activity = net.forward(task.inputs[:256], jnp.int32(index)).activity[layer]
            hlop: Any = self.hlop
            name, lr = ("lr_input", hlop.lr_input) if layer == 0 else ("lr", hlop.lr)
            check_stable(circuit.new[seed], activity.reshape(-1, activity.shape[-1]), lr, name)


class _Growth:
    """The rows of each layer over the tasks, with padding that keeps all later tasks in one program."""

    def __init__(self, schedule: list[tuple[int, ...]], widths: tuple[int, ...], exact: bool):
        self.schedule, self.widths, self.exact = schedule, widths[: len(schedule[0])], exact
        later = schedule[1:] or [schedule[0]]
        self.padded_new = tuple(max(rows) for rows in zip(*later, strict=True))
        self.padded_old = tuple(sum(rows) for rows in zip(*schedule[:-1], strict=True)) or (0,) * len(schedule[0])
        self.rows: list[np.ndarray] = []
        self.deviation: list[list[np.ndarray]] = []
        self.clipped: list[list[np.ndarray]] = []

    def take(self, circuits: tuple[Circuit, ...], index: int) -> None:
        """Merge what a task's circuits have learned."""
        merged = []
        for layer, circuit in enumerate(circuits):
            new = np.array(circuit.new)[:, : self.schedule[index][layer]]
            merged.append(np.concatenate([self.rows[layer], new], axis=1) if self.rows else new)
        self.rows = [self._exact(rows, layer) for layer, rows in enumerate(merged)] if self.exact else merged
        grams = [rows @ rows.swapaxes(1, 2) for rows in self.rows]
        self.deviation.append([np.linalg.norm(gram - np.eye(gram.shape[1]), axis=(1, 2)) for gram in grams])
        self.clipped.append([np.array(circuit.clipped) for circuit in circuits])

    def next(self, keys: Key[Array, " seeds"], index: int) -> tuple[Circuit, ...]:
        """Circuits for a task: merged rows fixed, new ones drawn.

        The first task has a program of its own, without old rows, unless as many rows are new in every task.
        """
        counts = self.padded_new if index else self.schedule[0]
        padded = self.padded_old if counts == self.padded_new else (0,) * len(counts)
        circuits = []
        for layer, new in enumerate(map(np.asarray, _drawn_rows(keys, np.int32(index), counts, self.widths))):
            there = np.arange(new.shape[1]) < self.schedule[index][layer]
            new = new * there[:, None]
            seeds = len(new)
            old = _padded(self.rows[layer] if index else np.zeros((seeds, 0, new.shape[2]), new.dtype), padded[layer])
            circuits.append(Circuit(*map(jnp.asarray, (old, new, np.zeros_like(new), np.zeros(seeds, np.int32)))))
        return tuple(circuits)

    def _exact(self, rows: np.ndarray, layer: int) -> np.ndarray:
        whole = sum(step[layer] for step in self.schedule)
        return np.asarray(_orthonormalised(jnp.asarray(_padded(rows, whole))))[:, : rows.shape[1]]


def _filled(like: Array, value: int) -> Array:
    return jnp.asarray(np.full(like.shape, value, like.dtype))


def _padded(rows: np.ndarray, count: int) -> np.ndarray:
    return np.pad(rows, ((0, 0), (0, count - rows.shape[1]), (0, 0)))


_orthonormalised = jax.jit(jax.vmap(orthonormalised))


@eqx.filter_jit
def _drawn_rows(
    keys: Key[Array, " seeds"], index: Array | np.integer, counts: tuple[int, ...], widths: tuple[int, ...]
) -> tuple[Array, ...]:
    shapes = list(zip(counts, widths, strict=True))
    return jax.vmap(lambda key: random_bases(jax.random.fold_in(key, ROWS + index), shapes))(keys)
