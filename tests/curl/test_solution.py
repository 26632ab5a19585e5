"""The exact reduction at a zero-error solution, its invariances, and what the flow conserves."""

from inspect import unwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.curl import (
    CurlRule,
    RankDeficientCovariance,
    SignMask,
    TwoLayer,
    conserved_quantities,
    learning_jacobian,
    simulate_linear,
    solution_operator,
    stability,
)


def random_case(seed: int, inputs: int, hidden: int, outputs: int, axis: str = "pre"):
    rng = np.random.default_rng(seed)
    units = (inputs, hidden) if axis == "pre" else (hidden, outputs)
    d1, d2 = (rng.choice([-1.0, 1.0], size=n) for n in units)
    root = rng.normal(size=(inputs, inputs))
    covariance = root @ root.T / inputs + 0.1 * np.eye(inputs)
    return rng.normal(size=(hidden, inputs)), rng.normal(size=(outputs, hidden)), d1, d2, covariance


@pytest.mark.parametrize("axis", ["pre", "post"])
@pytest.mark.parametrize(("inputs", "hidden", "outputs"), [(6, 5, 1), (4, 6, 3)])
def test_non_zero_eigenvalues_of_the_jacobian_are_those_of_k(axis, inputs, hidden, outputs) -> None:
    """35 weights, 29 zeros, the other 6 are eig K; also for several outputs and postsynaptic signs."""
    for seed in range(3):
        w1, w2, d1, d2, covariance = random_case(seed, inputs, hidden, outputs, axis)
        with jax.enable_x64(True):
            sigma, target = jnp.asarray(covariance), jnp.asarray(w2 @ w1)

            def loss(params, sigma=sigma, target=target):
                error = params[1] @ params[0] - target
                return 0.5 * jnp.sum(error @ sigma * error)

            params, signs = (jnp.asarray(w1), jnp.asarray(w2)), (jnp.asarray(d1), jnp.asarray(d2))
            full = np.linalg.eigvals(learning_jacobian(loss, params, signs, axis))
        operator = solution_operator(w1, w2, d1, d2, covariance, axis)
        modes = inputs * outputs
        full = full[np.argsort(np.abs(full))]
        assert np.abs(full[:-modes]).max() < 1e-9
        ours = np.linalg.eigvals(operator)
        np.testing.assert_allclose(np.sort_complex(full[-modes:].round(10)), np.sort_complex(ours.round(10)), atol=1e-8)
        if axis == "pre":
            np.testing.assert_allclose(operator, operator.T, atol=1e-12)


def test_scalar_net() -> None:
    for w, eigenvalue in (((0.5, 2.0), -3.75), ((2.0, 0.5), 3.75)):
        k = solution_operator(np.array([[w[0]]]), np.array([[w[1]]]), np.ones(1), -np.ones(1))
        assert float(k[0, 0]) == eigenvalue
        assert stability(k).verdict == ("stable" if eigenvalue < 0 else "unstable")


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_a_covariance_changes_rates_not_the_verdict(seed: int) -> None:
    w1, w2, d1, d2, covariance = random_case(seed, 6, 8, 1)
    plain, coloured = (stability(solution_operator(w1, w2, d1, d2, sigma)) for sigma in (None, covariance))
    assert plain.verdict == coloured.verdict


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_one_more_flip_never_stabilises(seed: int) -> None:
    w1, w2, d1, d2, _ = random_case(seed, 6, 8, 2)
    before = stability(solution_operator(w1, w2, d1, d2)).largest
    for signs in (d1, d2):
        if (signs > 0).any():
            signs[np.argmax(signs)] = -1
            after = stability(solution_operator(w1, w2, d1, d2)).largest
            assert after >= before - 1e-9
            before = after


def test_gradient_descent_is_stable_and_says_how_large_a_step_may_be() -> None:
    w1, w2, *_ = random_case(1, 4, 9, 1)
    found = stability(solution_operator(w1, w2, np.ones(4), np.ones(9), 0.5 * np.eye(4)))
    assert found.verdict == "stable"
    assert 0 < found.margin < 1
    with jax.enable_x64(True):
        teacher = TwoLayer(jnp.asarray(w1), jnp.asarray(w2))
        student = TwoLayer(teacher.W1, teacher.W2 + 1e-7)

        def growth(share: float) -> float:
            run = simulate_linear(
                student, teacher, eta=share * found.largest_eta, epochs=60, normalise=None, record=[0, 60]
            )
            return float(run.loss[1] / run.loss[0])

        assert growth(0.95) < 1 < growth(1.05)


def test_an_indifferent_solution_is_marginal() -> None:
    assert stability(np.zeros((2, 2))).verdict == "marginal"
    assert stability(np.diag([-1.0, 1e-12])).verdict == "marginal"


def test_a_rank_deficient_covariance_warns_and_decides_inside_its_span() -> None:
    w1, w2, d1, d2, _ = random_case(2, 5, 7, 1)
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 3)))[0]
    with pytest.warns(RankDeficientCovariance, match="rank 3 of 5"):
        k = solution_operator(w1, w2, d1, d2, basis @ basis.T)
    assert k.shape == (3, 3)
    whole = solution_operator(w1, w2, d1, d2)
    np.testing.assert_allclose(np.linalg.eigvalsh(k), np.linalg.eigvalsh(basis.T @ whole @ basis), atol=1e-10)


@pytest.mark.parametrize("covariance", [None, "random"])
def test_conserved_quantities_of_the_flow(covariance) -> None:
    """They drift by the Euler step only: ten times smaller steps over the same time, a tenth of the drift."""
    w1, w2, *_, sigma = random_case(2, 4, 3, 1)
    with jax.enable_x64(True):
        rule = CurlRule(SignMask((jnp.array([-1.0, 1, 1, 1]), jnp.array([1.0, 1, -1]))))
        start = TwoLayer(jnp.asarray(w1), jnp.asarray(w2))
        before = conserved_quantities(start, rule.mask)
        used = 1.0 if covariance is None else jnp.asarray(sigma)
        target = jnp.asarray(np.random.default_rng(5).normal(size=(1, 4)))

        def drift(eta: float) -> float:
            steps = round(0.2 / eta)
            end = simulate_linear(start, target, used, rule, eta=eta, epochs=steps, normalise=None, record=[0]).final
            change = conserved_quantities(end, rule.mask).values - before.values
            return float(np.abs(change[before.holds]).max())

        assert before.holds.tolist() == [[True, True, False], [True, True, False], [False, False, True]]
        assert drift(1e-4) < 1e-2
        assert drift(1e-4) / drift(1e-3) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(("start", "converges"), [((0.5, 2.0), True), ((0.5, 0.5), False)])
def test_scalar_flow_goes_round_a_circle(start, converges) -> None:
    """w1^2 + w2^2 is kept; it converges when that is more than 2 |t|, otherwise it turns for ever."""
    with jax.enable_x64(True):
        net = TwoLayer(jnp.array([[start[0]]]), jnp.array([[start[1]]]))
        rule = CurlRule.flipped((1, 1, 1), into_readout=1)
        run = simulate_linear(net, jnp.array([[1.0]]), 1.0, rule, eta=1e-3, epochs=20_000, normalise=None)
        radius = float(run.final.W1[0, 0] ** 2 + run.final.W2[0, 0] ** 2)
        assert radius == pytest.approx(start[0] ** 2 + start[1] ** 2, rel=0.05)
        assert (float(run.final_loss) < 1e-12) == converges
        if converges:
            assert abs(float(run.final.W2[0, 0])) > abs(float(run.final.W1[0, 0]))
        else:
            assert float(run.loss.min()) > 1e-3


ONE = np.ones(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: unwrap(solution_operator)(np.ones((3, 2)), np.ones((1, 4)), ONE, ONE), "share the hidden units"),
        (lambda: solution_operator(np.ones((3, 2)), np.ones((1, 3)), np.ones(3), np.ones(3)), r"signs1 must have one"),
        (lambda: solution_operator(np.ones((3, 2)), np.ones((1, 3)), np.ones(2), np.zeros(3)), r"signs2 must be \+1"),
        (lambda: solution_operator(np.array([[np.nan]]), np.ones((1, 1)), ONE, ONE), "must be finite"),
        (lambda: solution_operator(np.ones((1, 1)), np.ones((1, 1)), ONE, ONE, -np.eye(1)), "positive semi-definite"),
        (
            lambda: solution_operator(np.eye(2), np.ones((1, 2)), np.ones(2), np.ones(2), np.array([[1.0, 2], [0, 1]])),
            "symmetric matrix",
        ),
        (
            lambda: unwrap(solution_operator)(ONE, ONE, ONE, ONE, axis="both"),
            "axis must be pre or post",
        ),
        (
            lambda: conserved_quantities(
                TwoLayer(jnp.ones((1, 1)), jnp.ones((1, 1)), "tanh"), SignMask.presynaptic((1, 1, 1), (0, 0))
            ),
            "known for linear nets",
        ),
        (
            lambda: conserved_quantities(
                TwoLayer(jnp.ones((1, 1)), jnp.ones((1, 1))), SignMask.postsynaptic((1, 1, 1), (0, 0))
            ),
            "known for presynaptic",
        ),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
