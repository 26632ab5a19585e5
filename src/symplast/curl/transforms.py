"""Sign-diverse plasticity as an optax transform, usable after any credit rule, and the normalisation it needs."""

from typing import Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key, PyTree

Signs: TypeAlias = PyTree
"""A tree like the parameters: a vector of +1 and -1 at each weight whose synapses are sign-diverse, None elsewhere."""


class SignState(NamedTuple):
    """The sign patterns, kept in the state so that they can be vmapped and changed without compiling again."""

    signs: Signs


def sign_vector(size: int, flipped: int | float, *, key: Key[Array, ""] | None = None) -> Float[Array, " units"]:
    """Signs of a layer's neurons.

    Args:
        size: neurons.
        flipped: how many are -1: an int counts them, a float in [0, 1] is their share, rounded down.
        key: flips a random choice of neurons; None flips the first ones, which is the same up to a permutation.

    Raises:
        ValueError: a count outside [0, size] or a share outside [0, 1].

    Example:
        >>> sign_vector(5, 0.4).tolist(), sign_vector(3, 1).tolist()
        ([-1.0, -1.0, 1.0, 1.0, 1.0], [-1.0, 1.0, 1.0])
    """
    if isinstance(flipped, float):
        if not 0 <= flipped <= 1:
            raise ValueError(f"flipped as a share must be in [0, 1], got {flipped}; give an int to count neurons")
        flipped = int(flipped * size + 1e-9)
    if not 0 <= flipped <= size:
        raise ValueError(f"flipped must be in [0, size={size}], got {flipped}")
    signs = jnp.where(jnp.arange(size) < flipped, -1.0, 1.0)
    return signs if key is None else jax.random.permutation(key, signs)


def sign_diverse(signs: Signs, axis: Literal["pre", "post"] = "pre") -> optax.GradientTransformation:
    """Multiply the updates of some synapses by -1: those that leave (``pre``) or reach (``post``) rule-flipped neurons.

    ``update_ij <- update_ij s_j`` (pre) or ``update_ij s_i`` (post), weights being ``[post, pre]``. Fixed signs commute
    with SGD and Adam, but not with projections: chain it before those.

    Args:
        signs: tree with the structure of the parameters, a vector of +1 and -1 at each weight matrix that is
            sign-diverse, None elsewhere.
        axis: which neurons carry the sign.

    Returns:
        The transform.

    Raises:
        ValueError: at ``init``, a vector whose length is not the layer's, or entries other than +1 and -1.

    Example:
        >>> import optax
        >>> rule = optax.chain(sign_diverse({"w": sign_vector(3, 1)}), optax.sgd(1.0))
        >>> weights = {"w": jnp.zeros((2, 3))}
        >>> rule.update({"w": jnp.ones((2, 3))}, rule.init(weights))[0]["w"][0].tolist()
        [1.0, -1.0, -1.0]
    """
    if axis not in ("pre", "post"):
        raise ValueError(f"axis must be pre or post, got {axis!r}")

    def init(params: PyTree) -> SignState:
        def check(sign: Array | None, weight: Array | None) -> None:
            if sign is None:
                return
            units = None if weight is None else weight.shape[1 if axis == "pre" else 0]
            if sign.shape != (units,):
                raise ValueError(
                    f"signs at a weight of {units} {axis}synaptic neurons must have that length, got {sign.shape}"
                )
            if not isinstance(sign, jax.core.Tracer) and not np.all(np.abs(np.asarray(sign)) == 1):
                raise ValueError("signs must be +1 or -1")

        jax.tree.map(check, signs, params, is_leaf=lambda leaf: leaf is None)
        return SignState(signs)

    def update(updates: PyTree, state: SignState, params: PyTree | None = None) -> tuple[PyTree, SignState]:
        def flip(sign: Array | None, change: Array | None) -> Array | None:
            if sign is None or change is None:
                return change
            return change * (sign[None, :] if axis == "pre" else sign[:, None])

        return jax.tree.map(flip, state.signs, updates, is_leaf=lambda leaf: leaf is None), state

    return optax.GradientTransformation(init, update)


class NormState(NamedTuple):
    """Frobenius norm of each weight matrix at the start; None at other leaves."""

    norms: PyTree


def frobenius_norm() -> optax.GradientTransformation:
    """Bring each weight matrix back to its initial Frobenius norm: ``W <- W |W(0)|_F / |W|_F``.

    It stops sign-diverse learning from blowing up. Last in a chain (only what the hardware does comes after it); leaves
    that are no matrices pass through.
    """

    def init(params: PyTree) -> NormState:
        return NormState(jax.tree.map(lambda w: jnp.linalg.norm(w) if w.ndim == 2 else None, params))

    def update(updates: PyTree, state: NormState, params: PyTree | None = None) -> tuple[PyTree, NormState]:
        if params is None:
            raise ValueError("frobenius_norm needs params: call update(updates, state, params)")

        def renormalise(norm: Array | None, change: Array | None, weight: Array | None) -> Array | None:
            if norm is None or change is None or weight is None:
                return change
            moved = weight + change
            return moved * (norm / jnp.linalg.norm(moved)) - weight

        changed = jax.tree.map(renormalise, state.norms, updates, params, is_leaf=lambda leaf: leaf is None)
        return changed, state

    return optax.GradientTransformation(init, update)
