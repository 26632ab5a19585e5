"""Stimulus ensembles: how often each stimulus is shown."""

from typing import Any

import numpy as np

from symplast.gain_control.arguments import check_array, check_number
from symplast.gain_control.circle import PERIOD, check_period, difference
from symplast.stats.arguments import check_count

HALFWIDTH = 12.9
"""Degrees on either side of the adapter: 1.5 bins of 180 / 21."""


def uniform(stimuli: int) -> np.ndarray:
    """All stimuli equally often.

    Example:
        >>> uniform(4).tolist()
        [0.25, 0.25, 0.25, 0.25]
    """
    n = check_count(stimuli, "stimuli")
    return np.full(n, 1 / n)


def biased_21(probability: float) -> np.ndarray:
    """The ensemble of the recordings: 21 bins on ``linspace(-90, 90, 21)``, the adapter in the middle.

    The middle bin has half of the adapter's probability, its neighbours a quarter each; the other 18 bins share the
    rest. The first and the last bin are one orientation, so it is shown twice as often as others.

    Args:
        probability: of the adapter, in (0, 1).

    Source:
        figures/neural_data/benucci_carandini.py of the reference code, github.com/lyndond/frame_whitening.

    Example:
        >>> p = biased_21(0.35)
        >>> p[8:13].round(7).tolist(), round(float(p.sum()), 12)
        ([0.0361111, 0.0875, 0.175, 0.0875, 0.0361111], 1.0)
    """
    pa = _share(probability)
    p = np.full(21, (1 - pa) / 18)
    p[9:12] = pa * np.array([0.25, 0.5, 0.25])
    return p


def biased_box(
    stimuli: Any,
    probability: float,
    halfwidth: float = HALFWIDTH,
    adapter: float = 0.0,
    period: float | None = PERIOD,
) -> np.ndarray:
    """A box: the adapter's probability spread evenly over the stimuli near it, the rest over all others.

    Args:
        stimuli: (S,) positions, such as degrees.
        probability: of the box, in (0, 1).
        halfwidth: the box holds the stimuli up to this far from the adapter.
        adapter: its middle.
        period: of the stimuli; None where they don't wrap.

    Raises:
        ValueError: no stimulus inside the box, or none outside.

    Example:
        >>> from symplast.gain_control import grid
        >>> p = biased_box(grid(181), 0.35)
        >>> int((p > p.min()).sum()), round(float(p[78:103].sum()), 12)
        (25, 0.35)
    """
    s = check_array(stimuli, "stimuli", "stimuli")
    pa, half = _share(probability), check_number(halfwidth, "halfwidth")
    inside = np.abs(difference(s, adapter, check_period(period))) <= half
    if not inside.any() or inside.all():
        what = "holds no stimulus" if not inside.any() else "holds all stimuli"
        raise ValueError(
            f"halfwidth={half:g} {what}: choose one that divides the {s.size} stimuli, which lie from {s.min():g} to "
            f"{s.max():g}"
        )
    return np.where(inside, pa / inside.sum(), (1 - pa) / (~inside).sum())


def _share(probability: Any) -> float:
    pa = check_number(probability, "probability")
    if not 0 < pa < 1:
        raise ValueError(f"probability must lie strictly between 0 and 1 (0.35 for 35 %), got {probability:g}")
    return float(pa)
