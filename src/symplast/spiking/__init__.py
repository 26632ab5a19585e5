"""The spiking substrate: neurons, synapses, encoders, one loop, event-driven plasticity, spike-train measures.

Everything with a state is a frozen set of parameters with two pure functions, ``init(shape) -> state`` and
``step(state, inputs, dt_ms) -> (state, output)``. A model is a ``step`` of its own made of those; :func:`simulate` runs
it. Parameters and states are arrays, time comes first, units are in the names.

=============================  =================================================================================
you want                       start with
=============================  =================================================================================
a neuron                       :class:`LIF`, :class:`IF`, :class:`ConductanceLIF`, :class:`ProbabilisticIF`
a threshold that adapts        :class:`AdaptiveThreshold`
gradients through spikes       :class:`Sigmoid`, :class:`FastSigmoid`, :class:`ArcTan`, ... as a neuron's ``surrogate``
fast gradients, less memory    :func:`checkpoint_spikes`, :func:`simulate_weighted`
a neuron of your own           :class:`ThresholdNeuron` and its one method
synapses, delays, traces       :class:`ExponentialSynapse`, :class:`Delay`, :class:`Trace`
spikes from values             :func:`poisson_spikes`, :func:`poisson_events`, :func:`latency_spikes`
run it                         :func:`simulate`
sparse recurrent networks      :func:`propagate`, :class:`FanOut`
the same, fast on a CPU        :class:`RecurrentNetwork`, :func:`run_network`
sparse online learning         :class:`EventTable`, :func:`gather_rows`, :func:`update_rows`, :func:`update_columns`
times instead of arrays, Neo   :class:`SpikeTrains`
compare trains                 :func:`van_rossum`, :func:`victor_purpura`, :func:`isi_distance`, :func:`spike_distance`
describe activity              :func:`fano_factor`, :func:`spike_synchronisation`, :func:`avalanches`
=============================  =================================================================================
"""

from symplast.spiking.checkpointing import checkpoint_spikes, simulate_weighted
from symplast.spiking.encoders import latency_spikes, poisson_spikes
from symplast.spiking.events import EventTable, gather_rows, poisson_events, sum_rows, update_columns, update_rows
from symplast.spiking.integrate_and_fire import IF, LIF, ConductanceLIF
from symplast.spiking.measures import (
    Avalanches,
    Pairing,
    Partners,
    PowerLaw,
    SpikeSteps,
    avalanches,
    fano_factor,
    fit_power_law,
    interval_variation,
    isi_distance,
    local_variation,
    pair_spikes,
    pair_steps,
    pairwise,
    pooled_gaussian_distance,
    population_synchrony,
    sampled_gaussian_distance,
    spike_distance,
    spike_steps,
    spike_synchronisation,
    van_rossum,
    victor_purpura,
)
from symplast.spiking.neuron import MembraneState, Neuron, ThresholdNeuron
from symplast.spiking.probabilistic import ProbabilisticIF, ProbabilisticState
from symplast.spiking.propagation import FanOut, propagate
from symplast.spiking.recurrent import Firing, NetworkState, Projection, RecurrentNetwork, run_network
from symplast.spiking.relaxation import relax
from symplast.spiking.simulation import simulate
from symplast.spiking.surrogates import ArcTan, Boxcar, FastSigmoid, Gaussian, Sigmoid, Surrogate, Triangle
from symplast.spiking.synapses import Delay, DelayState, ExponentialSynapse
from symplast.spiking.threshold import AdaptiveThreshold
from symplast.spiking.traces import Trace
from symplast.spiking.trains import SpikeTrains

__all__ = [
    "IF",
    "LIF",
    "AdaptiveThreshold",
    "ArcTan",
    "Avalanches",
    "Boxcar",
    "ConductanceLIF",
    "Delay",
    "DelayState",
    "EventTable",
    "ExponentialSynapse",
    "FanOut",
    "FastSigmoid",
    "Firing",
    "Gaussian",
    "MembraneState",
    "NetworkState",
    "Neuron",
    "Pairing",
    "Partners",
    "PowerLaw",
    "ProbabilisticIF",
    "ProbabilisticState",
    "Projection",
    "RecurrentNetwork",
    "Sigmoid",
    "SpikeSteps",
    "SpikeTrains",
    "Surrogate",
    "ThresholdNeuron",
    "Trace",
    "Triangle",
    "avalanches",
    "checkpoint_spikes",
    "fano_factor",
    "fit_power_law",
    "gather_rows",
    "interval_variation",
    "isi_distance",
    "latency_spikes",
    "local_variation",
    "pair_spikes",
    "pair_steps",
    "pairwise",
    "poisson_events",
    "poisson_spikes",
    "pooled_gaussian_distance",
    "population_synchrony",
    "propagate",
    "relax",
    "run_network",
    "sampled_gaussian_distance",
    "simulate",
    "simulate_weighted",
    "spike_distance",
    "spike_steps",
    "spike_synchronisation",
    "sum_rows",
    "update_columns",
    "update_rows",
    "van_rossum",
    "victor_purpura",
]
