"""The arm: mechanics, invariants, derivatives, and arms of one's own."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from symplast.bilateral import Muscle, TwoLinkArm, read_arm
from symplast.bilateral.arm_files import arm_from, arm_tree
from symplast.bilateral.muscles import activate, contract

ARM = TwoLinkArm()
STEP = jax.jit(ARM.step)
angles = st.tuples(st.floats(0.05, 2.3), st.floats(0.05, 2.65))


def moving(seed, trials=8):
    """A state with muscles at work and joints in motion."""
    rng = np.random.default_rng(seed)
    low, high = ARM.bounds.T
    state = ARM.start(jnp.asarray(rng.uniform(low[:, None], high[:, None], (2, trials)), jnp.float32))
    for _ in range(4):
        state = STEP(state, jnp.asarray(rng.uniform(0, 1, (6, trials)), jnp.float32), jnp.zeros((2, trials)))
    return state


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_what_always_holds(seed):
    state = moving(seed)
    rng = np.random.default_rng(seed + 1)
    low, high = ARM.bounds.T
    for _ in range(6):
        u = jnp.asarray(rng.uniform(-0.5, 1.5, (6, 8)), jnp.float32)
        state = STEP(state, u, jnp.asarray(rng.uniform(-10, 10, (2, 8)), jnp.float32))
    assert all(np.isfinite(x).all() for x in state)
    assert (np.asarray(state.q) >= low[:, None] - 1e-6).all()
    assert (np.asarray(state.q) <= high[:, None] + 1e-6).all()
    assert (np.asarray(state.activation) >= 0.001 - 1e-9).all()
    assert (np.asarray(state.activation) <= 1).all()
    assert (np.asarray(state.force) >= 0).all()
    out = (np.asarray(state.q) <= low[:, None]) & (np.asarray(state.v) < 0)
    assert not out.any()


@given(angles)
@settings(max_examples=30, deadline=None)
def test_postures_and_hands_are_inverse(q):
    hand = ARM.hand_of(np.array(q))
    assert ARM.posture(hand) == pytest.approx(np.array(q), abs=1e-6)


def test_hand_velocity_is_the_derivative_of_its_position():
    q, v = jnp.array([0.7, 1.1]), jnp.array([1.5, -2.0])
    position, moved = jax.jvp(lambda q: ARM.hand_at(q, v)[:2], (q,), (v,))
    assert ARM.hand_at(q, v)[:2].tolist() == pytest.approx(position.tolist())
    assert ARM.hand_at(q, v)[2:].tolist() == pytest.approx(moved.tolist(), rel=1e-5)


def test_acceleration_solves_the_equation_of_motion():
    """Energy: without torque the kinetic energy stays, up to Euler's error of the second order in dt."""
    arm = TwoLinkArm(dt=1e-4)
    with jax.enable_x64(True):
        q, v = jnp.array([0.6, 1.3]), jnp.array([2.0, -1.0])

        def energy(q, v):
            k = arm.m2 * arm.l1 * arm.lg2
            m22 = arm.m2 * arm.lg2**2 + arm.I2
            m12 = m22 + k * jnp.cos(q[1])
            m11 = arm.m1 * arm.lg1**2 + arm.I1 + arm.m2 * (arm.lg2**2 + arm.l1**2) + arm.I2 + 2 * k * jnp.cos(q[1])
            return 0.5 * (m11 * v[0] ** 2 + 2 * m12 * v[0] * v[1] + m22 * v[1] ** 2)

        before = float(energy(q, v))
        step = jax.jit(lambda q, v: (q + v * arm.dt, v + arm._acceleration(q, v, jnp.zeros(2)) * arm.dt))
        for _ in range(200):
            q, v = step(q, v)
        assert float(energy(q, v)) == pytest.approx(before, rel=2e-3)
        load = jnp.array([3.0, -2.0])  # J^T F, by automatic differentiation
        torque = jax.vjp(lambda q: ARM.hand_at(q, jnp.zeros(2))[:2], q)[1](load)[0]
        assert ARM._push(q, load).tolist() == pytest.approx(torque.tolist())


@jax.jit
@partial(jax.grad, argnums=(0, 1, 2))
def slopes_of_force(a, length, v):
    return contract(a, length, v, 0.1, 100.0).force.sum()


@pytest.mark.parametrize("velocity", [0.0, -0.0, 1e-9, -1e-9, 0.4, -0.4])
@pytest.mark.parametrize("activation", [0.001, 0.005, 0.3, 1.0])
def test_forces_have_finite_derivatives(velocity, activation):
    slopes = slopes_of_force(*(jnp.full((1,), each, jnp.float32) for each in (activation, 0.1, velocity)))
    assert np.isfinite(np.asarray(slopes)).all()


def test_derivatives_of_what_acts_number_by_number():
    """The factors of custom derivatives against finite differences, in float64."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        a, length = jnp.asarray(rng.uniform(0.01, 0.9, 20)), jnp.asarray(rng.uniform(0.05, 0.15, 20))
        v = jnp.asarray(rng.uniform(-0.5, 0.5, 20))
        check_grads(jax.jit(lambda *x: contract(*x, 0.1, 100.0).force), (a, length, v), 1, rtol=1e-4)
        u = jnp.asarray(rng.uniform(0.05, 0.9, 20))
        check_grads(jax.jit(lambda a, u: activate(a, u, 0.01)), (a, u), 1, rtol=1e-5)


def test_isometric_force_of_a_fully_active_muscle_is_its_largest():
    a, length = jnp.ones(3), jnp.full(3, 0.1)
    shortening, still, lengthening = contract(a, length, jnp.array([-0.3, 0.0, 0.3]), 0.1, 100.0).force.tolist()
    assert still == pytest.approx(100, rel=1e-3)
    assert shortening < 100 < lengthening < 151


def test_trials_side_by_side_are_trials_alone():
    state = moving(3)
    u, load = jnp.full((6, 8), 0.3), jnp.ones((2, 8))
    together = STEP(state, u, load)
    alone = STEP(type(state)(*(x[:, 2] for x in state)), u[:, 2], load[:, 2])
    for one, all_of_them in zip(alone, together, strict=True):
        assert one.tolist() == pytest.approx(all_of_them[:, 2].tolist(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TwoLinkArm(m1=0), "m1 must be a positive number, got 0"),
        (lambda: TwoLinkArm(l2=float("nan")), "l2 must be a positive number"),
        (lambda: TwoLinkArm(q1_deg=(90, 0)), r"q1_deg must be \[least, largest\]"),
        (lambda: TwoLinkArm(muscles=()), "muscles must be at least one"),
        (lambda: TwoLinkArm(muscles=(ARM.muscles[0],) * 2), "name of its own"),
        (lambda: Muscle("m", -1, 0.1, 0.1, 0.1), "F0 of muscle m must be positive"),
        (lambda: Muscle("m", 1, 0.1, 0.1, "x"), "a0 of muscle m must be a finite number"),
        (lambda: ARM.step(ARM.start(jnp.ones(2)), jnp.ones(5), jnp.zeros(2)), r"u must have shape \(6, ...\)"),
        (lambda: ARM.check_start([[0.1, -0.2], [1, 1]]), r"q1 of trial 2 must be in .* degrees, got -0.2 rad = -11.46"),
        (lambda: ARM.check_start([[0.1], [np.nan]]), "q2 of trial 1"),
        (lambda: ARM.check_start([1.0]), r"q must have shape \(2, trials\)"),
        (lambda: ARM.posture([[0.1], [0.9]]), "hand must be 0.024 to 0.642 m from the shoulder"),
    ],
)
def test_wrong_arms_and_postures(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_warnings():
    with pytest.warns(UserWarning, match=r"dt is 0.03 s: above 0.02 s"):
        TwoLinkArm(dt=0.03)
    with pytest.warns(UserWarning, match="1 of 2 targets can't be reached"):
        assert ARM.warn_unreachable([[0.1, 0.9], [0.4, 0.9]]) == 1


def test_arms_in_files(tmp_path):
    path = tmp_path / "arm.toml"
    path.write_text(
        '[skeleton]\nm1 = 2\nq1_deg = [0, 120]\n[[muscle]]\nname = "one"\nF0 = 500\nLT = 0.1\nL0 = 0.1\na0 = 0.2\n'
    )
    arm = read_arm(path)
    assert (arm.m1, arm.q1_deg, len(arm.muscles), arm.muscles[0].elbow_a1) == (2.0, (0.0, 120.0), 1, 0.0)
    assert arm_from(arm_tree(arm), "x") == arm
    assert hash(arm_from(arm_tree(ARM), "x")) == hash(ARM)
    state = jax.jit(arm.step)(arm.start(jnp.ones((2, 3))), jnp.ones((1, 3)), jnp.zeros((2, 3)))
    assert arm.senses(state).shape == (4, 3)
    path.write_text('[skeleton]\nmass = 2\nm2 = -1\n[[muscle]]\nname = "one"\nF0 = 5\n[extra]\n')
    with pytest.raises(
        ValueError, match=r"4 problems: .*extra.*no mass; it takes m1.*one lacks LT, L0, a0.*m2 must be"
    ):
        read_arm(path)
    path.write_text("[skeleton\n")
    with pytest.raises(ValueError, match="not valid TOML"):
        read_arm(path)
    with pytest.raises(FileNotFoundError, match="give an arm as TOML"):
        read_arm(tmp_path / "none.toml")
