"""How irregular spikes are, and how much a population moves together."""

from typing import Any

import numpy as np

from symplast.spiking.trains import check_train
from symplast.stats.arguments import is_constant, plain, precision_of


def fano_factor(counts: Any, axis: int = 0) -> np.ndarray:
    """Variance over mean of spike counts; 1 for a Poisson process.

    Args:
        counts: spike counts, trials (or windows: :meth:`SpikeTrains.counts`) along ``axis``.
        axis: of the trials.

    Returns:
        float64, one for each of the other entries.

    Raises:
        ValueError: fewer than two trials, counts that are negative or not finite, or none but zeros: their Fano factor
            is not defined.

    Example:
        >>> fano_factor([2, 4, 3, 3])
        array(0.16666667)

    Source:
        Fano 1947; the variance divides by the number of trials.
    """
    numbers = np.asarray(plain(counts, "counts"), np.float64)
    if numbers.ndim < 1 or numbers.shape[axis] < 2:
        raise ValueError(f"counts must hold at least 2 trials along axis {axis}, got shape {numbers.shape}")
    if not (np.isfinite(numbers) & (numbers >= 0)).all():
        raise ValueError("counts must be finite and at least 0")
    mean = numbers.mean(axis=axis)
    if (mean == 0).any():
        raise ValueError(
            "counts must not all be 0 in any unit: the Fano factor of silence is not defined; leave it out"
        )
    return np.asarray(numbers.var(axis=axis) / mean)


def interval_variation(times_ms: Any) -> float:
    """Coefficient of variation of the interspike intervals: 0 for a clock, 1 for a Poisson process.

    Args:
        times_ms: (spikes,) rising times.

    Raises:
        ValueError: fewer than three spikes.

    Example:
        >>> interval_variation([0.0, 10.0, 20.0, 30.0])
        0.0
    """
    gaps = _intervals(times_ms)
    return float(gaps.std() / gaps.mean())


def local_variation(times_ms: Any) -> float:
    """``mean 3 (x - y)^2 / (x + y)^2`` over consecutive intervals x, y: irregularity apart from slow changes of rate.

    Args:
        times_ms: (spikes,) rising times.

    Raises:
        ValueError: fewer than three spikes.

    Example:
        >>> local_variation([0.0, 10.0, 30.0])
        0.3333333333333333

    Source:
        Shinomoto, Shima and Tanji 2003.
    """
    gaps = _intervals(times_ms)
    return float(np.mean(3 * (np.diff(gaps) / (gaps[1:] + gaps[:-1])) ** 2))


def _intervals(times_ms: Any) -> np.ndarray:
    train = check_train(times_ms, "times_ms")
    if train.size < 3:
        raise ValueError(f"times_ms must hold at least 3 spikes, that is 2 intervals, got {train.size}")
    return np.diff(train)


def population_synchrony(signals: Any) -> float:
    """``chi = sqrt(var_t(mean_i x_i) / mean_i var_t(x_i))``: 1 if all move as one, of order ``1/sqrt(N)`` if none do.

    Args:
        signals: (steps, units) membrane potentials or smoothed spikes.

    Raises:
        ValueError: not two-dimensional, not finite, or constant signals only.

    Example:
        >>> wave = np.sin(np.linspace(0, 20, 500))[:, None]
        >>> round(population_synchrony(wave + np.zeros((1, 4))), 12)
        1.0

    Source:
        Golomb and Rinzel 1994.
    """
    precision = precision_of(plain(signals, "signals"))
    x = np.asarray(signals, np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise ValueError(f"signals must be finite numbers (steps, units), got shape {x.shape}")
    alone = x.var(axis=0).mean()
    if x.size == 0 or all(is_constant(unit, float(np.abs(x).max()), precision) for unit in x.T):
        raise ValueError("signals must change in time: the synchrony of constants is not defined")
    return float(np.sqrt(x.mean(axis=1).var() / alone))
