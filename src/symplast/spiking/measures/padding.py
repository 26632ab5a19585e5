"""Many pairs of trains as rows of two padded arrays, so that one NumPy call serves all pairs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from symplast.spiking.trains import Times

ROWS = 256
"""Pairs handled at once: bounds memory."""


class Padded(NamedTuple):
    """Trains as rows.

    Attributes:
        times: (trains, longest), infinity where a train has ended.
        sizes: (trains,) number of spikes.
    """

    times: np.ndarray
    sizes: np.ndarray


def pad(trains: Sequence[Times]) -> Padded:
    """Rows of equal length.

    Example:
        >>> pad([np.array([1.0, 2.0]), np.array([])]).times
        array([[ 1.,  2.],
               [inf, inf]])
    """
    sizes = np.array([train.size for train in trains], np.int64)
    times = np.full((len(trains), int(sizes.max(initial=0))), np.inf)
    inside = np.arange(times.shape[1]) < sizes[:, None]
    times[inside] = np.concatenate([*trains, np.zeros(0)])
    return Padded(times, sizes)
