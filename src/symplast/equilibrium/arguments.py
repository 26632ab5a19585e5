"""Checks at the public boundary: inputs, targets, nudges. Each returns what it checked, or raises ValueError."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from symplast.learning.recurrent import RecurrentNet

Targets = Int[Array, " rows"] | Float[Array, "rows outputs"]

NUDGED_METHODS = ("true", "nudge", "online")
TERMS = ("norm", "trace")


def as_rows(network: RecurrentNet, x: Float[Array, "rows ..."], y: Targets) -> Float[Array, "rows outputs"]:
    """Targets as rows: class indices become one-hot. Pure and unchecked, for use inside transformations."""
    if not jnp.issubdtype(y.dtype, jnp.integer):
        return y
    return jax.nn.one_hot(y, outputs_of(network, x))


def check_inputs(network: RecurrentNet, x: Any) -> Float[Array, "rows ..."]:
    """Inputs that fit the network; values are checked where they are known.

    Raises:
        ValueError: no rows, numbers that are not real or not finite, a shape that the network can't take, or a force
            that is not shaped like the state.
    """
    x = jnp.asarray(x)
    if x.ndim < 2 or x.shape[0] < 1:
        raise ValueError(f"x must hold at least one example, one a row; got shape {x.shape}")
    if not (jnp.issubdtype(x.dtype, jnp.floating) or jnp.issubdtype(x.dtype, jnp.integer)):
        raise ValueError(f"x must hold real numbers, got {x.dtype}")
    if not isinstance(x, jax.core.Tracer) and not bool(jnp.isfinite(x).all()):
        raise ValueError("x must be finite; it holds NaN or infinity: drop or fill those rows")
    rest = jax.eval_shape(network.rest, x)
    try:
        force = jax.eval_shape(lambda r: network.force(network.phi(r), x), rest)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise ValueError(
            f"x of shape {x.shape} or the force doesn't fit the network: {str(error).splitlines()[0]}"
        ) from error
    shapes = [
        [(jax.tree_util.keystr(path), leaf.shape) for path, leaf in jax.tree.leaves_with_path(tree)]
        for tree in (rest, force)
    ]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "the force must return the structure and shapes of the state, rows first: it gives "
            f"{_listed(shapes[1])}, the state is {_listed(shapes[0])}"
        )
    return x


def _listed(leaves: list[tuple[str, tuple[int, ...]]]) -> str:
    return ", ".join(f"{name or 'an array'} {shape}" for name, shape in leaves) or "nothing"


def outputs_of(network: RecurrentNet, x: Float[Array, "rows ..."]) -> int:
    """How many numbers the network gives for an input."""
    return int(jax.eval_shape(lambda: network.output(network.phi(network.rest(x)))).shape[-1])


def check_targets(network: RecurrentNet, x: Float[Array, "rows ..."], y: Targets) -> Float[Array, "rows outputs"]:
    """Targets that fit the network's output.

    Raises:
        ValueError: another number of rows or outputs, a class outside the range, or rows that are not one-hot.
    """
    y, outputs = jnp.asarray(y), outputs_of(network, x)
    if y.ndim == 0 or y.shape[0] != x.shape[0]:
        raise ValueError(f"y must have one row for each of the {x.shape[0]} rows of x, got shape {y.shape}")
    if jnp.issubdtype(y.dtype, jnp.integer):
        if network.readout == "mse":
            raise ValueError(f"y must hold values, (rows, {outputs}), for an mse readout; got class indices")
        if y.ndim != 1:
            raise ValueError(f"y as class indices must be one number a row, got shape {y.shape}")
        if not isinstance(y, jax.core.Tracer):
            classes = np.asarray(y)
            if not ((classes >= 0) & (classes < outputs)).all():
                raise ValueError(f"y must hold classes in [0, {outputs - 1}], got {classes.min()} to {classes.max()}")
        return as_rows(network, x, y)
    if y.shape[1:] != (outputs,):
        raise ValueError(f"y must be (rows, {outputs}) to fit the network's output, got {y.shape}")
    if network.readout == "softmax" and not isinstance(y, jax.core.Tracer):
        rows = np.asarray(y)
        if not (np.all((rows == 0) | (rows == 1)) and np.all(rows.sum(axis=1) == 1)):
            raise ValueError("y must be one-hot rows (a single 1, else 0) for a softmax readout, or class indices")
    return y


def check_points(network: RecurrentNet, beta: float | Float[Array, ""], n_points: int) -> None:
    """A nudge that this network can take.

    Raises:
        ValueError: fewer than one point, a nudge that is 0 or complex, or complex nudges of a network that is not
            holomorphic.
    """
    if int(n_points) != n_points or n_points < 1:
        raise ValueError(
            f"n_points must be a whole number of at least 1, got {n_points}; the derivative itself is method='true'"
        )
    if jnp.iscomplexobj(beta):
        raise ValueError(f"beta must be real, the radius of the circle of nudges; got {beta}")
    if not isinstance(beta, jax.core.Tracer) and not (np.isfinite(beta) and beta != 0):
        raise ValueError(f"beta must be a finite number other than 0 for a finite nudge, got {beta}; or method='true'")
    if n_points > 2 and not network.holomorphic:
        raise ValueError(
            f"n_points must be 1 or 2 here, got {n_points}: the activation has no complex derivative. "
            "Take shifted-sigmoid, dsilu or tanh, or method='true'"
        )
