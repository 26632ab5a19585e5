"""Sparse dendritic segments: how often a coincidence detector is wrong, and which one to build.

A segment holds s synapses onto n cells of which a are active, and fires when at least theta of its synapses are. The
room gives its false-positive and false-negative probabilities exactly (Fractions), fast (log space, float64) and by
simulation; designs segments for an error budget; and checks whether a user's own patterns meet the assumptions. Layers
whose units are gated by such segments learn one task after another with less forgetting.

===========================  =========================================================================
question                     start with
===========================  =========================================================================
how often is it wrong?       :class:`DendriticSegment`
which s and theta?           :func:`design`, :func:`threshold_range`
many patterns?               :func:`population_fp`, :func:`union_fp`, :func:`neuron_fp`
how does it scale?           :func:`sweep`, :func:`log_power_law`, :func:`fixed_activity_limit`
does theory hold?            :func:`simulate`, :func:`estimate_from_data`
run it on patterns           :class:`SegmentBank`
train it                     :class:`ActiveDendriteMLP`, :class:`PrototypeLearner`, :class:`AdamPrototypeLearner`
is each component needed?    :func:`component_learner`, :func:`learn_in_sequence`
===========================  =========================================================================
"""

from symplast.dendrites.active import ActiveDendriteLayer, ActiveDendriteMLP, winners_take_all
from symplast.dendrites.asymptotics import fixed_activity_limit, log_power_law, synapse_rate
from symplast.dendrites.bank import SegmentBank
from symplast.dendrites.codes import CodeStatistics, CorrelatedPatterns, estimate_from_data
from symplast.dendrites.continual import (
    MODELS,
    component_learner,
    learn_in_sequence,
    permuted_mnist,
    rate_scores,
    recognised,
    standardised,
)
from symplast.dendrites.design import DesignResult, InfeasibleDesign, design
from symplast.dendrites.exact import fn_exact, fp_exact, fp_tails_exact, overlap_set_size, union_size_exact
from symplast.dendrites.population import (
    exact_match_fp,
    log_population_fp,
    most_patterns,
    neuron_fp,
    population_fp,
    population_fp_brackets,
)
from symplast.dendrites.prototypes import InContext, PrototypeContext, PrototypeLearner, restart_each_task
from symplast.dendrites.sampling import SimulatedRate, simulate
from symplast.dendrites.segment import DendriticSegment, MissRate
from symplast.dendrites.sweep import Sweep, ThresholdRange, sweep, threshold_range
from symplast.dendrites.taskwise import AdamPrototypeLearner
from symplast.dendrites.union import UnionSize, expected_union_size, union_fp, union_size

__all__ = [
    "MODELS",
    "ActiveDendriteLayer",
    "ActiveDendriteMLP",
    "AdamPrototypeLearner",
    "CodeStatistics",
    "CorrelatedPatterns",
    "DendriticSegment",
    "DesignResult",
    "InContext",
    "InfeasibleDesign",
    "MissRate",
    "PrototypeContext",
    "PrototypeLearner",
    "SegmentBank",
    "SimulatedRate",
    "Sweep",
    "ThresholdRange",
    "UnionSize",
    "component_learner",
    "design",
    "estimate_from_data",
    "exact_match_fp",
    "expected_union_size",
    "fixed_activity_limit",
    "fn_exact",
    "fp_exact",
    "fp_tails_exact",
    "learn_in_sequence",
    "log_population_fp",
    "log_power_law",
    "most_patterns",
    "neuron_fp",
    "overlap_set_size",
    "permuted_mnist",
    "population_fp",
    "population_fp_brackets",
    "rate_scores",
    "recognised",
    "restart_each_task",
    "simulate",
    "standardised",
    "sweep",
    "synapse_rate",
    "threshold_range",
    "union_fp",
    "union_size",
    "union_size_exact",
    "winners_take_all",
]
