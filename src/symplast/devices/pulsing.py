"""One update of an array: which devices get a pulse, and the pulses, row by row or all at once.

``rows`` visits only the rows whose error passes the gate (about 7 of 200 in a trained network), so spread, noise,
measured curves and pulse counters cost nothing extra; it is the fast one on a CPU. ``dense`` does the same in
whole-array operations, which vmap well on a GPU. Both give the same states and counts.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from symplast.devices.schemes import MOVES, Move, Scheme, directions, pulsed
from symplast.devices.variation import Cells, PulseLaw

States = Float[Array, "devices n_out n_in"]
Counts = Int[Array, "2 devices n_out n_in"]
"""LTP pulses, then LTD pulses, that each device was sent."""

Rows = Float[Array, "rows n_in"]
"""States, all rows of all devices one below the other: what a scan over samples carries, in place."""

CountRows = Int[Array, "count_rows n_in"]
"""Counters in the same way, LTP above LTD."""


class Gate(NamedTuple):
    """Which way the weights should go, and which input lines are on: the pulses are their outer product.

    Attributes:
        T: +1, -1 or 0 for each row.
        X: whether each column's line is on.
    """

    T: Float[Array, " n_out"]
    X: Bool[Array, " n_in"]


class Laws(NamedTuple):
    """The laws of an array's two directions; None where the scheme sends no pulse that way."""

    ltp: PulseLaw | None
    ltd: PulseLaw | None

    @classmethod
    def of(cls, cells: Cells, scheme: Scheme) -> "Laws":
        """The laws that a scheme needs."""
        used = directions(scheme)
        return cls(*(PulseLaw.of(cells, d) if d in used else None for d in ("ltp", "ltd")))


def gate(
    error: Float[Array, " n_out"], line: Float[Array, " n_in"], theta: Float[Array, ""], theta_x: Float[Array, ""]
) -> Gate:
    """``T_i = -sign(d_i) 1[|d_i| > theta]``, ``X_j = 1[a_j > theta_x]``."""
    return Gate(-jnp.sign(error) * (jnp.abs(error) > theta), line > theta_x)


def pulse_rows(
    g: Rows, counts: CountRows, laws: Laws, scheme: Scheme, gate: Gate, key: Key[Array, ""] | None
) -> tuple[Rows, CountRows]:
    """One pulse on each gated device, visiting only the rows that have any."""
    n_out = gate.T.shape[0]
    following = next_marked(gate.T != 0)

    def visit(carried: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        row, g, counts = carried
        rises = gate.T[row] > 0
        for number, move in enumerate(MOVES[scheme]):
            device = jnp.where(rises, move.up_device, move.down_device) * n_out + row
            before = jax.lax.dynamic_index_in_dim(g, device, keepdims=False)
            noise = None if key is None else jax.random.fold_in(jax.random.fold_in(key, number), row)
            after = jnp.where(gate.X, _moved(before, laws, move, rises, device, noise), before)
            g = jax.lax.dynamic_update_index_in_dim(g, after, device, 0)
            direction = jnp.where(rises, int(move.up_direction == "ltd"), int(move.down_direction == "ltd"))
            place = direction * g.shape[0] + device
            sent = jax.lax.dynamic_index_in_dim(counts, place, keepdims=False) + gate.X
            counts = jax.lax.dynamic_update_index_in_dim(counts, sent, place, 0)
        return following[row + 1], g, counts

    _, g, counts = jax.lax.while_loop(lambda carried: carried[0] < n_out, visit, (following[0], g, counts))
    return g, counts


def next_marked(marked: Bool[Array, " rows"]) -> Int[Array, "_"]:
    """For each row, and for the one after the last, the first marked row from it on; the number of rows if none is."""
    rows = marked.shape[0]
    first = jax.lax.cummin(jnp.where(marked, jnp.arange(rows), rows), reverse=True)
    return jnp.append(first, rows)


def _moved(
    before: Float[Array, " n_in"], laws: Laws, move: Move, rises: Array, row: Array, key: Key[Array, ""] | None
) -> Float[Array, " n_in"]:
    after: list[Array] = []
    for law, direction in ((laws.ltp, "ltp"), (laws.ltd, "ltd")):
        if law is not None and direction in (move.up_direction, move.down_direction):
            after.append(law.at_row(row)(before, key))
    if len(after) == 1:
        return after[0]
    return jnp.where(rises == (move.up_direction == "ltp"), after[0], after[1])


def pulse_dense(g: States, laws: Laws, scheme: Scheme, gate: Gate, key: Key[Array, ""] | None) -> States:
    """One pulse on each gated device, all at once."""
    after = g
    for law, direction in ((laws.ltp, "ltp"), (laws.ltd, "ltd")):
        if law is not None:
            sent = pulsed(scheme, direction, gate.T)[:, :, None] & gate.X
            after = jnp.where(sent, law(g, key), after)
    return after


def count_pulses(
    scheme: Scheme, T: Float[Array, "samples n_out"], X: Bool[Array, "samples n_in"], counts: Counts
) -> Counts:
    """Add the pulses of several samples: each sample's are an outer product, so their sum is one matrix product."""
    lines = X.astype(jnp.float32)
    sent = []
    for direction in ("ltp", "ltd"):
        rows = jax.vmap(lambda t, d=direction: pulsed(scheme, d, t))(T).astype(jnp.float32)
        sent.append(jnp.einsum("tki,tj->kij", rows, lines) if direction in directions(scheme) else 0 * counts[0])
    return counts + jnp.stack(sent).astype(counts.dtype)
