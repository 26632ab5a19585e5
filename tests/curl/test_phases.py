"""Phase diagrams and paired speeds."""

import numpy as np
import pytest

from symplast.curl import SpeedSetting, epochs_to_threshold, paired_ratio, phase_diagram
from symplast.curl.phases import _final_errors
from symplast.curl.speed import _one


def test_the_sign_of_the_largest_eigenvalue_decides_for_flipped_inputs() -> None:
    found = phase_diagram([0.4, 1.0], [0.0, 0.6], units=70, start="teacher", seeds=2, epochs=8000)
    sure = np.abs(found.growth) > 0.05
    assert ((found.growth < 0) == (found.error < 1e-8)).where(sure, True).all()
    assert found.inputs.values.tolist() == [20, 35]
    assert found.hidden.values.tolist() == [50, 35]


def test_one_program_a_size_for_both_layers() -> None:
    before = _final_errors._cache_size()
    for layer in ("hidden", "readout"):
        phase_diagram([0.5], [0.0, 0.5], layer, units=9, seeds=2, epochs=10)
    assert _final_errors._cache_size() == before + 1


def test_tanh_nets_learn_from_examples() -> None:
    found = phase_diagram([0.3], [0.0], units=13, activation="tanh", seeds=2, epochs=3000, rows=40)
    assert float(found.error.max()) < 1e-3
    assert "growth" not in found


def test_a_run_that_never_gets_there_counts_as_the_limit() -> None:
    setting = SpeedSetting(sizes=(10, 4, 1), rows=60, threshold=1e-30, limit=50)
    found = epochs_to_threshold([0, 4], setting, seeds=2)
    assert not found.reached.any()
    assert (found.epochs == 50).all()


def test_seeds_are_prefixes_and_pairs_share_their_start() -> None:
    setting = SpeedSetting(sizes=(10, 4, 1), rows=60, threshold=0.02)
    few, more = (epochs_to_threshold([0, 0], setting, seeds=seeds) for seeds in (2, 3))
    np.testing.assert_array_equal(few.epochs, more.epochs[:, :2])
    np.testing.assert_array_equal(few.epochs[0], few.epochs[1])
    assert (few.ascent == 0).all()


def test_one_program_for_all_runs_and_limits() -> None:
    before = _one._cache_size()
    for limit, flips, seeds in ((5, [0, 1], 2), (9, [0, 1, 4], 3)):
        epochs_to_threshold(flips, SpeedSetting(sizes=(7, 4, 1), rows=30, limit=limit), seeds=seeds)
    assert _one._cache_size() == before + 1


def test_paired_ratio_is_geometric() -> None:
    slow, fast = np.array([1.0, 4.0, 9.0, 2.0]), np.array([2.0, 2.0, 3.0, 2.0])
    found = paired_ratio(slow, fast)
    assert found.value == pytest.approx((0.5 * 2 * 3 * 1) ** (1 / 4))
    flipped = paired_ratio(fast, slow)
    assert (flipped.low, flipped.high) == pytest.approx((1 / found.high, 1 / found.low))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: phase_diagram([0.5], [1.2]), r"alpha must be shares in \[0, 1\]"),
        (lambda: phase_diagram([0.0], [0.5]), "must be positive"),
        (lambda: phase_diagram([100.0], [0.5], units=10), "leave a layer empty at c = 100"),
        (lambda: epochs_to_threshold([11]), r"\[0, size=10\], got 11"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
