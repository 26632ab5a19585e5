"""Stability of zero-error solutions of the linear two-layer net, exactly and at any size. Float64, on the host."""

import warnings
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float

from symplast.curl.signs import Axis, SignMask
from symplast.curl.two_layer import TwoLayer


class RankDeficientCovariance(UserWarning):
    """The inputs span a subspace only: stability is decided inside it, and says nothing about other directions."""


class Stability(NamedTuple):
    """Verdict on a zero-error solution.

    Attributes:
        largest: largest eigenvalue of K, the fastest growth rate per unit learning rate.
        verdict: ``stable``, ``marginal`` or ``unstable`` in continuous time.
        margin: ``-largest`` over the largest absolute eigenvalue, in [-1, 1]: positive when stable.
        largest_eta: step size above which a stable solution is lost in discrete time, ``2 / |most negative
            eigenvalue|``; 0 when it is not stable at any.
    """

    largest: float
    verdict: Literal["stable", "marginal", "unstable"]
    margin: float
    largest_eta: float


class Conserved(NamedTuple):
    """Quantities that the continuous-time flow without normalisation keeps.

    Attributes:
        values: (hidden, hidden), ``W1 D1 W1^T - D2 W2^T W2``.
        holds: where they are conserved: pairs of hidden units of equal sign, each with itself in particular.
    """

    values: Float[np.ndarray, "hidden hidden"]
    holds: Bool[np.ndarray, "hidden hidden"]


Matrix = Array | np.ndarray


def solution_operator(
    w1: Float[Matrix, "hidden inputs"],
    w2: Float[Matrix, "outputs hidden"],
    signs1: Float[Matrix, " units1"],
    signs2: Float[Matrix, " units2"],
    covariance: Float[Matrix, "inputs inputs"] | None = None,
    axis: Axis = "pre",
) -> Float[np.ndarray, "modes modes"]:
    """Matrix K whose eigenvalues are the non-zero ones of the learning dynamics' Jacobian at a zero-error solution.

    One output: ``K = - Sigma^{1/2} (|W2|^2 D1 + W1^T D2 W1) Sigma^{1/2}``. Several: the error map ``delta`` of
    (outputs, inputs) changes as ``-[W2 W2^T delta Sigma D1 + delta Sigma W1^T D2 W1]``, of which K is the symmetric
    form. With postsynaptic signs ``-[W2 D1 W2^T delta Sigma + D2 delta Sigma W1^T W1]``. K is symmetric except with
    postsynaptic signs and several outputs. All other eigenvalues are 0 (movement along the manifold of solutions).

    Args:
        w1, w2: weights of a linear net.
        signs1, signs2: +-1 of the neurons of each layer: presynaptic (inputs; hidden) or postsynaptic (hidden;
            outputs).
        covariance: of the inputs, identity when None. A full-rank covariance changes rates, never the verdict.
        axis: which neurons carry the signs.

    Returns:
        float64, (inputs outputs) squared; the rank of the covariance instead of inputs where it is deficient.

    Raises:
        ValueError: shapes that don't fit, signs other than +-1, or a covariance that is no covariance.

    Warns:
        RankDeficientCovariance: K then holds the modes inside the covariance's range only.

    Example:
        >>> K = solution_operator(np.array([[0.5]]), np.array([[2.0]]), np.ones(1), -np.ones(1))
        >>> K.tolist()
        [[-3.75]]

    Source:
        Derived from the rule of arXiv:2510.02765.
    """
    first, second = np.asarray(w1, np.float64), np.asarray(w2, np.float64)
    d1, d2 = np.asarray(signs1, np.float64), np.asarray(signs2, np.float64)
    _check_shapes(first, second, d1, d2, axis)
    root = _root(covariance, first.shape[1])
    mapped = first @ root
    eye = np.eye(second.shape[0])
    if axis == "pre":
        kept = np.kron(second @ second.T, root.T @ (d1[:, None] * root))
        return -(kept + np.kron(eye, mapped.T @ (d2[:, None] * mapped)))
    kept = np.kron((second * d1) @ second.T, root.T @ root)
    return -(kept + np.kron(np.diag(d2), mapped.T @ mapped))


def stability(operator: Float[Matrix, "modes modes"], tolerance: float = 1e-9) -> Stability:
    """Is the solution with this operator stable? Within the tolerance of zero it is marginal.

    Args:
        operator: from :func:`solution_operator`.
        tolerance: absolute.

    Example:
        >>> found = stability(np.diag([-2.0, -0.5]))
        >>> found.verdict, found.margin, found.largest_eta
        ('stable', 0.25, 1.0)
    """
    matrix = np.asarray(operator, np.float64)
    symmetric = np.allclose(matrix, matrix.T, rtol=1e-10, atol=1e-12 * max(1.0, float(np.abs(matrix).max(initial=0))))
    values = np.linalg.eigvalsh(matrix) if symmetric else np.linalg.eigvals(matrix)
    largest = float(values.real.max())
    size = float(np.abs(values).max())
    margin = -largest / size if size else 0.0
    if abs(largest) <= tolerance:
        return Stability(largest, "marginal", margin, 0.0)
    if largest > 0:
        return Stability(largest, "unstable", margin, 0.0)
    return Stability(largest, "stable", margin, float((-2 * values.real / np.abs(values) ** 2).min()))


def conserved_quantities(net: TwoLayer, mask: SignMask) -> Conserved:
    """What learning without normalisation conserves in a linear net, whatever the inputs.

    For hidden units i and j of equal sign s: ``(W1 D1 W1^T)_ij - s (W2^T W2)_ij``. Steps of size eta break it at
    O(eta^2) per step.

    Args:
        net: a linear net.
        mask: presynaptic signs.

    Raises:
        ValueError: another activation, or postsynaptic signs.

    Example:
        >>> import jax.numpy as jnp
        >>> net = TwoLayer(jnp.array([[3.0]]), jnp.array([[4.0]]))  # one flipped weight each way: a circle
        >>> conserved_quantities(net, SignMask.presynaptic((1, 1, 1), (0, 1))).values.tolist()
        [[25.0]]
    """
    if net.activation != "linear":
        raise ValueError(f"conserved quantities are known for linear nets, this one is {net.activation}")
    if mask.axis != "pre":
        raise ValueError("conserved quantities are known for presynaptic signs")
    d1, d2 = (np.asarray(signs, np.float64) for signs in mask.signs)
    first, second = (np.asarray(w, np.float64) for w in net.weights)
    _check_shapes(first, second, d1, d2, "pre")
    return Conserved((first * d1) @ first.T - d2[:, None] * (second.T @ second), d2[:, None] == d2[None, :])


def _check_shapes(w1: np.ndarray, w2: np.ndarray, d1: np.ndarray, d2: np.ndarray, axis: str) -> None:
    if axis not in ("pre", "post"):
        raise ValueError(f"axis must be pre or post, got {axis!r}")
    if w1.ndim != 2 or w2.ndim != 2 or w2.shape[1] != w1.shape[0]:
        raise ValueError(
            f"w1 (hidden, inputs) and w2 (outputs, hidden) must share the hidden units, got {w1.shape}, {w2.shape}"
        )
    if not (np.isfinite(w1).all() and np.isfinite(w2).all()):
        raise ValueError("w1 and w2 must be finite; they hold NaN or infinity")
    side = 1 if axis == "pre" else 0
    for name, signs, weight in (("signs1", d1, w1), ("signs2", d2, w2)):
        if signs.shape != (weight.shape[side],):
            raise ValueError(
                f"{name} must have one entry a {axis}synaptic neuron ({weight.shape[side]}), got {signs.shape}"
            )
        if not np.all(np.abs(signs) == 1):
            raise ValueError(f"{name} must be +1 or -1")


def _root(covariance: Float[Matrix, "inputs inputs"] | None, inputs: int) -> Float[np.ndarray, "inputs rank"]:
    """R with ``R R^T = Sigma``; as many columns as the covariance has rank."""
    if covariance is None:
        return np.eye(inputs)
    sigma = np.asarray(covariance, np.float64)
    if sigma.shape != (inputs, inputs) or not np.allclose(sigma, sigma.T, rtol=1e-6, atol=1e-9 * np.abs(sigma).max()):
        raise ValueError(f"covariance must be a symmetric matrix of (inputs, inputs) = {(inputs, inputs)}")
    values, vectors = np.linalg.eigh(sigma)
    floor = inputs * np.finfo(np.asarray(covariance).dtype).eps * values[-1]
    if values[0] < -floor or values[-1] <= 0:
        raise ValueError(
            f"covariance must be positive semi-definite and not zero, its smallest eigenvalue is {values[0]:.3g}"
        )
    kept = values > floor
    if not kept.all():
        warnings.warn(
            f"the covariance has rank {kept.sum()} of {inputs}: stability is decided inside their span only",
            RankDeficientCovariance,
            stacklevel=3,
        )
        return vectors[:, kept] * np.sqrt(values[kept])
    return (vectors * np.sqrt(values)) @ vectors.T
