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


class Siamese(eqx.Module):
    """Shared convolutions for both halves (the left one mirrored), their pooled features together to one logit.

    Args:
        key: of the weights.
        channels: of the three convolutions.
    """

    convolutions: list[eqx.nn.Conv2d]
    hidden: eqx.nn.Linear
    out: eqx.nn.Linear

    def __init__(self, key: Key[Array, ""], channels: tuple[int, int, int] = (8, 16, 24)):
        keys = jax.random.split(key, 5)
        widths = (1, *channels)
        self.convolutions = [
            eqx.nn.Conv2d(widths[i], widths[i + 1], 3, stride=2, padding=1, key=keys[i]) for i in range(3)
        ]
        self.hidden = eqx.nn.Linear(6 * channels[-1], 32, key=keys[3])
        self.out = eqx.nn.Linear(32, 1, key=keys[4])

    def features(self, half: Float[Array, "height width"]) -> Float[Array, " features"]:
        """Mean and largest activation of the last convolution's channels."""
        x = half[None]
        for convolution in self.convolutions:
            x = jax.nn.relu(convolution(x))
        return jnp.concatenate([x.mean(axis=(1, 2)), x.max(axis=(1, 2))])

    def __call__(self, pair: Float[Array, "2 height width"]) -> Float[Array, ""]:
        left, right = self.features(pair[0]), self.features(pair[1])
        both = jnp.concatenate([left, right, jnp.abs(left - right)])
        return self.out(jax.nn.relu(self.hidden(both)))[0]


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
