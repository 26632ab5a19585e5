"""Do classes form clusters in a layer's activity? Two numbers for it, and a picture by t-SNE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from symplast.on_use import pandas as pd
from symplast.stats.arguments import plain

METRICS = ("cosine", "euclidean")
NEIGHBOURS = 10


def _samples(X: Any, labels: Any, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors and their labels, checked."""
    vectors, names = np.asarray(plain(X, "X"), np.float64), np.asarray(plain(labels, "labels"))
    if vectors.ndim != 2 or names.shape != vectors.shape[:1]:
        raise ValueError(f"X must be (n, units) with one label a row, got {vectors.shape} and labels {names.shape}")
    if len(vectors) < least:
        raise ValueError(f"X must hold at least {least} samples, got {len(vectors)}")
    if not np.isfinite(vectors).all():
        raise ValueError("X must be finite everywhere")
    return vectors, names


def neighbour_purity(X: Any, labels: Any, k: int = NEIGHBOURS, metric: str = "cosine") -> Float[np.ndarray, " n"]:
    """Of each sample, the share of its k nearest other samples that have its label.

    Args:
        X: (n, units).
        labels: (n,).
        k: neighbours.
        metric: ``cosine`` or ``euclidean``.

    Raises:
        ValueError: fewer than k + 1 samples, vectors that are not finite, an unknown metric.

    Example:
        >>> neighbour_purity([[0.0], [1.0], [9.0], [8.0]], [0, 0, 1, 1], k=1, metric="euclidean").tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    from sklearn.neighbors import NearestNeighbors

    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    vectors, names = _samples(X, labels, k + 1)
    search = NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(vectors)
    nearest = search.kneighbors(return_distance=False)
    return (names[nearest] == names[:, None]).mean(axis=1)


def silhouette(X: Any, labels: Any, metric: str = "cosine") -> float:
    """Mean silhouette of the labels as clusters: 1 apart, 0 overlapping, below 0 in the wrong cluster.

    Raises:
        ValueError: fewer than two labels, or as many as samples.

    Example:
        >>> print(f"{silhouette([[0.0], [1.0], [9.0], [8.0]], [0, 0, 1, 1], 'euclidean'):.3f}")
        0.875
    """
    from sklearn.metrics import silhouette_score

    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
    return float(silhouette_score(*_samples(X, labels, 3), metric=metric))


def has_a_map(X: Any) -> bool:
    """Whether :func:`embedding` can map vectors: more than one unit, and not all samples alike."""
    vectors = np.asarray(X)
    return vectors.shape[1] > 1 and bool((vectors != vectors[0]).any())


def embedding(X: Any, seed: int = 0, perplexity: float = 30.0) -> Float[np.ndarray, "n 2"]:
    """A map of the samples in two dimensions by t-SNE with cosine distance, the same for the same seed.

    Args:
        X: (n, units).
        seed: of the search.
        perplexity: about how many neighbours count; at most a third of the samples.

    Raises:
        ValueError: samples that are all alike, or of one unit.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    vectors, _ = _samples(X, np.zeros(len(X)), 4)
    if not has_a_map(vectors):
        raise ValueError("X must have two units or more and vary from sample to sample, to be mapped")
    wide = min(perplexity, (len(vectors) - 1) / 3)
    search = TSNE(metric="cosine", init="pca", perplexity=wide, random_state=seed)
    with threadpool_limits(1):  # on a busy machine its threads wait for each other most of the time
        return np.asarray(search.fit_transform(vectors), np.float64)


def cluster_report(
    layers: Mapping[str, Any], labels: Any, *, seed: int = 0, maps: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Silhouette and 10-neighbour purity of layers, in their own space and on their t-SNE map.

    Args:
        layers: name -> (n, units) spike counts, or weight vectors.
        labels: (n,).
        seed: of t-SNE.
        maps: name -> :func:`embedding` of the layer, where it is known already.

    Returns:
        One row for each layer, space (``activity`` with both distances, ``map`` with the Euclidean one). A layer that
        has no map (:func:`has_a_map`), such as a silent one, has no row for it.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> y = np.arange(60) % 2
        >>> report = cluster_report({"apart": np.eye(2)[y] + 0.1 * rng.random((60, 2))}, y)
        >>> report.purity.tolist()
        [1.0, 1.0, 1.0]
    """
    rows = []
    for name, X in layers.items():
        spaces = [("activity", metric, X) for metric in METRICS]
        if has_a_map(X):
            spaces.append(("map", "euclidean", (maps or {}).get(name)))
        for space, metric, known in spaces:
            vectors = embedding(X, seed) if known is None else known
            purity = float(neighbour_purity(vectors, labels, metric=metric).mean())
            row = {"layer": name, "space": space, "metric": metric}
            rows.append(row | {"silhouette": silhouette(vectors, labels, metric), "purity": purity})
    return pd.DataFrame(rows)
