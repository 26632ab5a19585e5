"""Symmetric STDP, gated by dopamine: every pairing potentiates; competition comes from scaling.

``pre spike: w = min(w + nu x_post, w_max)``, then ``x_pre`` rises; ``post spike: w = min(w + nu x_pre, w_max)``, then
``x_post`` rises. Two forms of the same branches: by events for the many inputs of hidden cells, dense for the few
classifier cells.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from symplast.spiking import Trace, update_columns, update_rows
from symplast.spiking.arguments import Values, check_at_least_zero, check_finite, check_positive, parameter
from symplast.spiking.trains import check_spikes
from symplast.sym_stdp.circuit import Parameters

Weights = Float[Array, "pre post"]


def potentiated(w: Values, nu: Values, trace: Values, w_max: Values) -> Values:
    """``min(w + nu trace, w_max)``."""
    return jnp.minimum(w + nu * trace, w_max)


def pre_events(w: Weights, units: Int[Array, " slots"], x_post: Values, nu: Values, w_max: Values) -> Weights:
    """The branch of presynaptic spikes, on the rows of the units that fired."""
    return update_rows(w, units, lambda rows: potentiated(rows, nu, x_post, w_max))


def post_events(w: Weights, spikes: Bool[Array, " post"], x_pre: Values, nu: Values, w_max: Values) -> Weights:
    """The branch of postsynaptic spikes, column by column, for the cells that fired."""

    def rule(column: Values, _: Array, x_pre: Values, nu: Values, w_max: Values) -> Values:
        return potentiated(column, nu, x_pre, w_max)

    return update_columns(w, spikes, rule, x_pre, nu, w_max)


def pre_dense(w: Weights, spikes: Bool[Array, " pre"], x_post: Values, nu: Values, w_max: Values) -> Weights:
    """The branch of presynaptic spikes, on a whole matrix."""
    return jnp.where(spikes[:, None], potentiated(w, nu, x_post, w_max), w)


def post_dense(w: Weights, spikes: Bool[Array, " post"], x_pre: Values, nu: Values, w_max: Values) -> Weights:
    """The branch of postsynaptic spikes, on a whole matrix."""
    return jnp.where(spikes, potentiated(w, nu, x_pre[:, None], w_max), w)


def input_trace(
    params: Parameters, x: Float[Array, " P"], acting: Bool[Array, "T P"]
) -> tuple[Float[Array, " P"], Float[Array, "T P"]]:
    """The trace of input spikes after the last step, and in each step after its spikes.

    It depends on nothing else, so it is known before the network runs. With the reference's quirk it does not decay in
    the step in which a unit's spike acts, which is its dead time.
    """

    def step(x: Values, spikes: Bool[Array, " P"]) -> tuple[Values, Values]:
        x = params.trace.add(x, spikes)
        return jnp.where(spikes & params.quirks, x, params.trace.decay(x, params.dt)), x

    return jax.lax.scan(step, x, acting)


def symmetric_stdp(
    pre: Any,
    post: Any,
    W: Any,
    nu: Any,
    tau: Any,
    w_max: Any,
    trace0: Any = 0.0,
    *,
    increment: Any = 0.1,
    dt_ms: Any = 0.5,
    reference_quirks: bool = True,
) -> Weights:
    """Weights after spike trains, by the symmetric rule alone.

    Two spikes at delay D change a weight by about ``nu increment exp(-|D| / tau)``, whichever comes first.

    Args:
        pre: (T, P) presynaptic spikes, true where a unit fires.
        post: (T, N) postsynaptic spikes.
        W: (P, N) weights before.
        nu: learning rate.
        tau: time constant of the traces, ms.
        w_max: largest weight.
        trace0: all traces before the first step.
        increment: of a trace by a spike.
        dt_ms: length of a step.
        reference_quirks: the presynaptic trace does not decay in the step of its spike.

    Returns:
        (P, N) weights.

    Raises:
        ValueError: shapes that don't go together, or constants out of range.

    Example:
        >>> import numpy as np
        >>> pre, post = np.zeros((60, 1), bool), np.zeros((60, 1), bool)
        >>> pre[10], post[30] = True, True
        >>> with jax.enable_x64(True):
        ...     print(f"{symmetric_stdp(pre, post, np.zeros((1, 1)), 0.005, 20.0, 1.0)[0, 0] / 5e-4:.6f}")  # 0.975^19
        0.618141

    Source:
        arXiv:1812.06574; the order within a step is that of the reference code.
    """
    pre, post, w = check_spikes(pre, "pre"), check_spikes(post, "post"), parameter(W)
    check_finite(w, "W")
    if pre.shape[0] != post.shape[0] or w.shape != (pre.shape[1], post.shape[1]):
        raise ValueError(f"pre must be (T, P), post (T, N) and W (P, N); got {pre.shape}, {post.shape} and {w.shape}")
    check_at_least_zero(nu, "nu")
    check_positive(w_max, "w_max", infinite=True)
    check_positive(dt_ms, "dt_ms")
    check_at_least_zero(trace0, "trace0")
    return _trains(w, pre, post, Trace(tau, increment, method="euler"), *map(parameter, (nu, w_max, trace0, dt_ms)),
                   jnp.asarray(reference_quirks))  # fmt: skip


@jax.jit
def _trains(
    w: Weights,
    pre: Bool[Array, "T P"],
    post: Bool[Array, "T N"],
    trace: Trace,
    nu: Values,
    w_max: Values,
    trace0: Values,
    dt: Values,
    quirks: Bool[Array, ""],
) -> Weights:
    def step(state: Any, now: Any) -> tuple[Any, None]:
        w, x_pre, x_post = state
        before, after = now
        w = pre_dense(w, before, x_post, nu, w_max)
        x_pre = trace.add(x_pre, before)
        w = post_dense(w, after, x_pre, nu, w_max)
        x_post = trace.add(x_post, after)
        x_pre = jnp.where(before & quirks, x_pre, trace.decay(x_pre, dt))
        return (w, x_pre, trace.decay(x_post, dt)), None

    start = w, jnp.full(w.shape[0], trace0, w.dtype), jnp.full(w.shape[1], trace0, w.dtype)
    return jax.lax.scan(step, start, (pre, post))[0][0]


def readout_learns(
    params: Parameters,
    w: Weights,
    x_hid: Float[Array, " N"],
    x_out: Float[Array, " C"],
    g_out: Float[Array, " C"],
    hidden: Bool[Array, "T N"],
    taught: Bool[Array, "T C"],
    *,
    plastic: bool,
) -> tuple[Weights, Float[Array, " N"], Float[Array, " C"], Float[Array, " C"]]:
    """The classifier's weights, traces and conductances after acting spikes, known only once the network has run.

    Steps without a spike are passed over: traces and conductances decay by a power.
    """
    steps = hidden.shape[0]
    active = hidden.any(axis=1) | taught.any(axis=1)
    when = jnp.nonzero(active, size=steps, fill_value=steps)[0]
    number = active.sum()
    fade = params.trace.decay(jnp.ones((), w.dtype), params.dt) ** jnp.arange(steps + 1)
    leak = jnp.exp(-params.dt / params.by_spikes.tau_ms) ** jnp.arange(steps + 1)

    def event(state: Any) -> Any:
        k, last, w, x_hid, x_out, g = state
        at = when[k]
        x_hid, x_out, g = x_hid * fade[at - last], x_out * fade[at - last], g * leak[at - last]
        pre, post = hidden[at], taught[at]
        g = g + pre.astype(w.dtype) @ w
        if plastic:
            w = pre_dense(w, pre, x_out, params.nu_out, params.w_max_out)
        x_hid = params.trace.add(x_hid, pre)
        if plastic:
            w = post_dense(w, post, x_hid, params.nu_out, params.w_max_out)
        return k + 1, at, w, x_hid, params.trace.add(x_out, post), g

    start = jnp.zeros((), number.dtype), jnp.zeros((), when.dtype), w, x_hid, x_out, g_out
    _, last, w, x_hid, x_out, g = jax.lax.while_loop(lambda state: state[0] < number, event, start)
    left = steps - last
    return w, x_hid * fade[left], x_out * fade[left], g * leak[left]
