"""Recurrent networks of leaky cells with exponential currents: one description, a step for JAX, a loop over events."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from symplast.spiking.arguments import Number, Spikes, Values, check_finite, check_positive, parameter
from symplast.spiking.backends import choose
from symplast.spiking.integrate_and_fire import LIF
from symplast.spiking.neuron import MembraneState
from symplast.spiking.propagation import FanOut, propagate
from symplast.spiking.refractoriness import keep_waiting
from symplast.spiking.simulation import simulate
from symplast.spiking.synapses import ExponentialSynapse
from symplast.stats.arguments import check_count

KEPT = 2**25
"""Spikes and silences kept at once while JAX runs: bounds memory."""


class Projection(eqx.Module):
    """Synapses of one kind, from some of the cells onto all.

    Attributes:
        weights: one row for each presynaptic cell, in the unit of the current.
        synapse: how what arrives decays.
        first: the presynaptic cell of row 0; the rows after it are of the cells after that one.
    """

    weights: FanOut
    synapse: ExponentialSynapse
    first: int = eqx.field(static=True, default=0)


class NetworkState(NamedTuple):
    """What a recurrent network carries from step to step.

    Attributes:
        membrane: of all cells.
        currents: (cells,) for each projection, what is left of earlier spikes.
        fired: (cells,) who fired in the last step; it arrives in the next.
    """

    membrane: MembraneState
    currents: tuple[Values, ...]
    fired: Bool[Array, " cells"]


class Firing(NamedTuple):
    """Who fired when, by step and within a step by cell.

    Attributes:
        steps: (spikes,) number of the step, from 0.
        cells: (spikes,) number of the cell.
        backend: the program that found them, ``jax`` or ``numba``.
    """

    steps: np.ndarray
    cells: np.ndarray
    backend: str


class RecurrentNetwork(eqx.Module):
    """Leaky cells that send each other exponential currents; a spike arrives one step later.

    Attributes:
        cells: parameters of all cells.
        projections: the synapses; each kind has a current of its own.

    Example:
        >>> weights = FanOut.of([0, 1], [1, 2], 30.0, n_pre=2, n_post=3)
        >>> cells = LIF(tau_ms=20.0, v_reset=0.0, refractory_ms=2.0)
        >>> network = RecurrentNetwork(cells, (Projection(weights, ExponentialSynapse(5.0)),))
        >>> state = network.init(3)
        >>> state, firing = run_network(network, state, 60, 1.0, current=jnp.array([1.2, 0.0, 0.0]), backend="jax")
        >>> print(firing.steps[:5], firing.cells[:5], firing.backend)
        [35 36 37 40 41] [0 1 2 1 2] jax

    Source:
        Brette et al. 2007, benchmark 2 (CUBA).
    """

    cells: LIF
    projections: tuple[Projection, ...]

    def __check_init__(self) -> None:
        if not self.projections:
            raise ValueError("projections must hold at least one; cells that send nothing run by simulate")

    def init(self, cells: int) -> NetworkState:
        """So many cells at rest, nothing under way.

        Raises:
            ValueError: projections from or onto cells that are not there.
        """
        for index, projection in enumerate(self.projections):
            rows, first, onto = len(projection.weights.targets), projection.first, projection.weights.n_post
            if onto != cells or not 0 <= first <= cells - rows:
                raise ValueError(
                    f"projections[{index}] must lead from and to the {cells} cells, got weights from cells {first} to "
                    f"{first + rows - 1} onto {onto}"
                )
        currents = tuple(projection.synapse.init((cells,)) for projection in self.projections)
        return NetworkState(self.cells.init((cells,)), currents, jnp.zeros(cells, bool))

    def step(self, state: NetworkState, current: Number, dt_ms: Number) -> tuple[NetworkState, Spikes]:
        """One step, for :func:`simulate` and JAX's transformations.

        Args:
            state: from :meth:`init` or an earlier step.
            current: from outside, one for all cells or one each.
            dt_ms: length of the step.
        """
        left, drive = [], jnp.zeros((), state.membrane.v.dtype)
        for projection, before in zip(self.projections, state.currents, strict=True):
            rows = state.fired[projection.first : projection.first + len(projection.weights.targets)]
            after, now = projection.synapse.step(before, propagate(projection.weights, rows), dt_ms)
            left.append(after)
            drive = drive + now
        membrane, fired = self.cells.step(state.membrane, drive + current, dt_ms)
        return NetworkState(membrane, tuple(left), fired), fired


def run_network(
    network: RecurrentNetwork,
    state: NetworkState,
    steps: int,
    dt_ms: Number,
    *,
    current: Number = 0.0,
    backend: str = "auto",
) -> tuple[NetworkState, Firing]:
    """Run a recurrent network and keep who fired when.

    Both backends compute the same equations in the state's precision. They round sums differently, so that a network
    whose activity is chaotic agrees spike by spike for some time only, and in its statistics after that.

    Args:
        network: the network.
        state: from :meth:`RecurrentNetwork.init` or an earlier run; it is not changed.
        steps: how many.
        dt_ms: length of a step.
        current: from outside, held throughout, one for all cells or one each.
        backend: ``jax``: a compiled scan, on any device. ``numba``: a compiled loop over the cells and over the few
            connections of those that fire, on a CPU, for cells without a surrogate whose parameters are one number
            each. ``auto``: Numba where it is installed, JAX runs on a CPU and the cells are such; else JAX.

    Returns:
        The state after the last step, and the spikes with the name of the backend that ran.

    Raises:
        ValueError: a state of other cells, a step or a current that is no number; with ``numba``, cells that it can't
            run. ImportError: Numba is asked for and missing.
    """
    steps = check_count(steps, "steps", least=0)
    check_positive(dt_ms, "dt_ms")
    check_finite(current, "current")
    cells = state.fired.shape[0]
    if state.membrane.v.shape != (cells,) or len(state.currents) != len(network.projections):
        raise ValueError("state must be of this network: make it by network.init")
    if np.shape(current) not in ((), (cells,)):
        raise ValueError(f"current must be one number or one for each of the {cells} cells, got {np.shape(current)}")
    if network.cells.refractory_ms is not None:  # refuses one that rounds to no step
        keep_waiting(jnp.zeros((), jnp.int32), jnp.ones((), bool), network.cells.refractory_ms, dt_ms)
    chosen, hindrance = choose(backend), _hindrance(network, state)
    if backend == "numba" and hindrance:
        raise ValueError(f'{hindrance}; take backend "jax"')
    if chosen == "numba" and not hindrance:
        from symplast.spiking.recurrent_loop import run_events

        return run_events(network, state, steps, dt_ms, current)
    return _run_scan(network, state, steps, dt_ms, current)


class _Step(eqx.Module):
    """The step of a network under a constant current, with all that may vary as arrays."""

    network: RecurrentNetwork
    current: Values
    dt_ms: Values

    def __call__(self, state: NetworkState, _: None) -> tuple[NetworkState, Spikes]:
        return self.network.step(state, self.current, self.dt_ms)


def _run_scan(
    network: RecurrentNetwork, state: NetworkState, steps: int, dt_ms: Number, current: Number
) -> tuple[NetworkState, Firing]:
    step = _Step(network, parameter(current, "current"), parameter(dt_ms, "dt_ms"))
    at_once = max(KEPT // max(state.fired.shape[0], 1), 1)
    when, who = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for begin in range(0, steps, at_once):
        state, spikes = simulate(step, state, steps=min(at_once, steps - begin))
        at, cells = np.divmod(np.flatnonzero(spikes), state.fired.shape[0])
        when.append(at + begin)
        who.append(cells)
    return state, Firing(np.concatenate(when), np.concatenate(who), "jax")


def _hindrance(network: RecurrentNetwork, state: NetworkState) -> str | None:
    """Why the loop over events can't run a network; None where it can."""
    cells = network.cells
    if type(cells) is not LIF or cells.surrogate is not None:
        return "cells must be LIF without surrogate"
    numbers: list[Any] = [cells.threshold, cells.tau_ms, cells.v_rest, cells.v_reset, cells.refractory_ms]
    numbers += [projection.synapse.tau_ms for projection in network.projections]
    if any(number is not None and (not hasattr(number, "ndim") or number.ndim) for number in numbers):
        return "each parameter of cells and synapses must be one number"
    if any(current.dtype != state.membrane.v.dtype for current in state.currents):
        return "membrane and currents must be of one precision"
    return None
