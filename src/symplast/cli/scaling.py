"""``symplast scaling``: fit, audit and design IsoFLOP sweeps on a user's own table of training runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import computing, err, out, print_json, tell, warn
from symplast.cli.naming import naming
from symplast.cli.options import AS_JSON

if TYPE_CHECKING:
    from symplast.scaling import RunTable
    from symplast.stats import Estimate

app = typer.Typer(help="Scaling laws: fit, audit and design sweeps of training runs.", no_args_is_help=True)

TABLE = typer.Argument(
    help="Runs, one a row: .csv, .tsv, .txt or .parquet with parameters, tokens (or compute) and loss; units in names "
    "and cells, such as params (B) or 7B, are converted."
)
N_COLUMN = typer.Option("--n-column", help="Column of the parameters N; guessed when left out.")
D_COLUMN = typer.Option("--d-column", help="Column of the tokens D.")
LOSS_COLUMN = typer.Option("--loss-column", help="Column of the loss.")
C_COLUMN = typer.Option("--c-column", help="Column of the compute budget (FLOP, or PF-days if it says so).")
WHERE = typer.Option("--where", help="Keep rows with COLUMN=VALUE; may be given several times.")
DROP = typer.Option("--drop-failed", help="Leave out runs without a number (empty, nan, failed, OOM); says how many.")
TARGET = typer.Option("--target", help="Budget in FLOP to compare at; default 10 times the largest.")
PRICE = typer.Option("--price", help="Dollars per accelerator-hour.")
PEAK = typer.Option("--peak", help="Its peak FLOP/s; 1979e12: H100 with sparsity, 989e12: dense.")
MFU = typer.Option("--mfu", help="Share of the peak that training reaches.")
HIGHEST = typer.Option("--max-exponent", help="Upper bound of alpha and beta.")


LOWEST = 0.01
"""Smallest exponent that is searched."""

LARGEST = 20.0
"""Largest one that may be asked for: beyond, powers of tokens leave the range of floats."""

LARGEST_TARGET = 1e60
"""Largest budget in FLOP: beyond, the loss can't be told from the irreducible one."""


def _read(
    table: Path, n: str | None, d: str | None, loss: str | None, c: str | None, where: list[str] | None, drop: bool
) -> "RunTable":
    from symplast.scaling.run_files import Wording, read_runs

    kept: dict[str, str] = {}
    for condition in where or []:
        column, equals, value = condition.partition("=")
        if not equals:
            raise ValueError(f"--where must read COLUMN=VALUE, got {condition!r}")
        if column in kept:
            raise ValueError(f"--where names column {column!r} twice; no row can have both values")
        kept[column] = value
    given = {"N": n, "D": d, "L": loss, "C": c}
    options = {"N": "--n-column NAME", "D": "--d-column NAME", "L": "--loss-column NAME", "C": "--c-column NAME"}
    columns = {symbol: name for symbol, name in given.items() if name}
    wording = Wording(options, "--where COLUMN=NAME", "--drop-failed")
    runs = read_runs(table, columns, kept, drop_failed=drop, wording=wording)
    tell(runs.reading)
    return runs


def _bounds(highest: float) -> Any:
    from symplast.scaling import Bounds

    if not LOWEST < highest <= LARGEST:
        raise ValueError(
            f"--max-exponent must be above {LOWEST}, the smallest exponent searched, and at most {LARGEST:g}, "
            f"got {highest:g}"
        )
    return Bounds(alpha=(LOWEST, highest), beta=(LOWEST, highest))


def _check_target(target: float | None) -> None:
    if target is not None and not 1 <= target <= LARGEST_TARGET:
        raise ValueError(f"--target must be positive FLOP, 1 to {LARGEST_TARGET:g}, got {target:g}")


@app.command()
def fit(
    table: Annotated[Path, TABLE],
    method: Annotated[str, typer.Option(help="vp (variable projection), a3 (Approach 3) or a2 (parabolas).")] = "vp",
    loss: Annotated[str, typer.Option(help="mse or huber.")] = "mse",
    delta: Annotated[float, typer.Option(help="Where the Huber loss turns linear.")] = 1e-3,
    target: Annotated[float | None, TARGET] = None,
    n_column: Annotated[str | None, N_COLUMN] = None,
    d_column: Annotated[str | None, D_COLUMN] = None,
    loss_column: Annotated[str | None, LOSS_COLUMN] = None,
    c_column: Annotated[str | None, C_COLUMN] = None,
    where: Annotated[list[str] | None, WHERE] = None,
    drop_failed: Annotated[bool, DROP] = False,
    max_exponent: Annotated[float, HIGHEST] = 0.99,
    as_json: bool = AS_JSON,
) -> None:
    """Fit L = E + A N^-alpha + B D^-beta (or Approach 2's parabolas) and say how to split a budget."""
    from symplast.scaling import fit_report

    for option, value, known in (("--method", method, ("vp", "a3", "a2")), ("--loss", loss, ("mse", "huber"))):
        if value not in known:
            raise ValueError(f"{option} must be {', '.join(known[:-1])} or {known[-1]}, got {value!r}")
    _check_target(target)
    bounds = _bounds(max_exponent)
    if not delta > 0:
        raise ValueError(f"--delta must be positive, in units of the residual, got {delta:g}")
    with computing(), naming("delta"):
        runs = _read(table, n_column, d_column, loss_column, c_column, where, drop_failed)
        found = fit_report(runs, method, loss=loss, delta=delta, target=target, bounds=bounds)
    if as_json:
        print_json(found)
        return
    for name, value in found["parameters"].items():
        error = found["standard_errors"].get(name)
        out.print(f"{name:>6} = {value:.6g}" + (f"  ± {error:.2g}" if error is not None else ""), highlight=False)
    if found["objective"] is not None:
        out.print(f"objective {found['objective']:.6g}: {found['definition']}", highlight=False, soft_wrap=True)
    best = found["optimum"]
    if best:
        split = f"{best['N']:.4g} parameters, {best['D']:.4g} tokens"
        out.print(f"best split of {best['C']:.3g} FLOP: {split}", highlight=False, soft_wrap=True)
    for flag in found["flags"]:
        warn(flag)


@app.command()
def audit(
    table: Annotated[Path, TABLE],
    target: Annotated[float | None, TARGET] = None,
    output: Annotated[
        Path | None, typer.Option("--out", help="Page (.html) or picture (.svg, .png); default TABLE-audit.html.")
    ] = None,
    n_column: Annotated[str | None, N_COLUMN] = None,
    d_column: Annotated[str | None, D_COLUMN] = None,
    loss_column: Annotated[str | None, LOSS_COLUMN] = None,
    c_column: Annotated[str | None, C_COLUMN] = None,
    where: Annotated[list[str] | None, WHERE] = None,
    drop_failed: Annotated[bool, DROP] = False,
    price: Annotated[float, PRICE] = 2.0,
    peak: Annotated[float, PEAK] = 1979e12,
    mfu: Annotated[float, MFU] = 0.5,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.")] = 1000,
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    max_exponent: Annotated[float, HIGHEST] = 0.99,
    as_json: bool = AS_JSON,
) -> None:
    """Every estimator side by side with intervals, what each budget contributes, and what a wrong split costs."""
    from symplast.scaling import TrainingPrice, check_page, write_audit_page
    from symplast.scaling import audit as audit_runs
    from symplast.scaling.auditing import check_audit

    page = output or Path(f"{table.name.split('.')[0]}-audit.html")
    _check_target(target)
    if seed < 0:
        raise ValueError(f"--seed must be at least 0, got {seed}")
    bounds = _bounds(max_exponent)
    with computing(), naming("price", "peak", "mfu", "level", "resamples", out="--out"):
        check_page(page)
        asked = TrainingPrice(price, peak, mfu)
        check_audit(level, resamples)
        runs = _read(table, n_column, d_column, loss_column, c_column, where, drop_failed)
        report = audit_runs(
            runs, target=target, price=asked, bounds=bounds,
            resamples=resamples, level=level, seed=seed,
        )  # fmt: skip
        write_audit_page(report, runs, page)
    err.print(f"written to {page}", soft_wrap=True, highlight=False)
    if as_json:
        print_json(report.to_dict())
        return
    from rich.table import Table
    from rich.text import Text

    shown = Table("estimator", "a", f"N* at {report.target:.3g}", "D*", "alpha", "beta", title=Text(report.source))
    for row in report.estimators:
        fitted = [_told(row.parameters[name]) if row.parameters else "" for name in ("alpha", "beta")]
        shown.add_row(row.name, _told(row.a), _told(row.n_opt), _told(row.d_opt), *fitted)
    out.print(shown)
    for text in report.findings:
        out.print(f"• {text}", highlight=False, soft_wrap=True)


@app.command()
def design(
    table: Annotated[Path | None, typer.Argument(help="Runs to take alpha and beta from; or give both.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Exponent of the parameters.")] = None,
    beta: Annotated[float | None, typer.Option(help="Exponent of the tokens.")] = None,
    max_bias: Annotated[float, typer.Option(help="Largest acceptable relative error of N* and D*.")] = 0.01,
    points: Annotated[int, typer.Option(help="Runs per budget.")] = 15,
    n_column: Annotated[str | None, N_COLUMN] = None,
    d_column: Annotated[str | None, D_COLUMN] = None,
    loss_column: Annotated[str | None, LOSS_COLUMN] = None,
    c_column: Annotated[str | None, C_COLUMN] = None,
    where: Annotated[list[str] | None, WHERE] = None,
    drop_failed: Annotated[bool, DROP] = False,
    max_exponent: Annotated[float, HIGHEST] = 0.99,
    as_json: bool = AS_JSON,
) -> None:
    """How wide an IsoFLOP grid may be before parabolas are biased."""
    from symplast.scaling import design_report, fit_surface

    bounds = _bounds(max_exponent)
    with computing(), naming("alpha", "beta", "max_bias", n="--points"):
        if table is not None:
            if alpha is not None or beta is not None:
                raise ValueError("give a table, or --alpha and --beta, not both")
            runs = _read(table, n_column, d_column, loss_column, c_column, where, drop_failed)
            surface = fit_surface(runs, bounds=bounds).surface
            alpha, beta = float(surface.alpha), float(surface.beta)
        if alpha is None or beta is None:
            raise ValueError("give a table of runs, or both --alpha and --beta")
        found = design_report(alpha, beta, max_bias, points)
    if as_json:
        print_json(found)
        return
    widest = found["k"]
    limit = "any width up to ±1000x" if widest is None else f"±{widest:.3g}x"
    out.print(
        f"alpha {alpha:.4g}, beta {beta:.4g}, {points} points, at most {max_bias:.3g} off: {limit}", highlight=False
    )
    for row in found["widths"]:
        out.print(
            f"  {'±' + str(row['k']) + 'x':<5} N* {row['n_error']:+.2%}  D* {row['d_error']:+.2%}", highlight=False
        )


def _told(estimate: "Estimate") -> str:
    if estimate.low == float("-inf"):
        return f"{estimate.value:.3g}"
    return f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"
