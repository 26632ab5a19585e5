"""Devices as the last link of an optax chain: parameters become what the devices hold."""

import warnings
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from symplast.devices.arguments import SCHEMES, check_choice, check_reals
from symplast.devices.crossbar import LEAST_SCALE, Crossbar
from symplast.devices.device_model import DeviceModel
from symplast.devices.pulsing import gate
from symplast.devices.refreshing import Refresh
from symplast.devices.rule import SingleStepRule
from symplast.devices.schemes import REFRESHED, Scheme, directions, largest_weight, pulsed
from symplast.devices.variation import OWN, Variation, draw_cells

MODES = ("step", "proportional")


Shape = tuple[int, ...]


class WrittenState(eqx.Module):
    """The devices behind the parameters.

    All written leaves lie in one row of devices, one after the other: a pulse treats every device alike, so one set of
    operations and one draw of random numbers serve all leaves.

    Attributes:
        whole: the row; None where no leaf is written.
        updates: how many there have been.
        limited: weights that did not fit into the devices' range at ``init``.
        key: of noise and of stochastic rounding.
        shapes: (n_out, n_in) of each leaf that is written, None for the others; in the order of ``jax.tree.leaves``.
    """

    whole: Crossbar | None
    updates: Int[Array, ""]
    limited: Int[Array, ""]
    key: Key[Array, ""]
    shapes: tuple[Shape | None, ...] = eqx.field(static=True)
    variation: Variation | None = eqx.field(static=True)

    @property
    def arrays(self) -> tuple[Crossbar | None, ...]:
        """One crossbar for each leaf that is written, None for the others."""
        ends = iter(_ends(self.shapes))

        def of_devices(row: Any) -> list[Any]:
            own = [getattr(row.cells, name) for name in OWN]
            return [row.g, row.pulses, row.refreshes, *(each for each in own if each is not None)]

        def one(shape: Shape) -> Crossbar:
            end = next(ends)
            return eqx.tree_at(of_devices, self.whole, [_cut(each, end, shape) for each in of_devices(self.whole)])

        return tuple(None if shape is None else one(shape) for shape in self.shapes)

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
        for_noise, for_cells = jax.random.split(key)
        whole = self.whole
        if whole is not None:
            cells = draw_cells(whole.cells.nominal, self.variation, whole.g.shape, for_cells)  # type: ignore[arg-type]
            whole = eqx.tree_at(lambda a: a.cells, whole, cells, is_leaf=lambda leaf: leaf is None)
        return WrittenState(whole, self.updates, self.limited, for_noise, self.shapes, self.variation)


def _ends(shapes: Sequence[Shape | None]) -> list[int]:
    """Where each written leaf ends in the row."""
    return np.cumsum([n_out * n_in for n_out, n_in in filter(None, shapes)]).tolist()


def _cut(row: Array, end: int, shape: Shape) -> Array:
    """A leaf's part of a row, in its shape."""
    part = row[..., 0, end - shape[0] * shape[1] : end]
    return part.reshape(*part.shape[:-1], *shape)


def _row(leaves: Sequence[Array]) -> Float[Array, "1 width"]:
    """Leaves one after the other."""
    return jnp.concatenate([leaf.reshape(1, -1) for leaf in leaves], axis=1)


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

    def program(self, weights: Float[Array, "1 width"], key: Key[Array, ""]) -> Crossbar:
        """Devices that hold weights; ``held`` is left to the updates, so that reseeding can move the stuck ones."""
        array = Crossbar(weights.shape[1], 1, self.device, self.scheme, self.scale, key=key, weights=weights)
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
        """One update of all devices."""
        rounding, noise = jax.random.split(key)
        g, counts = array.cells.held(array.g), array.pulses
        shares = jax.random.uniform(rounding, g.shape, g.dtype) if self.mode == "proportional" else None
        for row, direction in ((0, "ltp"), (1, "ltd")):
            if direction not in directions(self.scheme):
                continue
            sent = pulsed(self.scheme, direction, T)
            if shares is None:
                k = sent.astype(jnp.int32)
            else:
                n_max = getattr(array.cells.nominal, f"n_{direction}")
                share = n_max / (array.scale * (2 if self.scheme == "bi" else 1))
                steps = jnp.floor(jnp.abs(change) * share + shares)
                k = jnp.where(sent, jnp.minimum(steps, jnp.floor(n_max)), 0).astype(jnp.int32)
            g = array.cells.step(g, direction, k, jax.random.fold_in(noise, row))
            counts = counts.at[row].add(k)
        return eqx.tree_at(lambda a: (a.g, a.pulses), array, (g, counts))

    def refresh(self, array: Crossbar, key: Key[Array, ""], due: Bool[Array, ""]) -> Crossbar:
        """Refresh the devices, if it is due."""
        how = Refresh(self.scheme, self.rule.refresh_write == "verify", self.rule.swap_on_refresh)
        return array.refreshed(how, self.rule.g_sat, key, due)


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

    return optax.GradientTransformationExtraArgs(Partial(_init, writer, first_key), Partial(_update, writer))


def _init(writer: _Writer, key: Key[Array, ""], params: PyTree) -> WrittenState:
    leaves = jax.tree.leaves(params)
    written = [leaf for leaf in leaves if writer.writes(leaf)]
    if len(writer.theta) not in (1, len(written)):
        raise ValueError(
            f"theta must be one value or one for each of the {len(written)} written leaves, got {len(writer.theta)}"
        )
    for_noise, for_cells = jax.random.split(key)
    whole = writer.program(_row(written), for_cells) if written else None
    most = writer.scale * largest_weight(writer.scheme)
    limited = jnp.sum(jnp.abs(_row(written)) > most).astype(jnp.int32) if written else jnp.zeros((), jnp.int32)
    if not isinstance(limited, jax.core.Tracer) and limited > 0:
        total = sum(leaf.size for leaf in written)
        warnings.warn(
            f"{int(limited)} of {total} weights were limited to the devices' range, {float(most):g} in size; "
            "a larger scale would hold them",
            stacklevel=2,
        )
    shapes = tuple(_matrix(leaf).shape if writer.writes(leaf) else None for leaf in leaves)
    return WrittenState(whole, jnp.zeros((), jnp.int32), limited, for_noise, shapes, writer.variation)


def _update(
    writer: _Writer,
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
    if state.whole is None:
        return updates, state
    leaves, tree = jax.tree.flatten(params)
    structure: Any = tree
    changes = structure.flatten_up_to(updates)
    places = [index for index, shape in enumerate(state.shapes) if shape is not None]
    nothing = [None] * len(leaves)
    lines = nothing if pre is None else structure.flatten_up_to(pre)
    errors = nothing if post is None else structure.flatten_up_to(post)
    for_pulses, for_refresh = jax.random.split(jax.random.fold_in(state.key, state.updates))
    thetas = writer.theta * len(places) if len(writer.theta) == 1 else writer.theta
    wanted = [
        writer.wanted(_matrix(changes[place]).astype(state.whole.g.dtype), theta, lines[place], errors[place])
        for place, theta in zip(places, thetas, strict=True)
    ]
    row = _row([changes[place] for place in places]).astype(state.whole.g.dtype)
    whole = writer.pulse(state.whole, _row(wanted), row, for_pulses)
    programming = jnp.all(row == 0) if pre is None and post is None else jnp.asarray(False)
    count = state.updates + ~(programming & (state.updates == 0))
    if writer.scheme in REFRESHED:
        due = (count % writer.rule.refresh_every == 0) & (count > 0)
        whole = writer.refresh(whole, for_refresh, due)
    held, returned = whole.weights, list(changes)
    for place, end in zip(places, _ends(state.shapes), strict=True):
        leaf, change = leaves[place], changes[place]
        part = held[0, end - leaf.size : end].reshape(leaf.shape).astype(leaf.dtype)
        # pulses would hide a wanted change that is no number
        returned[place] = jnp.where(jnp.isfinite(change), part - leaf, jnp.nan)
    after = WrittenState(whole, count.astype(jnp.int32), state.limited, state.key, state.shapes, state.variation)
    return jax.tree.unflatten(structure, returned), after


def _matrix(leaf: Array) -> Array:
    return leaf if leaf.ndim == 2 else leaf.reshape(leaf.shape[0] if leaf.ndim else 1, -1)
