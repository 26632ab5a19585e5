"""Learners and training: composition, seeds side by side, one compilation, bit-for-bit resumption."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from symplast.lab.jax_setup import CompileClock
from symplast.learning import (
    Autodiff,
    Backprop,
    DirectFeedback,
    FeedbackAlignment,
    FeedForwardNet,
    GradientLearner,
    KolenPollack,
    SignSymmetric,
    Task,
    alignment,
    average_score,
    backward_transfer,
    begin,
    images,
    modular_addition,
    permuted,
    score,
    teacher_student,
    train,
)

KEY = jax.random.key(0)
RULES = [Autodiff(), Backprop(), FeedbackAlignment(), DirectFeedback(), SignSymmetric(), KolenPollack()]


@pytest.fixture(scope="module")
def digits():
    return images("digits")


def make_network(key):
    return FeedForwardNet((64, 32, 10), key=key, feedback_angle=90)


def learner(rule, transform=None, **more) -> GradientLearner:
    return GradientLearner(make_network, rule, transform or optax.adam(1e-2), **more)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_every_rule_learns_the_digits(rule, digits) -> None:
    learns = learner(rule)
    before = begin(learns, KEY, seeds=2)
    assert float(score(learns, digits, before).max()) < 0.4
    after, history = train(learns, digits, before, epochs=6, batch_size=32)
    assert float(score(learns, digits, after).min()) > 0.85
    updates = len(digits.inputs) // 32
    assert history.loss.shape == (6 * updates, 2)
    assert float(history.loss[-updates:].mean()) < 0.5 * float(history.loss[:updates].mean())


def test_seeds_are_independent_of_their_number(digits) -> None:
    few, _ = train(learner(Backprop()), digits, begin(learner(Backprop()), KEY, 2), 1, 64)
    many, _ = train(learner(Backprop()), digits, begin(learner(Backprop()), KEY, 4), 1, 64)
    for a, b in zip(jax.tree.leaves(few.states.params), jax.tree.leaves(many.states.params), strict=True):
        np.testing.assert_allclose(a, b[:2], rtol=2e-4, atol=2e-5)
        assert not np.allclose(a[0], a[1]) or not a.any()


def test_resumes_bit_for_bit(digits, tmp_path) -> None:
    learns = learner(FeedbackAlignment())
    straight, _ = train(learns, digits, begin(learns, KEY, 2), 3, 64)
    half, _ = train(learns, digits, begin(learns, KEY, 2), 1, 64)
    half.save(tmp_path / "half")  # the very name, whatever its suffix
    assert [path.name for path in tmp_path.iterdir()] == ["half"]
    resumed, _ = train(learns, digits, begin(learns, KEY, 2).load(str(tmp_path / "half")), 2, 64)
    assert int(resumed.epoch) == 3
    for a, b in zip(jax.tree.leaves(straight.states), jax.tree.leaves(resumed.states), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_what_does_not_fit_is_told(digits, tmp_path) -> None:
    learns = learner(Backprop())
    begin(learns, KEY, 2).save(tmp_path / "two.eqx")
    (tmp_path / "text.eqx").write_text("no")
    for name in ("two.eqx", "text.eqx"):
        with pytest.raises(ValueError, match="holds no training like this one"):
            begin(learns, KEY, 3).load(tmp_path / name)
    high = Task(digits.inputs, digits.targets + 5, digits.test_inputs, digits.test_targets)
    with pytest.raises(ValueError, match="classes up to 14, but the learner has 10 outputs"):
        train(learns, high, begin(learns, KEY, 2), 1, 64)


def test_one_compilation_for_all_epochs_and_tasks_of_one_shape(digits) -> None:
    learns = learner(Backprop(), optax.sgd(0.05))
    tasks = permuted(digits, 3, KEY)
    training, _ = train(learns, tasks[0], begin(learns, KEY, 2), 1, 50)
    with CompileClock() as clock:
        for task in tasks:
            training, _ = train(learns, task, training, 2, 50, watch=None)
    assert clock.count <= 2  # stacking the losses, not the epoch


def test_tests_within_an_epoch_change_nothing_and_compile_no_other_training(digits) -> None:
    learns = learner(Backprop())
    straight, without = train(learns, digits, begin(learns, KEY, 2), 2, 64)
    score(learns, digits, straight)
    with CompileClock() as clock:
        tested, history = train(learns, digits, begin(learns, KEY, 2), 2, 64, tests_per_epoch=3)
    assert clock.count == 0
    for a, b in zip(jax.tree.leaves(straight.states), jax.tree.leaves(tested.states), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    assert np.array_equal(without.loss, history.loss)
    assert history.tested_at.tolist() == [7, 15, 22, 29, 37, 44]
    assert np.array_equal(history.score[-1], score(learns, digits, tested))
    assert int(tested.epoch) == 2


class Noise(NamedTuple):
    key: jax.Array

    def reseed(self, key):
        return Noise(key)


def noisy() -> optax.GradientTransformation:
    """A transform with random state: adds noise to each update and remembers that it was called."""

    def init(params):
        return Noise(jax.random.key(0)), jnp.zeros((), jnp.int32)

    def update(updates, state, params=None):
        noise, calls = state
        now, later = jax.random.split(noise.key)
        leaves, structure = jax.tree.flatten(updates)
        keys = jax.random.split(now, len(leaves))
        moved = [u + 0.01 * jax.random.normal(k, u.shape) for u, k in zip(leaves, keys, strict=True)]
        return jax.tree.unflatten(structure, moved), (Noise(later), calls + 1)

    return optax.GradientTransformation(init, update)


def test_random_state_of_a_transform_differs_between_seeds() -> None:
    learns = learner(Backprop(), optax.chain(optax.adam(1e-3), noisy()))
    states = begin(learns, KEY, 3).states
    keys = jax.random.key_data(states.opt[1][0].key)
    assert len({tuple(map(int, k)) for k in keys}) == 3
    assert states.opt[1][1].tolist() == [0, 0, 0]  # the zero update before learning leaves counters alone
    assert states.opt[0][0].count.tolist() == [0, 0, 0]
    again = begin(learns, KEY, 3).states
    assert jnp.array_equal(jax.random.key_data(again.opt[1][0].key), keys)


def levels(step: float) -> optax.GradientTransformation:
    """A synapse that holds multiples of a step only."""

    def update(updates, state, params=None):
        written = jax.tree.map(lambda p, u: step * jnp.round((p + u) / step) - p, params, updates)
        return written, state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def test_predictions_before_learning_see_what_the_synapses_hold() -> None:
    weight = begin(learner(Backprop(), optax.chain(optax.sgd(0.1), levels(0.25))), KEY, 1).states.params.weights[0]
    np.testing.assert_allclose(weight % 0.25, 0, atol=1e-6)


def test_signals_reach_the_transform() -> None:
    seen = {}

    def update(updates, state, params=None, *, pre=None, **_):
        seen["pre"] = jax.tree.map(lambda a: a.shape, pre)
        return updates, state

    listening = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    learns = learner(Backprop(), optax.chain(listening, optax.sgd(0.1)), signals=("pre",))
    state = jax.jit(learns.init)(KEY)
    task = images("digits", train=40)
    eqx.filter_jit(learns.learn)(state, task.batch(jnp.arange(8)), KEY)
    assert seen["pre"].weights == ((8, 64), (8, 32))
    assert seen["pre"].biases == (None, None)


def test_what_does_not_fit_is_said_when_it_is_built() -> None:
    with pytest.raises(ValueError, match="Autodiff offers \\(none\\); got pre"):
        learner(Autodiff(), signals=("pre",))
    with pytest.raises(ValueError, match="Backprop needs a network with activity, weights"):
        GradientLearner(lambda key: eqx.nn.MLP(4, 2, 8, 1, key=key), Backprop(), optax.sgd(0.1))


def test_arrays_that_do_not_learn_are_kept() -> None:
    class Masked(eqx.Module):
        weight: jax.Array
        mask: jax.Array
        readout: str = eqx.field(static=True, default="softmax")

        def __call__(self, x):
            return jnp.where(self.mask, self.weight, 0) @ x

    def build(key):
        return Masked(jnp.ones((10, 64)), jax.random.bernoulli(key, 0.5, (10, 64)))

    learns = GradientLearner(build, Autodiff(), optax.sgd(0.1))
    states = begin(learns, KEY, 2).states
    assert states.buffers.mask.shape == (2, 10, 64)
    assert not jnp.array_equal(states.buffers.mask[0], states.buffers.mask[1])


def test_kolen_pollack_with_decay_aligns_the_feedback(digits) -> None:
    learns = learner(KolenPollack(), optax.chain(optax.add_decayed_weights(0.02), optax.sgd(0.2)))
    training = begin(learns, KEY, 1)

    def angle(training) -> float:
        return float(learns.network(jax.tree.map(lambda a: a[0], training.states)).weight_angle())

    before = angle(training)
    training, _ = train(learns, digits, training, 15, 32)
    assert before > 60
    assert angle(training) < 15


def test_alignment_with_the_gradient(digits) -> None:
    learns = learner(DirectFeedback())
    state = jax.jit(learns.init)(KEY)
    told = alignment(learns, state, digits.batch(jnp.arange(64)), KEY).cosines
    assert float(told.weights[-1]) == pytest.approx(1, abs=1e-4)
    assert abs(float(told.weights[0])) < 0.9


def test_metrics_of_task_sequences() -> None:
    scores = jnp.array([[0.9, 0.1, 0.1], [0.7, 0.8, 0.1], [0.5, 0.6, 0.9]])
    assert float(average_score(scores)) == pytest.approx((0.5 + 0.6 + 0.9) / 3)
    assert float(backward_transfer(scores)) == pytest.approx(((0.5 - 0.9) + (0.6 - 0.8)) / 2)
    with pytest.raises(ValueError, match="at least two tasks"):
        backward_transfer(jnp.ones((1, 1)))


def test_tasks() -> None:
    task = modular_addition(7, 0.8, KEY)
    assert (task.inputs.shape, task.test_inputs.shape) == ((39, 14), (10, 14))
    x, y = task.inputs[:, :7].argmax(1), task.inputs[:, 7:].argmax(1)
    assert jnp.array_equal((x + y) % 7, task.targets)
    shuffled = permuted(images("digits", train=20, test=10), 3, KEY)
    assert jnp.array_equal(jnp.sort(shuffled[2].inputs, 1), jnp.sort(shuffled[0].inputs, 1))
    assert not jnp.array_equal(shuffled[2].inputs, shuffled[1].inputs)
    regression = teacher_student((5, 4, 2), 30, KEY, tests=6)
    assert (regression.inputs.shape, regression.targets.shape, regression.test_targets.shape) == (
        (30, 5),
        (30, 2),
        (6, 2),
    )
    order = task.epoch(KEY, 8)
    assert order.shape == (4, 8)
    assert len(set(order.ravel().tolist())) == 32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: modular_addition(1, 0.5, KEY), "modulus must be at least 2"),
        (lambda: modular_addition(5, 1.0, KEY), "both training and test pairs"),
        (lambda: permuted(modular_addition(5, 0.5, KEY), 0, KEY), "tasks must be at least 1"),
        (lambda: modular_addition(5, 0.5, KEY).epoch(KEY, 99), r"batch_size must be in \[1, examples=12\]"),
        (lambda: images("digits", train=10**6), "train must be in"),
        (lambda: begin(learner(Backprop()), KEY, 0), "seeds must be at least 1"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
