"""The four ways to write a weight into devices: which device gets which pulse, and how weights start.

===========  ======================================  ==========================  =========================
scheme       weight                                   increase (T = +1)           decrease (T = -1)
===========  ======================================  ==========================  =========================
``uni``      ``s (g+ - g-)``, both start near 0        LTP on g+                   LTP on g-
``uni_ltd``  ``s (g+ - g-)``, both start near 1        LTD on g-                   LTD on g+
``bi``       ``s (g+ - g-)``, both start near 1/2      LTP on g+, LTD on g-        LTD on g+, LTP on g-
``ref``      ``s (g+ - 1/2)``, one device              LTP on g+                   LTD on g+
===========  ======================================  ==========================  =========================

``uni`` is the paper's proposal (reconstruction), ``uni_ltd`` is our mirror image of it for devices whose LTD is the
more linear direction. Only these two need a refresh.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from symplast.devices.arguments import Direction

Scheme = str
"""``uni``, ``uni_ltd``, ``bi`` or ``ref``."""

REFRESHED = ("uni", "uni_ltd")
REFERENCE = 0.5
"""State of the fixed reference of scheme ``ref``."""


class Move(NamedTuple):
    """One pulse of an update: on which device (0: g+, 1: g-) and in which direction, for T = +1 and T = -1."""

    up_device: int
    up_direction: Direction
    down_device: int
    down_direction: Direction


MOVES: dict[Scheme, tuple[Move, ...]] = {
    "uni": (Move(0, "ltp", 1, "ltp"),),
    "uni_ltd": (Move(1, "ltd", 0, "ltd"),),
    "bi": (Move(0, "ltp", 0, "ltd"), Move(1, "ltd", 1, "ltp")),
    "ref": (Move(0, "ltp", 0, "ltd"),),
}


def devices_per_synapse(scheme: Scheme) -> int:
    """Two, but one for ``ref``."""
    return 1 if scheme == "ref" else 2


def pulsed(scheme: Scheme, direction: Direction, T: Float[Array, "*shape"]) -> Bool[Array, "devices *shape"]:
    """Which devices get a pulse in a direction when weights (or whole rows) should go the way T, +1, -1 or 0."""
    chosen: list[Array] = [jnp.zeros(T.shape, bool)] * devices_per_synapse(scheme)
    for move in MOVES[scheme]:
        if move.up_direction == direction:
            chosen[move.up_device] |= T > 0
        if move.down_direction == direction:
            chosen[move.down_device] |= T < 0
    return jnp.stack(chosen)


def directions(scheme: Scheme) -> tuple[Direction, ...]:
    """The directions in which a scheme sends pulses during learning."""
    used = {d for move in MOVES[scheme] for d in (move.up_direction, move.down_direction)}
    return tuple(sorted(used, reverse=True))


def largest_weight(scheme: Scheme) -> float:
    """The largest weight that a scheme can hold, in units of the scale: 1/2 for ``ref``."""
    return 0.5 if scheme == "ref" else 1.0


def initial_states(
    scheme: Scheme, W: Float[Array, "n_out n_in"], scale: Float[Array, ""]
) -> Float[Array, "devices n_out n_in"]:
    """States that represent weights; weights beyond the scheme's range are limited to it.

    ``uni``: ``(max(W,0)/s, max(-W,0)/s)``; ``uni_ltd``: its mirror image; ``bi``: ``1/2 ± W/(2s)``; ``ref``: ``1/2 +
    W/s``, which spans only ``[-s/2, s/2]``.
    """
    w = W / scale
    if scheme == "ref":
        return jnp.clip(REFERENCE + w, 0, 1)[None]
    w = jnp.clip(w, -1, 1)
    if scheme == "bi":
        return jnp.stack([0.5 + w / 2, 0.5 - w / 2])
    plus, minus = jnp.maximum(w, 0), jnp.maximum(-w, 0)
    return jnp.stack([plus, minus] if scheme == "uni" else [1 - minus, 1 - plus])
