"""Fitting a network to spike trains: one start or many, with what the weights are worth."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from symplast import stats
from symplast.pspm.metrics import (
    EDGES_MS,
    Distances,
    Recovery,
    avalanche_distance,
    isi_distance,
    spike_distance,
    weight_recovery,
)
from symplast.pspm.network import (
    LIFParams,
    check_cells,
    check_drive,
    check_weights,
    draw_drive,
    draw_weights,
    run,
)
from symplast.pspm.rule import ARMS, History, Lanes, Rule, train_lanes
from symplast.spiking.trains import check_spikes
from symplast.stats.arguments import check_count

STUDENT_SCALE = 0.048
"""Largest excitatory weight of a start, in units of the threshold, for 40 neurons."""

FIRES = 0.05
"""An assumed drive meets the rate of a recording to this share of it, or to one spike."""

CAVEAT = (
    "the weights are not identified by the spikes: starts that agree with each other need not be near the true "
    "weights, so the spread over starts is no error bar; ask recovery_test how much would be recovered"
)


class NotIdentifiable(UserWarning):
    """Fitted weights must not be read as the network's weights."""


class FitResult(NamedTuple):
    """A fitted network, or several.

    Attributes:
        W: (units, units), or (starts, units, units).
        history: one row an epoch: edit cost, spikes, distance to the target.
        spikes: (steps, units), or (starts, steps, units), of the fitted network.
        before: pooled Gaussian distance to the target at the start(s).
        after: the same of the fitted network(s).
    """

    W: np.ndarray
    history: History
    spikes: np.ndarray
    before: np.ndarray
    after: np.ndarray


def random_start(key: Key[Array, ""], inhibitory: Any) -> Float[Array, "units units"]:
    """Weights to start from: :func:`draw_weights` at 0.048, weaker than the references."""
    return draw_weights(key, inhibitory, STUDENT_SCALE)


@dataclass(frozen=True, eq=False)
class PSPM:
    """Pre-synaptic pool modification (reconstruction of arXiv:1810.03199).

    Args:
        inhibitory: (units,) which neurons inhibit; their outgoing weights stay at or below 0.
        rule: parameters of the update.
        params: the neurons.
        mode: ``local``, ``homeo``, ``both``; ``shuffled`` is ``both`` with the pool's information destroyed, a control;
            ``none`` learns nothing.
        draw_start: draws the random starts of :meth:`fit_recording` and :meth:`recovery_test` from a key and
            ``inhibitory``.

    Raises:
        ValueError: an unknown mode, or neurons that are not 0/1.

    Example:
        >>> from symplast.pspm import simulate_lif
        >>> inhibitory = np.arange(20) >= 16
        >>> for_drive, for_W, for_start, for_fit = jax.random.split(jax.random.key(0), 4)
        >>> drive, W = draw_drive(for_drive, 300, 20), draw_weights(for_W, inhibitory)
        >>> target = simulate_lif(W, drive, LIFParams()).spikes
        >>> start = draw_weights(for_start, inhibitory, STUDENT_SCALE)
        >>> fitted = PSPM(inhibitory).fit(target, drive, start, epochs=40, key=for_fit)
        >>> bool(fitted.after < fitted.before), fitted.W.shape
        (True, (20, 20))

    Source:
        arXiv:1810.03199; equations reconstructed, see the page of this system.
    """

    inhibitory: Any
    rule: Rule = field(default_factory=Rule)
    params: LIFParams = field(default_factory=LIFParams)
    mode: str = "both"
    draw_start: Callable[[Key[Array, ""], np.ndarray], Array] = random_start

    def __post_init__(self) -> None:
        if self.mode not in ARMS:
            raise ValueError(f"mode must be one of {', '.join(ARMS)}, got {self.mode!r}")
        object.__setattr__(self, "inhibitory", check_cells(self.inhibitory))
        for name in ("window_ms", "pool_ms", "skip_ms"):
            if (length := getattr(self.rule, name)) is not None:
                self.params.steps(length, name)

    def fit(
        self,
        target_spikes: Any,
        drive: Any,
        W0: Any,
        *,
        key: Key[Array, ""],
        epochs: int = 150,
        watch_every: int = 1,
    ) -> FitResult:
        """Fit from one start, or from many side by side.

        Args:
            target_spikes: (steps, units), 0 and 1.
            drive: (steps, units), the same for target and student.
            W0: (units, units), or (starts, units, units).
            key: random key.
            epochs: how many.
            watch_every: the distance is computed every so many epochs; it costs about a third of one.

        Raises:
            ValueError: spikes that are not 0/1, lengths that differ, NaN, weights that are not square, have a diagonal
                or break Dale's law, fewer than one epoch.
        """
        current = check_drive(drive, self.inhibitory.size)
        target = _targets(target_spikes, self.inhibitory.size, len(current))
        many = np.ndim(W0) == 3
        if many and not len(W0):
            raise ValueError("W0 must hold at least one start, (starts, units, units)")
        starts = jnp.stack([self._checked(W, "W0") for W in (W0 if many else [W0])])
        epochs, watch_every = check_count(epochs, "epochs"), check_count(watch_every, "watch_every")
        lanes = side_by_side(target, current, self.inhibitory, self.mode, jax.random.split(key, len(starts)))
        W, history = train_lanes(self.rule, self.params, lanes, starts, epochs, watch_every)
        before, after = (_simulated(w, lanes.drive, self.params) for w in (starts, W))
        apart = [np.array([self._distance(target, s).pooled for s in each]) for each in (before, after)]
        found = FitResult(np.asarray(W), jax.tree.map(np.asarray, history), after, *apart)
        if many:
            return found
        return FitResult(found.W[0], History(*(h[:, 0] for h in found.history)), *(a[0] for a in found[2:]))

    def fit_recording(
        self,
        target_spikes: Any,
        drive: Any = None,
        *,
        key: Key[Array, ""],
        starts: int = 5,
        epochs: int = 150,
    ) -> "Recording":
        """Fit a recording from several random starts, and show what the weights are worth.

        Only the recorded neurons are modelled. Without a drive a frozen Gaussian one is assumed, sd 1, with the mean at
        which the first start fires at the recording's rate.

        Args:
            target_spikes: (steps, units), 0 and 1.
            drive: (steps, units), or None.
            key: random key.
            starts: at least 2, to show the spread.
            epochs: of each fit.

        Returns:
            The fits with their spread. Warns (:class:`NotIdentifiable`).
        """
        target = _targets(target_spikes, self.inhibitory.size)
        for_drive, for_starts, for_fit = jax.random.split(key, 3)
        W0 = self._starts(for_starts, starts)
        assumed = drive is None
        current = assumed_drive(for_drive, target, W0[0], self.params) if assumed else drive
        fitted = self.fit(target, current, W0, key=for_fit, epochs=epochs)
        warnings.warn(CAVEAT, NotIdentifiable, stacklevel=2)
        agreement = [
            weight_recovery(fitted.W[i], fitted.W[j], self.inhibitory) for i in range(len(W0)) for j in range(i)
        ]
        return Recording(fitted, np.asarray(current), assumed, agreement)

    def recovery_test(
        self, W: Any, drive: Any, *, key: Key[Array, ""], starts: int = 5, epochs: int = 150
    ) -> "RecoveryTest":
        """The honest check: simulate known networks like the fitted one, fit their spikes from new starts, compare.

        The fitted weights themselves carry the rule's own leaning, which every fit shares, so refits of *their* spikes
        find more of them again than of a recorded network's. So the known networks have the fitted weights in another
        order: those of each sign are permuted among the synapses, anew for each start. Refits of the fitted weights are
        reported next to it, as an upper bound.

        Args:
            W: (units, units), from a fit.
            drive: (steps, units).
            key: random key.
            starts: known networks, and new starts, at least 2.
            epochs: of each fit.

        Returns:
            Correlations of refitted weights with those that made the spikes.

        Raises:
            ValueError: weights or drive as for :meth:`fit`, fewer than two starts.
        """
        fitted = self._checked(W, "W")
        current = check_drive(drive, self.inhibitory.size)
        for_order, for_starts, for_fit = jax.random.split(key, 3)
        W0 = self._starts(for_starts, starts)
        order = jax.random.split(for_order, len(W0))
        known = np.stack([permuted_weights(k, fitted, self.inhibitory) for k in order])
        keys = jax.random.split(for_fit, 2 * len(W0))
        epochs = check_count(epochs, "epochs")
        found = []
        for truths, own in ((known, keys[: len(W0)]), (np.stack([fitted] * len(W0)), keys[len(W0) :])):
            currents = np.repeat(np.asarray(current)[:, None], len(W0), axis=1)
            targets = run_lanes(truths, currents, self.params)
            lanes = side_by_side(targets, currents, self.inhibitory, self.mode, own)
            again, _ = train_lanes(self.rule, self.params, lanes, jnp.stack(W0), epochs, epochs)
            found += [weight_recovery(*pair, self.inhibitory) for pair in zip(truths, again, strict=True)]
        by_sign = {name: np.array([getattr(each, name) for each in found[: len(W0)]]) for name in Recovery._fields}
        recovered = {name: _mean_correlation(r) for name, r in by_sign.items() if np.isfinite(r).all()}
        return RecoveryTest(recovered, Recovery(*np.mean(found[len(W0) :], axis=0)))

    def _starts(self, key: Key[Array, ""], starts: int) -> list[Array]:
        if check_count(starts, "starts") < 2:
            raise ValueError(f"starts must be at least 2, to show how the weights depend on the start; got {starts}")
        return [self.draw_start(each, self.inhibitory) for each in jax.random.split(key, int(starts))]

    def _checked(self, W: Any, name: str) -> Array:
        W = check_weights(W, name)
        if W.shape[0] != self.inhibitory.size:
            raise ValueError(f"{name} must be ({self.inhibitory.size}, {self.inhibitory.size}), got {W.shape}")
        wrong = np.flatnonzero(np.where(self.inhibitory, (W > 0).any(axis=0), (W < 0).any(axis=0)))
        if wrong.size:
            raise ValueError(
                f"{name} must obey Dale's law: column {wrong[0]} of an "
                f"{'inhibitory' if self.inhibitory[wrong[0]] else 'excitatory'} neuron has the other sign"
            )
        return W

    def _distance(self, target: np.ndarray, spikes: np.ndarray) -> Distances:
        return spike_distance(target, spikes, self.rule.sigma_ms, self.params.dt_ms)


def permuted_weights(key: Key[Array, ""], W: ArrayLike, inhibitory: np.ndarray) -> np.ndarray:
    """Weights of the same sign in another order; the diagonal stays 0."""
    off = ~np.eye(inhibitory.size, dtype=bool)
    moved = np.array(W)
    for columns, k in zip((inhibitory, ~inhibitory), jax.random.split(key), strict=True):
        places = np.nonzero(off & columns)
        moved[places] = np.asarray(jax.random.permutation(k, moved[places]))
    return moved


def _mean_correlation(values: np.ndarray) -> stats.Estimate:
    """Mean with its interval, which ends where correlations do."""
    return stats.mean_interval(values, bounds=(-1, 1))


class Recording(NamedTuple):
    """Fits of a recording from several starts.

    Attributes:
        fits: the fits.
        drive: (steps, units) under which they run.
        drive_assumed: the drive was made up, not recorded.
        agreement: weight correlations of every two fits. High values do not mean that the weights are right.
    """

    fits: FitResult
    drive: np.ndarray
    drive_assumed: bool
    agreement: list[Recovery]


class RecoveryTest(NamedTuple):
    """What a refit recovers.

    Attributes:
        recovered: correlations with the weights that made the spikes, mean over known networks with interval; signs
            whose weights are too few or all alike are left out.
        of_fitted: mean correlations of refits with the fitted weights themselves: an upper bound, since the rule made
            both.
    """

    recovered: dict[str, stats.Estimate]
    of_fitted: Recovery


class Similarity(NamedTuple):
    """A student next to its reference; fields as in the functions of :mod:`symplast.pspm.metrics`."""

    distance: float
    intervals: float
    avalanches: float
    excitatory: float
    inhibitory: float


def similarity(
    target: Any,
    spikes: Any,
    W_ref: Any,
    W: Any,
    inhibitory: Any,
    dt_ms: float = 1.0,
    *,
    sigma_ms: float = 5.0,
    edges_ms: Any = EDGES_MS,
    bin_steps: int = 1,
    threshold: int = 1,
) -> Similarity:
    """All that is compared between a student and its reference.

    Args:
        target, spikes: (steps, units) spikes of reference and student.
        W_ref, W: (units, units) weights of both.
        inhibitory: (units,) which neurons inhibit.
        dt_ms: length of a step.
        sigma_ms: of :func:`spike_distance`.
        edges_ms: of :func:`isi_distance`.
        bin_steps, threshold: of :func:`avalanche_distance`.
    """
    return Similarity(
        spike_distance(target, spikes, sigma_ms, dt_ms).pooled,
        isi_distance(target, spikes, dt_ms, edges_ms),
        avalanche_distance(target, spikes, bin_steps, threshold),
        *weight_recovery(W_ref, W, inhibitory),
    )


def side_by_side(target: Any, drive: Any, inhibitory: Any, arm: str, keys: Key[Array, " lanes"]) -> Lanes:
    """Lanes, one for each key, for one target, or for (steps, lanes, units) of targets and drives."""

    def lanes_of(values: Any) -> Array:
        values = np.asarray(values)
        return jnp.asarray(values if values.ndim == 3 else np.repeat(values[:, None], len(keys), axis=1))

    flags = jnp.asarray(np.array(ARMS[arm]), jnp.result_type(float))
    return Lanes(lanes_of(target), lanes_of(drive), jnp.asarray(inhibitory), flags, keys)


def _simulated(W: Array, drive: Array, params: LIFParams) -> np.ndarray:
    """(lanes, steps, units)."""
    return np.asarray(jnp.moveaxis(run_lanes(W, drive, params), 1, 0))


@jax.jit(static_argnames="params")
def run_lanes(W: ArrayLike, drive: ArrayLike, params: LIFParams) -> Array:
    """Spikes (steps, lanes, units) of networks side by side."""
    return run(jnp.asarray(W), jnp.asarray(drive), params)[0]


def assumed_drive(
    key: Key[Array, ""], target: Any, W: ArrayLike, params: LIFParams, sd: float = 1.0, halvings: int = 30
) -> Float[Array, "steps units"]:
    """A frozen Gaussian drive whose mean makes a network fire as often as the target; found by bisection.

    Args:
        key: random key.
        target: (steps, units) spikes.
        W: (units, units) weights of the network.
        params: the neurons.
        sd: of the drive.
        halvings: at most so many.

    Raises:
        ValueError: a target that is silent, or faster than the refractory period allows, or a rate that no mean meets
            to 5 % or one spike.
    """
    alone = check_weights(W, "W")[None]
    target = _targets(target, alone.shape[1])
    noise = draw_drive(key, target.shape[0], target.shape[1], mean=0.0, sd=sd)
    rate, low, high = float(target.mean()), -10.0, 10.0
    ceiling = 1 / (params.n_ref + 1)
    if not 0 < rate < ceiling:
        raise ValueError(
            f"target_spikes must fire in a share of the steps between 0 and {ceiling:.3g} (the refractory period "
            f"allows no more), to find a drive; got {rate:.3g}. Give the drive, or other n_ref and dt_ms"
        )
    while float(run_lanes(alone, (noise + high)[:, None], params).mean()) < rate and high < 1e6:
        high *= 2
    off, best = np.inf, noise
    for _ in range(halvings):
        mean = (low + high) / 2
        fires = float(run_lanes(alone, (noise + mean)[:, None], params).mean())
        low, high = (mean, high) if fires < rate else (low, mean)
        if abs(fires - rate) < off:
            off, best = abs(fires - rate), noise + mean
        if off <= 1e-3 * rate:
            break
    if off > max(FIRES * rate, 1 / target.size):
        raise ValueError(
            f"target_spikes must have a rate that some constant drive makes the start fire at; the nearest found is "
            f"{off / rate:.0%} off. Give the drive, or starts with weaker weights"
        )
    return best


def _targets(target: Any, units: int, steps: int | None = None) -> np.ndarray:
    """Spikes (steps, units), 0 and 1, as many as neurons and as long as the drive."""
    spikes = check_spikes(target, "target_spikes")
    if not len(spikes):
        raise ValueError(f"target_spikes must hold at least one step, got shape {spikes.shape}")
    if spikes.shape[1] != units:
        raise ValueError(
            f"target_spikes must be (steps, {units}), one column for each entry of inhibitory; got {spikes.shape}"
        )
    if steps is not None and steps != len(spikes):
        raise ValueError(f"target_spikes and drive must be equally long, got {len(spikes)} and {steps} steps")
    return spikes
