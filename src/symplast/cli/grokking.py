"""``symplast grokking``: decode networks of modular arithmetic, predict winners, find stages, train."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import computing, err, out, print_json, tell, write_files
from symplast.cli.naming import naming
from symplast.cli.options import AS_JSON

if TYPE_CHECKING:
    from symplast.grokking import Decoding, History, Stages
    from symplast.grokking.weight_files import Weights

app = typer.Typer(help="Modular addition: decode weights, predict winners, find stages, train.", no_args_is_help=True)

NETWORK = typer.Argument(
    help="Weights: .npz, .safetensors, .pth with named arrays, or .npy, .csv with one matrix. Either axis may count p."
)
INPUT = typer.Option("--input", help="Name of the input weights (or embedding); guessed where it is a usual one.")
OUTPUT = typer.Option("--output", help="Name of the output weights, or another .npy or .csv file.")
MODULUS = typer.Option("--p", help="The odd modulus, where more than one axis could count it.")
FOLDER = typer.Option("--out", help="Folder for tables (CSV) and figures (SVG).", file_okay=False)
ACTIVATION = typer.Option(help="Of the network, for ghosts and phase order: relu, square, abs, gelu, ...")


@app.command()
def decode(
    network: Annotated[Path, NETWORK],
    input: Annotated[str | None, INPUT] = None,
    output: Annotated[str | None, OUTPUT] = None,
    p: Annotated[int | None, MODULUS] = None,
    rows: Annotated[str | None, typer.Option(help="Rows of an embedding that are numbers, such as 0:113.")] = None,
    activation: Annotated[str, ACTIVATION] = "relu",
    folder: Annotated[Path | None, FOLDER] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Which frequencies a network's neurons took, how pure they are, whether phases lock, and which ghosts it has."""
    from symplast.grokking.activations import activation_of
    from symplast.grokking.reports import decoding_report, neuron_table

    with naming("p", "rows", "input", "output", "activation"), computing():
        activation_of(activation)
        weights = _read(network, input, output, p, rows)
        decoded = _decoded(weights)
        report = decoding_report(decoded, weights, activation)
    if folder is not None:
        from symplast.grokking.drawing import figure_of_decoding

        shown = report.get("peaks")
        profile = {name: shown[name] for name in ("main", "ghost", "second")} if shown else None
        write_files(
            folder, {"neurons.csv": neuron_table(decoded), "decoding.svg": figure_of_decoding(decoded, profile)}
        )
    if as_json:
        print_json(report)
        return
    _print_pairs(report)


@app.command()
def predict(
    network: Annotated[Path, NETWORK],
    final: Annotated[Path | None, typer.Option(help="The same network after training: adds hit rates.")] = None,
    input: Annotated[str | None, INPUT] = None,
    output: Annotated[str | None, OUTPUT] = None,
    p: Annotated[int | None, MODULUS] = None,
    folder: Annotated[Path | None, FOLDER] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Which frequency each neuron will take, from its first weights."""
    from symplast.grokking import predict_winners
    from symplast.grokking.reports import prediction_report, prediction_table

    with naming("p", "input", "output"), computing():
        first = _both(_read(network, input, output, p, None), network)
        prediction = predict_winners(*first)
        end = None
        if final is not None:
            from symplast.grokking import decode as decode_weights

            end = decode_weights(*_both(_read(final, input, output, p, None), final))
        report = prediction_report(prediction, end)
    if folder is not None:
        from symplast.grokking.drawing import figure_of_prediction

        hits = None if end is None else prediction.hits(end)
        hit = None if end is None else prediction.winner == end.winner
        picture = figure_of_prediction(prediction, hits, hit)
        write_files(folder, {"winners.csv": prediction_table(prediction, end), "lottery.svg": picture})
    if as_json:
        print_json({**report, "neurons": prediction_table(prediction, end).to_dict("records")})
        return
    _print_pairs(report)


@app.command()
def stages(
    history: Annotated[
        Path,
        typer.Argument(
            help="Table with columns step, train_acc and, where there are, test_acc, train_loss, test_loss, norm, "
            "mirrored_acc, unseen_acc; accuracies are shares in [0, 1]."
        ),
    ],
    threshold: Annotated[float, typer.Option(help="Accuracy that ends a stage.")] = 0.95,
    mirrored_share: Annotated[
        float | None, typer.Option(help="Share of the test pairs whose mirror image is learned.")
    ] = None,
    folder: Annotated[Path | None, FOLDER] = None,
    as_json: bool = AS_JSON,
) -> None:
    """When memorisation and generalisation ended, and where the norm peaked."""
    from symplast.grokking import grokking_stages
    from symplast.grokking.reports import read_history

    if mirrored_share is not None and not 0 <= mirrored_share <= 1:
        raise ValueError(f"--mirrored-share must be a share in [0, 1], got {mirrored_share:g}")
    with naming("threshold"):
        columns = read_history(history, tell)
        found = grokking_stages(columns, threshold=threshold, mirrored_share=mirrored_share)
    if folder is not None:
        from symplast.grokking.drawing import figure_of_history

        write_files(folder, {"stages.svg": figure_of_history(columns, found)})
    if as_json:
        print_json(found.as_dict())
        return
    _print_stages(found)


@app.command()
def train(
    p: Annotated[int, typer.Option("--p", help="Odd modulus.")] = 23,
    width: Annotated[int, typer.Option(help="Neurons.")] = 512,
    activation: Annotated[str, typer.Option(help="relu, square, abs, gelu, ...")] = "relu",
    op: Annotated[str, typer.Option(help="add, x2xyy2 or sub (with inputs that are not tied).")] = "add",
    optimizer: Annotated[str, typer.Option(help="adamw or sgd.")] = "adamw",
    lr: Annotated[float | None, typer.Option(help="Default 2e-4 (adamw), 4e-4 with weight decay, 1 (sgd).")] = None,
    weight_decay: Annotated[float, typer.Option(help="Decoupled; 2 makes it grok.")] = 0.0,
    frac_train: Annotated[
        float | None, typer.Option(help="Share of the pairs to learn; default 1, with weight decay 0.75.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Default 1250, 12500 with weight decay, 1000 (sgd).")] = None,
    record_every: Annotated[int | None, typer.Option(help="Steps between records; default a 200th of them.")] = None,
    init_scale: Annotated[float, typer.Option(help="Of the first weights.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Of first weights and division.")] = 0,
    save: Annotated[Path | None, typer.Option(help="Write the trained network (.npz with theta, xi).")] = None,
    first: Annotated[Path | None, typer.Option(help="Write the network before training, for predict.")] = None,
    folder: Annotated[Path | None, FOLDER] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Train a network, say when it memorised and generalised and what it became."""
    import jax

    from symplast.cli.console import check_output
    from symplast.grokking import ModularTask, Optimizer, grokking_stages, init_random
    from symplast.grokking import train as train_network
    from symplast.grokking.reports import decoding_report, history_table
    from symplast.grokking.weight_files import Weights

    for option, path in (("--save", save), ("--first", first)):
        if path is not None:
            check_output(path, option, ".npz")
    slow = optimizer == "sgd"
    lr = lr if lr is not None else 1.0 if slow else 4e-4 if weight_decay else 2e-4
    steps = steps if steps is not None else 1000 if slow else 12_500 if weight_decay else 1250
    fraction = frac_train if frac_train is not None else 0.75 if weight_decay else 1.0
    names = ("p", "width", "activation", "op", "optimizer", "lr", "weight_decay", "frac_train", "steps", "record_every")
    with naming(*names, "init_scale"), computing():
        made = Optimizer(optimizer, lr, weight_decay)
        for_net, for_task = jax.random.split(jax.random.key(seed))
        task = ModularTask(p, op, fraction, for_task)
        net = init_random(p, width, for_net, activation, init_scale=init_scale, tied=op != "sub")
        every = max(steps // 200, 1) if record_every is None else record_every
        with _progress(steps) as watch:
            run = train_network(net, task, made, steps, every, watch=watch)
    found = grokking_stages(run.history)
    decoded = run.decoded
    weights = Weights(*_arrays(run.net), ())
    report: dict[str, Any] = {
        "steps": steps,
        "history": {name: [float(value) for value in column] for name, column in run.history.items()},
        "stages": found.as_dict(),
        "network": decoding_report(decoded, weights, activation, add=op == "add"),
    }
    for path, network in ((save, run.net), (first, net)):
        if path is not None:
            _save(path, network)
    if folder is not None:
        from symplast.grokking.drawing import figure_of_decoding, figure_of_history

        files = {"history.csv": history_table(run.history), "history.svg": figure_of_history(run.history, found)}
        write_files(folder, {**files, "decoding.svg": figure_of_decoding(decoded)})
    if as_json:
        print_json(report)
        return
    _print_stages(found)
    _print_pairs(report["network"])


def _progress(steps: int) -> Any:
    """A bar on a terminal, a line now and then elsewhere; yields what ``train`` calls with each record."""
    from contextlib import contextmanager

    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    @contextmanager
    def live() -> Any:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=30), TimeRemainingColumn())
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
            job = bar.add_task("training", total=steps)
            said = [0]

            def watch(record: "History") -> None:
                now = int(record["step"][-1])
                text = _now(record)
                bar.update(job, completed=now, description=text)
                if not err.is_terminal and now >= said[0]:
                    err.print(text, highlight=False)
                    said[0] = now + max(steps // 10, 1)

            yield watch

    return live()


def _now(record: Mapping[str, Any]) -> str:
    parts = [f"step {int(record['step'][-1])}", f"loss {record['train_loss'][-1]:.3g}"]
    for name, label in (("train_acc", "train"), ("test_acc", "test"), ("unseen_acc", "unseen")):
        if name in record:
            parts.append(f"{label} {record[name][-1]:.3f}")
    return ", ".join([*parts, f"IPR {record['ipr_in'][-1]:.3f}"])


def _read(path: Path, input: str | None, output: str | None, p: int | None, rows: str | None) -> "Weights":
    from symplast.grokking.weight_files import read_network

    ends = None
    if rows is not None:
        first, colon, last = rows.partition(":")
        if not (colon and first.isdigit() and last.isdigit()):
            raise ValueError(f"rows must be two whole numbers such as 0:113, got {rows!r}")
        ends = int(first), int(last)
    weights = read_network(path, input, output, p=p, rows=ends)
    if weights.decided:
        tell(f"{path.name}: " + "; ".join(weights.decided))
    return weights


def _decoded(weights: "Weights") -> "Decoding":
    from symplast.grokking import decode

    return decode(weights.theta, weights.xi, weights.theta_y)


def _both(weights: "Weights", path: Path) -> tuple[Any, Any]:
    if weights.xi is None:
        raise ValueError(f"output must name the output weights of {path.name}: a prediction needs both layers")
    if weights.theta_y is not None:
        raise ValueError(f"input weights of {path.name} are not tied: the prediction is for tied inputs")
    return weights.theta, weights.xi


def _arrays(net: Any) -> tuple[Any, Any, Any]:
    import numpy as np

    return tuple(None if w is None else np.asarray(w, dtype=float) for w in (net.theta, net.xi, net.theta_y))  # type: ignore[return-value]


def _save(path: Path, net: Any) -> None:
    import numpy as np

    from symplast.lab.whole_files import whole_file

    parts = {"theta": net.theta, "xi": net.xi, "theta_y": net.theta_y}
    arrays: dict[str, Any] = {name: np.asarray(w) for name, w in parts.items() if w is not None}
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)
    err.print(f"written to {path}", soft_wrap=True, highlight=False)


def _print_pairs(report: Mapping[str, Any]) -> None:
    """Names and numbers, one a line; nested ones indented."""
    for name, value in report.items():
        label = name.replace("_", " ")
        if isinstance(value, Mapping):
            inner = ", ".join(f"{key.replace('_', ' ')} {_short(each)}" for key, each in value.items())
            out.print(f"{label}: {inner}", highlight=False, soft_wrap=True)
        else:
            out.print(f"{label}: {_short(value)}", highlight=False, soft_wrap=True)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return " ".join(_short(each) for each in value)
    if isinstance(value, Mapping):
        low, high = value["interval"]
        return f"{value['value']:.3f} [{low:.3f}, {high:.3f}]"
    return "none" if value is None else str(value)


def _print_stages(found: "Stages") -> None:
    tested = found.final_test_acc is not None
    named = {
        "stage I (memorisation) ends": found.memorised,
        **({"stage II (generalisation) ends": found.generalised} if tested else {}),
        "norm of the weights peaks": found.norm_peak,
        **({"test loss peaks": found.test_loss_peak} if tested else {}),
        "all training pairs right": found.fitted,
    }
    for name, step in named.items():
        out.print(f"{name}: {'never, as far as recorded' if step is None else f'step {step:g}'}", highlight=False)
    shares = {
        "test accuracy then": found.plateau,
        "share of mirrored test pairs": found.mirrored_share,
        "accuracy on truly unseen pairs then": found.unseen_at_plateau,
        "final test accuracy": found.final_test_acc,
    }
    for name, share in shares.items():
        if share is not None:
            out.print(f"{name}: {share:.4f}", highlight=False)
