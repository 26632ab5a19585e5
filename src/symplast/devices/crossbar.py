"""A crossbar array of devices that holds one layer's weights: read, pulse, refresh."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Key

from symplast.devices.arguments import SCHEMES, check_choice, check_marks, check_reals
from symplast.devices.device_model import DeviceModel
from symplast.devices.pulsing import CountRows, Counts, Gate, Laws, Rows, States, count_pulses, pulse_dense, pulse_rows
from symplast.devices.refreshing import Pairs, Refresh, refresh
from symplast.devices.schemes import REFERENCE, REFRESHED, Scheme, devices_per_synapse, initial_states
from symplast.devices.variation import Cells, Variation, draw_cells
from symplast.learning.compiling import lightly
from symplast.stats.arguments import check_count

LEAST_SCALE = 1e-30
"""A scale must be above 0, by enough for float32."""


class Crossbar(eqx.Module):
    """An array of synapses, each a pair of devices (one for scheme ``ref``): ``W = scale (g+ - g-)``.

    The two devices are stacked in one array, so that one matrix-vector product reads them both.

    Args:
        n_in: input lines.
        n_out: output lines.
        device: the device model.
        scheme: ``uni``, ``uni_ltd``, ``bi`` or ``ref``.
        scale: weight of a full difference, above 0.
        key: draws the first weights, uniform in ``±1/sqrt(n_in)``, and the devices' spread.
        weights: (n_out, n_in) first weights instead of drawn ones; those beyond the range are limited to it.
        variation: spread, noise and defects of the devices.

    Raises:
        ValueError: an unknown scheme, or a count, scale or shape out of its range.

    Example:
        >>> import jax
        >>> array = Crossbar(3, 2, DeviceModel(64), "uni", key=jax.random.key(0), weights=np.zeros((2, 3)))
        >>> array = array.pulse(np.array([1.0, -1.0]), np.array([True, False, True]))
        >>> print(array.weights)
        [[ 0.015625  0.        0.015625]
         [-0.015625  0.       -0.015625]]
        >>> print(array.pulses.sum(), array.read(np.ones(3)))
        4 [ 0.03125 -0.03125]
    """

    g: States
    cells: Cells
    scale: Float[Array, ""]
    pulses: Counts
    refreshes: Int[Array, "n_out n_in"]
    scheme: Scheme = eqx.field(static=True)

    def __init__(
        self,
        n_in: int,
        n_out: int,
        device: DeviceModel,
        scheme: Scheme = "uni",
        scale: ArrayLike = 1.0,
        *,
        key: Key[Array, ""],
        weights: ArrayLike | None = None,
        variation: Variation | None = None,
    ):
        n_in, n_out = check_count(n_in, "n_in"), check_count(n_out, "n_out")
        self.scheme = check_choice(scheme, "scheme", SCHEMES)
        self.scale = check_reals(scale, "scale", LEAST_SCALE, np.inf)
        for_weights, for_cells = jax.random.split(key)
        if weights is None:
            weights = first_weights(n_in, n_out, for_weights)
        elif np.shape(weights) != (n_out, n_in):
            raise ValueError(f"weights must have shape (n_out={n_out}, n_in={n_in}), got {np.shape(weights)}")
        shape = devices_per_synapse(scheme), n_out, n_in
        self.cells = draw_cells(device, variation, shape, for_cells)
        self.g = self.cells.held(initial_states(scheme, jnp.asarray(weights, dtype=float), self.scale))
        self.pulses = jnp.zeros((2, *shape), jnp.int32)
        self.refreshes = jnp.zeros((n_out, n_in), jnp.int32)

    @property
    def g_plus(self) -> Float[Array, "n_out n_in"]:
        """States of the devices that raise the weights."""
        return self.g[0]

    @property
    def g_minus(self) -> Float[Array, "n_out n_in"]:
        """States of the devices that lower them; the fixed reference for scheme ``ref``."""
        return self.g[1] if self.g.shape[0] == 2 else jnp.full_like(self.g[0], REFERENCE)

    @property
    def weights(self) -> Float[Array, "n_out n_in"]:
        """``scale (r+ g+ - r- g-)``, r being each device's range."""
        read = self._reached()
        return self.scale * (read[0] - (read[1] if read.shape[0] == 2 else REFERENCE))

    @property
    def stuck_pairs(self) -> Int[Array, ""]:
        """Synapses at the end of what their scheme can hold, which no refresh frees.

        ``uni``: one device at 1, the other at exactly 0 (mirrored for ``uni_ltd``); ``bi``: both devices at opposite
        ends; ``ref``: the device at an end.
        """
        return _stuck_pairs(self.g, self.scheme)

    def read(self, x: ArrayLike, key: Key[Array, ""] | None = None) -> Float[Array, " n_out"]:
        """Output currents ``W x``; with read noise where the devices have it and a key is given.

        Args:
            x: (n_in,) line inputs.
            key: of the noise.

        Raises:
            ValueError: x of another length.
        """
        x = jnp.asarray(x, self.g.dtype)
        if x.shape != self.g.shape[-1:]:
            raise ValueError(f"x must hold one input for each of the {self.g.shape[-1]} lines, got shape {x.shape}")
        read = self._reached()
        currents = read.reshape(-1, read.shape[-1]) @ x
        n_out = read.shape[1]
        pair = read.shape[0] == 2
        out = currents[:n_out] - currents[n_out:] if pair else currents - REFERENCE * _total(x)
        return self.scale * out + self._read_noise(read**2, "kij,j->i", x, key)

    def read_back(self, error: Float[Array, " n_out"], key: Key[Array, ""] | None = None) -> Float[Array, " n_in"]:
        """``W^T error``: the array read from its other side."""
        read = self._reached()
        if read.shape[0] == 2:
            out = jnp.concatenate([error, -error]) @ read.reshape(-1, read.shape[-1])
        else:
            out = error @ read[0] - REFERENCE * _total(error)
        return self.scale * out + self._read_noise(read**2, "kij,i->j", error, key)

    def pulse(self, T: ArrayLike, X: ArrayLike, key: Key[Array, ""] | None = None) -> "Crossbar":
        """The array after one update: each synapse (i, j) with ``T_i != 0`` and ``X_j`` gets its pulses.

        Args:
            T: (n_out,) +1, -1 or 0: which way each row should go.
            X: (n_in,) which input lines are on.
            key: of cycle-to-cycle noise; needed where the devices have it.

        Raises:
            ValueError: T or X of another length or with other values, or no key for noisy devices.
        """
        n_out, n_in = self.g.shape[1:]
        T = check_marks(T, "T", n_out, (-1, 0, 1), "which way each row should go; np.sign makes it of errors")
        X = check_marks(X, "X", n_in, (0, 1), "which input lines are on")
        self._check_key(key)
        return _pulsed(self, Gate(T.astype(float), X.astype(bool)), key)

    def refresh(
        self,
        g_sat: ArrayLike = 0.999,
        *,
        verify: bool = False,
        swap: bool = False,
        key: Key[Array, ""] | None = None,
    ) -> "Crossbar":
        """The array after a refresh of its saturated pairs; see :func:`symplast.devices.refreshing.refresh`.

        Raises:
            ValueError: a scheme without refresh, or no key for devices with cycle-to-cycle noise.
        """
        if self.scheme not in REFRESHED:
            raise ValueError(f"scheme {self.scheme} has no refresh; only {' and '.join(REFRESHED)} need one")
        self._check_key(key)
        how = Refresh(self.scheme, verify, swap)
        return _refreshed(self, how, check_reals(g_sat, "g_sat", 0, 1), key)

    def refreshed(
        self, how: Refresh, g_sat: Float[Array, ""], key: Key[Array, ""] | None, due: Bool[Array, ""] | bool = True
    ) -> "Crossbar":
        """The array after a refresh, if one is due."""
        after = refresh(Pairs(self.g, self.cells, self.pulses, self.refreshes), how, g_sat, key, due)
        return eqx.tree_at(lambda a: (a.g, a.cells, a.pulses, a.refreshes), self, tuple(after))

    def laws(self) -> Laws:
        """The pulse laws, without exponentials left to compute."""
        return Laws.of(self.cells, self.scheme)

    @property
    def state(self) -> tuple[Rows, CountRows]:
        """What changes at each sample: states and counters, all rows one below the other."""
        n_in = self.g.shape[-1]
        return self.g.reshape(-1, n_in), self.pulses.reshape(-1, n_in)

    def with_state(self, state: tuple[Rows, CountRows]) -> "Crossbar":
        """The array in another state."""
        g, pulses = state
        return eqx.tree_at(
            lambda a: (a.g, a.pulses), self, (g.reshape(self.g.shape), pulses.reshape(self.pulses.shape))
        )

    def updated(self, laws: Laws, gate: Gate, key: Key[Array, ""] | None, dense: bool) -> tuple[Rows, CountRows]:
        """The state after one update; ``dense`` leaves the counters to :meth:`counted`."""
        if dense:
            g = pulse_dense(self.g, laws, self.scheme, gate, key)
            return g.reshape(-1, g.shape[-1]), self.state[1]
        return pulse_rows(*self.state, laws, self.scheme, gate, key)

    def counted(self, gates: Gate) -> "Crossbar":
        """The array with the pulses of several samples added to its counters."""
        counts = count_pulses(self.scheme, gates.T, gates.X, self.pulses)
        return eqx.tree_at(lambda a: a.pulses, self, counts)

    def _check_key(self, key: Key[Array, ""] | None) -> None:
        if self.cells.c2c is not None and key is None:
            raise ValueError("key must be given: the devices have cycle-to-cycle noise (c2c)")

    def _reached(self) -> States:
        return self.g if self.cells.reach is None else self.g * self.cells.reach

    def _read_noise(self, squares: States, product: str, x: Array, key: Key[Array, ""] | None) -> Any:
        if self.cells.read_noise is None or key is None:
            return 0.0
        deviation = self.cells.read_noise * self.scale * jnp.sqrt(jnp.einsum(product, squares, x**2))
        return deviation * jax.random.normal(key, deviation.shape, deviation.dtype)


@lightly
def _stuck_pairs(g: States, scheme: Scheme) -> Int[Array, ""]:
    low, high = g <= 0, g >= 0.999
    if scheme == "ref":
        return jnp.sum(low | high)
    if scheme == "uni_ltd":
        low, high = g <= 0.001, g >= 1
    return jnp.sum(low.any(axis=0) & high.any(axis=0))


@eqx.filter_jit
def _pulsed(array: Crossbar, gate: Gate, key: Key[Array, ""] | None) -> Crossbar:
    return array.with_state(array.updated(array.laws(), gate, key, dense=False))


@eqx.filter_jit
def _refreshed(array: Crossbar, how: Refresh, g_sat: Float[Array, ""], key: Key[Array, ""] | None) -> Crossbar:
    return array.refreshed(how, g_sat, key)


def _total(x: Float[Array, " lines"]) -> Float[Array, ""]:
    """The sum as a product: a plain sum would be fused into, and repeated for, each output line."""
    return jnp.ones_like(x) @ x


def first_weights(n_in: int, n_out: int, key: Key[Array, ""]) -> Float[Array, "n_out n_in"]:
    """Uniform in ``±1/sqrt(n_in)`` (our choice)."""
    return jax.random.uniform(key, (n_out, n_in), float, minval=-1, maxval=1) / jnp.sqrt(n_in)
