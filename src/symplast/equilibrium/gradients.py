"""Error vectors and gradients for one batch, with what they are worth: residuals, symmetry, cosine with backprop."""

import warnings
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from symplast.equilibrium.arguments import Targets, check_inputs, check_points, check_targets
from symplast.equilibrium.linear_response import adjoint, relative_residual, response
from symplast.equilibrium.nudges import cauchy_estimate
from symplast.equilibrium.operating_point import flattened, linearised, unflattened
from symplast.equilibrium.rules import EquilibriumPropagation, RecurrentBackprop, SettlingRule
from symplast.equilibrium.settling import (
    TOLERANCE,
    Settled,
    Until,
    relax,
    relaxation_of,
    until_of,
    warn_unless_settled,
    work_of,
)
from symplast.learning.compiling import by_work
from symplast.learning.lengths import cosine
from symplast.learning.protocol import Batch, Parameters
from symplast.learning.recurrent import RecurrentNet, State

METHODS = ("true", "nudge", "rbp", "implicit")


class ErrorVectors(NamedTuple):
    """Error vectors of a batch, and how far the runs behind them had settled.

    Attributes:
        vectors: one number a unit, rows first: eps for ``true`` and ``nudge``, delta for ``rbp`` and ``implicit``.
        free: the free state.
        residual: (rows,) of the nudged runs, or of the linear iteration relative to the vector's size.
        converged: (rows,) whether both residuals are within the tolerance.
    """

    vectors: State
    free: Settled
    residual: Float[Array, " rows"]
    converged: Bool[Array, " rows"]


class GradientInfo(NamedTuple):
    """What a gradient is worth.

    Attributes:
        loss: mean loss of the batch.
        free_unsettled, error_unsettled: share of examples whose free state or error vector has not settled.
        symmetry: ``|S| / (|S| + |A|)`` of the Jacobian (activation left out), mean over the first ten examples.
        cos_to_bp: cosine with the exact gradient at the same free states, over all parameters; the homeostatic part
            is left out.
    """

    loss: Float[Array, ""]
    free_unsettled: Float[Array, ""]
    error_unsettled: Float[Array, ""]
    symmetry: Float[Array, ""]
    cos_to_bp: Float[Array, ""]


def error_vectors(
    network: RecurrentNet,
    x: Float[Array, "rows ..."],
    y: Targets,
    method: str = "true",
    *,
    beta: float | Float[Array, ""] = 0.5,
    n_points: int = 2,
    steps: int = 20,
    free_steps: int | None = None,
    tol: float | None = None,
    memory: int = 0,
    asym_ep: bool = False,
) -> ErrorVectors:
    """Error vector of every unit: how the loss changes with the force on it, or EP's estimate of that.

    Args:
        network: the network.
        x: inputs, one a row.
        y: class indices, one-hot rows or values.
        method: ``true``: derivative of the activity by the nudge; ``nudge``: N-point estimate; ``rbp``: recurrent
            backprop, iterated; ``implicit``: the same by a linear solve with whole matrices.
        beta: radius of the nudges.
        n_points: N.
        steps: nudged, tangent or backprop steps.
        free_steps: of the free phase; None for the network's own.
        tol: settle only until the largest residual is within it, and error vectors until theirs is, relative to their
            size (``nudge``: times beta); None does all steps.
        memory: earlier changes that accelerate the steps, with a tolerance only.
        asym_ep: correct the nudged field so that the response becomes delta (``true`` and ``nudge``).

    Returns:
        The vectors with residuals. Warns (:class:`NotSettled`) where examples have not settled.

    Raises:
        ValueError: an unknown method, a nudge that the network can't take, targets that don't fit.
        FloatingPointError: a nudged run left the finite numbers: the nudge is outside the holomorphic radius.

    Example:
        >>> from symplast.learning.recurrent import LayeredNet
        >>> net = LayeredNet((4, 8, 3), key=jax.random.key(0), angle_deg=90)
        >>> x, y = jnp.ones((2, 4)), jnp.array([0, 2])
        >>> eps = error_vectors(net, x, y, "nudge", beta=0.2, n_points=4)
        >>> delta = error_vectors(net, x, y, "rbp")
        >>> eps.vectors[0].shape, bool(delta.converged.all())
        ((2, 8), True)

    Source:
        arXiv:2309.02214.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    if method == "nudge":
        check_points(network, beta, n_points)
    x = check_inputs(network, x)
    targets, size, until = check_targets(network, x, y), jnp.asarray(beta), until_of(tol, memory)
    relaxation_of(network, free_steps)
    found, finite = _jitted_vectors(network, x, targets, size, until, (method, n_points, steps, free_steps, asym_ep))
    warn_unless_settled(found.free.residual, TOLERANCE, "the free state")
    if method == "nudge" and not isinstance(finite, jax.core.Tracer) and not bool(finite):
        raise FloatingPointError(
            f"a nudged run at |beta| = {abs(beta):g} left the finite numbers: that is outside the holomorphic radius "
            "of the network; take a smaller beta"
        )
    remedy = "take more steps or a smaller beta" if method == "nudge" else "take more steps"
    if method == "rbp":
        remedy = "more steps help where the spectral radius of W D is below 1; else solve it: method='implicit'"
    warn_unless_settled(found.residual, TOLERANCE, "the error vector", remedy)
    return found


@eqx.filter_jit
def _jitted_vectors(
    network: RecurrentNet,
    x: Array,
    targets: Array,
    beta: Array,
    until: Until | None,
    how: tuple[str, int, int, int | None, bool],
) -> tuple[ErrorVectors, Array]:
    method, n_points, steps, free_steps, asym_ep = how
    drive, calm = network.drive(x), relaxation_of(network, free_steps)
    free = relax(lambda u: network.step(u, drive, None, calm), network.rest(x), calm, until)
    after = relaxation_of(network, steps)
    if method == "true":
        vectors, settled = response(network, free.u, drive, targets, after, until, corrected=asym_ep)
        residual = relative_residual(settled)
    elif method == "nudge":
        beta = beta.astype(jnp.result_type(*jax.tree.leaves(free.u)))
        near = None if until is None else Until(until.tol * jnp.abs(beta), until.memory)
        vectors, residual = cauchy_estimate(
            network, free.u, drive, targets, beta, n_points, after, near, corrected=asym_ep
        )
    elif method == "rbp":
        vectors, settled = adjoint(network, free.u, drive, targets, after, until)
        residual = relative_residual(settled)
    else:
        vectors = unflattened(linearised(network, x, targets, free.u).adjoint, free.u)
        residual = jnp.zeros_like(free.residual)
    finite = jnp.all(jnp.isfinite(flattened(vectors)))
    return ErrorVectors(vectors, free, residual, free.converged & (residual <= TOLERANCE)), finite


def gradient(
    network: RecurrentNet,
    x: Float[Array, "rows ..."],
    y: Targets,
    rule: SettlingRule | None = None,
    *,
    key: Key[Array, ""] | None = None,
) -> tuple[Parameters, GradientInfo]:
    """The direction that a rule gives for one batch, and what it is worth.

    Args:
        network: the network.
        x: inputs, one a row.
        y: class indices, one-hot rows or values.
        rule: its settings (method, nudges, homeostasis); EP by the true derivative if None.
        key: random key, needed where the homeostatic loss is estimated.

    Returns:
        The direction, with the structure of the parameters, and :class:`GradientInfo`. Warns where examples have not
        settled.

    Raises:
        ValueError: settings or targets that don't fit the network.

    Example:
        >>> from symplast.learning.recurrent import LayeredNet
        >>> net = LayeredNet((4, 8, 3), key=jax.random.key(0), angle_deg=45)
        >>> x, y = jax.random.uniform(jax.random.key(1), (6, 4)), jnp.array([0, 1, 2, 0, 1, 2])
        >>> grads, info = gradient(net, x, y, EquilibriumPropagation(homeostasis=1.0))
        >>> bool(0.5 < info.symmetry < 1), bool(0 < info.cos_to_bp < 1)
        (True, True)
    """
    rule = rule or EquilibriumPropagation()
    x = check_inputs(network, x)
    targets = check_targets(network, x, y)
    rule.check(network)
    draws = rule.homeostasis > 0 and (rule.homeostasis_draws is not None or not hasattr(network, "couplings"))
    if draws and key is None:
        raise ValueError("key must be given where the homeostatic loss is estimated from random directions")
    steps = relaxation_of(network, rule.free_steps).steps
    direction, info, residuals = _jitted_gradient(
        work_of(network, x, steps), network, Batch(x, targets), rule, jax.random.key(0) if key is None else key
    )
    for residual, what in zip(residuals, ("the free state", "the error vector"), strict=True):
        warn_unless_settled(residual, TOLERANCE, what)
    if not isinstance(info.loss, jax.core.Tracer) and not np.isfinite(np.asarray(info.cos_to_bp)):
        warnings.warn("the gradient is not finite or zero: nothing can be learned from it", stacklevel=2)
    return direction, info


@by_work
def _jitted_gradient(
    network: RecurrentNet, batch: Batch, rule: SettlingRule, key: Array
) -> tuple[Parameters, GradientInfo, tuple[Array, Array]]:
    state = rule.init(network, key)
    found = rule.errors(network, batch.inputs, batch.targets, state)

    def credited(norm: Array, trace: Array) -> tuple[Parameters, tuple[Array, Array, Array]]:
        credit = rule(network, batch, state._replace(norm=norm, trace=trace), key)
        return credit.direction, (credit.loss, credit.state.free_unsettled, credit.state.error_unsettled)

    none = jnp.zeros_like(state.norm)
    plain = state._replace(norm=none, trace=none)
    both, told = jax.vmap(credited)(jnp.stack([state.norm, none]), jnp.stack([state.trace, none]))
    direction, ours = (jax.tree.map(lambda leaf, k=k: leaf[k], both) for k in range(2))
    loss, free_unsettled, error_unsettled = (value[0] for value in told)
    bp = RecurrentBackprop(free_steps=rule.free_steps)
    exact = _flat(bp(network, batch, plain, key).direction)
    few = jax.tree.map(lambda leaf: leaf[:10], found.u)
    symmetry = linearised(network, batch.inputs[:10], batch.targets[:10], few).symmetry(bypassed=True).mean()
    info = GradientInfo(loss, free_unsettled, error_unsettled, symmetry, cosine(_flat(ours), exact))
    return direction, info, (found.free_residual, found.error_residual)


def _flat(direction: Parameters) -> Float[Array, " parameters"]:
    return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(direction)])
