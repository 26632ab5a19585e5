"""Quick scale compiles with less effort, and leaves the user's own flags alone."""

import os
import subprocess
import sys

import pytest

from symplast.lab import jax_setup

ASK = """
from symplast.lab.jax_setup import compile_briefly
compile_briefly()
import os, jax
print(os.environ["XLA_FLAGS"], float(jax.jit(lambda x: 2 * x)(3.0)))
"""


def test_jax_takes_the_flags() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    done = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("--xla_backend_optimization_level=1 ")
    assert done.stdout.endswith(" 6.0\n")


@pytest.mark.parametrize(("jaxlib", "more"), [("0.10.2", ["--xla_cpu_use_fusion_emitters=false"]), ("0.12.0", [])])
def test_flags_that_a_version_knows(monkeypatch: pytest.MonkeyPatch, jaxlib: str, more: list[str]) -> None:
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.setattr(jax_setup, "version", lambda _: jaxlib)
    monkeypatch.setattr(jax_setup, "entry_points", lambda group: ())
    jax_setup.compile_briefly()
    always = ["--xla_backend_optimization_level=1", "--xla_cpu_parallel_codegen_split_count=1"]
    assert os.environ["XLA_FLAGS"].split() == [*always, *more]


def test_the_users_flags_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax_setup, "entry_points", lambda group: ())
    mine = "--xla_backend_optimization_level=2 --xla_dump_to=somewhere"
    monkeypatch.setenv("XLA_FLAGS", mine)
    jax_setup.compile_briefly()
    jax_setup.compile_briefly()
    assert os.environ["XLA_FLAGS"].endswith(mine)
    assert "level=1" not in os.environ["XLA_FLAGS"]


def test_an_accelerator_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax_setup, "entry_points", lambda group: ("cuda12",))
    monkeypatch.setenv("XLA_FLAGS", "--mine")
    jax_setup.compile_briefly()
    assert os.environ["XLA_FLAGS"] == "--mine"
