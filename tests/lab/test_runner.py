"""The runner: what is fresh is not run again, failures stay apart, samples are reproducible."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.lab.conftest import toy_system

from symplast.lab import Store, plan, run
from symplast.lab.audit import audit, newest
from symplast.lab.jax_setup import CompileClock
from symplast.lab.runner import Outcome, execute


@pytest.fixture(scope="module")
def in_a_worker(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Store, Path]:
    """The toy system in one worker, which dies once, while one experiment fails; the mark that it has died."""
    folder = tmp_path_factory.mktemp("worker")
    store = Store(folder / "runs")
    with pytest.MonkeyPatch.context() as patch, toy_system(patch):
        patch.setenv("TOY_FAIL", "1")
        patch.setenv("TOY_DIE_ONCE", str(folder / "died"))
        return run(plan(["toy"], "quick"), store, workers=1), store, folder / "died"


def test_run_then_nothing_to_do(toy, tmp_path: Path) -> None:
    store, jobs = Store(tmp_path), plan(["toy"], "quick")
    first = run(jobs, store, workers=0)
    assert {name: done.status for name, done in first.runs.items()} == dict.fromkeys(first.runs, "done")
    assert first.reused == set()
    again = run(jobs, store, workers=0)
    assert again.reused == set(first.runs)
    assert again.runs == first.runs
    forced = run(jobs, store, workers=0, force=True)
    assert forced.reused == set()
    assert len(store.runs()) == 6


def test_only_what_changed_is_run_again(toy, tmp_path: Path) -> None:
    store = Store(tmp_path)
    run(plan(["toy"], "quick"), store, workers=0)
    changed = run(plan(["toy"], "quick", changes={"coin.tosses": "41"}), store, workers=0)
    assert changed.reused == {"toy.arithmetic", "toy.slow"}
    full = run(plan(["toy"], "full"), store, workers=0)
    assert full.reused == {"toy.arithmetic", "toy.slow"}  # the same parameters at both scales
    assert full.runs["toy.coin"].config["seeds"] == 32


def test_samples_are_reproducible_bit_for_bit(toy, in_a_worker, tmp_path: Path) -> None:
    """Same (config, seed): the same bytes, in this process and in a worker process; another seed: others."""
    coins = [job for job in plan(["toy"], "quick") if job.experiment == "coin"]
    outcome, store, _ = in_a_worker
    samples = [store.evidence(outcome.runs["toy.coin"]).heads.values]
    for folder in ("a", "b"):
        store = Store(tmp_path / folder)
        samples.append(store.evidence(run(coins, store, workers=0).runs["toy.coin"]).heads.values)
    assert samples[0].tobytes() == samples[1].tobytes() == samples[2].tobytes()
    store = Store(tmp_path / "d")
    others = [job for job in plan(["toy"], "quick", changes={"seed": "1"}) if job.experiment == "coin"]
    assert not np.array_equal(store.evidence(run(others, store, workers=0).runs["toy.coin"]).heads, samples[0])
    more = [job for job in plan(["toy"], "quick", seeds=12) if job.experiment == "coin"]
    longer = store.evidence(run(more, store, workers=0).runs["toy.coin"]).heads.values
    assert np.array_equal(longer[:8], samples[0])  # more seeds extend the samples


def test_one_failure_leaves_the_others_standing(toy, in_a_worker) -> None:
    outcome, store, _ = in_a_worker
    assert [r.name for r in outcome.failed] == ["toy.arithmetic"]
    failure = outcome.failed[0].failure
    assert (failure.type, failure.message) == ("RuntimeError", "the abacus is broken")
    assert "in arithmetic" in failure.traceback
    found = audit(toy, outcome.runs.values(), "quick")
    by_id = {verdict.claim.id: verdict for verdict in found.verdicts}
    assert by_id["T1"].outcome == "not run"
    assert "the abacus is broken" in by_id["T1"].reason
    assert by_id["T2"].outcome == "reproduced"
    repaired = run(plan(["toy"], "quick"), store, workers=0)
    assert repaired.failed == []
    assert repaired.reused == {"toy.coin", "toy.slow"}


def test_a_worker_that_dies_once_is_replaced(in_a_worker) -> None:
    outcome, _, died = in_a_worker
    assert died.exists()
    assert {name: done.status for name, done in outcome.runs.items()} == {
        "toy.arithmetic": "failed",  # for a reason of its own
        "toy.coin": "done",
        "toy.slow": "done",
    }


def test_an_experiment_that_kills_its_worker_is_reported(toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_DIE", "1")
    outcome = run(plan(["toy"], "quick"), Store(tmp_path), workers=2)
    assert [(r.name, r.failure.type) for r in outcome.failed] == [("toy.slow", "WorkerLost")]
    assert len(outcome.runs) == 3


def test_verdicts_from_the_store(toy, tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert newest(store.runs(), toy) == ([], "quick")
    run(plan(["toy"], "full"), store, workers=0)
    runs, scale = newest(store.runs(), toy)
    assert (len(runs), scale) == (3, "full")
    found = audit(toy, runs, scale)
    assert found.counts == {"reproduced": 2, "partly": 2, "inconclusive": 1, "not testable here": 1}
    assert not any(verdict.stale for verdict in found.verdicts)


def test_stale_after_a_change_of_code(toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    done = run(plan(["toy"], "quick"), store, workers=0)
    monkeypatch.setattr(type(toy), "code", lambda self, experiment: "another")
    found = audit(toy, done.runs.values(), "quick")
    assert {verdict.claim.id for verdict in found.verdicts if verdict.stale} == {"T1", "T2", "T3", "T4", "T6"}
    assert run(plan(["toy"], "quick"), store, workers=0).reused == set()


def test_a_run_with_changed_parameters_replaces_nothing(toy, tmp_path: Path) -> None:
    store = Store(tmp_path)
    run(plan(["toy"], "quick"), store, workers=0)
    changed = run(plan(["toy"], "quick", changes={"coin.tosses": "2"}), store, workers=0)
    assert audit(toy, changed.runs.values(), "quick").changed == ["coin.tosses=2"]
    runs, _ = newest(store.runs(), toy)
    assert {r.experiment: r.changed for r in runs} == {"arithmetic": [], "coin": [], "slow": []}


def test_a_failure_of_the_present_code_is_seen(toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    run(plan(["toy"], "quick"), store, workers=0)
    monkeypatch.setattr(type(toy), "code", lambda self, experiment: "another")
    monkeypatch.setenv("TOY_FAIL", "1")
    run(plan(["toy"], "quick"), store, workers=0)
    runs, _ = newest(store.runs(), toy)
    assert {r.experiment: r.status for r in runs} == {"arithmetic": "failed", "coin": "done", "slow": "done"}


def test_a_worker_with_other_code_measures_nothing(toy, tmp_path: Path) -> None:
    job = dataclasses.replace(plan(["toy"], "quick")[0], code="other")
    failed = execute(job, str(tmp_path))
    assert failed.status == "failed"
    assert "other code of toy" in failed.failure.message


def test_a_store_in_memory_is_for_one_process(toy) -> None:
    with pytest.raises(ValueError, match="seen by one process only"):
        run(plan(["toy"], "quick"), Store("memory://here"), workers=1)


def test_compile_clock_counts_programs() -> None:
    import jax
    import jax.numpy as jnp

    triple = jax.jit(lambda x: 3 * x + 0.1234)
    with CompileClock() as clock:
        triple(jnp.arange(3.0)).block_until_ready()
    first = clock.count
    with CompileClock() as clock:
        triple(jnp.arange(3.0) + 0.0).block_until_ready()
    assert first >= 1
    assert clock.count <= 1  # at most the addition, not the jitted function again


def test_dropped_programs_give_their_memory_back() -> None:
    """The mappings of a process are few; a worker that kept every program would run out of them."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("needs /proc")
    code = (
        "import jax, jax.numpy as jnp\n"
        "from symplast.lab.jax_setup import drop_programs\n"
        "count = lambda: sum(1 for _ in open('/proc/self/maps'))\n"
        "loss = lambda x, n: jax.lax.scan(lambda y, _: (jnp.sort(jnp.tanh(y @ y) + n), y), x, None, 3)[0].sum()\n"
        "programs = [jax.jit(jax.grad(lambda x, n=n: loss(x, n))) for n in range(12)]\n"
        "few = programs[0](jnp.ones((5, 5))) is not None and count()\n"
        "many = [program(jnp.ones((5, 5))) for program in programs] and count()\n"
        "drop_programs()\n"
        "assert many > few and count() < many, (few, many, count())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_commands_answer_quickly_because_they_import_little() -> None:
    code = (
        "import sys, symplast.cli; "
        "heavy = {'jax', 'numpy', 'pandas', 'scipy', 'xarray', 'matplotlib', 'duckdb'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_stored_counts_when_interrupted(toy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker may have stored a run that it can't report any more."""

    def measure(todo, where, *_):
        execute(todo[0], *where)
        raise KeyboardInterrupt

    monkeypatch.setattr("symplast.lab.runner._measure", measure)
    outcome = run(plan(["toy"], "quick"), Store(tmp_path), workers=0)
    assert outcome.interrupted
    assert len(outcome.runs) == 1
