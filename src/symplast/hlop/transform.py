"""Hebbian orthogonal projection as an optax transform: any credit rule, any network, weights projected leaf by leaf."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Int, Key, PyTree

from symplast.hlop.arguments import check_room
from symplast.hlop.circuit import TOO_LONG, Circuit, OjaRule, learn, oja_rule, orthogonal, orthonormalised, random_bases
from symplast.stats.arguments import check_count

Share = float | Sequence[int]


class ProjectionState(eqx.Module):
    """Circuits behind the weights; told of each task by the learner.

    Attributes:
        circuits: one a projected leaf in the order of ``jax.tree.leaves``, None for the others.
        first, new: rows of each circuit in the first task and in each later one.
        tasks: how many there is room for; ``task`` is the number of the present one.
        batches: (leaves,) from which each circuit has learned since the task began; one that never does (its weights
            have no presynaptic signal) protects nothing.
        key: of new rows.
    """

    circuits: tuple[Circuit | None, ...]
    task: Int[Array, ""]
    batches: Int[Array, " leaves"]
    key: Key[Array, ""]
    first: tuple[int, ...] = eqx.field(static=True)
    new: tuple[int, ...] = eqx.field(static=True)
    tasks: int = eqx.field(static=True)
    exact: bool = eqx.field(static=True)

    def reseed(self, key: Key[Array, ""]) -> "ProjectionState":
        """The same, with other new rows."""
        return self._with(self._drawn(key, self.circuits, self.task), self.task, key)

    def begin_task(self, task: Any, index: Int[Array, ""]) -> "ProjectionState":
        """Merge what was learned and draw new rows; nothing happens at the first task.

        Raises:
            RuntimeError: more tasks than there is room for, circuits that saw no activity, or rows that diverged.
        """
        index = jnp.asarray(index, jnp.int32)
        index = eqx.error_if(
            index,
            (index > 0) & jnp.all(self.batches == 0),
            "hlop: the circuits saw no activity in the last task, so nothing would be protected; give the learner "
            "signals=('pre',), or call update(grads, state, params, pre=...)",
        )
        index = eqx.error_if(index, index >= self.tasks, f"hlop: there is room for tasks={self.tasks} only")
        longest = [jnp.max(jnp.linalg.norm(c.new, axis=1), initial=0.0) for c in self.circuits if c is not None]
        index = eqx.error_if(
            index,
            ~jnp.all(jnp.stack(longest) < TOO_LONG),  # NaN is not
            "hlop: lateral rows have diverged (their norm should be 1); lower lr, well below 1 over the largest "
            "eigenvalue of E[x x^T] of the presynaptic activity, or scale the activity down",
        )
        merged = tuple(
            None if c is None else self._merged(c, k, n, index, seen > 0)
            for c, k, n, seen in zip(self.circuits, self.first, self.new, self.batches, strict=True)
        )
        renewed = self._drawn(self.key, merged, index)
        after = self._with(renewed, index, self.key)
        return jax.tree.map(lambda a, b: jnp.where(index > 0, a, b), after, self)

    def _merged(
        self, circuit: Circuit, first: int, new: int, index: Int[Array, ""], learned: Bool[Array, ""]
    ) -> Circuit:
        """Old rows with the learned ones behind them; index is the task that begins."""
        place = jnp.where(index > 1, first + (index - 2) * new, 0)
        width = circuit.old.shape[1]
        roomy = jnp.concatenate([circuit.old, jnp.zeros((len(circuit.new), width), circuit.old.dtype)])
        rows = jax.lax.dynamic_update_slice(roomy, circuit.new * learned, (place, jnp.zeros((), place.dtype)))
        rows = rows[: len(circuit.old)]
        return circuit._replace(old=orthonormalised(rows) if self.exact else rows)

    def _drawn(
        self, key: Key[Array, ""], circuits: tuple[Circuit | None, ...], task: Int[Array, ""]
    ) -> tuple[Circuit | None, ...]:
        key = jax.random.fold_in(key, task)
        real = [number for number, circuit in enumerate(circuits) if circuit is not None]
        bases = dict(zip(real, random_bases(key, [_shape(c) for c in circuits if c is not None]), strict=True))
        counts = [jnp.where(task == 0, first, new) for first, new in zip(self.first, self.new, strict=True)]
        made: list[Circuit | None] = []
        for number, circuit in enumerate(circuits):
            if circuit is None:
                made.append(None)
                continue
            there = jnp.arange(len(circuit.new)) < counts[number]
            made.append(Circuit.begin(circuit.old, bases[number] * there[:, None]))
        return tuple(made)

    def _with(
        self, circuits: tuple[Circuit | None, ...], task: Int[Array, ""], key: Key[Array, ""]
    ) -> "ProjectionState":
        batches = jnp.zeros_like(self.batches)
        return ProjectionState(circuits, task, batches, key, self.first, self.new, self.tasks, self.exact)


def project(
    *,
    first: Share = 0.4,
    new: Share = 0.1,
    tasks: int = 5,
    lr: float = 0.01,
    momentum: float = 0.9,
    iterations: int = 5,
    exact: bool = False,
    freeze: bool = True,
    layers: str = "all",
    key: Key[Array, ""] | None = None,
) -> optax.GradientTransformationExtraArgs:
    """Project weight changes off what earlier tasks used: ``g <- g (I - H_old^T H_old)``.

    Each weight matrix has a lateral circuit that learns the principal subspace of its presynaptic activity, the signal
    ``pre``. A kernel (post, pre, ...) counts as the matrix (post, pre * ...) and its activity are :func:`patches`. The
    learner says when a new task begins (:func:`symplast.learning.train_sequence`); without it, call
    :meth:`ProjectionState.begin_task`.

    Chain it after sign patterns and before the optimiser. Plain gradient descent keeps the projection exact. Momentum
    carries directions over from the last task, and Adam turns directions, so both leave the projected space.

    Args:
        first, new: lateral neurons in the first and in each later task: a share of each matrix's inputs (at least one
            where it is not 0), or a list with one number a matrix.
        tasks: how many there is room for.
        lr, momentum, iterations: of the circuits, as for :class:`OjaRule`.
        exact: make merged rows orthonormal.
        freeze: leaves of fewer than two dimensions (biases) change in the first task only.
        layers: ``all`` matrices, or ``hidden``, all but the last of ``params.weights``.
        key: of the first rows; the learner draws others for each seed.

    Returns:
        The transform. Its update takes ``pre``, a tree like the parameters with (rows, fan_in) at each projected
        weight.

    Raises:
        ValueError: shares outside [0, 1], rows that don't fit, an unknown word; at ``init``, no matrices; at
            ``update``, activity of another width.

    Example:
        >>> rule = project(first=[1], new=[1], tasks=2)
        >>> weights = {"w": jnp.zeros((1, 2))}
        >>> state = rule.init(weights)
        >>> _, state = rule.update(weights, state, pre={"w": jnp.array([[0.6, 0.8]])})
        >>> state = eqx.tree_at(lambda s: s.circuits[0].new, state, jnp.array([[0.6, 0.8]]))  # as if fully learned
        >>> changes, _ = rule.update({"w": jnp.array([[2.0, 0.0]])}, state.begin_task(None, jnp.int32(1)))
        >>> print(changes["w"].round(4))
        [[ 1.28 -0.96]]
    """
    tasks, rule = check_count(tasks, "tasks"), oja_rule(lr, momentum, iterations, None)
    if layers not in ("all", "hidden"):
        raise ValueError(f"layers must be all or hidden, got {layers!r}")
    for name, share in (("first", first), ("new", new)):
        if isinstance(share, int | float) and not 0 <= share <= 1:
            raise ValueError(
                f"{name} must be a share in [0, 1] of each matrix's inputs, or a list of numbers; got {share}"
            )

    def init(params: PyTree) -> ProjectionState:
        leaves = jax.tree.leaves(params)
        chosen = _chosen(params, leaves, layers)
        if not chosen:
            raise ValueError("params must hold weight matrices (post, pre); there is none")
        counts = []
        for name, share in (("first", first), ("new", new)):
            counts.append(_counts(share, name, [_fan_in(leaves[place]) for place in chosen]))
        circuits: list[Circuit | None] = [None] * len(leaves)
        at_first, at_new = [0] * len(leaves), [0] * len(leaves)
        for place, k, n in zip(chosen, *counts, strict=True):
            width = _fan_in(leaves[place])
            check_room(k + n * (tasks - 1), width, f"first and new over tasks={tasks}")
            at_first[place], at_new[place] = k, n
            old = jnp.zeros((k + n * max(tasks - 2, 0), width))
            circuits[place] = Circuit.begin(old, jnp.zeros((max(k, n), width)))
        zero, none = jnp.zeros((), jnp.int32), jnp.zeros(len(leaves), jnp.int32)
        seed = jax.random.key(0) if key is None else key
        state = ProjectionState(tuple(circuits), zero, none, seed, tuple(at_first), tuple(at_new), tasks, exact)
        return state.reseed(seed)

    def update(
        updates: PyTree, state: ProjectionState, params: PyTree | None = None, *, pre: PyTree | None = None, **_: Any
    ) -> tuple[PyTree, ProjectionState]:
        leaves, structure = jax.tree.flatten(updates)
        later = state.task > 0
        changed = []
        for leaf, circuit in zip(leaves, state.circuits, strict=True):
            if circuit is not None:
                changed.append(orthogonal(leaf.reshape(len(leaf), -1), circuit.old).reshape(leaf.shape))
            else:
                changed.append(jnp.where(later, 0.0, leaf) if freeze and leaf.ndim < 2 else leaf)
        if pre is not None:
            state = _learned(state, structure.flatten_up_to(pre), rule)  # type: ignore[attr-defined]
        return jax.tree.unflatten(structure, changed), state

    return optax.GradientTransformationExtraArgs(init, update)


def wrap(optimizer: optax.GradientTransformation, **settings: Any) -> optax.GradientTransformationExtraArgs:
    """An optimiser behind the projection: the easiest hook for a model of one's own.

    Args:
        optimizer: any optax transform; plain gradient descent keeps the projection exact.
        **settings: of :func:`project`.

    Returns:
        ``optax.chain(project(**settings), optimizer)``; pass ``pre`` to its update.
    """
    return optax.chain(project(**settings), optimizer)


def _learned(state: ProjectionState, activity: list[Any], rule: OjaRule) -> ProjectionState:
    pairs = list(zip(state.circuits, activity, strict=True))
    if all(circuit is None or rows is None for circuit, rows in pairs):
        raise ValueError("pre must hold the presynaptic activity (rows, fan_in) of at least one projected weight")
    for circuit, rows in pairs:
        if circuit is not None and rows is not None and (rows.ndim != 2 or rows.shape[1] != circuit.new.shape[1]):
            raise ValueError(
                f"pre must hold (rows, {circuit.new.shape[1]}) at a weight with so many inputs, got {rows.shape}"
            )
    circuits = [c if c is None or rows is None else learn(c, jax.lax.stop_gradient(rows), rule) for c, rows in pairs]
    seen = jnp.array([rows is not None for _, rows in pairs], jnp.int32)
    changed: Callable[[ProjectionState], Any] = lambda s: (s.circuits, s.batches)  # noqa: E731
    return eqx.tree_at(changed, state, (tuple(circuits), state.batches + seen))


def _chosen(params: PyTree, leaves: list[Array], layers: str) -> list[int]:
    """Places of the projected matrices among the leaves."""
    places = [place for place, leaf in enumerate(leaves) if leaf.ndim >= 2]
    forward = getattr(params, "weights", None)
    if layers == "hidden":
        last = forward[-1] if isinstance(forward, tuple) and forward else leaves[places[-1]]
        places = [place for place in places if leaves[place] is not last]
    return places


def _fan_in(leaf: Array) -> int:
    return math.prod(leaf.shape[1:])


def _counts(share: Share, name: str, widths: list[int]) -> list[int]:
    if isinstance(share, int | float):
        return [max(int(share * width), 1 if share else 0) for width in widths]
    if len(share) != len(widths):
        raise ValueError(f"{name} must list one number for each of the {len(widths)} matrices, got {len(share)}")
    return [check_count(rows, name, 0) for rows in share]


def _shape(circuit: Circuit) -> tuple[int, int]:
    rows, features = circuit.new.shape
    return rows, features
