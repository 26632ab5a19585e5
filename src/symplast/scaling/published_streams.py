"""The random streams behind the published noise and efficiency studies, drawn in the published order."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from symplast.scaling.simulation import simulate_isoflop
from symplast.scaling.surfaces import SURFACES
from symplast.scaling.tables import RunTable

NOISE = (0.05, 0.1, 0.2)
NOISE_BUDGETS = (2, 3, 4)
NOISE_POINTS = (4, 8, 16, 32)
"""Noise study: asymmetric surface, budgets geomspace(1e17, 1e21), +-8x, drift to 3x."""

EFFICIENCY_NOISE = (0.01, 0.02, 0.05)
EFFICIENCY_WIDTHS = (2, 4, 8)
EFFICIENCY_POINTS = (21, 31, 41)
EFFICIENCY_BUDGETS = (3, 5, 7)
EFFICIENCY_TRIALS = 10
"""Efficiency study: symmetric surface, centred grids, budgets logspace(17, 21)."""


@dataclass(frozen=True)
class NoiseCase:
    """One data set of the noise study: its noise, repeat, runs, and the generator of the naive start."""

    sigma: float
    repeat: int
    runs: RunTable
    start: np.random.Generator


def noise_study(repeats: int) -> Iterator[NoiseCase]:
    """The data sets of the noise study: noise, then budgets, then repeats, then points.

    A fresh ``default_rng(42 + repeat)`` for each noise, number of budgets and repeat goes through 4, 8, 16 and 32
    points, drawing the losses' noise budget by budget; after each the naive start's generator is spawned.
    """
    surface = SURFACES["asymmetric"]
    for sigma in NOISE:
        for count in NOISE_BUDGETS:
            budgets = np.geomspace(1e17, 1e21, count)
            for repeat in range(repeats):
                rng = np.random.default_rng(42 + repeat)
                for points in NOISE_POINTS:
                    runs = simulate_isoflop(
                        surface, budgets, points, np.log10(8), drift=np.log10(3), noise_std=sigma, seed=rng
                    )
                    yield NoiseCase(sigma, repeat, runs, rng.spawn(1)[0])


@dataclass(frozen=True)
class EfficiencyDesign:
    """One design of the efficiency study with the losses of its trials."""

    sigma: float
    runs: RunTable
    losses: Float[np.ndarray, "trials runs"]


def efficiency_study(seed: int = 42) -> Iterator[EfficiencyDesign]:
    """The 81 designs of the efficiency study, 10 trials each: one ``default_rng(seed)`` through all.

    Nested loops, outermost first: noise, width, points, budgets, trials; noise drawn budget by budget.
    """
    rng = np.random.default_rng(seed)
    for sigma in EFFICIENCY_NOISE:
        for width in EFFICIENCY_WIDTHS:
            for points in EFFICIENCY_POINTS:
                for count in EFFICIENCY_BUDGETS:
                    runs = simulate_isoflop(SURFACES["symmetric"], np.logspace(17, 21, count), points, np.log10(width))
                    noise = rng.normal(0.0, sigma, (EFFICIENCY_TRIALS, count, points))
                    yield EfficiencyDesign(sigma, runs, runs.L + noise.reshape(EFFICIENCY_TRIALS, -1))
