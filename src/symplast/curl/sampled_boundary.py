"""The stability boundary by sampling: critical shares of finite nets, extrapolated to large ones.

Independent of the closed forms: it draws weights and asks of each net how many flipped neurons its solution bears.
"""

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Array, Key
from scipy.linalg import lapack

from symplast import stats
from symplast.curl.random_matrix import Layer, critical_fraction
from symplast.learning.host_random import generator

EDGE = -2 / 3
"""How the edge of a random matrix's spectrum approaches its limit: as this power of the size."""


def sampled_critical_fraction(
    c: float,
    layer: Layer,
    *,
    units: Sequence[int] = (200, 400, 800),
    draws: int = 40,
    key: Key[Array, ""] | None = None,
) -> stats.Estimate:
    """Critical share of flipped neurons, sampled at several sizes and extrapolated to infinite size.

    A solution is stable as long as ``X`` (see :func:`support`) is positive definite, which a Cholesky factorisation
    decides; the number of flipped neurons at which it ends is found by bisection. The least-squares line through the
    critical shares over ``units^(-2/3)`` gives the limit; the draws are independent, so that its spread gives the
    interval.

    Args:
        c: inputs over hidden units, positive.
        layer: ``hidden`` (flipped inputs) or ``readout`` (flipped hidden units).
        units: inputs and hidden units together, at least two sizes.
        draws: nets a size, at least 2.
        key: random key.

    Returns:
        The share with its 95 % interval (Student's t over draws), which may lie slightly outside [0, 1].

    Raises:
        ValueError: c not positive, an unknown layer, fewer than two sizes or draws, or sizes that leave a layer empty.

    Example:
        >>> found = sampled_critical_fraction(0.25, "readout", draws=20)
        >>> bool(abs(found.value - critical_fraction(0.25, "readout")) < 0.02)
        True
    """
    critical_fraction(c, layer)  # checks both
    sizes = [(round(n * c / (1 + c)), round(n / (1 + c))) for n in units]
    if len(set(sizes)) < 2 or draws < 2:
        raise ValueError(f"units must be at least two sizes and draws at least 2, got {list(units)} and {draws}")
    if any(min(size) < 1 for size in sizes):
        raise ValueError(f"units={list(units)} leave a layer empty at c = {c:g}")
    key = jax.random.key(0) if key is None else key
    shares = np.array(
        [
            [_critical_share(generator(key, n, draw), inputs, hidden, layer) for draw in range(draws)]
            for n, (inputs, hidden) in zip(units, sizes, strict=True)
        ]
    )
    x = np.array([float(inputs + hidden) for inputs, hidden in sizes]) ** EDGE
    at_zero = 1 / x.size - x.mean() * (x - x.mean()) / ((x - x.mean()) ** 2).sum()  # weights of the line's intercept
    return stats.mean_interval(at_zero @ shares)


def _critical_share(rng: np.random.Generator, inputs: int, hidden: int, layer: Layer) -> float:
    """Middle between the last stable number of flipped neurons and the first unstable one, as a share."""
    w = rng.uniform(-1, 1, (hidden, inputs)) * np.sqrt(3 / inputs)
    squares = w.T @ w
    neurons = inputs if layer == "hidden" else hidden

    def stable(flipped: int) -> bool:
        if layer == "hidden":
            x = squares + np.diag(np.where(np.arange(inputs) < flipped, -1.0, 1.0))
        else:
            x = np.eye(inputs) + squares - 2 * w[:flipped].T @ w[:flipped]
        return bool(lapack.dpotrf(x, lower=1, overwrite_a=1, clean=0)[1] == 0)

    low, high = 0, neurons + 1  # low is stable: X - 1 is positive semi-definite without flips
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle <= neurons and stable(middle) else (low, middle)
    return min((low + 0.5) / neurons, 1.0)
