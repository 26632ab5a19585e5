"""Controllers whose weights are given by a formula: the same numbers in every program that implements the model."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from symplast.bilateral.arm import TwoLinkArm
from symplast.bilateral.controllers import Bilateral, Dense, Unilateral
from symplast.bilateral.rollout import ControlledArm

Q0 = ((0.5, 1.0), (1.2, 0.9), (1.8, 1.6), (0.6, 1.9))
GOALS = ((1.0, 1.4), (0.6, 1.5), (1.2, 0.8), (0.9, 1.2))
LOADS = ((0.0, 0.0), (3.0, -2.0), (-4.0, 1.0), (0.0, 5.0))
"""Start and goal angles (rad) and loads (N) of the four trials that go with it."""


def formula_bilateral(exchange: str = "maxpool", steps: int = 50, dtype: Any = float) -> ControlledArm:
    """``kernel[post, pre] = sin(k + 1.3 post + 0.7 pre) sqrt(2 / fan_in)``, ``bias[post] = 0.1 cos(k + post)``.

    Indices from 0; k = 1, 2 for the left layers, 3, 4 for the right ones, 5 for the output, whose biases are lowered by
    2. Two layers of five units a side, w = (0.6, 0.4).
    """
    drawn = Bilateral(10, 2, exchange, key=jax.random.key(0))
    layers = [_filled(layer, k, dtype) for k, layer in enumerate((*drawn.left, *drawn.right, drawn.output), start=1)]
    mixing = jnp.asarray(0.6, dtype), jnp.asarray(0.4, dtype)
    parts = tuple(layers[:2]), tuple(layers[2:4]), layers[4], mixing
    return ControlledArm(eqx.tree_at(lambda c: (c.left, c.right, c.output, c.mixing), drawn, parts), steps=steps)


def formula_unilateral(steps: int = 50, dtype: Any = float) -> ControlledArm:
    """The same with one stack of two layers of ten units, k = 1, 2, 5."""
    drawn = Unilateral(10, 2, key=jax.random.key(0))
    first, second = (_filled(layer, k, dtype) for k, layer in zip((1, 2), drawn.layers, strict=True))
    output = _filled(drawn.output, 5, dtype)
    return ControlledArm(eqx.tree_at(lambda c: (c.layers, c.output), drawn, ((first, second), output)), steps=steps)


def formula_trials() -> np.ndarray:
    """The four trials, float64; the third reaches the elbow's limit."""
    goals = TwoLinkArm().hand_of(np.array(GOALS).T).T
    return np.concatenate([np.array(Q0), goals, np.array(LOADS)], axis=1)


def _filled(layer: Dense, k: int, dtype: Any) -> Dense:
    post, pre = layer.kernel.shape
    rows, columns = np.arange(post)[:, None], np.arange(pre)
    kernel = np.sin(k + 1.3 * rows + 0.7 * columns) * np.sqrt(2 / pre)
    bias = 0.1 * np.cos(k + np.arange(post)) - (2 if k == 5 else 0)
    return eqx.tree_at(lambda d: (d.kernel, d.bias), layer, (jnp.asarray(kernel, dtype), jnp.asarray(bias, dtype)))
