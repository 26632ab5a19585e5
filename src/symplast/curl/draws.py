"""Nets and inputs of many seeds at once, drawn on the host.

A random generator that is inlined into a program takes longer to compile than the learning itself. These draws compile
nothing; a seed's draw depends on the key and its own number only, so more seeds leave the others as they are.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from symplast.curl.two_layer import Activation, TwoLayer
from symplast.learning.host_random import generator

TEACHER, STUDENT, INPUTS = 0, 1, 2
"""What a seed draws, each with a stream of its own."""


def stacked_nets(
    key: Key[Array, ""],
    seeds: int,
    sizes: tuple[int, int, int],
    *,
    which: int = TEACHER,
    scale: float = 1.0,
    activation: Activation = "linear",
) -> TwoLayer:
    """Nets of many seeds, each weight uniform in +- scale / sqrt(fan-in) as in :func:`draw_net`.

    Args:
        key: random key.
        seeds: how many.
        sizes: inputs, hidden units, outputs.
        which: TEACHER or STUDENT.
        scale: of the weights.
        activation: of the nets.

    Returns:
        One :class:`TwoLayer` whose weights have the seeds as their first axis.

    Example:
        >>> nets = stacked_nets(jax.random.key(0), 3, (4, 5, 1))
        >>> nets.W1.shape, nets.W2.shape
        ((3, 5, 4), (3, 1, 5))
    """
    first, second = _uniform(key, seeds, sizes, which)
    return TwoLayer(_placed(scale * first), _placed(scale * second), activation)


def stacked_teachers(
    key: Key[Array, ""], seeds: int, sizes: tuple[int, int, int], *, activation: Activation = "linear"
) -> TwoLayer:
    """Teachers of many seeds, rescaled to ``|W1|_F = sqrt(hidden)`` and ``|W2|_F = 1`` as in :func:`perturbed_teacher`.

    Example:
        >>> teachers = stacked_teachers(jax.random.key(0), 2, (4, 5, 1))
        >>> jnp.linalg.norm(teachers.W2, axis=(1, 2)).round(5).tolist()
        [1.0, 1.0]
    """
    first, second = _uniform(key, seeds, sizes, TEACHER)
    first *= np.sqrt(sizes[1]) / np.linalg.norm(first, axis=(1, 2), keepdims=True)
    second /= np.linalg.norm(second, axis=(1, 2), keepdims=True)
    return TwoLayer(_placed(first), _placed(second), activation)


def near(teachers: TwoLayer, size: float) -> TwoLayer:
    """Students that start at their teachers with ``size`` added to every entry of W2."""
    return TwoLayer(teachers.W1, teachers.W2 + size, teachers.activation)


def stacked_inputs(key: Key[Array, ""], seeds: int, rows: int, inputs: int) -> Float[Array, "seeds rows inputs"]:
    """Inputs of many seeds as in :func:`draw_inputs`: normal with variance 1/2 a component."""
    drawn = [generator(key, seed, INPUTS).standard_normal((rows, inputs)) for seed in range(seeds)]
    return _placed(np.stack(drawn) / np.sqrt(2))


def _placed(array: np.ndarray) -> Array:
    """On the device in the precision of the day; ``jnp.asarray`` compiles a program a shape for it."""
    return jax.device_put(array.astype(jnp.result_type(float)))


def _uniform(key: Key[Array, ""], seeds: int, sizes: tuple[int, int, int], which: int) -> tuple[np.ndarray, np.ndarray]:
    inputs, hidden, outputs = sizes
    first, second = np.empty((seeds, hidden, inputs)), np.empty((seeds, outputs, hidden))
    for seed in range(seeds):
        rng = generator(key, seed, which)
        first[seed] = rng.uniform(-1, 1, (hidden, inputs)) / np.sqrt(inputs)
        second[seed] = rng.uniform(-1, 1, (outputs, hidden)) / np.sqrt(hidden)
    return first, second
