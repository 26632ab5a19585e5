"""Tables that several tests fit."""

import numpy as np
import pandas as pd
import pytest

from symplast import datasets
from symplast.scaling import RunTable, read_runs, run_table


def _frame(file: str) -> pd.DataFrame:
    if not datasets.available("scaling-laws"):
        pytest.skip("needs the data set scaling-laws (SYMPLAST_DATA)")
    return pd.read_csv(datasets.folder("scaling-laws") / file)


@pytest.fixture(scope="session")
def isoflops() -> pd.DataFrame:
    """All digitised IsoFLOP experiments with the authors' quality flags."""
    return _frame("isoflops.csv")


@pytest.fixture(scope="session")
def llama(isoflops: pd.DataFrame) -> RunTable:
    """The 133 Llama 3 points."""
    return read_runs(isoflops, where={"experiment": "llama_3__raw_loss"})


@pytest.fixture(scope="session")
def chinchilla_points() -> pd.DataFrame:
    """The 245 points read off Chinchilla's Figure 4, lowest loss first."""
    return _frame("chinchilla_figure4_points.csv").sort_values("loss")


@pytest.fixture(scope="session")
def epoch(chinchilla_points: pd.DataFrame) -> RunTable:
    """The 240 of them that the replication keeps."""
    kept = chinchilla_points.iloc[:240]
    N, flop = kept["Model Size"].to_numpy(), kept["Training FLOP"].to_numpy()
    return run_table(N, flop / (6 * N), kept["loss"].to_numpy())


@pytest.fixture
def budgets() -> np.ndarray:
    """The paper's fitting budgets."""
    return np.logspace(17, 21, 5)
