"""Gain control: recurrent circuits that adapt by single-neuron gains alone, and whitening by gains of interneurons.

=======================================  =====================================================================
question                                 start with
=======================================  =====================================================================
how should my population adapt?          :class:`GainCircuit`, :func:`optimal_gains`
a standard population to try it on       :func:`preset`, :class:`OrientationPopulation`
how often is each stimulus shown?        :func:`uniform`, :func:`biased_box`, :func:`biased_21`
stimulus by stimulus                     :func:`adapt_online`
what did adaptation do?                  :func:`measure_adaptation`, :func:`separable_gain_fit`
curves that I recorded                   :func:`read_tuning`, :func:`measure_recordings`, :func:`fit_population`
whiten a stream of signals               :class:`FrameWhitener`, :mod:`symplast.gain_control.frames`
=======================================  =====================================================================

The recurrent model is a reconstruction: of its paper (arXiv:2305.19869) only the abstract could be read.
"""

from symplast.gain_control import frames
from symplast.gain_control.adaptation import AdaptationReport, measure_adaptation
from symplast.gain_control.circle import difference, grid
from symplast.gain_control.circuit import GainCircuit
from symplast.gain_control.cost import CodingCost, Terms
from symplast.gain_control.ensembles import biased_21, biased_box, uniform
from symplast.gain_control.measures import half_widths, mean_and_covariance, normalised_tuning, preferences
from symplast.gain_control.objective import objective
from symplast.gain_control.online import OnlineRun, adapt_online, largest_rate
from symplast.gain_control.optimum import GainSolution, optimal_gains
from symplast.gain_control.population import PRESETS, OrientationPopulation, VonMisesKernel, preset
from symplast.gain_control.population_fit import PopulationFit, fit_population
from symplast.gain_control.recordings import (
    RecordedAdaptation,
    Recording,
    Tuning,
    load_tuning_array,
    measure_recordings,
    tuning_of,
)
from symplast.gain_control.separable import SeparableFit, separable_gain_fit
from symplast.gain_control.signals import Signals, Whitened, open_signals, whiten_signals, write_whitened
from symplast.gain_control.tuning_files import read_tuning, tuning_from_xarray
from symplast.gain_control.whitening import FrameWhitener

__all__ = [
    "PRESETS",
    "AdaptationReport",
    "CodingCost",
    "FrameWhitener",
    "GainCircuit",
    "GainSolution",
    "OnlineRun",
    "OrientationPopulation",
    "PopulationFit",
    "RecordedAdaptation",
    "Recording",
    "SeparableFit",
    "Signals",
    "Terms",
    "Tuning",
    "VonMisesKernel",
    "Whitened",
    "adapt_online",
    "biased_21",
    "biased_box",
    "difference",
    "fit_population",
    "frames",
    "grid",
    "half_widths",
    "largest_rate",
    "load_tuning_array",
    "mean_and_covariance",
    "measure_adaptation",
    "measure_recordings",
    "normalised_tuning",
    "objective",
    "open_signals",
    "optimal_gains",
    "preferences",
    "preset",
    "read_tuning",
    "separable_gain_fit",
    "tuning_from_xarray",
    "tuning_of",
    "uniform",
    "whiten_signals",
    "write_whitened",
]
