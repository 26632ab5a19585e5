"""Expression profiles: genes by samples, in memory or read from a file a block of samples at a time."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from symplast.molecular.network import InteractionNetwork, check_names, examples
from symplast.stats.arguments import plain

Log: TypeAlias = Literal["auto", "log2", "log1p", "none"] | str
LOGS: tuple[Log, ...] = ("auto", "log2", "log1p", "none")
OFFSET = 1.1
"""Added before the logarithm, so that every value is above 0 (the released package's choice)."""

LARGE = 100.0
"""Above this the values can't be logarithms (the released package's rule)."""

LEAST_OVERLAP = 0.05
BLOCK = 256
"""Samples that are in memory at once."""


@dataclass(frozen=True, eq=False)
class Expression:
    """A table of expression: genes by samples.

    Attributes:
        genes: names, each once.
        samples: names.
        read: ``read(start, stop)`` -> (genes, stop - start) values of these samples.
        groups: columns that describe the samples, each (samples,).
        decided: what was decided on reading a file, in words.

    Example:
        >>> table = Expression.of(np.array([[1.0, 2.0], [3.0, 4.0]]), ["a", "b"])
        >>> table.samples, table.read(1, 2).tolist()
        (('0', '1'), [[2.0], [4.0]])
    """

    genes: tuple[str, ...]
    samples: tuple[str, ...]
    read: Callable[[int, int], np.ndarray]
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    decided: tuple[str, ...] = ()

    @classmethod
    def of(cls, X: Any, genes: Sequence[Any] | None = None, samples: Sequence[str] | None = None) -> "Expression":
        """From an array (genes, samples) or (genes,), or a DataFrame with genes as its index.

        Raises:
            ValueError: names that are missing, not text, or twice; another shape; values that are no numbers.
        """
        if hasattr(X, "columns") and hasattr(X, "index"):
            genes = list(X.index) if genes is None else genes
            samples = [str(name) for name in X.columns] if samples is None else samples
            X = X.to_numpy()
        values = np.asarray(plain(X, "X"))
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or values.dtype.kind not in "biuf":
            raise ValueError(f"X must be numbers (genes, samples), got {values.dtype} of shape {values.shape}")
        if genes is None or len(genes) != len(values):
            count = "none" if genes is None else str(len(genes))
            raise ValueError(f"genes must name the {len(values)} rows of X, got {count}")
        check_names(genes, "genes")
        names = [str(i) for i in range(values.shape[1])] if samples is None else list(map(str, samples))
        if len(names) != values.shape[1]:
            raise ValueError(f"samples must name the {values.shape[1]} columns of X, got {len(names)}")
        return cls(tuple(genes), tuple(names), lambda start, stop: values[:, start:stop])

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[slice, np.ndarray]]:
        """Places and values of the samples, ``size`` at a time."""
        for start in range(0, len(self.samples), size):
            stop = min(start + size, len(self.samples))
            yield slice(start, stop), self.read(start, stop)


@dataclass(frozen=True, eq=False)
class Matched:
    """An expression table and the part of a network that it measures.

    Attributes:
        network: the largest component of the network of measured genes, in the order of the table.
        full_degree: (N,) their degrees in the whole network.
        rows: (N,) their rows in the table.
        dropped: names of measured network genes outside the largest component.
        expression: the table.
        log: what is done to values before use: log2, log1p or none.
    """

    network: InteractionNetwork
    full_degree: np.ndarray
    rows: np.ndarray
    dropped: tuple[str, ...]
    expression: Expression
    log: Log

    def blocks(self, size: int = BLOCK, dtype: Any = np.float64) -> Iterator[tuple[slice, np.ndarray]]:
        """Values of the network's genes, transformed and checked, some samples at a time.

        Raises:
            ValueError: a value that is not above 0, or is not finite; names gene and sample.
        """
        for place, values in self.expression.blocks(size):
            x = transformed(np.asarray(values[self.rows], dtype=np.float64), self.log)
            wrong = ~(np.isfinite(x) & (x > 0))
            if wrong.any():
                row, column = np.argwhere(wrong)[0]
                gene, sample = self.network.nodes[row], self.expression.samples[place.start + column]
                raise ValueError(
                    f"X must be {_RULES[self.log]} for every gene of the network, gene {gene!r} in sample {sample!r} "
                    f"is {values[self.rows[row], column]:g}; {_WAYS_OUT[self.log]}"
                )
            yield place, x.astype(dtype, copy=False)

    def whole(self) -> np.ndarray:
        """(N, samples) all values of the network's genes at once."""
        return np.concatenate([x for _, x in self.blocks()], axis=1)


_RULES: dict[Log, str] = {
    "none": "finite and above 0",
    "log2": f"finite and log2(x + {OFFSET}) above 0",
    "log1p": f"finite and log2(expm1(x) + {OFFSET}) above 0",
}
_WAYS_OUT: dict[Log, str] = {
    "none": f"give counts or FPKM with log='log2', which takes log2(x + {OFFSET}), or data after scanpy's log1p with "
    "log='log1p'; centred or scaled values can't be used",
    "log2": "give counts or FPKM; for logarithms say log='none'; centred or scaled values can't be used",
    "log1p": "give data after scanpy's log1p as they are; centred or scaled values can't be used",
}


def transformed(x: np.ndarray, log: Log) -> np.ndarray:
    """Values as the measures take them: ``log2(x + 1.1)``, after undoing ``log1p`` where that was applied."""
    if log == "none":
        return x
    x = np.expm1(x) if log == "log1p" else x
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log2(x + OFFSET)


def match(network: InteractionNetwork, expression: Expression, *, log: Log = "auto", min_genes: int = 5000) -> Matched:
    """Find the largest connected part of the network whose genes are measured.

    Args:
        network: the network.
        expression: the table.
        log: ``log2`` takes log2(x + 1.1), ``log1p`` undoes scanpy's log1p first, ``none`` takes values as they are,
            ``auto`` is ``log2`` where the largest value is above 100 and ``none`` elsewhere (the released package's
            rule, with a warning where it acts).
        min_genes: fewer common genes than this bring a warning.

    Raises:
        ValueError: fewer than 5 % of the smaller side's names are common; examples of both sides are in the message.
    """
    if log not in LOGS:
        raise ValueError(f"log must be one of {', '.join(LOGS)}, got {log!r}")
    place = {gene: i for i, gene in enumerate(expression.genes)}
    known = {name: i for i, name in enumerate(network.nodes)}
    common = [gene for gene in expression.genes if gene in known]
    smaller = min(len(expression.genes), network.n)
    if len(common) < max(1, LEAST_OVERLAP * smaller):
        turned = sum(sample in known for sample in expression.samples) > len(common)
        way_out = (
            "the samples do, so turn the table round" if turned else "give a table that maps one to the other (ids)"
        )
        raise ValueError(
            f"genes must share names with the network: {len(common)} of {len(expression.genes)} do; "
            f"{examples(expression.genes, network.nodes)}; {way_out}"
        )
    inside, report = network.restrict(common).largest_component()
    if inside.n < min_genes:
        warnings.warn(
            f"only {inside.n} genes are in the network's largest measured component (min_genes = {min_genes}): entropy "
            "rates of small networks say little, and can't be compared between gene sets",
            stacklevel=3,
        )
    if log == "auto":
        largest = max(float(np.nanmax(values, initial=-np.inf)) for _, values in expression.blocks())
        log = "log2" if largest > LARGE else "none"
        if log == "log2":
            warnings.warn(
                f"the largest value is {largest:.4g}, above {LARGE:g}, so values are no logarithms yet: took "
                f"log2(x + {OFFSET}); say log='none' where they are",
                stacklevel=3,
            )
    degree = network.degree[[known[name] for name in inside.nodes]]
    rows = np.array([place[name] for name in inside.nodes])
    return Matched(inside, degree, rows, report.dropped, expression, log)


def as_expression(network: InteractionNetwork, X: Any, genes: Sequence[Any] | None = None) -> Expression:
    """``X`` as a table; without names its rows are the network's nodes, and None is the constant profile of ones."""
    if isinstance(X, Expression):
        if genes is not None:
            raise ValueError("genes must be left out where X is an Expression, which has its own")
        return X
    if X is None:
        return Expression.of(np.ones((network.n, 1)), network.nodes, ["constant"])
    return Expression.of(X, network.nodes if genes is None and not hasattr(X, "index") else genes)
