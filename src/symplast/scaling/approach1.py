"""Approach 1: the envelope of the training curves, regressed on compute."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from symplast.scaling.surfaces import Allocation
from symplast.scaling.tables import RunTable, as_runs


@dataclass(frozen=True)
class EnvelopeFit:
    """Result of :func:`fit_approach1`.

    Attributes:
        allocation: N*(C) and D*(C).
        C: compute of each point of the envelope, FLOP.
        N, D, L: the run with the smallest loss there.
    """

    allocation: Allocation
    C: Float[np.ndarray, " budgets"]
    N: Float[np.ndarray, " budgets"]
    D: Float[np.ndarray, " budgets"]
    L: Float[np.ndarray, " budgets"]


def fit_approach1(
    N: ArrayLike | RunTable,
    D: ArrayLike | None = None,
    L: ArrayLike | None = None,
    C: ArrayLike | None = None,
    *,
    bins: int | None = None,
) -> EnvelopeFit:
    """Approach 1: at each compute the point with the smallest loss, then straight lines through log N and log D.

    With points of whole training curves give ``bins``: log C is cut into that many equal bins. On a table of final
    losses it degrades to the best run of each budget, whose N is one of the few sizes that were tried.

    Args:
        N, D, L: parameters, tokens and loss of each point; or one table of runs (:func:`read_runs`) in place of N.
        C: its compute, FLOP; None means 6 N D.
        bins: number of log-spaced bins of each point's own compute; None takes each budget of the table as one
            (computes within 0.1 % of each other, of 1 % width at most).

    Returns:
        The allocation and the envelope.

    Raises:
        ValueError: fewer than two budgets or filled bins, or wrong columns (see :func:`run_table`).

    Example:
        >>> from symplast.scaling import SURFACES, simulate_isoflop
        >>> runs = simulate_isoflop(SURFACES["symmetric"], [1e18, 1e19, 1e20], n_points=15)
        >>> round(fit_approach1(runs.N, runs.D, runs.L, runs.C).allocation.a, 6)
        0.5

    Source: Approach 1 of arXiv:2203.15556.
    """
    runs = as_runs(N, D, L, C)
    if bins is None:
        compute = runs.C
        group = np.unique(runs.C, return_inverse=True)[1]
    else:
        if bins < 2:
            raise ValueError(f"bins must be at least 2 for a slope, got {bins}")
        compute = runs.unjoined  # points of training curves are no budgets
        edges = np.linspace(np.log(compute.min()), np.log(compute.max()), bins + 1)
        group = np.clip(np.digitize(np.log(compute), edges) - 1, 0, bins - 1)
    order = np.lexsort((runs.L, group))
    best = order[np.flatnonzero(np.diff(group[order], prepend=-1))]
    if best.size < 2:
        raise ValueError("C must have at least two budgets for a slope of log N* on log C, got 1; add another budget")
    log_c = np.log10(compute[best])
    a, a0 = np.polyfit(log_c, np.log10(runs.N[best]), 1)
    b, b0 = np.polyfit(log_c, np.log10(runs.D[best]), 1)
    allocation = Allocation(float(a), float(a0), float(b), float(b0))
    return EnvelopeFit(allocation, compute[best], runs.N[best], runs.D[best], runs.L[best])
