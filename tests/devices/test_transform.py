"""devices.write: parameters become device weights; the pulses of train_online; modes, refresh, reseeding, learners."""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from symplast.devices import DeviceModel, SingleStepRule, Variation, train_online, write
from symplast.devices.network import passes
from symplast.devices.schemes import MOVES
from symplast.learning import Backprop, FeedForwardNet, GradientLearner, Reseedable, begin, images, train

KEY = jax.random.key(0)
ONE = jnp.zeros((1, 1))


@eqx.filter_jit
def started(transform, params):
    return transform.init(params)


@eqx.filter_jit
def updated(transform, updates, state, params):
    return transform.update(updates, state, params)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("scheme", list(MOVES))
def test_the_pulses_of_train_online(scheme):
    """The same gates from the signals pre and post, batch 1: counters equal, weights to rounding."""
    sizes, rng = (6, 5, 3), np.random.default_rng(0)
    y = rng.integers(0, 3, 200)
    X = np.clip(rng.random((200, 6)) * 0.4 + 0.6 * (np.arange(6) // 2 == y[:, None]), 0, 1)
    device = DeviceModel(8, n_ltd=9, b_ltp=1.0, b_ltd=2.0)
    options = {"refresh_every": 10} if scheme in ("uni", "uni_ltd") else {}
    weights = [rng.uniform(-0.4, 0.4, (n_out, n_in)) for n_in, n_out in pairwise(sizes)]
    rule = SingleStepRule(**options)
    run = train_online(sizes, device, rule, X, y, scheme, key=KEY, weights=weights, shuffle=False)
    transform = write(device, scheme, theta=(0.02, 0.1), **options)
    params = [jnp.asarray(W) for W in weights]
    state = started(transform, params)
    zero = [jnp.asarray(np.zeros(W.shape)) for W in weights]
    change, state = updated(transform, zero, state, params)  # the learner's programming pass is not counted
    params = [jnp.asarray(W + np.asarray(more)) for W, more in zip(weights, change, strict=True)]

    @jax.jit
    def one(params, state, x, label):
        arrays = tuple(a for a in state.arrays)
        done = passes(arrays, x, label, bias=False)
        pre, post = [line[None] for line in done.inputs], [error[None] for error in done.errors]
        change, state = transform.update(zero, state, params, pre=pre, post=post, other=1)
        return optax.apply_updates(params, change), state

    for x, label in zip(X, y, strict=True):
        params, state = one(params, state, jnp.asarray(x), jnp.asarray(label))
    for written, trained, W in zip(state.arrays, run.crossbars, params, strict=True):
        assert (np.asarray(written.pulses) == np.asarray(trained.pulses)).all()
        g = np.asarray(trained.g)
        assert np.asarray(written.g) == pytest.approx(g, abs=1e-12)
        assert np.asarray(W) == pytest.approx(g[0] - (0.5 if scheme == "ref" else g[1]), abs=1e-12)
    assert sum(int(np.asarray(a.refreshes).sum()) for a in state.arrays) == run.refreshes
    assert (run.refreshes > 0) == bool(options)


@pytest.mark.parametrize("mode", ["step", "proportional"])
def test_a_change_that_is_no_number_is_not_hidden(mode):
    W = {"w": jnp.array([[0.5, -0.5, 0.2]])}
    writer = write(levels=64, mode=mode)
    change, state = updated(writer, {"w": jnp.array([[jnp.nan, jnp.inf, 0.1]])}, started(writer, W), W)
    assert np.isnan(np.asarray(change["w"])).tolist() == [[True, True, False]]
    assert all(np.isfinite(np.asarray(array.g)).all() for array in state.arrays)


def test_parameters_become_the_weights_of_the_devices():
    params = {"w": jnp.array([[0.9, -2.0], [0.1, 0.3]]), "b": jnp.array([0.5, 0.5])}
    transform = write(DeviceModel(10))
    with pytest.warns(UserWarning, match="1 of 4 weights were limited to the devices' range, 1 in size"):
        state = transform.init(params)
    assert int(state.limited) == 1
    updates = {"w": jnp.array([[0.5, 0.0], [-0.5, 1e-9]]), "b": jnp.array([0.1, -0.1])}
    change, state = updated(transform, updates, state, params)
    after = optax.apply_updates(params, change)
    assert np.asarray(after["w"]) == pytest.approx(np.array([[1.0, -1.0], [0.0, 0.4]]))
    assert np.asarray(after["b"]) == pytest.approx([0.6, 0.4])
    assert state.g_plus[0] is None  # the bias passes through
    assert np.asarray(state.g_plus[1] - state.g_minus[1]) == pytest.approx(np.asarray(after["w"]))


def test_all_leaves_are_written_if_asked():
    params = {"w": jnp.zeros((2, 2)), "b": jnp.zeros(2), "s": jnp.zeros(())}
    transform = write(levels=4, all_leaves=True)
    change, _ = updated(transform, jax.tree.map(jnp.ones_like, params), started(transform, params), params)
    assert all((np.asarray(leaf) == 0.25).all() for leaf in jax.tree.leaves(change))
    assert change["b"].shape == (2,)


def test_threshold_of_the_change():
    params = [jnp.zeros((1, 3)), jnp.zeros((1, 1))]
    transform = write(levels=4, theta=(0.2, 0.05))
    updates = [jnp.array([[0.1, 0.3, -0.3]]), jnp.array([[0.1]])]
    change, _ = updated(transform, updates, started(transform, params), params)
    assert change[0].tolist() == [[0, 0.25, -0.25]]
    assert change[1].tolist() == [[0.25]]


@pytest.mark.parametrize("scheme", list(MOVES))
def test_proportional_writing_is_unbiased_for_linear_devices(scheme):
    wanted = 0.0371
    params = jnp.zeros((200, 200))
    transform = write(DeviceModel(64), scheme, "proportional", scale=2.0)
    for sign in (1, -1):
        change, _ = updated(transform, jnp.full_like(params, sign * wanted), started(transform, params), params)
        step = 2.0 / 64
        error = step / 2 / np.sqrt(params.size)  # largest possible standard deviation of one rounding
        assert float(change.mean()) == pytest.approx(sign * wanted, abs=5 * error)
        assert np.abs(np.asarray(change) / step * 2 % 1).max() < 1e-3 or scheme != "bi"


def test_proportional_writing_sends_at_most_all_pulses():
    params = jnp.zeros((1, 1))
    transform = write(levels=16, mode="proportional")
    change, state = updated(transform, jnp.full((1, 1), 50.0), started(transform, params), params)
    assert float(change[0, 0]) == 1
    assert int(state.arrays[0].pulses.sum()) == 16


def test_reseeding_draws_other_devices_and_keeps_the_states():
    params = {"w": 0.3 * jnp.ones((20, 20))}
    transform = write(levels=16, variation=Variation(d2d_step=0.2, stuck_low=0.1))
    state = started(transform, params)
    assert isinstance(state, Reseedable)
    reseeded = eqx.filter_jit(lambda state, seed: state.reseed(jax.random.key(seed)))
    one, other = reseeded(state, jnp.asarray(1)), reseeded(state, jnp.asarray(2))
    assert not np.array_equal(one.arrays[0].cells.v_ltp, other.arrays[0].cells.v_ltp)
    zero = {"w": jnp.zeros((20, 20))}
    change, after = updated(transform, zero, one, params)
    stuck = np.asarray(one.arrays[0].cells.stuck_low)[0]
    written = np.asarray(optax.apply_updates(params, change)["w"])
    assert (written[stuck] == 0).all()
    assert written[~stuck] == pytest.approx(0.3)
    assert int(after.updates) == 0
    assert int(updated(transform, {"w": jnp.ones((20, 20))}, after, params)[1].updates) == 1


def test_a_learner_trains_seeds_on_devices():
    """Any credit rule, seeds vmapped: predictions use device weights, which lie on the devices' levels."""
    task = images("digits", train=600, test=200)
    chain = optax.chain(optax.sgd(0.1), write(levels=128, mode="proportional", scheme="bi"))
    learner = GradientLearner(lambda key: FeedForwardNet((64, 16, 10), key=key), Backprop(), chain, ("pre", "post"))
    training, history = train(learner, task, begin(learner, KEY, 2), 3, 10, tests_per_epoch=1)
    assert float(history.score[-1].min()) > 0.6
    weights = np.asarray(training.states.params.weights[1])
    arrays = training.states.opt[1].arrays
    assert weights == pytest.approx(np.asarray(arrays[1].g[:, 0] - arrays[1].g[:, 1]), abs=1e-6)
    assert weights.shape == (2, 10, 16)


def test_batch_one_signals_gate_the_learner():
    task = images("digits", train=1000, test=200)
    chain = optax.chain(optax.sgd(1.0), write(levels=128, nonlinearity=1.0, theta=0.05, d2d_step=0.1))
    learner = GradientLearner(lambda key: FeedForwardNet((64, 100, 10), key=key), Backprop(), chain, ("pre", "post"))
    training, history = train(learner, task, begin(learner, KEY, 2), 2, 1, tests_per_epoch=1)
    assert float(history.score[-1].min()) > 0.6
    v = np.asarray(training.states.opt[1].arrays[0].cells.v_ltp)
    assert not np.array_equal(v[0], v[1])  # each seed has devices of its own


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: write(), "give either a device or levels"),
        (lambda: write(DeviceModel(8), levels=8), "give either a device or levels"),
        (lambda: write(DeviceModel(8), nonlinearity=1.0), "nonlinearity goes with levels"),
        (lambda: write(levels=8, d2d_step=0.1, variation=Variation(c2c=0.1)), "settings of variation"),
        (lambda: write(levels=8, scheme="x"), "scheme must be one of"),
        (lambda: write(levels=8, mode="x"), "mode must be one of step, proportional"),
        (lambda: write(levels=8, scale=0.0), "scale must be in"),
        (lambda: write(levels=0.5), "n_ltp must be in"),
        (lambda: write(levels=8, scheme="bi", refresh_every=10), "scheme bi has no refresh"),
        (lambda: write(levels=8, theta=(0.1, 0.2)).init([ONE]), "theta must be one value or one for each"),
        (lambda: write(levels=8).update([ONE], write(levels=8).init([ONE])), "write needs params"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
