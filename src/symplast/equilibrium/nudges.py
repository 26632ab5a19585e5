"""Error vectors from finite nudges: the N-point Cauchy estimate, and the one without a separate free phase."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PyTree

from symplast.equilibrium.costs import nudge_towards
from symplast.equilibrium.settling import Settled, Until, relax
from symplast.learning.recurrent import RecurrentNet, Relaxation, State


def cauchy_estimate(
    network: RecurrentNet,
    u: State,
    drive: PyTree,
    targets: Float[Array, "rows outputs"],
    beta: Float[Array, ""],
    n_points: int,
    how: Relaxation,
    until: Until | None = None,
    *,
    corrected: bool = False,
) -> tuple[State, Float[Array, " rows"]]:
    """``eps_N = 1/(N beta) sum_k r*(beta e^{2 pi i k/N}) e^{-2 pi i k/N}``, real part.

    N = 1 is the difference to the free state, N = 2 the centred one. Inside the radius of holomorphy the error is
    ``beta^N r^(N+1)(0) / (N+1)!`` to leading order. Runs at conjugate points are conjugate, so only half are made; the
    real points run in real numbers.

    Args:
        network: the network.
        u: its free state, where every nudged run begins.
        drive: from ``network.drive``.
        targets: one-hot rows or values.
        beta: radius of the circle of nudges; may be negative.
        n_points: N.
        how: nudged steps, way of updating, damping.
        until: tolerance and acceleration of the nudged runs; None does all steps.
        corrected: asym-EP, as in :func:`symplast.equilibrium.linear_response.response`.

    Returns:
        The estimate, and each row's largest residual over the nudged runs.
    """
    activity = nudged_activity(network, u, drive, targets, how, until, corrected=corrected)
    at_real, settled = activity(beta)
    residual = settled.residual
    if n_points == 1:
        free = network.phi(u)
        return jax.tree.map(lambda a, b: (a - b) / beta, at_real, free), residual
    total = at_real
    if n_points % 2 == 0:
        opposite, settled = activity(-beta)
        residual = jnp.maximum(residual, settled.residual)
        total = jax.tree.map(jnp.subtract, total, opposite)
    inner = range(1, (n_points + 1) // 2)
    if inner:
        turns = circle(n_points, u)[jnp.array(inner)]
        runs, settled = jax.vmap(activity)(beta * turns)
        residual = jnp.maximum(residual, settled.residual.max(axis=0))
        total = jax.tree.map(
            lambda t, a: t + 2 * jnp.real(jnp.tensordot(turns.conj(), a, axes=1)).astype(t.dtype), total, runs
        )
    return jax.tree.map(lambda t: t / (n_points * beta), total), residual


def circle(n_points: int, like: State) -> Inexact[Array, " points"]:
    """``e^{2 pi i k/N}`` in the precision of a state."""
    wide = jnp.result_type(*jax.tree.leaves(like)) == jnp.float64
    return jnp.exp(2j * jnp.pi * jnp.arange(n_points) / n_points).astype(jnp.complex128 if wide else jnp.complex64)


def nudged_activity(
    network: RecurrentNet,
    u: State,
    drive: PyTree,
    targets: Float[Array, "rows outputs"],
    how: Relaxation,
    until: Until | None = None,
    *,
    corrected: bool = False,
) -> Callable[[Inexact[Array, ""]], tuple[State, Settled]]:
    """A function: real or complex beta -> activity after the nudged steps, and how they went."""
    restoring = antisymmetric_pull(network, u, drive) if corrected else None

    def activity(beta: Inexact[Array, ""]) -> tuple[State, Settled]:
        towards = nudge_towards(network, targets, beta)

        def nudge(r: State) -> State:
            return towards(r) if restoring is None else jax.tree.map(jnp.add, towards(r), restoring(r))

        start = jax.tree.map(lambda a: a.astype(jnp.result_type(a, beta)), u)
        settled = relax(lambda a: network.step(a, drive, nudge, how), start, how, until)
        return network.phi(settled.u), settled

    return activity


def antisymmetric_pull(network: RecurrentNet, u: State, drive: PyTree) -> Callable[[State], State]:
    """``r -> -2 A (r - r*)``, A the antisymmetric part of the field's derivative at the free state."""
    rest = network.phi(u)
    forward = jax.linearize(lambda a: network.field(a, drive), rest)[1]
    transpose = jax.linear_transpose(forward, rest)

    def real(v: State) -> State:
        return jax.tree.map(jnp.subtract, transpose(v)[0], forward(v))

    def pull(r: State) -> State:
        away = jax.tree.map(jnp.subtract, r, rest)
        if not any(jnp.iscomplexobj(leaf) for leaf in jax.tree.leaves(away)):
            return real(away)
        parts = real(jax.tree.map(jnp.real, away)), real(jax.tree.map(jnp.imag, away))
        return jax.tree.map(jax.lax.complex, *parts)

    return pull


def online_estimate(
    network: RecurrentNet,
    x: Float[Array, "rows ..."],
    targets: Float[Array, "rows outputs"],
    beta: Float[Array, ""],
    n_points: int,
    blocks: int,
    how: Relaxation,
) -> tuple[State, State, Float[Array, " rows"]]:
    """Estimate in continuous time, without a free phase: the nudge goes round the circle block by block.

    Block k runs at ``beta_k = beta e^{2 pi i k/N}`` from the end u_k of the block before;
    ``eps = Re mean_k phi(u_k) / beta_k`` and the free state is ``Re mean_k u_k``.

    Args:
        network: the network.
        x: inputs.
        targets: one-hot rows or values.
        beta: radius of the circle.
        n_points: N, at least 2.
        blocks: a multiple of N; otherwise the free activity does not cancel.
        how: steps of one block, way of updating, damping.

    Returns:
        The estimate, the free state, and each row's largest residual at the ends of the last turn's blocks.
    """
    drive = network.drive(x)
    turns = circle(n_points, network.rest(x))
    start = jax.tree.map(lambda a: a.astype(turns.dtype), network.rest(x))
    mean = jax.tree.map(jnp.zeros_like, start)

    def block(carried: tuple[State, State, State], k: Array) -> tuple[tuple[State, State, State], Array]:
        u, state, error = carried
        nudge = beta * turns[k % n_points]
        settled = relax(lambda a: network.step(a, drive, nudge_towards(network, targets, nudge), how), u, how)
        state = jax.tree.map(lambda s, a: s + a / blocks, state, settled.u)
        error = jax.tree.map(lambda e, a: e + a / (blocks * nudge), error, network.phi(settled.u))
        return (settled.u, state, error), settled.residual

    (_, state, error), residuals = jax.lax.scan(block, (start, mean, mean), jnp.arange(blocks))
    return jax.tree.map(jnp.real, error), jax.tree.map(jnp.real, state), residuals[-n_points:].max(axis=0)
