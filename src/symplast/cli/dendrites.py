"""``symplast dendrites``: design segments, tabulate their errors, mix patterns, check a user's own patterns."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import err, out, print_json, tell_reading, warn
from symplast.cli.naming import naming
from symplast.cli.options import AS_JSON, HEADER, INDEX, numbers

if TYPE_CHECKING:
    import numpy as np

app = typer.Typer(help="Dendritic segments: design, sweep, union, check patterns.", no_args_is_help=True)

MOST_VALUES = 1_000_000
CELLS = typer.Option(..., "--n", help="Potential presynaptic cells, such as 20000 or 2e4.")
ACTIVE = typer.Option(..., "--a", help="Active cells of a pattern.")


@app.command()
def design(
    n: Annotated[float, CELLS],
    a: Annotated[float, ACTIVE],
    fp: Annotated[float, typer.Option(help="Budget of false positives over all patterns.")],
    fn: Annotated[float, typer.Option(help="Budget of false negatives of one segment.")],
    noise: Annotated[float | None, typer.Option(help="Share of the active cells that is lost.")] = None,
    v: Annotated[float | None, typer.Option("--v", help="Active cells lost, a count instead of --noise.")] = None,
    patterns: Annotated[float | None, typer.Option(help="Stored patterns, such as 1e6.")] = None,
    per: Annotated[str, typer.Option(help="Hold --fp against the 'population' or one 'segment'.")] = "population",
    objective: Annotated[str, typer.Option(help="min_s, min_theta or max_patterns.")] = "min_s",
    max_synapses: Annotated[float | None, typer.Option(help="Largest segment to consider.")] = None,
    pareto: Annotated[Path | None, typer.Option(help="Write the table of other good designs as CSV.")] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Choose synapses and threshold for an error budget; the answer is verified in exact arithmetic."""
    from symplast.dendrites import design
    from symplast.lab.whole_files import write_whole

    with naming("n", "a", "patterns", "noise", "v", "per", "objective", "max_synapses", fp_max="--fp", fn_max="--fn"):
        found = design(
            n,
            a,
            patterns,
            fp_max=fp,
            fn_max=fn,
            noise=noise,
            v=v,
            per=per,
            objective=objective,
            max_synapses=max_synapses,
        )
    if pareto is not None:
        write_whole(pareto, found.pareto.to_csv(index=False))
        err.print(f"{len(found.pareto)} designs written to {pareto}", soft_wrap=True, highlight=False)
    if as_json:
        slack = {"fp": found.slack.fp, "fn": found.slack.fn}
        record = {key: getattr(found, key) for key in ("s", "theta", "fp", "fn", "v", "patterns")}
        print_json(
            {**record, "slack": slack, "verified": found.certificate.holds, "pareto": found.pareto.to_dict("records")}
        )
        return
    out.print(f"s = {found.s} synapses, theta = {found.theta}", style="bold")
    whole = "all patterns together" if per == "population" else "one segment"
    out.print(f"false positives {found.fp:.4g} ({whole}; {found.patterns:,} patterns)", highlight=False, soft_wrap=True)
    out.print(f"false negatives {found.fn:.4g} ({found.v} of {int(a)} active cells lost)", highlight=False)
    out.print(f"verified exactly: {'yes' if found.certificate.holds else 'no'}", highlight=False)


@app.command()
def sweep(
    n: Annotated[str, typer.Option(help="Cells: values and ranges, such as 1000,2000 or 1000:9000:1000.")],
    s: Annotated[str, typer.Option(help="Synapses, as --n.")],
    a: Annotated[str | None, typer.Option(help="Active cells, as --n.")] = None,
    activity: Annotated[
        str | None, typer.Option(help="Shares of active cells instead of --a, such as 0.01,0.02.")
    ] = None,
    theta: Annotated[str | None, typer.Option(help="Thresholds, as --n; all when left out.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write to this file instead of stdout.")] = None,
    as_json: bool = AS_JSON,
) -> None:
    """False positives of every combination, as CSV (or JSON)."""
    from symplast.dendrites import sweep
    from symplast.lab.whole_files import write_whole

    if (a is None) == (activity is None):
        raise ValueError("give exactly one of --a (counts of active cells) and --activity (shares of the cells)")
    axes: dict[str, Any] = {
        "n": _counts(n, "--n"),
        "s": _counts(s, "--s"),
        "a": None if a is None else _counts(a, "--a"),
        "activity": None if activity is None else numbers(activity, "--activity"),
        "theta": None if theta is None else _counts(theta, "--theta"),
    }
    with naming("n", "a", "s", "theta", "activity"):
        table = sweep(**axes).table()
    if as_json:
        print_json(table.to_dict("records"))
    elif csv is None:
        typer.echo(table.to_csv(index=False), nl=False)
    else:
        write_whole(csv, table.to_csv(index=False))
        err.print(f"{len(table)} rows written to {csv}", soft_wrap=True, highlight=False)


@app.command()
def union(
    n: Annotated[float, CELLS],
    a: Annotated[float, ACTIVE],
    s: Annotated[float, typer.Option(help="Synapses of each pattern.")],
    theta: Annotated[float, typer.Option(help="Threshold.")],
    patterns: Annotated[str, typer.Option(help="Patterns on the segment: values and ranges, such as 1:20.")],
    as_json: bool = AS_JSON,
) -> None:
    """Size and false positives of a segment that stores several patterns."""
    from symplast.dendrites import DendriticSegment, union_fp, union_size

    stored = _counts(patterns, "--patterns")
    with naming("n", "a", "s", "theta", M="--patterns", patterns="--patterns"):
        segment = DendriticSegment(n, a, s, theta)
        size = union_size(n, s, stored)
        columns = {
            "patterns": stored,
            "synapses": size.mean.tolist(),
            "fp": union_fp(segment, stored, "exact").tolist(),
            "fp_expected_size": union_fp(segment, stored, "paper").tolist(),
            "fp_bound": union_fp(segment, stored, "bound").tolist(),
        }
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if as_json:
        print_json(rows)
    else:
        _print_table(rows)


@app.command()
def check(
    patterns: Annotated[
        Path,
        typer.Argument(help="Binary patterns, one a row: .npy, or a table of 0 and 1 (.csv, .tsv, .txt, .parquet)."),
    ],
    header: Annotated[bool | None, HEADER] = None,
    index: Annotated[bool | None, INDEX] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Do your patterns overlap as little as the theory assumes?"""
    import warnings

    from symplast.dendrites import CorrelatedPatterns, estimate_from_data

    X = _read_patterns(patterns, header, index)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", CorrelatedPatterns)
        with naming(X=str(patterns)):
            found = estimate_from_data(X)
    exceedance = found.exceedance()
    if as_json:
        keys = ("n", "pairs", "mean_ratio", "rho", "z_mean", "z_rho", "correlated")
        record = {key: getattr(found, key) for key in keys}
        active = {"patterns": len(found.a), "a_mean": float(found.a.mean())}
        print_json({**active, **record, "exceedance": exceedance.to_dict("records")})
    else:
        out.print(
            f"{len(found.a)} patterns of {found.n} cells, {found.a.mean():.4g} active on average", highlight=False
        )
        out.print(
            f"mean overlap x{found.mean_ratio:.3f}, variance x{found.rho:.3f} of independent ones", highlight=False
        )
        seen = exceedance[exceedance.measured > 0].to_dict("records")
        _print_table([{str(k): v for k, v in row.items()} for row in seen])
    for warning in said:
        warn(warning.message)


def _read_patterns(path: Path, header: bool | None, index: bool | None) -> "np.ndarray[Any, Any]":
    from symplast.datasets.arrays import read_npy
    from symplast.datasets.tables import read_table

    if path.suffix == ".npy":
        return read_npy(path, "an array of binary patterns, one pattern a row,")
    X, decided = read_table(
        path, what="binary patterns, one pattern a row", also=".npy", header=header, index=index
    ).matrix()
    tell_reading(path, len(X), decided)
    return X


def _counts(text: str, option: str) -> list[int]:
    """``1000,2e3`` or ``start:stop`` or ``start:stop:step``, ends included."""
    counts: list[int] = []
    for part in text.split(","):
        try:
            ends = [float(word) for word in part.split(":")]
        except ValueError:
            raise ValueError(f"{option} must be counts or ranges such as 10,20 or 10:50:5, got {text!r}") from None
        if len(ends) > 3 or not all(end.is_integer() for end in ends) or (len(ends) == 3 and ends[2] < 1):
            raise ValueError(f"{option} must be whole counts or ranges start:stop:step with step >= 1, got {text!r}")
        start, stop, step = (*map(int, ends), *((int(ends[0]), 1) if len(ends) == 1 else (1,)))[:3]
        if stop < start:
            raise ValueError(f"{option} must have ranges that rise, got {part!r}")
        if (stop - start) // step >= MOST_VALUES:
            raise ValueError(f"{option} must have at most {MOST_VALUES:,} values, got {part!r}; use a larger step")
        counts.extend(range(start, stop + 1, step))
    return counts


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(f"{value:.5g}" if isinstance(value, float) else str(value) for value in row.values()))
    out.print(table)
