"""Interaction networks as arrays in .npz files."""

from pathlib import Path

import numpy as np

from symplast.datasets.arrays import read_npz


def read_npz_network(path: Path) -> tuple[np.ndarray, list[str]]:
    """Edges as positions and names of the nodes, from an .npz."""
    arrays = read_npz(path, {"edges": "(E, 2) positions from 0"}, ("entrez", "nodes"))
    edges = arrays["edges"]
    names = arrays.get("entrez", arrays.get("nodes"))
    if names is None or names.dtype.kind not in "US" or names.ndim != 1:
        raise ValueError(f"{path} must hold entrez or nodes, the names of the nodes as text (N,)")
    if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iu":
        raise ValueError(f"{path} must hold edges (E, 2), whole numbers, got {edges.dtype} of shape {edges.shape}")
    return edges.astype(np.int64), [str(name) for name in names.astype(str)]
