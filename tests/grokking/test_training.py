"""Training: the authors' curves, equivalences, reproducibility, one program for everything that is a number."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.grokking import (
    SETUPS,
    ModularTask,
    Optimizer,
    TwoLayerNet,
    decode_net,
    init_random,
    init_single_frequency,
    train,
    train_seeds,
)
from symplast.grokking.activations import activation_of
from symplast.grokking.training import Setup, first_of
from symplast.lab.jax_setup import CompileClock

KEY = jax.random.key(0)


@pytest.mark.parametrize(
    ("run", "setup", "loss", "norm"),
    [
        ("quad_sgd", "quad_sgd", 2e-6, 2e-6),
        ("relu_adamw", "standard", 2e-6, 1e-4),
        ("relu_grok", "grokking", 1e-5, 2e-4),
    ],
)
def test_the_authors_curves(checkpoints, curves, run, setup, loss, norm):
    """From their first weights and division: their losses and norms at steps 0, 10, ..., 400."""
    task = ModularTask(23, train_pairs=curves[f"{run}/train_pairs"])
    found = train(checkpoints[f"{run}/0"], task, SETUPS[setup].optimizer, 400, 10).history
    for name, theirs, tolerance in (("train_loss", "train_losses", loss), ("norm", "param_norms", norm)):
        np.testing.assert_allclose(found[name], curves[f"{run}/{theirs}_every10"][:41], atol=tolerance)
    if "test_loss" in found:
        np.testing.assert_allclose(found["test_loss"], curves[f"{run}/test_losses_every10"][:41], atol=loss)


def loss_of(theta, xi, theta_y=None, *, task, sigma):
    """Eq. 2 over ordered pairs, written down once more; without weights of their own second inputs have the first's."""
    x, y = task.train_pairs.T
    logits = sigma(theta.T[x] + (theta if theta_y is None else theta_y).T[y]) @ xi
    right = jnp.take_along_axis(logits, task.labels[x, y][:, None], axis=1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=1) - right)


@pytest.mark.parametrize("activation", ["relu", "square", "gelu", "abs"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_step_is_the_gradient_over_ordered_pairs(activation, tied):
    task = ModularTask(5, frac_train=0.7, key=KEY)
    with jax.enable_x64(True):
        start = init_random(5, 8, KEY, activation, init_scale=1.0, tied=tied)
        second = start.theta if tied else start.theta_y
        net = TwoLayerNet(*(np.asarray(w, dtype=float) for w in (start.theta, start.xi)), activation,
                          None if tied else np.asarray(second, dtype=float))  # fmt: skip
        # the first step has rate 0, the second a tenth of it
        found = train(net, task, Optimizer("sgd", 10.0), 2, 1)
        loss = partial(loss_of, task=task, sigma=activation_of(activation))
        weights = (net.theta, net.xi) if tied else (net.theta, net.xi, net.theta_y)
        slopes = jax.jit(jax.grad(loss, argnums=tuple(range(len(weights)))))(*weights)
    for now, then, slope in zip((found.net.theta, found.net.xi, found.net.theta_y), weights, slopes, strict=False):
        np.testing.assert_allclose(now, then - np.asarray(slope), atol=1e-12)


def test_adamw_is_that_of_optax():
    import optax

    task = ModularTask(5)
    with jax.enable_x64(True):
        start = init_random(5, 6, KEY, "square", init_scale=1.0)
        net = TwoLayerNet(*(np.asarray(w, dtype=float) for w in (start.theta, start.xi)), "square")
        found = train(net, task, Optimizer("adamw", 1e-2, 0.5), 30, 30).net
        schedule = lambda step: 1e-2 * jnp.minimum(step.astype(float) / 10, 1)  # noqa: E731
        theirs = optax.adamw(schedule, b1=0.9, b2=0.98, eps=1e-8, weight_decay=0.5)
        weights = jnp.asarray(net.theta), jnp.asarray(net.xi)
        state = theirs.init(weights)

        @jax.jit
        def step(weights, state):
            slopes = jax.grad(lambda w: loss_of(*w, task=task, sigma=jnp.square))(weights)
            updates, state = theirs.update(slopes, state, weights)
            return optax.apply_updates(weights, updates), state

        for _ in range(30):
            weights, state = step(weights, state)
    np.testing.assert_allclose(found.theta, weights[0], rtol=1e-9)
    np.testing.assert_allclose(found.xi, weights[1], rtol=1e-9)


def test_a_run_goes_on_as_if_it_had_not_stopped(small_run):
    net, task = init_random(7, 64, jax.random.key(3), "square"), ModularTask(7)
    half = train(net, task, Optimizer("adamw", 1e-3), 150, 50)
    rest = train(net, task, Optimizer("adamw", 1e-3), 150, 50, after=half)
    np.testing.assert_array_equal(rest.net.theta, small_run.net.theta)
    whole = half.history.followed_by(rest.history)
    for name in whole:
        np.testing.assert_array_equal(whole[name], small_run.history[name])


def test_what_is_recorded(small_run):
    history = small_run.history
    assert history["step"].tolist() == [0, 50, 100, 150, 200, 250, 300]
    assert history["train_acc"][-1] == 1.0
    assert history["norm"][0] == pytest.approx(np.sqrt(2 * 64) * 0.1, rel=0.1)
    assert not {"test_loss", "test_acc", "mirrored_acc", "unseen_acc", "rare_acc"} & set(history)
    with pytest.raises(KeyError, match="has no 'test_acc'; it has step"):
        history["test_acc"]
    seen = []
    task = ModularTask(7, frac_train=0.6, key=KEY)
    run = train(init_random(7, 16, KEY), task, Optimizer(), 5, 2, watch=seen.append)
    assert [int(record["step"][0]) for record in seen] == [0, 2, 4, 5]
    assert {"test_loss", "test_acc", "mirrored_acc", "unseen_acc", "common_acc", "rare_acc"} <= set(run.history)


def test_tiny_losses_keep_their_digits():
    """Below 1e-7 a float32 difference of logarithms would be 0 or noise."""
    from symplast.grokking import ideal_network, mean_loss

    exact = ideal_network(7, 5, 1.7)
    rounded = TwoLayerNet(np.float32(exact.theta), np.float32(exact.xi), "square")
    found = train(rounded, ModularTask(7), Optimizer("sgd", 1e-30), 1, 1).history["train_loss"][0]
    assert 0 < mean_loss(exact.table()) < 1e-7
    assert found == pytest.approx(mean_loss(exact.table()), rel=1e-3)


def test_numbers_compile_nothing():
    task = ModularTask(5, frac_train=0.8, key=KEY)
    net = init_random(5, 16, KEY)
    train(net, task, Optimizer("adamw", 1e-3), 3, 1)
    with CompileClock() as clock:
        for change in (Optimizer("adamw", 2e-3, 1.0), Optimizer("adamw", 1e-3, warmup=3)):
            train(net, ModularTask(5, frac_train=0.5, key=jax.random.key(1)), change, 7, 2)
        train(net, ModularTask(5), Optimizer("adamw", 1e-3), 4, 4)
    assert clock.count <= 1  # the permutation of a division


def test_float64_trains_in_float64():
    with jax.enable_x64(True):
        net = init_random(5, 16, KEY, "square")
        wide = TwoLayerNet(np.asarray(net.theta, dtype=np.float64), np.asarray(net.xi, dtype=np.float64), "square")
    assert train(wide, ModularTask(5), Optimizer(), 3, 1).net.theta.dtype == np.float64
    narrow = TwoLayerNet(np.float32(net.theta), np.float32(net.xi), "square")
    assert train(narrow, ModularTask(5), Optimizer(), 3, 1).net.theta.dtype == np.float32


@pytest.mark.parametrize("op", ["x2xyy2", "sub"])
def test_other_operations_are_learned(op):
    net = init_random(5, 128, KEY, "relu", tied=op != "sub")
    run = train(net, ModularTask(5, op), Optimizer("adamw", 3e-3), 500, 500)
    assert run.history["train_acc"][-1] == 1.0


def test_first_weights():
    net = init_random(23, 4000, KEY, init_scale=0.1)
    assert np.std(net.theta) == pytest.approx(0.1 / np.sqrt(23), rel=0.02)
    single = decode_net(init_single_frequency(23, 110, KEY, init_scale=0.02))
    assert single.energy_share == pytest.approx(1)
    assert np.bincount(single.frequency)[1:].tolist() == [10] * 11
    np.testing.assert_array_equal(single.frequency, single.winner)
    np.testing.assert_allclose(single.at(single.alpha), 0.02, rtol=1e-6)
    few = decode_net(init_single_frequency(23, 20, KEY, frequencies=[2, 5]))
    assert sorted(set(few.frequency)) == [2, 5]


def test_seeds_differ_and_repeat():
    setup = Setup("square", Optimizer("sgd", 0.1), 20, frac_train=0.8, width=16, p=5)
    keys = [jax.random.key(seed) for seed in (0, 1)]
    first, second = train_seeds(setup, keys, speed=2)
    again = train_seeds(setup, keys[:1], speed=2)[0]
    assert first.history["step"][-1] == 10
    np.testing.assert_array_equal(first.net.theta, again.net.theta)
    assert not np.array_equal(first.net.theta, second.net.theta)
    assert not np.array_equal(first.task.train, second.task.train)
    assert first_of(SETUPS["quad_single_freq"], KEY)[0].p == 23


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train(init_random(5, 8, KEY), ModularTask(7), Optimizer(), 1), "same modulus, got p=5 and p=7"),
        (lambda: train(init_random(5, 8, KEY), ModularTask(5), Optimizer(), 0), "steps must be a whole number"),
        (lambda: train(init_random(5, 8, KEY), ModularTask(5, "sub"), Optimizer(), 1), "needs untied inputs"),
        (lambda: Optimizer("adam"), "optimizer must be one of adamw, sgd"),
        (lambda: Optimizer(lr=0), "lr must be a positive number"),
        (lambda: Optimizer(weight_decay=-1), "weight_decay must be a number of at least 0"),
        (lambda: Optimizer(betas=(1, 0)), "betas must lie in"),
        (lambda: init_random(6, 8, KEY), "p must be odd"),
        (lambda: init_random(5, 0, KEY), "width must be a whole number"),
        (lambda: init_random(5, 8, KEY, "tanhh"), "activation must be one of relu"),
        (lambda: init_random(5, 8, KEY, init_scale=-1), "init_scale must be a positive number"),
        (lambda: init_single_frequency(5, 8, KEY, frequencies=3), r"frequencies must be at most K = \(p - 1\)/2 = 2"),
        (lambda: TwoLayerNet(np.ones((2, 5)), np.ones((2, 7))), r"xi must have shape \(2, 5\)"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_narrow_network_is_warned_of():
    with pytest.warns(UserWarning, match="width=3 is less than the K = 11 frequencies"):
        init_random(23, 3, KEY)


def test_an_activation_of_ones_own():
    net = init_random(5, 64, KEY, lambda z: jnp.cosh(z) - 1, init_scale=0.5)
    assert train(net, ModularTask(5), Optimizer("adamw", 3e-3), 400, 400).history["train_acc"][-1] == 1.0
    assert net.table().shape == (5, 5, 5)
    assert np.asarray(net(1, 2)) == pytest.approx(net.table()[1, 2], abs=1e-5)
