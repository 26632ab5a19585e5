"""Every example of the documented functions holds in float64 as in float32, in processes that start with it.

Shapes aren't checked: the other tests do it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ["src/symplast", "docs/systems/pspm.md", "docs/guide/spiking.md"]
PLAIN = "--import-mode=importlib --doctest-modules --doctest-glob=*.md -n 2 --dist loadfile"


@pytest.mark.slow
def test_examples_hold_in_float64() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-o", f"addopts={PLAIN}", "-q", "-p", "no:cacheprovider", *EXAMPLES],
        env=os.environ | {"JAX_ENABLE_X64": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
