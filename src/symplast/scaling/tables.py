"""Tables of training runs: one row a run, with its parameters N, tokens D, final loss L and compute C.

Column names are guessed from the usual ones and can always be given. Everything that makes an estimate meaningless is
an error here, with the argument, the rule and the mend; everything that makes it doubtful is a ``ScalingWarning``.
"""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from symplast.scaling.surfaces import FLOP_PER_PARAMETER_TOKEN

if TYPE_CHECKING:
    import pandas as pd

Runs = Float[np.ndarray, " runs"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "N": ("n", "params", "parameters", "nparams", "numparams", "nparameters", "numparameters", "modelsize",
          "modelparams", "nonembeddingparams", "paramcount", "size"),
    "D": ("d", "tokens", "ntokens", "numtokens", "trainingtokens", "traintokens", "tokencount", "data", "datasize"),
    "L": ("l", "loss", "finalloss", "valloss", "validationloss", "evalloss", "testloss", "trainloss", "nll"),
    "C": ("c", "budget", "flopbudget", "computebudget", "compute", "flop", "flops", "trainingflop", "trainingflops",
          "trainflops", "totalflops"),
}  # fmt: skip
"""Names under which a column is recognised, after dropping case and everything but letters."""

COMPUTE_TOLERANCE = 0.01
"""C may differ from 6 N D by this share before it is reported."""

SAME_BUDGET = 1e-3
"""Computes closer than this relative gap belong to one budget when the table has no budget column."""


class ScalingWarning(UserWarning):
    """Something in the table or the fit that makes the estimate doubtful, not wrong."""


@dataclass(frozen=True)
class RunTable:
    """Training runs, checked.

    Attributes:
        N: parameters of each run.
        D: training tokens of each run.
        L: final loss of each run.
        C: compute of each run in FLOP; the nominal budget where the table has one.
        nominal: whether C came with the table (else it is 6 N D, joined into budgets).
        source: where the table came from, for messages.
    """

    N: Runs
    D: Runs
    L: Runs
    C: Runs
    nominal: bool = True
    source: str = "table"

    @property
    def n(self) -> int:
        """Number of runs."""
        return self.N.size

    @property
    def budgets(self) -> Float[np.ndarray, " budgets"]:
        """The distinct budgets, ascending, in FLOP."""
        return np.unique(self.C)

    def select(self, rows: ArrayLike) -> "RunTable":
        """The runs where ``rows`` (a mask or indices) says so."""
        rows = np.asarray(rows)
        return RunTable(
            self.N[rows], self.D[rows], self.L[rows], self.C[rows], nominal=self.nominal, source=self.source
        )

    def at(self, budget: float) -> np.ndarray:
        """Mask of the runs of one budget."""
        return np.equal(self.C, budget)

    def without_budget(self, budget: float) -> "RunTable":
        """The runs of all other budgets."""
        return self.select(~self.at(budget))


def run_table(
    N: ArrayLike, D: ArrayLike, L: ArrayLike, C: ArrayLike | None = None, *, source: str = "table"
) -> RunTable:
    """Check the columns of a table of runs and put them together.

    Args:
        N: parameters, > 0.
        D: tokens, > 0.
        L: final loss, > 0.
        C: compute budget in FLOP; None means 6 N D, where runs within 0.1 % of each other share a budget.
        source: what to call the table in messages.

    Returns:
        The table, in float64 copies (read-only input is fine).

    Raises:
        ValueError: unequal lengths, an empty table, or a value that is missing, infinite or not positive.

    Warns:
        ScalingWarning: C differs from 6 N D by more than 1 %.

    Example:
        >>> run_table([1e8, 2e8], [2e9, 1e9], [3.1, 3.2]).C
        array([1.2e+18, 1.2e+18])
    """
    columns = {name: check_column(name, values) for name, values in (("N", N), ("D", D), ("L", L))}
    if C is not None:
        columns["C"] = check_column("C", C)
    sizes = {name: values.size for name, values in columns.items()}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise ValueError(f"N, D, L and C must have the same length, one row a run; {told}")
    computed = FLOP_PER_PARAMETER_TOKEN * columns["N"] * columns["D"]
    if C is None:
        return RunTable(columns["N"], columns["D"], columns["L"], join_budgets(computed), nominal=False, source=source)
    factor = columns["C"] / computed
    if np.any(np.abs(factor - 1) > COMPUTE_TOLERANCE):
        warnings.warn(
            f"{source}: C is {factor.min():.3g} to {factor.max():.3g} times 6 N D (median {np.median(factor):.3g}); "
            "budgets are taken as given for grouping, N and D as given for the loss, so a + b need not be 1",
            ScalingWarning,
            stacklevel=2,
        )
    return RunTable(columns["N"], columns["D"], columns["L"], columns["C"], nominal=True, source=source)


def check_column(name: str, values: ArrayLike) -> Runs:
    """One column as a float64 copy, or a ValueError that says which row breaks which rule."""
    try:
        column = np.array(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a column of numbers: {error}") from None
    if column.ndim != 1 or column.size == 0:
        raise ValueError(f"{name} must be one column with a value for each run, got shape {column.shape}")
    for broken, rule in ((~np.isfinite(column), "finite numbers; drop those rows"), (column <= 0, "positive")):
        if broken.any():
            rows = np.flatnonzero(broken)
            raise ValueError(f"{name} must hold {rule}: row {rows[0]} is {column[rows[0]]} ({rows.size} such rows)")
    return column


def join_budgets(C: Runs, gap: float = SAME_BUDGET) -> Runs:
    """Give runs of (nearly) equal compute one budget: their geometric mean."""
    order = np.argsort(C, kind="stable")
    logs = np.log(C[order])
    group = np.concatenate([[0], np.cumsum(np.diff(logs) > gap)])
    means = np.exp(np.bincount(group, logs) / np.bincount(group))
    joined = np.empty_like(C)
    joined[order] = means[group]
    return joined


def read_runs(
    table: "str | Path | pd.DataFrame",
    columns: Mapping[str, str] | None = None,
    where: Mapping[str, str] | None = None,
) -> RunTable:
    """Read training runs from a CSV or Parquet file or a DataFrame.

    Args:
        table: the file (``.csv``, ``.csv.gz``, ``.tsv``, ``.parquet``) or the DataFrame.
        columns: which column holds N, D, L or C, e.g. ``{"N": "size", "L": "eval/loss"}``; the others are guessed.
        where: keep only rows with this text in this column, e.g. ``{"experiment": "llama_3__raw_loss"}``.

    Returns:
        The checked table. Without a D column, D = C / (6 N); without a C column, C = 6 N D.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unknown column, a column that can't be guessed, several experiments in one table, or values that
            :func:`run_table` refuses.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"params": [1e8, 2e8], "tokens": [2e9, 1e9], "val_loss": [3.1, 3.2]})
        >>> read_runs(frame).L
        array([3.1, 3.2])
    """
    frame, source = _frame(table)
    for column, value in (where or {}).items():
        if column not in frame:
            raise ValueError(f"where names column {column!r}, which {source} lacks; it has {_listed(frame.columns)}")
        kept = frame[frame[column].astype(str) == str(value)]
        if kept.empty:
            raise ValueError(
                f"where {column}={value} keeps no row of {source}; there are {_listed(frame[column].unique())}"
            )
        frame = kept
    if "experiment" in frame and frame["experiment"].nunique() > 1:
        raise ValueError(
            f"{source} mixes {frame['experiment'].nunique()} experiments, which have no common surface; "
            f"choose one with where experiment=NAME among {_listed(frame['experiment'].unique())}"
        )
    names = guess_columns([str(name) for name in frame.columns], columns)
    if "N" not in names or "L" not in names or not ({"C", "D"} & set(names)):
        missing = [name for name in ("N", "D", "L") if name not in names]
        raise ValueError(
            f"{source} needs columns for N (parameters), D (tokens) and L (loss); "
            f"found none for {' and '.join(missing)} among {_listed(frame.columns)}; "
            f"name them with columns={{'{missing[0]}': ...}}"
        )
    found = {symbol: frame[name] for symbol, name in names.items()}
    if "D" in found:
        return run_table(found["N"], found["D"], found["L"], found.get("C"), source=source)
    N, C = check_column("N", found["N"]), check_column("C", found["C"])
    return run_table(N, C / (FLOP_PER_PARAMETER_TOKEN * N), found["L"], join_budgets(C), source=source)


def guess_columns(present: Sequence[str], given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Which of the present columns hold N, D, L and C.

    Args:
        present: column names of the table.
        given: choices that override the guess.

    Returns:
        Symbol -> column, for the symbols that were found.

    Raises:
        ValueError: a given column that is absent, an unknown symbol, or two columns that could both be meant.

    Example:
        >>> guess_columns(["Model Size", "Training FLOP", "loss"])
        {'N': 'Model Size', 'L': 'loss', 'C': 'Training FLOP'}
    """
    given = {symbol: name for symbol, name in (given or {}).items() if name}
    for symbol, name in given.items():
        if symbol not in COLUMNS:
            raise ValueError(f"columns must name N, D, L or C, got {symbol!r}")
        if name not in present:
            raise ValueError(f"columns says {symbol} is {name!r}, but the table has {_listed(present)}")
    found: dict[str, str] = {}
    for symbol, known in COLUMNS.items():
        if symbol in given:
            found[symbol] = given[symbol]
            continue
        matches = [name for name in present if re.sub(r"[^a-z]", "", name.lower()) in known]
        matches = [name for name in matches if name not in given.values()]
        if len(matches) > 1:
            raise ValueError(
                f"{symbol} could be any of {_listed(matches)}; say which with columns={{'{symbol}': '{matches[0]}'}}"
            )
        if matches:
            found[symbol] = matches[0]
    return found


def _frame(table: Any) -> tuple["pd.DataFrame", str]:
    import pandas as pd

    if isinstance(table, pd.DataFrame):
        return table, "the table"
    path = Path(table)
    if not path.exists():
        raise FileNotFoundError(f"no file {path}; give a CSV or Parquet table with one run a row")
    kind = path.suffixes[0].lower() if path.suffixes else ""
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".csv": pd.read_csv,
        ".tsv": lambda p: pd.read_csv(p, sep="\t"),
        ".parquet": pd.read_parquet,
    }
    kinds = [reader for suffix, reader in readers.items() if suffix in (s.lower() for s in path.suffixes)]
    if not kinds:
        raise ValueError(f"{path}: a table of runs must be .csv, .tsv or .parquet, got {kind or 'no suffix'}")
    try:
        frame = kinds[0](path)
    except Exception as error:
        raise ValueError(f"{path} can't be read as a table: {error}") from error
    if frame.empty:
        raise ValueError(f"{path} has no rows; a table of runs has one row a run")
    return frame, path.name


def _listed(names: Any, most: int = 12) -> str:
    names = [str(name) for name in names]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
