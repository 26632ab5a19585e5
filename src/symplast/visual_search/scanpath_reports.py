"""Scanpaths of one source summed up, and two sources compared trial by trial."""

from typing import Any, NamedTuple

import numpy as np

from symplast.visual_search.scanpaths import amplitudes, cumulative, scanmatch
from symplast.visual_search.trial_files import Scanpaths


class ScanpathReport(NamedTuple):
    """One source.

    Attributes:
        lengths: of all saccades.
        found_by: share of trials in which the target is found by fixation 0, 1, ...; empty where it is not known.
        trials: how many.
    """

    lengths: np.ndarray
    found_by: np.ndarray
    trials: int

    def to_dict(self) -> dict[str, Any]:
        """Summary as plain values."""
        some = bool(self.lengths.size)
        return {
            "trials": self.trials,
            "saccades": int(self.lengths.size),
            "median": float(np.median(self.lengths)) if some else None,
            "mean": float(self.lengths.mean()) if some else None,
            "found": float(self.found_by[-1]) if self.found_by.size else None,
            "found_by": self.found_by.tolist(),
        }


def report_scanpaths(read: Scanpaths, px_to_deg: float = 1.0, first: bool = False) -> ScanpathReport:
    """Lengths of saccades and the share found by each fixation.

    Args:
        read: of one source.
        px_to_deg: degrees per px; 1 for lengths in px.
        first: count the first saccade of each trial too.
    """
    steps = [amplitudes(path[None], [len(path)], px_to_deg, first)[0] for path in read.paths.values()]
    curve = np.zeros(0)
    if read.found_at:
        longest = max(len(path) for path in read.paths.values())
        curve = cumulative(list(read.found_at.values()), longest - 1)[0]
    return ScanpathReport(np.concatenate(steps), curve, len(steps))


def compare_scanpaths(first: Scanpaths, second: Scanpaths, screen: tuple[int, int]) -> dict[str, float]:
    """Similarity of the trials that two sources share, by name.

    Raises:
        ValueError: they share none.
    """
    shared = [name for name in first.paths if name in second.paths]
    if not shared:
        raise ValueError("other must have trials of the same names; none is shared")
    return {name: scanmatch(first.paths[name], second.paths[name], screen) for name in shared}
