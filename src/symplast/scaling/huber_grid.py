"""The certified grid minimum of a Huber loss with linear residuals.

For fixed exponents min over theta of sum rho_delta(L - X theta) is convex. Its dual bounds it from below: any lambda
with X^T lambda = 0 and |lambda_i| <= delta gives at least lambda^T L - |lambda|^2 / 2. Clipped least-squares residuals,
projected and scaled, are such a lambda, so almost all cells are ruled out without solving them; the survivors are
solved by reweighted least squares and Newton steps until the duality gap closes, never for a fixed number of steps.

The (alpha, beta) plane is the trailing axes and a ``fori_loop`` runs over the runs: planes accumulate in cache.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from symplast.scaling.centred import CentredRuns
from symplast.scaling.direct_fit import huber_sum
from symplast.scaling.nonnegative import SETS
from symplast.scaling.precision import in_double_precision
from symplast.scaling.variable_projection import back_substitute, grid_moments, orthonormal

CHUNK = 64
"""Survivors are solved this many at a time: one compilation whatever their number."""

SHARES = (1.0, 0.05, 0.0)
"""Weight of the points beyond delta in the trial steps of an iteration, of their reweighted least-squares weight."""

FEW = 4
"""Steps of the first round, which is only there to raise the bounds."""

ROUNDING = 1e-15
"""Objectives this close, relative to themselves, are equal: the later step of SHARES is taken, Newton's best of all,
which can still bring the gradient down where the objective says nothing more."""

MAX_STEPS = 2000
GAP = 1e-7
"""A cell counts as solved when its duality gap is below this share of its objective. Steps that are accepted by their
objective bring the gradient, and with it the gap, down to about the square root of the rounding error, no further."""


class CellSolution(NamedTuple):
    """Huber solution at fixed exponents: theta (E, A', B'), objective, the dual's lower bound, iterations."""

    theta: Float[Array, "3"]
    objective: Float[Array, ""]
    bound: Float[Array, ""]
    iterations: Int[Array, ""]


class HuberGrid(NamedTuple):
    """The grid's minimum (``certified`` when every other cell is ruled out or solved)."""

    alpha: float
    beta: float
    theta: np.ndarray
    objective: float
    certified: bool
    solved_cells: int
    most_iterations: int


@jax.jit
def bound_cells(
    runs: CentredRuns, alphas: Float[Array, " alphas"], betas: Float[Array, " betas"], delta: Float[Array, ""]
) -> tuple[Float[Array, "alphas betas"], Float[Array, "alphas betas"]]:
    """Lower bound of every cell's optimum, and the objective of its least-squares solution (an upper bound)."""
    m = grid_moments(runs, alphas, betas)
    w = runs.weights
    U, V = jnp.exp(-alphas[:, None] * runs.x) - m.u_mean, jnp.exp(-betas[:, None] * runs.y) - m.v_mean.T
    U, V, y = U.T, V.T, runs.L - m.y_mean
    ratio = m.suv / m.svv
    left = jnp.maximum(m.suu - m.suv * ratio, 1e-12 * m.suu)

    def coefficients(on_u, on_v):
        a = (on_u - ratio * on_v) / left
        return a, on_v / m.svv - ratio * a

    A, B = coefficients(m.suy, m.svy)
    shape = m.suv.shape
    zero = jnp.zeros(shape)

    def first_pass(i, sums):
        one, on_u, on_v, upper = sums
        r = y[i] - A * U[i][:, None] - B * V[i][None, :]
        clipped = w[i] * jnp.clip(r, -delta, delta)
        return (
            one + clipped,
            on_u + clipped * U[i][:, None],
            on_v + clipped * V[i][None, :],
            upper + clipped * (r - jnp.clip(r, -delta, delta) / 2),
        )

    n = jnp.max(jnp.where(w > 0, jnp.arange(w.size) + 1, 0))  # padding is not worth a pass
    one, on_u, on_v, upper = jax.lax.fori_loop(0, n, first_pass, (zero, zero, zero, zero))
    p0 = one / m.total
    pa, pb = coefficients(on_u, on_v)  # U and V are centred, so the constant separates

    def second_pass(i, sums):
        along, square, largest = sums
        r = y[i] - A * U[i][:, None] - B * V[i][None, :]
        lam = jnp.clip(r, -delta, delta) - p0 - pa * U[i][:, None] - pb * V[i][None, :]
        lam = jnp.where(w[i] > 0, lam, 0.0)
        return along + w[i] * lam * y[i], square + w[i] * lam**2, jnp.maximum(largest, jnp.abs(lam))

    along, square, largest = jax.lax.fori_loop(0, n, second_pass, (zero, zero, zero))
    return _dual_value(along, square, largest, delta), upper


def _dual_value(along, square, largest, delta):
    """lambda^T L - |lambda|^2 / 2 at the best feasible scaling of lambda."""
    scale = jnp.minimum(delta / jnp.maximum(largest, 1e-300), along / jnp.maximum(square, 1e-300))
    scale = jnp.maximum(scale, 0.0)
    return scale * along - scale**2 * square / 2


def solve_cell(
    runs: CentredRuns, exponents: Float[Array, "2"], delta: Float[Array, ""], support: Bool[Array, "3"],
    limit: Float[Array, ""], most: Int[Array, ""],
) -> CellSolution:  # fmt: skip
    """Huber fit at fixed exponents on the columns in ``support``.

    Each iteration takes the best of a reweighted least-squares step, a Newton step on the points within delta, and one
    between them. It ends when the duality gap closes, the bound passes ``limit`` (the cell can't win), or ``most``
    steps are spent.
    """
    w = runs.weights
    root = jnp.sqrt(w)
    powers = jnp.exp(-exponents[:, None] * jnp.stack([runs.x, runs.y]))
    columns = [jnp.where(on, root * c, 0.0) for on, c in zip(support, [jnp.ones_like(runs.x), *powers], strict=True)]
    scaled, upper = orthonormal(jnp.stack(columns))
    dead = jnp.where(support, 0.0, 1.0)
    basis = [q / jnp.where(root > 0, root, 1.0) for q in scaled]  # orthonormal under the weights

    def predict(t):
        return t[0] * basis[0] + t[1] * basis[1] + t[2] * basis[2]

    def along(z):
        return jnp.stack([jnp.sum(q * (w * z)) for q in basis])

    def bound(r):
        lam = jnp.clip(r, -delta, delta)
        lam = jnp.where(w > 0, lam - predict(along(lam)), 0.0)
        return _dual_value(jnp.sum(w * lam * runs.L), jnp.sum(w * lam**2), jnp.max(jnp.abs(lam)), delta)

    def step(weights, slope):
        g = [[jnp.sum(weights * p * q) for q in basis] for p in basis]
        return _solve_symmetric(g, dead + 1e-14, slope)

    def body(state):
        t, r, value, _, count, _ = state
        clipped = jnp.clip(r, -delta, delta)
        slope = along(clipped)
        reweighted = jnp.minimum(1.0, delta / jnp.maximum(jnp.abs(r), 1e-300))
        within = jnp.abs(r) <= delta
        best = (t, r, value)
        for share in SHARES:  # 1 is the reweighted step, 0 is Newton's
            trial = t + step(w * jnp.where(within, 1.0, share * reweighted), slope)
            left = runs.L - predict(trial)
            reached = huber_sum(left, w, delta)
            best = jax.tree.map(
                lambda new, old, b=reached <= best[2] * (1 + ROUNDING): jnp.where(b, new, old),
                (trial, left, reached),
                best,
            )
        t, r, value = best
        low = bound(r)
        return t, r, value, low, count + 1, (value - low <= GAP * value) | (low > limit) | (value < 1e-30)

    t = along(runs.L)
    t = t + along(runs.L - predict(t))
    r = runs.L - predict(t)
    first = (t, r, huber_sum(r, w, delta), bound(r), jnp.asarray(0), jnp.asarray(False))
    t, _, value, low, count, _ = jax.lax.while_loop(lambda s: ~s[5] & (s[4] < most), body, first)
    return CellSolution(jnp.where(support, back_substitute(upper, t), 0.0), value, low, count)


def _solve_symmetric(g, ridge, y):
    """Solve a symmetric positive 3 x 3 system by elimination, elementwise; ridge keeps absent columns harmless."""
    a, d, f = g[0][0] + ridge[0], g[1][1] + ridge[1], g[2][2] + ridge[2]
    b, c, e = g[0][1], g[0][2], g[1][2]
    l10, l20 = b / a, c / a
    d1, e1 = d - b * l10, e - c * l10
    l21 = e1 / d1
    f2 = f - c * l20 - e1 * l21
    y1 = y[1] - l10 * y[0]
    x2 = (y[2] - l20 * y[0] - l21 * y1) / f2
    x1 = (y1 - e1 * x2) / d1
    return jnp.stack([(y[0] - b * x1 - c * x2) / a, x1, x2])


solve_cells = jax.jit(jax.vmap(solve_cell, in_axes=(None, 0, None, 0, None, None)))
"""A chunk of cells ``exponents [c, 2]``, ``support [c, 3]``."""


@in_double_precision
def certified_minimum(
    runs: CentredRuns, alphas: np.ndarray, betas: np.ndarray, delta: float, nonneg: bool = True
) -> HuberGrid:
    """The cell of the grid with the smallest converged Huber objective, with a certificate.

    Args:
        runs: centred, padded runs.
        alphas, betas: the grid.
        delta: where the loss turns linear, in units of L.
        nonneg: keep E, A, B >= 0.

    Returns:
        The minimum; ``certified`` says that every cell is ruled out by its dual bound or solved to GAP.
    """
    alphas_, betas_, delta_ = jnp.asarray(alphas), jnp.asarray(betas), jnp.asarray(float(delta))
    bounds, upper = (np.asarray(plane).ravel() for plane in bound_cells(runs, alphas_, betas_, delta_))
    bounds = np.minimum(bounds, upper)  # no more than rounding, on data without noise
    cells = np.stack(np.meshgrid(alphas, betas, indexing="ij"), -1).reshape(-1, 2)
    best, solved = _search(runs, cells, bounds, float(upper.min()), delta_, SETS[:1])
    if nonneg and np.any(best.theta < 0):
        # the bounds still hold (a constraint only raises the minimum), the upper bound does not
        best, solved = _search(runs, cells, bounds, np.inf, delta_, SETS[:-1])
    return best._replace(solved_cells=solved)


def _search(runs, cells, bounds, upper, delta, supports) -> tuple[HuberGrid, int]:
    """Rule out cells by their bound, a few steps each, then solve what is left in the order of the bounds."""
    supports = np.asarray(supports)
    open_cells = np.flatnonzero(bounds <= upper * (1 + 1e-12))
    tasks = np.array([(cell, s) for cell in open_cells for s in range(len(supports))])
    low, best, solved = bounds[tasks[:, 0]], None, np.zeros(len(tasks), dtype=bool)
    most_used = 0
    for most in (FEW, MAX_STEPS):
        for chosen in _chunks(np.argsort(low, kind="stable")):
            chosen = chosen[(low[chosen] <= upper * (1 + 1e-12)) & ~solved[chosen]]
            if chosen.size == 0:
                continue
            padded = np.pad(chosen, (0, CHUNK - chosen.size), mode="edge")
            exponents, masks = cells[tasks[padded, 0]], supports[tasks[padded, 1]]
            out = solve_cells(runs, exponents, delta, masks, np.float64(upper), np.int64(most))
            theta, value, lower, count = (np.asarray(part)[: chosen.size] for part in out)
            low[chosen] = np.maximum(low[chosen], lower)
            solved[chosen] = value - lower <= GAP * 1.01 * value
            most_used = max(most_used, int(count.max()))
            allowed = np.all(theta >= 0, axis=1) if len(supports) > 1 else np.ones(len(theta), dtype=bool)
            value = np.where(allowed, value, np.inf)
            k = int(np.argmin(value))
            upper = min(upper, float(value[k]))
            if best is None or value[k] < best.objective:
                alpha, beta = (float(exponent) for exponent in cells[tasks[chosen[k], 0]])
                best = HuberGrid(alpha, beta, theta[k], float(value[k]), True, 0, 0)
    assert best is not None
    certified = bool(np.all(solved | (low > best.objective * (1 - 2 * GAP))))
    return best._replace(certified=certified, most_iterations=most_used), int(solved.sum())


def _chunks(order: np.ndarray) -> list[np.ndarray]:
    return [order[i : i + CHUNK] for i in range(0, order.size, CHUNK)]
