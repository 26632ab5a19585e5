"""Pre-synaptic pool modification (reconstruction): pair spikes, change the weights of the pool, correct the counts.

One epoch of a student network, for every neuron i: simulate freely; pair its spikes with the target's; for each missing
target spike raise, for each extra spike lower the weights of some of the neurons that fired just before; then scale all
weights by how far the spike count is off; after each of the two, Dale's law.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from symplast.learning.compiling import LIGHTLY
from symplast.pspm.network import UNITS, LIFParams, run
from symplast.spiking import SpikeSteps, pair_steps, pooled_gaussian_distance
from symplast.spiking.arguments import check_at_least_zero, check_positive, is_traced, named

ARMS = {
    "none": (0.0, 0.0, 0.0),
    "local": (1.0, 0.0, 0.0),
    "homeo": (0.0, 1.0, 0.0),
    "both": (1.0, 1.0, 0.0),
    "shuffled": (1.0, 1.0, 1.0),
}
"""Local update, homeostatic update, and whether the local changes are permuted among presynaptic neurons."""

PERMUTATION = 2**31
"""Marks the random numbers of the permutation; those of event k are marked k."""


BLOCK = 25
"""Epochs in one call of the compiled program, which serves any number of them."""

SLOTS = 32
"""Shortest spike lists; longer ones are a power of two of it, so that few programs are compiled."""

ROOM = 1.3
"""Spikes of a unit that lists have room for, relative to the target's most."""


BRIEF = 250_000
"""Weights times epochs up to which a program is compiled without optimising: that takes longer than it saves."""


class Rule(eqx.Module):
    """The parameters of the update; all are reconstructions.

    Changing the numbers compiles nothing again; ``shift`` does.

    Attributes:
        window_ms: largest distance of paired spikes.
        skip_ms: a missing or an extra spike costs as much as a pair this far apart; None: as the window.
        pool_ms: how far back a neuron may have fired to belong to the pool.
        p: probability that a member of the pool is changed by an event.
        eta: largest local change of a weight in a network of ``units``, in units of the threshold.
        eta_h: share by which weights change where one count is 0.
        units: size N that eta is given for, applied times ``units / N``; None: the same for every N.
        shift: also move pairs: the pool of the target's time up where the student is late, of its own where early down.
        sigma_ms: width of the Gaussian in the distance that is watched; no part of the update.

    Raises:
        ValueError: lengths that are not positive, negative step sizes, p outside [0, 1].

    Example:
        >>> print(Rule(eta=0.01).eta)
        0.01
    """

    window_ms: float = eqx.field(static=True, default=5.0)
    pool_ms: float = eqx.field(static=True, default=10.0)
    skip_ms: float | None = eqx.field(static=True, default=None)
    p: float | Array = eqx.field(converter=named("p"), default=0.5)
    eta: float | Array = eqx.field(converter=named("eta"), default=0.005)
    eta_h: float | Array = eqx.field(converter=named("eta_h"), default=0.02)
    units: int | None = eqx.field(static=True, default=UNITS)
    shift: bool = eqx.field(static=True, default=False)
    sigma_ms: float = eqx.field(static=True, default=5.0)

    def __check_init__(self) -> None:
        for name in ("window_ms", "pool_ms", "sigma_ms", "skip_ms", "units"):
            if (value := getattr(self, name)) is not None:
                check_positive(value, name)
        check_at_least_zero(self.eta, "eta")
        check_at_least_zero(self.eta_h, "eta_h")
        if not is_traced(self.p) and not 0 <= float(self.p) <= 1:
            raise ValueError(f"p must be a probability in [0, 1], got {self.p}")


class Lanes(NamedTuple):
    """Fits side by side, all of one arm: the arm is an array, so that one program serves all of them.

    Attributes:
        target: (steps, lanes, units) spikes to reproduce.
        drive: (steps, lanes, units).
        inhibitory: (units,).
        arm: (3,) one of :data:`ARMS`.
        keys: (lanes,) random keys.
    """

    target: Bool[Array, "steps lanes units"]
    drive: Float[Array, "steps lanes units"]
    inhibitory: Bool[Array, " units"]
    arm: Float[Array, "3"]
    keys: Key[Array, " lanes"]


class History(NamedTuple):
    """What happened in each epoch, before its update.

    Attributes:
        cost: (epochs, lanes) edit cost of all neurons.
        spikes: (epochs, lanes) spikes of the student.
        distance: (epochs, lanes) pooled Gaussian distance to the target, NaN in epochs that were not watched.
    """

    cost: Float[Array, "epochs lanes"]
    spikes: Int[Array, "epochs lanes"]
    distance: Float[Array, "epochs lanes"]


def train_lanes(
    rule: Rule, params: LIFParams, lanes: Lanes, W: Float[Array, "lanes units units"], epochs: int, watch_every: int = 1
) -> tuple[Array, History]:
    """Weights after so many epochs; spike lists grow until no spike is dropped."""
    target = np.asarray(lanes.target)
    most = -(-target.shape[0] // (params.n_ref + 1))
    train = _train_briefly if W.size * epochs <= BRIEF else _train
    slots = SLOTS
    while slots < min(most, ROOM * target.sum(axis=0).max()):
        slots *= 2
    sizes = _sizes(rule, params, W.shape[-1])
    first, seen = 0, []
    while first < epochs:
        span = np.asarray([first, min(epochs, first + BLOCK), watch_every], np.int32)
        after, history, largest = train(sizes, rule.shift, params, lanes, _target_lists(target, slots), W, span)
        if int(largest) > slots:
            slots *= 2
            continue
        W = after
        seen.append(jax.tree.map(lambda rows, n=span[1] - first: np.asarray(rows)[:n], history))
        first += BLOCK
    return W, jax.tree.map(lambda *parts: np.concatenate(parts), *seen)


class Sizes(NamedTuple):
    """The numbers of a rule for one network, as arrays: one program serves all of them; lengths are in steps."""

    window: Any
    skip: Any
    pool: Any
    p: Any
    eta: Any
    eta_h: Any
    sigma_ms: Any


def _sizes(rule: Rule, params: LIFParams, units: int) -> Sizes:
    window, pool = params.steps(rule.window_ms, "window_ms"), params.steps(rule.pool_ms, "pool_ms")
    skip = window if rule.skip_ms is None else params.steps(rule.skip_ms, "skip_ms")
    real = jnp.result_type(float)
    eta = np.asarray(rule.eta, real) * np.asarray(1 if rule.units is None else rule.units / units, real)
    numbers = (np.asarray(number, real) for number in (rule.p, eta, rule.eta_h, rule.sigma_ms))
    return Sizes(*(np.asarray(steps, np.int32) for steps in (window, skip, pool)), *numbers)


def _trained(
    sizes: Sizes, shift: bool, params: LIFParams, lanes: Lanes, target: SpikeSteps, W: Array, span: Int[Array, "3"]
) -> tuple[Array, History, Array]:
    """The epochs from ``span[0]`` up to ``span[1]``, at most a block; each ``span[2]``-th is watched."""
    slots = target.steps.shape[-1]
    local, homeo, shuffled = lanes.arm
    places = _places(lanes.inhibitory)

    def epoch(index: Array, carried: tuple[Array, History, Array]) -> tuple[Array, History, Array]:
        W, history, largest = carried
        spikes, _ = run(W, lanes.drive, params)
        before, latest = _previous(spikes)
        student = _lists(before, latest, spikes.sum(axis=0, dtype=jnp.int32), slots)
        partners = jax.vmap(jax.vmap(lambda a, b: pair_steps(a, b, sizes.window, sizes.skip)))(target, student)

        def changed() -> Array:
            keys = jax.vmap(lambda key: jax.random.fold_in(key, index))(lanes.keys)
            times, signs, most = _events(shift, target, student, partners.of_target, partners.of_model)
            change = _local_change(times, signs, most, before, sizes.pool, keys, sizes.p, sizes.eta)
            moved = jax.lax.cond(
                shuffled > 0, lambda c: _permuted(c, lanes.inhibitory, places, keys), lambda c: c, change
            )
            return moved.astype(W.dtype)

        change = jax.lax.cond(local > 0, changed, lambda: jnp.zeros_like(W))
        W = dale(W + local.astype(W.dtype) * change, lanes.inhibitory)
        off = (homeostatic_factor(target.total, student.total, sizes.eta_h) * homeo).astype(W.dtype)
        W = dale(W + off[..., None] * jnp.abs(W), lanes.inhibitory)
        distance = jax.lax.cond(
            index % span[2] == 0,
            lambda: pooled_gaussian_distance(lanes.target, spikes, sizes.sigma_ms, params.dt_ms).astype(W.dtype),
            lambda: jnp.full(W.shape[0], jnp.nan, W.dtype),
        )
        seen = History(partners.cost.sum(axis=-1), student.total.sum(axis=-1, dtype=jnp.int32), distance)
        history = jax.tree.map(lambda rows, row: rows.at[index - span[0]].set(row), history, seen)
        return W, history, jnp.maximum(largest, student.total.max())

    rows, real = (BLOCK, W.shape[0]), jnp.result_type(float)
    history = History(jnp.zeros(rows, real), jnp.zeros(rows, jnp.int32), jnp.zeros(rows, W.dtype))
    return jax.lax.fori_loop(span[0], span[1], epoch, (W, history, target.total.max()))


_train = jax.jit(_trained, static_argnames=("shift", "params"))
_train_briefly = jax.jit(_trained, static_argnames=("shift", "params"), **LIGHTLY)


def homeostatic_factor(target: Array, student: Array, eta_h: float | Array) -> Array:
    """``d = eta_h (m - n) / max(m, n, 1)`` for m target and n student spikes; weights change by ``d |W|``.

    Example:
        >>> print(homeostatic_factor(jnp.array(4), jnp.array(2), 0.02))
        0.01
    """
    return eta_h * (target - student) / jnp.maximum(jnp.maximum(target, student), 1)


def dale(W: Float[Array, "... units units"], inhibitory: Bool[Array, " units"]) -> Float[Array, "... units units"]:
    """Columns of excitatory neurons at least 0, of inhibitory ones at most 0."""
    return jnp.where(inhibitory, jnp.minimum(W, 0), jnp.maximum(W, 0))


def _target_lists(spikes: np.ndarray, slots: int) -> SpikeSteps:
    """Spike times of (steps, lanes, units), one list a unit, on the host."""
    order = np.argsort(~spikes, axis=0, kind="stable")[:slots].astype(np.int32)
    order = np.pad(order, ((0, slots - len(order)), (0, 0), (0, 0)))
    total = spikes.sum(axis=0, dtype=np.int32)
    real = np.arange(slots)[:, None, None] < total
    return SpikeSteps(jnp.asarray(np.moveaxis(np.where(real, order, np.int32(len(spikes))), 0, -1)), jnp.asarray(total))


def _previous(spikes: Bool[Array, "steps lanes units"]) -> tuple[Int[Array, "steps lanes units"], Array]:
    """The last step before each in which a unit fired, -1 where there is none; and that before the end."""

    def step(latest: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        time, fired = now
        return jnp.where(fired, time, latest), latest

    start = jnp.full(spikes.shape[1:], -1, jnp.int32)
    latest, before = jax.lax.scan(step, start, (jnp.arange(spikes.shape[0], dtype=jnp.int32), spikes))
    return before, latest


def _lists(before: Array, latest: Array, total: Array, slots: int) -> SpikeSteps:
    """Spike times, one list a unit, followed from each unit's last spike backwards."""

    def step(at: Array, _: None) -> tuple[Array, Array]:
        earlier = jnp.take_along_axis(before, jnp.maximum(at, 0)[None], axis=0)[0]
        return jnp.where(at >= 0, earlier, -1), at

    _, falling = jax.lax.scan(step, latest, length=slots)
    place = total - 1 - jnp.arange(slots, dtype=jnp.int32)[:, None, None]
    rising = jnp.take_along_axis(falling, jnp.clip(place, 0, slots - 1), axis=0)
    return SpikeSteps(jnp.moveaxis(jnp.where(place >= 0, rising, before.shape[0]), 0, -1), total)


def _events(
    shift: bool, target: SpikeSteps, student: SpikeSteps, of_target: Array, of_model: Array
) -> tuple[Array, Array, Array]:
    """Times and signs of the local update, (events, lanes, units), the real ones first; and the most of any unit."""
    slot = jnp.arange(target.steps.shape[-1])
    real, own = slot < target.total[..., None], slot < student.total[..., None]
    times, signs = [target.steps, student.steps], [real & (of_target < 0), own & (of_model < 0)]
    directions = [1, -1]
    if shift:
        partner = jnp.take_along_axis(student.steps, jnp.maximum(of_target, 0), axis=-1)
        late, early = partner > target.steps, partner < target.steps
        times += [target.steps, partner]
        signs += [real & (of_target >= 0) & late, real & (of_target >= 0) & early]
        directions += [1, -1]
    valid = jnp.concatenate(signs, axis=-1)
    at = jnp.concatenate(times, axis=-1)
    sign = jnp.concatenate([jnp.full(t.shape, d, jnp.int32) for t, d in zip(times, directions, strict=True)], axis=-1)
    place = jnp.where(valid, jnp.cumsum(valid, axis=-1, dtype=jnp.int32) - 1, valid.shape[-1])
    rows, units = jnp.indices(valid.shape[:2])
    empty = jnp.zeros((valid.shape[-1], *valid.shape[:2]), jnp.int32)
    where = place, rows[..., None], units[..., None]
    return (
        empty.at[where].set(at, mode="drop"),
        empty.at[where].set(sign, mode="drop"),
        valid.sum(axis=-1, dtype=jnp.int32).max(),
    )


def _pool(before: Int[Array, "steps lanes units"], times: Int[Array, "lanes units"], length: int | Array) -> Array:
    """Who fired at least once in the ``length`` steps before the time of each unit, (lanes, units, units)."""
    lane = jnp.arange(times.shape[0])[:, None]
    earlier = before[times, lane]
    return (earlier >= 0) & (earlier >= times[..., None] - length)


def _local_change(
    times: Array,
    signs: Array,
    most: Array,
    before: Array,
    length: int | Array,
    keys: Array,
    p: float | Array,
    eta: float | Array,
) -> Float[Array, "lanes units units"]:
    """Sum over events: one random number r serves as coin, r < p, and as size, r/p."""
    units = before.shape[-1]
    real = jnp.result_type(float)

    def event(k: Array, change: Array) -> Array:
        near = _pool(before, times[k], length)
        draw = jax.vmap(lambda key: jax.random.uniform(jax.random.fold_in(key, k), (units, units), real))(keys)
        return change + signs[k][..., None] * jnp.where(near & (draw < p), draw, 0)

    total = jax.lax.fori_loop(0, most, event, jnp.zeros((before.shape[1], units, units), real))
    return total * (1 - jnp.eye(units, dtype=real)) * jnp.where(p > 0, eta / jnp.where(p > 0, p, 1), 0)


def _permuted(change: Array, inhibitory: Array, places: Array, keys: Array) -> Array:
    """Each neuron's changes permuted among its presynaptic neurons of one sign, itself left out."""
    units = len(inhibitory)
    group = jnp.where(jnp.eye(units, dtype=bool), 2, jnp.broadcast_to(inhibitory, (units, units)))
    draw = jax.vmap(lambda key: jax.random.uniform(jax.random.fold_in(key, PERMUTATION), (units, units)))(keys)
    drawn = jnp.argsort(group + draw, axis=-1)
    return jnp.take_along_axis(change, jnp.take_along_axis(drawn, places[None], axis=-1), axis=-1)


def _places(inhibitory: Bool[Array, " units"]) -> Int[Array, "units units"]:
    """Place of neuron j, for each i, where excitatory ones come first, then inhibitory ones, and i itself last."""
    units = len(inhibitory)
    kinds = jnp.stack([~inhibitory, inhibitory]).astype(jnp.int32)
    earlier = jnp.cumsum(kinds, axis=1, dtype=jnp.int32) - kinds
    own = jnp.where(inhibitory, earlier[1], earlier[0])  # how many of its own kind stand before j
    self_before = (inhibitory[:, None] == inhibitory) & (jnp.arange(units)[:, None] < jnp.arange(units))
    first = jnp.where(inhibitory, kinds[0].sum(dtype=jnp.int32) - kinds[0][:, None], 0)
    return jnp.where(jnp.eye(units, dtype=bool), units - 1, first + own - self_before)
