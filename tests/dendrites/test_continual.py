"""The four models of the ablation, one program for all rates, and what each component is worth on small data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast import datasets
from symplast.dendrites import (
    MODELS,
    AdamPrototypeLearner,
    component_learner,
    learn_in_sequence,
    permuted_mnist,
    rate_scores,
    recognised,
    standardised,
)
from symplast.lab.jax_setup import CompileClock
from symplast.learning import Task, average_score, images, permuted

KEY = jax.random.key(0)
SIZES = (64, 400, 400, 10)


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return permuted(standardised(images("digits")), 3, KEY)


@pytest.mark.parametrize("model", MODELS)
def test_what_each_model_is_made_of(model: str) -> None:
    learner = component_learner(model, (64, 40, 40, 10), tasks=3)
    network = jax.eval_shape(learner.make_network, KEY)
    dendrites, sparse = "dendrites" in model, "sparse" in model
    assert isinstance(learner, AdamPrototypeLearner) == dendrites
    for hidden in network.layers[:-1]:
        assert (hidden.segments is not None) == dendrites
        assert hidden.winners == (2 if sparse else None)
        assert (hidden.mask is None) == (model == "MLP")
        if dendrites:
            assert hidden.segments.shape == (40, 3, 64)
    assert (network.layers[-1].mask is None) == (model == "MLP")


def test_dendrites_and_sparse_activity_forget_less_on_digits(tasks) -> None:
    both, mlp = (component_learner(model, SIZES, 3) for model in ("dendrites and sparse", "MLP"))
    training, ours = learn_in_sequence(both, tasks, 5e-3, KEY, 4, 16)
    _, plain = learn_in_sequence(mlp, tasks, 3e-4, KEY, 4, 16)
    assert float(average_score(ours.score)[0]) > float(average_score(plain.score)[0]) + 0.1
    assert recognised(training, tasks) == 1
    assert recognised(training, tasks[::-1]) < 0.5  # only the middle task is where it was


def test_one_program_for_all_rates_and_the_rate_is_the_step(tasks) -> None:
    """Adam's first step is the rate wherever there is a gradient."""
    few = [Task(t.inputs[:16], t.targets[:16], t.test_inputs[:16], t.test_targets[:16]) for t in tasks[:1]]
    learner = component_learner("sparse only", (64, 40, 10), tasks=1)
    before = jax.jit(learner.init)(jax.random.fold_in(jax.random.fold_in(KEY, 0), 0)).params.layers[-1].bias
    training, history = learn_in_sequence(learner, few, 1e-3, KEY, 1, 16)
    np.testing.assert_allclose(jnp.abs(training.states.params.layers[-1].bias[0] - before), 1e-3, rtol=1e-3)
    with CompileClock() as clock:
        training, _ = learn_in_sequence(learner, few, 2e-2, KEY, 1, 16)
    assert clock.count == 0
    np.testing.assert_allclose(jnp.abs(training.states.params.layers[-1].bias[0] - before), 2e-2, rtol=1e-3)
    scores = rate_scores(learner, [1e-3], few, KEY, 1, 16)
    assert scores.tolist() == [float(average_score(history.score)[0])]


def test_standardised(tasks) -> None:
    plain = images("digits", train=100, test=50)
    task = standardised(plain)
    assert float(task.inputs.mean()) == pytest.approx(0, abs=1e-6)
    assert float(task.inputs.std()) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(
        task.test_inputs, (plain.test_inputs - plain.inputs.mean()) / plain.inputs.std(), atol=1e-6
    )
    grey = Task(jnp.full((7, 3), 0.1), plain.targets[:7], plain.test_inputs[:, :3], plain.test_targets)
    with pytest.raises(ValueError, match="spread must be given where all training inputs are the same"):
        standardised(grey)
    assert float(standardised(grey, 0.0, 0.2).inputs[0, 0]) == pytest.approx(0.5)


def test_permuted_mnist() -> None:
    try:
        sequence = permuted_mnist(3, KEY, train=50, test=20)
    except datasets.DatasetUnavailable as error:
        pytest.skip(str(error))
    assert [(len(t.inputs), len(t.test_inputs)) for t in sequence] == [(50, 20)] * 3
    assert float(sequence[0].inputs.min()) == pytest.approx(-0.13062755 / 0.3081078, rel=1e-6)
    assert float(sequence[0].inputs.max()) == pytest.approx((1 - 0.13062755) / 0.3081078, rel=1e-6)
    orders = [np.lexsort(np.asarray(t.inputs)[::-1]) for t in sequence[:2]]
    assert not np.array_equal(*orders)
    np.testing.assert_array_equal(jnp.sort(sequence[2].test_inputs), jnp.sort(sequence[0].test_inputs))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: component_learner("dendrite", SIZES, 2), "model must be one of dendrites and.*got 'dendrite'"),
        (lambda: component_learner("MLP", SIZES, 0), "tasks must be at least 1, got 0"),
        (lambda: learn_in_sequence(component_learner("MLP", SIZES, 2), [], 0.0, KEY, 1, 16), "rate must be positive"),
        (lambda: learn_in_sequence(component_learner("MLP", SIZES, 2), [], 0.1, KEY, 1, 16), "at least one task"),
        (lambda: standardised(images("digits", train=9), spread=0.0), "spread must be positive, got 0.0"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
