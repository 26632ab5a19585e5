"""Scores of scanpaths: found by when, lengths of saccades, distance to the target, similarity of two paths."""

from typing import Any

import numpy as np

from symplast.stats.arguments import check_count, plain

PX_TO_DEG = 5 / 156
"""Of the natural-scene sets."""


def cumulative(found_at: Any, n_max: int) -> tuple[np.ndarray, np.ndarray]:
    """Probability that the target is found within k fixations, k = 0 .. n_max, with its standard error over trials.

    Args:
        found_at: (trials,) index of the fixation that found it, the first listed one is 0; -1: not found.
        n_max: largest k.

    Raises:
        ValueError: no trials, or indices that are not whole.

    Example:
        >>> share, error = cumulative([0, 2, -1, 1], 2)
        >>> share.tolist()
        [0.25, 0.5, 0.75]
    """
    at = np.asarray(plain(found_at, "found_at"))
    if at.ndim != 1 or not at.size or at.dtype.kind not in "iu":
        raise ValueError(f"found_at must be whole numbers, one a trial, got shape {at.shape} of type {at.dtype}")
    k = np.arange(check_count(n_max, "n_max", 0) + 1)
    found = (at[:, None] >= 0) & (at[:, None] <= k)
    share = found.mean(axis=0)
    return share, np.sqrt(share * (1 - share) / at.size)


def _paths(fixations: Any, n: Any) -> tuple[np.ndarray, np.ndarray]:
    fix, count = np.asarray(plain(fixations, "fixations"), float), np.asarray(plain(n, "n"))
    if fix.ndim != 3 or fix.shape[2] != 2:
        raise ValueError(f"fixations must be (trials, most, 2), got shape {fix.shape}")
    if (
        count.shape != fix.shape[:1]
        or count.dtype.kind not in "iu"
        or (count < 0).any()
        or (count > fix.shape[1]).any()
    ):
        raise ValueError(f"n must be whole numbers of valid fixations, one a trial, at most {fix.shape[1]}")
    if not np.isfinite(fix[np.arange(fix.shape[1]) < count[:, None]]).all():
        raise ValueError("fixations must be finite where they are valid")
    return fix, count


def amplitudes(fixations: Any, n: Any, px_to_deg: float = PX_TO_DEG, first: bool = False) -> list[np.ndarray]:
    """Lengths of saccades in degrees, an array a trial; rows after the first ``n`` fixations are ignored.

    Args:
        fixations: (trials, most, 2) px.
        n: (trials,) valid fixations.
        px_to_deg: degrees per px.
        first: count the first saccade, which starts where the trial starts.

    Raises:
        ValueError: other shapes, or NaN among the valid ones.

    Example:
        >>> [a.tolist() for a in amplitudes([[[0, 0], [3, 4], [3, 4], [0, 0]]], [3], 1.0, first=True)]
        [[5.0, 0.0]]
    """
    fix, count = _paths(fixations, n)
    steps = np.sqrt((np.diff(fix, axis=1) ** 2).sum(-1)) * px_to_deg
    return [row[(0 if first else 1) : max(k - 1, 0)] for row, k in zip(steps, count, strict=True)]


def distance_to_target(fixations: Any, n: Any, target: Any, last: int = 6, px_to_deg: float = PX_TO_DEG) -> np.ndarray:
    """(trials, last) distance of the last, second last, ... fixation to the target in degrees; NaN where there is none.

    Args:
        fixations: (trials, most, 2) px.
        n: (trials,) valid fixations.
        target: (trials, 2) px.
        last: how many.
        px_to_deg: degrees per px.

    Raises:
        ValueError: other shapes.

    Example:
        >>> distance_to_target([[[0, 0], [3, 4]]], [2], [[3, 4]], 2, 1.0).tolist()
        [[0.0, 5.0]]
    """
    fix, count = _paths(fixations, n)
    place = np.asarray(plain(target, "target"), float)
    if place.shape != (len(fix), 2):
        raise ValueError(f"target must be ({len(fix)}, 2), got shape {place.shape}")
    back = count[:, None] - 1 - np.arange(check_count(last, "last"))
    away = np.sqrt(((fix - place[:, None]) ** 2).sum(-1)) * px_to_deg
    return np.where(back >= 0, np.take_along_axis(away, np.clip(back, 0, None), axis=1), np.nan)


def scanmatch(
    first: Any, second: Any, screen: tuple[int, int], bins: tuple[int, int] = (8, 12), reach: float = 3.5
) -> float:
    """Similarity of two scanpaths: strings of bins, aligned by Needleman and Wunsch without a price for gaps; 0 to 1.

    A pair of fixations scores ``reach`` minus the distance of their bins (in bins), negative when farther apart; the
    sum
    is divided by ``reach`` times the longer length. The method of ScanMatch (Cristino et al. 2010) with own settings:
    compare ranks, not numbers, with published scores.

    Args:
        first, second: (n, 2) rows and columns in px; places off the screen belong to the nearest bin.
        screen: height and width in px.
        bins: along height and width.
        reach: distance in bins at which a pair scores 0.

    Raises:
        ValueError: other shapes, empty paths, or sizes that are not above 0.

    Example:
        >>> scanmatch([[0, 0], [50, 90]], [[0, 0], [50, 90]], (100, 100))
        1.0
    """
    for values, name in ((screen, "screen"), (bins, "bins")):
        if len(values) != 2 or min(values) <= 0:
            raise ValueError(f"{name} must be two numbers above 0, got {values}")
    if not reach > 0:
        raise ValueError(f"reach must be above 0, got {reach}")
    strings = []
    for path, name in ((first, "first"), (second, "second")):
        fix = np.asarray(plain(path, name), float)
        if fix.ndim != 2 or fix.shape[1] != 2 or not len(fix) or not np.isfinite(fix).all():
            raise ValueError(f"{name} must be (n, 2) finite rows and columns, at least one, got shape {fix.shape}")
        cell = np.floor(fix * np.asarray(bins) / np.asarray(screen))
        strings.append(np.clip(cell, 0, np.asarray(bins) - 1))
    a, b = strings
    pair = reach - np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))
    best = np.zeros((len(a) + 1, len(b) + 1))
    for i in range(1, len(a) + 1):
        diagonal = best[i - 1, :-1] + pair[i - 1]
        best[i, 1:] = np.maximum.accumulate(np.maximum(diagonal, best[i - 1, 1:]))
    return max(float(best[-1, -1]), 0.0) / (reach * max(len(a), len(b)))
