"""Activity of a user's own network, read from files."""

from pathlib import Path

import numpy as np


def read_activity(path: Path) -> np.ndarray:
    """A table of activity, one example a row.

    Args:
        path: ``.npy`` (two dimensions), or ``.csv`` or ``.tsv`` with or without a line of names.

    Returns:
        (examples, features) float64.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, cells that are no numbers, NaN, fewer than two examples, or nothing but zeros.
    """
    if not path.exists():
        raise FileNotFoundError(f"no file {path}")
    if path.suffix == ".npy":
        try:
            values = np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise ValueError(f"{path} must be an array that numpy.save wrote; it can't be read as one") from error
        if values.dtype.kind not in "biuf":
            raise ValueError(f"{path} must hold numbers, its type is {values.dtype}")
    elif path.suffix in (".csv", ".tsv"):
        values = _table(path)
    else:
        raise ValueError(f"{path} must be .npy, .csv or .tsv")
    if values.ndim != 2 or values.shape[0] < 2 or values.shape[1] < 1:
        raise ValueError(f"{path} must hold (examples, features) with at least two examples, got {values.shape}")
    if not np.isfinite(values).all():
        rows = int((~np.isfinite(values).all(axis=1)).sum())
        raise ValueError(f"{path} holds empty cells, NaN or infinity in {rows} rows: drop or fill them")
    if not values.any():
        raise ValueError(f"{path} holds zeros only: there is no activity to learn from")
    return np.asarray(values, dtype=float)


def best_share(X: np.ndarray, rows: int) -> float:
    """Share of the second moment that the best subspace of so many dimensions holds."""
    eigenvalues = np.linalg.eigvalsh(X.T @ X)[::-1]
    return float(eigenvalues[:rows].sum() / eigenvalues.sum())


def _table(path: Path) -> np.ndarray:
    import pandas as pd

    separator = "\t" if path.suffix == ".tsv" else ","
    try:
        table = pd.read_csv(path, sep=separator, header=None, dtype=str)
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path} is empty") from None
    except pd.errors.ParserError as error:
        raise ValueError(f"{path} must have equally many cells in each row ({error})") from error
    if pd.to_numeric(table.iloc[0], errors="coerce").isna().all():
        table = table.iloc[1:]
    numbers = table.apply(pd.to_numeric, errors="coerce")
    wrong = numbers.isna() & table.notna()
    if wrong.to_numpy().any():
        row, column = np.argwhere(wrong.to_numpy())[0]
        raise ValueError(f"{path} must hold numbers; row {row + 1}, column {column + 1} is {table.iloc[row, column]!r}")
    return numbers.to_numpy(dtype=float)
