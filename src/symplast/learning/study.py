"""What composition shows: experiments that join the rules, transforms and devices of several rooms."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from symplast.lab import Config, Evidence, Study, evidence
from symplast.lab.claims import Scale
from symplast.learning.combination import Align, Combination, Measured

study = Study("learning")

DATA: Mapping[Scale, tuple[str, ...]] = {"quick": ("digits",), "full": ("mnist",)}
QUICK: dict[str, Any] = {
    "seeds": 3,
    "task": "digits",
    "hidden": [32],
    "optimiser": "adam:learning_rate=0.01",
    "epochs": 2,
}
FULL: dict[str, Any] = {
    "seeds": 5,
    "task": "mnist:train=10000,test=2000",
    "hidden": [64, 64],
    "optimiser": "adam:learning_rate=0.001",
    "epochs": 10,
}

RULES = [
    "backprop",
    "sign-symmetric",
    "kolen-pollack",
    "weight-mirror",
    "fa",
    "dfa",
    "rbp",
    "ep:homeostasis=1",
    "ep",
]
DEVICE = "device:levels=64,nonlinearity=2"
TRANSFORMS = [
    "none",
    "norm",
    "curl:fraction=0.1+norm",
    "device:levels=256",
    DEVICE,
    "curl:fraction=0.1+device:levels=256",
]


@study.experiment(
    quick={
        "seeds": 5,
        "rule": "backprop",
        "transform": "none",
        "task": "digits",
        "network": "auto",
        "hidden": [64],
        "optimiser": "adam",
        "epochs": 5,
        "batch_size": 50,
        "tests_per_epoch": 4,
        "criterion": 0.85,
        "parts": "",
    },
    on_demand=True,
)
def combination(config: Config, key: Any) -> Evidence:
    """One rule with one transform on one task, as ``symplast compare`` asks for it (``parts``: hash of their code)."""
    about_the_run = ("seed", "seeds", "parts")
    settings: dict[str, Any] = {name: value for name, value in config.items() if name not in about_the_run}
    found = Combination(**settings | {"hidden": tuple(config.hidden)}).measure(key, config.seeds)
    return evidence(
        score=(("seed",), found.score),
        score_before=(("seed",), found.score_before),
        loss=(("seed",), found.loss),
        backward_transfer=(("seed",), found.backward_transfer),
        updates_to_criterion=(("seed",), found.updates_to_criterion),
        alignment=(("seed", "layer"), _by_layer(found.alignment)),
        alignment_before=(("seed", "layer"), _by_layer(found.alignment_before)),
        unsettled=(("seed",), found.unsettled),
        curve=(("test", "seed"), found.curve),
        tested_at=(("test",), found.tested_at),
        coords={"layer": list(found.alignment)},
        units={"loss": "nats or squared error"},
    )


@study.experiment(
    quick=QUICK | {"rules": ["backprop", "ep"], "transforms": [TRANSFORMS[i] for i in (0, 4)]},
    full=FULL | {"epochs": 3, "rules": RULES, "transforms": TRANSFORMS},
    data=DATA,
)
def matrix(config: Config, key: Any) -> Evidence:
    """Every rule with every transform: test accuracy, and agreement of the rule with the gradient."""
    found = _grid(config, key, config.rules, config.transforms, align="end")
    return evidence(
        score=(("rule", "transform", "seed"), found.score),
        cost=(("rule", "transform", "seed"), found.score[:, :1] - found.score),
        alignment=(("rule", "transform", "seed"), found.alignment),
        unsettled=(("rule", "transform", "seed"), found.unsettled),
        coords={"rule": list(config.rules), "transform": list(config.transforms)},
        notes={"task": config.task},
    )


@study.experiment(quick=QUICK, full=FULL | {"seeds": 10}, data=DATA)
def homeostasis_in_devices(config: Config, key: Any) -> Evidence:
    """Equilibrium propagation from independent feedback weights, with and without homeostasis, in memory devices."""
    transforms = ["none", "device:levels=256", DEVICE]
    found = _grid(config, key, ["ep", "ep:homeostasis=1"], transforms, align="end")
    gain = found.score[1] - found.score[0]
    return evidence(
        score=(("rule", "device", "seed"), found.score),
        alignment=(("rule", "device", "seed"), found.alignment),
        unsettled=(("rule", "device", "seed"), found.unsettled),
        gain=(("device", "seed"), gain),
        gain_plain=(("seed",), gain[0]),
        gain_linear=(("seed",), gain[1]),
        gain_nonlinear=(("seed",), gain[2]),
        coords={"rule": ["no homeostasis", "homeostasis"], "device": ["no device", "256 levels", "64 levels, b = 2"]},
    )


@study.experiment(
    quick=QUICK | {"fractions": [0.0, 0.25, 0.5]},
    full=FULL | {"seeds": 10, "epochs": 3, "fractions": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]},
    data=DATA,
)
def flips_by_rule(config: Config, key: Any) -> Evidence:
    """Accuracy against the share of rule-flipped neurons, under backprop and equilibrium propagation on one network."""
    rules = {
        "recurrent backprop": "rbp",
        "EP with homeostasis": "ep:homeostasis=1",
        "EP": "ep",
        "backprop, feed-forward net": "backprop",
    }
    score = _grid(config, key, list(rules.values()), [f"curl:fraction={f}+norm" for f in config.fractions]).score
    tolerated = np.array([[_crossing(config.fractions, curve) for curve in by_rule.T] for by_rule in score])
    return evidence(
        score=(("rule", "fraction", "seed"), score),
        tolerated=(("rule", "seed"), tolerated),
        ep_less_backprop=(("seed",), tolerated[2] - tolerated[0]),
        homeostasis_less_backprop=(("seed",), tolerated[1] - tolerated[0]),
        coords={"rule": list(rules), "fraction": list(config.fractions)},
    )


@study.experiment(quick=QUICK, full=FULL | {"seeds": 10}, data=DATA)
def devices_and_asymmetry(config: Config, key: Any) -> Evidence:
    """What nonlinear devices cost equilibrium propagation that starts with symmetric or independent feedback."""
    angles = [0.0, 90.0]
    by_angle = [
        _grid(config, key, ["ep"], ["none", DEVICE], network=f"recurrent:angle={angle}").score for angle in angles
    ]
    score = np.concatenate(by_angle)
    cost = score[:, 0] - score[:, 1]
    return evidence(
        score=(("angle", "device", "seed"), score),
        cost=(("angle", "seed"), cost),
        interaction=(("seed",), cost[1] - cost[0]),
        coords={"angle": angles, "device": ["no device", "64 levels, b = 2"]},
    )


class Grid(NamedTuple):
    """Every rule with every transform, (rule, transform, seed); alignment is the mean over the hidden layers."""

    score: np.ndarray
    alignment: np.ndarray
    unsettled: np.ndarray


def _grid(
    config: Config,
    key: Any,
    rules: Sequence[str],
    transforms: Sequence[str],
    *,
    network: str = "auto",
    align: Align = "none",
) -> Grid:
    """Cell by cell; cells that differ only in numbers (share of flips, levels, angle ...) share compiled programs."""
    found = [[_measured(config, key, rule, transform, network, align) for transform in transforms] for rule in rules]
    hidden = [[_by_layer(cell.alignment)[:, :-1].mean(axis=1) for cell in row] for row in found]
    score, unsettled = ([[getattr(cell, name) for cell in row] for row in found] for name in ("score", "unsettled"))
    return Grid(np.array(score), np.array(hidden), np.array(unsettled))


def _measured(config: Config, key: Any, rule: str, transform: str, network: str, align: Align) -> Measured:
    """One cell; every cell has the same key, so that seeds are paired."""
    tried = Combination(
        rule,
        transform,
        config.task,
        network,
        hidden=tuple(config.hidden),
        optimiser=config.optimiser,
        epochs=config.epochs,
        tests_per_epoch=0,
    )
    return tried.measure(key, config.seeds, align=align)


def _by_layer(alignment: dict[str, Any]) -> np.ndarray:
    """(seed, layer)."""
    return np.stack([np.asarray(cosine) for cosine in alignment.values()], axis=1)


def _crossing(fractions: Sequence[float], score: np.ndarray, chance: float = 0.1) -> float:
    """Where the score falls half-way from its value without flips to chance; the last fraction where it does not."""
    half = (score[0] + chance) / 2
    for left in range(len(fractions) - 1):
        if score[left] >= half > score[left + 1]:
            share = (score[left] - half) / (score[left] - score[left + 1])
            return float(fractions[left] + share * (fractions[left + 1] - fractions[left]))
    return float(fractions[-1])
