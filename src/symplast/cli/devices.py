"""``symplast devices``: fit a measured pulse curve, and say which update scheme a chip with that device should use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import check_output, check_picture, computing, err, out, print_json, styled, tell, write_file
from symplast.cli.options import AS_JSON, check_least

if TYPE_CHECKING:
    import numpy as np

    from symplast.devices import DeviceModel, FitResult, Variation
    from symplast.devices.curve_files import Curves
    from symplast.stats import Estimate

app = typer.Typer(help="Synapse devices: fit pulse curves, choose an update scheme.", no_args_is_help=True)

CURVES = typer.Argument(
    help="Table (.csv, .tsv): columns ltp and ltd with siemens after 0, 1, 2, ... pulses; "
    "or columns direction, conductance and pulse. Several devices: a column device, pulse numbers that begin again, or "
    "columns ltp 1, ltd 1, ltp 2, ..."
)
TASKS = ("mnist-5k", "digits", "digits-28", "mnist", "fashion-mnist")
EPOCHS = {"mnist-5k": 5, "mnist": 1, "fashion-mnist": 1}
"""Passes by default; 10 for other tasks."""


WIDE = 0.2
"""An interval of an accuracy wider than this calls for longer training, not only for more seeds."""


@app.command()
def fit(
    curves: Annotated[Path, CURVES],
    plot: Annotated[Path | None, typer.Option(help="Picture (.svg or .png); default CURVES-fit.svg.")] = None,
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    as_json: bool = AS_JSON,
) -> None:
    """Fit the device law to an LTP and an LTD curve: parameters with intervals, and NeuroSim's labels."""
    from symplast.devices import fit_devices
    from symplast.devices.curve_files import fit_figure, read_devices
    from symplast.devices.device_model import fit_curves

    picture = plot or Path(f"{curves.name.split('.')[0]}-fit.svg")
    check_picture(picture, "--plot")
    with computing():
        if not 0 < level < 1:
            raise ValueError(f"--level must be strictly between 0 and 1, got {level:g}")
        measured = read_devices(curves, tell)
        several = fit_devices(measured, level=level) if len(measured) > 1 else None
        fits = several.fits if several else {name: fit_curves(*one, level=level) for name, one in measured.items()}
    write_file(picture, fit_figure(fits, measured))
    err.print(f"written to {picture}", soft_wrap=True, highlight=False)
    records = [_fitted(name, fits[name], measured[name]) for name in fits]
    if several is None:
        if as_json:
            del records[0]["device"]
            print_json({**records[0], "level": level})
        else:
            _print_fit(records[0])
        return
    spread = {name: _estimate(estimate) for name, estimate in several.spread.items()}
    mean = {name: float(getattr(several.model, name)) for name in ("n_ltp", "n_ltd", *records[0]["parameters"])}
    if as_json:
        print_json({"devices": records, "mean": mean, "variation": spread, "level": level})
        return
    for record in records:
        out.print(f"device {record['device']}", highlight=False, markup=False)
        _print_fit(record, "  ")
    out.print("mean device: " + ", ".join(f"{name} = {value:.4g}" for name, value in mean.items()), highlight=False)
    for name, estimate in spread.items():
        low, high = estimate["interval"]
        out.print(f"{name} = {estimate['value']:.3g} [{low:.3g}, {high:.3g}]", highlight=False, markup=False)
    given = ", ".join(f"{name}={estimate['value']:.3g}" for name, estimate in spread.items())
    out.print(f"pass the spread on as Variation({given})", highlight=False, markup=False)


def _fitted(name: str, found: "FitResult", measured: "Curves") -> dict[str, Any]:
    ltp, ltd = found.model.neurosim_label()
    return {
        "device": name,
        "n_ltp": len(measured.ltp) - 1,
        "n_ltd": len(measured.ltd) - 1,
        "parameters": {name: _estimate(estimate) for name, estimate in found.ci.items()},
        "neurosim_label": {"ltp": ltp, "ltd": ltd},
        "rmse": found.rmse,
    }


def _print_fit(record: dict[str, Any], indent: str = "") -> None:
    for name in ("n_ltp", "n_ltd"):
        out.print(f"{indent}{name} = {record[name]} pulses", highlight=False)
    for name, estimate in record["parameters"].items():
        unit = " S" if name.startswith("g") else ""
        low, high = (float("inf") if end is None else end for end in estimate["interval"])
        interval = f"[{low:.4g}, {high:.4g}]"
        out.print(f"{indent}{name} = {estimate['value']:.4g} {interval}{unit}", highlight=False, markup=False)
    label = record["neurosim_label"]
    out.print(f"{indent}NeuroSim labels: LTP {label['ltp']:.2f}, LTD -{label['ltd']:.2f}", highlight=False)
    out.print(f"{indent}rmse {100 * record['rmse']:.2g} % of the range", highlight=False)


@app.command()
def advise(
    curves: Annotated[Path, CURVES],
    task: Annotated[
        str,
        typer.Option(
            help=f"What the chip learns: {', '.join(TASKS)}; or your own .npz with X (n, inputs) in [0, 1] and y (n,), "
            "of which a random fifth is the test."
        ),
    ] = "mnist-5k",
    samples: Annotated[float | None, typer.Option(help="Training examples; default all, 20000 at most.")] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Passes over them; default 5 for mnist-5k, 1 for mnist and fashion-mnist, 10 for others."),
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
    check_least(("--hidden", hidden, 1), ("--seeds", seeds, 2), ("--epochs", epochs, 1))
    if csv is not None:
        check_output(csv, "--csv", ".csv")
    from dataclasses import replace

    import jax

    from symplast.devices import Variation, advise

    with computing():
        device, spread = _device(curves, measured)
        if spread is not None:
            err.print(
                f"mean of several devices, with their spread: {spread}", soft_wrap=True, highlight=False, markup=False
            )
        variation = replace(spread or Variation(), d2d_step=d2d_step, c2c=c2c)
        X, y, X_test, y_test = _task(task)
        most = min(len(X), 20_000)
        if samples is not None and not (samples == samples // 1 and 1 <= samples <= len(X)):
            raise ValueError(f"--samples must be a whole number in [1, {len(X)}] for {task}, got {samples:g}")
        shown = most if samples is None else int(samples)
        passes = EPOCHS.get(task, 10) if epochs is None else epochs
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
            variation=variation,
            epochs=passes,
        )
    if csv is not None:
        write_file(csv, advice.runs)
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
        needed = {scheme: advice.seeds_needed(scheme) for scheme in advice.ties}
        print_json({"best": advice.best, "ties": advice.ties, "seeds_needed": needed, "schemes": rows})
        return
    _print_ranking(rows)
    out.print(styled("best: ", (advice.best, "bold")))
    for scheme in advice.ties:
        more = advice.seeds_needed(scheme)
        way_out = f"about {more} would (--seeds {more})" if more else "nor would a thousand: they are alike here"
        out.print(f"{seeds} seeds can't tell {scheme} from it; {way_out}", highlight=False, soft_wrap=True)
    worst = max(advice.accuracy, key=lambda scheme: advice.accuracy[scheme].high - advice.accuracy[scheme].low)
    if advice.accuracy[worst].high - advice.accuracy[worst].low > WIDE:
        out.print(
            f"accuracy of {worst} differs widely between seeds: more training may settle it (--epochs {2 * passes})",
            highlight=False,
            soft_wrap=True,
        )


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


def _device(curves: Path, measured: bool) -> "tuple[DeviceModel, Variation | None]":
    """The device, or the mean of several and their spread."""
    from symplast.devices import DeviceModel, fit_devices
    from symplast.devices.curve_files import read_devices

    found = read_devices(curves, tell)
    if len(found) == 1:
        points = next(iter(found.values()))
        return (DeviceModel.from_table(*points) if measured else DeviceModel.fit(*points).model), None
    if measured:
        raise ValueError(f"--measured follows the curves of one device, {curves} holds {len(found)}: leave it out")
    several = fit_devices(found)
    return several.model, several.variation


def _estimate(estimate: "Estimate") -> dict[str, Any]:
    return {"value": estimate.value, "interval": estimate.interval}


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
