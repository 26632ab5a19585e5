"""Training: one scan over an epoch's batches, vmapped over seeds; checkpoints that resume bit for bit."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from symplast.learning.learner import Learner
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

    def save(self, path: Path) -> None:
        """Write to a file; a half-written file never replaces a whole one."""
        part = Path(f"{path}.part")
        eqx.tree_serialise_leaves(part, self._plain())
        part.replace(path)

    def load(self, path: Path) -> "Training":
        """Read what :meth:`save` wrote into a training of the same shape, as :func:`begin` makes it.

        Raises:
            ValueError: the file is damaged, or holds a training of another learner or number of seeds.
        """
        try:
            plain = eqx.tree_deserialise_leaves(path, self._plain())
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
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(seeds))
    return Training(_first_states(learner, keys), keys, jnp.zeros((), jnp.int32))


@eqx.filter_jit
def _first_states(learner: Learner, keys: Key[Array, " seeds"]) -> PyTree:
    return jax.vmap(lambda key: learner.init(jax.random.fold_in(key, 0)))(keys)


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
        reached = self.score >= criterion
        return jnp.min(jnp.where(reached, self.tested_at[:, None], jnp.inf), axis=0, initial=jnp.inf)


def train(
    learner: Learner,
    task: Task,
    training: Training,
    epochs: int,
    batch_size: int,
    *,
    tests_per_epoch: int = 0,
    watch: Callable[[int, Float[Array, " seeds"]], None] | None = None,
) -> tuple[Training, History]:
    """Go on training for some epochs.

    Args:
        learner: the learner.
        task: its data; another task of the same shape doesn't recompile.
        training: from :func:`begin`, from an earlier call or from a file. Its arrays are given up to this call.
        epochs: how many.
        batch_size: examples an update.
        tests_per_epoch: how often the test score is measured within an epoch, evenly spaced, the last at its end.
        watch: called after each epoch with its number and each seed's mean loss.

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
    tested = jnp.array([round(steps * (i + 1) / tests_per_epoch) for i in range(tests_per_epoch)], jnp.int32)
    test_now = jnp.zeros(steps, bool).at[tested - 1].set(True)
    losses, scores = [], []
    for _ in range(epochs):
        training, loss, score = _jitted_epoch((learner, task, batch_size, test_now), training)
        losses.append(np.asarray(loss))
        scores.append(np.asarray(score)[np.asarray(test_now)])
        if watch is not None:
            watch(int(training.epoch), loss.mean(axis=0))
    none = np.zeros((0, len(training.keys)), np.float32)
    tested_at = [tested + steps * epoch for epoch in range(epochs)]
    return training, History(
        jnp.asarray(np.concatenate([none, *losses])),
        jnp.asarray(np.concatenate([none, *scores])),
        jnp.asarray(np.concatenate([np.zeros(0, np.int32), *tested_at])),
    )


def check_outputs(learner: Learner, task: Task, training: Training) -> None:
    """Raise ValueError where a learner's outputs don't fit the targets of a task."""
    one = jax.tree.map(lambda leaf: leaf[0], training.states)
    given = eqx.filter_eval_shape(learner.predict, one, task.inputs[:1]).shape[-1]
    wanted = task.outputs
    if wanted > given or (wanted != given and not task.classes):
        what = f"classes up to {wanted - 1}" if task.classes else f"{wanted} values a row"
        raise ValueError(f"the task's targets have {what}, but the learner has {given} outputs")


def _epoch(
    constant: tuple[Learner, Task, int, Bool[Array, " steps"]], training: Training
) -> tuple[Training, Float[Array, "steps seeds"], Float[Array, "steps seeds"]]:
    """One epoch of every seed; the arrays of ``training`` are donated."""
    learner, task, batch_size, test_now = constant

    def one_seed(state: PyTree, key: Key[Array, ""]) -> tuple[PyTree, tuple[Array, Array]]:
        for_order, for_updates = jax.random.split(jax.random.fold_in(key, training.epoch + 1))
        order = task.epoch(for_order, batch_size)

        def test(state: PyTree) -> Float[Array, ""]:
            return task.score(learner.predict(state, task.test_inputs)).astype(jnp.float32)

        def update(carried: PyTree, step: tuple[Array, Array, Array]) -> tuple[PyTree, tuple[Array, Array]]:
            index, number, now = step
            state, metrics = learner.learn(carried, task.batch(index), jax.random.fold_in(for_updates, number))
            return state, (metrics["loss"], jax.lax.cond(now, test, lambda _: jnp.float32(jnp.nan), state))

        return jax.lax.scan(update, state, (order, jnp.arange(order.shape[0]), test_now))

    states, (losses, scores) = jax.vmap(one_seed)(training.states, training.keys)
    return Training(states, training.keys, training.epoch + 1), losses.T, scores.T


_jitted_epoch = eqx.filter_jit(_epoch, donate="all-except-first")


@eqx.filter_jit
def score(learner: Learner, task: Task, training: Training) -> Float[Array, " seeds"]:
    """Each seed's :meth:`Task.score` on the test examples: accuracy, or explained variance."""
    return jax.vmap(lambda state: task.score(learner.predict(state, task.test_inputs)))(training.states)
