"""Supervised learning in a spiking network by symmetric, dopamine-gated STDP (audit of arXiv:1812.06574).

Every plastic synapse only grows, whichever of its two cells fires first. Competition comes from synaptic scaling and an
adaptive threshold; the teacher makes the right classifier cell fire. No error is propagated.

=====================================  =======================================================================
you want                               start with
=====================================  =======================================================================
a classifier that learns on-line       :class:`SymSTDPClassifier`
the published constants                :meth:`SymSTDPConfig.preset`
spikes of your own, exactly            :func:`run` with :class:`Parameters` and :func:`new_state`
weights of your own                    :func:`with_weights`, :meth:`SymSTDPClassifier.set_weights`
the rule alone                         :func:`symmetric_stdp`, :func:`synaptic_scaling`
spikes from rates                      :func:`poisson_spikes`
clusters in activity                   :func:`cluster_report`, :func:`neighbour_purity`, :func:`silhouette`
compared with other learners           :class:`SymSTDPLearner`
=====================================  =======================================================================
"""

from symplast.sym_stdp.circuit import Cells, NetworkState, Parameters, Plastic, new_state, rested
from symplast.sym_stdp.classifier import NoResponse, Responses, SymSTDPClassifier
from symplast.sym_stdp.clusters import cluster_report, embedding, neighbour_purity, silhouette
from symplast.sym_stdp.config import SymSTDPConfig
from symplast.sym_stdp.encoding import even_ink, poisson_spikes
from symplast.sym_stdp.learner import SymSTDPLearner
from symplast.sym_stdp.plasticity import symmetric_stdp
from symplast.sym_stdp.prescribed import run
from symplast.sym_stdp.readouts import by_assignment, by_classifier
from symplast.sym_stdp.scaling import synaptic_scaling
from symplast.sym_stdp.simulation import Spikes
from symplast.sym_stdp.state_checks import with_weights

__all__ = [
    "Cells",
    "NetworkState",
    "NoResponse",
    "Parameters",
    "Plastic",
    "Responses",
    "Spikes",
    "SymSTDPClassifier",
    "SymSTDPConfig",
    "SymSTDPLearner",
    "by_assignment",
    "by_classifier",
    "cluster_report",
    "embedding",
    "even_ink",
    "neighbour_purity",
    "new_state",
    "poisson_spikes",
    "rested",
    "run",
    "silhouette",
    "symmetric_stdp",
    "synaptic_scaling",
    "with_weights",
]
