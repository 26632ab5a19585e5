"""Which segment to build: the synapses and threshold that meet an error budget, with an exact certificate."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from symplast.dendrites.arguments import (
    Number,
    as_decimal,
    check_at_most,
    check_probability,
    check_single,
    log_or_minus_inf,
    lost_cells,
)
from symplast.dendrites.exact import check_noise, fn_exact, fp_exact
from symplast.dendrites.overlap import CHUNK, tail_table

if TYPE_CHECKING:
    import pandas as pd

Objective = Literal["min_s", "min_theta", "max_patterns"]
Per = Literal["population", "segment"]
TIE = 1e-9
"""Relative distance to a budget below which the decision is made in exact arithmetic."""
PARETO_SIZES = 32


@dataclass(frozen=True)
class Budget:
    """What a segment must achieve.

    Attributes:
        n, a, v: cells, active cells, active cells lost to noise.
        patterns: stored patterns that share the false-positive budget.
        fp_max: budget of the expected number of false positives over the patterns, ``patterns * P_FP``.
        fn_max: budget of one segment's false negatives.
    """

    n: int
    a: int
    v: int
    patterns: int
    fp_max: float
    fn_max: float

    def fp(self, s: int, theta: int) -> Fraction:
        """``patterns * P_FP``, exact."""
        return self.patterns * fp_exact(self.n, self.a, s, theta)

    def fn(self, s: int, theta: int) -> Fraction:
        """``P_FN``, exact."""
        return fn_exact(self.a, s, theta, self.v)


class Certificate(NamedTuple):
    """Both errors as exact rationals, and whether they meet the budgets as typed."""

    fp: Fraction
    fn: Fraction
    holds: bool


class Slack(NamedTuple):
    """Budget over what is reached: 10 means ten times better than asked."""

    fp: float
    fn: float


@dataclass(frozen=True, eq=False)
class DesignResult:
    """A segment that meets the budgets.

    Attributes:
        s: synapses.
        theta: threshold.
        fp: false positives of all patterns, ``patterns * P_FP`` (of one segment with ``per="segment"``).
        fn: false-negative probability of one segment.
        v: active cells lost to noise.
        patterns: number of patterns that the budget covers.
        slack: budgets over what is reached.
        certificate: both errors in exact arithmetic.
        pareto: feasible designs that no other of them beats in s, fp and fn; one row each.
    """

    s: int
    theta: int
    fp: float
    fn: float
    v: int
    patterns: int
    slack: Slack
    certificate: Certificate
    pareto: "pd.DataFrame"


class Reachable(NamedTuple):
    """A design that misses a budget."""

    s: int
    theta: int
    fp: float
    fn: float


class InfeasibleDesign(ValueError):  # noqa: N818 - the name says what happened
    """No segment meets both budgets.

    Attributes:
        best: the design whose worse violation is smallest.
        best_fp: lowest false positives with the false-negative budget met, None when no design meets it.
        best_fn: lowest false negatives with the false-positive budget met, None when no design meets it.
    """

    def __init__(
        self, budget: Budget, limit: int, best: Reachable, best_fp: Reachable | None, best_fn: Reachable | None
    ):
        self.best, self.best_fp, self.best_fn = best, best_fp, best_fn
        super().__init__(
            f"no segment of up to {limit} synapses meets fp_max={budget.fp_max:g} and fn_max={budget.fn_max:g}; "
            f"closest is s={best.s}, theta={best.theta} with fp={best.fp:.3g}, fn={best.fn:.3g}: "
            "allow more synapses, less noise, fewer patterns, or use sparser patterns (more cells)"
        )


def design(
    n: Number,
    a: Number,
    patterns: Number | None = None,
    *,
    fp_max: float,
    fn_max: float,
    noise: Number | None = None,
    v: Number | None = None,
    per: Per | str = "population",
    objective: Objective | str = "min_s",
    max_synapses: Number | None = None,
) -> DesignResult:
    """Choose synapses and threshold for a number of patterns, a noise level and two error budgets.

    Args:
        n: potential presynaptic cells.
        a: active cells of a pattern.
        patterns: stored patterns, each on its own segment; not given for ``objective="max_patterns"``.
        fp_max: false-positive budget in (0, 1), held against ``patterns * P_FP`` (an upper bound of the chance that
            any segment fires for a random pattern), or against ``P_FP`` with ``per="segment"``.
        fn_max: false-negative budget of one segment, in (0, 1).
        noise: share of the active cells that is lost, in [0, 1]: ``v = round(noise * a)``; 1 and 1.0 are all of them.
        v: active cells lost, a count, instead of ``noise``.
        per: ``population`` or ``segment``.
        objective: ``min_s`` (fewest synapses; of the thresholds that do, the largest), ``min_theta`` (lowest
            threshold; of the sizes that do, the smallest) or ``max_patterns`` (most patterns within the budgets).
        max_synapses: largest segment to consider, ``a`` when left out.

    Returns:
        The :class:`DesignResult`. Choices closer to a budget than 1 in 10^9 are decided in exact arithmetic.

    Raises:
        InfeasibleDesign: nothing meets both budgets; its attributes say how close one gets.
        ValueError: wrong counts or probabilities.

    Example:
        >>> choice = design(n=20_000, a=400, patterns=1e6, fp_max=1e-6, noise=0.3, fn_max=1e-6)
        >>> choice.s, choice.theta, choice.v, choice.certificate.holds
        (37, 13, 120, True)
        >>> print(f"{choice.fp:.4g} {choice.fn:.4g}")
        1.557e-07 7.698e-07
    """
    budget, limit = _checked(n, a, patterns, fp_max, (noise, v), fn_max, per, objective, max_synapses)
    found, smallest = _search(budget, limit, objective)
    if found is None:
        raise InfeasibleDesign(budget, limit, *_closest(budget, limit))
    s, theta = found
    if objective == "max_patterns":
        most = as_decimal(budget.fp_max) / fp_exact(budget.n, budget.a, s, theta)
        budget = Budget(budget.n, budget.a, budget.v, int(most), budget.fp_max, budget.fn_max)
    fp, fn = budget.fp(s, theta), budget.fn(s, theta)
    holds = fp <= as_decimal(budget.fp_max) and fn <= as_decimal(budget.fn_max)
    slack = Slack(float(as_decimal(budget.fp_max) / fp), float(as_decimal(budget.fn_max) / fn) if fn else np.inf)
    table = _pareto(budget, smallest, min(limit, smallest + PARETO_SIZES - 1))
    total = budget.patterns if per == "population" else int(check_single(patterns or 1, "patterns", least=1))
    return DesignResult(s, theta, float(fp), float(fn), budget.v, total, slack, Certificate(fp, fn, holds), table)


def _checked(n, a, patterns, fp_max, lost, fn_max, per, objective, max_synapses) -> tuple[Budget, int]:
    cells, active = check_single(n, "n", least=1), check_single(a, "a", least=1)
    check_at_most(active, "a", cells, "n", "active cells are among the n cells")
    if per not in ("population", "segment"):
        raise ValueError(f"per must be 'population' or 'segment', got {per!r}")
    if objective not in ("min_s", "min_theta", "max_patterns"):
        raise ValueError(f"objective must be 'min_s', 'min_theta' or 'max_patterns', got {objective!r}")
    if objective == "max_patterns" and (patterns is not None or per == "segment"):
        raise ValueError(
            "objective='max_patterns' finds the number of patterns: leave out patterns, keep per='population'"
        )
    if objective != "max_patterns" and patterns is None and per == "population":
        raise ValueError("patterns must be given: the false-positive budget is held against all of them together")
    stored = 1 if patterns is None else check_single(patterns, "patterns", least=1)
    noise, v = lost
    if (noise is None) == (v is None):
        raise ValueError("give either v (a count of lost cells) or noise (a share of the active cells)")
    if noise is not None and not 0 <= noise <= 1:
        raise ValueError(f"noise must be a share of the active cells in [0, 1], got {noise}; give a count as v")
    v = check_single(lost_cells(float(noise), active), "noise") if v is None else check_single(v, "v")
    check_noise(v, active, cells, "replace")
    limit = active if max_synapses is None else check_single(max_synapses, "max_synapses", least=1)
    check_at_most(limit, "max_synapses", active, "a", "synapses are a subsample of the pattern's active cells")
    fp_limit, fn_limit = check_probability(fp_max, "fp_max"), check_probability(fn_max, "fn_max")
    return Budget(cells, active, v, stored if per == "population" else 1, fp_limit, fn_limit), limit


def _errors(budget: Budget, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``ln (patterns * P_FP)`` and ``ln P_FN`` for each size and threshold 1 .. largest; thresholds above s are inf."""
    thetas = np.arange(1, sizes[-1] + 1)
    log_fp = tail_table(budget.n, budget.a, sizes)[:, 1 : sizes[-1] + 1] + np.log(budget.patterns)
    misses = tail_table(budget.a, budget.v, sizes)
    spare = np.clip(sizes[:, None] - thetas + 1, 0, misses.shape[1] - 1)
    log_fn = np.take_along_axis(misses, spare, axis=1)
    beyond = thetas > sizes[:, None]
    return np.where(beyond, np.inf, log_fp), np.where(beyond, np.inf, log_fn)


def _blocks(limit: int) -> Iterator[np.ndarray]:
    """Sizes 1 .. limit in growing blocks whose tables fit in memory."""
    start, length = 1, 64
    while start <= limit:
        stop = min(limit, start + length - 1)
        yield np.arange(start, stop + 1)
        start, length = stop + 1, max(1, min(2 * length, CHUNK // (2 * stop)))


def _feasible(budget: Budget, sizes: np.ndarray, need_fp: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which designs meet the budgets, near ties decided exactly; and both log-errors."""
    log_fp, log_fn = _errors(budget, sizes)
    meets_fp = _within(log_fp, budget.fp_max, sizes, budget.fp) if need_fp else np.isfinite(log_fp)
    return meets_fp & _within(log_fn, budget.fn_max, sizes, budget.fn), log_fp, log_fn


def _within(logs: np.ndarray, limit: float, sizes: np.ndarray, exact) -> np.ndarray:
    excess = logs - log_or_minus_inf(as_decimal(limit))
    within = excess <= 0
    for row, column in np.argwhere(np.abs(excess) < TIE):
        within[row, column] = exact(int(sizes[row]), int(column) + 1) <= as_decimal(limit)
    return within


def _search(budget: Budget, limit: int, objective: str) -> tuple[tuple[int, int] | None, int]:
    """Best (s, theta) for the objective, and the smallest feasible size."""
    best: tuple[float, int, int] | None = None
    smallest = 0
    for sizes in _blocks(limit):
        feasible, log_fp, _ = _feasible(budget, sizes, need_fp=objective != "max_patterns")
        rows = np.flatnonzero(feasible.any(axis=1))
        if rows.size == 0:
            continue
        smallest = smallest or int(sizes[rows[0]])
        if objective == "min_s":
            return (smallest, int(np.flatnonzero(feasible[rows[0]])[-1]) + 1), smallest
        cost = np.where(feasible, np.arange(1, log_fp.shape[1] + 1) if objective == "min_theta" else log_fp, np.inf)
        row, column = np.unravel_index(np.argmin(cost), cost.shape)
        if best is None or cost[row, column] < best[0]:
            best = (float(cost[row, column]), int(sizes[row]), int(column) + 1)
    return (None if best is None else best[1:]), smallest


def _closest(budget: Budget, limit: int) -> tuple[Reachable, Reachable | None, Reachable | None]:
    """The least violation of both budgets, and the best of each error with the other budget met."""
    candidates: list[list[tuple[float, Reachable]]] = [[], [], []]
    for sizes in _blocks(limit):
        log_fp, log_fn = _errors(budget, sizes)
        over_fp, over_fn = log_fp - np.log(budget.fp_max), log_fn - np.log(budget.fn_max)
        costs = (
            np.maximum(over_fp, over_fn),
            np.where(over_fn <= 0, log_fp, np.inf),
            np.where(over_fp <= 0, log_fn, np.inf),
        )
        for found, cost in zip(candidates, costs, strict=True):
            row, column = np.unravel_index(np.argmin(cost), cost.shape)
            if cost[row, column] < np.inf:
                errors = float(np.exp(log_fp[row, column])), float(np.exp(log_fn[row, column]))
                found.append((float(cost[row, column]), Reachable(int(sizes[row]), int(column) + 1, *errors)))
    best, best_fp, best_fn = (min(found)[1] if found else None for found in candidates)
    assert best is not None  # s = theta = 1 always has finite errors
    return best, best_fp, best_fn


def _pareto(budget: Budget, first: int, last: int) -> "pd.DataFrame":
    import pandas as pd

    sizes = np.arange(first, last + 1)
    feasible, log_fp, log_fn = _feasible(budget, sizes)
    kept: list[tuple[int, int, float, float]] = []
    for row, s in enumerate(sizes):
        smaller = np.array([point[2:] for point in kept]).reshape(-1, 2)
        for column in np.flatnonzero(feasible[row]):
            fp, fn = np.exp(log_fp[row, column]), np.exp(log_fn[row, column])
            if not ((smaller[:, 0] <= fp) & (smaller[:, 1] <= fn)).any():
                kept.append((int(s), int(column) + 1, float(fp), float(fn)))
    return pd.DataFrame(kept, columns=["s", "theta", "fp", "fn"])
