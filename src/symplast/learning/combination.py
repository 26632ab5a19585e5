"""One combination of rule, transforms, network and task, said in words: build it, train it, measure it."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from symplast.learning.alignment import alignment_of_seeds
from symplast.learning.compiling import WORTH_IT
from symplast.learning.learner import GradientLearner, Learner
from symplast.learning.parts import PARTS, Named, NamedNetwork, chain, named
from symplast.learning.protocol import Batch, Parameters, check_fit
from symplast.learning.recurrent import RecurrentNet
from symplast.learning.sequences import average_score, backward_transfer, train_sequence
from symplast.learning.tasks import Task
from symplast.learning.training import History, Training, begin, score, train

Align = Literal["both", "end", "none"]

LAYER = "layer"
"""First word of the names of a layered network's weight matrices."""

ALIGNED_ON = 256
"""Examples on which the rule's direction is compared with the gradient."""


@dataclass(frozen=True)
class Combination:
    """What learns what, in words (:mod:`symplast.learning.parts`).

    Attributes:
        rule: credit rule, or a learner with a network of its own.
        transform: transforms joined by ``+``; ``none`` is the plain optimiser.
        task: a task, or a sequence of tasks.
        network: ``auto`` takes the first kind of network that the rule can work on.
        hidden: units of the hidden layers.
        optimiser: optax optimiser.
        epochs: passes over the training set (of each task).
        batch_size: examples an update.
        tests_per_epoch: how finely the way to the criterion is measured, single tasks only; 0 tests at the end only.
        criterion: score to reach.

    Example:
        >>> tried = Combination("fa", "curl:fraction=0.1", "digits", hidden=(32,), epochs=2)
        >>> measured = tried.measure(jax.random.key(0), seeds=2)
        >>> measured.score.shape, [name for name in measured.alignment]
        ((2,), ['layer 1', 'layer 2'])
    """

    rule: str
    transform: str = "none"
    task: str = "digits"
    network: str = "auto"
    hidden: tuple[int, ...] = (64,)
    optimiser: str = "adam"
    epochs: int = 5
    batch_size: int = 50
    tests_per_epoch: int = 4
    criterion: float = 0.85

    def tasks(self) -> list[Task]:
        """The task, or the sequence.

        Raises:
            ValueError: no such task; DatasetUnavailable: its data is not available.
        """
        made = named("task", self.task).build()
        return list(made) if isinstance(made, list | tuple) else [made]

    def learner(self, tasks: list[Task]) -> Learner:
        """The learner, checked: nothing is left that could turn out wrong while it trains.

        Raises:
            ValueError: parts that don't go together; says why.
        """
        learner = self._joined(tasks)
        state = eqx.filter_eval_shape(learner.init, jax.random.key(0))  # rule and transform look at the network
        if self.network != "auto" and self.network.partition(":")[0] not in PARTS["network"]:
            self._check_own_network(learner, state, tasks)
        return learner

    def _check_own_network(self, learner: Learner, state: Any, tasks: list[Task]) -> None:
        """Raise ValueError where a network of the user's own does not take the inputs or has too few outputs."""
        try:
            found = eqx.filter_eval_shape(learner.predict, state, tasks[0].inputs[:2]).shape
        except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
            raise ValueError(f"{self.network} can't answer an input of the task: {error}") from error
        if len(found) != 2 or found[1] != (wanted := max(task.outputs for task in tasks)):
            raise ValueError(f"{self.network} must have {wanted} outputs for this task, got shape {found[1:]}")

    def _joined(self, tasks: list[Task]) -> Learner:
        """The learner, before it has met a network."""
        first = tasks[0]
        for each in tasks:
            each.updates(self.batch_size)
        if first.inputs.ndim != 2:
            raise ValueError(f"task {self.task} must give one flat row an example, got shape {first.inputs.shape}")
        classes = max(task.outputs for task in tasks)
        sizes = (first.inputs.shape[1], *self.hidden, classes)
        readout = "softmax" if first.classes else "mse"
        asked = named("rule", self.rule)
        if asked.part.brings_network:
            return self._whole_learner(asked, sizes, first.classes)
        rule = asked.build()
        transform, signals = chain(self.transform, self.optimiser)
        refusals = []
        known = [name for name, part in PARTS["network"].items() if part.chosen]
        for name in [self.network] if self.network != "auto" else known:
            try:
                make_network = NamedNetwork.of(named("network", name), sizes, readout)
                check_fit(rule, eqx.filter_eval_shape(make_network, jax.random.key(0)), signals)
            except ValueError as error:
                refusals.append(str(error))
                continue
            return GradientLearner(make_network, rule, transform, signals)
        raise ValueError(refusals[-1])

    def _whole_learner(self, rule: Named, sizes: tuple[int, ...], classes: int | None) -> Learner:
        if self.transform != "none":
            raise ValueError(
                f"{rule.text} changes synapses of its own, so no transform goes with it; got {self.transform}"
            )
        if not classes:
            raise ValueError(f"{rule.text} learns classes; this task has none")
        made: Any = rule.build(sizes=sizes)
        if not isinstance(made, Learner):
            raise ValueError(f"{rule.text}: must make a symplast.learning.Learner, got {type(made).__name__}")
        return made

    def modules(self) -> list[str]:
        """Where the parts are defined, to know when what was measured of them is out of date."""
        parts = [named("rule", self.rule), named("task", self.task), named("optimiser", self.optimiser)]
        parts += [named("network", self.network)] if self.network != "auto" else []
        parts += [named("transform", each.strip()) for each in self.transform.split("+")]
        return [getattr(part.part.load(), "__module__", "") for part in parts]

    def measure(self, key: Key[Array, ""], seeds: int, *, align: Align = "both") -> "Measured":
        """Train seeds side by side and measure them.

        Args:
            key: random key.
            seeds: how many.
            align: where to compare the rule with the gradient: before and after learning (``both``), after it
                (``end``) or not at all (``none``); NaN where it is left out.
        """
        tasks = self.tasks()
        learner = self._joined(tasks)
        training = begin(learner, key, seeds)
        short = self._work(learner, tasks, training) < WORTH_IT
        final: Any
        transfer: Any
        curve: Any
        tested_at: Any
        reached: Any
        at_start, unsettled = _aligned(learner, tasks[0], training, align == "both")
        before = score(learner, tasks[0], training)
        if len(tasks) > 1:
            training, sequence = train_sequence(learner, tasks, training, self.epochs, self.batch_size, short=short)
            final, transfer = average_score(sequence.score), backward_transfer(sequence.score)
            curve, tested_at = np.mean(sequence.score, axis=1), np.arange(1, len(tasks) + 1)
            loss, reached = sequence.loss, np.full(seeds, np.nan)
        else:
            tests = min(self.tests_per_epoch, tasks[0].updates(self.batch_size))
            training, history = train(
                learner, tasks[0], training, self.epochs, self.batch_size, tests_per_epoch=tests, short=short
            )
            if not tests:
                at_end = np.array([len(history.loss)], np.int32)
                history = History(history.loss, score(learner, tasks[0], training)[None], jnp.asarray(at_end))
            final, transfer = np.asarray(history.score)[-1], np.full(seeds, np.nan)
            curve, tested_at = history.score, history.tested_at
            loss, reached = history.loss, history.updates_to(self.criterion)
        aligned, unsettled = _aligned(learner, tasks[-1], training, align != "none")
        recent = max(tasks[0].updates(self.batch_size) // 4, 1)
        return Measured(
            score=final,
            score_before=before,
            loss=np.mean(np.asarray(loss)[-recent:], axis=0),
            backward_transfer=transfer,
            updates_to_criterion=reached,
            alignment_before=at_start,
            alignment=aligned,
            unsettled=unsettled,
            curve=curve,
            tested_at=tested_at,
        )

    def _work(self, learner: Learner, tasks: list[Task], training: Training) -> float:
        """About how many multiplications with a weight all seeds' training takes; infinite for learners unknown."""
        if not isinstance(learner, GradientLearner):
            return np.inf
        network = eqx.filter_eval_shape(learner.make_network, jax.random.key(0))
        steps = 2 * network.relaxation.steps if isinstance(network, RecurrentNet) else 1
        weights = sum(leaf.size for leaf in jax.tree.leaves(training.states.params))
        return float(weights) * steps * self.epochs * sum(len(task.inputs) for task in tasks)


class Measured(NamedTuple):
    """What was measured of each seed.

    Attributes:
        score: on the test examples at the end: accuracy or explained variance; over a sequence the mean over its tasks.
        score_before: the same before learning, on the first task.
        loss: mean over the last quarter epoch's updates.
        backward_transfer: over a sequence of tasks; negative is forgetting. NaN for a single task.
        updates_to_criterion: infinity where it was not reached; NaN for a sequence.
        alignment_before, alignment: cosine between the rule's direction and the gradient, for each forward matrix, over
            the examples that settle; NaN where the learner brings a network of its own.
        unsettled: share of the examples that alignment leaves out because the network does not settle on them in its
            steps; NaN for networks that don't settle by their nature.
        curve: (tests, seeds) score while learning; over a sequence the mean over all tasks after each.
        tested_at: (tests,) updates, or tasks, after which.
    """

    score: Float[Array, " seeds"]
    score_before: Float[Array, " seeds"]
    loss: Float[Array, " seeds"]
    backward_transfer: Float[Array, " seeds"]
    updates_to_criterion: Float[Array, " seeds"]
    alignment_before: dict[str, Float[Array, " seeds"]]
    alignment: dict[str, Float[Array, " seeds"]]
    unsettled: Float[Array, " seeds"]
    curve: Float[Array, "tests seeds"]
    tested_at: Array


def _aligned(
    learner: Learner, task: Task, training: Training, wanted: bool
) -> tuple[dict[str, Float[Array, " seeds"]], Float[Array, " seeds"]]:
    """Cosine of each forward weight matrix, input to output, and the share of examples left out."""
    unknown = jnp.asarray(np.full(len(training.keys), np.nan, np.float32))
    if not isinstance(learner, GradientLearner):
        return {f"{LAYER} 1": unknown}, unknown
    if not wanted:
        return dict.fromkeys(_matrices(training.states.params), unknown), unknown
    rows = min(ALIGNED_ON, task.inputs.shape[0])
    batch = Batch(*(jnp.asarray(np.asarray(each)[:rows]) for each in (task.inputs, task.targets)))
    found = alignment_of_seeds(learner, training.states, batch, training.keys)
    cosines = jax.tree.leaves(found.cosines)
    return {name: cosines[place] for name, place in _matrices(training.states.params).items()}, found.unsettled


def _matrices(params: Parameters) -> dict[str, int]:
    """Places among the leaves of the forward weight matrices, input to output.

    A network without a tuple ``weights`` has its arrays of two or more dimensions (after that of the seeds) instead,
    each under its own name.
    """
    leaves = jax.tree_util.tree_flatten_with_path(params)[0]
    weights = getattr(params, "weights", None)
    if isinstance(weights, tuple):
        places = {id(leaf): place for place, (_, leaf) in enumerate(leaves)}
        return {f"{LAYER} {index}": places[id(weight)] for index, weight in enumerate(weights, start=1)}
    named = {
        jax.tree_util.keystr(path, simple=True, separator="."): place
        for place, (path, leaf) in enumerate(leaves)
        if leaf.ndim > 2
    }
    return named or {"all": 0}
