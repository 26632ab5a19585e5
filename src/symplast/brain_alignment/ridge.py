"""Ridge regression of many targets at once, with cross-validation over a grid of penalties.

``W(a) = (Xc'Xc + a I)^-1 Xc'Yc`` with ``Xc``, ``Yc`` centred by the means of the training rows. One factorisation
``Xc = B^ diag(sqrt(L)) Q'`` a fold serves every penalty and every target: held-out predictions are ``Z (L + a)^-1 C``.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray

ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0)
"""The published grid of penalties."""

CHUNK = 1024
"""Targets that are handled at once, so that memory is bounded."""


class Factors(NamedTuple):
    """One training set, factorised: predictions for rows ``x`` are ``z (L + a)^-1 C + mean``.

    Attributes:
        basis: (n, k) with ``C = basis' Yc``; zero in rows that do not train.
        L: (k,) eigenvalues of the Gram matrix, at least 0.
        Z: (m, k) held-out rows in the basis.
        to_features: (P, k) with ``W = to_features (L + a)^-1 C``.
    """

    basis: Float[Array | np.ndarray, "n k"]
    L: Float[Array | np.ndarray, " k"]
    Z: Float[Array | np.ndarray, "m k"]
    to_features: Float[Array | np.ndarray, "P k"]


def factorise(X: NDArray[Any], weight: NDArray[Any], held_out: NDArray[Any], precision: Any) -> Factors:
    """Factorise the rows of weight 1: P x P where there are at least as many rows as features, else n x n.

    The Gram matrix and its eigenvalues are in float64 whatever the precision of the rest: of nearly collinear features
    the small eigenvalues would drown in the rounding of the large ones, and small penalties with them.

    Args:
        X: (n, P) features.
        weight: (n,) 1 for training rows, 0 for others.
        held_out: (m, P) rows to be predicted.
        precision: dtype of the factors.
    """
    X, weight = np.asarray(X, np.float64), np.asarray(weight, np.float64)
    mean = weight @ X / weight.sum()
    Xc, new = (X - mean) * weight[:, None], (held_out - mean).astype(precision)
    n, P = X.shape
    if n >= P:
        L, Q = np.linalg.eigh(Xc.T @ Xc)
        Q = Q.astype(precision)
        return Factors(Xc.astype(precision) @ Q, np.maximum(L, 0).astype(precision), new @ Q, Q)
    L, U = np.linalg.eigh(Xc @ Xc.T)
    to_features = Xc.astype(precision).T @ U.astype(precision)
    basis = (U * weight[:, None]).astype(precision)
    return Factors(basis, np.maximum(L, 0).astype(precision), new @ to_features, to_features)


def factorise_folds(X: NDArray[Any], folds: "Folds", precision: Any) -> Factors:
    """Factors of every fold; leading axis ``folds``.

    Args:
        X: (n, P) features.
        folds: held-out rows.
        precision: dtype of the factors.
    """
    found = []
    for out, real in zip(folds.rows, folds.real, strict=True):
        weight = np.ones(len(X))
        weight[out[real > 0]] = 0
        found.append(factorise(X, weight, X[out], precision))
    return Factors(*(np.stack(parts) for parts in zip(*found, strict=True)))


def factorise_all(X: NDArray[Any], held_out: NDArray[Any], precision: Any) -> Factors:
    """Factors of all rows."""
    return factorise(X, np.ones(len(X)), held_out, precision)


@jax.jit
def fold_r2(
    factors: Factors,
    Y: Float[Array, "n V"],
    rows: Int[Array, "folds m"],
    real: Float[Array, "folds m"],
    used: Float[Array, " n"],
    alphas: Float[Array, " A"],
) -> Float[Array, "A V"]:
    """Held-out R² of every penalty and target, mean over folds; targets constant on a held-out fold count as 0
    there."""

    def one(fold: Any) -> Any:
        f, out, mask = fold
        weight = used.at[out].add(-mask)
        mean = weight @ Y / weight.sum()
        C = f.basis.T @ (Y - mean)
        truth = Y[out] - mean
        centre = (mask @ truth) / mask.sum()
        total = mask @ jnp.square(truth - centre)

        def error(alpha: Any) -> Any:
            return mask @ jnp.square(truth - f.Z @ (C / (f.L + alpha)[:, None]))

        unexplained = jax.lax.map(error, alphas)
        return jnp.where(total > 0, 1 - unexplained / jnp.where(total > 0, total, 1), 0)

    return jax.lax.map(one, (factors, rows, real)).mean(axis=0)


@partial(jax.jit, static_argnames="weights")
def fit_and_predict(
    factors: Factors,
    Y: Float[Array, "n V"],
    weight: Float[Array, " n"],
    alpha: Float[Array, " V"],
    weights: bool = False,
) -> tuple[Float[Array, "m V"], Float[Array, "P V"] | None, Float[Array, " V"]]:
    """Predictions of the held-out rows with one penalty a target, the weights where asked for, and the targets'
    means."""
    mean = weight @ Y / weight.sum()
    C = (factors.basis.T @ (Y - mean)) / (factors.L[:, None] + alpha[None, :])
    predicted = jnp.asarray(factors.Z) @ C + mean
    return predicted, jnp.asarray(factors.to_features) @ C if weights else None, mean


class Folds(NamedTuple):
    """Held-out rows of each fold, padded to equal length.

    Attributes:
        rows: (folds, m) row numbers.
        real: (folds, m) 1, or 0 for padding.
    """

    rows: NDArray[np.int32]
    real: NDArray[np.float32]


def contiguous_folds(n: int, folds: int, groups: NDArray[Any] | None = None) -> Folds:
    """Folds of neighbouring rows, as published; with groups, of whole groups, in the order in which they appear.

    Args:
        n: number of rows.
        folds: number of folds.
        groups: (n,) labels; rows of one group are never split.

    Raises:
        ValueError: fewer rows or groups than folds.

    Example:
        >>> contiguous_folds(5, 2).rows.tolist()
        [[0, 1, 2], [3, 4, 0]]
    """
    if groups is None:
        units = [np.array([i]) for i in range(n)]
    else:
        order = {label: i for i, label in enumerate(dict.fromkeys(np.asarray(groups).tolist()))}
        number = np.array([order[label] for label in np.asarray(groups).tolist()])
        sort = np.argsort(number, kind="stable")
        units = np.split(sort, np.flatnonzero(np.diff(number[sort])) + 1)
    if folds < 2 or len(units) < folds:
        what = "rows" if groups is None else "groups"
        raise ValueError(f"folds must be at least 2 and at most the number of {what}, {len(units)}, got {folds}")
    ends = np.cumsum([len(unit) for unit in units])
    # the fold of a group is where its middle falls
    if groups is None:
        parts = np.array_split(np.arange(n), folds)
    else:
        middle = ends - np.array([len(unit) for unit in units]) / 2
        place = np.minimum((middle * folds / n).astype(int), folds - 1)
        if len(np.unique(place)) < folds:  # a few large groups: fill fold by fold
            place = np.repeat(np.arange(folds), [len(p) for p in np.array_split(np.arange(len(units)), folds)])
        parts = [np.concatenate([units[i] for i in np.flatnonzero(place == k)]) for k in range(folds)]
    m = max(map(len, parts))
    rows = np.zeros((folds, m), np.int32)
    real = np.zeros((folds, m), np.float32)
    for k, part in enumerate(parts):
        rows[k, : len(part)], real[k, : len(part)] = part, 1
    return Folds(rows, real)


def ridge_weights(X: Any, Y: Any, alpha: float) -> tuple[NDArray[Any], Any]:
    """Weights and intercepts of a ridge regression with fitted intercept: Eq. 1 for one penalty.

    ``W = (Xc'Xc + a I)^-1 Xc'Yc``, ``b = mean(Y) - mean(X) W``.

    Args:
        X: (n, P) features.
        Y: (n, V) or (n,) targets.
        alpha: penalty, at least 0; 0 needs features of full rank.

    Returns:
        W, (P, V) or (P,), and b, (V,) or a number.

    Example:
        >>> W, b = ridge_weights([[1.0, 0], [0, 1], [1, 1], [2, 1]], [1.0, 2, 2, 4], 1.0)
        >>> W.round(7), b.round(7)
        (array([0.6666667, 0.7142857]), np.float64(1.047619))
    """
    X, Y = np.asarray(X, dtype=np.float64), np.asarray(Y, dtype=np.float64)
    if not alpha >= 0:
        raise ValueError(f"alpha must be at least 0, got {alpha}")
    if X.ndim != 2 or len(X) != len(Y):
        raise ValueError(f"X (n, P) and Y (n, ...) must have equally many rows, got {X.shape} and {Y.shape}")
    Xc, Yc = X - X.mean(axis=0), Y - Y.mean(axis=0)
    W = np.linalg.solve(Xc.T @ Xc + alpha * np.eye(X.shape[1]), Xc.T @ Yc)
    return W, Y.mean(axis=0) - X.mean(axis=0) @ W
