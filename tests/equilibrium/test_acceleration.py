"""Stopping by tolerance and acceleration: the same fixed points and gradients in fewer steps; float32 and float64."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from symplast.equilibrium import EquilibriumPropagation, RecurrentBackprop, error_vectors, force_network, settle
from symplast.equilibrium.settling import _jitted_settle
from symplast.learning import Batch, GradientLearner, begin, images, train
from symplast.learning.recurrent import LayeredNet, Relaxation
from symplast.learning.training import _jitted

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(1).random((20, 16), np.float32))
Y = jnp.asarray(np.arange(20) % 4)
UPDATES = ("synchronous", "sweep")
"""Both precisions compile once for each update and memory: settings are shared by the tests."""


@functools.cache
def drawn(angle: float, **settings) -> LayeredNet:
    with jax.enable_x64(False):
        return LayeredNet((16, 24, 24, 4), key=KEY, angle_deg=angle, **settings)


def network(angle: float = 0.0, gain: float = 1.0, **settings) -> LayeredNet:
    return jax.tree.map(lambda w: jnp.asarray(np.float32(gain) * np.asarray(w)), drawn(angle, **settings))


def wide(tree):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), tree)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("angle", [0.0, 90.0])
def test_the_same_fixed_point_in_fewer_steps(update: str, angle: float) -> None:
    with jax.enable_x64(True):
        net, x = wide(network(angle)), wide(X)
        plain, fast = (settle(net, x, tol=1e-10, steps=2000, update=update, memory=m) for m in (0, 5))
        assert bool(plain.converged.all() & fast.converged.all())
        for a, b in zip(plain.u, fast.u, strict=True):
            np.testing.assert_allclose(b, a, atol=1e-7)
        assert int(fast.steps) < int(plain.steps) / 1.4


@pytest.mark.parametrize("update", UPDATES)
def test_in_float32(update: str) -> None:
    plain, fast = (settle(network(), X, tol=1e-5, steps=2000, update=update, memory=m) for m in (0, 5))
    assert fast.u[0].dtype == jnp.float32
    assert bool(fast.converged.all())
    assert int(fast.steps) < int(plain.steps)
    for a, b in zip(plain.u, fast.u, strict=True):
        np.testing.assert_allclose(b, a, atol=2e-3)  # residual / (1 - contraction)


def test_where_plain_steps_arrive_so_do_accelerated_ones() -> None:
    """Steep networks have several fixed points, saddles and cycles; sweeps of symmetric weights always arrive."""
    for gain, activation in ((2.0, "shifted-sigmoid"), (1.0, "tanh")):
        net = network(0.0, gain, activation=activation)
        plain, fast = (settle(net, X, tol=1e-4, steps=2000, update="sweep", memory=m) for m in (0, 5))
        assert bool(plain.converged.all() & fast.converged.all())
        for a, b in zip(plain.u, fast.u, strict=True):
            np.testing.assert_allclose(b, a, atol=2e-2)


def test_a_cycle_of_two_is_not_taken_for_rest() -> None:
    flip = force_network(
        lambda p, r, x: {"u": p * r["u"] + x},
        jnp.array(-3.0),
        {"u": (1,)},
        output=lambda p, r: r["u"],
        readout="mse",
        activation="tanh",
    )
    with pytest.warns(UserWarning, match="not settled"):
        found = settle(flip, jnp.asarray([[0.1]]), tol=1e-6, steps=300, memory=2)
    assert not bool(found.converged.any())


def test_complex_nudges_are_accelerated_too() -> None:
    with jax.enable_x64(True):
        net, x = wide(network(45.0)), wide(X)
        plain, fast = (settle(net, x, beta=0.1j, y=Y, tol=1e-9, steps=2000, memory=m) for m in (0, 5))
        assert jnp.iscomplexobj(fast.u[0])
        for a, b in zip(plain.u, fast.u, strict=True):
            np.testing.assert_allclose(b, a, atol=1e-6)


@pytest.mark.parametrize("method", ["true", "nudge", "rbp"])
def test_error_vectors_by_tolerance(method: str) -> None:
    with jax.enable_x64(True):
        net, x = wide(network()), wide(X)
        how = {"beta": 0.01, "n_points": 4, "free_steps": 2000, "steps": 2000}
        found = error_vectors(net, x, Y, method, tol=1e-9, memory=3, **how)
        exact = error_vectors(net, x, Y, "implicit", free_steps=2000)
        assert bool(found.converged.all())
        for a, b in zip(exact.vectors, found.vectors, strict=True):
            np.testing.assert_allclose(b, a, atol=1e-6)


RULES = {
    "true": EquilibriumPropagation(free_steps=2000, nudged_steps=2000, tol=1e-9, memory=5),
    "nudge": EquilibriumPropagation(
        free_steps=2000, nudged_steps=2000, tol=1e-8, memory=5, method="nudge", beta=0.1, n_points=2
    ),
    "rbp": RecurrentBackprop(free_steps=2000, steps=2000, tol=1e-9, memory=5),
}


@eqx.filter_jit
def credit(rule, net, examples):
    found = rule(net, examples, rule.init(net, KEY), KEY)
    return found.direction, found.state.steps


def plain_of(rule):
    return type(rule)(**{**vars(rule), "tol": None, "memory": 0})


@functools.cache
def gradient_of_all_steps(name: str):
    with jax.enable_x64(True):
        plain, none = credit(plain_of(RULES[name]), wide(network(20.0)), Batch(wide(X), Y))
    assert none is None
    return plain


@pytest.mark.parametrize("name", RULES)
def test_the_same_gradient(name: str) -> None:
    plain = gradient_of_all_steps(name)
    with jax.enable_x64(True):
        fast, steps = credit(RULES[name], wide(network(20.0)), Batch(wide(X), Y))
    assert 0 < int(steps) < 600
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(fast), strict=True):
        np.testing.assert_allclose(b, a, atol=1e-7)


def test_the_same_gradient_in_float32() -> None:
    rule = EquilibriumPropagation(free_steps=1000, nudged_steps=1000, tol=1e-5, memory=5)
    plain, fast = gradient_of_all_steps("true"), credit(rule, network(20.0), Batch(X, Y))[0]
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(fast), strict=True):
        assert b.dtype == jnp.float32
        np.testing.assert_allclose(b, a, atol=1e-3 * float(np.abs(a).max()))  # slow rows: residual / (1 - contraction)


SGD = optax.sgd(0.1)


def small_network(key) -> LayeredNet:
    return LayeredNet((64, 12, 10), key=key, relaxation=Relaxation(400))


def test_trains_side_by_side_with_one_program_for_all_tolerances() -> None:
    task = images("digits", train=100, test=20)

    def after(tol: float | None, memory: int):
        rule = EquilibriumPropagation(nudged_steps=400, tol=tol, memory=memory)
        learner = GradientLearner(small_network, rule, SGD)
        return train(learner, task, begin(learner, KEY, 3), 1, 50)[0].states

    plain, fast = after(None, 0), after(1e-5, 3)
    for a, b in zip(jax.tree.leaves(plain.params), jax.tree.leaves(fast.params), strict=True):
        np.testing.assert_allclose(b, a, atol=5e-4)
    assert fast.rule.steps.shape == (3,)
    assert int(fast.rule.steps.max()) < 2 * 400
    programs = _jitted._cached._cache_size()
    fewer = after(1e-2, 3)
    assert _jitted._cached._cache_size() == programs
    assert bool((fewer.rule.steps < fast.rule.steps).all())


def test_one_program_for_all_tolerances() -> None:
    settle(network(), X, tol=1e-3, steps=2000, update="sweep", memory=5)
    before = _jitted_settle._cached._cache_size()
    settle(network(), X, tol=1e-4, steps=2000, update="sweep", memory=5)
    assert _jitted_settle._cached._cache_size() == before


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: settle(network(), X, memory=2), "memory=2 needs a tolerance"),
        (lambda: settle(network(), X, tol=1e-3, memory=-1), "memory must be a whole number"),
        (lambda: EquilibriumPropagation(tol=0.0), "tol must be above 0"),
        (lambda: EquilibriumPropagation(memory=3), "needs a tolerance"),
        (lambda: EquilibriumPropagation(method="online", n_points=4, tol=1e-3), "tol must be None"),
    ],
)
def test_wrong_settings(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
