"""Interaction networks in files: tables of edges, SIF, GraphML, .npz. Names stay text, as they are in the file."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from symplast.datasets.tables import TEXTS, Table, counted, listed, read_table
from symplast.datasets.text_grid import decode
from symplast.molecular.network import InteractionNetwork
from symplast.molecular.network_arrays import read_npz_network

ENDINGS = (*TEXTS, ".parquet", ".sif", ".graphml", ".npz")
HEADERS = re.compile(
    r"(protein|node|gene|source|target|from|to|interactor|symbol|entrez|name|a|b|id|partner|regulator|tf)"
    r"([ _.-]?(id|name|symbol|entrez|a|b|1|2))*",
    re.IGNORECASE,
)
"""What the first two cells of a header look like."""

SCORES = ("combined_score", "score", "confidence", "weight")


@dataclass(frozen=True, eq=False)
class ReadNetwork:
    """A network and what was decided on reading it.

    Attributes:
        network: the network.
        decided: in words.
    """

    network: InteractionNetwork
    decided: tuple[str, ...]


def read_network(
    path: str | Path,
    *,
    weight: str | None = None,
    min_score: float | None = None,
    drop_self_loops: bool = False,
) -> ReadNetwork:
    """Read an interaction network.

    Tables (.csv, .tsv, .txt, .parquet, packed or not) have a column for each end of an edge first, with a header or
    without; STRING's files with spaces are read too. ``.sif`` lines are ``A relation B C ...``. GraphML and .npz
    (``edges`` with positions, ``entrez`` or ``nodes``) too. An edge listed in both directions counts once.

    Args:
        path: the file.
        weight: column or attribute with weights; None makes all edges alike.
        min_score: keep edges whose score (the third column, or the one named ``combined_score``, ``score``,
            ``confidence``, ``weight``) is at least this.
        drop_self_loops: leave edges from a node to itself out.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file; with all problems of its lines.
    """
    file = Path(path).expanduser()
    ending = "".join(s for s in file.suffixes[-2:] if s != ".gz").lower() or file.suffix.lower()
    ending = next((known for known in ENDINGS if ending.endswith(known)), "")
    if not file.is_file():
        raise FileNotFoundError(f"no file {file}; give an interaction network ({', '.join(ENDINGS)})")
    if not ending:
        raise ValueError(f"{file}: an interaction network must end in {', '.join(ENDINGS)}")
    if ending == ".npz":
        pairs, nodes = read_npz_network(file)
        return ReadNetwork(InteractionNetwork.from_edges(pairs, nodes, drop_self_loops=drop_self_loops), ())
    if ending == ".graphml":
        found, weights, decided = _graphml(file, weight)
    elif ending == ".sif":
        if weight or min_score is not None:
            raise ValueError("weight and min_score need a table or GraphML: .sif files have no numbers")
        found, weights, decided = _sif(file)
    else:
        found, weights, decided = _table(file, weight, min_score)
    if not found:
        raise ValueError(f"{file.name} leaves no edge; give an interaction network with at least one")
    loops = sum(a == b for a, b in found)
    network = InteractionNetwork.from_edges(
        np.array(found, dtype=object), weights=weights, drop_self_loops=drop_self_loops
    )
    if loops:
        decided = (*decided, f"{counted(loops, 'self-loop')} left out")
    if (twice := len(found) - loops - network.n_edges) > 0:
        decided = (*decided, f"{counted(twice, 'edge')} listed more than once")
    return ReadNetwork(network, decided)


def _table(file: Path, weight: str | None, min_score: float | None) -> tuple[list[Any], Any, tuple[str, ...]]:
    table = read_table(file, what="an interaction network", header=False, index=False)
    rows, lines, names = _rows(table)
    if names is None and rows and _is_header(rows[0]):
        names, rows, lines = rows[0], rows[1:], lines[1:]
    width = len(names) if names is not None else min((len(row) for row in rows), default=0)
    if width < 2:
        raise ValueError(f"{file.name} must have a column for each end of an edge, it has {counted(width, 'column')}")
    problems = [f"line {line} lacks a name" for row, line in zip(rows, lines, strict=True) if not (row[0] and row[1])]
    if problems:
        more = f"; and {len(problems) - 8} more" if len(problems) > 8 else ""
        raise ValueError(f"{file.name}: {'; '.join(problems[:8])}{more}")
    decided = list(table.decided)
    labels = list(names) if names is not None else [str(i + 1) for i in range(width)]
    decided.append(f"edges from {labels[0]!r} to {labels[1]!r}" if names is not None else "no header")
    kept = np.ones(len(rows), dtype=bool)
    if min_score is not None:
        column = next((labels.index(name) for name in SCORES if name in labels), 2)
        if column >= width:
            raise ValueError(f"min_score needs a column with scores, {file.name} has {listed(labels)}")
        score = _numbers(rows, lines, column, labels[column], file.name)
        kept = score >= min_score
        decided.append(f"{int((~kept).sum())} of {len(rows)} edges with {labels[column]} below {min_score:g} left out")
    weights = None
    if weight is not None:
        if weight not in labels:
            raise ValueError(f"weight must be a column of {file.name}, which has {listed(labels)}; got {weight!r}")
        weights = _numbers(rows, lines, labels.index(weight), weight, file.name)[kept]
    elif width > 2 and min_score is None:
        decided.append(f"columns beyond the second not used ({listed(labels[2:])})")
    return [(row[0], row[1]) for row, keep in zip(rows, kept, strict=True) if keep], weights, tuple(decided)


def _rows(table: Table) -> tuple[list[list[str]], list[int], list[str] | None]:
    """Cells as text; a single column is cut at blanks."""
    count = table.cells.shape[1]
    columns = [table.cells.iloc[:, i] for i in range(count)]
    if table.counts == "row":  # Parquet: typed columns with names
        if any(column.dtype.kind in "iuf" for column in columns[:2]):
            raise ValueError(f"{table.source}: the first two columns must be names as text, not numbers")
        return [list(map(str, row)) for row in zip(*columns, strict=True)], table.lines.tolist(), table.names
    if table.problems:
        raise ValueError(f"{table.source}: {'; '.join(table.problems[:8])}")
    texts = [["" if cell is None or cell != cell else str(cell).strip() for cell in column] for column in columns]
    if count == 1:
        return [cell.split() for cell in texts[0]], table.lines.tolist(), None
    return [list(row) for row in zip(*texts, strict=True)], table.lines.tolist(), None


def _is_header(row: list[str]) -> bool:
    """Whether the first row names columns: by its first two cells, or by a text over numbers' place."""
    return len(row) >= 2 and all(HEADERS.fullmatch(cell) for cell in row[:2])


def _numbers(rows: list[list[str]], lines: list[int], column: int, name: str, source: str) -> np.ndarray:
    found = np.empty(len(rows))
    problems = []
    for i, (row, line) in enumerate(zip(rows, lines, strict=True)):
        try:
            found[i] = float(row[column])
        except (ValueError, IndexError):
            problems.append(f"line {line}, column {name!r}: {row[column] if column < len(row) else ''!r} is no number")
    if problems:
        more = f"; and {len(problems) - 8} more" if len(problems) > 8 else ""
        raise ValueError(f"{source}: {'; '.join(problems[:8])}{more}")
    return found


def _sif(file: Path) -> tuple[list[Any], None, tuple[str, ...]]:
    text, decided = decode(file)
    edges = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in (line.split("\t") if "\t" in line else line.split())]
        if not line.strip() or len(cells) == 1:
            continue  # a node without edges
        if len(cells) == 2 or not all(cells):
            raise ValueError(f"{file.name}: line {number} must read 'A relation B', got {line.strip()[:60]!r}")
        edges += [(cells[0], other) for other in cells[2:]]
    return edges, None, decided


def _graphml(file: Path, weight: str | None) -> tuple[list[Any], Any, tuple[str, ...]]:
    text, decided = decode(file)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError(f"{file.name} must be GraphML without a document type: entities are not read")
    try:
        root = ElementTree.fromstring(text.encode())
    except ElementTree.ParseError as error:
        raise ValueError(f"{file.name} must be GraphML, it can't be read as XML: {error}") from None
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    if root.tag != f"{space}graphml":
        raise ValueError(f"{file.name} must be GraphML, its root is {root.tag[:60]!r}")
    keys = {
        key.get("attr.name"): key.get("id") for key in root.iter(f"{space}key") if key.get("for") in ("edge", "all")
    }
    labels = {key.get("id") for key in root.iter(f"{space}key") if key.get("attr.name") in ("name", "label")}
    names = {}
    for node in root.iter(f"{space}node"):
        label = next((d.text for d in node.iter(f"{space}data") if d.get("key") in labels and d.text), None)
        names[node.get("id")] = (label or node.get("id") or "").strip()
    if weight is not None and weight not in keys:
        raise ValueError(
            f"weight must be an attribute of the edges of {file.name}, which have {listed(keys) or 'none'}"
        )
    edges, weights = [], []
    for edge in root.iter(f"{space}edge"):
        a, b = edge.get("source"), edge.get("target")
        edges.append((names.get(a, a), names.get(b, b)))
        if weight is not None:
            value = next((d.text for d in edge.iter(f"{space}data") if d.get("key") == keys[weight]), None)
            try:
                weights.append(float(value or ""))
            except ValueError:
                raise ValueError(f"{file.name}: edge {a!r} to {b!r} has no number as its {weight!r}") from None
    return edges, np.array(weights) if weight is not None else None, decided
