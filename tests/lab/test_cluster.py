"""A Dask cluster measures what a local run measures, and survives the loss of a worker."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.lab.conftest import PLUGIN, search_path

from symplast.lab import Store, plan, run

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory):
    """A scheduler and two worker processes of one thread, as ``dask scheduler`` and ``dask worker`` start them."""
    folder = tmp_path_factory.mktemp("cluster")
    environment = os.environ | {"PYTHONPATH": search_path(PLUGIN)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment, "cwd": folder}
    address = folder / "scheduler.json"
    dask = [sys.executable, "-m", "distributed.cli"]
    common = ["--scheduler-file", str(address), "--no-dashboard"]
    scheduler = [*dask[:2], "distributed.cli.dask_scheduler", *common, "--host", "127.0.0.1", "--port", "0"]
    worker = [*dask[:2], "distributed.cli.dask_worker", *common, "--nworkers", "1", "--nthreads", "1", "--no-nanny"]
    worker += ["--host", "127.0.0.1"]
    processes = [subprocess.Popen(scheduler, **quiet)]
    deadline = time.monotonic() + 30
    while not address.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    processes += [subprocess.Popen(worker, **quiet) for _ in range(2)]
    with distributed.Client(scheduler_file=str(address), set_as_default=False) as client:
        client.wait_for_workers(2, timeout=30)
        yield client.scheduler.address, processes[1:]
    for process in processes:
        process.kill()
        process.wait()


def test_same_evidence_as_a_local_run(toy, cluster, tmp_path: Path) -> None:
    address, _ = cluster
    jobs = plan(["toy"], "quick")
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    local, remote = run(jobs, here, workers=0), run(jobs, there, cluster=address)
    assert remote.failed == []
    for name, done in local.runs.items():
        assert here.evidence(done).identical(there.evidence(remote.runs[name]))


def test_a_worker_may_be_killed(toy, cluster, tmp_path: Path) -> None:
    address, workers = cluster
    jobs = plan(["toy"], "quick", changes={"slow.seconds": "3"})

    def kill_soon() -> None:
        time.sleep(2)
        workers[0].kill()

    threading.Thread(target=kill_soon).start()
    outcome = run(jobs, Store(tmp_path / "runs"), cluster=address)
    assert {name: done.status for name, done in outcome.runs.items()} == dict.fromkeys(outcome.runs, "done")
    assert len(outcome.runs) == 3
    assert workers[0].poll() is not None


def test_no_scheduler_there(toy, impatient, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no Dask scheduler answers there"):
        run(plan(["toy"], "quick"), Store(tmp_path), cluster="tcp://127.0.0.1:9")
