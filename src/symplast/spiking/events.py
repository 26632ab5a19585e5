"""Event-driven steps: touch only the weights of units that fire.

In one step a few of hundreds of units fire. A dense update reads and writes all weights for them; here the rows of the
units that fired are gathered, and columns are visited one by one for the cells that fired, in place. Weights are
``[pre, post]``, so that the row of a presynaptic unit lies together in memory.

Which units fire in which step comes as an :class:`EventTable`, made on the host from times or arrays, or drawn
directly by :func:`poisson_events`; its rows are the ``inputs`` of :func:`~symplast.spiking.simulate`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Float, Int, PyTree

from symplast.spiking.arguments import Spikes, Values, check_at_least_zero, check_positive, count_steps, whole_numbers
from symplast.spiking.visiting import visit
from symplast.stats.arguments import check_count, plain

Weights = Float[Array, "pre post"]
WIDTHS = (8, 24, 64, 256)


class EventTable(eqx.Module):
    """Which units fire in each step, as a padded table.

    Attributes:
        units: (steps, slots) indices of the units that fire, then ``n_units`` in the empty slots.
        n_units: number of units.

    Example:
        >>> table = EventTable.of(step=[0, 2, 2], unit=[4, 1, 3], n_steps=3, n_units=5, widths=(2,))
        >>> print(table.units)
        [[4 5]
         [5 5]
         [1 3]]
    """

    units: Int[Array, "steps slots"]
    n_units: int = eqx.field(static=True)

    @classmethod
    def of(cls, step: Any, unit: Any, *, n_steps: int, n_units: int, widths: Sequence[int] = WIDTHS) -> "EventTable":
        """A table of events given by step and unit, in any order.

        The number of slots is the smallest of ``widths`` that holds the fullest step (beyond them, a power of two), so
        that few programs are compiled and no event is ever dropped.

        Raises:
            ValueError: steps or units out of range, arrays of unequal length, or a unit twice in one step.
        """
        steps, units = whole_numbers(step, "step"), whole_numbers(unit, "unit")
        if steps.shape != units.shape:
            raise ValueError(f"step and unit must have equal length, got {steps.size} and {units.size}")
        for name, values, limit in (("step", steps, n_steps), ("unit", units, n_units)):
            if values.size and not (values.min() >= 0 and values.max() < limit):
                raise ValueError(f"{name} must lie in [0, {limit}), got {values.min()} to {values.max()}")
        ordered = np.sort(steps * n_units + units)
        if (np.diff(ordered) == 0).any():
            raise ValueError("a unit can fire once in a step only; take a shorter dt_ms")
        return cls(jnp.asarray(_table(ordered, n_steps, n_units, widths)), n_units)

    @classmethod
    def of_array(cls, spikes: Any, *, widths: Sequence[int] = WIDTHS) -> "EventTable":
        """The table of a spike array, (steps, units), true where a unit fires."""
        array = np.asarray(plain(spikes, "spikes"))
        if array.ndim != 2:
            raise ValueError(f"spikes must be (steps, units), got shape {array.shape}")
        step, unit = np.nonzero(array)
        return cls.of(step, unit, n_steps=array.shape[0], n_units=array.shape[1], widths=widths)

    def to_array(self) -> np.ndarray:
        """The spikes as bool (steps, units)."""
        spikes = np.zeros((self.units.shape[0], self.n_units + 1), bool)
        np.put_along_axis(spikes, np.asarray(self.units), True, axis=1)
        return spikes[:, :-1]


def _table(ordered: Int[np.ndarray, " events"], n_steps: int, n_units: int, widths: Sequence[int]) -> np.ndarray:
    """The table of events that are given as ``step n_units + unit``, rising."""
    steps, units = np.divmod(ordered, max(n_units, 1))
    counts = np.bincount(steps, minlength=n_steps)
    table = np.full((n_steps, _width(int(counts.max(initial=0)), widths)), n_units, np.int32)
    table[steps, np.arange(steps.size) - np.repeat(np.cumsum(counts) - counts, counts)] = units
    return table


def _width(fullest: int, widths: Sequence[int]) -> int:
    for width in sorted(widths):
        if fullest <= width:
            return int(width)
    return 1 << (fullest - 1).bit_length()


def poisson_events(
    generator: np.random.Generator,
    rates_hz: Any,
    duration_ms: float,
    dt_ms: float,
    *,
    dead_steps: int = 0,
    widths: Sequence[int] = WIDTHS,
) -> EventTable:
    """Draw what :func:`~symplast.spiking.poisson_spikes` draws, as events: the intervals, not every step.

    Intervals between spikes are ``dead_steps`` plus a geometric number of steps with ``p = rate dt``.

    Args:
        generator: NumPy's random generator; drawing sparse events is faster on the host.
        rates_hz: (units,).
        duration_ms: a whole number of steps.
        dt_ms: length of a step.
        dead_steps: steps of silence after each spike.
        widths: see :meth:`EventTable.of`.

    Raises:
        ValueError: as :func:`~symplast.spiking.poisson_spikes`.

    Example:
        >>> table = poisson_events(np.random.default_rng(0), np.full(784, 10.0), 350.0, 0.5)
        >>> table.units.shape, abs(int((table.units < 784).sum()) / 784 - 3.5) < 0.3
        ((700, 24), True)
    """
    check_at_least_zero(rates_hz, "rates_hz")
    check_positive(dt_ms, "dt_ms")
    p = np.ravel(np.asarray(rates_hz, np.float64)) * dt_ms / 1000
    if p.size and p.max() > 1:
        raise ValueError(f"rates_hz must be at most 1000 / dt_ms = {1000 / dt_ms:g}, got {p.max() * 1000 / dt_ms:g}")
    dead_steps = check_count(dead_steps, "dead_steps", 0)
    n_steps = count_steps(duration_ms, dt_ms, "duration_ms")
    return EventTable(jnp.asarray(poisson_table(generator, p, n_steps, dead_steps, widths)), p.size)


def poisson_table(
    generator: np.random.Generator,
    p: Float[np.ndarray, " units"],
    n_steps: int,
    dead_steps: int = 0,
    widths: Sequence[int] = WIDTHS,
) -> np.ndarray:
    """The table of :func:`poisson_events` as NumPy's array, for loops on the host; nothing is checked.

    Args:
        generator: NumPy's random generator.
        p: probability of a spike in a step, in [0, 1].
        n_steps: number of steps.
        dead_steps, widths: as there.

    Example:
        >>> print(poisson_table(np.random.default_rng(0), np.array([1.0, 0.0]), 2, widths=(1,)).ravel())
        [0 0]
    """
    unit = np.flatnonzero(p)
    last = np.full(unit.size, -1 - dead_steps, np.int64)
    events = [np.zeros(0, np.int64)]
    while unit.size:
        mean = n_steps * p[unit].max()
        draws = int(mean + 4 * np.sqrt(mean) + 2)  # enough for nearly all units; the others draw again
        gaps = np.minimum(generator.geometric(p[unit, None], (unit.size, draws)), n_steps + 1)
        at = last[:, None] + np.cumsum(gaps + dead_steps, axis=1)
        inside = at < n_steps
        events.append((at * p.size + unit[:, None])[inside])
        going_on = inside[:, -1]
        unit, last = unit[going_on], at[going_on, -1]
    return _table(np.sort(np.concatenate(events)), n_steps, p.size, widths)


def gather_rows(weights: Weights, units: Int[Array, " slots"]) -> Float[Array, "slots post"]:
    """The rows of the units that fired; zeros for empty slots.

    Their sum over slots is what arrives at each cell: to be used where the same step changes the weights. Where
    weights are frozen, :func:`sum_rows` gives the sum faster.

    Example:
        >>> weights = jnp.array([[1.0, 2.0], [3.0, 4.0]])
        >>> print(gather_rows(weights, jnp.array([1, 2])))
        [[3. 4.]
         [0. 0.]]
    """
    return weights.at[units].get(mode="fill", fill_value=0)


def sum_rows(weights: Weights, units: Int[Array, " slots"]) -> Float[Array, " post"]:
    """Sum of the rows of the units that fired, one row after the other up to the first empty slot.

    Costs what there is to add, not the width of the table; many times faster than gathering in batches of images. In a
    loop that also changes the weights, XLA would copy them for it in each step: take :func:`gather_rows` there.

    Example:
        >>> weights = jnp.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
        >>> print(sum_rows(weights, jnp.array([0, 2, 3, 3])))
        [6. 8.]
    """
    empty, slots = weights.shape[0], units.shape[0]

    def more(carry: tuple[Array, Array]) -> Array:
        return (carry[0] < slots) & (units[jnp.minimum(carry[0], slots - 1)] < empty)

    def add(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        slot, total = carry
        return slot + 1, total + weights[units[slot]]

    return jax.lax.while_loop(more, add, (jnp.zeros((), jnp.int32), jnp.zeros_like(weights[0])))[1]


def update_rows(weights: Weights, units: Int[Array, " slots"], rule: Callable[[Values], Values]) -> Weights:
    """Replace the rows of the units that fired by ``rule(rows)``; other rows are not touched.

    Args:
        weights: (pre, post).
        units: one row of an :class:`EventTable`: each unit at most once, ``n_units`` in empty slots.
        rule: (slots, post) -> (slots, post), row by row.

    Returns:
        The weights after it; in place where the caller gives the old ones up, as inside a scan.

    Example:
        >>> trace = jnp.array([0.5, 0.0])  # of postsynaptic spikes
        >>> print(update_rows(jnp.ones((3, 2)), jnp.array([1, 3]), lambda rows: rows + 0.1 * trace))
        [[1.   1.  ]
         [1.05 1.  ]
         [1.   1.  ]]
    """
    return weights.at[units].set(rule(gather_rows(weights, units)), mode="drop")


def update_columns(weights: Weights, spikes: Spikes, rule: Callable[..., Values], *args: PyTree) -> Weights:
    """Replace the column of each cell that fired by ``rule(column, cell, *args)``; nothing is done where none did.

    Cells are visited one after the other by a loop of as many turns as cells fired, mostly none. Under ``vmap`` (over
    seeds, say) each turn serves one cell of every replicate, and weights are still changed in place.

    Args:
        weights: (pre, post).
        spikes: (post,), true where a cell fired.
        rule: ``(column (pre,), cell index, *args) -> column``. Whatever is batched must come through ``args``, not by
            closure.
        args: arrays for the rule, such as the presynaptic trace.

    Returns:
        The weights after it. Not differentiable.

    Example:
        >>> pre_trace = jnp.array([0.5, 0.0, 1.0])
        >>> def potentiate(column, cell, trace):
        ...     return jnp.minimum(column + 0.1 * trace, 1.05)
        >>> print(update_columns(jnp.ones((3, 2)), jnp.array([False, True]), potentiate, pre_trace))
        [[1.   1.05]
         [1.   1.  ]
         [1.   1.05]]
    """

    @custom_vmap
    def one(weights: Weights, spikes: Spikes, args: PyTree) -> Weights:
        return _visit_columns(rule, weights, spikes > 0, args)

    @one.def_vmap
    def replicates(size: int, batched: Any, weights: Array, spikes: Array, args: PyTree) -> tuple[Array, bool]:
        everything = _with_axis(size, batched, (weights, spikes, args))
        return _visit_replicates(rule)(*everything), True

    return one(weights, spikes, args)


def _visit_columns(rule: Callable[..., Values], weights: Array, spikes: Array, args: PyTree) -> Array:
    def change(cell: Array, weights: Array) -> Array:
        column = jax.lax.dynamic_index_in_dim(weights, cell, axis=1, keepdims=False)
        column = rule(column, cell, *args).astype(weights.dtype)
        return jax.lax.dynamic_update_index_in_dim(weights, column, cell, axis=1)

    return visit(spikes, change, weights)


def _visit_replicates(rule: Callable[..., Values]) -> Callable[..., Array]:
    """The same with a leading axis of replicates, and closed under further ``vmap``, which lengthens that axis."""

    @custom_vmap
    def several(weights: Array, spikes: Array, args: PyTree) -> Array:
        row, n = jnp.arange(weights.shape[0]), weights.shape[2]

        def visit(carry: tuple[Array, Array]) -> tuple[Array, Array]:
            weights, left = carry
            cell = jnp.argmax(left, axis=1)
            columns = jax.vmap(rule)(weights[row, :, cell], cell, *args).astype(weights.dtype)
            target = jnp.where(left.any(axis=1), cell, n)  # outside: dropped
            weights = weights.at[row, :, target].set(columns, mode="drop")
            return weights, left & (jnp.arange(n) != cell[:, None])

        return jax.lax.while_loop(lambda carry: carry[1].any(), visit, (weights, spikes > 0))[0]

    @several.def_vmap
    def more(size: int, batched: Any, weights: Array, spikes: Array, args: PyTree) -> tuple[Array, bool]:
        everything = _with_axis(size, batched, (weights, spikes, args))
        merged = jax.tree.map(lambda x: x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]), everything)
        return _visit_replicates(rule)(*merged).reshape(everything[0].shape), True

    return several


def _with_axis(size: int, batched: PyTree, values: PyTree) -> PyTree:
    """Every array with the batch axis first."""
    return jax.tree.map(lambda x, has: x if has else jnp.broadcast_to(x, (size, *jnp.shape(x))), values, tuple(batched))
