"""Fitting the surface L = E + A N^-alpha + B D^-beta to a table of runs."""

from dataclasses import dataclass, field
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from symplast.scaling.centred import CentredRuns, centre_runs
from symplast.scaling.conditioning import PARAMETERS, Conditioning, condition_numbers, covariance, identifiability
from symplast.scaling.direct_fit import coefficients, fit_from_starts, parameter_box
from symplast.scaling.huber_grid import certified_minimum
from symplast.scaling.precision import in_double_precision
from symplast.scaling.surfaces import LossSurface, Real
from symplast.scaling.tables import RunTable, as_runs
from symplast.scaling.variable_projection import Exponents, ProjectedFit, best_cell, fit_projected

START_CELLS = 32
"""The start grid has 32 x 32 cells, the paper's."""


@dataclass(frozen=True)
class Bounds:
    """Where the exponents may lie.

    Args:
        alpha, beta: (low, high), positive. The default is the paper's; other domains exceed 1.
    """

    alpha: tuple[float, float] = (0.01, 0.99)
    beta: tuple[float, float] = (0.01, 0.99)

    def __post_init__(self) -> None:
        for name in ("alpha", "beta"):
            low, high = getattr(self, name)
            if not 0 < low < high < np.inf:
                raise ValueError(f"bounds of {name} must be (low, high) with 0 < low < high, got {(low, high)}")

    def array(self) -> Float[np.ndarray, "2 2"]:
        """[[alpha low, high], [beta low, high]]."""
        return np.array([self.alpha, self.beta], dtype=float)

    def grid(self, cells: int = START_CELLS) -> tuple[np.ndarray, np.ndarray]:
        """Start values of alpha and beta, a little inside (0.05 to 0.95 by default)."""
        (alpha_low, alpha_high), (beta_low, beta_high) = self.array()
        inset = 2 / 49
        return _inner(alpha_low, alpha_high, inset, cells), _inner(beta_low, beta_high, inset, cells)


def _inner(low: float, high: float, inset: float, cells: int) -> np.ndarray:
    margin = inset * (high - low)
    return np.linspace(low + margin, high - margin, cells)


@dataclass(frozen=True)
class SurfaceFit:
    """Result of :func:`fit_surface`; all parameters in raw units.

    Attributes:
        surface: the fitted surface.
        objective: the minimum found.
        definition: what ``objective`` is, exactly: residual, loss, and that it is a sum over runs.
        rss: residual sum of squares of L, whatever the objective.
        n: number of runs.
        method: which solver.
        residual: ``linear`` or ``log``.
        delta: of the Huber loss; infinity for squares.
        converged: whether the gradient vanishes there.
        at_bound: parameters that stopped at a bound (or at zero); their intervals mean little.
        starts: number of starts, and the share of them that reached the minimum (relative 1e-9).
        covariance: of (E, A, B, alpha, beta).
        condition: condition numbers of the problem.
        flags: what makes the fit doubtful, in words.
    """

    surface: LossSurface
    objective: float
    definition: str
    rss: float
    n: int
    method: str
    residual: str
    delta: float
    converged: bool
    at_bound: tuple[str, ...]
    starts: tuple[int, float]
    covariance: Float[np.ndarray, "5 5"] = field(repr=False)
    condition: Conditioning = field(repr=False)
    flags: tuple[str, ...]

    @property
    def objective_mean(self) -> float:
        """The objective per run."""
        return self.objective / self.n

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard error of each parameter."""
        with np.errstate(invalid="ignore"):
            return dict(zip(PARAMETERS, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))


def fit_surface(
    N: ArrayLike | RunTable,
    D: ArrayLike | None = None,
    L: ArrayLike | None = None,
    *,
    method: str = "vp",
    residual: str | None = None,
    loss: str = "mse",
    delta: Real = 1e-3,
    bounds: Bounds | None = None,
    nonneg: bool = True,
) -> SurfaceFit:
    """Fit L = E + A N^-alpha + B D^-beta to final losses.

    Args:
        N, D, L: parameters, tokens and loss of each run; read-only arrays and pandas columns are fine, and so is one
            table of runs (:func:`read_runs`) in place of N.
        method: ``vp`` (variable projection: two exponents are searched, E, A, B solved exactly inside; linear
            residuals) or ``a3`` (Approach 3: all five at once, from several starts).
        residual: ``linear``, L - fit, or ``log``, ln L - ln fit (``a3`` only). Default: linear for vp, log for a3.
        loss: ``mse`` sums squares; ``huber`` sums ``r^2/2`` within delta and ``delta (|r| - delta/2)`` beyond.
        delta: of the Huber loss, in units of the residual.
        bounds: of the exponents.
        nonneg: keep E, A and B >= 0 (linear residuals; log residuals always do).

    Returns:
        The fit with objective, covariance, condition numbers and flags.

    Raises:
        ValueError: columns that :func:`run_table` refuses, too few runs or sizes, options that don't go together.

    Example:
        >>> from symplast.scaling import SURFACES, simulate_isoflop
        >>> runs = simulate_isoflop(SURFACES["chinchilla"], [1e17, 1e19, 1e21], 15, 1.0)
        >>> fit = fit_surface(runs.N, runs.D, runs.L)
        >>> [round(value, 8) for value in (fit.surface.alpha, fit.surface.beta, fit.surface.E)]
        [0.34, 0.28, 1.69]

    Source: Sec. 7 of arXiv:2603.22339; Approach 3 of arXiv:2203.15556.
    """
    runs = as_runs(N, D, L)
    return fit_table(runs, method=method, residual=residual, loss=loss, delta=delta, bounds=bounds, nonneg=nonneg)


def fit_table(
    runs: RunTable,
    *,
    method: str = "vp",
    residual: str | None = None,
    loss: str = "mse",
    delta: Real = 1e-3,
    bounds: Bounds | None = None,
    nonneg: bool = True,
    projected_start: bool = True,
) -> SurfaceFit:
    """:func:`fit_surface` on a checked table.

    ``projected_start=False`` leaves the variable-projection solution out of the starts of ``a3``, for comparisons.
    """
    residual = residual or ("linear" if method == "vp" else "log")
    if method not in ("vp", "a3"):
        raise ValueError(f"method must be 'vp' or 'a3', got {method!r}")
    if residual not in ("linear", "log") or loss not in ("mse", "huber"):
        raise ValueError(f"residual must be linear or log and loss mse or huber, got {residual!r} and {loss!r}")
    if method == "vp" and residual == "log":
        raise ValueError("residual='log' makes the model non-linear in E, A and B, so it needs method='a3'")
    if not nonneg and (method == "a3" or loss == "huber"):
        raise ValueError("nonneg=False is least squares on linear residuals: use method='vp' with loss='mse'")
    if not delta > 0:
        raise ValueError(f"delta must be positive, in units of the residual, got {delta}")
    flags = identifiability(runs)
    bounds = bounds or Bounds()
    delta = float(delta) if loss == "huber" else np.inf
    if residual == "linear" and loss == "huber":
        solved = _fit_huber(runs, bounds, delta)
    elif method == "a3":
        solved = _fit_direct(runs, bounds, residual, delta, projected_start)
    else:
        solved = _fit_projected(runs, bounds, nonneg)
    return _report(runs, solved, method, residual, delta, bounds, flags)


@dataclass(frozen=True)
class _Solved:
    surface: LossSurface
    objective: float  # half the squares, or the Huber sum
    converged: bool
    starts: tuple[int, float]
    flags: tuple[str, ...] = ()


def _report(
    runs: RunTable, solved: _Solved, method: str, residual: str, delta: float, bounds: Bounds, flags: tuple
) -> SurfaceFit:
    surface = solved.surface
    r = "ln L - ln fit" if residual == "log" else "L - fit"
    squares = np.isinf(delta)
    what = f"sum over runs of ({r})^2" if squares else f"sum over runs of Huber(delta={delta:g}) of {r}"
    at_bound = tuple(
        [f"{name}=0" for name in ("E", "A", "B") if getattr(surface, name) <= 1e-20]
        + [
            name
            for name, (low, high) in zip(("alpha", "beta"), bounds.array(), strict=True)
            if min(getattr(surface, name) - low, high - getattr(surface, name)) < 1e-9
        ]
    )
    if at_bound:
        flags = (*flags, f"{', '.join(at_bound)} at a bound: widen the bounds, or the table does not determine it")
    if not solved.converged:
        flags = (*flags, "the solver did not reach a stationary point")
    return SurfaceFit(
        surface=surface,
        objective=solved.objective * (2 if squares else 1),
        definition=what,
        rss=float(np.sum((runs.L - surface.loss(runs.N, runs.D)) ** 2)),
        n=runs.n,
        method=method,
        residual=residual,
        delta=delta,
        converged=solved.converged,
        at_bound=at_bound,
        starts=solved.starts,
        covariance=covariance(surface, runs.N, runs.D, runs.L, residual, delta),
        condition=condition_numbers(surface, runs.N, runs.D),
        flags=(*flags, *solved.flags),
    )


def search_space(bounds: Bounds, cells: int = START_CELLS) -> Exponents:
    """Start grid and bounds for a compiled fit, which converts them faster than ``jnp.asarray``."""
    alphas, betas = bounds.grid(cells)
    return Exponents(*cast(tuple[jax.Array, ...], (alphas, betas, bounds.array())))


@in_double_precision
def _fit_projected(runs: RunTable, bounds: Bounds, nonneg: bool) -> _Solved:
    centred, centre = centre_runs(runs.N, runs.D, runs.L)
    fit = fit_projected(centred, search_space(bounds), jnp.asarray(nonneg), starts=4)
    theta = np.asarray(fit.theta)
    if np.any(theta < 0):
        names = ", ".join(name for name, value in zip(("E", "A", "B"), theta, strict=True) if value < 0)
        raise ValueError(f"least squares gives a negative {names}, which is no loss surface; use nonneg=True")
    collinear = int(fit.collinear_cells)
    flags = (f"{collinear} cells of the start grid had collinear columns and were skipped",) if collinear else ()
    surface = centre.surface(np.asarray(fit.exponents), theta)
    return _Solved(surface, float(fit.rss) / 2, bool(fit.converged), (4, float("nan")), flags)


@in_double_precision
def _fit_direct(runs: RunTable, bounds: Bounds, residual: str, delta: float, projected_start: bool) -> _Solved:
    centred, centre = centre_runs(runs.N, runs.D, runs.L)
    starts = _starts(centred, bounds, projected_start)
    if residual == "linear":
        starts[:, :3] = np.exp(starts[:, :3])
    fits = fit_from_starts[residual](
        centred, jnp.asarray(starts), jnp.asarray(delta), parameter_box(residual, bounds.array())
    )
    best = _best(fits)
    surface = centre.surface(best.p[3:], coefficients(best.p, residual))
    return _Solved(surface, best.objective, best.converged, (len(starts), best.reached))


def _starts(centred: CentredRuns, bounds: Bounds, projected: bool) -> np.ndarray:
    """A spread of exponents with E at part of the smallest loss, and the variable-projection solution; logs."""
    L = np.asarray(centred.L)[np.asarray(centred.weights) > 0]
    starts = []
    if projected:
        vp: ProjectedFit = fit_projected(centred, search_space(bounds), jnp.asarray(True), starts=4)
        starts.append([*np.log(np.maximum(np.asarray(vp.theta), 1e-6 * L.min())), *np.asarray(vp.exponents)])
    low, high = bounds.array().T
    for share in (0.5, 0.95):
        rest = np.log(L.mean() - share * L.min()) - np.log(2)
        for t_alpha, t_beta in ((0.2, 0.2), (0.2, 0.6), (0.6, 0.2), (0.6, 0.6)):
            spread = low + np.array([t_alpha, t_beta]) * (high - low)
            starts.append([np.log(share * L.min()), rest, rest, *spread])
    return np.array(starts)


@in_double_precision
def _fit_huber(runs: RunTable, bounds: Bounds, delta: float) -> _Solved:
    centred, centre = centre_runs(runs.N, runs.D, runs.L)
    alphas, betas = (np.linspace(low, high, 99) for low, high in bounds.array())
    cell = certified_minimum(centred, alphas, betas, delta)
    start = jnp.asarray([[*np.maximum(cell.theta, 0.0), cell.alpha, cell.beta]])
    fits = fit_from_starts["linear"](centred, start, jnp.asarray(delta), parameter_box("linear", bounds.array()))
    best = _best(fits)
    flags = () if cell.certified else ("the start grid's minimum could not be certified",)
    return _Solved(centre.surface(best.p[3:], best.p[:3]), best.objective, best.converged, (1, 1.0), flags)


class _Best(NamedTuple):
    """The start that ends lowest, and the share of starts that end as low."""

    p: np.ndarray
    objective: float
    converged: bool
    reached: float


def _best(fits) -> _Best:
    objective = np.asarray(fits.objective)
    k = int(np.argmin(objective))
    reached = float(np.mean(objective <= objective[k] * (1 + 1e-9) + 1e-300))
    return _Best(np.asarray(fits.p)[k], float(objective[k]), bool(np.asarray(fits.converged)[k]), reached)


@dataclass(frozen=True)
class GridMinimum:
    """Result of :func:`grid_search`.

    Attributes:
        alpha, beta: the best cell.
        rss: its residual sum of squares, with E, A, B solved exactly.
        collinear_cells: cells whose columns can't be told apart, left out of the sets that use both.
    """

    alpha: float
    beta: float
    rss: float
    collinear_cells: int


@in_double_precision
def grid_search(
    N: ArrayLike,
    D: ArrayLike,
    L: ArrayLike,
    *,
    resolution: Real = 0.01,
    bounds: Bounds | None = None,
    nonneg: bool = True,
) -> GridMinimum:
    """Exhaustive search over (alpha, beta) with exact non-negative least squares in every cell, as one matrix product.

    Args:
        N, D, L: the runs.
        resolution: step of the grid.
        bounds: its extent.
        nonneg: keep E, A, B >= 0.

    Returns:
        The best cell.

    Raises:
        ValueError: wrong columns, or a resolution that is not positive or exceeds the bounds.

    Example:
        >>> from symplast.scaling import SURFACES, simulate_isoflop
        >>> runs = simulate_isoflop(SURFACES["chinchilla"], [1e17, 1e19, 1e21], 15, 1.0)
        >>> found = grid_search(runs.N, runs.D, runs.L)
        >>> round(found.alpha, 10), round(found.beta, 10)
        (0.34, 0.28)
    """
    runs = as_runs(N, D, L)
    identifiability(runs)
    box = (bounds or Bounds()).array()
    if not 0 < resolution <= np.ptp(box, axis=1).min():
        raise ValueError(f"resolution must be positive and smaller than the bounds' range, got {resolution}")
    alphas, betas = (low + resolution * np.arange(int((high - low) / resolution + 1e-9) + 1) for low, high in box)
    centred, _ = centre_runs(runs.N, runs.D, runs.L)
    index, rss, collinear = best_cell(centred, jnp.asarray(alphas), jnp.asarray(betas), jnp.asarray(nonneg))
    row, column = divmod(int(index), betas.size)
    return GridMinimum(float(alphas[row]), float(betas[column]), float(rss), int(collinear))
