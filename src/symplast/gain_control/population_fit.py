"""The default population fitted to recorded curves: does the change by adaptation need recurrence?"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from symplast import stats
from symplast.gain_control.circle import difference, grid
from symplast.gain_control.circuit import GainCircuit
from symplast.gain_control.cost import CodingCost
from symplast.gain_control.measures import normalised_tuning
from symplast.gain_control.optimum import optimal_gains
from symplast.gain_control.population import VonMisesKernel, tuned_drive
from symplast.gain_control.recordings import Tuning
from symplast.gain_control.separable import separable_gain_fit
from symplast.learning.compiling import lightly
from symplast.on_use import least_squares
from symplast.stats.arguments import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = ("kappa_f", "b", "w_e", "kappa_e", "alpha", "gamma")
"""Concentration and baseline of the drive, weight and concentration of recurrence, price of activity, pull to rest."""

LOW = np.array([0.2, 0.002, 0.005, 0.2, 0.01, 0.01])
HIGH = np.array([40.0, 0.8, 0.94, 40.0, 200.0, 200.0])
STARTS = np.array([[4, 0.05, 0.5, 6, 2, 1], [4, 0.1, 0.7, 6, 5, 5], [2, 0.05, 0.2, 2, 1, 0.5]])
SHARES = np.array([False, True, True, False, False, False])
"""Parameters that lie in (0, 1): fitted as logits, the others as logarithms."""

W_E = NAMES.index("w_e")
FEW_RECORDINGS = 5
"""With fewer recordings neurons are resampled."""

FINE, ROUGH = 1e-10, 1e-6
"""Tolerances of the fit, and of its repetitions on resamples."""

LOOSE = 1.5
"""A parameter whose interval spans more than this factor is called not identified."""


@dataclass(frozen=True, eq=False)
class PopulationFit:
    """The model's parameters, and how well it and its rivals explain the adapted curves.

    Models: ``recurrent`` (the population), ``without_recurrence`` (the same with W = 0), ``separable`` (a factor of
    each neuron times one of each stimulus on the measured control curves; missing where responses are not above 0)
    and ``no_change`` (the measured control curves).

    Attributes:
        params: name -> value.
        intervals: name -> 95 % percentile interval of the bootstrap.
        explained: model -> share of the variance of the adapted curves.
        explained_change: model -> share of the change (about zero) by adaptation.
        gain: explained share of the change, less that without recurrence, on recordings or neurons that were not
            fitted (those that a resample leaves out), with its interval: on the fitted ones two more parameters would
            always explain more.
        not_identified: parameters whose interval spans more than a factor of 1.5.
        sloppiest: parameter -> part in the combination of log parameters that the curves determine least.
        over: what was resampled.
        curves: ``control`` and ``adapted``: measured and fitted normalised curves, rows of all recordings.
        preferred: (rows,) preferred stimuli.
        stimuli: (S,).
    """

    params: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    explained: dict[str, float]
    explained_change: dict[str, float]
    gain: stats.Estimate
    not_identified: tuple[str, ...]
    sloppiest: dict[str, float]
    over: str
    curves: dict[str, tuple[np.ndarray, np.ndarray]] = field(repr=False)
    preferred: np.ndarray = field(repr=False)
    stimuli: np.ndarray = field(repr=False)

    @property
    def without_recurrence(self) -> tuple[float, float]:
        """Explained shares of the adapted curves and of the change with W = 0."""
        return self.explained["without_recurrence"], self.explained_change["without_recurrence"]

    @property
    def separable(self) -> tuple[float, float] | None:
        """The same for a factor of each neuron times one of each stimulus."""
        if "separable" not in self.explained:
            return None
        return self.explained["separable"], self.explained_change["separable"]

    @property
    def says(self) -> tuple[str, ...]:
        """What may be concluded, in words."""
        low, high = self.gain.interval
        if low > 0:
            first = "recurrence explains more of the change than gains alone do"
        elif high < 0:
            first = "gains alone explain more of the change than the recurrent model does"
        else:
            first = "these curves don't tell whether recurrence is needed"
        told = [
            f"{first}: on {self.over} that were not fitted the explained share of the change is higher by "
            f"{self.gain.value:.3g} [{low:.3g}, {high:.3g}]"
        ]
        if self.not_identified:
            parts = ", ".join(f"{name} ({part:+.2f})" for name, part in self.sloppiest.items() if abs(part) >= 0.2)
            told.append(
                f"not identified: {', '.join(self.not_identified)} - other values fit as well (along {parts} of the "
                "log parameters the curves hardly change); read the predicted change, not these values"
            )
        told.append(
            "intervals hold given this model: they don't cover another kernel, another place of the gain or other "
            "terms of the objective"
        )
        return tuple(told)

    def plot(self) -> "Figure":
        """Measured and fitted curves before and after, and what each model explains."""
        from symplast.gain_control.own_figures import fit_figure

        return fit_figure(self)


class _Rows:
    """Normalised curves of all recordings, a neuron a row, and what the model needs to predict them."""

    def __init__(self, tuning: Tuning, n_grid: int):
        if tuning.period is None:
            raise ValueError("period must be a number to fit the population, whose neurons lie on a circle")
        self.period = tuning.period
        pairs = [normalised_tuning(r.control, r.adapted) for r in tuning.recordings]
        self.control = np.concatenate([control for control, _ in pairs])
        self.adapted = np.concatenate([adapted for _, adapted in pairs])
        self.owner = np.concatenate([np.full(len(c), i) for i, (c, _) in enumerate(pairs)])
        self.preferred = difference(
            np.concatenate([r.preferred for r in tuning.recordings]), tuning.adapter, tuning.period
        )
        self.stimuli = difference(tuning.stimuli, tuning.adapter, tuning.period)
        self.ensembles = np.array([r.p0 for r in tuning.recordings] + [r.p1 for r in tuning.recordings])
        self.theta = grid(n_grid, tuning.period)

    def predicted(self, params: np.ndarray, recurrent: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Control and adapted curves at these parameters, and both derived by the fitted numbers."""
        with jax.enable_x64(True):
            x = to_free(params)
            found = _curves(
                x, np.array(float(recurrent)), self.theta, self.preferred, self.stimuli, self.ensembles, self.owner,
                self.control, self.adapted, self.period,
            )  # fmt: skip
            (control, adapted), slopes = jax.tree.map(np.asarray, found)
        return control, adapted, np.concatenate(slopes)

    def fit(
        self, weights: np.ndarray, starts: Sequence[np.ndarray], recurrent: bool, tolerance: float = FINE
    ) -> tuple[np.ndarray, Any]:
        """Bounded least squares from several starts; the best parameters and their curves."""
        free = np.ones(len(NAMES), dtype=bool) if recurrent else ~np.isin(NAMES, ("w_e", "kappa_e"))
        root = np.sqrt(np.concatenate([weights, weights]))[:, None]
        target = np.concatenate([self.control, self.adapted])
        low, high = to_free(LOW)[free], to_free(HIGH)[free]
        memory: dict[bytes, Any] = {}

        def look(part: np.ndarray, base: np.ndarray) -> Any:
            if (key := part.tobytes()) not in memory:
                memory.clear()
                x = base.copy()
                x[free] = part
                control, adapted, slopes = self.predicted(to_params(x), recurrent)
                residual = root * (np.concatenate([control, adapted]) - target)
                memory[key] = residual.ravel(), (root[..., None] * slopes[..., free]).reshape(residual.size, -1)
            return memory[key]

        best = None
        for start in starts:
            base = to_free(np.clip(start, 1.001 * LOW, 0.999 * HIGH))
            found = least_squares(
                lambda part, base=base: look(part, base)[0], base[free], lambda part, base=base: look(part, base)[1],
                bounds=(low, high), xtol=tolerance, ftol=tolerance, gtol=tolerance, max_nfev=200,
            )  # fmt: skip
            if best is None or found.cost < best[0]:
                x = base.copy()
                x[free] = found.x
                best = (found.cost, to_params(x))
        assert best is not None
        return best[1], self.predicted(best[1], recurrent)

    def shares(self, weights: np.ndarray, control: np.ndarray, adapted: np.ndarray) -> tuple[float, float]:
        """Explained shares of the adapted curves and of the change."""
        w = weights[:, None]
        middle = (w * self.adapted).sum() / (w * np.ones_like(self.adapted)).sum()
        left = (w * (self.adapted - adapted) ** 2).sum() / (w * (self.adapted - middle) ** 2).sum()
        change = self.adapted - self.control
        missed = (w * (change - (adapted - control)) ** 2).sum() / max((w * change**2).sum(), 1e-300)
        return float(1 - left), float(1 - missed)


def fit_population(
    tuning: Tuning,
    *,
    n_grid: int = 48,
    resamples: int = 100,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> PopulationFit:
    """Fit the default population to curves recorded before and after adaptation, with and without recurrence.

    A population of ``n_grid`` neurons with gains at their optimum for each ensemble predicts the curves of neurons at
    the recorded preferences, each up to an offset and a scale of its own (common to both conditions). Its six
    parameters are fitted to both sets of curves by bounded least squares (logarithms and logits, three starts). The
    bootstrap refits both models to resampled recordings, or neurons where recordings are few.

    Args:
        tuning: the curves.
        n_grid: neurons of the model.
        resamples: of the bootstrap.
        seed: of the resampling.
        progress: called with resamples done and in all.

    Raises:
        ValueError: stimuli that don't wrap, or a flat control curve.
    """
    rows = _Rows(tuning, check_count(n_grid, "n_grid", 8))
    count = check_count(resamples, "resamples", 2)
    ones = np.ones(len(rows.control))
    params, fitted = rows.fit(ones, list(STARTS), True)
    alone, bare = rows.fit(ones, list(STARTS), False)
    explained: dict[str, float] = {}
    change: dict[str, float] = {}
    predictions = {"recurrent": fitted[:2], "without_recurrence": bare[:2], "no_change": (rows.control, rows.control)}
    separable = _separable(tuning)
    if separable is not None:
        predictions["separable"] = (rows.control, separable)
    for name, (control, adapted) in predictions.items():
        explained[name], change[name] = rows.shares(ones, control, adapted)
    n_recordings = len(tuning.recordings)
    over = "recordings" if n_recordings >= FEW_RECORDINGS else "neurons"
    rng = np.random.default_rng(seed)
    drawn, gains = [], []
    for i in range(count):
        units = n_recordings if over == "recordings" else len(ones)
        times = np.bincount(rng.integers(0, units, units), minlength=units).astype(float)
        weights = times[rows.owner] if over == "recordings" else times
        own, own_curves = rows.fit(weights, [params], True, ROUGH)
        _, other_curves = rows.fit(weights, [alone], False, ROUGH)
        drawn.append(own)
        left_out = (weights == 0).astype(float)
        if left_out.any():
            gains.append(rows.shares(left_out, *own_curves[:2])[1] - rows.shares(left_out, *other_curves[:2])[1])
        if progress is not None:
            progress(i + 1, count)
    ends = np.percentile(drawn, [2.5, 97.5], axis=0)
    low, high = np.percentile(gains, [2.5, 97.5])
    gain = stats.Estimate(
        float(np.mean(gains)), float(low), float(high), 0.95,
        n_recordings if over == "recordings" else len(ones), "out of bag, percentile",
    )  # fmt: skip
    slopes = fitted[2].reshape(-1, len(NAMES))
    weakest = np.linalg.svd(slopes, full_matrices=False)[2][-1]
    if ((params <= 1.01 * LOW) | (params >= 0.99 * HIGH)).any():
        edge = [n for n, p, a, b in zip(NAMES, params, LOW, HIGH, strict=True) if p <= 1.01 * a or p >= 0.99 * b]
        warnings.warn(f"fitted at the end of its range: {', '.join(edge)}", stacklevel=2)
    return PopulationFit(
        dict(zip(NAMES, map(float, params), strict=True)),
        {name: (float(a), float(b)) for name, a, b in zip(NAMES, *ends, strict=True)},
        explained,
        change,
        gain,
        tuple(name for name, a, b in zip(NAMES, *ends, strict=True) if b > LOOSE * a),
        dict(zip(NAMES, map(float, weakest), strict=True)),
        over,
        {"control": (rows.control, fitted[0]), "adapted": (rows.adapted, fitted[1])},
        rows.preferred,
        rows.stimuli,
    )


def _separable(tuning: Tuning) -> np.ndarray | None:
    """Normalised adapted curves by factors of neurons and stimuli; None where responses are not above 0."""
    found = []
    for r in tuning.recordings:
        if min(r.control.min(), r.adapted.min()) <= 0:
            return None
        fit = separable_gain_fit(r.control, r.adapted)
        found.append(normalised_tuning(r.control, r.control * np.outer(fit.a, fit.b))[1])
    return np.concatenate(found)


def to_free(params: np.ndarray) -> np.ndarray:
    """Parameters as logarithms and logits."""
    params = np.asarray(params, dtype=float)
    return np.where(SHARES, np.log(params) - np.log1p(-np.where(SHARES, params, 0.0)), np.log(params))


def to_params(x: np.ndarray) -> np.ndarray:
    """The inverse of :func:`to_free`.

    Example:
        >>> to_params(to_free(STARTS[0])).round(6).tolist()
        [4.0, 0.05, 0.5, 6.0, 2.0, 1.0]
    """
    return np.where(SHARES, 1 / (1 + np.exp(-x)), np.exp(np.where(SHARES, 0.0, x)))


@lightly
def _curves(
    x: Float[Array, "6"],
    recurrent: Float[Array, ""],
    theta: Float[Array, " grid"],
    preferred: Float[Array, " rows"],
    stimuli: Float[Array, " stimuli"],
    ensembles: Float[Array, "ensembles stimuli"],
    owner: Int[Array, " rows"],
    control: Float[Array, "rows stimuli"],
    adapted: Float[Array, "rows stimuli"],
    period: float,
) -> Any:
    """Control and adapted curves of neurons at the preferences, and their derivatives by x (last axis).

    Each neuron has an offset and a scale of its own, common to both curves, solved by least squares on the spot: to
    normalise noisy curves by their own minimum and range would bias everything else.
    """
    measured = jnp.concatenate([control, adapted], axis=1)

    def curves(x: Array) -> tuple[Array, Array]:
        kappa_f, b, w_e, kappa_e, alpha, gamma = jnp.where(SHARES, jax.nn.sigmoid(x), jnp.exp(x))
        kernel = VonMisesKernel(w_e * recurrent, kappa_e)
        drive = tuned_drive(theta, stimuli, kappa_f, b, period)
        circuit = GainCircuit(drive, kernel.weights(theta, period=period))
        g = optimal_gains(circuit, ensembles, CodingCost(alpha, gamma)).g  # [ensemble, grid]
        r = jax.vmap(circuit.responses)(g)
        # a neuron between those of the grid: gain by interpolation, recurrent input by its own weights
        place = (preferred - theta[0]) / (theta[1] - theta[0])
        left = jnp.floor(place).astype(int)
        share = place - left
        own = (1 - share) * g[:, left % theta.size] + share * g[:, (left + 1) % theta.size]  # [ensemble, row]
        f, w = tuned_drive(preferred, stimuli, kappa_f, b, period), kernel.weights(preferred, theta, period)
        count = ensembles.shape[0] // 2
        found = []
        for ensemble in (owner, owner + count):
            gains = own[ensemble, jnp.arange(owner.size)]
            found.append(gains[:, None] * f + jnp.einsum("in,ins->is", w, r[ensemble]))
        model = jnp.concatenate(found, axis=1)
        away = model - model.mean(axis=1, keepdims=True)
        scale = (away * measured).sum(axis=1, keepdims=True) / (away**2).sum(axis=1, keepdims=True)
        fitted = measured.mean(axis=1, keepdims=True) + scale * away
        return fitted[:, : stimuli.size], fitted[:, stimuli.size :]

    return curves(x), jax.jacfwd(curves)(x)
