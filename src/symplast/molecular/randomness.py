"""Random numbers on the host, from a JAX key or without one."""

import jax
import numpy as np
from jaxtyping import Array, Key

from symplast.learning import host_random


def generator(key: Key[Array, ""] | None, *path: int) -> np.random.Generator:
    """:func:`symplast.learning.host_random.generator`; None is the key 0.

    Example:
        >>> bool(generator(jax.random.key(0), 1).uniform() == generator(None, 1).uniform())
        True
    """
    return host_random.generator(jax.random.key(0) if key is None else key, *path)
