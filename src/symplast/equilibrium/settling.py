"""Settling to a fixed point, and saying for each example whether it did."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact, Int

from symplast.equilibrium.arguments import Targets, check_inputs, check_targets
from symplast.equilibrium.costs import nudge_towards
from symplast.learning.recurrent import RecurrentNet, Relaxation, State

TOLERANCE = 1e-3
"""Largest residual of a state that counts as settled."""


class NotSettled(UserWarning):
    """Some examples have not reached a fixed point; what is computed from them is no gradient."""


class Settled(NamedTuple):
    """Where a network came to rest.

    Attributes:
        u: potentials, rows first.
        residual: (rows,) largest change of a unit in each of the last two updates, over the damping.
        steps: updates done.
        converged: (rows,) whether the residual is within the tolerance.
    """

    u: State
    residual: Float[Array, " rows"]
    steps: Int[Array, ""]
    converged: Bool[Array, " rows"]


def settle(
    network: RecurrentNet,
    x: Float[Array, "rows ..."],
    *,
    beta: complex | float | Inexact[Array, ""] = 0.0,
    y: Targets | None = None,
    steps: int | None = None,
    tol: float | None = None,
    init: State | None = None,
    update: str | None = None,
    damping: float | None = None,
) -> Settled:
    """Let a network settle, freely or nudged.

    ``u <- u + damping F``, ``F = H(phi(u), x) - u + beta P_out dL/dr_out``. A positive beta moves the output *away*
    from the target, so that the response carries the sign of a gradient.

    Args:
        network: the network.
        x: inputs, one a row.
        beta: strength of the nudge; complex ones move the state off the real line.
        y: class indices, one-hot rows or values; needed for a nudge.
        steps: at most so many; None for the network's own number.
        tol: stop when every residual is within it; None does all steps and holds residuals against ``TOLERANCE``.
        init: potentials to start from; None for 0.
        update: ``synchronous`` or ``sweep``; None for the network's own.
        damping: share of the way to the new state; None for the network's own.

    Returns:
        The state, with a residual for each row. Warns (:class:`NotSettled`) where a row is not within the tolerance.

    Raises:
        ValueError: inputs that don't fit or are not finite, a nudge without targets, targets that don't fit, steps,
            update, damping or a tolerance out of range.

    Example:
        >>> from symplast.learning.recurrent import LayeredNet
        >>> net = LayeredNet((4, 8, 3), key=jax.random.key(0))
        >>> state = settle(net, jnp.ones((2, 4)), tol=1e-5)
        >>> bool(state.converged.all()), int(state.steps) < 60
        (True, True)

    Source:
        [reference code] of arXiv:2309.02214.
    """
    if tol is not None and not tol > 0:
        raise ValueError(f"tol must be above 0, got {tol}")
    if isinstance(beta, complex | float | int) and beta != 0 and y is None:
        raise ValueError("y must be given with a nudge: the nudge is beta times the gradient of the loss")
    if jnp.iscomplexobj(beta) and not network.holomorphic:
        raise ValueError("beta must be real here: the network has no complex derivative (take another activation)")
    x = check_inputs(network, x)
    targets = None if y is None else check_targets(network, x, y)
    how = relaxation_of(network, steps, update, damping)
    state = _jitted_settle(network, x, jnp.asarray(beta), targets, init, how, tol)
    warn_unless_settled(state.residual, TOLERANCE if tol is None else tol, "the free state" if y is None else "a state")
    return state


@eqx.filter_jit
def _jitted_settle(
    network: RecurrentNet,
    x: Array,
    beta: Array,
    targets: Array | None,
    init: State | None,
    how: Relaxation,
    tol: float | None,
) -> Settled:
    drive = network.drive(x)
    nudge = None if targets is None else nudge_towards(network, targets, beta)
    start = network.rest(x) if init is None else init
    if jnp.iscomplexobj(beta):
        start = jax.tree.map(lambda a: a + 0 * beta, start)
    return relax(lambda u: network.step(u, drive, nudge, how), start, how, tol)


def relax(
    step: Callable[[Any], Any],
    start: Any,
    how: Relaxation,
    tol: float | None = None,
    watched: Callable[[Any], State] = lambda state: state,
) -> Settled:
    """Iterate a step; pure. The residual is the larger of the last two changes, so that no cycle of two hides.

    Args:
        step: state -> state, any tree.
        start: where to begin.
        how: number of steps, and the damping that ``step`` applies.
        tol: stop when every residual is within it.
        watched: the part of the state whose changes count.
    """

    def change(new: Any, old: Any) -> Float[Array, " rows"]:
        return largest(jax.tree.map(jnp.subtract, watched(new), watched(old))) / how.damping

    if tol is None:
        early = max(how.steps - 2, 0)
        u = jax.lax.fori_loop(0, early, lambda _, u: step(u), start)

        def last(_: Any, carried: tuple[Any, Array]) -> tuple[Any, Array]:
            new = step(carried[0])
            return new, jnp.maximum(carried[1], change(new, carried[0]))

        nothing = jnp.zeros_like(largest(watched(start)))
        u, residual = jax.lax.fori_loop(0, how.steps - early, last, (u, nothing))
        return Settled(u, residual, jnp.int32(how.steps), residual <= TOLERANCE)

    def going(carried: tuple[State, Array, Array, Array]) -> Array:
        _, now, before, count = carried
        return (count < how.steps) & ~jnp.all(jnp.maximum(now, before) <= tol)

    def more(carried: tuple[State, Array, Array, Array]) -> tuple[State, Array, Array, Array]:
        u, now, _, count = carried
        new = step(u)
        return new, change(new, u), now, count + 1

    far = jnp.full_like(largest(watched(start)), jnp.inf)
    u, now, before, count = jax.lax.while_loop(going, more, (start, far, far, jnp.int32(0)))
    residual = jnp.where(count > 1, jnp.maximum(now, before), now)
    return Settled(u, residual, count, residual <= tol)


def largest(state: State) -> Float[Array, " rows"]:
    """Largest modulus of each row over all leaves."""
    rows = [jnp.abs(leaf).reshape(leaf.shape[0], -1).max(axis=1) for leaf in jax.tree.leaves(state)]
    return jnp.max(jnp.stack(rows), axis=0)


def relaxation_of(
    network: RecurrentNet, steps: int | None = None, update: str | None = None, damping: float | None = None
) -> Relaxation:
    """The network's own way to settle, with what is not None replaced."""
    own = network.relaxation
    how = Relaxation(
        own.steps if steps is None else steps,
        own.update if update is None else update,
        own.damping if damping is None else damping,
    )
    if how.update == "sweep" and not network.sweepable:
        raise ValueError("update must be synchronous for this network: only layers that form a chain can be swept")
    return how


def warn_unless_settled(residual: Array, tol: float, what: str, remedy: str = "") -> None:
    """Warn with the share of rows beyond the tolerance; silent inside a JAX transformation."""
    if isinstance(residual, jax.core.Tracer):
        return
    beyond = float(jnp.mean(~(residual <= tol)))
    if beyond:
        remedy = remedy or "take more steps, update='sweep' or damping below 1"
        worst = float(jnp.max(residual))
        warnings.warn(
            f"{what} is not settled for {beyond:.1%} of the examples (residual above {tol:g}, largest {worst:.3g}): "
            f"{remedy}",
            NotSettled,
            stacklevel=3,
        )
