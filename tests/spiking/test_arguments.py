"""Numbers with units or masks are refused everywhere; times on a grid are those of their own precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from symplast.pspm import LIFParams, Rule, draw_drive, interval_histogram
from symplast.pspm import spike_distance as networks_distance
from symplast.spiking import (
    IF,
    LIF,
    AdaptiveThreshold,
    ConductanceLIF,
    Delay,
    ExponentialSynapse,
    ProbabilisticIF,
    SpikeTrains,
    Trace,
    avalanches,
    fano_factor,
    fit_power_law,
    isi_distance,
    latency_spikes,
    pair_spikes,
    pairwise,
    poisson_events,
    poisson_spikes,
    population_synchrony,
    relax,
    sampled_gaussian_distance,
    spike_distance,
    spike_synchronisation,
    van_rossum,
    victor_purpura,
)
from symplast.spiking.arguments import count_steps, parameter
from symplast.stats.arguments import EPS, precision_of

KEY = jax.random.key(0)
SPIKES = np.eye(4, dtype=int)


class Quantity(float):
    """What packages of units have in common: a number that NumPy takes without its unit."""

    def rescale(self, unit):
        raise NotImplementedError


CALLS = {
    "poisson_spikes rates_hz": lambda x: poisson_spikes(KEY, x, 10.0, 1.0),
    "poisson_spikes duration_ms": lambda x: poisson_spikes(KEY, 5.0, x, 1.0),
    "poisson_spikes dt_ms": lambda x: poisson_spikes(KEY, 5.0, 10.0, x),
    "poisson_events rates_hz": lambda x: poisson_events(np.random.default_rng(0), x, 10.0, 1.0),
    "poisson_events duration_ms": lambda x: poisson_events(np.random.default_rng(0), 5.0, x, 1.0),
    "poisson_events dt_ms": lambda x: poisson_events(np.random.default_rng(0), 5.0, 10.0, x),
    "latency_spikes duration_ms": lambda x: latency_spikes(0.5, x, 1.0),
    "latency_spikes dt_ms": lambda x: latency_spikes(0.5, 5.0, x),
    "latency_spikes tau_ms": lambda x: latency_spikes(0.5, 5.0, 1.0, tau_ms=x),
    "LIF tau_ms": lambda x: LIF(tau_ms=x),
    "LIF refractory_ms": lambda x: LIF(refractory_ms=x),
    "LIF threshold": lambda x: LIF(threshold=x),
    "IF v_rest": lambda x: IF(v_rest=x),
    "IF v_reset": lambda x: IF(v_reset=x),
    "step dt_ms": lambda x: LIF().step(LIF().init(), 1.0, x),
    "ConductanceLIF tau_ms": lambda x: ConductanceLIF((0.0,), tau_ms=x),
    "ConductanceLIF reversals": lambda x: ConductanceLIF((x,)),
    "ProbabilisticIF refractory_ms": lambda x: ProbabilisticIF(refractory_ms=x),
    "AdaptiveThreshold tau_ms": lambda x: AdaptiveThreshold(tau_ms=x),
    "AdaptiveThreshold increment": lambda x: AdaptiveThreshold(increment=x),
    "ExponentialSynapse tau_ms": lambda x: ExponentialSynapse(tau_ms=x),
    "Trace tau_ms": lambda x: Trace(tau_ms=x),
    "Trace step dt_ms": lambda x: Trace().step(Trace().init(), jnp.array(1.0), x),
    "Delay delay_ms": lambda x: Delay(delay_ms=x, dt_ms=1.0),
    "Delay dt_ms": lambda x: Delay(delay_ms=5.0, dt_ms=x),
    "relax tau_ms": lambda x: relax(1.0, 0.0, x, 1.0),
    "relax dt_ms": lambda x: relax(1.0, 0.0, 5.0, x),
    "SpikeTrains t_stop_ms": lambda x: SpikeTrains([[1.0]], x),
    "SpikeTrains t_start_ms": lambda x: SpikeTrains([[1.0]], 10.0, x),
    "SpikeTrains window_ms": lambda x: SpikeTrains([[1.0]], 10.0).counts(x),
    "SpikeTrains dt_ms": lambda x: SpikeTrains([[1.0]], 10.0).to_array(x),
    "SpikeTrains of_array dt_ms": lambda x: SpikeTrains.of_array(SPIKES, x),
    "victor_purpura cost_per_ms": lambda x: victor_purpura([1.0], [2.0], x),
    "pair_spikes window_ms": lambda x: pair_spikes([1.0], [2.0], x),
    "pair_spikes skip_ms": lambda x: pair_spikes([1.0], [2.0], 5.0, x),
    "van_rossum tau_ms": lambda x: van_rossum([1.0], [2.0], x),
    "isi_distance t_stop_ms": lambda x: isi_distance([1.0], [2.0], x),
    "spike_distance t_start_ms": lambda x: spike_distance([6.0], [7.0], 10.0, x),
    "sampled_gaussian_distance sigma_ms": lambda x: sampled_gaussian_distance(SPIKES, SPIKES, x, 1.0),
    "sampled_gaussian_distance dt_ms": lambda x: sampled_gaussian_distance(SPIKES, SPIKES, 5.0, x),
    "LIFParams tau_ms": lambda x: LIFParams(tau_ms=x),
    "LIFParams dt_ms": lambda x: LIFParams(dt_ms=x),
    "Rule window_ms": lambda x: Rule(window_ms=x),
    "Rule eta": lambda x: Rule(eta=x),
    "draw_drive sd": lambda x: draw_drive(KEY, 5, 2, sd=x),
    "pspm.spike_distance sigma_ms": lambda x: networks_distance(SPIKES, SPIKES, x),
    "interval_histogram edges_ms": lambda x: interval_histogram(SPIKES, 1.0, [0, x]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_units_are_refused(call):
    with pytest.raises(ValueError, match="must be plain numbers in the unit that its name or description says"):
        call(Quantity(5.0))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_real_quantities_are_refused(call):
    pq = pytest.importorskip("quantities")
    with pytest.raises((ValueError, TypeCheckError), match=r"must be plain numbers|Type-check error"):
        call(5.0 * pq.s)


MASKED = np.ma.array([1.0, 2.0], mask=[False, True])
MASKED_SPIKES = np.ma.array(SPIKES, mask=SPIKES == 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: parameter(MASKED),
        lambda: LIF(tau_ms=MASKED),
        lambda: van_rossum(MASKED, [1.0], 5.0),
        lambda: SpikeTrains([MASKED], 5.0),
        lambda: SpikeTrains.of_array(MASKED_SPIKES, 1.0),
        lambda: avalanches(MASKED_SPIKES),
        lambda: sampled_gaussian_distance(MASKED_SPIKES, SPIKES, 5.0, 1.0),
        lambda: networks_distance(MASKED_SPIKES, SPIKES),
        lambda: fano_factor(MASKED),
        lambda: fit_power_law(MASKED),
        lambda: population_synchrony(MASKED_SPIKES),
        lambda: poisson_spikes(KEY, MASKED, 10.0, 1.0),
        lambda: latency_spikes(MASKED / 2, 5.0, 1.0),
    ],
)
def test_masks_are_refused(call):
    with pytest.raises(ValueError, match="must not be a masked array"):
        call()


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("width", [0.1, 0.2, 0.3, 0.7])
def test_a_spike_on_an_edge_begins_its_window(kind, width):
    steps = np.arange(50)
    for times in ((steps * width).astype(kind), kind(width) * steps.astype(kind)):
        trains = SpikeTrains([times], 50 * width)
        np.testing.assert_array_equal(trains.counts(width), np.ones((50, 1), int))
        np.testing.assert_array_equal(trains.to_array(width), np.ones((50, 1), bool))
        np.testing.assert_array_equal(trains[:1].counts(width), trains.counts(width))
        between = SpikeTrains([(times + kind(width / 2)).astype(kind)], 50 * width)
        np.testing.assert_array_equal(between.counts(width), np.ones((50, 1), int))


def test_counts_of_one_spike():
    assert np.flatnonzero(SpikeTrains([[0.3]], 1.0).counts(0.1)).tolist() == [3]
    assert np.flatnonzero(SpikeTrains([[10.3]], 11.0, 10.0).counts(0.1)).tolist() == [3]
    assert SpikeTrains([[1.0]], 1.0).counts(0.5).ravel().tolist() == [0, 1]  # at the very end


def test_the_window_holds_a_spike_that_rounding_put_outside():
    late = np.array([0.1, 0.3], np.float32)  # 0.30000001192
    trains = SpikeTrains([late], 0.3)
    assert trains[0][-1] == 0.3
    assert trains.to_array(0.1).ravel().tolist() == [False, True, True]
    assert isi_distance(late, [0.1, 0.3], 0.3) == pytest.approx(0, abs=1e-6)
    assert pairwise(spike_distance, [late, late], t_stop_ms=0.3)[0, 1] == 0
    with pytest.raises(ValueError, match="spike times must lie in"):
        SpikeTrains([[0.1, 0.3001]], 0.3)


def test_times_too_coarse_for_the_grid_are_refused():
    trains = SpikeTrains([np.array([100000.3], np.float32)], 200000.0)
    with pytest.raises(ValueError, match="window_ms must be longer: rounding moves the times"):
        trains.counts(0.001)


def test_pairs_at_the_windows_edge_do_not_hang_on_rounding():
    for start in (0.0, 0.1, 10.3, 1000.7):
        assert len(pair_spikes([start + 0.1], [start + 0.4], 0.3).pairs) == 1
        assert len(pair_spikes(np.float32([start + 0.1]), np.float32([start + 0.4]), 0.3).pairs) == 1
    assert len(pair_spikes([0.1], [0.4001], 0.3).pairs) == 0


def test_a_tie_in_synchronisation_is_none_wherever_it_stands():
    for start in (0.0, 0.1, 0.7, 10.3):  # the spike between two lies half an interval from both
        a, b = [start + 0.1, start + 0.3], [start + 0.2]
        assert spike_synchronisation(a, b, start + 0.4, start) == 0


def test_whole_steps_are_those_of_the_numbers_precision():
    assert count_steps(np.float32(0.3), np.float32(0.1), "x") == 3
    assert count_steps(0.1 * 3, 0.1, "x") == 3
    with pytest.raises(ValueError, match="whole number of steps"):
        count_steps(1_000_000.5, 1.0, "duration_ms")
    assert precision_of(1, [2]) == EPS
    assert precision_of(np.float32(1), 2.0) == np.finfo(np.float32).eps


def test_refractory_times_without_effect_are_refused():
    for cells in (LIF(refractory_ms=0.4), ProbabilisticIF(refractory_ms=[0.4, 2.0])):
        state = cells.init((2,)) if isinstance(cells, LIF) else cells.init((2,), key=KEY)
        with pytest.raises(ValueError, match=r"refractory_ms must be 0 or more than half a step of dt_ms=1.*got 0.4"):
            cells.step(state, 0.5, 1.0)
        cells.step(state, 0.5, 0.4)


def test_negative_conductances_are_refused():
    cells = ConductanceLIF((0.0, -80.0))
    cells.step(cells.init(), (0.5, 0.1, -3.0), 1.0)  # a current may be negative
    with pytest.raises(ValueError, match=r"conductances .* must be at least 0"):
        cells.step(cells.init(), (0.5, -0.1), 1.0)


def test_a_power_law_needs_more_than_two_values():
    with pytest.raises(ValueError, match=r"at least 3 different values for smallest to be chosen, got \[1, 2\] only"):
        fit_power_law([1, 2] * 20)


def test_synchrony_of_constants_up_to_rounding_is_refused():
    constant = np.full((20, 3), 0.3)
    constant[::2] = 0.1 + 0.2
    with pytest.raises(ValueError, match="signals must change in time"):
        population_synchrony(constant)
