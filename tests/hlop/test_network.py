"""Spiking networks: gradients against their definitions, and the three methods against each other."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.hlop import DSRNeuron, LateralSpikes, MultiStepLIF, Protection, SpikingMLP, weighted_rate
from symplast.hlop.circuit import orthogonal, orthonormal_rows
from symplast.hlop.network import FEEDBACK, METHODS, loss_of
from symplast.hlop.spiking_learner import SpikingLearner, plain_sgd
from symplast.learning.protocol import Batch

KEY = jax.random.key(0)
SIZES = (7, 6, 5, 3)
X = jax.random.normal(KEY, (4, 7))
Y = jnp.array([0, 1, 2, 1])
TASK = jnp.int32(0)


def loss(net, protection=Protection(), task=TASK):
    return loss_of(net.forward(X, task, protection).output, Y)


@eqx.filter_jit
def gradient(net, protection=Protection(), task=TASK):
    return jax.grad(loss)(net, protection, task)


def network(method="bptt", feedback="bp", **options):
    net = SpikingMLP(SIZES, method, feedback, key=KEY, **options)
    return eqx.tree_at(lambda n: n.weights, net, tuple(2 * w for w in net.weights))


def test_rates_pass_the_gradient_of_their_window():
    neuron, G = DSRNeuron(0.3), jnp.array([[1.0, 2.0, 3.0, 4.0]]).T
    paid = jax.jit(jax.grad(lambda x, V: jnp.sum(G * DSRNeuron(V)(x)), (0, 1)))
    for drive, inside, above in ((0.0, 0, 0), (1.0, 1, 0), (7.0, 0, 1)):
        grad_x, grad_V = paid(jnp.full((4, 1), drive), jnp.asarray(0.3))
        whole = 4 * weighted_rate(G[:, 0])
        assert np.asarray(grad_x).ravel() == pytest.approx(np.full(4, inside * whole / 4), rel=1e-6)
        assert float(grad_V) == pytest.approx(0.05 * above * float(whole), rel=1e-6)
    assert float(neuron.rate(neuron(jnp.full((400, 1), 1.0)))[0]) == pytest.approx(1.0, abs=0.2)
    integrate = jax.grad(lambda x: jnp.sum(G * DSRNeuron(0.3, kind="if")(x)))(jnp.full((4, 1), 0.1))
    assert np.asarray(integrate).ravel() == pytest.approx(np.full(4, 10 / 4))


@pytest.mark.parametrize("method", METHODS)
def test_protection_projects_the_gradient_and_nothing_else(method):
    net = network(method)
    bases = tuple(orthonormal_rows(jax.random.key(i), 2, n) for i, n in enumerate(net.widths))
    plain, protected = gradient(net), gradient(net, Protection(bases))
    for a, b, basis in zip(plain.weights, protected.weights, bases, strict=True):
        assert np.asarray(b) == pytest.approx(np.asarray(orthogonal(a, basis)), abs=1e-5)
    assert all(np.abs(np.asarray(a)).max() > 0 for a in plain.weights)
    fine = gradient(net, Protection(bases, LateralSpikes(20.0, 100_000)))
    for a, b in zip(fine.weights, protected.weights, strict=True):
        assert np.asarray(a) == pytest.approx(np.asarray(b), abs=1e-4)


@jax.jit
def one_step(net, cells):
    def each(net):
        output, (after, activity) = net.step(X, TASK, Protection(), cells)
        return loss_of(output, Y) / 6, (output, after, activity)

    return jax.grad(each, has_aux=True)(net)


def test_online_steps_add_up_to_the_gradient_of_the_whole_pass():
    net = network("ottt")
    whole, summed, cells, outputs = gradient(net), jax.tree.map(jnp.zeros_like, net), net.at_rest(len(X)), []
    for _ in range(6):
        grads, (output, cells, activity) = one_step(net, cells)
        summed = jax.tree.map(jnp.add, summed, grads)
        outputs.append(output)
    found = net.forward(X, TASK)
    assert np.asarray(found.output) == pytest.approx(np.asarray(jnp.stack(outputs)), abs=1e-5)
    assert np.asarray(found.activity[1][-1]) == pytest.approx(np.asarray(activity[1]), abs=1e-6)
    for a, b in zip(whole.weights, summed.weights, strict=True):
        assert np.asarray(a) == pytest.approx(np.asarray(b), abs=1e-5)


def test_bptt_is_the_gradient_of_the_surrogate_network():
    """Against a network written out step by step."""
    net, cells = network("bptt"), MultiStepLIF()

    def written(weights):
        states, total = [jnp.zeros((4, n)) for n in SIZES[1:-1]], 0.0
        for _ in range(6):
            s = X
            for layer in range(2):
                states[layer], s = cells.step(states[layer], s @ weights[layer].T)
            total = total + s @ weights[2].T
        return loss_of(total / 6, Y)

    for a, b in zip(jax.jit(jax.grad(written))(net.weights), gradient(net).weights, strict=True):
        assert np.asarray(a) == pytest.approx(np.asarray(b), abs=1e-5)


def test_feedback_changes_the_lower_layers_only():
    nets = {how: network("bptt", how) for how in FEEDBACK}
    grads = {how: gradient(net).weights for how, net in nets.items()}
    for how in ("fa", "ss"):
        assert np.asarray(grads[how][2]) == pytest.approx(np.asarray(grads["bp"][2]), abs=1e-6)
        assert np.abs(np.asarray(grads[how][0] - grads["bp"][0])).max() > 1e-4
    assert nets["fa"].backward[1].shape == nets["fa"].weights[1].shape
    assert nets["bp"].backward == ()


def test_heads_are_read_by_task_or_by_row():
    net = network("bptt", heads=3)
    assert net.projected == 2
    whole = net.forward(X, jnp.int32(1)).output
    by_row = net.forward(X, jnp.array([1, 0, 1, 2])).output
    assert np.asarray(by_row[::2]) == pytest.approx(np.asarray(whole[::2]), abs=1e-6)
    assert np.abs(np.asarray(by_row[1] - whole[1])).max() > 1e-4
    grads = gradient(net, task=jnp.int32(2))
    assert not np.asarray(grads.heads.weights[:2]).any()
    assert np.asarray(grads.heads.biases[2]).any()


def test_thresholds_learn_in_the_first_task_and_stay_above_the_floor():
    states = []
    learner = SpikingLearner.like(network("dsr", feedback="fa"), plain_sgd(1e4))
    init, learn = jax.jit(learner.init), eqx.filter_jit(learner.learn)
    for task in (0, 1):
        state = init(KEY)._replace(task=jnp.int32(task))
        big = eqx.tree_at(lambda s: s.net.weights[0], state, 200 * state.net.weights[0])
        states.append((big, learn(big, Batch(X, Y), KEY)[0]))
    (first, learned), (before, after) = states
    assert float(learned.net.thresholds[0]) != float(first.net.thresholds[0])
    assert min(map(float, learned.net.thresholds)) >= 5e-4
    assert [float(v) for v in after.net.thresholds] == [float(v) for v in before.net.thresholds]
    assert (after.net.backward[1] == before.net.backward[1]).all()


def test_wrong_use_is_told():
    for wrong, message in [
        (lambda: SpikingMLP((4, 3), key=KEY), "hidden"),
        (lambda: SpikingMLP((4, 0, 3), key=KEY), "at least 1"),
        (lambda: SpikingMLP(SIZES, "rnn", key=KEY), "method"),
        (lambda: SpikingMLP(SIZES, feedback="dfa", key=KEY), "feedback"),
        (lambda: SpikingMLP(SIZES, timesteps=0, key=KEY), "timesteps"),
        (lambda: SpikingMLP(SIZES, heads=0, key=KEY), "heads"),
        (lambda: MultiStepLIF(v_reset=0.5), "v_reset"),
        (lambda: MultiStepLIF(tau=0.0), "tau"),
        (lambda: DSRNeuron(0.3, kind="adex"), "kind"),
        (lambda: DSRNeuron(-0.3), "threshold"),
    ]:
        with pytest.raises(ValueError, match=message):
            wrong()
