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
from symplast.equilibrium.homeostasis import layered_symmetry
from symplast.equilibrium.linear_response import adjoint, response
from symplast.equilibrium.rules import SettlingRule
from symplast.equilibrium.settling import TOLERANCE, relax, relaxation_of
from symplast.learning.compiling import lightly
from symplast.learning.learner import GradientLearner
from symplast.learning.recurrent import LayeredNet, Relaxation
from symplast.learning.tasks import Task
from symplast.learning.training import Training, begin, train

WATCHED = 100
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


class Watched(NamedTuple):
    """How EP's error vectors and weights stand to each other.

    Attributes:
        cosine: (layers,) of EP's and backprop's error vectors, mean over images that settle.
        symmetry: of the Jacobian with the activation left out.
        angle: between forward and feedback weights, degrees.
    """

    cosine: Float[Any, "*stack layers"]
    symmetry: Float[Any, "*stack"]
    angle: Float[Any, "*stack"]


class Tested(NamedTuple):
    """How well test images are answered.

    Attributes:
        accuracy: %.
        unsettled: share of test images whose free state has a residual above the tolerance after the network's own
            steps.
    """

    accuracy: Float[Any, "*stack"]
    unsettled: Float[Any, "*stack"]


class LaneHistory(NamedTuple):
    """What was tested and watched, lanes and seeds apart.

    Attributes:
        tested: fields (times, lanes, seeds); empty where nothing was tested.
        watched: fields (times, lanes, seeds), the cosine with layers last; empty where nothing was watched.
        train_unsettled: (lanes, seeds) share of unsettled free states over all training batches.
    """

    tested: Tested
    watched: Watched
    train_unsettled: Float[np.ndarray, "lanes seeds"]


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
    turns = np.deg2rad([lane.angle_deg for lane in lanes])
    settings = np.cos(turns), np.sin(turns), [lane.norm for lane in lanes], [lane.trace for lane in lanes]
    return _turned(learner, key, seeds, jnp.asarray(np.array(settings).T, float))


@lightly
def _turned(learner: GradientLearner, key: Key[Array, ""], seeds: int, lanes: Float[Array, "lanes 4"]) -> Training:
    start = begin(learner, key, seeds)

    def lane(setting: Float[Array, "4"]) -> tuple[Any, Array]:
        params, rule = start.states.params, start.states.rule
        cos, sin, norm, trace = setting
        feedback = list(params.feedback)
        for i, j in params.pairs:
            feedback[j] = sin * feedback[j] + cos * params.weights[i].mT
        rule = rule._replace(norm=jnp.full_like(rule.norm, norm), trace=jnp.full_like(rule.trace, trace))
        turned = eqx.tree_at(lambda net: net.feedback, params, tuple(feedback))
        return start.states._replace(params=turned, rule=rule), start.keys

    def side_by_side(leaf: Array) -> Array:
        return leaf.reshape(-1, *leaf.shape[2:])

    states, keys = jax.tree.map(side_by_side, jax.vmap(lane)(lanes))
    return Training(states, keys, start.epoch)


def train_lanes(
    learner: GradientLearner,
    task: Task,
    lanes: Sequence[Lane],
    key: Key[Array, ""],
    *,
    seeds: int,
    epochs: int,
    batch_size: int = 50,
    tested: Sequence[int] | None = None,
    watched: Sequence[int] | None = None,
    short: bool = False,
) -> LaneHistory:
    """Train every lane's seeds, test and watch them.

    Args:
        learner: from :func:`layered_learner`.
        task: images.
        lanes: what is compared.
        key: of seeds and order, the same in every lane.
        seeds: of each lane.
        epochs: passes.
        batch_size: images an update.
        tested: after which epochs test images are answered; 0 is before training; None for the end only.
        watched: after which epochs error vectors and weights are compared, in the same way.
        short: compile with little effort, for training that runs for a shorter time than it compiles.
    """
    times: dict[Any, Sequence[int]] = {
        _tested: (epochs,) if tested is None else tested,
        _watched: (epochs,) if watched is None else watched,
    }
    found: dict[Any, list[Any]] = {look: [] for look in times}
    training, done = begin_lanes(learner, lanes, key, seeds), 0
    for epoch in sorted({epochs, *(time for chosen in times.values() for time in chosen)}):
        training, _ = train(learner, task, training, epoch - done, batch_size, short=short)
        done = epoch
        for look, chosen in times.items():
            if epoch in chosen:
                found[look].append(jax.tree.map(np.asarray, look(learner, task, training)))

    def apart(*each: np.ndarray) -> np.ndarray:
        return np.stack([field.reshape(len(lanes), seeds, *field.shape[1:]) for field in each])

    rule = training.states.rule
    share = np.asarray(rule.free_unsettled) / np.maximum(np.asarray(rule.batches), 1)
    none = np.zeros((0, len(lanes), seeds))
    tests = jax.tree.map(apart, *found[_tested]) if found[_tested] else Tested(none, none)
    comparisons = jax.tree.map(apart, *found[_watched]) if found[_watched] else Watched(none[..., None], none, none)
    return LaneHistory(tests, comparisons, share.reshape(len(lanes), seeds))


@eqx.filter_jit
def _tested(learner: GradientLearner, task: Task, training: Training) -> Tested:
    return jax.vmap(lambda state: answers(learner.network(state), task))(training.states)


@lightly
def _watched(learner: GradientLearner, task: Task, training: Training) -> Watched:
    return jax.vmap(lambda state: watch(learner.network(state), task.test_inputs, task.test_targets))(training.states)


def answers(network: LayeredNet, task: Task) -> Tested:
    """Score on the test images, and how many of their free states have not settled; pure."""
    own, drive = relaxation_of(network), network.drive(task.test_inputs)
    free = relax(lambda u: network.step(u, drive, None, own), network.rest(task.test_inputs), own)
    score = task.score(network.output(network.phi(free.u)))
    return Tested(100 * score, jnp.mean(~(free.residual <= TOLERANCE)))


def watch(network: LayeredNet, x: Float[Array, "rows inputs"], y: Any) -> Watched:
    """Compare EP's and backprop's error vectors layer by layer, and measure symmetry; pure.

    The cosine of a layer is taken for each of the first ``WATCHED`` examples and averaged over those that settle.
    """
    few, targets = x[:WATCHED], as_rows(network, x[:WATCHED], y[:WATCHED])
    drive = network.drive(few)
    calm = relax(lambda u: network.step(u, drive, None, CALM), network.rest(few), CALM)
    eps, _ = response(network, calm.u, drive, targets, CALM)
    delta, _ = adjoint(network, calm.u, drive, targets, CALM)

    def mean_cosine(a: Array, b: Array) -> Array:
        a, b = (v / jnp.max(jnp.abs(v), axis=1, keepdims=True) for v in (a, b))  # squares of small errors are 0
        cosine = jnp.sum(a * b, axis=1) / jnp.sqrt(jnp.sum(a**2, axis=1) * jnp.sum(b**2, axis=1))
        counted = calm.converged & jnp.isfinite(cosine)
        return jnp.sum(jnp.where(counted, cosine, 0)) / jnp.sum(counted)

    cosines = jnp.stack([mean_cosine(a, b) for a, b in zip(eps, delta, strict=True)])
    return Watched(cosines, layered_symmetry(network), network.weight_angle())
