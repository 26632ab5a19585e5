"""Nothing reaches a compiled loop that does not fit it; weights of one's own go in by a public way."""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.sym_stdp import Parameters, SymSTDPClassifier, SymSTDPConfig, new_state, run, with_weights
from symplast.sym_stdp.state_checks import AXES, check_state

BACKENDS = ["jax", "numba"] if importlib.util.find_spec("numba") else ["jax"]
P, N, C = 24, 6, 3
CONFIG = SymSTDPConfig(sum_in=24.0, w_max_in=4.0, sum_out_per_cell=4.0, nu_out=0.2, image_ms=150.0, rest_ms=50.0)
PARAMS = Parameters.of(CONFIG)
SPIKES = np.random.default_rng(0).random((80, P)) < 0.2


def start():
    return new_state(CONFIG, P, N, C, jax.random.key(0))


def with_leaf(name, change):
    state = start()
    part = "plastic" if name in state.plastic._fields else "cells"
    held = getattr(state, part)
    return state._replace(**{part: held._replace(**{name: change(np.array(getattr(held, name)))})})


NAMES = [*start().plastic._fields, *start().cells._fields]
SHORTER = [name for name in NAMES if AXES.get(name, "N")]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", SHORTER)
def test_an_array_of_another_length_is_refused(backend, name):
    """Under Numba these ended the process, or read what lay behind the array."""
    for change in (lambda a: a[:-1], lambda a: np.concatenate([a, a]), lambda a: a.ravel()[:0]):
        with pytest.raises(ValueError, match=f"{name} must be"):
            run(PARAMS, with_leaf(name, change), SPIKES, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("w_in", lambda a: a[:, :4], r"w_in must be \(P=24, N=6\), got shape \(24, 4\)\. Start"),
        ("w_in", lambda a: np.ones(a.shape, int), "w_in must be float32 .*, got int64"),
        ("w_in", lambda a: a.astype(np.float16), "w_in must be float32 .*, got float16"),
        ("w_in", lambda a: a.astype(np.float64), "under one jax.enable_x64.*, got float64"),
        ("w_in", lambda a: np.where(a > 0.9 * a.max(), np.nan, a), "w_in must be finite, it holds NaN"),
        ("w_out", lambda a: np.full_like(a, np.inf), "w_out must be finite"),
        ("w_out", lambda a: -a, "w_out must be at least 0"),
        ("theta", lambda a: a * np.nan, "theta must be finite"),
        ("s_hid", lambda a: a.astype(int), "s_hid must be booleans, got int64"),
        ("guarded", lambda a: a * 1.0, "guarded must be a whole number, got float"),
        ("w_in", lambda a: a[0], r"w_in must be \(P=24, N=6\), got shape \(6,\)"),
    ],
)
def test_arrays_of_another_type_or_without_meaning_are_refused(backend, name, change, message):
    with pytest.raises(ValueError, match=message):
        run(PARAMS, with_leaf(name, change), SPIKES, backend=backend)


def test_all_that_is_wrong_is_said_at_once():
    state = with_leaf("theta", lambda a: a[:2])
    state = state._replace(cells=state.cells._replace(g_in=np.zeros(2, np.float32)))
    with pytest.raises(ValueError, match=r"theta must be .*; g_in must be .*with_weights"):
        check_state(state, np.float32)


@pytest.mark.skipif(len(BACKENDS) < 2, reason="Numba is not installed")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": np.full((5, 2), -1)}, "units must be .* from 0"),
        ({"units": np.zeros((5, 2))}, "units must be .* got float64"),
        ({"units": np.zeros(5, int)}, "units must be"),
        ({"taught": np.zeros((4, C), bool)}, r"taught must be \(steps=5, C=3\)"),
        ({"rest": -3}, "rest must be a whole number of at least 0"),
        ({"packed": np.zeros(27)}, "w_in must be float64"),
    ],
)
def test_the_event_loop_checks_its_own_door(change, message):
    from symplast.sym_stdp.event_loop import advance_numba

    given = {"units": np.full((5, 2), P), "taught": None, "learns": "both"} | change
    for in_place in (False, True):
        with pytest.raises(ValueError, match=message):
            advance_numba(PARAMS, jax.tree.map(np.array, start()), **given, in_place=in_place)


@pytest.mark.skipif(len(BACKENDS) < 2, reason="Numba is not installed")
def test_constants_are_numbers():
    from symplast.sym_stdp.event_loop import constants

    for wrong in (jnp.array(jnp.nan), jnp.zeros(2)):
        params = jax.tree.map(lambda leaf: leaf, PARAMS)
        object.__setattr__(params, "w_inh_exc", wrong)
        with pytest.raises(ValueError, match="one number a constant and no NaN"):
            constants(params, np.float32)


@pytest.mark.parametrize("backend", BACKENDS)
def test_whole_numbers_as_weights_learn_like_the_same_numbers_as_floats(backend):
    ones, theta = np.ones((P, N), int), np.full(N, 21, np.int8)
    teacher = SPIKES[:, :C]
    states = [with_weights(start(), w_in=w, theta=theta) for w in (ones, ones.astype(np.float64))]
    (a, fired), (b, _) = (run(PARAMS, state, SPIKES, teacher, backend=backend) for state in states)
    assert np.asarray(fired.hidden).any()
    w = np.asarray(a.plastic.w_in)
    assert w.dtype == np.float32
    assert ((w > 1) & (w % 1 > 0)).any()
    assert np.array_equal(w, np.asarray(b.plastic.w_in))


def test_own_weights_leave_the_state_that_they_came_from():
    state = start()
    before = np.array(state.plastic.w_in)
    other = with_weights(state, w_in=before[::-1], theta=np.full(N, 30.0))
    assert np.array_equal(state.plastic.w_in, before)
    assert np.array_equal(other.plastic.w_in, before[::-1])
    assert np.asarray(other.plastic.theta_rest).tolist() == [0] * N
    assert with_weights(state).plastic.w_in is state.plastic.w_in
    held = jax.tree.map(np.array, state)
    assert isinstance(with_weights(held, w_out=np.ones((N, C))).plastic.w_out, np.ndarray)
    with jax.enable_x64(True):
        assert with_weights(start(), w_in=np.ones((P, N), np.float32)).plastic.w_in.dtype == np.float64


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"w_in": np.ones((N, P))}, r"w_in must be \(P=24, N=6\), got shape \(6, 24\)"),
        ({"w_out": np.ones((N, C, 1))}, r"w_out must be \(N=6, C=3\), got shape \(6, 3, 1\)"),
        ({"w_in": np.full((P, N), np.nan)}, "w_in must be finite"),
        ({"w_in": np.full((P, N), 1e300)}, "w_in must be finite"),
        ({"w_in": -np.ones((P, N))}, "w_in must be at least 0"),
        ({"theta": 20.0}, r"theta must be \(N=6,\), got shape \(\)"),
        ({"w_in": np.full((P, N), "a")}, "w_in must hold numbers, got <U1"),
        ({"w_in": np.ones((P, N), bool)}, "w_in must hold numbers, got bool"),
        ({"w_in": np.ma.masked_array(np.ones((P, N)), True)}, "w_in must not be a masked array"),
    ],
)
def test_own_weights_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        with_weights(start(), **given)


@pytest.fixture
def net():
    return SymSTDPClassifier(P, N, C, CONFIG, jax.random.key(0))


PATTERNS = np.kron(np.eye(3), np.full((1, 8), 200.0))


def test_a_network_takes_own_weights_and_goes_on(net):
    net.partial_fit(PATTERNS, np.arange(3))
    assert (net.assignments() >= 0).any()
    net.set_weights(weights_out=np.ones((N, C)))
    assert (net.assignments() >= 0).any()
    net.set_weights(np.tile(np.eye(3), (8, 2)) + 0.1, theta=np.full(N, 22.0))
    assert (net.assignments() == -1).all()  # the responses were those of other weights
    assert net.weights_in[0] == pytest.approx(np.tile([1.1, 0.1, 0.1], 2))
    assert (net.weights_out.tolist(), net.theta.tolist()) == ([[1.0] * C] * N, [22.0] * N)
    before = net.weights_in
    with pytest.raises(ValueError, match=r"weights_in must be \(P=24, N=6\), got shape \(2, 2\)$"):
        net.set_weights(np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"^w_in must be|^theta must be finite"):
        net.set_weights(theta=np.full(N, np.nan))
    assert np.array_equal(net.weights_in, before)
    assert net.partial_fit(PATTERNS, np.arange(3)).samples == 6


def test_a_networks_state_is_its_own(net):
    """A state taken out stays as it was; one put in is not changed by what the network learns later."""
    other = SymSTDPClassifier(P, N, C, CONFIG, jax.random.key(1))
    taken = net.state
    w = np.array(taken.plastic.w_in)
    other.state = taken
    net.partial_fit(PATTERNS, np.arange(3))
    assert np.array_equal(taken.plastic.w_in, w)
    assert np.array_equal(other.weights_in, w)
    with pytest.raises(ValueError, match="read-only"):
        taken.plastic.w_in[0] = 0
    narrow = taken._replace(plastic=taken.plastic._replace(w_in=w[:, :4]))
    with pytest.raises(ValueError, match=r"w_in must be \(P=24, N=6\), got shape \(24, 4\)"):
        net.state = narrow


def test_a_network_stays_in_the_precision_that_it_was_made_in():
    with jax.enable_x64(True):
        double = SymSTDPClassifier(P, N, C, CONFIG, jax.random.key(0))
    single = SymSTDPClassifier(P, N, C, CONFIG, jax.random.key(0))
    double.partial_fit(PATTERNS, np.arange(3)).predict(PATTERNS)
    with jax.enable_x64(True):
        single.partial_fit(PATTERNS, np.arange(3)).predict(PATTERNS)
    assert (double.weights_in.dtype, single.weights_in.dtype) == (np.float64, np.float32)
