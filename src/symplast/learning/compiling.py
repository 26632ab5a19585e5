"""How much effort goes into compiling a program: little where it runs for a shorter time than it compiles."""

from typing import Any

LIGHTLY: dict[str, Any] = {"compiler_options": {"xla_backend_optimization_level": 0}}
"""For ``jax.jit`` and ``equinox.filter_jit``: LLVM without optimisation; compiles two to four times as fast."""

WORTH_IT = 5e9
"""Multiplications with a weight, steps of settling included, from which a training repays optimising its program."""
