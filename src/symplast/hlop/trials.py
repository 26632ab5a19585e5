"""Paired runs for the experiments: the same tasks, networks and orders with and without protection."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from symplast.hlop.config import HLOPConfig
from symplast.hlop.network import SpikingMLP
from symplast.hlop.replay import Replay
from symplast.hlop.tasks import permuted_tasks, standard_images
from symplast.hlop.trainer import ContinualTrainer, Result
from symplast.hlop.transform import ProjectionState
from symplast.learning.learner import GradientLearner
from symplast.learning.parts import chain, named
from symplast.learning.sequences import average_score, backward_transfer, train_sequence
from symplast.learning.tasks import Task
from symplast.learning.training import Training, begin

PERCENT = 100.0


@dataclass(frozen=True)
class Way:
    """One way to train a spiking network.

    Attributes:
        method, feedback, online, replay: of network and trainer.
        circuits: what its circuits have other than :class:`HLOPConfig` by default.
    """

    method: str
    feedback: str = "bp"
    online: bool = False
    replay: bool = False
    circuits: dict[str, Any] = field(default_factory=dict)


WAYS = {
    "bptt": Way("bptt"),
    "dsr": Way("dsr"),
    "ottt": Way("ottt"),
    "ottt_online": Way("ottt", online=True),
    "bptt_fa": Way("bptt", "fa"),
    "bptt_ss": Way("bptt", "ss"),
    "dsr_fa": Way("dsr", "fa"),
    "dsr_ss": Way("dsr", "ss"),
    "spikes": Way("bptt", circuits={"spiking": (20.0, 40)}),
    "spikes_learning": Way("bptt", circuits={"spiking": (20.0, 40), "spiking_projection": False}),
    "exact": Way("bptt", circuits={"exact": True}),
    "rates": Way("bptt", circuits={"rates": True}),
    "replay": Way("bptt", replay=True),
}
"""By the names that claims use."""


class Outcome(NamedTuple):
    """One way over seeds, with and without circuits.

    Attributes:
        matrix, matrix_sequential: (tasks, tasks, seeds) accuracy in percent.
        response, response_sequential: (seeds,) rms change of layer 1's drive on the test images of task 1, from after
            task 1 to the end.
        predicted: (seeds,) root of the share of their second moment that the rows of task 1 don't hold.
        weights, weights_sequential: (seeds,) norm of the change of layer 1's weights over the same time.
        deviation: (tasks, layers, seeds) of the circuits.
    """

    matrix: np.ndarray
    matrix_sequential: np.ndarray
    response: np.ndarray
    response_sequential: np.ndarray
    predicted: np.ndarray
    weights: np.ndarray
    weights_sequential: np.ndarray
    deviation: np.ndarray

    @property
    def acc_gain(self) -> np.ndarray:
        """(seeds,) points of final accuracy that protection gains."""
        return self.matrix[-1].mean(axis=0) - self.matrix_sequential[-1].mean(axis=0)

    @property
    def bwt_gain(self) -> np.ndarray:
        """(seeds,) points of backward transfer that it gains."""
        return _transfer(self.matrix) - _transfer(self.matrix_sequential)

    @property
    def acc(self) -> np.ndarray:
        """(seeds,) final accuracy with protection."""
        return np.asarray(self.matrix[-1].mean(axis=0))


def _transfer(matrix: np.ndarray) -> np.ndarray:
    return np.asarray(backward_transfer(jnp.asarray(matrix)))


@dataclass
class Bench:
    """Sequences of tasks on which ways of training are compared; every seed has tasks and a network of its own.

    Attributes:
        sequences: tasks of each seed.
        keys: of each seed's network, rows and orders.
        sizes: units of each layer.
        config: circuits.
        heads: readouts, or None for a shared one.
        epochs: passes over each task.
    """

    sequences: Sequence[Sequence[Task]]
    keys: Sequence[Key[Array, ""]]
    sizes: tuple[int, ...]
    config: HLOPConfig
    heads: int | None = None
    epochs: int = 1
    _plain: dict[tuple[Any, ...], list[Result]] = field(default_factory=dict)

    def run(self, way: Way) -> Outcome:
        """Every seed, with and without circuits."""
        protected = self._results(way, replace(self.config, **way.circuits))
        same = way.method, way.feedback, way.online, way.replay
        if same not in self._plain:
            self._plain[same] = self._results(way, None)
        return _outcome(protected, self._plain[same], self.sequences)

    def _results(self, way: Way, config: HLOPConfig | None) -> list[Result]:
        kind = SpikingMLP(self.sizes, way.method, way.feedback, heads=self.heads, key=jax.random.key(0))
        replay = Replay() if way.replay else None
        trainer = ContinualTrainer(kind, config, epochs=self.epochs, online_update=way.online, replay=replay)
        return [trainer.run(tasks, key, seeds=1) for tasks, key in zip(self.sequences, self.keys, strict=True)]


def permuted_bench(config: Any, key: Key[Array, ""]) -> Bench:
    """Permuted MNIST with other orders of the pixels for each seed."""
    plain = standard_images(config.dataset, config.images, config.tests)
    keys = [jax.random.fold_in(key, seed) for seed in range(config.seeds)]
    return Bench(
        [permuted_tasks(plain, config.tasks, jax.random.fold_in(k, 1)) for k in keys],
        keys,
        (784, *config.hidden, 10),
        HLOPConfig(config.rows_first, config.rows_new),
        epochs=config.epochs,
    )


def _outcome(protected: list[Result], plain: list[Result], sequences: Sequence[Sequence[Task]]) -> Outcome:
    changes = [
        [_first_layer(result, tasks[0]) for result, tasks in zip(r, sequences, strict=True)] for r in (protected, plain)
    ]
    with_, without = np.array(changes).transpose(0, 2, 1)
    return Outcome(
        matrix=np.concatenate([result.scores for result in protected], axis=-1),
        matrix_sequential=np.concatenate([result.scores for result in plain], axis=-1),
        response=with_[0],
        response_sequential=without[0],
        predicted=np.array([_unprotected(r, tasks[0]) for r, tasks in zip(protected, sequences, strict=True)]),
        weights=with_[1],
        weights_sequential=without[1],
        deviation=np.concatenate([result.deviation for result in protected], axis=-1),
    )


def _first_layer(result: Result, task: Task) -> tuple[float, float]:
    """Change from after the first task to the end: rms over drives, and norm of the weights'."""
    change = np.asarray(result.nets[-1].weights[0])[0] - np.asarray(result.nets[0].weights[0])[0]
    return float(np.sqrt(np.mean((np.asarray(task.test_inputs) @ change.T) ** 2))), float(np.linalg.norm(change))


def _unprotected(result: Result, task: Task) -> float:
    """Root of the share of the second moment outside the first task's rows of layer 1."""
    x = np.asarray(task.test_inputs)
    rows = result.bases[0][0, : result.rows[0, 0]]
    Q = np.linalg.qr(rows.T)[0]
    return float(np.sqrt(1 - np.sum((x @ Q) ** 2) / np.sum(x**2)))


def rate_pair(
    rule: str, network: str, transform: str, config: Any, key: Key[Array, ""]
) -> tuple[Float[Array, "tasks tasks seeds"], Float[Array, "tasks tasks seeds"]]:
    """Scores of a credit rule on permuted images, without and with projection.

    Seeds have orders of the pixels of their own; within a seed tasks, network and orders of examples are the same.
    """
    plain_task = named("task", config.task).build()
    sizes = (plain_task.inputs.shape[1], *config.hidden, 10)
    part, credit = named("network", network), named("rule", rule).build()

    def make_network(key: Key[Array, ""]) -> Any:
        return part.build(sizes=sizes, readout="softmax", key=key)

    optimiser = f"sgd:learning_rate={config.lr}"
    settings = f"first={config.first},new={config.new},tasks={config.tasks},lr={config.lr_circuit}"
    plain, _ = chain(transform, optimiser)
    protected, signals = chain(f"{transform}+hlop:{settings}", optimiser)
    without, with_ = (
        GradientLearner(make_network, credit, plain),
        GradientLearner(make_network, credit, protected, signals),
    )
    found: list[list[Array]] = [[], []]
    for seed in range(config.seeds):
        for_tasks, for_training = jax.random.split(jax.random.fold_in(key, seed))
        tasks = list(permuted_tasks(plain_task, config.tasks, for_tasks))
        training = begin(with_, for_training, 1)
        for scores, learner, start in zip(found, (without, with_), (_unprojected(training), training), strict=True):
            scores.append(PERCENT * train_sequence(learner, tasks, start, config.epochs, config.batch)[1].score)
    return jnp.concatenate(found[0], axis=-1), jnp.concatenate(found[1], axis=-1)


def _unprojected(training: Training) -> Training:
    """The same networks and orders without circuits, in arrays of their own: training gives its arrays up."""
    states, keys, epoch = jax.tree.map(jnp.array, (training.states, training.keys, training.epoch))
    rest = tuple(node for node in states.opt if not isinstance(node, ProjectionState))
    return Training(states._replace(opt=rest), keys, epoch)


def right_on(net: SpikingMLP, tasks: Sequence[Task], place: int, rows: int = 500) -> Bool[np.ndarray, " images"]:
    """Whether one network (seeds in front: one) is right on each test image of one task."""
    one = jax.tree.map(lambda w: jnp.asarray(w[0]), net)
    task = tasks[place]
    cut = range(0, len(task.test_inputs), rows)
    found = [np.asarray(_answers(one, task.test_inputs[i : i + rows], jnp.int32(place))) for i in cut]
    return np.concatenate(found) == np.asarray(task.test_targets)


@eqx.filter_jit
def _answers(net: SpikingMLP, x: Array, task: Array) -> Array:
    return jnp.argmax(net(x, task), axis=-1)


def gains(plain: Array, protected: Array) -> tuple[np.ndarray, np.ndarray]:
    """(seeds,) points gained in final accuracy and in backward transfer."""
    acc = average_score(protected) - average_score(plain)
    return np.asarray(acc), np.asarray(backward_transfer(protected) - backward_transfer(plain))
