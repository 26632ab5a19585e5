"""Probabilistic cells: rates, clipping, refractoriness, criticality."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.spiking import ProbabilisticIF, simulate

KEY = jax.random.key(3)


@pytest.mark.parametrize(("drive", "external", "expected"), [(0.2, 0.1, 0.3), (0.9, 0.4, 1.0), (-0.5, 0.1, 0.0)])
def test_probability_is_the_clipped_sum(drive, external, expected):
    cells = ProbabilisticIF(p_external=external)
    _, spikes = simulate(lambda s, _: cells.step(s, drive, 1.0), cells.init((500,), key=KEY), steps=100)
    assert float(spikes.mean()) == pytest.approx(expected, abs=5 * np.sqrt(0.21 / 50_000))


def test_refractory_cells_stay_silent():
    cells = ProbabilisticIF(p_external=1.0, refractory_ms=2.0)
    _, spikes = simulate(lambda s, _: cells.step(s, 0.0, 1.0), cells.init((3,), key=KEY), steps=7)
    assert np.asarray(spikes)[:, 0].tolist() == [True, False, False, True, False, False, True]


@pytest.mark.parametrize("branching", [0.5, 0.9])
def test_activity_of_a_branching_network_decays_with_its_largest_eigenvalue(branching):
    n = 400
    weights = jnp.full((n, n), branching / n)
    cells = ProbabilisticIF()

    def step(state, _):
        cell, spikes = state
        cell, spikes = cells.step(cell, weights @ spikes, 1.0)
        return (cell, spikes), spikes.sum()

    start = jax.vmap(lambda key: (cells.init((n,), key=key), jnp.arange(n) < 40))(jax.random.split(KEY, 400))
    _, activity = jax.vmap(lambda s: simulate(step, s, steps=5))(start)
    mean = np.asarray(activity).mean(axis=0)
    np.testing.assert_allclose(mean, 40 * branching ** np.arange(1, 6), rtol=0.12)


def test_seeds_repeat_and_differ():
    cells = ProbabilisticIF(p_external=0.5)
    first, again, other = (cells.step(cells.init((99,), key=jax.random.key(k)), 0.0, 1.0)[1] for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_wrong_input():
    with pytest.raises(ValueError, match="key must be given"):
        ProbabilisticIF().init((3,))
    with pytest.raises(ValueError, match="p_external must be at least 0"):
        ProbabilisticIF(p_external=-0.1)
    with pytest.raises(ValueError, match="refractory_ms must be at least 0"):
        ProbabilisticIF(refractory_ms=np.nan)
