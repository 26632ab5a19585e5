"""The simulator on prescribed spikes: what exact tests call, and users with spike trains of their own."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symplast.spiking import EventTable
from symplast.spiking.trains import check_spikes
from symplast.sym_stdp.backends import choose
from symplast.sym_stdp.circuit import NetworkState, Parameters
from symplast.sym_stdp.encoding import WIDTHS, acting_units
from symplast.sym_stdp.simulation import LEARNS, Spikes, advance
from symplast.sym_stdp.state_checks import check_state

_advance = partial(jax.jit, static_argnames=("learns", "rest"))(advance)


def run(
    params: Parameters,
    state: NetworkState,
    input_spikes: Any,
    teacher_spikes: Any = None,
    plastic: bool | str = True,
    *,
    backend: str = "auto",
) -> tuple[NetworkState, Spikes]:
    """Run a network on prescribed spikes; no scaling of weights inside. A spike listed at step t acts at t + 1.

    Any numbers of inputs, cells and steps, any constants, float32 or float64 (as the state was made).

    Args:
        params: constants, :meth:`Parameters.of`.
        state: from :func:`new_state` or an earlier run; with weights of your own by :func:`with_weights`.
        input_spikes: (T, P) true where an input unit fires.
        teacher_spikes: (T, C) true where a classifier cell is made to fire; None in the test phase, where classifier
            cells are leaky integrate-and-fire, or for no teacher while learning.
        plastic: whether weights, thresholds and traces change; or which projections learn (:data:`Learns`).
        backend: ``jax``, ``numba``, or ``auto``: Numba where it is installed and JAX runs on a CPU.

    Returns:
        The state after the last step, and the spikes (T, N), (T, N), (T, C).

    Raises:
        ValueError: shapes or types that don't go together, weights that are not finite or negative, an unknown
            backend; ImportError: Numba is asked for and missing.

    Example:
        >>> from symplast.sym_stdp import SymSTDPConfig, new_state
        >>> config = SymSTDPConfig(sum_in=2.0)
        >>> state = new_state(config, 4, 6, 2, jax.random.key(0))
        >>> spikes = np.zeros((80, 4), bool)
        >>> spikes[::2] = True
        >>> state, fired = run(Parameters.of(config), state, spikes, np.zeros((80, 2), bool))
        >>> fired.hidden.shape, int(fired.hidden.sum()) > 0
        ((80, 6), True)

    Source:
        arXiv:1812.06574; step order of the reference code.
    """
    learns: Any = plastic if isinstance(plastic, str) else ("both" if plastic else "none")
    if learns not in LEARNS:
        raise ValueError(f"plastic must be True, False, both, hidden, readout or none; got {plastic!r}")
    check_state(state, params.dt.dtype)
    spikes = check_spikes(input_spikes, "input_spikes")
    n_inputs, n_classes = state.plastic.w_in.shape[0], state.plastic.w_out.shape[1]
    if spikes.shape[1] != n_inputs or len(spikes) == 0:
        raise ValueError(f"input_spikes must be (T, P={n_inputs}) with at least one step, got shape {spikes.shape}")
    taught = None if teacher_spikes is None else check_spikes(teacher_spikes, "teacher_spikes")
    if taught is not None and taught.shape != (len(spikes), n_classes):
        raise ValueError(f"teacher_spikes must be (T={len(spikes)}, C={n_classes}), got shape {taught.shape}")
    table = EventTable.of_array(spikes, widths=WIDTHS).units
    units = acting_units(state.cells.s_in, table)
    if choose(backend) == "numba":
        from symplast.sym_stdp.event_loop import advance_numba

        state, fired = advance_numba(params, state, units, taught, learns)
    else:
        state, fired = _advance(params, state, units, taught, learns=learns)
    on_host = isinstance(state.cells.v_hid, np.ndarray)
    last = spikes[-1].copy() if on_host else jnp.asarray(spikes[-1])
    return state._replace(cells=state.cells._replace(s_in=last)), fired
