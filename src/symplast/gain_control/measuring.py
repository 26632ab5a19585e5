"""What the experiments measure: the five effects of a report, random settings, random whitening problems."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Key

from symplast.gain_control.adaptation import AdaptationReport, measure_adaptation
from symplast.gain_control.circuit import GainCircuit
from symplast.gain_control.cost import CodingCost
from symplast.gain_control.ensembles import biased_box, uniform
from symplast.gain_control.frames import grassmannian, random_unit
from symplast.gain_control.optimum import optimal_gains
from symplast.gain_control.population import OrientationPopulation, VonMisesKernel
from symplast.gain_control.whitening import course
from symplast.learning.compiling import lightly
from symplast.learning.host_random import generator

EFFECTS = ("gc1", "gc2", "gc3", "gc4", "gc5")
"""Smaller maxima, smaller minima, repulsion, equal means, independence."""

CHOSEN = 0.35
"""The adapter's probability where only one is shown."""

AT_ONCE = 50
"""Settings solved side by side."""


def effect_numbers(report: AdaptationReport) -> dict[str, float]:
    """The quantities that the claims on the five effects read."""
    at, far = report.at_adapter, report.far
    return {
        "amp_at_0": float(report.amp_ratio[at]),
        "amp_at_90": float(report.amp_ratio[far]),
        "min_at_0": float(report.min_ratio[at]),
        "min_at_90": float(report.min_ratio[far]),
        "repulsion_max": float(report.repulsion.max()),
        "repulsion_min": float(report.repulsion.min()),
        "cv_removed": report.cv_removed,
        "cv_change": float(report.cv[2] - report.cv[1]),
        "covdist_change": float(report.covdist[2] - report.covdist[1]),
        "flank_corr_change": float(report.flank_correlation[2] - report.flank_correlation[1]),
    }


def effects_hold(report: AdaptationReport) -> dict[str, bool]:
    """Which effects hold by the rules of the claims, and whether the flank pair ends nearer its uniform value
    (alone, and together with the fifth effect).
    """
    found = effect_numbers(report)
    holds = {
        "gc1": found["amp_at_0"] <= 0.95 and found["amp_at_90"] > found["amp_at_0"],
        "gc2": found["min_at_0"] <= 0.95 and found["min_at_90"] > found["min_at_0"],
        "gc3": found["repulsion_max"] >= 0.1 and found["repulsion_min"] >= -0.05,
        "gc4": found["cv_removed"] >= 30,
        "gc5": found["covdist_change"] <= 0 and found["flank_corr_change"] <= 0,
    }
    uniform_, unadapted, adapted = report.flank_correlation
    nearer = abs(adapted - uniform_) < abs(unadapted - uniform_)
    both = bool(nearer and holds["gc5"])
    return {**holds, "all_five": all(holds.values()), "flank_nearer": bool(nearer), "strictly_independent": both}


def adapted_reports(
    circuit: GainCircuit, population: OrientationPopulation, ensembles: np.ndarray, gains: np.ndarray
) -> list[AdaptationReport]:
    """A report for each ensemble after the first, which is the control condition."""
    R = [np.asarray(circuit.responses(g)) for g in gains]
    return [
        measure_adaptation(R[0], adapted, population.preferred, population.stimuli, ensembles[0], p)
        for adapted, p in zip(R[1:], ensembles[1:], strict=True)
    ]


def draw_settings(count: int) -> np.ndarray:
    """(count, 5) settings kappa_f, w_e, kappa_e, alpha, gamma from the ranges of the claims, always the same draws."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(count):
        kappa_f, w_e, kappa_e = rng.uniform(2, 6), rng.uniform(0.3, 0.75), rng.uniform(2, 8)
        alpha, gamma = np.exp(rng.uniform(0, np.log(6))), np.exp(rng.uniform(np.log(0.3), np.log(6)))
        rows.append([kappa_f, w_e, kappa_e, alpha, gamma])
    return np.array(rows)


def reports_of_settings(rows: np.ndarray, neurons: int, stimuli: int) -> list[AdaptationReport]:
    """A report for each setting: all are solved in one program."""
    population = OrientationPopulation(neurons, stimuli)
    p0, p1 = uniform(stimuli), biased_box(population.stimuli, CHOSEN)
    control, adapted = map(np.asarray, _solve_settings(rows, np.stack([p0, p1]), neurons, stimuli))
    return [
        measure_adaptation(R0, R1, population.preferred, population.stimuli, p0, p1)
        for R0, R1 in zip(control, adapted, strict=True)
    ]


@lightly
def _solve_settings(
    rows: Float[Array, "settings 5"], ensembles: Float[Array, "2 stimuli"], neurons: int, stimuli: int
) -> tuple[Array, Array]:
    def one(row: Float[Array, "5"]) -> tuple[Array, Array]:
        kappa_f, w_e, kappa_e, alpha, gamma = row
        circuit = OrientationPopulation(neurons, stimuli, kappa_f, kernel=VonMisesKernel(w_e, kappa_e)).circuit()
        g = optimal_gains(circuit, ensembles, CodingCost(alpha, gamma)).g
        return circuit.responses(g[0]), circuit.responses(g[1])

    return jax.lax.map(one, rows, batch_size=AT_ONCE)


def random_covariance(n: int, key: Key[Array, ""], low: float, high: float) -> np.ndarray:
    """``Q diag(exp U[ln low, ln high]) Q^T`` with a random rotation Q."""
    rng = generator(key)
    Q, R = np.linalg.qr(rng.standard_normal((n, n)))
    Q = Q * np.sign(np.diag(R))
    return np.asarray((Q * np.exp(rng.uniform(np.log(low), np.log(high), n))) @ Q.T)


@lightly
def courses(W: Any, nonneg: Any, g: Any, Cxx: Any, eta: Any, steps: int) -> tuple[Array, Array]:
    """Offline whitening of many problems side by side, leak 1: last gains, and errors before each update."""
    return jax.vmap(lambda frame, first, C: course(frame, 1.0, nonneg, first, C, eta, steps))(W, g, Cxx)


def nonnegative_problems(sizes: Sequence[int], each: int, key: Key[Array, ""], steps: int) -> dict[str, np.ndarray]:
    """Random whitening problems with gains that can't be negative: what the fixed points are like."""
    rows: dict[str, list[Any]] = {"trace": [], "eigenvalue": [], "above": [], "off": [], "growth": []}
    for n in sizes:
        keys = [jax.random.fold_in(jax.random.fold_in(key, n), i) for i in range(each)]
        W = np.array([random_unit(n, key=jax.random.fold_in(k, 1)) for k in keys])
        C = np.array([random_covariance(n, jax.random.fold_in(k, 2), 0.01, 5.0) for k in keys])
        g = np.asarray(courses(W, np.array(True), np.zeros(W.shape[::2]), C, np.array(0.1), steps)[0])
        T = np.linalg.inv(np.eye(n) + (W * g[:, None]) @ W.swapaxes(1, 2))
        Cyy = T @ C @ T
        variances = np.einsum("sik,sij,sjk->sk", W, Cyy, W)
        rows["trace"] += list(np.trace(Cyy, axis1=1, axis2=2) / np.trace(C, axis1=1, axis2=2))
        rows["eigenvalue"] += list(np.linalg.eigvalsh(Cyy)[:, -1] / np.linalg.eigvalsh(C)[:, -1])
        rows["above"] += list((variances - 1).max(axis=1))
        rows["off"] += list(np.abs(np.where(g > 0, variances - 1, 0)).max(axis=1))
        rows["growth"] += list((variances / np.einsum("sik,sij,sjk->sk", W, C, W)).max(axis=1))
    return {name: np.array(values) for name, values in rows.items()}


def steps_by_frame(n: int, seeds: int, key: Key[Array, ""], eta: float, steps: int, goal: float) -> np.ndarray:
    """(2, seeds) updates until the error is below the goal, with random and with Grassmannian frames."""
    keys = [jax.random.fold_in(jax.random.fold_in(key, n), i) for i in range(seeds)]
    C = np.array([random_covariance(n, jax.random.fold_in(k, 2), 1.0, 4.0) for k in keys])
    kinds = [
        np.array([random_unit(n, key=jax.random.fold_in(k, 1)) for k in keys]),
        np.array([grassmannian(n, key=jax.random.fold_in(k, 3)) for k in keys]),
    ]
    found = []
    for W in kinds:
        errors = np.asarray(courses(W, np.array(False), np.ones(W.shape[::2]), C, np.array(eta), steps)[1])
        below = errors < goal
        found.append(np.where(below.any(axis=1), below.argmax(axis=1), steps))
    return np.array(found)
