"""Experiments that do odd things: infinite numbers, exits, huge or broken evidence. Each stays its own problem."""

import _thread
import json
import multiprocessing
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from tests.lab.conftest import search_path
from typer.testing import CliRunner

from symplast.cli import app
from symplast.lab import Store, evidence, plan, registry, run
from symplast.lab.quantities import measure_all

HEAD = """
    import sys
    import numpy as np
    from symplast.lab import Config, Evidence, Study, evidence
    from symplast.stats import Estimate

    study = Study("odd")

    @study.experiment(quick={"x": 1})
    def fine(config: Config, key) -> Evidence:
        "Nothing odd."
        return evidence(a=1.0)

    @study.experiment(quick={"x": 1, "seeds": 25})
    def odd(config: Config, key) -> Evidence:
        "Something odd."
"""
CLAIMS = """
    system = { name = "odd", title = "Odd", summary = "Odd." }
    paper = { title = "Odd", authors = ["A. Author"], year = 2020, arxiv = "2001.00003", bibtex_key = "o2020" }

    [[claim]]
    id = "O1"
    says = "x"
    source = "x"
    kind = "simulation"
    quantity = "odd.a"
    rule = { at_least = 0.1 }
"""


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """Makes a system whose experiment ``odd`` has the given body; returns a function that runs the command."""

    def make(body):
        package, about = tmp_path / "plugin" / "odd", tmp_path / "plugin" / "odd-0.1.dist-info"
        package.mkdir(parents=True)
        about.mkdir()
        study = textwrap.dedent(HEAD) + textwrap.indent(textwrap.dedent(body), "    ")
        for name, text in {
            "__init__.py": "",
            "study.py": study,
            "figures.py": "",
            "claims.toml": textwrap.dedent(CLAIMS),
        }.items():
            (package / name).write_text(text)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 0.1\n")
        (about / "entry_points.txt").write_text("[symplast.systems]\nodd = odd\n")

        monkeypatch.syspath_prepend(str(tmp_path / "plugin"))
        monkeypatch.setenv("PYTHONPATH", search_path(tmp_path / "plugin"))  # for the worker processes
        monkeypatch.chdir(tmp_path)

        def command(*arguments):
            forget()
            return CliRunner().invoke(app, list(arguments))

        return command

    def forget():
        registry._found.cache_clear()
        for name in [name for name in sys.modules if name.partition(".")[0] == "odd"]:
            del sys.modules[name]

    yield make
    forget()


@pytest.mark.parametrize(
    "body",
    [
        "return evidence(a=Estimate(1.0, 0.5, float('inf'), 0.95, 5, 'm'))",
        "return evidence(a=Estimate(float('inf'), 0.5, 2.0, 0.95, 5, 'm'))",
    ],
)
def test_infinite_numbers_survive_the_store(odd, tmp_path, body):
    """JSON has no infinity; the record keeps it as a word."""
    command = odd(body)
    first = json.loads(command("reproduce", "odd", "--workers", "0", "--json").stdout)
    second = command("reproduce", "odd", "--workers", "0", "--json")
    assert "damaged" not in second.stderr
    assert len(list((tmp_path / "symplast-out" / "runs" / "odd.odd").iterdir())) == 1
    assert [c["verdict"] for c in json.loads(second.stdout)["claims"]] == [c["verdict"] for c in first["claims"]]


@pytest.mark.parametrize("workers", ["0", "1"])
def test_evidence_that_cannot_be_written_fails_its_experiment_only(odd, workers):
    """netCDF takes no dict as an attribute."""
    done = odd("return evidence(a=1.0, notes={'setting': {'nested': 1}})")(
        "reproduce", "odd", "--workers", workers, "--json"
    )
    assert done.exit_code == 1
    assert {r["experiment"]: r["status"] for r in json.loads(done.stdout)["runs"]} == {"fine": "done", "odd": "failed"}


def test_one_nan_sample_does_not_throw_the_evidence_away(odd):
    """What is not a number has no estimate; everything else measured with it counts."""
    done = odd("""
        x = np.arange(25.0)
        y = x.copy()
        y[3] = np.nan
        return evidence(a=(("seed",), x + 1), auxiliary=(("seed",), y))
    """)("reproduce", "odd", "--workers", "0", "--json")
    told = json.loads(done.stdout)
    assert {r["experiment"]: r["status"] for r in told["runs"]}["odd"] == "done"
    assert told["claims"][0]["verdict"] == "reproduced"


def test_trajectories_that_no_claim_reads_get_no_intervals():
    """Bootstrapping them entry by entry would take minutes."""
    path = np.random.default_rng(0).normal(size=(25, 5000))
    found = evidence(a=(("seed",), np.arange(25.0) + 1), path=(("seed", "t"), path))
    assert measure_all(found, {"a"}).keys() == {"a"}


@pytest.mark.parametrize("workers", ["0", "1"])
def test_an_experiment_that_exits_is_a_failure(odd, workers):
    """`sys.exit` in an experiment ends neither the worker nor the command."""
    done = odd("sys.exit(3)")("reproduce", "odd", "--workers", workers, "--json")
    assert done.exit_code == 1
    assert {r["experiment"]: r["status"] for r in json.loads(done.stdout)["runs"]} == {"fine": "done", "odd": "failed"}


def test_interrupt_leaves_other_processes_of_the_program_alone(toy, tmp_path):
    """Only the run's own workers are killed."""
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    other.start()
    try:
        jobs = [job for job in plan(["toy"], "quick", changes={"slow.seconds": "30"}) if job.experiment == "slow"]
        threading.Timer(3, _thread.interrupt_main).start()
        assert run(jobs, Store(tmp_path / "runs"), workers=1).interrupted
        time.sleep(0.3)
        assert other.is_alive()
    finally:
        other.kill()
        other.join()


def test_no_affinity_call_on_systems_without_it(toy, tmp_path, monkeypatch):
    """macOS and Windows have no os.sched_getaffinity."""
    import os

    monkeypatch.delattr(os, "sched_getaffinity")
    jobs = [job for job in plan(["toy"], "quick") if job.experiment == "arithmetic"]
    assert run(jobs, Store(tmp_path / "runs")).failed == []


def test_records_of_an_older_schema_are_not_damaged(toy, tmp_path):
    """The hash is over the stored bytes, so a field that a version does not know does no harm."""
    import hashlib

    import msgspec

    store = Store(tmp_path / "runs")
    run([job for job in plan(["toy"], "quick") if job.experiment == "arithmetic"], store, workers=0)
    path = next((tmp_path / "runs").glob("*/*/run.json"))
    sealed = json.loads(path.read_text())
    sealed["run"]["written_by_a_later_version"] = 1
    body = json.dumps(sealed["run"], separators=(",", ":"))
    sealed["sha256"] = hashlib.sha256(body.encode()).hexdigest()
    path.write_bytes(msgspec.json.format(json.dumps(sealed).encode(), indent=1))
    store.runs()
    assert store.damages == []
