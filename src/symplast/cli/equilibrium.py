"""``symplast equilibrium``: how biased is equilibrium propagation in your own network, and does it settle?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import err, out, print_json, warn
from symplast.cli.options import AS_JSON, numbers

if TYPE_CHECKING:
    import numpy as np

app = typer.Typer(
    help="Equilibrium propagation: the bias of nudges and asymmetry in your own network.", no_args_is_help=True
)

ACTIVATION = typer.Option(help="shifted-sigmoid, dsilu, tanh, sigmoid, linear or relu.")
NETWORK = typer.Argument(
    help="Layered network and examples as .npz: forward weights w1, w2, ... (post, pre); feedback weights b2, b3, ... "
    "(w2 transposed where left out); biases c1, c2, ... (0 where left out); readout V and c (then targets are "
    "classes); inputs x; targets y."
)


@app.command()
def bias(
    network: Annotated[Path, NETWORK],
    betas: Annotated[str, typer.Option(help="Sizes of the nudge.")] = "0.05,0.1,0.2,0.5",
    points: Annotated[str, typer.Option(help="Numbers of points on the circle of nudges.")] = "1,2,4,6",
    activation: Annotated[
        str, typer.Option(help="shifted-sigmoid, dsilu, tanh, sigmoid or linear.")
    ] = "shifted-sigmoid",
    examples: Annotated[int, typer.Option(help="Use the first so many examples.")] = 100,
    steps: Annotated[int, typer.Option(help="Steps of a nudged run.")] = 200,
    free_steps: Annotated[int, typer.Option(help="Steps of the free phase.")] = 600,
    update: Annotated[str, typer.Option(help="synchronous or sweep.")] = "synchronous",
    damping: Annotated[float, typer.Option(help="Share of the way to the new state at each step.")] = 1.0,
    csv: Annotated[Path | None, typer.Option(help="Write the table to this file as well.")] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Split the bias of EP's error vectors into the nudge's part and the asymmetry's, with the largest safe nudge."""
    import warnings

    import jax.numpy as jnp
    import numpy as np

    from symplast.equilibrium import NotSettled, bias_report
    from symplast.lab.whole_files import write_whole
    from symplast.learning.recurrent import Relaxation

    if examples < 1:
        raise ValueError(f"--examples must be at least 1, got {examples}")
    net, x, y = _read(network, activation, Relaxation(free_steps, update, damping))
    shown = numbers(betas, "--betas"), _whole_numbers(points, "--points")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", NotSettled)
        found = bias_report(
            net, jnp.asarray(x[:examples]), jnp.asarray(y[:examples]), *shown, steps=steps, free_steps=free_steps
        )
    if csv is not None:
        write_whole(csv, found.table.to_csv(index=False))
        err.print(f"{len(found.table)} rows written to {csv}", soft_wrap=True, highlight=False)
    known = found.radius[np.isfinite(found.radius)]
    radius = [float(np.quantile(known, q)) for q in (0.05, 0.5)] if known.size else [None, None]
    if as_json:
        rows = found.table.to_dict("records")
        about = {name: _estimate(getattr(found, name)) for name in ("asymmetry_deg", "symmetry", "asymmetry_ratio")}
        record = {"examples": len(x[:examples]), "free_unsettled": found.free_unsettled, **about}
        print_json({**record, "radius": {"lowest_5_percent": radius[0], "median": radius[1]}, "table": rows})
    else:
        out.print(f"{len(x[:examples])} examples, {found.free_unsettled:.1%} without a fixed point", highlight=False)
        out.print(f"angle to backprop from asymmetry alone: {found.asymmetry_deg} degrees", highlight=False)
        out.print(f"symmetry of the Jacobian: {found.symmetry}; |S^-1 A|: {found.asymmetry_ratio}", highlight=False)
        if known.size:
            told = f"{radius[1]:.3g} (median of the examples; {radius[0]:.3g} for the lowest 5 %)"
            out.print(f"no number of points corrects nudges beyond {told}", highlight=False, soft_wrap=True)
        _print_table([_shown(row) for row in found.table.to_dict("records")])
    for warning in said:
        warn(warning.message)


@app.command()
def settle(
    network: Annotated[Path, NETWORK],
    activation: Annotated[
        str, typer.Option(help="shifted-sigmoid, dsilu, tanh, sigmoid, relu or linear.")
    ] = "shifted-sigmoid",
    steps: Annotated[int, typer.Option(help="Steps from rest.")] = 60,
    tol: Annotated[float, typer.Option(help="Residual within which a state counts as settled.")] = 1e-3,
    as_json: bool = AS_JSON,
) -> None:
    """Does the network settle, and which way of updating settles it best?"""
    import warnings

    import jax.numpy as jnp

    from symplast.equilibrium import NotSettled
    from symplast.equilibrium import settle as let_settle
    from symplast.learning.recurrent import Relaxation

    if not tol > 0:
        raise ValueError(f"--tol must be above 0, got {tol}")
    net, x, _ = _read(network, activation, Relaxation(steps))
    ways: dict[str, dict[str, Any]] = {
        "synchronous": {"steps": steps, "update": "synchronous"},
        "sweep": {"steps": steps, "update": "sweep"},
        "damping 0.5": {"steps": 2 * steps, "damping": 0.5},
    }
    rows = []
    for name, how in ways.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotSettled)  # the table says it
            residual = let_settle(net, jnp.asarray(x), **how).residual
        share, largest = float(jnp.mean(~(residual <= tol))), float(residual.max())
        rows.append({"update": name, "steps": how["steps"], "unsettled": share, "largest_residual": largest})
    if as_json:
        print_json(rows)
    else:
        _print_table(rows)


def _read(path: Path, activation: str, how: Any) -> "tuple[Any, np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """A layered network and its examples from an .npz file."""
    from symplast.datasets.arrays import read_npz
    from symplast.equilibrium.network_files import NetworkNames, network_from_arrays

    needs = {"w1": "(units, inputs)", "x": "(rows, inputs)", "y": "(rows,) classes or (rows, values)"}
    arrays = read_npz(path, needs, may=NetworkNames())
    if arrays.others:
        raise ValueError(
            f"{path} must name its arrays w1.., b2.., c1.., V, c, x, y; got {', '.join(sorted(arrays.others))}"
        )
    return network_from_arrays(arrays, activation, how)


def _whole_numbers(text: str, option: str) -> list[int]:
    values = numbers(text, option)
    if not all(value.is_integer() for value in values):
        raise ValueError(f"{option} must be whole numbers, got {text!r}")
    return [int(value) for value in values]


def _estimate(found: Any) -> Any:
    if isinstance(found, float):
        return {"value": found, "low": None, "high": None}
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n}


def _shown(row: Any) -> dict[str, Any]:
    """A row of the table with its intervals in brackets."""

    def interval(name: str, digits: str) -> str:
        value, low, high = (format(row[key], digits) for key in (name, f"{name}_low", f"{name}_high"))
        return f"{value} [{low}, {high}]"

    return {
        "points": row["n_points"],
        "beta": row["beta"],
        "angle to backprop (deg)": interval("angle_deg", ".1f"),
        "nudge's relative error": interval("nudge_error", ".2g"),
        "unsettled": f"{row['unsettled']:.1%}",
    }


def _print_table(rows: list[Any]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0]:
        table.add_column(str(name), justify="right")
    for row in rows:
        table.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()))
    out.print(table)
