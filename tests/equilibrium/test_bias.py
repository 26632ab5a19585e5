"""The bias report and the radius of holomorphy, on networks whose answers are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.equilibrium import NotSettled, bias_report, force_network, reference_input, reference_net
from symplast.equilibrium.bias import POINTS, PROBE
from symplast.learning.recurrent import LayeredNet

LABEL = jnp.array([1])


def test_reference_network_at_30_degrees() -> None:
    found = bias_report(reference_net(30.0), reference_input(), LABEL, betas=[0.1], n_points=[1, 8], steps=400)
    one, eight = found.table.to_dict("records")
    assert found.asymmetry_deg == pytest.approx(np.degrees(np.arccos(0.9787678088)), abs=1e-4)
    assert found.symmetry == pytest.approx(0.8549345341, abs=1e-6)
    assert found.asymmetry_ratio == pytest.approx(0.2327964, abs=1e-6)
    assert one["nudge_error"] == pytest.approx(0.13831943, abs=1e-6)
    assert eight["nudge_error"] == pytest.approx(4.91874e-8, rel=1e-3)
    assert eight["angle_deg"] == pytest.approx(found.asymmetry_deg, abs=1e-4)
    assert np.isnan(eight["angle_deg_low"])
    assert found.free_unsettled == 0


def test_radius_of_a_known_singularity() -> None:
    """One linear unit with loss 1/2 (r - y)^2: u = x + w u + beta (u - y) has its pole at beta = 1 - w."""
    for w in (0.2, 0.5):
        net = force_network(
            lambda p, r, x: p * r + x, jnp.array(w), (1,), output=lambda p, r: r, readout="mse", activation="linear"
        )
        x, y = jnp.array([[0.3], [1.0]]), jnp.array([[2.0], [0.5]])
        found = bias_report(net, x, y, betas=[0.05], n_points=[2])
        np.testing.assert_allclose(found.radius, 1 - w, rtol=1e-6)
    assert PROBE < 0.5
    assert POINTS % 4 == 0


def test_examples_without_a_fixed_point_are_left_out() -> None:
    net = force_network(lambda p, r, x: p * r + x, jnp.array(-3.0), (1,), output=lambda p, r: r, readout="mse")
    x, y = jnp.array([[1.5], [8.0], [7.0]]), jnp.zeros((3, 1))
    with pytest.warns(NotSettled, match="33.3% of the examples"):
        found = bias_report(net, x, y, betas=[0.05], n_points=[2])
    assert found.free_unsettled == pytest.approx(1 / 3)
    assert np.isnan(found.radius[0])
    with pytest.warns(NotSettled), pytest.raises(ValueError, match="x must hold inputs for which the network settles"):
        bias_report(net, x[:1], y[:1], betas=[0.05], n_points=[2])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"betas": []}, "at least one value each"),
        ({"betas": [0.0]}, "beta must be a finite number other than 0"),
        ({"n_points": [0]}, "n_points must be a whole number of at least 1"),
    ],
)
def test_wrong_input(settings, message: str) -> None:
    net = LayeredNet((4, 5, 3), key=jax.random.key(0))
    with pytest.raises(ValueError, match=message):
        bias_report(net, jnp.ones((2, 4)), jnp.array([0, 1]), **settings)
