"""Parameter-free distances of two spike trains: ISI distance, SPIKE distance and SPIKE synchronisation.

At the edges of the window, where an interval is not seen whole, each train is given a spike outside: as far from its
first (last) spike as its first (last) interval is long, or at the edge where that is farther. A train without spikes
gets one at each edge.
"""

from typing import Any, NamedTuple

import numpy as np

from symplast.spiking.trains import Times, check_train, check_window


def isi_distance(a: Any, b: Any, t_stop_ms: float, t_start_ms: float = 0.0) -> float:
    """Mean over time of ``|x - y| / max(x, y)``, with x and y the interspike intervals that each train is in.

    Args:
        a: (spikes,) rising times in ms.
        b: the same of the other train.
        t_stop_ms: end of the window.
        t_start_ms: its beginning.

    Returns:
        The distance in [0, 1); unchanged when all times are scaled or shifted together.

    Raises:
        ValueError: times that do not rise or lie outside the window.

    Example:
        >>> isi_distance([10.0, 20.0, 30.0], [10.0, 15.0, 20.0, 25.0, 30.0], t_start_ms=10.0, t_stop_ms=30.0)
        0.5

    Source:
        Kreuz et al. 2007.
    """
    first, second, edges = _window(a, b, t_start_ms, t_stop_ms)
    x, y = _piece(first, second, edges).interval, _piece(second, first, edges).interval
    return _mean(np.abs(x - y) / np.maximum(x, y), edges)


def spike_distance(a: Any, b: Any, t_stop_ms: float, t_start_ms: float = 0.0) -> float:
    """Mean over time of how far the spikes round each moment are from the other train's, in units of local intervals.

    ``S = (s_a y + s_b x) / (2 ((x + y) / 2)^2)`` with x, y the intervals of the two trains, and s_a going linearly from
    the distance of the last spike of a to its nearest spike of b, to that of the next. Between spikes S is linear, so
    its mean is exact.

    Args:
        a: (spikes,) rising times in ms.
        b: the same of the other train.
        t_stop_ms: end of the window.
        t_start_ms: its beginning.

    Returns:
        The distance, at least 0; unchanged when all times are scaled or shifted together.

    Raises:
        ValueError: times that do not rise or lie outside the window.

    Example:
        >>> spike_distance([10.0, 20.0], [10.0, 20.0], t_stop_ms=30.0)
        0.0

    Source:
        Kreuz et al. 2013; edges as in PySpike.
    """
    first, second, edges = _window(a, b, t_start_ms, t_stop_ms)
    p, q = _piece(first, second, edges), _piece(second, first, edges)
    weight = 2 * ((p.interval + q.interval) / 2) ** 2
    begins = (p.begins * q.interval + q.begins * p.interval) / weight
    ends = (p.ends * q.interval + q.ends * p.interval) / weight
    return _mean((begins + ends) / 2, edges)


def spike_synchronisation(a: Any, b: Any, t_stop_ms: float, t_start_ms: float = 0.0) -> float:
    """Share of spikes that coincide with one of the other train: closer than half of every interval round the two.

    Args:
        a: (spikes,) rising times in ms.
        b: the same of the other train.
        t_stop_ms: end of the window.
        t_start_ms: its beginning.

    Returns:
        Between 0 and 1; 1 for two trains without spikes.

    Raises:
        ValueError: times that do not rise or lie outside the window.

    Example:
        >>> spike_synchronisation([10.0, 30.0, 52.0], [12.0, 33.0, 70.0], t_stop_ms=100.0)
        0.6666666666666666

    Source:
        Kreuz, Mulansky and Bozanic 2015.
    """
    first, second = check_train(a, "a"), check_train(b, "b")
    check_window([first, second], t_start_ms, t_stop_ms)
    total = first.size + second.size
    if not total:
        return 1.0
    if not (first.size and second.size):
        return 0.0
    window = t_stop_ms - t_start_ms
    nearest = _nearest(first, second)
    near = np.minimum(_shortest(first, window), _shortest(second, window)[nearest]) / 2
    coincident = int((np.abs(first - second[nearest]) < near).sum())
    return 2 * coincident / total


class Piece(NamedTuple):
    """One train between consecutive events of both.

    Attributes:
        interval: length of the interspike interval that it is in.
        begins: its distance to the other train at the beginning of the stretch.
        ends: at its end.
    """

    interval: np.ndarray
    begins: np.ndarray
    ends: np.ndarray


def _window(a: Any, b: Any, start: float, stop: float) -> tuple[Times, Times, np.ndarray]:
    """Both trains with their spikes outside the window, and all events inside."""
    trains = [check_train(a, "a"), check_train(b, "b")]
    check_window(trains, start, stop)
    trains = [train if train.size else np.array([start, stop], np.float64) for train in trains]
    edges = np.unique(np.concatenate([[start, stop], *trains]))
    return _extended(trains[0], start, stop), _extended(trains[1], start, stop), edges


def _extended(train: Times, start: float, stop: float) -> Times:
    first, last = (train[1] - train[0], train[-1] - train[-2]) if train.size > 1 else (0.0, 0.0)
    return np.concatenate([[min(start, train[0] - first)], train, [max(stop, train[-1] + last)]])


def _piece(own: Times, other: Times, edges: np.ndarray) -> Piece:
    """``own`` and ``other`` are extended trains."""
    apart = np.abs(own - other[_nearest(own, other)])
    apart[0], apart[-1] = apart[1], apart[-2]
    before = np.searchsorted(own[1:-1], edges[:-1], side="right")  # index in own of the spike before
    interval = own[before + 1] - own[before]
    slope = (apart[before + 1] - apart[before]) / interval
    begins = apart[before] + slope * (edges[:-1] - own[before])
    ends = apart[before] + slope * (edges[1:] - own[before])
    return Piece(interval, begins, ends)


def _nearest(own: Times, other: Times) -> np.ndarray:
    """Index in ``other`` of the spike nearest to each of ``own``."""
    after = np.searchsorted(other, own).clip(1, max(other.size - 1, 1))
    left, right = after - 1, np.minimum(after, other.size - 1)
    return np.where(own - other[left] <= other[right] - own, left, right)


def _shortest(train: Times, window: float) -> np.ndarray:
    """The shorter of the two intervals round each spike; the window where there is none."""
    gaps = np.concatenate([[window], np.diff(train), [window]])
    return np.minimum(gaps[:-1], gaps[1:])


def _mean(values: np.ndarray, edges: np.ndarray) -> float:
    return float(values @ np.diff(edges) / (edges[-1] - edges[0]))
