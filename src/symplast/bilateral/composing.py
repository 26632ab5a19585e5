"""The system among the parts that compose: network, rule and tasks by name, and the combinations that are measured."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Key

from symplast.bilateral import tasks
from symplast.bilateral.controllers import Bilateral, Unilateral
from symplast.bilateral.models import MODELS, learner_of, losses_of
from symplast.bilateral.optimising import motor_adam
from symplast.bilateral.rollout import ControlledArm
from symplast.bilateral.routing import Routed
from symplast.bilateral.trials import Sizes, trained
from symplast.learning.chaining import joined
from symplast.learning.learner import GradientLearner
from symplast.learning.parts import Part
from symplast.learning.tasks import Task

_FLIPS, _WRITE = Part("symplast.curl:flips", ""), Part("symplast.devices:write", "")

COMBINED = ("gradient", "flipped", "devices", "blind")
"""The plain gradient, reversed plasticity, memory devices, no credit through the senses."""


def combined(
    key: Key[Array, ""], seeds: int, sizes: Sizes, flipped: float, levels: int
) -> dict[str, Float[np.ndarray, " seeds"]]:
    """End errors (m) of the specialised controller with corpus callosum on reaches, by combination.

    Args:
        key: random key; all combinations have the same first networks and trials.
        seeds: how many.
        sizes: of the training.
        flipped: share of the hidden layers' neurons whose plasticity is reversed.
        levels: of the memory devices.
    """
    ends = {}
    for name in COMBINED:
        learner = _learner(name, flipped, levels)
        runs = [trained(learner, "reach", key, seed, sizes) for seed in range(seeds)]
        ends[name] = np.array([run.means["dist_end"] for run in runs])
    return ends


def _learner(name: str, flipped: float, levels: int) -> GradientLearner:
    """One of :data:`COMBINED`, in the order of the learning protocol: signs, optimiser, devices."""
    parts: list[Any] = [motor_adam()]
    if name == "flipped":
        parts.insert(0, _FLIPS.load()(fraction=flipped, layers="hidden"))
    if name == "devices":
        parts.append(_WRITE.load()(levels=levels, mode="proportional"))
    return learner_of("specialised+CC", transform=joined(parts), through_senses=name != "blind")


def arm_bilateral(
    sizes: tuple[int, ...], readout: str, key: Any, exchange: str = "maxpool", steps: int = 50
) -> ControlledArm:
    """An arm with two hemispheres, of ``sizes`` (6, units of each hidden layer, 2)."""
    units, layers = _hidden(sizes)
    return ControlledArm(Bilateral(units, layers, exchange, key=key), steps=steps)


def arm_unilateral(sizes: tuple[int, ...], readout: str, key: Any, steps: int = 50) -> ControlledArm:
    """An arm with one stack of layers, of ``sizes`` (6, units of each hidden layer, 2)."""
    units, layers = _hidden(sizes)
    return ControlledArm(Unilateral(units, layers, key=key), steps=steps)


def routed(
    model: str = "specialised",
    variant: str = "intended",
    through_senses: bool = True,
    feedback: str = "exact",
) -> Routed:
    """The losses D and N, routed as in a model of ``MODELS``; D, N and S are for one stack of layers."""
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}; got {model!r}")
    return Routed(losses_of(variant), MODELS[model].routes, through_senses, feedback)


def reach_task(trials: int = 6400, tests: int = 256, space: tasks.Space = "joint", seed: int = 0) -> Task:
    """Random reaches."""
    return tasks.reach(trials, tests, key=jax.random.key(seed), space=space)


def hold_task(
    load: float = tasks.LOAD, trials: int = 6400, tests: int = 256, space: tasks.Space = "joint", seed: int = 0
) -> Task:
    """Holding against loads up to ``load`` newtons along each axis."""
    return tasks.hold(float(load), trials, tests, key=jax.random.key(seed), space=space)


def _hidden(sizes: tuple[int, ...]) -> tuple[int, int]:
    inner = sizes[1:-1]
    if sizes[0] != 6 or sizes[-1] != 2 or not inner or len(set(inner)) > 1:
        raise ValueError(
            "an arm takes trials of 6 numbers, gives 2 values, and has hidden layers of one size (--hidden 10,10; "
            f"tasks reach and hold); got sizes {sizes}"
        )
    return inner[0], len(inner)
