"""Error vectors and gradients at the eager boundary: every method, what is returned with them, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.equilibrium import (
    EquilibriumPropagation,
    NotSettled,
    RecurrentBackprop,
    error_vectors,
    force_network,
    gradient,
)
from symplast.equilibrium.gradients import METHODS, _jitted_vectors
from symplast.equilibrium.operating_point import flattened
from symplast.learning.recurrent import LayeredNet, Relaxation

KEY = jax.random.key(0)
NET = LayeredNet((4, 8, 6, 3), key=KEY, angle_deg=90, relaxation=Relaxation(100))
X, Y = jax.random.uniform(jax.random.key(1), (5, 4)), jnp.array([0, 1, 2, 0, 1])


def test_methods_agree_in_pairs() -> None:
    found = {method: error_vectors(NET, X, Y, method, beta=0.1, n_points=4, steps=60) for method in METHODS}
    flat = {method: flattened(result.vectors) for method, result in found.items()}
    np.testing.assert_allclose(flat["true"], flat["nudge"], atol=2e-4)
    np.testing.assert_allclose(flat["rbp"], flat["implicit"], atol=1e-5)
    assert float(jnp.abs(flat["true"] - flat["rbp"]).max()) > 0.01
    assert all(bool(result.converged.all()) for result in found.values())
    corrected = error_vectors(NET, X, Y, "true", steps=60, asym_ep=True)
    np.testing.assert_allclose(flattened(corrected.vectors), flat["rbp"], atol=1e-5)


def test_one_compilation_for_all_nudges() -> None:
    error_vectors(NET, X, Y, "nudge", beta=0.1)
    before = _jitted_vectors._cached._cache_size()
    for beta in (0.2, 0.3):
        error_vectors(NET, X, Y, "nudge", beta=beta)
    assert _jitted_vectors._cached._cache_size() == before


def linear_unit(w: float):
    """u = x + w u: recurrent backprop multiplies its error by w at each step."""
    return force_network(
        lambda p, r, x: p * r + x, jnp.array(w), (1,), output=lambda p, r: r, readout="mse", activation="linear"
    )


def test_backprop_that_diverges_offers_the_linear_solve() -> None:
    net, x, y = linear_unit(-1.05), jnp.ones((1, 1)), jnp.zeros((1, 1))
    with pytest.warns(NotSettled) as said:
        error_vectors(net, x, y, "rbp", steps=40)
    assert any("spectral radius" in str(w.message) and "implicit" in str(w.message) for w in said)


def test_a_nudge_beyond_the_numbers_is_an_error() -> None:
    net, x, y = linear_unit(0.5), jnp.ones((1, 1)), jnp.zeros((1, 1))
    with pytest.raises(
        FloatingPointError, match=r"\|beta\| = 9 left the finite numbers: that is outside the holomorphic"
    ):
        error_vectors(net, x, y, "nudge", beta=9.0, n_points=4, steps=200)


def test_unsettled_free_states_are_said() -> None:
    with pytest.warns(NotSettled, match="the free state is not settled for 100.0% of the examples"):
        found = error_vectors(NET, X, Y, "true", free_steps=2, steps=60)
    assert not found.converged.any()


def test_gradient_tells_what_it_is_worth() -> None:
    direction, info = gradient(NET, X, Y, RecurrentBackprop(steps=60))
    assert float(info.cos_to_bp) == pytest.approx(1, abs=1e-4)
    assert 0.5 < float(info.symmetry) < 0.8
    assert (float(info.free_unsettled), float(info.error_unsettled)) == (0, 0)
    with_homeostasis, other = gradient(NET, X, Y, EquilibriumPropagation(homeostasis=1.0))
    assert float(other.cos_to_bp) < 0.99
    assert not np.allclose(direction.weights[1], with_homeostasis.weights[1])


def ill(force):
    """A network with a force that isn't shaped like its state."""
    return force_network(force, jnp.array(0.5), {"a": (3,)}, output=lambda p, r: r["a"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: error_vectors(NET, X, Y, "holo"), "method must be one of true, nudge, rbp, implicit"),
        (lambda: error_vectors(NET, X, Y, "nudge", n_points=0), "n_points must be a whole number of at least 1"),
        (lambda: error_vectors(NET, X, Y, "nudge", beta=0.0), "beta must be a finite number"),
        (lambda: error_vectors(NET, X, Y, "true", steps=0), "steps must be at least 1"),
        (lambda: error_vectors(NET, X.at[0, 0].set(jnp.nan), Y, "nudge"), "x must be finite"),
        (lambda: error_vectors(NET, X[:0], Y[:0]), "at least one example"),
        (lambda: error_vectors(NET, X[:, :2], Y), r"x of shape .* doesn't fit the network"),
        (lambda: gradient(NET, X[:0], Y[:0]), "at least one example"),
        (lambda: gradient(ill(lambda p, r, x: {"a": p * r["a"], "b": x}), X, Y), "the force must return the structure"),
        (lambda: gradient(ill(lambda p, r, x: {"a": x}), X, Y), "the force must return the structure and shapes"),
        (
            lambda: gradient(NET, X, Y, EquilibriumPropagation(homeostasis=1.0, homeostasis_draws=3)),
            "key must be given where the homeostatic loss is estimated",
        ),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
