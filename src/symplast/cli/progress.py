"""Live progress of a run: what is running, how long it has taken, how long it may take."""

import math
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from symplast.cli.console import printable, styled
from symplast.lab.records import Run
from symplast.lab.runner import Job
from symplast.lab.runner import Progress as Listener

MARKS = {"done": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("–", "yellow")}


class RichProgress(Listener):
    """Draws the progress of :func:`symplast.lab.run` on a terminal; prints a line per experiment elsewhere.

    The bar counts expected seconds, taken from earlier runs of the same experiment where there are any, so that the
    time left means something although experiments differ in length.
    """

    def __init__(self, console: Console):
        self._console = console
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}", style="dim", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._expected: dict[str, float] = {}
        self._tasks: dict[str, tuple[TaskID, float]] = {}
        self._ended: set[str] = set()
        self._total: TaskID | None = None

    def __enter__(self) -> "RichProgress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, jobs: list[Job], expected_s: dict[str, float]) -> None:
        self._expected = expected_s
        if jobs:
            self._total = self._bar.add_task(f"{len(jobs)} experiments", total=sum(expected_s.values()), left="")

    def started(self, job: Job) -> None:
        task = self._bar.add_task(f"  {printable(job.name)}", total=self._expected[job.name], left="")
        self._tasks[job.name] = (task, time.monotonic())

    def finished(self, job: Job, run: Run) -> None:
        self._ended.add(job.name)
        if job.name in self._tasks:
            self._bar.remove_task(self._tasks.pop(job.name)[0])
        seconds = f"{run.run_s:.1f} s" + (f" + {run.compile_s:.1f} s compiling" if run.compile_s >= 0.05 else "")
        told = run.failure.headline[:120] if run.failure else ""
        self._console.print(styled(MARKS[run.status], f" {job.name} ", (f"({seconds})", "dim"), f" {told}"))
        self.tick()

    def tick(self) -> None:
        if self._total is None:
            return
        done = sum(self._expected[name] for name in self._ended)
        for name, (task, begin) in self._tasks.items():
            spent = min(time.monotonic() - begin, 0.98 * self._expected[name])
            self._bar.update(task, completed=spent)
            done += spent
        total = sum(self._expected.values())
        elapsed = self._bar.tasks[0].elapsed or 0.0
        left_s = elapsed / done * (total - done) if done > 0.05 * total else math.inf
        left = "" if left_s == math.inf else f"about {left_s:.0f} s left" if left_s >= 1 else "longer than before"
        self._bar.update(self._total, completed=done, left=left)
