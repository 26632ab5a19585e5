"""Random numbers on the host, from a JAX key."""

import jax
import numpy as np
from jaxtyping import Array, Key


def generator(key: Key[Array, ""] | None, *path: int) -> np.random.Generator:
    """NumPy's generator for a JAX key and a path of whole numbers below it; None is the key 0.

    Example:
        >>> bool(generator(jax.random.key(0), 1).uniform() == generator(None, 1).uniform())
        True
    """
    words = np.asarray(jax.random.key_data(jax.random.key(0) if key is None else key)).ravel()
    return np.random.default_rng([*map(int, words), *path])
