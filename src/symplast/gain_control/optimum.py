"""The gains that minimise the objective: in closed form where responses are linear in them, else by iteration."""

import warnings
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve
from jax.scipy.sparse.linalg import cg
from jaxtyping import Array, Bool, Float

from symplast.gain_control.arguments import check_ensemble, traced
from symplast.gain_control.circuit import GainCircuit, Gains
from symplast.gain_control.cost import CodingCost, Terms
from symplast.gain_control.descent import descend
from symplast.gain_control.objective import loss, objective
from symplast.learning.compiling import lightly

Ensembles = Float[Array, "*ensembles stimuli"]


MOST_ITERATIONS = 100

LARGE = 1e6
"""Squares of neurons, times ensembles, from which compiling with all optimisations pays."""


class GainSolution(eqx.Module):
    """Gains that minimise the objective under an ensemble (or under each of several).

    Attributes:
        g: (..., N) gains.
        loss: objective there.
        terms: its three terms.
        grad_norm: norm of the gradient (with ``nonneg``: of its part along which gains can move).
        flag: empty, or ``least norm`` where the optimum is not unique.
    """

    g: Float[Array, "*ensembles neurons"]
    loss: Float[Array, "*ensembles"]
    terms: Terms
    grad_norm: Float[Array, "*ensembles"]
    flag: str = eqx.field(default="", static=True)


class Quadratic(eqx.Module):
    """The objective as a quadratic function of the gains, ``g^T H g - 2 h^T g + const``, for each ensemble.

    ``H = A o C + gamma I`` with ``A = M^T (D^T D + alpha I) M`` and ``C = F diag(p) F^T``;
    ``h = diag(M^T D^T X diag(p) F^T) + gamma g_home``. With the L1 cost of activity ``A`` lacks alpha and ``h`` loses
    ``alpha / 2 (F p) o (M^T 1)``.

    Attributes:
        A: (N, N), shared by all ensembles.
        along: (N, S); ``h = along p + gamma g_home``.
        activity: (N, N) ``M^T M``; (N,) ``M^T 1`` with the L1 cost.
        size: (S,) ``|x|^2``.
    """

    A: Float[Array, "neurons neurons"]
    along: Float[Array, "neurons stimuli"]
    activity: Float[Array, "neurons ..."]
    size: Float[Array, " stimuli"]

    @classmethod
    def of(cls, circuit: GainCircuit, cost: CodingCost) -> "Quadratic":
        """What a circuit's ensembles share."""
        M, F, X = circuit.mixing, circuit.drive, circuit.target
        DM = circuit.decoder @ M
        fit, along = DM.T @ DM, F * (DM.T @ X)
        size = (X**2).sum(axis=0)
        if cost.activity == "l1":
            sums = M.sum(axis=0)
            return cls(fit, along - cost.alpha / 2 * F * sums[:, None], sums, size)
        active = M.T @ M
        return cls(fit + cost.alpha * active, along, active, size)

    def terms(
        self, g: Gains, p: Float[Array, " stimuli"], C: Array, Hg: Array, drive: Array, cost: CodingCost
    ) -> Terms:
        """The terms of the objective from second moments and ``H g``: they don't need the responses."""
        h = self.along @ p + cost.gamma * cost.g_home
        home = cost.gamma * ((g - cost.g_home) ** 2).sum()
        linear = cost.activity == "l1"
        activity = (self.activity * g) @ (drive @ p) if linear else (self.activity * C * g[:, None] * g).sum()
        total = g @ (Hg - 2 * h) + self.size @ p + g.size * cost.gamma * cost.g_home**2
        return Terms(total - cost.alpha * activity - home, cost.alpha * activity, home)


def second_moment(circuit: GainCircuit, p: Float[Array, " stimuli"]) -> Float[Array, "neurons neurons"]:
    """``C = F diag(p) F^T``, through the factors of the drive where its rank is low."""
    if circuit.factors is None:
        return (circuit.drive * p) @ circuit.drive.T
    U, Z = circuit.factors.U, circuit.factors.Z
    return U @ ((Z * p) @ Z.T) @ U.T


def optimal_gains(
    circuit: GainCircuit,
    p: Any,
    cost: CodingCost | None = None,
    nonneg: Any = False,
    *,
    method: str = "closed",
) -> GainSolution:
    """The gains that minimise the objective under an ensemble.

    ``g* = H^{-1} h`` (see :class:`Quadratic`) by Cholesky; with ``nonneg`` the minimum over gains of at least 0, by
    principal pivoting, exact too. Works under jit, vmap and grad; alpha, gamma, W and p may be differentiated through.

    Args:
        circuit: the circuit.
        p: (..., S) one ensemble or several.
        cost: weights of the objective.
        nonneg: whether gains must be at least 0; an array may be given.
        method: ``closed``, or ``lbfgs``, which any circuit allows.

    Returns:
        The solution, with leading dimensions as those of p.

    Raises:
        ValueError: no probabilities, or ``closed`` where responses are not linear in the gains.

    Warns:
        UserWarning: gamma is 0 and the optimum is not unique; the solution of least norm is returned and flagged.

    Example:
        >>> circuit = GainCircuit([[1, 0.5, 0.2], [0.4, 1, 0.4]], [[0, 0.2], [0.1, 0]])
        >>> found = optimal_gains(circuit, [0.2, 0.3, 0.5])
        >>> print(found.g.round(4), f"{found.loss:.4f}")
        [0.6261 0.5669] 1.0956
    """
    cost = (CodingCost() if cost is None else cost).as_arrays()
    ensembles = jnp.asarray(check_ensemble(p, circuit.n_stimuli))
    if method not in ("closed", "lbfgs"):
        raise ValueError(f"method must be closed or lbfgs, got {method!r}")
    if method == "lbfgs":
        return _by_descent(circuit, ensembles, cost, nonneg)
    if not circuit.linear:
        why = "rectify=True" if circuit.rectify else 'gain_site="total"'
        raise ValueError(f'method must be "lbfgs" for a circuit with {why}: its optimum has no closed form')
    if not traced(cost.gamma, circuit, ensembles) and float(cost.gamma) == 0:
        found = _least_norm(circuit, ensembles, cost, bool(nonneg))
        if found is not None:
            return found
    large = circuit.n**2 * (ensembles.size // circuit.n_stimuli) > LARGE
    solved: GainSolution = (_solve_many if large else _solve)(circuit, ensembles, cost, jnp.asarray(nonneg))
    return solved


def solve(
    circuit: GainCircuit, p: Ensembles, cost: CodingCost, nonneg: Bool[Array, ""], iterate: bool = False
) -> GainSolution:
    """All ensembles, one after the other: faster than side by side, since each is large enough.

    ``iterate``: by conjugate gradients where gains may be negative, which take half the time of Cholesky.
    """
    shared = Quadratic.of(circuit, cost)

    def one(p: Float[Array, " stimuli"]) -> GainSolution:
        C = second_moment(circuit, p)
        H = shared.A * C + cost.gamma * jnp.eye(circuit.n, dtype=C.dtype)
        h = shared.along @ p + cost.gamma * cost.g_home
        if iterate:
            g = jax.lax.cond(nonneg, lambda: _bounded(H, h, nonneg), lambda: _iterated(H, h))
        else:
            g = _bounded(H, h, nonneg)
        Hg = H @ g
        terms, gradient = shared.terms(g, p, C, Hg, circuit.drive, cost), 2 * (Hg - h)
        free = jnp.where(nonneg & (g <= 0), jnp.minimum(gradient, 0.0), gradient)
        return GainSolution(g, terms.total, terms, jnp.linalg.norm(free))

    if p.ndim == 1:
        return one(p)
    flat = jax.lax.map(one, p.reshape(-1, p.shape[-1]))
    return jax.tree.map(lambda leaf: leaf.reshape(*p.shape[:-1], *leaf.shape[1:]), flat)


_solve = lightly(solve)
_solve_many = eqx.filter_jit(partial(solve, iterate=True))


def _iterated(H: Array, h: Array) -> Gains:
    """Preconditioned conjugate gradients, to rounding; Cholesky where they don't get there."""
    eps = float(jnp.finfo(H.dtype).eps)
    scale = 1 / jnp.diagonal(H)
    g, _ = cg(lambda v: H @ v, h, tol=8 * eps, maxiter=MOST_ITERATIONS, M=lambda v: scale * v)
    close = jnp.linalg.norm(H @ g - h) <= 100 * eps * jnp.linalg.norm(h)
    return jax.lax.cond(close, lambda: g, lambda: _masked(H, h, jnp.ones(h.shape, dtype=bool)))


def _bounded(H: Array, h: Array, nonneg: Any) -> Gains:
    """Minimum of ``g^T H g - 2 h^T g``, over g >= 0 where asked; differentiable through the free gains."""
    return _masked(H, h, _pivot(*jax.lax.stop_gradient((H, h)), jnp.asarray(nonneg)))


def _masked(H: Array, h: Array, free: Bool[Array, " neurons"]) -> Gains:
    """Solve for the free gains; the others are 0."""
    inside = free[:, None] & free
    eye = jnp.eye(h.size, dtype=H.dtype)
    return jnp.where(free, cho_solve(cho_factor(jnp.where(inside, H, eye)), jnp.where(free, h, 0.0)), 0.0)


def _pivot(H: Array, h: Array, nonneg: Bool[Array, ""]) -> Bool[Array, " neurons"]:
    """Which gains are above 0 at the bounded minimum; all, without a step, where gains may be negative.

    Block principal pivoting, with single pivots where it stalls: it ends at the minimum after finitely many steps.

    Source: Judice and Pires, Computers & Operations Research 21:587-596 (1994).
    """
    n = h.size
    slack = 100 * jnp.finfo(H.dtype).eps * jnp.abs(h).max()

    def unfinished(state: Any) -> Array:
        _, bad, _, _, count = state
        return nonneg & bad.any() & (count < 20 * n)

    def turn(state: Any) -> Any:
        free, bad, fewest, patience, count = state
        better = bad.sum() < fewest
        patience = jnp.where(better, 3, patience - 1)
        last = jnp.arange(n) == n - 1 - jnp.argmax(bad[::-1])
        flip = jnp.where(better | (patience >= 0), bad, last) & (count > 0)
        free = free ^ flip
        g = _masked(H, h, free)
        wrong = jnp.where(free, g < 0, H @ g - h < -slack)
        fewest = jnp.where(better & (count > 0), bad.sum(), fewest)
        return free, wrong, fewest, patience, count + 1

    everything = jnp.ones(n, dtype=bool)
    return jax.lax.while_loop(unfinished, turn, (everything, everything, jnp.array(n + 1), jnp.array(3), 0))[0]


def _least_norm(circuit: GainCircuit, p: Ensembles, cost: CodingCost, nonneg: bool) -> GainSolution | None:
    """The solution of least norm where ``A o C`` is singular under some ensemble; None where it is not."""
    shared = jax.tree.map(np.asarray, Quadratic.of(circuit, cost))
    F, rows = np.asarray(circuit.drive, dtype=float), np.asarray(p, dtype=float).reshape(-1, p.shape[-1])
    solutions, singular = [], False
    for row in rows:
        H, h = shared.A * ((F * row) @ F.T), shared.along @ row
        values, vectors = np.linalg.eigh(H)
        kept = values > H.shape[0] * np.finfo(H.dtype).eps * values[-1]
        singular |= not kept.all()
        if nonneg:
            from scipy.optimize import nnls

            root = (np.sqrt(values[kept]) * vectors[:, kept]).T
            solutions.append(nnls(root, np.linalg.lstsq(root.T, h, rcond=None)[0])[0])
        else:
            solutions.append(vectors[:, kept] @ ((vectors[:, kept].T @ h) / values[kept]))
    if not singular:
        return None
    warnings.warn(
        "gamma is 0 and the objective doesn't determine all gains (A o C is singular): the solution of least norm is "
        'returned, flagged "least norm"',
        stacklevel=3,
    )
    dtype = circuit.drive.dtype
    gains, rows = np.array(solutions).astype(dtype), rows.astype(dtype)
    return _shaped(_evaluate(circuit, gains, rows, cost, jnp.asarray(nonneg), "least norm"), p.shape[:-1])


def _by_descent(circuit: GainCircuit, p: Ensembles, cost: CodingCost, nonneg: Any) -> GainSolution:
    """Each ensemble by L-BFGS, from gains of 0.6."""
    if traced(circuit, p, cost):
        raise ValueError('method "lbfgs" runs on the host: call it outside jit, vmap and grad')
    if bool(np.any(nonneg)):
        raise ValueError('nonneg goes with method "closed"; L-BFGS has no bounds')
    found = [descend(circuit, row, cost) for row in np.asarray(p).reshape(-1, p.shape[-1])]
    g, terms, gradient = (np.array(each) for each in zip(*found, strict=True))
    losses, norms = terms.sum(axis=1), np.linalg.norm(gradient, axis=1)
    by_term = Terms(*map(jnp.asarray, terms.T))
    solution = GainSolution(jnp.asarray(g), jnp.asarray(losses), by_term, jnp.asarray(norms))
    return _shaped(solution, p.shape[:-1])


def _shaped(found: GainSolution, leading: tuple[int, ...]) -> GainSolution:
    """With the leading dimensions of the ensembles, on the host: nothing is compiled for it."""
    shaped: GainSolution = jax.tree.map(lambda leaf: jnp.asarray(np.reshape(leaf, (*leading, *leaf.shape[1:]))), found)
    return shaped


@lightly
def _evaluate(
    circuit: GainCircuit, gains: Array, p: Array, cost: CodingCost, nonneg: Bool[Array, ""], flag: str
) -> GainSolution:
    """Terms and gradient at given gains, an ensemble a row."""

    def one(pair: tuple[Array, Array]) -> GainSolution:
        g, row = pair
        gradient = jax.grad(loss)(g, circuit, row, cost)
        terms = objective(circuit, g, row, cost)
        free = jnp.where(nonneg & (g <= 0), jnp.minimum(gradient, 0.0), gradient)
        return GainSolution(g, terms.total, terms, jnp.linalg.norm(free), flag)

    return jax.lax.map(one, (gains, p))
