"""Search asymmetry of a table of trials: slopes, the index with its interval, both F tests, and floors."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symplast.stats import Estimate
from symplast.stats.arguments import check_count
from symplast.visual_search.reaction_times import (
    BASE_MS,
    PER_SACCADE_MS,
    Cells,
    FTest,
    asymmetry_index,
    f_tests,
    floor_of,
    resampled_means,
    rt,
    slopes_of,
)

if TYPE_CHECKING:
    import pandas as pd

CEILING_SHARE = 0.9


@dataclass(frozen=True)
class Asymmetry:
    """The asymmetry of two conditions.

    Attributes:
        harder, easier: names of the conditions.
        ai: the index, in [-1, 1].
        ci: its 95 % interval over trials, each cell resampled on its own.
        slopes: condition -> slope in ms per item, with its interval.
        intercepts: condition -> ms.
        interaction: F test of set x condition.
        nested: F test of whether the condition matters at all.
        floor: which slope is at floor: none, H, L or both.
        n_trials: of both conditions.
        n_not_found: trials scored as set size since the target was not found; None where the table doesn't say.
        last_share: condition -> share of trials in which the target came last of all items; empty without counts.
    """

    harder: str
    easier: str
    ai: float
    ci: tuple[float, float]
    slopes: Mapping[str, Estimate]
    intercepts: Mapping[str, float]
    interaction: FTest
    nested: FTest
    floor: str
    n_trials: int
    n_not_found: int | None
    last_share: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "harder": self.harder, "easier": self.easier, "ai": self.ai, "ci": list(self.ci), "floor": self.floor,
            "slopes": {name: {"value": e.value, "interval": list(e.interval)} for name, e in self.slopes.items()},
            "intercepts": dict(self.intercepts), "n_trials": self.n_trials, "n_not_found": self.n_not_found,
            "last_share": dict(self.last_share),
        } | {
            name: {"F": test.F, "p": test.p, "df": list(test.df), "why": test.why}
            for name, test in (("interaction", self.interaction), ("nested", self.nested))
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trials:
    """Checked trials.

    Attributes:
        condition: (n,) names.
        set_size: (n,) items.
        rt_ms: (n,).
        n_saccades: (n,), or None.
        found: (n,), or None.
    """

    condition: np.ndarray
    set_size: np.ndarray
    rt_ms: np.ndarray
    n_saccades: np.ndarray | None = None
    found: np.ndarray | None = None

    def cells(self, condition: str) -> Cells:
        """One condition, summed up by set size."""
        own = self.condition == condition
        cells = Cells.of_trials(self.set_size[own], self.rt_ms[own])
        single = self.n_saccades is not None and bool((self.n_saccades[own] == 1).all())
        return Cells(cells.set_size, cells.n, cells.mean, cells.within, single)

    def groups(self, condition: str) -> list[np.ndarray]:
        """(k,) reaction times of one condition, by set size."""
        own = self.condition == condition
        sizes = self.set_size[own]
        return [self.rt_ms[own][sizes == size] for size in np.unique(sizes)]


def trials_of(table: "pd.DataFrame | Trials", per_saccade: float = PER_SACCADE_MS, base: float = BASE_MS) -> Trials:
    """Check a table of trials.

    Args:
        table: columns ``condition``, ``set_size`` and ``rt_ms`` or ``n_saccades``, perhaps ``found``; a row a trial.
        per_saccade, base: ms, where there is no ``rt_ms``.

    Raises:
        ValueError: missing columns, NaN, reaction times that are not above 0, set sizes or counts below 1; names the
            column and the row.
    """
    if isinstance(table, Trials):
        return table
    names = set(table.columns)
    if lacking := {"condition", "set_size"} - names:
        raise ValueError(
            f"the table must have columns condition, set_size and rt_ms or n_saccades; {sorted(lacking)} missing"
        )
    if not names & {"rt_ms", "n_saccades"}:
        raise ValueError("the table must have a column rt_ms or n_saccades")
    condition = np.array([str(name).strip() for name in table["condition"]], dtype=object)
    if "" in condition or "nan" in condition:
        row = int(np.flatnonzero((condition == "") | (condition == "nan"))[0])
        raise ValueError(f"column condition must name one in every row; row {row + 1} has none")
    sizes = _numbers(table, "set_size", 1, whole=True).astype(int)
    counts = _numbers(table, "n_saccades", 0, whole=True) if "n_saccades" in names else None
    if "rt_ms" in names:
        times = _numbers(table, "rt_ms", None)
    else:
        assert counts is not None
        times = rt(counts, per_saccade, base)
    found = None
    if "found" in names:
        found = np.array([str(value).strip().lower() in ("1", "true", "1.0", "yes") for value in table["found"]])
    return Trials(condition, sizes, times, counts, found)


def _numbers(table: "pd.DataFrame", name: str, least: float | None, whole: bool = False) -> np.ndarray:
    import pandas as pd

    values = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float)
    bad = ~np.isfinite(values) | (values <= 0 if least is None else values < least)
    if whole:
        bad |= values != np.round(values)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        rule = "above 0" if least is None else f"{'a whole number of ' if whole else ''}at least {least:g}"
        raise ValueError(f"column {name} must be {rule} in every row; row {row + 1} has {table[name].iloc[row]}")
    return values


def slopes(table: "pd.DataFrame | Trials") -> dict[str, float]:
    """Slope of each condition, ms per item.

    Args:
        table: as :func:`trials_of`.

    Raises:
        ValueError: as :func:`trials_of`, or fewer than two set sizes.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"condition": "a", "set_size": [8, 16, 32], "rt_ms": [565, 640, 750]})
        >>> round(slopes(table)["a"], 6)
        7.589286
    """
    trials = trials_of(table)
    found = {}
    for name in dict.fromkeys(trials.condition):
        cells = trials.cells(name)
        _check_sizes(cells, name)
        found[str(name)] = cells.slope
    return found


def _check_sizes(cells: Cells, name: str) -> None:
    if cells.set_size.size < 2:
        raise ValueError(f"condition {name} must have at least two set sizes, got {cells.set_size.tolist()}")


def asymmetry(
    table: "pd.DataFrame | Trials",
    harder: str,
    easier: str,
    boot: int = 2000,
    seed: int = 0,
    per_saccade: float = PER_SACCADE_MS,
    base: float = BASE_MS,
) -> Asymmetry:
    """Slopes, index, interval and tests of two conditions.

    Args:
        table: columns ``condition``, ``set_size`` and ``rt_ms`` or ``n_saccades``, perhaps ``found``; a row a trial.
        harder: the condition with the larger slope in people.
        easier: the other one.
        boot: resamples of trials within condition and set size.
        seed: of the resampling.
        per_saccade, base: ms, where there is no ``rt_ms``.

    Returns:
        The result; a warning where a slope is at floor, or where a target came last in more than 90 % of the trials.

    Raises:
        ValueError: as :func:`trials_of`; unknown or equal conditions, fewer than two set sizes, or different ones.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"condition": ["H"] * 4 + ["L"] * 4, "set_size": [1, 1, 6, 6] * 2,
        ...                       "n_saccades": [1, 1, 4, 5, 1, 1, 2, 3]})
        >>> found = asymmetry(table, "H", "L")
        >>> round(found.ai, 3), found.floor
        (0.4, 'none')
    """
    trials = trials_of(table, per_saccade, base)
    known = sorted(set(trials.condition))
    for given, name in ((harder, "harder"), (easier, "easier")):
        if given not in known:
            raise ValueError(f"{name} must be a condition of the table ({', '.join(known)}), got {given!r}")
    if harder == easier:
        raise ValueError(f"harder and easier must be two conditions, got {harder!r} twice")
    check_count(boot, "boot", 100)
    first, second = trials.cells(harder), trials.cells(easier)
    for cells, name in ((first, harder), (second, easier)):
        _check_sizes(cells, name)
    if first.set_size.tolist() != second.set_size.tolist():
        raise ValueError(
            f"both conditions must have the same set sizes, got {first.set_size.tolist()} in {harder} and "
            f"{second.set_size.tolist()} in {easier}"
        )
    draw = np.random.default_rng(check_count(seed, "seed", 0))
    resampled = [
        slopes_of(resampled_means(trials.groups(name), boot, draw), cells.set_size)
        for name, cells in ((harder, first), (easier, second))
    ]
    low, high = _ends(asymmetry_index(*resampled))
    estimates = {
        name: Estimate(cells.slope, *_ends(own), 0.95, int(cells.n.sum()), "percentile bootstrap over trials")
        for name, cells, own in ((harder, first, resampled[0]), (easier, second, resampled[1]))
    }
    floor = floor_of(first, second)
    if floor != "none":
        which = {"H": harder, "L": easier, "both": f"{harder} and {easier}"}[floor]
        warnings.warn(f"slope at floor in {which}: the index says nothing of the size of the difference", stacklevel=2)
    last: dict[str, float] = {}
    if trials.n_saccades is not None:
        several = trials.set_size > 1
        for name in (harder, easier):
            own = (trials.condition == name) & several
            last[name] = float((trials.n_saccades[own] >= trials.set_size[own]).mean()) if own.any() else 0.0
            if last[name] > CEILING_SHARE:
                warnings.warn(
                    f"in {100 * last[name]:.0f} % of the trials of {name} the target came last: every distractor "
                    f"beats it, a "
                    "ceiling rather than difficulty",
                    stacklevel=2,
                )
    both = np.isin(trials.condition, [harder, easier])
    missed = None if trials.found is None else int((~trials.found[both]).sum())
    index = 0.0 if floor == "both" else float(asymmetry_index(first.slope, second.slope))
    return Asymmetry(
        harder, easier, index, (low, high), estimates, {harder: first.intercept, easier: second.intercept},
        *f_tests(first, second), floor, int(both.sum()), missed, last,
    )  # fmt: skip


def _ends(values: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
