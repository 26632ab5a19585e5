"""Sequences of tasks: permuted pixels, groups of classes, and one data set after another."""

from collections.abc import Sequence
from functools import partial
from typing import Literal, overload

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from symplast.learning.tasks import Task, images, split
from symplast.stats.arguments import check_count, plain

PIXEL_MEAN, PIXEL_SPREAD = 0.1307, 0.3081


class PermutedTasks(Sequence[Task]):
    """The same images with their pixels in another order in each task; a task is made when it is asked for.

    Attributes:
        task: with the pixels in their order.
        orders: (tasks, pixels).
    """

    def __init__(self, task: Task, orders: Int[Array, "tasks pixels"]):
        self.task, self.orders = task, orders

    def __len__(self) -> int:
        return len(self.orders)

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> "PermutedTasks": ...
    def __getitem__(self, index: int | slice) -> "Task | PermutedTasks":
        if isinstance(index, slice):
            return PermutedTasks(self.task, self.orders[index])
        order = np.asarray(self.orders)[range(len(self))[index]]
        inputs, test_inputs = (jnp.asarray(np.asarray(x)[:, order]) for x in (self.task.inputs, self.task.test_inputs))
        return Task(inputs, self.task.targets, test_inputs, self.task.test_targets)


def permuted_tasks(task: Task, n_tasks: int, key: Key[Array, ""]) -> PermutedTasks:
    """A task with its pixels in a fixed random order for each of several tasks, the first included.

    Raises:
        ValueError: fewer than one task.
    """
    return PermutedTasks(task, _orders(key, check_count(n_tasks, "n_tasks"), task.inputs.shape[1]))


@partial(jax.jit, static_argnums=(1, 2))
def _orders(key: Key[Array, ""], tasks: int, pixels: int) -> Int[Array, "tasks pixels"]:
    return jax.vmap(lambda k: jax.random.permutation(k, pixels))(jax.random.split(key, tasks))


def permuted_mnist(
    n_tasks: int, key: Key[Array, ""], *, train: int | None = None, test: int | None = None
) -> PermutedTasks:
    """Permuted MNIST: pixels ``(x/255 - 0.1307) / 0.3081``, in a random order for each task.

    Args:
        n_tasks: how many.
        key: draws the orders.
        train, test: use the first so many images, None for all.

    Raises:
        DatasetUnavailable: MNIST is not available; says how to get it.
        ValueError: fewer than one task, or more images than there are.
    """
    return permuted_tasks(standard_images("mnist", train, test), n_tasks, key)


def standard_images(
    name: Literal["digits", "digits-28", "mnist-5k", "mnist", "fashion-mnist"],
    train: int | None = None,
    test: int | None = None,
) -> Task:
    """Images with the pixels shifted and scaled as for MNIST."""
    plain = images(name, train=train, test=test)

    def shifted(x: Float[Array, "examples pixels"]) -> Float[Array, "examples pixels"]:
        return jnp.asarray((np.asarray(x) - np.float32(PIXEL_MEAN)) / np.float32(PIXEL_SPREAD))

    return Task(shifted(plain.inputs), plain.targets, shifted(plain.test_inputs), plain.test_targets)


def split_tasks(
    X: np.ndarray | Array,
    y: np.ndarray | Array,
    classes_per_task: int,
    *,
    test_share: float = 0.2,
    key: Key[Array, ""] | None = None,
) -> list[Task]:
    """Your own examples as a sequence of tasks with a few classes each, numbered from 0 in each task.

    Args:
        X: (examples, features).
        y: (examples,) class numbers 0, 1, ...
        classes_per_task: classes of each task; a last incomplete group is left out.
        test_share: of the examples kept for the test.
        key: draws which; the last ones if None.

    Returns:
        Tasks of equal shape, cut to the smallest.

    Raises:
        ValueError: shapes that don't fit, NaN, labels that are not class numbers, or a share that leaves nothing.

    Example:
        >>> X = np.random.default_rng(0).random((100, 5))
        >>> tasks = split_tasks(X, np.arange(100) % 4, 2, key=jax.random.key(0))
        >>> len(tasks), tasks[1].inputs.shape[1], int(tasks[1].targets.max())
        (2, 5, 1)
    """
    values, labels = np.asarray(plain(X, "X"), dtype=float), np.asarray(plain(y, "y"))
    if values.ndim != 2 or labels.shape != values.shape[:1]:
        raise ValueError(
            f"X must be (examples, features) with one label a row, got {values.shape} and y {labels.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("X must be finite; it holds NaN or infinity: drop or fill those rows")
    if labels.dtype.kind not in "iu" or labels.size == 0 or labels.min() < 0:
        raise ValueError("y must hold class numbers 0, 1, ...; encode other labels first")
    held = round(test_share * len(labels))
    if not 0 < held < len(labels):
        raise ValueError(f"test_share must leave training and test examples of {len(labels)}, got {test_share}")
    order = np.arange(len(labels)) if key is None else np.asarray(jax.random.permutation(key, len(labels)))
    learned, tested = order[:-held], order[-held:]
    rows = jnp.asarray(values, dtype=float), jnp.asarray(labels, dtype=jnp.int32)
    whole = Task(rows[0][learned], rows[1][learned], rows[0][tested], rows[1][tested])
    return split(whole, classes_per_task)
