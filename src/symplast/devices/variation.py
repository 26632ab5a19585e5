"""How real devices differ from the model and from each other, and the draws that make a crossbar's devices."""

from dataclasses import dataclass, fields

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from symplast.devices import pulse_law
from symplast.devices.arguments import Direction
from symplast.devices.device_model import DeviceModel
from symplast.devices.pulse_law import MOST_NONLINEAR

Devices = Float[Array, "devices n_out n_in"]

OWN = ("v_ltp", "v_ltd", "b_factor", "reach", "stuck_low", "stuck_high")
"""Fields of :class:`Cells` that hold one value a device."""


@dataclass(frozen=True)
class Variation:
    """Device-to-device spread, noise and defects; everything is off by default.

    Args:
        d2d_step: each device's step is ``max(0, 1 + s N(0,1))`` times the nominal one, drawn for LTP and LTD apart.
        d2d_nl: each device's nonlinearities are ``exp(s N(0,1))`` times the nominal ones (at most 50), one draw for
            both directions; a refresh counts pulses by the nominal ones.
        d2d_range: each device's range is ``max(0, 1 + s N(0,1))`` times the nominal one; it acts where devices are
            read.
        c2c: k pulses add ``s sqrt(k) N(0,1)`` to the state; s is a share of the range.
        read_noise: every read multiplies each conductance by ``1 + s N(0,1)``.
        stuck_low: fraction of devices fixed at 0.
        stuck_high: fraction of devices fixed at 1.

    Raises:
        ValueError: a negative or infinite value, or fractions that exceed 1 together.

    Example:
        >>> Variation(d2d_step=0.2).d2d_step
        0.2
    """

    d2d_step: float = 0.0
    d2d_nl: float = 0.0
    d2d_range: float = 0.0
    c2c: float = 0.0
    read_noise: float = 0.0
    stuck_low: float = 0.0
    stuck_high: float = 0.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not (isinstance(value, int | float | np.number) and np.isfinite(value) and value >= 0):
                raise ValueError(f"{each.name} must be a finite number of at least 0, got {value!r}")
        if self.stuck_low + self.stuck_high > 1:
            raise ValueError(
                f"stuck_low + stuck_high must be at most 1, got {self.stuck_low} + {self.stuck_high}: "
                "they are fractions of the devices"
            )


class Cells(eqx.Module):
    """The physical devices of an array: the nominal model, and what is each device's own (None where all are alike).

    Attributes:
        nominal: the model.
        v_ltp, v_ltd: step of each device relative to the nominal one.
        b_factor: its nonlinearity relative to the nominal one.
        reach: its range relative to the nominal one.
        stuck_low, stuck_high: devices that don't move.
        c2c, read_noise: standard deviations.
    """

    nominal: DeviceModel
    v_ltp: Devices | None = None
    v_ltd: Devices | None = None
    b_factor: Devices | None = None
    reach: Devices | None = None
    stuck_low: Bool[Array, "devices n_out n_in"] | None = None
    stuck_high: Bool[Array, "devices n_out n_in"] | None = None
    c2c: Float[Array, ""] | None = None
    read_noise: Float[Array, ""] | None = None

    def exchanged(self, pairs: Bool[Array, "n_out n_in"]) -> "Cells":
        """The devices after the two of each marked pair have exchanged roles: what is a device's own goes with it."""
        present = [name for name in OWN if getattr(self, name) is not None]
        if not present:
            return self
        turned = [jnp.where(pairs, getattr(self, name)[::-1], getattr(self, name)) for name in present]
        return eqx.tree_at(lambda cells: [getattr(cells, name) for name in present], self, turned)

    def chosen(self, first: Bool[Array, "n_out n_in"]) -> "Cells":
        """One device of each pair, as an array of single devices: the first where ``first``, else the second."""
        present = [name for name in OWN if getattr(self, name) is not None]
        if not present:
            return self
        one = [jnp.where(first, getattr(self, name)[:1], getattr(self, name)[1:]) for name in present]
        return eqx.tree_at(lambda cells: [getattr(cells, name) for name in present], self, one)

    def held(self, g: Devices) -> Devices:
        """States with the stuck devices where they are stuck."""
        if self.stuck_low is None or self.stuck_high is None:
            return g
        return jnp.where(self.stuck_low, 0, jnp.where(self.stuck_high, 1, g))

    def step(self, g: Devices, direction: Direction, k: Array, key: Key[Array, ""] | None = None) -> Devices:
        """States after k pulses of each device's own size; noise after them if there is any."""
        device = self.nominal
        if self.b_factor is not None:
            b = jnp.minimum(getattr(device, f"b_{direction}") * self.b_factor, MOST_NONLINEAR)
            device = eqx.tree_at(lambda d: getattr(d, f"b_{direction}"), device, b)
        v = self.v_ltp if direction == "ltp" else self.v_ltd
        moved = device.step(g, direction, k) if v is None else device.step(g, direction, k, v)
        return self.held(jnp.where(k > 0, self.noisy(moved, k, key), g))

    def noisy(self, g: Float[Array, "..."], k: Array, key: Key[Array, ""] | None) -> Float[Array, "..."]:
        """Cycle-to-cycle noise of k pulses."""
        if self.c2c is None or key is None:
            return g
        noise = self.c2c * jnp.sqrt(k) * jax.random.normal(key, g.shape, g.dtype)
        return jnp.where(k > 0, jnp.clip(g + noise, 0, 1), g)


def draw_cells(device: DeviceModel, variation: Variation | None, shape: tuple[int, int, int], key: Array) -> Cells:
    """Draw the devices of an array, from one key each for step, nonlinearity, range and defects.

    Args:
        device: the nominal model.
        variation: what differs; None for nothing.
        shape: (devices a synapse, n_out, n_in).
        key: random key.

    Raises:
        ValueError: ``d2d_nl`` for a device with measured curves, which have no nonlinearity parameter.
    """
    if variation is None:
        return Cells(device)
    if variation.d2d_nl and device.measured_ltp is not None:
        raise ValueError("d2d_nl needs a device of the exponential law; one from_table has no nonlinearity to vary")
    keys = jax.random.split(key, 5)

    def factor(spread: float, k: Array) -> Devices | None:
        return jnp.maximum(0.0, 1 + spread * jax.random.normal(k, shape, float)) if spread else None

    low = high = None
    if variation.stuck_low or variation.stuck_high:
        uniform = jax.random.uniform(keys[4], shape)
        low, high = uniform < variation.stuck_low, uniform >= 1 - variation.stuck_high
    exponent = variation.d2d_nl * jax.random.normal(keys[2], shape, float) if variation.d2d_nl else None
    return Cells(
        device,
        factor(variation.d2d_step, keys[0]),
        factor(variation.d2d_step, keys[1]),
        None if exponent is None else jnp.exp(exponent),
        factor(variation.d2d_range, keys[3]),
        low,
        high,
        jnp.asarray(variation.c2c, float) if variation.c2c else None,
        jnp.asarray(variation.read_noise, float) if variation.read_noise else None,
    )


class PulseLaw(eqx.Module):
    """The change by one pulse in one direction, ready for the inner loop: no exponentials left in it.

    Attributes:
        factor, offset, slope: ``rise = factor (offset + slope g)``; scalars, or one value a device.
        curve: the device where it has a measured curve instead of the law.
        stuck: devices that don't move.
        c2c: standard deviation of the noise of a pulse.
    """

    factor: Float[Array, "..."]
    offset: Float[Array, "..."]
    slope: Float[Array, "..."]
    curve: DeviceModel | None
    stuck: Bool[Array, "..."] | None
    c2c: Float[Array, ""] | None
    direction: Direction = eqx.field(static=True)

    @classmethod
    def of(cls, cells: Cells, direction: Direction) -> "PulseLaw":
        """The law of an array's devices."""
        device, v = cells.nominal, (cells.v_ltp if direction == "ltp" else cells.v_ltd)
        b, n_max = getattr(device, f"b_{direction}"), getattr(device, f"n_{direction}")
        if cells.b_factor is not None:
            b = jnp.minimum(b * cells.b_factor, MOST_NONLINEAR)
        offset, slope = pulse_law.affine_step(b, n_max)
        stuck = None
        if cells.stuck_low is not None and cells.stuck_high is not None:
            stuck = cells.stuck_low | cells.stuck_high
        curve = device if device.measured_ltp is not None else None
        return cls(jnp.ones(()) if v is None else v, offset, slope, curve, stuck, cells.c2c, direction)

    def at_row(self, row: Array) -> "PulseLaw":
        """The law of one row of devices; rows are numbered through the devices of a synapse."""

        def pick(each: Array) -> Array:
            if each.ndim != 3:
                return each
            flat = each.reshape(-1, each.shape[-1])
            return jax.lax.dynamic_index_in_dim(flat, row, keepdims=False)

        return jax.tree.map(pick, self)

    def __call__(self, g: Float[Array, "..."], key: Key[Array, ""] | None = None) -> Float[Array, "..."]:
        """States after one pulse each."""
        if self.curve is not None:
            moved = self.curve.step(g, self.direction, 1, self.factor)
        elif self.direction == "ltp":
            moved = jnp.minimum(1, g + self.factor * (self.offset + self.slope * g))
        else:
            moved = jnp.maximum(0, g - self.factor * (self.offset + self.slope * (1 - g)))
        if self.c2c is not None and key is not None:
            moved = jnp.clip(moved + self.c2c * jax.random.normal(key, g.shape, g.dtype), 0, 1)
        return moved if self.stuck is None else jnp.where(self.stuck, g, moved)
