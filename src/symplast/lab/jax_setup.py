"""JAX for a worker: how programs are compiled and kept, and how long compiling took."""

import os
import threading
import warnings
from importlib.metadata import entry_points, version
from pathlib import Path

from symplast.datasets.environment import cache_folder


def compilation_cache_folder() -> Path:
    """Where compiled programs are kept: ``$SYMPLAST_CACHE`` or the user's cache folder."""
    return cache_folder() / "jax"


PLAIN_KERNELS: dict[str, bool] = {"xla_cpu_use_fusion_emitters": False} if version("jaxlib").startswith("0.10.") else {}
"""A compiler option for ``jax.jit``: on a CPU kernels that don't pass through MLIR, where jaxlib still has the choice.
Programs compile in half the time and most run as fast."""


def use_compilation_cache() -> None:
    """Switch on JAX's persistent compilation cache, unless the user has set one.

    An entry that can't be read is one that another worker is still writing, or did not finish: JAX compiles the program
    as if there were none, and its warning says nothing to a user.
    """
    import jax

    warnings.filterwarnings("ignore", "Error reading persistent compilation cache entry", UserWarning)
    if jax.config.values["jax_compilation_cache_dir"] is None:
        jax.config.update("jax_compilation_cache_dir", str(compilation_cache_folder()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def compile_briefly() -> None:
    """Compile for a CPU with less effort from here on: call it before JAX computes anything.

    LLVM's first level of optimisation, each program in one piece (the workers share the cores, so that nothing is won
    by parts) and, where jaxlib still has the choice, kernels that don't pass through MLIR. Programs compile in half the
    time; most run as fast, some take a third longer: for what runs shorter than it compiles. Flags that the user has
    set stay, and nothing is changed where JAX has an accelerator.
    """
    if entry_points(group="jax_plugins"):
        return
    flags = ["--xla_backend_optimization_level=1", "--xla_cpu_parallel_codegen_split_count=1"]
    if version("jaxlib").startswith("0.10."):
        flags.append("--xla_cpu_use_fusion_emitters=false")
    given = os.environ.get("XLA_FLAGS", "").split()
    named = {flag.partition("=")[0] for flag in given}
    os.environ["XLA_FLAGS"] = " ".join([*(flag for flag in flags if flag.partition("=")[0] not in named), *given])


def drop_programs(*, from_mappings: int = 0) -> None:
    """Forget the programs compiled so far, so that a long-lived process can go on compiling others.

    Each program on the CPU holds a hundred or more of the memory mappings that the operating system allows a process
    (65530 on Linux); a worker that keeps the programs of all its experiments ends in "Unable to allocate section
    memory". What is needed again comes from the persistent cache.

    Args:
        from_mappings: keep the programs as long as the process has fewer mappings, so that experiments share them.
    """
    import jax

    maps = Path("/proc/self/maps")
    if from_mappings and maps.exists() and maps.read_bytes().count(b"\n") < from_mappings:
        return
    jax.clear_caches()


_active: "list[CompileClock]" = []
_registered = threading.Event()


class CompileClock:
    """Adds up what JAX spends on lowering and compiling while the clock is active.

    Attributes:
        seconds: time spent.
        count: number of programs compiled (or fetched from the persistent cache).

    Example:
        >>> import jax
        >>> with CompileClock() as clock:
        ...     _ = jax.jit(lambda x: x * 3 + 1)(2.0)
        >>> clock.seconds > 0
        True
    """

    EVENTS = ("/jax/core/compile/jaxpr_to_mlir_module_duration", "/jax/core/compile/backend_compile_duration")

    def __init__(self) -> None:
        self.seconds = 0.0
        self.count = 0

    def __enter__(self) -> "CompileClock":
        import jax

        if not _registered.is_set():
            _registered.set()
            jax.monitoring.register_event_duration_secs_listener(_listen)
        _active.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _active.remove(self)


def _listen(event: str, duration_secs: float, **_: str | int) -> None:
    if event in CompileClock.EVENTS:
        for clock in _active:
            clock.seconds += duration_secs
            clock.count += event.endswith("backend_compile_duration")
