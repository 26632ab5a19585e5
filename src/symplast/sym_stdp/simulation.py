"""The steps of a network on acting spikes: everything else is built on them.

Within a step (1) the spikes of the last step act: conductances, then the presynaptic branch with the old postsynaptic
trace, the input trace, the postsynaptic branch with the new input trace; (2) cells charge and fire; (3) conductances
fade. Classifier weights are learned afterwards from the recorded spikes, in the same order: nothing reads them while
the teacher speaks.
"""

from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from symplast.spiking import gather_rows, propagate, sum_rows
from symplast.sym_stdp.circuit import (
    Cells,
    Held,
    NetworkState,
    Parameters,
    Plastic,
    Threshold,
    classifier_step,
    hidden_step,
)
from symplast.sym_stdp.plasticity import input_trace, post_events, pre_events, readout_learns

Learns: TypeAlias = Literal["both", "hidden", "readout", "none"]
"""Which projections learn: both, input to hidden only, hidden to classifier only, or none (the test phase)."""
LEARNS = ("both", "hidden", "readout", "none")


class Spikes(NamedTuple):
    """Spikes of each step.

    Attributes:
        hidden: (T, N).
        inhibitory: (T, N).
        classifier: (T, C).
    """

    hidden: Bool[Held, "T N"]
    inhibitory: Bool[Held, "T N"]
    classifier: Bool[Held, "T C"]


def advance(
    params: Parameters,
    state: NetworkState,
    units: Int[Held, "T slots"],
    taught: Bool[Held, "S C"] | None,
    learns: Learns,
    rest: int = 0,
) -> tuple[NetworkState, Spikes]:
    """Run on acting events; pure, to be jitted and vmapped.

    Args:
        params: constants.
        state: before.
        units: input units whose spikes act in each step (they fired in the step before), P in empty slots.
        taught: (T + rest, C) spikes of the teacher, in the step in which they are fired; None for the test phase,
            where classifier cells have a membrane of their own.
        learns: which projections learn.
        rest: steps without input that follow.

    Returns:
        The state after ``T + rest`` steps (its ``s_in`` is silent), and the spikes.
    """
    if learns == "none" and taught is None:
        return _frozen(params, state, units, rest)
    plastic, cells = state
    n_inputs, n_classes = plastic.w_in.shape[0], plastic.w_out.shape[1]
    steps = units.shape[0] + rest
    if taught is None:
        taught = jnp.zeros((steps, n_classes), bool)
    x_in, x_all = plastic.x_in, jnp.zeros((steps, 0), plastic.x_in.dtype)
    if learns != "none":
        x_in, x_all = input_trace(params, plastic.x_in, _as_spikes(units, n_inputs, rest))
    hidden_learns = learns in ("both", "hidden")
    level = Threshold(plastic.theta, plastic.theta_rest, plastic.guarded)
    before = cells

    def step(carry: Any, now: Any) -> tuple[Any, Any]:
        w, x_hid, level, cells = carry
        units, x_pre = now
        arriving = jnp.zeros_like(cells.g_in) if units is None else gather_rows(w, units).sum(axis=0)
        if hidden_learns:
            if units is not None:
                w = pre_events(w, units, x_hid, params.nu_in, params.w_max_in)
            w = post_events(w, cells.s_hid, x_pre, params.nu_in, params.w_max_in)
        x_hid = params.trace.decay(params.trace.add(x_hid, cells.s_hid), params.dt)
        cells, level = hidden_step(params, cells, arriving, level, adapts=hidden_learns)
        return (w, x_hid, level, cells), (cells.s_hid, cells.s_inh)

    carry = plastic.w_in, plastic.x_hid, level, cells
    carry, (s_hid, s_inh) = jax.lax.scan(step, carry, (units, x_all[: units.shape[0]]))
    if rest:
        carry, (later_hid, later_inh) = jax.lax.scan(step, carry, (None, x_all[units.shape[0] :]))
        s_hid, s_inh = jnp.concatenate([s_hid, later_hid]), jnp.concatenate([s_inh, later_inh])
    w_in, x_hid, level, cells = carry
    w_out, _, x_out, g_out = readout_learns(
        params,
        plastic.w_out,
        plastic.x_hid,
        plastic.x_out,
        before.g_out,
        _acting(before.s_hid, s_hid),
        _acting(before.s_out, taught),
        plastic=learns in ("both", "readout"),
    )
    if learns == "none":
        x_hid, x_out = plastic.x_hid, plastic.x_out
    cells = cells._replace(
        s_in=jnp.zeros_like(before.s_in),
        s_out=taught[-1] if steps else before.s_out,
        g_out=g_out,
        v_out=jnp.full_like(before.v_out, params.fast.v_rest),
    )
    plastic = Plastic(w_in, w_out, level.theta, level.rest, x_in, x_hid, x_out, level.guarded)
    return NetworkState(plastic, cells), Spikes(s_hid, s_inh, taught)


def _frozen(
    params: Parameters, state: NetworkState, units: Int[Array, "T slots"], rest: int
) -> tuple[NetworkState, Spikes]:
    """The test phase: cells move, nothing else does."""
    plastic = state.plastic
    level = Threshold(plastic.theta, plastic.theta_rest, plastic.guarded)

    def step(cells: Cells, units: Any) -> tuple[Cells, Spikes]:
        arriving = jnp.zeros_like(cells.g_in) if units is None else sum_rows(plastic.w_in, units)
        to_classifier = propagate(plastic.w_out, cells.s_hid)
        cells, _ = hidden_step(params, cells, arriving, level, adapts=False)
        cells = classifier_step(params, cells, to_classifier)
        return cells, Spikes(cells.s_hid, cells.s_inh, cells.s_out)

    cells, spikes = jax.lax.scan(step, state.cells, units)
    if rest:
        cells, later = jax.lax.scan(step, cells, None, rest)
        spikes = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), spikes, later)
    return NetworkState(plastic, cells._replace(s_in=jnp.zeros_like(cells.s_in))), spikes


def _as_spikes(units: Int[Array, "T slots"], n_inputs: int, rest: int) -> Bool[Array, "S P"]:
    steps = units.shape[0]
    blank = jnp.zeros((steps + rest, n_inputs), bool)
    return blank.at[jnp.arange(steps)[:, None], units].set(True, mode="drop")


def _acting(last: Bool[Array, " units"], fired: Bool[Array, "T units"]) -> Bool[Array, "T units"]:
    """Spikes in the step in which they act, one later than fired."""
    return jnp.concatenate([last[None], fired])[: fired.shape[0]]
