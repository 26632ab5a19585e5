"""Rates and their spikes: means with dead time, intensities, and input that is refused."""

import jax
import numpy as np
import pytest

from symplast.sym_stdp import SymSTDPConfig, even_ink, poisson_spikes
from symplast.sym_stdp.encoding import check_labels, draw, input_rates

CONFIG = SymSTDPConfig()


def test_mean_rate_with_dead_time():
    spikes = np.asarray(poisson_spikes(jax.random.key(0), np.full(1000, 63.75), 350.0, 0.5))
    rate = spikes.sum() / 1000 / 0.35
    assert rate == pytest.approx(61.78, abs=4 * np.sqrt(61.78 / 350))
    assert not (spikes[1:] & spikes[:-1]).any()


def test_teacher_and_image_of_a_presentation():
    drawn = [draw(np.random.default_rng(i), np.full(30, 63.75), 2, CONFIG, n_classes=10, label=7) for i in range(200)]
    taught = np.array([d.taught for d in drawn])
    assert taught.shape == (200, 1000, 10)
    assert taught[:, :, 7].sum() / 200 == pytest.approx(63.6, abs=4 * np.sqrt(63.6 / 200))
    assert taught.sum() == taught[:, :, 7].sum()
    assert not taught[:, 700:].any()
    inputs = np.array([(d.units < 30).sum() for d in drawn])
    assert inputs.mean() == pytest.approx(30 * 0.35 * 61.78, abs=4 * np.sqrt(30 * 0.35 * 61.78 / 200))


def test_intensity_and_its_cap():
    def count(rate, q):
        return (draw(np.random.default_rng(0), np.full(50, rate), q, CONFIG).units < 50).sum() / 50

    assert count(100.0, 4) / count(100.0, 2) == pytest.approx(2 * 1.05 / 1.1, rel=0.05)
    assert count(1500.0, 32) == 350  # every other step


def test_pixels_and_rates():
    pixels = np.array([[0, 128, 255]], np.uint8)
    assert input_rates(pixels, 3, 0.5).tolist() == [[0.0, 32.0, 63.75]]
    assert input_rates(pixels.astype(np.float32), 3, 0.5).tolist() == [[0.0, 128.0, 255.0]]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((2, 4)), r"X must be \(n, n_inputs=3\), got shape \(2, 4\)"),
        (np.zeros(3), r"X must be \(n, n_inputs=3\)"),
        (np.ma.masked_array(np.zeros((2, 3)), False), "X must not be a masked array"),
        (np.zeros((2, 3), int), "X must be uint8 .* got int64"),
        (np.full((1, 3), -1.0), "rates of at least 0"),
        (np.full((1, 3), np.nan), "NaN"),
        (np.full((1, 3), 2001.0), "at most 1000 / dt_ms = 2000 Hz"),
    ],
)
def test_wrong_images(X, message):
    with pytest.raises(ValueError, match=message):
        input_rates(X, 3, 0.5)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 10], r"y must lie in \[0, 9\], got 0 to 10"),
        ([-1, 2], r"y must lie in \[0, 9\], got -1 to 2"),
        ([0.5, 1], "y must hold whole class numbers"),
        (["a", "b"], "y must hold whole class numbers"),
        ([1], r"y must be \(2,\)"),
    ],
)
def test_wrong_labels(y, message):
    with pytest.raises(ValueError, match=message):
        check_labels(y, 2, 10)


def test_even_ink():
    images = np.zeros((2, 2, 2), np.uint8)
    images[0] = [[4, 8], [12, 240]]
    wanted = np.round(images[0] * (30 / images[0].mean()))
    assert even_ink(images)[0].tolist() == np.minimum(wanted, 255).tolist()
    with pytest.raises(ValueError, match="images must be uint8"):
        even_ink(np.zeros((2, 2)))
