"""Training runs that differ in angle or homeostasis, side by side in one compiled program, and what is watched."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from symplast.equilibrium.arguments import as_rows
from symplast.equilibrium.linear_response import adjoint, response
from symplast.equilibrium.operating_point import linearised
from symplast.equilibrium.rules import SettlingRule
from symplast.equilibrium.settling import TOLERANCE, relax, relaxation_of
from symplast.learning.learner import GradientLearner
from symplast.learning.recurrent import LayeredNet, Relaxation
from symplast.learning.tasks import Task
from symplast.learning.training import Training, begin, train

WATCHED = 200
"""Test images on which error vectors are compared."""

CALM = Relaxation(240, damping=0.5)
"""How states are found for comparisons: damped, so that no cycle of two is taken for a fixed point."""


class Lane(NamedTuple):
    """What sets one group of seeds apart.

    Attributes:
        angle_deg: between forward and feedback weights at the start.
        norm, trace: strengths of the halves of the homeostatic loss.
    """

    angle_deg: float = 90.0
    norm: float = 0.0
    trace: float = 0.0


class LaneHistory(NamedTuple):
    """What was watched, lanes and seeds apart.

    Attributes:
        accuracy: (epochs, lanes, seeds) on the test images, %.
        cosine: (epochs + 1, lanes, seeds, layers) of EP's and backprop's error vectors, mean over images that settle.
        symmetry: (epochs + 1, lanes, seeds) of the Jacobian with the activation left out, over ten images.
        angle: (epochs + 1, lanes, seeds) between forward and feedback weights, degrees.
        unsettled: (epochs + 1, lanes, seeds) share of test images whose free state has a residual above the tolerance
            after the network's own steps.
        train_unsettled: (lanes, seeds) the same over all training batches.
    """

    accuracy: Float[np.ndarray, "epochs lanes seeds"]
    cosine: Float[np.ndarray, "tests lanes seeds layers"]
    symmetry: Float[np.ndarray, "tests lanes seeds"]
    angle: Float[np.ndarray, "tests lanes seeds"]
    unsettled: Float[np.ndarray, "tests lanes seeds"]
    train_unsettled: Float[np.ndarray, "lanes seeds"]


class Watched(NamedTuple):
    """The diagnostics of one network; fields as in :class:`LaneHistory`."""

    cosine: Float[Array, " layers"]
    symmetry: Float[Array, ""]
    angle: Float[Array, ""]
    unsettled: Float[Array, ""]


def layered_learner(
    sizes: Sequence[int],
    rule: SettlingRule,
    optimiser: optax.GradientTransformation,
    *,
    topology: str = "chain",
    relaxation: Relaxation | None = None,
) -> GradientLearner:
    """A learner whose networks start with independent feedback weights; lanes turn them."""

    def make_network(key: Key[Array, ""]) -> LayeredNet:
        return LayeredNet(sizes, key=key, topology=topology, angle_deg=90.0, relaxation=relaxation)

    return GradientLearner(make_network, rule, optimiser)


def begin_lanes(learner: GradientLearner, lanes: Sequence[Lane], key: Key[Array, ""], seeds: int) -> Training:
    """The same seeds once for each lane; seed by seed they share forward weights and the order of the examples."""
    start = begin(learner, key, seeds)

    def side_by_side(*leaves: Array) -> Array:
        return jnp.concatenate(leaves) if leaves[0].ndim else leaves[0]

    return jax.tree.map(side_by_side, *(_turned(start, lane) for lane in lanes))


def _turned(start: Training, lane: Lane) -> Training:
    params, rule = start.states.params, start.states.rule
    cos, sin = np.cos(np.deg2rad(lane.angle_deg)), np.sin(np.deg2rad(lane.angle_deg))
    feedback = list(params.feedback)
    for i, j in params.pairs:
        feedback[j] = sin * feedback[j] + cos * params.weights[i].mT
    rule = rule._replace(norm=jnp.full_like(rule.norm, lane.norm), trace=jnp.full_like(rule.trace, lane.trace))
    turned = eqx.tree_at(lambda net: net.feedback, params, tuple(feedback))
    return Training(start.states._replace(params=turned, rule=rule), start.keys, start.epoch)


def train_lanes(
    learner: GradientLearner,
    task: Task,
    lanes: Sequence[Lane],
    key: Key[Array, ""],
    *,
    seeds: int,
    epochs: int,
    batch_size: int = 50,
) -> LaneHistory:
    """Train every lane's seeds and watch them after each epoch."""
    shape = len(lanes), seeds
    training = begin_lanes(learner, lanes, key, seeds)
    watched, accuracy = [_watch_all(learner, task, training)], []
    for _ in range(epochs):
        training, history = train(learner, task, training, 1, batch_size, tests_per_epoch=1)
        accuracy.append(100 * np.asarray(history.score[-1]).reshape(shape))
        watched.append(_watch_all(learner, task, training))
    rule = training.states.rule
    fields = {
        name: np.stack([np.asarray(getattr(w, name)) for w in watched]).reshape(epochs + 1, *shape, *extra)
        for name, extra in (("cosine", (-1,)), ("symmetry", ()), ("angle", ()), ("unsettled", ()))
    }
    share = np.asarray(rule.free_unsettled / jnp.maximum(rule.batches, 1)).reshape(shape)
    return LaneHistory(np.array(accuracy).reshape(epochs, *shape), **fields, train_unsettled=share)


@eqx.filter_jit
def _watch_all(learner: GradientLearner, task: Task, training: Training) -> Watched:
    return jax.vmap(lambda state: watch(learner.network(state), task.test_inputs, task.test_targets))(training.states)


def watch(network: LayeredNet, x: Float[Array, "rows inputs"], y: Any) -> Watched:
    """Compare EP's and backprop's error vectors layer by layer, and measure symmetry; pure.

    The cosine of a layer is taken for each of the first ``WATCHED`` examples and averaged over those that settle.
    """
    own = relaxation_of(network)
    whole = network.drive(x)
    free = relax(lambda u: network.step(u, whole, None, own), network.rest(x), own)
    few, targets = x[:WATCHED], as_rows(network, x[:WATCHED], y[:WATCHED])
    drive = network.drive(few)
    calm = relax(lambda u: network.step(u, drive, None, CALM), network.rest(few), CALM)
    eps, _ = response(network, calm.u, drive, targets, CALM)
    delta, _ = adjoint(network, calm.u, drive, targets, CALM)

    def mean_cosine(a: Array, b: Array) -> Array:
        cosine = jnp.sum(a * b, axis=1) / jnp.sqrt(jnp.sum(a**2, axis=1) * jnp.sum(b**2, axis=1))
        counted = calm.converged & jnp.isfinite(cosine)
        return jnp.sum(jnp.where(counted, cosine, 0)) / jnp.sum(counted)

    cosines = jnp.stack([mean_cosine(a, b) for a, b in zip(eps, delta, strict=True)])
    ten = jax.tree.map(lambda leaf: leaf[:10], calm.u)
    symmetry = linearised(network, few[:10], targets[:10], ten).symmetry(bypassed=True).mean()
    angle = network.weight_angle()
    return Watched(cosines, symmetry, angle, jnp.mean(~(free.residual <= TOLERANCE)))
