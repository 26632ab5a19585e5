"""Tolerance of architectures and of trained nets: theory, finite nets and learning must agree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.curl import TwoLayer, critical_fraction, draw_net, solution_operator, stability, tolerance
from symplast.curl.flip_tolerance import _check_inputs
from symplast.learning.host_random import generator

KEY = jax.random.key(0)


def test_eigenvalues_predict_learning() -> None:
    found = tolerance((20, 50, 1), (0.05, 0.9), draws=6, simulate_epochs=6000, key=KEY)
    assert found.table.stable.tolist() == found.table.learned.tolist() == [1, 0]
    assert found.table.flipped.tolist() == [1, 18]
    assert (found.table.growth_low < found.table.growth).all()


@pytest.mark.parametrize("layer", ["hidden", "readout"])
def test_large_nets_come_near_the_closed_form(layer) -> None:
    found = tolerance((120, 300, 1), (), layer=layer, draws=4, key=KEY)
    assert found.large_net == critical_fraction(0.4, layer)
    assert found.critical.value == pytest.approx(found.large_net, abs=0.06)


def test_the_critical_number_is_the_last_stable_one() -> None:
    net = draw_net(KEY, (8, 24, 1))
    found = tolerance(net, (), draws=3, key=KEY)
    for index, share in enumerate(found.critical_draws):
        order = generator(KEY, index).permutation(8)
        for count in range(9):
            signs = np.ones(8)
            signs[order[:count]] = -1
            stable = stability(solution_operator(net.W1, net.W2, signs, np.ones(24))).largest < 0
            assert stable == (count <= round(share * 8))


def test_a_full_rank_input_changes_no_verdict() -> None:
    net, X = draw_net(KEY, (8, 24, 1)), jax.random.normal(KEY, (60, 8)) * jnp.arange(1, 9)
    first, second = (tolerance(net, (0.25, 0.5), draws=5, X=x, key=KEY) for x in (None, X))
    np.testing.assert_array_equal(first.critical_draws, second.critical_draws)
    assert first.table.stable.tolist() == second.table.stable.tolist()


def test_a_tanh_net_in_its_linear_range_is_like_the_linear_net() -> None:
    net = draw_net(KEY, (6, 15, 1))
    X = 1e-4 * jax.random.normal(KEY, (40, 6))
    bent = tolerance(TwoLayer(net.W1, net.W2, "tanh"), (), draws=4, X=X, key=KEY)
    np.testing.assert_array_equal(bent.critical_draws, tolerance(net, (), draws=4, key=KEY).critical_draws)
    assert bent.large_net is None


def test_several_outputs_have_no_closed_form_but_eigenvalues() -> None:
    found = tolerance((6, 30, 3), (0.0, 1.0), draws=3, key=KEY)
    assert found.large_net is None
    assert found.table.stable[0] == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tolerance((5, 5, 1), (1.5,)), r"must be in \[0, 1\]"),
        (lambda: tolerance((5, 5, 1), draws=1), "draws must be at least 2"),
        (lambda: tolerance((5, 0, 1)), "three positive sizes"),
        (lambda: tolerance((3, 3, 1), X=jnp.ones((2, 4))), r"X must be \(rows, inputs=3\)"),
        (lambda: tolerance((3, 3, 1), X=jnp.ones((0, 3))), "at least one row"),
        (lambda: _check_inputs(np.ma.masked_array(np.ones((2, 3)), False), 3), "X must not be a masked array"),
        (lambda: tolerance((3, 3, 1), X=jnp.full((2, 3), jnp.nan)), "X must be finite"),
        (lambda: tolerance((3, 3, 1), X=jnp.zeros((2, 3))), "X must not be all zeros"),
        (
            lambda: tolerance(TwoLayer(-jnp.ones((3, 3)), jnp.ones((1, 3)), "relu"), X=jnp.ones((2, 3))),
            "some hidden unit respond",
        ),
        (lambda: tolerance(draw_net(KEY, (3, 3, 1), activation="tanh")), "a tanh net needs X"),
        (
            lambda: tolerance(draw_net(KEY, (3, 3, 1), activation="relu"), X=jnp.ones((2, 3)), simulate_epochs=5),
            "simulate_epochs is for linear nets",
        ),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
