"""Settling: residuals and masks for each example, early stop, nudged and complex states, what is said when it fails."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.equilibrium import NotSettled, force_network, settle
from symplast.equilibrium.arguments import check_targets
from symplast.equilibrium.settling import _jitted_settle
from symplast.learning.recurrent import LayeredNet, Relaxation

KEY = jax.random.key(0)
NET = LayeredNet((4, 8, 6, 3), key=KEY, angle_deg=90)
X = jax.random.uniform(jax.random.key(1), (5, 4))


def flip(gain: float = -3.0, **settings):
    """One unit that drives itself: steep enough, synchronous steps end in a cycle of two."""
    return force_network(
        lambda p, r, x: {"u": p * r["u"] + x},
        jnp.array(gain),
        {"u": (1,)},
        output=lambda p, r: r["u"],
        readout="mse",
        **settings,
    )


def test_all_steps_or_a_tolerance() -> None:
    fixed, early = settle(NET, X), settle(NET, X, tol=1e-6, steps=500)
    assert int(fixed.steps) == 60
    assert int(early.steps) < 200
    assert bool(early.converged.all())
    assert float(early.residual.max()) <= 1e-6
    for a, b in zip(fixed.u, early.u, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_a_cycle_of_two_is_seen_and_damping_mends_it() -> None:
    x = jnp.array([[1.5], [8.0]])
    with pytest.warns(NotSettled, match=r"not settled for 50\.0% of the examples .*damping below 1"):
        state = settle(flip(), x, steps=200)
    assert state.converged.tolist() == [False, True]
    assert float(state.residual[0]) > 0.5
    assert bool(settle(flip(), x, steps=400, damping=0.3).converged.all())


@pytest.mark.parametrize("how", [{"update": "sweep"}, {"damping": 0.5, "steps": 200}, {"steps": 150}])
def test_same_fixed_point_every_way(how) -> None:
    for a, b in zip(settle(NET, X, **how).u, settle(NET, X, steps=150).u, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_nudge_moves_the_output_away_from_the_target() -> None:
    y = jnp.array([0, 1, 2, 0, 1])
    rows = jnp.arange(5)

    def logit(beta: float):
        state = settle(NET, X, beta=beta, y=y, steps=200)
        return jax.nn.log_softmax(NET.output(NET.phi(state.u)))[rows, y]

    assert bool((logit(0.1) < logit(0.0)).all())
    assert bool((logit(-0.1) > logit(0.0)).all())


def test_complex_nudge_and_start() -> None:
    y = jnp.eye(3)[jnp.array([0, 1, 2, 0, 1])]
    state = settle(NET, X, beta=0.1j, y=y, steps=200)
    assert all(a.dtype == jnp.complex64 for a in state.u)
    assert state.residual.dtype == jnp.float32
    again = settle(NET, X, beta=0.1j, y=y, steps=10, init=state.u)
    assert float(again.residual.max()) < 1e-5


def test_one_compilation_for_all_nudges_and_networks_of_a_shape() -> None:
    y = jnp.array([0, 1, 2, 0, 1])
    settle(NET, X, beta=0.1, y=y)
    before = _jitted_settle._cached._cache_size()
    for beta in (0.2, -0.3):
        settle(LayeredNet((4, 8, 6, 3), key=jax.random.key(3), angle_deg=20), X + 0.1, beta=beta, y=y)
    assert _jitted_settle._cached._cache_size() == before


def test_inside_transformations_it_stays_silent() -> None:
    @eqx.filter_jit
    def shares(net):
        return settle(net, jnp.array([[1.5], [8.0]])).converged.mean()

    assert float(shares(flip())) == 0.5


def test_user_forces_on_trees_of_units() -> None:
    def force(params, r, x):
        return {"a": params["in"] @ x + params["back"] @ r["b"], "b": params["up"] @ r["a"]}

    keys = jax.random.split(KEY, 3)
    params = {
        "in": jax.random.normal(keys[0], (6, 4)),
        "up": 0.4 * jax.random.normal(keys[1], (3, 6)),
        "back": 0.4 * jax.random.normal(keys[2], (6, 3)),
    }
    net = force_network(force, params, {"a": (6,), "b": (3,)}, output=lambda p, r: r["b"])
    state = settle(net, X, steps=200)
    assert {name: leaf.shape for name, leaf in state.u.items()} == {"a": (5, 6), "b": (5, 3)}
    pulled = net.force(net.phi(state.u), X)
    np.testing.assert_allclose(state.u["a"], pulled["a"], atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: settle(NET, X, beta=0.1), "y must be given with a nudge"),
        (lambda: settle(flip(activation="relu"), X[:, :1], beta=0.1j, y=X[:, :1]), "beta must be real here"),
        (lambda: settle(NET, X, tol=0.0), "tol must be above 0"),
        (lambda: settle(NET, X, steps=0), "steps must be at least 1"),
        (lambda: settle(NET, X, update="async"), "update must be one of"),
        (lambda: settle(flip(), X[:, :1], update="sweep"), "update must be synchronous"),
        (lambda: settle(NET, X, beta=0.1, y=jnp.array([0, 1, 2, 3, 0])), r"classes in \[0, 2\]"),
        (lambda: settle(NET, X, beta=0.1, y=jnp.ones((5, 4))), r"y must be \(rows, 3\)"),
        (lambda: settle(NET, X, beta=0.1, y=jnp.ones((5, 3))), "one-hot rows"),
        (lambda: settle(flip(), X[:, :1], beta=0.1, y=jnp.zeros(5, int)), "values.*mse readout"),
        (lambda: flip(activation="gelu"), "activation must be one of"),
        (lambda: force_network(lambda p, r, x: r, 1.0, 3, output=lambda p, r: r), "tree of shapes"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_relaxation_belongs_to_the_network() -> None:
    net = LayeredNet((4, 8, 3), key=KEY, relaxation=Relaxation(17, "sweep"))
    assert int(settle(net, X, tol=None).steps) == 17


@pytest.mark.parametrize(
    ("y", "message"),
    [(jnp.array([0, 1]), "one row for each of the 5 rows"), (jnp.zeros((5, 3), int), "one number a row")],
)
def test_targets_of_a_wrong_shape(y, message: str) -> None:
    """What the run-time type checker of the tests would catch first."""
    with pytest.raises(ValueError, match=message):
        getattr(check_targets, "__wrapped__", check_targets)(NET, X, y)
