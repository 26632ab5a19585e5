"""Approach 2: a parabola through each IsoFLOP curve, then a straight line through the vertices.

Everything takes weights with a leading axis, so that a bootstrap is one call with multinomial counts.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from symplast.scaling.surfaces import Allocation
from symplast.scaling.tables import RunTable, as_runs

FLATTEST = 1e-10
"""Smallest second-order coefficient (loss per log10 unit squared) that counts as a minimum."""

TOO_FEW, NOT_CONVEX, FITTED = 1, 2, 0
REASONS = {TOO_FEW: "fewer than three distinct sizes", NOT_CONVEX: "parabola not convex"}


@dataclass(frozen=True)
class Parabola:
    """One budget's parabolas L = c2 u^2 + c1 u + c0 in u = log10 N and in u = log10 D.

    Attributes:
        budget: FLOP.
        n: number of runs.
        n_opt, d_opt: the vertices, as parameters and tokens; NaN where there is no minimum.
        curvature: c2 of the N parabola, loss per log10 unit squared.
        inside: whether the N vertex lies within the sizes that were tried.
        off_centre: log10 of the vertex over the middle of the sizes tried; > 0 when the grid sat too low.
        half_width: half the range of log10 N.
        reason: why there is no vertex, empty when there is one.
    """

    budget: float
    n: int
    n_opt: float
    d_opt: float
    curvature: float
    inside: bool
    off_centre: float
    half_width: float
    reason: str = ""


@dataclass(frozen=True)
class Approach2Fit:
    """Result of :func:`fit_approach2`.

    Attributes:
        allocation: N*(C) and D*(C).
        parabolas: one per budget, ascending.
        dropped: those that could not be used, with the reason; never silent.
    """

    allocation: Allocation
    parabolas: tuple[Parabola, ...]
    dropped: tuple[Parabola, ...]


def parabola_vertices(
    u: Float[np.ndarray, " runs"], L: Float[np.ndarray, "*#sets runs"], weights: Float[np.ndarray, "*#sets runs"]
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Weighted least-squares parabola of L on u, by orthogonal polynomials.

    Args:
        u: log10 of size.
        L: loss; leading axes broadcast against those of the weights.
        weights: counts of each run, any leading axes.

    Returns:
        Vertex u* = -c1 / (2 c2) and second-order coefficient c2; NaN or infinite where they do not exist.
    """
    total = weights.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (weights * u).sum(-1, keepdims=True) / total
        p1 = u - mean
        s2 = (weights * p1**2).sum(-1, keepdims=True)
        skew = (weights * p1**3).sum(-1, keepdims=True) / s2
        p2 = p1**2 - skew * p1
        p2 = p2 - (weights * p2).sum(-1, keepdims=True) / total
        centred = L - (weights * L).sum(-1, keepdims=True) / total
        slope = (weights * p1 * centred).sum(-1, keepdims=True) / s2
        rest = centred - slope * p1
        c2 = (weights * p2 * rest).sum(-1) / (weights * p2**2).sum(-1)
        c1 = slope[..., 0] - c2 * skew[..., 0]
        return np.asarray(mean[..., 0] - c1 / (2 * c2)), np.asarray(c2)


def distinct_counts(values: np.ndarray, weights: Float[np.ndarray, "... runs"]) -> Int[np.ndarray, "..."]:
    """How many different values carry weight."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(values[order]) > 0]))
    present = np.maximum.reduceat(weights[..., order], starts, axis=-1) > 0
    return np.asarray(present.sum(-1))


@dataclass(frozen=True)
class Vertices:
    """Vertices of every budget for every set of weights: arrays ``[..., budgets]``."""

    log_n: np.ndarray
    log_d: np.ndarray
    curvature: np.ndarray
    status: np.ndarray


def isoflop_vertices(
    runs: RunTable, weights: Float[np.ndarray, "*#sets runs"], losses: Float[np.ndarray, "*#sets runs"] | None = None
) -> Vertices:
    """Both parabolas of every budget, with the reason where one fails.

    Args:
        runs: the table.
        weights: counts of each run, any leading axes.
        losses: other losses of the same runs, any leading axes; None takes the table's.

    Returns:
        log10 vertices, N curvatures, and status (FITTED, TOO_FEW or NOT_CONVEX), budgets on the last axis.
    """
    log_n, log_d, curvature, status = [], [], [], []
    for budget in runs.budgets:
        rows = runs.at(budget)
        w, L = weights[..., rows], (runs.L if losses is None else losses)[..., rows]
        u, v = np.log10(runs.N[rows]), np.log10(runs.D[rows])
        vertex_n, c2_n = parabola_vertices(u, L, w)
        vertex_d, c2_d = parabola_vertices(v, L, w)
        few = (distinct_counts(u, w) < 3) | (distinct_counts(v, w) < 3)
        convex = (c2_n > FLATTEST) & (c2_d > FLATTEST)
        log_n.append(vertex_n)
        log_d.append(vertex_d)
        curvature.append(c2_n)
        status.append(np.where(few, TOO_FEW, np.where(convex, FITTED, NOT_CONVEX)))
    return Vertices(*(np.stack(parts, axis=-1) for parts in (log_n, log_d, curvature, status)))


def regress_vertices(
    log_c: Float[np.ndarray, " budgets"], vertices: np.ndarray, used: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ordinary least squares of log10 vertices on log10 C over the budgets that are used: slope and intercept."""
    n = used.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        x_mean = np.sum(used * log_c, -1, keepdims=True) / n
        y = np.where(used, vertices, 0.0)
        y_mean = y.sum(-1, keepdims=True) / n
        x = np.where(used, log_c - x_mean, 0.0)
        slope = (x * (y - y_mean)).sum(-1) / (x**2).sum(-1)
        return np.asarray(slope), np.asarray(y_mean[..., 0] - slope * x_mean[..., 0])


def fit_approach2(
    N: ArrayLike | RunTable,
    D: ArrayLike | None = None,
    L: ArrayLike | None = None,
    C: ArrayLike | None = None,
    *,
    on_bad_curve: str = "raise",
) -> Approach2Fit:
    """Approach 2: IsoFLOP parabolas and the regression of their vertices on compute.

    For each budget L = c2 u^2 + c1 u + c0 with u = log10 N, and again with u = log10 D; vertex u* = -c1/(2 c2).

    Args:
        N, D, L: parameters, tokens and final loss of each run; or one table of runs (:func:`read_runs`) in place of N.
        C: its budget, FLOP, which groups the runs (within 0.1 %) and is regressed on; None means 6 N D.
        on_bad_curve: what to do with a budget that has fewer than three distinct sizes or a parabola without a
            minimum. ``raise`` an error, ``drop`` it (listed in ``dropped``), or ``report``: drop it and raise a
            ScalingWarning.

    Returns:
        Exponents and intercepts, the parabolas, and what was dropped.

    Raises:
        ValueError: one budget only, a bad curve under ``raise``, or fewer than two budgets left.

    Example:
        >>> from symplast.scaling import SURFACES, simulate_isoflop
        >>> runs = simulate_isoflop(SURFACES["chinchilla"], [1e18, 1e19, 1e20], half_width_log10=0.6)
        >>> fit = fit_approach2(runs.N, runs.D, runs.L, runs.C)
        >>> round(fit.allocation.b, 6), round(SURFACES["chinchilla"].b, 6)
        (0.548387, 0.548387)

    Source: Approach 2 of arXiv:2203.15556; Sec. 2 of arXiv:2603.22339.
    """
    return fit_approach2_table(as_runs(N, D, L, C), on_bad_curve=on_bad_curve)


def fit_approach2_table(runs: RunTable, *, on_bad_curve: str = "raise") -> Approach2Fit:
    """:func:`fit_approach2` on a checked table."""
    import warnings

    from symplast.scaling.tables import ScalingWarning

    if on_bad_curve not in ("raise", "drop", "report"):
        raise ValueError(f"on_bad_curve must be raise, drop or report, got {on_bad_curve!r}")
    if runs.budgets.size < 2:
        raise ValueError(
            "C must have at least two budgets for a slope, got 1; add a budget, or use fit_surface, which needs none"
        )
    vertices = isoflop_vertices(runs, np.ones(runs.n))
    parabolas = tuple(_parabola(runs, vertices, i) for i in range(runs.budgets.size))
    dropped = tuple(p for p in parabolas if p.reason)
    if dropped:
        told = "; ".join(f"budget {p.budget:.3g}: {p.reason} ({p.n} runs)" for p in dropped)
        if on_bad_curve == "raise":
            raise ValueError(
                f"L must have a minimum inside each budget, but {told}; correct the table, or drop these with "
                "on_bad_curve='drop'"
            )
        if on_bad_curve == "report":
            warnings.warn(f"dropped {told}", ScalingWarning, stacklevel=3)
    if len(parabolas) - len(dropped) < 2:
        raise ValueError(
            f"fewer than two budgets have a parabola with a minimum (of {len(parabolas)}); "
            "Approach 2 can't give a slope, use fit_surface"
        )
    used = vertices.status == FITTED
    log_c = np.log10(runs.budgets)
    a, a0 = regress_vertices(log_c, vertices.log_n, used)
    b, b0 = regress_vertices(log_c, vertices.log_d, used)
    return Approach2Fit(Allocation(float(a), float(a0), float(b), float(b0)), parabolas, dropped)


def _parabola(runs: RunTable, vertices: Vertices, index: int) -> Parabola:
    budget = runs.budgets[index]
    u = np.log10(runs.N[runs.at(budget)])
    fitted = bool(vertices.status[index] == FITTED)
    vertex = float(vertices.log_n[index])
    return Parabola(
        budget=float(budget),
        n=u.size,
        n_opt=10.0**vertex if fitted else float("nan"),
        d_opt=10.0 ** float(vertices.log_d[index]) if fitted else float("nan"),
        curvature=float(vertices.curvature[index]),
        inside=fitted and bool(u.min() <= vertex <= u.max()),
        off_centre=vertex - float(u.min() + u.max()) / 2 if fitted else float("nan"),
        half_width=float(np.ptp(u)) / 2,
        reason=REASONS.get(int(vertices.status[index]), ""),
    )
