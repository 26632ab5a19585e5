"""64-bit floats where they are needed, without switching them on for the whole process."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax

from symplast.lab.jax_setup import PLAIN_KERNELS

BRISKLY: dict[str, Any] = {"compiler_options": {"xla_llvm_disable_expensive_passes": True} | PLAIN_KERNELS}
"""For ``jax.jit``: the fits compile in half the time and run as fast."""

P = ParamSpec("P")
T = TypeVar("T")


def in_double_precision(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function under ``jax.enable_x64``; what it converts and traces inside is float64.

    The function must convert its inputs itself and return NumPy arrays or Python numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> @in_double_precision
        ... def third(x):
        ...     return float(jnp.asarray(x) / 3)
        >>> third(1.0)
        0.3333333333333333
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        with jax.enable_x64(True):
            return function(*args, **kwargs)

    return wrapper
