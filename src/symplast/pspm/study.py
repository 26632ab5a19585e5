"""The experiments behind the claims: five ways of changing weights from the same starts (a reconstruction)."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from symplast.lab import Config, Evidence, Study, evidence
from symplast.pspm.fitting import Similarity, run_lanes, side_by_side, similarity
from symplast.pspm.metrics import spike_distance, weight_recovery
from symplast.pspm.network import LIFParams, draw_drive, draw_weights, inhibitory_cells
from symplast.pspm.rule import ARMS, Rule, train_lanes

study = Study("pspm")

PARAMS = LIFParams()
STEPS = 500
LANES = {40: 30, 100: 15, 200: 10}
"""Seeds in one batch, by network size: bounds memory."""


class Setting(NamedTuple):
    """How references, students and drives are drawn, and the step sizes."""

    mean: float = 1.0
    sd: float = 1.0
    scale: float = 0.08
    eta: float = 0.005
    eta_h: float = 0.02

    @property
    def rule(self) -> Rule:
        """The update."""
        return Rule(eta=self.eta, eta_h=self.eta_h)


WEAKER = 0.6
"""Weights of the start, relative to the reference's."""

DEFAULT = Setting()
POPULATION = Setting(0.95, 0.8, 0.05 * 2, 0.002, 0.05)
"""A weaker, more even drive with slower local and faster homeostatic changes."""


class Compared(NamedTuple):
    """What became of the arms; entries of ``last`` are (arms, seeds).

    Attributes:
        last: students next to their references after the last epoch.
        course: (arms, epochs, seeds) pooled distance, NaN where it was not watched.
        rate_hz: (seeds,) of the references.
        raster: (arms + 1, steps, units) spikes of the first seed: reference, then arms.
    """

    last: Similarity
    course: np.ndarray
    rate_hz: np.ndarray
    raster: np.ndarray


def compare_arms(units: int, seeds: int, epochs: int, key: Any, setting: Setting, watch_every: int = 10) -> Compared:
    """Every arm of every seed from the same start, under the same drive, for the same reference."""
    inhibitory = inhibitory_cells(units)
    per_batch = LANES.get(units, 10)
    last, courses, rates, raster = [], [], [], np.zeros(0)
    for first in range(0, seeds, per_batch):
        drive, W_ref, start, keys = _draw(key, np.arange(first, min(seeds, first + per_batch)), setting, units)
        target = np.asarray(run_lanes(W_ref, drive, PARAMS))
        weights, course = {"none": start}, {}
        for arm in ARMS:
            if arm == "none":
                continue
            lanes = side_by_side(target, drive, inhibitory, arm, keys)
            weights[arm], history = train_lanes(setting.rule, PARAMS, lanes, start, epochs, watch_every)
            course[arm] = np.asarray(history.distance)
        course["none"] = np.where(np.isfinite(course["both"]), course["both"][0], np.nan)  # nothing changes
        spikes = {arm: np.asarray(run_lanes(W, drive, PARAMS)) for arm, W in weights.items()}
        true = np.asarray(W_ref)
        for lane in range(len(true)):
            of_arms = ((spikes[arm][:, lane], np.asarray(weights[arm])[lane]) for arm in ARMS)
            last.append([similarity(target[:, lane], s, true[lane], W, inhibitory) for s, W in of_arms])
        courses.append(np.stack([course[arm] for arm in ARMS]))
        rates.append(target.mean(axis=(0, 2)) * 1000 / PARAMS.dt_ms)
        if first == 0:
            raster = np.stack([target[:, 0], *(spikes[arm][:, 0] for arm in ARMS)])
    table = np.array(last).transpose(2, 1, 0)
    return Compared(Similarity(*table), np.concatenate(courses, axis=2), np.concatenate(rates), raster)


@partial(jax.jit, static_argnames="units")
def _draw(key: Any, seeds: Any, setting: Setting, units: int) -> tuple[Any, ...]:
    """Drives (steps, seeds, units), references, starts (seeds, units, units), and keys."""
    inhibitory = inhibitory_cells(units)

    def one(seed: Any) -> tuple[Any, ...]:
        for_drive, for_W, for_start, for_fit = jax.random.split(jax.random.fold_in(key, seed), 4)
        drive = draw_drive(for_drive, STEPS, units, setting.mean, setting.sd)
        W, start = (draw_weights(k, inhibitory, s * setting.scale) for k, s in ((for_W, 1.0), (for_start, WEAKER)))
        return drive, W, start, for_fit

    drive, W, start, fits = jax.vmap(one)(seeds)
    return jnp.moveaxis(drive, 0, 1), W, start, fits


@partial(jax.jit, static_argnames=("references", "starts"))
def _starts(fits: Any, references: int, starts: int) -> tuple[Any, Any]:
    """Independent starts of each reference, one reference after the other, and the keys of their fits."""
    keys = jax.vmap(lambda k: jax.random.split(k, starts))(fits[:references]).reshape(-1)
    inhibitory = inhibitory_cells(40)
    start = jax.vmap(lambda k: draw_weights(k, inhibitory, WEAKER * DEFAULT.scale))(keys)
    return start, jax.vmap(lambda k: jax.random.fold_in(k, 1))(keys)


def _row(values: Any, arm: str) -> np.ndarray:
    return np.asarray(values)[list(ARMS).index(arm)]


def _of_arms(found: Compared, watch_every: int = 10) -> dict[str, Any]:
    """Evidence that every comparison keeps."""
    epochs = found.course.shape[1]
    watched = np.arange(0, epochs, watch_every)
    return {
        "distance": (("arm", "seed"), found.last.distance),
        "intervals": (("arm", "seed"), found.last.intervals),
        "avalanches": (("arm", "seed"), found.last.avalanches),
        "excitatory": (("arm", "seed"), found.last.excitatory),
        "inhibitory": (("arm", "seed"), found.last.inhibitory),
        "course": (("arm", "epoch", "seed"), found.course[:, watched]),
        "rate_hz": (("seed",), found.rate_hz),
        "coords": {"arm": list(ARMS), "epoch": watched.tolist()},
        "units": {"rate_hz": "Hz"},
    }


@study.experiment(quick={"seeds": 8, "epochs": 75}, full={"seeds": 30, "epochs": 150})
def arms(config: Config, key: Any) -> Evidence:
    """Networks of 40: distance, intervals, avalanches and weights for the five arms, paired by seed."""
    found = compare_arms(40, config.seeds, config.epochs, key, DEFAULT)
    kept, D, KS = _of_arms(found), found.last.distance, found.last.avalanches
    return evidence(
        gain=(("seed",), _row(D, "none") - _row(D, "both")),
        local_over_homeo=(("seed",), _row(D, "homeo") - _row(D, "local")),
        pool_information=(("seed",), _row(D, "shuffled") - _row(D, "both")),
        recovered=(("seed",), _row(found.last.excitatory, "both")),
        avalanches_homeo_over_local=(("seed",), _row(KS, "local") - _row(KS, "homeo")),
        raster=(("network", "time", "unit"), found.raster[[0, 1, 1 + list(ARMS).index("both")], :200]),
        **kept | {"coords": kept["coords"] | {"network": ["reference", "before", "after"]}},
    )


@study.experiment(full={"seeds": 30, "epochs": 150, "sizes": [100, 200]})
def larger(config: Config, key: Any) -> Evidence:
    """Networks of 100 and 200 neurons with weights and steps scaled by 40/N: do like spikes mean like weights?

    They take minutes, so quick scale runs the same code for some epochs of 40 neurons, and judges nothing by it.
    """
    by_size = {units: compare_arms(units, config.seeds, config.epochs, key, DEFAULT) for units in config.sizes}
    empty = np.full(config.seeds, np.nan)
    found: dict[str, Any] = {}
    for units in (100, 200):
        last = by_size[units].last if units in by_size else None
        gain = empty if last is None else _row(last.distance, "none") - _row(last.distance, "both")
        found[f"gain_{units}"] = ("seed",), gain
        found[f"recovered_{units}"] = ("seed",), empty if last is None else _row(last.excitatory, "both")
    stacked: dict[str, Any] = {
        name: (("units", "arm", "seed"), np.stack([getattr(run.last, name) for run in by_size.values()]))
        for name in ("distance", "excitatory", "inhibitory")
    }
    rates = np.stack([run.rate_hz for run in by_size.values()])
    return evidence(
        **found,
        **stacked,
        rate_hz=(("units", "seed"), rates),
        coords={"units": list(by_size), "arm": list(ARMS)},
        units={"rate_hz": "Hz"},
    )


@study.experiment(quick={"seeds": 8, "epochs": 75}, full={"seeds": 30, "epochs": 150})
def populations(config: Config, key: Any) -> Evidence:
    """Avalanche sizes under a weaker drive, where homeostasis acts faster than local changes; five arms."""
    found = compare_arms(40, config.seeds, config.epochs, key, POPULATION)
    ks, D = found.last.avalanches, found.last.distance
    return evidence(
        homeo_gain=(("seed",), _row(ks, "none") - _row(ks, "homeo")),
        homeo_over_local=(("seed",), _row(ks, "local") - _row(ks, "homeo")),
        local_over_homeo=(("seed",), _row(D, "homeo") - _row(D, "local")),
        **_of_arms(found),
    )


@study.experiment(
    quick={"references": 2, "starts": 4, "epochs": 75}, full={"references": 8, "starts": 10, "epochs": 150}
)
def restarts(config: Config, key: Any) -> Evidence:
    """Students from independent starts for one reference: do they agree, are they right? References are seeds."""
    references, starts = config.references, config.starts
    inhibitory = inhibitory_cells(40)
    drawn = _draw(key, np.arange(max(references, 8)), DEFAULT, 40)  # so many as the arms have: the same program
    start, keys = _starts(drawn[3], references, starts)
    drive, W_ref = np.asarray(drawn[0])[:, :references], np.asarray(drawn[1])[:references]
    drive = np.repeat(drive, starts, axis=1)
    target = np.asarray(run_lanes(np.repeat(W_ref, starts, axis=0), drive, PARAMS))
    lanes = side_by_side(target, drive, inhibitory, "both", keys)
    W, _ = train_lanes(DEFAULT.rule, PARAMS, lanes, start, config.epochs, config.epochs)
    spikes = np.asarray(run_lanes(W, drive, PARAMS)).reshape(STEPS, references, starts, -1)
    weights, true, wanted = np.asarray(W).reshape(references, starts, 40, 40), W_ref, target[:, ::starts]
    rows = []
    for r in range(references):
        pairs = [(i, j) for i in range(starts) for j in range(i)]
        mutual = np.mean([weight_recovery(weights[r, i], weights[r, j], inhibitory) for i, j in pairs], axis=0)
        truth = np.mean([weight_recovery(true[r], w, inhibitory) for w in weights[r]], axis=0)
        to_target = np.mean([spike_distance(wanted[:, r], spikes[:, r, i]).pooled for i in range(starts)])
        between = np.mean([spike_distance(spikes[:, r, i], spikes[:, r, j]).pooled for i, j in pairs])
        rows.append([*mutual, *truth, to_target, between])
    mutual_exc, mutual_inh, true_exc, true_inh, to_target, between = np.array(rows).T
    return evidence(
        agreement=(("seed",), mutual_exc),
        recovered=(("seed",), true_exc),
        agreement_minus_recovery=(("seed",), mutual_exc - true_exc),
        agreement_inhibitory=(("seed",), mutual_inh),
        recovered_inhibitory=(("seed",), true_inh),
        distance_to_target=(("seed",), to_target),
        distance_between=(("seed",), between),
        weights=(("which", "synapse"), _synapses(true[0], weights[0], inhibitory)),
        coords={"which": ["reference", "first start", "second start"]},
    )


def _synapses(true: np.ndarray, weights: np.ndarray, inhibitory: np.ndarray) -> np.ndarray:
    """Excitatory weights of the reference and of two students, synapse by synapse."""
    off = ~np.eye(len(true), dtype=bool) & ~inhibitory
    return np.stack([true[off], weights[0][off], weights[1][off]])
