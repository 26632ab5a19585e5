"""What the gains trade: fidelity of a linear read-out, activity, and the pull of each gain to rest."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from symplast.gain_control.arguments import check_number


class CodingCost(eqx.Module):
    """Weights of the objective (a reconstruction).

    ``L(g; p) = E_p[ |x - D r|^2 + alpha |r|^2 ] + gamma |g - g_home|^2``; with ``activity="l1"`` the middle term is
    ``alpha sum_i r_i``, which is meant for responses of at least 0.

    Attributes:
        alpha: price of activity.
        gamma: pull of the gains to rest.
        activity: ``l2`` or ``l1``.
        g_home: the resting gain.

    Raises:
        ValueError: a negative or infinite weight, or another activity.
    """

    alpha: Any = 2.0
    gamma: Any = 1.0
    activity: str = eqx.field(default="l2", static=True)
    g_home: Any = 1.0

    def __check_init__(self) -> None:
        for name in ("alpha", "gamma", "g_home"):
            check_number(getattr(self, name), name)
        if self.activity not in ("l2", "l1"):
            raise ValueError(f"activity must be l2 or l1, got {self.activity!r}")

    def as_arrays(self) -> "CodingCost":
        """With arrays for numbers, so that other numbers compile nothing anew."""
        made: CodingCost = jax.tree.map(jnp.asarray, self)
        return made


class Terms(eqx.Module):
    """The terms of the objective, weighted as they enter it.

    Attributes:
        fidelity: expected squared error of the read-out.
        activity: alpha times the expected activity.
        homeostasis: gamma times the squared distance of the gains to rest.
    """

    fidelity: Float[Array, "*ensembles"]
    activity: Float[Array, "*ensembles"]
    homeostasis: Float[Array, "*ensembles"]

    @property
    def total(self) -> Float[Array, "*ensembles"]:
        """The objective."""
        return self.fidelity + self.activity + self.homeostasis
