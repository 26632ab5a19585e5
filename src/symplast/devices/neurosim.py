"""The nonlinearity label of the field (0 .. 9), in closed form.

The widely used circuit simulator NeuroSim quotes it and converts it by a table of 900 rows; the table is
``NL(b) = D(b) / (0.07 sqrt 2)`` with D the largest vertical distance between the normalised curve and the diagonal,
i.e. the largest perpendicular distance in units of 0.07. Its parameter A, in pulses, is ``N/b``.
"""

import math

import numpy as np

UNIT = 0.07 * math.sqrt(2)
LARGEST_LABEL = 9.1
"""Labels above it mean b > 49.43, where most of the range goes with the first pulse (64 levels)."""


def curve_distance(b: float) -> float:
    """Largest distance of the curve from the diagonal, in units of the range.

    ``D(b) = 1/(1-e^-b) - 1/b - (1/b) ln(b/(1-e^-b))``.

    Args:
        b: nonlinearity, at least 0.

    Example:
        >>> [round(curve_distance(b), 7) for b in (0.0, 1.0, 5.0)]
        [0.0, 0.1233016, 0.4835439]
    """
    if b < 1e-3:
        return b / 8 - b**3 / 576  # the closed form cancels here
    c = -1 / math.expm1(-b)
    return c - 1 / b - math.log(b * c) / b


def label_of(b: float) -> float:
    """NeuroSim's label of a nonlinearity.

    Example:
        >>> round(label_of(3.0), 6)
        3.392448
    """
    return curve_distance(b) / UNIT


def nonlinearity_of(label: float) -> float:
    """The nonlinearity b of a label; its sign, which there means LTD, is ignored.

    Args:
        label: -9.1 to 9.1.

    Raises:
        ValueError: a label outside.

    Example:
        >>> round(nonlinearity_of(2.4), 6), round(nonlinearity_of(-4.88), 6)
        (2.003281, 4.992426)
    """
    size = abs(label)
    if not (math.isfinite(size) and size <= LARGEST_LABEL):
        raise ValueError(f"a nonlinearity label must be in [-{LARGEST_LABEL}, {LARGEST_LABEL}], got {label}")
    if size == 0:
        return 0.0
    from scipy.optimize import brentq

    log_b = brentq(lambda x: label_of(math.exp(x)) - size, math.log(size / 2), math.log(60.0), xtol=1e-14)
    return float(np.exp(log_b))
