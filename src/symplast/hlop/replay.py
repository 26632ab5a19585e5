"""Replay of a few stored samples of all tasks after each: no projection, and circuits don't learn."""

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from symplast.hlop.network import SpikingMLP, loss_of
from symplast.learning.tasks import Task
from symplast.spiking.arguments import check_positive
from symplast.stats.arguments import check_count


@dataclass(frozen=True)
class Replay:
    """What is stored, and how it is learned again: each update sums the mean losses of all tasks so far.

    Attributes:
        per_class: samples of each class and task.
        epochs: passes over them.
        lr: of plain gradient descent.
        batch: samples of each task in an update.

    Raises:
        ValueError: a count below 1 or a rate that is not positive.
    """

    per_class: int = 50
    epochs: int = 1
    lr: float = 0.01
    batch: int = 50

    def __post_init__(self) -> None:
        for name in ("per_class", "epochs", "batch"):
            check_count(getattr(self, name), name)
        check_positive(self.lr, "lr")


class Memory(NamedTuple):
    """Stored samples of every task.

    Attributes:
        inputs: (tasks, samples, features).
        targets: (tasks, samples).
    """

    inputs: Float[Array, "tasks samples features"]
    targets: Int[Array, "tasks samples"]

    @classmethod
    def of(cls, tasks: list[tuple[np.ndarray, np.ndarray]]) -> "Memory":
        """From each task's samples."""
        return cls(jnp.asarray(np.stack([x for x, _ in tasks])), jnp.asarray(np.stack([y for _, y in tasks])))


def first_of_each_class(task: Task, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """The first so many training examples of each class.

    Raises:
        ValueError: a class has fewer.
    """
    labels = np.asarray(task.targets)
    chosen = []
    for label in np.unique(labels):
        found = np.flatnonzero(labels == label)[:per_class]
        if len(found) < per_class:
            raise ValueError(f"per_class must be at most {len(found)}, the examples of class {label}; got {per_class}")
        chosen.append(found)
    index = np.concatenate(chosen)
    return np.asarray(task.inputs)[index], labels[index]


@eqx.filter_jit
def replay_epoch(
    nets: SpikingMLP,
    memory: Memory,
    seen: Int[Array, ""],
    keys: Key[Array, " seeds"],
    replay: Replay,
) -> SpikingMLP:
    """One pass over what is stored of the tasks seen, for each seed.

    Args:
        nets: networks, seeds first.
        memory: samples of all tasks, those to come included (they don't count).
        seen: how many tasks count.
        keys: orders.
        replay: settings; a last incomplete batch is left out.

    Returns:
        The networks after it.
    """
    (tasks, samples), batch = memory.targets.shape, replay.batch
    if samples < batch:
        raise ValueError(f"replay: batch must be at most the {samples} samples stored of each task, got {batch}")
    steps = samples // batch
    owner = jnp.repeat(jnp.arange(tasks), batch)
    counts = jnp.where(owner < seen, 1.0 / batch, 0.0)

    def one_seed(net: SpikingMLP, key: Key[Array, ""]) -> SpikingMLP:
        order = jax.random.permutation(key, samples)[: steps * batch].reshape(steps, batch)

        def update(net: SpikingMLP, index: Int[Array, " batch"]) -> tuple[SpikingMLP, None]:
            x, y = memory.inputs[:, index].reshape(tasks * batch, -1), memory.targets[:, index].reshape(-1)

            def loss(net: SpikingMLP) -> Array:
                return loss_of(net.forward(x, owner).output, y, counts)

            grads = jax.grad(loss)(net)
            held = jax.tree.map(jnp.zeros_like, (grads.thresholds, grads.backward))
            grads = eqx.tree_at(lambda g: (g.thresholds, g.backward), grads, held)
            return jax.tree.map(lambda w, g: w - replay.lr * g, net, grads), None

        return jax.lax.scan(update, net, order)[0]

    return jax.vmap(one_seed)(nets, keys)
