"""Ideal networks: the flawed indicator, ReLU's ghosts, the losses that the app prints."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.grokking import TwoLayerNet, flawed_indicator, ghost_profile, ideal_network, mean_loss, peaks
from symplast.grokking.ideal import cosine_network, layout, right_share
from symplast.grokking.study import SPREADS, SUBSETS


@settings(max_examples=20, deadline=None)
@given(k=st.integers(1, 6), N=st.integers(1, 12), amplitude=st.floats(0.3, 3))
def test_the_flawed_indicator_is_exact_unless_n_divides_four(k, N, amplitude):
    p = 2 * k + 1
    wanted = flawed_indicator(p, amplitude**3, N)
    error = np.abs(ideal_network(p, N, amplitude).table() - wanted).max() / amplitude**3
    assert (error < 1e-10) == (N not in (1, 2, 4))


def test_four_phases_fail_by_twelve():
    error = np.abs(ideal_network(7, 4).table() - flawed_indicator(7, 1.0, 4)).max()
    assert error == pytest.approx(12)


def test_the_named_table():
    table = flawed_indicator(7, 1.0, 8)
    assert sorted(set(table[1, 2])) == [-4, 3, 10]
    assert table[3, 3, 6] == pytest.approx(-4 + 8 * 7 / 2)
    floor, main = table[1, 2].min(), table[1, 2].max()
    assert main - floor - 7 == pytest.approx(8 * 7 / 8)  # the margin a N p / 8


@pytest.mark.parametrize(
    ("p", "ghost", "second", "diagonal"), [(23, 0.330931, -0.067990, 1.572776), (97, 0.333004, -0.067054, 1.571367)]
)
def test_ghosts_of_relu(p, ghost, second, diagonal):
    found = peaks(ideal_network(p, 64, activation="relu").table())
    ratios = np.array([found.ghost, found.second, found.diagonal]) / found.main
    assert ratios == pytest.approx([ghost, second, diagonal], abs=1e-6)
    assert found.main == pytest.approx(64 * 2 / (3 * np.pi) * 2 / np.pi * p / 2, rel=2e-3)


def test_losses_by_number_of_frequencies():
    k, phi = layout(128, 23)
    assert sorted(np.bincount(k)[1:]) == [11] * 4 + [12] * 7
    each = np.array([cosine_network(23, k[k == f], phi[k == f]).table() for f in range(1, 12)])
    means = [np.mean([mean_loss(each[list(some)].sum(axis=0)) for some in combinations(range(11), n)]) for n in SUBSETS]
    assert means == pytest.approx([1.642744914, 0.6023623266, 0.02878050255, 2.991743e-8, 5.934039e-15], rel=1e-6)


def test_losses_by_spread_of_phases():
    found = [mean_loss(cosine_network(23, *layout(128, 23, spread)).table()) for spread in SPREADS]
    assert found == pytest.approx([4.815338148, 0.002000743901, 1.185668954e-9, 3.544407746e-7, 5.934039e-15], rel=1e-6)


def test_a_swapped_activation(checkpoints):
    net = checkpoints["relu_adamw/final"]
    wanted = {
        "abs": 1.9420864e-11, "square": 9.256648e-10, "quartic": 3.0829935e-05, "eighth": 0.0512391673,
        "softplus2": 0.00128797711, "exp": 0.00065411971, "identity": 4.24674914, "cube": 3.89134091,
    }  # fmt: skip
    for name, loss in wanted.items():
        table = TwoLayerNet(net.theta, net.xi, name).table()
        assert mean_loss(table) == pytest.approx(loss, rel=1e-6), name
        assert (right_share(table) == 1) == (name not in ("identity", "cube"))


def test_ghosts_of_the_authors_networks(checkpoints):
    found = [ghost_profile(checkpoints[f"{run}/final"].table()) for run in ("relu_adamw", "quad_sgd", "relu_grok")]
    assert [each.ratio for each in found] == pytest.approx([0.146, 0.402, 0.098], abs=1e-3)
    assert found[2].r_squared == pytest.approx(0.873, abs=1e-3)


@pytest.mark.parametrize("p", [9, 15])
def test_moduli_that_three_divides(p):
    found = peaks(ideal_network(p, 8, activation="relu").table())
    assert np.isfinite(found[:3]).all()


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (np.ones((3, 3)), r"must be \(p, p, p\)"),
        (np.ones((4, 4, 4)), "odd"),
        (np.full((3, 3, 3), np.inf), "finite"),
        (np.ones((3, 3, 3)), "at least 5"),
    ],
)
def test_wrong_logits(logits, message):
    with pytest.raises(ValueError, match=message):
        ghost_profile(logits)


def test_wrong_frequencies():
    with pytest.raises(ValueError, match=r"frequencies must lie in 1 \.\. K = \(p - 1\)/2 = 3"):
        ideal_network(7, 4, frequencies=[4])
    with pytest.raises(ValueError, match="phases_per_frequency must be a whole number"):
        ideal_network(7, 0)
