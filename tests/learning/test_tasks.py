"""Tasks: what they take, what they refuse."""

import jax.numpy as jnp
import numpy as np
import pytest

from symplast.learning import Task, split

X, Y = np.eye(6, 4), np.array([0, 1, 2, 0, 1, 2])
V = np.linspace(0, 1, 12).reshape(6, 2)


def test_arrays_of_the_user_are_taken_as_they_are() -> None:
    task = Task(X, Y, X[:2], Y[:2])
    assert (task.classes, task.outputs, task.inputs.shape) == (True, 3, (6, 4))
    values = Task(X, V, X, V)
    assert (values.classes, values.outputs) == (False, 2)
    assert float(values.score(jnp.asarray(V))) == pytest.approx(1)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((X, Y[:3], X, Y), "inputs and targets must have one row an example"),
        ((X, Y, X[:0], Y[:0]), "test_inputs and test_targets must have one row an example"),
        ((X, Y - 1, X, Y), "targets must be classes from 0, got -1"),
        ((X * np.nan, Y, X, Y), "inputs and targets must be finite"),
        ((X, V, X, V + np.inf), "test_inputs and test_targets must be finite"),
        ((X, Y.astype(float), X, Y), "targets must be classes, .* or values"),
        ((X, np.eye(6, dtype=int), X, Y), "targets as classes must be"),
        ((X, Y, X[:, :3], Y), "test examples must be shaped like training examples"),
        ((X, V, X, np.ones((6, 2))), "test_targets must vary"),
        ((X[:, 0], Y, X, Y), "one row an example"),
    ],
)
def test_wrong_data(arrays, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Task(*arrays)


def test_outputs_that_are_no_numbers_score_nothing() -> None:
    classes = Task(X, Y, X, Y)
    right = np.eye(3, dtype=np.float32)[Y]
    assert float(classes.score(jnp.asarray(right))) == 1
    assert np.isnan(classes.score(jnp.full((6, 3), jnp.nan)))
    assert np.isnan(classes.score(jnp.asarray(right).at[2, 0].set(jnp.nan)))
    assert np.isnan(classes.score(jnp.full((6, 3), jnp.inf)))
    assert np.isnan(classes.score(jnp.full((6, 3), -jnp.inf)))
    assert float(classes.score(jnp.log(jnp.asarray(right)))) == 1  # probabilities of 0
    assert np.isnan(Task(X, V, X, V).score(jnp.full((6, 2), jnp.nan)))


def test_targets_that_only_rounding_makes_vary_are_refused() -> None:
    third = np.full((6, 1), 0.3, np.float32)
    third[::2] = np.nextafter(third[::2], np.float32(1))
    with pytest.raises(ValueError, match="test_targets must vary"):
        Task(X, third, X, third)
    Task(X, V, X, np.concatenate([third, V[:, :1]], axis=1))  # one output varies


@pytest.mark.parametrize(("dtype", "size"), [(np.float16, 300), (np.float32, 1e25), (np.float32, 1e-25)])
def test_values_of_any_size_are_scored_by_what_is_explained(dtype, size: float) -> None:
    values = (size * np.array([[-1.0], [1.0], [-1.0], [1.0], [-1.0], [1.0]])).astype(dtype)
    task = Task(X, values, X, values)
    exact = np.asarray(values, np.float32)
    assert float(task.score(jnp.asarray(exact))) == pytest.approx(1)
    assert float(task.score(jnp.zeros((6, 1)))) == pytest.approx(0, abs=1e-5)
    assert float(task.score(jnp.asarray(-exact))) == pytest.approx(-3, rel=1e-5)


def test_split_groups_the_classes_that_occur() -> None:
    labels = np.array([0, 2, 4, 7, 0, 2, 4, 7])
    inputs = np.arange(16.0).reshape(8, 2)
    task = Task(inputs, labels, inputs, labels)
    renumbered = split(task, 2)
    assert [each.targets.tolist() for each in renumbered] == [[0, 1, 0, 1]] * 2
    kept = split(task, 2, renumber=False)
    assert [sorted(set(each.targets.tolist())) for each in kept] == [[0, 2], [4, 7]]
    assert np.asarray(kept[1].inputs).tolist() == inputs[[2, 3, 6, 7]].tolist()


@pytest.mark.parametrize(
    ("test_labels", "classes", "message"),
    [
        ([0, 2, 4, 0], 4, r"classes must be in \[1, 3\], the classes that occur; got 4"),
        ([0, 2, 4, 3], 1, "class 3 has none"),
        ([0, 2, 0, 2], 1, "test examples of each group"),
    ],
)
def test_splits_that_make_no_sense(test_labels, classes: int, message: str) -> None:
    inputs = np.ones((4, 2))
    task = Task(inputs, np.array([0, 2, 4, 0]), inputs, np.array(test_labels))
    with pytest.raises(ValueError, match=message):
        split(task, classes)
