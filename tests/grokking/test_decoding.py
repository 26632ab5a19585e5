"""Decoding: exact inverses, invariants, the authors' networks, and input from anywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from symplast.grokking import decode, decode_net, frequency_census, ipr, phase_misalignment, phase_order, spectrum
from symplast.grokking.decoding import wrap

MATRICES = st.integers(1, 6).flatmap(
    lambda k: arrays(np.float64, st.tuples(st.integers(1, 5), st.just(2 * k + 1)), elements=st.floats(-10, 10))
)


@settings(max_examples=50, deadline=None)
@given(rows=MATRICES)
def test_a_spectrum_gives_its_row_back(rows):
    found, p = spectrum(rows), rows.shape[1]
    angle = 2 * np.pi * np.arange(1, (p + 1) // 2)[:, None] * np.arange(p) / p
    waves = found.amplitude[:, :, None] * np.cos(angle + found.phase[:, :, None])
    np.testing.assert_allclose(found.dc[:, None] + waves.sum(axis=1), rows, atol=1e-12)
    direct = 2 / p * (rows @ np.cos(angle).T)
    np.testing.assert_allclose(found.amplitude * np.cos(found.phase), direct, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(rows=MATRICES, size=st.floats(0.01, 100), shift=st.floats(-5, 5))
def test_ipr_is_bounded_and_sees_neither_size_nor_mean(rows, size, shift):
    found = ipr(rows)
    K = (rows.shape[1] - 1) // 2
    real = spectrum(rows).amplitude.max(axis=1) > 1e-3
    assert (found[real] <= 1 + 1e-12).all()
    assert (found[real] >= 1 / K - 1e-12).all()
    np.testing.assert_allclose(ipr(size * rows + shift)[real], found[real], rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(angle=st.floats(-50, 50))
def test_wrapped_angles(angle):
    found = float(wrap(angle))
    assert -np.pi < found <= np.pi
    assert np.cos(found) == pytest.approx(np.cos(angle), abs=1e-9)


def test_a_shift_of_the_numbers_turns_phases_and_keeps_the_lock(small_run):
    net = small_run.net
    moved = decode(np.roll(net.theta, 2, axis=1), np.roll(net.xi, 4, axis=1))
    np.testing.assert_allclose(np.cos(moved.misalignment), np.cos(small_run.decoded.misalignment), atol=1e-5)
    assert moved.ipr_in == pytest.approx(small_run.decoded.ipr_in)


@pytest.mark.parametrize(
    ("place", "inner", "outer", "sin"),
    [("relu_adamw/final", 0.6912, 0.7505, 0.0846), ("quad_sgd/final", 0.3677, 0.3004, 0.0854),
     ("relu_grok/final", 0.8013, 0.8987, 0.0449)],
)  # fmt: skip
def test_the_authors_networks(checkpoints, place, inner, outer, sin):
    found = decode_net(checkpoints[place])
    assert [found.ipr_in, found.ipr_out] == pytest.approx([inner, outer], abs=5e-5)
    assert phase_misalignment(found).sin == pytest.approx(sin, abs=5e-5)


def test_the_authors_counts(checkpoints):
    adamw, grok = (frequency_census(decode_net(checkpoints[f"{run}/final"])) for run in ("relu_adamw", "relu_grok"))
    assert adamw.counts.tolist() == [43, 42, 54, 43, 35, 59, 55, 41, 46, 53, 41]
    assert grok.counts.tolist() == [48, 46, 52, 47, 39, 45, 48, 49, 50, 49, 39]
    assert adamw.cv == pytest.approx(0.154, abs=5e-4)
    assert adamw.null_cv == pytest.approx(0.140, abs=5e-4)
    assert decode_net(checkpoints["relu_adamw/0"]).ipr_in == pytest.approx(0.1685, abs=5e-5)


def test_shares_of_energy(checkpoints):
    shares = [decode_net(checkpoints[f"{run}/final"]).energy_share for run in ("relu_adamw", "quad_sgd")]
    assert shares == pytest.approx([0.82, 0.939], abs=5e-3)
    assert decode_net(checkpoints["quad_sgd/final"]).share.mean() == pytest.approx(0.509, abs=1e-3)


def test_phase_order_of_the_authors_networks(checkpoints):
    found = phase_order(decode_net(checkpoints["relu_adamw/final"]), jax.random.key(0), quadratic=False).mean_ratio
    assert list(found.values()) == pytest.approx([0.53, 0.49, 0.25, 0.46, 0.86], abs=0.02)


def test_phase_order_of_random_phases_is_chance():
    rng = np.random.default_rng(0)
    phi, psi = rng.uniform(0, 2 * np.pi, (2, 600, 1))
    angle = 2 * np.pi * rng.integers(1, 4, (600, 1)) * np.arange(7) / 7
    found = phase_order(decode(np.cos(angle + phi), np.cos(angle + psi)), jax.random.key(1))
    assert np.nanmean(found.ratio) == pytest.approx(1, abs=0.4)
    assert found.size.sum() == 600
    again = phase_order(decode(np.cos(angle + phi), np.cos(angle + psi)), jax.random.key(1))
    np.testing.assert_array_equal(found.ratio, again.ratio)


def test_rows_come_from_any_array():
    rows = np.random.default_rng(0).normal(size=(4, 5))
    wanted = decode(rows).alpha
    np.testing.assert_allclose(decode(rows.tolist()).alpha, wanted)
    np.testing.assert_allclose(decode(jnp.asarray(rows)).alpha, wanted, rtol=1e-5)
    np.testing.assert_allclose(decode(rows.astype(np.float16)).alpha, wanted, atol=1e-2)
    np.testing.assert_allclose(decode(np.round(10 * rows).astype(int)).alpha, decode(np.round(10 * rows)).alpha)


@pytest.mark.parametrize(
    ("theta", "xi", "message"),
    [
        (np.ones((3, 4)), None, "odd number p >= 3 of columns.*give its transpose"),
        (np.ones((2, 4)), None, "odd number p >= 3"),
        (np.ones(5), None, "must be a matrix"),
        (np.full((2, 5), np.nan), None, "theta must be finite, got 10"),
        (np.ones((2, 5)), np.ones((3, 5)), r"xi must have shape \(2, 5\)"),
        (np.ones((2, 5)) * 1j, None, "real numbers"),
        (np.ma.masked_array(np.ones((2, 5)), True), None, "masked"),
    ],
)
def test_wrong_weights(theta, xi, message):
    with pytest.raises(ValueError, match=message):
        decode(theta, xi)


def test_an_embedding_alone_has_no_phase_lock():
    found = decode(np.random.default_rng(0).normal(size=(6, 5)))
    assert 0.5 <= found.ipr_in <= 1
    for missing in ("winner", "misalignments", "ipr_out"):
        with pytest.raises(ValueError, match="xi must be given"):
            getattr(found, missing)


def test_a_neuron_without_any_frequency_is_no_number():
    found = decode(np.full((2, 13), 0.1))
    assert np.isnan(ipr(np.ones((1, 13)))).all()
    assert np.isnan(found.share).all()
    assert np.isnan([found.ipr_in, found.energy_share]).all()
    with pytest.raises(ValueError, match="theta must vary"):
        frequency_census(found)
    j = np.arange(13)
    mixed = decode([np.cos(4 * np.pi * j / 13), np.full(13, 0.1)], [np.cos(4 * np.pi * j / 13 + 0.5), np.ones(13)])
    assert frequency_census(mixed).counts.tolist() == [0, 1, 0, 0, 0, 0]
    assert phase_misalignment(mixed).sin == pytest.approx(np.sin(0.5))
