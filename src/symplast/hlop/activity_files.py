"""Activity of a user's own network, read from files."""

from pathlib import Path

import numpy as np

from symplast.datasets.arrays import read_npy
from symplast.datasets.tables import read_table

WHAT = "a table of activity, one example a row"


def read_activity(path: Path, header: bool | None = None, index: bool | None = None) -> np.ndarray:
    """A table of activity, one example a row; see :func:`activity_table`."""
    return activity_table(path, header, index)[0]


def activity_table(
    path: Path, header: bool | None = None, index: bool | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """A table of activity, one example a row, and how it was read.

    Args:
        path: ``.npy`` (two dimensions), or a table as :func:`symplast.datasets.tables.read_table` reads, with or
            without a line of names.
        header: whether the first line names the features; None decides by what it holds.
        index: whether the first column only counts or names the examples; None decides by what it holds.

    Returns:
        (examples, features) float64, and what was decided on reading, in words.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, cells that are no numbers (all at once), fewer than two examples, or nothing
            but zeros.
    """
    decided: tuple[str, ...] = ()
    if path.suffix == ".npy":
        values = read_npy(path, "an array of activity")
        if values.dtype.kind not in "biuf":
            raise ValueError(f"{path} must hold numbers, its type is {values.dtype}")
    else:
        values, decided = read_table(path, what=WHAT, also=".npy", header=header, index=index).matrix()
    if values.ndim != 2 or values.shape[0] < 2 or values.shape[1] < 1:
        raise ValueError(f"{path} must hold (examples, features) with at least two examples, got {values.shape}")
    if not np.isfinite(values).all():
        rows = int((~np.isfinite(values).all(axis=1)).sum())
        raise ValueError(f"{path} holds NaN or infinity in {rows} rows: drop or fill them")
    if not values.any():
        raise ValueError(f"{path} holds zeros only: there is no activity to learn from")
    return np.asarray(values, dtype=float), decided


def best_share(X: np.ndarray, rows: int) -> float:
    """Share of the second moment that the best subspace of so many dimensions holds."""
    eigenvalues = np.linalg.eigvalsh(X.T @ X)[::-1]
    return float(eigenvalues[:rows].sum() / eigenvalues.sum())
