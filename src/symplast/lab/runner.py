"""The runner: which experiments need running, and running them, here, in processes or on a Dask cluster.

``plan`` compares what is asked for with what the store holds; ``run`` executes the rest. A run that is killed loses
only the experiments that were running: each result is stored the moment it exists.
"""

import re
import signal
import time
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from symplast.lab.claims import Scale
from symplast.lab.provenance import cpus
from symplast.lab.records import Failure, Identity, Run, identity
from symplast.lab.registry import room
from symplast.lab.store import Store, new_run_id
from symplast.lab.study import Config, check_setting
from symplast.lab.workers import ATTEMPTS, Terminated, ending_in_order, executor_of

RAISED_IN_JIT = re.compile(r"^(?:equinox\.)?EquinoxRuntimeError: (.+)$", re.MULTILINE)
"""What an error raised inside a compiled program says, among the stacks that Equinox puts around it."""

MANY_MAPPINGS = 20_000
"""Memory mappings from which a worker forgets its programs after an experiment; fewer leave room for the next one."""

DIED = f"the worker process died under it {ATTEMPTS} times: killed, out of memory, or a script without a main guard"

GUESS_S: Mapping[Scale, float] = {"quick": 10, "full": 120, "paper": 600}


@dataclass(frozen=True)
class Job:
    """One experiment to run: plain data, so that any worker anywhere can take it."""

    system: str
    experiment: str
    scale: Scale
    config: dict[str, Any]
    code: str
    data: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    label: str = ""

    @property
    def name(self) -> str:
        """``<system>.<experiment>``, and the label that tells jobs of one experiment apart."""
        return f"{self.system}.{self.experiment}" + (f"[{self.label}]" if self.label else "")

    @property
    def record(self) -> dict[str, Any]:
        """The part of a run's record that is known before it runs."""
        return {
            "id": new_run_id(),
            "system": self.system,
            "experiment": self.experiment,
            "scale": self.scale,
            "config": self.config,
            "changed": list(self.changed),
            "label": self.label,
            "code": self.code,
            "data": list(self.data),
            "data_sha256": self.data_sha256,
        }

    @cached_property
    def identity(self) -> Identity:
        """Equal to that of a run which already measured this."""
        return identity(self.system, self.experiment, self.config, self.data_sha256, self.code)

    @cached_property
    def data_sha256(self) -> dict[str, str]:
        """Name -> hash of each data set, as the registry has them: a file of another hash is never read."""
        from symplast.datasets.registry import describe

        return {name: describe(name).sha256 for name in self.data}


def plan(
    systems: list[str], scale: Scale, *, seeds: int | None = None, changes: Mapping[str, str] | None = None
) -> list[Job]:
    """The jobs that measure the systems at a scale.

    Args:
        systems: names.
        scale: quick, full or paper.
        seeds: number of seeds where an experiment has them.
        changes: ``parameter`` or ``experiment.parameter`` -> new value as text.

    Raises:
        ValueError: unknown system, a change that fits no experiment, or a value of the wrong type.
    """
    jobs, used = [], set()
    for name in systems:
        place = room(name)
        study = place.outline()
        for experiment in study.experiments.values():
            if experiment.on_demand or scale not in experiment.scales:
                continue
            mine = {}
            for change, text in (changes or {}).items():
                owner, _, parameter = change.rpartition(".")
                if owner in ("", experiment.name, f"{name}.{experiment.name}") and parameter in {
                    "seed",
                    *experiment.settings[scale],
                }:
                    mine[parameter] = text
                    used.add(change)
            config, own = experiment.config(scale, seeds, mine), experiment.config(scale)
            changed = tuple(parameter for parameter in config if config[parameter] != own[parameter])
            code = place.code(experiment.name)
            jobs.append(Job(name, experiment.name, scale, dict(config), code, experiment.data[scale], changed))
    if seeds is not None and not any("seeds" in job.config for job in jobs):
        raise ValueError(f"--seeds: no experiment of {', '.join(systems)} has seeds")
    if unused := set(changes or {}) - used:
        known = sorted({f"{job.experiment}.{parameter}" for job in jobs for parameter in job.config})
        raise ValueError(f"--set {', '.join(sorted(unused))}: no such parameter; there are {', '.join(known)}")
    return jobs


def execute(job: Job, store_url: str, order: int = 0) -> Run:
    """Run one job and store what it measured; never raises for a failing experiment.

    This is what a worker calls, in this process or elsewhere.

    Args:
        job: what to run.
        store_url: where the run goes.
        order: its place among the store's runs.
    """
    from symplast.lab.jax_setup import CompileClock, compile_briefly, drop_programs, use_compilation_cache
    from symplast.lab.provenance import cpu_seconds, peak_memory_mb, provenance
    from symplast.lab.quantities import measure_all

    use_compilation_cache()
    if job.scale == "quick":
        compile_briefly()
    source = provenance()
    record = job.record | {"provenance": source, "order": order}
    dataset, quantities, failure, status = None, {}, None, "done"
    begin, cpu_begin = time.perf_counter(), cpu_seconds()
    with CompileClock() as clock:
        try:
            place = room(job.system)
            if place.code(job.experiment) != job.code:
                raise RuntimeError(
                    f"this worker has other code of {job.system} than the one that planned the run; "
                    "install the same version everywhere, or run again"
                )
            experiment = place.study().experiments[job.experiment]
            if missing := _missing_data(job.data):
                status, failure = "skipped", Failure(type="DatasetUnavailable", message=missing)
            else:
                import jax

                dataset = experiment.measure(Config(job.config), jax.random.key(job.config["seed"]))
                quantities = measure_all(dataset, place.claimed(job.experiment))
        except (Exception, SystemExit) as error:
            status, failure, dataset, quantities = "failed", _failure(error), None, {}
        finally:
            drop_programs(from_mappings=MANY_MAPPINGS)
    record |= {
        "status": status,
        "failure": failure,
        "quantities": quantities,
        "files": {},
        "compile_s": round(clock.seconds, 3),
        "run_s": round(time.perf_counter() - begin - clock.seconds, 3),
        "cpu_s": round(cpu_seconds() - cpu_begin, 3),
        "peak_memory_mb": peak_memory_mb(),
    }
    run = Run(**record)
    if status == "skipped":
        return run
    try:
        return Store(store_url).add(run, dataset)
    except Exception as error:  # a full disk, or evidence that netCDF can't hold
        unstored = Failure(type=type(error).__name__, message=f"the result could not be stored: {error}")
        return Run(**record | {"status": "failed", "quantities": {}, "failure": unstored})


def _missing_data(names: tuple[str, ...]) -> str:
    """Why a data set is not available, with the way out; empty when all are there."""
    from symplast import datasets

    for name in names:
        try:
            datasets.folder(name)
        except datasets.DatasetUnavailable as error:
            return str(error)
    return ""


def _failure(error: BaseException) -> Failure:
    told = "".join(traceback.format_exception(error))
    raised_in_jit = RAISED_IN_JIT.search(str(error))
    return Failure(type=type(error).__name__, message=raised_in_jit[1] if raised_in_jit else str(error), traceback=told)


@dataclass
class Outcome:
    """What came of a call of :func:`run`.

    Attributes:
        runs: job -> its run, measured now or before; jobs that did not finish are missing.
        reused: jobs whose run was in the store already.
        interrupted: stopped by Ctrl-C or SIGTERM.
        exit_code: of a command that ends so, as shells have it: 128 and the signal's number.
    """

    runs: dict[str, Run] = field(default_factory=dict)
    reused: set[str] = field(default_factory=set)
    interrupted: bool = False
    exit_code: int = 0

    @property
    def failed(self) -> list[Run]:
        """Runs that failed."""
        return [run for run in self.runs.values() if run.status == "failed"]


class Progress:
    """What ``run`` tells while it works; the command line draws it, tests record it."""

    def begin(self, jobs: list[Job], expected_s: dict[str, float]) -> None:
        """Called once with the jobs that need running and how long each may take."""

    def started(self, job: Job) -> None:
        """A worker has taken the job."""

    def finished(self, job: Job, run: Run) -> None:
        """The job has a run."""

    def tick(self) -> None:
        """Called about four times a second."""


def run(
    jobs: list[Job],
    store: Store,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Run those jobs that the store has no sound, fresh run of.

    Args:
        jobs: from :func:`plan`.
        store: where runs are and go.
        workers: local processes; 0 runs in this process; None means one for each CPU, at most one a job.
        cluster: address of a Dask scheduler, used instead of local processes.
        force: run even what is measured already.
        progress: is told what happens.

    Returns:
        The runs by job name. Ctrl-C or SIGTERM ends it early with ``interrupted`` set; nothing stored is lost.
    """
    if store.url.startswith("memory:") and workers != 0:
        raise ValueError(f"the store {store.url} is seen by one process only: use --workers 0, or a folder")
    for job in jobs:
        for name, value in job.config.items():
            check_setting(f"{name} of {job.name}", value)
    progress = progress or Progress()
    known = store.runs()
    outcome = Outcome()
    if not force:
        outcome.runs = fresh_runs(jobs, known, store)
        outcome.reused = set(outcome.runs)
    todo = [job for job in jobs if job.name not in outcome.runs]
    order = 1 + max((r.order for r in known), default=0)
    past = {(r.name, r.scale): r.run_s + r.compile_s for r in known if r.status == "done"}
    expected = {job.name: past.get((job.name, job.scale), GUESS_S[job.scale]) for job in todo}
    todo.sort(key=lambda job: -expected[job.name])  # longest first: the workers end together
    progress.begin(todo, expected)
    if not todo:
        return outcome
    try:
        with ending_in_order():
            _measure(todo, (store.url, order), workers, cluster, progress, outcome)
    except KeyboardInterrupt as error:
        stored = [run for run in store.runs() if run.order == order]  # also what no worker could report any more
        outcome.runs = fresh_runs(todo, stored, store) | outcome.runs
        outcome.interrupted = True
        outcome.exit_code = 128 + (signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT)
    return outcome


def _measure(
    todo: list[Job],
    where: tuple[str, int],
    workers: int | None,
    cluster: str | None,
    progress: Progress,
    outcome: Outcome,
) -> None:
    """Run jobs where they are to run; each one's run goes into the outcome as it ends."""
    if cluster is None and workers == 0:
        for job in todo:
            progress.started(job)
            outcome.runs[job.name] = execute(job, *where)
            progress.finished(job, outcome.runs[job.name])
    else:
        count = len(todo) if cluster else min(len(todo), workers or cpus())
        for job, done in _in_parallel(todo, where, count, cluster, progress):
            outcome.runs[job.name] = done
            progress.finished(job, done)


def fresh_runs(jobs: list[Job], known: list[Run], store: Store) -> dict[str, Run]:
    """The jobs that are measured already: name -> newest sound run of the same experiment, parameters and code."""
    done: dict[Identity, list[Run]] = {}
    for run in known:
        if run.status == "done":
            done.setdefault(run.identity, []).append(run)
    newest = ((job, next(filter(store.is_sound, reversed(done.get(job.identity, []))), None)) for job in jobs)
    return {job.name: run for job, run in newest if run is not None}


def _in_parallel(
    todo: list[Job], where: tuple[str, int], count: int, cluster: str | None, progress: Progress
) -> Iterator[tuple[Job, Run]]:
    """Jobs as they finish. A worker process that dies takes nothing with it but the experiments it was running."""
    deaths: dict[str, int] = {}
    while todo:
        retry = []
        with executor_of(count, cluster) as executor:
            waiting: dict[Future[Run], Job] = {executor.submit(execute, job, *where): job for job in todo}
            running: set[str] = set()
            while waiting:
                unfinished = {
                    job.name for job in waiting.values()
                }  # a pool calls one more job running than it has workers
                for future, job in waiting.items():
                    if job.name not in running and future.running() and len(running & unfinished) < count:
                        running.add(job.name)
                        progress.started(job)
                done, _ = wait(waiting, timeout=0.25, return_when=FIRST_COMPLETED)
                progress.tick()
                for future in done:
                    job = waiting.pop(future)
                    try:
                        yield job, future.result()
                    except BrokenProcessPool:
                        deaths[job.name] = deaths.get(job.name, 0) + (job.name in running)
                        if deaths[job.name] < ATTEMPTS:
                            retry.append(job)
                        else:
                            yield job, _lost(job, DIED)
                    except Exception as error:  # the cluster gave it up
                        yield job, _lost(job, f"{type(error).__name__}: {error}")
        todo, count = retry, 1  # one at a time, so that a killer is told from its neighbours


def _lost(job: Job, message: str) -> Run:
    from symplast.lab.provenance import provenance

    return Run(
        **job.record,
        status="failed",
        compile_s=0,
        run_s=0,
        peak_memory_mb=0,
        quantities={},
        files={},
        provenance=provenance(),
        failure=Failure(type="WorkerLost", message=message),
    )
