"""The same step as one compiled loop over events, by Numba: for CPUs, where it is several times faster than a scan.

Input traces are kept lazily (value and step of last touch); weights are visited by the rows and columns that fire.
"""

import inspect
from typing import Any

import numba
import numpy as np

from symplast.stats.arguments import check_count
from symplast.sym_stdp.circuit import Cells, NetworkState, Parameters, Plastic
from symplast.sym_stdp.simulation import LEARNS, Learns, Spikes
from symplast.sym_stdp.state_checks import check_state

DT, V_REST, V_RESET, V_FLOOR, V_EXC, V_INH, A_HID, LEVEL, REFRACTORY, F_REST, F_RESET, F_LEVEL, A_FAST = range(13)
LEAK_EXC, LEAK_INH, W_EI, W_IE, THETA_RATE, THETA_RISE, THETA_POLE, THETA_GUARD = range(13, 21)
NU_IN, NU_OUT, MAX_IN, MAX_OUT, RISE, FADE = range(21, 27)


def constants(params: Parameters, dtype: Any) -> np.ndarray:
    """The constants of a step in one array, in the order of this module's names.

    Raises:
        ValueError: a constant that is not one number, or NaN.
    """
    dt = np.float64(params.dt)
    hidden, fast = params.hidden, params.fast
    numbers: list[Any] = [
        dt, hidden.v_rest, params.v_reset, hidden.v_floor, hidden.reversals[0], hidden.reversals[1],
        dt / np.float64(hidden.tau_ms), params.level, params.refractory,
        fast.v_rest, params.v_reset_fast, params.level_fast, dt / np.float64(fast.tau_ms),
        -np.expm1(-dt / np.float64(params.by_spikes.tau_ms)), -np.expm1(-dt / np.float64(params.by_inhibition.tau_ms)),
        params.w_exc_inh, params.w_inh_exc, params.theta_rate,
        np.float64(params.theta_plus) * (np.float64(params.theta_start) - np.float64(params.theta_pole)),
        params.theta_pole, params.theta_guard, params.nu_in, params.nu_out, params.w_max_in, params.w_max_out,
        params.trace.increment, dt / np.float64(params.trace.tau_ms),
    ]  # fmt: skip
    if any(np.size(number) != 1 or np.isnan(number).any() for number in numbers):
        raise ValueError("params must hold one number a constant and no NaN; make them by Parameters.of")
    return np.array([float(number) for number in numbers], dtype)


def advance_numba(
    params: Parameters,
    state: NetworkState,
    units: Any,
    taught: Any,
    learns: Learns,
    rest: int = 0,
    *,
    packed: np.ndarray | None = None,
    in_place: bool = False,
) -> tuple[NetworkState, Spikes]:
    """What :func:`symplast.sym_stdp.simulation.advance` does, on NumPy arrays.

    Args:
        params, state, units, taught, learns, rest: as there.
        packed: :func:`constants` of the parameters, where they are known already.
        in_place: change the state's arrays, which must be NumPy's own, instead of copies; they hold what an earlier
            call left there, so their values are not looked at again.

    Raises:
        ValueError: shapes, types or values that the compiled loop can't take; nothing is changed then.
    """
    if packed is None:
        packed = constants(params, params.dt.dtype)
    check_state(state, packed.dtype, values=not in_place)
    units = _checked_units(units, state.plastic.w_in.shape[0])
    make: Any = np.asarray if in_place else np.array
    plastic: Any = Plastic(*map(make, state.plastic))
    cells: Any = Cells(*map(make, state.cells))
    steps, n_classes = len(units) + check_count(rest, "rest", least=0), plastic.w_out.shape[1]
    if learns not in LEARNS:
        raise ValueError(f"learns must be one of {', '.join(LEARNS)}, got {learns!r}")
    forced = taught is not None or learns != "none"
    teacher = np.zeros((steps, n_classes), bool) if taught is None else np.array(taught, bool)
    if teacher.shape != (steps, n_classes):
        raise ValueError(f"taught must be (steps={steps}, C={n_classes}), got shape {teacher.shape}")
    n_hidden = plastic.w_in.shape[1]
    fired: Any = np.zeros((steps, n_hidden), bool), np.zeros((steps, n_hidden), bool), teacher
    fade = (1 - np.float64(packed[FADE])) ** np.arange(steps + 2)
    guarded = _loop(
        packed, fade.astype(packed.dtype), units, rest, forced, learns in ("both", "hidden"),
        learns in ("both", "readout"), learns != "none", bool(params.quirks), tuple(plastic[:-1]), tuple(cells),
        fired,
    )  # fmt: skip
    cells.s_in[:] = False
    if forced:
        cells.v_out[:] = packed[F_REST]
    count = np.asarray(plastic.guarded + np.int32(guarded), np.int32)
    return NetworkState(plastic._replace(guarded=count), cells), Spikes(*fired)


def _checked_units(units: Any, n_inputs: int) -> np.ndarray:
    """A table of acting units: the loop takes P and above for an empty slot, but it would follow a negative number."""
    table = np.asarray(units)
    if table.ndim != 2 or table.dtype.kind not in "iu" or (table.size and table.min() < 0):
        raise ValueError(f"units must be (steps, slots) numbers of input units from 0, got {table.dtype}{table.shape}")
    return table if table.dtype == np.int32 else np.minimum(table, n_inputs).astype(np.int32)


def _steps(
    c: Any, fade: Any, units: Any, rest: Any, forced: Any, learn_in: Any, learn_out: Any, tracing: Any, quirks: Any,
    plastic: Any, cells: Any, fired: Any,
) -> Any:  # fmt: skip
    """All steps, changing the arrays; returns how often theta's guard acted."""
    w_in, w_out, theta, theta_rest, x_in, x_hid, x_out = plastic
    v_hid, v_inh, v_out, since_hid, since_inh, g_in, g_lat, g_inh, g_out, _, s_hid, s_inh, s_out = cells
    hid, inh, out = fired
    n_in, n = w_in.shape
    n_out, steps = w_out.shape[1], units.shape[0] + rest
    touched = np.zeros(n_in, np.int64)
    arriving, to_out = np.zeros_like(g_in), np.zeros_like(g_out)
    against, zero = np.zeros(2, c.dtype), np.zeros(1, c.dtype)[0]
    acting, n_acting, inhibiting, guarded = np.zeros(n, np.int64), 0, 0, 0
    for i in range(n):
        inhibiting += s_inh[i]
        if s_hid[i]:
            acting[n_acting] = i
            n_acting += 1
    for t in range(steps):
        arriving[:] = zero
        if t < units.shape[0]:
            for slot in range(units.shape[1]):
                p = units[t, slot]
                if p >= n_in:
                    break
                row = w_in[p]
                if learn_in:
                    for i in range(n):
                        w = row[i]
                        arriving[i] += w
                        w += c[NU_IN] * x_hid[i]
                        row[i] = w if w < c[MAX_IN] else c[MAX_IN]
                else:
                    for i in range(n):
                        arriving[i] += row[i]
                if tracing:
                    x_in[p] = x_in[p] * fade[max(t - touched[p], 0)] + c[RISE]
                    touched[p] = t + 1 if quirks else t
        against[0], against[1] = c[W_IE] * inhibiting, c[W_IE] * (inhibiting - 1)

        to_out[:] = zero
        for k in range(n_acting):
            i = acting[k]
            if learn_in:
                for p in range(n_in):
                    w = w_in[p, i] + c[NU_IN] * (x_in[p] * fade[max(t - touched[p], 0)])
                    w_in[p, i] = w if w < c[MAX_IN] else c[MAX_IN]
            for j in range(n_out):
                w = w_out[i, j]
                to_out[j] += w
                if learn_out:
                    w += c[NU_OUT] * x_out[j]
                    w_out[i, j] = w if w < c[MAX_OUT] else c[MAX_OUT]
        if tracing:
            for k in range(n_acting):
                x_hid[acting[k]] += c[RISE]
            for j in range(n_out):
                if s_out[j]:
                    if learn_out:
                        for i in range(n):
                            w = w_out[i, j] + c[NU_OUT] * x_hid[i]
                            w_out[i, j] = w if w < c[MAX_OUT] else c[MAX_OUT]
                    x_out[j] += c[RISE]
            for i in range(n):
                x_hid[i] -= c[FADE] * x_hid[i]
            for j in range(n_out):
                x_out[j] -= c[FADE] * x_out[j]

        if inhibiting > 0:
            for i in range(n):
                g_lat[i] += against[1] if s_inh[i] else against[0]
        for k in range(n_acting):
            g_inh[acting[k]] += c[W_EI]
        if learn_in:
            for i in range(n):
                change = theta_rest[i] - c[THETA_RATE] * theta[i]
                level = theta[i] + change
                theta_rest[i] = change - (level - theta[i])
                theta[i] = level
        some = False
        for i in range(n):
            g, v = g_in[i] + arriving[i], v_hid[i]
            flow = c[V_REST] - v + g * (c[V_EXC] - v) + g_lat[i] * (c[V_INH] - v)
            new = v + c[A_HID] * flow
            new = new if new > c[V_FLOOR] else c[V_FLOOR]
            v = new if since_hid[i] > c[REFRACTORY] else v
            since = since_hid[i] + c[DT]
            spike = (v > theta[i] + c[LEVEL]) & (since > c[REFRACTORY])
            some |= spike
            s_hid[i], v_hid[i], since_hid[i] = spike, v, since
            g_in[i] = g - c[LEAK_EXC] * g
            g_lat[i] -= c[LEAK_INH] * g_lat[i]
        n_acting = 0
        if some:
            for i in range(n):
                if s_hid[i]:
                    hid[t, i] = True
                    acting[n_acting] = i
                    n_acting += 1
                    v_hid[i], since_hid[i] = c[V_RESET], zero
                    if learn_in:
                        distance = abs(theta[i] - c[THETA_POLE])
                        if distance < c[THETA_GUARD]:
                            guarded += 1
                            distance = c[THETA_GUARD]
                        theta[i] += c[THETA_RISE] / distance
        some = False
        for i in range(n):
            v = v_inh[i]
            new = v + c[A_FAST] * (c[F_REST] - v + g_inh[i] * (c[V_EXC] - v))
            v = new if since_inh[i] > c[REFRACTORY] else v
            since = since_inh[i] + c[DT]
            spike = (v > c[F_LEVEL]) & (since > c[REFRACTORY])
            some |= spike
            s_inh[i], v_inh[i], since_inh[i] = spike, v, since
            g_inh[i] -= c[LEAK_EXC] * g_inh[i]
        inhibiting = 0
        if some:
            for i in range(n):
                if s_inh[i]:
                    inh[t, i] = True
                    inhibiting += 1
                    v_inh[i], since_inh[i] = c[F_RESET], zero
        for j in range(n_out):
            g = g_out[j] + to_out[j]
            if forced:
                s_out[j] = out[t, j]
            else:
                v = v_out[j]
                v += c[A_FAST] * (c[F_REST] - v + g * (c[V_EXC] - v))
                s_out[j] = v > c[F_LEVEL]
                out[t, j] = s_out[j]
                v_out[j] = c[F_RESET] if s_out[j] else v
            g_out[j] = g - c[LEAK_EXC] * g
    if tracing:
        for p in range(n_in):
            x_in[p] *= fade[max(steps - touched[p], 0)]
    return guarded


_loop = numba.njit(cache=True, nogil=True)(inspect.unwrap(_steps))  # without the tests' type checks around it
