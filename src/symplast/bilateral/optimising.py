"""Links of the chain that trains a controller: a clip for each tensor, and mixing weights that stay at least 0."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, PyTree

from symplast.learning.chaining import at_rate, joined

MIXING = "mixing"
"""Part of the path of the weights that stay at least 0."""


def clip_each(norm: float = 1.0) -> optax.GradientTransformationExtraArgs:
    """Shorten the update of each tensor whose norm is above ``norm`` to it: Keras' ``clipnorm``.

    ``optax.clip_by_global_norm`` clips all tensors together, ``optax.clip_by_block_rms`` by their root mean square.

    Raises:
        ValueError: a norm that is not positive.

    Example:
        >>> update = clip_each(1.0).update({"w": jnp.array([3.0, 4.0]), "b": jnp.array([0.5])}, ())[0]
        >>> [[round(float(x), 2) for x in each] for each in (update["w"], update["b"])]
        [[0.6, 0.8], [0.5]]
    """
    if not norm > 0:
        raise ValueError(f"norm must be positive, got {norm}")
    return optax.GradientTransformationExtraArgs(_no_state, Partial(_clipped, jnp.asarray(norm, float)))


def nonnegative_mixing() -> optax.GradientTransformationExtraArgs:
    """Keep parameters named ``mixing`` at least 0: an update that would take them below takes them to 0.

    Raises:
        ValueError: at ``update``, no ``params``.

    Example:
        >>> kept, params = nonnegative_mixing(), {"mixing": jnp.array(0.5)}
        >>> kept.update({"mixing": jnp.array(-2.0)}, kept.init(params), params)[0]["mixing"].tolist()
        -0.5
    """
    return _NONNEGATIVE


def motor_adam(learning_rate: float = 3e-3, norm: float = 1.0) -> optax.GradientTransformationExtraArgs:
    """``clip_each(norm)``, Adam with eps 1e-7, :func:`nonnegative_mixing`; the learning rate is an array.

    Raises:
        ValueError: a learning rate or a norm that is not positive.
    """
    if isinstance(learning_rate, bool) or not isinstance(learning_rate, int | float) or not learning_rate > 0:
        raise ValueError(f"learning_rate must be a positive number, got {learning_rate!r}")
    return joined([clip_each(norm), at_rate(_ADAM, learning_rate), nonnegative_mixing()])


_ADAM = optax.adam(1.0, eps=1e-7)


def _no_state(params: PyTree) -> tuple[()]:
    return ()


def _clipped(norm: Array, updates: PyTree, state: Any, params: PyTree | None = None, **_: Any) -> tuple[PyTree, Any]:
    def one(change: Array) -> Array:
        size = jnp.sqrt(jnp.sum(change**2))
        most = norm.astype(change.dtype)
        return change * jnp.where(size > most, most / jnp.where(size > most, size, 1), 1)

    return jax.tree.map(one, updates), state


def _mixing(params: PyTree) -> PyTree:
    """Which parameters are mixing weights."""

    def one(path: Any, _: Array) -> bool:
        return MIXING in jax.tree_util.keystr(path, simple=True, separator=".").split(".")

    return jax.tree_util.tree_map_with_path(one, params)


_NONNEGATIVE = optax.with_extra_args_support(optax.masked(optax.keep_params_nonnegative(), _mixing))
