"""Measures of adaptation, the separable fit, recorded curves and their fit: reference values, closed forms, errors."""

import jax
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.gain_control import (
    GainCircuit,
    VonMisesKernel,
    biased_21,
    biased_box,
    fit_population,
    grid,
    half_widths,
    load_tuning_array,
    mean_and_covariance,
    measure_adaptation,
    measure_recordings,
    normalised_tuning,
    optimal_gains,
    preferences,
    preset,
    separable_gain_fit,
    tuning_from_xarray,
    tuning_of,
    uniform,
)
from symplast.gain_control.population import tuned_drive, von_mises


@pytest.fixture(scope="module")
def report():
    population, cost = preset("default")
    p = np.stack([uniform(181), biased_box(population.stimuli, 0.35)])
    with jax.enable_x64(True):
        circuit = population.circuit()
        R0, R1 = (np.asarray(circuit.responses(g)) for g in optimal_gains(circuit, p, cost).g)
    return measure_adaptation(R0, R1, population.preferred, population.stimuli, *p)


def test_reference_values_of_adaptation(report):
    expected = {
        "amp_at_adapter": 0.7419, "amp_far": 1.1127, "min_at_adapter": 0.7829, "min_far": 1.1078,
        "repulsion_max": 0.6576, "cv_uniform": 0, "cv_unadapted": 0.2417, "cv_adapted": 0.1003,
        "covdist_unadapted": 0.2485, "covdist_adapted": 0.1592, "flank_correlation_uniform": 0.1547,
        "flank_correlation_unadapted": 0.2326, "flank_correlation_adapted": 0.1703,
    }  # fmt: skip
    found = report.summary()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=5.1e-5), name
    assert report.repulsion.min() >= 0
    assert abs(report.preferred[report.repulsion.argmax()]) == pytest.approx(15.8, abs=0.05)
    assert report.width0 == pytest.approx(39.4, abs=0.1)
    assert abs(report.preferred[report.far]) == pytest.approx(89.01, abs=0.01)
    assert report.repulsion[report.at_adapter] == 0
    assert separable_gain_fit(*report.curves).explained == pytest.approx(0.96798, abs=5e-6)
    frame = report.to_frame()
    assert len(frame) == 91
    assert frame.mean_unadapted.to_numpy() == pytest.approx(report.curves[0] @ report.ensembles[1])
    assert len(report.plot().axes) == 4


@given(shift=st.floats(-90, 90), kappa=st.floats(0.5, 6.0))
@settings(deadline=None, max_examples=30)
def test_peaks_and_widths_of_known_curves(shift, kappa):
    s = grid(181)
    R = von_mises(s[None, :] - shift, kappa)
    assert np.sin(np.radians(2 * (preferences(R, s) - shift))) == pytest.approx(0, abs=1e-3)
    low = np.exp(-2 * kappa)
    half = np.degrees(np.arccos(1 + np.log(low + (1 - low) / 2) / kappa))  # twice the half width, in double angle
    exact, counted = half_widths(R, s)
    assert exact == pytest.approx(half, abs=0.1)
    assert counted == pytest.approx(half, abs=1.1)


def test_curves_that_do_not_wrap():
    s = np.array([0.0, 1.0, 2.0, 4.0, 8.0])
    R = np.array([[3.0, 2.0, 1.0, 0.5, 0.4], [0.0, 1.0, 3.0, 1.0, 0.0]])
    assert preferences(R, s, None)[0] == 0
    assert preferences(R, s, None)[1] == pytest.approx(2.5)  # half-way between equal responses
    exact, _ = half_widths(R, s, None)
    assert np.isnan(exact[0])  # falls on one side only
    assert exact[1] == pytest.approx(0.75 + 1.5)
    found = measure_adaptation(R, R, [0.0, 2.0], s, uniform(5), uniform(5), adapter=2.0, period=None)
    assert (found.repulsion == 0).all()
    assert found.covdist.tolist() == [0, 0, 0]


def test_covariances_are_those_of_samples():
    rng = np.random.default_rng(0)
    R, p = rng.uniform(0, 1, (3, 6)), rng.dirichlet(np.ones(6))
    shown = R[:, rng.choice(6, 200_000, p=p)]
    mean, covariance = mean_and_covariance(R, p)
    assert mean == pytest.approx(shown.mean(axis=1), abs=0.01)
    assert covariance == pytest.approx(np.cov(shown), abs=0.01)


@given(seed=st.integers(0, 1000))
@settings(max_examples=30)
def test_a_separable_change_is_found(seed):
    rng = np.random.default_rng(seed)
    R0, a, b = rng.uniform(0.1, 1, (4, 6)), rng.uniform(0.5, 2, 4), rng.uniform(0.5, 2, 6)
    fit = separable_gain_fit(R0, R0 * np.outer(a, b))
    scale = np.exp(np.log(b).mean())
    assert fit.a == pytest.approx(a * scale)
    assert fit.b == pytest.approx(b / scale)
    assert fit.explained == pytest.approx(1)
    assert separable_gain_fit(R0, R0).explained == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"R1": np.ones((2, 7))}, r"R0, R1 and stim must fit, got shapes \(2, 8\), \(2, 7\)"),
        ({"R0": np.full((2, 8), np.nan)}, "R0 must be finite"),
        ({"stim": grid(8)[::-1]}, "rising order"),
        ({"stim": np.linspace(-90, 90, 8)}, "both ends are one stimulus"),
        ({"p1": np.full(8, 0.1)}, "p1 must sum to 1"),
        ({"prefs": [0.0]}, r"prefs must have shape \(2,\)"),
        ({"period": -1.0}, "period must be"),
        ({"flank": 0.0}, "flank must be"),
    ],
)
def test_wrong_curves(change, message):
    R = np.random.default_rng(0).uniform(1, 2, (2, 8))
    given_ = {"R0": R, "R1": R, "prefs": [0.0, 45.0], "stim": grid(8), "p0": uniform(8), "p1": uniform(8)} | change
    with pytest.raises(ValueError, match=message):
        measure_adaptation(**given_)


def test_other_wrong_input():
    with pytest.raises(ValueError, match="R0 must not be flat: neurons 1"):
        normalised_tuning([[1.0, 2.0], [1.0, 1.0]], np.ones((2, 2)))
    with pytest.raises(ValueError, match="R1 must be above 0"):
        separable_gain_fit(np.ones((2, 2)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="one shape"):
        separable_gain_fit(np.ones((2, 2)), np.ones((2, 3)))


def synthetic(recordings, noise=0.0, w_e=0.5, neurons=12, seed=0):
    """Recordings of the default population, as a laboratory would have them."""
    rng = np.random.default_rng(seed)
    theta, s = grid(180), np.linspace(-90, 90, 21)
    curves = {"control": [], "adapted": []}
    biased = [biased_21(pa) for pa in (0.35, 0.5, 0.4, 0.3, 0.35, 0.5)[:recordings]]
    with jax.enable_x64(True):
        for p in biased:
            folded = [np.concatenate([[q[0] + q[-1]], q[1:-1]]) for q in (uniform(21), p)]
            circuit = GainCircuit(tuned_drive(theta, s[:-1], 4.0, 0.05), VonMisesKernel(w_e, 6.0).weights(theta))
            for name, g in zip(curves, optimal_gains(circuit, np.stack(folded)).g, strict=True):
                R = np.asarray(circuit.responses(g))[:: 180 // neurons]
                R = np.maximum(R + noise * np.ptp(R) * rng.standard_normal(R.shape), 1e-3)
                curves[name].append(np.concatenate([R, R[:, :1]], axis=1))
    preferred = [theta[:: 180 // neurons]] * recordings
    return tuning_of(*curves.values(), s, [uniform(21)] * recordings, biased, preferred=preferred)


def test_recordings_are_measured_with_intervals():
    tuning = synthetic(4, noise=0.01)
    assert tuning.stimuli.size == 20
    assert "averaged" in tuning.decided[0]
    assert tuning.recordings[0].p1.sum() == pytest.approx(1)
    found = measure_recordings(tuning)
    assert found.over == "recordings"
    assert found.estimates["amp_ratio_near"].high < 1 < found.estimates["amp_ratio_far"].low
    assert found.estimates["cv_removed_percent"].n == 4
    assert len(found.to_frame()) == 48
    one = measure_recordings(synthetic(1, noise=0.01))
    assert one.over == "neurons"
    assert one.estimates["amp_ratio_near"].high < 1


def test_a_fit_of_curves_without_noise_is_exact():
    fit = fit_population(synthetic(1), resamples=4)
    expected = {"kappa_f": 4, "b": 0.05, "w_e": 0.5, "kappa_e": 6, "alpha": 2, "gamma": 1}
    for name, value in expected.items():
        assert fit.params[name] == pytest.approx(value, rel=1e-4), name
    assert fit.explained["recurrent"] == pytest.approx(1, abs=1e-9)
    assert fit.without_recurrence[1] < 0.99
    assert fit.separable is not None
    assert fit.separable[1] < 1
    assert fit.explained_change["no_change"] == 0
    assert fit.gain.low > 0
    assert "recurrence explains more" in fit.says[0]
    assert fit.not_identified == ()
    assert len(fit.plot().axes) == 2


@pytest.mark.filterwarnings("ignore:fitted at the end")
def test_noise_is_said_to_leave_parameters_open():
    fit = fit_population(synthetic(1, noise=0.1, w_e=0.0, seed=1), resamples=6)
    assert fit.over == "neurons"
    assert {"alpha", "gamma"} <= set(fit.not_identified)
    assert fit.gain.low < 0  # two more parameters are no advantage on neurons that were not fitted
    assert "don't tell whether recurrence" in fit.says[0] or "gains alone" in fit.says[0]
    assert any(line.startswith("not identified: ") for line in fit.says)


def test_arrays_and_xarray():
    tuning = synthetic(1)
    r = tuning.recordings[0]
    array = xr.DataArray(
        np.stack([r.adapted, r.control]), dims=("condition", "unit", "orientation"),
        coords={"condition": ["adapted", "control"], "orientation": tuning.stimuli, "unit": list(r.neurons)},
    )  # fmt: skip
    found = tuning_from_xarray(array, probability=0.35)
    assert np.array_equal(found.recordings[0].control, r.control)
    assert found.recordings[0].neurons == r.neurons
    with_p = array.assign_coords(p=(("condition", "orientation"), np.stack([r.p1, r.p0])))
    assert tuning_from_xarray(with_p).recordings[0].p1 == pytest.approx(r.p1)
    for wrong, message in (
        (lambda: tuning_from_xarray(with_p, probability=0.3), "not both"),
        (lambda: tuning_from_xarray(array), "probability of the adapter is needed"),
        (lambda: tuning_from_xarray(array.rename(unit="cell")), "dimensions unit"),
        (lambda: tuning_from_xarray(array.assign_coords(condition=["a", "b"])), "control and adapted"),
        (lambda: load_tuning_array(np.ones((13, 21, 2)), 0.3), "arr must have shape"),
        (lambda: load_tuning_array(np.ones((13, 20, 1, 2)), 0.3), "21 stimuli"),
        (lambda: load_tuning_array(np.ones((13, 21, 3, 2)), [0.3, 0.4]), "each of 3 recordings"),
        (lambda: load_tuning_array(np.full((13, 21, 1, 2), np.inf), 0.3), "finite"),
        (lambda: tuning_of([np.ones((2, 4))], [np.ones((2, 4))], grid(4), [uniform(4)], [uniform(4)]), "at least 5"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()
