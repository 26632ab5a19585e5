"""Molecular networks: signalling entropy and plasticity of measured cells, and drugs on learning networks.

===========================================  ====================================================
question                                     start with
===========================================  ====================================================
how plastic is each cell?                    :func:`signalling_entropy`, :func:`ccat`
which genes make the difference?             :func:`differential_entropy`
is it the network, or only the values?       :func:`null_test`
two groups of samples                        :func:`compare_groups`, :func:`heterogeneity_difference`
modules, perturbations, rigidity, control    :func:`module_overlap`, :func:`perturbation_centrality`,
                                             :func:`laman_dof`, :func:`driver_nodes`
attractors of a Boolean model                :meth:`BooleanNetwork.from_bnet`, :func:`find_attractors`
hubs or neighbours, which to hit?            :func:`compare_strategies`
by hand                                      :class:`LearningNetwork`, :func:`drug_response`
===========================================  ====================================================
"""

from symplast.molecular.attractors import Attractor, Landscape, find_attractors, hopfield_step, landscape, state_entropy
from symplast.molecular.boolean import BooleanNetwork
from symplast.molecular.ccat import ccat
from symplast.molecular.differential import differential_entropy
from symplast.molecular.drugs import Drug, combination, drug, sequence, targets
from symplast.molecular.entropy import EntropyResult, correlation_entropy, signalling_entropy
from symplast.molecular.expression import Expression
from symplast.molecular.groups import (
    GroupDifference,
    compare_groups,
    heterogeneity,
    heterogeneity_difference,
    paired_wins,
    spread_difference,
    stage_course,
)
from symplast.molecular.holding import Holding, compare_holding
from symplast.molecular.learning_network import LearningNetwork, Trajectory
from symplast.molecular.network import ComponentReport, InteractionNetwork
from symplast.molecular.nulls import NullTest, null_test
from symplast.molecular.overlap import Overlap, leiden_modules, module_overlap
from symplast.molecular.response import Response, drug_response, edgetic_response, noisy_response
from symplast.molecular.strategies import StrategyComparison, compare_strategies
from symplast.molecular.structure import (
    Drivers,
    Perturbation,
    Rigidity,
    driver_nodes,
    laman_dof,
    perturbation_centrality,
)
from symplast.molecular.topology import Topology, erdos_renyi, modular_scale_free, topology_of

__all__ = [
    "Attractor",
    "BooleanNetwork",
    "ComponentReport",
    "Drivers",
    "Drug",
    "EntropyResult",
    "Expression",
    "GroupDifference",
    "Holding",
    "InteractionNetwork",
    "Landscape",
    "LearningNetwork",
    "NullTest",
    "Overlap",
    "Perturbation",
    "Response",
    "Rigidity",
    "StrategyComparison",
    "Topology",
    "Trajectory",
    "ccat",
    "combination",
    "compare_groups",
    "compare_holding",
    "compare_strategies",
    "correlation_entropy",
    "differential_entropy",
    "driver_nodes",
    "drug",
    "drug_response",
    "edgetic_response",
    "erdos_renyi",
    "find_attractors",
    "heterogeneity",
    "heterogeneity_difference",
    "hopfield_step",
    "laman_dof",
    "landscape",
    "leiden_modules",
    "modular_scale_free",
    "module_overlap",
    "noisy_response",
    "null_test",
    "paired_wins",
    "perturbation_centrality",
    "sequence",
    "signalling_entropy",
    "spread_difference",
    "stage_course",
    "state_entropy",
    "targets",
    "topology_of",
]
