"""The protocol that makes learning systems compose.

Credit rules say which way each weight should go, optax transforms how the synapse takes it, learners join both.
"""

import abc
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias, runtime_checkable

import equinox as eqx
import jax
from jaxtyping import Array, Float, Int, Key, PyTree

Parameters: TypeAlias = PyTree
"""The trainable leaves of a network, ``eqx.filter(network, eqx.is_inexact_array)``; weights are ``[post, pre]``."""


class Batch(NamedTuple):
    """Examples to learn from.

    Attributes:
        inputs: (rows, ...) one input a row.
        targets: (rows,) class indices, or (rows, outputs) values.
    """

    inputs: Float[Array, "rows ..."]
    targets: Int[Array, " rows"] | Float[Array, "rows outputs"]


class Credit(NamedTuple):
    """What a credit rule says about one batch.

    Attributes:
        direction: change that would *raise* the loss (gradient sign: optax minimises), with the structure of the
            parameters.
        loss: mean loss of the batch.
        state: the rule's state after the batch.
        signals: name -> tree with the structure of the parameters, holding an array at each weight that has the signal
            and None elsewhere: ``"pre"`` is ``(rows, fan_in)``, ``"post"`` is ``(rows, fan_out)``.
    """

    direction: Parameters
    loss: Float[Array, ""]
    state: PyTree = None
    signals: Mapping[str, PyTree] = {}


class CreditRule(eqx.Module):
    """Says which way each weight should go.

    A rule is a frozen set of settings; what it learns is in its state. ``needs`` names the attributes that the network
    must have, ``offers`` the signals that the rule can give.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    offers: ClassVar[tuple[str, ...]] = ()

    def init(self, network: Any, key: Key[Array, ""]) -> PyTree:
        """The rule's first state for a network; none by default."""
        return None

    def for_network(self, network: Any) -> "CreditRule":
        """The rule as it works on a network; itself by default.

        Settings that only the rule's state needs may become arrays here, so that rules that differ in them share one
        compiled program.
        """
        return self

    @abc.abstractmethod
    def __call__(self, network: Any, batch: Batch, state: PyTree, key: Key[Array, ""]) -> Credit:
        """Credit for one batch; pure, so that it can be jitted and vmapped."""


@runtime_checkable
class Reseedable(Protocol):
    """A node of an optimiser's state that holds random state.

    optax's ``init(params)`` takes no key, so a transform starts with a constant seed; the learner then reseeds each
    such node with a key of its own.
    """

    def reseed(self, key: Key[Array, ""]) -> "Reseedable":
        """The node with fresh random state."""


@runtime_checkable
class TaskAware(Protocol):
    """A node of an optimiser's state that changes when a sequence of tasks goes on to the next one."""

    def begin_task(self, task: Any, index: Int[Array, ""]) -> "TaskAware":
        """The node at the beginning of task number ``index``; arrays keep their shapes."""


def is_reseedable(node: Any) -> bool:
    """Whether a node of a tree holds random state."""
    return isinstance(node, Reseedable)


def reseed(state: PyTree, key: Key[Array, ""]) -> PyTree:
    """Give every :class:`Reseedable` node of a tree a key of its own."""
    nodes, structure = jax.tree.flatten(state, is_leaf=is_reseedable)
    renewed = [
        node.reseed(jax.random.fold_in(key, index)) if is_reseedable(node) else node for index, node in enumerate(nodes)
    ]
    return jax.tree.unflatten(structure, renewed)


def check_fit(rule: CreditRule, network: eqx.Module, signals: tuple[str, ...]) -> None:
    """Raise ValueError where a rule can't work on a network or can't give the signals asked for."""
    name, kind = type(rule).__name__, type(network).__name__
    lacking = [need for need in rule.needs if not hasattr(network, need)]
    if lacking:
        raise ValueError(
            f"{name} needs a network with {', '.join(lacking)}; {kind} has none. Choose another network or rule"
        )
    unknown = [signal for signal in signals if signal not in rule.offers]
    if unknown:
        offered = ", ".join(rule.offers) or "none"
        raise ValueError(f"signals must be among those that {name} offers ({offered}); got {', '.join(unknown)}")
