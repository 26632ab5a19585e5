"""The model once more, written down from its equations line by line: slow, dense, nothing shared with the library."""

import math
from types import SimpleNamespace

import numpy as np


def oracle(config, state, inputs, teacher, learns):
    """State and spikes after prescribed input, all in float64."""
    dt = config.dt_ms
    s = SimpleNamespace(**{k: np.array(v) for part in state for k, v in part._asdict().items()})
    fast, slow = math.exp(-dt / config.tau_exc_ms), math.exp(-dt / config.tau_inh_ms)
    hidden, readout, training = learns in ("both", "hidden"), learns in ("both", "readout"), learns != "none"
    records: tuple[list, list, list] = ([], [], [])
    for t in range(len(inputs)):
        s.g_in = s.g_in + s.s_in @ s.w_in
        for j in range(len(s.g_lat)):
            s.g_lat[j] += config.w_inh_exc * sum(s.s_inh[k] for k in range(len(s.s_inh)) if k != j)
        s.g_inh = s.g_inh + config.w_exc_inh * s.s_hid
        s.g_out = s.g_out + s.s_hid @ s.w_out
        if training:
            for p in np.flatnonzero(s.s_in) if hidden else ():
                s.w_in[p] = np.minimum(s.w_in[p] + config.nu_in * s.x_hid, config.w_max_in)
            s.x_in = s.x_in + config.trace_increment * s.s_in
            for j in np.flatnonzero(s.s_hid) if hidden else ():
                s.w_in[:, j] = np.minimum(s.w_in[:, j] + config.nu_in * s.x_in, config.w_max_in)
            for j in np.flatnonzero(s.s_hid) if readout else ():
                s.w_out[j] = np.minimum(s.w_out[j] + config.nu_out * s.x_out, config.w_max_out)
            s.x_hid = s.x_hid + config.trace_increment * s.s_hid
            for c in np.flatnonzero(s.s_out) if readout else ():
                s.w_out[:, c] = np.minimum(s.w_out[:, c] + config.nu_out * s.x_hid, config.w_max_out)
            s.x_out = s.x_out + config.trace_increment * s.s_out
            dead = s.s_in if config.reference_quirks else np.zeros_like(s.s_in)
            s.x_in = np.where(dead, s.x_in, s.x_in * (1 - dt / config.tau_trace_ms))
            s.x_hid = s.x_hid * (1 - dt / config.tau_trace_ms)
            s.x_out = s.x_out * (1 - dt / config.tau_trace_ms)

        ready = s.since_hid > config.refractory_ms
        flow = config.v_rest - s.v_hid - s.g_in * s.v_hid + s.g_lat * (config.v_inhibition - s.v_hid)
        s.v_hid = np.where(ready, s.v_hid + dt / config.tau_hidden_ms * flow, s.v_hid)
        s.v_hid = np.maximum(s.v_hid, config.v_inhibition)
        s.since_hid = s.since_hid + dt
        if hidden:
            s.theta = s.theta - s.theta / config.tau_theta_ms * dt
        fired = (s.v_hid > s.theta - 20 + config.v_threshold) & (s.since_hid > config.refractory_ms)
        if hidden:
            rise = config.theta_plus * 10 / np.maximum(abs(s.theta - 10), config.theta_guard)
            s.theta = np.where(fired, s.theta + rise, s.theta)
        s.v_hid, s.since_hid = np.where(fired, config.v_reset, s.v_hid), np.where(fired, 0, s.since_hid)

        ready = s.since_inh > config.refractory_ms
        charged = s.v_inh + dt / 10 * (-60 - s.v_inh - s.g_inh * s.v_inh)
        s.v_inh = np.where(ready, charged, s.v_inh)
        s.since_inh = s.since_inh + dt
        partner = (s.v_inh > -40) & (s.since_inh > config.refractory_ms)
        s.v_inh, s.since_inh = np.where(partner, -45, s.v_inh), np.where(partner, 0, s.since_inh)

        if training or teacher is not None:
            s.v_out = np.full_like(s.v_out, -60)
            answer = np.zeros(len(s.v_out), bool) if teacher is None else teacher[t]
        else:
            s.v_out = s.v_out + dt / 10 * (-60 - s.v_out - s.g_out * s.v_out)
            answer = s.v_out > -40
            s.v_out = np.where(answer, -45, s.v_out)
        s.g_in, s.g_inh, s.g_out, s.g_lat = s.g_in * fast, s.g_inh * fast, s.g_out * fast, s.g_lat * slow
        s.s_in, s.s_hid, s.s_inh, s.s_out = inputs[t], fired, partner, answer
        for record, spikes in zip(records, (fired, partner, answer), strict=True):
            record.append(spikes)
    return s, tuple(map(np.array, records))
