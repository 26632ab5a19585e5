"""The two-layer network of modular arithmetic, its first weights, and its answers."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from symplast.grokking.activations import ON_THE_HOST, Activation, activation_of
from symplast.grokking.arguments import check_modulus, check_rows, frequencies_of
from symplast.stats.arguments import check_count

Weights: TypeAlias = Float[Array, "width p"] | Float[np.ndarray, "width p"]


class TwoLayerNet(eqx.Module):
    """``logit_j(x, y) = sum_m xi_m[j] sigma(theta_m[x] + theta_m[y])``, without biases (Eq. 1).

    Weights keep the type they come with (float64 of NumPy, float32 of a checkpoint); whole numbers become float64.

    Attributes:
        theta: (width, p) input weights.
        xi: (width, p) output weights.
        theta_y: (width, p) weights of the second number; None where both numbers share ``theta``.
        activation: name of sigma in :data:`ACTIVATIONS`, or an elementwise JAX function.

    Raises:
        ValueError: shapes that differ, an even p, weights that are not finite, or an unknown activation.

    Example:
        >>> import numpy as np
        >>> net = TwoLayerNet(np.eye(3), 2 * np.eye(3), "square")
        >>> net(1, 1).tolist()
        [0.0, 8.0, 0.0]
    """

    theta: Weights
    xi: Weights
    theta_y: Weights | None
    activation: str | Activation = eqx.field(static=True)

    def __init__(self, theta: Any, xi: Any, activation: str | Activation = "relu", theta_y: Any = None):
        for name, rows in (("theta", theta), ("xi", xi), ("theta_y", theta_y)):
            if rows is not None and not isinstance(rows, jax.core.Tracer):
                check_rows(rows, name, None if name == "theta" else np.shape(theta))
        activation_of(activation)
        self.theta, self.xi = _floats(theta), _floats(xi)
        self.theta_y = None if theta_y is None else _floats(theta_y)
        self.activation = activation

    @property
    def p(self) -> int:
        """The modulus."""
        return self.theta.shape[1]

    @property
    def width(self) -> int:
        """Number of neurons."""
        return self.theta.shape[0]

    @property
    def tied(self) -> bool:
        """Whether both numbers share their weights."""
        return self.theta_y is None

    def __call__(self, x: Any, y: Any) -> Float[Array, "... p"]:
        """Logits for numbers x and y (whole numbers mod p, of any shape)."""
        second = self.theta if self.theta_y is None else self.theta_y
        drive = jnp.asarray(self.theta).T[jnp.asarray(x)] + jnp.asarray(second).T[jnp.asarray(y)]
        return activation_of(self.activation)(drive) @ jnp.asarray(self.xi)

    def table(self) -> Float[np.ndarray, "p p p"]:
        """Logits of all ordered pairs, [x, y, j], in float64 on the host."""
        theta, xi = (np.asarray(w, dtype=np.float64) for w in (self.theta, self.xi))
        second = theta if self.theta_y is None else np.asarray(self.theta_y, dtype=np.float64)
        if isinstance(self.activation, str) and self.activation in ON_THE_HOST:
            sigma = ON_THE_HOST[self.activation]
            return np.stack([sigma(row + second.T) @ xi for row in theta.T])  # one x at a time stays in the cache
        with jax.enable_x64(True):
            return np.asarray(activation_of(self.activation)(jnp.asarray(theta.T[:, None] + second.T))) @ xi


def _floats(rows: Any) -> Any:
    if isinstance(rows, jax.Array):
        return rows if jnp.issubdtype(rows.dtype, jnp.floating) else rows.astype(float)
    found = np.asarray(rows)
    return found if found.dtype.kind == "f" else found.astype(np.float64)


def init_random(
    p: int,
    width: int,
    key: Key[Any, ""],
    activation: str | Activation = "relu",
    *,
    init_scale: float = 0.1,
    tied: bool = True,
) -> TwoLayerNet:
    """Normal weights of standard deviation ``init_scale / sqrt(p)`` in both layers.

    Args:
        p: odd modulus.
        width: neurons.
        key: random key.
        activation: name or function.
        init_scale: of both layers.
        tied: whether both numbers share their weights.

    Raises:
        ValueError: an even p, a width below 1 or a scale that is not positive.

    Example:
        >>> init_random(23, 512, jax.random.key(0)).theta.shape
        (512, 23)
    """
    shape = (3, check_count(width, "width"), check_modulus(p))
    _check_scale(init_scale)
    _warn_narrow(shape[1], shape[2])
    draws = init_scale / np.sqrt(shape[2]) * np.asarray(jax.random.normal(key, shape))
    return TwoLayerNet(draws[0], draws[1], activation, None if tied else draws[2])


def init_single_frequency(
    p: int,
    width: int,
    key: Key[Any, ""],
    activation: str | Activation = "square",
    *,
    init_scale: float = 0.02,
    frequencies: int | Sequence[int] | None = None,
) -> TwoLayerNet:
    """Each neuron a cosine of one frequency: ``theta = s cos(omega_k j + phi)``, ``xi = s cos(omega_k j + psi)``.

    Frequencies are dealt out equally, then shuffled; phi and psi are independent and uniform.

    Args:
        p: odd modulus.
        width: neurons.
        key: random key.
        activation: name or function.
        init_scale: the amplitude s.
        frequencies: how many (the lowest), or which; all K = (p - 1)/2 by default.

    Raises:
        ValueError: as for :func:`init_random`, or frequencies that are not in 1 .. K.
    """
    p, width = check_modulus(p), check_count(width, "width")
    _check_scale(init_scale)
    K = frequencies_of(p)
    asked = K if frequencies is None else frequencies
    chosen = np.arange(1, asked + 1) if isinstance(asked, int | np.integer) else np.asarray(asked)
    if chosen.ndim != 1 or not chosen.size or chosen.dtype.kind not in "iu" or chosen.min() < 1 or chosen.max() > K:
        raise ValueError(f"frequencies must be at most K = (p - 1)/2 = {K}, or lie in 1 .. {K}; got {frequencies}")
    _warn_narrow(width, p)
    for_order, for_phases = jax.random.split(key)
    of_neuron = chosen[np.arange(width) % chosen.size][np.asarray(jax.random.permutation(for_order, width))]
    phi, psi = 2 * np.pi * np.asarray(jax.random.uniform(for_phases, (2, width)), dtype=float)
    angle = 2 * np.pi * of_neuron[:, None] * np.arange(p) / p
    theta, xi = (init_scale * np.cos(angle + phase[:, None]) for phase in (phi, psi))
    return TwoLayerNet(theta, xi, activation)


def _check_scale(init_scale: float) -> None:
    if not (np.isfinite(init_scale) and init_scale > 0):
        raise ValueError(f"init_scale must be a positive number, got {init_scale!r}")


def _warn_narrow(width: int, p: int) -> None:
    if width < frequencies_of(p):
        import warnings

        warnings.warn(
            f"width={width} is less than the K = {frequencies_of(p)} frequencies of p={p}: not all can be learned",
            stacklevel=3,
        )
