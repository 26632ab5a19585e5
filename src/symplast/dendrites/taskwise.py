"""Prototype contexts under Adam at the price of a network without segments.

While a task is learned its context c does not change, so the gradient of every synapse of a segment is the segment's
own signal times ``c_k``. Adam takes the size out of a gradient: all synapses of a segment move by the same amount,
towards or away from the context,

    u_ijk <- u_ijk + a_ij sign(c_k),        d_ij = u_ij . c + a_ij sum_k |c_k|

(exact up to Adam's eps, which is held against the mean context entry in place of each). So only the amounts a are
learned, one number a segment, and are added to the segments when the next task begins.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, PyTree

from symplast.dendrites.active import ActiveDendriteMLP, gate_of
from symplast.dendrites.prototypes import PrototypeContext, restart_each_task
from symplast.learning.credit_rules import loss_of
from symplast.learning.learner import Learner
from symplast.learning.protocol import Batch
from symplast.learning.tasks import Task

Segments = tuple[Float[Array, "units segments context_dim"], ...]
Amounts = tuple[Float[Array, "units segments"], ...]


class Learned(NamedTuple):
    """What learns within a task: the network without its segments, and how far each segment has moved."""

    network: ActiveDendriteMLP
    moved: Amounts


class TaskwiseState(NamedTuple):
    """Everything that changes while an :class:`AdamPrototypeLearner` learns.

    Attributes:
        params: what learns within a task.
        buffers: the network's masks.
        opt: Adam's state.
        rule: the prototypes.
        segments: of each hidden layer, as they were when the task began.
        answers: theirs to its context.
    """

    params: Learned
    buffers: PyTree
    opt: PyTree
    rule: PrototypeContext
    segments: Segments
    answers: Amounts


class AdamPrototypeLearner(Learner):
    """A :class:`PrototypeLearner` with an Adam that is fresh for each task; much faster, since segments move as one.

    Its learning rate is an array in the optimiser's state (``learning_rate``).

    Attributes:
        make_network: key -> :class:`ActiveDendriteMLP` with segments.
        tasks: how many prototypes there is room for.

    Raises:
        ValueError: fewer than one task, or a network without segments.

    Example:
        >>> learner = AdamPrototypeLearner(lambda key: ActiveDendriteMLP((64, 40, 10), segments=5, key=key), tasks=5)
        >>> state = learner.init(jax.random.key(0))
        >>> state.params.moved[0].shape, state.segments[0].shape
        ((40, 5), (40, 5, 64))
    """

    make_network: Callable[[Key[Array, ""]], ActiveDendriteMLP] = eqx.field(static=True)
    tasks: int = eqx.field(static=True)
    transform: optax.GradientTransformationExtraArgs = eqx.field(static=True)

    def __init__(
        self,
        make_network: Callable[[Key[Array, ""]], ActiveDendriteMLP],
        tasks: int,
        rate: float = 1e-3,
        eps: float = 1e-8,
    ):
        """Join a network and its Adam, at a learning rate and with an eps.

        Raises:
            ValueError: fewer than one task, a network without segments, or a rate that is not positive.
        """
        if tasks < 1:
            raise ValueError(f"tasks must be at least 1, got {tasks}")
        if not eqx.filter_eval_shape(make_network, jax.random.key(0)).context_dim:
            raise ValueError("make_network must make networks with segments: without them nothing has a context")
        if not rate > 0:
            raise ValueError(f"rate must be positive, got {rate}")
        self.make_network, self.tasks = make_network, tasks
        self.transform = restart_each_task(adam(rate, eps))

    def init(self, key: Key[Array, ""]) -> TaskwiseState:
        """Draw a network, for the same key the one of a :class:`PrototypeLearner`; no prototypes yet."""
        network = self.make_network(jax.random.split(key, 3)[0])
        segments = _segments(network)
        still = tuple(jnp.zeros(u.shape[:2], u.dtype) for u in segments)
        params, buffers = eqx.partition(_without_segments(network), eqx.is_inexact_array)
        learned = Learned(params, still)
        context = PrototypeContext.empty(self.tasks, network.context_dim)
        return TaskwiseState(
            learned, eqx.filter(buffers, eqx.is_array), self.transform.init(learned), context, segments, still
        )

    def begin_task(self, state: TaskwiseState, task: Task, index: Int[Array, ""]) -> TaskwiseState:
        """Add what the segments have moved, and take up the context of a task; Adam starts afresh."""
        segments = self.segments(state)
        context = state.rule.begin_task(task, index)
        answers = tuple(u @ context.current for u in segments)
        params = Learned(state.params.network, jax.tree.map(jnp.zeros_like, answers))
        return TaskwiseState(params, state.buffers, state.opt.begin_task(task, index), context, segments, answers)

    def learn(self, state: TaskwiseState, batch: Batch, key: Key[Array, ""]) -> tuple[TaskwiseState, dict[str, Array]]:
        """One update."""
        size = jnp.abs(state.rule.current)

        def mean_loss(params: Learned) -> Float[Array, ""]:
            network = self._joined(params.network, state.buffers)
            gates = tuple(
                gate_of(answer + moved * jnp.sum(size))
                for answer, moved in zip(state.answers, params.moved, strict=True)
            )
            output = jax.vmap(lambda x: network.activity(x, gates).output)(batch.inputs)
            return loss_of(network.readout, output, batch.targets)

        loss, direction = jax.value_and_grad(mean_loss)(state.params)
        direction = direction._replace(moved=tuple(moved / len(size) for moved in direction.moved))  # a synapse's share
        updates, opt = self.transform.update(direction, state.opt, state.params)
        return state._replace(params=optax.apply_updates(state.params, updates), opt=opt), {"loss": loss}

    def predict(self, state: TaskwiseState, inputs: Float[Array, "rows inputs"]) -> Float[Array, "rows outputs"]:
        """Outputs for inputs, each in the context of the nearest prototype."""
        network, context = self._joined(state.params.network, state.buffers), state.rule
        along = context.prototypes @ jnp.sign(context.current)  # (tasks,)
        gates = tuple(
            gate_of(jnp.einsum("ujc,tc->tuj", u, context.prototypes) + along[:, None, None] * moved)
            for u, moved in zip(state.segments, state.params.moved, strict=True)
        )

        def output(x: Float[Array, " inputs"], task: Int[Array, ""]) -> Float[Array, " outputs"]:
            return network.activity(x, jax.tree.map(lambda gate: gate[task], gates)).output

        return jax.vmap(output)(inputs, context.nearest(inputs))

    def segments(self, state: TaskwiseState) -> Segments:
        """Of each hidden layer, with what they have moved."""
        towards = jnp.sign(state.rule.current)
        return tuple(
            u + moved[..., None] * towards for u, moved in zip(state.segments, state.params.moved, strict=True)
        )

    def network(self, state: TaskwiseState) -> ActiveDendriteMLP:
        """The whole network, segments included."""
        bare = self._joined(state.params.network, state.buffers)
        return eqx.tree_at(_segments, bare, self.segments(state), is_leaf=lambda leaf: leaf is None)

    def _joined(self, params: ActiveDendriteMLP, buffers: PyTree) -> ActiveDendriteMLP:
        shapes = _without_segments(eqx.filter_eval_shape(self.make_network, jax.random.key(0)))
        static = eqx.filter(shapes, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct), inverse=True)
        whole: ActiveDendriteMLP = eqx.combine(params, buffers, static)
        return whole


def adam(rate: float, eps: float = 1e-8) -> optax.GradientTransformation:
    """Adam whose learning rate is an array in its state."""
    return optax.inject_hyperparams(optax.adam, static_args=("b1", "b2", "eps", "eps_root"))(
        learning_rate=rate, eps=eps
    )


def _segments(network: Any) -> Any:
    return tuple(layer.segments for layer in network.layers[:-1])


def _without_segments(network: ActiveDendriteMLP) -> ActiveDendriteMLP:
    return eqx.tree_at(_segments, network, (None,) * (len(network.layers) - 1))
