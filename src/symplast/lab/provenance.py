"""Where a measurement comes from: versions, device, commit, time."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

import symplast

BEHIND_NUMBERS = ("jax", "jaxlib", "equinox", "optax", "numba", "numpy", "scipy", "xarray")
"""Packages whose version can change what is measured; Numba is used where it is installed."""


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a reader needs in order to repeat a measurement.

    Attributes:
        started: UTC, ISO 8601.
        versions: package -> version.
        python: version of Python.
        device: what JAX computed on, such as ``cpu``.
        machine: processor, cores and operating system.
        threads: number of CPU threads the process may use.
        commit: git commit of the code, empty outside a checkout.
        dirty: whether the checkout had uncommitted changes.
    """

    started: str
    versions: dict[str, str]
    python: str
    device: str
    machine: str
    threads: int
    commit: str
    dirty: bool


def provenance() -> Provenance:
    """The provenance of a measurement that starts now, in this process (imports JAX)."""
    import jax

    commit, dirty = code_commit()
    device = jax.devices()[0]
    return Provenance(
        started=now(),
        versions={"symplast": symplast.__version__, **versions(*BEHIND_NUMBERS)},
        python=platform.python_version(),
        device=device.platform if device.platform == "cpu" else f"{device.platform} ({device.device_kind})",
        machine=machine(),
        threads=cpus(),
        commit=commit,
        dirty=dirty,
    )


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def now() -> str:
    """The time in UTC, to the second."""
    return utc_now().isoformat(timespec="seconds")


def versions(*packages: str) -> dict[str, str]:
    """Installed versions of packages; those not installed are left out."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def cpu_seconds() -> float:
    """CPU time of this process and of its ended children so far, over all threads."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far."""
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def cpus() -> int:
    """Number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def machine() -> str:
    """The machine's class: processor, cores, operating system; no name of the host."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = (
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        )
        model = next(lines, model)
    return f"{model}, {os.cpu_count()} cores, {platform.system()}"


@cache
def code_commit() -> tuple[str, bool]:
    """Commit of the checkout that the code runs from, empty outside one, and whether it has uncommitted changes."""
    house = Path(symplast.__file__).parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(house), *arguments], capture_output=True, text=True, timeout=10)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        if not git("ls-files", "--error-unmatch", "__init__.py"):
            return "", False
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--", "."))
    except (OSError, subprocess.TimeoutExpired):
        return "", False
