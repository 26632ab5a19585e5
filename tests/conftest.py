"""Where the tests find real data: ``$SYMPLAST_DATA``, or ``shared/data`` next to the checkout where that exists.

Tiny networks compile longer than they run, so the compiler's optimisations are left out, in programs that tests start
too; with jaxlib 0.10 also the kernels that it writes by way of MLIR, which more than double the time (later versions
have no other way, and refuse the flag), and programs are not split into parts that are compiled side by side, which
takes a quarter more. Under ``CI`` hypothesis draws the same examples each time; elsewhere it goes on
searching. Ctrl-C reaches the programs that tests start, also where a shell that runs the tests in the background has it
ignored. Linear algebra takes one thread: the workers of the tests share the cores.
"""

import os
import signal
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest
import typer
import typer.testing
from hypothesis import settings

BESIDE = Path(__file__).parents[2] / "shared" / "data"
if "SYMPLAST_DATA" not in os.environ and BESIDE.is_dir():
    os.environ["SYMPLAST_DATA"] = str(BESIDE)

os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
if version("jaxlib").startswith("0.10."):
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1")

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session", autouse=True)
def commands_built_once() -> Iterator[None]:
    """typer builds every command anew at each call, which takes longer than most of them."""
    with pytest.MonkeyPatch.context() as patch:
        once = cache(typer.main.get_command)
        patch.setattr(typer.main, "get_command", once)
        patch.setattr(typer.testing, "_get_command", once)
        yield


@pytest.fixture
def float64() -> Iterator[None]:
    """The test computes in double precision; a whole file does with ``pytestmark = pytest.mark.usefixtures(...)``."""
    import jax

    with jax.enable_x64(True):
        yield
