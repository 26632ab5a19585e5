"""Layered feed-forward networks with forward and feedback weights as separate leaves."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from symplast.learning.activations import ACTIVATIONS
from symplast.learning.lengths import cosine


class Activity(NamedTuple):
    """What a feed-forward pass leaves at each layer.

    Attributes:
        inputs: presynaptic activity of each weight matrix, (rows, fan_in).
        drives: ``z = W a + b`` of each layer, (rows, fan_out).
        output: of the last layer, (rows, outputs): its drive, no activation.
    """

    inputs: list[Float[Array, "rows _"]]
    drives: list[Float[Array, "rows _"]]
    output: Float[Array, "rows outputs"]


class FeedForwardNet(eqx.Module):
    """``a_l = phi(W_l a_{l-1} + b_l)``; the last layer is linear and read out by softmax or as it is.

    Attributes:
        weights: W_l, (post, pre).
        biases: b_l, (post,).
        feedback: B_l, (pre, post): the paths that carry errors back through each layer but the first, for rules that
            don't use the transposed weights. They are parameters like the others; rules that leave them fixed give them
            the direction 0. Empty when ``feedback_angle`` is None.
        activation: name of phi.
        readout: ``softmax`` (cross-entropy over class indices) or ``mse`` (half the squared error).
    """

    weights: tuple[Float[Array, "_ _"], ...]
    biases: tuple[Float[Array, " _"], ...]
    feedback: tuple[Float[Array, "_ _"], ...]
    activation: str = eqx.field(static=True)
    readout: str = eqx.field(static=True)

    def __init__(
        self,
        sizes: tuple[int, ...],
        *,
        key: Key[Array, ""],
        activation: str = "relu",
        readout: str = "softmax",
        feedback_angle: float | Float[Array, ""] | None = None,
    ):
        """Draw a network.

        Args:
            sizes: units of each layer, the input first.
            key: random key.
            activation: relu, tanh, sigmoid, linear, shifted-sigmoid or dsilu.
            readout: softmax or mse.
            feedback_angle: None for no feedback weights; otherwise ``B = cos(angle) W^T + sin(angle) R`` in degrees, R
                drawn like W: 0 is symmetric, 90 independent.

        Raises:
            ValueError: fewer than two layers, a size below 1, an unknown activation or readout.
        """
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"sizes must list at least input and output with 1 unit or more each, got {sizes}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}")
        if readout not in ("softmax", "mse"):
            raise ValueError(f"readout must be softmax or mse, got {readout!r}")
        shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
        gain = 2.0 if activation == "relu" else 1.0
        forward, backward = jax.random.split(key)
        keys, back_keys = jax.random.split(forward, len(shapes)), jax.random.split(backward, len(shapes))

        def draw(k: Key[Array, ""], post: int, pre: int) -> Float[Array, "post pre"]:
            return jax.random.normal(k, (post, pre)) * jnp.sqrt(gain / pre)

        self.weights = tuple(draw(k, *shape) for k, shape in zip(keys, shapes, strict=True))
        self.biases = tuple(jnp.zeros(post) for post, _ in shapes)
        self.feedback = ()
        if feedback_angle is not None:
            cos, sin = jnp.cos(jnp.deg2rad(feedback_angle)), jnp.sin(jnp.deg2rad(feedback_angle))
            pairs = list(zip(back_keys, shapes, self.weights, strict=True))[1:]
            self.feedback = tuple(cos * w.T + sin * draw(k, *shape).T for k, shape, w in pairs)
        self.activation = activation
        self.readout = readout

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        """Logits or values for one input."""
        return self.activity(x[None]).output[0]

    def activity(self, x: Float[Array, "rows inputs"]) -> Activity:
        """One pass, with everything that local rules can see."""
        phi = ACTIVATIONS[self.activation]
        inputs, drives, a = [], [], x
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            inputs.append(a)
            drives.append(a @ weight.T + bias)
            a = phi(drives[-1]) if index < len(self.weights) - 1 else drives[-1]
        return Activity(inputs, drives, a)

    def slope(self, drive: Float[Array, "rows post"]) -> Float[Array, "rows post"]:
        """phi' at a drive."""
        phi = ACTIVATIONS[self.activation]
        return jax.jvp(phi, (drive,), (jnp.ones_like(drive),))[1]

    def weight_angle(self) -> Float[Array, ""]:
        """Angle in degrees between feedback and transposed forward weights over all layers with feedback; NaN without.

        ``arccos( sum <W, B^T> / sqrt(sum |W|^2 sum |B|^2) )``.
        """
        return angle_between([(w, b.T) for w, b in zip(self.weights[1:], self.feedback, strict=False)])


def loss_of(
    readout: str, output: Float[Array, "rows outputs"], targets: Int[Array, " rows"] | Float[Array, "rows outputs"]
) -> Float[Array, ""]:
    """Mean loss over rows: cross-entropy (nats) for softmax, ``1/2 |output - target|^2`` for mse."""
    if readout == "softmax":
        return jnp.mean(jax.nn.logsumexp(output, axis=1) - jnp.take_along_axis(output, targets[:, None], axis=1)[:, 0])
    return 0.5 * jnp.mean(jnp.sum((output - targets) ** 2, axis=1))


def output_error(
    readout: str, output: Float[Array, "rows outputs"], targets: Int[Array, " rows"] | Float[Array, "rows outputs"]
) -> Float[Array, "rows outputs"]:
    """Gradient of each row's loss with respect to its output: ``softmax - one hot``, or ``output - target``."""
    if readout == "softmax":
        return jax.nn.softmax(output, axis=1) - jax.nn.one_hot(targets, output.shape[1], dtype=output.dtype)
    return output - targets


def angle_between(pairs: Sequence[tuple[Array, Array]]) -> Float[Array, ""]:
    """Angle in degrees between two lists of arrays, each taken as one long vector; NaN where one is zero or empty."""
    aligned = cosine([a for a, _ in pairs], [b for _, b in pairs])
    return jnp.rad2deg(jnp.arccos(jnp.clip(aligned, -1, 1)))
