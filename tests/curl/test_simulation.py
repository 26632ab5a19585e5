"""Learning runs against a plain NumPy loop of the published rule, and their invariances."""

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

KEY = jax.random.key(0)
SIZES = (7, 5, 2)


def pair(activation="tanh", sizes=SIZES, rows=24, key=KEY):
    keys = jax.random.split(key, 3)
    teacher, student = (draw_net(k, sizes, scale=1.5, activation=activation) for k in keys[:2])
    return teacher, student, draw_inputs(keys[2], rows, sizes[0])


def reference(student, teacher, X, rule, eta, epochs, *, normalise=True, slope=False):
    """The rule of the paper, line by line, in float64."""
    f = {"linear": lambda z: z, "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}[student.activation]
    df = {"linear": np.ones_like, "tanh": lambda z: 1 - np.tanh(z) ** 2, "relu": lambda z: (z > 0) * 1.0}[
        student.activation
    ]
    w1, w2 = (np.asarray(w, np.float64) for w in student.weights)
    x, n = np.asarray(X, np.float64).T, len(X)
    y = np.asarray(teacher(X), np.float64).T
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


@pytest.mark.parametrize("axis", ["pre", "post"])
@pytest.mark.parametrize("activation", ["linear", "tanh", "relu"])
@pytest.mark.parametrize("options", [{}, {"normalise": False}, {"slope": True}, {"feedback": True}])
def test_a_run_is_that_of_the_published_rule(axis, activation, options) -> None:
    if axis == "post" and options:
        pytest.skip("the options don't touch the signs' axis")
    with jax.enable_x64(True):
        teacher, student, X = pair(activation)
        rule = CurlRule.flipped(SIZES, into_hidden=2, into_readout=1, axis=axis)  # un-normalised it grows without end
        if options.get("feedback"):
            rule = CurlRule(rule.mask, draw_feedback(KEY, SIZES, 2.0))
        plain = {name: value for name, value in options.items() if name != "feedback"}
        losses, (w1, w2) = reference(student, teacher, X, rule, 0.1, 25, **plain)
        run = simulate(
            student,
            teacher,
            X,
            rule=rule,
            epochs=25,
            normalise="frobenius" if options.get("normalise", True) else None,
            d2_uses_output_slope=options.get("slope", False),
            record=range(26),
        )
    np.testing.assert_allclose(run.loss, losses, rtol=1e-10)
    np.testing.assert_allclose(run.final.W1, w1, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(run.final.W2, w2, rtol=1e-9, atol=1e-12)
    assert int(run.ascents) == int((np.diff(losses) > 0).sum())
    assert run.status == "limit"


def test_gradient_descent_follows_the_gradient() -> None:
    with jax.enable_x64(True):
        teacher, student, X = pair("tanh", sizes=(7, 5, 1))
        problem = Samples(X.T, teacher(X).T, output_slope=True)
        step = learning_step(problem, CurlRule.flipped((7, 5, 1)), student, eta=1.0, normalise=None)
        moved = jax.tree.map(lambda a, b: a - b, student, step(student))
        gradient = jax.grad(lambda w: 0.5 * jnp.mean((TwoLayer(*w, "tanh")(X) - teacher(X)) ** 2))(student.weights)
    np.testing.assert_allclose(moved.W1, gradient[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(moved.W2, gradient[1], rtol=1e-9, atol=1e-12)


def test_the_covariance_stands_for_the_examples() -> None:
    with jax.enable_x64(True):
        teacher, student, X = pair("linear")
        rule = CurlRule.flipped(SIZES, into_hidden=2, into_readout=2)
        by_rows = simulate(student, teacher, X, rule=rule, epochs=60)
        by_moments = simulate_linear(student, teacher, X.T @ X / len(X), rule, epochs=60)
    np.testing.assert_allclose(by_moments.loss, by_rows.loss, rtol=1e-9)
    np.testing.assert_allclose(by_moments.final.W1, by_rows.final.W1, rtol=1e-8, atol=1e-12)


def test_padding_a_linear_net_with_zeros_changes_nothing() -> None:
    with jax.enable_x64(True):
        teacher, student, _ = pair("linear", sizes=(4, 3, 1))

        def padded(net):
            return TwoLayer(jnp.pad(net.W1, ((0, 2), (0, 3))), jnp.pad(net.W2, ((0, 0), (0, 2))))

        signs = SignMask((jnp.array([-1.0, 1, 1, 1, -1, 1, 1]), jnp.array([1.0, -1, 1, 1, 1])))
        small = CurlRule(SignMask((signs.signs[0][:4], signs.signs[1][:3])))
        one = simulate_linear(student, teacher, rule=small, epochs=50)
        other = simulate_linear(padded(student), padded(teacher), rule=CurlRule(signs), epochs=50)
    np.testing.assert_allclose(other.loss, one.loss, rtol=1e-12)


@given(st.integers(0, 5), st.booleans())
@settings(max_examples=8, deadline=None)
def test_norms_are_kept(flipped: int, batches: bool) -> None:
    teacher, student, X = pair()
    rule = CurlRule.flipped(SIZES, into_hidden=flipped, into_readout=flipped)
    run = simulate(student, teacher, X, rule=rule, epochs=30, batch=5 if batches else None, key=KEY)
    for before, after in zip(student.weights, run.final.weights, strict=True):
        assert float(jnp.linalg.norm(after)) == pytest.approx(float(jnp.linalg.norm(before)), rel=1e-5)


def test_one_batch_of_everything_is_the_full_batch_and_the_last_batch_may_be_short() -> None:
    with jax.enable_x64(True):
        teacher, student, X = pair()
        rule = CurlRule.flipped(SIZES, into_hidden=1)
        full = simulate(student, teacher, X, rule=rule, epochs=20)
        whole = simulate(student, teacher, X, rule=rule, epochs=20, batch=24, key=KEY)
        np.testing.assert_allclose(whole.loss, full.loss, rtol=1e-10)
        # one epoch at a vanishing step: every example counts once, whatever the batches
        one, other = (
            simulate(student, teacher, X, rule=rule, eta=1e-6, epochs=1, batch=size, key=KEY, normalise=None).final.W1
            for size in (24, 7)
        )
        np.testing.assert_allclose(other - student.W1, one - student.W1, rtol=1e-4, atol=1e-14)


def test_batches_shuffle_by_key() -> None:
    teacher, student, X = pair()
    runs = [simulate(student, teacher, X, epochs=10, batch=4, key=jax.random.key(k)).final.W1 for k in (0, 0, 1)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_a_run_stops_below_its_threshold_whatever_others_do() -> None:
    teacher, student, X = pair("linear", sizes=(7, 5, 1), rows=60)
    losses = simulate(student, teacher, X, epochs=3000, record=range(3001)).loss
    alone = simulate(student, teacher, X, epochs=3000, stop_below=1e-4)
    assert int(alone.first_below) == int(np.argmax(np.asarray(losses) < 1e-4))
    assert int(alone.epochs) == int(alone.first_below)
    assert alone.status == "below threshold"
    never = jnp.array([1e-4, 0.0, 1e-2])
    many = jax.vmap(lambda threshold: simulate(student, teacher, X, epochs=3000, stop_below=threshold))(never)
    assert many.first_below.tolist()[::2] == [float(alone.first_below), float(np.argmax(np.asarray(losses) < 1e-2))]
    assert float(many.first_below[1]) == np.inf
    np.testing.assert_allclose(many.final.W1[0], alone.final.W1, atol=1e-6)
    with pytest.raises(ValueError, match="status is of one run"):
        _ = many.status


def test_records_after_the_end_hold_the_end() -> None:
    teacher, student, X = pair("linear", sizes=(7, 5, 1), rows=60)
    run = simulate(student, teacher, X, X[:10], epochs=3000, stop_below=1e-3, record=[0, 10, 2999])
    assert float(run.loss[0]) > float(run.loss[1]) > float(run.loss[2]) == float(run.final_loss)
    np.testing.assert_array_equal(run.weights.W1[0], student.W1)
    np.testing.assert_array_equal(run.weights.W1[2], run.final.W1)
    assert run.test_loss.shape == (3,)
    again = float(jnp.mean((run.final(X[:10]) - teacher(X[:10])) ** 2) / 2)
    assert float(run.test_loss[2]) == pytest.approx(again, rel=1e-5)  # differences of 0.03 between outputs of order 1


def test_divergence_is_a_status_with_its_epoch() -> None:
    teacher, student, X = pair("linear")
    run = simulate(
        student, teacher, X, rule=CurlRule.flipped(SIZES, into_hidden=7, into_readout=5), epochs=20_000, normalise=None
    )
    assert run.status == f"diverged at epoch {int(run.epochs)}"
    assert 0 < int(run.diverged_at) < 20_000


def test_random_signs_change_the_flipped_neurons_only() -> None:
    teacher, student, X = pair()
    rules = [CurlRule(CurlRule.flipped(SIZES, into_readout=2).mask, random_signs=r) for r in (False, True)]
    steady, drawn = (
        simulate(student, teacher, X, rule=rule, epochs=1, normalise=None, key=KEY).final.W2 - student.W2
        for rule in rules
    )
    np.testing.assert_allclose(drawn[:, 2:], steady[:, 2:], rtol=1e-5)
    np.testing.assert_allclose(np.abs(drawn), np.abs(steady), rtol=1e-4, atol=1e-8)


def test_own_targets() -> None:
    teacher, student, X = pair()
    runs = [simulate(student, goal, X, epochs=20).loss for goal in (teacher, teacher(X))]
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
    with jax.enable_x64(True):
        for flips, bound in (({"into_hidden": 0.1}, 1e-28), ({"into_readout": 0.3}, 1e-27)):
            teacher, student = perturbed_teacher(KEY, (20, 50, 1))
            assert float(jnp.linalg.norm(teacher.W1)) == pytest.approx(np.sqrt(50))
            run = simulate_linear(student, teacher, rule=CurlRule.flipped((20, 50, 1), **flips), epochs=20_000)
            assert float(run.final_loss) < bound


GOOD = pair()


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
        (lambda t, s, X: simulate(s, t, X.at[0, 0].set(jnp.nan)), "X must be finite"),
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
        (lambda t, s, X: perturbed_teacher(KEY, (3, 3, 1), size=1e-10), "vanishes next to float32"),
    ],
)  # fmt: skip
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(*GOOD)


def test_a_teacher_of_another_hidden_size_is_fine() -> None:
    _, student, X = pair()
    assert simulate(student, draw_net(KEY, (7, 30, 2)), X, epochs=3).status == "limit"
    assert isinstance(Moments(jnp.ones((1, 2)), jnp.asarray(1.0)), Moments)
