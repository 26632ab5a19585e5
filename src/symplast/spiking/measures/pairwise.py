"""Any measure of two trains over all pairs of many."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import numpy as np

from symplast.spiking.measures.edit_distance import victor_purpura, victor_purpura_distances
from symplast.spiking.measures.interval_distances import (
    isi_distance,
    isi_distances,
    spike_distance,
    spike_distances,
)
from symplast.spiking.measures.padding import ROWS
from symplast.spiking.measures.van_rossum import van_rossum, van_rossum_distances
from symplast.spiking.trains import SpikeTrains, Times, check_train, check_window, in_ms
from symplast.stats.arguments import EPS, precision_of

Distance = Callable[..., float]
AT_ONCE: dict[Distance, Callable[..., np.ndarray]] = {
    van_rossum: van_rossum_distances,
    victor_purpura: victor_purpura_distances,
}
"""Measures that have a form for many pairs at once, given the trains of each."""
INDEXED: dict[Distance, Callable[..., np.ndarray]] = {isi_distance: isi_distances, spike_distance: spike_distances}
"""The same, given all trains and the two indices of each pair."""


def pairwise(
    measure: Distance, trains: Sequence[Any], others: Sequence[Any] | None = None, **settings: Any
) -> np.ndarray:
    """A symmetric measure between all trains, or between each train and each of the others.

    The distances of this room are computed for many pairs at once, any other measure pair by pair.

    Args:
        measure: ``(a, b, **settings) -> number``, such as :func:`van_rossum`.
        trains: arrays of rising times in ms, or :class:`SpikeTrains`.
        others: None compares the trains with one another (each pair once).
        settings: for the measure; :class:`SpikeTrains` give ``t_start_ms`` and ``t_stop_ms`` to measures that take them
            where they are not among the settings.

    Returns:
        float64 (trains, trains) or (trains, others).

    Raises:
        ValueError: what the measure raises.

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
    precision = max(_precision(trains), EPS if others is None else _precision(others))
    first = _checked(trains, "trains")
    if others is None:
        row, column = np.triu_indices(len(first))
        matrix = np.zeros((len(first), len(first)))
        matrix[row, column] = matrix[column, row] = _measured(measure, first, row, column, settings, precision)
        return matrix
    second = _checked(others, "others")
    row, column = (index.ravel() for index in np.indices((len(first), len(second))))
    found = _measured(measure, [*first, *second], row, column + len(first), settings, precision)
    return found.reshape(len(first), len(second))


def _checked(trains: Sequence[Any], name: str) -> list[Times]:
    if isinstance(trains, SpikeTrains):  # checked when it was made
        return list(trains)
    return [check_train(train, f"{name}[{i}]") for i, train in enumerate(trains)]


def _precision(trains: Sequence[Any]) -> float:
    if isinstance(trains, SpikeTrains) and trains.precision is not None:
        return trains.precision
    return precision_of(*map(in_ms, trains))


def _measured(
    measure: Distance,
    trains: list[Times],
    row: np.ndarray,
    column: np.ndarray,
    settings: dict[str, Any],
    precision: float,
) -> np.ndarray:
    many = AT_ONCE.get(measure)
    if many is None and measure not in INDEXED:
        return np.array([measure(trains[i], trains[j], **settings) for i, j in zip(row, column, strict=True)], float)
    if "t_stop_ms" in settings:
        trains = check_window(trains, settings.get("t_start_ms", 0.0), settings["t_stop_ms"], precision)
    if many is None:
        return INDEXED[measure](trains, row, column, **settings)
    parts = [np.zeros(0)]
    for start in range(0, row.size, ROWS):
        some = slice(start, start + ROWS)
        parts.append(many([trains[i] for i in row[some]], [trains[j] for j in column[some]], **settings))
    return np.concatenate(parts)
