"""Equilibrium propagation without weight symmetry: error signals from how a nudge moves a network's fixed point.

===================================  ==============================================================================
question                             start with
===================================  ==============================================================================
does my network settle?              :func:`settle`
my own network, any force            :func:`force_network`
an error for every unit              :func:`error_vectors`
a gradient, and what it is worth     :func:`gradient`
which bias, how large a nudge?       :func:`bias_report`
whole Jacobians, exact vectors       :func:`operating_point`
make the Jacobian symmetric          :func:`homeostatic_loss`
train with ``symplast.learning``     :class:`EquilibriumPropagation`, :class:`RecurrentBackprop`, :func:`mirrored`
===================================  ==============================================================================

Networks: :class:`symplast.learning.recurrent.LayeredNet`, :class:`symplast.learning.convolutional.ConvNet`.
"""

from symplast.equilibrium.bias import BiasReport, bias_report
from symplast.equilibrium.forces import ForceNetwork, force_network
from symplast.equilibrium.gradients import ErrorVectors, GradientInfo, error_vectors, gradient
from symplast.equilibrium.homeostasis import homeostatic_loss
from symplast.equilibrium.mirroring import mirrored
from symplast.equilibrium.operating_point import OperatingPoint, operating_point
from symplast.equilibrium.reference_net import reference_input, reference_net
from symplast.equilibrium.rules import EquilibriumPropagation, RecurrentBackprop, RuleState
from symplast.equilibrium.settling import NotSettled, Settled, settle

__all__ = [
    "BiasReport",
    "EquilibriumPropagation",
    "ErrorVectors",
    "ForceNetwork",
    "GradientInfo",
    "NotSettled",
    "OperatingPoint",
    "RecurrentBackprop",
    "RuleState",
    "Settled",
    "bias_report",
    "error_vectors",
    "force_network",
    "gradient",
    "homeostatic_loss",
    "mirrored",
    "operating_point",
    "reference_input",
    "reference_net",
    "settle",
]
