"""Any measure of two trains over all pairs of many."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import numpy as np

from symplast.spiking.trains import SpikeTrains


def pairwise(
    measure: Callable[..., float], trains: Sequence[Any], others: Sequence[Any] | None = None, **settings: Any
) -> np.ndarray:
    """A symmetric measure between all trains, or between each train and each of the others.

    Args:
        measure: ``(a, b, **settings) -> number``, such as :func:`van_rossum`.
        trains: arrays of rising times in ms, or :class:`SpikeTrains`.
        others: None compares the trains with one another (each pair once).
        settings: for the measure; :class:`SpikeTrains` give ``t_start_ms`` and ``t_stop_ms`` to measures that take them
            where they are not among the settings.

    Returns:
        float64 (trains, trains) or (trains, others).

    Example:
        >>> from symplast.spiking import van_rossum
        >>> pairwise(van_rossum, [[10.0], [10.0], []], tau_ms=5.0)
        array([[0., 0., 1.],
               [0., 0., 1.],
               [1., 1., 0.]])
    """
    if isinstance(trains, SpikeTrains):
        taken = signature(measure).parameters
        window = {"t_start_ms": trains.t_start_ms, "t_stop_ms": trains.t_stop_ms}
        settings = {name: value for name, value in window.items() if name in taken} | settings
    if others is not None:
        return np.array([[measure(a, b, **settings) for b in others] for a in trains]).reshape(len(trains), len(others))
    n = len(trains)
    matrix = np.zeros((n, n))
    for i in range(n):
        for j in range(i, n):
            matrix[i, j] = matrix[j, i] = measure(trains[i], trains[j], **settings)
    return matrix
