"""Frames: unit vectors by which interneurons read a population, one a column."""

from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Array, Key

from symplast.learning.host_random import generator
from symplast.stats.arguments import check_count

ITERATIONS = 300


def mercedes() -> np.ndarray:
    """Three directions in the plane, 120 degrees apart: (1, 0) and (-1/2, ±sqrt(3)/2).

    Example:
        >>> mercedes().round(3).tolist()
        [[1.0, -0.5, -0.5], [0.0, 0.866, -0.866]]
    """
    return np.array([[1.0, -0.5, -0.5], [0.0, np.sqrt(3) / 2, -np.sqrt(3) / 2]])


def random_unit(n: int, k: int | None = None, *, key: Key[Array, ""]) -> np.ndarray:
    """k random unit vectors in n dimensions; default as many as whiten any covariance, n (n + 1) / 2."""
    n, k = _size(n, k)
    columns = generator(key).standard_normal((n, k))
    return np.asarray(columns / np.linalg.norm(columns, axis=0))


def grassmannian(n: int, k: int | None = None, *, key: Key[Array, ""], iterations: int = ITERATIONS) -> np.ndarray:
    """k unit vectors in n dimensions whose largest overlap is small, by alternating projection from a random start.

    Each iteration clips the overlaps to the Welch bound ``sqrt((k - n) / (n (k - 1)))``, takes the nearest tight frame
    (all n eigenvalues k / n), and makes its columns unit vectors. The frame of least coherence on the way is returned.
    The nearest matrix of rank n instead of the nearest tight frame gets stuck with vectors that nearly coincide.

    Source: Tropp, Dhillon, Heath and Strohmer, IEEE Trans. Inf. Theory 51:188-209 (2005).

    Example:
        >>> import jax
        >>> frame = grassmannian(3, key=jax.random.key(0))
        >>> coherence(frame) < coherence(random_unit(3, key=jax.random.key(0)))
        True
    """
    n, k = _size(n, k)
    W = random_unit(n, k, key=key)
    if k <= n:
        return np.linalg.qr(W)[0]
    bound = np.sqrt((k - n) / (n * (k - 1)))
    best, least = W, coherence(W)
    for _ in range(check_count(iterations, "iterations", 0)):
        gram = np.clip(W.T @ W, -bound, bound)
        np.fill_diagonal(gram, 1.0)
        W = np.sqrt(k / n) * np.linalg.eigh(gram)[1][:, -n:].T
        W = W / np.linalg.norm(W, axis=0)
        if (now := coherence(W)) < least:
            best, least = W, now
    return best


def conv2d(height: int, width: int, window: tuple[int, int]) -> np.ndarray:
    """Pixels of an image, and pairs of pixels within a window: N unit vectors, and ``(e_i + e_j) / sqrt(2)``.

    Args:
        height: of the image.
        width: of the image.
        window: (h, w); pairs are those fewer than h rows and fewer than w columns apart.

    Example:
        >>> conv2d(2, 2, (2, 2)).shape  # 4 pixels and all 6 pairs
        (4, 10)
        >>> conv2d(8, 8, (2, 2)).shape[1]
        274
    """
    rows, columns = check_count(height, "height"), check_count(width, "width")
    h, w = (check_count(side, "window") for side in window)
    n = rows * columns
    near = [
        (i, j)
        for i, j in combinations(range(n), 2)
        if abs(i // columns - j // columns) < h and abs(i % columns - j % columns) < w
    ]
    pairs = np.zeros((n, len(near)))
    for at, pair in enumerate(near):
        pairs[list(pair), at] = 1 / np.sqrt(2)
    return np.concatenate([np.eye(n), pairs], axis=1)


def coherence(frame: Any) -> float:
    """Largest absolute overlap of two columns.

    Example:
        >>> round(coherence(mercedes()), 6)
        0.5
    """
    W = np.asarray(frame, dtype=float)
    if W.shape[1] < 2:
        return 0.0
    return float(np.abs(W.T @ W - np.diag((W**2).sum(axis=0))).max())


def _size(n: Any, k: Any) -> tuple[int, int]:
    n = check_count(n, "n")
    return n, n * (n + 1) // 2 if k is None else check_count(k, "k")
