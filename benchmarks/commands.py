"""How fast the command line answers: light commands, a cold quick run of everything, and one with nothing to do.

Targets: ``--help`` and ``list`` under 0.5 s; quick scale cold under 120 s on two cores; nothing stale under 5 s.
Run: python benchmarks/commands.py  (writes benchmarks/results/commands.json)
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from measuring import write

REPEATS = 7


def seconds(*arguments: str, **environment: str) -> float:
    """Wall time of one command."""
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "symplast", *arguments], check=True, capture_output=True, env=os.environ | environment
    )
    return time.perf_counter() - begin


def main() -> None:
    """Measure and write."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        cold = {"SYMPLAST_CACHE": f"{folder}/cache"}
        out = ("--out", f"{folder}/out")
        for command in ("--help", "list"):
            taken = sorted(seconds(command, *(out if command == "list" else ())) for _ in range(REPEATS))
            rows.append(
                {"command": command, "seconds": statistics.median(taken), "range": taken[:: REPEATS - 1], "target": 0.5}
            )
        rows.append(
            {"command": "reproduce, empty caches", "seconds": seconds("reproduce", *out, **cold), "target": 120}
        )
        rows.append({"command": "reproduce, nothing to do", "seconds": seconds("reproduce", *out, **cold), "target": 5})
        warm = seconds("reproduce", "--force", *out, **cold)
        rows.append({"command": "reproduce --force, compiled programs cached", "seconds": warm, "target": None})
        rows.append({"command": "list, after runs", "seconds": seconds("list", *out), "target": 0.5})
    for row in rows:
        row["met"] = None if row["target"] is None else row["seconds"] < row["target"]
    write("commands", rows, "typer", "xarray", python=sys.version.split()[0])


if __name__ == "__main__":
    main()
