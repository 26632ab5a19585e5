"""Programs on disk are a help, never a hindrance: one that is half written is compiled instead."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASK = """
from symplast.lab.jax_setup import use_compilation_cache
use_compilation_cache()
import jax
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
print(float(jax.jit(lambda x: 2 * x)(3.0)))
"""


@pytest.mark.parametrize("kept", [0, 100])
def test_an_entry_that_is_cut_off_is_passed_over_without_a_warning(tmp_path: Path, kept: int) -> None:
    def ask() -> str:
        command = [sys.executable, "-W", "error::UserWarning", "-c", ASK]
        environment = os.environ | {"SYMPLAST_CACHE": str(tmp_path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    assert ask() == "6.0\n"
    entries = list((tmp_path / "jax").glob("*-cache"))
    assert entries
    for entry in entries:
        entry.write_bytes(entry.read_bytes()[:kept])
    assert ask() == "6.0\n"
