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


def against(
    work: str,
    peer: str,
    times_faster: float | list[float],
    *,
    target: float | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A row that compares symplast with a peer on the same work; the page of speeds draws all of them.

    Args:
        work: what both did.
        peer: who else, with its version where it has one.
        times_faster: the peer's time over ours; of several pairs all, of which the median counts and the range is kept.
        target: the ratio that was aimed at.
        **more: times of both; anything to keep. What holds a ratio back stands in ``limits.toml``.
    """
    ratios = times_faster if isinstance(times_faster, list) else [times_faster]
    median = statistics.median(ratios)
    row: dict[str, Any] = {"what": f"{work}, over {peer}", "peer": peer, "times_faster": median}
    if len(ratios) > 1:
        row["between"] = [min(ratios), max(ratios)]
    if target is not None:
        row |= {"target": target, "met": median >= target}
    return row | more


def write(name: str, rows: list[dict[str, Any]], *libraries: str, out: Path | None = None, **about: Any) -> None:
    """Write the rows to ``results/<name>.json``, or to another file, and print them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    source = {"date": now()[:10], "machine": machine(), "versions": versions("symplast", "jax", "numpy", *libraries)}
    record = source | about | {"cores_used": cores, "load_average": load, "results": rows}
    (out or RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    for row in rows:
        work = row.get("what") or row.get("command") or f"{row['work']}, {row['who']}"
        field = next((key for key, value in row.items() if isinstance(value, float)), None)
        shown = "" if field is None else f"{row[field]:12.4g} {row.get('unit', field)}"
        print(f"{work:76s} {shown}  {'MISSED' if row.get('met') is False else ''}")
