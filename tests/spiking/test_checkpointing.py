"""Gradients that keep distances to threshold: equal to the others, in half the memory, without further products."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.spiking import (
    LIF,
    AdaptiveThreshold,
    ConductanceLIF,
    FastSigmoid,
    Sigmoid,
    checkpoint_spikes,
    simulate,
    simulate_weighted,
)

STEPS, BATCH, INPUTS, HIDDEN, OUT = 12, 4, 6, 8, 3
CELLS = {
    "soft reset": LIF(tau_ms=5.0, v_reset=None, method="euler", surrogate=FastSigmoid(5.0)),
    "hard reset, refractory": LIF(tau_ms=5.0, refractory_ms=2.0, surrogate=Sigmoid(), detach_reset=False),
    "adaptive": LIF(tau_ms=5.0, threshold=AdaptiveThreshold(1.0, 20.0, 0.2), surrogate=FastSigmoid(5.0), strict=True),
    "conductances": ConductanceLIF((3.0,), tau_ms=5.0, surrogate=FastSigmoid(5.0)),
}


class Network(eqx.Module):
    first: jax.Array
    second: jax.Array
    cells: ConductanceLIF | LIF

    def __call__(self, state, x):
        hidden, out = state
        hidden, spikes = self.driven(hidden, self.first @ x.T)
        out, spikes = self.driven(out, self.second @ spikes)
        return (hidden, out), spikes

    def driven(self, state, drive):
        if isinstance(self.cells, ConductanceLIF):
            return self.cells.step(state, (jnp.abs(drive),), 1.0)
        return self.cells.step(state, 0.0, 1.0, jump=drive)


def data(dtype):
    generator = np.random.default_rng(0)
    first, second = generator.normal(0.3, 0.5, (HIDDEN, INPUTS)), generator.normal(0.3, 0.5, (OUT, HIDDEN))
    inputs = generator.random((STEPS, BATCH, INPUTS)) < 0.5
    aims = generator.normal(size=(OUT, BATCH))
    return [jnp.asarray(array, dtype) for array in (first, second, inputs, aims)]


def loss(weights, inputs, aims, cells, change):
    network = Network(*weights, cells)
    state = cells.init((HIDDEN, BATCH)), cells.init((OUT, BATCH))
    return (simulate(change(network), state, inputs)[1].sum(axis=0) * aims).sum()


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("kind", CELLS)
def test_values_and_gradients_are_those_of_the_plain_step(kind, dtype, rtol):
    with jax.enable_x64(dtype == "float64"):
        cells = jax.tree.map(lambda x: x.astype(dtype), CELLS[kind])
        first, second, inputs, aims = data(dtype)
        value, plain = jax.value_and_grad(loss)((first, second), inputs, aims, cells, lambda step: step)
        again, kept = jax.value_and_grad(loss)((first, second), inputs, aims, cells, checkpoint_spikes)
        assert value == again
        for a, b in zip(plain, kept, strict=True):
            assert a.dtype == b.dtype == dtype
            assert np.abs(a).max() > 1e-3
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * float(np.abs(a).max()))


class Behind(eqx.Module):
    """The network behind the product with the inputs."""

    second: jax.Array
    cells: LIF

    def __call__(self, state, current):
        hidden, out = state
        hidden, spikes = self.cells.step(hidden, 0.0, 1.0, jump=current)
        out, spikes = self.cells.step(out, 0.0, 1.0, jump=self.second @ spikes)
        return (hidden, out), spikes


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("kind", ["soft reset", "hard reset, refractory"])
def test_one_product_over_time_gives_the_same_gradients(kind, dtype, rtol):
    with jax.enable_x64(dtype == "float64"):
        cells = jax.tree.map(lambda x: x.astype(dtype), CELLS[kind])
        first, second, inputs, aims = data(dtype)

        def weighted(weights, inputs, start):
            state = cells.init((HIDDEN, BATCH))._replace(v=start), cells.init((OUT, BATCH))
            end, out = simulate_weighted(Behind(weights[1], cells), state, weights[0], inputs)
            return (out.sum(axis=0) * aims).sum() + end[0].v.sum()

        def plain(weights, inputs, start):
            state = cells.init((HIDDEN, BATCH))._replace(v=start), cells.init((OUT, BATCH))
            end, out = simulate(Network(*weights, cells), state, inputs)
            return (out.sum(axis=0) * aims).sum() + end[0].v.sum()

        start = jnp.full((HIDDEN, BATCH), 0.3, dtype)
        found, expected = (
            jax.jit(jax.value_and_grad(f, argnums=(0, 1, 2)))((first, second), inputs, start) for f in (weighted, plain)
        )
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            assert a.dtype == b.dtype == dtype
            assert np.abs(b).max() > 1e-3
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * float(np.abs(b).max()))


def test_shapes_that_do_not_fit():
    first, second, inputs, _ = data("float32")
    cells = CELLS["soft reset"]
    state = cells.init((HIDDEN, BATCH)), cells.init((OUT, BATCH))
    with pytest.raises(ValueError, match=r"weight must be \(cells, inputs\)"):
        simulate_weighted(Behind(second, cells), state, first.T, inputs)


def stored(change):
    """Bytes that the way back needs, without weights and inputs."""
    first, second, inputs, aims = data("float32")
    back = jax.vjp(lambda *weights: loss(weights, inputs, aims, CELLS["soft reset"], change), first, second)[1]
    sizes = [leaf.nbytes for leaf in jax.tree.leaves(back) if leaf.ndim == 3 and leaf.shape[0] == STEPS]
    return sum(sizes) - inputs.nbytes


def test_one_number_a_cell_and_step_is_kept():
    cells = (HIDDEN + OUT) * BATCH * STEPS * 4
    assert stored(checkpoint_spikes) == cells
    assert stored(lambda step: step) > 1.5 * cells


@pytest.mark.parametrize("change", [lambda step: step, checkpoint_spikes])
def test_products_are_done_once(change):
    first, second, inputs, aims = data("float32")
    gradient = jax.grad(lambda weights: loss(weights, inputs, aims, CELLS["soft reset"], change))
    assert str(jax.make_jaxpr(gradient)((first, second))).count("dot_general[") == 5  # two forward, three back


def test_a_step_without_surrogate_in_sight():
    with pytest.raises(ValueError, match=r"step must be an equinox\.Module that holds cells with a surrogate"):
        checkpoint_spikes(lambda state, x: LIF(surrogate=FastSigmoid()).step(state, x, 1.0))
    with pytest.raises(ValueError, match="surrogate"):
        checkpoint_spikes(Network(*data("float32")[:2], LIF()))
