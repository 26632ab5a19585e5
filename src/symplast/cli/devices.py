"""``symplast devices``: fit a measured pulse curve, and say which update scheme a chip with that device should use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import computing, err, out, picture_kind, print_json

if TYPE_CHECKING:
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

    picture = plot or Path(f"{curves.name.split('.')[0]}-fit.svg")
    kind = picture_kind(picture, "--plot")
    with computing():
        measured = read_curves(curves)
        found = fit_curves(*measured, level=level)
    picture.write_bytes(render(fit_figure(found, measured), kind))
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
    task: Annotated[str, typer.Option(help=f"What the chip learns: {', '.join(TASKS)}.")] = "mnist",
    samples: Annotated[float | None, typer.Option(help="Training examples; default all, 20000 at most.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over them; default 1, for digits 10.")] = None,
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
    if task not in TASKS:
        raise ValueError(f"--task must be one of {', '.join(TASKS)}; got {task!r}")
    import jax
    import numpy as np

    from symplast.devices import Variation, advise
    from symplast.learning import images

    with computing():
        device = _device(curves, measured)
        whole: Any = images(task)  # type: ignore[arg-type]
        most = min(len(whole.inputs), 20_000)
        shown = most if samples is None else int(samples)
        if not 1 <= shown <= len(whole.inputs):
            raise ValueError(f"--samples must be in [1, {len(whole.inputs)}] for {task}, got {samples:g}")
        passes = (10 if task == "digits" else 1) if epochs is None else epochs
        err.print(f"training {task}: {shown} samples x {passes}, {seeds} seeds, 4 schemes", highlight=False)
        advice = advise(
            device,
            whole.inputs[:shown],
            np.asarray(whole.targets[:shown]),
            key=jax.random.key(seed),
            X_test=whole.test_inputs,
            y_test=np.asarray(whole.test_targets),
            sizes=(whole.inputs.shape[1], hidden, 10),
            seeds=seeds,
            variation=Variation(d2d_step=d2d_step, c2c=c2c),
            epochs=passes,
        )
    if csv is not None:
        advice.runs.to_csv(csv, index=False)
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
    out.print(f"best: [bold]{advice.best}[/]{tie}", highlight=False)


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
