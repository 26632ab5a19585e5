"""``symplast curl``: how many rule-flipped neurons does an architecture, or a trained net, tolerate?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import err, out, print_json, styled
from symplast.cli.options import AS_JSON, numbers

if TYPE_CHECKING:
    from symplast.curl import TwoLayer

app = typer.Typer(help="Curl descent: how many flipped neurons may learn the wrong way?", no_args_is_help=True)

LAYER = typer.Option(
    "hidden", help="'hidden': flipped inputs, acting on W1; 'readout': flipped hidden units, acting on W2."
)


@app.command()
def tolerate(
    inputs: Annotated[int | None, typer.Option(help="Inputs of the architecture.")] = None,
    hidden: Annotated[int | None, typer.Option(help="Hidden units.")] = None,
    outputs: Annotated[int, typer.Option(help="Outputs.")] = 1,
    weights: Annotated[
        Path | None,
        typer.Option(help="Your trained net instead: .npz with W1 (hidden, inputs), W2 (outputs, hidden), maybe X."),
    ] = None,
    activation: Annotated[
        str, typer.Option(help="Of that net: linear, tanh or relu. All but linear need X (rows, inputs).")
    ] = "linear",
    fractions: Annotated[str, typer.Option(help="Shares of flipped neurons to look at.")] = "0.01,0.05,0.1,0.2,0.5",
    layer: str = LAYER,
    draws: Annotated[int, typer.Option(help="Random nets, or random choices of flipped neurons.")] = 20,
    simulate: Annotated[
        int | None, typer.Option(help="Also learn for so many epochs from a start near each solution.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random draws.")] = 0,
    as_json: bool = AS_JSON,
) -> None:
    """Will this share of rule-flipped neurons still learn?"""
    if (weights is None) == (inputs is None or hidden is None):
        raise ValueError("give either --inputs and --hidden (an architecture) or --weights (your trained net)")
    shares = _shares(fractions)
    for option, count in (("--inputs", inputs), ("--hidden", hidden), ("--outputs", outputs), ("--simulate", simulate)):
        if count is not None and count < 1:
            raise ValueError(f"{option} must be at least 1, got {count}")
    import jax

    from symplast.curl import tolerance

    net: TwoLayer | tuple[int, int, int]
    X: Any = None
    if weights is not None:
        net, X = _read_net(weights, activation)
    elif activation != "linear":
        raise ValueError(f"--activation {activation} goes with --weights; an architecture alone is judged as linear")
    else:
        net = int(inputs or 0), int(hidden or 0), outputs
    found = tolerance(
        net, shares, layer=layer, draws=draws, X=X, simulate_epochs=simulate, key=jax.random.key(seed)  # type: ignore[arg-type]
    )  # fmt: skip
    rows = [{str(key): value for key, value in row.items()} for row in found.table.to_dict("records")]
    if as_json:
        critical = {"mean": found.critical.value, "low": found.critical.low, "high": found.critical.high}
        head = {"layer": found.layer, "neurons": found.neurons, "draws": draws, "large_net": found.large_net}
        print_json({**head, "critical": critical, "fractions": rows})
        return
    kind = "inputs" if layer == "hidden" else "hidden units"
    closed = "" if found.large_net is None else f"; closed form for large nets {found.large_net:.3g}"
    critical_share = (f"critical share of flipped {kind}: {found.critical}", "bold")
    out.print(styled(critical_share, f" (mean over {draws} draws{closed})"), soft_wrap=True)
    _print_table(rows)
    if nothing := [f"{row['fraction']:g}" for row in rows if row["flipped"] == 0 and row["fraction"] > 0]:
        out.print(f"no neuron is flipped at {', '.join(nothing)}: {found.neurons} {kind} are too few", highlight=False)


@app.command()
def critical(
    c: Annotated[str, typer.Argument(help="Compression, inputs / hidden units; several separated by commas.")],
    rho: Annotated[float, typer.Option(help="Variance of the hidden weights over that of the readout weights.")] = 1.0,
    as_json: bool = AS_JSON,
) -> None:
    """Critical shares of flipped neurons in large nets, in closed form."""
    values = numbers(c, "C")
    from symplast.curl import critical_fraction

    rows = [
        {"c": one, "hidden": critical_fraction(one, "hidden", rho), "readout": critical_fraction(one, "readout", rho)}
        for one in values
    ]
    if as_json:
        print_json(rows)
    else:
        _print_table(rows)


def _read_net(path: Path, activation: str) -> "tuple[TwoLayer, Any]":
    import jax.numpy as jnp
    import numpy as np

    from symplast.curl import TwoLayer
    from symplast.datasets.arrays import read_npz

    arrays = read_npz(path, {"W1": "(hidden, inputs)", "W2": "(outputs, hidden)"}, may=("X",))
    found = dict(arrays)
    for name, array in found.items():
        if array.dtype.kind not in "biuf" or array.ndim != 2 or not np.isfinite(array).all():
            raise ValueError(f"{name} in {path} must be a finite matrix, it is {array.dtype}{array.shape}")
        found[name] = np.asarray(array, np.float64)
    if activation not in ("linear", "tanh", "relu"):
        raise ValueError(f"--activation must be linear, tanh or relu, got {activation!r}")
    net = TwoLayer(jnp.asarray(found["W1"]), jnp.asarray(found["W2"]), activation)  # type: ignore[arg-type]
    if "X" in found and found["X"].shape[1] != net.sizes[0]:
        raise ValueError(f"X in {path} must be (rows, inputs={net.sizes[0]}), got {found['X'].shape}")
    return net, jnp.asarray(found["X"]) if "X" in found else None


def _shares(text: str) -> list[float]:
    shares = numbers(text, "--fractions")
    if any(not 0 <= share <= 1 for share in shares):
        raise ValueError(f"--fractions must be shares in [0, 1], got {text!r}")
    return shares


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    if not rows:
        err.print("nothing to show")
        return
    names = [name for name in rows[0] if not name.endswith(("_low", "_high"))]
    table = Table(box=None, header_style="bold")
    for name in names:
        table.add_column(name, justify="right")
    for row in rows:
        ends = {name: (row.get(f"{name}_low"), row.get(f"{name}_high")) for name in names}
        table.add_row(*[_shown(row[name], *ends[name]) for name in names])
    out.print(table)


def _shown(value: float, low: float | None, high: float | None) -> str:
    """The value with its interval, short enough for a row of three."""
    if low is None or high is None:
        return f"{value:.4g}"
    return f"{value:.3g} [{low:.2g}, {high:.2g}]"
