"""Do counted frequencies agree with the theory? One test for our samples and for printed ones."""

from typing import Any

import numpy as np
import xarray as xr

from symplast import stats
from symplast.on_use import poisson

FALSE_ALARM = 0.001
"""Chance that a whole table of simulated points is called different from the theory although it is not."""


def compare_frequencies(
    k: np.ndarray, trials: int, exact: np.ndarray, tests: int, dims: tuple[str, ...]
) -> dict[str, Any]:
    """Frequencies with Clopper-Pearson limits that share one false alarm, and whether each agrees with the theory."""
    level = 1 - FALSE_ALARM / tests
    low, high = stats.proportion_interval(k, trials, level=level)
    inside = agrees(k, trials, exact, low, high)
    verdict = xr.DataArray(inside, dims=dims, attrs={"n": trials, "level": level})
    return {
        "exact": (dims, exact),
        "frequency": (dims, k / trials),
        "frequency_low": (dims, low),
        "frequency_high": (dims, high),
        "z": (dims, _deviation(k, trials, exact)),
        # the decision of a test: sampling error is in the limits above, so its own interval has no width
        "inside": verdict,
        "inside_low": (dims, inside),
        "inside_high": (dims, inside),
    }


def compare_published(
    frequency: Any, trials: int, exact: np.ndarray, tests: int, dims: tuple[str, ...]
) -> dict[str, Any]:
    """The same for printed frequencies, under names that begin with ``published_``."""
    k = np.rint(np.asarray(frequency) * trials).astype(np.int64)
    found = compare_frequencies(k, trials, exact, tests, dims)
    found["frequency"] = (dims, frequency)  # as printed, not rounded to whole counts
    return {f"published_{name}": value for name, value in found.items() if name != "exact"}


def agrees(k: np.ndarray, trials: int, exact: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The interval contains the theory; where fewer than 3 events are expected, there are not too many of them."""
    rare = trials * exact < 3
    return np.where(rare, k <= poisson.ppf(0.999, trials * exact), (low <= exact) & (exact <= high))


def _deviation(k: np.ndarray, trials: int, exact: np.ndarray) -> np.ndarray:
    spread = np.sqrt(trials * exact * (1 - exact))
    return np.divide(k - trials * exact, spread, out=np.zeros(exact.shape), where=spread > 0)
