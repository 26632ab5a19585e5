"""Which loss teaches which part of a network: gradients of several losses, routed."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from symplast.bilateral.losses import DOMINANT, NON_DOMINANT
from symplast.learning.protocol import Batch, Credit, CreditRule

Loss: TypeAlias = Callable[[Any, Float[Array, "trials 2"]], Float[Array, ""]]
"""(trajectory, targets) -> loss."""

SPECIALISED: Mapping[str, Mapping[str, float]] = {"left": {"D": 1}, "right": {"N": 1}, "": {"D": 0.5, "N": 0.5}}
"""Each hemisphere learns its own loss, what they share the mean of both."""


class Routed(CreditRule):
    """Credit for networks of parts that learn different losses, through whatever world the network acts in.

    Each parameter belongs to the route whose name is among the parts of its path (``left`` for
    ``controller.left.0.kernel``; the longest name where several are), or else to the route named "". Its direction is
    ``sum_l routes[route][l] dL_l / dparameter``. One rollout serves all losses.

    Attributes:
        losses: name -> loss of (trajectory, targets).
        routes: route -> loss -> weight.
        through_senses: whether credit also goes back through what the network sensed.
        feedback: ``exact``, or ``fixed``: errors pass each kernel through a fixed random matrix (feedback alignment).

    Raises:
        ValueError: a route to a loss that is not there, an unknown feedback; when it meets a network, a route without a
            parameter or a parameter without a route.

    Example:
        >>> import jax
        >>> from symplast.bilateral import Bilateral, ControlledArm, motor_adam, reach
        >>> from symplast.learning import GradientLearner, begin, train
        >>> make = lambda key: ControlledArm(Bilateral(4, 1, key=key), steps=5)
        >>> learner = GradientLearner(make, Routed(), motor_adam(3e-3))
        >>> task = reach(64, 8, key=jax.random.key(0))
        >>> training, history = train(learner, task, begin(learner, jax.random.key(1), 1), 1, 32)
        >>> history.loss.shape
        (2, 1)
    """

    needs: ClassVar[tuple[str, ...]] = ("trajectory",)

    losses: dict[str, Any]
    routes: dict[str, Any]
    through_senses: bool = eqx.field(static=True)
    feedback: str = eqx.field(static=True)

    def __init__(
        self,
        losses: Mapping[str, Loss] | None = None,
        routes: Mapping[str, Mapping[str, float]] | None = None,
        through_senses: Any = True,
        feedback: str = "exact",
    ):
        """Say who learns what; by default a dominant left and a non-dominant right hemisphere."""
        losses = {"D": DOMINANT, "N": NON_DOMINANT} if losses is None else dict(losses)
        routes = SPECIALISED if routes is None else routes
        if not losses or not routes:
            raise ValueError("losses and routes must have at least one entry")
        for route, weights in routes.items():
            if unknown := [name for name in weights if name not in losses]:
                raise ValueError(
                    f"routes must name losses ({', '.join(losses)}); {route or 'the rest'!r} has {unknown[0]!r}"
                )
        if feedback not in ("exact", "fixed"):
            raise ValueError(f"feedback must be exact or fixed, got {feedback!r}")
        if not isinstance(through_senses, bool):
            raise ValueError(f"through_senses must be true or false, got {through_senses!r}")
        self.losses = losses
        self.routes = {route: {name: weights.get(name, 0.0) for name in losses} for route, weights in routes.items()}
        self.through_senses = through_senses
        self.feedback = feedback

    def for_network(self, network: Any) -> "Routed":
        """The rule with its weights as arrays, so that rules that differ in them share one program; checked."""
        named = route_of(network, self.routes)
        if idle := [route for route in self.routes if route not in named.values()]:
            what = "''" if idle[0] == "" else idle[0]
            raise ValueError(f"routes: no parameter is on route {what}; the network has {_parts(network)}")
        return jax.tree.map(lambda leaf: jnp.asarray(leaf, float) if isinstance(leaf, int | float) else leaf, self)

    def init(self, network: Any, key: Key[Array, ""]) -> PyTree:
        """Fixed feedback matrices, drawn as the kernels are; nothing where errors pass exactly."""
        if self.feedback == "exact":
            return None
        keys = jax.random.split(key, len(network.weights))

        def drawn(key: Key[Array, ""], kernel: Array) -> Array:
            limit = (6 / sum(kernel.shape)) ** 0.5
            return jax.random.uniform(key, kernel.shape[::-1], minval=-limit, maxval=limit)

        return tuple(drawn(each, kernel) for each, kernel in zip(keys, network.weights, strict=True))

    def __call__(self, network: Any, batch: Batch, state: PyTree, key: Key[Array, ""]) -> Credit:
        """Credit for one batch; the loss is the mean over routes."""
        given = network, self, state, batch.inputs, batch.targets
        arrays, settings = eqx.partition(given, eqx.is_array)

        def graded(arrays: PyTree) -> tuple[PyTree, Array]:
            found: tuple[PyTree, Array] = _graded(*eqx.combine(arrays, settings))
            return found

        direction, loss = jax.custom_batching.sequential_vmap(graded)(arrays)
        return Credit(direction, loss, state)


@eqx.filter_jit
def _graded(network: Any, rule: Routed, state: PyTree, inputs: Array, targets: Array) -> tuple[PyTree, Array]:
    """Directions and the mean loss of a batch; compiled as one, so that it is traced once for all its uses."""
    params, rest = eqx.partition(network, eqx.is_inexact_array)
    options: dict[str, Any] = {} if rule.through_senses else {"through_senses": False}
    paths = {"feedback": state} if rule.feedback == "fixed" else {}

    def measured(params: PyTree) -> Float[Array, " losses"]:
        found = eqx.combine(params, rest).trajectory(inputs, **options, **paths)
        return jnp.stack([loss(found, targets) for loss in rule.losses.values()])

    return _routed(measured, params, rule.routes, list(rule.losses))


def _routed(
    measured: Callable[[PyTree], Array], params: PyTree, routes: Mapping[str, Any], names: list[str]
) -> tuple[PyTree, Float[Array, ""]]:
    """Directions of all parameters, and the mean loss over routes; as few pull-backs as routes or losses."""
    values, pull = jax.vjp(measured, params)
    matrix = jnp.stack([jnp.stack([jnp.asarray(w[name], values.dtype) for name in names]) for w in routes.values()])
    place = {route: index for index, route in enumerate(routes)}
    own = iter(place[route] for route in route_of(params, routes).values())
    tree = jax.tree.structure(params)
    if len(routes) <= len(names):
        (pulled,) = jax.vmap(pull)(matrix)
        chosen = [each[next(own)] for each in jax.tree.leaves(pulled)]
        return jax.tree.unflatten(tree, chosen), jnp.mean(matrix @ values)
    (pulled,) = jax.vmap(pull)(jnp.eye(len(names), dtype=values.dtype))
    mixed = [jnp.tensordot(matrix[next(own)].astype(each.dtype), each, 1) for each in jax.tree.leaves(pulled)]
    return jax.tree.unflatten(tree, mixed), jnp.mean(matrix @ values)


def route_of(network: Any, routes: Mapping[str, Any]) -> dict[str, str]:
    """Path of each parameter -> its route, in the order of the leaves.

    Raises:
        ValueError: a parameter without a route.

    Example:
        >>> from symplast.bilateral import Bilateral
        >>> found = route_of(Bilateral(4, 1, key=jax.random.key(0)), {"left": {}, "": {}})
        >>> found["left.0.kernel"], found["output.bias"]
        ('left', '')
    """
    named = {}
    for path in _paths(network):
        fitting = [route for route in routes if f".{route}." in f".{path}." or route == ""]
        if not fitting:
            raise ValueError(
                f"routes: no route for parameter {path}; there are {', '.join(routes)}. Name one of its parts, or add "
                'the route "" for the rest'
            )
        named[path] = max(fitting, key=len)
    return named


def _paths(network: Any) -> list[str]:
    """Paths of the parameters, in the order of the leaves; shapes count as arrays."""

    def trained(leaf: Any) -> bool:
        return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.inexact)

    leaves = jax.tree_util.tree_flatten_with_path(network)[0]
    return [jax.tree_util.keystr(path, simple=True, separator=".") for path, leaf in leaves if trained(leaf)]


def _parts(network: Any) -> str:
    """Names that routes can have in a network."""
    return ", ".join(dict.fromkeys(part for path in _paths(network) for part in path.split(".") if not part.isdigit()))
