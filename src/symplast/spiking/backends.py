"""Which program runs a loop over events: JAX everywhere, or Numba on a CPU where it is installed."""

import importlib.util
from typing import Literal

import jax


def choose(backend: str) -> Literal["jax", "numba"]:
    """The backend to use.

    Args:
        backend: ``jax``, ``numba``, or ``auto``: Numba where it is installed and JAX runs on a CPU.

    Raises:
        ValueError: no such backend; ImportError: Numba is asked for and not installed.

    Example:
        >>> choose("jax")
        'jax'
    """
    if backend not in ("auto", "jax", "numba"):
        raise ValueError(f"backend must be auto, jax or numba; got {backend!r}")
    there = importlib.util.find_spec("numba") is not None
    if backend == "numba" and not there:
        raise ImportError('backend "numba" needs the package numba: pip install "symplast[fast]"')
    if backend == "jax" or not there:
        return "jax"
    if backend == "numba":
        return "numba"
    return "numba" if jax.default_backend() == "cpu" else "jax"
