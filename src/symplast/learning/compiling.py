"""How much effort goes into compiling a program: little where it runs for a shorter time than it compiles."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import equinox as eqx

from symplast.lab.jax_setup import PLAIN_KERNELS

LIGHTLY: dict[str, Any] = {"compiler_options": {"xla_backend_optimization_level": 0}}
"""For ``jax.jit`` and ``equinox.filter_jit``: LLVM without optimisation; compiles two to four times as fast.

JAX allows it for the outermost program only: :func:`lightly` gives way inside another one.
"""

BRIEFLY: dict[str, Any] = {"compiler_options": LIGHTLY["compiler_options"] | PLAIN_KERNELS}
"""As ``LIGHTLY``, with plain kernels on a CPU: compiles four times as fast as that."""

WORTH_IT = 5e9
"""Multiplications with a weight, steps of settling included, from which a training repays optimising its program."""

R = TypeVar("R")


def lightly(function: Callable[..., R]) -> Callable[..., R]:
    """``equinox.filter_jit`` with little effort; inside another compiled function it is part of that one.

    Example:
        >>> import jax
        >>> twice = lightly(lambda x: 2 * x)
        >>> float(twice(3.0)), float(jax.jit(twice)(3.0))
        (6.0, 6.0)
    """
    alone = eqx.filter_jit(function, **LIGHTLY)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> R:
        try:
            result: R = alone(*args, **kwargs)
        except ValueError as error:
            if "top-level" not in str(error):
                raise
            result = function(*args, **kwargs)
        return result

    return call


def by_work(function: Callable[..., R]) -> Callable[..., R]:
    """Compiled with little effort where the first argument, multiplications with a weight, is not ``WORTH_IT``.

    Example:
        >>> twice = by_work(lambda x: 2 * x)
        >>> float(twice(1e3, 3.0)), float(twice(1e12, 3.0))
        (6.0, 6.0)
    """
    little, full = eqx.filter_jit(function, **BRIEFLY), eqx.filter_jit(function)

    @wraps(function)
    def call(work: float, *args: Any) -> R:
        if work < WORTH_IT:
            try:
                result: R = little(*args)
            except ValueError as error:
                if "top-level" not in str(error):  # options are for the outermost program only
                    raise
            else:
                return result
        return full(*args)

    return call
