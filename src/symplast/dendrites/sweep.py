"""False-positive probability over the outer product of segment parameters, and the thresholds that keep it low."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symplast.dendrites.arguments import Count, CountLike, check_at_most, check_count, check_probability, lost_cells
from symplast.dendrites.overlap import tail_table
from symplast.lab.whole_files import write_whole
from symplast.on_use import xarray as xr

if TYPE_CHECKING:
    import pandas as pd


LARGEST_SWEEP = 2e8
"""Most table entries of one sweep: a few gigabytes."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """Log-probabilities over labelled axes.

    Attributes:
        log_fp: float64 DataArray, ``ln P_FP``, with dimensions n, a (or activity), s, theta. With ``activity`` the
            coordinate ``a`` holds the active cells of each (n, activity).
    """

    log_fp: xr.DataArray

    @property
    def fp(self) -> xr.DataArray:
        """``P_FP``, same labels."""
        return self.log_fp.copy(data=np.exp(self.log_fp.values)).rename("fp")

    def median(self, over: str | list[str]) -> xr.DataArray:
        """Median of P_FP over dimensions, taken in log space so that it does not underflow.

        Args:
            over: dimension(s) to reduce.

        Returns:
            float64 DataArray of probabilities.

        Raises:
            ValueError: a dimension that the sweep does not have.
        """
        gone = [over] if isinstance(over, str) else list(over)
        if missing := sorted(set(gone) - set(map(str, self.log_fp.dims))):
            raise ValueError(f"over must name dimensions of the sweep, {self.log_fp.dims}; got {missing}")
        return xr.apply_ufunc(
            _median_of_logs, self.log_fp.stack(point=gone), input_core_dims=[["point"]], keep_attrs=False
        ).rename("median_fp")

    def table(self) -> "pd.DataFrame":  # noqa: UP037
        """One row for each combination: n, a, s, theta, fp, log10_fp."""
        frame = self.log_fp.rename("log_fp").to_dataframe().reset_index()
        frame["fp"] = np.exp(frame["log_fp"])
        frame["log10_fp"] = frame.pop("log_fp") / np.log(10)
        first = [name for name in ("n", "activity", "a", "s", "theta") if name in frame]
        return frame[[*first, "fp", "log10_fp"]]

    def to_csv(self, path: str | Path | None = None) -> str | None:
        """Write :meth:`table` as CSV; without a path, return it as text."""
        text = self.table().to_csv(index=False)
        if path is None:
            return text
        write_whole(path, text)
        return None


def sweep(
    *,
    n: CountLike,
    s: CountLike,
    a: CountLike | None = None,
    activity: list | tuple | np.ndarray | float | None = None,
    theta: CountLike | None = None,
) -> Sweep:
    """False-positive probability for every combination of the given values.

    One compiled call computes all thresholds of each (n, a, s) at once.

    Args:
        n: numbers of cells.
        s: numbers of synapses.
        a: numbers of active cells; every one must be at most the smallest n.
        activity: shares of active cells in [0, 1] instead of ``a``: ``a = round(activity * n)``, halves to even.
        theta: thresholds; all from 1 to the largest s when left out.

    Returns:
        The :class:`Sweep`.

    Raises:
        ValueError: wrong counts, not exactly one of ``a`` and ``activity``, or a sweep that would not fit in memory.

    Example:
        >>> grid = sweep(n=[1000, 2000], activity=[0.02], s=[20, 30], theta=range(8, 13))
        >>> dict(grid.fp.sizes)
        {'n': 2, 'activity': 1, 's': 2, 'theta': 5}
        >>> print(f"{grid.fp.sel(n=2000, s=20, theta=10).item():.4g}")
        4.944e-13
    """
    cells = np.atleast_1d(check_count(n, "n", least=1))
    synapses = np.atleast_1d(check_count(s, "s"))
    if theta is None:
        theta = range(1, int(synapses.max(initial=1)) + 1)
    thresholds = np.atleast_1d(check_count(theta, "theta", least=None))
    if (a is None) == (activity is None):
        raise ValueError("give exactly one of a (counts of active cells) and activity (shares of n)")
    second: tuple[str, np.ndarray]
    active: Count
    if activity is None:
        counts = np.atleast_1d(check_count(a, "a"))
        second, active = ("a", counts), np.broadcast_to(counts, (cells.size, counts.size))
    else:
        shares = np.array([check_probability(q, "activity", closed=True) for q in np.ravel(activity)])
        active = np.array([[lost_cells(q, int(cell)) for q in shares] for cell in cells])
        second = ("activity", shares)
    for name, axis in (("n", cells), (*second,), ("s", synapses), ("theta", thresholds)):
        if axis.ndim != 1 or axis.size == 0:
            raise ValueError(f"{name} must hold at least one value in one dimension, got shape {axis.shape}")
    check_at_most(active, "a", cells[:, None], "n", "active cells are among the n cells")
    check_at_most(synapses, "s", cells[:, None], "n", "each synapse has its own cell")
    entries = active.size * synapses.size * (int(np.minimum(synapses.max(), active.max())) + thresholds.size)
    if entries > LARGEST_SWEEP:
        raise ValueError(f"the sweep needs {entries:.1e} table entries, more than {LARGEST_SWEEP:.0e}; split it over n")
    table = tail_table(cells[:, None, None], active[:, :, None], synapses)
    log_fp = xr.DataArray(
        table[..., np.clip(thresholds, 0, table.shape[-1] - 1)],
        dims=("n", second[0], "s", "theta"),
        coords={"n": cells, second[0]: second[1], "s": synapses, "theta": thresholds},
        name="log_fp",
    )
    return Sweep(log_fp if activity is None else log_fp.assign_coords(a=(("n", "activity"), active)))


@dataclass(frozen=True, eq=False)
class ThresholdRange:
    """Which thresholds keep the error low on a grid.

    Attributes:
        theta_low: lowest threshold whose median error meets the budget, None when none does.
        median: float64[theta], median error over the grid.
        fraction: float64[theta], share of the grid that meets the budget.
    """

    theta_low: int | None
    median: xr.DataArray
    fraction: xr.DataArray


def threshold_range(grid: Sweep, fp_max: float) -> ThresholdRange:
    """The lowest threshold with a median error of at most ``fp_max`` over a grid of segments.

    Args:
        grid: a :func:`sweep`.
        fp_max: error budget, in (0, 1).

    Returns:
        The :class:`ThresholdRange`.

    Raises:
        ValueError: fp_max outside (0, 1).

    Example:
        >>> grid = sweep(n=range(10_000, 190_001, 20_000), activity=[0.01, 0.02], s=[20, 30], theta=range(3, 25))
        >>> threshold_range(grid, 1e-9).theta_low
        9

    Source:
        Fig. 6, arXiv:1601.00720.
    """
    limit = check_probability(fp_max, "fp_max")
    others = [str(name) for name in grid.log_fp.dims if name != "theta"]
    median = grid.median(over=others).sortby("theta")
    fraction = (grid.log_fp <= np.log(limit)).mean(dim=others).sortby("theta").rename("fraction")
    good = median.theta.values[median.values <= limit]
    return ThresholdRange(int(good[0]) if good.size else None, median, fraction)


def _median_of_logs(logs: np.ndarray) -> np.ndarray:
    ordered, size = np.sort(logs, axis=-1), logs.shape[-1]
    low, high = ordered[..., (size - 1) // 2], ordered[..., size // 2]
    return np.exp(np.logaddexp(low, high) - np.log(2))
