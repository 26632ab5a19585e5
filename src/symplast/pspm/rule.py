"""Pre-synaptic pool modification (reconstruction): pair spikes, change the weights of the pool, correct the counts.

One epoch of a student network, for every neuron i: simulate freely; pair its spikes with the target's; for each missing
target spike raise, for each extra spike lower the weights of some of the neurons that fired just before; then scale all
weights by how far the spike count is off; after each of the two, Dale's law.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from symplast.pspm.network import UNITS, LIFParams, run
from symplast.spiking import SpikeSteps, pair_steps, pooled_gaussian_distance, spike_steps
from symplast.spiking.arguments import check_at_least_zero, check_positive, is_traced, parameter

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


class Rule(eqx.Module):
    """The parameters of the update; all are reconstructions.

    Probability and step sizes are kept as arrays: changing them compiles nothing again.

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
    p: float | Array = eqx.field(converter=parameter, default=0.5)
    eta: float | Array = eqx.field(converter=parameter, default=0.005)
    eta_h: float | Array = eqx.field(converter=parameter, default=0.02)
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
    """Fits side by side.

    Attributes:
        target: (steps, lanes, units) spikes to reproduce.
        drive: (steps, lanes, units).
        inhibitory: (units,).
        arms: (lanes, 3) rows of :data:`ARMS`.
        keys: (lanes,) random keys.
    """

    target: Bool[Array, "steps lanes units"]
    drive: Float[Array, "steps lanes units"]
    inhibitory: Bool[Array, " units"]
    arms: Float[Array, "lanes 3"]
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
    most = -(-lanes.target.shape[0] // (params.n_ref + 1))
    slots = min(most, 16 * (1 + int(lanes.target.sum(axis=0).max()) // 16) + 16)
    while True:
        after, history, largest = _train(rule, params, lanes, W, epochs, slots, watch_every)
        if int(largest) <= slots or slots >= most:
            return after, history
        slots = min(most, max(2 * slots, int(largest)))


@eqx.filter_jit
def _train(
    rule: Rule, params: LIFParams, lanes: Lanes, W: Array, epochs: int, slots: int, watch_every: int
) -> tuple[Array, History, Array]:
    window, pool = params.steps(rule.window_ms, "window_ms"), params.steps(rule.pool_ms, "pool_ms")
    skip = window if rule.skip_ms is None else params.steps(rule.skip_ms, "skip_ms")
    units = W.shape[-1]
    target = _lists(lanes.target, slots)
    local, homeo, shuffled = (lanes.arms[:, i] for i in range(3))
    eta = rule.eta * (1 if rule.units is None else rule.units / units)

    def epoch(carried: tuple[Array, Array], index: Array) -> tuple[tuple[Array, Array], History]:
        W, largest = carried
        spikes, _ = run(W, lanes.drive, params)
        student = _lists(spikes, slots)
        partners = jax.vmap(jax.vmap(lambda a, b: pair_steps(a, b, window, skip)))(target, student)
        keys = jax.vmap(lambda key: jax.random.fold_in(key, index))(lanes.keys)
        times, signs, most = _events(rule, target, student, partners.of_target, partners.of_model)
        change = _local_change(times, signs, most, _pools(spikes, pool), keys, rule.p, eta)
        change = jax.lax.cond(
            jnp.any(shuffled > 0),
            lambda c: jnp.where((shuffled > 0)[:, None, None], _permuted(c, lanes.inhibitory, keys), c),
            lambda c: c,
            change,
        )
        W = dale(W + local[:, None, None] * change, lanes.inhibitory)
        off = homeostatic_factor(target.total, student.total, rule.eta_h) * homeo[:, None]
        W = dale(W + off[..., None] * jnp.abs(W), lanes.inhibitory)
        distance = jax.lax.cond(
            index % watch_every == 0,
            lambda: pooled_gaussian_distance(lanes.target, spikes, rule.sigma_ms, params.dt_ms),
            lambda: jnp.full(W.shape[0], jnp.nan, W.dtype),
        )
        seen = History(partners.cost.sum(axis=-1), student.total.sum(axis=-1), distance)
        return (W, jnp.maximum(largest, student.total.max())), seen

    start = W, target.total.max()
    (W, largest), history = jax.lax.scan(epoch, start, jnp.arange(epochs))
    return W, history, largest


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


def _lists(spikes: Array, slots: int) -> SpikeSteps:
    """Spike times of (steps, lanes, units), one list a unit."""
    return jax.vmap(jax.vmap(lambda train: spike_steps(train, slots)))(jnp.moveaxis(spikes, 0, -1))


def _events(
    rule: Rule, target: SpikeSteps, student: SpikeSteps, of_target: Array, of_model: Array
) -> tuple[Array, Array, Array]:
    """Times and signs of the local update, (events, lanes, units), the real ones first; and the most of any unit."""
    slot = jnp.arange(target.steps.shape[-1])
    real, own = slot < target.total[..., None], slot < student.total[..., None]
    times, signs = [target.steps, student.steps], [real & (of_target < 0), own & (of_model < 0)]
    directions = [1, -1]
    if rule.shift:
        partner = jnp.take_along_axis(student.steps, jnp.maximum(of_target, 0), axis=-1)
        late, early = partner > target.steps, partner < target.steps
        times += [target.steps, partner]
        signs += [real & (of_target >= 0) & late, real & (of_target >= 0) & early]
        directions += [1, -1]
    valid = jnp.concatenate(signs, axis=-1)
    at = jnp.concatenate(times, axis=-1)
    sign = jnp.concatenate([jnp.full(t.shape, d) for t, d in zip(times, directions, strict=True)], axis=-1)
    place = jnp.where(valid, jnp.cumsum(valid, axis=-1) - 1, valid.shape[-1])
    rows, units = jnp.indices(valid.shape[:2])
    empty = jnp.zeros((valid.shape[-1], *valid.shape[:2]), jnp.int32)
    where = place, rows[..., None], units[..., None]
    return empty.at[where].set(at, mode="drop"), empty.at[where].set(sign, mode="drop"), valid.sum(axis=-1).max()


def _pools(spikes: Bool[Array, "steps lanes units"], length: int) -> Float[Array, "lanes steps units"]:
    """Who fired at least once in the steps t - length .. t - 1, for every t."""
    before = jnp.cumsum(spikes, axis=0, dtype=jnp.int32) - spikes
    earlier = jnp.pad(before, ((length, 0), (0, 0), (0, 0)))[: spikes.shape[0]]
    return jnp.moveaxis(before > earlier, 0, 1).astype(jnp.result_type(float))


def _local_change(
    times: Array, signs: Array, most: Array, pools: Array, keys: Array, p: float | Array, eta: float | Array
) -> Float[Array, "lanes units units"]:
    """Sum over events: one random number r serves as coin, r < p, and as size, r/p."""
    units = pools.shape[-1]

    def event(k: Array, change: Array) -> Array:
        near = jnp.take_along_axis(pools, times[k][..., None], axis=1)
        draw = jax.vmap(lambda key: jax.random.uniform(jax.random.fold_in(key, k), (units, units)))(keys)
        return change + signs[k][..., None] * near * jnp.where(draw < p, draw, 0)

    total = jax.lax.fori_loop(0, most, event, jnp.zeros((pools.shape[0], units, units), pools.dtype))
    return total * (1 - jnp.eye(units, dtype=pools.dtype)) * jnp.where(p > 0, eta / jnp.where(p > 0, p, 1), 0)


def _permuted(change: Array, inhibitory: Array, keys: Array) -> Array:
    """Each neuron's changes permuted among its presynaptic neurons of one sign, itself left out."""
    lanes, units, _ = change.shape
    group = jnp.where(jnp.eye(units, dtype=bool), 2, jnp.broadcast_to(inhibitory, (units, units)))
    draw = jax.vmap(lambda key: jax.random.uniform(jax.random.fold_in(key, PERMUTATION), (units, units)))(keys)
    drawn = jnp.argsort(group + draw, axis=-1)
    sorted_ = jnp.broadcast_to(jnp.argsort(group, axis=-1, stable=True), drawn.shape)
    moved = jnp.take_along_axis(change, drawn, axis=-1)
    lane, unit, _ = jnp.indices((lanes, units, 1))
    return jnp.zeros_like(change).at[lane, unit, sorted_].set(moved, unique_indices=True)
