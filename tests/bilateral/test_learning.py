"""Routed credit, the chain, and training: symmetry, precision, compilations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from symplast.bilateral import (
    DOMINANT,
    LESIONS,
    MODELS,
    NON_DOMINANT,
    Bilateral,
    ControlledArm,
    MotorLoss,
    Routed,
    TwoLinkArm,
    Unilateral,
    clip_each,
    learner_of,
    lesions,
    metrics_of,
    motor_adam,
    move,
    networks_of,
    reach,
)
from symplast.bilateral.rollout import check_finite
from symplast.lab.jax_setup import CompileClock
from symplast.learning import Batch, GradientLearner, begin, train

STEPS = 6
TASK = reach(32, 8, key=jax.random.key(0))
BATCH = Batch(TASK.inputs[:8], TASK.targets[:8])
KEY = jax.random.key(1)


class Point:
    """A point mass pulled by two forces, with nothing but the four methods of an arm."""

    def start(self, q):
        return jnp.concatenate([q, jnp.zeros_like(q)])

    def step(self, state, u, load):
        force = 4 * (u - 0.5) + load
        return jnp.concatenate([state[:2] + 0.1 * state[2:], state[2:] + force])

    def hand(self, state):
        return state

    def senses(self, state):
        return state


POINT = Point()


@eqx.filter_jit
def credited(rule, network, batch):
    return rule(network, batch, rule.init(network, KEY), KEY)


def small(model, **options):
    return learner_of(model, units=4, layers=2, steps=STEPS, **options)


@pytest.fixture(scope="module")
def trained():
    """Two seeds of the specialised controller after a few updates."""
    learner = small("specialised+CC")
    training, history = train(learner, TASK, begin(learner, KEY, 2), 2, 8)
    return learner, training, history


def test_models_share_two_programs(trained):
    """Another routing, exchange, learning rate or loss weight compiles nothing new."""
    with CompileClock() as clock:
        for model in ("neutral", "specialised", "neutral+CC"):
            learner = small(model, rate=1e-3, losses={"D": MotorLoss(pos_l1=1.0), "N": MotorLoss(effort=1.0)})
            train(learner, TASK, begin(learner, KEY, 2), 1, 8)
    assert clock.count == 0


def test_lesions_share_one_program(trained):
    learner, training, _ = trained
    network = networks_of(learner, training.states)[0]
    move(network, TASK.test_inputs, "intact")
    with CompileClock() as clock:
        ends = [metrics_of(network, TASK, name)["dist_end"] for name in LESIONS]
    assert clock.count == 0
    assert np.isfinite(ends).all()


def test_lesion_tables(trained):
    learner, training, _ = trained
    table = lesions(learner, training.states, TASK, ["lowleft", "cc"])
    assert set(table.lesion) == {"intact", "lowleft", "cc"}
    whole = table[(table.lesion == "intact") & (table.metric == "effort")].iloc[0]
    assert (whole.difference, whole.difference_low, whole.difference_high) == (0, 0, 0)
    assert (table["low"] <= table["mean"]).all()
    with pytest.raises(ValueError, match="lesion must be one of intact"):
        lesions(learner, training.states, TASK, ["all"])


def test_swapping_hemispheres_and_routes_gives_the_same_training(trained):
    """After any number of updates, up to rounding."""
    learner, training, _ = trained
    routes = {"left": {"N": 1}, "right": {"D": 1}, "": {"D": 0.5, "N": 0.5}}
    mirrored = GradientLearner(learner.make_network, Routed(routes=routes), motor_adam())
    start = begin(mirrored, KEY, 2)
    other = eqx.tree_at(lambda t: t.states.params.controller, start, start.states.params.controller.swapped())
    other, _ = train(mirrored, TASK, other, 2, 8)
    one, two = (networks_of(which, t.states)[0] for which, t in ((learner, training), (mirrored, other)))
    assert np.allclose(move(one, TASK.test_inputs).u, move(two, TASK.test_inputs).u, atol=2e-4)


def test_routes_say_who_learns_what():
    """Each part's direction is that of its own loss; the shared part's the mean of both."""
    network = ControlledArm(Bilateral(4, 1, key=KEY, inputs=6, outputs=2), POINT, steps=STEPS)

    def directions(routes):
        rule = Routed({"D": DOMINANT, "N": NON_DOMINANT}, routes).for_network(network)
        return credited(rule, network, BATCH).direction.controller

    mixed = directions({"left": {"D": 1}, "right": {"N": 1}, "": {"D": 0.5, "N": 0.5}})
    only = {name: directions({"": {name: 1}}) for name in ("D", "N")}
    assert np.allclose(mixed.left[0].kernel, only["D"].left[0].kernel, rtol=1e-4, atol=1e-7)
    assert np.allclose(mixed.right[0].bias, only["N"].right[0].bias, rtol=1e-4, atol=1e-7)
    shared = (only["D"].output.kernel + only["N"].output.kernel) / 2
    assert np.allclose(mixed.output.kernel, shared, rtol=1e-4, atol=1e-7)


def test_routed_is_the_gradient():
    """Against plain automatic differentiation through the loop; test_reference.py has the gradient through the arm."""
    with jax.enable_x64(True):
        network = ControlledArm(Unilateral(4, 1, key=KEY, inputs=6, outputs=2), POINT, steps=STEPS)
        trials = jnp.asarray(np.asarray(TASK.inputs[:4]), float)
        loss = MotorLoss(pos_l1=1.0, pos_sq=1.0, effort=1.0, hidden=0.3)

        @eqx.filter_jit
        @eqx.filter_value_and_grad
        def plainly(network):
            arm, goal = network.arm, trials[:, 2:4].T

            def step(state, _):
                u, hidden = network.controller(jnp.concatenate([arm.senses(state), goal]))
                state = arm.step(state, u, trials[:, 4:].T)
                return state, (arm.hand(state)[:2], u, hidden)

            _, (hand, u, hidden) = jax.lax.scan(step, arm.start(trials[:, :2].T), None, STEPS)
            found = network.trajectory(trials)._replace(hand=hand, u=u, hidden=hidden)
            return loss(found, trials[:, 2:4])

        value, expected = plainly(network)
        rule = Routed({"A": loss}, {"": {"A": 1}}).for_network(network)
        credit = credited(rule, network, Batch(trials, trials[:, 2:4]))
        for one, other in zip(jax.tree.leaves(credit.direction), jax.tree.leaves(expected), strict=True):
            assert np.allclose(one, other, rtol=1e-8, atol=1e-12)
        assert float(credit.loss) == pytest.approx(float(value))


@pytest.mark.parametrize("options", [{"through_senses": False}, {"feedback": "fixed"}])
def test_other_credit(options):
    """It differs from the gradient, but not at the output of a single step's loss on excitations."""
    network = ControlledArm(Unilateral(4, 1, key=KEY, inputs=6, outputs=2), POINT, steps=STEPS)
    losses = {"A": MotorLoss(pos_sq=1.0)}
    found = []
    for own in ({}, options):
        rule = Routed(losses, {"": {"A": 1}}, **own).for_network(network)
        found.append(credited(rule, network, BATCH))
    assert float(found[0].loss) == pytest.approx(float(found[1].loss), rel=1e-6)
    one, other = (np.asarray(each.direction.weights[0]) for each in found)
    assert np.isfinite(other).all()
    assert not np.allclose(one, other, rtol=1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: learner_of("D+CC"), "model must be one of D, N, S"),
        (lambda: Routed(routes={"": {"E": 1}}), "routes must name losses"),
        (lambda: Routed(routes={}), "losses and routes must have at least one entry"),
        (lambda: Routed(feedback="random"), "feedback must be exact or fixed"),
        (lambda: Routed(through_senses=1), "through_senses must be true or false"),
        (
            lambda: Routed().for_network(Unilateral(4, 1, key=KEY)),
            "no parameter is on route left; the network has layers",
        ),
        (
            lambda: Routed(routes={"left": {"D": 1}}).for_network(Bilateral(4, 1, key=KEY)),
            "no route for parameter right",
        ),
        (lambda: MotorLoss(pos_l1=-1), "pos_l1 must be a number of at least 0"),
        (lambda: MotorLoss(variant="mine"), "variant must be one of intended, as_published"),
        (lambda: clip_each(0), "norm must be positive"),
        (lambda: motor_adam(-1), "learning_rate must be a positive number"),
        (lambda: ControlledArm(Unilateral(4, 1, key=KEY)).trajectory(jnp.ones((3, 4))), "trials must have six columns"),
        (lambda: move(ControlledArm(Unilateral(4, 1, key=KEY)), TASK.test_inputs, "cc"), "lesion must be intact for"),
    ],
)
def test_wrong_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_clip_each_is_by_tensor():
    tree = {"a": jnp.array([3.0, 4.0]), "b": jnp.array([0.3, 0.4])}
    clipped, _ = clip_each(1.0).update(tree, ())
    assert float(jnp.linalg.norm(clipped["a"])) == pytest.approx(1)
    assert clipped["b"].tolist() == tree["b"].tolist()


def test_mixing_weights_stay_at_least_zero():
    chain = motor_adam(0.3)
    network = eqx.filter(Bilateral(4, 1, key=KEY), eqx.is_inexact_array)
    state = chain.init(network)
    up, update = jax.tree.map(jnp.ones_like, network), jax.jit(chain.update)
    for _ in range(4):
        change, state = update(up, state, network)
        network = optax.apply_updates(network, change)
    assert [float(w) for w in network.mixing] == [0.0, 0.0]
    assert float(network.output.bias.min()) < 0


def test_numbers_that_are_none_are_named():
    network = ControlledArm(Unilateral(4, 1, key=KEY), steps=STEPS)
    found = network.trajectory(TASK.test_inputs)
    check_finite(found)
    muscle = np.array(found.muscle)
    muscle[3, -1, 2, 5] = np.nan
    names = tuple(muscle.name for muscle in TwoLinkArm().muscles)
    with pytest.raises(FloatingPointError, match="force of muscle brachioradialis is not finite at step 4 of trial 6"):
        check_finite(found._replace(muscle=muscle), names)


def test_neutral_is_the_mean_of_both():
    routes = MODELS["neutral"].routes
    assert all(route == {"D": 0.5, "N": 0.5} for route in routes.values())


def test_any_arm_will_do():
    network = ControlledArm(Bilateral(4, 1, key=KEY, inputs=6, outputs=2), POINT, steps=STEPS)
    found = network.trajectory(TASK.inputs[:3])
    assert found.hand.shape == (STEPS, 2, 3)
    assert found.muscle is None
    rule = Routed().for_network(network)
    credit = credited(rule, network, BATCH)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(credit.direction))
