"""The terms of loss D on the formula network, as intended and as the released loss list pairs them."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from symplast.bilateral.formula import formula_bilateral, formula_trials
from symplast.bilateral.losses import DOMINANT, VARIANTS
from symplast.bilateral.rollout import ControlledArm
from symplast.learning.compiling import lightly


def terms() -> dict[str, dict[str, float]]:
    """Variant -> weighted terms by name; those of weight 0 left out."""
    trials = jnp.asarray(formula_trials(), float)
    found = _terms(formula_bilateral(), trials)
    return {
        variant: {name: float(value) for name, value in parts.items() if name not in ("pos_sq", "effort")}
        for variant, parts in found.items()
    }


@lightly
def _terms(network: ControlledArm, trials: Array) -> dict[str, dict[str, Any]]:
    moved = network.trajectory(trials)
    return {variant: DOMINANT.as_variant(variant).terms(moved, trials[:, 2:4]) for variant in VARIANTS}
