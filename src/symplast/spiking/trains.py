"""Spike trains as times: from and to arrays, and from and to Neo."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from symplast.spiking.arguments import check_finite, check_positive, count_steps, grid_steps
from symplast.stats.arguments import EPS, plain, precision_of

Times: TypeAlias = np.ndarray
"""Times of one train's spikes in ms, float64, rising."""


def in_ms(times: Any) -> Any:
    """Times with a unit (Neo, quantities) in ms, without it; others as they are."""
    return times.rescale("ms").magnitude if hasattr(times, "rescale") else times


def check_train(times: Any, name: str) -> Times:
    """One train: rising, finite times; those with a unit (Neo, quantities) are converted to ms.

    Raises:
        ValueError: times that are not one-dimensional, finite and strictly rising.
    """
    train = np.asarray(plain(in_ms(times), name))
    if train.ndim != 1 or (train.dtype.kind not in "iuf" and train.size):
        raise ValueError(f"{name} must be one train of spike times in ms, (spikes,), got {train.dtype}{train.shape}")
    train = train.astype(np.float64)
    check_finite(train, name)
    if (np.diff(train) <= 0).any():
        raise ValueError(f"{name} must be rising spike times, each once; sort them and drop duplicates (numpy.unique)")
    return train


def check_window(trains: Sequence[Times], t_start_ms: float, t_stop_ms: float, precision: float = EPS) -> list[Times]:
    """An observation window that is not empty and holds all spikes; those that rounding put outside, put on its edge.

    Args:
        trains: checked trains.
        t_start_ms: beginning of the window.
        t_stop_ms: its end.
        precision: relative precision of the times.
    """
    check_finite([t_start_ms, t_stop_ms], "t_start_ms and t_stop_ms")
    if not t_start_ms < t_stop_ms:
        raise ValueError(f"t_stop_ms must be later than t_start_ms={t_start_ms}, got {t_stop_ms}")
    rounding = 4 * precision * max(abs(t_start_ms), abs(t_stop_ms))
    for train in trains:
        if train.size and (train[0] < t_start_ms - rounding or train[-1] > t_stop_ms + rounding):
            raise ValueError(
                f"spike times must lie in [t_start_ms, t_stop_ms] = [{t_start_ms:g}, {t_stop_ms:g}], "
                f"got {train[0]:g} to {train[-1]:g}"
            )
    return [np.clip(train, t_start_ms, t_stop_ms) for train in trains]


@dataclass(frozen=True, eq=False)
class SpikeTrains(Sequence[Times]):
    """Spike trains observed together in one window; a sequence of arrays of times.

    Args:
        times_ms: one array of rising times for each train.
        t_stop_ms: end of the observation.
        t_start_ms: its beginning.
        precision: relative precision of the times, which decides what lies on an edge; None: that of the type of the
            arrays, such as 1.2e-7 of float32.

    Raises:
        ValueError: times that do not rise or lie outside the window.

    Example:
        >>> trains = SpikeTrains.of_array([[1, 0], [0, 0], [1, 1]], dt_ms=0.5)
        >>> [train.tolist() for train in trains], trains.t_stop_ms
        ([[0.0, 1.0], [1.0]], 1.5)
        >>> trains.rates_hz.round(1).tolist()
        [1333.3, 666.7]
    """

    times_ms: Sequence[Any]  # kept as a tuple of float64 arrays
    t_stop_ms: float
    t_start_ms: float = 0.0
    precision: float | None = None

    def __post_init__(self) -> None:
        trains = [check_train(train, f"times_ms[{i}]") for i, train in enumerate(self.times_ms)]
        if self.precision is None:
            object.__setattr__(
                self, "precision", precision_of(*map(in_ms, self.times_ms), self.t_start_ms, self.t_stop_ms)
            )
        trains = check_window(trains, self.t_start_ms, self.t_stop_ms, self._precision)
        object.__setattr__(self, "times_ms", tuple(trains))

    @property
    def _precision(self) -> float:
        return EPS if self.precision is None else self.precision

    def __len__(self) -> int:
        return len(self.times_ms)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return SpikeTrains(self.times_ms[index], self.t_stop_ms, self.t_start_ms, self.precision)
        return self.times_ms[index]

    def __iter__(self) -> Iterator[Times]:
        return iter(self.times_ms)

    @property
    def duration_ms(self) -> float:
        """Length of the window."""
        return self.t_stop_ms - self.t_start_ms

    @property
    def rates_hz(self) -> np.ndarray:
        """Mean rate of each train."""
        return np.array([train.size for train in self]) * 1000 / self.duration_ms

    def counts(self, window_ms: float) -> np.ndarray:
        """Spikes in consecutive windows, int (windows, trains); a rest shorter than a window is left out.

        A spike on an edge, up to the rounding of its time, belongs to the window that begins there; one at the very end
        to the last window.

        Raises:
            ValueError: a window that is not positive, longer than the duration, or too short for the times' precision.

        Example:
            >>> SpikeTrains([[0.3]], 1.0).counts(0.1).ravel().tolist()
            [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        """
        check_positive(window_ms, "window_ms")
        rounding = 4 * self._precision * max(abs(self.t_start_ms), abs(self.t_stop_ms))
        windows = int(grid_steps(np.array(self.duration_ms), window_ms, np.array(rounding), "window_ms"))
        if windows < 1:
            raise ValueError(f"window_ms must be at most the duration {self.duration_ms:g}, got {window_ms}")
        at = [self._windows(train, window_ms, windows, "window_ms") for train in self]
        return np.stack([np.bincount(each, minlength=windows)[:windows] for each in at], axis=1)

    def _windows(self, train: Times, width_ms: float, windows: int, name: str) -> np.ndarray:
        """The window of each spike; those at the very end of a window that ends there lie in it."""
        rounding = 4 * self._precision * np.maximum(np.abs(train), abs(self.t_start_ms))
        at = grid_steps(train - self.t_start_ms, width_ms, rounding, name)
        at[(at == windows) & (train >= self.t_stop_ms - rounding)] = windows - 1
        return at

    @classmethod
    def of_array(cls, spikes: Any, dt_ms: float, t_start_ms: float = 0.0) -> "SpikeTrains":
        """Trains of a spike array, as :func:`~symplast.spiking.simulate` records it.

        Args:
            spikes: (steps, units), 0 and 1 or booleans; a spike of step k happens at ``t_start + k dt``.
            dt_ms: length of a step.
            t_start_ms: time of the first step.
        """
        array = check_spikes(spikes)
        check_positive(dt_ms, "dt_ms")
        trains = tuple(t_start_ms + dt_ms * np.flatnonzero(column) for column in array.T)
        return cls(trains, t_start_ms + dt_ms * array.shape[0], t_start_ms, precision_of(dt_ms, t_start_ms))

    def to_array(self, dt_ms: float) -> np.ndarray:
        """The trains as bool (steps, trains): true in the step in which a spike falls.

        Raises:
            ValueError: a window that is no whole number of steps, or two spikes of a train in one step.
        """
        steps = count_steps(self.duration_ms, dt_ms, "the window", self._precision)
        spikes = np.zeros((steps, len(self)), bool)
        for unit, train in enumerate(self):
            at = self._windows(train, dt_ms, steps, "dt_ms")
            if (np.diff(at) == 0).any():
                raise ValueError(f"train {unit} has two spikes in one step of dt_ms={dt_ms}; take a shorter step")
            spikes[at, unit] = True
        return spikes

    @classmethod
    def of_neo(cls, trains: Sequence[Any]) -> "SpikeTrains":
        """Trains of a list of :class:`neo.SpikeTrain`, or of a segment or its ``spiketrains``.

        The window runs from the earliest beginning to the latest end among them.

        Raises:
            ValueError: no trains.
        """
        trains = getattr(trains, "spiketrains", trains)
        if not len(trains):
            raise ValueError("trains must hold at least one neo.SpikeTrain")
        ms = [np.asarray(in_ms(train)) for train in trains]
        start = min(float(train.t_start.rescale("ms")) for train in trains)
        stop = max(float(train.t_stop.rescale("ms")) for train in trains)
        return cls(tuple(np.sort(times) for times in ms), stop, start)

    def to_neo(self) -> list[Any]:
        """The trains as a list of :class:`neo.SpikeTrain` in ms.

        Raises:
            ImportError: Neo is not installed.
        """
        try:
            import neo
        except ImportError as missing:
            raise ImportError('to_neo needs the package neo: pip install "symplast[spikes]"') from missing
        return [neo.SpikeTrain(times, units="ms", t_start=self.t_start_ms, t_stop=self.t_stop_ms) for times in self]


def check_spikes(spikes: Any, name: str = "spikes") -> np.ndarray:
    """A spike array, bool (steps, units).

    Raises:
        ValueError: not two-dimensional, or with values other than 0 and 1.
    """
    array = np.asarray(plain(spikes, name))
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be (steps, units), got {array.dtype}{array.shape}")
    if not ((array == 0) | (array == 1)).all():
        raise ValueError(f"{name} must be 0 or 1 (or booleans) everywhere")
    return array.astype(bool)
