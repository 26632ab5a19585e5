"""Saccades to reaction times, slopes of reaction time on set size, and the tests of two conditions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import fdtrc

from symplast.stats.arguments import check_pairs, check_sample

PER_SACCADE_MS, BASE_MS = 252.359, 376.271
FLAT = 1e-9
"""Slopes below it are rounding of 0, ms per item."""

FLOOR_MS = 1.0
"""A slope below it is at floor, ms per item."""


def rt(n_saccades: Any, per_saccade: float = PER_SACCADE_MS, base: float = BASE_MS) -> np.ndarray:
    """Reaction time in ms, ``per_saccade n + base``; the constants are a fit to people, the same in all experiments.

    Raises:
        ValueError: saccade counts below 0, or not finite.

    Example:
        >>> float(rt(1))
        628.63
    """
    counts = np.asarray(n_saccades, float)
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError("n_saccades must be finite and at least 0")
    return np.asarray(counts * per_saccade + base)


class RTFit(NamedTuple):
    """Least squares of reaction time on saccades.

    Attributes:
        per_saccade: ms.
        base: ms.
        r2: share of the variance explained.
    """

    per_saccade: float
    base: float
    r2: float


def fit_rt(n_saccades: Any, rt_ms: Any) -> RTFit:
    """The constants of :func:`rt` from people who did both.

    Args:
        n_saccades: (n,) of trials or means.
        rt_ms: (n,) in ms.

    Raises:
        ValueError: fewer than 3 pairs, NaN, or saccade counts that are all the same.

    Example:
        >>> fit_rt([1, 2, 3], [630, 880, 1130]).per_saccade
        250.0
    """
    x, y = check_sample(n_saccades, "n_saccades", 3), check_sample(rt_ms, "rt_ms", 3)
    check_pairs(x, y)
    if (x == x[0]).all():
        raise ValueError("n_saccades must not be all the same: there is no slope to fit")
    slope, base = (float(v) for v in np.polyfit(x, y, 1))
    spread = float(((y - y.mean()) ** 2).sum())
    r2 = 1.0 if spread == 0 else 1 - float(((y - slope * x - base) ** 2).sum()) / spread
    return RTFit(round(slope, 12), round(base, 12), r2)


@dataclass(frozen=True, eq=False)
class Cells:
    """Reaction times of one condition, summed up by set size: all that slopes and F tests need.

    Attributes:
        set_size: (k,) increasing.
        n: (k,) trials.
        mean: (k,) ms.
        within: (k,) sum of squared deviations from the mean, ms^2.
        ones: whether every trial took a single saccade (or the least time that was given).
    """

    set_size: np.ndarray
    n: np.ndarray
    mean: np.ndarray
    within: np.ndarray
    ones: bool = False

    @classmethod
    def of_trials(cls, set_size: Any, rt_ms: Any) -> "Cells":
        """Sum up trials.

        Example:
            >>> cells = Cells.of_trials([1, 1, 6], [600.0, 700.0, 800.0])
            >>> cells.mean.tolist(), cells.within.tolist()
            ([650.0, 800.0], [5000.0, 0.0])
        """
        sizes, values = np.asarray(set_size), np.asarray(rt_ms, float)
        known = np.unique(sizes)
        groups = [values[sizes == size] for size in known]
        return cls(
            known,
            np.array([g.size for g in groups]),
            np.array([g.mean() for g in groups]),
            np.array([((g - g.mean()) ** 2).sum() for g in groups]),
        )

    @property
    def slope(self) -> float:
        """Least squares of the means on set size, each mean counting alike; ms per item."""
        return float(slopes_of(self.mean, self.set_size))

    @property
    def intercept(self) -> float:
        """Of that line, ms."""
        return float(self.mean.mean() - self.slope * self.set_size.mean())

    @property
    def standard_errors(self) -> np.ndarray:
        """(k,) of the means, with the population's standard deviation, as the bootstrap has it; ms."""
        return np.sqrt(self.within) / self.n


def slopes_of(means: np.ndarray, set_size: np.ndarray) -> np.ndarray:
    """Slopes of means (..., k) on set sizes (k,); rounding of 0 becomes 0."""
    x = np.asarray(set_size, float) - np.mean(set_size)
    slope = np.asarray(means) @ x / (x @ x)
    return np.asarray(np.where(np.abs(slope) < FLAT, 0.0, slope))


class FTest(NamedTuple):
    """An F test of nested linear models.

    Attributes:
        F: its value; NaN where the residual variance is 0.
        p: of a larger one.
        df: degrees of freedom.
        why: why there is none; empty where there is one.
    """

    F: float
    p: float
    df: tuple[int, int]
    why: str = ""


def f_tests(first: Cells, second: Cells) -> tuple[FTest, FTest]:
    """Tests on single trials: of the interaction set x condition, and of the condition at all.

    The interaction compares ``RT ~ set + cond + set:cond`` with ``RT ~ set + cond`` (F(1, N - 4)); the second compares
    it with ``RT ~ set`` (F(2, N - 4)).

    Args:
        first, second: the two conditions.
    """
    pooled = Cells(
        np.concatenate([first.set_size, second.set_size]),
        np.concatenate([first.n, second.n]),
        np.concatenate([first.mean, second.mean]),
        np.concatenate([first.within, second.within]),
    )
    x, group = pooled.set_size.astype(float), np.repeat([0.0, 1.0], [first.n.size, second.n.size])
    ones = np.ones_like(x)
    full = _residual(pooled, np.stack([ones, x, group, x * group], axis=1))
    parallel = _residual(pooled, np.stack([ones, x, group], axis=1))
    one = _residual(pooled, np.stack([ones, x], axis=1))
    free = int(pooled.n.sum()) - 4
    return _f_test(parallel, full, 1, free), _f_test(one, full, 2, free)


def _residual(cells: Cells, design: np.ndarray) -> float:
    """Residual sum of squares over trials: within cells, and of the cells' means."""
    root = np.sqrt(cells.n)
    weighted, y = design * root[:, None], cells.mean * root
    coefficients = np.linalg.lstsq(weighted, y, rcond=None)[0]
    return float(((y - weighted @ coefficients) ** 2).sum() + cells.within.sum())


def _f_test(reduced: float, full: float, more: int, free: int) -> FTest:
    if free < 1:
        return FTest(float("nan"), float("nan"), (more, free), "too few trials")
    if full <= 1e-12 * max(reduced, 1.0):
        return FTest(float("nan"), float("nan"), (more, free), "no residual variance: all trials lie on the lines")
    F = max(reduced - full, 0.0) / more / (full / free)
    return FTest(F, float(fdtrc(more, free, F)), (more, free))


def asymmetry_index(harder: Any, easier: Any) -> np.ndarray:
    """``(max(0, s_H) - max(0, s_L)) / (max(0, s_H) + max(0, s_L))``, 0 where both are 0; in [-1, 1].

    Above 0: the condition that is harder for people is harder here too. It saturates at 1 as soon as one slope is at
    floor, however small the other: never read it without the slopes.

    Args:
        harder, easier: slopes in ms per item.

    Example:
        >>> round(float(asymmetry_index(96, 45)), 6), float(asymmetry_index(-3, 5))
        (0.361702, -1.0)
    """
    high, low = (np.where(np.asarray(s, float) < FLAT, 0.0, s) for s in (harder, easier))
    total = high + low
    return np.asarray(np.where(total > 0, (high - low) / np.where(total > 0, total, 1.0), 0.0))


def floor_of(harder: Cells, easier: Cells) -> str:
    """Which condition's slope is at floor (below 1 ms per item, or every saccade count 1): none, H, L or both."""
    flat = [cells.slope < FLOOR_MS or cells.ones for cells in (harder, easier)]
    return {(False, False): "none", (True, False): "H", (False, True): "L", (True, True): "both"}[tuple(flat)]  # type: ignore[index]


def resampled_means(values: Sequence[np.ndarray], draws: int, generator: np.random.Generator) -> np.ndarray:
    """(draws, k) means of cells of trials, each cell resampled on its own."""
    return np.stack([g[generator.integers(g.size, size=(draws, g.size))].mean(axis=1) for g in values], axis=1)
