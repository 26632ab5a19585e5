"""``symplast bilateral``: train, evaluate and show controllers of an arm; measure recorded movements."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import check_output, check_picture, computing, err, out, print_json, tell, write_file
from symplast.cli.naming import naming
from symplast.cli.options import AS_JSON, check_least

if TYPE_CHECKING:
    import pandas as pd

    from symplast.bilateral import MotorLoss, TwoLinkArm
    from symplast.bilateral.training_files import Plan, Trained
    from symplast.learning import Task

app = typer.Typer(
    help="Two hemispheres that control an arm: train, evaluate with lesions, show; measure recorded movements.",
    no_args_is_help=True,
)

CONTROLLER = typer.Argument(help="A file that symplast bilateral train wrote.", metavar="CONTROLLER")
TASK = typer.Option("--task", help="reach, hold, centre-out, or a table of trials (q1_deg, q2_deg or start_x, start_y; "
                    "goal_x, goal_y; load_x, load_y).")  # fmt: skip
TERMS = "weights of pos_l1, pos_sq, effort, hidden, rate, such as pos_l1=5,hidden=0.02."
MODELS = ("specialised", "neutral", "D", "N", "S")


@app.command()
def train(
    to: Annotated[
        Path, typer.Option("--out", help="File for the controller, .ctrl; the same command goes on with it.")
    ],
    model: Annotated[
        str, typer.Option(help="specialised or neutral (two hemispheres); D, N or S (one, trained with that loss).")
    ] = "specialised",
    exchange: Annotated[str, typer.Option(help="Corpus callosum: none or maxpool.")] = "none",
    task: Annotated[str, TASK] = "reach",
    load: Annotated[float, typer.Option(help="Largest force of hold along each axis, N.")] = 10.0,
    space: Annotated[str, typer.Option(help="Where reach and hold are drawn evenly: joint or hand.")] = "joint",
    arm: Annotated[Path | None, typer.Option(help="Your own arm, TOML.")] = None,
    dominant: Annotated[str | None, typer.Option(help=f"Loss D: {TERMS}")] = None,
    non_dominant: Annotated[str | None, typer.Option(help=f"Loss N: {TERMS}")] = None,
    variant: Annotated[
        str,
        typer.Option(help="intended, or as_published: penalties fall on the arm's states, as in the released list."),
    ] = "intended",
    units: Annotated[int, typer.Option(help="Of each hidden layer, both hemispheres together.")] = 10,
    layers: Annotated[int, typer.Option(help="Hidden layers.")] = 2,
    steps: Annotated[int, typer.Option(help="Of a trial.")] = 50,
    seeds: Annotated[int, typer.Option(help="Controllers, each from other first weights.")] = 5,
    updates: Annotated[int, typer.Option(help="Of the weights.")] = 1500,
    batch: Annotated[int, typer.Option(help="Trials an update.")] = 64,
    lr: Annotated[float, typer.Option(help="Learning rate of Adam.")] = 3e-3,
    seed: Annotated[int, typer.Option(help="Base seed of weights and trials.")] = 0,
    figure: Annotated[Path | None, typer.Option(help="Draw the learning curves, .svg or .png.")] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Train controllers and say how they move on held-out trials.

    The file is written after every epoch: after Ctrl-C or kill the same command goes on from there, and with more
    --updates a finished training is continued.
    """
    check_output(to, "--out", ".ctrl")
    if figure is not None:
        check_picture(figure, "--figure")
    check_least(("--seeds", seeds, 1), ("--updates", updates, 1), ("--batch", batch, 1), ("--steps", steps, 4))
    for option, value, known in (("--model", model, MODELS), ("--exchange", exchange, ("none", "maxpool"))):
        if value not in known:
            raise ValueError(f"{option} must be one of {', '.join(known)}; got {value!r}")
    if exchange == "maxpool" and model in ("D", "N", "S"):
        raise ValueError(f"--exchange needs two hemispheres: --model specialised or neutral, not {model}")
    from symplast.bilateral import TwoLinkArm, read_arm
    from symplast.bilateral.training_files import plan_of

    with naming("units", "layers", "space", "load", "variant", learning_rate="--lr"), computing():
        own = TwoLinkArm() if arm is None else read_arm(arm)
        losses = {
            "D": _loss(dominant, "--dominant", "D", variant),
            "N": _loss(non_dominant, "--non-dominant", "N", variant),
        }
        trials, size = _training_task(task, own, batch, load, space, seed)
        name = f"{model}+CC" if exchange == "maxpool" else model
        plan = plan_of(
            name, task, trials, own, losses,
            units=units, layers=layers, steps=steps, batch=size, seeds=seeds, seed=seed, rate=lr,
        )  # fmt: skip
        found = _trained(_begun(to, plan, trials), to, updates)
        from symplast.bilateral.reports import means_of, metric_table, rollouts

        table = metric_table(means_of(rollouts(found, trials, ["intact"]), trials)["intact"])
    if figure is not None:
        from symplast.bilateral.drawing import curves_figure

        _draw(figure, curves_figure(found.loss))
    if as_json:
        record = {"model": name, "task": task, "seeds": seeds, "updates": len(found.loss), "out": str(to)}
        print_json({**record, "metrics": table.to_dict("records"), "loss": found.loss.tolist()})
        return
    tell(f"{to}: {name} on {task}, {seeds} seed{'s' * (seeds > 1)}, {len(found.loss)} updates")
    _print(table, ["what", "mean", "low", "high", "unit"])


@app.command()
def evaluate(
    controller: Annotated[Path, CONTROLLER],
    task: Annotated[str | None, TASK] = None,
    lesion: Annotated[
        str | None, typer.Option(help="What to cut, separated by commas: lowleft, lowright, highleft, ..., or all.")
    ] = None,
    paths: Annotated[Path | None, typer.Option(help="Write every step of every trial, .csv.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table, .csv.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the paths of the first seed, .svg or .png.")] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Measure trained controllers on their held-out trials or on others, whole and with parts cut."""
    for option, path in (("--paths", paths), ("--csv", csv)):
        if path is not None:
            check_output(path, option, ".csv")
    if figure is not None:
        check_picture(figure, "--figure")
    from symplast.bilateral import LESIONS
    from symplast.bilateral.reports import evaluation, means_of, path_table, rollouts
    from symplast.bilateral.training_files import read

    with naming("lesion"), computing():
        found = read(controller)
        trials = _test_task(task, found)
        chosen = (
            list(LESIONS) if lesion == "all" else [each.strip() for each in (lesion or "").split(",") if each.strip()]
        )
        if unknown := [each for each in chosen if each not in LESIONS]:
            raise ValueError(f"--lesion must be among {', '.join(LESIONS)}; got {unknown[0]!r}")
        moved = rollouts(found, trials, list(dict.fromkeys(["intact", *chosen])))
        table = evaluation(means_of(moved, trials))
    if csv is not None:
        write_file(csv, table)
    if paths is not None:
        write_file(paths, path_table(moved))
        tell(f"{paths} written")
    if figure is not None:
        from symplast.bilateral.drawing import lesion_figure

        _draw(figure, lesion_figure({name: seeds[0] for name, seeds in moved.items()}, trials.test_targets))
    if as_json:
        print_json({"model": found.plan.model, "seeds": found.plan.seeds, "table": table.to_dict("records")})
        return
    _print(
        table, ["lesion", "metric", "mean", "low", "high", "difference", "difference_low", "difference_high", "unit"]
    )


app.command("test", hidden=True)(evaluate)


@app.command()
def show(
    controller: Annotated[Path, CONTROLLER],
    task: Annotated[str | None, TASK] = None,
    seed_shown: Annotated[int, typer.Option(help="Which seed, from 1.")] = 1,
    lesion: Annotated[str | None, typer.Option(help="What to cut.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Paths, speeds and muscle activity, .svg or .png.")] = None,
    animation: Annotated[Path | None, typer.Option(help="The moving arm, .gif; needs no display.")] = None,
) -> None:
    """Draw how a trained controller moves: a figure, an animation, or both."""
    if figure is None and animation is None:
        raise ValueError("--figure or --animation must be given: where to draw")
    if figure is not None:
        check_picture(figure, "--figure")
    if animation is not None:
        check_output(animation, "--animation", ".gif")
    from symplast.bilateral import drawing
    from symplast.bilateral.measuring import move, networks_of
    from symplast.bilateral.training_files import read

    with naming("lesion"), computing():
        found = read(controller)
        if not 1 <= seed_shown <= found.plan.seeds:
            raise ValueError(f"--seed-shown must be in [1, {found.plan.seeds}], got {seed_shown}")
        trials = _test_task(task, found)
        network = networks_of(found.learner, found.training.states)[seed_shown - 1]
        moved = move(network, trials.test_inputs, lesion)
    arm = found.plan.make_arm()
    if figure is not None:
        names = [muscle.name for muscle in arm.muscles]
        _draw(figure, drawing.movement_figure(moved, trials.test_targets, names))
    if animation is not None:
        write_file(animation, drawing.animation(moved, trials.test_targets, arm))
        tell(f"animation: {animation}")


@app.command()
def measure(
    movements: Annotated[
        Path, typer.Argument(help="Table with a sample a row: trial, t, x, y (s, m), goal_x, goal_y where there are.")
    ],
    by: Annotated[str | None, typer.Option(help="Column of groups to compare with the first one.")] = None,
    pair: Annotated[str | None, typer.Option(help="Column of what is paired, such as people.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the measures of every trial, .csv.")] = None,
    as_json: bool = AS_JSON,
) -> None:
    """The same measures on recorded movements, of people or of models."""
    if csv is not None:
        check_output(csv, "--csv", ".csv")
    if pair is not None and by is None:
        raise ValueError("--pair needs --by: the column of the groups that are compared within each pair")
    from symplast.bilateral.recordings import compare_groups, read_movements
    from symplast.bilateral.reports import metric_table

    found = read_movements(movements, by, pair)
    tell("; ".join(found.decided))
    if csv is not None:
        write_file(csv, found.table)
    if by is None:
        from symplast.bilateral.metrics import METRICS

        rows = [{name: float(row[name]) for name in METRICS if name in row} for row in found.table.to_dict("records")]
        table = metric_table(rows)
        shown = ["what", "mean", "low", "high", "unit"]
    else:
        table = compare_groups(found, by, pair)
        shown = [
            "group",
            "metric",
            "n",
            "mean",
            "low",
            "high",
            "difference",
            "difference_low",
            "difference_high",
            "unit",
        ]
    if as_json:
        print_json({"trials": found.table.to_dict("records"), "table": table.to_dict("records")})
        return
    _print(table, shown)


def _loss(text: str | None, option: str, which: str, variant: str) -> "MotorLoss":
    """Loss D or N with a user's own weights."""
    from symplast.bilateral import DOMINANT, NON_DOMINANT, MotorLoss
    from symplast.bilateral.losses import VARIANTS

    if variant not in VARIANTS:
        raise ValueError(f"--variant must be one of {', '.join(VARIANTS)}; got {variant!r}")
    if text is None:
        return {"D": DOMINANT, "N": NON_DOMINANT}[which].as_variant(variant)
    weights: dict[str, float] = {}
    for word in text.split(","):
        name, sign, value = word.partition("=")
        try:
            weights[name.strip()] = float(value)
        except ValueError:
            sign = ""
        if not sign or name.strip() not in ("pos_l1", "pos_sq", "effort", "hidden", "rate"):
            raise ValueError(f"{option} must be {TERMS[:-1]}; got {word!r}")
    if not any(weights.get(name) for name in ("pos_l1", "pos_sq", "effort", "hidden")):
        raise ValueError(f"{option} must have a weight above 0, got {text!r}")
    try:
        return MotorLoss(**weights, variant=variant)
    except ValueError as error:
        raise ValueError(f"{option}: {error}") from error


def _training_task(task: str, arm: "TwoLinkArm", batch: int, load: float, space: str, seed: int) -> "tuple[Task, int]":
    """The task, and the trials of an update."""
    import jax

    from symplast.bilateral import hold, reach
    from symplast.bilateral.trials import PER_EPOCH

    key = jax.random.fold_in(jax.random.key(seed), 1)
    if task == "reach":
        return reach(PER_EPOCH * batch, key=key, arm=arm, space=space), batch
    if task == "hold":
        return hold(load, PER_EPOCH * batch, key=key, arm=arm, space=space), batch
    own = _named_task(task, arm)
    import numpy as np

    from symplast.learning import Task

    rows = len(own.inputs)
    size = min(batch, rows)
    often = np.tile(np.arange(rows), -(-PER_EPOCH * size // rows))
    tell(f"{task}: {rows} trials, {size} an update; tested on the same trials")
    return Task(own.inputs[often], own.targets[often], own.test_inputs, own.test_targets), size


def _test_task(task: str | None, found: "Trained") -> "Task":
    """What is tested on: the file's own held-out trials, others drawn alike, or a table's."""
    if task is None:
        return found.task
    arm = found.plan.make_arm()
    if task in ("reach", "hold"):
        import jax

        from symplast.bilateral import hold, reach

        key = jax.random.fold_in(jax.random.key(found.plan.seed), 2)
        return reach(2, key=key, arm=arm) if task == "reach" else hold(trials=2, key=key, arm=arm)
    return _named_task(task, arm)


def _named_task(task: str, arm: "TwoLinkArm") -> "Task":
    from symplast.bilateral import centre_out
    from symplast.bilateral.tasks import task_of
    from symplast.bilateral.trial_files import trials_from
    from symplast.datasets.tables import read_table

    if task == "centre-out":
        return centre_out(arm=arm)
    if not Path(task).suffix:
        raise ValueError(f"--task must be reach, hold, centre-out or a table of trials, got {task!r}")
    trials, said = trials_from(read_table(Path(task), what="a table of trials"), arm)
    tell(said)
    return task_of(trials, None)


def _begun(to: Path, plan: "Plan", trials: "Task") -> "Trained":
    """A training from its file, or a new one."""
    from symplast.bilateral.training_files import differences, first, read

    if not to.exists():
        return first(plan, trials)
    found = read(to)
    if different := differences(found.plan, plan):
        raise ValueError(f"--out {to} holds another training ({'; '.join(different)}): name another file, or remove it")
    tell(f"{to}: going on after {len(found.loss)} updates")
    return found


def _trained(found: "Trained", to: Path, updates: int) -> "Trained":
    """Train until there have been so many updates, writing the file after every epoch."""
    from dataclasses import replace

    import numpy as np
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from symplast.bilateral.training_files import write
    from symplast.learning import train as train_learner

    each = found.task.updates(found.plan.batch)
    if updates % each and updates > len(found.loss):
        tell(f"--updates {updates}: rounded up to whole epochs of {each}")
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=30), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        job = bar.add_task("compiling", total=updates, completed=len(found.loss))
        while len(found.loss) < updates:
            training, history = train_learner(found.learner, found.task, found.training, 1, found.plan.batch)
            loss = np.asarray(history.loss)
            found = replace(found, training=training, loss=np.concatenate([found.loss, loss]))
            said = f"update {len(found.loss)}, loss {loss[-20:].mean():.4g}"
            if not np.isfinite(loss).all():
                raise FloatingPointError(f"the loss is not finite at update {len(found.loss)}: take a smaller --lr")
            write(to, found)
            bar.update(job, completed=len(found.loss), description=said)
            if not err.is_terminal:
                tell(said)
    return found


def _draw(path: Path, drawn: Any) -> None:
    write_file(path, drawn)
    tell(f"figure: {path}")


def _print(table: "pd.DataFrame", columns: list[str]) -> None:
    from rich.box import HORIZONTALS
    from rich.table import Table

    shown = Table(box=HORIZONTALS, pad_edge=False)
    for name in columns:
        plain = name in ("lesion", "group", "metric", "what", "unit")
        shown.add_column(name.replace("difference_", "diff. "), justify="left" if plain else "right")
    for row in table.to_dict("records"):
        cells = [row[name] for name in columns]
        shown.add_row(
            *("" if cell != cell else f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells)
        )
    out.print(shown)
