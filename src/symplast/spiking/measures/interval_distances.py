"""Parameter-free distances of two spike trains: ISI distance, SPIKE distance and SPIKE synchronisation.

At the edges of the window, where an interval is not seen whole, each train is given a spike outside: as far from its
first (last) spike as its first (last) interval is long, or at the edge where that is farther. A train without spikes
gets one at each edge.

For many pairs the events of all trains are sorted once. What a pair needs, the interval of one train round each event
of the other, is then looked up by counting, for the stretches that begin with a spike of one train and of the other.
"""

from collections.abc import Callable, Sequence
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
    return float(isi_distances(_one_pair(a, b, t_start_ms, t_stop_ms), *ONE_PAIR, t_stop_ms, t_start_ms)[0])


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
    return float(spike_distances(_one_pair(a, b, t_start_ms, t_stop_ms), *ONE_PAIR, t_stop_ms, t_start_ms)[0])


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
    first, second = _one_pair(a, b, t_start_ms, t_stop_ms)
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


ONE_PAIR = np.array([0]), np.array([1])
COUNTED = 2**20
"""Numbers in a table of counts: bounds memory."""
AT_ONCE = 2**13
"""Events of pairs handled at once, so that what is known of them stays in the cache."""


def isi_distances(
    trains: Sequence[Times], row: np.ndarray, column: np.ndarray, t_stop_ms: float, t_start_ms: float = 0.0
) -> np.ndarray:
    """:func:`isi_distance` of pairs of checked trains, ``trains[row]`` with ``trains[column]``."""
    return _measured(_isi_sums, trains, row, column, t_start_ms, t_stop_ms)


def spike_distances(
    trains: Sequence[Times], row: np.ndarray, column: np.ndarray, t_stop_ms: float, t_start_ms: float = 0.0
) -> np.ndarray:
    """:func:`spike_distance` of pairs of checked trains, ``trains[row]`` with ``trains[column]``."""
    return _measured(_spike_sums, trains, row, column, t_start_ms, t_stop_ms)


class Events(NamedTuple):
    """Trains with a spike outside the window on each side, a train a row, and where all spikes stand in order.

    Event 0 of a train is the beginning of the window, the others are its spikes; a train that has fewer than the
    longest has further ones at the window's end.

    Attributes:
        spikes: (trains, longest + 2) times between the spikes outside; the last is repeated as padding.
        sizes: (trains,) spikes in the window.
        begins: (trains, longest + 1) time of each event.
        ends: (trains, longest + 1) time of the next event of the same train, at most the window's end.
        intervals: (trains, longest + 1) from each of ``spikes`` to the next; 1 in the padding.
        counts: (trains, all spikes + 1) index in the flat ``spikes`` of a train's last spike among the first spikes of
            all trains in order.
        before: (trains, longest + 1) number of spikes of all trains before each event.
        upto: the same with the spikes at the time of the event.
    """

    spikes: np.ndarray
    sizes: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    intervals: np.ndarray
    counts: np.ndarray
    before: np.ndarray
    upto: np.ndarray


class Stretches(NamedTuple):
    """Parts of the window that begin with an event of one train of each pair, up to the next event of either.

    Attributes:
        lengths: (pairs, longest + 1) of each part, 0 where the other train begins it too or the window is over.
        since: from the other train's last spike to the event.
        until: from the event to the other train's next spike.
        last: index of the other train's last spike in the flat ``spikes``.
    """

    lengths: np.ndarray
    since: np.ndarray
    until: np.ndarray
    last: np.ndarray


class Nearest(NamedTuple):
    """Distance of a train's last spike at each event to the nearest of the other train, and how it changes in time."""

    away: np.ndarray
    slope: np.ndarray


def _one_pair(a: Any, b: Any, start: float, stop: float) -> list[Times]:
    both = [check_train(a, "a"), check_train(b, "b")]
    return check_window(both, start, stop, precision_of(in_ms(a), in_ms(b)))


def _measured(
    sums: Callable[[Events, np.ndarray, np.ndarray], np.ndarray],
    trains: Sequence[Times],
    row: np.ndarray,
    column: np.ndarray,
    start: float,
    stop: float,
) -> np.ndarray:
    """Tile by tile of the matrix of pairs, so that a table of counts stays small."""
    if not row.size:
        return np.zeros(0)
    longest = max(train.size for train in trains) + 2
    everything = len(trains) ** 2 * longest <= COUNTED
    side = len(trains) if everything else max(int(np.sqrt(COUNTED / (4 * longest))), 1)
    tile = row // side * (len(trains) + 1) + column // side
    order = np.argsort(tile, kind="stable")
    found = np.zeros(row.size)
    for pairs in np.split(order, np.flatnonzero(np.diff(tile[order])) + 1):
        used, index = np.unique(np.concatenate([row[pairs], column[pairs]]), return_inverse=True)
        events = _events([trains[i] for i in used], start, stop)
        first, second = np.split(index, 2)
        step = max(AT_ONCE // longest, 1)
        for begin in range(0, pairs.size, step):
            some = slice(begin, begin + step)
            found[pairs[some]] = sums(events, first[some], second[some])
    return found / (stop - start)


def _events(trains: Sequence[Times], start: float, stop: float) -> Events:
    ends = np.array([start, stop], np.float64)
    times, sizes = pad([train if train.size else ends for train in trains])
    spikes = _extended(times, sizes, start, stop)
    number, longest = times.shape
    inside = np.arange(longest) < sizes[:, None]
    owner = np.repeat(np.arange(number), sizes)
    order = np.argsort(times[inside], kind="stable")
    ordered = times[inside][order]
    counts = np.zeros((number, order.size + 1), np.intp)
    counts[owner[order], np.arange(order.size) + 1] = 1
    counts[:, 0] = np.arange(number) * (longest + 2)
    begins = np.minimum(np.concatenate([np.full((number, 1), start), times], axis=1), stop)
    intervals = np.diff(spikes, axis=1)
    intervals[intervals == 0] = 1  # of stretches without length
    return Events(
        spikes,
        sizes,
        begins,
        np.minimum(spikes[:, 1:], stop),
        intervals,
        np.cumsum(counts, axis=1),
        np.searchsorted(ordered, begins),
        np.searchsorted(ordered, begins, side="right"),
    )


def _extended(times: np.ndarray, sizes: np.ndarray, start: float, stop: float) -> np.ndarray:
    row, several = np.arange(sizes.size), sizes > 1
    first, last = times[:, 0], times[row, sizes - 1]
    second, last_but_one = times[row, np.minimum(1, sizes - 1)], times[row, np.maximum(sizes - 2, 0)]
    outside_left = np.where(several, np.minimum(start, first - (second - first)), start)
    outside_right = np.where(several, np.maximum(stop, last + (last - last_but_one)), stop)
    inside = np.minimum(times, outside_right[:, None])
    return np.concatenate([outside_left[:, None], inside, outside_right[:, None]], axis=1)


def _stretches(events: Events, own: np.ndarray, other: np.ndarray, *, ties: bool) -> Stretches:
    """Those that the events of one train begin; of spikes at one time those of the train with ``ties`` begin one.

    The beginning of the window, which both trains have, is a tie as well.
    """
    place = events.upto if ties else events.before
    last = events.counts.take(place[own] + (other * events.counts.shape[1])[:, None])
    if ties:
        last[:, 0] = other * events.spikes.shape[1]
    begins = events.begins[own]
    following = events.spikes.take(last + 1)
    lengths = np.minimum(events.ends[own], following)
    lengths -= begins
    if not ties:
        lengths[:, 0] = 0
    return Stretches(lengths, begins - events.spikes.take(last), following - begins, last)


def _isi_sums(events: Events, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    total = np.zeros(a.size)
    for own, other, ties in ((a, b, True), (b, a, False)):
        part = _stretches(events, own, other, ties=ties)
        x, y = events.intervals[own], part.since + part.until
        share = np.abs(x - y)
        share /= np.maximum(x, y, out=y)
        total += np.einsum("pe,pe->p", share, part.lengths)
    return total


def _spike_sums(events: Events, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    first, second = _stretches(events, a, b, ties=True), _stretches(events, b, a, ties=False)
    of_a, of_b = _nearest(events, a, first), _nearest(events, b, second)
    return _spike_sum(events, a, b, first, of_a, of_b) + _spike_sum(events, b, a, second, of_b, of_a)


def _spike_sum(
    events: Events, own: np.ndarray, other: np.ndarray, part: Stretches, mine: Nearest, others: Nearest
) -> np.ndarray:
    """Over the stretches that events of one train begin."""
    x, y = events.intervals[own], part.since + part.until
    width = events.spikes.shape[1] - 1
    at = part.last + (np.arange(own.size) * width - other * (width + 1))[:, None]
    theirs = others.away.take(at) + others.slope.take(at) * (part.since + part.lengths / 2)
    both = (mine.away + mine.slope * part.lengths / 2) * y
    both += theirs * x
    x += y
    both /= x
    both /= x
    return 2 * np.einsum("pe,pe->p", both, part.lengths)


def _nearest(events: Events, own: np.ndarray, part: Stretches) -> Nearest:
    """The spikes outside the window count as their neighbours inside."""
    near = np.minimum(part.since, part.until)
    near[:, 0] = near[:, 1]
    row, last = np.arange(own.size), events.sizes[own]
    following = np.concatenate([near[:, 1:], near[:, -1:]], axis=1)
    following[row, last] = near[row, last]
    return Nearest(near, (following - near) / events.intervals[own])


def _shortest(train: Times, window: float) -> np.ndarray:
    """The shorter of the two intervals round each spike; the window where there is none."""
    gaps = np.concatenate([[window], np.diff(train), [window]])
    return np.minimum(gaps[:-1], gaps[1:])
