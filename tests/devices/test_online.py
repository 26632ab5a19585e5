"""Online training: against a plain NumPy loop, mirror and swap symmetries, counters, checkpoints, wrong input."""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.devices import DeviceModel, SingleStepRule, Variation, accuracy, train_online, train_software
from symplast.devices.blocks import _trained
from symplast.devices.network import FloatLayer
from symplast.devices.online import Problem, checkpoints, crossbars, run_online, sample_order, streams
from symplast.learning import images

SIZES = (6, 5, 3)
"""Of most tests, which also take 300 samples and a refresh every 20 (in float64 400 and 10), to share programs."""
KEY = jax.random.key(3)


def data(examples=60, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, examples)
    X = np.clip(rng.random((examples, 6)) * 0.4 + 0.6 * (np.arange(6) // 2 == y[:, None]), 0, 1)
    return X, y


@eqx.filter_jit
def _law(device, method, *arguments):
    return getattr(device, method)(*arguments)


def law(device, method, values, direction):
    """A device's law of arrays of every shape in one program."""
    same = np.resize(values, 42)
    return np.asarray(_law(device, method, same, direction))[: values.size].reshape(values.shape)


def loop_in_numpy(weights, device, rule, X, y, scheme, *, bias=False, every=None):
    """The spec's sections 1.3 and 1.4 as a person would write them down, one synapse array at a time."""
    step = lambda g, direction: law(device, "step", g, direction)  # noqa: E731
    plus, minus, counts, refreshed = [], [], [], 0
    for W in weights:
        up, down = np.maximum(W, 0), np.maximum(-W, 0)
        start = {
            "uni": (up, down), "uni_ltd": (1 - down, 1 - up), "bi": (0.5 + W / 2, 0.5 - W / 2),
            "ref": (np.clip(0.5 + W, 0, 1), np.full_like(W, 0.5)),
        }[scheme]  # fmt: skip
        plus.append(start[0])
        minus.append(start[1])
        counts.append(np.zeros((2, *W.shape), int))
    thetas, theta_x = np.asarray(rule.thresholds(len(weights))), float(rule.theta_x)
    for t, (x, label) in enumerate(zip(X, y, strict=True)):
        a, lines, drives = x, [], []
        for p, m in zip(plus, minus, strict=True):
            lines.append(np.append(a, 1.0) if bias else a)
            drives.append((p - m) @ lines[-1])
            a = np.clip(drives[-1], 0, 1)
        e = np.exp(drives[-1] - drives[-1].max())
        errors = [e / e.sum() - (np.arange(e.size) == label)]
        for layer in range(len(weights) - 1, 0, -1):
            z = drives[layer - 1]
            back = (plus[layer] - minus[layer]).T @ errors[0]
            errors.insert(0, back[: z.size] * ((z > 0) & (z < 1)))
        for layer, (line, d) in enumerate(zip(lines, errors, strict=True)):
            T = -np.sign(d) * (np.abs(d) > thetas[layer])
            for sign in (1, -1):
                at = (sign == T)[:, None] & (line > theta_x)[None, :]
                rise, fall = (plus, minus) if sign == 1 else (minus, plus)
                if scheme in ("uni", "bi"):
                    rise[layer] = np.where(at, step(rise[layer], "ltp"), rise[layer])
                    counts[layer][0] += at
                if scheme in ("uni_ltd", "bi"):
                    fall[layer] = np.where(at, step(fall[layer], "ltd"), fall[layer])
                    counts[layer][1] += at
                if scheme == "ref":
                    way = "ltp" if sign == 1 else "ltd"
                    plus[layer] = np.where(at, step(plus[layer], way), plus[layer])
                    counts[layer][0 if sign == 1 else 1] += at
        if every and (t + 1) % every == 0 and scheme in ("uni", "uni_ltd"):
            rising = scheme == "uni"
            for layer in range(len(weights)):
                high, low = np.maximum(plus[layer], minus[layer]), np.minimum(plus[layer], minus[layer])
                at = (high >= 0.999) & (low > 0) if rising else (low <= 0.001) & (high < 1)
                d = plus[layer] - minus[layer]
                way = "ltp" if rising else "ltd"
                n = np.round(law(device, "pulses", np.abs(d) if rising else 1 - np.abs(d), way))
                new = law(device, "curve", n, way)
                empty = 0.0 if rising else 1.0
                one, other = (plus, minus) if rising else (minus, plus)
                one[layer] = np.where(at, np.where(d > 0, new, empty), one[layer])
                other[layer] = np.where(at, np.where(d < 0, new, empty), other[layer])
                counts[layer][0 if rising else 1] += np.where(at, n, 0).astype(int)
                refreshed += at.sum()
    return plus, minus, counts, refreshed


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("scheme", "bias"), [("uni", True), ("uni_ltd", False), ("bi", True), ("ref", False)])
def test_training_is_the_written_rule(scheme, bias):
    """400 samples in a fixed order, refresh every 10: states to rounding, counters and refreshes exactly."""
    X, y = data(400)
    device = DeviceModel(8, n_ltd=9, b_ltp=1.0, b_ltd=2.0)
    rule = SingleStepRule(refresh_every=10) if scheme in ("uni", "uni_ltd") else SingleStepRule()
    draws = np.random.default_rng(1)
    weights = [draws.uniform(-0.4, 0.4, (n_out, n_in + bias)) for n_in, n_out in pairwise(SIZES)]
    run = train_online(SIZES, device, rule, X, y, scheme, key=KEY, bias=bias, weights=weights, shuffle=False)
    plus, minus, counts, refreshed = loop_in_numpy(weights, device, rule, X, y, scheme, bias=bias, every=10)
    for layer, array in enumerate(run.crossbars):
        states = np.asarray(array.g)
        assert states[0] == pytest.approx(plus[layer], abs=1e-9)
        assert (states[1] if len(states) == 2 else 0.5) == pytest.approx(minus[layer], abs=1e-9)
        assert (np.asarray(array.pulses).sum(axis=1) == counts[layer]).all()
    assert run.refreshes == refreshed
    assert (refreshed > 20) == (scheme in ("uni", "uni_ltd"))
    assert run.pulses == tuple(sum(int(c[d].sum()) for c in counts) for d in (0, 1))
    assert run.per_weight()[0] == sum(run.pulses) / sum(W.size for W in weights)


@pytest.mark.usefixtures("float64")
def test_uni_ltd_is_uni_on_the_mirrored_device():
    X, y = data(400)
    rule = SingleStepRule(refresh_every=10)
    a = train_online(SIZES, DeviceModel(16, n_ltd=24, b_ltp=1.0, b_ltd=3.0), rule, X, y, "uni", key=KEY)
    b = train_online(SIZES, DeviceModel(24, n_ltd=16, b_ltp=3.0, b_ltd=1.0), rule, X, y, "uni_ltd", key=KEY)
    for uni, mirrored in zip(a.crossbars, b.crossbars, strict=True):
        assert np.asarray(mirrored.g) == pytest.approx(1 - np.asarray(uni.g)[::-1], abs=1e-9)
        assert (np.asarray(mirrored.pulses) == np.asarray(uni.pulses)[::-1, ::-1]).all()
    assert a.refreshes == b.refreshes > 0


@pytest.mark.parametrize("b", [0.0, 2.0])
def test_swap_changes_nothing_where_all_devices_are_alike(b):
    X, y = data(300)
    rules = [SingleStepRule(refresh_every=20, swap_on_refresh=swap) for swap in (False, True)]
    runs = [train_online(SIZES, DeviceModel(16, b_ltp=b), rule, X, y, key=KEY) for rule in rules]
    for plain, swapped in zip(*(run.crossbars for run in runs), strict=True):
        assert (np.asarray(plain.g) == np.asarray(swapped.g)).all()
        assert (np.asarray(plain.pulses) == np.asarray(swapped.pulses)).all()
    assert runs[0].refreshes > 0


def test_swap_and_verify_change_the_run_where_devices_differ():
    X, y = data(300)
    spread, weights = Variation(d2d_step=0.3), []
    for options in ({}, {"swap_on_refresh": True}, {"refresh_write": "verify"}):
        rule = SingleStepRule(refresh_every=20, **options)
        run = train_online(SIZES, DeviceModel(16), rule, X, y, key=KEY, variation=spread)
        weights.append(np.asarray(run.weights[0]))
    assert not np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_linear_devices_stay_on_their_levels():
    X, y = data(300)
    weights = [np.round(16 * np.asarray(a.weights)) / 16 for a in crossbars(SIZES, DeviceModel(16), "uni", KEY)]
    run = train_online(SIZES, DeviceModel(16), SingleStepRule(refresh_every=20), X, y, key=KEY, weights=weights)
    for array in run.crossbars:
        assert (np.asarray(array.g) * 16 % 1 == 0).all()
    assert run.refreshes > 0


@pytest.mark.usefixtures("float64")
def test_hidden_units_may_be_exchanged():
    X, y = data(400)
    weights = [np.asarray(a.weights) for a in crossbars(SIZES, DeviceModel(16), "uni", KEY)]
    order = np.array([2, 0, 4, 1, 3])
    permuted = [weights[0][order], weights[1][:, order]]
    device, rule = DeviceModel(16, b_ltp=1.0), SingleStepRule(refresh_every=10)
    first, second = (
        train_online(SIZES, device, rule, X, y, key=KEY, weights=W, shuffle=False) for W in (weights, permuted)
    )
    assert np.asarray(second.weights[0]) == pytest.approx(np.asarray(first.weights[0])[order], abs=1e-12)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("scheme", "bias", "spread"), [("uni", False, Variation(d2d_step=0.2)), ("bi", True, None), ("ref", False, None)]
)
def test_whole_array_updates_give_the_same_run(scheme, bias, spread):
    problem = Problem.checked(SIZES, *data(400))
    rule = SingleStepRule(refresh_every=10) if scheme == "uni" else SingleStepRule()
    first = lambda: crossbars(SIZES, DeviceModel(16, b_ltd=1.0), scheme, KEY, variation=spread, bias=bias)  # noqa: E731
    runs = [run_online(first(), problem, rule, KEY, bias=bias, dense=dense) for dense in (False, True)]
    assert sum(runs[0].pulses) > 400
    for rows, whole in zip(*(run.crossbars for run in runs), strict=True):
        assert np.asarray(rows.g) == pytest.approx(np.asarray(whole.g), abs=1e-12)
        assert (np.asarray(rows.pulses) == np.asarray(whole.pulses)).all()


def test_three_layers_and_noise_learn_the_same_twice():
    X, y = data(600)
    noisy = Variation(d2d_step=0.1, d2d_range=0.05, c2c=0.005, read_noise=0.02)
    options = {"key": KEY, "variation": noisy, "X_test": X, "y_test": y}
    run = train_online((6, 24, 16, 3), DeviceModel(32, b_ltp=0.5), SingleStepRule(), X, y, **options)
    assert run.acc_late > 0.7
    again = train_online((6, 24, 16, 3), DeviceModel(32, b_ltp=0.5), SingleStepRule(), X, y, **options)
    assert (again.accuracy == run.accuracy).all()


def test_software_is_plain_gradient_descent():
    with jax.enable_x64(True):
        X, y = data(50)
        weights = [np.asarray(a.weights) for a in crossbars(SIZES, DeviceModel(16), "uni", KEY)]
        run = train_software(SIZES, X, y, key=KEY, lr=0.1, weights=weights, shuffle=False)

        def loss(W, x, label):
            return -jax.nn.log_softmax(W[1] @ jnp.clip(W[0] @ x, 0, 1))[label]

        slopes = jax.jit(jax.grad(loss))
        for x, label in zip(X, y, strict=True):
            slope = slopes(weights, x, label)
            weights = [W - 0.1 * np.asarray(g) for W, g in zip(weights, slope, strict=True)]
        for found, expected in zip(run.weights, weights, strict=True):
            assert np.asarray(found) == pytest.approx(expected, abs=1e-12)
        assert isinstance(run.crossbars[0], FloatLayer)


def test_streams_are_separate_and_paired():
    order = sample_order(50, 2, 8, True, streams(KEY)[0])
    assert order.shape == (13, 8)
    flat = order.ravel()[:100]
    assert sorted(flat[:50]) == sorted(flat[50:]) == list(range(50))
    assert not np.array_equal(flat[:50], flat[50:])
    assert sample_order(50, 1, 8, False, KEY).ravel()[:50].tolist() == list(range(50))
    assert sample_order(50, 1, 8, True, streams(KEY)[0]).ravel()[:20].tolist() != list(range(20))
    plain, spread = (crossbars(SIZES, DeviceModel(8), "uni", KEY, variation=v) for v in (None, Variation(d2d_step=0.2)))
    assert (np.asarray(plain[0].g) == np.asarray(spread[0].g)).all()


def test_checkpoints_are_block_ends_of_the_last_epoch():
    assert checkpoints(60_000, 1, 100) == [480, 510, 540, 570, 600]
    assert checkpoints(60_000, 10, 100)[0] == 5880
    assert checkpoints(130, 1, 100) == [1, 1, 1, 1, 2]


def test_an_incomplete_block_is_trained_but_not_refreshed():
    problem, rule = Problem.checked(SIZES, *data(300)), SingleStepRule(refresh_every=20, theta=(0.0, 0.0), g_sat=0.0)
    whole, part = (
        run_online(crossbars(SIZES, DeviceModel(4), "uni", KEY), problem, rule, KEY, shuffle=False, samples=samples)
        for samples in (25, 20)
    )
    assert whole.refreshes == part.refreshes > 0
    assert sum(whole.pulses) > sum(part.pulses)


def test_late_accuracy_is_the_mean_of_the_checkpoints():
    X, y = data(300)
    rule = SingleStepRule(refresh_every=20)
    run = train_online(SIZES, DeviceModel(32), rule, X, y, key=KEY, X_test=X, y_test=y)
    assert run.accuracy.size == 5
    assert run.acc_late == pytest.approx(run.accuracy.mean())
    assert float(accuracy(run.crossbars, jnp.asarray(X), jnp.asarray(y))) == pytest.approx(run.accuracy[-1])
    assert np.isnan(train_online(SIZES, DeviceModel(32), rule, X, y, key=KEY).acc_late)


def test_ties_go_to_the_lowest_class():
    layers = (FloatLayer(jnp.zeros((3, 6)), jnp.asarray(0.1)),)
    assert float(accuracy(layers, jnp.ones((4, 6)), jnp.array([0, 0, 1, 2]))) == 0.5


def test_a_sweep_of_parameters_compiles_once():
    X, y = data(300)

    def run(N, b, theta, spread):
        rule = SingleStepRule(theta=(theta, 0.1), refresh_every=20, g_sat=0.99)
        spread = Variation(d2d_step=spread)
        train_online(SIZES, DeviceModel(N, b_ltp=b), rule, X, y, key=KEY, variation=spread, X_test=X, y_test=y)

    run(16, 0.0, 0.02, 0.1)
    compiled = _trained._cache_size()
    for settings in ((64, 3.0, 0.0, 0.5), (4096, 0.5, 0.1, 0.2)):
        run(*settings)
    assert _trained._cache_size() == compiled


def test_digits_are_learned():
    task = images("digits")
    options = {"X_test": np.asarray(task.test_inputs), "y_test": np.asarray(task.test_targets)}
    for scheme in ("uni", "bi", "ref"):
        run = train_online(
            (64, 100, 10), DeviceModel(64, b_ltp=0.5), SingleStepRule(), task.inputs, np.asarray(task.targets), scheme,
            key=KEY, epochs=3, **options,
        )  # fmt: skip
        assert run.acc_late > 0.8, scheme


X0, Y0 = data(20)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": X0 * 255}, r"X must be finite and in \[0, 1\] \(divide pixels"),
        ({"X": X0 - 0.5}, r"X must be finite and in \[0, 1\]"),
        ({"X": np.where(X0 > 0.9, np.nan, X0)}, "X must be finite"),
        ({"X": X0[:, :4]}, r"X must have shape \(examples, 6 inputs\), got \(20, 4\)"),
        ({"y": Y0.astype(float)}, "y must hold integers"),
        ({"X": np.ma.masked_array(X0, False)}, "X must not be a masked array"),
        ({"y": np.ma.masked_array(Y0, False)}, "y must not be a masked array"),
        ({"y": Y0 + 1}, r"y must be in \[0, 2\]"),
        ({"y": Y0[:5]}, "y must hold one class number for each of the 20 examples"),
        ({"scheme": "tri"}, "scheme must be one of uni, uni_ltd, bi, ref; got 'tri'"),
        ({"sizes": (6,)}, "sizes must list at least input and output"),
        ({"sizes": (6, 0, 3)}, "sizes must be a whole number of at least 1"),
        ({"scales": (1.0,)}, "scales must hold one value for each of the 2 layers, got 1"),
        ({"weights": [np.zeros((5, 6))]}, "weights must have shapes"),
        ({"weights": [np.full((5, 6), np.nan), np.zeros((3, 5))]}, "weights must be finite"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1"),
        ({"X_test": X0}, "X_test and y_test must be given together"),
        ({"rule": SingleStepRule(theta=(0.1, 0.1, 0.1))}, "theta must hold one threshold for each of the 2 layers"),
        ({"rule": SingleStepRule(swap_on_refresh=True), "scheme": "bi"}, "scheme bi has no refresh: leave out"),
        ({"rule": SingleStepRule(refresh_every=50), "scheme": "ref"}, "scheme ref has no refresh"),
    ],
)
def test_wrong_input(changes, message):
    arguments = {"sizes": SIZES, "device": DeviceModel(8), "rule": SingleStepRule(), "X": X0, "y": Y0, "key": KEY}
    with pytest.raises(ValueError, match=message):
        train_online(**(arguments | changes))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"theta_x": -0.1}, r"theta_x must be in \[0, 1\]"),
        ({"theta": (-1, 0)}, "theta must be in"),
        ({"theta": ()}, "theta must hold one threshold a layer"),
        ({"refresh_every": 0}, "refresh_every must be a whole number of at least 1"),
        ({"g_sat": 1.2}, "g_sat must be in"),
        ({"refresh_write": "twice"}, "refresh_write must be one of pulses, verify"),
    ],
)
def test_wrong_rules(settings, message):
    with pytest.raises(ValueError, match=message):
        SingleStepRule(**settings)


def test_wrong_learning_rate():
    with pytest.raises(ValueError, match="lr must be above 0"):
        train_software(SIZES, X0, Y0, key=KEY, lr=0.0)
