"""From the original public files to the tables and arrays that a data set is kept as.

Where a reduction has no public address of its own, the registry names the original files. ``symplast data fetch``
downloads them, reduces them here, and keeps the result only where its SHA-256 is the one in the registry.
"""

import io
import pickle
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

NUMPY_TYPES = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


def reduce(name: str, originals: Mapping[str, Path]) -> bytes:
    """The content of a data set's file, made from the original public files.

    Args:
        name: the file's name in the registry.
        originals: file name -> where the original is, its SHA-256 checked already.

    Raises:
        ValueError: an original file does not hold what it should.
    """
    return REDUCTIONS[name](originals)


class _ArraysOnly(pickle.Unpickler):
    """Unpickles NumPy arrays and nothing else: no other class or function is looked up, so no code can run."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in NUMPY_TYPES:
            raise pickle.UnpicklingError(f"{module}.{name} is no type of a NumPy array")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_pickled_arrays(path: Path) -> list[np.ndarray]:
    """The arrays of an .npy file that holds an object array of arrays.

    Raises:
        ValueError: another kind of file, or one whose objects are not NumPy arrays of numbers.
    """
    try:
        with path.open("rb") as stream:
            np.lib.format.read_magic(stream)
            _, _, dtype = np.lib.format.read_array_header_1_0(stream)
            held = _ArraysOnly(stream).load() if dtype.hasobject else None
    except (OSError, ValueError, EOFError, TypeError, AttributeError, IndexError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path}: not an .npy file of arrays: {error}") from error
    arrays = list(held.ravel()) if isinstance(held, np.ndarray) else []
    if not arrays or any(not isinstance(each, np.ndarray) or each.dtype.hasobject for each in arrays):
        raise ValueError(f"{path}: not an .npy file of arrays of numbers")
    return arrays


def _curl_phase_boundary(originals: Mapping[str, Path]) -> bytes:
    """First unstable fraction of flipped neurons at each of 500 compression ratios c = inputs / hidden units.

    The originals' first arrays are maps of instability, (500 ratios, 500 fractions). Hidden layer: fraction k / 500.
    Read-out: the fractions are whole numbers of neurons, ``floor(1 + k (N - 2) / 499) / N`` with N = floor(1000 / c).
    """
    hidden, readout = (np.asarray(read_pickled_arrays(originals[f"L{layer}_results.npy"])[0]) > 0 for layer in (1, 2))
    if hidden.shape != (500, 500) or readout.shape != (500, 500):
        raise ValueError(f"the stability maps must be (500, 500), got {hidden.shape} and {readout.shape}")
    ratios = np.logspace(-3, 2, 500)
    lines = ["c,alpha_hidden,alpha_readout,n_hidden_readout_grid"]
    for c, by_hidden, by_readout in zip(ratios, hidden, readout, strict=True):
        units = int(1000 / c)
        alpha_hidden = by_hidden.argmax() / 500 if by_hidden.any() else 1.0
        flipped = np.linspace(1, units - 1, 500).astype(int)
        alpha_readout = flipped[by_readout.argmax()] / units if by_readout.any() else 1.0
        lines.append(f"{c:.8g},{alpha_hidden:.6g},{alpha_readout:.6g},{units}")
    return ("\n".join(lines) + "\n").encode()


def read_r_matrix(path: Path) -> tuple[np.ndarray, list[str], list[str]]:
    """The one matrix of an .RData file, with the names of its rows and columns.

    Raises:
        ImportError: the package rdata is not installed.
        ValueError: another kind of file, or something else in it.
    """
    try:
        import rdata
    except ImportError as error:
        raise ImportError('R data is read with the package rdata: pip install "symplast[genes]"') from error
    try:
        (matrix,) = rdata.read_rda(path).values()
        rows, columns = ([str(name) for name in matrix.coords[dim].values] for dim in matrix.dims)
        return np.asarray(matrix.values), rows, columns
    except Exception as error:  # whatever a damaged file makes the parser raise
        raise ValueError(f"{path}: not an .RData file with one matrix with names: {error}") from error


def _npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _interaction_network(originals: Mapping[str, Path]) -> bytes:
    """Names and edges (the smaller position first) of the adjacency matrix."""
    matrix, names, _ = read_r_matrix(originals["net13Jun12.m.RData"])
    edges = np.stack(np.nonzero(np.triu(matrix, 1)), axis=1).astype(np.int16)
    return _npz(entrez=np.array(names, dtype="U9"), edges=np.asfortranarray(edges))


def _stem_cells(originals: Mapping[str, Path]) -> bytes:
    """The example cells on the genes of the network, in the network's order, with the package's own rates."""
    values, genes, cells = read_r_matrix(originals["Example.m.RData"])
    _, nodes, _ = read_r_matrix(originals["net13Jun12.m.RData"])
    place = {gene: row for row, gene in enumerate(genes)}
    kept = [place[node] for node in nodes if node in place]
    lines = (files("symplast.datasets") / "landscent_rates.csv").read_text(encoding="utf-8").splitlines()
    return _npz(
        entrez=np.array([genes[row] for row in kept], dtype="U9"),
        log2expr=values[kept].astype(np.float32),
        label=np.array(["hESC" if cell.startswith("H1") else "EC" for cell in cells]),
        sr_published=np.array([float(line) for line in lines[3:]]),
    )


REDUCTIONS: dict[str, Callable[[Mapping[str, Path]], bytes]] = {
    "phase_boundary.csv": _curl_phase_boundary,
    "ppi_pathwaycommons_2012.npz": _interaction_network,
    "chu_hesc_ec.npz": _stem_cells,
}
