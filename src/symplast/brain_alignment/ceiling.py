"""How well any model could predict responses that differ between repetitions: noise ceilings."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symplast.stats.arguments import plain

Floats = NDArray[np.float64]

LEAST_SHARE = 0.1
"""Voxels with a smaller share of explainable variance are left out of normalised scores (our choice)."""


@dataclass(frozen=True, eq=False)
class NoiseCeiling:
    """Ceilings of V voxels, from repetitions of the same images.

    Attributes:
        noise_variance: (V,) variance over repetitions, mean over images.
        signal_variance: (V,) variance over images that is left without noise, at least 0.
        ncsnr: (V,) signal SD over noise SD.
        nc: (V,) share of the variance of the mean over R repetitions that a model can explain.
        repetitions: R.
    """

    noise_variance: Floats
    signal_variance: Floats
    ncsnr: Floats
    nc: Floats
    repetitions: int

    @property
    def r_ceiling(self) -> Floats:
        """(V,) the largest expected correlation with the mean over repetitions, ``sqrt(nc)``."""
        return np.sqrt(self.nc)


def explainable_share(ncsnr: ArrayLike, repetitions: int) -> Floats:
    """``ncsnr² / (ncsnr² + 1/R)``: share of explainable variance of a mean over R repetitions.

    Example:
        >>> explainable_share([0.5, 1, 2], 3).round(7)
        array([0.4285714, 0.75     , 0.9230769])
    """
    squared = np.square(np.asarray(ncsnr, dtype=np.float64))
    with np.errstate(invalid="ignore"):
        share = squared / (squared + 1 / repetitions)
    return np.where(np.isinf(squared), 1.0, share)


def noise_ceiling(trials: ArrayLike) -> NoiseCeiling:
    """Noise ceiling from single trials.

    ``s2_noise = mean_i var_r D``, ``s2_signal = max(0, var_i(mean_r D) - s2_noise / R)``,
    ``NC = ncsnr² / (ncsnr² + 1/R)``, ``r_ceiling = sqrt(NC)``; variances with ddof = 1.

    Args:
        trials: (images, repetitions, voxels) responses, the same image in all repetitions of a row.

    Returns:
        The ceilings. A voxel without any variance has NC = 0.

    Raises:
        ValueError: another shape, fewer than two images or repetitions (averaged data have no ceiling), NaN.

    Example:
        >>> D = np.array([[1, 2, 3], [4, 6, 5], [7, 8, 9], [2, 2, 2]])[:, :, None]
        >>> found = noise_ceiling(D)
        >>> found.noise_variance, found.signal_variance, found.r_ceiling.round(7)
        (array([0.75]), array([8.]), array([0.9847319]))

    Source:
        Allen et al., Nat. Neurosci. 25, 2022, Methods (noise ceiling signal-to-noise ratio).
    """
    D = check_trials(trials)
    repetitions = D.shape[1]
    noise = D.var(axis=1, ddof=1).mean(axis=0)
    signal = np.maximum(0.0, D.mean(axis=1).var(axis=0, ddof=1) - noise / repetitions)
    with np.errstate(divide="ignore", invalid="ignore"):
        ncsnr = np.where(signal > 0, np.sqrt(signal / noise), 0.0)
    return NoiseCeiling(noise, signal, ncsnr, explainable_share(ncsnr, repetitions), repetitions)


def check_trials(trials: Any) -> Floats:
    """(images, repetitions, voxels) as float64, checked."""
    D = np.asarray(plain(trials, "trials"))
    if D.ndim != 3 or D.dtype.kind not in "biuf":
        raise ValueError(f"trials must be numbers of shape (images, repetitions, voxels), got {D.dtype}{list(D.shape)}")
    if D.shape[0] < 2 or D.shape[1] < 2:
        raise ValueError(
            f"trials must hold at least 2 images and 2 repetitions, got {D.shape[0]} and {D.shape[1]}: averaged "
            "responses have no noise ceiling; give one that was estimated elsewhere (r units, one a voxel)"
        )
    D = D.astype(np.float64)
    if bad := int(np.count_nonzero(~np.isfinite(D))):
        raise ValueError(f"trials must be finite, got {bad} NaN or infinite of {D.size}")
    return D


def spearman_brown(r: ArrayLike) -> Floats:
    """Reliability of the whole from that of a half, ``2 r / (1 + r)``; its root is the ceiling in r units.

    Negative split-half correlations give 0: such a voxel has no measurable signal.

    Example:
        >>> whole = spearman_brown([0.2, 0.5, 0.8])
        >>> whole.round(7), np.sqrt(whole).round(7)
        (array([0.3333333, 0.6666667, 0.8888889]), array([0.5773503, 0.8164966, 0.942809 ]))
    """
    half = np.maximum(0.0, np.asarray(r, dtype=np.float64))
    return 2 * half / (1 + half)


def split_half_ceiling(trials: ArrayLike) -> Floats:
    """(V,) ceilings in r units: correlation of odd with even repetitions *of the same images*, Spearman-Brown, root.

    With an odd number of repetitions the last one is left out, since halves must have equal size.

    Args:
        trials: (images, repetitions, voxels).

    Raises:
        ValueError: as :func:`noise_ceiling`.
    """
    D = check_trials(trials)
    even = D.shape[1] // 2 * 2
    return np.sqrt(spearman_brown(columnwise_r(D[:, 0:even:2].mean(axis=1), D[:, 1:even:2].mean(axis=1))))


def columnwise_r(A: Any, B: Any, least_sd: float = 1e-8) -> Floats:
    """(V,) Pearson correlation of each column of A with the same column of B; NaN where one has an SD below
    ``least_sd``.

    Args:
        A: (n, V) numbers.
        B: (n, V) numbers.
        least_sd: a smaller SD counts as constant.
    """
    a, b = np.asarray(A, dtype=np.float64), np.asarray(B, dtype=np.float64)
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    sa, sb = np.sqrt(np.square(a).mean(axis=0)), np.sqrt(np.square(b).mean(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (a * b).mean(axis=0) / (sa * sb)
    return np.where((sa > least_sd) & (sb > least_sd), np.clip(r, -1, 1), np.nan)


def different_images_ceiling(responses: ArrayLike, floor: float = 0.01) -> Floats:
    """(V,) the published ceiling, **for its audit only**: it correlates responses to *different* images.

    Even rows against odd rows of averaged responses, then ``2 r / (1 + r)`` without the root, at least ``floor``. Rows
    are different images, so the expected correlation is 0 whatever the reliability is.

    Args:
        responses: (images, voxels), averaged over repetitions.
        floor: smallest value, as published.
    """
    Y = np.asarray(responses, dtype=np.float64)
    even = len(Y) // 2 * 2
    r = columnwise_r(Y[0:even:2], Y[1:even:2])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.maximum(floor, 2 * r / (1 + r))
