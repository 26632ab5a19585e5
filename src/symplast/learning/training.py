"""Training: one scan over an epoch's batches, vmapped over seeds; checkpoints that resume bit for bit."""

from collections.abc import Callable
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

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
        part = Path(path).with_suffix(".part")
        eqx.tree_serialise_leaves(part, self._plain())
        part.replace(path)

    def load(self, path: Path) -> "Training":
        """Read what :meth:`save` wrote into a training of the same shape, as :func:`begin` makes it."""
        plain = eqx.tree_deserialise_leaves(path, self._plain())
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
    states = eqx.filter_jit(jax.vmap(lambda k: learner.init(jax.random.fold_in(k, 0))))(keys)
    return Training(states, keys, jnp.zeros((), jnp.int32))


def train(
    learner: Learner,
    task: Task,
    training: Training,
    epochs: int,
    batch_size: int,
    *,
    watch: Callable[[int, Float[Array, " seeds"]], None] | None = None,
) -> tuple[Training, Float[Array, "epochs steps seeds"]]:
    """Go on training for some epochs.

    Args:
        learner: the learner.
        task: its data; another task of the same shape doesn't recompile.
        training: from :func:`begin`, from an earlier call or from a file. Its arrays are given up to this call.
        epochs: how many.
        batch_size: examples an update.
        watch: called after each epoch with its number and each seed's mean loss.

    Returns:
        The training after it, and the loss of each update.
    """
    losses = []
    for _ in range(epochs):
        training, loss = _jitted_epoch((learner, task, batch_size), training)
        losses.append(loss)
        if watch is not None:
            watch(int(training.epoch), loss.mean(axis=0))
    return training, jnp.stack(losses) if losses else jnp.zeros((0, 0, len(training.keys)))


def _epoch(constant: tuple[Learner, Task, int], training: Training) -> tuple[Training, Float[Array, "steps seeds"]]:
    """One epoch of every seed; the arrays of ``training`` are donated."""
    learner, task, batch_size = constant

    def one_seed(state: PyTree, key: Key[Array, ""]) -> tuple[PyTree, Array]:
        for_order, for_updates = jax.random.split(jax.random.fold_in(key, training.epoch + 1))
        order = task.epoch(for_order, batch_size)

        def update(carried: PyTree, step: tuple[Array, Array]) -> tuple[PyTree, Array]:
            index, number = step
            state, metrics = learner.learn(carried, task.batch(index), jax.random.fold_in(for_updates, number))
            return state, metrics["loss"]

        return jax.lax.scan(update, state, (order, jnp.arange(order.shape[0])))

    states, losses = jax.vmap(one_seed)(training.states, training.keys)
    return Training(states, training.keys, training.epoch + 1), losses.T


_jitted_epoch = eqx.filter_jit(_epoch, donate="all-except-first")


@eqx.filter_jit
def accuracy(learner: Learner, task: Task, training: Training) -> Float[Array, " seeds"]:
    """Share of the test examples that each seed classifies rightly."""
    return jax.vmap(lambda state: task.accuracy(learner.predict(state, task.test_inputs)))(training.states)
