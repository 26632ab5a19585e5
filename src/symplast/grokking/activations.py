"""Activations by name, with what their parity says about modular addition."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

Activation = Callable[[Array], Array]

EVEN: Mapping[str, Activation] = {
    "square": jnp.square,
    "abs": jnp.abs,
    "quartic": lambda z: z**4,
    "eighth": lambda z: z**8,
}
"""Even functions: each carries the sum of two cosines on."""

ODD: Mapping[str, Activation] = {"identity": lambda z: z, "cube": lambda z: z**3}
"""Odd functions: they cancel over evenly spread phases, so a network that swaps to one is at chance."""

MIXED: Mapping[str, Activation] = {
    "relu": jax.nn.relu,
    "gelu": jax.nn.gelu,
    "softplus2": lambda z: jax.nn.softplus(2 * z),
    "exp": jnp.exp,
}
"""Neither even nor odd; their even part does the work."""

ACTIVATIONS: Mapping[str, Activation] = {**MIXED, **EVEN, **ODD}


ON_THE_HOST: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda z: np.maximum(z, 0),
    "softplus2": lambda z: np.logaddexp(0, 2 * z),
    "exp": np.exp,
    "square": np.square,
    "abs": np.abs,
    "quartic": lambda z: z**4,
    "eighth": lambda z: z**8,
    "identity": lambda z: z,
    "cube": lambda z: z**3,
}
"""The same in NumPy, where compiling a program would take longer than all its answers."""


def activation_of(activation: "str | Activation") -> Activation:
    """The function of a name; a function stays as it is.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> float(activation_of("square")(jnp.asarray(3.0)))
        9.0
    """
    if callable(activation):
        return activation
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"activation must be one of {', '.join(ACTIVATIONS)}, or an elementwise function; got {activation!r}"
        )
    return ACTIVATIONS[activation]
