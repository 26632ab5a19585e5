"""The network's parameters as arrays, its state, and one step of its cells.

Three populations of a step that others build on: hidden cells (excitatory, adaptive threshold), one inhibitory partner
each, and classifier cells, which have a membrane in the test phase only.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from symplast.spiking import ConductanceLIF, ExponentialSynapse, Trace
from symplast.spiking.arguments import Values, parameter
from symplast.sym_stdp.config import SymSTDPConfig
from symplast.sym_stdp.scaling import synaptic_scaling

if TYPE_CHECKING:
    Held: TypeAlias = Array
else:
    Held = Array | np.ndarray  # NumPy's where Numba takes the steps


class Plastic(NamedTuple):
    """What learning changes and the test phase leaves alone.

    Attributes:
        w_in: (P, N) input to hidden.
        w_out: (N, C) hidden to classifier.
        theta: (N,) adaptive threshold, mV.
        theta_rest: (N,) what theta's float leaves out: its decay by a step is below float32's resolution.
        x_in, x_hid, x_out: (P,), (N,), (C,) traces of spikes.
        guarded: how often a spike met theta so near its pole that the guard acted.
    """

    w_in: Float[Held, "P N"]
    w_out: Float[Held, "N C"]
    theta: Float[Held, " N"]
    theta_rest: Float[Held, " N"]
    x_in: Float[Held, " P"]
    x_hid: Float[Held, " N"]
    x_out: Float[Held, " C"]
    guarded: Int[Held, ""]


class Cells(NamedTuple):
    """What moves in every step.

    Attributes:
        v_hid, v_inh, v_out: membrane potentials, mV.
        since_hid, since_inh: timers, ms.
        g_in: conductance of hidden cells by input; g_lat: by inhibition; g_inh: of inhibitory cells; g_out: of
            classifier cells.
        s_in, s_hid, s_inh, s_out: spikes of the last step; they act in the next one.
    """

    v_hid: Float[Held, " N"]
    v_inh: Float[Held, " N"]
    v_out: Float[Held, " C"]
    since_hid: Float[Held, " N"]
    since_inh: Float[Held, " N"]
    g_in: Float[Held, " N"]
    g_lat: Float[Held, " N"]
    g_inh: Float[Held, " N"]
    g_out: Float[Held, " C"]
    s_in: Bool[Held, " P"]
    s_hid: Bool[Held, " N"]
    s_inh: Bool[Held, " N"]
    s_out: Bool[Held, " C"]


class NetworkState(NamedTuple):
    """All of a network."""

    plastic: Plastic
    cells: Cells


class Parameters(eqx.Module):
    """The constants that a step reads, as arrays of JAX's present precision: changing one compiles nothing anew.

    ``fast`` are inhibitory and classifier cells; a cell fires above ``level``, hidden ones above ``level + theta``.

    Example:
        >>> params = Parameters.of(SymSTDPConfig.preset("mnist-400", w_inh_exc=10.0))
        >>> print(params.w_inh_exc)
        10.0
    """

    dt: Values
    hidden: ConductanceLIF
    fast: ConductanceLIF
    by_spikes: ExponentialSynapse
    by_inhibition: ExponentialSynapse
    trace: Trace
    level: Values
    level_fast: Values
    v_reset: Values
    v_reset_fast: Values
    refractory: Values
    theta_plus: Values
    theta_rate: Values
    theta_start: Values
    theta_pole: Values
    theta_guard: Values
    nu_in: Values
    nu_out: Values
    w_max_in: Values
    w_max_out: Values
    w_exc_inh: Values
    w_inh_exc: Values
    quirks: Bool[Array, ""]

    @classmethod
    def of(cls, config: SymSTDPConfig) -> "Parameters":
        """The arrays of a configuration."""
        cells = partial(ConductanceLIF, method="euler")
        names = ["v_reset", "v_reset_fast", "theta_plus", "theta_start", "theta_pole", "theta_guard", "nu_in", "nu_out"]
        names += ["w_max_in", "w_max_out", "w_exc_inh", "w_inh_exc"]
        floor = parameter(config.v_inhibition)
        return cls(
            dt=parameter(config.dt_ms),
            hidden=cells(
                (parameter(0.0), floor), parameter(config.tau_hidden_ms), v_rest=parameter(config.v_rest), v_floor=floor
            ),
            fast=cells((parameter(0.0),), parameter(config.tau_fast_ms), v_rest=parameter(config.v_rest_fast)),
            by_spikes=ExponentialSynapse(parameter(config.tau_exc_ms)),
            by_inhibition=ExponentialSynapse(parameter(config.tau_inh_ms)),
            trace=Trace(parameter(config.tau_trace_ms), parameter(config.trace_increment), method="euler"),
            level=parameter(config.v_threshold - config.theta_start),
            level_fast=parameter(config.v_threshold_fast),
            refractory=parameter(config.refractory_ms),
            theta_rate=parameter(config.dt_ms / config.tau_theta_ms),
            quirks=jnp.asarray(config.reference_quirks),
            **{name: parameter(getattr(config, name)) for name in names},
        )


def rested(config: SymSTDPConfig, n_inputs: int, n_hidden: int, n_classes: int) -> Cells:
    """Cells at rest, as each image finds them in the test phase; nothing is compiled for it."""
    at_rest = _cells(config, n_inputs, n_hidden, n_classes, config.v_rest, config.v_rest_fast)
    return jax.tree.map(jax.device_put, at_rest)


def new_state(config: SymSTDPConfig, n_inputs: int, n_hidden: int, n_classes: int, key: Key[Array, ""]) -> NetworkState:
    """A network before learning: uniform weights, scaled; membranes below the reversal of inhibition.

    Example:
        >>> state = new_state(SymSTDPConfig(), 784, 400, 10, jax.random.key(0))
        >>> print(f"{state.plastic.w_in.sum(axis=0)[0]:.1f} {state.plastic.w_out.sum(axis=0)[0]:.0f}")
        78.4 320
    """
    below = config.v_inhibition
    cells = _cells(config, n_inputs, n_hidden, n_classes, below - 5, below)
    sums = config.sum_in, config.sum_out_per_cell * n_hidden
    return _new(cells, key, config.w_start, sums, config.theta_start, config.trace_start)


@jax.jit
def _new(cells: Cells, key: Key[Array, ""], w_start: Any, sums: Any, theta: Any, trace: Any) -> NetworkState:
    """One program for all constants; the cells say the sizes and the floating type."""
    (n_inputs,), (n_hidden,), (n_classes,) = cells.s_in.shape, cells.s_hid.shape, cells.s_out.shape
    dtype, size = cells.v_hid.dtype, n_inputs * n_hidden
    w = jax.random.uniform(key, (size + n_hidden * n_classes,), dtype, maxval=w_start)  # each call compiles for seconds
    w_in, w_out = w[:size].reshape(n_inputs, n_hidden), w[size:].reshape(n_hidden, n_classes)
    plastic = Plastic(
        w_in=synaptic_scaling(w_in, sums[0], 0),
        w_out=synaptic_scaling(w_out, sums[1], 0),
        theta=jnp.full(n_hidden, theta, dtype),
        theta_rest=jnp.zeros(n_hidden, dtype),
        x_in=jnp.full(n_inputs, trace, dtype),
        x_hid=jnp.full(n_hidden, trace, dtype),
        x_out=jnp.full(n_classes, trace, dtype),
        guarded=jnp.zeros((), jnp.int32),
    )
    return NetworkState(plastic, cells)


def _cells(config: SymSTDPConfig, n_inputs: int, n_hidden: int, n_classes: int, v_hid: float, v_inh: float) -> Cells:
    dtype = jnp.result_type(float)

    def all_at(value: float, n: int = n_hidden) -> Any:
        return np.full(n, value, dtype)

    def silent(n: int) -> Any:
        return np.zeros(n, bool)

    return Cells(
        v_hid=all_at(v_hid),
        v_inh=all_at(v_inh),
        v_out=all_at(config.v_rest_fast, n_classes),
        since_hid=all_at(5 * config.refractory_ms),
        since_inh=all_at(5 * config.refractory_ms),
        g_in=all_at(0),
        g_lat=all_at(0),
        g_inh=all_at(0),
        g_out=all_at(0, n_classes),
        s_in=silent(n_inputs),
        s_hid=silent(n_hidden),
        s_inh=silent(n_hidden),
        s_out=silent(n_classes),
    )


class Threshold(NamedTuple):
    """Theta in two floats, and how often its guard acted."""

    theta: Float[Held, " N"]
    rest: Float[Held, " N"]
    guarded: Int[Held, ""]


def decayed(params: Parameters, level: Threshold) -> Threshold:
    """Theta a step later, ``theta -= theta dt / tau``; what its float can't hold is kept for later steps."""
    change = level.rest - params.theta_rate * level.theta
    theta = level.theta + change
    return Threshold(theta, change - (theta - level.theta), level.guarded)


def raised(params: Parameters, level: Threshold, spikes: Bool[Array, " N"]) -> Threshold:
    """Theta after spikes, ``theta += theta_plus (theta_start - pole) / |theta - pole|``."""
    distance = jnp.abs(level.theta - params.theta_pole)
    span = params.theta_start - params.theta_pole
    rise = params.theta_plus * span / jnp.maximum(distance, params.theta_guard)
    guarded = level.guarded + (spikes & (distance < params.theta_guard)).sum(dtype=jnp.int32)
    return Threshold(jnp.where(spikes, level.theta + rise, level.theta), level.rest, guarded)


def hidden_step(
    params: Parameters, cells: Cells, arriving: Float[Array, " N"], level: Threshold, *, adapts: bool
) -> tuple[Cells, Threshold]:
    """Hidden and inhibitory cells a step later: last spikes act, membranes charge, cells fire, conductances fade.

    Args:
        params: constants.
        cells: after the last step.
        arriving: conductance that input spikes add.
        level: adaptive threshold.
        adapts: whether theta decays and rises (training).
    """
    dt = params.dt
    g_in, onto_hid = params.by_spikes.step(cells.g_in, arriving, dt)
    others = (cells.s_inh.sum() - cells.s_inh).astype(arriving.dtype)
    g_lat, against = params.by_inhibition.step(cells.g_lat, params.w_inh_exc * others, dt)
    g_inh, onto_inh = params.by_spikes.step(cells.g_inh, params.w_exc_inh * cells.s_hid, dt)

    v_hid = jnp.where(
        cells.since_hid > params.refractory, params.hidden.charge(cells.v_hid, (onto_hid, against), dt), cells.v_hid
    )
    since_hid = cells.since_hid + dt
    if adapts:
        level = decayed(params, level)
    s_hid = (v_hid > level.theta + params.level) & (since_hid > params.refractory)
    if adapts:
        level = raised(params, level, s_hid)

    charged = params.fast.charge(cells.v_inh, (onto_inh,), dt)
    v_inh = jnp.where(cells.since_inh > params.refractory, charged, cells.v_inh)
    since_inh = cells.since_inh + dt
    s_inh = (v_inh > params.level_fast) & (since_inh > params.refractory)
    moved = cells._replace(
        v_hid=jnp.where(s_hid, params.v_reset, v_hid),
        v_inh=jnp.where(s_inh, params.v_reset_fast, v_inh),
        since_hid=jnp.where(s_hid, 0, since_hid),
        since_inh=jnp.where(s_inh, 0, since_inh),
        g_in=g_in,
        g_lat=g_lat,
        g_inh=g_inh,
        s_hid=s_hid,
        s_inh=s_inh,
    )
    return moved, level


def classifier_step(params: Parameters, cells: Cells, arriving: Float[Array, " C"]) -> Cells:
    """Classifier cells a step later in the test phase: leaky, without refractoriness."""
    g_out, onto = params.by_spikes.step(cells.g_out, arriving, params.dt)
    v = params.fast.charge(cells.v_out, (onto,), params.dt)
    fired = v > params.level_fast
    return cells._replace(v_out=jnp.where(fired, params.v_reset_fast, v), g_out=g_out, s_out=fired)
