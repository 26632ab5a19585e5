"""Crossbars by hand: reads, pulses of each scheme, refreshes, variation; the reference update of the whole network."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.devices import Crossbar, DeviceModel, Variation
from symplast.devices.network import passes
from symplast.devices.pulsing import Gate, Laws, gate, pulse_dense, pulse_rows
from symplast.devices.schemes import MOVES

pytestmark = pytest.mark.usefixtures("float64")

SCHEMES = tuple(MOVES)
KEY = jax.random.key(0)


SHAPE = (5, 7)
"""Of most arrays, in float64: tests share their programs."""


def array(scheme="uni", device=None, shape=SHAPE, key=KEY, **options):
    return Crossbar(
        shape[1], shape[0], device or DeviceModel(64, n_ltd=48, b_ltp=2.0, b_ltd=3.0), scheme, key=key, **options
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_weights_are_programmed(scheme):
    W = np.random.default_rng(0).uniform(-0.4, 0.4, (5, 7))
    made = array(scheme, scale=1.0, weights=W)
    assert np.asarray(made.weights) == pytest.approx(W)
    assert np.asarray(array(scheme, scale=0.5, weights=W / 2).weights) == pytest.approx(W / 2)
    if scheme == "uni":
        assert np.asarray(made.g_plus) == pytest.approx(np.maximum(W, 0))
    if scheme == "ref":
        assert np.asarray(made.g_minus) == pytest.approx(np.full((5, 7), 0.5))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_weights_beyond_the_range_are_limited(scheme):
    W = np.where(np.arange(35).reshape(SHAPE) % 2, 3.0, -3.0)
    most = 0.5 if scheme == "ref" else 1.0
    assert np.asarray(array(scheme, weights=W).weights).tolist() == np.clip(W, -most, most).tolist()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("variation", [None, Variation(d2d_range=0.3)])
def test_reads_are_products_with_the_weights(scheme, variation):
    made, rng = array(scheme, variation=variation), np.random.default_rng(1)
    x, error = rng.random(7), rng.standard_normal(5)
    W = np.asarray(made.weights)
    assert np.asarray(made.read(x)) == pytest.approx(W @ x)
    assert np.asarray(made.read_back(jnp.asarray(error))) == pytest.approx(error @ W)


@pytest.mark.parametrize(
    ("scheme", "moves"),
    [
        ("uni", {(0, "ltp"): 1, (1, "ltp"): -1}),
        ("uni_ltd", {(1, "ltd"): 1, (0, "ltd"): -1}),
        ("bi", {(0, "ltp"): 1, (1, "ltd"): 1, (0, "ltd"): -1, (1, "ltp"): -1}),
        ("ref", {(0, "ltp"): 1, (0, "ltd"): -1}),
    ],
)
def test_each_scheme_sends_its_pulses(scheme, moves):
    """The table of the schemes, written out: device and direction -> the sign of T that asks for it."""
    device = DeviceModel(64, n_ltd=48, b_ltp=2.0, b_ltd=3.0)
    made = array(scheme, device)
    T, X = np.array([1.0, -1.0, 0.0, 1.0, -1.0]), np.array([1, 0, 1, 1, 0, 0, 1], bool)
    after = made.pulse(T, X)
    expected, counts = np.array(made.g), np.zeros_like(np.asarray(made.pulses))
    for (which, direction), sign in moves.items():
        sent = (sign == T)[:, None] & X
        expected[which] = np.where(sent, np.asarray(device.step(made.g[which], direction)), expected[which])
        counts[0 if direction == "ltp" else 1, which] += sent
    assert np.asarray(after.g) == pytest.approx(expected, abs=1e-14)
    assert (np.asarray(after.pulses) == counts).all()
    change = np.asarray(after.weights) - np.asarray(made.weights)
    assert (np.sign(change) == T[:, None] * X).all()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    "variation", [None, Variation(d2d_step=0.3, d2d_nl=0.4, stuck_low=0.1, stuck_high=0.1)], ids=["alike", "spread"]
)
@pytest.mark.parametrize("table", [False, True])
def test_row_by_row_and_all_at_once_are_the_same(scheme, variation, table):
    device = DeviceModel(40, n_ltd=50, b_ltp=2.0, b_ltd=1.0)
    if table:
        device = DeviceModel.from_table([0.0, 2.0, 3.0, 4.0, 4.5], [5.0, 3.0, 1.0, 0.5])
        variation = variation and Variation(d2d_step=0.3, stuck_low=0.2)
    made, rng = array(scheme, device, variation=variation), np.random.default_rng(2)
    gates = Gate(rng.integers(-1, 2, (20, 5)).astype(float), rng.random((20, 7)) > 0.4)

    @eqx.filter_jit
    def all_at_once(start, gates):
        laws = Laws.of(start.cells, scheme)
        g, _ = jax.lax.scan(lambda g, on: (pulse_dense(g, laws, scheme, on, None), None), start.g, gates)
        return g, start.counted(gates).pulses

    g, pulses = all_at_once(made, jax.tree.map(jnp.asarray, gates))
    for T, X in zip(*gates, strict=True):
        made = made.pulse(T, X)
    assert np.asarray(made.g) == pytest.approx(np.asarray(g), abs=1e-13)
    assert (np.asarray(made.pulses) == np.asarray(pulses)).all()


def test_one_pulse_of_an_array_is_the_closed_form():
    """Affine law, own step and own nonlinearity of each device against DeviceModel.step."""
    made = array("bi", variation=Variation(d2d_step=0.3, d2d_nl=0.5))
    laws = Laws.of(made.cells, "bi")
    for direction, law in (("ltp", laws.ltp), ("ltd", laws.ltd)):
        expected = made.cells.step(made.g, direction, jnp.asarray(1))
        assert np.asarray(law(made.g)) == pytest.approx(np.asarray(expected), abs=1e-13)


def refreshed(made, pairs, *arguments, **options):
    """The array after a refresh: states of some pairs at the start of its first row, all others in the middle."""
    g = np.full((2, *SHAPE), 0.5)
    g[:, 0, : np.shape(pairs)[1]] = pairs
    after = made.with_state((jnp.asarray(g.reshape(10, 7)), made.state[1])).refresh(*arguments, **options)
    assert (np.asarray(after.g)[:, 1:] == 0.5).all()
    return after


def test_reference_refresh():
    device = DeviceModel(64, b_ltp=3.0)
    made = refreshed(array("uni", device), [[1.0, 0.6, 0.4, 1.0], [0.3, 1.0, 0.2, 0.0]], 0.98)
    expected = [[0.6943360940, 0, 0.4, 1], [0, 0.3938232979, 0.2, 0]]
    assert np.asarray(made.g)[:, 0, :4] == pytest.approx(np.array(expected), abs=6e-11)
    assert np.asarray(made.refreshes)[0, :4].tolist() == [1, 1, 0, 0]
    sent = np.asarray(made.pulses)[0, :, 0, :4]
    n = np.round(np.asarray(device.pulses(np.array([0.7, 0.4]), "ltp")))
    assert sent.tolist() == [[n[0], 0, 0, 0], [0, n[1], 0, 0]]


@pytest.mark.parametrize("scheme", ["uni", "uni_ltd"])
@pytest.mark.parametrize("b", [0.0, 3.0])
def test_a_refresh_moves_a_weight_by_half_a_step_at_most(scheme, b):
    device, rng = DeviceModel(64, b_ltp=b), np.random.default_rng(3)
    made, largest, count = array(scheme, device), float(device.step(0.0, "ltp")), 0
    for _ in range(10):
        g = rng.random((2, *SHAPE))
        g[0, rng.random(SHAPE) < 0.5] = 1.0 if scheme == "uni" else 0.0
        after = made.with_state((jnp.asarray(g.reshape(10, 7)), made.state[1])).refresh()
        count += np.asarray(after.refreshes).sum()
        assert np.abs(np.asarray(after.weights) - (g[0] - g[1])).max() <= largest / 2 + 1e-12
        held, now = np.asarray(after.refreshes) > 0, np.asarray(after.g)
        empty = now.min(axis=0) == 0 if scheme == "uni" else now.max(axis=0) == 1
        assert empty[held].all()
    assert count > 100


def test_a_difference_of_zero_is_erased():
    made = refreshed(array(), [[1.0], [1.0]])
    assert np.asarray(made.g)[:, 0, 0].tolist() == [0, 0]
    assert np.asarray(made.pulses).sum() == 0


def test_verify_writes_nominal_values_and_pulses_what_devices_take():
    spread = Variation(d2d_step=0.3)
    device = DeviceModel(64, b_ltp=3.0)
    made = array("uni", device, variation=spread)
    n = float(np.round(float(device.pulses(0.7, "ltp"))))
    verified, pulsed = (refreshed(made, [[1.0], [0.3]], verify=verify) for verify in (True, False))
    to, reached = (float(np.asarray(after.g)[0, 0, 0]) for after in (verified, pulsed))
    assert to == pytest.approx(float(device.curve(n, "ltp")))
    assert reached == pytest.approx(float(device.step(0.0, "ltp", n, float(np.asarray(made.cells.v_ltp)[0, 0, 0]))))
    assert reached != to
    assert (np.asarray(pulsed.pulses) == np.asarray(verified.pulses)).all()


def test_swap_exchanges_the_physical_devices_of_refreshed_pairs():
    spread = Variation(d2d_step=0.3, d2d_nl=0.2, d2d_range=0.2, stuck_low=0.1)
    made = array("uni", variation=spread)
    g = np.ones((2, *SHAPE))
    g[1] = g[:, 0] = 0.5  # row 0 is not saturated
    made = made.with_state((made.cells.held(jnp.asarray(g)).reshape(10, 7), made.state[1]))
    after = made.refresh(swap=True)
    pairs = np.asarray(after.refreshes) > 0
    assert pairs[1:].any()
    assert not pairs[0].any()
    for name in ("v_ltp", "v_ltd", "b_factor", "reach", "stuck_low"):
        before, now = np.asarray(getattr(made.cells, name)), np.asarray(getattr(after.cells, name))
        assert (now == np.where(pairs, before[::-1], before)).all()


@pytest.mark.parametrize("scheme", ["uni", "uni_ltd"])
def test_stuck_devices_never_move_but_their_partners_are_refreshed(scheme):
    made, rng = array(scheme, variation=Variation(stuck_low=0.2, stuck_high=0.2, c2c=0.02)), np.random.default_rng(4)
    for step in range(200):
        key = jax.random.key(step)
        made = made.pulse(rng.integers(-1, 2, 5).astype(float), np.ones(7, bool), key)
        if step % 10 == 9:
            made = made.refresh(key=key)
    low, high = np.asarray(made.cells.stuck_low), np.asarray(made.cells.stuck_high)
    assert 6 < low.sum() < 23
    assert (np.asarray(made.g)[low] == 0).all()
    assert (np.asarray(made.g)[high] == 1).all()
    half_stuck = (low | high).any(axis=0) & ~(low | high).all(axis=0)
    assert np.asarray(made.refreshes)[half_stuck].sum() > 0


def test_cycle_to_cycle_noise_has_its_size():
    make = eqx.filter_jit(lambda key: array("bi", DeviceModel(100), (100, 100), key, variation=Variation(c2c=0.02)))
    made = make(KEY)
    after = made.pulse(np.ones(100), np.ones(100, bool), KEY)
    noise = np.asarray(after.g) - np.asarray(made.g) - np.array([0.01, -0.01])[:, None, None]
    assert noise.std() == pytest.approx(0.02, rel=0.03)  # 20,000 draws: 6 standard errors
    assert abs(noise.mean()) < 0.02 * 5 / np.sqrt(noise.size)
    step = eqx.filter_jit(lambda cells, g: cells.step(g, "ltp", jnp.full(g.shape, 9), KEY))
    many = np.asarray(step(made.cells, made.g)) - np.asarray(made.g) - 0.09
    assert many.std() == pytest.approx(0.06, rel=0.03)


def test_read_noise_equals_noise_on_every_conductance():
    made = array("uni", variation=Variation(read_noise=0.1), scale=2.0)
    x = np.linspace(0, 1, 7)

    @jax.jit
    @jax.vmap
    def drawn(key):
        return made.read(x, key), made.read_back(jnp.ones(5), key)

    reads, backward = map(np.asarray, drawn(jax.random.split(KEY, 4000)))
    rng = np.random.default_rng(5)
    g = np.asarray(made.g)[None] * (1 + 0.1 * rng.standard_normal((4000, *made.g.shape)))
    slow = 2 * np.einsum("skij,j,k->si", g, x, np.array([1, -1]))
    assert reads.mean(axis=0) == pytest.approx(slow.mean(axis=0), abs=0.01)
    assert reads.std(axis=0) == pytest.approx(slow.std(axis=0), rel=0.08)  # each sd is known to 1.1 %
    expected = 2 * 0.1 * np.sqrt((np.asarray(made.g) ** 2).sum(axis=(0, 1)))
    assert backward.std(axis=0) == pytest.approx(expected, rel=0.08)


def test_spread_is_drawn_as_described():
    spread = Variation(d2d_step=0.2, d2d_nl=0.3, d2d_range=2.0)
    cells = eqx.filter_jit(lambda key: array("uni", shape=(100, 100), key=key, variation=spread).cells)(KEY)
    assert np.asarray(cells.v_ltp).std() == pytest.approx(0.2, rel=0.03)
    correlation = np.corrcoef(np.asarray(cells.v_ltp).ravel(), np.asarray(cells.v_ltd).ravel())[0, 1]
    assert abs(correlation) < 0.03  # 4 standard errors
    assert np.log(np.asarray(cells.b_factor)).std() == pytest.approx(0.3, rel=0.03)
    assert np.asarray(cells.reach).min() == 0


def test_reference_update():
    sizes = (4, 3, 2)
    device = DeviceModel(32, b_ltp=2.0)
    x = 0.5 + 0.5 * np.cos(1.3 * np.arange(4))
    weights = [0.3 * np.sin(start + 0.7 * np.arange(a * b)).reshape(b, a) for start, a, b in ((1, 4, 3), (6, 3, 2))]

    @eqx.filter_jit
    def one_sample():
        layers = tuple(
            Crossbar(n_in, n_out, device, key=KEY, weights=W)
            for n_in, n_out, W in zip(sizes, sizes[1:], weights, strict=False)
        )
        done = passes(layers, jnp.asarray(x), jnp.asarray(0), bias=False)
        gates = [
            gate(error, line, jnp.asarray(theta), jnp.asarray(0.1))
            for line, error, theta in zip(done.inputs, done.errors, (0.02, 0.1), strict=True)
        ]
        return layers, done, gates, [layer.read(line) for layer, line in zip(layers, done.inputs, strict=True)]

    layers, done, gates, reads = one_sample()
    assert np.asarray(reads[0]) == pytest.approx([0.4571907374, -0.4037450811, 0.3036445333], abs=6e-11)
    assert np.asarray(reads[1]) == pytest.approx([0.0435424868, 0.1261816233], abs=6e-11)
    assert np.asarray(done.errors[1]) == pytest.approx([0.4793519654 - 1, 0.5206480346], abs=6e-11)
    assert np.asarray(done.errors[0]) == pytest.approx([0.1951345061, 0, -0.1521113661], abs=6e-11)
    changes = []
    for layer, on in zip(layers, gates, strict=True):
        g, after = np.asarray(layer.g), np.asarray(layer.pulse(on.T, on.X).g)
        changes.append((after - g)[0] - (after - g)[1])
    first = [
        [-0.0700698618, -0.0700698618, 0, -0.0700698618],
        [0, 0, 0, 0],
        [0.0644072607, 0.0546122567, 0, 0.0580196792],
    ]
    second = [[0.0700698618, 0, 0.0537348705], [-0.0700698618, 0, -0.0687039089]]
    assert changes[0] == pytest.approx(np.array(first), abs=6e-11)
    assert changes[1] == pytest.approx(np.array(second), abs=6e-11)


def test_rows_are_visited_only_where_the_gate_is_open():
    made = array("uni")
    closed = Gate(jnp.asarray(np.zeros(5)), jnp.asarray(np.ones(7, bool)))
    g, counts = jax.jit(lambda state: pulse_rows(*state, made.laws(), "uni", closed, None))(made.state)
    assert (np.asarray(g) == np.asarray(made.state[0])).all()
    assert not np.asarray(counts).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: array("one"), "scheme must be one of uni, uni_ltd, bi, ref; got 'one'"),
        (lambda: array(scale=0.0), "scale must be in"),
        (lambda: array(shape=(0, 2)), "n_out must be a whole number of at least 1"),
        (lambda: array(weights=np.zeros((7, 5))), r"weights must have shape \(n_out=5, n_in=7\), got \(7, 5\)"),
        (lambda: array("bi").refresh(), "scheme bi has no refresh"),
        (
            lambda: array().pulse(np.ones(4), np.ones(7, bool)),
            r"T must hold 5 numbers of -1, 0, 1: .*; got shape \(4,\)",
        ),
        (lambda: array().pulse(np.array([1, np.nan, 0, 0, 0]), np.ones(7)), "T must hold 5 numbers .*; got .*nan"),
        (lambda: array().pulse(np.array([0.3, 0, 0, 0, 0]), np.ones(7)), "np.sign makes it of errors; got .*0.3"),
        (lambda: array().pulse(np.ones(5), np.ones(6, bool)), "X must hold 7 numbers of 0, 1"),
        (lambda: array().pulse(np.ones(5), np.full(7, np.nan)), "X must hold 7 numbers of 0, 1"),
        (lambda: array().read(np.ones(6)), "x must hold one input for each of the 7 lines"),
        (lambda: array(variation=Variation(c2c=0.1)).pulse(np.ones(5), np.ones(7)), "key must be given"),
        (lambda: array(variation=Variation(c2c=0.1)).refresh(), "key must be given"),
        (lambda: array().refresh(1.5), r"g_sat must be in \[0, 1\]"),
        (lambda: Variation(c2c=-0.1), "c2c must be a finite number of at least 0"),
        (lambda: Variation(d2d_step=np.nan), "d2d_step must be a finite number"),
        (lambda: Variation(stuck_low=0.7, stuck_high=0.4), r"stuck_low \+ stuck_high must be at most 1"),
        (
            lambda: array(device=DeviceModel.from_table([0, 1, 3], [3, 1, 0]), variation=Variation(d2d_nl=0.1)),
            "d2d_nl needs a device of the exponential law",
        ),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
