"""Positions of stimuli and neurons: on a circle such as orientation, or on a line."""

from typing import Any

import numpy as np

from symplast.gain_control.arguments import check_number
from symplast.stats.arguments import check_count

PERIOD = 180.0
"""Of orientation, in degrees."""


def check_period(period: Any) -> float | None:
    """A period above 0, or None for what does not wrap."""
    return None if period is None else check_number(period, "period", above=True)


def grid(n: int, period: float = PERIOD) -> np.ndarray:
    """n evenly spaced positions on a circle, ``(i - n // 2) period / n``.

    Example:
        >>> grid(4).tolist(), grid(3).tolist()
        ([-90.0, -45.0, 0.0, 45.0], [-60.0, 0.0, 60.0])
    """
    n = check_count(n, "n")
    return (np.arange(n) - n // 2) * period / n


def difference(a: Any, b: Any, period: float | None = PERIOD) -> np.ndarray:
    """``a - b``, on a circle the short way round, in [-period / 2, period / 2).

    Example:
        >>> float(difference(80.0, -80.0)), float(difference(80.0, -80.0, None))
        (-20.0, 160.0)
    """
    d = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    return np.asarray(d if period is None else (d + period / 2) % period - period / 2)
