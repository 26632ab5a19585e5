"""``symplast compare``: any learning rule with any transform on one task."""

import math
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from symplast.cli.console import check_output, check_picture, err, out, print_json, styled, warn, write_file
from symplast.cli.options import OUT, STORE

if TYPE_CHECKING:
    from symplast.learning.comparison import Comparison

WIDE = 110
"""Columns of a terminal from which rule and transform have columns of their own, and seconds are shown."""
NARROW = 20
"""Columns that they share where it is narrower."""
UNSETTLED = 0.01
"""Share of examples on which a network has not settled from which it is told."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(compare)


def compare(
    rules: list[str] = typer.Option(
        [], "--rule", help="Credit rule, such as ep:homeostasis=1, or sym-stdp. Repeatable."
    ),
    transforms: list[str] = typer.Option(
        [], "--transform", help="Transforms joined by +, such as curl:fraction=0.1+device:levels=64. Repeatable."
    ),
    task: str = typer.Option("digits", help="Task, such as mnist:train=10000 or permuted-digits:tasks=5."),
    network: str = typer.Option("auto", help="feedforward, recurrent (each with settings) or auto."),
    hidden: str = typer.Option("64", help="Units of the hidden layers, such as 64,64, or none."),
    optimiser: str = typer.Option("adam", help="sgd, momentum, adam, or an optax one: optax.adamw:learning_rate=1e-3."),
    epochs: int = typer.Option(5, min=1, help="Passes over the training set (of each task)."),
    batch_size: int = typer.Option(50, min=1, help="Examples an update."),
    tests_per_epoch: int = typer.Option(4, min=1, help="How finely the way to the criterion is measured."),
    criterion: float = typer.Option(0.85, help="Test score to reach."),
    seeds: int = typer.Option(5, min=2, help="Seeds, side by side."),
    seed: int = typer.Option(0, help="Base seed."),
    force: bool = typer.Option(False, "--force", help="Measure again even what is measured already."),
    workers: int | None = typer.Option(None, min=0, help="Local processes; 0 = none. Default: one a CPU."),
    cluster: str | None = typer.Option(None, help="Address of a Dask scheduler, such as tcp://host:8786."),
    out_folder: Path = OUT,
    store_url: str | None = STORE,
    figure: Path | None = typer.Option(None, help="Draw the table into this file, .svg or .png."),
    csv: Path | None = typer.Option(None, help="Write the table to this file, .csv."),
    parts: bool = typer.Option(False, "--parts", help="List the rules, transforms, tasks and so on, and exit."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Train every RULE with every TRANSFORM on one task and tabulate them, with intervals over paired seeds.

    The plain optimiser is always among the transforms, as the control. What is measured already is not run again. Exit
    code 0 when every combination ran; 1 when one was refused or failed; 130 after Ctrl-C, 143 after SIGTERM.
    """
    if parts:
        list_parts(as_json)
        return
    find_in_current_folder()
    if not rules:
        raise ValueError("--rule must be given at least once, such as --rule backprop; --parts lists what there is")
    if csv is not None:
        check_output(csv, "--csv", ".csv")
    if figure is not None:
        check_picture(figure, "--figure")
    from symplast.cli.progress import RichProgress
    from symplast.lab.store import Store
    from symplast.learning.combination import Combination
    from symplast.learning.comparison import compare, wrong_names

    shared = Combination(
        rule=rules[0],
        task=task,
        network=network,
        hidden=_counts(hidden),
        optimiser=optimiser,
        epochs=epochs,
        batch_size=batch_size,
        tests_per_epoch=tests_per_epoch,
        criterion=criterion,
    )
    if problems := wrong_names(rules, transforms, shared):
        raise ValueError("; ".join(f"--{kind} {problem}" for kind, problem in problems))
    if any("hlop" in each for each in transforms) and optimiser.partition(":")[0] != "sgd":
        warn(f"{optimiser} turns changes after the projection of hlop; sgd keeps it exact", "note:")
    with RichProgress(err) as progress:
        found = compare(
            rules,
            transforms,
            shared,
            seeds=seeds,
            seed=seed,
            store=Store(store_url or out_folder / "runs"),
            workers=workers,
            cluster=cluster,
            force=force,
            progress=progress,
        )
    if csv is not None:
        write_file(csv, found.table)
    if figure is not None and len(found.table):
        from symplast.learning.figures import draw_comparison

        write_file(figure, draw_comparison(found))
        err.print(f"figure: {figure}", soft_wrap=True, highlight=False, markup=False)
    if as_json:
        print_json(as_record(found))
    else:
        show(found, criterion)
    if found.interrupted:
        warn("the same command resumes.", "interrupted:")
        raise typer.Exit(found.exit_code)
    if found.refused or found.failed:
        tell_missing(found)
        raise typer.Exit(1)


def find_in_current_folder() -> None:
    """Let modules of the current folder be named: the console script, unlike ``python -m``, does not look there."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)  # last, so that no file of the user's takes the place of a library


def tell_missing(found: "Comparison") -> None:
    """Say last, and on the error stream, that the table is not all that was asked for."""
    counted = Counter(["refused"] * len(found.refused) + [run.status for run in found.failed])
    asked = len(found.table) + counted.total()
    told = " and ".join(f"{count} {what}" for what, count in counted.items())
    warn(f"of {asked} combinations {told}; the reasons are above. The others are measured and kept.", "incomplete:")


def as_record(found: "Comparison") -> dict[str, Any]:
    """The ``--json`` contract, version 1."""
    return {
        "version": 1,
        "combinations": found.table.to_dict("records"),
        "refused": [refusal._asdict() for refusal in found.refused],
        "failed": [{"id": run.name, "status": run.status, "error": run.failure} for run in found.failed],
    }


def show(found: "Comparison", criterion: float) -> None:
    """Print the table, what was refused and what failed."""
    from rich.box import HORIZONTALS
    from rich.table import Table

    sequence = bool(found.table.backward_transfer.notna().any())
    table = Table(box=HORIZONTALS, pad_edge=False)
    wide = out.width >= WIDE
    for name in ("rule", "transform") if wide else ("rule, transform",):
        table.add_column(name, overflow="fold", min_width=0 if wide else NARROW)
    measured = "forgetting" if sequence else f"updates\nto {criterion:g}"
    for name in ["score", "difference", measured, "alignment", *["s"] * wide]:
        table.add_column(name, justify="right", no_wrap=True)
    for index, row in enumerate(found.table.to_dict("records")):
        gap = f"{row['difference']:+.3f} ± {row['difference_high'] - row['difference']:.3f}" if index else "reference"
        reached = f" ({row['reached']:.0%})" if row["reached"] < 1 else ""
        last = f"{-row['backward_transfer']:.3f}" if sequence else _updates(row["updates"]) + reached
        transforms = [] if row["transform"] == "none" else row["transform"].split("+")
        named = [row["rule"], row["transform"]] if wide else ["\n+ ".join([row["rule"], *transforms])]
        table.add_row(
            *named,
            f"{row['score']:.3f} ± {row['score_high'] - row['score']:.3f}",
            gap,
            last,
            "" if math.isnan(row["alignment"]) else f"{row['alignment']:.2f}",
            *[f"{row['seconds']:.1f}"] * wide,
        )
    out.print(table)
    for row in found.table.to_dict("records"):
        tell_doubts(row)
    for refusal in found.refused:
        told = f" {refusal.rule} with {refusal.transform}: {refusal.reason}"
        out.print(styled(("refused", "yellow"), told), soft_wrap=True)
    for run in found.failed:
        told = f" {run.label}: {run.failure.headline if run.failure else ''}"
        out.print(styled((run.status, "red"), told), soft_wrap=True)


def tell_doubts(row: "dict[Any, Any]") -> None:
    """Say where a row's numbers are not what they seem."""
    what = f"{row['rule']} with {row['transform']}"
    if row["diverged"]:
        told = f"loss or outputs of {row['diverged']} of {row['seeds']} seeds are not finite; their scores say nothing"
        out.print(styled(("diverged", "yellow"), f" {what}: {told}"), soft_wrap=True)
    if row["unsettled"] > UNSETTLED:
        told = f"{row['unsettled']:.1%} of the examples at the end; alignment leaves them out. Take more steps"
        told += ", such as --network recurrent:steps=200"
        out.print(styled(("not settled", "yellow"), f" {what}: {told}"), soft_wrap=True)


def list_parts(as_json: bool) -> None:
    """Print what can be named."""
    from symplast.learning.parts import PARTS

    if as_json:
        print_json({kind: {name: part.says for name, part in found.items()} for kind, found in PARTS.items()})
        return
    for kind, found in PARTS.items():
        out.print(kind, style="bold")
        for name, part in found.items():
            settings = ",".join(f"{key}={value}" for key, value in part.settings.items() if key != "name")
            out.print(styled(f"  {name:18} {part.says}", (f"  ({settings})" if settings else "", "dim")))


def _counts(text: str) -> tuple[int, ...]:
    if text.strip() == "none":
        return ()
    try:
        counts = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError(f"--hidden must list whole numbers such as 64,64; got {text!r}") from None
    if any(count < 1 for count in counts):
        raise ValueError(f"--hidden must list numbers of at least 1, got {text!r}")
    return counts


def _updates(value: float) -> str:
    return "never" if value == float("inf") else f"{value:.0f}"
