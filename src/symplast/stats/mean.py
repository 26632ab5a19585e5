"""The mean of a normal sample, and of many at once."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from symplast.stats.arguments import Real, Sample, check_level, check_sample, is_constant
from symplast.stats.estimate import Estimate


def mean_interval(sample: Sample, *, level: Real = 0.95, bounds: tuple[Real, Real] | None = None) -> Estimate:
    """Student's t interval of a mean, ``mean ± t_{n-1} s / sqrt(n)``.

    Exact for normal samples; for others it is close when ``n`` is large. With few observations of unknown shape it
    keeps its level better than the bootstrap.

    Args:
        sample: (n,) numbers, n >= 2.
        level: confidence level in (0, 1).
        bounds: smallest and largest possible value, such as (0, 1) of a score or (-1, 1) of a correlation: the interval
            ends there.

    Returns:
        The mean and its interval, of zero width when all values are equal (up to rounding).

    Raises:
        ValueError: fewer than two values, NaN, a level outside (0, 1), or values outside the bounds.

    Example:
        >>> print(mean_interval([4.9, 5.1, 5.0, 5.2]))
        5.05 [4.845, 5.255]
        >>> print(mean_interval([0.99, 0.97, 1.0], bounds=(0, 1)))
        0.9867 [0.9487, 1]
    """
    level, x = check_level(level), check_sample(sample, "sample")
    if is_constant(x):
        mean, half = x[0], 0.0
    else:
        mean, half = x.mean(), stdtrit(x.size - 1, 0.5 + level / 2) * x.std(ddof=1) / np.sqrt(x.size)
    low, high = mean - half, mean + half
    if bounds is not None:
        least, most = bounds
        if not (least <= x.min() and x.max() <= most):
            raise ValueError(f"sample must lie in bounds [{least}, {most}], got {x.min():g} to {x.max():g}")
        low, high = max(low, least), min(high, most)
    return Estimate(float(mean), float(low), float(high), level, x.size, "student-t")


def mean_and_half_width(samples: ArrayLike, *, level: Real = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means of many samples of equal size, and half the width of each one's :func:`mean_interval`: for error bars.

    Args:
        samples: (n, ...) the observations first, n >= 2.
        level: confidence level in (0, 1).

    Returns:
        Two arrays of shape (...).

    Raises:
        ValueError: as for :func:`mean_interval`.

    Example:
        >>> mean, half = mean_and_half_width([[1.0, 5.0], [3.0, 5.0], [2.0, 5.0]])
        >>> mean.tolist(), half.round(3).tolist()
        ([2.0, 5.0], [2.484, 0.0])
    """
    values = np.asarray(samples, dtype=float)
    each = [mean_interval(column, level=level) for column in values.reshape(len(values), -1).T]
    mean = np.array([estimate.value for estimate in each])
    half = np.array([estimate.high - estimate.value for estimate in each])
    return mean.reshape(values.shape[1:]), half.reshape(values.shape[1:])
