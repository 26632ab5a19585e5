"""Whitening: reference values, the closed form, partial frames, the leak online, streams, frames, errors."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.gain_control import FrameWhitener, frames
from symplast.gain_control.measuring import nonnegative_problems, random_covariance, steps_by_frame
from symplast.gain_control.signals import Signals, moments, open_signals, whiten_signals, write_whitened
from symplast.lab.jax_setup import CompileClock

A, B = [[2, 0.6], [0.6, 1]], [[1, -0.4], [-0.4, 2]]


def mercedes(leak=1.0, **options):
    return FrameWhitener(frames.mercedes(), leak, **options)


@pytest.mark.parametrize(
    ("covariance", "leak", "g"),
    [
        (A, 1.0, [0.40210794, -0.31572712, 0.27184938]),
        ([[0.3, 0.1], [0.1, 0.5]], 1.0, [-0.35904704, -0.29111438, -0.1055189]),
        ([[0.3, 0.1], [0.1, 0.5]], 0.2, [0.1742863, 0.24221896, 0.42781443]),
        ([[2, 0.5], [0.5, 1]], 1.0, [0.40593395, -0.25791195, 0.22805698]),
        ([[2, 0.5], [0.5, 1]], 0.3, [0.87260061, 0.20875472, 0.69472364]),
        (np.eye(2), 1.0, [0, 0, 0]),
    ],
)
def test_reference_values_of_the_closed_form(covariance, leak, g):
    whitener = mercedes(leak).closed_form(covariance)
    assert whitener.g == pytest.approx(g, abs=6e-9)
    assert whitener.covariance(covariance) == pytest.approx(np.eye(2), abs=1e-12)
    G2 = (whitener.frame.T @ whitener.frame) ** 2
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values)) @ vectors.T
    normal = np.linalg.solve(G2, np.diag(whitener.frame.T @ root @ whitener.frame) - leak)
    assert whitener.g == pytest.approx(normal, abs=1e-12)


def test_reference_values_of_offline_updates(float64):
    five = mercedes().fit(A, eta=0.05, steps=5)
    assert five.g == pytest.approx([0.83732723, 0.78240603, 0.82736121], abs=6e-9)
    assert five.errors == pytest.approx([0.296608, 0.2890643812, 0.2812736822, 0.2732412436, 0.2649747188], abs=6e-11)
    whole = mercedes().fit(A, eta=0.05, steps=500)
    assert whole.steps_to(1e-7) == 124
    assert mercedes().fit(A, steps=5).steps_to(1e-7) is None
    again = whole.fit(B).fit(A)
    assert again.g == pytest.approx(whole.g, abs=1e-12)


def test_the_leak_counts_online(float64):
    """The reference code leaves it out of the samples' responses, and ends at the gains of leak 1."""
    C = [[2, 0.5], [0.5, 1]]
    x = np.random.default_rng(0).multivariate_normal([0, 0], C, 150_000)
    whitener = mercedes(0.3).partial_fit(x, batch=64)
    assert whitener.g == pytest.approx([0.87260061, 0.20875472, 0.69472364], abs=0.06)
    assert np.cov(whitener.transform(x).T) == pytest.approx(np.eye(2), abs=0.05)


@given(n=st.integers(1, 7), seed=st.integers(0, 500), leak=st.floats(0.1, 2.0))
@settings(deadline=None, max_examples=40)
def test_generic_frames_whiten_anything(n, seed, leak):
    key = jax.random.key(seed)
    C = random_covariance(n, key, 0.1, 10)
    whitener = FrameWhitener(frames.random_unit(n, key=key), leak).closed_form(C)
    assert np.abs(whitener.covariance(C) - np.eye(n)).max() < 1e-9
    assert whitener.flag == ""


def test_few_interneurons_whiten_in_part(float64):
    W = frames.random_unit(4, 3, key=jax.random.key(0))
    C = random_covariance(4, jax.random.key(1), 1.0, 4.0)
    whitener = FrameWhitener(W).fit(C, steps=3000)
    assert whitener.flag == "partial"
    assert np.diag(W.T @ whitener.covariance(C) @ W) == pytest.approx(1, abs=1e-8)
    assert np.abs(whitener.covariance(C) - np.eye(4)).max() > 0.01
    with pytest.raises(ValueError, match="3 interneurons can't whiten this covariance exactly"):
        whitener.closed_form(C)


def test_gains_that_cannot_be_negative(float64):
    found = nonnegative_problems((2, 3), 6, jax.random.key(0), 4000)
    assert (found["trace"] <= 1 + 1e-9).all()
    assert (found["eigenvalue"] <= 1 + 1e-9).all()
    assert (found["above"] < 1e-6).all()
    assert (found["off"] < 1e-6).all()
    whitener = mercedes(nonneg=True).fit(A, steps=4000)
    assert whitener.g.min() == 0
    with pytest.raises(ValueError, match="nonneg: whitening exactly needs a gain of"):
        whitener.closed_form(A)


def test_updates_are_those_written_out(float64):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 3))
    W = frames.random_unit(3, key=jax.random.key(2))
    whitener = FrameWhitener(W, 0.7, g0=0.5)
    g = np.full(6, 0.5)
    for part in (x[:64], x[64:128], x[128:]):
        y = part @ np.linalg.inv(0.7 * np.eye(3) + W @ np.diag(g) @ W.T)
        g = g + 5e-3 * (((y @ W) ** 2).mean(axis=0) - 1)
    assert whitener.partial_fit(x, batch=64).g == pytest.approx(g, abs=1e-12)
    stream = whitener
    for part in (x[:64], x[64:128], x[128:]):
        stream = stream.partial_fit(part)
    assert stream.g == pytest.approx(g, abs=1e-12)
    assert whitener.g.tolist() == [0.5] * 6  # a new object each time
    with CompileClock() as clock:
        FrameWhitener(W, 1.3, nonneg=True).partial_fit(x[:128], batch=64, eta=0.01)
    with CompileClock() as second:
        FrameWhitener(W, 0.3).partial_fit(x[:128], batch=64, eta=0.02)
    assert clock.count <= 1
    assert second.count == 0


def test_float32_is_close():
    single = mercedes().fit(A)
    assert np.asarray(single.errors).dtype == np.float32
    assert single.g == pytest.approx([0.40210794, -0.31572712, 0.27184938], abs=1e-5)
    assert mercedes().transform(np.zeros((2, 2), np.float32)).dtype == np.float32


def test_frames():
    assert frames.coherence(frames.mercedes()) == pytest.approx(0.5)
    for n, bound in ((2, 0.5), (3, 0.4472), (5, 0.42), (8, 0.45)):
        W = frames.grassmannian(n, key=jax.random.key(1))
        assert np.linalg.norm(W, axis=0) == pytest.approx(1)
        assert frames.coherence(W) <= bound + 5e-3
        assert frames.coherence(W) >= np.sqrt((n - 1) / 2 / (n * (n + 1) / 2 - 1)) - 1e-9  # Welch
    assert frames.coherence(frames.grassmannian(4, 3, key=jax.random.key(0))) == pytest.approx(0, abs=1e-12)
    conv = frames.conv2d(3, 4, (2, 2))
    assert np.linalg.norm(conv, axis=0) == pytest.approx(1)
    assert conv.shape == (12, 12 + 17 + 12)  # pixels, neighbours in a row or a column, diagonals
    assert FrameWhitener(frames.conv2d(2, 2, (2, 2))).flag == ""


def test_less_coherent_frames_are_faster(float64):
    steps = steps_by_frame(3, 8, jax.random.key(0), 0.05, 1000, 0.01)
    assert np.log(steps[0] / steps[1]).mean() > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mercedes().fit([[1, 0.5], [0.2, 1]]), "Cxx must be symmetric"),
        (lambda: mercedes().fit([[1, 2], [2, 1]]), "positive semidefinite, its smallest eigenvalue is -1"),
        (lambda: mercedes().fit(np.eye(3)), r"Cxx must have shape \(2, 2\), got \(3, 3\)"),
        (lambda: mercedes().closed_form([[1, 1], [1, 1]]), "positive definite"),
        (lambda: mercedes().fit(A, eta=50.0), "too large for these inputs"),
        (lambda: mercedes().fit(A, steps=0), "steps must be"),
        (lambda: mercedes(0.0), "leak must be"),
        (lambda: FrameWhitener([[0.0, 1.0]]), "column of zeros"),
        (lambda: mercedes(g0=[1.0, 2.0]), r"g0 must have shape \(3,\)"),
        (lambda: mercedes(nonneg=True, g0=-1.0), "g0 must be at least 0"),
        (lambda: mercedes().partial_fit(np.ones((4, 3))), "x must have 2 columns"),
        (lambda: mercedes().partial_fit([[np.nan, 0.0]]), "x must be finite"),
        (lambda: mercedes().transform([1.0, 2.0]), r"x must have shape \(samples, neurons\)"),
        (lambda: frames.random_unit(0, key=jax.random.key(0)), "n must be"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_columns_are_normalised_with_a_warning():
    with pytest.warns(UserWarning, match="made unit vectors"):
        whitener = FrameWhitener(2 * frames.mercedes())
    assert whitener.frame == pytest.approx(frames.mercedes())


@pytest.mark.parametrize("how", ["online", "offline", "closed"])
def test_signals_of_a_file_in_chunks(tmp_path, monkeypatch, how):
    monkeypatch.setattr("symplast.gain_control.signals.CHUNK", 700)
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(6000, 3)) @ rng.normal(size=(3, 3)) * 1e-4 + 5).astype(np.float32)
    np.save(tmp_path / "x.npy", X)
    signals = open_signals(tmp_path / "x.npy")
    assert isinstance(signals.values, np.memmap)
    mean, covariance = moments(signals)
    assert mean == pytest.approx(X.astype(float).mean(axis=0))
    assert covariance == pytest.approx(np.cov(X.astype(float).T, bias=True), rel=1e-9)
    start = FrameWhitener(frames.grassmannian(3, key=jax.random.key(0)))
    found = whiten_signals(signals, start, how, epochs=5)
    assert found.after < 0.05 * found.before
    write_whitened(signals, found, tmp_path / "y.npy")
    Y = np.load(tmp_path / "y.npy")
    assert Y.dtype == np.float32
    assert Y.shape == X.shape
    assert np.cov(Y.T, bias=True) == pytest.approx(found.covariance, abs=2e-3)


def test_wrong_signals(tmp_path):
    X = np.ones((10, 2))
    X[7, 1] = np.nan
    with pytest.raises(ValueError, match="row 8 of channel b is nan"):
        moments(Signals(X, ("a", "b")))
    with pytest.raises(ValueError, match="all channels are constant"):
        whiten_signals(Signals(np.ones((10, 2)), ("a", "b")), mercedes())
    with pytest.raises(ValueError, match="a row for each of the 3 channels"):
        whiten_signals(Signals(np.ones((10, 3)), ("a", "b", "c")), mercedes())
    with pytest.raises(ValueError, match="how must be"):
        whiten_signals(Signals(np.random.default_rng(0).normal(size=(9, 2)), ("a", "b")), mercedes(), "fast")
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="can't be read"):
        open_signals(tmp_path / "bad.npy")
    np.save(tmp_path / "text.npy", np.array([["a", "b"]]))
    with pytest.raises(ValueError, match="must hold real numbers"):
        open_signals(tmp_path / "text.npy")
    with pytest.raises(FileNotFoundError):
        open_signals(tmp_path / "none.npy")
