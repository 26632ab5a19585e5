"""Spiking networks with lateral circuits as a learner of the shared protocol."""

from functools import cache
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, PyTree

from symplast.hlop.circuit import Circuit, OjaRule, learn, orthogonal
from symplast.hlop.network import LOWEST_THRESHOLD, Protection, SpikingMLP, loss_of
from symplast.learning.learner import Learner
from symplast.learning.protocol import Batch


class SpikingState(NamedTuple):
    """Everything that changes while a spiking network learns.

    Attributes:
        net: the network's arrays.
        opt: state of the optimiser.
        circuits: one a projected layer; empty without HLOP.
        task: number of the task being learned.
    """

    net: SpikingMLP
    opt: PyTree
    circuits: tuple[Circuit, ...]
    task: Int[Array, ""]


@cache
def plain_sgd(lr: float) -> optax.GradientTransformation:
    """The same object for the same rate, so that programs are shared."""
    return optax.sgd(lr)


class SpikingLearner(Learner):
    """A spiking network, its circuits and an optimiser.

    Old rows of the circuits are projected out. In later tasks thresholds and biases of heads stay. A new state has no
    circuits; :class:`~symplast.hlop.ContinualTrainer` adds them at the beginning of each task.

    Attributes:
        sizes: units of each layer.
        method: as ``feedback``, ``timesteps`` and ``heads`` a setting of :class:`SpikingMLP`.
        rules: how each circuit learns; empty without HLOP.
        spiking_projection: as ``rates`` a setting of :class:`HLOPConfig`.
        optimiser: optax transform.
        online: an update at every time step (``ottt``).
    """

    sizes: tuple[int, ...] = eqx.field(static=True)
    method: str = eqx.field(static=True)
    feedback: str = eqx.field(static=True)
    timesteps: int = eqx.field(static=True)
    heads: int | None = eqx.field(static=True)
    rules: tuple[OjaRule, ...]
    spiking_projection: bool = eqx.field(static=True)
    rates: bool = eqx.field(static=True)
    optimiser: optax.GradientTransformation = eqx.field(static=True)
    online: bool = eqx.field(static=True)

    @classmethod
    def like(
        cls,
        net: SpikingMLP,
        optimiser: optax.GradientTransformation,
        rules: tuple[OjaRule, ...] = (),
        *,
        spiking_projection: bool = False,
        rates: bool = False,
        online: bool = False,
    ) -> "SpikingLearner":
        """A learner of networks of this one's kind; its weights are not used."""
        return cls(
            sizes=net.sizes,
            method=net.method,
            feedback=net.feedback,
            timesteps=net.timesteps,
            heads=None if net.heads is None else len(net.heads.biases),
            rules=rules,
            spiking_projection=spiking_projection,
            rates=rates,
            optimiser=optimiser,
            online=online,
        )

    def init(self, key: Key[Array, ""]) -> SpikingState:
        """Draw a network."""
        net = SpikingMLP(self.sizes, self.method, self.feedback, self.timesteps, heads=self.heads, key=key)
        return SpikingState(net, self.optimiser.init(trainable(net)), (), jnp.int32(0))

    def learn(self, state: SpikingState, batch: Batch, key: Key[Array, ""]) -> tuple[SpikingState, dict[str, Array]]:
        """One update of the weights and ``iterations`` of each circuit; neither sees the other's."""
        if self.online:
            return self._learn_online(state, batch)
        x, y, protection = batch.inputs, batch.targets, self.protection(state, batch.inputs)

        def loss(params: SpikingMLP) -> tuple[Array, tuple[Array, ...]]:
            found = _joined(params, state.net).forward(x, state.task, protection, rates=self.rates)
            return loss_of(found.output, y), found.activity

        (value, activity), grads = jax.value_and_grad(loss, has_aux=True)(trainable(state.net))
        net, opt = self.updated(state.net, state.opt, grads, state.task)
        circuits = self._circuits(state.circuits, activity, self._known(state, x, protection))
        return SpikingState(net, opt, circuits, state.task), {"loss": value}

    def predict(self, state: SpikingState, inputs: Float[Array, "rows inputs"]) -> Float[Array, "rows classes"]:
        """Logits, by the head of ``state.task``; in groups of rows, since all steps are held at once."""
        return jax.lax.map(lambda x: state.net(x[None], state.task)[0], inputs, batch_size=min(500, len(inputs)))

    def protection(self, state: SpikingState, x: Float[Array, "rows inputs"]) -> Protection:
        """What the weights' gradients leave alone while the network learns from x."""
        if not state.circuits:
            return Protection()
        spikes = self.rules[0].spikes if self.spiking_projection else None
        bases = tuple(circuit.old for circuit in state.circuits)
        return Protection(bases, spikes, orthogonal(x, bases[0], spikes))

    def _known(self, state: SpikingState, x: Array, protection: Protection) -> Array | None:
        """What the first circuit's old rows leave of the input, in its own learning; the same at every step."""
        if not state.circuits:
            return None
        if protection.rest is not None and protection.spikes is self.rules[0].spikes:
            return protection.rest
        return orthogonal(x, state.circuits[0].old, self.rules[0].spikes)

    def updated(
        self, net: SpikingMLP, opt: PyTree, grads: SpikingMLP, task: Int[Array, ""]
    ) -> tuple[SpikingMLP, PyTree]:
        """The network after one step of the optimiser."""
        params = trainable(net)
        changes, opt = self.optimiser.update(_fixed(grads, task), opt, params)
        changes = _fixed(changes, task)  # weight decay would still move them
        params = optax.apply_updates(params, changes)
        kept = tuple(jnp.maximum(V, LOWEST_THRESHOLD) for V in params.thresholds)
        return _joined(eqx.tree_at(lambda p: p.thresholds, params, kept), net), opt

    def _circuits(
        self, circuits: tuple[Circuit, ...], activity: tuple[Array, ...], known: Array | None
    ) -> tuple[Circuit, ...]:
        """After the batch; ``known`` is what the first circuit's old rows leave of its input."""
        if self.method != "ottt":
            return self._each_learned(circuits, activity, known)

        def step(now: tuple[Circuit, ...], seen: tuple[Array, ...]) -> tuple[tuple[Circuit, ...], None]:
            return self._each_learned(now, (activity[0], *seen), known), None

        return jax.lax.scan(step, circuits, activity[1:], self.timesteps)[0] if circuits else ()

    def _each_learned(
        self, circuits: tuple[Circuit, ...], activity: tuple[Array, ...], known: Array | None
    ) -> tuple[Circuit, ...]:
        rests = (known, *[None] * len(activity))
        return tuple(learn(*each) for each in zip(circuits, activity, self.rules, rests, strict=False))

    def _learn_online(self, state: SpikingState, batch: Batch) -> tuple[SpikingState, dict[str, Array]]:
        x, y, protection = batch.inputs, batch.targets, self.protection(state, batch.inputs)
        known = self._known(state, x, protection)

        def step(carried: Any, _: None) -> tuple[Any, Array]:
            net, opt, circuits, cells = carried

            def loss(params: SpikingMLP) -> tuple[Array, Any]:
                output, (after, activity) = _joined(params, net).step(x, state.task, protection, cells)
                return loss_of(output, y) / self.timesteps, (after, activity)

            (value, (cells, activity)), grads = jax.value_and_grad(loss, has_aux=True)(trainable(net))
            net, opt = self.updated(net, opt, grads, state.task)
            circuits = self._each_learned(circuits, activity, known)
            return (net, opt, circuits, jax.lax.stop_gradient(cells)), value

        start = state.net, state.opt, state.circuits, state.net.at_rest(len(x))
        (net, opt, circuits, _), values = jax.lax.scan(step, start, None, self.timesteps)
        return SpikingState(net, opt, circuits, state.task), {"loss": values.sum()}


def _fixed(changes: SpikingMLP, task: Int[Array, ""]) -> SpikingMLP:
    """In later tasks thresholds and biases of heads stay: they would move old responses."""

    def first_only(change: Array) -> Array:
        return jnp.where(task > 0, jnp.zeros_like(change), change)

    changes = eqx.tree_at(lambda c: c.thresholds, changes, tuple(map(first_only, changes.thresholds)))
    if changes.heads is None:
        return changes
    return eqx.tree_at(lambda c: c.heads.biases, changes, first_only(changes.heads.biases))


def trainable(net: SpikingMLP) -> SpikingMLP:
    """The arrays that learn: all but fixed feedback."""
    return eqx.tree_at(lambda n: n.backward, net, ())


def _joined(params: SpikingMLP, net: SpikingMLP) -> SpikingMLP:
    return eqx.tree_at(lambda n: n.backward, params, net.backward)
