"""How well agreement follows truth: d' and criterion of a yes-no judgement."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from symplast.stats import Estimate, wilson

NORMAL = float(ndtri(0.975))


@dataclass(frozen=True)
class Sensitivity:
    """How well agreement follows truth.

    ``d' = z(H) - z(F)``, ``c = -(z(H) + z(F)) / 2`` with the log-linear correction ``(k + 0.5) / (n + 1)``.

    Attributes:
        h: P(agree | true claim), with its counts.
        f: P(agree | false claim).
        d_prime: 0 for a model that agrees whatever is claimed.
        criterion: negative for a model that leans to agreeing.
        interval: of d' at 95 %, from ``var d' = H (1 - H) / (n phi(z(H))²) + F (1 - F) / (n phi(z(F))²)``.
    """

    h: Estimate
    f: Estimate
    d_prime: float
    criterion: float
    interval: tuple[float, float]


def d_prime(h: float, f: float) -> tuple[float, float]:
    """Sensitivity ``z(H) - z(F)`` and criterion ``-(z(H) + z(F)) / 2``.

    Example:
        >>> [round(v, 7) + 0.0 for v in (*d_prime(0.9, 0.1), *d_prime(0.99, 0.97))]
        [2.5631031, 0.0, 0.4455543, -2.1035707]
    """
    if not (0 < h < 1 and 0 < f < 1):
        raise ValueError(f"h and f must lie strictly between 0 and 1, got {h} and {f}; correct counts log-linearly")
    zh, zf = float(ndtri(h)), float(ndtri(f))
    return zh - zf, -(zh + zf) / 2


def sensitivity(agree_true: int, n_true: int, agree_false: int, n_false: int) -> Sensitivity:
    """d' and criterion from counts, with the log-linear correction.

    Args:
        agree_true, n_true: true claims agreed with, and all of them.
        agree_false, n_false: false claims agreed with, and all of them.

    Example:
        >>> found = sensitivity(450, 500, 450, 500)
        >>> found.d_prime, [round(end, 2) for end in found.interval]
        (0.0, [-0.21, 0.21])

    Source:
        Gourevitch and Galanter, Psychometrika 32, 1967 (variance of d'); Hautus 1995 (log-linear correction).
    """
    h, f = (agree_true + 0.5) / (n_true + 1), (agree_false + 0.5) / (n_false + 1)
    d, c = d_prime(h, f)
    variance = sum(p * (1 - p) / (n * _density(p) ** 2) for p, n in ((h, n_true), (f, n_false)))
    half = NORMAL * float(np.sqrt(variance))
    return Sensitivity(wilson(agree_true, n_true), wilson(agree_false, n_false), d, c, (d - half, d + half))


def _density(p: float) -> float:
    """Of the standard normal at its quantile p."""
    return float(np.exp(-(ndtri(p) ** 2) / 2) / np.sqrt(2 * np.pi))
