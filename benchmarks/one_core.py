"""Import this before NumPy and JAX: it keeps the process, with the threads they start, on the last core it may use."""

import os

if hasattr(os, "sched_getaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)  # compile times are measured
