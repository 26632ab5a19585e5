"""Tasks: data to learn from and to be tested on, as arrays that stay on the device."""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from symplast.learning.lengths import length
from symplast.learning.protocol import Batch
from symplast.stats.arguments import is_constant, precision_of


class Task(eqx.Module):
    """Training and test examples; batches are gathered by index, so a change of task never recompiles.

    Attributes:
        inputs, targets: training examples, one a row; targets are classes, whole numbers from 0, (examples,), or
            values, (examples, outputs).
        test_inputs, test_targets: test examples.

    Raises:
        ValueError: numbers of rows that differ, no rows, NaN, negative classes, targets of another kind or shape, test
            values that are all the same.
    """

    inputs: Float[Array, "examples ..."] = eqx.field(converter=jnp.asarray)
    targets: Int[Array, " examples"] | Float[Array, "examples outputs"] = eqx.field(converter=jnp.asarray)
    test_inputs: Float[Array, "tests ..."] = eqx.field(converter=jnp.asarray)
    test_targets: Int[Array, " tests"] | Float[Array, "tests outputs"] = eqx.field(converter=jnp.asarray)

    def __check_init__(self) -> None:
        for part in ("", "test_"):
            x, y = getattr(self, f"{part}inputs"), getattr(self, f"{part}targets")
            _check_examples(x, y, f"{part}inputs", f"{part}targets")
        if self.inputs.shape[1:] != self.test_inputs.shape[1:] or self.targets.shape[1:] != self.test_targets.shape[1:]:
            raise ValueError(
                f"test examples must be shaped like training examples, got inputs {self.inputs.shape} and "
                f"{self.test_inputs.shape}, targets {self.targets.shape} and {self.test_targets.shape}"
            )
        known = not (self.classes or isinstance(self.test_targets, jax.core.Tracer))
        if known and all(map(is_constant_in_its_precision, np.asarray(self.test_targets).T)):
            raise ValueError("test_targets must vary: the share of their variance that is explained is the score")

    @property
    def outputs(self) -> int:
        """Outputs that a learner needs: classes, or values a row."""
        if not self.classes:
            return int(self.targets.shape[1])
        return int(max(np.asarray(each).max() for each in (self.targets, self.test_targets))) + 1

    def epoch(self, key: Key[Array, ""], batch_size: int) -> Int[Array, "steps batch"]:
        """Indices of one epoch's batches: a fresh permutation; a last incomplete batch is left out."""
        steps = self.updates(batch_size)
        order = jax.random.permutation(key, self.inputs.shape[0])
        return order[: steps * batch_size].reshape(steps, batch_size)

    def updates(self, batch_size: int) -> int:
        """Updates of an epoch.

        Raises:
            ValueError: the batch is larger than the training set.
        """
        examples = self.inputs.shape[0]
        if not 1 <= batch_size <= examples:
            raise ValueError(f"batch_size must be in [1, examples={examples}], got {batch_size}")
        return examples // batch_size

    def batch(self, indices: Int[Array, " batch"]) -> Batch:
        """The training examples at the indices."""
        return Batch(self.inputs[indices], self.targets[indices])

    @property
    def classes(self) -> bool:
        """Whether the targets are classes rather than values."""
        return jnp.issubdtype(self.targets.dtype, jnp.integer)

    def score(self, output: Float[Array, "tests outputs"]) -> Float[Array, ""]:
        """How good outputs are on the test examples; 1 is perfect.

        Classes: the share whose largest output is the right one (accuracy). Values: the share of variance explained,
        ``1 - sum (output - target)^2 / sum (target - mean)^2``, in float32 at least. NaN where an output is NaN, or the
        largest of a row is infinite: such outputs say nothing.
        """
        if self.classes:
            right = jnp.mean(jnp.argmax(output, axis=1) == self.test_targets)
            return jnp.where(jnp.isfinite(output.max(axis=1)).all(), right, jnp.nan)
        targets = self.test_targets.astype(jnp.promote_types(self.test_targets.dtype, jnp.float32))
        return 1 - (length(output - targets) / length(targets - targets.mean(axis=0))) ** 2


def is_constant_in_its_precision(values: np.ndarray) -> bool:
    """Whether all values are the same, up to the rounding of their own type."""
    return is_constant(values.astype(np.float64), precision=precision_of(values))


def _check_examples(x: Array, y: Array, inputs: str, targets: str) -> None:
    if x.ndim < 2 or y.ndim < 1 or x.shape[0] != y.shape[0] or x.shape[0] < 1:
        raise ValueError(f"{inputs} and {targets} must have one row an example, got shapes {x.shape} and {y.shape}")
    if jnp.issubdtype(y.dtype, jnp.integer):
        if y.ndim != 1:
            raise ValueError(f"{targets} as classes must be (examples,), whole numbers from 0; got shape {y.shape}")
    elif y.ndim != 2 or not jnp.issubdtype(y.dtype, jnp.floating):
        raise ValueError(
            f"{targets} must be classes, (examples,) whole numbers from 0, or values, (examples, outputs) floats; got "
            f"{y.dtype}{y.shape}"
        )
    if isinstance(x, jax.core.Tracer) or isinstance(y, jax.core.Tracer):
        return
    if not (np.isfinite(np.asarray(x)).all() and np.isfinite(np.asarray(y)).all()):
        raise ValueError(f"{inputs} and {targets} must be finite; they hold NaN or infinity: drop or fill those rows")
    if y.ndim == 1 and (least := np.asarray(y).min()) < 0:
        raise ValueError(f"{targets} must be classes from 0, got {least}")


def images(
    name: Literal["digits", "digits-28", "mnist-5k", "mnist", "fashion-mnist"],
    *,
    train: int | None = None,
    test: int | None = None,
) -> Task:
    """A classification task of images, one flat row each, pixels in [0, 1].

    Args:
        name: a data set of ``symplast.datasets``.
        train: use the first so many training images, None for all.
        test: the same for test images.

    Raises:
        DatasetUnavailable: the data set is not available; says how to get it.
        ValueError: more images asked for than there are.
    """
    from symplast import datasets

    data = datasets.load(name)
    for what, asked, there in (("train", train, len(data.train_images)), ("test", test, len(data.test_images))):
        if asked is not None and not 1 <= asked <= there:
            raise ValueError(f"{what} must be in [1, {there}] for {name}, got {asked}")

    def rows(pixels: np.ndarray) -> Float[Array, "examples pixels"]:
        return jnp.asarray(pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(data.max_value))

    return Task(
        rows(data.train_images[:train]),
        jnp.asarray(data.train_labels[:train].astype(np.int32)),
        rows(data.test_images[:test]),
        jnp.asarray(data.test_labels[:test].astype(np.int32)),
    )


def permuted(task: Task, tasks: int, key: Key[Array, ""]) -> list[Task]:
    """A sequence of tasks with the pixels in another order each; the first keeps its order.

    Raises:
        ValueError: fewer than one task.
    """
    if tasks < 1:
        raise ValueError(f"tasks must be at least 1, got {tasks}")
    pixels = task.inputs.shape[1]
    orders = [jnp.arange(pixels)]
    orders += [jax.random.permutation(jax.random.fold_in(key, index), pixels) for index in range(1, tasks)]
    return [Task(task.inputs[:, o], task.targets, task.test_inputs[:, o], task.test_targets) for o in orders]


def split(task: Task, classes: int, *, renumber: bool = True) -> list[Task]:
    """A sequence of tasks with a few classes each: the classes that occur, in the order of their numbers.

    All tasks are cut to the size of the smallest, so that they share one compiled program.

    Args:
        task: a classification task.
        classes: of each task; a last incomplete group is left out.
        renumber: number them from 0 in each task (one small head serves all; "domain-incremental"), or keep their
            numbers ("class-incremental").

    Raises:
        ValueError: targets that are no classes, a number of classes that gives no task, or classes without training or
            test examples.
    """
    if not task.classes:
        raise ValueError("task must have classes as targets to be split")
    labels, test_labels = np.asarray(task.targets), np.asarray(task.test_targets)
    known = np.unique(labels)
    if unlearned := sorted(set(np.unique(test_labels)) - set(known)):
        raise ValueError(
            f"task must have training examples of every class that is tested; class {unlearned[0]} has none"
        )
    if not 1 <= classes <= len(known):
        raise ValueError(f"classes must be in [1, {len(known)}], the classes that occur; got {classes}")
    groups = [known[first : first + classes] for first in range(0, len(known) - classes + 1, classes)]
    train = min(int(np.isin(labels, group).sum()) for group in groups)
    test = min(int(np.isin(test_labels, group).sum()) for group in groups)

    if test < 1:
        raise ValueError(f"task must have test examples of each group of {classes} classes")
    inputs, test_inputs = np.asarray(task.inputs), np.asarray(task.test_inputs)

    def one(group: np.ndarray) -> Task:
        here, there = np.flatnonzero(np.isin(labels, group))[:train], np.flatnonzero(np.isin(test_labels, group))[:test]
        now, then = labels[here], test_labels[there]
        if renumber:
            now, then = (np.searchsorted(group, each).astype(each.dtype) for each in (now, then))
        return Task(*map(jnp.asarray, (inputs[here], now, test_inputs[there], then)))

    return [one(group) for group in groups]


def teacher_student(
    sizes: tuple[int, ...], examples: int, key: Key[Array, ""], *, activation: str = "linear", tests: int = 100
) -> Task:
    """Regression on the outputs of a random feed-forward teacher; inputs are standard normal.

    Args:
        sizes: units of the teacher's layers, the input first.
        examples: training examples.
        key: random key.
        activation: of the teacher's hidden layers.
        tests: test examples.
    """
    from symplast.learning.feedforward import FeedForwardNet

    for_teacher, for_inputs = jax.random.split(key)
    teacher = FeedForwardNet(sizes, key=for_teacher, activation=activation, readout="mse")
    x = jax.random.normal(for_inputs, (examples + tests, sizes[0]))
    y = jax.vmap(teacher)(x)
    return Task(x[:examples], y[:examples], x[examples:], y[examples:])


def modular_addition(modulus: int, train_fraction: float, key: Key[Array, ""]) -> Task:
    """Class ``(x + y) mod p`` of two one-hot numbers; the pairs left out of training are the test.

    Args:
        modulus: p.
        train_fraction: share of the p^2 pairs to train on.
        key: random key.

    Raises:
        ValueError: a modulus below 2 or a fraction that leaves no training or test pair.
    """
    if modulus < 2:
        raise ValueError(f"modulus must be at least 2, got {modulus}")
    pairs = modulus * modulus
    train = round(train_fraction * pairs)
    if not 0 < train < pairs:
        raise ValueError(f"train_fraction must leave both training and test pairs, got {train_fraction}")
    x, y = jnp.divmod(jax.random.permutation(key, pairs), modulus)
    inputs = jnp.concatenate([jax.nn.one_hot(x, modulus), jax.nn.one_hot(y, modulus)], axis=1)
    targets = (x + y) % modulus
    return Task(inputs[:train], targets[:train], inputs[train:], targets[train:])
