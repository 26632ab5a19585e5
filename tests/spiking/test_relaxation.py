"""Relaxation: exact for any step, and what infinite time constants keep."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.spiking import relax

FINITE = st.floats(-100, 100)


@settings(max_examples=50, deadline=None)
@given(FINITE, FINITE, st.floats(0.1, 1000), st.floats(1e-3, 100))
def test_exact_step_is_the_closed_form(x, target, tau, dt):
    with jax.enable_x64(True):
        after = float(relax(x, target, tau, dt))
    assert after == pytest.approx(target + (x - target) * np.exp(-dt / tau), abs=1e-11)


@settings(max_examples=20, deadline=None)
@given(FINITE, FINITE, st.floats(1, 100), st.integers(1, 20))
def test_many_short_steps_are_one_long_one(x, target, tau, steps):
    with jax.enable_x64(True):
        value = x
        for _ in range(steps):
            value = relax(value, target, tau, 0.7)
        assert float(value) == pytest.approx(float(relax(x, target, tau, 0.7 * steps)), abs=1e-10)


@pytest.mark.parametrize("method", ["exact", "euler"])
def test_infinite_time_constant_keeps_every_bit(method):
    x = np.float32(20.1234567)
    assert float(relax(x, 0.0, np.inf, 0.5, method)) == float(x)


def test_slow_decay_survives_single_precision():
    # exp(-dt/tau) itself would round to 1 - 6e-8 or to 1 - 12e-8
    step = float(relax(np.float32(0), np.float32(1), 6e6, 0.5))
    assert step == pytest.approx(0.5 / 6e6, rel=1e-6)
