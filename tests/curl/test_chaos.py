"""Order parameter and Lyapunov exponents against systems whose values are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.curl import (
    CurlRule,
    Moments,
    learning_step,
    lyapunov,
    order_parameter,
    perturbed_teacher,
    simulate_linear,
)

KEY = jax.random.key(0)


@given(st.floats(0.2, 5), st.floats(0.1, 3))
@settings(max_examples=20, deadline=None)
def test_order_parameter_of_waves(spread: float, amplitude: float) -> None:
    """Weights that oscillate about means of variance s^2: q = (amplitude^2 / 2) / s^2."""
    with jax.enable_x64(True):
        t = jnp.arange(1000) * 2 * jnp.pi / 100
        means = jnp.array([-spread, spread])
        weights = means + amplitude * jnp.sin(t)[:, None]
        assert float(order_parameter(weights)) == pytest.approx(amplitude**2 / 2 / spread**2, rel=1e-9)


def test_weights_that_stay_have_no_negative_q() -> None:
    with jax.enable_x64(True):
        weights = jnp.broadcast_to(jnp.array([1e3, 1e3 + 1e-3, -7.0]), (1000, 3))
        assert 0 <= float(order_parameter(weights)) < 1e-20


def test_logistic_map_at_4_has_ln_2() -> None:
    with jax.enable_x64(True):
        found = lyapunov(lambda x: 4 * x * (1 - x), jnp.array([0.3]), 20_000, 100)
    assert float(found) == pytest.approx(np.log(2), abs=0.02)


@pytest.mark.parametrize("rate", [0.9, 1.0, 1.1])
def test_linear_maps(rate: float) -> None:
    with jax.enable_x64(True):
        matrix = jnp.diag(jnp.array([rate, 0.5, 0.3]))
        assert float(lyapunov(lambda x: matrix @ x, jnp.zeros(3), 200, 50)) == pytest.approx(np.log(rate), abs=1e-6)


def test_a_map_onto_a_point_gives_no_nan() -> None:
    with jax.enable_x64(True):
        assert float(lyapunov(jnp.zeros_like, jnp.ones(3), 5, 1)) == -np.inf


@pytest.mark.parametrize(("sizes", "share", "chaotic"), [((20, 50, 1), 0.1, False), ((20, 20, 1), 0.3, True)])
def test_weights_wander_only_beyond_the_boundary(sizes, share, chaotic) -> None:
    with jax.enable_x64(True):
        teacher, student = perturbed_teacher(KEY, sizes)
        rule = CurlRule.flipped(sizes, into_hidden=share)
        run = simulate_linear(student, teacher, 0.5, rule, epochs=8000, record=range(7000, 8000))
        flat = jnp.concatenate([w.reshape(1000, -1) for w in run.weights.weights], axis=1)
        exponent = lyapunov(learning_step(Moments(teacher.map, jnp.asarray(0.5)), rule, student), run.final, 4000, 1000)
        q = float(order_parameter(flat))
    assert (q > 0.1) == chaotic
    assert (float(exponent) > 2e-4) == chaotic
    if not chaotic:
        assert abs(float(exponent)) < 1e-4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lyapunov(lambda x: x, jnp.ones(2, jnp.float32)), "not resolved by float32"),
        (lambda: lyapunov(lambda x: x, jnp.ones(2), 0, 0, 1.0), "n_steps must be at least 1"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
