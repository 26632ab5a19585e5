"""The controllers that are compared, by name, as learners of the learning protocol."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Key

from symplast.bilateral.arm import Arm, TwoLinkArm
from symplast.bilateral.controllers import Bilateral, Unilateral
from symplast.bilateral.losses import DOMINANT, NON_DOMINANT
from symplast.bilateral.optimising import motor_adam
from symplast.bilateral.rollout import ControlledArm
from symplast.bilateral.routing import SPECIALISED, Routed
from symplast.learning.learner import GradientLearner

RATE = 3e-3
"""Learning rate of Adam."""

NEUTRAL_ROUTE = {"D": 0.5, "N": 0.5}
"""The neutral loss S is the mean of D and N."""

Routes = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Model:
    """A controller and who teaches it.

    Attributes:
        routes: which loss teaches which part.
        hemispheres: two, or one.
        exchange: whether there is a corpus callosum.
    """

    routes: Routes
    hemispheres: Literal[1, 2]
    exchange: bool = False


def _both(route: Mapping[str, float]) -> Routes:
    """One route for all parts of two hemispheres, in the form of the specialised one, so that both share a program."""
    return dict.fromkeys(SPECIALISED, route)


MODELS: Mapping[str, Model] = {
    "D": Model({"": {"D": 1}}, 1),
    "N": Model({"": {"N": 1}}, 1),
    "S": Model({"": NEUTRAL_ROUTE}, 1),
    "neutral": Model(_both(NEUTRAL_ROUTE), 2),
    "specialised": Model(SPECIALISED, 2),
    "neutral+CC": Model(_both(NEUTRAL_ROUTE), 2, True),
    "specialised+CC": Model(SPECIALISED, 2, True),
}
"""By name: unilateral ones by their loss, bilateral ones with and without corpus callosum."""


class MakeArm(eqx.Module):
    """key -> a controlled arm with a freshly drawn controller; models that differ in exchange share programs."""

    exchange: Bool[Array, ""]
    hemispheres: int = eqx.field(static=True)
    units: int = eqx.field(static=True)
    layers: int = eqx.field(static=True)
    steps: int = eqx.field(static=True)
    arm: Arm = eqx.field(static=True)

    def __call__(self, key: Key[Array, ""]) -> ControlledArm:
        """Draw one."""
        sizes: dict[str, int] = {}
        if isinstance(self.arm, TwoLinkArm):
            muscles = len(self.arm.muscles)
            sizes = {"inputs": 2 * muscles + 4, "outputs": muscles}
        controller: Any
        if self.hemispheres == 1:
            controller = Unilateral(self.units, self.layers, key=key, **sizes)
        else:
            controller = Bilateral(self.units, self.layers, self.exchange, key=key, **sizes)
        return ControlledArm(controller, self.arm, self.steps)


def losses_of(variant: str) -> dict[str, Any]:
    """D and N in a variant."""
    return {"D": DOMINANT.as_variant(variant), "N": NON_DOMINANT.as_variant(variant)}


def learner_of(
    model: str | Model,
    *,
    units: int = 10,
    layers: int = 2,
    steps: int = 50,
    arm: Arm | None = None,
    losses: Mapping[str, Any] | None = None,
    rate: float = RATE,
    transform: Any = None,
    through_senses: bool = True,
) -> GradientLearner:
    """A learner for a model.

    Args:
        model: a name of ``MODELS``, or a model.
        units: of each hidden layer, both hemispheres together.
        layers: hidden ones.
        steps: of a trial.
        arm: the reference arm by default.
        losses: of the names D and N; the example notebook's by default.
        rate: learning rate.
        transform: instead of :func:`motor_adam` at that rate.
        through_senses: whether credit goes back through what is sensed.

    Raises:
        ValueError: an unknown model, sizes or a rate that don't do.

    Example:
        >>> learner_of("specialised+CC").rule.losses["D"].pos_l1.tolist()
        5.0
    """
    if isinstance(model, str):
        if model not in MODELS:
            raise ValueError(f"model must be one of {', '.join(MODELS)}; got {model!r}")
        model = MODELS[model]
    arm = TwoLinkArm() if arm is None else arm
    make = MakeArm(jnp.asarray(model.exchange), model.hemispheres, units, layers, steps, arm)
    used = losses_of("intended") if losses is None else dict(losses)
    rule = Routed(used, model.routes, through_senses)
    return GradientLearner(make, rule, motor_adam(rate) if transform is None else transform)
