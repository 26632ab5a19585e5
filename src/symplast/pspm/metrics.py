"""How alike two networks are: spikes, intervals, avalanches, weights. Spike arrays are (steps, units)."""

from typing import Any, NamedTuple

import numpy as np

from symplast.on_use import ks_2samp
from symplast.pspm.network import check_cells
from symplast.spiking import (
    SpikeTrains,
    avalanches,
    pooled_gaussian_distance,
    sampled_gaussian_distance,
    van_rossum,
    victor_purpura,
)
from symplast.spiking.arguments import check_choice, check_positive
from symplast.spiking.trains import check_spikes
from symplast.stats.arguments import is_constant, plain, precision_of

EDGES_MS = (0, 5, 10, 20, 40, 80, 160, 320)
"""Bins of the interval histogram, closed on the left, the last on both sides."""


class Distances(NamedTuple):
    """Distances between two networks' spikes.

    Attributes:
        units: (units,) of each neuron's two trains.
        pooled: of the networks: for ``gauss`` numerator and denominator are summed over neurons first; for the others
            the mean over neurons.
    """

    units: np.ndarray
    pooled: float


def spike_distance(A: Any, B: Any, sigma_ms: float = 5.0, dt_ms: float = 1.0, kind: str = "gauss") -> Distances:
    """Distance between the spikes of two networks, neuron by neuron and pooled.

    Args:
        A: (steps, units) spikes.
        B: the same of the other network.
        sigma_ms: width of the Gaussian; time constant of ``van_rossum``; ``victor_purpura`` moves a spike by 1 ms at
            cost ``1/sigma``.
        dt_ms: length of a step.
        kind: ``gauss``: ``sum (f - g)^2 / sum (f^2 + g^2)`` of trains smoothed with a Gaussian, 0 identical, 1
            disjoint; ``van_rossum`` or ``victor_purpura``.

    Raises:
        ValueError: spikes other than 0 and 1, different shapes, an unknown kind.

    Example:
        >>> A, B = np.zeros((100, 1)), np.zeros((100, 1))
        >>> A[[10, 30, 52]] = B[[12, 33, 70]] = 1
        >>> print(round(spike_distance(A, B).pooled, 12), spike_distance(A, B, kind="victor_purpura").pooled)
        0.346642270788 3.0
    """
    check_choice(kind, "kind", ("gauss", "van_rossum", "victor_purpura"))
    A, B = _alike(A, B)
    if kind == "gauss":
        return Distances(
            np.asarray(sampled_gaussian_distance(A, B, sigma_ms, dt_ms)),
            float(pooled_gaussian_distance(A, B, sigma_ms, dt_ms)),
        )
    check_positive(sigma_ms, "sigma_ms")
    pairs = zip(SpikeTrains.of_array(A, dt_ms), SpikeTrains.of_array(B, dt_ms), strict=True)
    if kind == "van_rossum":
        units = np.array([van_rossum(a, b, sigma_ms) for a, b in pairs])
    else:
        units = np.array([victor_purpura(a, b, 1 / sigma_ms) for a, b in pairs])
    return Distances(units, float(units.mean()))


def interval_histogram(spikes: Any, dt_ms: float = 1.0, edges_ms: Any = EDGES_MS) -> np.ndarray:
    """Shares of all neurons' inter-spike intervals by bin; zeros without any; those beyond the edges are dropped."""
    trains = SpikeTrains.of_array(spikes, dt_ms)
    intervals = np.concatenate([np.diff(train) for train in trains]) if len(trains) else np.zeros(0)
    counts, _ = np.histogram(intervals, np.asarray(plain(edges_ms, "edges_ms"), np.float64))
    return counts / max(counts.sum(), 1)


def isi_distance(A: Any, B: Any, dt_ms: float = 1.0, edges_ms: Any = EDGES_MS) -> float:
    """l2 norm of the difference of two networks' interval histograms.

    Not the time-resolved ISI distance of :func:`symplast.spiking.isi_distance`.

    Example:
        >>> A, B = np.zeros((100, 1)), np.zeros((100, 1))
        >>> A[[10, 30, 52]] = B[[10, 12, 52]] = 1
        >>> print(round(isi_distance(A, B), 10))
        1.2247448714
    """
    A, B = _alike(A, B)
    return float(np.linalg.norm(interval_histogram(A, dt_ms, edges_ms) - interval_histogram(B, dt_ms, edges_ms)))


def avalanche_distance(A: Any, B: Any, bin_steps: int = 1, threshold: int = 1) -> float:
    """Two-sample Kolmogorov-Smirnov statistic of avalanche sizes; 1 if one network has none, 0 if both.

    At high rates avalanches merge: then take a higher ``threshold``. Arguments as in
    :func:`symplast.spiking.avalanches`.
    """
    a, b = (avalanches(spikes, bin_steps, threshold).sizes for spikes in _alike(A, B))
    if not (a.size and b.size):
        return float(a.size != b.size)
    return float(ks_2samp(a, b, method="asymp").statistic)


class Recovery(NamedTuple):
    """Pearson correlations of two weight matrices off the diagonal.

    Attributes:
        excitatory: over columns of excitatory neurons.
        inhibitory: over columns of inhibitory ones. Over all columns together the signs alone give about 0.75.
    """

    excitatory: float
    inhibitory: float


def weight_recovery(W_ref: Any, W: Any, inhibitory: Any) -> Recovery:
    """How far one network's weights follow another's; NaN where a side is constant or empty.

    Example:
        >>> W = np.array([[0, 0.2, -0.1], [0.1, 0, -0.3], [0.3, 0.1, 0]])
        >>> weight_recovery(W, 2 * W, [False, False, True])
        Recovery(excitatory=1.0, inhibitory=1.0)

    Raises:
        ValueError: matrices of other sizes than ``inhibitory`` says, or neurons that are not 0/1.
    """
    precision = precision_of(plain(W_ref, "W_ref"), plain(W, "W"))
    W_ref, W, inhibitory = np.asarray(W_ref, np.float64), np.asarray(W, np.float64), check_cells(inhibitory)
    if W_ref.shape != W.shape or W.shape != (inhibitory.size, inhibitory.size):
        units = inhibitory.size
        raise ValueError(f"W_ref and W must be ({units}, {units}), as inhibitory says; got {W_ref.shape}, {W.shape}")
    off = ~np.eye(inhibitory.size, dtype=bool)
    both = [off & columns for columns in (~inhibitory, inhibitory)]
    return Recovery(*(_correlation(W_ref[some], W[some], precision) for some in both))


def _correlation(a: np.ndarray, b: np.ndarray, precision: float) -> float:
    if a.size < 2 or is_constant(a, precision=precision) or is_constant(b, precision=precision):
        return float("nan")
    return round(float(np.corrcoef(a, b)[0, 1]), 15)


def _alike(A: Any, B: Any) -> tuple[np.ndarray, np.ndarray]:
    A, B = check_spikes(A, "A"), check_spikes(B, "B")
    if A.shape != B.shape:
        raise ValueError(f"A and B must be spikes of one shape, (steps, units), got {A.shape} and {B.shape}")
    return A, B
