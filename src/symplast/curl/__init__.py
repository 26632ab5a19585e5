"""Curl descent: learning in which some neurons' synapses change with the opposite sign (arXiv:2510.02765).

=====================================  ==========================================================================
question                               start with
=====================================  ==========================================================================
will it learn in my architecture?      :func:`tolerance`
flip signs under any learning rule     :func:`flips`, :func:`sign_diverse`, :func:`frobenius_norm`
the paper's network and rule           :class:`TwoLayer`, :class:`CurlRule`, :func:`simulate`
the same from a covariance             :func:`simulate_linear`
how many flips at large size?          :func:`critical_fraction`, :func:`support`, :func:`density`
the same by sampling                   :func:`sampled_critical_fraction`
is this solution stable?               :func:`solution_operator`, :func:`stability`
the same for any net of mine           :func:`jacobian_spectrum`, :func:`signed_kernel`, :func:`curl_fraction`
is the rule faster than gradients?     :func:`epochs_to_threshold`, :func:`paired_ratio`
do the weights settle?                 :func:`order_parameter`, :func:`lyapunov`
where in (c, alpha) does it learn?     :func:`phase_diagram`
=====================================  ==========================================================================
"""

from symplast.curl.chaos import lyapunov, order_parameter
from symplast.curl.dynamics import MiniBatches, Moments, Problem, Samples, learning_step
from symplast.curl.flip_tolerance import Tolerance, tolerance
from symplast.curl.phases import phase_diagram
from symplast.curl.random_matrix import Atom, Support, critical_fraction, density, distribution, support
from symplast.curl.sampled_boundary import sampled_critical_fraction
from symplast.curl.signs import SignMask, sign_vector
from symplast.curl.simulation import Trajectory, simulate, simulate_linear
from symplast.curl.solution import (
    Conserved,
    RankDeficientCovariance,
    Stability,
    conserved_quantities,
    solution_operator,
    stability,
)
from symplast.curl.spectrum import curl_fraction, jacobian_spectrum, learning_jacobian, signed_kernel
from symplast.curl.speed import SpeedSetting, epochs_to_threshold, paired_ratio
from symplast.curl.transforms import DrawnSigns, NormState, SignState, flips, frobenius_norm, sign_diverse
from symplast.curl.two_layer import (
    CurlRule,
    TwoLayer,
    draw_feedback,
    draw_inputs,
    draw_net,
    perturbed_teacher,
)

__all__ = [
    "Atom",
    "Conserved",
    "CurlRule",
    "DrawnSigns",
    "MiniBatches",
    "Moments",
    "NormState",
    "Problem",
    "RankDeficientCovariance",
    "Samples",
    "SignMask",
    "SignState",
    "SpeedSetting",
    "Stability",
    "Support",
    "Tolerance",
    "Trajectory",
    "TwoLayer",
    "conserved_quantities",
    "critical_fraction",
    "curl_fraction",
    "density",
    "distribution",
    "draw_feedback",
    "draw_inputs",
    "draw_net",
    "epochs_to_threshold",
    "flips",
    "frobenius_norm",
    "jacobian_spectrum",
    "learning_jacobian",
    "learning_step",
    "lyapunov",
    "order_parameter",
    "paired_ratio",
    "perturbed_teacher",
    "phase_diagram",
    "sampled_critical_fraction",
    "sign_diverse",
    "sign_vector",
    "signed_kernel",
    "simulate",
    "simulate_linear",
    "solution_operator",
    "stability",
    "support",
    "tolerance",
]
