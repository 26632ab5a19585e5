"""Differential entropy: which genes' local entropy differs between two groups of samples."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Array, Key

from symplast import stats
from symplast.molecular.entropy import EntropyResult
from symplast.molecular.groups import check_groups
from symplast.molecular.randomness import generator
from symplast.stats.arguments import check_count

if TYPE_CHECKING:
    import pandas as pd

BATCH = 100
"""Permutations at once."""


def differential_entropy(
    result: EntropyResult, group: Any, n: int = 1000, key: Key[Array, ""] | None = None
) -> "pd.DataFrame":
    """Difference of the groups' mean normalised local entropies of each gene, with permutation p and its FDR.

    The same permutations of the labels serve all genes, ``p = (1 + #{|d*| >= |d|}) / (1 + n)``; Benjamini and
    Hochberg's correction over genes.

    Args:
        result: of :func:`signalling_entropy` with ``local=True``.
        group: (C,) truth values, the first group.
        n: permutations, at least 1000 for p values of use.
        key: random key.

    Returns:
        A row a gene, by rising p: gene, mean_first, mean_second, difference, p, fdr.

    Raises:
        ValueError: a result without local entropies, a group of fewer than 2 samples.

    Example:
        >>> from symplast.molecular import InteractionNetwork, signalling_entropy
        >>> net = InteractionNetwork.from_edges([("hub", "a"), ("hub", "b"), ("hub", "c"), ("a", "b")])
        >>> x = np.array([[1.0] * 8, [9, 8, 9, 8, 2, 2, 2, 2], [2.0] * 8, [2.0] * 8])
        >>> table = differential_entropy(
        ...     signalling_entropy(net, x, local=True, min_genes=0), np.arange(8) < 4, n=500
        ... )
        >>> table.gene[0], bool(table.difference[0] < 0), bool(table.p[0] < 0.05)
        ('b', True, True)
    """
    import pandas as pd

    if result.local is None:
        raise ValueError("result must hold local entropies: call signalling_entropy(..., local=True)")
    local = result.local.astype(np.float64)
    mask = check_groups(group, local.shape[1])
    draws = check_count(n, "n")
    rng = generator(key)
    weights = _contrast(mask)
    observed = local @ weights
    bound = np.abs(observed) * (1 - 1e-12) - 1e-15  # ties up to rounding count
    above = np.zeros(len(local), dtype=np.int64)
    for start in range(0, draws, BATCH):
        shuffled = np.stack([rng.permutation(weights) for _ in range(min(BATCH, draws - start))], axis=1)
        above += (np.abs(local @ shuffled) >= bound[:, None]).sum(axis=1)
    p = (1 + above) / (1 + draws)
    table = pd.DataFrame(
        {
            "gene": result.genes,
            "mean_first": local[:, mask].mean(axis=1),
            "mean_second": local[:, ~mask].mean(axis=1),
            "difference": observed,
            "p": p,
            "fdr": stats.benjamini_hochberg(p),
        }
    )
    order = np.lexsort((-np.abs(observed), p))
    return table.iloc[order].reset_index(drop=True)


def _contrast(mask: np.ndarray) -> np.ndarray:
    """Weights whose product with values is the difference of the groups' means."""
    return np.where(mask, 1 / mask.sum(), -1 / (~mask).sum())
