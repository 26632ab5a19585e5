"""A small Siamese network that looks at the two halves of a slice: the related code's baseline, at a size for one core.

The related code [code] takes a torchvision backbone (ResNet18, VGG19, ...), both halves at 224 x 224, concatenated
features -> 256 -> 1, binary cross-entropy, Adadelta with rate 0.01, StepLR 0.7, 5 epochs of batches of 32. Ours keeps
that plan with three small convolutions, Adam, and the features' differences next to them.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

SIDES_PX = tuple(int(2 + 38 * i / 9) for i in range(10))
"""Sizes of the insertions [code]: 2, 6, 10, 14, 18, 23, 27, 31, 35, 40 pixels of 0.5 mm."""

GREYS = (140, 215)
BATCH = 32
RATE = 2e-3


class Layer(eqx.Module):
    """Weights with a variance of 2 / inputs, as rectified units need it, and an offset of 0."""

    weight: Float[Array, "inputs outputs"]
    bias: Float[Array, " outputs"]

    def __init__(self, inputs: int, outputs: int, key: Key[Array, ""]):
        self.weight = jax.random.normal(key, (inputs, outputs)) * jnp.sqrt(2 / inputs)
        self.bias = jnp.zeros(outputs)

    def __call__(self, x: Float[Array, "... inputs"]) -> Float[Array, "... outputs"]:
        return jax.nn.relu(x @ self.weight + self.bias)


class Siamese(eqx.Module):
    """Shared convolutions for both halves (the left one mirrored), their pooled features together to one logit.

    Args:
        key: of the weights.
        channels: of the three convolutions, 3 x 3 with a stride of 2.
    """

    convolutions: list[Layer]
    hidden: Layer
    out: eqx.nn.Linear

    def __init__(self, key: Key[Array, ""], channels: tuple[int, int, int] = (8, 16, 24)):
        keys = jax.random.split(key, 5)
        widths = (1, *channels)
        self.convolutions = [Layer(9 * widths[i], widths[i + 1], keys[i]) for i in range(3)]
        self.hidden = Layer(6 * channels[-1], 32, keys[3])
        self.out = eqx.nn.Linear(32, 1, key=keys[4])

    def features(self, half: Float[Array, "height width"]) -> Float[Array, " features"]:
        """Mean and largest activation of the last convolution's channels."""
        x = half[..., None]
        for convolution in self.convolutions:
            x = convolution(patches(x))
        return jnp.concatenate([x.mean(axis=(0, 1)), x.max(axis=(0, 1))])

    def __call__(self, pair: Float[Array, "2 height width"]) -> Float[Array, ""]:
        left, right = self.features(pair[0]), self.features(pair[1])
        both = jnp.concatenate([left, right, jnp.abs(left - right)])
        return self.out(self.hidden(both))[0]


def patches(x: Float[Array, "height width channels"]) -> Float[Array, "rows columns nine_channels"]:
    """The 3 x 3 surroundings of every second pixel along both axes, 0 outside.

    A product with them is a convolution; on a CPU its gradient takes a fiftieth of the time that XLA's own takes.

    Example:
        >>> patches(jnp.ones((5, 4, 1))).shape
        (3, 2, 9)
    """
    height, width = ((n + 1) // 2 for n in x.shape[:2])
    x = jnp.pad(x, ((1, 1), (1, 1), (0, 0)))
    shifted = [x[i : i + 2 * height - 1 : 2, j : j + 2 * width - 1 : 2] for i in range(3) for j in range(3)]
    return jnp.concatenate(shifted, axis=-1)


@eqx.filter_jit
def _epoch(network: Siamese, state: Any, pairs: Any, labels: Any, batches: Any) -> tuple[Siamese, Any]:
    """One pass over batches given by index."""
    params, static = eqx.partition(network, eqx.is_inexact_array)

    def loss(params: Any, rows: Any) -> Any:
        logits = jax.vmap(eqx.combine(params, static))(pairs[rows])
        return optax.sigmoid_binary_cross_entropy(logits, labels[rows]).mean()

    def step(carry: Any, rows: Any) -> Any:
        params, state = carry
        updates, state = optax.adam(RATE).update(jax.grad(loss)(params, rows), state)
        return (optax.apply_updates(params, updates), state), None

    (params, state), _ = jax.lax.scan(step, (params, state), batches)
    return eqx.combine(params, static), state


@eqx.filter_jit
def _logits(network: Siamese, pairs: Any) -> Any:
    return jax.lax.map(network, pairs, batch_size=64)


def train_siamese(pairs: np.ndarray, labels: np.ndarray, epochs: int, key: Key[Array, ""]) -> Siamese:
    """Train from random weights.

    Args:
        pairs: (n, 2, height, width) mirrored left and right halves, about unit variance.
        labels: (n,) 0 or 1.
        epochs: passes over the data.
        key: of weights and order.
    """
    from symplast.learning.host_random import generator

    if len(pairs) < BATCH:
        raise ValueError(f"pairs must hold at least {BATCH} images, got {len(pairs)}")
    rng = generator(key, 1)
    network = Siamese(jax.random.fold_in(key, 0))
    state = optax.adam(RATE).init(eqx.filter(network, eqx.is_inexact_array))
    kind = jnp.asarray(0.0).dtype
    x, y = jnp.asarray(pairs, kind), jnp.asarray(labels, kind)
    steps = len(pairs) // BATCH
    for _ in range(epochs):
        order = rng.permutation(len(pairs))[: steps * BATCH].reshape(steps, BATCH)
        network, state = _epoch(network, state, x, y, jnp.asarray(order))
    return network


def logits_of(network: Siamese, pairs: np.ndarray) -> np.ndarray:
    """(n,) logits."""
    return np.asarray(_logits(network, jnp.asarray(pairs, jnp.asarray(0.0).dtype)))
