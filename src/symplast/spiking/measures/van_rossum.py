"""Van Rossum's distance: how far two spike trains are apart once each spike is smeared out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.fft import next_fast_len

from symplast.spiking.arguments import Number, check_choice, check_positive
from symplast.spiking.measures.padding import pad
from symplast.spiking.trains import Times, check_train
from symplast.stats.arguments import plain

BLOCK = 512
"""Spikes handled at once: bounds memory, and makes long trains linear in time."""


def van_rossum(a: Any, b: Any, tau_ms: float, kernel: str = "exponential") -> float:
    """Distance between two spike trains under smoothing.

    ``D^2 = int (f - g)^2 dt / int k^2 dt`` with ``f(t) = sum_i k(t - a_i)``, g likewise: one spike more or less is 1,
    two spikes far apart are ``sqrt 2``. The integral runs over all times and is exact: with c the normalised
    autocorrelation of k and s = +1, -1 for spikes of a and b, ``D^2 = sum_ij s_i s_j c(t_i - t_j)``. A metric.

    Args:
        a: (spikes,) rising times in ms.
        b: the same of the other train.
        tau_ms: time constant of the exponential, or standard deviation of the Gaussian.
        kernel: ``exponential``, ``k = exp(-t/tau)`` for t >= 0, ``c = exp(-|t|/tau)``; or ``gaussian``,
            ``k = exp(-t^2 / 2 tau^2)``, ``c = exp(-t^2 / 4 tau^2)``.

    Returns:
        The distance; exactly 0 for equal trains.

    Raises:
        ValueError: times that do not rise, a time constant that is not positive, an unknown kernel.

    Example:
        >>> van_rossum([10.0], [], tau_ms=5.0)
        1.0
        >>> round(van_rossum([10.0], [15.0], tau_ms=5.0) ** 2, 6)  # 2 (1 - exp(-1))
        1.264241

    Source:
        Van Rossum 2001, normalised as by Houghton and Kreuz 2012.
    """
    check_choice(kernel, "kernel", ("exponential", "gaussian"))
    check_positive(tau_ms, "tau_ms")
    times, signs = _difference(check_train(a, "a"), check_train(b, "b"))
    squared = _exponential(times, signs, tau_ms) if kernel == "exponential" else _gaussian(times, signs, tau_ms)
    return float(np.sqrt(max(squared, 0.0)))


def van_rossum_distances(
    a: Sequence[Times], b: Sequence[Times], tau_ms: float, kernel: str = "exponential"
) -> np.ndarray:
    """:func:`van_rossum` of each pair of checked trains.

    For the exponential kernel all pairs go along their sorted spikes together, and what earlier spikes have left decays
    in one number a pair.
    """
    if kernel != "exponential":
        return np.array([van_rossum(x, y, tau_ms, kernel=kernel) for x, y in zip(a, b, strict=True)], np.float64)
    check_positive(tau_ms, "tau_ms")
    first, second = pad(a), pad(b)
    times = np.concatenate([first.times, second.times], axis=1)
    order = np.argsort(times, axis=1, kind="stable")
    signs = np.where(order < first.times.shape[1], 1.0, -1.0)
    times = np.take_along_axis(times, order, axis=1)
    signs[~np.isfinite(times)] = 0
    times[~np.isfinite(times)] = 0
    fading = np.exp(-np.maximum(np.diff(times, axis=1), 0).T / tau_ms)
    signs = signs.T
    total = (first.sizes + second.sizes).astype(np.float64)
    left = np.zeros(total.size)
    for spike in range(1, len(signs)):
        left = (left + signs[spike - 1]) * fading[spike - 1]
        total += 2 * signs[spike] * left
    return np.sqrt(np.maximum(total, 0))


def _difference(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of one train only, in order: +1 from a, -1 from b."""
    only_a, only_b = np.setdiff1d(a, b, assume_unique=True), np.setdiff1d(b, a, assume_unique=True)
    times = np.concatenate([only_a, only_b])
    order = np.argsort(times, kind="stable")
    return times[order], np.concatenate([np.ones(only_a.size), -np.ones(only_b.size)])[order]


def _exponential(times: np.ndarray, signs: np.ndarray, tau: float) -> float:
    """Block by block; what earlier blocks leave behind decays in one number."""
    total, left, at = float(times.size), 0.0, times[0] if times.size else 0.0
    for start in range(0, times.size, BLOCK):
        t, s = times[start : start + BLOCK], signs[start : start + BLOCK]
        before = left * np.exp((at - t) / tau)
        within = np.exp(-np.abs(t[:, None] - t) / tau)
        total += 2 * float(s @ before) + float(s @ within @ s) - t.size
        left, at = left * np.exp((at - t[-1]) / tau) + float(s @ within[:, -1]), t[-1]
    return total


def _gaussian(times: np.ndarray, signs: np.ndarray, sigma: float) -> float:
    """Block by block, each against the spikes near enough to count in float64."""
    reach, total = 55 * sigma, 0.0  # exp(-55^2 / 4) is 0
    for start in range(0, times.size, BLOCK):
        t, s = times[start : start + BLOCK], signs[start : start + BLOCK]
        low, high = np.searchsorted(times, [t[0] - reach, t[-1] + reach])
        near, sign = times[low:high], signs[low:high]
        total += float(s @ np.exp(-(((t[:, None] - near) / (2 * sigma)) ** 2)) @ sign)
    return total


def sampled_gaussian_distance(A: Any, B: Any, sigma_ms: Number, dt_ms: Number) -> Any:
    """Squared distance of Gaussian-smeared spike arrays, relative to their own size.

    ``D = sum_t (f - g)^2 / sum_t (f^2 + g^2)`` with ``f(t) = sum_spikes exp(-(t - a)^2 / 2 sigma^2)``, sampled at the
    steps of the arrays, kernels not cut off: 0 for equal trains, 1 for trains that never overlap, 0 if both are empty.

    Args:
        A: (steps, ...) spikes; NumPy arrays are computed in float64, JAX arrays in their own precision and under jit.
        B: the same of the others.
        sigma_ms: standard deviation of the kernel.
        dt_ms: length of a step.

    Returns:
        (...) the distance of each pair of trains. Pool pairs with :func:`pooled_gaussian_distance`.

    Raises:
        ValueError: arrays of different shapes, or a width that is not positive.

    Example:
        >>> target, model = np.zeros((100, 1)), np.zeros((100, 1))
        >>> target[[10, 30, 52]] = model[[12, 33, 70]] = 1
        >>> float(sampled_gaussian_distance(target, model, sigma_ms=5.0, dt_ms=1.0)[0].round(12))
        0.346642270788

    Source:
        Normalisation of arXiv:1810.03199 as reconstructed in this library.
    """
    apart, size, xp = _sampled_energies(A, B, sigma_ms, dt_ms)
    return apart / xp.where(size > 0, size, 1)


def pooled_gaussian_distance(A: Any, B: Any, sigma_ms: Number, dt_ms: Number) -> Any:
    """:func:`sampled_gaussian_distance` with both sums also over the last axis, the units of one network."""
    apart, size, xp = _sampled_energies(A, B, sigma_ms, dt_ms)
    apart, size = apart.sum(axis=-1), size.sum(axis=-1)
    return apart / xp.where(size > 0, size, 1)


def _sampled_energies(A: Any, B: Any, sigma_ms: Number, dt_ms: Number) -> tuple[Any, Any, Any]:
    check_positive(sigma_ms, "sigma_ms")
    check_positive(dt_ms, "dt_ms")
    plain(A, "A"), plain(B, "B")
    if not hasattr(A, "__array_namespace__"):
        A, B = np.asarray(A), np.asarray(B)
    if A.shape != B.shape or A.ndim < 1:
        raise ValueError(f"A and B must be spike arrays of one shape, (steps, ...), got {A.shape} and {B.shape}")
    xp = A.__array_namespace__()
    steps = A.shape[0]
    real = xp.asarray(0.0).dtype
    lags = xp.arange(1 - steps, steps)
    kernel = xp.exp(-0.5 * (lags * (dt_ms / sigma_ms)) ** 2).astype(real)
    length = next_fast_len(2 * steps - 1, real=True)  # wraps round only where nothing is read
    spectrum = xp.fft.rfft(kernel, length).reshape(-1, *(1,) * (A.ndim - 1))

    def smooth(spikes: Any) -> Any:
        wave = xp.fft.irfft(xp.fft.rfft(xp.asarray(spikes).astype(real), length, axis=0) * spectrum, length, axis=0)
        return wave[steps - 1 : 2 * steps - 1]

    f, g = smooth(A), smooth(B)
    return ((f - g) ** 2).sum(axis=0), (f**2 + g**2).sum(axis=0), xp
