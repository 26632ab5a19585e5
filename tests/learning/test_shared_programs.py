"""Combinations that differ only in numbers share their compiled programs."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from symplast.curl.signs import flipped_count
from symplast.curl.transforms import flips
from symplast.lab.jax_setup import CompileClock
from symplast.learning.combination import Combination

KEY = jax.random.key(0)
FIRST = Combination("backprop", task="digits:train=100,test=50", hidden=(8,), epochs=1, tests_per_epoch=0)
SETTLING = replace(FIRST, rule="ep", network="recurrent:steps=5")


@pytest.mark.parametrize(
    ("first", "others"),
    [
        (
            replace(FIRST, transform="curl:fraction=0.1+norm"),
            [{"transform": "curl:fraction=0.6+norm"}, {"transform": "curl:fraction=0+norm", "epochs": 2}],
        ),
        (
            replace(FIRST, transform="device:levels=64,nonlinearity=2"),
            [{"transform": "device:levels=256"}, {"optimiser": "adam:learning_rate=0.1"}],
        ),
        (SETTLING, [{"rule": "ep:homeostasis=2"}, {"network": "recurrent:steps=5,angle=0"}]),
    ],
    ids=["flips", "devices", "settling"],
)
def test_cells_that_differ_in_numbers_compile_nothing(first: Combination, others) -> None:
    with CompileClock() as clock:
        scores = [np.asarray(first.measure(KEY, 2).loss)]
    assert 0 < clock.count < 40
    for other in others:
        with CompileClock() as clock:
            scores.append(np.asarray(replace(first, **other).measure(KEY, 2).loss))
        assert clock.count == 0, other
    assert len({tuple(each.tolist()) for each in scores}) == len(scores)  # the numbers count nevertheless


def test_another_transform_compiles_only_how_it_starts_and_learns() -> None:
    replace(FIRST, hidden=(9,)).measure(KEY, 2)
    with CompileClock() as clock:
        replace(FIRST, hidden=(9,), transform="norm").measure(KEY, 2)
    assert clock.count == 2


def test_a_share_counts_neurons_as_elsewhere() -> None:
    for share in np.arange(0, 101) / 100:
        vector = flips(fraction=float(share)).init.args[0].vector
        for units in (1, 7, 10, 64, 100, 784):
            assert int((vector(units) < 0).sum()) == flipped_count(units, float(share)), (share, units)
