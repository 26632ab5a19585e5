"""Learners: anything that learns from batches, and the one that joins a credit rule with an optax transform."""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, PyTree

from symplast.learning.compiling import lightly
from symplast.learning.protocol import Batch, CreditRule, Parameters, TaskAware, check_fit, is_reseedable, reseed
from symplast.learning.tasks import Task


class LearnerState(NamedTuple):
    """Everything that changes while a gradient learner learns; arrays only, so it can be vmapped, scanned and saved.

    Attributes:
        params: trainable leaves of the network.
        buffers: its other arrays (masks, indices), which don't learn.
        rule: state of the credit rule.
        opt: state of the transform.
        extra: extra arguments that are passed to the transform at each update, such as a task's index.
    """

    params: Parameters
    buffers: PyTree
    rule: PyTree
    opt: PyTree
    extra: dict[str, Any]


class Learner(eqx.Module):
    """Anything that learns: gradient learners, spiking learners, devices."""

    @abc.abstractmethod
    def init(self, key: Key[Array, ""]) -> PyTree:
        """The state before learning."""

    @abc.abstractmethod
    def learn(self, state: PyTree, batch: Batch, key: Key[Array, ""]) -> tuple[PyTree, dict[str, Array]]:
        """Learn from one batch; the new state and scalar metrics (at least ``loss``)."""

    @abc.abstractmethod
    def predict(self, state: PyTree, inputs: Float[Array, "rows ..."]) -> Float[Array, "rows outputs"]:
        """Outputs for inputs, without learning."""

    def first_states(self, keys: Key[Array, " seeds"]) -> PyTree:
        """The states of several seeds, seeds first."""
        return _first_states(self, keys)

    def reading(self, state: PyTree) -> tuple["Learner | NetworkReader", PyTree]:
        """What predicts as this learner does, and the part of the state that it needs.

        Learners that differ only in how they learn then share the programs that test them; itself by default.
        """
        return self, state

    def begin_task(self, state: PyTree, task: Task, index: Int[Array, ""]) -> PyTree:
        """The state in which the learner takes up task number ``index`` of a sequence; unchanged by default."""
        return state


@lightly
def _first_states(learner: Learner, keys: Key[Array, " seeds"]) -> PyTree:
    return jax.vmap(learner.init)(keys)


class NetworkReader(eqx.Module):
    """What answers for a gradient learner: its network, whatever rule and transform teach it."""

    make_network: Callable[[Key[Array, ""]], eqx.Module]

    def draw(self, key: Key[Array, ""]) -> tuple[Parameters, PyTree]:
        """Parameters and buffers of a new network."""
        params, rest = eqx.partition(self.make_network(key), eqx.is_inexact_array)
        return params, eqx.filter(rest, eqx.is_array)

    def network(self, state: tuple[Parameters, PyTree]) -> Any:
        """The network with parameters and buffers."""
        shapes = eqx.filter_eval_shape(self.make_network, jax.random.key(0))
        static = eqx.filter(shapes, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct), inverse=True)
        return eqx.combine(*state, static)

    def predict(self, state: tuple[Parameters, PyTree], inputs: Float[Array, "rows ..."]) -> Float[Array, "rows _"]:
        """Outputs for inputs."""
        return jax.vmap(self.network(state))(inputs)


class GradientLearner(Learner):
    """A network, a credit rule that says which way, a transform that says how the synapses take it.

    Order is part of the contract. Chain transforms as: sign patterns, projection, optimiser, normalisation, and last of
    all whatever turns the wanted change into the one that the hardware really makes.

    Numbers that are arrays in a part (an ``equinox.Module`` as ``make_network``; a transform whose functions are
    ``jax.tree_util.Partial`` over such a module) don't belong to the compiled program: learners that differ in them
    share one.

    Attributes:
        make_network: key -> network; called once per seed, so that seeds can be vmapped.
        rule: the credit rule.
        transform: optax transform; :func:`optax.chain` composes.
        signals: signals of the rule that the transform receives as extra arguments.

    Example:
        >>> import jax, optax
        >>> from symplast.learning import Backprop, FeedForwardNet, GradientLearner
        >>> learner = GradientLearner(lambda key: FeedForwardNet((4, 8, 3), key=key), Backprop(), optax.sgd(0.1))
        >>> states = jax.vmap(learner.init)(jax.random.split(jax.random.key(0), 5))
        >>> states.params.weights[0].shape
        (5, 8, 4)
    """

    make_network: Callable[[Key[Array, ""]], eqx.Module]
    rule: CreditRule
    transform: optax.GradientTransformationExtraArgs
    signals: tuple[str, ...] = eqx.field(static=True)

    def __init__(
        self,
        make_network: Callable[[Key[Array, ""]], eqx.Module],
        rule: CreditRule,
        transform: optax.GradientTransformation,
        signals: tuple[str, ...] = (),
    ):
        """Join the parts.

        Raises:
            ValueError: the network lacks what the rule needs, or the rule does not offer a signal asked for.
        """
        shapes = eqx.filter_eval_shape(make_network, jax.random.key(0))
        self.make_network = make_network
        self.transform = optax.with_extra_args_support(transform)
        self.signals = tuple(signals)
        check_fit(rule, shapes, self.signals)
        self.rule = rule.for_network(shapes)

    def init(self, key: Key[Array, ""]) -> LearnerState:
        """Draw a network and the states of rule and transform.

        One update of zero goes through the transform, so that predictions before learning already see what the synapses
        can hold (a memristor's levels). Only nodes with random state keep what that update did to them: an optimiser's
        step count and moments start untouched.
        """
        return self._started(NetworkReader(self.make_network).draw(jax.random.split(key, 3)[0]), key)

    def first_states(self, keys: Key[Array, " seeds"]) -> LearnerState:
        """As :meth:`init` for several seeds; learners of like networks share the program that draws the networks."""
        if type(self).init is not GradientLearner.init:
            return super().first_states(keys)
        return _started(self, _drawn(NetworkReader(self.make_network), keys), keys)

    def _started(self, drawn: tuple[Parameters, PyTree], key: Key[Array, ""]) -> LearnerState:
        """The state with a network just drawn."""
        _, for_rule, for_transform = jax.random.split(key, 3)
        params, buffers = drawn
        opt = reseed(self.transform.init(params), for_transform)
        updates, touched = self.transform.update(jax.tree.map(jnp.zeros_like, params), opt, params)
        nodes, structure = jax.tree.flatten(opt, is_leaf=is_reseedable)
        after = jax.tree.leaves(touched, is_leaf=is_reseedable)
        kept = [new if is_reseedable(old) else old for old, new in zip(nodes, after, strict=True)]
        rule = self.rule.init(NetworkReader(self.make_network).network(drawn), for_rule)
        params = optax.apply_updates(params, updates)
        return LearnerState(params, buffers, rule, jax.tree.unflatten(structure, kept), {})

    def network(self, state: LearnerState) -> Any:
        """The network with the state's parameters."""
        return NetworkReader(self.make_network).network((state.params, state.buffers))

    def learn(self, state: LearnerState, batch: Batch, key: Key[Array, ""]) -> tuple[LearnerState, dict[str, Array]]:
        """One update."""
        credit = self.rule(self.network(state), batch, state.rule, key)
        passed = {name: credit.signals[name] for name in self.signals}
        updates, opt = self.transform.update(credit.direction, state.opt, state.params, **passed, **state.extra)
        params = optax.apply_updates(state.params, updates)
        return LearnerState(params, state.buffers, credit.state, opt, state.extra), {"loss": credit.loss}

    def predict(self, state: LearnerState, inputs: Float[Array, "rows ..."]) -> Float[Array, "rows outputs"]:
        """Outputs for inputs."""
        return jax.vmap(self.network(state))(inputs)

    def reading(self, state: LearnerState) -> tuple[Learner | NetworkReader, PyTree]:
        """The network alone, unless a subclass predicts in another way."""
        if type(self).predict is not GradientLearner.predict:
            return self, state
        return NetworkReader(self.make_network), (state.params, state.buffers)

    def begin_task(self, state: LearnerState, task: Task, index: Int[Array, ""]) -> LearnerState:
        """Tell every :class:`TaskAware` node of the rule's and the transform's state that a new task begins."""

        def tell(node: Any) -> Any:
            return node.begin_task(task, index) if isinstance(node, TaskAware) else node

        rule, opt = jax.tree.map(tell, (state.rule, state.opt), is_leaf=lambda node: isinstance(node, TaskAware))
        return state._replace(rule=rule, opt=opt)


@lightly
def _drawn(reader: NetworkReader, keys: Key[Array, " seeds"]) -> tuple[Parameters, PyTree]:
    return jax.vmap(lambda key: reader.draw(jax.random.split(key, 3)[0]))(keys)


@lightly
def _started(learner: GradientLearner, drawn: tuple[Parameters, PyTree], keys: Key[Array, " seeds"]) -> LearnerState:
    return jax.vmap(learner._started)(drawn, keys)
