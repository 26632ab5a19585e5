"""Runs that are killed, interrupted, doubled, or have nowhere to write."""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from symplast.lab import Store, plan, run

KILLS = ((0, 2, "0"), (0, 3, "2"), (1, 3, "2"), (1, 2, "0"))
"""Seed, changes in the store before each kill, and workers of the command that is killed."""


def start(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "symplast", "reproduce", "toy", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_kill_at_random_moments_then_resume(toy, environment, tmp_path: Path) -> None:
    """After each ``kill -9``: all that is stored is sound, nothing finished is lost or measured twice.

    The moments are those at which something is stored: each kill waits for so many changes in the store's folders, or
    until there are no more. The last experiment takes too long to come through before the kill.
    """
    rng = random.Random(7)
    folder, finished = tmp_path / "out" / "runs", set()
    store = Store(folder)
    for seed, changes, workers in KILLS:
        arguments = ("--set", f"seed={seed}", "--set", "slow.seconds=60", "--workers", workers)
        process = start(environment, tmp_path, *arguments, "--out", "out")
        seen, last = times_of_folders(folder), time.monotonic() + 8
        while changes and time.monotonic() < last:
            if seen != (seen := times_of_folders(folder)):
                changes, last = changes - 1, time.monotonic() + 1
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        runs = store.runs(verify=True)
        assert store.damages == []
        assert all(r.status == "done" for r in runs)
        assert max(Counter(r.identity for r in runs).values(), default=1) == 1
        assert finished <= {r.id for r in runs}
        finished = {r.id for r in runs}
        for r in runs:
            store.evidence(r)
    resumed = run(plan(["toy"], "quick", changes={"seed": "1", "slow.seconds": "0.4"}), store, workers=0)
    assert len(resumed.runs) == 3
    assert resumed.failed == []
    assert {r.id for r in resumed.runs.values()} & finished == {resumed.runs[name].id for name in resumed.reused}


def times_of_folders(folder: Path) -> dict[str, int]:
    """When something was last made or removed in a folder and each below it."""
    times = {}
    for path, _, _ in os.walk(folder):
        with suppress(FileNotFoundError):
            times[path] = os.stat(path).st_mtime_ns
    return times


def test_workers_end_with_their_parent(environment, tmp_path: Path) -> None:
    process = start(environment, tmp_path, "--set", "slow.seconds=60", "--workers", "2")
    workers = wait_for_children(process.pid, 2)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 5
    while any(map(alive, workers)):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.1)


def wait_for_children(pid: int, count: int) -> list[int]:
    """Worker processes of a command, once there are enough of them."""
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
                command = (status.parent / "cmdline").read_text()
            except OSError:
                continue
            if int(fields[1]) == pid and "spawn_main" in command:
                found.append(int(status.parent.name))
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise AssertionError("no workers came up")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("workers", ["0", "1"])
def test_interrupt_ends_soon_with_a_summary(environment, tmp_path: Path, workers: str) -> None:
    process = start(environment, tmp_path, "--set", "slow.seconds=60", "--workers", workers, "--json")
    store, deadline = Store(tmp_path / "symplast-out" / "runs"), time.monotonic() + 60
    while len(store.runs()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(0.5)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - begin < 2
    assert process.returncode == 130
    assert "interrupted: 1 of 3 experiments not done; the same command resumes." in " ".join(err.split())
    assert '"status": "interrupted"' in out
    assert len(store.runs(verify=True)) == 2


@pytest.mark.parametrize("workers", ["0", "2"])
def test_terminated_it_ends_in_order(environment, tmp_path: Path, workers: str) -> None:
    """SIGTERM: what is done is told, the workers go, and no semaphore is left for Python to complain about."""
    process = start(environment, tmp_path, "--set", "slow.seconds=60", "--workers", workers)
    store, deadline = Store(tmp_path / "symplast-out" / "runs"), time.monotonic() + 60
    while len(store.runs()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.terminate()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "1 of 3 experiments not done; the same command resumes." in " ".join(err.split())
    assert "semaphore" not in err
    assert "Traceback" not in err


def test_two_runs_into_one_store(environment, tmp_path: Path) -> None:
    both = [start(environment, tmp_path, "--workers", "0", "--set", "slow.seconds=0.2") for _ in range(2)]
    for process in both:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    store = Store(tmp_path / "symplast-out" / "runs")
    runs = store.runs(verify=True)
    assert store.damages == []
    assert {r.name for r in runs} == {"toy.arithmetic", "toy.coin", "toy.slow"}
    for r in runs:
        store.evidence(r)


@pytest.fixture
def small_disk(tmp_path: Path):
    """A full file system of 64 KiB; where mounting isn't allowed, no folder."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True)
    mounted = done.returncode == 0
    yield folder if mounted else None
    if mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk_fails_the_experiment_and_leaves_nothing_half_written(toy, small_disk, tmp_path: Path) -> None:
    folder = small_disk or tmp_path / "limited"
    store, before = Store(folder / "runs"), resource.getrlimit(resource.RLIMIT_FSIZE)
    store.check_writable()
    if small_disk:
        (small_disk / "ballast").write_bytes(bytes(48 * 1024))
    else:  # not root: a limit on the size of files does the same to the evidence
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
    try:
        outcome = run(plan(["toy"], "quick", seeds=5000), store, workers=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    failed = {r.name: r.failure.message for r in outcome.failed}
    assert "could not be stored" in failed["toy.coin"]
    assert "No space left" in failed["toy.coin"] or "too large" in failed["toy.coin"]
    assert all(r.name not in failed for r in store.runs(verify=True))
    assert store.damages == []
    assert list((folder / "runs" / ".staging").iterdir()) == []


def test_full_disk_on_the_command_line(inside, small_disk) -> None:
    if small_disk is None:
        pytest.skip("mounting a small file system needs root")
    (small_disk / "ballast").write_bytes(bytes(52 * 1024))
    done = inside("reproduce", "toy", "--seeds", "5000", "--workers", "0", "--out", str(small_disk / "out"))
    assert done.returncode == 1
    assert "No space left" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_read_only_folder(inside, tmp_path: Path) -> None:
    folder = tmp_path / "sealed"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    if not mounted:
        folder.chmod(0o500)
    try:
        done = inside("reproduce", "toy", "--out", str(folder / "out"))
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
    assert done.returncode == 1
    told = " ".join(done.stderr.split())
    assert told.startswith("error: can't write to the store")
    assert "choose another --out or --store" in told


def test_damaged_runs_are_told_and_measured_again(toy, inside, tmp_path: Path) -> None:
    assert run(plan(["toy"], "quick"), Store(tmp_path / "symplast-out" / "runs"), workers=0).failed == []
    evidence = next((tmp_path / "symplast-out" / "runs" / "toy.coin").glob("*/evidence.nc"))
    evidence.write_bytes(evidence.read_bytes()[:-20])
    done = inside("reproduce", "toy", "--workers", "0")
    assert done.returncode == 0
    assert "skipped a damaged run: toy.coin/" in done.stderr
    assert "1 of 3 experiments measured now, 2 already there" in done.stdout
    assert "Damaged runs, skipped" in (tmp_path / "symplast-out" / "report" / "index.html").read_text()
    assert evidence.exists()
