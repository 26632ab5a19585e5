"""Fitting a network to spike trains: one start or many, with what the weights are worth."""

import math
import warnings
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from symplast import stats
from symplast.pspm.metrics import (
    Distances,
    Recovery,
    avalanche_distance,
    isi_distance,
    spike_distance,
    weight_recovery,
)
from symplast.pspm.network import (
    LIFParams,
    check_drive,
    check_weights,
    draw_drive,
    draw_weights,
    run,
    simulate_lif,
)
from symplast.pspm.rule import ARMS, History, Lanes, Rule, train_lanes
from symplast.spiking.trains import check_spikes

STUDENT_SCALE = 0.048
"""Largest excitatory weight of a start, in units of the threshold, for 40 neurons."""

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


@dataclass(frozen=True)
class PSPM:
    """Pre-synaptic pool modification (reconstruction of arXiv:1810.03199).

    Args:
        inhibitory: (units,) which neurons inhibit; their outgoing weights stay at or below 0.
        rule: parameters of the update.
        params: the neurons.
        mode: ``local``, ``homeo``, ``both``; ``shuffled`` is ``both`` with the pool's information destroyed, a control;
            ``none`` learns nothing.

    Raises:
        ValueError: an unknown mode, or neurons that are not 0/1.

    Example:
        >>> inhibitory = np.arange(40) >= 32
        >>> for_drive, for_W, for_start, for_fit = jax.random.split(jax.random.key(0), 4)
        >>> drive, W = draw_drive(for_drive, 300, 40), draw_weights(for_W, inhibitory)
        >>> target = simulate_lif(W, drive, LIFParams()).spikes
        >>> start = draw_weights(for_start, inhibitory, STUDENT_SCALE)
        >>> fitted = PSPM(inhibitory).fit(target, drive, start, epochs=40, key=for_fit)
        >>> bool(fitted.after < fitted.before), fitted.W.shape
        (True, (40, 40))

    Source:
        arXiv:1810.03199; equations reconstructed, see the page of this system.
    """

    inhibitory: Any
    rule: Rule = field(default_factory=Rule)
    params: LIFParams = field(default_factory=LIFParams)
    mode: str = "both"

    def __post_init__(self) -> None:
        if self.mode not in ARMS:
            raise ValueError(f"mode must be one of {', '.join(ARMS)}, got {self.mode!r}")
        cells = np.asarray(self.inhibitory)
        if cells.ndim != 1 or not cells.size or not ((cells == 0) | (cells == 1)).all():
            raise ValueError("inhibitory must be true or false for each neuron, (units,)")
        object.__setattr__(self, "inhibitory", cells.astype(bool))
        self.params.steps(self.rule.window_ms, "window_ms")
        self.params.steps(self.rule.pool_ms, "pool_ms")

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
        target = _targets(target_spikes, self.inhibitory.size, drive)
        many = np.ndim(W0) == 3
        starts = jnp.stack([self._checked(W) for W in (W0 if many else [W0])])
        current = check_drive(drive, self.inhibitory.size)
        if epochs < 1 or watch_every < 1:
            raise ValueError(f"epochs and watch_every must be at least 1, got {epochs} and {watch_every}")
        arms, keys = [self.mode] * len(starts), jax.random.split(key, len(starts))
        lanes = side_by_side(target, current, self.inhibitory, arms, keys)
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
        target = _targets(target_spikes, self.inhibitory.size, drive)
        if starts < 2:
            raise ValueError(f"starts must be at least 2, to show how the weights depend on the start; got {starts}")
        for_drive, for_starts, for_fit = jax.random.split(key, 3)
        W0 = jax.vmap(lambda k: draw_weights(k, self.inhibitory, STUDENT_SCALE))(jax.random.split(for_starts, starts))
        assumed = drive is None
        current = assumed_drive(for_drive, target, W0[0], self.params) if assumed else jnp.asarray(drive)
        fitted = self.fit(target, current, W0, key=for_fit, epochs=epochs)
        warnings.warn(CAVEAT, NotIdentifiable, stacklevel=2)
        agreement = [
            weight_recovery(fitted.W[i], fitted.W[j], self.inhibitory) for i in range(starts) for j in range(i)
        ]
        return Recording(fitted, np.asarray(current), assumed, agreement)

    def recovery_test(
        self, W: Any, drive: Any, *, key: Key[Array, ""], starts: int = 5, epochs: int = 150
    ) -> "RecoveryTest":
        """The honest check: take fitted weights for the truth, fit their spikes from new starts, compare.

        Args:
            W: (units, units), from a fit.
            drive: (steps, units).
            key: random key.
            starts: new starts, at least 2.
            epochs: of each fit.

        Returns:
            Correlations of the refitted weights with W and with each other.
        """
        if starts < 2:
            raise ValueError(f"starts must be at least 2, for an interval; got {starts}")
        truth = self._checked(W)
        target = simulate_lif(truth, drive, self.params).spikes
        for_starts, for_fit = jax.random.split(key)
        W0 = jax.vmap(lambda k: draw_weights(k, self.inhibitory, STUDENT_SCALE))(jax.random.split(for_starts, starts))
        again = self.fit(target, drive, W0, key=for_fit, epochs=epochs).W
        to_truth = [weight_recovery(truth, w, self.inhibitory) for w in again]
        mutual = [weight_recovery(again[i], again[j], self.inhibitory) for i in range(starts) for j in range(i)]
        by_sign = {name: np.array([getattr(found, name) for found in to_truth]) for name in Recovery._fields}
        recovered = {name: stats.mean_interval(r) for name, r in by_sign.items() if np.isfinite(r).all()}
        return RecoveryTest(recovered, Recovery(*np.mean(mutual, axis=0)))

    def _checked(self, W: Any) -> Array:
        W = check_weights(W, "W0")
        if W.shape[0] != self.inhibitory.size:
            raise ValueError(f"W0 must be ({self.inhibitory.size}, {self.inhibitory.size}), got {W.shape}")
        wrong = np.flatnonzero(np.where(self.inhibitory, (W > 0).any(axis=0), (W < 0).any(axis=0)))
        if wrong.size:
            raise ValueError(
                f"W0 must obey Dale's law: column {wrong[0]} of an "
                f"{'inhibitory' if self.inhibitory[wrong[0]] else 'excitatory'} neuron has the other sign"
            )
        return W

    def _distance(self, target: np.ndarray, spikes: np.ndarray) -> Distances:
        return spike_distance(target, spikes, dt_ms=self.params.dt_ms)


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
        recovered: correlations with the weights that made the spikes, mean over starts with interval.
        agreement: mean correlations of the refits with each other.
    """

    recovered: dict[str, stats.Estimate]
    agreement: Recovery


class Similarity(NamedTuple):
    """A student beside its reference; fields as in the functions of :mod:`symplast.pspm.metrics`."""

    distance: float
    intervals: float
    avalanches: float
    excitatory: float
    inhibitory: float


def similarity(target: Any, spikes: Any, W_ref: Any, W: Any, inhibitory: Any, dt_ms: float = 1.0) -> Similarity:
    """All that is compared between a student and its reference."""
    return Similarity(
        spike_distance(target, spikes, dt_ms=dt_ms).pooled,
        isi_distance(target, spikes, dt_ms),
        avalanche_distance(target, spikes),
        *weight_recovery(W_ref, W, inhibitory),
    )


def side_by_side(target: Any, drive: Any, inhibitory: Any, arms: list[str], keys: Key[Array, " lanes"]) -> Lanes:
    """Lanes for one target, or for (steps, lanes, units) of targets and drives."""

    def lanes_of(values: Any) -> Array:
        values = jnp.asarray(values)
        return values if values.ndim == 3 else jnp.repeat(values[:, None], len(arms), axis=1)

    flags = jnp.array([ARMS[arm] for arm in arms])
    return Lanes(lanes_of(target), lanes_of(drive), jnp.asarray(inhibitory), flags, keys)


def _simulated(W: Array, drive: Array, params: LIFParams) -> np.ndarray:
    """(lanes, steps, units)."""
    return np.asarray(jnp.moveaxis(run_lanes(W, drive, params), 1, 0))


@jax.jit(static_argnames="params")
def run_lanes(W: Array, drive: Array, params: LIFParams) -> Array:
    """Spikes (steps, lanes, units) of networks side by side."""
    return run(W, drive, params)[0]


def assumed_drive(
    key: Key[Array, ""], target: np.ndarray, W: ArrayLike, params: LIFParams, halvings: int = 30
) -> Float[Array, "steps units"]:
    """A frozen Gaussian drive, sd 1, whose mean makes a network fire as often as the target; found by bisection."""
    noise, alone = draw_drive(key, target.shape[0], target.shape[1], mean=0.0), jnp.asarray(W)[None]
    rate, low, high = float(target.mean()), -10.0, 10.0
    ceiling = 1 / (params.n_ref + 1)
    if not 0 < rate < ceiling:
        raise ValueError(
            f"target_spikes must fire in a share of the steps between 0 and {ceiling:.3g} (the refractory period "
            f"allows no more), to find a drive; got {rate:.3g}. Give the drive, or other n_ref and dt_ms"
        )
    while float(run_lanes(alone, (noise + high)[:, None], params).mean()) < rate and high < 1e6:
        high *= 2
    for _ in range(halvings):
        mean = (low + high) / 2
        fires = float(run_lanes(alone, (noise + mean)[:, None], params).mean())
        low, high = (mean, high) if fires < rate else (low, mean)
        if math.isclose(fires, rate, rel_tol=1e-3):
            break
    return noise + mean


def _targets(target: Any, units: int, drive: Any = None) -> np.ndarray:
    """Spikes (steps, units), 0 and 1, as many as neurons and as long as the drive."""
    spikes = check_spikes(target, "target_spikes")
    if not len(spikes):
        raise ValueError(f"target_spikes must hold at least one step, got shape {spikes.shape}")
    if spikes.shape[1] != units:
        raise ValueError(
            f"target_spikes must be (steps, {units}), one column for each entry of inhibitory; got {spikes.shape}"
        )
    if drive is not None and len(drive) != len(spikes):
        raise ValueError(f"target_spikes and drive must be equally long, got {len(spikes)} and {len(drive)} steps")
    return spikes
