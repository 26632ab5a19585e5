"""Taps, enlargement, matches and the merged map."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.visual_search import enlarge, gaussian_taps, match_map, merge
from symplast.visual_search.attention import blur_matrix, check_dog, sharpen


@pytest.mark.parametrize(
    ("taps", "sigma", "first"),
    [
        (3, 1, [0.274069, 0.451863, 0.274069]),
        (5, 1, [0.054489, 0.244201, 0.402620]),
        (5, 3, [0.178203, 0.210522, 0.222549]),
        (7, 5, [0.128956, 0.142518, 0.151331, 0.154388]),
    ],
)
def test_taps(taps, sigma, first):
    found = gaussian_taps(taps, sigma)
    np.testing.assert_allclose(found[: len(first)], first, atol=5e-7)
    assert found.sum() == pytest.approx(1)
    assert gaussian_taps(3, 0).tolist() == [0.25, 0.5, 0.25]


@pytest.mark.parametrize(("taps", "sigma"), [(4, 1), (0, 1), (5, 0), (5, -1)])
def test_wrong_taps(taps, sigma):
    with pytest.raises(ValueError, match=r"taps must be odd|sigma must be above 0"):
        gaussian_taps(taps, sigma)


def test_borders_mirror_without_repeating_the_edge():
    x = np.random.default_rng(0).standard_normal(9)
    padded = np.pad(x, 3, mode="reflect")
    np.testing.assert_allclose(
        blur_matrix(9, 7, 5.0) @ x, np.convolve(padded, gaussian_taps(7, 5), "valid"), atol=1e-12
    )


def test_enlarging_22_to_352_repeats_each_value():
    x = np.random.default_rng(0).standard_normal((22, 22)).astype(np.float32)
    assert (np.asarray(enlarge(jnp.asarray(x), 352, 352)) == x.repeat(16, 0).repeat(16, 1)).all()


def test_enlarging_interpolates_where_a_pixel_is_cut():
    # 3 -> 5: s = 0.6; f = (d + 1) - (i + 1) / s
    found = np.asarray(enlarge(jnp.array([[0.0, 1.0, 2.0]]), 1, 5))[0]
    np.testing.assert_allclose(found, [0, 1 / 3, 1, 1 + 2 / 3, 2], atol=1e-6)


def test_sharpening_keeps_a_constant():
    np.testing.assert_allclose(sharpen(jnp.full((30, 30), 2.0), ((5, 3), (7, 5))), 2, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 3), (2, 3)])
@pytest.mark.parametrize("match", ["dot", "cosine"])
def test_match_against_a_loop(shape, match):
    draw = np.random.default_rng(1)
    S, T = (np.abs(draw.standard_normal(s)).astype(np.float32) for s in ((6, 7, 3), (*shape, 3)))
    h, w = shape
    padded = np.pad(S, ((h, h), (w, w), (0, 0)))
    expected = np.zeros((6, 7))
    for y in range(6):
        for x in range(7):
            top, left = y + h - (h - 1) // 2, x + w - (w - 1) // 2
            box = padded[top : top + h, left : left + w]
            expected[y, x] = (box * T).sum()
            if match == "cosine":
                expected[y, x] /= np.linalg.norm(box) * np.linalg.norm(T) + 1e-6
    np.testing.assert_allclose(match_map(jnp.asarray(S), jnp.asarray(T), match), expected, rtol=1e-4)


def test_constant_levels_count_for_nothing():
    peak = jnp.zeros((11, 11)).at[3, 4].set(5.0)
    dog = ((3, 0), (5, 1))
    alone, both = merge([peak], "max", dog), merge([peak, jnp.zeros((11, 11))], "max", dog)
    np.testing.assert_allclose(alone, both, atol=1e-6)
    assert float(jnp.abs(merge([jnp.zeros((11, 11))] * 2, "max", dog)).max()) == 0


def test_level_weights():
    a, b = jnp.zeros((9, 9)).at[1, 1].set(3.0), jnp.zeros((9, 9)).at[7, 7].set(1.0)
    strong = merge([a, b], "max", ((3, 0), (5, 1)))
    equal = merge([a, b], "equal", ((3, 0), (5, 1)))
    assert strong[1, 1] > 2 * strong[7, 7]
    assert float(equal[1, 1]) == pytest.approx(float(equal[7, 7]), rel=1e-5)


@pytest.mark.parametrize("dog", [3, ((3, 1),), ((4, 1), (5, 1)), ((3, 1), (5, 0)), ((3, 1), (21, 1))])
def test_wrong_dog(dog):
    with pytest.raises(ValueError, match=r"dog must|taps must|sigma must"):
        check_dog(dog, 10)


def test_float64():
    with jax.enable_x64(True):
        A = merge([jnp.ones((9, 9), jnp.float32).at[2, 2].set(2)], "max", ((3, 1), (5, 3)))
        assert A.dtype == np.float64
