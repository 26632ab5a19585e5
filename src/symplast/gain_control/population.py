"""Populations tuned to a feature such as orientation: drive, recurrent weights, and the two presets."""

from typing import Any, NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from symplast.gain_control.arguments import check_number, numbers_by
from symplast.gain_control.circle import PERIOD, check_period, grid
from symplast.gain_control.circuit import GainCircuit
from symplast.gain_control.cost import CodingCost

Numbers = Float[Array, "..."] | np.ndarray


def von_mises(distance: Any, kappa: Any, period: float = PERIOD) -> Any:
    """``exp(kappa (cos(2 pi d / period) - 1))``: 1 at distance 0; flat where kappa is 0.

    Example:
        >>> von_mises(np.array([0.0, 45.0, 90.0]), 1.0).round(4).tolist()
        [1.0, 0.3679, 0.1353]
    """
    xp = numbers_by(distance, kappa)
    return xp.exp(kappa * (xp.cos(2 * np.pi / period * distance) - 1))


class VonMisesKernel(eqx.Module):
    """Recurrent weights by distance of preferences: excitation less inhibition, each with rows that sum to its weight.

    ``W_ij = w_e v(theta_i - theta_j; kappa_e) / Z_e - w_i v(theta_i - theta_j; kappa_i) / Z_i``

    Attributes:
        w_e: weight of excitation; its row sum.
        kappa_e: its concentration; 0 is flat.
        w_i: weight of inhibition.
        kappa_i: its concentration.

    Example:
        >>> W = VonMisesKernel(0.5, 6.0).weights(grid(8))
        >>> W.sum(axis=1).round(6).tolist()
        [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    """

    w_e: Any = 0.5
    kappa_e: Any = 6.0
    w_i: Any = 0.0
    kappa_i: Any = 0.0

    def __check_init__(self) -> None:
        for name in ("w_e", "kappa_e", "w_i", "kappa_i"):
            check_number(getattr(self, name), name)

    def weights(self, preferred: Any, others: Any = None, period: float = PERIOD) -> Any:
        """Weights onto neurons with these preferences, from ``others`` (default: from each other)."""
        theta = preferred if others is None else others
        distance = preferred[:, None] - theta[None, :]
        total = 0.0
        for weight, kappa, sign in ((self.w_e, self.kappa_e, 1), (self.w_i, self.kappa_i, -1)):
            v = von_mises(distance, kappa, period)
            total = total + sign * weight * v / v.sum(axis=1, keepdims=True)
        return total


def tuned_drive(preferred: Any, stimuli: Any, kappa: Any, baseline: Any, period: float = PERIOD) -> Any:
    """Feed-forward drive ``F_im = b + (1 - b) v(s_m - theta_i; kappa_f)``, (neurons, stimuli)."""
    return baseline + (1 - baseline) * von_mises(stimuli[None, :] - preferred[:, None], kappa, period)


class OrientationPopulation(eqx.Module):
    """A population on a grid of preferences, and a grid of stimuli.

    Attributes:
        preferred: (N,) preferred positions, degrees in [-90, 90) for orientation.
        stimuli: (S,) positions of the stimuli.
        drive: (N, S) feed-forward drive.
        weights: (N, N) recurrent weights.
        period: of the feature.

    Example:
        >>> pop = OrientationPopulation(n=5, n_stimuli=9)
        >>> pop.preferred.tolist(), pop.drive.shape
        ([-72.0, -36.0, 0.0, 36.0, 72.0], (5, 9))
    """

    preferred: Numbers
    stimuli: Numbers
    drive: Numbers
    weights: Numbers
    period: float = eqx.field(static=True)

    def __init__(
        self,
        n: int = 91,
        n_stimuli: int = 181,
        kappa_f: Any = 4.0,
        baseline: Any = 0.05,
        kernel: VonMisesKernel | None = None,
        period: float = PERIOD,
    ):
        """Lay out the population.

        Args:
            n: neurons.
            n_stimuli: stimuli.
            kappa_f: concentration of the drive.
            baseline: drive far from the preference, over that at it; in [0, 1).
            kernel: of the recurrent weights.
            period: of the feature.

        Raises:
            ValueError: a setting out of range.
        """
        self.period = check_period(period) or PERIOD
        kappa_f, baseline = check_number(kappa_f, "kappa_f"), check_number(baseline, "baseline")
        if isinstance(baseline, float) and baseline >= 1:
            raise ValueError(f"baseline must lie in [0, 1), got {baseline:g}")
        self.preferred, self.stimuli = grid(n, self.period), grid(n_stimuli, self.period)
        self.drive = tuned_drive(self.preferred, self.stimuli, kappa_f, baseline, self.period)
        self.weights = (kernel or VonMisesKernel()).weights(self.preferred, period=self.period)

    def circuit(self, **options: Any) -> GainCircuit:
        """The circuit with this drive and these weights; ``options`` as for :class:`GainCircuit`."""
        return GainCircuit(self.drive, self.weights, **options)


class Preset(NamedTuple):
    """A population's kernel and the cost of its code.

    Attributes:
        kernel: of the recurrent weights.
        cost: alpha and gamma.
    """

    kernel: VonMisesKernel
    cost: CodingCost


PRESETS: dict[str, Preset] = {
    "default": Preset(VonMisesKernel(0.5, 6.0), CodingCost(2.0, 1.0)),
    "strong": Preset(VonMisesKernel(0.7, 6.0), CodingCost(5.0, 5.0)),
}
"""Picked from a scan because the effects show there; ``strong`` repels more, and over-corrects."""


def preset(name: str, n: int = 91, n_stimuli: int = 181) -> tuple[OrientationPopulation, CodingCost]:
    """A preset's population and cost.

    Raises:
        ValueError: another name than ``default`` and ``strong``.
    """
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}")
    kernel, cost = PRESETS[name]
    return OrientationPopulation(n, n_stimuli, kernel=kernel), cost
