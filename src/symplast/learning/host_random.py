"""Random numbers on the host, from a JAX key: nothing is compiled for them."""

import jax
import numpy as np
from jaxtyping import Array, Key


def generator(key: Key[Array, ""], *path: int) -> np.random.Generator:
    """NumPy's generator for a JAX key and a path of numbers below it.

    Example:
        >>> key = jax.random.key(0)
        >>> bool(generator(key, 1).uniform() == generator(key, 1).uniform())
        True
        >>> bool(generator(key, 1).uniform() == generator(key, 2).uniform())
        False
    """
    words = np.asarray(jax.random.key_data(key)).ravel()
    return np.random.default_rng([*map(int, words), *path])
