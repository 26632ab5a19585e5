"""``symplast devices``: fit a measured pulse curve, and say which update scheme a chip with that device should use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import check_output, computing, err, out, picture_kind, print_json, styled

if TYPE_CHECKING:
    import numpy as np

    from symplast.devices import DeviceModel
    from symplast.stats import Estimate

app = typer.Typer(help="Synapse devices: fit pulse curves, choose an update scheme.", no_args_is_help=True)

CURVES = typer.Argument(
    help="Table (.csv, .tsv): columns ltp and ltd with siemens after 0, 1, 2, ... pulses; "
    "or columns direction, conductance and pulse."
)
AS_JSON = typer.Option(False, "--json", help="Print as JSON.")
TASKS = ("mnist", "fashion-mnist", "digits")


@app.command()
def fit(
    curves: Annotated[Path, CURVES],
    plot: Annotated[Path | None, typer.Option(help="Picture (.svg or .png); default CURVES-fit.svg.")] = None,
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    as_json: bool = AS_JSON,
) -> None:
    """Fit the device law to an LTP and an LTD curve: parameters with intervals, and NeuroSim's labels."""
    from symplast.devices.curve_files import fit_figure, read_curves
    from symplast.devices.curve_fit import fit_curves
    from symplast.lab.theme import render
    from symplast.lab.whole_files import write_whole

    picture = plot or Path(f"{curves.name.split('.')[0]}-fit.svg")
    kind = picture_kind(picture, "--plot")
    with computing():
        measured = read_curves(curves)
        found = fit_curves(*measured, level=level)
    write_whole(picture, render(fit_figure(found, measured), kind))
    err.print(f"written to {picture}", soft_wrap=True, highlight=False)
    ltp, ltd = found.model.neurosim_label()
    levels = {"n_ltp": len(measured.ltp) - 1, "n_ltd": len(measured.ltd) - 1}
    if as_json:
        parameters = {name: _estimate(estimate) for name, estimate in found.ci.items()}
        label = {"ltp": ltp, "ltd": ltd}
        print_json({**levels, "parameters": parameters, "neurosim_label": label, "rmse": found.rmse, "level": level})
        return
    for name, value in levels.items():
        out.print(f"{name} = {value} pulses", highlight=False)
    for name, estimate in found.ci.items():
        unit = " S" if name.startswith("g") else ""
        interval = f"[{estimate.low:.4g}, {estimate.high:.4g}]"
        out.print(f"{name} = {estimate.value:.4g} {interval}{unit}", highlight=False, markup=False)
    out.print(f"NeuroSim labels: LTP {ltp:.2f}, LTD -{ltd:.2f}", highlight=False)
    out.print(f"rmse {100 * found.rmse:.2g} % of the range", highlight=False)


@app.command()
def advise(
    curves: Annotated[Path, CURVES],
    task: Annotated[
        str,
        typer.Option(
            help=f"What the chip learns: {', '.join(TASKS)}; or your own .npz with X (n, inputs) in [0, 1] and y (n,), "
            "of which a random fifth is the test."
        ),
    ] = "mnist",
    samples: Annotated[float | None, typer.Option(help="Training examples; default all, 20000 at most.")] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over them; default 1 for the MNIST sets, 10 for others.")
    ] = None,
    hidden: Annotated[int, typer.Option(help="Hidden units.")] = 200,
    seeds: Annotated[int, typer.Option(help="Runs of each scheme.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the random numbers.")] = 0,
    measured: Annotated[bool, typer.Option("--measured", help="Follow the curves themselves, not the law.")] = False,
    d2d_step: Annotated[float, typer.Option(help="Spread of the steps from device to device, such as 0.1.")] = 0.0,
    c2c: Annotated[float, typer.Option(help="Noise of a pulse as a share of the range.")] = 0.0,
    csv: Annotated[Path | None, typer.Option(help="Write every run as CSV.")] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Train a task with every update scheme on the measured device, and rank them with intervals and cost."""
    if task not in TASKS and not task.endswith(".npz"):
        raise ValueError(f"--task must be one of {', '.join(TASKS)} or an .npz file; got {task!r}")
    for option, value, least in (("--hidden", hidden, 1), ("--seeds", seeds, 2), ("--epochs", epochs, 1)):
        if value is not None and value < least:
            raise ValueError(f"{option} must be at least {least}, got {value}")
    if csv is not None:
        check_output(csv, "--csv", ".csv")
    import jax

    from symplast.devices import Variation, advise
    from symplast.lab.whole_files import write_whole

    with computing():
        device = _device(curves, measured)
        X, y, X_test, y_test = _task(task)
        most = min(len(X), 20_000)
        if samples is not None and not (samples == samples // 1 and 1 <= samples <= len(X)):
            raise ValueError(f"--samples must be a whole number in [1, {len(X)}] for {task}, got {samples:g}")
        shown = most if samples is None else int(samples)
        passes = (1 if task in ("mnist", "fashion-mnist") else 10) if epochs is None else epochs
        err.print(f"training {task}: {shown} samples x {passes}, {seeds} seeds, 4 schemes", highlight=False)
        advice = advise(
            device,
            X[:shown],
            y[:shown],
            key=jax.random.key(seed),
            sizes=(X.shape[1], hidden, int(y.max()) + 1),
            seeds=seeds,
            X_test=X_test,
            y_test=y_test,
            variation=Variation(d2d_step=d2d_step, c2c=c2c),
            epochs=passes,
        )
    if csv is not None:
        write_whole(csv, advice.runs.to_csv(index=False))
        err.print(f"{len(advice.runs)} runs written to {csv}", soft_wrap=True, highlight=False)
    rows = [
        {
            "scheme": scheme,
            "accuracy": _estimate(estimate),
            "behind": _estimate(advice.behind[scheme]),
            "pulses_per_weight": advice.pulses_per_weight[scheme],
            "refreshes_per_weight": advice.refreshes_per_weight[scheme],
        }
        for scheme, estimate in advice.accuracy.items()
    ]
    if as_json:
        print_json({"best": advice.best, "ties": advice.ties, "schemes": rows})
        return
    _print_ranking(rows)
    tie = f"; {', '.join(advice.ties)} can't be told from it with {seeds} seeds" if advice.ties else ""
    out.print(styled("best: ", (advice.best, "bold"), tie))


def _task(name: str) -> "tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]":
    """Examples to learn from, and those to test on where the data set has them."""
    import numpy as np

    if not name.endswith(".npz"):
        from symplast.learning import images

        whole: Any = images(name)  # type: ignore[arg-type]
        inputs, targets, test_inputs, test_targets = map(
            np.asarray, (whole.inputs, whole.targets, whole.test_inputs, whole.test_targets)
        )
        return inputs, targets, test_inputs, test_targets
    from symplast.datasets.arrays import read_npz

    arrays = read_npz(Path(name), {"X": "(n, inputs) in [0, 1]", "y": "(n,) classes from 0"})
    X, y = arrays["X"], arrays["y"]
    if y.ndim != 1 or y.dtype.kind not in "iu" or not len(y) or y.min() < 0 or X.ndim != 2 or len(X) != len(y):
        raise ValueError(
            f"{name} must hold X (n, inputs) and y (n,), whole numbers from 0; got {X.shape} and {y.dtype}{y.shape}"
        )
    return X, y, None, None


def _device(curves: Path, measured: bool) -> "DeviceModel":
    from symplast.devices import DeviceModel
    from symplast.devices.curve_files import read_curves

    points = read_curves(curves)
    return DeviceModel.from_table(*points) if measured else DeviceModel.fit(*points).model


def _estimate(estimate: "Estimate") -> dict[str, Any]:
    from math import isfinite

    ends = [end if isfinite(end) else None for end in estimate.interval]
    return {"value": estimate.value, "interval": ends}


def _print_ranking(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("scheme", "accuracy (%)", "behind (points)", "pulses / weight", "refreshes / weight"):
        table.add_column(name, justify="left" if name == "scheme" else "right")
    for row in rows:
        gap = "" if row is rows[0] else _percent(row["behind"])
        cost = f"{row['pulses_per_weight']:.1f}", f"{row['refreshes_per_weight']:.3f}"
        table.add_row(row["scheme"], _percent(row["accuracy"]), gap, *cost)
    out.print(table)


def _percent(estimate: dict[str, Any]) -> str:
    low, high = estimate["interval"]
    return f"{100 * estimate['value']:.2f} ± {50 * (high - low):.2f}"
