"""Published numbers: people's reaction times, and sums over the trials of the reference's models.

Sources: reaction times as the authors of arXiv:2106.02953 read them off the original publications (experiments 1, 2, 5
and 6) or their regression lines (3 and 4); no error bars exist. ``published_cells.csv`` has our sums over the
saccade counts of the public reference outputs (github.com/kreimanlab/VisualSearchAsymmetry, commit 2e41a9e) by model,
condition and set size; a target that was not found counts as the set size. Rows of ``chance`` and ``pixelMatch`` are
kept as published, which is shifted by one row.
"""

import csv
from functools import cache
from importlib.resources import files

import numpy as np

from symplast.visual_search.displays import EXPERIMENTS
from symplast.visual_search.reaction_times import BASE_MS, PER_SACCADE_MS, Cells

HUMAN_RT_MS: dict[str, dict[int, float]] = {
    "curve_in_lines": {8: 510.0, 16: 516.4, 32: 529.2},
    "line_in_curves": {8: 565.0, 16: 640.0, 32: 750.0},
    "top_down": {1: 426.6667, 6: 432.0, 12: 472.0},
    "left_right": {1: 488.0, 6: 674.6667, 12: 754.6667},
    "non_cross": {3: 645.0, 6: 780.0, 9: 915.0},
    "cross": {3: 829.0, 6: 1117.0, 9: 1405.0},
    "Ts": {3: 541.0, 6: 583.0, 9: 625.0},
    "Ls": {3: 573.0, 6: 672.0, 9: 771.0},
    "homo_t20": {1: 414.7368, 4: 437.8947, 8: 441.0526, 12: 444.2105},
    "homo_t0": {1: 431.5789, 4: 547.3684, 8: 552.6316, 12: 557.8947},
    "hetero_t0": {1: 431.5789, 4: 568.4211, 8: 633.6842, 12: 707.3684},
    "hetero_t20": {1: 526.3158, 4: 831.5789, 8: 1084.2105, 12: 1326.3158},
}
"""Condition -> set size -> mean reaction time of people, ms."""

INDICES: dict[str, float] = {
    "human": 0.5645, "eccNET": 0.5126, "IVSN": 0.3162, "eccNET_MNIST": 0.1851, "eccNET_0_0_1": 0.0839,
    "eccNET_noecc": 0.0525, "chance": -0.0033, "pixelMatch": -0.1775, "eccNET_Rot90": -0.4052,
    "eccNET_fisheye": -0.0273, "eccNET_lines": 0.1087, "eccNET_places365": 0.2128, "eccNET_places365_90": 0.6034,
}  # fmt: skip
"""Mean index over the six experiments. Human to Rot90 are printed by the authors; the last four are our arithmetic."""

MODELS = tuple(name for name in INDICES if name != "human")

MEDIAN_SACCADE_DEG = {
    "ObjArr": {"human_all": 9.62, "eccNET": 9.62, "IVSN": 16.66},
    "Waldo": {"human_all": 4.81, "eccNET": 4.89, "IVSN": 19.20},
    "NaturalDesign": {"human_all": 6.24, "eccNET": 5.71, "IVSN": 16.30},
}
"""Medians of saccade lengths in the natural-scene sets."""


def human_cells(condition: str) -> Cells:
    """People's mean reaction times of a condition; they come without trials or errors.

    Example:
        >>> round(human_cells("line_in_curves").slope, 6)
        7.589286
    """
    values = HUMAN_RT_MS[condition]
    k = len(values)
    return Cells(np.array(list(values)), np.ones(k, int), np.array(list(values.values())), np.zeros(k))


@cache
def _sums() -> dict[tuple[str, str], list[tuple[int, int, int, int, int]]]:
    found: dict[tuple[str, str], list[tuple[int, int, int, int, int]]] = {}
    with (files("symplast.visual_search") / "published_cells.csv").open(encoding="ascii") as file:
        for row in csv.DictReader(file):
            numbers = [int(row[name]) for name in ("set_size", "trials", "sum", "sum_squares", "not_found")]
            found.setdefault((row["model"], row["condition"]), []).append(tuple(numbers))  # type: ignore[arg-type]
    return found


def model_cells(model: str, condition: str) -> Cells:
    """Reaction times of a reference model in a condition.

    Example:
        >>> round(model_cells("eccNET", "Ls").slope, 1)
        99.3
    """
    sizes, n, total, squares, _ = (np.array(column) for column in zip(*_sums()[model, condition], strict=True))
    within = PER_SACCADE_MS**2 * np.maximum(squares - total**2 / n, 0.0)
    return Cells(sizes, n, BASE_MS + PER_SACCADE_MS * total / n, within, bool((total == n).all()))


def not_found(model: str, condition: str) -> int:
    """Trials of a reference model in which the target was not found.

    Example:
        >>> not_found("eccNET", "Ls")
        0
    """
    return sum(row[4] for row in _sums()[model, condition])


PAIRS = tuple((experiment.harder, experiment.easier) for experiment in EXPERIMENTS.values())
"""(harder, easier) conditions of the six experiments."""
