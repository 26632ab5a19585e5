"""Curl descent: learning in which some neurons' synapses change with the opposite sign (arXiv:2510.02765).

The transforms (:func:`sign_diverse`, :func:`frobenius_norm`) work after any credit rule of :mod:`symplast.learning`;
the theory says how many flipped neurons an architecture tolerates.
"""

from symplast.curl.random_matrix import Atom, Support, critical_fraction, density, support
from symplast.curl.solution import Stability, curl_fraction, learning_jacobian, solution_operator, stability
from symplast.curl.transforms import NormState, SignState, frobenius_norm, sign_diverse, sign_vector

__all__ = [
    "Atom",
    "NormState",
    "SignState",
    "Stability",
    "Support",
    "critical_fraction",
    "curl_fraction",
    "density",
    "frobenius_norm",
    "learning_jacobian",
    "sign_diverse",
    "sign_vector",
    "solution_operator",
    "stability",
    "support",
]
