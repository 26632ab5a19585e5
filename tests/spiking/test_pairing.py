"""Pairing inside JAX: the pairs of the plain program, batched, in one compilation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.spiking import SpikeSteps, pair_spikes, pair_steps, spike_steps

STEPS, SLOTS = 60, 24
GENERATOR = np.random.default_rng(0)
PAIRS = [(GENERATOR.random((2, STEPS)) < density) for density in (0.02, 0.1, 0.25) for _ in range(40)]
PAIRS += [np.zeros((2, STEPS), bool), np.stack([np.zeros(STEPS, bool), np.arange(STEPS) % 9 == 0])]
PAIRS = [pair for pair in PAIRS if pair.sum(axis=1).max() <= SLOTS]


@jax.jit
def batched(trains, windows, skips):
    lists = jax.vmap(jax.vmap(lambda train: spike_steps(train, SLOTS)))(trains)
    target, model = (jax.tree.map(lambda x, side=side: x[:, side], lists) for side in (0, 1))
    return jax.vmap(pair_steps)(target, model, windows, skips), lists


@pytest.mark.parametrize(("window", "skip"), [(1, 1), (4, 4), (15, 15), (15, 4), (4, 9)])
def test_the_pairs_of_the_plain_program(window, skip):
    partners, _ = batched(jnp.asarray(np.stack(PAIRS)), jnp.full(len(PAIRS), window), jnp.full(len(PAIRS), skip))
    assert len(PAIRS) > 100
    for row, pair in enumerate(PAIRS):
        target, model = np.flatnonzero(pair[0]), np.flatnonzero(pair[1])
        plain = pair_spikes(target, model, float(window), float(skip))
        of_target, of_model = (np.asarray(side[row]) for side in (partners.of_target, partners.of_model))
        assert float(partners.cost[row]) == pytest.approx(plain.cost, rel=1e-6)
        paired = [(target[i], model[j]) for i, j in enumerate(of_target) if j >= 0]
        assert paired == [tuple(times) for times in plain.pairs]
        assert [time for time, j in zip(target, of_target, strict=False) if j < 0] == plain.missing.tolist()
        assert [time for time, i in zip(model, of_model, strict=False) if i < 0] == plain.extra.tolist()
        assert (of_target[len(target) :] == -1).all()
        assert (of_model[len(model) :] == -1).all()


def test_lists_say_when_they_are_too_short():
    found = spike_steps(jnp.ones(10, bool), slots=4)
    assert found.steps.tolist() == [0, 1, 2, 3]
    assert int(found.total) == 10
    assert float(pair_steps(found, spike_steps(jnp.zeros(10, bool), slots=4), 2).cost) == np.inf


def test_lists_need_a_slot():
    with pytest.raises(ValueError, match="slots must be at least 1, got 0"):
        spike_steps(jnp.ones(10, bool), slots=0)


def test_lists_of_unequal_length():
    one, other = (SpikeSteps(jnp.zeros(n, jnp.int32), jnp.array(0)) for n in (3, 4))
    with pytest.raises(ValueError, match="target and model must have lists of one length, got 3 and 4"):
        pair_steps(one, other, 2)
