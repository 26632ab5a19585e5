"""The rule by itself: reference values of one pair, scaling, and the two forms of each branch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.sym_stdp import Parameters, SymSTDPConfig, symmetric_stdp, synaptic_scaling
from symplast.sym_stdp.plasticity import post_dense, post_events, pre_dense, pre_events, readout_learns

UNIT = 0.005 * 0.1
PAIRS = [(10, 30, 0.61814121), (30, 10, 0.60268768), (10, 10, 1.0), (10, 50, 0.37254609)]


def pair(pre_step, post_step, steps=60):
    pre, post = np.zeros((steps, 1), bool), np.zeros((steps, 1), bool)
    pre[pre_step], post[post_step] = True, True
    return pre, post


@pytest.mark.parametrize(("before", "after", "share"), PAIRS)
def test_one_pair(before, after, share):
    with jax.enable_x64(True):
        w = symmetric_stdp(*pair(before, after), np.zeros((1, 1)), 0.005, 20.0, 1.0)
    assert float(w[0, 0]) / UNIT == pytest.approx(share, abs=5e-9)


@pytest.mark.parametrize(("before", "after"), [(10, 30), (30, 10), (10, 10), (10, 50)])
def test_one_pair_of_hidden_and_classifier_has_no_quirk(before, after):
    pre, post = pair(before, after)
    with jax.enable_x64(True):
        params, zero = Parameters.of(SymSTDPConfig(nu_out=0.005)), jnp.zeros(1)
        w, x_hid, x_out, g = readout_learns(
            params, jnp.ones((1, 1)), zero, zero, zero, jnp.asarray(pre), jnp.asarray(post), plastic=True
        )
    assert (float(w[0, 0]) - 1) / UNIT == pytest.approx(0.975 ** abs(before - after), rel=1e-9)
    assert float(x_hid[0]) == pytest.approx(0.1 * 0.975 ** (60 - before))
    assert float(x_out[0]) == pytest.approx(0.1 * 0.975 ** (60 - after))
    assert float(g[0]) == pytest.approx(np.exp(-0.5) ** (60 - before), rel=0.01)


def test_without_the_quirk_order_does_not_matter():
    with jax.enable_x64(True):
        both = [
            symmetric_stdp(*pair(*when), np.zeros((1, 1)), 0.005, 20.0, 1.0, reference_quirks=False)[0, 0]
            for when in ((10, 30), (30, 10))
        ]
    assert float(both[0]) == float(both[1])
    assert float(both[0]) / UNIT == pytest.approx(0.975**20, rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_weights_only_grow_and_stop_at_the_largest(seed):
    rng = np.random.default_rng(seed)
    pre, post, w = rng.random((40, 3)) < 0.3, rng.random((40, 2)) < 0.3, rng.random((3, 2))
    after = np.asarray(symmetric_stdp(pre, post, w, 0.5, 20.0, 1.0, 0.2))
    assert (after >= w.astype(np.float32)).all()
    assert after.max() <= 1.0


def test_events_and_dense_branches_are_one_rule():
    rng = np.random.default_rng(0)
    w, x_post, x_pre = (jnp.asarray(rng.random(shape)) for shape in ((6, 4), 4, 6))
    rows, cells = jnp.array([True, False, True, False, False, True]), jnp.array([False, True, True, False])
    units, rule = jnp.array([0, 2, 5, 6, 6]), (jnp.array(0.4), jnp.array(0.9))
    assert np.array_equal(pre_events(w, units, x_post, *rule), pre_dense(w, rows, x_post, *rule))
    assert np.array_equal(post_events(w, cells, x_pre, *rule), post_dense(w, cells, x_pre, *rule))


def test_scaling_to_a_sum():
    with jax.enable_x64(True):
        column = synaptic_scaling(np.array([[0.1], [0.2], [0.1]]), 78.4, 0)
    np.testing.assert_allclose(np.asarray(column).ravel(), [19.6, 39.2, 19.6], rtol=1e-14)
    assert np.asarray(synaptic_scaling(np.ones((2, 4)), 8.0, 1)).tolist() == [[2.0] * 4] * 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: synaptic_scaling(np.array([[0.0, 1.0]]), 1.0, 0), "positive sum along axis 0; 1 of 2 sums are not"),
        (lambda: synaptic_scaling(np.array([[np.nan]]), 1.0), "W must be finite everywhere"),
        (lambda: synaptic_scaling(np.ones((1, 1)), 0.0), "target_sum must be positive and finite"),
        (
            lambda: symmetric_stdp(np.zeros((3, 2)), np.zeros((4, 2)), np.ones((2, 2)), 0.1, 20, 1),
            r"pre must be \(T, P",
        ),
        (lambda: symmetric_stdp(*pair(1, 2), np.ones((1, 1)), -0.1, 20.0, 1.0), "nu must be at least 0"),
        (lambda: symmetric_stdp(*pair(1, 2), np.ones((1, 1)), 0.1, 0.0, 1.0), "tau_ms must be positive"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
