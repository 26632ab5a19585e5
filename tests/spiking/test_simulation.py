"""The loop: what it keeps, what it compiles, what it refuses."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.lab.jax_setup import CompileClock
from symplast.spiking import LIF, ExponentialSynapse, Sigmoid, simulate

INPUTS = jnp.linspace(0, 2, 12)


class Outputs(NamedTuple):
    total: jax.Array
    twice: jax.Array


def add(total, x):
    total = total + x
    return total, {"total": total, "twice": 2 * total}


def add_named(total, x):
    total = total + x
    return total, Outputs(total, 2 * total)


def state_and_twice(state, outputs):
    return state, outputs["twice"]


class Network(eqx.Module):
    """A recurrent layer, its weights as arguments of the program."""

    weights: jax.Array
    cells: LIF = LIF(tau_ms=20.0)
    synapse: ExponentialSynapse = ExponentialSynapse(5.0)

    def init(self):
        n = len(self.weights)
        return self.cells.init((n,)), self.synapse.init((n,)), jnp.zeros(n, bool)

    def __call__(self, state, current):
        cells, synapse, spikes = state
        synapse, arriving = self.synapse.step(synapse, self.weights @ spikes, 1.0)
        cells, spikes = self.cells.step(cells, current + arriving, 1.0)
        return (cells, synapse, spikes), spikes


def network(seed):
    return Network(jax.random.normal(jax.random.key(seed), (8, 8)))


def test_everything_is_kept_by_default():
    state, out = simulate(add, 0.0, INPUTS)
    np.testing.assert_allclose(out["total"], np.cumsum(INPUTS), rtol=1e-6)
    np.testing.assert_allclose(out["twice"], 2 * out["total"])
    assert float(state) == pytest.approx(float(INPUTS.sum()))


@pytest.mark.parametrize("step", [add, add_named])
def test_only_what_is_named_is_kept(step):
    _, kept = simulate(step, 0.0, INPUTS, record=("twice",))
    assert list(kept) == ["twice"]
    assert simulate(step, 0.0, INPUTS, record=())[1] == {}
    assert simulate(step, 0.0, INPUTS, record="total")[1].keys() == {"total"}


def test_a_function_sees_the_state_after_the_step():
    _, (states, twice) = simulate(add, 0.0, INPUTS, record=state_and_twice)
    np.testing.assert_array_equal(twice, 2 * states)


def test_without_inputs_the_number_of_steps_is_given():
    def count(state, now):
        assert now is None
        return state + 1, state

    final, seen = simulate(count, jnp.array(0), steps=5)
    assert int(final) == 5
    assert seen.tolist() == [0, 1, 2, 3, 4]


def test_a_run_can_be_cut_anywhere():
    net = network(0)
    inputs = jax.random.uniform(jax.random.key(1), (30, 8), maxval=3.0)
    whole = simulate(net, net.init(), inputs)
    middle, first = simulate(net, net.init(), inputs[:13])
    last, second = simulate(net, middle, inputs[13:])
    np.testing.assert_array_equal(whole[1], jnp.concatenate([first, second]))
    jax.tree.map(np.testing.assert_array_equal, whole[0], last)


@pytest.mark.parametrize("every", [1, 5, 12, 50])
def test_checkpoints_change_nothing(every):
    plain, kept = simulate(add, 0.0, INPUTS), simulate(add, 0.0, INPUTS, checkpoint_every=every)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), plain, kept)


def test_one_program_for_all_parameters():
    inputs = jnp.ones((20, 8))
    simulate(network(0), network(0).init(), inputs)
    with CompileClock() as clock:
        nets = [network(seed) for seed in (1, 2)]
        starts = [net.init() for net in nets]
        before = clock.count
        outs = [simulate(net, start, inputs)[1] for net, start in zip(nets, starts, strict=True)]
        jax.block_until_ready(outs)
        assert clock.count == before


def test_replicates_are_vmapped():
    nets = eqx.filter_vmap(network)(jnp.arange(3))
    inputs = jax.random.uniform(jax.random.key(1), (30, 8), maxval=3.0)
    together = eqx.filter_vmap(lambda net: simulate(net, net.init(), inputs)[1])(nets)
    for seed in range(3):
        np.testing.assert_array_equal(together[seed], simulate(network(seed), network(seed).init(), inputs)[1])


def test_what_is_not_kept_is_not_stored():
    def step(state, x):
        return state + x, {"large": jnp.full(100_000, state), "small": state}

    compiled = simulate.lower(step, 0.0, INPUTS, record=("small",)).compile().compiled
    assert compiled.memory_analysis().output_size_in_bytes < 1000


def test_checkpoints_save_memory_on_the_way_back():
    cells = LIF(surrogate=Sigmoid())

    def loss(inputs, every):
        def step(state, x):
            return cells.step(state, x, 1.0)

        return simulate(step, cells.init((1000,)), inputs, checkpoint_every=every)[0].v.sum()

    def temporaries(every):
        program = jax.jit(jax.grad(lambda x: loss(x, every))).lower(jnp.ones((400, 1000))).compile()
        return program.memory_analysis().temp_size_in_bytes

    assert temporaries(20) < temporaries(None) / 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: simulate(add, 0.0), "give inputs, or steps"),
        (lambda: simulate(add, 0.0, INPUTS, steps=3), "steps must equal the length of inputs 12"),
        (lambda: simulate(add, 0.0, (INPUTS, INPUTS[1:])), "inputs must all have the same number of steps"),
        (lambda: simulate(add, 0.0, jnp.array(1.0)), "inputs must have time first"),
        (
            lambda: simulate(add, 0.0, INPUTS, record=("none",)),
            r"record must name outputs of the step \(total, twice\)",
        ),
        (lambda: simulate(lambda s, x: (s, x), 0.0, INPUTS, record=("v",)), "record by name needs steps that return"),
        (lambda: simulate(add, 0.0, INPUTS, checkpoint_every=0), "checkpoint_every must be at least 1"),
        (lambda: simulate(add, 0.0, steps=-1), "steps must be at least 0"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
