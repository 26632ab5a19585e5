"""Training: one scan over an epoch's batches, vmapped over seeds; checkpoints that resume bit for bit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, PyTree

from symplast.learning.compiling import LIGHTLY, lightly
from symplast.learning.learner import Learner, NetworkReader
from symplast.learning.tasks import Task


class Training(eqx.Module):
    """Seeds in training: everything needed to go on, so a saved one resumes bit for bit.

    Attributes:
        states: learner states, seeds first.
        keys: (seeds,) one key a seed; epoch ``e`` of a seed uses ``fold_in(key, e)``.
        epoch: epochs done.
    """

    states: PyTree
    keys: Key[Array, " seeds"]
    epoch: Array

    def save(self, path: Path | str) -> None:
        """Write to a file of exactly this name; a half-written file never replaces a whole one."""
        part = Path(f"{path}.part")
        with part.open("wb") as file:
            eqx.tree_serialise_leaves(file, self._plain())
        part.replace(path)

    def load(self, path: Path | str) -> "Training":
        """Read what :meth:`save` wrote into a training of the same shape, as :func:`begin` makes it.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, or holds a training of another learner or number of seeds.
        """
        try:
            with Path(path).open("rb") as file:
                plain = eqx.tree_deserialise_leaves(file, self._plain())
        except (RuntimeError, ValueError, EOFError, TypeError) as error:
            raise ValueError(
                f"{path} holds no training like this one, or is damaged: begin it with the sizes, rule, transform and "
                "number of seeds that were saved"
            ) from error
        return jax.tree.map(
            lambda new, old: jax.random.wrap_key_data(new) if _is_key(old) else new, plain, self, is_leaf=_is_key
        )

    def _plain(self) -> "Training":
        return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if _is_key(leaf) else leaf, self)


def _is_key(leaf: object) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def begin(learner: Learner, key: Key[Array, ""], seeds: int) -> Training:
    """Seeds before learning; more seeds extend fewer, seed by seed.

    Raises:
        ValueError: fewer than one seed.
    """
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, got {seeds}")
    keys, for_states = _seed_keys(key, np.arange(seeds))
    return Training(learner.first_states(for_states), keys, jnp.asarray(0, jnp.int32))


@lightly
def _seed_keys(key: Key[Array, ""], seeds: Int[Any, " seeds"]) -> tuple[Key[Array, " seeds"], Key[Array, " seeds"]]:
    """A key a seed, and those of the first states."""
    keys = jax.vmap(lambda seed: jax.random.fold_in(key, seed))(seeds)
    return keys, jax.vmap(lambda key: jax.random.fold_in(key, 0))(keys)


class History(NamedTuple):
    """What happened while seeds learned.

    Attributes:
        loss: (updates, seeds) mean loss of each update's batch, before the update.
        score: (tests, seeds) :meth:`Task.score` on the test examples: accuracy, or explained variance.
        tested_at: (tests,) after how many updates, counted from the start of the call.
    """

    loss: Float[Array, "updates seeds"]
    score: Float[Array, "tests seeds"]
    tested_at: Int[Array, " tests"]

    def updates_to(self, criterion: float) -> Float[Array, " seeds"]:
        """Updates until a seed's score first reaches a criterion, as fine as it was tested; infinity if it never does.

        Example:
            >>> history = History(jnp.zeros((4, 2)), jnp.array([[0.5, 0.2], [0.9, 0.6]]), jnp.array([2, 4]))
            >>> history.updates_to(0.8).tolist()
            [4.0, inf]
        """
        score, tested_at = np.asarray(self.score), np.asarray(self.tested_at)[:, None]
        return jnp.asarray(np.min(np.where(score >= criterion, tested_at, np.inf), axis=0, initial=np.inf), float)


def train(
    learner: Learner,
    task: Task,
    training: Training,
    epochs: int,
    batch_size: int,
    *,
    tests_per_epoch: int = 0,
    watch: Callable[[int, Float[Array, " seeds"]], None] | None = None,
    short: bool = False,
) -> tuple[Training, History]:
    """Go on training for some epochs.

    Args:
        learner: the learner; another one that differs only in numbers doesn't recompile (see
            :class:`GradientLearner`).
        task: its data; another task of the same shape doesn't recompile.
        training: from :func:`begin`, from an earlier call or from a file. Its arrays are given up to this call.
        epochs: how many.
        batch_size: examples an update.
        tests_per_epoch: how often the test score is measured within an epoch, evenly spaced, the last at its end.
        watch: called after each epoch with its number and each seed's mean loss.
        short: compile with little effort, for training that runs for a shorter time than it compiles; the numbers may
            differ by rounding.

    Returns:
        The training after it, and its history.

    Raises:
        ValueError: a negative number of epochs, a batch larger than the training set, or tests_per_epoch outside
            [0, updates of an epoch].
    """
    if epochs < 0:
        raise ValueError(f"epochs must be at least 0, got {epochs}")
    check_outputs(learner, task, training)
    steps = task.updates(batch_size)
    if not 0 <= tests_per_epoch <= steps:
        raise ValueError(f"tests_per_epoch must be in [0, updates of an epoch={steps}], got {tests_per_epoch}")
    tested = [round(steps * (i + 1) / tests_per_epoch) for i in range(tests_per_epoch)]
    stops = tested or [steps]
    losses, scores = [], []
    for _ in range(epochs):
        order, keys = _order(task, batch_size, training.keys, training.epoch)
        seen = []
        for first, stop in zip([0, *stops], stops, strict=False):
            constant = learner, task, order, keys, np.int32(first), np.int32(stop)
            training, loss = (_lightly_jitted if short else _jitted)(constant, training)
            seen.append(np.asarray(loss)[first:stop])
            if tested:
                scores.append(np.asarray(score(learner, task, training), np.float32))
        losses.extend(seen)
        if watch is not None:
            watch(int(training.epoch), jnp.asarray(np.concatenate(seen).mean(axis=0)))
    none = np.zeros((0, len(training.keys)), np.float32)
    tested_at = [each + steps * epoch for epoch in range(epochs) for each in tested]
    return training, History(
        jax.device_put(np.concatenate([none, *losses])),
        jax.device_put(np.concatenate([none, *(each[None] for each in scores)])),
        jax.device_put(np.array(tested_at, np.int32)),
    )


def check_outputs(learner: Learner, task: Task, training: Training) -> None:
    """Raise ValueError where a learner's outputs don't fit the targets of a task."""
    reader, states = learner.reading(training.states)
    given = eqx.filter_eval_shape(jax.vmap(reader.predict, in_axes=(0, None)), states, task.inputs[:1]).shape[-1]
    wanted = task.outputs
    if wanted > given or (wanted != given and not task.classes):
        what = f"classes up to {wanted - 1}" if task.classes else f"{wanted} values a row"
        raise ValueError(f"the task's targets have {what}, but the learner has {given} outputs")


@lightly
def _order(
    task: Task, batch_size: int, keys: Key[Array, " seeds"], epoch: Int[Array, ""]
) -> tuple[Int[Array, "seeds steps batch"], Key[Array, " seeds"]]:
    """Each seed's order of the examples in its next epoch, and the key of its updates."""

    def one_seed(key: Key[Array, ""]) -> tuple[Array, Array]:
        for_order, for_updates = jax.random.split(jax.random.fold_in(key, epoch + 1))
        return task.epoch(for_order, batch_size), for_updates

    return jax.vmap(one_seed)(keys)


Part = tuple[Learner, Task, Int[Array, "seeds steps batch"], Key[Array, " seeds"], Int[Any, ""], Int[Any, ""]]


def _updates(part: Part, training: Training) -> tuple[Training, Float[Array, "steps seeds"]]:
    """A part of an epoch of every seed, from one update to before another; the arrays of ``training`` are donated.

    Which part is an array, so that one program serves an epoch tested anywhere within, or not at all.
    """
    learner, task, orders, keys, first, stop = part

    def one_seed(state: PyTree, order: Array, for_updates: Key[Array, ""]) -> tuple[PyTree, Array]:
        loss = eqx.filter_eval_shape(learner.learn, state, task.batch(order[0]), for_updates)[1]["loss"]

        def update(step: Array, carried: tuple[PyTree, Array]) -> tuple[PyTree, Array]:
            state, losses = carried
            state, metrics = learner.learn(state, task.batch(order[step]), jax.random.fold_in(for_updates, step))
            return state, losses.at[step].set(metrics["loss"])

        return jax.lax.fori_loop(first, stop, update, (state, jnp.zeros(order.shape[0], loss.dtype)))

    states, losses = jax.vmap(one_seed)(training.states, orders, keys)
    done = (stop == orders.shape[1]).astype(training.epoch.dtype)
    return Training(states, training.keys, training.epoch + done), losses.T


_jitted = eqx.filter_jit(_updates, donate="all-except-first")
_lightly_jitted = eqx.filter_jit(_updates, donate="all-except-first", **LIGHTLY)


def score(learner: Learner, task: Task, training: Training) -> Float[Array, " seeds"]:
    """Each seed's :meth:`Task.score` on the test examples: accuracy, or explained variance.

    Learners that predict alike, whatever teaches them, share one program (:meth:`Learner.reading`).
    """
    reader, states = learner.reading(training.states)
    return _scored(reader, states, task)


@eqx.filter_jit
def _scored(reader: Learner | NetworkReader, states: PyTree, task: Task) -> Float[Array, " seeds"]:
    return jax.vmap(lambda state: task.score(reader.predict(state, task.test_inputs)))(states)
