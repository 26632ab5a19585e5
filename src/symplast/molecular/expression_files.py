"""Expression in files: tables, Parquet, .npz, .h5ad and 10x folders, read a block of samples at a time."""

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import io as scipy_io
from scipy import sparse

from symplast.datasets.arrays import EVERY, read_npz
from symplast.datasets.cells import Kind, find_marks, read_column
from symplast.datasets.tables import TEXTS, Table, listed, read_table, refuse
from symplast.datasets.units import NUMBERS
from symplast.molecular.expression import Expression
from symplast.molecular.network import check_names

ENDINGS = (*TEXTS, ".parquet", ".npz", ".h5ad")
NAMES_IN_NPZ = ("genes", "entrez", "symbols")
VALUES_IN_NPZ = ("X", "expression", "log2expr", "counts")


def read_expression(path: str | Path, *, layer: str | None = None) -> Expression:
    """Read an expression table, genes by samples.

    Tables (.csv, .tsv, .txt, packed or not, .parquet) have the genes in their first column and a column a sample.
    ``.npz``: ``genes`` (or ``entrez``) and ``X`` (or ``log2expr``), with columns of groups. ``.h5ad``: cells by genes
    as scanpy keeps them, dense or sparse, read a block at a time. A folder of 10x: matrix.mtx, features.tsv,
    barcodes.tsv, packed or not.

    Args:
        path: the file or folder.
        layer: of an .h5ad, instead of X.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, cells that are no numbers (with their lines), genes that are there twice.
    """
    file = Path(path).expanduser()
    if not file.exists():
        raise FileNotFoundError(f"no file {file}; give expression ({', '.join(ENDINGS)} or a 10x folder)")
    if layer is not None and file.suffix.lower() != ".h5ad":
        raise ValueError(f"layer goes with .h5ad files, got {file.name}")
    if file.is_dir():
        return _tenx(file)
    if file.suffix.lower() == ".npz":
        return _npz(file)
    if file.suffix.lower() == ".h5ad":
        return _h5ad(file, layer)
    return _table(read_table(file, what="expression", also=".npz, .h5ad", header=True, index=False))


def with_ids(expression: Expression, ids: Mapping[str, str]) -> Expression:
    """The table with its genes renamed; those without another name keep theirs.

    Raises:
        ValueError: two genes of the table get the same name.
    """
    genes = tuple(ids.get(gene, gene) for gene in expression.genes)
    check_names(genes, "ids")
    renamed = sum(gene in ids for gene in expression.genes)
    told = f"{renamed} of {len(genes)} genes renamed by ids"
    return replace(expression, genes=genes, decided=(*expression.decided, told))


def read_ids(path: str | Path) -> dict[str, str]:
    """Two columns: the name in the expression table, the name in the network.

    Raises:
        ValueError: fewer columns, or a name with two others.
    """
    table = read_table(path, what="a table of names", header=False, index=False)
    if table.cells.shape[1] < 2:
        raise ValueError(f"{table.source} must have two columns: the table's name of a gene and the network's")
    found: dict[str, str] = {}
    for first, second in zip(table.cells.iloc[:, 0], table.cells.iloc[:, 1], strict=True):
        ours, theirs = str(first).strip(), str(second).strip()
        if not ours or not theirs or theirs == "nan":
            continue
        if found.setdefault(ours, theirs) != theirs:
            raise ValueError(
                f"{table.source} must give each gene one name, {ours!r} has {found[ours]!r} and {theirs!r}"
            )
    return found


def read_groups(path: str | Path, column: str, samples: tuple[str, ...]) -> np.ndarray:
    """(C,) labels of the samples, from a table whose first column names them.

    Raises:
        ValueError: no such column, samples without a label, or a sample with two.
    """
    table = read_table(path, what="a table of groups", header=True, index=False)
    first = table.names[0] if table.names else ""
    if column not in table.names:
        raise ValueError(f"{table.source} has no column {column!r}; it has {listed(table.names)}")
    labels: dict[str, str] = {}
    for sample, label in zip(table.text(first), table.text(column), strict=True):
        if labels.setdefault(sample, label) != label:
            raise ValueError(f"{table.source} must give each sample one {column}, {sample!r} has two")
    missing = [sample for sample in samples if not labels.get(sample)]
    if missing:
        raise ValueError(
            f"{table.source} must name every sample in column {first!r}: {len(missing)} of {len(samples)} are missing, "
            f"the first {listed(missing, 3)}; it has {listed(labels, 3)}"
        )
    return np.array([labels[sample] for sample in samples])


def _table(table: Table) -> Expression:
    names = table.names
    if len(names) < 2:
        raise ValueError(f"{table.source} must have a column of genes and one for each sample, it has {listed(names)}")
    genes = [str(cell).strip() for cell in table.cells.iloc[:, 0]]
    problems = list(table.problems)
    if table.counts == "row" and table.cells.iloc[:, 0].dtype.kind in "iuf":
        problems.append("the first column must hold the genes' names as text, not numbers")
    problems += [f"{table.counts} {table.lines[i]} has no gene" for i, gene in enumerate(genes) if gene in ("", "nan")]
    values = np.empty((len(genes), len(names) - 1))
    texts: dict[int, Any] = {}
    for i in range(1, len(names)):
        column = table.cells.iloc[:, i]
        if column.dtype.kind in "iuf":
            values[:, i - 1] = column.to_numpy(dtype=float)
            continue
        try:
            values[:, i - 1] = np.asarray(column, dtype=float)
        except (ValueError, TypeError):
            texts[i] = [str(cell).strip() for cell in column]
    odd = {cell for cells in texts.values() for cell in cells if "," in cell or "." in cell}
    marks = find_marks(odd, table.separator)
    for i, cells in texts.items():
        numbers, _, kinds, wrong = read_column(cells, marks, NUMBERS)
        values[:, i - 1] = numbers
        for row in np.flatnonzero(kinds != Kind.NUMBER)[:3]:
            why = wrong.get(cells[row], "is no number") if wrong else "is no number"
            problems.append(f"{table.counts} {table.lines[row]}, column {names[i][:40]!r}: {cells[row][:40]!r} {why}")
    refuse(table.source, problems)
    return replace(Expression.of(values, _checked(genes, table.source), names[1:]), decided=table.decided)


def _checked(genes: Any, source: str) -> list[str]:
    names = [str(gene) for gene in genes]
    try:
        check_names(names, "genes")
    except ValueError as error:
        raise ValueError(f"{source}: {error}; merge or drop them first") from None
    return names


def _npz(file: Path) -> Expression:
    arrays = read_npz(file, {}, EVERY)
    name = next((name for name in NAMES_IN_NPZ if name in arrays), None)
    key = next((key for key in VALUES_IN_NPZ if key in arrays), None)
    if name is None or key is None or arrays[name].dtype.kind not in "US":
        raise ValueError(
            f"{file} must hold genes as text ({', '.join(NAMES_IN_NPZ)}) and values ({', '.join(VALUES_IN_NPZ)}), "
            f"it holds {listed(arrays)}"
        )
    values = arrays[key]
    given = arrays.get("samples", arrays.get("barcode"))
    samples = None if given is None else [str(sample) for sample in given]
    found = Expression.of(values, _checked(arrays[name].astype(str), file.name), samples)
    groups = {n: a for n, a in arrays.items() if a.shape == (len(found.samples),) and n not in ("samples", "barcode")}
    return replace(found, groups=groups)


def _h5ad(file: Path, layer: str | None) -> Expression:
    import h5py

    try:
        handle = h5py.File(file)
    except OSError as error:
        raise ValueError(
            f"{file} must be an .h5ad, it can't be read as HDF5: {' '.join(str(error).split())[:150]}"
        ) from None
    try:
        if layer is not None and (not isinstance(handle.get("layers"), h5py.Group) or layer not in handle["layers"]):
            raise ValueError(
                f"layer must be one of {listed(handle.get('layers', ())) or 'none'} of {file}, got {layer!r}"
            )
        X = handle["X"] if layer is None else handle["layers"][layer]
        genes, samples = (_index(handle[name]) for name in ("var", "obs"))
        groups = _columns(handle["obs"], len(samples))
        read = _reader(X, len(samples), len(genes))
    except (KeyError, OSError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} must be an .h5ad with X, obs and var: {' '.join(str(error).split())[:150]}") from None
    return Expression(tuple(_checked(genes, file.name)), tuple(samples), read, groups)


def _text(values: Any) -> list[str]:
    return [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in values]


def _index(frame: Any) -> list[str]:
    name = frame.attrs.get("_index", "_index")
    return _text(frame[name.decode() if isinstance(name, bytes) else name][()])


def _columns(frame: Any, count: int) -> dict[str, np.ndarray]:
    """Columns of labels: categories, text, truth values, numbers."""
    found = {}
    for name, column in frame.items():
        if hasattr(column, "keys") and "codes" in column and "categories" in column:
            categories = np.array([*_text(column["categories"][()]), "nan"])
            found[name] = categories[column["codes"][()]]  # the code -1 is no category
        elif hasattr(column, "shape") and column.shape == (count,):
            values = column[()]
            found[name] = np.array(_text(values)) if values.dtype.kind in "OS" else values
    return found


def _reader(X: Any, cells: int, genes: int) -> Any:
    """``read(start, stop)`` of an array of HDF5, dense, CSR or CSC, cells by genes."""
    if hasattr(X, "shape"):
        if X.shape != (cells, genes):
            raise TypeError(f"X is {X.shape}, obs and var say {(cells, genes)}")
        return lambda start, stop: np.asarray(X[start:stop], dtype=np.float64).T
    kind = X.attrs.get("encoding-type", X.attrs.get("h5sparse_format", b""))
    kind = (kind.decode() if isinstance(kind, bytes) else str(kind)).removesuffix("_matrix")
    if kind not in ("csr", "csc"):
        raise TypeError(f"X is of type {kind!r}, not dense, CSR or CSC")
    pointers = X["indptr"][()]
    if kind == "csr":

        def read(start: int, stop: int) -> np.ndarray:
            cut = slice(int(pointers[start]), int(pointers[stop]))
            block = (X["data"][cut], X["indices"][cut], pointers[start : stop + 1] - pointers[start])
            return sparse.csr_array(block, shape=(stop - start, genes)).toarray().astype(np.float64).T

        return read
    whole = sparse.csc_array((X["data"][()], X["indices"][()], pointers), shape=(cells, genes)).tocsr()
    return lambda start, stop: whole[start:stop].toarray().astype(np.float64).T


def _tenx(folder: Path) -> Expression:
    def find(*names: str) -> Path:
        for name in names:
            for file in (folder / name, folder / f"{name}.gz"):
                if file.is_file():
                    return file
        raise ValueError(f"{folder} must be a 10x folder with {names[0]}, which it lacks")

    features, barcodes, values = find("features.tsv", "genes.tsv"), find("barcodes.tsv"), find("matrix.mtx")
    try:
        rows = [line.split("\t") for line in _lines(features)]
        samples = _lines(barcodes)
        matrix = sparse.csc_array(scipy_io.mmread(values))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{folder} can't be read as a 10x folder: {' '.join(str(error).split())[:200]}") from None
    if matrix.shape != (len(rows), len(samples)):
        raise ValueError(f"{folder}: the matrix is {matrix.shape}, features and barcodes {(len(rows), len(samples))}")
    symbols = [row[1] if len(row) > 1 else row[0] for row in rows]
    genes = symbols if len(set(symbols)) == len(symbols) else [row[0] for row in rows]
    told = ("genes by symbol",) if genes is symbols else ("symbols are not unique: genes by the first column",)
    read = lambda start, stop: matrix[:, start:stop].toarray().astype(np.float64)  # noqa: E731
    return Expression(tuple(_checked(genes, folder.name)), tuple(samples), read, decided=told)


def _lines(file: Path) -> list[str]:
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as stream:
        return [line.rstrip("\r\n") for line in stream if line.strip()]
