"""Parameter-free distances of two spike trains: ISI distance, SPIKE distance and SPIKE synchronisation.

At the edges of the window, where an interval is not seen whole, each train is given a spike outside: as far from its
first (last) spike as its first (last) interval is long, or at the edge where that is farther. A train without spikes
gets one at each edge.

Each measure is computed for many pairs at once, a pair a row; a single pair is one row.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from symplast.spiking.measures.padding import pad
from symplast.spiking.trains import Times, check_train, check_window, in_ms
from symplast.stats.arguments import precision_of


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
    return float(isi_distances(*_one_pair(a, b, t_start_ms, t_stop_ms), t_stop_ms, t_start_ms)[0])


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
    return float(spike_distances(*_one_pair(a, b, t_start_ms, t_stop_ms), t_stop_ms, t_start_ms)[0])


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
    (first,), (second,) = _one_pair(a, b, t_start_ms, t_stop_ms)
    total = first.size + second.size
    if not total:
        return 1.0
    if not (first.size and second.size):
        return 0.0
    window = t_stop_ms - t_start_ms
    after = np.searchsorted(second, first).clip(1, max(second.size - 1, 1))
    left, right = after - 1, np.minimum(after, second.size - 1)
    nearest = np.where(first - second[left] <= second[right] - first, left, right)
    near = np.minimum(_shortest(first, window), _shortest(second, window)[nearest]) / 2
    rounding = (
        4 * precision_of(in_ms(a), in_ms(b)) * max(abs(t_start_ms), abs(t_stop_ms))
    )  # a tie is none, rounded or not
    return 2 * int((near - np.abs(first - second[nearest]) > rounding).sum()) / total


def isi_distances(a: Sequence[Times], b: Sequence[Times], t_stop_ms: float, t_start_ms: float = 0.0) -> np.ndarray:
    """:func:`isi_distance` of each pair of checked trains."""
    merged = _merge(a, b, t_start_ms, t_stop_ms)
    x, y = (_take(np.diff(train.spikes), train.before[:, :-1]) for train in (merged.a, merged.b))
    with np.errstate(divide="ignore", invalid="ignore"):  # stretches of no length, which count for nothing
        return _mean(np.abs(x - y) / np.maximum(x, y), merged.edges)


def spike_distances(a: Sequence[Times], b: Sequence[Times], t_stop_ms: float, t_start_ms: float = 0.0) -> np.ndarray:
    """:func:`spike_distance` of each pair of checked trains."""
    merged = _merge(a, b, t_start_ms, t_stop_ms)
    with np.errstate(divide="ignore", invalid="ignore"):  # stretches of no length, which count for nothing
        x, begins_a, ends_a = _apart(merged.a, merged.b, merged.edges)
        y, begins_b, ends_b = _apart(merged.b, merged.a, merged.edges)
        both = (begins_a + ends_a) * y + (begins_b + ends_b) * x
        return _mean(both / (x + y) ** 2, merged.edges)


class Train(NamedTuple):
    """One train of each pair among the events of both.

    Attributes:
        spikes: (pairs, longest + 2) its times between the spikes outside the window; the last repeated as padding.
        sizes: (pairs,) its spikes in the window.
        before: (pairs, events) index in ``spikes`` of its last spike up to each event.
        at: (pairs, longest) index among the events of each of its spikes.
    """

    spikes: np.ndarray
    sizes: np.ndarray
    before: np.ndarray
    at: np.ndarray


class Merged(NamedTuple):
    """The two trains of each pair, and all events in order: the edges of the window and the spikes of both."""

    a: Train
    b: Train
    edges: np.ndarray


def _one_pair(a: Any, b: Any, start: float, stop: float) -> tuple[list[Times], list[Times]]:
    first, second = check_train(a, "a"), check_train(b, "b")
    first, second = check_window([first, second], start, stop, precision_of(in_ms(a), in_ms(b)))
    return [first], [second]


def _merge(a: Sequence[Times], b: Sequence[Times], start: float, stop: float) -> Merged:
    """Sort the events of each pair once; everything else is counting along that order."""
    ends = np.array([start, stop], np.float64)
    padded = [pad([train if train.size else ends for train in trains]) for trains in (a, b)]
    inside = [np.minimum(times, stop) for times, _ in padded]
    pairs, m = inside[0].shape
    events = np.concatenate([np.full((pairs, 1), start), *inside, np.full((pairs, 1), stop)], axis=1)
    order = np.argsort(events, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(order.shape[1])[None], axis=1)
    owner = np.zeros(events.shape, np.int8)
    owner[:, 1 : m + 1] = np.where(np.isfinite(padded[0].times), 1, 0)
    owner[:, m + 1 : -1] = np.where(np.isfinite(padded[1].times), 2, 0)
    owner = _take(owner, order)
    trains = []
    for index, at in enumerate((rank[:, 1 : m + 1], rank[:, m + 1 : -1])):
        times, sizes = padded[index]
        before = np.cumsum(owner == index + 1, axis=1)
        trains.append(Train(_extended(times, sizes, start, stop), sizes, before, at))
    return Merged(trains[0], trains[1], _take(events, order))


def _extended(times: np.ndarray, sizes: np.ndarray, start: float, stop: float) -> np.ndarray:
    row, several = np.arange(sizes.size), sizes > 1
    first, last = times[:, 0], times[row, sizes - 1]
    second, last_but_one = times[row, np.minimum(1, sizes - 1)], times[row, np.maximum(sizes - 2, 0)]
    outside_left = np.where(several, np.minimum(start, first - (second - first)), start)
    outside_right = np.where(several, np.maximum(stop, last + (last - last_but_one)), stop)
    inside = np.minimum(times, outside_right[:, None])
    return np.concatenate([outside_left[:, None], inside, outside_right[:, None]], axis=1)


def _apart(own: Train, other: Train, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interval of each stretch between events, and distances to the other train at its beginning and end."""
    there = _take(other.before, own.at)
    spikes = own.spikes[:, 1:-1]
    last = other.spikes.shape[1] - 1
    nearest = np.minimum(
        np.abs(spikes - _take(other.spikes, there)), np.abs(_take(other.spikes, np.minimum(there + 1, last)) - spikes)
    )
    apart = np.concatenate([nearest[:, :1], nearest, nearest[:, -1:]], axis=1)
    row = np.arange(own.sizes.size)
    apart[row, own.sizes + 1] = apart[row, own.sizes]
    before = own.before[:, :-1]
    since, until = _take(own.spikes, before), _take(own.spikes, before + 1)
    here, next_ = _take(apart, before), _take(apart, before + 1)
    interval = until - since
    slope = (next_ - here) / interval
    return interval, here + slope * (edges[:, :-1] - since), here + slope * (edges[:, 1:] - since)


def _take(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, index, axis=1)


def _shortest(train: Times, window: float) -> np.ndarray:
    """The shorter of the two intervals round each spike; the window where there is none."""
    gaps = np.concatenate([[window], np.diff(train), [window]])
    return np.minimum(gaps[:-1], gaps[1:])


def _mean(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Over time, stretch by stretch."""
    lengths = np.diff(edges)
    return (np.where(lengths > 0, values, 0) * lengths).sum(axis=1) / (edges[:, -1] - edges[:, 0])
