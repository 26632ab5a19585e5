"""Variable projection: a search over (alpha, beta) with E, A, B solved exactly inside.

L = E + A N^-alpha + B D^-beta is linear in (E, A, B) for fixed exponents. A start grid is one matrix product; from its
best local minima a Levenberg-Marquardt iteration on the projected Jacobian runs to machine precision. All functions
here are jitted, work on centred logs x = ln N - mean and y = ln D - mean, and take weights, so that resampling and
leaving out are vmaps over weights and padding costs no compilation.

Source: Sec. 7.2 of arXiv:2603.22339 for the idea; the matrix form and the iteration are ours.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from symplast.scaling.centred import CentredRuns
from symplast.scaling.nonnegative import SETS, Moments, active_set_rss, unconstrained_rss
from symplast.scaling.precision import BRISKLY

MAX_STEPS = 200
STALLED = 1e10
"""Damping at which no step improves the objective any more."""


class Exponents(NamedTuple):
    """Where to search: start grids and bounds ``[[alpha_low, alpha_high], [beta_low, beta_high]]``."""

    alphas: Float[Array, " alphas"]
    betas: Float[Array, " betas"]
    bounds: Float[Array, "2 2"]


class ProjectedFit(NamedTuple):
    """Exponents (alpha, beta), coefficients (E, A', B') for centred logs, RSS, steps, and whether it converged."""

    exponents: Float[Array, "2"]
    theta: Float[Array, "3"]
    rss: Float[Array, ""]
    steps: Int[Array, ""]
    converged: Bool[Array, ""]
    collinear_cells: Int[Array, ""]


def grid_moments(runs: CentredRuns, alphas: Float[Array, " alphas"], betas: Float[Array, " betas"]) -> Moments:
    """Inner products of every cell of the exponent grid; only ``suv`` is a full plane, and it is a matrix product."""
    w, total = runs.weights, runs.weights.sum()
    U, V = jnp.exp(-alphas[:, None] * runs.x), jnp.exp(-betas[:, None] * runs.y)
    u_mean, v_mean, y_mean = U @ w / total, V @ w / total, runs.L @ w / total
    # columns scaled to unit norm keep the products of a steep and a shallow column in range
    U, V, y = U - u_mean[:, None], V - v_mean[:, None], runs.L - y_mean
    wU, wy = U * w, w * y
    return Moments(
        total,
        u_mean[:, None],
        v_mean[None, :],
        y_mean,
        jnp.sum(wU * U, 1)[:, None],
        jnp.sum(w * V**2, 1)[None, :],
        wU @ V.T,
        (U @ wy)[:, None],
        (V @ wy)[None, :],
        y @ wy,
    )


def grid_rss(
    runs: CentredRuns, alphas: Float[Array, " alphas"], betas: Float[Array, " betas"], nonneg: Bool[Array, ""]
) -> tuple[Float[Array, "alphas betas"], Int[Array, ""]]:
    """RSS of every cell (exact NNLS, or least squares without it) and the number of collinear cells."""
    moments = grid_moments(runs, alphas, betas)
    per_set, collinear = active_set_rss(moments)
    plane, one_sided = per_set[0], per_set[1]
    for rss in per_set[2:]:
        if rss.ndim == 2 and rss.shape == plane.shape:
            plane = jnp.minimum(plane, rss)
        else:  # row and column terms stay small until the end
            one_sided = jnp.minimum(one_sided, rss)
    free, _ = unconstrained_rss(moments)
    return jnp.where(nonneg, jnp.minimum(plane, one_sided), free), jnp.sum(jnp.sum(collinear, axis=0))


@jax.jit
def best_cell(
    runs: CentredRuns, alphas: Float[Array, " alphas"], betas: Float[Array, " betas"], nonneg: Bool[Array, ""]
) -> tuple[Int[Array, ""], Float[Array, ""], Int[Array, ""]]:
    """Flat index of the grid's minimum, its RSS, and the number of collinear cells."""
    rss, collinear = grid_rss(runs, alphas, betas, nonneg)
    # reductions over the leading axis run across lanes; the winning column is computed once more to find its row
    column = jnp.argmin(jnp.min(rss, axis=0))
    again, _ = grid_rss(runs, alphas, jax.lax.dynamic_slice(betas, (column,), (1,)), nonneg)
    row = jnp.argmin(again[:, 0])
    return row * betas.size + column, again[row, 0], collinear


class InnerSolution(NamedTuple):
    """Least squares at fixed exponents, and the profiled objective's derivatives there."""

    theta: Float[Array, "3"]
    rss: Float[Array, ""]
    slope: Float[Array, "2"]  # of rss / 2 along (alpha, beta)
    gauss_newton: Float[Array, "2 2"]
    hessian: Float[Array, "2 2"]


def solve_inner(runs: CentredRuns, exponents: Float[Array, "2"], nonneg: Bool[Array, ""]) -> InnerSolution:
    """E, A, B at fixed exponents: choose the active set by its RSS, then solve it by Gram-Schmidt, done twice.

    With X = QR, r = y - X theta and columns j_alpha = A x u, j_beta = B y v, the slope of rss/2 is j . r, its
    Gauss-Newton matrix is that of the columns minus their projection on X, and its exact Hessian adds the terms of r.
    """
    root, logs = jnp.sqrt(runs.weights), jnp.stack([runs.x, runs.y])
    powers = jnp.exp(-exponents[:, None] * logs)
    support = jnp.where(nonneg, SETS[jnp.argmin(jnp.stack(active_set_rss(_moments(runs, powers))[0]))], True)
    columns = jnp.where(support[:, None], root * jnp.concatenate([jnp.ones((1, root.size)), powers]), 0.0)
    basis, upper = orthonormal(columns)
    steep = logs * columns[1:]
    left, along = _project_off(jnp.concatenate([(root * runs.L)[None], steep]), basis)
    theta = jnp.where(support, back_substitute(upper, along[0]), 0.0)
    products, shares = left @ left.T, theta[1:, None] * along[1:]
    gauss_newton = theta[1:, None] * theta[1:] * products[1:, 1:]
    # rows of d(j . r)/d theta in the basis Q: the projection's part and that of the coefficient in j
    pull, bend = (jnp.concatenate([steep, logs * steep]) @ left[0]).reshape(2, 2)
    inverse = jnp.stack([1.0 / upper[1, 1], -upper[1, 2] / (upper[1, 1] * upper[2, 2]), 1.0 / upper[2, 2]])
    mixed = pull[:, None] * jnp.append(inverse, 0.0)[np.array([[3, 0, 1], [3, 3, 2]])] - shares
    hessian = gauss_newton + shares @ shares.T - jnp.diag(theta[1:] * bend) - mixed @ mixed.T
    return InnerSolution(theta, products[0, 0], theta[1:] * products[1:, 0], gauss_newton, hessian)


def _moments(runs: CentredRuns, powers: Float[Array, "2 runs"]) -> Moments:
    """:func:`grid_moments` of one cell, from two products of matrices."""
    values, total = jnp.concatenate([powers, runs.L[None]]), runs.weights.sum()
    means = values @ runs.weights / total
    centred = values - means[:, None]
    s = (centred * runs.weights) @ centred.T
    return Moments(total, means[0], means[1], means[2], s[0, 0], s[1, 1], s[0, 1], s[0, 2], s[1, 2], s[2, 2])


def _project_off(
    columns: Float[Array, "columns runs"], basis: Float[Array, "basis runs"]
) -> tuple[Float[Array, "columns runs"], Float[Array, "columns basis"]]:
    """What is left of columns outside the basis, and their components along it; done twice for full precision."""
    once = columns @ basis.T
    columns = columns - once @ basis
    again = columns @ basis.T
    return columns - again @ basis, once + again


def orthonormal(columns: Float[Array, "3 runs"]) -> tuple[Float[Array, "3 runs"], Float[Array, "3 3"]]:
    """Gram-Schmidt with reorthogonalisation; columns that are zero stay zero with a unit diagonal."""
    basis, upper = jnp.zeros_like(columns), jnp.zeros((3, 3))
    for k in range(3):
        left, along = _project_off(columns[k : k + 1], basis[:k]) if k else (columns[:1], jnp.zeros((1, 0)))
        norm = jnp.sqrt(left[0] @ left[0])
        norm = jnp.where(norm > 0, norm, 1.0)
        basis = basis.at[k].set(left[0] / norm)
        upper = upper.at[:k, k].set(along[0]).at[k, k].set(norm)
    return basis, upper


def back_substitute(upper: Float[Array, "3 3"], y: Float[Array, "3"]) -> Float[Array, "3"]:
    B = y[2] / upper[2, 2]
    A = (y[1] - upper[1, 2] * B) / upper[1, 1]
    E = (y[0] - upper[0, 1] * A - upper[0, 2] * B) / upper[0, 0]
    return jnp.stack([E, A, B])


class _Step(NamedTuple):
    exponents: Float[Array, "2"]  # the best so far, and the solution there
    inner: InnerSolution
    trial: Float[Array, "2"]  # where to look next
    damping: Float[Array, ""]
    evaluations: Int[Array, ""]
    done: Bool[Array, ""]


def refine(
    runs: CentredRuns, start: Float[Array, "2"], bounds: Float[Array, "2 2"], nonneg: Bool[Array, ""]
) -> tuple[Float[Array, "2"], InnerSolution, Int[Array, ""], Bool[Array, ""]]:
    """Damped Newton on the profiled objective inside the bounds, until the RSS stops falling.

    Where the exact Hessian is not positive definite, the projected Jacobian's (Levenberg-Marquardt) takes its place.

    Returns:
        Exponents, inner solution, number of steps, and whether the gradient vanishes (or points out of the bounds).
    """
    nothing = 1e-28 * (runs.weights @ runs.L**2)

    def held(exponents: Float[Array, "2"], inner: InnerSolution) -> Bool[Array, "2"]:
        outward = ((exponents <= bounds[:, 0]) & (inner.slope > 0)) | ((exponents >= bounds[:, 1]) & (inner.slope < 0))
        return outward | (inner.theta[1:] == 0)

    def newton(exponents: Float[Array, "2"], inner: InnerSolution, damping: Float[Array, ""]) -> tuple[Array, Array]:
        """The next trial, and whether it differs from here."""
        h, free = inner.hessian, ~held(exponents, inner)
        both = free[0] & free[1]
        convex = (h[0, 0] > 0) & (h[1, 1] > 0) & (h[0, 0] * h[1, 1] > h[0, 1] ** 2)
        chosen = jnp.where(convex, h, inner.gauss_newton)
        scale = damping * inner.gauss_newton
        h00 = jnp.where(free[0], chosen[0, 0] + scale[0, 0], 1.0)
        h11 = jnp.where(free[1], chosen[1, 1] + scale[1, 1], 1.0)
        h01 = jnp.where(both, chosen[0, 1], 0.0)
        slope = jnp.where(free, inner.slope, 0.0)
        determinant = h00 * h11 - h01**2
        step = jnp.stack([h11 * slope[0] - h01 * slope[1], h00 * slope[1] - h01 * slope[0]])
        step = jnp.where(determinant > 0, step / jnp.where(determinant > 0, determinant, 1.0), 0.0)
        trial = jnp.clip(exponents - step, bounds[:, 0], bounds[:, 1])
        return trial, (determinant <= 0) | jnp.any(jnp.abs(trial - exponents) > 1e-15)

    def body(state: _Step) -> _Step:
        """Solve at the trial (the start is the first): one solution a program keeps it half as large."""
        first, old = state.evaluations == 0, state.inner
        new = solve_inner(runs, state.trial, nonneg)
        better = first | (new.rss < old.rss)
        damping = jnp.where(better, state.damping / 10, jnp.maximum(state.damping * 10, 1e-6))
        damping = jnp.where(first, state.damping, damping)
        flat = ~first & (jnp.abs(old.rss - new.rss) <= 1e-15 * old.rss)
        exponents = jnp.where(better, state.trial, state.exponents)
        inner = jax.tree.map(lambda n, o: jnp.where(better, n, o), new, old)
        trial, moves = newton(exponents, inner, damping)
        done = ~moves | flat | (damping > STALLED) | (new.rss <= nothing)
        return _Step(exponents, inner, trial, damping, state.evaluations + 1, done)

    none = InnerSolution(jnp.zeros(3), jnp.asarray(jnp.inf), jnp.zeros(2), jnp.zeros((2, 2)), jnp.zeros((2, 2)))
    first = _Step(start, none, start, jnp.asarray(1e-3), jnp.asarray(0), jnp.asarray(False))
    last = jax.lax.while_loop(lambda s: ~s.done & (s.evaluations <= MAX_STEPS), body, first)
    slope = jnp.where(held(last.exponents, last.inner), 0.0, last.inner.slope)
    lengths = jnp.sqrt(jnp.diag(last.inner.gauss_newton) * last.inner.rss)
    converged = jnp.all(jnp.abs(slope) <= 1e-6 * lengths) | (last.inner.rss <= 1e4 * nothing)
    return last.exponents, last.inner, last.evaluations - 1, converged


def project(runs: CentredRuns, search: Exponents, nonneg: Bool[Array, ""], starts: int = 1) -> ProjectedFit:
    """Grid, then refinement from its ``starts`` lowest local minima; the best of them."""
    rss, collinear = grid_rss(runs, search.alphas, search.betas, nonneg)
    if starts > 1:
        around = jax.lax.reduce_window(rss, jnp.inf, jax.lax.min, (3, 3), (1, 1), "SAME")
        rss = jnp.where(rss <= around, rss, jnp.inf)
    cells = _lowest(rss.ravel(), starts)
    points = jnp.stack([search.alphas[cells // rss.shape[1]], search.betas[cells % rss.shape[1]]], axis=1)
    exponents, inner, steps, converged = jax.vmap(lambda p: refine(runs, p, search.bounds, nonneg))(points)
    best = jnp.argmin(inner.rss)
    return ProjectedFit(exponents[best], inner.theta[best], inner.rss[best], steps[best], converged[best], collinear)


def _lowest(values: Float[Array, " cells"], count: int) -> Int[Array, " count"]:
    """Indices of the lowest values, in their order: a few searches are faster than sorting all."""

    def take(left: Float[Array, " cells"], _: None) -> tuple[Array, Array]:
        k = jnp.argmin(left)
        return left.at[k].set(jnp.inf), k

    largest = jnp.finfo(values.dtype).max  # below what is taken
    return jax.lax.scan(take, jnp.minimum(values, largest), length=count)[1]


fit_projected = jax.jit(project, static_argnames="starts", **BRISKLY)
"""One table."""

fit_weighted = jax.jit(
    lambda runs, weights, search, nonneg: jax.vmap(
        lambda w: project(runs._replace(weights=w), search, nonneg, starts=1)
    )(weights),
    **BRISKLY,
)
"""One table under many sets of weights ``[sets, runs]``: bootstrap, leaving out."""

fit_tables = jax.jit(jax.vmap(partial(project, starts=1), in_axes=(0, None, None)), **BRISKLY)
"""Many tables ``[tables, runs]`` at once."""
