"""What adaptation did to a population: everything that is reported of it, in one place."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symplast.gain_control.arguments import check_array, check_ensemble, check_number
from symplast.gain_control.circle import PERIOD, check_period, difference
from symplast.gain_control.measures import (
    correlations,
    half_widths,
    mean_and_covariance,
    preferences,
    variation,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SITUATIONS = ("uniform", "unadapted", "adapted")
"""Control gains under the first ensemble, the same under the second, adapted gains under the second."""


@dataclass(frozen=True, eq=False)
class AdaptationReport:
    """Tuning and statistics before and after adaptation.

    Per neuron, (N,): ``preferred`` (as given), ``preference0`` and ``preference1``, ``repulsion`` (away from the
    adapter is positive; 0 where the side is not defined), ``amp_ratio`` and ``min_ratio`` (largest and smallest
    response, adapted over control), ``width0`` and ``width1`` (interpolated), ``counted0`` and ``counted1`` (in whole
    samples).

    Per situation (control under the first ensemble, control under the second, adapted under the second):

    Attributes:
        means: (3, N) time-averaged responses.
        cv: (3,) their standard deviation over mean.
        covariances: (3, N, N) signal covariances.
        covdist: (3,) Frobenius distance to the first, over the first's norm.
        flank_correlation: (3,) of the neurons on either side of the adapter.
        mean_correlation: (3,) mean absolute correlation of pairs.
        variance_at: (3,) variance of the neuron at the adapter, over the first.
        flank_covariance: (3,) of the flank pair, over the first.
        at_adapter: index of the neuron nearest to the adapter.
        far: index of the neuron farthest from it.
        flanks: indices of the flank pair.
        curves: control and adapted responses.
        stimuli: their stimuli.
        ensembles: both ensembles.
        adapter: where it is.
        period: of the stimuli.
    """

    preferred: np.ndarray
    preference0: np.ndarray
    preference1: np.ndarray
    repulsion: np.ndarray
    amp_ratio: np.ndarray
    min_ratio: np.ndarray
    width0: np.ndarray
    width1: np.ndarray
    counted0: np.ndarray
    counted1: np.ndarray
    means: np.ndarray
    cv: np.ndarray
    covariances: np.ndarray
    covdist: np.ndarray
    flank_correlation: np.ndarray
    mean_correlation: np.ndarray
    variance_at: np.ndarray
    flank_covariance: np.ndarray
    at_adapter: int
    far: int
    flanks: tuple[int, int]
    curves: tuple[np.ndarray, np.ndarray]
    stimuli: np.ndarray
    ensembles: tuple[np.ndarray, np.ndarray]
    adapter: float
    period: float | None

    @property
    def cv_removed(self) -> float:
        """Share of the bias of mean responses that adaptation removes, in percent; NaN where there is none."""
        return 100 * (1 - float(self.cv[2] / self.cv[1])) if self.cv[1] > 0 else float("nan")

    def to_frame(self) -> "pd.DataFrame":
        """One row a neuron."""
        import pandas as pd

        names = ("preferred", "preference0", "preference1", "repulsion", "amp_ratio", "min_ratio", "width0", "width1",
                 "counted0", "counted1")  # fmt: skip
        frame = pd.DataFrame({name: getattr(self, name) for name in names})
        for name, mean in zip(SITUATIONS, self.means, strict=True):
            frame[f"mean_{name}"] = mean
        return frame

    def summary(self) -> dict[str, float]:
        """The population's numbers, by name."""
        found = {
            "amp_at_adapter": float(self.amp_ratio[self.at_adapter]),
            "amp_far": float(self.amp_ratio[self.far]),
            "min_at_adapter": float(self.min_ratio[self.at_adapter]),
            "min_far": float(self.min_ratio[self.far]),
            "repulsion_max": float(self.repulsion.max()),
            "repulsion_min": float(self.repulsion.min()),
            "repulsion_mean": float(self.repulsion.mean()),
            "cv_removed_percent": self.cv_removed,
        }
        for name in ("cv", "covdist", "flank_correlation", "mean_correlation"):
            for situation, value in zip(SITUATIONS, getattr(self, name), strict=True):
                found[f"{name}_{situation}"] = float(value)
        return found

    def plot(self) -> "Figure":
        """Tuning before and after, ratios and repulsion by preference, mean responses."""
        from symplast.gain_control.own_figures import adaptation_figure

        return adaptation_figure(self)


def measure_adaptation(
    R0: Any,
    R1: Any,
    prefs: Any,
    stim: Any,
    p0: Any,
    p1: Any,
    *,
    adapter: float = 0.0,
    period: float | None = PERIOD,
    flank: float | None = None,
) -> AdaptationReport:
    """Compare tuning before and after adaptation.

    Args:
        R0: (N, S) control responses.
        R1: (N, S) adapted responses.
        prefs: (N,) preferred stimuli, by which neurons are placed; None: those of the control curves.
        stim: (S,) stimuli in rising order, each once (both ends of an axis of orientation are one).
        p0: (S,) ensemble of the control condition.
        p1: (S,) ensemble of the adapted condition.
        adapter: the frequent stimulus.
        period: of the stimuli; None where they don't wrap.
        flank: distance of the flank pair from the adapter; None: a twelfth of the period (15 degrees) or of the range.

    Raises:
        ValueError: shapes that don't fit, numbers that are not finite, ensembles that don't sum to 1, stimuli out of
            order, or fewer than 5.

    Example:
        >>> from symplast.gain_control import biased_box, optimal_gains, preset, uniform
        >>> pop, cost = preset("default", 45, 91)
        >>> circuit, p0, p1 = pop.circuit(), uniform(91), biased_box(pop.stimuli, 0.35)
        >>> R0, R1 = (circuit.responses(optimal_gains(circuit, p, cost).g) for p in (p0, p1))
        >>> found = measure_adaptation(R0, R1, pop.preferred, pop.stimuli, p0, p1)
        >>> print(f"{found.amp_ratio[found.at_adapter]:.2f} {found.repulsion.max():.2f} {found.cv_removed:.0f}")
        0.75 0.64 58
    """
    R0, R1 = check_array(R0, "R0", "neurons, stimuli"), check_array(R1, "R1", "neurons, stimuli")
    s, period = check_array(stim, "stim", "stimuli"), check_period(period)
    n, size = R0.shape
    if R1.shape != R0.shape or s.size != size:
        raise ValueError(f"R0, R1 and stim must fit, got shapes {R0.shape}, {R1.shape} and {s.shape}")
    if size < 5 or (np.diff(s) <= 0).any():
        raise ValueError(f"stim must hold at least 5 stimuli in rising order, each once; got {size}")
    if period is not None and s[-1] - s[0] >= period * (1 - 1e-9):
        raise ValueError(
            f"stim must span less than its period {period:g}, since both ends are one stimulus; got {s[0]:g} to "
            f"{s[-1]:g}: average the ends, or give another period (None where nothing wraps)"
        )
    first, second = check_ensemble(p0, size, "p0"), check_ensemble(p1, size, "p1")
    before, after = preferences(R0, s, period), preferences(R1, s, period)
    theta = before if prefs is None else check_array(prefs, "prefs", "neurons")
    if theta.size != n:
        raise ValueError(f"prefs must have shape ({n},), as R0 has shape {R0.shape}; got {theta.shape}")
    middle = check_number(adapter, "adapter", -np.inf)
    away = difference(theta, middle, period)
    span = (s[-1] - s[0]) if period is None else period
    aside = span / 12 if flank is None else check_number(flank, "flank", above=True)
    flanks = tuple(int(np.abs(difference(away, side, period)).argmin()) for side in (aside, -aside))
    at, far = int(np.abs(away).argmin()), int(np.abs(away).argmax())
    stats = [mean_and_covariance(R, p) for R, p in ((R0, first), (R0, second), (R1, second))]
    means, covariances = np.array([mean for mean, _ in stats]), np.array([cov for _, cov in stats])
    whole = np.array([correlations(cov) for cov in covariances])
    norm = np.linalg.norm(covariances[0])
    pairs = ~np.eye(n, dtype=bool)
    widths = [half_widths(R, s, period) for R in (R0, R1)]
    edge = np.zeros(n, dtype=bool) if period is None else np.isclose(np.abs(away), period / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return AdaptationReport(
            theta, before, after,
            difference(after, before, period) * np.where(edge, 0.0, np.sign(away)),
            R1.max(axis=1) / R0.max(axis=1), R1.min(axis=1) / R0.min(axis=1),
            widths[0][0], widths[1][0], widths[0][1], widths[1][1],
            means, np.array([variation(mean) for mean in means]),
            covariances, np.linalg.norm(covariances - covariances[0], axis=(1, 2)) / norm,
            whole[:, flanks[0], flanks[1]],
            np.abs(whole[:, pairs]).mean(axis=1) if n > 1 else np.zeros(3),
            covariances[:, at, at] / covariances[0, at, at],
            covariances[:, flanks[0], flanks[1]] / covariances[0, flanks[0], flanks[1]],
            at, far, (flanks[0], flanks[1]), (R0, R1), s, (first, second), float(middle), period,
        )  # fmt: skip
