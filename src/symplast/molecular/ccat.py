"""CCAT: the correlation of a sample's expression with the degrees of its genes, a fast proxy of signalling entropy."""

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from symplast.molecular.expression import Log, as_expression, match
from symplast.molecular.network import InteractionNetwork
from symplast.stats.arguments import constant_columns


def degree_correlation(x: np.ndarray, degree: np.ndarray) -> np.ndarray:
    """(C,) Pearson correlation of each column of x (N, C) with the degrees (N,); NaN where one of them is constant."""
    x = np.asarray(x, dtype=np.float64)
    if not np.ptp(degree):
        return np.full(x.shape[1], np.nan)
    k, z = degree - degree.mean(), x - x.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (k @ z) / (np.linalg.norm(k) * np.linalg.norm(z, axis=0))
    return np.where(constant_columns(x), np.nan, found)


def ccat(
    network: InteractionNetwork,
    X: Any,
    genes: Sequence[Any] | None = None,
    *,
    degree: Literal["full", "lcc"] | str = "full",
    log: Log = "auto",
    min_genes: int = 5000,
) -> np.ndarray:
    """Correlation of connectome and transcriptome of each sample: Pearson's r of x and degree over the same genes.

    Args:
        network: the interaction network.
        X, genes, log, min_genes: as for :func:`signalling_entropy`, with the same transform.
        degree: in the ``full`` network, or within the largest measured component (``lcc``).

    Returns:
        (C,) correlations; NaN, with a warning, where degree or expression is constant.

    Raises:
        ValueError: as :func:`signalling_entropy`, or an unknown ``degree``.

    Example:
        >>> star = InteractionNetwork.from_edges([("hub", "a"), ("hub", "b"), ("hub", "c")])
        >>> ccat(star, np.array([5.0, 1.0, 2.0, 1.5]), min_genes=0).round(3).tolist()
        [0.974]

    Source:
        A. E. Teschendorff, A. K. Maity, X. Hu, C. Weiyan, M. Lechner (2021), Bioinformatics 37:1528.
    """
    if degree not in ("full", "lcc"):
        raise ValueError(f"degree must be full or lcc, got {degree!r}")
    matched = match(network, as_expression(network, X, genes), log=log, min_genes=min_genes)
    k = matched.full_degree if degree == "full" else matched.network.degree
    found = np.concatenate([degree_correlation(x, k) for _, x in matched.blocks()])
    if np.isnan(found).any():
        warnings.warn(
            f"ccat is not defined for {int(np.isnan(found).sum())} samples: expression or degree is constant",
            stacklevel=2,
        )
    return found
