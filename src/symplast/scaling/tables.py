"""Tables of training runs: one row a run, with its parameters N, tokens D, final loss L and compute C.

Everything that makes an estimate meaningless is an error here, with the argument, the rule and the way out; everything
that makes it doubtful is a ``ScalingWarning``.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from symplast.scaling.surfaces import FLOP_PER_PARAMETER_TOKEN
from symplast.stats.arguments import plain

Runs = Float[np.ndarray, " runs"]

COMPUTE_TOLERANCE = 0.01
"""C may differ from 6 N D by this share before it is reported."""

SAME_BUDGET = 1e-3
"""Computes closer than this relative gap belong to one budget."""

WIDEST_BUDGET = 1e-2
"""Largest relative width of a budget: a longer chain of close computes is cut into equal parts."""

FAR_FROM_6ND = 1000 / 3
"""C may not differ from 6 N D by this factor or more: then a unit is wrong."""

MOST_TOKENS = 1e16
"""More than anyone has: D = C / (6 N) above this betrays a wrong unit of N or C."""

SMALL = 1e4
"""Tables whose largest N or D is below this are asked for their unit."""


class ScalingWarning(UserWarning):
    """Something in the table or the fit that makes the estimate doubtful, not wrong."""


@dataclass(frozen=True)
class RunTable:
    """Training runs, checked.

    Attributes:
        N: parameters of each run.
        D: training tokens of each run.
        L: final loss of each run.
        C: budget of each run in FLOP: its compute, with that of (nearly) equal runs joined.
        nominal: whether the compute came with the table (else it is 6 N D).
        source: where the table came from, for messages.
        compute: of each run before computes were joined into budgets; None where that is C.
        read_from: N, D, L, C -> the column and the unit that it was read from, in words.
        reading: what was decided on reading the file, in one line.
    """

    N: Runs
    D: Runs
    L: Runs
    C: Runs
    nominal: bool = True
    source: str = "table"
    compute: Runs | None = None
    read_from: Mapping[str, str] = field(default_factory=dict)
    reading: str = ""

    @property
    def n(self) -> int:
        """Number of runs."""
        return self.N.size

    @property
    def budgets(self) -> Float[np.ndarray, " budgets"]:
        """The distinct budgets, ascending, in FLOP."""
        return np.unique(self.C)

    @property
    def unjoined(self) -> Runs:
        """Compute of each run in FLOP, not joined into budgets."""
        return self.C if self.compute is None else self.compute

    def select(self, rows: ArrayLike) -> "RunTable":
        """The runs where ``rows`` (a mask or indices) says so."""
        rows = np.asarray(rows)
        compute = None if self.compute is None else self.compute[rows]
        return replace(self, N=self.N[rows], D=self.D[rows], L=self.L[rows], C=self.C[rows], compute=compute)

    def at(self, budget: float) -> np.ndarray:
        """Mask of the runs of one budget: the one nearest to this compute, within 1 %."""
        same = np.equal(self.C, budget)
        if same.any() or not (np.isfinite(budget) and budget > 0):
            return same
        distance = np.abs(np.log(self.C / budget))
        nearest = self.C[np.argmin(distance)]
        return np.equal(self.C, nearest) & (distance <= WIDEST_BUDGET)

    def without_budget(self, budget: float) -> "RunTable":
        """The runs of all other budgets.

        Raises:
            ValueError: no budget within 1 % of this one.
        """
        rows = self.at(budget)
        if not rows.any():
            shown = ", ".join(f"{known:.4g}" for known in self.budgets[:12])
            raise ValueError(f"budget must be one of the table's ({shown} FLOP), got {budget:g}")
        return self.select(~rows)


def run_table(
    N: ArrayLike,
    D: ArrayLike,
    L: ArrayLike,
    C: ArrayLike | None = None,
    *,
    source: str = "table",
    counted: bool = True,
) -> RunTable:
    """Check the columns of a table of runs and put them together.

    Args:
        N: parameters, >= 1.
        D: tokens, >= 1.
        L: final loss, > 0.
        C: compute budget in FLOP; None means 6 N D. Runs within 0.1 % of each other share a budget, of 1 % width at
            most.
        source: what to call the table in messages.
        counted: whether N and D count one by one, so that less than 1 betrays a wrong unit.

    Returns:
        The table, in float64 copies (read-only input is fine).

    Raises:
        ValueError: unequal lengths, an empty table, a value that is missing, infinite or not positive, less than one
            parameter or token, or C so far from 6 N D that a unit must be wrong.

    Warns:
        ScalingWarning: C differs from 6 N D by more than 1 %, or N or D are so few that they may be in billions.

    Example:
        >>> run_table([1e8, 2e8], [2e9, 1e9], [3.1, 3.2]).C
        array([1.2e+18, 1.2e+18])
    """
    columns = {name: check_column(name, values) for name, values in (("N", N), ("D", D), ("L", L))}
    if C is not None:
        columns["C"] = check_column("C", C)
    sizes = {name: values.size for name, values in columns.items()}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise ValueError(f"N, D, L and C must have the same length, one row a run; {told}")
    computed = FLOP_PER_PARAMETER_TOKEN * columns["N"] * columns["D"]
    given = columns.get("C", computed)
    check_sizes(columns["N"], columns["D"], given / computed, source, counted=counted)
    if C is not None:
        _warn_of_factor(given / computed, source)
    joined = join_budgets(given)
    return RunTable(columns["N"], columns["D"], columns["L"], joined, C is not None, source, given)


def as_runs(
    N: "ArrayLike | RunTable", D: ArrayLike | None = None, L: ArrayLike | None = None, C: ArrayLike | None = None
) -> RunTable:
    """A table of runs from its columns, or the table itself.

    Raises:
        ValueError: a table and columns, or columns that :func:`run_table` refuses.
    """
    if isinstance(N, RunTable):
        if any(column is not None for column in (D, L, C)):
            raise ValueError("give one table of runs, or N, D and L; got a table and columns besides")
        return N
    if D is None or L is None:
        raise ValueError("give N, D and L of each run, or one table of runs (read_runs, run_table)")
    return run_table(N, D, L, C, counted=False)  # a fit of arrays may be in any unit


def check_sizes(N: Runs, D: Runs, factor: Runs, source: str, *, counted: bool = True) -> None:
    """Refuse sizes that betray a wrong unit, and warn of those that may.

    Args:
        N, D: parameters and tokens.
        factor: C over 6 N D.
        source: for messages.
        counted: whether N and D count one by one, so that less than 1 betrays a wrong unit.
    """
    for name, values, what in (("N", N, "parameters"), ("D", D, "tokens")):
        if counted and np.any(values < 1):
            raise ValueError(
                f"{source}: {name} must be at least 1, it counts {what} one by one; got {values.min():.3g} "
                f"({np.sum(values < 1)} such rows). Is it in millions or billions? Multiply, or name the unit in the "
                f"column's name, such as '{what} (B)'"
            )
    far = np.abs(np.log(factor)) >= np.log(FAR_FROM_6ND)
    if far.any():
        typical = float(np.exp(np.median(np.log(factor[far]))))
        raise ValueError(
            f"{source}: C must be near 6 N D, but it is {typical:.3g} times that in {far.sum()} of {far.size} rows: N, "
            "D or C is in another unit (millions, billions, PF-days?). Multiply, or name it in the column's name, "
            "such as 'params (B)'"
        )
    sizes = (("N", N, "parameters"), ("D", D, "tokens"))
    small = [f"{name} is at most {values.max():.3g} {what}" for name, values, what in sizes if values.max() < SMALL]
    if counted and small:
        warnings.warn(
            f"{source}: {' and '.join(small)}; if that is in millions or billions, name the unit in the column's name, "
            "such as 'params (B)'",
            ScalingWarning,
            stacklevel=4,
        )


def _warn_of_factor(factor: Runs, source: str) -> None:
    if np.any(np.abs(factor - 1) > COMPUTE_TOLERANCE):
        warnings.warn(
            f"{source}: C is {factor.min():.3g} to {factor.max():.3g} times 6 N D (median {np.median(factor):.3g}); "
            "budgets are taken as given for grouping, N and D as given for the loss, so a + b need not be 1",
            ScalingWarning,
            stacklevel=4,
        )


def check_column(name: str, values: ArrayLike) -> Runs:
    """One column as a float64 copy, or a ValueError that says which row breaks which rule."""
    try:
        column = np.array(plain(values, name), dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a column of numbers: {error}") from None
    if column.ndim != 1 or column.size == 0:
        raise ValueError(f"{name} must be one column with a value for each run, got shape {column.shape}")
    for broken, rule in ((~np.isfinite(column), "finite numbers; drop those rows"), (column <= 0, "positive")):
        if broken.any():
            rows = np.flatnonzero(broken)
            raise ValueError(f"{name} must hold {rule}: row {rows[0]} is {column[rows[0]]} ({rows.size} such rows)")
    return column


def join_budgets(C: Runs, gap: float = SAME_BUDGET, widest: float = WIDEST_BUDGET) -> Runs:
    """Give runs of (nearly) equal compute one budget: their geometric mean.

    Args:
        C: compute of each run.
        gap: neighbours in compute closer than this (relative) share a budget,
        widest: unless it gets wider than this (relative): then it is cut into equal parts. So no compute changes by
            more, however many runs lie close together (checkpoints of whole training curves).

    Example:
        >>> join_budgets(np.array([1e18, 1.0005e18, 2e18])).round(-14)
        array([1.0002e+18, 1.0002e+18, 2.0000e+18])
    """
    order = np.argsort(C, kind="stable")
    logs = np.log(C[order])
    chain = np.concatenate([[0], np.cumsum(np.diff(logs) > gap)])
    first, last = (np.flatnonzero(np.diff(chain, prepend=-1)), np.flatnonzero(np.diff(chain, append=chain[-1] + 1)))
    width = (logs[last] - logs[first])[chain]
    parts = np.maximum(np.ceil(width / widest), 1)
    part = np.minimum(np.floor((logs - logs[first][chain]) / np.where(width > 0, width, 1.0) * parts), parts - 1)
    group = np.cumsum((np.diff(chain, prepend=0) > 0) | (np.diff(part, prepend=0) != 0))
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    ends = np.append(starts[1:], group.size) - 1
    group = np.searchsorted(starts, np.arange(group.size), side="right") - 1
    means = np.exp(np.bincount(group, logs) / np.bincount(group))
    exact = C[order][starts] == C[order][ends]
    means = np.where(exact, C[order][starts], means)  # budgets that are given stay to the last digit
    joined = np.empty_like(C)
    joined[order] = means[group]
    return joined
