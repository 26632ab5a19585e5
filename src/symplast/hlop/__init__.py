"""Continual learning of spiking networks by Hebbian learning based orthogonal projection (arXiv:2402.11984).

Each plastic layer has a lateral circuit that learns the principal subspace of the layer's input on each task. While a
later task is learned, weight changes stay orthogonal to the subspaces of earlier ones, so that responses to old inputs
hardly change.

=====================================  ==========================================================
question                               start with
=====================================  ==========================================================
principal subspace of a stream?        :class:`OjaSubspace`
a spiking network that forgets less?   :class:`SpikingMLP`, :class:`ContinualTrainer`
tasks                                  :func:`permuted_mnist`, :func:`split_tasks`
layers of one's own model              :func:`hlop_linear`, :func:`hlop_conv`
any credit rule and network            :func:`project`, :func:`wrap`
spiking cells with gradients           :class:`MultiStepLIF`, :class:`DSRNeuron`
=====================================  ==========================================================
"""

from symplast.hlop.circuit import Circuit, OjaRule
from symplast.hlop.config import HLOPConfig, row_schedule
from symplast.hlop.lateral_spikes import LateralSpikes
from symplast.hlop.network import Heads, Protection, SpikingMLP
from symplast.hlop.neurons import DSRNeuron, MultiStepLIF, weighted_rate
from symplast.hlop.oja import OjaSubspace
from symplast.hlop.projection import hlop_conv, hlop_linear, patches
from symplast.hlop.replay import Replay
from symplast.hlop.spiking_learner import SpikingLearner
from symplast.hlop.tasks import PermutedTasks, permuted_mnist, permuted_tasks, split_tasks
from symplast.hlop.trainer import ContinualTrainer, Result
from symplast.hlop.transform import ProjectionState, project, wrap

__all__ = [
    "Circuit",
    "ContinualTrainer",
    "DSRNeuron",
    "HLOPConfig",
    "Heads",
    "LateralSpikes",
    "MultiStepLIF",
    "OjaRule",
    "OjaSubspace",
    "PermutedTasks",
    "ProjectionState",
    "Protection",
    "Replay",
    "Result",
    "SpikingLearner",
    "SpikingMLP",
    "hlop_conv",
    "hlop_linear",
    "patches",
    "permuted_mnist",
    "permuted_tasks",
    "project",
    "row_schedule",
    "split_tasks",
    "weighted_rate",
    "wrap",
]
