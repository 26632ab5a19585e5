"""The small deterministic network whose numbers are known: 4 inputs, layers of 3, 3 and 2 units, shifted sigmoid."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from symplast.learning.recurrent import LayeredNet, Relaxation


def reference_net(angle_deg: float | Float[Array, ""] = 0.0, steps: int = 600) -> LayeredNet:
    """Weights ``m sin(p + 1.7 row + 2.3 col)``, feedback turned away from the transposed forward weights by an angle.

    Args:
        angle_deg: ``W_back = cos(angle) W_fwd^T + sin(angle) R``, R of the same form.
        steps: of its relaxation.

    Example:
        >>> with jax.enable_x64(True):
        ...     u = reference_net().settle(reference_input())
        ...     print(u[2].round(8))
        [[0.18236602 0.07921854]]

    Source:
        [ours]: numbers that anyone can type in again.
    """

    def wave(rows: int, columns: int, phase: float, size: float) -> Float[Array, "rows columns"]:
        return size * jnp.sin(phase + 1.7 * jnp.arange(rows)[:, None] + 2.3 * jnp.arange(columns))

    cos, sin = jnp.cos(jnp.deg2rad(angle_deg)), jnp.sin(jnp.deg2rad(angle_deg))
    w_in, w_21, w_o2, v = wave(3, 4, 0.3, 0.8), wave(3, 3, 0.7, 0.5), wave(2, 3, 1.1, 0.5), wave(2, 2, 0.5, 1.0)
    back = cos * w_21.T + sin * wave(3, 3, 2.9, 0.5), cos * w_o2.T + sin * wave(3, 2, 3.7, 0.5)
    b = 0.1 * jnp.cos(jnp.arange(8.0))
    blank = LayeredNet((4, 3, 3, 2), key=jax.random.key(0), relaxation=Relaxation(steps))
    return eqx.tree_at(
        lambda n: (n.weights, n.biases, n.feedback),
        blank,
        ((w_in, w_21, w_o2, v), (b[:3], b[3:6], b[6:], jnp.zeros(2)), back),
    )


def reference_input() -> Float[Array, "1 4"]:
    """Its input; the label is class 1."""
    return jnp.array([[0.2, 0.9, 0.4, 0.6]])
