"""Tuning curves recorded before and after adaptation, and what is measured of them, with intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symplast import stats
from symplast.gain_control.adaptation import AdaptationReport, measure_adaptation
from symplast.gain_control.arguments import check_array, check_ensemble
from symplast.gain_control.circle import PERIOD, check_period, difference
from symplast.gain_control.ensembles import biased_21, uniform
from symplast.gain_control.measures import Curves, preferences, variation

FEWEST_STIMULI = 5
NEAR = 1 / 8
"""Neurons within this share of the period count as near the adapter; those beyond 3/8 as far."""


@dataclass(frozen=True, eq=False)
class Recording:
    """One population, before and after.

    Attributes:
        name: of the recording.
        control: (N, S) responses under the first ensemble.
        adapted: (N, S) responses under the second.
        preferred: (N,) preferred stimuli.
        p0: (S,) first ensemble.
        p1: (S,) second ensemble.
        neurons: names of the neurons.
    """

    name: str
    control: Curves
    adapted: Curves
    preferred: np.ndarray
    p0: np.ndarray
    p1: np.ndarray
    neurons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Tuning:
    """Recordings with the same stimuli.

    Attributes:
        recordings: at least one.
        stimuli: (S,) in rising order, each once.
        adapter: the stimulus that became frequent.
        period: of the stimuli; None where they don't wrap.
        decided: what was decided on reading, in words.
    """

    recordings: tuple[Recording, ...]
    stimuli: np.ndarray
    adapter: float = 0.0
    period: float | None = PERIOD
    decided: tuple[str, ...] = ()


def tuning_of(
    control: Sequence[Any],
    adapted: Sequence[Any],
    stimuli: Any,
    p0: Sequence[Any],
    p1: Sequence[Any],
    *,
    preferred: Sequence[Any] | None = None,
    names: Sequence[str] | None = None,
    neurons: Sequence[Sequence[str]] | None = None,
    adapter: float = 0.0,
    period: float | None = PERIOD,
    decided: tuple[str, ...] = (),
) -> Tuning:
    """Check curves, an array a recording, and bring the stimuli in order.

    Stimuli that are one on the circle, such as both ends of an axis of orientation, are averaged, and their
    probabilities added. Preferences that are not given are those of the control curves.

    Raises:
        ValueError: curves of unequal shape or not finite, fewer than 5 stimuli, or no probabilities.
    """
    s, period = check_array(stimuli, "stimuli", "stimuli"), check_period(period)
    groups, places, told = _merged(s, period)
    made = []
    for i, (before, after) in enumerate(zip(control, adapted, strict=True)):
        name = str(names[i]) if names is not None else str(i + 1)
        R0 = check_array(before, f"control of recording {name}", "neurons, stimuli")
        R1 = check_array(after, f"adapted of recording {name}", "neurons, stimuli")
        if R0.shape != R1.shape or R0.shape[1] != s.size:
            raise ValueError(
                f"recording {name} must have both conditions for each neuron and stimulus, got shapes {R0.shape} and "
                f"{R1.shape} for {s.size} stimuli"
            )
        R0, R1 = (np.stack([R[:, group].mean(axis=1) for group in groups], axis=1) for R in (R0, R1))
        first, second = (
            np.array([check_ensemble(p[i], s.size, f"{which} of recording {name}")[group].sum() for group in groups])
            for which, p in (("p0", p0), ("p1", p1))
        )
        theta = preferences(R0, places, period) if preferred is None else check_array(preferred[i], "preferred", "n")
        if theta.size != len(R0):
            raise ValueError(f"preferred of recording {name} must have {len(R0)} entries, got {theta.size}")
        own = tuple(map(str, neurons[i])) if neurons is not None else tuple(str(n + 1) for n in range(len(R0)))
        made.append(Recording(name, R0, R1, theta, first, second, own))
    if not made:
        raise ValueError("control must hold at least one recording")
    return Tuning(tuple(made), places, float(adapter), period, (*decided, *told))


def _merged(s: np.ndarray, period: float | None) -> tuple[list[np.ndarray], np.ndarray, tuple[str, ...]]:
    """Groups of indices of one stimulus each, their places in rising order, and what was decided."""
    wrapped = difference(s, 0.0, period)
    if period is not None and np.isclose(s, period / 2).any() and not np.isclose(wrapped, s).all():
        wrapped = np.where(np.isclose(np.abs(s), period / 2), -period / 2, wrapped)
    keys = np.round(wrapped, 9)
    places = np.unique(keys)
    groups = [np.flatnonzero(keys == place) for place in places]
    told = []
    merged = [group for group in groups if group.size > 1]
    if merged:
        ends = "; ".join(" and ".join(f"{s[i]:g}" for i in group) for group in merged[:3])
        told.append(f"stimuli that are one averaged, their probabilities added: {ends}")
    if places.size < FEWEST_STIMULI:
        raise ValueError(f"stimuli must be at least {FEWEST_STIMULI}, got {places.size}")
    return groups, places, tuple(told)


def load_tuning_array(arr: Any, probs: Any, *, preferred: Any = None, stimuli: Any = None) -> Tuning:
    """Recordings as the reference code keeps them: (classes, stimuli, recordings, 2), uniform before biased.

    Args:
        arr: (13, 21, n, 2) responses of 13 classes of neurons to 21 orientations; other numbers of classes too.
        probs: (n,) probability of the adapter in each recording, as a share; one for all.
        preferred: (classes,) preferred orientations; default ``linspace(-90, 90, classes)``.
        stimuli: default ``linspace(-90, 90, stimuli)``. The ends are one orientation.

    Raises:
        ValueError: another shape, numbers that are not finite, or probabilities outside (0, 1).

    Example:
        >>> arr = np.random.default_rng(0).uniform(1, 2, (13, 21, 11, 2))
        >>> tuning = load_tuning_array(arr, [0.5, 0.35, 0.35, 0.5, 0.5, 0.5, 0.5, 0.4, 0.4, 0.3, 0.3])
        >>> len(tuning.recordings), tuning.stimuli.size, round(float(tuning.recordings[1].p1.max()), 6)
        (11, 20, 0.175)
    """
    values = check_array(arr, "arr", "classes, stimuli, recordings, conditions")
    classes, size, count, conditions = values.shape
    if conditions != 2:
        raise ValueError(f"arr must have shape (classes, stimuli, recordings, 2), got {values.shape}")
    shares = check_array(np.atleast_1d(probs), "probs", "recordings")
    if shares.size not in (1, count):
        raise ValueError(f"probs must hold a probability for each of {count} recordings, got {shares.size}")
    shares = np.broadcast_to(shares, (count,))
    s = np.linspace(-90, 90, size) if stimuli is None else stimuli
    if size != 21:
        raise ValueError(f"arr must have 21 stimuli, as its ensemble is known for these; got {size}: use tuning_of")
    theta = np.linspace(-90, 90, classes) if preferred is None else check_array(preferred, "preferred", "classes")
    biased = [biased_21(float(share)) for share in shares]
    control, adapted = (list(np.moveaxis(values[..., i], 2, 0)) for i in range(2))
    return tuning_of(control, adapted, s, [uniform(size)] * count, biased, preferred=[theta] * count)


@dataclass(frozen=True, eq=False)
class RecordedAdaptation:
    """What adaptation did, over recordings or neurons.

    Attributes:
        reports: one a recording.
        names: of the recordings.
        estimates: name of a measure -> value with its interval.
        over: what the intervals are over: ``recordings`` or ``neurons``.
    """

    reports: tuple[AdaptationReport, ...]
    names: tuple[str, ...]
    estimates: dict[str, stats.Estimate]
    over: str

    def to_frame(self) -> Any:
        """One row a neuron and recording."""
        import pandas as pd

        frames = [
            report.to_frame().assign(recording=name) for name, report in zip(self.names, self.reports, strict=True)
        ]
        return pd.concat(frames, ignore_index=True)


def measure_recordings(tuning: Tuning, *, resamples: int = 2000, seed: int = 0) -> RecordedAdaptation:
    """Measures of adaptation with 95 % intervals.

    With several recordings the measures of each are averaged (Student's t); with a single one its neurons are
    resampled (bootstrap), which says how much the measures depend on the cells that were found, not on the animal.

    Measures: mean largest and mean smallest response, adapted over control, of neurons near and far from the adapter
    (ratios of means: single minima near 0 would swamp a mean of ratios); mean repulsion (in units of the stimulus),
    share of the bias of mean responses that is removed (percent), and the change of the covariance's distance and of
    the flank pair's correlation (over recordings only).

    Raises:
        ValueError: a single recording with fewer than 3 neurons.
    """
    reports = tuple(
        measure_adaptation(
            r.control, r.adapted, r.preferred, tuning.stimuli, r.p0, r.p1, adapter=tuning.adapter, period=tuning.period
        )
        for r in tuning.recordings
    )
    names = tuple(recording.name for recording in tuning.recordings)
    if len(reports) > 1:
        rows = [_measures(report) for report in reports]
        columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        found = {name: stats.mean_interval(c) for name, c in columns.items() if np.isfinite(c).all()}
        return RecordedAdaptation(reports, names, found, "recordings")
    return RecordedAdaptation(reports, names, _over_neurons(reports[0], resamples, seed), "neurons")


def _extremes(report: AdaptationReport) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Largest and smallest response of each neuron, control and adapted."""
    before, after = report.curves
    return {"amp": (before.max(axis=1), after.max(axis=1)), "min": (before.min(axis=1), after.min(axis=1))}


def _near_and_far(report: AdaptationReport) -> tuple[np.ndarray, np.ndarray]:
    away = np.abs(difference(report.preferred, report.adapter, report.period))
    span = report.period if report.period is not None else float(np.ptp(report.stimuli))
    return away <= NEAR * span, away >= 3 * NEAR * span


def _measures(report: AdaptationReport) -> dict[str, float]:
    near, far = _near_and_far(report)

    extremes = _extremes(report)

    def ratio(name: str, kept: np.ndarray) -> float:
        before, after = extremes[name]
        return float(after[kept].sum() / before[kept].sum()) if before[kept].sum() > 0 else float("nan")

    return {
        "amp_ratio_near": ratio("amp", near),
        "amp_ratio_far": ratio("amp", far),
        "min_ratio_near": ratio("min", near),
        "min_ratio_far": ratio("min", far),
        "repulsion": float(report.repulsion.mean()),
        "cv_removed_percent": report.cv_removed,
        "covdist_change": float(report.covdist[2] - report.covdist[1]),
        "flank_correlation_change": float(report.flank_correlation[2] - report.flank_correlation[1]),
    }


def _over_neurons(report: AdaptationReport, resamples: int, seed: int) -> dict[str, stats.Estimate]:
    near, far = _near_and_far(report)
    if report.preferred.size < 3:
        raise ValueError(
            f"a single recording must have at least 3 neurons for intervals over neurons, got {report.preferred.size}"
        )
    options: dict[str, Any] = {"resamples": resamples, "seed": seed}
    ratio: Callable[..., float] = lambda before, after: after.sum() / before.sum()  # noqa: E731
    found = {}
    for name, (before, after) in _extremes(report).items():
        for where, kept in (("near", near), ("far", far)):
            if kept.sum() > 1 and before[kept].min() > 0:
                pair = (before[kept], after[kept])
                found[f"{name}_ratio_{where}"] = stats.bootstrap(pair, ratio, paired=True, **options)
    found["repulsion"] = stats.bootstrap(report.repulsion, np.mean, **options)
    _, unadapted, adapted = report.means
    removed: Callable[..., float] = lambda a, b: 100 * (1 - variation(b) / variation(a))  # noqa: E731
    if variation(unadapted) > 0:
        found["cv_removed_percent"] = stats.bootstrap((unadapted, adapted), removed, paired=True, **options)
    return found
