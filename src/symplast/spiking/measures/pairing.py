"""Pairing spikes inside JAX programs: the same pairs as :func:`pair_spikes`, for trains of whole steps, batched."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

PAIR, MISSING, EXTRA = 0, 1, 2


class SpikeSteps(NamedTuple):
    """When one unit fires, as a padded list.

    Attributes:
        steps: (slots,) rising steps of its spikes, then the number of steps of the recording.
        total: number of spikes, also those beyond the slots.
    """

    steps: Int[Array, " slots"]
    total: Int[Array, ""]


def spike_steps(spikes: Bool[Array, " steps"], slots: int) -> SpikeSteps:
    """The steps in which a unit fires.

    Args:
        spikes: of one unit; ``vmap`` over others.
        slots: length of the list. A total above it says that spikes are missing from it: run again with more.

    Raises:
        ValueError: no slot.

    Example:
        >>> found = spike_steps(jnp.array([False, True, False, True]), slots=3)
        >>> found.steps.tolist(), int(found.total)
        ([1, 3, 4], 2)
    """
    if slots < 1:
        raise ValueError(f"slots must be at least 1, got {slots}")
    length = spikes.shape[0]
    found = jnp.nonzero(spikes, size=slots, fill_value=length)[0]
    return SpikeSteps(found.astype(jnp.int32), spikes.sum(dtype=jnp.int32))


class Partners(NamedTuple):
    """Which spikes belong together.

    Attributes:
        cost: least cost; a missing or an extra spike is 1, a pair its distance over ``skip``. Infinity where a list
            had too few slots for its train: the partners mean nothing then.
        of_target: (slots,) for each target spike the index of its model spike, -1 where it is missing or no spike.
        of_model: (slots,) for each model spike the index of its target, -1 where it is extra or no spike.
    """

    cost: Float[Array, ""]
    of_target: Int[Array, " slots"]
    of_model: Int[Array, " slots"]


def pair_steps(
    target: SpikeSteps, model: SpikeSteps, window: int | Int[Array, ""], skip: int | Int[Array, ""] | None = None
) -> Partners:
    """:func:`pair_spikes` for spikes in whole steps, as a program of fixed size: vmappable, ties exact in integers.

    Args:
        target: spikes of the target, at most as many as slots.
        model: spikes of the model, in lists of the same length.
        window: largest distance of a pair, in steps.
        skip: a missing or an extra spike costs as much as a pair so many steps apart; None: as the window.

    Returns:
        The pairing of least cost; of several, the one that :func:`pair_spikes` prefers.

    Example:
        >>> trains = jnp.zeros((2, 100), bool).at[0, jnp.array([10, 30, 52])].set(True)
        >>> trains = trains.at[1, jnp.array([12, 33, 70])].set(True)
        >>> target, model = (spike_steps(train, slots=4) for train in trains)
        >>> partners = pair_steps(target, model, window=5)
        >>> print(partners.cost, partners.of_target, partners.of_model)
        3.0 [ 0  1 -1 -1] [ 0  1 -1 -1]

    Source:
        Section 1 of arXiv:1810.03199, costs as reconstructed in this library.
    """
    slots = target.steps.shape[0]
    if model.steps.shape != (slots,):
        raise ValueError(f"target and model must have lists of one length, got {slots} and {model.steps.shape[0]}")
    target, model = (SpikeSteps(*(part.astype(jnp.int32) for part in train)) for train in (target, model))
    window = jnp.asarray(window, jnp.int32)
    skip = window if skip is None else jnp.asarray(skip, jnp.int32)
    cost, moves = _moves(target.steps, model.steps, window, skip, (target.total, model.total))
    of_target, of_model = _go_back(moves, target.total, model.total, slots)
    whole = (target.total <= slots) & (model.total <= slots)
    return Partners(jnp.where(whole, cost / skip, jnp.inf), of_target, of_model)


def _moves(a: Array, b: Array, window: Array, skip: Array, counts: tuple[Array, Array]) -> tuple[Array, Array]:
    """Least cost of all spikes in steps, and the last move of every cell ``[i + j, i]`` of the table."""
    slots = a.shape[0]
    i = jnp.arange(slots + 1, dtype=jnp.int32)
    never = jnp.int32(2**30)
    own = jnp.concatenate([a[:1], a])  # a[i - 1]
    turned = jnp.pad(b[::-1], (slots, slots + 1))  # a slice of it instead of a gather, many times faster

    def shifted(row: Array) -> Array:
        return jnp.concatenate([never[None], row[:-1]])

    def diagonal(carry: tuple[Array, Array, Array], d: Array) -> tuple[tuple[Array, Array, Array], Array]:
        before, twice, final = carry
        j = d - i
        facing = jax.lax.dynamic_slice_in_dim(turned, 2 * slots - d, slots + 1)  # b[j - 1]
        apart = jnp.abs(own - facing)
        possible = (i > 0) & (j > 0) & (j <= slots) & (apart <= window)
        paired = jnp.where(possible, shifted(twice) + apart, never)
        missing, extra = shifted(before) + skip, before + skip
        least = jnp.minimum(paired, jnp.minimum(missing, extra))
        least = jnp.where((j >= 0) & (j <= slots), least, never)
        least = jnp.where(d == 0, jnp.where(i == 0, 0, never), jnp.minimum(least, never))
        move = jnp.where(paired == least, PAIR, jnp.where(missing == least, MISSING, EXTRA)).astype(jnp.int8)
        final = jnp.where(d == counts[0] + counts[1], least.at[counts[0]].get(mode="clip"), final)
        return (least, before, final), move

    start = jnp.full(slots + 1, never), jnp.full(slots + 1, never), never
    (_, _, final), moves = jax.lax.scan(diagonal, start, jnp.arange(2 * slots + 1, dtype=jnp.int32))
    return final, moves


def _go_back(moves: Array, m: Array, n: Array, slots: int) -> tuple[Array, Array]:
    def step(carry: tuple[Array, Array, Array, Array], _: None) -> tuple[tuple[Array, Array, Array, Array], None]:
        i, j, of_target, of_model = carry
        move = jnp.where(i + j > 0, moves[i + j, i], -1)
        pair = move == PAIR
        of_target = jnp.where(pair & (spike == i - 1), j - 1, of_target)
        of_model = jnp.where(pair & (spike == j - 1), i - 1, of_model)
        i = i - (pair | (move == MISSING)).astype(i.dtype)
        j = j - (pair | (move == EXTRA)).astype(j.dtype)
        return (i, j, of_target, of_model), None

    spike = jnp.arange(slots, dtype=jnp.int32)
    nobody = jnp.full(slots, -1, jnp.int32)
    return jax.lax.scan(step, (m, n, nobody, nobody), length=2 * slots)[0][2:]
