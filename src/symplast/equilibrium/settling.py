"""Settling to a fixed point, and saying for each example whether it did."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Inexact, Int

from symplast.equilibrium.acceleration import anderson
from symplast.equilibrium.arguments import Targets, check_inputs, check_targets
from symplast.equilibrium.costs import nudge_towards
from symplast.learning.recurrent import RecurrentNet, Relaxation, State

TOLERANCE = 1e-3
"""Largest residual of a state that counts as settled."""


class NotSettled(UserWarning):
    """Some examples have not reached a fixed point; what is computed from them is no gradient."""


class Until(eqx.Module):
    """When settling may stop before all steps are done, and whether it is accelerated on the way.

    Attributes:
        tol: largest residual at rest; an array, so that tolerances share a program.
        memory: earlier changes of which each step is mixed (Anderson acceleration); 0 takes plain steps.
    """

    tol: Float[Array, ""]
    memory: int = eqx.field(static=True, default=0)


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
    memory: int = 0,
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
        memory: earlier changes that accelerate the steps (Anderson), with a tolerance only; 3 to 5 are worth it where
            plain steps are slow. 0 takes plain steps.
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
    until = until_of(tol, memory)
    if isinstance(beta, complex | float | int) and beta != 0 and y is None:
        raise ValueError("y must be given with a nudge: the nudge is beta times the gradient of the loss")
    if jnp.iscomplexobj(beta) and not network.holomorphic:
        raise ValueError("beta must be real here: the network has no complex derivative (take another activation)")
    x = check_inputs(network, x)
    targets = None if y is None else check_targets(network, x, y)
    how = relaxation_of(network, steps, update, damping)
    state = _jitted_settle(network, x, jnp.asarray(beta), targets, init, how, until)
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
    until: Until | None,
) -> Settled:
    drive = network.drive(x)
    nudge = None if targets is None else nudge_towards(network, targets, beta)
    start = network.rest(x) if init is None else init
    if jnp.iscomplexobj(beta):
        start = jax.tree.map(lambda a: a + 0 * beta, start)
    return relax(lambda u: network.step(u, drive, nudge, how), start, how, until)


def relax(
    step: Callable[[Any], Any],
    start: Any,
    how: Relaxation,
    until: Until | None = None,
    watched: Callable[[Any], State] = lambda state: state,
    *,
    relative: bool = False,
) -> Settled:
    """Iterate a step; pure. The residual is the larger of the last two changes, so that no cycle of two hides.

    Args:
        step: state -> state, any tree.
        start: where to begin.
        how: number of steps, and the damping that ``step`` applies.
        until: stop when every residual is within its tolerance.
        watched: the part of the state whose changes count.
        relative: the tolerance is a share of each row's largest entry.
    """

    def change(new: Any, old: Any) -> Float[Array, " rows"]:
        return largest(jax.tree.map(jnp.subtract, watched(new), watched(old))) / how.damping

    if until is None:
        early = max(how.steps - 2, 0)
        u = jax.lax.fori_loop(0, early, lambda _, u: step(u), start)

        def last(_: Any, carried: tuple[Any, Array]) -> tuple[Any, Array]:
            new = step(carried[0])
            return new, jnp.maximum(carried[1], change(new, carried[0]))

        nothing = jnp.zeros_like(largest(watched(start)))
        u, residual = jax.lax.fori_loop(0, how.steps - early, last, (u, nothing))
        return Settled(u, residual, jnp.int32(how.steps), residual <= TOLERANCE)

    tol = until.tol

    def settled(u: Any, residual: Array) -> Bool[Array, " rows"]:
        return residual <= (tol * largest(watched(u)) if relative else tol)

    if until.memory:
        return _accelerated(step, start, how, until, settled)

    def going(carried: tuple[State, Array, Array, Array]) -> Array:
        u, now, before, count = carried
        return (count < how.steps) & ~jnp.all(settled(u, jnp.maximum(now, before)))

    def more(carried: tuple[State, Array, Array, Array]) -> tuple[State, Array, Array, Array]:
        u, now, _, count = carried
        new = step(u)
        return new, change(new, u), now, count + 1

    far = jnp.full_like(largest(watched(start)), jnp.inf)
    u, now, before, count = jax.lax.while_loop(going, more, (start, far, far, jnp.int32(0)))
    residual = jnp.where(count > 1, jnp.maximum(now, before), now)
    return Settled(u, residual, count, settled(u, residual))


def _accelerated(
    step: Callable[[Any], Any],
    start: Any,
    how: Relaxation,
    until: Until,
    settled: Callable[[Any, Array], Bool[Array, " rows"]],
) -> Settled:
    """As :func:`relax`, on a state flattened to real rows."""
    into = ravel_pytree(jax.tree.map(lambda leaf: leaf[0], start))[1]

    def flat(u: Any) -> Float[Array, "rows n"]:
        whole = jax.vmap(lambda row: ravel_pytree(row)[0])(u)
        return jnp.concatenate([whole.real, whole.imag], axis=1) if jnp.iscomplexobj(whole) else whole

    def tree(rows: Float[Array, "rows n"]) -> Any:
        real = not jnp.iscomplexobj(jax.tree.leaves(start)[0])
        return jax.vmap(into)(rows if real else jax.lax.complex(*jnp.split(rows, 2, axis=1)))

    rows, residual, count = anderson(
        lambda x: flat(step(tree(x))),
        flat(start),
        steps=how.steps,
        memory=until.memory,
        residual=lambda change: largest(tree(change)) / how.damping,
        settled=lambda x, residual: settled(tree(x), residual),
    )
    u = tree(rows)
    return Settled(u, residual, count, settled(u, residual))


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


def until_of(tol: float | Float[Array, ""] | None, memory: int = 0) -> Until | None:
    """Checked settings; None without a tolerance.

    Raises:
        ValueError: a tolerance that is not above 0, or a memory that is negative or has no tolerance.
    """
    if isinstance(memory, bool) or int(memory) != memory or memory < 0:
        raise ValueError(f"memory must be a whole number of at least 0, got {memory}")
    if tol is None:
        if memory:
            raise ValueError(f"memory={memory} needs a tolerance at which to stop: give tol")
        return None
    if not isinstance(tol, jax.core.Tracer) and not tol > 0:
        raise ValueError(f"tol must be above 0, got {tol}")
    return Until(jnp.asarray(tol, float), int(memory))


def warn_unless_settled(residual: Array, tol: float, what: str, remedy: str = "") -> None:
    """Warn with the share of rows beyond the tolerance; silent inside a JAX transformation."""
    if isinstance(residual, jax.core.Tracer):
        return
    residuals = np.asarray(residual)
    beyond = float(np.mean(~(residuals <= tol)))
    if beyond:
        remedy = remedy or "take more steps, update='sweep' or damping below 1"
        worst = float(residuals.max())
        warnings.warn(
            f"{what} is not settled for {beyond:.1%} of the examples (residual above {tol:g}, largest {worst:.3g}): "
            f"{remedy}",
            NotSettled,
            stacklevel=3,
        )


def work_of(network: RecurrentNet, x: Float[Array, "rows ..."], steps: int) -> float:
    """About how many multiplications with a weight so many steps of a batch take."""
    weights = sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)))
    return float(weights) * steps * x.shape[0]
