"""Scaling laws of the false-positive probability: in the number of cells and in the number of synapses."""

import numpy as np
from scipy.special import betainc, gammaln

from symplast.dendrites.arguments import CountLike, check_count, check_probability
from symplast.dendrites.overlap import Float64


def log_power_law(n: CountLike, a: CountLike, s: CountLike, theta: CountLike) -> Float64:
    """Logarithm of the false-positive probability for many cells at fixed a, s, theta: a power law in n.

    ``P_FP ~ C(s,theta) C(a,theta) theta! / n^theta (1 + o(1))``: doubling n divides the error by ``2^theta``.

    Args:
        n: potential presynaptic cells, large against a and s.
        a: active cells.
        s: synapses, at least theta.
        theta: threshold, at least 1, at most a.

    Returns:
        float64 natural logarithm.

    Raises:
        ValueError: a count out of range.

    Example:
        >>> from symplast.dendrites import DendriticSegment
        >>> segment = DendriticSegment(n=10**7, a=128, s=24, theta=12)
        >>> print((segment.log_fp() - log_power_law(10**7, 128, 24, 12)).round(3))
        -0.0...

    Source:
        [derived] from Eq. 4, arXiv:1601.00720.
    """
    cells, active, synapses = check_count(n, "n", 1), check_count(a, "a"), check_count(s, "s")
    threshold = check_count(theta, "theta", 1)
    if np.greater(threshold, np.minimum(active, synapses)).any():
        raise ValueError("theta must be at most a and s; above them the probability is 0 and has no power law")
    return (
        _log_falling(synapses, threshold)
        + _log_falling(active, threshold)
        - gammaln(np.add(threshold, 1))
        - np.multiply(threshold, np.log(np.asarray(cells, np.float64)))
    )


def fixed_activity_limit(s: CountLike, theta: CountLike, activity: float) -> Float64:
    """False-positive probability for infinitely many cells of which a fixed share is active: not zero.

    ``P_FP -> P[Binomial(s, q) >= theta]``, approached from below.

    Args:
        s: synapses.
        theta: threshold.
        activity: q = a/n, in (0, 1).

    Returns:
        float64.

    Raises:
        ValueError: a count or probability out of range.

    Example:
        >>> print(f"{fixed_activity_limit(s=24, theta=12, activity=0.02):.5g}")
        8.8581e-15

    Source:
        [derived] from Eq. 4, arXiv:1601.00720.
    """
    synapses, threshold = check_count(s, "s"), check_count(theta, "theta", least=None)
    q = check_probability(activity, "activity")
    possible = np.greater(threshold, 0) & np.less_equal(threshold, synapses)
    tail = betainc(np.where(possible, threshold, 1), np.where(possible, np.subtract(synapses, threshold) + 1, 1), q)
    return np.where(possible, tail, np.where(np.less_equal(threshold, 0), 1.0, 0.0))[()]


def synapse_rate(activity: float) -> float:
    """Decay of the false-positive probability per added synapse when the threshold is half of them.

    ``-ln P_FP ~ s KL(1/2 || q)``, ``KL(1/2 || q) = ln(1/(2q))/2 + ln(1/(2(1-q)))/2``.

    Args:
        activity: q = a/n, in (0, 1).

    Returns:
        Nats per synapse; 0 at half activity.

    Raises:
        ValueError: activity outside (0, 1).

    Example:
        >>> round(synapse_rate(0.032), 4)
        1.0441

    Source:
        [derived] from Eq. 4, arXiv:1601.00720.
    """
    q = check_probability(activity, "activity")
    return float(-0.5 * (np.log(2 * q) + np.log(2 * (1 - q))))


def _log_falling(x, k):
    """``ln x!/(x-k)!`` as a sum of k logarithms; differences of log-gammas would cancel digits."""
    j = np.arange(int(np.max(k)))
    terms = np.where(j < np.asarray(k)[..., None], np.asarray(x)[..., None] - j, 1)
    return np.log(terms.astype(np.float64)).sum(axis=-1)
