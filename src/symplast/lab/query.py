"""Asking a store in SQL."""

import duckdb
import msgspec
import pandas as pd

from symplast.lab.records import Run
from symplast.lab.store import Store

RUN_COLUMNS = ("id", "system", "experiment", "scale", "status", "code", "compile_s", "run_s", "peak_memory_mb")
PROVENANCE_COLUMNS = ("started", "device", "machine", "threads", "commit", "dirty")
QUANTITY_COLUMNS = ("run", "system", "experiment", "scale", "quantity", "value", "low", "high", "n", "unit")


def query(store: Store, sql: str) -> pd.DataFrame:
    """Ask a store in SQL (DuckDB).

    Tables: ``runs``, one row a run (its record and provenance; ``config`` and ``versions`` as JSON), and
    ``quantities``, one row a scalar quantity.

    Args:
        store: the store; damaged runs are left out.
        sql: a query, such as ``select experiment, max(run_s) from runs group by 1``.

    Returns:
        The answer.

    Raises:
        ValueError: the query is wrong.
    """
    runs = store.runs()
    with duckdb.connect(config={"enable_external_access": "false"}) as database:
        database.register("runs", _run_table(runs))
        database.register("quantities", _quantity_table(runs))
        try:
            answer = database.sql(sql)
            table: pd.DataFrame | None = None if answer is None else answer.df()
        except duckdb.Error as error:
            raise ValueError(f"the query is wrong: {error}") from error
    if table is None:
        raise ValueError("the query gives no table; it must be a select")
    return table


def _run_table(runs: list[Run]) -> pd.DataFrame:
    rows = [
        [getattr(run, name) for name in RUN_COLUMNS]
        + [getattr(run.provenance, name) for name in PROVENANCE_COLUMNS]
        + [msgspec.json.encode(x).decode() for x in (run.config, run.provenance.versions)]
        + [run.failure.message if run.failure else None]
        for run in runs
    ]
    return pd.DataFrame(rows, columns=[*RUN_COLUMNS, *PROVENANCE_COLUMNS, "config", "versions", "error"])


def _quantity_table(runs: list[Run]) -> pd.DataFrame:
    rows = [
        (run.id, run.system, run.experiment, run.scale, name, q.value, q.low, q.high, q.n, q.unit)
        for run in runs
        for name, q in run.quantities.items()
        if not isinstance(q.value, list)
    ]
    return pd.DataFrame(rows, columns=QUANTITY_COLUMNS).astype(dict.fromkeys(("value", "low", "high"), float))
