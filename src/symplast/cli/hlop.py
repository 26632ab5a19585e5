"""``symplast hlop``: the principal subspace of your own activity, learned batch by batch by a lateral circuit."""

from pathlib import Path
from typing import Annotated, Any

import typer

from symplast.cli.console import check_output, computing, err, out, print_json, tell_reading
from symplast.cli.naming import naming
from symplast.cli.options import HEADER, INDEX

app = typer.Typer(help="Hebbian orthogonal projection: streaming principal subspaces.", no_args_is_help=True)

TABLE = typer.Argument(help="Activity (.npy, .csv, .tsv, .txt, .parquet): one example a row, one feature a column.")

MOST_FEATURES = 20_000
"""The best subspace comes from a matrix of features by features."""

NEARLY = 0.95
"""Share of the best subspace below which more passes are advised."""


@app.callback()
def group() -> None:
    """Hebbian orthogonal projection: streaming principal subspaces."""


@app.command()
def subspace(
    table: Annotated[Path, TABLE],
    rows: Annotated[int | None, typer.Option(help="Lateral neurons; default 10, or half of fewer features.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate; default 0.3 / largest eigenvalue.")] = None,
    batch: Annotated[int, typer.Option(help="Examples a batch.")] = 64,
    epochs: Annotated[int, typer.Option(help="Passes.")] = 1,
    centre: Annotated[bool, typer.Option("--centre", help="Subtract the mean first, as PCA does.")] = False,
    levels: Annotated[
        int | None, typer.Option(help="Spiking lateral neurons with so many levels; default none.")
    ] = None,
    scale: Annotated[float, typer.Option(help="Their largest output.")] = 20.0,
    seed: Annotated[int, typer.Option(help="Of the first rows and the order.")] = 0,
    save: Annotated[Path | None, typer.Option(help="Write the rows to this .npy file.")] = None,
    header: Annotated[bool | None, HEADER] = None,
    index: Annotated[bool | None, INDEX] = None,
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Learn the subspace that a lateral circuit finds in one pass, and compare it with the best possible one."""
    import jax
    import numpy as np

    from symplast.hlop import OjaSubspace
    from symplast.hlop.activity_files import activity_table, best_share
    from symplast.lab.whole_files import whole_file

    if batch < 1 or epochs < 1:
        raise ValueError(f"--batch and --epochs must be at least 1, got {batch} and {epochs}")
    if save is not None:
        check_output(save, "--save", ".npy")
    if seed < 0 or (rows is not None and rows < 1):
        raise ValueError(f"--rows must be at least 1 and --seed at least 0, got {rows} and {seed}")
    if not 0 < scale < float("inf") or (levels is not None and levels < 1):
        raise ValueError(f"--scale must be positive and --levels at least 1, got {scale:g} and {levels}")
    if lr is not None and not 0 < lr < float("inf"):
        raise ValueError(f"--lr must be positive, got {lr:g}")
    X, decided = activity_table(table, header, index)
    tell_reading(table, len(X), decided)
    if X.shape[1] > MOST_FEATURES:
        raise ValueError(
            f"{table} has {X.shape[1]:,} features, more than {MOST_FEATURES:,}: project or select them first"
        )
    if rows is not None and rows > X.shape[1]:
        raise ValueError(f"--rows must be at most the {X.shape[1]} features of {table}, got {rows}")
    X = X - X.mean(axis=0) if centre else X
    if not 1e-15 < float(np.abs(X).max()) < 1e15:
        raise ValueError(
            f"{table} has values of up to {np.abs(X).max():.3g}{' after centring' if centre else ''}; the circuit "
            "computes in 32-bit floats: scale the activity so that they are around 1"
        )
    rows = min(10, max(X.shape[1] // 2, 1)) if rows is None else rows
    with computing(), naming("lr", "scale", "levels", k="--rows"):
        moment = float(np.linalg.eigvalsh(X.T @ X / len(X))[-1])
        rate = 0.3 / moment if lr is None else lr
        unit = 1 / np.sqrt(moment) if lr is None else 1.0  # the same subspace; no change is clipped for X's size alone
        X = unit * X
        spiking = None if levels is None else (scale, levels)
        space = OjaSubspace(X.shape[1], rate / unit**2, spiking=spiking, key=jax.random.key(seed)).add(rows)
        rng = np.random.default_rng(seed)
        size = min(batch, len(X))
        for _ in range(epochs):
            order = rng.permutation(len(X))
            for start in range(0, len(X) - size + 1, size):
                space = space.partial_fit(X[order[start : start + size]])
        share = space.explained(X)
    best = best_share(X, rows)
    found: dict[str, Any] = {
        "rows": rows,
        "features": X.shape[1],
        "examples": len(X),
        "lr": rate,
        "largest_eigenvalue": moment,
        "share": share,
        "best_share": best,
        "of_best": share / best,
        "deviation": space.deviation,
        "clipped": space.clipped,
    }
    if save is not None:
        with whole_file(save) as file:
            np.save(file, np.asarray(space.basis))
        err.print(f"written to {save}", soft_wrap=True, highlight=False)
    if as_json:
        print_json(found)
        return
    out.print(
        f"{rows} rows hold {100 * share:.2f} % of the second moment; the best hold {100 * best:.2f} %", highlight=False
    )
    if found["of_best"] < NEARLY:
        out.print("more --epochs bring the rows nearer to the best", style="dim")
    out.print(f"|H H^T - I| = {space.deviation:.3g}, {space.clipped} changes clipped, lr {rate:.3g}", highlight=False)
