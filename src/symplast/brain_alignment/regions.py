"""Scores of regions: means over their voxels, with intervals over test images, and divided by noise ceilings."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symplast.brain_alignment.ceiling import LEAST_SHARE, NoiseCeiling, noise_ceiling

LEAST_VOXELS = 10
"""Smaller regions are listed and not scored."""

RESAMPLES = 200
"""Resamples of the test images behind a region's interval."""


@dataclass(frozen=True)
class RoiScore:
    """One region.

    Attributes:
        roi: its name.
        score: mean Pearson r over its voxels; NaN where it is skipped.
        low, high: 95 % percentile bootstrap over test images, voxels and fit held fixed.
        n_voxels: voxels that count.
        n_dropped: voxels left out because responses or predictions are constant.
        normalised: mean of r over ceiling, over voxels with a share of explainable variance of at least 0.1; None
            without a ceiling.
        n_normalised: how many these are.
        ceiling: their mean ceiling in r units.
        skipped: why there is no score; empty where there is one.
    """

    roi: str
    score: float
    low: float
    high: float
    n_voxels: int
    n_dropped: int
    normalised: float | None = None
    n_normalised: int | None = None
    ceiling: float | None = None
    skipped: str = ""


def resampling_weights(n: int, groups: Any, part: int) -> NDArray[np.float64]:
    """(resamples, n) how often each test image counts in each bootstrap resample; groups are drawn whole."""
    random = np.random.default_rng([7, part])
    labels = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    units = int(labels.max()) + 1
    return random.multinomial(units, np.full(units, 1 / units), size=RESAMPLES)[:, labels].astype(np.float64)


def weighted_r(weights: NDArray[np.float64], A: Any, B: Any) -> NDArray[np.float64]:
    """(resamples, V) Pearson r of columns of A and B under each row of weights; NaN where a column is constant."""
    a, b = np.asarray(A, dtype=np.float64), np.asarray(B, dtype=np.float64)
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    total = weights.sum(axis=1, keepdims=True)
    ma, mb = weights @ a / total, weights @ b / total
    va = weights @ (a * a) / total - ma**2
    vb = weights @ (b * b) / total - mb**2
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (weights @ (a * b) / total - ma * mb) / np.sqrt(va * vb)
    return np.where((va > 1e-16) & (vb > 1e-16), r, np.nan)


def score_region(name: str, where: NDArray[np.intp], r: Any, resampled: Any, ceiling: Any) -> RoiScore:
    nothing = float("nan")
    if where.size < LEAST_VOXELS:
        told = f"skipped: {where.size} voxels, fewer than {LEAST_VOXELS}"
        return RoiScore(name, nothing, nothing, nothing, int(where.size), 0, skipped=told)
    counts = np.isfinite(r[where])
    if not counts.any():
        told = "skipped: responses or predictions of every voxel are constant or missing"
        return RoiScore(name, nothing, nothing, nothing, 0, int(where.size), skipped=told)
    at = where[counts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.nanquantile(np.nanmean(resampled[:, at], axis=1), [0.025, 0.975])
    score = RoiScore(name, float(r[at].mean()), float(low), float(high), at.size, int(where.size - at.size))
    if ceiling is None:
        return score
    kept = at[ceiling[at] ** 2 >= LEAST_SHARE]
    if not kept.size:
        return RoiScore(**vars(score) | {"n_normalised": 0})
    normalised = float((r[kept] / ceiling[kept]).mean())
    about = {"normalised": normalised, "n_normalised": kept.size, "ceiling": float(ceiling[kept].mean())}
    return RoiScore(**vars(score) | about)


def check_rois(rois: Mapping[str, Any] | None, voxels: int) -> dict[str, NDArray[np.intp]]:
    """Region -> indices of voxels, checked."""
    if rois is None:
        return {"all": np.arange(voxels)}
    if not rois:
        raise ValueError("rois must name at least one region")
    found = {}
    for name, given in rois.items():
        where = np.asarray(given if not isinstance(given, range) else list(given))
        if where.dtype == bool:
            if where.shape != (voxels,):
                raise ValueError(f"rois must have masks of shape ({voxels},), got {where.shape} for {name!r}")
            where = np.flatnonzero(where)
        if where.ndim != 1 or (where.size and where.dtype.kind not in "iu"):
            raise ValueError(
                f"rois must have indices or masks of voxels, got {where.dtype}{list(where.shape)} for {name!r}"
            )
        if where.size and (where.min() < 0 or where.max() >= voxels):
            raise ValueError(
                f"rois must have indices from 0 to {voxels - 1}, got {where.min()} to {where.max()} for {name!r}"
            )
        if np.unique(where).size != where.size:
            raise ValueError(f"rois must have each voxel once in a region, got duplicates in {name!r}")
        found[str(name)] = where.astype(np.intp)
    return found


def check_ceiling(ceiling: Any, voxels: int) -> NDArray[np.float64] | None:
    """(V,) ceilings in r units from what a user gave."""
    if ceiling is None:
        return None
    if isinstance(ceiling, NoiseCeiling):
        found = ceiling.r_ceiling
    else:
        given = np.asarray(ceiling)
        found = noise_ceiling(given).r_ceiling if given.ndim == 3 else given.astype(np.float64)
    if found.shape != (voxels,):
        raise ValueError(
            f"ceiling must have one number a voxel, shape ({voxels},), or be trials of shape (images, repetitions, "
            f"{voxels}), got shape {np.shape(ceiling) or found.shape}"
        )
    if not ((found >= 0) & (found <= 1)).all():
        raise ValueError("ceiling must be correlations in [0, 1] (the square root of a share of explainable variance)")
    return found
