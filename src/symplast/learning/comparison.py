"""Every rule with every transform on one task, through the lab: stored, resumed, spread over workers or a cluster."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from symplast import datasets, stats
from symplast.lab import Job, Run, Store, room, run
from symplast.lab.fingerprint import modules_fingerprint
from symplast.lab.runner import Outcome, Progress
from symplast.learning.combination import LAYER, Combination
from symplast.learning.parts import Kind, chain, named


class Refusal(NamedTuple):
    """A combination that makes no sense, and why."""

    rule: str
    transform: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """What came of comparing.

    Attributes:
        table: one row a combination (columns in :class:`Row`).
        refused: combinations that make no sense.
        failed: runs that failed, or whose data is missing.
        evidence: label -> everything measured of it, seed by seed.
        interrupted: stopped by Ctrl-C or SIGTERM; the same call resumes.
        exit_code: of a command that was stopped so, as shells have it: 128 and the signal's number.
    """

    table: pd.DataFrame
    refused: list[Refusal]
    failed: list[Run]
    evidence: dict[str, xr.Dataset]
    interrupted: bool = False
    exit_code: int = 0


def compare(
    rules: Sequence[str],
    transforms: Sequence[str],
    shared: Combination,
    *,
    seeds: int = 5,
    seed: int = 0,
    store: Store | str | Path = "symplast-out/runs",
    workers: int | None = 0,
    cluster: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Train every rule with every transform and tabulate them next to a reference.

    Seeds are paired: seed i has the same order of examples in every combination, and the same initial network wherever
    the kind of network is the same. The plain optimiser (``none``) is always among the transforms, as the control.

    Args:
        rules, transforms: in words, as in :mod:`symplast.learning.parts`.
        shared: what all combinations have in common; its own rule and transform don't count.
        seeds: how many, at least 2.
        seed: base seed.
        store: where runs are kept; what is measured already is not run again.
        workers, cluster, force, progress: as for :func:`symplast.lab.run`.

    Returns:
        The comparison. The reference of the paired differences is the first rule without transform.

    Raises:
        ValueError: names or settings that don't exist (all of them, before anything is trained), fewer than two
            seeds, or no combination that makes sense.
    """
    if seeds < 2:
        raise ValueError(f"seeds must be at least 2 for intervals, got {seeds}")
    if problems := wrong_names(rules, transforms, shared):
        raise ValueError("; ".join(f"{kind} {problem}" for kind, problem in problems))
    place = store if isinstance(store, Store) else Store(store)
    wanted = dict.fromkeys(["none", *map(_without_none, transforms)])
    pairs = [(rule, transform) for rule in dict.fromkeys(rules) for transform in wanted]
    if not pairs:
        raise ValueError("rules must name at least one rule")
    jobs, refused = plan(pairs, shared, seeds=seeds, seed=seed)
    if not jobs:
        raise ValueError("; ".join(f"{r.rule} with {r.transform}: {r.reason}" for r in refused))
    place.check_writable()
    outcome = run(jobs, place, workers=workers, cluster=cluster, force=force, progress=progress)
    return collect(jobs, outcome, place, refused)


def wrong_names(rules: Sequence[str], transforms: Sequence[str], shared: Combination) -> list[tuple[Kind, str]]:
    """Everything that was named and can't be built, whatever it is combined with: its kind, and its name and fault.

    All of it, so that a user need not find one fault a try, and before anything is trained.
    """
    tried: list[tuple[Kind, str, Callable[[], Any]]] = [("rule", text, partial(_check_rule, text)) for text in rules]
    tried += [("transform", text, partial(chain, text, "sgd")) for text in transforms]
    tried += [
        ("optimiser", shared.optimiser, lambda: named("optimiser", shared.optimiser).build()),
        ("task", shared.task, lambda: named("task", shared.task).check()),
    ]
    if shared.network != "auto":
        given = ("sizes", "readout", "key")
        tried.append(("network", shared.network, lambda: named("network", shared.network).check(given)))
    problems: dict[tuple[Kind, str], None] = {}
    for kind, text, check in tried:
        try:
            check()
        except ValueError as error:
            problems[kind, _after(text, str(error))] = None
    return list(problems)


def _after(text: str, fault: str) -> str:
    return fault if fault.startswith(text) else f"{text}: {fault}"


def _check_rule(text: str) -> None:
    rule = named("rule", text)
    if rule.part.brings_network:
        rule.check(("sizes",))
    else:
        rule.build()


def _without_none(transform: str) -> str:
    """``none`` adds nothing to a sum."""
    return "+".join(each for each in transform.split("+") if each.strip() != "none") or "none"


def plan(
    pairs: Iterable[tuple[str, str]], shared: Combination, *, seeds: int, seed: int
) -> tuple[list[Job], list[Refusal]]:
    """Jobs of the combinations that make sense, and the others with the reason."""
    task = named("task", shared.task)
    data = tuple(name for name in [task.settings.get("name")] if name in datasets.names())
    code = room("learning").code("combination")
    tasks = shared.tasks()
    jobs, refused = [], []
    for rule, transform in pairs:
        tried = Combination(**{**asdict(shared), "rule": rule, "transform": transform})
        try:
            tried.learner(tasks)
        except ValueError as error:
            refused.append(Refusal(rule, transform, str(error)))
            continue
        behind = modules_fingerprint(tried.modules())
        config = {"seed": seed, "seeds": seeds, **asdict(tried), "hidden": list(tried.hidden), "parts": behind}
        label = f"{rule}, {transform}"
        jobs.append(Job("learning", "combination", "quick", config, code, data, label=label))
    return jobs, refused


def collect(jobs: list[Job], outcome: Outcome, store: Store, refused: list[Refusal]) -> Comparison:
    """Read the runs' evidence and tabulate it, in the order of the jobs."""
    runs = [outcome.runs[job.name] for job in jobs if job.name in outcome.runs]
    done, failed = ([run for run in runs if (run.status == "done") is wanted] for wanted in (True, False))
    evidence = {run.label: store.evidence(run) for run in done}
    order = [(run.config["rule"], run.config["transform"], run.label, run.run_s) for run in done]
    return Comparison(tabulate(order, evidence), refused, failed, evidence, outcome.interrupted, outcome.exit_code)


class Row(NamedTuple):
    """What the table says of a combination.

    Attributes:
        rule, transform: in words.
        score, score_low, score_high: at the end, with the 95 % t interval over seeds.
        difference, difference_low, difference_high: to the reference, with its paired interval.
        loss: at the end.
        backward_transfer: NaN for a single task.
        updates: the median of the updates to the criterion.
        reached: the share of seeds that got there.
        alignment: the mean over hidden layers of the cosine between the rule's direction and the gradient at the end,
            on training examples that settle.
        unsettled: the share of examples that don't (NaN for networks that don't settle by their nature).
        seconds: of running, all seeds together, without compiling.
        seeds: how many.
        diverged: of how many seeds the loss is not finite or the outputs are no numbers, so that their scores say
            nothing. With such a score the mean and the interval are no numbers either.
    """

    rule: str
    transform: str
    score: float
    score_low: float
    score_high: float
    difference: float
    difference_low: float
    difference_high: float
    loss: float
    backward_transfer: float
    updates: float
    reached: float
    alignment: float
    unsettled: float
    seconds: float
    seeds: int
    diverged: int


def tabulate(order: list[tuple[str, str, str, float]], evidence: dict[str, xr.Dataset]) -> pd.DataFrame:
    """One row a combination, with the columns of :class:`Row`.

    Args:
        order: rule, transform, label and seconds of each row; the first is the reference.
        evidence: label -> evidence.
    """
    rows: list[Row] = []
    for rule, transform, label, seconds in order:
        found, reference = evidence[label], evidence[order[0][2]]
        reached = np.isfinite(found.updates_to_criterion.values)
        single = not np.isnan(found.updates_to_criterion.values).all()
        hidden = found.alignment.values
        if found.sizes["layer"] > 1 and str(found.layer.values[0]).startswith(LAYER):
            hidden = hidden[:, :-1]
        rows.append(
            Row(
                rule,
                transform,
                *_interval(found.score.values),
                *_interval(found.score.values - reference.score.values),
                loss=float(found.loss.mean()),
                backward_transfer=float(found.backward_transfer.mean()),
                updates=float(np.median(found.updates_to_criterion)) if single else np.nan,
                reached=float(reached.mean()) if single else np.nan,
                alignment=float(hidden.mean()),
                unsettled=float(found.unsettled.mean()),
                seconds=seconds,
                seeds=found.sizes["seed"],
                diverged=int((~np.isfinite(found.loss.values) | np.isnan(found.score.values)).sum()),
            )
        )
    return pd.DataFrame(rows, columns=Row._fields)


def _interval(sample: np.ndarray) -> tuple[float, float, float]:
    """The mean and the ends of its interval; NaN where a seed has diverged."""
    if not np.isfinite(sample).all():
        return np.nan, np.nan, np.nan
    found = stats.mean_interval(sample)
    return found.value, found.low, found.high
