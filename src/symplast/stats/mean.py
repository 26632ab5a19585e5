"""The mean of a normal sample."""

import numpy as np
from scipy.special import stdtrit

from symplast.stats.arguments import Real, Sample, check_level, check_sample, is_constant
from symplast.stats.estimate import Estimate


def mean_interval(sample: Sample, *, level: Real = 0.95) -> Estimate:
    """Student's t interval of a mean, ``mean ± t_{n-1} s / sqrt(n)``.

    Exact for normal samples; for others it is close when ``n`` is large. With few observations of unknown shape it
    keeps its level better than the bootstrap.

    Args:
        sample: (n,) numbers, n >= 2.
        level: confidence level in (0, 1).

    Returns:
        The mean and its interval, of zero width when all values are equal.

    Raises:
        ValueError: fewer than two values, NaN, or a level outside (0, 1).

    Example:
        >>> print(mean_interval([4.9, 5.1, 5.0, 5.2]))
        5.05 [4.845, 5.255]
    """
    level, x = check_level(level), check_sample(sample, "sample")
    if is_constant(x):
        mean, half = x[0], 0.0
    else:
        mean, half = x.mean(), stdtrit(x.size - 1, 0.5 + level / 2) * x.std(ddof=1) / np.sqrt(x.size)
    return Estimate(float(mean), float(mean - half), float(mean + half), level, x.size, "student-t")
