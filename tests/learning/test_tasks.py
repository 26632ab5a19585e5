"""Tasks: what they take, what they refuse."""

import jax.numpy as jnp
import numpy as np
import pytest

from symplast.learning import Task

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
