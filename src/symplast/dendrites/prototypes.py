"""Contexts by prototype: the mean input of each task, given while it is learned and recognised when it is tested."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from symplast.learning.credit_rules import loss_of
from symplast.learning.learner import GradientLearner, LearnerState
from symplast.learning.protocol import Batch, Credit, CreditRule
from symplast.learning.tasks import Task


class PrototypeContext(NamedTuple):
    """The prototype of each task met so far: the mean of its training inputs.

    Attributes:
        prototypes: (tasks, context_dim), zero for tasks that are still to come.
        met: (tasks,) which were met.
        task: number of the task being learned.

    Example:
        >>> context = PrototypeContext.empty(tasks=2, context_dim=3).add(0, jnp.array([1.0, 0.0, 0.0]))
        >>> context = context.add(1, jnp.array([0.0, 0.0, 1.0]))
        >>> context.nearest(jnp.array([[0.9, 0.5, 0.1], [0.0, 0.0, 0.3]])).tolist()
        [0, 1]
    """

    prototypes: Float[Array, "tasks context_dim"]
    met: Bool[Array, " tasks"]
    task: Int[Array, ""]

    @classmethod
    def empty(cls, tasks: int, context_dim: int) -> "PrototypeContext":
        """Before the first task: the only context is zero, where every gate is one half."""
        return cls(jnp.zeros((tasks, context_dim)), jnp.zeros(tasks, bool), jnp.int32(0))

    @property
    def current(self) -> Float[Array, " context_dim"]:
        """The prototype of the task being learned."""
        return self.prototypes[self.task]

    def add(self, index: Int[Array, ""] | int, prototype: Float[Array, " context_dim"]) -> "PrototypeContext":
        """With the prototype of task number ``index``, which is the one to be learned now.

        Raises:
            RuntimeError: more tasks than there is room for.
        """
        task, room = jnp.asarray(index, jnp.int32), len(self.met)
        task = eqx.error_if(task, (task < 0) | (task >= room), f"there is room for tasks={room} prototypes only")
        return PrototypeContext(self.prototypes.at[task].set(prototype), self.met.at[task].set(True), task)

    def begin_task(self, task: Task, index: Int[Array, ""]) -> "PrototypeContext":
        """With the mean training input of a task as its prototype.

        Raises:
            ValueError: inputs of another size than the context.
        """
        size, inputs = self.prototypes.shape[1], task.inputs.reshape(len(task.inputs), -1)
        if inputs.shape[1] != size:
            raise ValueError(
                f"the task's inputs must have context_dim={size} entries each to give a prototype, "
                f"got {inputs.shape[1]}"
            )
        return self.add(index, inputs.mean(axis=0))

    def nearest(self, inputs: Float[Array, "rows context_dim"]) -> Int[Array, " rows"]:
        """Number of the task met whose prototype is nearest to each input (Euclidean distance)."""
        p = self.prototypes
        distance = jnp.sum(p**2, axis=1) - 2 * inputs @ p.T  # |x - p|^2 less |x|^2, which is the same for all p
        return jnp.argmin(jnp.where(self.met, distance, jnp.inf), axis=1)


class InContext(CreditRule):
    """The gradient of the mean loss in the context of the task being learned, for an :class:`ActiveDendriteMLP`.

    The batch shares one context, so the answers of all segments are computed once a batch. State:
    a :class:`PrototypeContext`. Signal: ``pre``.

    Attributes:
        tasks: how many prototypes there is room for.

    Raises:
        ValueError: fewer than one task, or a network without segments.
    """

    needs: ClassVar[tuple[str, ...]] = ("gates", "activity", "context_dim", "weights", "readout")
    offers: ClassVar[tuple[str, ...]] = ("pre",)

    tasks: int = eqx.field(static=True)

    def __init__(self, tasks: int):
        if tasks < 1:
            raise ValueError(f"tasks must be at least 1, got {tasks}")
        self.tasks = tasks

    def init(self, network: Any, key: Key[Array, ""]) -> PrototypeContext:
        """No prototypes yet."""
        if not network.context_dim:
            raise ValueError("InContext needs a network with segments; without them use the rule Autodiff")
        return PrototypeContext.empty(self.tasks, network.context_dim)

    def __call__(self, network: Any, batch: Batch, state: PrototypeContext, key: Key[Array, ""]) -> Credit:
        """Credit for one batch."""

        def mean_loss(net: Any) -> tuple[Float[Array, ""], tuple[Array, ...]]:
            gates = net.gates(state.current)
            inputs, output = jax.vmap(lambda x: net.activity(x, gates))(batch.inputs)
            return loss_of(net.readout, output, batch.targets), inputs

        (loss, inputs), direction = eqx.filter_value_and_grad(mean_loss, has_aux=True)(network)
        nothing = jax.tree.map(lambda _: None, direction)
        pre = eqx.tree_at(lambda n: n.weights, nothing, inputs, is_leaf=lambda leaf: leaf is None)
        return Credit(direction, loss, state, {"pre": pre})


class PrototypeLearner(GradientLearner):
    """A gradient learner that recognises the task: each input is answered in the context of its nearest prototype.

    It keeps the mean training input of every task at the task's beginning
    (:func:`symplast.learning.train_sequence` tells it); the task's number is never given at test time.

    Example:
        >>> import optax
        >>> from symplast.dendrites import ActiveDendriteMLP, InContext, restart_each_task
        >>> learner = PrototypeLearner(
        ...     lambda key: ActiveDendriteMLP((64, 40, 10), segments=5, key=key),
        ...     InContext(tasks=5),
        ...     restart_each_task(optax.adam(2e-3)),
        ... )
        >>> learner.init(jax.random.key(0)).rule.prototypes.shape
        (5, 64)
    """

    def __init__(
        self,
        make_network: Callable[[Key[Array, ""]], eqx.Module],
        rule: CreditRule,
        transform: optax.GradientTransformation,
        signals: tuple[str, ...] = (),
    ):
        """Join the parts.

        Raises:
            ValueError: another rule than InContext, a network that does not fit it, or a signal that it lacks.
        """
        if not isinstance(rule, InContext):
            raise ValueError(f"PrototypeLearner needs the rule InContext, which keeps the prototypes, got {rule}")
        super().__init__(make_network, rule, transform, signals)

    def predict(self, state: LearnerState, inputs: Float[Array, "rows inputs"]) -> Float[Array, "rows outputs"]:
        """Outputs for inputs, each in the context of the nearest prototype.

        Gates are computed once for every prototype and looked up for each input.
        """
        network, context = self.network(state), state.rule
        gates = jax.vmap(network.gates)(context.prototypes)

        def output(x: Float[Array, " inputs"], task: Int[Array, ""]) -> Float[Array, " outputs"]:
            return network.activity(x, jax.tree.map(lambda gate: gate[task], gates)).output

        return jax.vmap(output)(inputs, context.nearest(inputs))


class Restarted(NamedTuple):
    """State of :func:`restart_each_task`: the transform's own, and its first one."""

    inner: PyTree
    first: PyTree

    def begin_task(self, task: Any, index: Int[Array, ""]) -> "Restarted":
        """The first state again."""
        return Restarted(jax.tree.map(jnp.copy, self.first), self.first)


def restart_each_task(transform: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """Begin each task of a sequence with a fresh state of a transform, such as Adam's moments.

    Wrap only what should be forgotten: a protected subspace or a memristor's levels are chained outside of it.

    Example:
        >>> transform = restart_each_task(optax.adam(1e-3))
        >>> weights = {"w": jnp.ones(3)}
        >>> _, state = transform.update({"w": jnp.ones(3)}, transform.init(weights), weights)
        >>> int(state.inner[0].count), int(state.begin_task(None, jnp.int32(1)).inner[0].count)
        (1, 0)
    """
    inner = optax.with_extra_args_support(transform)

    def init(params: PyTree) -> Restarted:
        state = inner.init(params)
        return Restarted(state, state)

    def update(
        updates: PyTree, state: Restarted, params: PyTree | None = None, **extra: Any
    ) -> tuple[PyTree, Restarted]:
        updates, renewed = inner.update(updates, state.inner, params, **extra)
        return updates, Restarted(renewed, state.first)

    return optax.GradientTransformationExtraArgs(init, update)
