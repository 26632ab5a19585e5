"""Sign-diverse plasticity as an optax transform, usable after any credit rule, and the normalisation it needs."""

from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key, PyTree

from symplast.curl.signs import Axis, Signs, flip
from symplast.learning.lengths import length


class SignState(NamedTuple):
    """The sign patterns, kept in the state so that they can be vmapped and changed without compiling again."""

    signs: Signs


def sign_diverse(signs: Signs, axis: Axis = "pre") -> optax.GradientTransformation:
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
        >>> from symplast.curl import sign_vector
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
        return apply_signs(state.signs, updates, axis), state

    return optax.GradientTransformation(init, update)


def apply_signs(signs: Signs, updates: PyTree, axis: Axis) -> PyTree:
    """The updates with the signs of their neurons; where there is none they pass through."""

    def one(sign: Array | None, change: Array | None) -> Array | None:
        return change if sign is None or change is None else flip(change, sign, axis)

    return jax.tree.map(one, signs, updates, is_leaf=lambda leaf: leaf is None)


class _Flips(eqx.Module):
    """Settings of :func:`flips`; the share is an array, so that one program serves all shares."""

    fraction: Float[Array, ""] | None
    count: int | None = eqx.field(static=True)
    layers: str = eqx.field(static=True)
    which: str = eqx.field(static=True)
    axis: Axis = eqx.field(static=True)

    def vector(self, units: int) -> Float[Array, " units"]:
        """The signs of a layer's neurons, the flipped ones first."""
        if self.count is not None:
            if self.count > units:
                raise ValueError(
                    f"count must be at most the {units} {self.axis}synaptic neurons of each layer, got {self.count}"
                )
            flipped = jnp.asarray(self.count)
        else:
            share = jnp.asarray(self.fraction)
            flipped = jnp.floor(share * units * (1 + 4 * jnp.finfo(share.dtype).eps))
        return jnp.where(jnp.arange(units) < flipped, -1.0, 1.0).astype(float)


class DrawnSigns(eqx.Module):
    """Sign patterns that a learner draws anew for each seed; arrays, so that they can be vmapped and replaced.

    Attributes:
        signs: as in :class:`SignState`.
    """

    signs: Signs

    def reseed(self, key: Key[Array, ""]) -> "DrawnSigns":
        """Other neurons, as many of them in each layer: those with the lowest of random numbers, drawn all at once."""
        vectors, structure = jax.tree.flatten(self.signs)
        if not vectors:
            return self
        widest = max(len(vector) for vector in vectors)
        padded = jnp.stack([jnp.pad(vector, (0, widest - len(vector))) for vector in vectors])
        order = jnp.argsort(jnp.where(padded == 0, jnp.inf, jax.random.uniform(key, padded.shape)), axis=1)
        flipped = jnp.arange(widest) < jnp.sum(padded < 0, axis=1, keepdims=True)
        signs = jnp.put_along_axis(padded, order, jnp.where(flipped, -1, 1).astype(padded.dtype), 1, inplace=False)
        drawn = [row[: len(vector)] for row, vector in zip(signs, vectors, strict=True)]
        return DrawnSigns(jax.tree.unflatten(structure, drawn))


def flips(
    *,
    fraction: float | None = None,
    count: int | None = None,
    layers: Literal["all", "hidden", "readout"] = "all",
    which: Literal["random", "first"] = "random",
    axis: Axis = "pre",
) -> optax.GradientTransformationExtraArgs:
    """Flip the sign of plasticity at a share of each layer's neurons, drawn when learning begins.

    As :func:`sign_diverse`, but the patterns come from the parameters themselves: the transform works after any credit
    rule and for any network, and :class:`symplast.learning.GradientLearner` gives each seed neurons of its own. The
    weights are ``params.weights`` (readout last) where there is such a tuple, all arrays of two or more dimensions
    otherwise.

    Args:
        fraction: share of flipped neurons in each layer, in [0, 1], rounded down (a product that is whole but for
            rounding counts as whole).
        count: their number instead.
        layers: which weights: ``hidden`` all but the last, ``readout`` the last, or ``all``.
        which: ``random`` neurons, or the ``first`` ones.
        axis: flip the synapses that leave (``pre``) or reach (``post``) them.

    Returns:
        The transform; its state holds the patterns as arrays.

    Raises:
        ValueError: not exactly one of fraction and count, a fraction outside [0, 1], unknown names; at ``init``, more
            flipped neurons than a layer has, or no weights at all.

    Example:
        >>> import optax
        >>> from symplast.learning import Backprop, FeedForwardNet, GradientLearner
        >>> rule = optax.chain(flips(fraction=0.25, layers="readout"), optax.sgd(0.1), frobenius_norm())
        >>> learner = GradientLearner(lambda key: FeedForwardNet((5, 8, 3), key=key), Backprop(), rule)
        >>> pattern = learner.init(jax.random.key(0)).opt[0].signs.weights
        >>> pattern[0] is None, int((pattern[1] == -1).sum())
        (True, 2)
    """
    if (fraction is None) == (count is None):
        raise ValueError("give exactly one of fraction (share of a layer's neurons) and count")
    for name, value, allowed in (
        ("layers", layers, ("all", "hidden", "readout")),
        ("which", which, ("random", "first")),
        ("axis", axis, ("pre", "post")),
    ):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
    if fraction is not None and not 0 <= fraction <= 1:
        raise ValueError(f"fraction must be in [0, 1], got {fraction}")
    if count is not None and (not isinstance(count, int) or count < 0):
        raise ValueError(f"count must be a whole number of at least 0, got {count!r}")

    made = _Flips(None if fraction is None else jnp.asarray(fraction, float), count, layers, which, axis)
    return optax.GradientTransformationExtraArgs(Partial(_first_signs, made), Partial(_flipped, made))


def _first_signs(made: _Flips, params: PyTree) -> DrawnSigns | SignState:
    weights, structure = jax.tree.flatten(params)
    chosen = _chosen(params, weights, made.layers)
    side = 1 if made.axis == "pre" else 0
    vectors = [made.vector(weight.shape[side]) if i in chosen else None for i, weight in enumerate(weights)]
    signs = jax.tree.unflatten(structure, vectors)
    return SignState(signs) if made.which == "first" else DrawnSigns(signs).reseed(jax.random.key(0))


def _flipped(
    made: _Flips, updates: PyTree, state: DrawnSigns | SignState, params: PyTree | None = None, **_: Any
) -> tuple[PyTree, DrawnSigns | SignState]:
    return apply_signs(state.signs, updates, made.axis), state


def _chosen(params: PyTree, leaves: list[Array], layers: str) -> list[int]:
    """Places of the chosen weights among the leaves, input to output."""
    forward = getattr(params, "weights", None)
    if isinstance(forward, tuple):
        order = {id(weight) for weight in forward}
        places = [index for index, leaf in enumerate(leaves) if id(leaf) in order]
    else:
        places = [index for index, leaf in enumerate(leaves) if leaf.ndim >= 2]
    if not places:
        raise ValueError("params must hold weights: a tuple params.weights, or arrays of two or more dimensions")
    return {"all": places, "hidden": places[:-1], "readout": places[-1:]}[layers]


class NormState(NamedTuple):
    """Frobenius norm of each weight array at the start; None at leaves of fewer than two dimensions."""

    norms: PyTree


def frobenius_norm() -> optax.GradientTransformationExtraArgs:
    """Bring each weight matrix back to its initial Frobenius norm: ``W <- W |W(0)|_F / |W|_F``.

    It stops sign-diverse learning from blowing up. Last in a chain (only what the hardware does comes after it). Biases
    and other leaves of fewer than two dimensions pass through, and so does a matrix that starts at zero: it has no norm
    to keep.

    Raises:
        ValueError: at ``update``, no ``params``.

    Example:
        >>> import optax
        >>> rule = optax.chain(optax.sgd(1.0), frobenius_norm())
        >>> weights = {"w": jnp.array([[3.0, 4.0]])}
        >>> updates, _ = rule.update({"w": jnp.array([[-3.0, 4.0]])}, rule.init(weights), weights)
        >>> (weights["w"] + updates["w"]).tolist()
        [[5.0, 0.0]]
    """

    return optax.GradientTransformationExtraArgs(_first_norms, _renormalised)


def _first_norms(params: PyTree) -> NormState:
    return NormState(jax.tree.map(lambda w: frobenius(w) if w.ndim >= 2 else None, params))


def _renormalised(
    updates: PyTree, state: NormState, params: PyTree | None = None, **_: Any
) -> tuple[PyTree, NormState]:
    if params is None:
        raise ValueError("frobenius_norm needs params: call update(updates, state, params)")

    def renormalise(norm: Array | None, change: Array | None, weight: Array | None) -> Array | None:
        if norm is None or change is None or weight is None:
            return change
        return rescale(weight + change, norm) - weight

    changed = jax.tree.map(renormalise, state.norms, updates, params, is_leaf=lambda leaf: leaf is None)
    return changed, state


def frobenius(weight: Array) -> Float[Array, ""]:
    """Root of the sum of squares of all entries."""
    return length(weight)


def rescale(weight: Array, norm: Float[Array, ""]) -> Array:
    """The weight at a given Frobenius norm; unchanged where that norm, or its own, is zero."""
    size = frobenius(weight)
    kept = (norm > 0) & (size > 0)
    return weight * jnp.where(kept, norm / jnp.where(kept, size, 1), 1)
