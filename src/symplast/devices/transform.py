"""Devices as the last link of an optax chain: parameters become what the devices hold."""

import warnings
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from symplast.devices.arguments import SCHEMES, check_choice, check_reals
from symplast.devices.crossbar import LEAST_SCALE, Crossbar
from symplast.devices.device_model import DeviceModel
from symplast.devices.pulsing import gate
from symplast.devices.refreshing import Refresh
from symplast.devices.rule import SingleStepRule
from symplast.devices.schemes import REFRESHED, Scheme, directions, largest_weight, pulsed
from symplast.devices.variation import Variation, draw_cells

MODES = ("step", "proportional")


class WrittenState(eqx.Module):
    """The devices behind the parameters.

    Attributes:
        arrays: one crossbar for each leaf that is written, None for the others; in the order of ``jax.tree.leaves``.
        updates: how many there have been.
        limited: weights that did not fit into the devices' range at ``init``.
        key: of noise and of stochastic rounding.
    """

    arrays: tuple[Crossbar | None, ...]
    updates: Int[Array, ""]
    limited: Int[Array, ""]
    key: Key[Array, ""]
    variation: Variation | None = eqx.field(static=True)

    @property
    def g_plus(self) -> tuple[Float[Array, "_ _"] | None, ...]:
        """States of the devices that raise the weights."""
        return tuple(None if a is None else a.g_plus for a in self.arrays)

    @property
    def g_minus(self) -> tuple[Float[Array, "_ _"] | None, ...]:
        """States of the devices that lower them."""
        return tuple(None if a is None else a.g_minus for a in self.arrays)

    def reseed(self, key: Key[Array, ""]) -> "WrittenState":
        """The same states on freshly drawn devices, with fresh noise."""
        keys = jax.random.split(key, len(self.arrays) + 1)
        arrays = tuple(
            None if a is None else eqx.tree_at(lambda b: b.cells, a, self._drawn(a, k))
            for a, k in zip(self.arrays, keys[1:], strict=True)
        )
        return WrittenState(arrays, self.updates, self.limited, keys[0], self.variation)

    def _drawn(self, array: Crossbar, key: Key[Array, ""]) -> Any:
        devices, n_out, n_in = array.g.shape
        return draw_cells(array.cells.nominal, self.variation, (devices, n_out, n_in), key)


class _Writer(eqx.Module):
    """Settings of :func:`write`, and what it does to one leaf."""

    device: DeviceModel
    scale: Float[Array, ""]
    theta: tuple[Float[Array, ""], ...]
    rule: SingleStepRule
    scheme: Scheme = eqx.field(static=True)
    mode: str = eqx.field(static=True)
    all_leaves: bool = eqx.field(static=True)
    variation: Variation | None = eqx.field(static=True)

    def writes(self, leaf: Array) -> bool:
        """Whether a leaf is held by devices."""
        return jnp.issubdtype(leaf.dtype, jnp.floating) and (leaf.ndim == 2 or self.all_leaves)

    def program(self, leaf: Array, key: Key[Array, ""]) -> Crossbar:
        """Devices that hold a leaf; ``held`` is left to the updates, so that reseeding can move the stuck ones."""
        weights = _matrix(leaf)
        n_out, n_in = weights.shape
        array = Crossbar(n_in, n_out, self.device, self.scheme, self.scale, key=key, weights=weights)
        cells = draw_cells(self.device, self.variation, array.g.shape, key)  # type: ignore[arg-type]
        return eqx.tree_at(lambda a: a.cells, array, cells)

    def wanted(
        self, change: Float[Array, "n_out n_in"], theta: Float[Array, ""], pre: Any, post: Any
    ) -> Float[Array, "n_out n_in"]:
        """T of each weight: +1, -1 or 0; the outer product of the gates where both signals of one sample are there."""
        if pre is not None and post is not None and self.mode == "step" and pre.shape[0] == 1:
            on = gate(post[0], pre[0], theta, self.rule.theta_x)
            return on.T[:, None] * on.X
        return jnp.sign(change) * (jnp.abs(change) > theta)

    def pulse(self, array: Crossbar, T: Array, change: Array, key: Key[Array, ""]) -> Crossbar:
        """One update of an array."""
        rounding, noise = jax.random.split(key)
        g, counts = array.cells.held(array.g), array.pulses
        for row, direction in ((0, "ltp"), (1, "ltd")):
            if direction not in directions(self.scheme):
                continue
            sent = pulsed(self.scheme, direction, T)
            if self.mode == "step":
                k = sent.astype(jnp.int32)
            else:
                n_max = getattr(array.cells.nominal, f"n_{direction}")
                share = n_max / (array.scale * (2 if self.scheme == "bi" else 1))
                steps = jnp.floor(jnp.abs(change) * share + jax.random.uniform(rounding, g.shape, g.dtype))
                k = jnp.where(sent, jnp.minimum(steps, jnp.floor(n_max)), 0).astype(jnp.int32)
            g = array.cells.step(g, direction, k, jax.random.fold_in(noise, row))
            counts = counts.at[row].add(k)
        return eqx.tree_at(lambda a: (a.g, a.pulses), array, (g, counts))

    def refresh(
        self, arrays: tuple[Crossbar | None, ...], key: Key[Array, ""], due: Bool[Array, ""]
    ) -> tuple[Crossbar | None, ...]:
        """Refresh every array, if it is due."""
        how = Refresh(self.scheme, self.rule.refresh_write == "verify", self.rule.swap_on_refresh)
        keys = jax.random.split(key, max(len(arrays), 1))
        return tuple(
            None if a is None else a.refreshed(how, self.rule.g_sat, k, due)
            for a, k in zip(arrays, keys[: len(arrays)], strict=True)
        )


def write(
    device: DeviceModel | None = None,
    scheme: Scheme = "uni",
    mode: str = "step",
    *,
    levels: float | None = None,
    nonlinearity: float = 0.0,
    theta: float | Sequence[float] = 0.0,
    theta_x: float = 0.1,
    scale: float = 1.0,
    refresh_every: int | None = None,
    g_sat: float | None = None,
    refresh_write: str | None = None,
    swap_on_refresh: bool = False,
    variation: Variation | None = None,
    d2d_step: float = 0.0,
    c2c: float = 0.0,
    all_leaves: bool = False,
    key: Key[Array, ""] | None = None,
) -> optax.GradientTransformationExtraArgs:
    """Write the wanted changes into memory devices; the parameters become what the devices hold.

    Put it last in a chain, after the optimiser: an update is the wanted change of W, so its sign says which way a
    weight should go. ``step``: one pulse where ``|u| > theta``. ``proportional``: ``floor(|u| N/scale + U)`` pulses
    with U uniform in [0, 1) (half as many on each device of ``bi``), unbiased for linear devices. The transform returns
    ``W_device(new) - params``, so after ``optax.apply_updates`` the parameters *are* the device weights.

    With the signals ``pre`` and ``post`` (:class:`symplast.learning.GradientLearner` passes them) and one sample a
    batch, ``step`` uses the gates of :func:`train_online`, ``pre > theta_x`` and ``|post| > theta``, and gives its
    pulses, sample for sample. A change that is not finite makes its weight NaN: devices would hide a run that diverges.
    A first update that is exactly zero (the learner's programming pass) is not counted for the refresh.

    Args:
        device: the device model; or give ``levels`` and ``nonlinearity``.
        scheme: ``uni``, ``uni_ltd``, ``bi`` or ``ref``.
        mode: ``step`` or ``proportional``.
        levels: pulses from 0 to 1 in both directions, at least 1, instead of a device.
        nonlinearity: b of both directions, in [0, 50].
        theta: threshold of the change (of the error where the signals are used); one, or one a written leaf.
        theta_x: threshold of the input where the signals are used.
        scale: weight of a full difference.
        refresh_every, g_sat, refresh_write, swap_on_refresh: as in :class:`SingleStepRule`.
        variation: spread, noise and defects; or give ``d2d_step`` and ``c2c``.
        d2d_step: spread of the devices' steps.
        c2c: noise of each pulse, as a share of the range.
        all_leaves: also write leaves that are no matrices (biases); by default they pass through.
        key: of spread and noise; a learner reseeds it.

    Returns:
        The transform.

    Raises:
        ValueError: wrong settings; at ``init``, a number of thresholds that is not the number of written leaves.

    Warns:
        UserWarning: at ``init`` outside jit, weights beyond the range had to be limited to it (the state counts them).

    Example:
        >>> W = {"w": jnp.array([[0.5, -0.5]])}
        >>> chain = optax.chain(optax.sgd(1.0), write(levels=64))
        >>> state = chain.init(W)
        >>> change, state = chain.update({"w": jnp.array([[0.3, 0.0]])}, state, W)
        >>> print(optax.apply_updates(W, change)["w"])
        [[ 0.484375 -0.5     ]]
    """
    if (device is None) == (levels is None):
        raise ValueError("give either a device or levels (with nonlinearity), not both or neither")
    if device is None:
        assert levels is not None
        device = DeviceModel(levels, b_ltp=nonlinearity)
    elif nonlinearity:
        raise ValueError("nonlinearity goes with levels; a device brings its own")
    if (d2d_step or c2c) and variation is not None:
        raise ValueError("d2d_step and c2c are settings of variation: give them there")
    if d2d_step or c2c:
        variation = Variation(d2d_step=d2d_step, c2c=c2c)
    check_choice(scheme, "scheme", SCHEMES)
    rule = SingleStepRule(theta_x, (0.0,), refresh_every, g_sat, refresh_write, swap_on_refresh)
    rule.check_scheme(scheme)
    thresholds = (theta,) if np.ndim(theta) == 0 else tuple(theta)  # type: ignore[arg-type]
    writer = _Writer(
        device,
        check_reals(scale, "scale", LEAST_SCALE, np.inf),
        tuple(check_reals(each, "theta", 0, np.inf) for each in thresholds),
        rule,
        scheme,
        check_choice(mode, "mode", MODES),
        all_leaves,
        variation,
    )
    first_key = jax.random.key(0) if key is None else key

    def init(params: PyTree) -> WrittenState:
        return _init(writer, params, first_key)

    def update(
        updates: PyTree,
        state: WrittenState,
        params: PyTree | None = None,
        *,
        pre: Any = None,
        post: Any = None,
        **_: Any,
    ) -> tuple[PyTree, WrittenState]:
        if params is None:
            raise ValueError("write needs params: call update(updates, state, params)")
        return _update(writer, updates, state, params, pre, post)

    return optax.GradientTransformationExtraArgs(init, update)


def _init(writer: _Writer, params: PyTree, key: Key[Array, ""]) -> WrittenState:
    leaves = jax.tree.leaves(params)
    keys = jax.random.split(key, len(leaves) + 1)
    written = [leaf for leaf in leaves if writer.writes(leaf)]
    if len(writer.theta) not in (1, len(written)):
        raise ValueError(
            f"theta must be one value or one for each of the {len(written)} written leaves, got {len(writer.theta)}"
        )
    arrays = tuple(
        writer.program(leaf, k) if writer.writes(leaf) else None for leaf, k in zip(leaves, keys[1:], strict=True)
    )
    most = writer.scale * largest_weight(writer.scheme)
    limited = jnp.asarray(sum((jnp.sum(jnp.abs(leaf) > most) for leaf in written), jnp.zeros((), jnp.int32)), jnp.int32)
    if not isinstance(limited, jax.core.Tracer) and limited > 0:
        total = sum(leaf.size for leaf in written)
        warnings.warn(
            f"{int(limited)} of {total} weights were limited to the devices' range, {float(most):g} in size; "
            "a larger scale would hold them",
            stacklevel=3,
        )
    return WrittenState(arrays, jnp.zeros((), jnp.int32), limited, keys[0], writer.variation)


def _update(
    writer: _Writer, updates: PyTree, state: WrittenState, params: PyTree, pre: Any, post: Any
) -> tuple[PyTree, WrittenState]:
    leaves, tree = jax.tree.flatten(params)
    structure: Any = tree
    changes = structure.flatten_up_to(updates)
    nothing = [None] * len(leaves)
    lines = nothing if pre is None else structure.flatten_up_to(pre)
    errors = nothing if post is None else structure.flatten_up_to(post)
    key = jax.random.fold_in(state.key, state.updates)
    thetas = iter(writer.theta * len(leaves) if len(writer.theta) == 1 else writer.theta)
    arrays: list[Crossbar | None] = []
    for index, (array, change) in enumerate(zip(state.arrays, changes, strict=True)):
        if array is None:
            arrays.append(None)
            continue
        matrix = _matrix(change).astype(array.g.dtype)
        T = writer.wanted(matrix, next(thetas), lines[index], errors[index])
        arrays.append(writer.pulse(array, T, matrix, jax.random.fold_in(key, index)))
    written = [change for array, change in zip(state.arrays, changes, strict=True) if array is not None]
    silent = pre is None and post is None
    programming = jnp.all(jnp.array([jnp.all(change == 0) for change in written])) if silent else jnp.asarray(False)
    count = state.updates + ~(programming & (state.updates == 0))
    done = tuple(arrays)
    if writer.scheme in REFRESHED:
        due = (count % writer.rule.refresh_every == 0) & (count > 0)
        refreshing = jax.random.fold_in(key, len(leaves))
        done = writer.refresh(done, refreshing, due)
    returned = [
        change if array is None else _held(array, leaf, change)
        for array, change, leaf in zip(done, changes, leaves, strict=True)
    ]
    after = WrittenState(done, count.astype(jnp.int32), state.limited, state.key, state.variation)
    return jax.tree.unflatten(structure, returned), after


def _held(array: Crossbar, leaf: Array, change: Array) -> Array:
    """From a leaf to what its devices hold; NaN where the wanted change is no number, which pulses would hide."""
    return jnp.where(jnp.isfinite(change), array.weights.reshape(leaf.shape).astype(leaf.dtype) - leaf, jnp.nan)


def _matrix(leaf: Array) -> Array:
    return leaf if leaf.ndim == 2 else leaf.reshape(leaf.shape[0] if leaf.ndim else 1, -1)
