"""Refresh: pairs that have run into saturation are reset and their difference is written again."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from symplast.devices.pulsing import Counts, States
from symplast.devices.schemes import Scheme
from symplast.devices.variation import Cells


class Refresh(NamedTuple):
    """How pairs are refreshed.

    Attributes:
        scheme: ``uni`` or ``uni_ltd``.
        verify: write the nominal state instead of sending pulses.
        swap: the two devices exchange roles between reset and rewriting.
    """

    scheme: Scheme
    verify: bool = False
    swap: bool = False


class Pairs(NamedTuple):
    """What a refresh changes.

    Attributes:
        g: states.
        cells: devices, which exchange roles with ``swap``.
        counts: pulses sent, those of the refresh included.
        refreshes: how often each pair has been refreshed.
    """

    g: States
    cells: Cells
    counts: Counts
    refreshes: Int[Array, "n_out n_in"]


def needs_refresh(g: States, scheme: Scheme, g_sat: Float[Array, ""]) -> Bool[Array, "n_out n_in"]:
    """``max(g+, g-) >= g_sat and min(g+, g-) > 0`` (``uni``), mirrored for ``uni_ltd``."""
    high, low = jnp.maximum(g[0], g[1]), jnp.minimum(g[0], g[1])  # much faster than reductions over an axis of two
    if scheme == "uni":
        return (high >= g_sat) & (low > 0)
    return (low <= 1 - g_sat) & (high < 1)


def refresh(
    pairs: Pairs,
    how: Refresh,
    g_sat: Float[Array, ""],
    key: Key[Array, ""] | None = None,
    due: Bool[Array, ""] | bool = True,
) -> Pairs:
    """Refresh every saturated pair of an array, if a refresh is due.

    With ``d = g+ - g-`` as read, both devices are reset and ``round(n(|d|))`` pulses (halves to even), counted on the
    nominal curve, go to the one that should hold it. What they achieve there is the device's own affair; with
    ``verify`` it is the nominal value.
    """
    chosen = needs_refresh(pairs.g, how.scheme, g_sat) & due

    def rewrite(carried: tuple[Array, Pairs]) -> tuple[Array, Pairs]:
        _, pairs = carried
        return jnp.asarray(False), rewritten(pairs, chosen, how, key)

    # A loop of at most one turn: it changes the arrays in place, where a conditional would copy them each time.
    _, after = jax.lax.while_loop(lambda carried: carried[0], rewrite, (chosen.any(), pairs))
    return after


def rewritten(pairs: Pairs, chosen: Bool[Array, "n_out n_in"], how: Refresh, key: Key[Array, ""] | None) -> Pairs:
    """The array with the chosen pairs reset and written again."""
    g, cells, rising = pairs.g, pairs.cells, how.scheme == "uni"
    direction, empty = ("ltp", 0.0) if rising else ("ltd", 1.0)
    read = g if cells.reach is None else g * cells.reach
    d = read[0] - read[1]
    size = jnp.minimum(jnp.abs(d), 1)
    n = jnp.round(cells.nominal.pulses(size if rising else 1 - size, direction))
    if how.swap:
        cells = cells.exchanged(chosen)
    first = (d > 0) == rising
    if how.verify:
        written = cells.nominal.curve(n, direction)
    else:
        written = cells.chosen(first).step(jnp.full_like(n, empty)[None], direction, n[None])[0]
    written = cells.noisy(written, n, key)
    held_by = jnp.stack([first, ~first]) & chosen
    after = jnp.where(held_by & (d != 0), written, jnp.where(chosen, empty, g))
    sent = jnp.where(held_by, n, 0).astype(jnp.int32)
    counts = pairs.counts.at[0 if rising else 1].add(sent)
    return Pairs(cells.held(after), cells, counts, pairs.refreshes + chosen)
