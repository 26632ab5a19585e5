"""The five-parameter problem, solved directly: any residual, any loss, a box, several starts.

Centred logs x = ln N - mean, y = ln D - mean remove nearly all of the ill-conditioning that the problem has in raw
parameters. Parameters are p = (E, A', B', alpha, beta) for linear residuals and (ln E, ln A', ln B', alpha, beta) for
log residuals, with A' = A exp(-alpha mean ln N), B' likewise. Newton's method with the exact Hessian, damped by the
Gauss-Newton matrix of the reweighted residuals, polishes until the objective stops changing.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve
from jax.scipy.special import logsumexp
from jaxtyping import Array, Bool, Float, Int

from symplast.scaling.centred import CentredRuns
from symplast.scaling.precision import BRISKLY

MAX_STEPS = 500
RESAMPLE_STEPS = 100
"""Steps of a refit that starts at the fit of the whole table."""

STALLED = 1e14


class DirectFit(NamedTuple):
    """Parameters p, objective (sum of rho), number of steps, and whether the gradient vanished in the box."""

    p: Float[Array, "5"]
    objective: Float[Array, ""]
    steps: Int[Array, ""]
    converged: Bool[Array, ""]


class Box(NamedTuple):
    """Bounds of the five parameters; infinite where there is none."""

    low: Float[Array, "5"]
    high: Float[Array, "5"]


LOG_RANGE = 60.0
"""Bounds of ln E, ln A' and ln B'; a fit that ends at the lower one has that term zero."""


def parameter_box(residual: str, exponents: np.ndarray) -> Box:
    """The box of the five parameters for exponent bounds ``[[alpha low, high], [beta low, high]]``."""
    low, high = (-LOG_RANGE, LOG_RANGE) if residual == "log" else (0.0, np.inf)
    return Box(*(jnp.asarray(np.array([end] * 3 + [*exponents[:, k]])) for k, end in enumerate((low, high))))


def coefficients(p: np.ndarray, residual: str) -> np.ndarray:
    """(E, A', B') from parameters ``[..., 5]``."""
    if residual == "linear":
        return p[..., :3]
    return np.where(p[..., :3] <= -LOG_RANGE, 0.0, np.exp(p[..., :3]))


class Local(NamedTuple):
    """Residuals at a point, their Jacobian, and the sum of psi_i times their Hessians as a function of psi."""

    r: Float[Array, " runs"]
    J: Float[Array, "5 runs"]
    bend: Callable[[Float[Array, " runs"]], Float[Array, "5 5"]]


def linear_residuals(p: Float[Array, "5"], runs: CentredRuns) -> Local:
    """L - E - A' e^(-alpha x) - B' e^(-beta y)."""
    u, v = jnp.exp(-p[3] * runs.x), jnp.exp(-p[4] * runs.y)
    xu, yv = runs.x * u, runs.y * v

    def bend(psi):
        x_a, y_b = jnp.stack([xu, yv]) @ psi
        x_x_a, y_y_b = jnp.stack([runs.x * xu, runs.y * yv]) @ psi
        return _symmetric(jnp.stack([x_a, y_b, -p[1] * x_x_a, -p[2] * y_y_b]), ((1, 3), (2, 4), (3, 3), (4, 4)))

    J = jnp.stack([-jnp.ones_like(u), -u, -v, p[1] * xu, p[2] * yv])
    return Local(runs.L - p[0] - p[1] * u - p[2] * v, J, bend)


def log_residuals(p: Float[Array, "5"], runs: CentredRuns) -> Local:
    """ln L - logsumexp(ln E, ln A' - alpha x, ln B' - beta y)."""
    z = jnp.stack([jnp.broadcast_to(p[0], runs.x.shape), p[1] - p[3] * runs.x, p[2] - p[4] * runs.y])
    total = logsumexp(z, axis=0)
    e, a, b = jnp.exp(z - total)  # shares of the three terms
    slope = jnp.stack([e, a, b, -runs.x * a, -runs.y * b])

    def bend(psi):
        x_a, y_b = runs.x * a, runs.y * b
        sums = jnp.stack([e, a, b, -x_a, -y_b, runs.x * x_a, runs.y * y_b]) @ psi
        return (slope * psi) @ slope.T - _symmetric(sums, ((0, 0), (1, 1), (2, 2), (1, 3), (2, 4), (3, 3), (4, 4)))

    return Local(jnp.log(runs.L) - total, -slope, bend)


def _symmetric(values: Float[Array, " places"], places: tuple[tuple[int, int], ...]) -> Float[Array, "5 5"]:
    """The symmetric matrix with values at these places and 0 elsewhere: one look-up, which compiles fast."""
    where = np.full((5, 5), len(places))
    for k, (i, j) in enumerate(places):
        where[i, j] = where[j, i] = k
    return jnp.append(values, 0.0)[where]


RESIDUALS = {"linear": linear_residuals, "log": log_residuals}

LONGEST = {"linear": (jnp.inf,) * 3 + (0.3, 0.3), "log": (2.0, 2.0, 2.0, 0.3, 0.3)}
"""Longest step of each parameter: a leap in a logarithm can switch a term off for good."""


def huber_sum(r: Float[Array, " runs"], weights: Float[Array, " runs"], delta: Float[Array, ""]) -> Float[Array, ""]:
    """Sum of w rho(r): r^2/2 within delta, delta (|r| - delta/2) beyond; delta = inf gives half the squares."""
    inner = jnp.clip(r, -delta, delta)
    return jnp.sum(weights * inner * (r - inner / 2))


class _Point(NamedTuple):
    """The objective at a point and its derivatives; ``scale`` is the Gauss-Newton matrix of reweighted residuals."""

    objective: Float[Array, ""]
    slope: Float[Array, "5"]
    hessian: Float[Array, "5 5"]
    scale: Float[Array, "5 5"]


class _State(NamedTuple):
    p: Float[Array, "5"]  # the best so far, and what is known there
    at: _Point
    trial: Float[Array, "5"]  # where to look next
    solvable: Bool[Array, ""]
    damping: Float[Array, ""]
    quiet: Int[Array, ""]
    evaluations: Int[Array, ""]
    done: Bool[Array, ""]


def minimise(
    residual: str, runs: CentredRuns, start: Float[Array, "5"], delta: Float[Array, ""], box: Box, most: int = MAX_STEPS
) -> DirectFit:
    """Damped Newton in a box from one start.

    Parameters at a bound whose slope points outwards are held. A step is accepted when the objective falls; the
    iteration ends when three steps in a row leave it unchanged to 1e-14 relative, or no step improves it.
    """

    residuals, longest = RESIDUALS[residual], jnp.asarray(LONGEST[residual])

    def look(p: Float[Array, "5"]) -> _Point:
        r, J, bend = residuals(p, runs)
        psi = runs.weights * jnp.clip(r, -delta, delta)
        within = runs.weights * (jnp.abs(r) <= delta)
        majorised = runs.weights * jnp.minimum(1.0, delta / jnp.maximum(jnp.abs(r), 1e-300))
        hessian, scale = (J * within) @ J.T + bend(psi), (J * majorised) @ J.T
        return _Point(huber_sum(r, runs.weights, delta), J @ psi, hessian, scale)

    def held(p: Float[Array, "5"], slope: Float[Array, "5"]) -> Bool[Array, "5"]:
        return ((p <= box.low) & (slope > 0)) | ((p >= box.high) & (slope < 0))

    def newton(p: Float[Array, "5"], at: _Point, damping: Float[Array, ""]) -> tuple[Array, Array]:
        """The next trial, and whether there is a step at all."""
        free = ~held(p, at.slope)
        both = free[:, None] & free[None, :]
        floor = 1e-8 * jnp.max(jnp.diag(at.scale)) + 1e-300
        scale = at.scale + floor * jnp.eye(5)
        slope = jnp.where(free, at.slope, 0.0)
        systems = jnp.where(both, jnp.stack([at.hessian + damping * scale, (1 + damping) * scale]), jnp.eye(5))
        exact, majorant = jax.vmap(lambda matrix: cho_solve(cho_factor(matrix), slope))(systems)
        step = jnp.where(jnp.all(jnp.isfinite(exact)), exact, majorant)
        solvable = jnp.all(jnp.isfinite(step))
        step = step / jnp.maximum(1.0, jnp.max(jnp.abs(step) / longest))
        return jnp.clip(p - jnp.where(solvable, step, 0.0), box.low, box.high), solvable

    def body(state: _State) -> _State:
        """Look at the trial (the start is the first): one evaluation a program keeps it half as large."""
        first, old = state.evaluations == 0, state.at
        new = look(state.trial)
        better = first | (state.solvable & (new.objective < old.objective))
        flat = ~first & state.solvable & (jnp.abs(new.objective - old.objective) <= 1e-14 * old.objective)
        quiet = jnp.where(flat, state.quiet + 1, jnp.where(better, 0, state.quiet))
        damping = jnp.where(better, state.damping / 10, jnp.maximum(state.damping * 4, 1e-8))
        damping = jnp.where(damping < 1e-12, 0.0, damping)
        damping = jnp.where(first, state.damping, damping)
        done = (quiet >= 3) | (damping > STALLED) | (~first & (new.objective == 0))
        p = jnp.where(better, state.trial, state.p)
        at = jax.tree.map(lambda n, o: jnp.where(better, n, o), new, old)
        trial, solvable = newton(p, at, damping)
        return _State(p, at, trial, solvable, damping, quiet, state.evaluations + 1, done)

    start = jnp.clip(start, box.low, box.high)
    none = _Point(jnp.asarray(jnp.inf), jnp.zeros(5), jnp.zeros((5, 5)), jnp.zeros((5, 5)))
    count, no = jnp.asarray(0), jnp.asarray(False)
    first = _State(start, none, start, ~no, jnp.asarray(1e-2), count, count, no)
    last = jax.lax.while_loop(lambda s: ~s.done & (s.evaluations <= most), body, first)
    # predicted fall of the objective along the gradient, relative to the objective: free of units
    at = last.at
    scaled = jnp.where(held(last.p, at.slope), 0.0, at.slope) ** 2 / jnp.maximum(jnp.diag(at.scale), 1e-300)
    converged = jnp.max(scaled) <= 1e-10 * at.objective
    converged = converged | (at.objective <= 1e-26 * (runs.weights @ runs.L**2))
    return DirectFit(last.p, at.objective, last.evaluations - 1, converged)


def _from_starts(residual: str):
    def fit(runs, starts, delta, box):
        return jax.vmap(lambda p: minimise(residual, runs, p, delta, box))(starts)

    return jax.jit(fit, **BRISKLY)


def _weighted(residual: str):
    def fit(runs, weights, start, delta, box):
        def one(w):
            return minimise(residual, runs._replace(weights=w), start, delta, box, RESAMPLE_STEPS)

        return jax.vmap(one)(weights)

    return jax.jit(fit, **BRISKLY)


fit_from_starts = {name: _from_starts(name) for name in RESIDUALS}
"""residual -> jitted ``(runs, starts [s, 5], delta, box) -> DirectFit`` with a leading axis of starts."""

fit_direct_weighted = {name: _weighted(name) for name in RESIDUALS}
"""residual -> jitted ``(runs, weights [w, runs], start [5], delta, box) -> DirectFit`` with a leading axis."""
