"""A user's own network: any force ``(params, r, x) -> H`` on any tree of units."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PyTree

from symplast.learning.activations import ACTIVATIONS, HOLOMORPHIC
from symplast.learning.recurrent import RecurrentNet, Relaxation, State

Force = Callable[[PyTree, PyTree, Array], PyTree]
"""``(params, r, x) -> H(r, x)`` for one example; r and H are trees of the same structure. The library adds -u,
activation and nudge."""


class ForceNetwork(RecurrentNet):
    """A network given by its force, for every method of this room and for training.

    Attributes:
        params: whatever the force learns.
        force_of: ``(params, r, x) -> H`` for one example. For complex nudges it must be holomorphic in r.
        output_of: ``(params, r) -> logits or values`` for one example.
        units: structure of the state and the shape of each leaf for one example.
        activation: a name in ``symplast.learning.activations``, or a function of one array.
        complex_activation: whether the activation may be evaluated at complex arguments.

    Example:
        >>> def force(params, r, x):
        ...     return {"a": params["in"] @ x + params["w"] @ r["a"]}
        >>> key = jax.random.key(0)
        >>> params = {"in": jax.random.normal(key, (6, 4)), "w": 0.1 * jax.random.normal(key, (6, 6))}
        >>> net = force_network(force, params, {"a": (6,)}, output=lambda params, r: r["a"][:2], readout="mse")
        >>> net(jnp.ones(4)).shape
        (2,)
    """

    params: PyTree
    force_of: Force = eqx.field(static=True)
    output_of: Callable[[PyTree, PyTree], Array] = eqx.field(static=True)
    units: tuple[Any, tuple[tuple[int, ...], ...]] = eqx.field(static=True)
    activation: str | Callable[[Array], Array] = eqx.field(static=True)
    complex_activation: bool = eqx.field(static=True)
    readout: str = eqx.field(static=True)
    relaxation: Relaxation = eqx.field(static=True)

    @property
    def holomorphic(self) -> bool:
        """Whether phi has a complex derivative, as it was declared."""
        return self.complex_activation

    @property
    def sweepable(self) -> bool:
        """Unknown of a user's force, so not."""
        return False

    def rest(self, x: Float[Array, "rows ..."]) -> State:
        """u = 0 for each row of the input."""
        structure, shapes = self.units
        dtype = jnp.result_type(*(leaf for leaf in jax.tree.leaves(self.params) if eqx.is_inexact_array(leaf)), 0.0)
        return jax.tree.unflatten(structure, [jnp.zeros((x.shape[0], *shape), dtype) for shape in shapes])

    def drive(self, x: Float[Array, "rows ..."]) -> PyTree:
        """The input itself: nothing is known of how it enters."""
        return x

    def field(self, r: State, drive: PyTree) -> State:
        """The force of each row."""
        return jax.vmap(self.force_of, in_axes=(None, 0, 0))(self.params, r, drive)

    def output(self, r: State) -> Inexact[Array, "rows outputs"]:
        """Logits or values of each row."""
        return jax.vmap(self.output_of, in_axes=(None, 0))(self.params, r)

    def phi(self, u: State) -> State:
        """The activation of every unit."""
        return jax.tree.map(ACTIVATIONS[self.activation] if isinstance(self.activation, str) else self.activation, u)


def force_network(
    force: Force,
    params: PyTree,
    units: PyTree,
    *,
    output: Callable[[PyTree, PyTree], Array],
    readout: str = "softmax",
    activation: str | Callable[[Array], Array] = "shifted-sigmoid",
    holomorphic: bool | None = None,
    relaxation: Relaxation | None = None,
) -> ForceNetwork:
    """Make a network of a force.

    Args:
        force: ``(params, r, x) -> H(r, x)`` for one example.
        params: what it learns.
        units: tree of shapes (tuples) of the state for one example, such as ``{"hidden": (64,), "out": (10,)}``.
        output: ``(params, r) -> logits`` (or values) for one example.
        readout: softmax or mse.
        activation: a name, or a function applied to every leaf.
        holomorphic: whether activation and force may be evaluated at complex arguments; None: known from the name, and
            no for a function.
        relaxation: how it settles; 60 synchronous steps if None.

    Raises:
        ValueError: an unknown activation or readout, or units that are no tree of shapes. A force that does not return
            the structure of the state is told with the first inputs.
    """
    if isinstance(activation, str) and activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)} or a function; got {activation!r}")
    if readout not in ("softmax", "mse"):
        raise ValueError(f"readout must be softmax or mse, got {readout!r}")
    shapes, structure = jax.tree.flatten(units, is_leaf=lambda node: isinstance(node, tuple))
    if not shapes or not all(isinstance(shape, tuple) and all(isinstance(n, int) for n in shape) for shape in shapes):
        raise ValueError(f"units must be a tree of shapes such as {{'hidden': (64,)}}, got {units!r}")
    named = isinstance(activation, str) and activation in HOLOMORPHIC
    return ForceNetwork(
        params=params,
        force_of=force,
        output_of=output,
        units=(structure, tuple(shapes)),
        activation=activation,
        complex_activation=named if holomorphic is None else holomorphic,
        readout=readout,
        relaxation=relaxation or Relaxation(),
    )
