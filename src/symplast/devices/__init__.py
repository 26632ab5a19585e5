"""On-chip learning with real synapse devices: nonlinear, discrete, limited (a reconstruction of arXiv:1707.06381).

Each weight is a pair of analog memory devices that move by pulses, and each pulse moves a conductance by an amount that
depends on where it is. The room turns a measured pulse curve into the accuracy that on-chip backpropagation reaches
with it, says which update scheme to use, and writes any learning rule's changes into such devices.

=====================================  ==========================================================
question                               start with
=====================================  ==========================================================
what is my device?                     :meth:`DeviceModel.fit`, :meth:`DeviceModel.from_table`
how much do my devices differ?         :func:`fit_devices`
which scheme should the chip use?      :func:`advise`
accuracy of one design                 :func:`train_online`, :func:`train_software`
a grid of designs                      :func:`sweep`
how much spread can it stand?          :class:`Variation`
any other learning rule on devices     :func:`write`
by hand                                :class:`Crossbar`
=====================================  ==========================================================
"""

from symplast.devices.advice import Advice, advise
from symplast.devices.crossbar import Crossbar
from symplast.devices.device_model import DeviceModel, FitResult, fit_curves
from symplast.devices.measured_curve import MeasuredCurve
from symplast.devices.network import FloatLayer, accuracy
from symplast.devices.neurosim import curve_distance, label_of, nonlinearity_of
from symplast.devices.online import Run, train_online, train_software
from symplast.devices.rule import SingleStepRule
from symplast.devices.several_devices import DevicesFit, fit_devices
from symplast.devices.sweeping import sweep
from symplast.devices.transform import WrittenState, write
from symplast.devices.variation import Cells, Variation

__all__ = [
    "Advice",
    "Cells",
    "Crossbar",
    "DeviceModel",
    "DevicesFit",
    "FitResult",
    "FloatLayer",
    "MeasuredCurve",
    "Run",
    "SingleStepRule",
    "Variation",
    "WrittenState",
    "accuracy",
    "advise",
    "curve_distance",
    "fit_curves",
    "fit_devices",
    "label_of",
    "nonlinearity_of",
    "sweep",
    "train_online",
    "train_software",
    "write",
]
