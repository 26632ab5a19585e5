"""Which neurons are rule-flipped: vectors of +1 and -1, one a layer."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

Axis = Literal["pre", "post"]
Signs: TypeAlias = PyTree
"""A tree like the parameters: a vector of +1 and -1 at each weight whose synapses are sign-diverse, None elsewhere."""

Flipped: TypeAlias = int | float | Sequence[bool] | np.ndarray | Array | None
"""Which neurons of a layer: a count (int), a share rounded down (float), a mask (True = flipped), or None for none."""


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
    signs = jnp.asarray(np.where(np.arange(size) < flipped_count(size, flipped), -1.0, 1.0), dtype=float)
    return signs if key is None else jax.random.permutation(key, signs)


def flipped_count(size: int, flipped: int | float) -> int:
    """How many of a layer's neurons a count or a share means.

    Args:
        size: neurons.
        flipped: an int counts them; a float in [0, 1] is their share, rounded down.

    Raises:
        ValueError: a count outside [0, size] or a share outside [0, 1].

    Example:
        >>> flipped_count(10, 0.19), flipped_count(10, 0.3), flipped_count(10, 4)
        (1, 3, 4)
    """
    if isinstance(flipped, bool) or not isinstance(flipped, int | float | np.integer | np.floating):
        raise ValueError(f"flipped must be a count (int) or a share in [0, 1] (float), got {flipped!r}")
    if isinstance(flipped, float | np.floating):
        if not 0 <= flipped <= 1:
            raise ValueError(f"flipped as a share must be in [0, 1], got {flipped}; give an int to count neurons")
        return int(flipped * size + 1e-9)
    if not 0 <= flipped <= size:
        raise ValueError(f"flipped must be in [0, size={size}], got {flipped}")
    return int(flipped)


class SignMask(eqx.Module):
    """The signs of a network's neurons, one vector a weight matrix.

    Attributes:
        signs: for each weight matrix, input to output, (units,) of +1 and -1; with axis ``pre`` one for each neuron
            that its synapses leave, with ``post`` one for each neuron that they reach.
        axis: which neurons carry the sign.

    Example:
        >>> mask = SignMask.presynaptic((4, 3, 1), (0.5, 1))
        >>> [s.tolist() for s in mask.signs]
        [[-1.0, -1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]]
    """

    signs: tuple[Float[Array, " _"], ...]
    axis: Axis = eqx.field(static=True, default="pre")

    @classmethod
    def presynaptic(
        cls,
        layer_sizes: Sequence[int],
        flipped: Sequence[Flipped],
        which: Literal["first", "random"] = "first",
        key: Key[Array, ""] | None = None,
    ) -> "SignMask":
        """Flip synapses by the neuron that they leave (the rule of the paper).

        Args:
            layer_sizes: neurons of each layer, the input first.
            flipped: one entry a weight matrix, over the neurons that it comes *from*: a count (int), a share (float,
                rounded down), a mask of booleans (True = flipped) or a vector of +1 and -1, or None.
            which: flip the first neurons or a random choice; masks are taken as they are.
            key: for a random choice.

        Raises:
            ValueError: a wrong number of entries, a share outside [0, 1], a count or mask that doesn't fit the layer,
                mask entries other than booleans or +-1, or a random choice without a key.
        """
        return cls._make(layer_sizes[:-1], layer_sizes, flipped, which, key, "pre")

    @classmethod
    def postsynaptic(
        cls,
        layer_sizes: Sequence[int],
        flipped: Sequence[Flipped],
        which: Literal["first", "random"] = "first",
        key: Key[Array, ""] | None = None,
    ) -> "SignMask":
        """Flip synapses by the neuron that they reach; arguments as for :meth:`presynaptic`, over the neurons that
        each weight matrix goes *to*.

        Example:
            >>> [s.tolist() for s in SignMask.postsynaptic((4, 3, 1), (1, None)).signs]
            [[-1.0, 1.0, 1.0], [1.0]]
        """
        return cls._make(layer_sizes[1:], layer_sizes, flipped, which, key, "post")

    @classmethod
    def _make(
        cls,
        units: Sequence[int],
        layer_sizes: Sequence[int],
        flipped: Sequence[Flipped],
        which: str,
        key: Key[Array, ""] | None,
        axis: Axis,
    ) -> "SignMask":
        if len(layer_sizes) < 2 or any(size < 1 for size in layer_sizes):
            raise ValueError(f"layer_sizes must hold at least two positive sizes, got {tuple(layer_sizes)}")
        if len(flipped) != len(units):
            raise ValueError(f"flipped must have one entry a weight matrix ({len(units)}), got {len(flipped)}")
        if which not in ("first", "random"):
            raise ValueError(f"which must be first or random, got {which!r}")
        if which == "random" and key is None:
            raise ValueError("which='random' needs a key: pass key=jax.random.key(seed)")
        keys = [None] * len(units) if which == "first" or key is None else list(jax.random.split(key, len(units)))
        return cls(tuple(_vector(*entry) for entry in zip(units, flipped, keys, strict=True)), axis)

    def tree(self, params: PyTree) -> Signs:
        """The signs as a tree for :func:`sign_diverse`: at ``params.weights``, None elsewhere.

        Args:
            params: a network of :mod:`symplast.learning`, or its parameters.

        Raises:
            ValueError: it has no ``weights``, or another number of them.
        """
        weights = getattr(params, "weights", None)
        if not isinstance(weights, tuple) or len(weights) != len(self.signs):
            found = "none" if weights is None else len(weights)
            raise ValueError(
                f"params must have a tuple of {len(self.signs)} weights, found {found}; for other trees put the "
                "vectors of mask.signs at the weights yourself"
            )
        nothing = jax.tree.map(lambda _: None, eqx.filter(params, eqx.is_inexact_array))
        return eqx.tree_at(lambda n: n.weights, nothing, self.signs, is_leaf=lambda leaf: leaf is None)


def flip(change: Any, signs: Any, axis: Axis) -> Any:
    """Multiply a weight's change by its neurons' signs; weights are ``[post, pre, ...]``, kernels included."""
    place = 1 if axis == "pre" else 0
    shape = [1] * change.ndim
    shape[place] = signs.shape[0]
    return change * signs.reshape(shape).astype(change.dtype)


def _vector(size: int, flipped: Flipped, key: Key[Array, ""] | None) -> Float[Array, " units"]:
    if flipped is None:
        return jnp.ones(size)
    if np.ndim(flipped) == 0:
        return sign_vector(size, flipped, key=key)  # type: ignore[arg-type]
    mask: Any = np.asarray(flipped)
    if mask.shape != (size,):
        raise ValueError(f"a mask must have the layer's length {size}, got shape {mask.shape}")
    if mask.dtype.kind == "b":
        return jnp.asarray(np.where(mask, -1.0, 1.0), dtype=float)
    if mask.dtype.kind not in "if" or not np.all(np.abs(mask) == 1):
        raise ValueError("a mask must hold booleans (True = flipped), or +1 and -1")
    return jnp.asarray(mask, dtype=float)
