"""What a two-layer network learns of modular arithmetic, when, and whether its first weights could have said so.

A network without biases, ``logit_j(x, y) = sum_m xi_m[j] sigma(theta_m[x] + theta_m[y])``, learns (x + y) mod p. Every
neuron becomes a cosine, the phases of its two layers lock, the population covers all frequencies, and its votes add up
to the right answer and two known ghosts. With pairs held out and weight decay the same system groks. From J. He,
L. Wang, S. Chen and Z. Yang, arXiv:2602.16849.

======================  ============================================================================================
learn                   :class:`ModularTask`, :func:`init_random`, :func:`train`, :data:`SETUPS`
read weights            :func:`decode`, :func:`ipr`, :func:`phase_misalignment`, :func:`phase_order`,
                        :func:`frequency_census`, :func:`ghost_profile`; from files :func:`read_network`
know the ideal          :func:`ideal_network`, :func:`flawed_indicator`, :func:`peaks`
predict                 :func:`predict_winners`, :func:`blow_up_time`, :func:`reduced_flow`
when                    :func:`grokking_stages`
======================  ============================================================================================
"""

from symplast.grokking.activations import ACTIVATIONS
from symplast.grokking.decoding import (
    Census,
    Decoding,
    Misalignment,
    decode,
    frequency_census,
    ipr,
    phase_misalignment,
    spectrum,
)
from symplast.grokking.flow import Flow, blow_up_time, conserved, euler_flow, reduced_flow
from symplast.grokking.ghosts import GhostProfile, Peaks, ghost_profile, peaks
from symplast.grokking.ideal import flawed_indicator, ideal_network, mean_loss
from symplast.grokking.lottery import Prediction, predict_winners
from symplast.grokking.network import TwoLayerNet, init_random, init_single_frequency
from symplast.grokking.phases import PhaseOrder, phase_order
from symplast.grokking.stages import Stages, grokking_stages
from symplast.grokking.task import ModularTask
from symplast.grokking.training import SETUPS, History, Optimizer, Run, Setup, decode_net, train, train_seeds
from symplast.grokking.weight_files import Weights, read_network

__all__ = [
    "ACTIVATIONS",
    "SETUPS",
    "Census",
    "Decoding",
    "Flow",
    "GhostProfile",
    "History",
    "Misalignment",
    "ModularTask",
    "Optimizer",
    "Peaks",
    "PhaseOrder",
    "Prediction",
    "Run",
    "Setup",
    "Stages",
    "TwoLayerNet",
    "Weights",
    "blow_up_time",
    "conserved",
    "decode",
    "decode_net",
    "euler_flow",
    "flawed_indicator",
    "frequency_census",
    "ghost_profile",
    "grokking_stages",
    "ideal_network",
    "init_random",
    "init_single_frequency",
    "ipr",
    "mean_loss",
    "peaks",
    "phase_misalignment",
    "phase_order",
    "predict_winners",
    "read_network",
    "reduced_flow",
    "spectrum",
    "train",
    "train_seeds",
]
