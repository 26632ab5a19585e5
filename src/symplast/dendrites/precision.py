"""Double precision where probabilities of 1e-20 are at stake: 64-bit floats inside a call, never globally."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import jax
import numpy as np

P = ParamSpec("P")
R = TypeVar("R")


def in_float64(function: Callable[P, R]) -> Callable[P, R]:
    """Run the function with JAX's 64-bit types enabled; the caller's setting is untouched.

    The function must convert its inputs itself (inside the call) and return NumPy arrays, which keep their type
    outside.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with jax.enable_x64(True):
            return function(*args, **kwargs)

    return call


def require_float64(name: str) -> None:
    """Raise RuntimeError while JAX computes in float32: log-probabilities would lose all their digits."""
    if jax.dtypes.canonicalize_dtype(np.float64) != np.float64:
        raise RuntimeError(f"{name} needs 64-bit floats; call it inside `with jax.enable_x64(True):`")
