"""Which program shows images to a network: JAX everywhere, or Numba on a CPU where it is installed."""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from symplast.spiking.backends import choose
from symplast.sym_stdp.circuit import Cells, NetworkState, Parameters, Plastic
from symplast.sym_stdp.config import SymSTDPConfig
from symplast.sym_stdp.encoding import Drawn, acting_units
from symplast.sym_stdp.simulation import Learns, advance

BATCH = 32
"""Images of one call of the frozen program; fewer are filled up, so that it compiles once."""


class Counts(NamedTuple):
    """Spikes while the image was on: (N,) and (C,), or with images first."""

    hidden: np.ndarray
    classifier: np.ndarray


class Presenter(abc.ABC):
    """Shows images to networks of one configuration."""

    def __init__(self, config: SymSTDPConfig) -> None:
        self.config = config
        self.params = Parameters.of(config)

    @abc.abstractmethod
    def own(self, state: NetworkState) -> NetworkState:
        """The state in arrays that :meth:`train` may change."""

    @abc.abstractmethod
    def train(self, state: NetworkState, drawn: Drawn, learns: Learns) -> tuple[NetworkState, Counts]:
        """Scale the weights and show one image with its rest; the state given is used up."""

    @abc.abstractmethod
    def respond(self, plastic: Plastic, cells: Cells, units: np.ndarray, rest: int) -> tuple[Cells, Counts]:
        """Show images to frozen copies of a network, each with cells of its own.

        Args:
            plastic: weights, scaled already.
            cells: one set an image, images first, as NumPy arrays; used up.
            units: (images, steps, slots) acting input units.
            rest: steps without input that follow.
        """


@jax.jit
def _scaled(plastic: Plastic, sum_in: Any, sum_out: Any, scale_in: Any) -> Plastic:
    w_in, w_out = plastic.w_in, plastic.w_out
    return plastic._replace(
        w_in=jnp.where(scale_in, w_in * (sum_in / w_in.sum(axis=0)), w_in),
        w_out=w_out * (sum_out / w_out.sum(axis=0)),
    )


def show(
    params: Parameters, state: NetworkState, units: Any, taught: Any, sums: Any, learns: Learns, rest: int
) -> tuple[NetworkState, Any, Any]:
    """Scale the weights and show one image with its rest; pure.

    Args:
        params, state, taught, learns, rest: as for :func:`symplast.sym_stdp.simulation.advance`.
        units: acting input units of the image and of the step after it.
        sums: S_E, S_C, and whether the weights into hidden cells are scaled.

    Returns:
        The state after it, and the spikes of hidden and of classifier cells while the image was on.
    """
    state = state._replace(plastic=_scaled(state.plastic, *sums))
    state, spikes = advance(params, state, units, taught, learns, rest)
    shown = units.shape[0] - 1
    return state, spikes.hidden[:shown].sum(axis=0), spikes.classifier[:shown].sum(axis=0)


def _show_many(params: Parameters, plastic: Plastic, cells: Cells, units: Any, rest: int) -> tuple[Cells, Any, Any]:
    def one(cells: Cells, units: Any) -> tuple[Cells, Any, Any]:
        state, spikes = advance(params, NetworkState(plastic, cells), units, None, "none", rest)
        return state.cells, spikes.hidden.sum(axis=0), spikes.classifier.sum(axis=0)

    return jax.vmap(one)(cells, units)


class JaxPresenter(Presenter):
    """By compiled scans; weights are changed in place."""

    def __init__(self, config: SymSTDPConfig) -> None:
        super().__init__(config)
        self._train: Callable[..., Any] = _train
        self._respond: Callable[..., Any] = _respond

    def own(self, state: NetworkState) -> NetworkState:
        return jax.tree.map(jnp.array, state)

    def train(self, state: NetworkState, drawn: Drawn, learns: Learns) -> tuple[NetworkState, Counts]:
        config, rest = self.config, self.config.rest_steps
        units = acting_units(np.zeros(state.plastic.w_in.shape[0], bool), drawn.units, extra=True)
        sums = config.sum_in, config.sum_out_per_cell * state.plastic.w_in.shape[1], config.scale_in
        state, hidden, out = self._train(self.params, state, units, drawn.taught, sums, learns=learns, rest=rest - 1)
        return state, Counts(np.asarray(hidden), np.asarray(out))

    def respond(self, plastic: Plastic, cells: Cells, units: np.ndarray, rest: int) -> tuple[Cells, Counts]:
        n = len(units)
        filled = -n % BATCH
        if filled:
            cells = jax.tree.map(lambda leaf: np.concatenate([leaf, np.repeat(leaf[-1:], filled, axis=0)]), cells)
            units = np.concatenate([units, np.full((filled, *units.shape[1:]), plastic.w_in.shape[0], units.dtype)])
        parts = []
        for first in range(0, len(units), BATCH):
            some = slice(first, first + BATCH)
            batch = jax.tree.map(lambda leaf, some=some: leaf[some], cells)
            parts.append(jax.device_get(self._respond(self.params, plastic, batch, units[some], rest=rest)))
        cells, hidden, out = jax.tree.map(lambda *leaves: np.concatenate(leaves)[:n], *parts)
        return cells, Counts(hidden, out)


_train = jax.jit(show, static_argnames=("learns", "rest"), donate_argnums=1)
_respond = jax.jit(_show_many, static_argnames=("rest",))


class NumbaPresenter(Presenter):
    """By one compiled loop over events, one image after the other."""

    def __init__(self, config: SymSTDPConfig) -> None:
        from symplast.sym_stdp.event_loop import advance_numba, constants

        super().__init__(config)
        self._advance = advance_numba
        self._packed = constants(self.params, self.params.dt.dtype)

    def own(self, state: NetworkState) -> NetworkState:
        return jax.tree.map(np.array, state)

    def train(self, state: NetworkState, drawn: Drawn, learns: Learns) -> tuple[NetworkState, Counts]:
        config, (w_in, w_out) = self.config, state.plastic[:2]
        if config.scale_in:
            w_in *= w_in.dtype.type(config.sum_in) / w_in.sum(axis=0)
        w_out *= w_out.dtype.type(config.sum_out_per_cell * w_in.shape[1]) / w_out.sum(axis=0)
        units = acting_units(state.cells.s_in, drawn.units, extra=True)
        state, spikes = self._go(state, units, drawn.taught, learns, config.rest_steps - 1)
        shown = config.image_steps
        return state, Counts(_counted(spikes.hidden[:shown]), _counted(spikes.classifier[:shown]))

    def respond(self, plastic: Plastic, cells: Cells, units: np.ndarray, rest: int) -> tuple[Cells, Counts]:
        found = []
        for index, table in enumerate(units):
            own = Cells(*(leaf[index] for leaf in cells))
            _, spikes = self._go(NetworkState(plastic, own), table, None, "none", rest)
            found.append((_counted(spikes.hidden), _counted(spikes.classifier)))
        return cells, Counts(*(np.array(part) for part in zip(*found, strict=True)))

    def _go(self, state: NetworkState, units: Any, taught: Any, learns: Learns, rest: int) -> Any:
        return self._advance(self.params, state, units, taught, learns, rest, packed=self._packed, in_place=True)


def _counted(spikes: Any) -> np.ndarray:
    """Spikes of each unit; faster than a sum where there are few."""
    return np.bincount(np.flatnonzero(spikes) % spikes.shape[1], minlength=spikes.shape[1])


def presenter(config: SymSTDPConfig, backend: str = "auto") -> Presenter:
    """The presenter of a backend (:func:`choose`)."""
    return NumbaPresenter(config) if choose(backend) == "numba" else JaxPresenter(config)
