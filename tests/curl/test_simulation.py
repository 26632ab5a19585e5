"""Learning runs against a plain NumPy loop of the published rule, and their invariances."""

from functools import cache
from inspect import unwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.curl import (
    CurlRule,
    MiniBatches,
    Moments,
    Samples,
    SignMask,
    TwoLayer,
    draw_feedback,
    draw_inputs,
    draw_net,
    learning_step,
    perturbed_teacher,
    simulate,
    simulate_linear,
)
from symplast.curl.simulation import _run

pytestmark = pytest.mark.usefixtures("float64")

KEY = jax.random.key(0)
SIZES = (7, 5, 2)
ALL = range(26)
"""Epochs that most runs record, so that they share their programs."""


@cache
def pair(activation="tanh", sizes=SIZES):
    """Teacher, student and 24 inputs."""

    @jax.jit
    def drawn(keys):
        teacher, student = (draw_net(k, sizes, scale=1.5, activation=activation) for k in keys[:2])
        return teacher, student, draw_inputs(keys[2], 24, sizes[0])

    return drawn(jax.random.split(KEY, 3))


def reference(student, teacher, X, rule, eta, epochs, *, normalise=True, slope=False):
    """The rule of the paper, line by line, in float64."""
    f = {"linear": lambda z: z, "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}[student.activation]
    df = {"linear": np.ones_like, "tanh": lambda z: 1 - np.tanh(z) ** 2, "relu": lambda z: (z > 0) * 1.0}[
        student.activation
    ]
    w1, w2 = (np.asarray(w, np.float64) for w in student.weights)
    x, n = np.asarray(X, np.float64).T, len(X)
    v1, v2 = (np.asarray(w) for w in teacher.weights)
    y = f(v2 @ f(v1 @ x))
    norms = np.linalg.norm(w1), np.linalg.norm(w2)
    d1, d2 = (np.asarray(s) for s in rule.mask.signs)
    back = w2.T if rule.feedback is None else np.asarray(rule.feedback)
    losses = []
    for _ in range(epochs + 1):
        z1 = w1 @ x
        z2 = w2 @ f(z1)
        error = f(z2) - y
        losses.append(0.5 * np.mean(error**2))
        delta2 = error * df(z2) if slope else error
        back = w2.T if rule.feedback is None else back
        delta1 = (back @ delta2) * df(z1)
        g2, g1 = delta2 @ f(z1).T / n, delta1 @ x.T / n
        before = w1, w2
        if rule.mask.axis == "pre":
            w1, w2 = w1 - eta * g1 * d1, w2 - eta * g2 * d2
        else:
            w1, w2 = w1 - eta * g1 * d1[:, None], w2 - eta * g2 * d2[:, None]
        if normalise:
            w1, w2 = w1 * norms[0] / np.linalg.norm(w1), w2 * norms[1] / np.linalg.norm(w2)
    return losses, before


OTHERWISE = {"slope": True, "feedback": True, "axis": "post"}
FREE = {"normalise": False}


@pytest.mark.parametrize(
    ("activation", "options"),
    [
        *((activation, {}) for activation in ("linear", "tanh", "relu")),
        ("linear", FREE),
        ("linear", OTHERWISE),  # with all of them it overflows
        ("relu", FREE | OTHERWISE),
        *(("tanh", {name: value}) for name, value in (FREE | OTHERWISE).items()),
    ],
)
def test_a_run_is_that_of_the_published_rule(activation, options) -> None:
    teacher, student, X = pair(activation)
    axis = options.get("axis", "pre")
    rule = CurlRule.flipped(SIZES, into_hidden=2, into_readout=1, axis=axis)  # un-normalised it grows without end
    if options.get("feedback"):
        rule = CurlRule(rule.mask, draw_feedback(KEY, SIZES, 2.0))
    plain = {name: value for name, value in options.items() if name in ("normalise", "slope")}
    losses, (w1, w2) = reference(student, teacher, X, rule, 0.1, 25, **plain)
    run = simulate(
        student,
        teacher,
        X,
        rule=rule,
        epochs=25,
        normalise="frobenius" if options.get("normalise", True) else None,
        d2_uses_output_slope=options.get("slope", False),
        record=ALL,
    )
    np.testing.assert_allclose(run.loss, losses, rtol=1e-10)
    np.testing.assert_allclose(run.final.W1, w1, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(run.final.W2, w2, rtol=1e-9, atol=1e-12)
    assert int(run.ascents) == int((np.diff(losses) > 0).sum())
    assert run.status == "limit"


def test_gradient_descent_follows_the_gradient() -> None:
    teacher, student, X = pair()

    @jax.jit
    def both():
        problem = Samples(X.T, teacher(X).T, output_slope=True)
        after = learning_step(problem, CurlRule.flipped(SIZES), student, eta=1.0, normalise=None)(student)
        loss = lambda w: jnp.sum((TwoLayer(*w, "tanh")(X) - teacher(X)) ** 2) / 48  # noqa: E731
        return after.weights, jax.grad(loss)(student.weights)

    for before, after, gradient in zip(student.weights, *both(), strict=True):
        np.testing.assert_allclose(np.asarray(before) - np.asarray(after), gradient, rtol=1e-9, atol=1e-12)


def test_the_covariance_stands_for_the_examples() -> None:
    teacher, student, X = pair("linear")
    rule = CurlRule.flipped(SIZES, into_hidden=2, into_readout=2)
    covariance = jnp.asarray(np.asarray(X).T @ np.asarray(X) / len(X))
    by_rows = simulate(student, teacher, X, rule=rule, epochs=60, record=ALL)
    by_moments = simulate_linear(student, teacher, covariance, rule, epochs=60, record=ALL)
    np.testing.assert_allclose(by_moments.loss, by_rows.loss, rtol=1e-9)
    np.testing.assert_allclose(by_moments.final.W1, by_rows.final.W1, rtol=1e-8, atol=1e-12)


def test_padding_a_linear_net_with_zeros_changes_nothing() -> None:
    teacher, student, _ = pair("linear", sizes=(4, 3, 2))

    def padded(net):
        W1, W2 = map(np.asarray, net.weights)
        return TwoLayer(jnp.asarray(np.pad(W1, ((0, 2), (0, 3)))), jnp.asarray(np.pad(W2, ((0, 0), (0, 2)))))

    def run(net, goal, *signs):
        variances = jnp.asarray(np.eye(net.sizes[0]) / 2)
        rule = CurlRule(SignMask(tuple(map(jnp.asarray, signs))))
        return simulate_linear(net, goal, variances, rule, epochs=50, record=ALL)

    signs = np.array([-1.0, 1, 1, 1, -1, 1, 1]), np.array([1.0, -1, 1, 1, 1])
    one = run(student, teacher, signs[0][:4], signs[1][:3])
    other = run(padded(student), padded(teacher), *signs)
    np.testing.assert_allclose(other.loss, one.loss, rtol=1e-12)


@given(st.integers(0, 5), st.booleans())
@settings(max_examples=15, deadline=None)
def test_norms_are_kept(flipped: int, batches: bool) -> None:
    teacher, student, X = pair()
    rule = CurlRule.flipped(SIZES, into_hidden=flipped, into_readout=flipped)
    run = simulate(student, teacher, X, rule=rule, epochs=30, batch=7 if batches else None, record=ALL, key=KEY)
    for before, after in zip(student.weights, run.final.weights, strict=True):
        assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before), rel=1e-12)


def test_one_batch_of_everything_is_the_full_batch_and_the_last_batch_may_be_short() -> None:
    teacher, student, X = pair()
    shared = {"epochs": 25, "record": ALL}
    rule = CurlRule.flipped(SIZES, into_hidden=1)
    full = simulate(student, teacher, X, rule=rule, **shared)
    whole = simulate(student, teacher, X, rule=rule, batch=24, key=KEY, **shared)
    np.testing.assert_allclose(whole.loss, full.loss, rtol=1e-10)
    # the first epoch at a vanishing step: every example counts once, whatever the batches
    one, other = (
        np.asarray(simulate(student, teacher, X, rule=rule, eta=1e-6, batch=size, key=KEY, **shared).weights.W1)
        for size in (24, 7)
    )
    np.testing.assert_allclose(other[1] - other[0], one[1] - one[0], rtol=1e-4, atol=1e-12)


def test_batches_shuffle_by_key() -> None:
    teacher, student, X = pair()
    runs = [
        simulate(student, teacher, X, epochs=25, batch=7, record=ALL, key=jax.random.key(k)).final.W1 for k in (0, 0, 1)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_a_run_stops_below_its_threshold_whatever_others_do() -> None:
    teacher, student, X = pair("linear")
    record = range(3001)
    losses = np.asarray(simulate(student, teacher, X, epochs=3000, record=record).loss)
    alone = simulate(student, teacher, X, epochs=3000, record=record, stop_below=1e-4)
    assert int(alone.first_below) == int(np.argmax(losses < 1e-4)) > 0
    assert int(alone.epochs) == int(alone.first_below)
    assert alone.status == "below threshold"
    never = jnp.asarray(np.array([1e-4, 0.0, 1e-2]))
    many = jax.vmap(lambda threshold: simulate(student, teacher, X, epochs=3000, record=ALL, stop_below=threshold))(
        never
    )
    first = np.asarray(many.first_below).tolist()
    assert first == [float(alone.first_below), np.inf, float(np.argmax(losses < 1e-2))]
    np.testing.assert_allclose(np.asarray(many.final.W1)[0], alone.final.W1, atol=1e-12)
    with pytest.raises(ValueError, match="status is of one run"):
        _ = many.status


def test_records_after_the_end_hold_the_end() -> None:
    teacher, student, X = pair("linear")
    run = simulate(student, teacher, X, X[:10], epochs=3000, stop_below=1e-3, record=[0, 10, 2999])
    assert float(run.final_loss) < 1e-3
    loss, W1 = np.asarray(run.loss), np.asarray(run.weights.W1)
    assert loss[0] > loss[1] > loss[2] == float(run.final_loss)
    np.testing.assert_array_equal(W1[0], student.W1)
    np.testing.assert_array_equal(W1[2], run.final.W1)
    assert run.test_loss.shape == (3,)
    x, found, wanted = np.asarray(X)[:10], run.final.weights, teacher.weights
    error = x @ (np.asarray(found[1]) @ np.asarray(found[0]) - np.asarray(wanted[1]) @ np.asarray(wanted[0])).T
    assert float(run.test_loss[2]) == pytest.approx(np.mean(error**2) / 2, rel=1e-9)


def test_divergence_is_a_status_with_its_epoch() -> None:
    teacher, student, X = pair("linear")
    rule = CurlRule.flipped(SIZES, into_hidden=7, into_readout=5)
    run = simulate(student, teacher, X, rule=rule, epochs=20_000, normalise=None, record=ALL)
    assert run.status == f"diverged at epoch {int(run.epochs)}"
    assert 0 < int(run.diverged_at) < 20_000


def test_random_signs_change_the_flipped_neurons_only() -> None:
    teacher, student, X = pair()
    rules = [CurlRule(CurlRule.flipped(SIZES, into_readout=2).mask, random_signs=r) for r in (False, True)]
    steady, drawn = (
        np.diff(
            simulate(student, teacher, X, rule=rule, epochs=25, normalise=None, record=ALL, key=KEY).weights.W2, 1, 0
        )
        for rule in rules
    )
    np.testing.assert_allclose(drawn[0][:, 2:], steady[0][:, 2:], rtol=1e-9)
    np.testing.assert_allclose(np.abs(drawn[0]), np.abs(steady[0]), rtol=1e-9)


def test_own_targets() -> None:
    teacher, student, X = pair()
    runs = [simulate(student, goal, X, epochs=25, record=ALL).loss for goal in (teacher, teacher(X))]
    np.testing.assert_array_equal(*runs)


def test_one_compilation_for_all_settings() -> None:
    teacher, student, X = pair(sizes=(7, 6, 2))
    before = _run._cached._cache_size()
    for epochs, eta, stop, flipped in ((10, 0.1, 1e-3, 0), (700, 0.2, 1e-4, 3), (20, 0.05, 0.1, 6)):
        rule = CurlRule.flipped((7, 6, 2), into_hidden=flipped)
        simulate(student, teacher, X, rule=rule, epochs=epochs, eta=eta, stop_below=stop, record=[0, 5])
    assert _run._cached._cache_size() == before + 1


def test_set_up_p_finds_the_reference_values() -> None:
    """20 inputs, 50 hidden units: stable at a tenth of flipped inputs; unstable readout flips find another solution."""
    teacher, student = jax.jit(lambda: perturbed_teacher(KEY, (20, 50, 1)))()
    assert np.linalg.norm(teacher.W1) == pytest.approx(np.sqrt(50))
    for flips, bound in (({"into_hidden": 0.1}, 1e-28), ({"into_readout": 0.3}, 1e-27)):
        rule = CurlRule.flipped((20, 50, 1), **flips)
        run = simulate_linear(student, teacher, rule=rule, epochs=20_000, record=ALL)
        assert float(run.final_loss) < bound


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t, s, X: simulate(s, jnp.ones((24, 2)), X[:, :3]), r"X must be \(rows, inputs=7\)"),
        (lambda t, s, X: simulate(s, draw_net(KEY, (7, 5, 3)), X), "equal inputs and outputs"),
        (lambda t, s, X: unwrap(simulate)(s, t(X)[:3], X), "targets must be"),
        (lambda t, s, X: simulate(s, t(X), X, X), "X_test needs a teacher"),
        (lambda t, s, X: simulate(s, t, X, batch=25, key=KEY), r"batch must be in \[1, rows=24\]"),
        (lambda t, s, X: simulate(s, t, X, batch=5), "need a key"),
        (lambda t, s, X: simulate(s, t, X, eta=-0.1), "eta must be a positive number"),
        (lambda t, s, X: simulate(s, t, X, epochs=0), "epochs must be at least 1"),
        (lambda t, s, X: simulate(s, t, X, record=[3, 1]), "whole numbers that rise"),
        (lambda t, s, X: simulate(s, t, X, epochs=5, record=[6]), r"record must lie in \[0, epochs=5\]"),
        (lambda t, s, X: simulate(s, t, jnp.asarray(np.full((24, 7), np.nan))), "X must be finite"),
        (lambda t, s, X: simulate(TwoLayer(s.W1 * jnp.inf, s.W2), t, X), "W1 must be finite"),
        (lambda t, s, X: simulate(s, t, X, rule=CurlRule.flipped((5, 7, 2), into_hidden=1)), "must have lengths"),
        (lambda t, s, X: unwrap(simulate)(s, t, X, normalise="max"), "normalise must be"),
        (lambda t, s, X: simulate(s, draw_net(KEY, (9, 6, 2)), X), "equal inputs and outputs"),
        (lambda t, s, X: simulate_linear(s, t), "linear teacher"),
        (lambda t, s, X: simulate_linear(s, t.map), "linear student"),
        (lambda t, s, X: simulate_linear(TwoLayer(*s.weights), t.map[:, :3]), r"\(outputs, inputs\)"),
        (lambda t, s, X: unwrap(simulate_linear)(TwoLayer(*s.weights), t.map, jnp.eye(3)), "covariance must be"),
        (
            lambda t, s, X: learning_step(
                MiniBatches(X.T, t(X).T, batch=2), CurlRule.flipped(SIZES), s
            ),
            "without randomness",
        ),
        (lambda t, s, X: draw_net(KEY, (0, 1, 1)), "sizes must be at least 1"),
        (lambda t, s, X: perturbed_teacher(KEY, SIZES, size=1e-20), "vanishes next to float64"),
    ],
)  # fmt: skip
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(*pair())


def test_a_teacher_of_another_hidden_size_is_fine() -> None:
    _, student, X = pair()
    assert simulate(student, draw_net(KEY, (7, 30, 2)), X, epochs=25, record=ALL).status == "limit"
    assert isinstance(Moments(jnp.ones((1, 2)), jnp.asarray(1.0)), Moments)
