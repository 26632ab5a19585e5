"""The loss at the output, its gradient by the activity and the nudge made of it; holomorphic in the activity."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from symplast.learning.recurrent import RecurrentNet, State


def holomorphic_softmax(z: Inexact[Array, "rows classes"]) -> Inexact[Array, "rows classes"]:
    """``exp(z) / sum exp(z)``, continued to complex logits: the largest real part is taken out of the exponent.

    Example:
        >>> holomorphic_softmax(jnp.array([[0.0, 0.0]])).tolist()
        [[0.5, 0.5]]
    """
    weight = jnp.exp(z - jax.lax.stop_gradient(z.real.max(axis=-1, keepdims=True)))
    return weight / weight.sum(axis=-1, keepdims=True)


def output_error(
    network: RecurrentNet, output: Inexact[Array, "rows outputs"], targets: Float[Array, "rows outputs"]
) -> Inexact[Array, "rows outputs"]:
    """Gradient of each row's loss with respect to its output: ``softmax - y`` or ``output - y``."""
    return (holomorphic_softmax(output) if network.readout == "softmax" else output) - targets


def losses(
    network: RecurrentNet, output: Float[Array, "rows outputs"], targets: Float[Array, "rows outputs"]
) -> Float[Array, " rows"]:
    """Loss of each row: cross-entropy in nats, or half the squared error."""
    if network.readout == "softmax":
        return jax.nn.logsumexp(output, axis=-1) - jnp.sum(output * targets, axis=-1)
    return 0.5 * jnp.sum((output - targets) ** 2, axis=-1)


def cost_gradient(network: RecurrentNet, r: State, targets: Float[Array, "rows outputs"]) -> State:
    """``c = dL/dr`` of each row, zero at units that are not read out; also at complex r."""
    output, pull = jax.vjp(network.output, r)
    return pull(output_error(network, output, targets))[0]


def nudge_towards(
    network: RecurrentNet, targets: Float[Array, "rows outputs"], beta: Inexact[Array, ""]
) -> Callable[[State], State]:
    """What a nudge adds to the field: ``beta dL/dr``, evaluated anew at every state."""

    def nudge(r: State) -> State:
        return jax.tree.map(lambda g: beta * g, cost_gradient(network, r, targets))

    return nudge
