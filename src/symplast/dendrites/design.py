"""Which segment to build: the synapses and threshold that meet an error budget, with an exact certificate."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

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
from symplast.dendrites.single_tails import SingleTails

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


class _Errors:
    """Both errors of many segments: ``ln (patterns * P_FP)`` falls with theta, ``ln P_FN`` grows.

    Sizes s and thresholds theta are arrays of the same shape.
    """

    def __init__(self, budget: Budget, limit: int):
        self.budget = budget
        self._overlaps, self._misses = SingleTails(budget.n, budget.a, limit), SingleTails(budget.a, budget.v, limit)

    def log_fp(self, s: np.ndarray, theta: np.ndarray) -> np.ndarray:
        return self._overlaps(s, theta) + np.log(self.budget.patterns)

    def log_fn(self, s: np.ndarray, theta: np.ndarray) -> np.ndarray:
        return self._misses(s, s - theta + 1)

    def meets_fp(self, s: np.ndarray, theta: np.ndarray) -> np.ndarray:
        return _within(self.log_fp(s, theta), self.budget.fp_max, s, theta, self.budget.fp)

    def meets_fn(self, s: np.ndarray, theta: np.ndarray) -> np.ndarray:
        return _within(self.log_fn(s, theta), self.budget.fn_max, s, theta, self.budget.fn)

    def lowest(self, s: np.ndarray) -> np.ndarray:
        """Lowest threshold within the budget of false positives; s + 1 if there is none."""
        return _last(lambda at, theta: ~self.meets_fp(at, theta), s) + 1

    def highest(self, s: np.ndarray) -> np.ndarray:
        """Highest threshold within the budget of false negatives; 0 if there is none."""
        return _last(self.meets_fn, s)


def _last(holds: Callable[[np.ndarray, np.ndarray], np.ndarray], s: np.ndarray) -> np.ndarray:
    """Largest threshold of 1 .. s at which something holds that holds at low thresholds only; 0 if at none."""
    low, high = np.zeros_like(s), s.copy()
    while (left := np.flatnonzero(low < high)).size:
        middle = (low[left] + high[left] + 1) // 2
        true = holds(s[left], middle)
        low[left] = np.where(true, middle, low[left])
        high[left] = np.where(true, high[left], middle - 1)
    return low


def _within(logs: np.ndarray, limit: float, s: np.ndarray, theta: np.ndarray, exact: Any) -> np.ndarray:
    """Which logarithms are within a limit; near ties are decided exactly."""
    excess = logs - log_or_minus_inf(as_decimal(limit))
    within = excess <= 0
    for i in np.flatnonzero(np.abs(excess) < TIE):
        within[i] = exact(int(s[i]), int(theta[i])) <= as_decimal(limit)
    return within


def _search(budget: Budget, limit: int, objective: str) -> tuple[tuple[int, int] | None, int]:
    """Best (s, theta) for the objective, and the smallest feasible size."""
    errors = _Errors(budget, limit)
    start, stop = 1, min(limit, 64) if objective == "min_s" else limit
    while start <= limit:
        s = np.arange(start, stop + 1)
        highest = errors.highest(s)
        fits = highest > 0
        if objective != "max_patterns":
            fits[fits] = errors.meets_fp(s[fits], highest[fits])
        if fits.any():
            s, highest = s[fits], highest[fits]
            if objective == "min_s":
                return (int(s[0]), int(highest[0])), int(s[0])
            if objective == "min_theta":
                lowest = errors.lowest(s)
                at = np.lexsort((s, lowest))[0]
                return (int(s[at]), int(lowest[at])), int(s[0])
            at = np.argmin(errors.log_fp(s, highest))
            return (int(s[at]), int(highest[at])), int(s[0])
        start, stop = stop + 1, min(limit, 2 * stop)
    return None, 0


def _closest(budget: Budget, limit: int) -> tuple[Reachable, Reachable | None, Reachable | None]:
    """The least violation of both budgets, and the best of each error with the other budget met."""
    errors, s = _Errors(budget, limit), np.arange(1, limit + 1)
    lowest, highest = errors.lowest(s), errors.highest(s)

    def over_fp(at: np.ndarray, theta: np.ndarray) -> np.ndarray:
        return errors.log_fp(at, theta) - np.log(budget.fp_max)

    def over_fn(at: np.ndarray, theta: np.ndarray) -> np.ndarray:
        return errors.log_fn(at, theta) - np.log(budget.fn_max)

    def least(costs: np.ndarray, sizes: np.ndarray, theta: np.ndarray) -> Reachable | None:
        if not costs.size:
            return None
        at = [int(np.argmin(costs))]
        fp, fn = np.exp(errors.log_fp(sizes[at], theta[at])), np.exp(errors.log_fn(sizes[at], theta[at]))
        return Reachable(int(sizes[at[0]]), int(theta[at[0]]), float(fp[0]), float(fn[0]))

    crossing = _last(lambda at, theta: over_fn(at, theta) <= over_fp(at, theta), s)  # the worse one is least next to it
    sizes, theta = np.repeat(s, 2), np.stack([np.maximum(crossing, 1), np.minimum(crossing + 1, s)], axis=1).ravel()
    best = least(np.maximum(over_fp(sizes, theta), over_fn(sizes, theta)), sizes, theta)
    assert best is not None  # there is at least s = theta = 1
    by_fp, by_fn = highest > 0, lowest <= s
    return (
        best,
        least(errors.log_fp(s[by_fp], highest[by_fp]), s[by_fp], highest[by_fp]),
        least(errors.log_fn(s[by_fn], lowest[by_fn]), s[by_fn], lowest[by_fn]),
    )


def _pareto(budget: Budget, first: int, last: int) -> "pd.DataFrame":
    import pandas as pd

    errors, sizes = _Errors(budget, last), np.arange(first, last + 1)
    kept: list[tuple[int, int, float, float]] = []
    for s, lowest, highest in zip(sizes, errors.lowest(sizes), errors.highest(sizes), strict=True):
        smaller = np.array([point[2:] for point in kept]).reshape(-1, 2)
        thetas = np.arange(lowest, highest + 1)
        at = np.full_like(thetas, s)
        for theta, fp, fn in zip(
            thetas, np.exp(errors.log_fp(at, thetas)), np.exp(errors.log_fn(at, thetas)), strict=True
        ):
            if not ((smaller[:, 0] <= fp) & (smaller[:, 1] <= fn)).any():
                kept.append((int(s), int(theta), float(fp), float(fn)))
    return pd.DataFrame(kept, columns=["s", "theta", "fp", "fn"])
