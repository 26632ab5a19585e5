"""What hemispheres are trained for: losses on position, effort and a penalty on what layers do."""

from typing import Any, Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from symplast.bilateral.rollout import Trajectory

Variant = Literal["intended", "as_published"]
VARIANTS: tuple[Variant, ...] = ("intended", "as_published")


class MotorLoss(eqx.Module):
    """A weighted sum of four terms, each a mean over trials, the states after each step, and components.

    With ``e = target - hand`` (m) and excitations u::

        pos_l1 mean |e|  +  pos_sq 10 mean e²  +  effort mean u²  +  hidden sum_i R(z_i)
        R(z) = mean z² + rate mean ((z_{t+1} - z_t) / dt)²

    Variant ``intended``: z_i are the activations of each hidden layer. ``as_published``: what the released loss list
    comes to in Keras. Its layers don't export their activations, so the penalties of n hidden layers land, in order, on
    the first n of joint state, *muscle state* (which holds forces in newtons), proprioception and vision.

    Attributes:
        pos_l1, pos_sq, effort, hidden: weights of the terms.
        rate: weight of the change within R.
        variant: ``intended`` or ``as_published``.

    Raises:
        ValueError: an unknown variant, or a negative weight.

    Example:
        >>> MotorLoss(pos_l1=5, hidden=0.02) == DOMINANT, float(penalty(jnp.full((5, 1, 1), 3.0), 0.05, 0.01))
        (True, 9.0)
    """

    pos_l1: Any = 0.0
    pos_sq: Any = 0.0
    effort: Any = 0.0
    hidden: Any = 0.0
    rate: Any = 0.05
    variant: str = eqx.field(static=True, default="intended")

    def __check_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}; got {self.variant!r}")
        for name in ("pos_l1", "pos_sq", "effort", "hidden", "rate"):
            value = getattr(self, name)
            if isinstance(value, int | float) and not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be a number of at least 0, got {value}")

    def as_variant(self, variant: str) -> "MotorLoss":
        """The same weights in another variant."""
        return MotorLoss(self.pos_l1, self.pos_sq, self.effort, self.hidden, self.rate, variant)

    def terms(self, found: Trajectory, goals: Float[Array, "trials 2"]) -> dict[str, Float[Array, ""]]:
        """The weighted terms by name: ``pos_l1``, ``pos_sq``, ``effort``, and one for each penalty."""
        e = goals.T - found.hand
        parts = {
            "pos_l1": self.pos_l1 * jnp.mean(jnp.abs(e)),
            "pos_sq": self.pos_sq * 10 * jnp.mean(e**2),
            "effort": self.effort * jnp.mean(found.u**2),
        }
        for name, z in penalised(found, self.variant).items():
            parts[name] = self.hidden * penalty(z, self.rate, found.dt)
        return parts

    def __call__(self, found: Trajectory, goals: Float[Array, "trials 2"]) -> Float[Array, ""]:
        """The loss of trials.

        Args:
            found: what happened.
            goals: (trials, 2) targets, m.
        """
        parts = iter(self.terms(found, goals).values())
        return sum(parts, next(parts))


DOMINANT = MotorLoss(pos_l1=5.0, hidden=0.02)
"""The left, dominant hemisphere's loss "D" of the example notebook."""

NON_DOMINANT = MotorLoss(pos_sq=5.0, effort=2.0)
"""The right, non-dominant hemisphere's loss "N" of the example notebook."""

NEUTRAL = MotorLoss(pos_l1=2.5, pos_sq=2.5, effort=1.0, hidden=0.01)
"""Their mean "S", of the tasks file: no specialisation."""


def penalised(found: Trajectory, variant: str) -> dict[str, Float[Array | np.ndarray, "steps ..."]]:
    """What the penalties of the hidden layers fall on, by name."""
    if variant == "intended":
        return {f"hidden {k + 1}": z for k, z in enumerate(found.hidden)}
    states = {"joint": found.joint, "muscle": found.muscle, "proprioception": found.senses[:, :-2]}
    states["vision"] = found.senses[:, -2:]
    return dict(list(states.items())[: len(found.hidden)])


def penalty(z: Float[Array | np.ndarray, "steps ..."], rate: Any, dt: Any) -> Float[Array, ""]:
    """``R(z) = mean z² + rate mean ((z_{t+1} - z_t) / dt)²``."""
    return jnp.mean(z**2) + rate * jnp.mean(((z[1:] - z[:-1]) / dt) ** 2)
