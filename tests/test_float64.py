"""Every example of the documented functions holds in float64 as in float32, in one process that starts with it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ["docs/systems/pspm.md", "docs/guide/spiking.md"]


def test_examples_hold_in_float64() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", "src/symplast", *PAGES],
        env=os.environ | {"JAX_ENABLE_X64": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
