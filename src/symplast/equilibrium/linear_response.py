"""Error vectors without a finite nudge: the response's derivative (EP) and its adjoint (recurrent backprop).

With ``K = W D`` at the fixed point (W the derivative of the field, D that of the activation)::

    response  v = K v + c,          eps   = D v          derivative of the activity by the nudge
    adjoint   delta = K^T delta + D c                    gradient of the loss by the field
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from symplast.equilibrium.costs import cost_gradient, nudge_towards
from symplast.equilibrium.nudges import antisymmetric_pull
from symplast.equilibrium.settling import Settled, Until, largest, relax
from symplast.learning.recurrent import RecurrentNet, Relaxation, State


def response(
    network: RecurrentNet,
    u: State,
    drive: PyTree,
    targets: Float[Array, "rows outputs"],
    how: Relaxation,
    until: Until | None = None,
    *,
    corrected: bool = False,
) -> tuple[State, Settled]:
    """``eps = dr/dbeta`` at beta = 0 after so many nudged steps from the free state, in forward mode.

    At a fixed point this is the tangent iteration ``v <- K v + c``; where the state has not settled, state and tangent
    go on together. With a tolerance the state is held fixed, at half the products.

    Args:
        network: the network.
        u: its free state.
        drive: from ``network.drive``.
        targets: one-hot rows or values.
        how: nudged steps, way of updating, damping.
        until: tolerance of the tangent, relative to its largest entry, and acceleration; None does all steps.
        corrected: asym-EP: the nudged field loses ``2 A (r - r*)``, so that the response becomes delta.

    Returns:
        eps, and the tangent of the potentials with its residual.

    Source:
        [reference code] of arXiv:2309.02214, its N = 0.
    """
    restoring = antisymmetric_pull(network, u, drive) if corrected else None
    zero = jnp.zeros((), jnp.result_type(*jax.tree.leaves(u)))

    def step(a: State, beta: Float[Array, ""]) -> State:
        towards = nudge_towards(network, targets, beta)
        nudge = towards if restoring is None else lambda r: jax.tree.map(jnp.add, towards(r), restoring(r))
        return network.step(a, drive, nudge, how)

    def both(pair: tuple[State, State]) -> tuple[State, State]:
        state, tangent = pair
        return jax.jvp(step, (state, zero), (tangent, jnp.ones_like(zero)))

    if until is not None:
        push = jax.linearize(step, u, zero)[1]
        settled = relax(
            lambda v: push(v, jnp.ones_like(zero)), jax.tree.map(jnp.zeros_like, u), how, until, relative=True
        )
        return jax.jvp(network.phi, (u,), (settled.u,))[1], settled
    settled = relax(both, (u, jax.tree.map(jnp.zeros_like, u)), how, watched=lambda pair: pair[1])
    state, tangent = settled.u
    return jax.jvp(network.phi, (state,), (tangent,))[1], settled._replace(u=tangent)


def adjoint(
    network: RecurrentNet,
    u: State,
    drive: PyTree,
    targets: Float[Array, "rows outputs"],
    how: Relaxation,
    until: Until | None = None,
) -> tuple[State, Settled]:
    """``delta``: the exact gradient of the loss by the field of each unit, by so many steps of recurrent backprop.

    Args and returns as :func:`response`.
    """
    r, slope = jax.linearize(network.phi, u)
    pull = _transposed(jax.linearize(lambda a: network.field(a, drive), r)[1], r)
    settled = _solve(lambda d: slope(pull(d)), slope(cost_gradient(network, r, targets)), how, until)
    return settled.u, settled


def carried_by(
    carrier: RecurrentNet,
    network: RecurrentNet,
    u: State,
    drive: PyTree,
    targets: Float[Array, "rows outputs"],
    how: Relaxation,
    until: Until | None = None,
) -> tuple[State, Settled]:
    """As :func:`adjoint`, but the error comes back through another network's weights: random feedback."""
    r, slope = jax.linearize(network.phi, u)
    pull = _transposed(jax.linearize(lambda a: carrier.field(a, drive), r)[1], r)
    settled = _solve(lambda d: slope(pull(d)), slope(cost_gradient(network, r, targets)), how, until)
    return settled.u, settled


def _transposed(linear: Callable[[State], State], like: State) -> Callable[[State], State]:
    transpose = jax.linear_transpose(linear, like)
    return lambda v: transpose(v)[0]


def _solve(operator: Callable[[State], State], source: State, how: Relaxation, until: Until | None) -> Settled:
    """The fixed point of ``v = operator(v) + source``, from 0."""

    def pulled(v: State) -> State:
        new = jax.tree.map(jnp.add, operator(v), source)
        return jax.tree.map(lambda a, b: a + how.damping * (b - a) if how.damping < 1 else b, v, new)

    def sweep(v: State) -> State:
        for parity in (0, 1):
            v = tuple(b if i % 2 == parity else a for i, (a, b) in enumerate(zip(v, pulled(v), strict=True)))
        return v

    step = sweep if how.update == "sweep" else pulled
    return relax(step, jax.tree.map(jnp.zeros_like, source), how, until, relative=True)


def relative_residual(settled: Settled) -> Array:
    """(rows,) residual over the largest entry: an error vector has a scale of its own."""
    size = largest(settled.u)
    return settled.residual / jnp.where(size > 0, size, 1)
