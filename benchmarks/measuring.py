"""What the benchmarks share: timing a call, and writing results with the machine and the versions they were made by."""

import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from symplast.lab.provenance import machine, now, versions

RESULTS = Path(__file__).parent / "results"


def seconds(call: Callable[[], Any], repeats: int = 15) -> float:
    """Median wall time of a call, after one that is not counted; JAX arrays that it returns are waited for."""
    import jax

    jax.block_until_ready(call())
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        jax.block_until_ready(call())
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def write(name: str, rows: list[dict[str, Any]], *libraries: str, out: Path | None = None, **about: Any) -> None:
    """Write the rows to ``results/<name>.json``, or to another file."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    source = {"date": now()[:10], "machine": machine(), "versions": versions("symplast", "jax", "numpy", *libraries)}
    record = source | about | {"cores_used": cores, "load_average": load, "results": rows}
    (out or RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
